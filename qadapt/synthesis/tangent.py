"""Tangent: how far an ansatz is from its targets, and where its angles move it, for many rows at once.

In the frame of the circuit *V* its derivative with respect to an angle is ``V K`` with the real skew matrix
``K = P^T G P / 2``, where *P* is the product of all rotations up to that angle and *G* its generator. Only the entries
of *K* above the diagonal count; states use its first column. Rotations that commute with one another share *P*.
"""

from __future__ import annotations

import numpy as np

from qadapt.synthesis.arrays import Floats, half_turns
from qadapt.synthesis.generators import Generators


def evaluate(generators: Generators, angles: Floats, targets: Floats) -> tuple[Floats, Floats, Floats]:
    """Squared Frobenius distance, residual and Jacobian of rows of angles.

    Args:
        generators: Generators of the ansatz.
        angles: Angles ``[rows, p]``.
        targets: Matrices ``[rows, d, d]`` or unit vectors ``[rows, d]``, multiplied by the transpose of
            ``generators.closing``.

    Returns:
        Squared distances ``[rows]``; what a small rotation would have to do, ``[rows, m]``; and what each angle does,
        ``[rows, p, m]``; with m = d (d - 1) / 2 for matrices and d - 1 for states.
    """
    rows, dim = len(angles), targets.shape[1]
    states = targets.ndim == 2
    upper, lower = _triangles(dim)
    jacobian = np.empty((rows, angles.shape[1], dim - 1 if states else upper.size))
    cos, sin = half_turns(angles)
    matrix = np.broadcast_to(np.eye(dim), (rows, dim, dim))
    for first, second in zip(generators.groups[::2], (*generators.groups[1::2], ()), strict=False):
        for angle in first:
            matrix = _turned(generators, matrix, angle, cos, sin)
        for angle in (*first, *second):  # P at the border of two groups serves both
            if states:
                moved = matrix[:, generators.images[angle], 0] * (generators.signs[angle] / 2)
                jacobian[:, angle] = (moved[:, None] @ matrix)[:, 0, 1:]
            else:
                low = generators.low[angle]
                partners = np.take(matrix, generators.images[angle][low], axis=1)
                partners *= generators.signs[angle][low, None] / 2
                product = (np.take(matrix, low, axis=1).swapaxes(1, 2) @ partners).reshape(rows, dim * dim)
                jacobian[:, angle] = np.take(product, upper, axis=1) - np.take(product, lower, axis=1)
        for angle in second:
            matrix = _turned(generators, matrix, angle, cos, sin)
    if states:
        return np.square(matrix[:, :, 0] - targets).sum(axis=1), (targets[:, None] @ matrix)[:, 0, 1:], jacobian
    frame = (matrix.swapaxes(1, 2) @ targets).reshape(rows, dim * dim)
    residual = (frame[:, upper] - frame[:, lower]) / 2
    return np.square(matrix - targets).sum(axis=(1, 2)), residual, jacobian


def matrices(generators: Generators, angles: Floats) -> Floats:
    """Matrices ``[rows, d, d]`` of angles ``[rows, p]``, the global phase left out."""
    rows, dim = len(angles), len(generators.closing)
    cos, sin = half_turns(angles)
    matrix = np.broadcast_to(np.eye(dim), (rows, dim, dim))
    for angle in range(angles.shape[1]):
        matrix = _turned(generators, matrix, angle, cos, sin)
    return generators.closing @ matrix


def _turned(generators: Generators, matrix: Floats, angle: int, cos: Floats, sin: Floats) -> Floats:
    """Apply one rotation to matrices ``[rows, d, d]``."""
    moved: Floats = np.take(matrix, generators.images[angle], axis=1)  # twice as fast as indexing
    moved *= (sin[:, angle, None] * generators.signs[angle])[:, :, None]
    moved += cos[:, angle, None, None] * matrix
    return moved


def _triangles(dim: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Flat indices of the entries above the diagonal, and of their mirror images."""
    row, column = np.triu_indices(dim, 1)
    return row * dim + column, column * dim + row
