"""CirqBackend: Cirq's ideal simulators, exact probabilities for every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import ProviderError
from qadapt.exact import EXACT, ExactBackend, by_component
from qadapt.provider import Work, check_row
from qadapt.simulate.components import Component, merge, split
from qadapt.target import Target
from qadapt_cirq import readback
from qadapt_cirq.errors import translate
from qadapt_cirq.lower import NATIVE, Lowered, lower, resolvers
from qadapt_cirq.read import density_weights, outcomes, state_weights

Floats: TypeAlias = NDArray[np.float64]

NUM_QUBITS = 1024
"""Qubits of every ideal target. Components are simulated one by one, so only connected qubits cost memory."""

CAPABILITIES = EXACT.model_copy(update={"native_parameters": True})


@dataclass(frozen=True)
class Engine:
    """One of Cirq's simulators.

    Attributes:
        connected: Most connected qubits; both need a gibibyte for a state of this size.
        source: The vendor's name.
        weights: Big-endian probabilities of a lowered circuit, one array per row.
    """

    connected: int
    source: str
    weights: Callable[[Lowered, Bindings], Iterator[Floats]]


def _state_vectors(lowered: Lowered, bindings: Bindings) -> Iterator[Floats]:
    import cirq

    # A component is connected, so looking for untangled parts of it costs time and finds nothing.
    simulator = cirq.Simulator(dtype=np.complex128, split_untangled_states=False)
    sweep = simulator.simulate_sweep_iter(lowered.circuit, resolvers(lowered, bindings), qubit_order=lowered.qubits)
    return (state_weights(result.final_state_vector) for result in sweep)


def _density_matrices(lowered: Lowered, bindings: Bindings) -> Iterator[Floats]:
    import cirq

    simulator = cirq.DensityMatrixSimulator(dtype=np.complex128, split_untangled_states=False)
    sweep = simulator.simulate_sweep_iter(lowered.circuit, resolvers(lowered, bindings), qubit_order=lowered.qubits)
    return (density_weights(result.final_density_matrix) for result in sweep)


ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        "simulator": Engine(26, "cirq.Simulator", _state_vectors),
        "density-matrix": Engine(13, "cirq.DensityMatrixSimulator", _density_matrices),
    }
)


def target(name: str) -> Target:
    """Target of an ideal simulator."""
    return Target(name=name, num_qubits=NUM_QUBITS, native=NATIVE, source=ENGINES[name].source)


class CirqBackend(ExactBackend):
    """One of Cirq's simulators; exact probabilities for every row, then counts by the common sampler."""

    packages = ("qadapt", "qadapt-cirq", "cirq-core")

    def __init__(self, name: str, target: Target, engine: Engine) -> None:
        super().__init__(name, target, CAPABILITIES)
        self.connected = engine.connected
        self._engine = engine

    def translate(self, error: Exception) -> ProviderError:
        """Put a vendor's exception into our tree."""
        return translate(error, provider=self.name)

    def probabilities(self, work: Work) -> list[Floats]:
        """Exact distribution ``[rows, 2**bits]`` of each register of a checked work, outcomes as in ``Counts``."""
        return by_component(work, lambda component: self._tables(component, work.bindings))

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from the circuits and resolvers that the simulator is handed."""
        check_row(work, row, self.target, self.capabilities)
        parts = []
        for component in split(work.circuit, work.circuit.measured):
            if component.reads:
                made = lower(component)
                values = next(islice(resolvers(made, work.bindings), row if made.angles else 0, None))
                parts.append(readback.component(made.circuit, values, component))
        return merge(parts, work.circuit.num_qubits)

    def _tables(self, component: Component, bindings: Bindings) -> list[Floats]:
        """Distribution of each read of one component, ``[rows, 2**bits]``."""
        lowered = lower(component)
        rows = bindings.rows if lowered.angles else 1
        tables = [np.empty((rows, 2 ** len(read.bits))) for read in component.reads]
        for row, weights in enumerate(self._engine.weights(lowered, bindings)):
            for table, read in zip(tables, component.reads, strict=True):
                table[row] = outcomes(weights, read.qubits)
        return [np.broadcast_to(table, (bindings.rows, table.shape[1])) for table in tables]
