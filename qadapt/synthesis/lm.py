"""Batched Levenberg-Marquardt: angles of one ansatz for many matrices or states at once.

All rows advance together as arrays. The residual is taken in the frame of the circuit matrix V: with W = V^T T the
derivative of V with respect to an angle is V K with the skew matrix K = P^T G P, where P is the product of all gates up
to that RY and G the generator of RY on its qubit, so only the entries of K above the diagonal count. States use the
first column of V and K. The method is that of Levenberg (1944) and Marquardt (1963), with the damped normal equations
in their dual form, which has one unknown per residual instead of one per angle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import BindingsError
from qadapt.synthesis.ansatz import Ansatz
from qadapt.synthesis.arrays import Floats, half_turns

GOAL = 5e-10
"""Frobenius distance at which a row is solved; convergence is quadratic there, so most rows end far below it."""

_MEMORY = 1 << 23  # bytes of prefixes, about a cache; more makes nothing faster
_DAMPING, _FLOOR, _SHRINK, _GROW = 0.1, 1e-12, 0.2, 5.0
_REJECTIONS, _STALLS = 8, 20  # in a row, more of which make a start hopeless
_SLOW = 1e-5  # relative gain below which a step counts as stalled


@dataclass
class _Lanes:
    """The rows that are being worked on, one lane each; changes from evaluation to evaluation.

    Attributes:
        row: Row of each lane.
        trial: How many of its starts the row has used up.
        new: Whether the lane is about to evaluate a start, not to make a step.
        angles: Best angles since the start, and below their cost, residual and Jacobian.
    """

    row: NDArray[np.intp]
    trial: NDArray[np.intp]
    new: NDArray[np.bool_]
    angles: Floats
    cost: Floats
    residual: Floats
    jacobian: Floats
    damping: Floats
    age: NDArray[np.intp]
    rejections: NDArray[np.intp]
    stalls: NDArray[np.intp]

    @classmethod
    def of(cls, count: int, size: int, residuals: int) -> _Lanes:
        """Lanes for the first ``count`` rows, all new."""
        zeros = [np.zeros(count, dtype=np.intp) for _ in range(4)]
        floats = np.zeros((count, size)), np.full(count, np.inf), np.zeros((count, residuals))
        jacobian, damping = np.zeros((count, size, residuals)), np.full(count, _DAMPING)
        return cls(np.arange(count), zeros[0], np.ones(count, dtype=bool), *floats, jacobian, damping, *zeros[1:])

    def renew(self, which: NDArray[np.bool_]) -> None:
        """Begin anew in some lanes."""
        self.new[which] = True
        self.cost[which] = np.inf
        self.damping[which] = _DAMPING
        self.age[which] = self.rejections[which] = self.stalls[which] = 0

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Close all other lanes."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[which])

    def accept(self, angles: Floats, cost: Floats, residual: Floats, jacobian: Floats) -> None:
        """Take over what improves a lane, and set its damping for the next step."""
        better = cost < self.cost
        slow = self.cost - cost < _SLOW * self.cost  # never in a new lane, whose cost is infinite
        self.stalls = np.where(better, np.where(slow, self.stalls + 1, 0), self.stalls)
        self.rejections = np.where(better, 0, self.rejections + 1)
        self.damping = np.where(better, np.maximum(self.damping * _SHRINK, _FLOOR), self.damping * _GROW)
        self.age += 1
        self.new[:] = False
        if better.all():
            self.angles, self.cost, self.residual, self.jacobian = angles, cost, residual, jacobian
        else:
            self.angles[better], self.cost[better] = angles[better], cost[better]
            self.residual[better], self.jacobian[better] = residual[better], jacobian[better]


def fit(
    ansatz: Ansatz,
    targets: Floats,
    starts: Floats,
    order: NDArray[np.intp],
    *,
    evaluations: int = 300,
    goal: float = GOAL,
) -> tuple[Floats, Floats]:
    """Find angles for every target, trying one start after the other.

    Up to rounding, what a row gets depends on its target and its starts, not on the rows beside it.

    Args:
        ansatz: The skeleton.
        targets: Matrices ``[rows, d, d]`` of SO(d), or unit vectors ``[rows, d]``.
        starts: Angles to start from, ``[starts, size]``.
        order: Which starts each row tries, ``[rows, tries]``.
        evaluations: Most evaluations per try.
        goal: Frobenius distance at which a row is solved.

    Returns:
        The best angles found, ``[rows, size]``, and their Frobenius distances, ``[rows]``.
    """
    rows, tries = order.shape
    best, angles = np.full(rows, np.inf), np.zeros((rows, ansatz.size))
    space = _space(ansatz, rows)
    begun, dim = space.shape[1], targets.shape[1]
    lanes = _Lanes.of(begun, ansatz.size, dim - 1 if targets.ndim == 2 else dim * (dim - 1) // 2)
    weight = 1.0 if targets.ndim == 2 else 0.5  # every entry above the diagonal stands for two of the matrix
    while lanes.row.size:
        proposal = lanes.angles + _step(lanes.residual, lanes.jacobian, weight * lanes.damping)
        proposal[lanes.new] = starts[order[lanes.row[lanes.new], lanes.trial[lanes.new]]]
        lanes.accept(proposal, *_evaluate(ansatz, proposal, targets[lanes.row], space))

        better = lanes.cost < best[lanes.row]
        best[lanes.row[better]], angles[lanes.row[better]] = lanes.cost[better], lanes.angles[better]
        solved = lanes.cost < goal**2
        stuck = (lanes.rejections > _REJECTIONS) | (lanes.stalls > _STALLS) | (lanes.age >= evaluations)
        lanes.trial += stuck
        closed = solved | (lanes.trial >= tries)
        # A lane whose row is done takes the next row that waits.
        fresh = np.flatnonzero(closed)[: rows - begun]
        lanes.row[fresh] = np.arange(begun, begun + fresh.size)
        lanes.trial[fresh] = 0
        begun += fresh.size
        lanes.renew(closed | stuck)
        closed[fresh] = False
        if closed.any():
            lanes.keep(~closed)
    distances: Floats = np.sqrt(best)
    return angles, distances


def random_starts(ansatz: Ansatz, count: int, seed: int) -> Floats:
    """Angles ``[count, size]``, uniform over the circle.

    Raises:
        BindingsError: The seed is not a whole number from 0 on.
    """
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise BindingsError(f"seed: expected a whole number from 0 on, got {seed!r}")
    return np.random.default_rng(seed).uniform(-np.pi, np.pi, (count, ansatz.size))


def conditioning(ansatz: Ansatz, angles: Floats) -> Floats:
    """Smallest singular value of the Jacobian of the matrices at ``angles [rows, size]``; 0 at a critical point."""
    space = np.empty((len(ansatz.turns), len(angles), 1 << ansatz.num_qubits, 1 << ansatz.num_qubits))
    jacobian = _evaluate(ansatz, angles, ansatz.matrix(angles), space)[2]
    values: Floats = np.asarray(np.linalg.svd(jacobian, compute_uv=False), dtype=np.float64)
    return values[:, -1]


def _step(residual: Floats, jacobian: Floats, damping: Floats) -> Floats:
    """Damped Gauss-Newton step ``[lanes, size]``."""
    normal = jacobian.swapaxes(1, 2) @ jacobian
    diagonal = np.arange(normal.shape[1])
    normal[:, diagonal, diagonal] += damping[:, None] + 1e-14
    return (jacobian @ np.linalg.solve(normal, residual[:, :, None]))[:, :, 0]


def _evaluate(ansatz: Ansatz, angles: Floats, targets: Floats, space: Floats) -> tuple[Floats, Floats, Floats]:
    """Squared distance ``[lanes]``, residual ``[lanes, m]`` and Jacobian ``[lanes, size, m]`` in the frame of V."""
    lanes, dim = len(angles), 1 << ansatz.num_qubits
    prefixes = _prefixes(ansatz, angles, space)
    matrix = prefixes[-1]
    if targets.ndim == 2:
        residual = (targets[:, None] @ matrix)[:, 0, 1:]
        cost = np.square(matrix[:, :, 0] - targets).sum(axis=1)
    else:
        upper = np.flatnonzero(np.triu(np.ones((dim, dim), dtype=bool), 1))
        residual = _skew(matrix.swapaxes(1, 2) @ targets)[:, upper]
        cost = np.square(matrix - targets).sum(axis=(1, 2))
    jacobian = np.empty((lanes, ansatz.size, residual.shape[1]))
    for prefix, (_, layer) in zip(prefixes, ansatz.turns, strict=True):
        for qubit, index in layer:
            if targets.ndim == 2:
                bit = np.arange(dim) >> qubit & 1
                moved = prefix[:, np.arange(dim) ^ (1 << qubit), 0] * (bit - 0.5)
                jacobian[:, index] = (moved[:, None] @ prefix)[:, 0, 1:]
            else:
                pairs = prefix.reshape(lanes, dim >> (qubit + 1), 2, 1 << qubit, dim)
                zero, one = (pairs[:, :, bit].reshape(lanes, dim // 2, dim) for bit in (0, 1))
                jacobian[:, index] = _skew(one.swapaxes(1, 2) @ zero)[:, upper]
    return cost, residual, jacobian


def _skew(matrices: Floats) -> Floats:
    """Skew parts, flattened to ``[lanes, d * d]``."""
    return ((matrices - matrices.swapaxes(1, 2)) / 2).reshape(len(matrices), -1)


def _prefixes(ansatz: Ansatz, angles: Floats, space: Floats) -> Floats:
    """Products of all gates up to the end of each layer, ``[layers, lanes, d, d]``; the last one is the circuit."""
    lanes, dim = len(angles), 1 << ansatz.num_qubits
    cos, sin = half_turns(angles)
    turns = np.stack([cos, -sin, sin, cos], axis=2).reshape(lanes, -1, 2, 2)
    first = np.ones((lanes, 1, 1))
    for qubit in range(ansatz.num_qubits):
        first = _kron(turns[:, qubit], first)
    out = space[:, :lanes]
    out[0] = first
    for before, after, (_, layer) in zip(out, out[1:], ansatz.turns[1:], strict=False):
        (low, at_low), (high, at_high) = sorted(layer)
        gate = _kron(turns[:, at_high], turns[:, at_low])
        gate[:, :, 3] *= -1  # the CZ, which acts first
        shape = (lanes, dim >> (high + 1), 4, dim << low)
        if high == low + 1:
            np.matmul(gate[:, None], before.reshape(shape), out=after.reshape(shape))
            continue
        split = (lanes, dim >> (high + 1), 2, 1 << (high - low - 1), 2, dim << low)
        pairs = np.moveaxis(before.reshape(split), 3, 1)
        turned = (gate[:, None, None] @ pairs.reshape(*pairs.shape[:3], 4, -1)).reshape(pairs.shape)
        after.reshape(split)[...] = np.moveaxis(turned, 1, 3)
    return out


def _kron(high: Floats, low: Floats) -> Floats:
    """Kronecker products of matrices lane by lane."""
    side = high.shape[1] * low.shape[1]
    return (high[:, :, None, :, None] * low[:, None, :, None, :]).reshape(len(high), side, side)


def _space(ansatz: Ansatz, rows: int) -> Floats:
    """Room for the prefixes of as many rows as fit into it; kept between evaluations, which saves their page faults."""
    shape = len(ansatz.turns), 1 << ansatz.num_qubits, 1 << ansatz.num_qubits
    lanes = min(rows, max(16, _MEMORY // (8 * math.prod(shape))))
    return np.empty((shape[0], lanes, *shape[1:]))
