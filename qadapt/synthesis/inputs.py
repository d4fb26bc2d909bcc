"""What may be synthesised: checks of vectors, matrices and warm starts, and of what came out."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.errors import BindingsError
from qadapt.synthesis.ansatz import Synthesis
from qadapt.synthesis.arrays import Floats, lengths

TOLERANCE = 1e-9
"""Largest Frobenius distance between a target and what its angles give."""

LOSS = 0.1
"""Largest loss of an approximation that is asked for without a bound."""

INPUT_TOLERANCE = 1e-10
"""How far a vector's norm may be from 1, and the product of a matrix and its transpose from the identity.

Well below the tolerance, so that what is accepted can be reached.
"""

MAX_QUBITS = 5


def vectors_of(values: ArrayLike) -> Floats:
    """Check unit vectors ``[rows, d]``.

    Raises:
        BindingsError: They are not real, finite, of unit norm, or of a size 2, 4, 8, 16 or 32.
    """
    vectors = _array(values, "vectors", "[rows, d]", ndim=2)
    norms = lengths(vectors)
    _refuse(~(np.abs(norms - 1) <= INPUT_TOLERANCE), norms, "vectors", "has norm", "normalise in float64")
    return vectors


def matrices_of(values: ArrayLike) -> Floats:
    """Check rotations ``[rows, d, d]``.

    Raises:
        BindingsError: They are not real, finite, orthogonal, of determinant +1 (side 4: or all -1), or of a side 2, 4,
            8, 16 or 32.
    """
    matrices = _array(values, "matrices", "[rows, d, d]", ndim=3)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not orthogonal either
        distances = lengths(matrices.swapaxes(1, 2) @ matrices - np.eye(matrices.shape[1]))
    what = "is not orthogonal; Frobenius norm of M^T M - 1:"
    _refuse(~(distances <= INPUT_TOLERANCE), distances, "matrices", what, "compute them in float64")
    determinants = np.linalg.det(matrices)
    negative = determinants < 0
    if matrices.shape[1] == 4 and negative.any():
        hint = "synthesise the two kinds apart: their numbers of CZ are even and odd, so no skeleton serves both"
        odd = negative if 2 * negative.sum() <= negative.size else ~negative
        if not negative.all():
            _refuse(odd, determinants, "matrices", "is of another determinant than others:", hint)
    else:
        hint = "real circuits reach determinant +1 only; flipping the sign of one row changes no measured probability"
        _refuse(negative, determinants, "matrices", "has determinant", hint)
    return matrices


def angles_of(values: ArrayLike, sizes: Collection[int], rows: int) -> Floats:
    """Check angles ``[rows, size]`` to start from, of one of several sizes.

    Raises:
        BindingsError: They are not real, finite or of such a shape.
    """
    angles = _numbers(values, "warm")
    if angles.ndim != 2 or len(angles) != rows or angles.shape[1] not in sizes:
        shapes = " or ".join(str([rows, size]) for size in sorted(sizes))
        raise BindingsError(f"warm: expected angles of shape {shapes}, got {list(angles.shape)}")
    return angles


def bound_of(value: float | bool) -> float:
    """Check the largest loss that an approximation may have; True is ``LOSS``.

    Raises:
        BindingsError: It is not a number above 0 and below 1, where a block that does nothing would do.
    """
    if value is True:
        return LOSS
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating) or not 0 < value < 1:
        raise BindingsError(
            f"approximate is {value!r}, expected the largest loss ||V - Q|| / ||Q - 1|| of a block, above 0 and below 1"
        )
    return float(value)


def verified(synthesis: Synthesis) -> Synthesis:
    """Return a synthesis whose every row is within its bound.

    Raises:
        BindingsError: Rows are not; names them.
    """
    bad = np.flatnonzero(~(synthesis.residual <= synthesis.bound))
    if bad.size:
        raise BindingsError(
            f"{len(synthesis.ansatz.edges)} entangling gates on {synthesis.ansatz.num_qubits} qubits: no angles within "
            f"{synthesis.bound[bad].min():.3g} found for {bad.size} of {len(synthesis.residual)} rows: {some(bad)}; "
            f"worst distance {synthesis.residual[bad].max():.1e}",
            hint="allow more entangling gates, or try another seed",
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
            + (f"; the same for {rows.size} rows in all: {some(rows)}" if rows.size > 1 else ""),
            hint=hint,
        )


def some(rows: NDArray[np.intp]) -> str:
    """The first few row numbers, for a message."""
    return ", ".join(str(row) for row in rows[:16]) + (", ..." if rows.size > 16 else "")
