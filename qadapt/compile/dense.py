"""Dense: the matrix of a few gates on a few qubits, gate by gate from the gate table."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from qadapt.circuit import Operation
from qadapt.gates import GATES, Complexes


def matrix_of(operations: Iterable[Operation], num_qubits: int) -> Complexes:
    """Product of gates whose angles are numbers, ``[2**n, 2**n]``, the first one acting first.

    Args:
        operations: Gates, no fences; every angle is a number.
        num_qubits: Number of qubits *n*; row and column index *i* has qubit *k* in bit *k*.
    """
    product: Complexes = np.eye(1 << num_qubits, dtype=complex)
    tensor = product.reshape((2,) * num_qubits + (-1,))
    for operation in operations:
        size = len(operation.qubits)
        gate = GATES[operation.gate].matrix(*operation.angles).reshape((2,) * (2 * size))
        # Axis n - 1 - k of the tensor is qubit k; the gate's own last axis is its first qubit.
        axes = [num_qubits - 1 - qubit for qubit in reversed(operation.qubits)]
        tensor = np.moveaxis(np.tensordot(gate, tensor, axes=(range(size, 2 * size), axes)), range(size), axes)
    return np.ascontiguousarray(tensor).reshape(product.shape)


def phase_distance(first: Complexes, second: Complexes) -> float:
    """Largest entry of the difference of two matrices after the best global phase."""
    overlap = np.vdot(second, first)
    phase = overlap / abs(overlap) if overlap else 1.0
    return float(np.abs(first - phase * second).max())
