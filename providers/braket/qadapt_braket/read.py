"""Reading: Braket's big-endian probabilities to our outcome order. Bit order is turned here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.errors import BadResultError, JobFailedError

Floats: TypeAlias = NDArray[np.float64]


def values(result: Any, widths: list[int], *, provider: str) -> list[Floats]:
    """Probabilities of each result type of one task, still big-endian.

    Args:
        result: What a task answers; Braket answers None for a task that failed, was cancelled or timed out.
        widths: Number of qubits of each result type.
        provider: For the error.

    Raises:
        JobFailedError: There is no result.
        BadResultError: The number or the length of the results is wrong.
    """
    if result is None:
        raise JobFailedError("braket: the task has no result", provider=provider)
    tables = [np.asarray(value, dtype=np.float64) for value in result.values]
    shapes, expected = [table.shape for table in tables], [(2**width,) for width in widths]
    if shapes != expected:
        raise BadResultError(f"probabilities of shapes {shapes}, expected {expected}", provider=provider)
    return tables


def outcomes(rows: ArrayLike, qubits: Sequence[int]) -> Floats:
    """Turn Braket's probabilities into our outcome order.

    Args:
        rows: ``[rows, 2**k]``, big-endian over the qubits in ascending order.
        qubits: The same qubits in the order in which they are measured.

    Returns:
        ``[rows, 2**k]``; bit *j* of the column index is the outcome of ``qubits[j]``.
    """
    table = np.asarray(rows, dtype=np.float64)
    ascending = sorted(qubits)
    tensor = table.reshape(-1, *(2,) * len(ascending))
    return tensor.transpose(0, *(1 + ascending.index(qubit) for qubit in reversed(qubits))).reshape(table.shape)
