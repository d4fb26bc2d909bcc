"""Cases for tests of mitigation: packed Cayley blocks, and a backend whose cz turns too far."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qadapt.adapters.cayley.circuit import template
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, op
from qadapt.compile.choice import synthesise_for
from qadapt.exact import EXACT, ExactBackend
from qadapt.provider import Work
from qadapt.simulate import statevector
from qadapt.synthesis import synthesise_states
from qadapt.target import bundled_targets

HERON = bundled_targets()["heron-r2"]


@lru_cache
def cayley(rows: int, dim: int, seed: int = 0) -> tuple[Circuit, Bindings, NDArray[np.float64]]:
    """Cayley blocks with ``||K|| = 0.6`` on Gaussian inputs, each with its exact probabilities ``[rows, d]``."""
    generator = np.random.default_rng(seed)
    skew = generator.normal(size=(rows, dim, dim))
    skew -= skew.transpose(0, 2, 1)
    skew *= 0.6 / np.linalg.norm(skew, axis=(1, 2), keepdims=True)
    turns = np.linalg.solve(np.eye(dim) - skew / 2, np.eye(dim) + skew / 2)
    inputs = generator.normal(size=(rows, dim))
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    states, blocks = synthesise_states(inputs), synthesise_for(turns, HERON)
    circuit = template(states.ansatz, blocks.ansatz)
    bindings = Bindings.rows_of(circuit.parameters, np.concatenate([states.angles, blocks.angles], axis=1))
    return circuit, bindings, np.einsum("rij,rj->ri", turns, inputs) ** 2


def overrotated(circuit: Circuit, turn: float) -> Circuit:
    """The circuit whose every cz also turns by some angle about ZZ and about XI."""
    operations: list[Operation] = []
    for operation in circuit.operations:
        operations.append(operation)
        if operation.gate == "cz":
            operations.append(op("rzz", *operation.qubits, angles=[turn]))
            operations.append(op("rx", operation.qubits[0], angles=[turn]))
    return Circuit(num_qubits=circuit.num_qubits, operations=operations, measured=circuit.measured)


class Coherent(ExactBackend):
    """A Heron without noise but for the coherent error of ``overrotated``."""

    connected = statevector.MAX_QUBITS

    def __init__(self, turn: float) -> None:
        super().__init__("test:coherent", HERON, EXACT)
        self.turn = turn

    def probabilities(self, work: Work) -> tuple[NDArray[np.float64], ...]:
        """Exact probabilities of the circuit with its errors."""
        return statevector.probabilities(overrotated(work.circuit, self.turn), work.bindings)
