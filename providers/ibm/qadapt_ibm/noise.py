"""Noise: Aer's noise model of a machine, for the places that a circuit uses.

``NoiseModel.from_backend`` makes an error for every gate on every qubit, seconds of work, and Aer reads all of them at
every run. Here the same two functions of Aer that it calls make the errors of the used places only, from the same
target, each place once. What is left out cannot act: errors of unused places, and relaxation during delays, which are
not native.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit.transpiler import Target
    from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError

Place = tuple[str, tuple[int, ...]]


class Noise:
    """Errors of one machine by place, made when they are first asked for."""

    def __init__(self, machine: Target) -> None:
        self._machine = machine
        self._gates: dict[Place, QuantumError | None] = {}
        self._readout: dict[int, ReadoutError | None] = {}

    def model(self, places: AbstractSet[Place], measured: AbstractSet[int]) -> NoiseModel:
        """Noise model with the errors of some gates on physical qubits and of some measured qubits."""
        from qiskit_aer.noise import NoiseModel

        self._make(places - self._gates.keys(), measured - self._readout.keys())
        # A model of no gates at all makes Aer print a warning of a page; with None it has some of Aer's own.
        model = NoiseModel(basis_gates=sorted({name for name, _ in places}) or None)
        for name, qubits in sorted(places):
            if (error := self._gates[name, qubits]) is not None:
                model.add_quantum_error(error, name, qubits)
        for qubit in sorted(measured):
            if (flips := self._readout[qubit]) is not None:
                model.add_readout_error(flips, [qubit])
        return model

    def _make(self, places: Iterable[Place], measured: Iterable[int]) -> None:
        from qiskit_aer.noise.device import basic_device_gate_errors, basic_device_readout_errors

        self._gates.update(dict.fromkeys(places))
        self._readout.update(dict.fromkeys(measured))
        part = self._part([*places, *(("measure", (qubit,)) for qubit in measured)])
        for name, qubits, error in basic_device_gate_errors(target=part):
            self._gates[name, tuple(qubits)] = error
        for (qubit,), flips in basic_device_readout_errors(target=part):
            self._readout[qubit] = flips

    def _part(self, places: Iterable[Place]) -> Target:
        """The machine's target with some places only."""
        from qiskit.transpiler import Target

        machine = self._machine
        part = Target(num_qubits=machine.num_qubits, dt=machine.dt, qubit_properties=machine.qubit_properties)
        chosen: dict[str, list[tuple[int, ...]]] = {}
        for name, qubits in places:
            chosen.setdefault(name, []).append(qubits)
        for name, all_qubits in chosen.items():
            properties = {qubits: machine[name][qubits] for qubits in all_qubits}
            part.add_instruction(machine.operation_from_name(name), properties, name=name)
        return part
