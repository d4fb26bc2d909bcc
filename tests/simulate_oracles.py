"""Oracles for the simulator tests: Pauli transfer matrices by their definition, one element at a time."""

from __future__ import annotations

import numpy as np

PAULIS = (np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0]))


def basis(qubits):
    """All Pauli products; base-4 digit *k* of the index is qubit *k*, which is bit *k* of the matrix indices."""
    out = []
    for number in range(4**qubits):
        matrix = np.eye(1)
        for k in range(qubits):
            matrix = np.kron(PAULIS[number >> 2 * k & 3], matrix)
        out.append(matrix)
    return out


def transfer(kraus):
    """Pauli transfer matrix ``tr(P_i sum_k K P_j K^+) / 2**qubits`` of Kraus operators."""
    size = len(kraus[0])
    paulis = basis(size.bit_length() - 1)
    images = [sum(k @ p @ k.conj().T for k in kraus) for p in paulis]
    return np.array([[np.trace(a @ image).real / size for image in images] for a in paulis])
