"""A dense oracle: whole matrices on all qubits, little-endian throughout, and no vendor."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from qadapt.circuit import Parameter
from qadapt.gates import GATES


def spread(index, qubits):
    """Number whose bit k is bit ``qubits[k]`` of the index."""
    return sum(((index >> qubit) & 1) << bit for bit, qubit in enumerate(qubits))


def embed(matrix, qubits, count):
    """Matrices ``[..., 2**count, 2**count]`` of a gate on some of ``count`` qubits."""
    index = np.arange(2**count)
    inner, rest = spread(index, qubits), index & ~sum(1 << qubit for qubit in qubits)
    return np.where(rest[:, None] == rest[None, :], matrix[..., inner[:, None], inner[None, :]], 0)


def unitary(operations, count, bindings):
    """Matrices ``[rows, 2**count, 2**count]`` of a list of operations."""
    total = np.broadcast_to(np.eye(2**count, dtype=complex), (bindings.rows, 2**count, 2**count))
    for operation in operations:
        angles = [
            a.scale * bindings.column(a.name) + a.offset if isinstance(a, Parameter) else np.array(a)
            for a in operation.angles
        ]
        total = embed(GATES[operation.gate].matrix(*angles), operation.qubits, count) @ total
    return total


def probabilities(circuit, bindings):
    """Exact distribution ``[rows, 2**bits]`` of each register."""
    weights = np.abs(unitary(circuit.gates(), circuit.num_qubits, bindings)[:, :, 0]) ** 2
    index = np.arange(2**circuit.num_qubits)
    return [
        weights @ (spread(index, register)[:, None] == np.arange(2 ** len(register))) for register in circuit.measured
    ]


def same(first, second):
    """Largest difference of two unitaries, up to a global phase."""
    overlap = np.vdot(first, second)
    return np.abs(first * overlap / abs(overlap) - second).max()


@pytest.fixture(scope="session")
def oracle():
    """Functions of the dense oracle."""
    return SimpleNamespace(unitary=unitary, probabilities=probabilities, same=same)
