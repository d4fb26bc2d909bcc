"""Noise: a whole circuit under any of Cirq's noise models, cut into the parts that noise and gates leave independent.

A noise model looks at whole moments: a qubit that waits for others decays. So it is given the whole circuit, and what
comes out is cut afterwards, by all operations, those of the noise included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qadapt.simulate.components import Read
from qadapt_cirq.fuse import fused
from qadapt_cirq.lower import KEY, Lowered

if TYPE_CHECKING:
    import cirq


@dataclass(frozen=True)
class Part:
    """Qubits that nothing connects to the others, and all that happens to them before they are measured.

    Attributes:
        circuit: Symbolic gates, and constant gates and channels fused; without measurements.
        qubits: Cirq's qubits in the order of the state's axes.
        symbols: Numbers of the angles that occur, ascending.
        reads: Parts of registers that lie here, by register.
    """

    circuit: cirq.FrozenCircuit
    qubits: tuple[cirq.Qid, ...]
    symbols: tuple[int, ...]
    reads: tuple[Read, ...]


def noisy_parts(lowered: Lowered, registers: Sequence[Sequence[int]], model: cirq.NoiseModel) -> tuple[Part, ...]:
    """Put noise on a circuit that was lowered with its measurements, and cut it into its parts that are read.

    Args:
        lowered: The whole circuit.
        registers: Our qubits of each register.
        model: What adds the noise.

    Raises:
        ValueError: The model changes what is measured, or acts on qubits between their measurements.
    """
    import cirq

    operations = _before_measurement(lowered, registers, lowered.circuit.unfreeze().with_noise(model))
    measured = {lowered.qubits[qubit] for register in registers for qubit in register}
    home = _homes(measured, operations)
    gathered: dict[cirq.Qid, list[cirq.Operation]] = {home[qubit]: [] for qubit in home}
    for operation in operations:
        if operation.qubits:
            gathered[home[operation.qubits[0]]].append(operation)
    members: dict[cirq.Qid, list[cirq.Qid]] = {}
    for qubit in sorted(home):
        members.setdefault(home[qubit], []).append(qubit)
    parts = []
    for root, own in members.items():
        place = {qubit: number for number, qubit in enumerate(own)}
        reads = []
        for number, register in enumerate(registers):
            bits = tuple(bit for bit, qubit in enumerate(register) if lowered.qubits[qubit] in place)
            if bits:
                reads.append(Read(number, bits, tuple(place[lowered.qubits[register[bit]]] for bit in bits)))
        if reads:
            circuit = cirq.FrozenCircuit(fused(gathered[root]))
            symbols = sorted(int(name[1:]) for name in cirq.parameter_names(circuit))
            parts.append(Part(circuit, tuple(own), tuple(symbols), tuple(reads)))
    return tuple(parts)


def _before_measurement(
    lowered: Lowered, registers: Sequence[Sequence[int]], noisy: cirq.AbstractCircuit
) -> list[cirq.Operation]:
    """Operations that the outcomes can depend on: those before the measurements, which must be the ones we put there.

    A model may also act after a measurement (``Circuit.with_noise`` with one channel for all qubits does so); nothing
    sees that any more.
    """
    import cirq

    wanted = {
        KEY.format(number): tuple(lowered.qubits[qubit] for qubit in register)
        for number, register in enumerate(registers)
    }
    seen: dict[str, tuple[cirq.Qid, ...]] = {}
    done: set[cirq.Qid] = set()
    waiting = {qubit for qubits in wanted.values() for qubit in qubits}
    kept = []
    for operation in noisy.all_operations():
        if cirq.is_measurement(operation):
            gate = operation.gate
            key = cirq.measurement_key_name(operation, default=None)
            plain = isinstance(gate, cirq.MeasurementGate) and not gate.confusion_map and not any(gate.invert_mask)
            if not plain or key in seen or wanted.get(key) != operation.qubits:
                raise ValueError(f"the noise model changes the measurements: {operation!r}")
            seen[key] = operation.qubits
            done.update(operation.qubits)
        elif done.isdisjoint(operation.qubits):
            kept.append(operation)
        elif not (waiting - done).isdisjoint(operation.qubits):
            raise ValueError(f"the noise model acts on qubits between their measurements: {operation!r}")
    if seen != wanted:
        raise ValueError(f"the noise model takes measurements away: {sorted(wanted.keys() - seen.keys())}")
    return kept


def _homes(qubits: Iterable[cirq.Qid], operations: Iterable[cirq.Operation]) -> dict[cirq.Qid, cirq.Qid]:
    """One qubit that stands for its part, for every qubit that is measured or acted on."""
    root = {qubit: qubit for qubit in qubits}

    def find(qubit: cirq.Qid) -> cirq.Qid:
        root.setdefault(qubit, qubit)
        while root[qubit] != qubit:
            root[qubit] = qubit = root[root[qubit]]
        return qubit

    for operation in operations:
        for qubit in operation.qubits:
            root[find(qubit)] = find(operation.qubits[0])
    return {qubit: find(qubit) for qubit in root}
