"""Batched Levenberg-Marquardt: angles of one ansatz for many matrices or states at once.

All rows advance together as arrays. The residual is taken in the frame of the circuit matrix V: with W = V^T T the
derivative of V with respect to an angle is V K with the skew matrix K = P^T G P, where P is the product of all gates up
to that RY and G the generator of RY on its qubit, so only the entries of K above the diagonal count. States use the
first column of V and K. Levenberg-Marquardt after More, "The Levenberg-Marquardt algorithm" (1978), with the damped
normal equations in their dual form, which has one unknown per residual instead of one per angle.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qadapt.synthesis.ansatz import Ansatz
from qadapt.synthesis.arrays import Floats, half_turns

GOAL = 5e-10
"""Frobenius distance at which a row is solved; convergence is quadratic there, so most rows end far below it."""

_MEMORY = 1 << 23
_DAMPING, _FLOOR, _SHRINK, _GROW = 0.1, 1e-12, 0.2, 5.0
_REJECTIONS, _STALLS, _SLOW = 8, 20, 1e-5


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

    What a row gets depends on its target and its starts only, not on the rows beside it.

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
    # A lane works on one row; a lane whose row is finished takes the next one that waits.
    space = _space(ansatz, rows)
    waiting = space.shape[1]
    row = np.arange(waiting)
    trial = np.zeros(waiting, dtype=int)
    theta = starts[order[row, 0]]
    cost, residual, jacobian = _evaluate(ansatz, theta, targets[row], space)
    damping = np.full(waiting, _DAMPING)
    age, rejections, stalls = (np.zeros(waiting, dtype=int) for _ in range(3))
    weight = 0.5 if targets.ndim == 3 else 1.0  # every entry above the diagonal stands for two of the matrix
    while row.size:
        better = cost < best[row]
        best[row[better]], angles[row[better]] = cost[better], theta[better]
        solved = cost < goal**2
        stuck = ~solved & ((rejections > _REJECTIONS) | (stalls > _STALLS) | (age >= evaluations))
        finished = solved | (stuck & (trial + 1 >= tries))
        trial += stuck
        fresh = np.flatnonzero(finished)[: rows - waiting]
        row[fresh] = np.arange(waiting, waiting + fresh.size)
        trial[fresh] = 0
        finished[fresh] = False
        waiting += fresh.size
        renewed = stuck.copy()
        renewed[fresh] = True
        if finished.any():
            kept = ~finished
            row, trial, theta, cost, residual, jacobian, damping, age, rejections, stalls, renewed = (
                array[kept]
                for array in (
                    row, trial, theta, cost, residual, jacobian, damping, age, rejections, stalls, renewed
                )
            )  # fmt: skip
            if not row.size:
                break
        proposal = theta + _step(residual, jacobian, weight * damping)
        proposal[renewed] = starts[order[row[renewed], trial[renewed]]]
        new_cost, new_residual, new_jacobian = _evaluate(ansatz, proposal, targets[row], space)
        accepted = (new_cost < cost) | renewed
        slow = cost - new_cost < _SLOW * cost
        stalls = np.where(accepted, np.where(slow, stalls + 1, 0), stalls)
        rejections = np.where(accepted, 0, rejections + 1)
        damping = np.where(accepted, np.maximum(damping * _SHRINK, _FLOOR), damping * _GROW)
        age += 1
        damping[renewed] = _DAMPING
        age[renewed] = stalls[renewed] = 0
        if accepted.all():
            theta, cost, residual, jacobian = proposal, new_cost, new_residual, new_jacobian
        else:
            theta[accepted], cost[accepted] = proposal[accepted], new_cost[accepted]
            residual[accepted], jacobian[accepted] = new_residual[accepted], new_jacobian[accepted]
    distances: Floats = np.sqrt(best)
    return angles, distances


def conditioning(ansatz: Ansatz, angles: Floats) -> Floats:
    """Smallest singular value of the Jacobian of the matrices at ``angles [rows, size]``; 0 at a critical point."""
    space = np.empty((len(ansatz.turns), len(angles), 1 << ansatz.num_qubits, 1 << ansatz.num_qubits))
    jacobian = _evaluate(ansatz, angles, ansatz.matrix(angles), space)[2]
    values: Floats = np.linalg.svd(jacobian, compute_uv=False)[:, -1]
    return values


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
