"""Closed forms: SO(2), SO(4), and real states of one, two and three qubits, and of four with two CZ to spare.

All are vectorised over rows and safe in every degenerate case, because ``arctan2(0, 0)`` is 0 and no step divides by
anything that can be small. Two-qubit matrices have the low qubit in bit 0 of row and column index.
"""

from __future__ import annotations

import numpy as np

from qadapt.synthesis.arrays import Floats, lengths

_I, _X, _Z, _J = np.eye(2), np.array([[0, 1], [1, 0]]), np.diag([1, -1]), np.array([[0, -1], [1, 0]])
# so(4) = su(2) + su(2): two sets of quaternion units that commute with each other, as (high qubit, low qubit).
_LEFT = [np.kron(*pair) for pair in ((_I, _I), (_I, _J), (_J, _X), (_J, _Z))]
_RIGHT = [np.kron(*pair) for pair in ((_I, _I), (_J, _I), (_X, _J), (_Z, _J))]
_PRODUCTS = np.array([(left @ right).ravel() for left in _LEFT for right in _RIGHT]).T / 4

_QUARTER = np.pi / 2


def so2(matrices: Floats) -> Floats:
    """Angle ``[rows, 1]`` of RY for rotations ``[rows, 2, 2]``."""
    return 2 * np.arctan2(matrices[:, 1, :1], matrices[:, 0, :1])


def so4(matrices: Floats) -> Floats:
    """Angles ``[rows, 6]`` of RY RY, CZ, RY RY, CZ, RY RY for matrices ``[rows, 4, 4]`` of SO(4).

    Conjugation by CZ turns the generator Y of either qubit into Y Z, so the circuit is a product P Q of unit
    quaternions in Euler angles, one of each su(2). Six RY and two CZ are a real form of the optimal circuit of Vatan
    and Williams, Phys. Rev. A 69, 032315 (2004).
    """
    first, middle, last = _quaternions(matrices)
    # The conjugated generator of one qubit belongs to the quaternions of the other: the middle angles change places.
    return np.concatenate([first, middle[::-1], last]).T


def magic4(matrices: Floats) -> Floats:
    """Angles ``[rows, 6]`` of the skeleton ``MAGIC`` for matrices ``[rows, 4, 4]`` of SO(4).

    Between its two CZ both qubits are quaternionic, which is the magic basis: one quaternion is one qubit's rotation.
    """
    first, middle, last = _quaternions(matrices)
    return np.concatenate([first, -middle, last]).T


def _quaternions(matrices: Floats) -> tuple[Floats, Floats, Floats]:
    """Euler angles ``[2, rows]`` of the two unit quaternions whose product a matrix of SO(4) is.

    The coefficients of a matrix in the products of quaternion units are the outer product of the two.
    """
    outer = (matrices.reshape(-1, 16) @ _PRODUCTS).reshape(-1, 4, 4)
    longest = np.argmax(np.einsum("nij,nij->nj", outer, outer), axis=1)
    left = outer[np.arange(len(outer)), :, longest]
    left = left / lengths(left)[:, None]
    right = (left[:, None] @ outer)[:, 0]
    return _euler(np.stack([left.T, right.T], axis=1))


def o4(matrices: Floats) -> Floats:
    """Angles ``[rows, 8]`` of three CZ between RY RY for matrices ``[rows, 4, 4]`` of O(4) with determinant -1.

    A CZ first, which has determinant -1, leaves an SO(4).
    """
    angles = so4(matrices * np.array([1.0, 1.0, 1.0, -1.0]))
    return np.concatenate([np.zeros((len(angles), 2)), angles], axis=1)


def _euler(quaternions: Floats) -> tuple[Floats, Floats, Floats]:
    """First, middle and last angle of quaternions ``[4, ...]`` as turns about unit 1, unit 3, unit 1."""
    w, x, y, z = quaternions
    total, difference = np.arctan2(x, w), np.arctan2(y, z)
    middle = 2 * np.arctan2(np.sqrt(y * y + z * z), np.sqrt(w * w + x * x))
    return total - difference, middle, total + difference


def state1(vectors: Floats) -> Floats:
    """Angle ``[rows, 1]`` of RY for unit vectors ``[rows, 2]``."""
    return 2 * np.arctan2(vectors[:, 1:], vectors[:, :1])


def state2(vectors: Floats) -> Floats:
    """Angles ``[rows, 4]`` of RY RY, CZ, RY RY for unit vectors ``[rows, 4]``.

    The amplitudes as a 2x2 matrix (row: high qubit) are a product rotation, diagonal, rotation; its singular value
    decomposition has a closed form in half sums.
    """
    m00, m01, m10, m11 = np.ascontiguousarray(vectors.T) / 2
    a, b, c, d = m00 + m11, m00 - m11, m10 + m01, m10 - m01
    difference, total = np.arctan2(d, a), np.arctan2(c, b)
    even, odd = np.sqrt(a * a + d * d), np.sqrt(b * b + c * c)
    out = np.empty((4, len(vectors)))
    out[0] = 2 * np.arctan2(odd - even, odd + even)
    out[1] = _QUARTER
    out[2] = total - difference
    out[3] = total + difference - _QUARTER
    return out.T


