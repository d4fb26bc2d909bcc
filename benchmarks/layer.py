"""The workload of every benchmark: one adapter layer of 1,024 blocks of four and 32 tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.gates import FENCE
from qadapt.synthesis import synthesise_blocks, synthesise_states

BLOCKS, TOKENS = 1024, 32


def blocks(count: int = BLOCKS, seed: int = 0) -> NDArray[np.float64]:
    """Random Cayley blocks ``[count, 4, 4]``, (I - K/2)(I + K/2)^-1 with Gaussian skew K."""
    raw = np.random.default_rng(seed).normal(size=(count, 4, 4))
    skew = (raw - raw.swapaxes(1, 2)) / np.sqrt(2)
    identity = np.eye(4)
    # The two factors commute, so that dividing from the left and from the right is the same.
    made: NDArray[np.float64] = np.linalg.solve(identity + skew / 2, identity - skew / 2)
    return made


def vectors(rows: int = BLOCKS * TOKENS, seed: int = 1) -> NDArray[np.float64]:
    """Random unit vectors ``[rows, 4]``."""
    raw = np.random.default_rng(seed).normal(size=(rows, 4))
    made: NDArray[np.float64] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return made


def circuit() -> Circuit:
    """State preparation (1 cz), fence, block (2 cz), all measured; parameters x0.. and k0.."""
    one = np.eye(4)
    state, block = synthesise_states(one[:1]).ansatz, synthesise_blocks(one[None]).ansatz
    operations = (*state.operations("x"), op(FENCE, 0, 1), *block.operations("k"))
    return Circuit(num_qubits=2, operations=operations, measured=[0, 1])


def bindings(matrices: NDArray[np.float64], states: NDArray[np.float64]) -> Bindings:
    """Angles of every block ``[blocks, 4, 4]`` on its share of the states ``[blocks * tokens, 4]``."""
    shape = (len(matrices), len(states) // len(matrices))
    x, k = synthesise_states(states).angles, synthesise_blocks(matrices).angles
    # What is the same in all rows (one angle of a two-qubit preparation is pi/2) is handed over once.
    columns = {
        f"x{i}": x[:1, :1] * 0 + x[0, i] if np.ptp(x[:, i]) == 0 else x[:, i].reshape(shape) for i in range(x.shape[1])
    }
    return Bindings.of(columns | {f"k{i}": k[:, i, None] for i in range(k.shape[1])})


def qiskit_circuit(angles: Sequence[Any], bits: int = 0) -> Any:
    """The circuit for Qiskit: RY on both qubits, then three times cz and RY on both; eight angles or parameters."""
    from qiskit import QuantumCircuit

    made = QuantumCircuit(2, bits)
    for layer in range(4):
        if layer:
            made.cz(0, 1)
        made.ry(angles[2 * layer], 0)
        made.ry(angles[2 * layer + 1], 1)
    return made
