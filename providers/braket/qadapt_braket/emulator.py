"""Emulator: a machine's native gates and couplings with the noise of Braket's own ``LocalEmulator``, on this computer.

The emulator's noise is depolarisation after every gate, of the calibrated fidelity, and a flip of each read bit; idle
qubits keep still. It samples without a seed, so it is asked for the noisy circuit only: of that, probabilities are
computed by Braket's density-matrix simulator for each connected part by itself, and counts drawn by the common sampler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qadapt.circuit import Parameter
from qadapt.simulate.components import Component
from qadapt_braket.local import SimulatorBackend
from qadapt_braket.lower import Lowered, build, gates_of, openqasm
from qadapt_braket.properties import Device

if TYPE_CHECKING:
    from braket.circuits import FreeParameter

PREFIX = "emulator/"
"""Prefix of the emulated targets."""

MAX_CONNECTED = 10
"""Connected qubits of a noisy part; a density matrix of 16 MiB, and seconds for a row."""


class EmulatorBackend(SimulatorBackend):
    """An emulated machine.

    Args:
        provider: Name of the provider.
        device: The machine.
    """

    def __init__(self, provider: str, device: Device) -> None:
        from braket.emulation.local_emulator import LocalEmulator

        name = PREFIX + device.target.name
        super().__init__(f"{provider}:{name}", device.target.renamed(name), "braket_dm", MAX_CONNECTED)
        self.device = device
        self._emulator = LocalEmulator.from_json(device.document)
        calibrated = device.target.calibrated
        date = f", {calibrated.date().isoformat()}" if calibrated else ""
        kind = "sample calibration" if device.target.sample else "calibration"
        self.noise = f"Braket LocalEmulator, {kind} of {device.target.name}{date}"

    @property
    def labels(self) -> Sequence[int]:
        """The machine's label of each qubit of the target."""
        return self.device.labels

    def program(self, component: Component) -> Lowered:
        """Noisy program of a component, as the emulator makes it, with probabilities in place of the measurements."""
        from braket.circuits import Circuit, ResultType
        from braket.circuits.compiler_directive import CompilerDirective
        from braket.circuits.measure import Measure

        labels = self.device.labels
        reads = [sorted(labels[component.qubits[qubit]] for qubit in read.qubits) for read in component.reads]
        inputs: dict[Parameter, FreeParameter] = {}
        box = build(gates_of(component, labels), inputs, as_rx=self.device.as_rx)
        read_all = [label for read in reads for label in read]
        if component.gates:
            noisy = self._emulator.transform(Circuit().add_verbatim_box(box).measure(read_all))
        else:  # the emulator wants gates, its noise model does not
            noisy = self._emulator.noise_model.apply(Circuit().measure(read_all))
        circuit = Circuit()
        for instruction in noisy.instructions:
            if not isinstance(instruction.operator, (CompilerDirective, Measure)):
                circuit.add_instruction(instruction)
        for read in reads:
            circuit.add_result_type(ResultType.Probability(read))
        return Lowered(circuit, openqasm(circuit), tuple(inputs))