def state3(vectors: Floats) -> Floats:
    """Angles ``[rows, 9]`` of the three-qubit skeleton of ``STATES`` for unit vectors ``[rows, 8]``.

    Schmidt decomposition between qubit 0 and the others: one CZ makes the Schmidt coefficients, and a rotation of
    qubit 0 and an SO(4) of qubits 1 and 2 turn the basis states into the Schmidt vectors.
    """
    left, values, right = _rotations(vectors.reshape(-1, 4, 2))
    zeros = np.zeros(len(values))
    core = state2(np.stack([values[:, 0], zeros, zeros, values[:, 1]], axis=1))
    outer = so4(left)
    out = np.empty((len(values), 9))
    out[:, :2] = core[:, :2]
    out[:, 2] = outer[:, 1]
    out[:, 3] = core[:, 2] + so2(right)[:, 0]
    out[:, 4] = core[:, 3] + outer[:, 0]
    out[:, 5:] = outer[:, 2:]
    return out


def state4(vectors: Floats) -> Floats:
    """Angles ``[rows, 22]`` of the last four-qubit skeleton of ``STATES`` for unit vectors ``[rows, 16]``.

    Schmidt decomposition between qubits (1, 0) and (3, 2). One CZ prepares the coefficient of *k* at ``q1 q0 = k``;
    four CNOT along the line (1 to 2, 2 to 3, 0 to 1, 1 to 2) leave *k* on qubits 3, 2 and the same bits, the upper one
    added to the lower one, on qubits 1, 0; an SO(4) on either side turns them into the Schmidt vectors.
    A CNOT is ``ry(pi/2) cz ry(-pi/2)`` on its target.
    """
    left, values, right = _rotations(vectors.reshape(-1, 4, 4), order=(0, 3, 2, 1))
    core, high, low = state2(values), so4(left), so4(right)
    out = np.empty((len(values), 22))
    out[:, :2] = core[:, :2]
    out[:, 2:4] = -_QUARTER
    out[:, 4:6] = core[:, 2:]  # after CZ 0 1
    out[:, 6], out[:, 7] = -_QUARTER, _QUARTER  # after CZ 1 2
    out[:, 8], out[:, 9] = -_QUARTER, _QUARTER + high[:, 1]  # after CZ 2 3
    out[:, 10], out[:, 11] = low[:, 0], _QUARTER  # after CZ 0 1
    out[:, 12], out[:, 13] = low[:, 1], _QUARTER + high[:, 0]  # after CZ 1 2
    out[:, 14:18], out[:, 18:] = low[:, 2:], high[:, 2:]
    return out


def ring4(vectors: Floats) -> Floats:
    """Angles ``[rows, 18]`` of the four-qubit skeleton of ``STATES`` on a ring for unit vectors ``[rows, 16]``.

    Schmidt decomposition between qubits (1, 0) and (3, 2). One CZ prepares the coefficient of *k* at ``q1 q0 = k``, two
    copy the bits to qubits 3 and 2 (``ry(pi/2) cz ry(-pi/2)`` maps ``k 0`` to ``(-1)^k k k``), and an SO(4) on either
    side turns them into the Schmidt vectors.
    """
    left, values, right = _rotations(vectors.reshape(-1, 4, 4), order=(0, 1, 2, 3))
    core = state2(values * np.array([1.0, -1.0, -1.0, 1.0]))
    low, high = so4(right), so4(left)
    out = np.empty((len(values), 18))
    out[:, :2] = core[:, :2]
    out[:, 2:4] = _QUARTER
    out[:, 4:6] = core[:, 2:]  # after CZ 0 1
    out[:, 6], out[:, 7] = low[:, 0], high[:, 0] - _QUARTER  # after CZ 0 2
    out[:, 8], out[:, 9] = low[:, 1], high[:, 1] - _QUARTER  # after CZ 1 3
    out[:, 10:12], out[:, 12:14] = low[:, 2:4], high[:, 2:4]  # after CZ 0 1 and CZ 2 3
    out[:, 14:16], out[:, 16:] = low[:, 4:], high[:, 4:]
    return out


def _rotations(matrices: Floats, order: tuple[int, ...] = (0, 1)) -> tuple[Floats, Floats, Floats]:
    """Singular value decompositions ``left diag(values) right[:, order]^T`` with rotations on both sides.

    Args:
        matrices: Matrices ``[rows, 4, columns]``.
        order: Where the column of each singular value stands in ``right``.

    Returns:
        ``left [rows, 4, 4]`` and ``right [rows, columns, columns]`` of determinant +1, and ``values [rows, columns]``,
        of which the last may be negative.
    """
    left, values, transposed = np.linalg.svd(matrices)
    last = values.shape[1] - 1
    right = np.empty_like(transposed)
    right[:, :, list(order)] = transposed.swapaxes(1, 2)
    flip = np.where(np.linalg.det(right) < 0, -1.0, 1.0)
    right[:, :, order[last]] *= flip[:, None]
    values[:, last] *= flip
    flip = np.where(np.linalg.det(left) < 0, -1.0, 1.0)
    left[:, :, 3] *= flip[:, None]
    if last == 3:  # otherwise that column carries no weight
        values[:, last] *= flip
    return left, values, right
