"""Reading: Cirq's big-endian arrays to our outcome order. Bit order is turned here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


def state_weights(state: NDArray[np.complex128]) -> Floats:
    """Probabilities ``[2**n]`` of a state vector, still big-endian."""
    weights: Floats = state.real**2 + state.imag**2
    return weights


def density_weights(matrix: NDArray[np.complex128]) -> Floats:
    """Probabilities ``[2**n]`` of a density matrix, still big-endian."""
    return np.ascontiguousarray(matrix.diagonal().real)


def outcomes(weights: Floats, qubits: Sequence[int]) -> Floats:
    """Distribution of measured qubits in our order.

    Args:
        weights: ``[2**n]``, big-endian: qubit 0 of the simulation is the most significant bit of the index.
        qubits: Qubits of the simulation that are measured.

    Returns:
        ``[2**len(qubits)]``; bit *k* of the index is the outcome of ``qubits[k]``.
    """
    count = weights.size.bit_length() - 1
    others = tuple(set(range(count)).difference(qubits))
    kept = sorted(qubits)
    marginal = weights.reshape((2,) * count).sum(axis=others)
    turned: Floats = marginal.transpose([kept.index(qubit) for qubit in reversed(qubits)]).reshape(-1)
    return turned
