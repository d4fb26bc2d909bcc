"""Reading: Cirq's arrays to our outcome order. Bit order is turned here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import BadResultError
from qadapt_cirq.lower import KEY

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


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


def histograms(results: Sequence[Any], widths: Sequence[int], shots: int, *, provider: str) -> tuple[Ints, ...]:
    """Counts of a sampler's results, one result per row.

    Args:
        results: Objects with ``measurements``, an array ``[shots, bits]`` of zeros and ones under each register's key;
            column *k* of it is the register's *k*-th qubit.
        widths: Bits of each register.
        shots: Shots per row.
        provider: Who sampled, for the error.

    Returns:
        One table ``[rows, 2**bits]`` per register, outcomes as in ``Counts``.

    Raises:
        BadResultError: Registers that are missing or that nobody asked for, or an array of another shape or other
            values.
    """
    tables = tuple(np.zeros((len(results), 2**width), dtype=np.int64) for width in widths)
    keys = [KEY.format(number) for number in range(len(widths))]
    for row, result in enumerate(results):
        try:
            measurements = {str(key): np.asarray(value) for key, value in result.measurements.items()}
        except Exception as error:
            message = f"row {row}: its measurements cannot be read: {type(error).__name__}: {error}"
            raise BadResultError(message, provider=provider) from error
        if set(measurements) != set(keys):
            raise BadResultError(f"row {row} measures {sorted(measurements)}, expected {keys}", provider=provider)
        for key, width, table in zip(keys, widths, tables, strict=True):
            bits = measurements[key]
            if bits.shape != (shots, width):
                said = f"row {row}, register {key}: bits of shape {list(bits.shape)}, expected {[shots, width]}"
                raise BadResultError(said, provider=provider)
            if bits.dtype.kind not in "biu" or ((bits != 0) & (bits != 1)).any():
                said = f"row {row}, register {key}: {bits.dtype} values that are not all 0 or 1"
                raise BadResultError(said, provider=provider)
            table[row] = np.bincount(bits.astype(np.int64) @ (1 << np.arange(width)), minlength=2**width)
    return tables
