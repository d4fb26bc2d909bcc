"""What may be synthesised: checks of vectors, matrices and warm starts, and of what came out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.errors import BindingsError
from qadapt.synthesis.ansatz import Ansatz, Synthesis
from qadapt.synthesis.arrays import Floats, lengths

TOLERANCE = 1e-9
"""Largest Frobenius distance between a target and what its angles give."""

INPUT_TOLERANCE = 1e-10
"""How far a vector's norm may be from 1, and the product of a matrix and its transpose from the identity.

Well below the tolerance, so that what is accepted can be reached.
"""

MAX_QUBITS = 4


def vectors_of(values: ArrayLike) -> Floats:
    """Check unit vectors ``[rows, d]``.

    Raises:
        BindingsError: They are not real, finite, of unit norm, or of a size 2, 4, 8 or 16.
    """
    vectors = _array(values, "vectors", "[rows, d]", ndim=2)
    norms = lengths(vectors)
    _refuse(~(np.abs(norms - 1) <= INPUT_TOLERANCE), norms, "vectors", "has norm", "normalise in float64")
    return vectors


def matrices_of(values: ArrayLike) -> Floats:
    """Check rotations ``[rows, d, d]``.

    Raises:
        BindingsError: They are not real, finite, orthogonal, of determinant +1, or of a side 2, 4, 8 or 16.
    """
    matrices = _array(values, "matrices", "[rows, d, d]", ndim=3)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not orthogonal either
        distances = lengths(matrices.swapaxes(1, 2) @ matrices - np.eye(matrices.shape[1]))
    what = "is not orthogonal; Frobenius norm of M^T M - 1:"
    _refuse(~(distances <= INPUT_TOLERANCE), distances, "matrices", what, "compute them in float64")
    determinants = np.linalg.det(matrices)
    hint = "RY and CZ reach determinant +1 only; flipping the sign of one row changes no measured probability"
    _refuse(determinants < 0, determinants, "matrices", "has determinant", hint)
    return matrices


def angles_of(values: ArrayLike, ansatz: Ansatz, rows: int) -> Floats:
    """Check angles ``[rows, ansatz.size]`` to start from.

    Raises:
        BindingsError: They are not real, finite or of that shape.
    """
    angles = _numbers(values, "warm")
    if angles.shape != (rows, ansatz.size):
        raise BindingsError(f"warm: expected angles of shape {[rows, ansatz.size]}, got {list(angles.shape)}")
    return angles


def verified(synthesis: Synthesis) -> Synthesis:
    """Return a synthesis whose every row is within the tolerance.

    Raises:
        BindingsError: Rows are not; names them.
    """
    bad = np.flatnonzero(~(synthesis.residual <= TOLERANCE))
    if bad.size:
        raise BindingsError(
            f"{len(synthesis.ansatz.edges)} CZ on {synthesis.ansatz.num_qubits} qubits: no angles within {TOLERANCE:g} "
            f"found for {bad.size} of {len(synthesis.residual)} rows: {_some(bad)}; worst distance "
            f"{synthesis.residual[bad].max():.1e}",
            hint="allow more CZ, or try another seed",
        )
    return synthesis


def _numbers(values: ArrayLike, name: str) -> Floats:
    try:
        raw = np.asarray(values)
    except ValueError as error:
        raise BindingsError(f"{name}: {error}") from None
    if raw.dtype.kind not in "iuf":
        raise BindingsError(f"{name}: expected real numbers, got {raw.dtype}")
    array = raw.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        index = np.argwhere(~np.isfinite(array))[0].tolist()
        raise BindingsError(f"{name}: {array[tuple(index)]} at index {index}, expected finite numbers")
    return array


def _array(values: ArrayLike, name: str, shape: str, *, ndim: int) -> Floats:
    array = _numbers(values, name)
    sizes = tuple(2**n for n in range(1, MAX_QUBITS + 1))
    if array.ndim != ndim or array.shape[-1] not in sizes or any(side != array.shape[-1] for side in array.shape[1:]):
        raise BindingsError(f"{name}: expected shape {shape} with d of {sizes}, got {list(array.shape)}")
    return array


def _refuse(bad: NDArray[np.bool_], values: Floats, name: str, what: str, hint: str) -> None:
    if bad.any():
        rows = np.flatnonzero(bad)
        raise BindingsError(
            f"{name}: row {rows[0]} {what} {values[rows[0]]:.12g}"
            + (f"; the same for {rows.size} rows in all: {_some(rows)}" if rows.size > 1 else ""),
            hint=hint,
        )


def _some(rows: NDArray[np.intp]) -> str:
    return ", ".join(str(row) for row in rows[:16]) + (", ..." if rows.size > 16 else "")
