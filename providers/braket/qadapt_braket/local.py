"""Local simulators: the state-vector and density-matrix simulators that come with Braket's SDK, both ideal."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import ProviderError
from qadapt.exact import EXACT, ExactBackend, by_component
from qadapt.provider import Work, check_row
from qadapt.simulate.components import Component, merge, split
from qadapt.target import Target
from qadapt_braket import readback
from qadapt_braket.errors import translate
from qadapt_braket.lower import NATIVE, Lowered, lower, rows_of_inputs
from qadapt_braket.read import outcomes, values

if TYPE_CHECKING:
    from braket.devices import LocalSimulator

Floats: TypeAlias = NDArray[np.float64]

NUM_QUBITS = 1024
"""Qubits of every target. Components are simulated one by one, so only connected qubits cost memory."""

SIMULATORS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"local": ("braket_sv", 26), "local-dm": ("braket_dm", 13)}
)
"""By target: Braket's name of the simulator, and the most connected qubits, which is the size that Braket declares."""


def target(name: str) -> Target:
    """Target of a simulator."""
    return Target(
        name=name, num_qubits=NUM_QUBITS, native=tuple(NATIVE), source=f"LocalSimulator({SIMULATORS[name][0]!r})"
    )


class SimulatorBackend(ExactBackend):
    """Exact probabilities by a local simulator for every row, then counts by the common sampler.

    Braket's own sampling cannot be seeded, so tasks ask for zero shots and for probabilities.
    """

    packages = ("qadapt", "qadapt-braket", "amazon-braket-sdk", "amazon-braket-default-simulator")

    def __init__(self, name: str, target: Target, engine: str, connected: int) -> None:
        from braket.devices import LocalSimulator

        super().__init__(name, target, EXACT)
        self.connected = connected
        self._device: LocalSimulator = LocalSimulator(engine)

    def translate(self, error: Exception) -> ProviderError:
        """Put a vendor's exception into our tree."""
        return translate(error, provider=self.name)

    @property
    def labels(self) -> Sequence[int]:
        """Braket's label of each qubit of the target."""
        return range(self.target.num_qubits)

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from the programs and inputs that the simulator is handed."""
        check_row(work, row, self.target, self.capabilities)
        parts = []
        for component in split(work.circuit, work.circuit.measured):
            if component.reads:
                made = self.program(component)
                inputs = rows_of_inputs(made, work.bindings)
                values = inputs[row if made.angles else 0]
                parts.append(readback.component(made.program.source, values, component, self.labels))
        return merge(parts, work.circuit.num_qubits)

    def program(self, component: Component) -> Lowered:
        """Program of a component, with the probabilities of each read in ascending order of the component's qubits."""
        return lower(component)

    def probabilities(self, work: Work) -> list[Floats]:
        """Exact distribution ``[rows, 2**bits]`` of each register of a checked work, outcomes as in ``Counts``."""
        # The density-matrix simulator advises against itself in every run without noise. The filter is set, not scoped:
        # this runs on a thread, and leaving a scope would put back the filters of the whole process.
        warnings.filterwarnings("ignore", message="You are running a noise-free circuit", category=UserWarning)
        return by_component(work, lambda component: self._tables(component, work.bindings))

    def _tables(self, component: Component, bindings: Bindings) -> list[Floats]:
        """Distribution of each read of one component, ``[rows, 2**bits]``; equal rows are run once."""
        lowered = self.program(component)
        widths = [len(read.bits) for read in component.reads]
        rows = [tuple(row.items()) for row in rows_of_inputs(lowered, bindings)]
        distinct = {row: number for number, row in enumerate(dict.fromkeys(rows))}
        answers = [
            values(self._device.run(lowered.program, shots=0, inputs=dict(row)).result(), widths, provider=self.name)
            for row in distinct
        ]
        orders = [[component.qubits[qubit] for qubit in read.qubits] for read in component.reads]
        tables = [outcomes(table, order) for table, order in zip(zip(*answers, strict=True), orders, strict=True)]
        places = [distinct[row] for row in rows]
        return [np.broadcast_to(table[places], (bindings.rows, table.shape[1])) for table in tables]


class BraketBackend(SimulatorBackend):
    """An ideal local simulator, by name of its target."""

    def __init__(self, provider: str, name: str) -> None:
        super().__init__(f"{provider}:{name}", target(name), *SIMULATORS[name])
