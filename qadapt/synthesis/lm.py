"""Least squares: angles of an ansatz for many matrices or states at once, in NumPy.

All rows advance together, each with a damping, a number of evaluations and a start of its own; rows that are solved
leave the arrays, rows that stall go on with their next start. The method is that of Levenberg (1944) and Marquardt
(1963) in the frame of the circuit (:mod:`qadapt.synthesis.tangent`), with the damped normal equations in their dual
form, which has one unknown per residual instead of one per angle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.errors import BindingsError
from qadapt.synthesis.ansatz import Ansatz
from qadapt.synthesis.arrays import Floats
from qadapt.synthesis.generators import generators
from qadapt.synthesis.tangent import evaluate

GOAL = 5e-10
"""Frobenius distance at which a row is solved; convergence is quadratic there, so most rows end far below it."""

_MEMORY = 1 << 22  # bytes of Jacobians; more makes nothing faster
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
    goal: ArrayLike = GOAL,
    progress: Callable[[int], object] | None = None,
) -> tuple[Floats, Floats]:
    """Find angles for every target, trying one start after the other.

    Up to rounding, what a row gets depends on its target and its starts, not on the rows beside it.

    Args:
        ansatz: The skeleton.
        targets: Matrices ``[rows, d, d]`` of SO(d), or unit vectors ``[rows, d]``.
        starts: Angles to start from, ``[starts, size]``.
        order: Which starts each row tries, ``[rows, tries]``.
        evaluations: Most evaluations per try.
        goal: Frobenius distance at which a row is solved, one for all or ``[rows]``.
        progress: Called with the number of rows that were closed since the last call.

    Returns:
        The best angles found, ``[rows, size]``, and their Frobenius distances, ``[rows]``.
    """
    (rows, tries), dim = order.shape, targets.shape[1]
    best, angles = np.full(rows, np.inf), np.zeros((rows, ansatz.size))
    enough = np.square(np.broadcast_to(np.asarray(goal, dtype=float), (rows,)))
    real = generators(ansatz)
    targets = targets @ real.closing if targets.ndim == 2 else real.closing.T @ targets
    residuals = dim - 1 if targets.ndim == 2 else dim * (dim - 1) // 2
    begun = min(rows, max(8, _MEMORY // (8 * math.prod((ansatz.size, residuals)) or 1)))
    lanes = _Lanes.of(begun, ansatz.size, residuals)
    weight = 1.0 if targets.ndim == 2 else 0.5  # every entry above the diagonal stands for two of the matrix
    while lanes.row.size:
        proposal = lanes.angles + _step(lanes.residual, lanes.jacobian, weight * lanes.damping)
        proposal[lanes.new] = starts[order[lanes.row[lanes.new], lanes.trial[lanes.new]]]
        lanes.accept(proposal, *evaluate(real, proposal, targets[lanes.row]))

        better = lanes.cost < best[lanes.row]
        best[lanes.row[better]], angles[lanes.row[better]] = lanes.cost[better], lanes.angles[better]
        solved = lanes.cost < enough[lanes.row]
        stuck = (lanes.rejections > _REJECTIONS) | (lanes.stalls > _STALLS) | (lanes.age >= evaluations)
        lanes.trial += stuck
        closed = solved | (lanes.trial >= tries)
        if progress is not None and closed.any():
            progress(int(closed.sum()))
        # A lane whose row is done takes the next row that waits.
        fresh = np.flatnonzero(closed)[: rows - begun]
        lanes.row[fresh] = np.arange(begun, begun + fresh.size)
        lanes.trial[fresh] = 0
        begun += fresh.size
        lanes.renew(closed | stuck)
        closed[fresh] = False
        if closed.any():
            lanes.keep(~closed)
    return angles, np.sqrt(best)


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
    values: Floats = np.asarray(np.linalg.svd(_jacobian(ansatz, angles), compute_uv=False), dtype=np.float64)
    dim = 1 << ansatz.num_qubits
    open_directions = dim * (dim - 1) // 2
    return values[:, -1] if values.shape[1] == open_directions else np.zeros(len(angles))


def rank(ansatz: Ansatz) -> int:
    """Dimension of what the matrices of an ansatz fill in SO(d): the rank of the Jacobian at random angles."""
    return int(np.linalg.matrix_rank(_jacobian(ansatz, random_starts(ansatz, 1, 0))[0], tol=1e-8))


def _jacobian(ansatz: Ansatz, angles: Floats) -> Floats:
    identity = np.broadcast_to(np.eye(1 << ansatz.num_qubits), (len(angles), *[1 << ansatz.num_qubits] * 2))
    return evaluate(generators(ansatz), angles, identity)[2]


def _step(residual: Floats, jacobian: Floats, damping: Floats) -> Floats:
    """Damped Gauss-Newton step ``[lanes, size]``."""
    normal = jacobian.swapaxes(1, 2) @ jacobian
    diagonal = np.arange(normal.shape[1])
    normal[:, diagonal, diagonal] += damping[:, None] + 1e-14
    return (jacobian @ np.linalg.solve(normal, residual[:, :, None]))[:, :, 0]
