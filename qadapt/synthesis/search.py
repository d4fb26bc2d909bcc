"""Search: angles of one ansatz for many blocks, from the starts that are most likely to lead there.

The identity is a critical value of short ansaetze, and blocks near it are hard: from a random start least squares takes
ever more evaluations and then fails. Such blocks are approached from afar: with the skew matrix of the Cayley transform
scaled up they are as easy as any, and every step back starts from the angles of the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.synthesis.ansatz import Ansatz
from qadapt.synthesis.arrays import Floats, lengths
from qadapt.synthesis.generators import generators
from qadapt.synthesis.lm import fit, random_starts
from qadapt.synthesis.starts import identity_starts
from qadapt.synthesis.tangent import matrices

Indices: TypeAlias = NDArray[np.intp]

_AFAR = 0.6  # spectral norm of a skew matrix below which its block is approached from afar
_ROUNDS, _STARTS = 6, 3  # how often that is done, each time from so many starts
_PACE = 0.5  # factor of the skew matrix from step to step
_COARSE = 1e-4  # distance at which a step on the way is good enough to go on
_EXACT, _INEXACT = 300, 60  # evaluations per start; more of them rarely save a gate of an inexact circuit
_INEXACT_STARTS = 3


def search(
    ansatz: Ansatz,
    targets: Floats,
    goal: Floats,
    *,
    exact: bool,
    warm: Floats | None = None,
    tries: int,
    seed: int,
    progress: Callable[[int], object] | None = None,
) -> tuple[Floats, Floats]:
    """Find angles of an ansatz by least squares.

    Args:
        ansatz: The skeleton.
        targets: Matrices ``[rows, d, d]`` of SO(d).
        goal: Frobenius distance at which a row is solved, ``[rows]``.
        exact: Whether the goals are those of exact circuits.
        warm: Angles ``[rows, size]`` to start from.
        tries: Random starts per row.
        seed: Seed of the random starts.
        progress: Called with the number of rows that were closed since the last call.

    Returns:
        Angles ``[rows, size]``, the best found for rows that were not solved, and their distances ``[rows]``.
    """
    angles, found = np.zeros((len(targets), ansatz.size)), np.full(len(targets), np.inf)

    def keep(rows: Indices, better: tuple[Floats, Floats]) -> None:
        improved = better[1] < found[rows]
        angles[rows[improved]], found[rows[improved]] = better[0][improved], better[1][improved]

    every = np.arange(len(targets))
    if warm is not None:
        keep(every, fit(ansatz, targets, warm, every[:, None], goal=goal))
    if ansatz.edges and ansatz not in identity_starts():
        skew = _skew(targets)
        norms = np.linalg.norm(skew, 2, axis=(1, 2))
        for number in range(_ROUNDS if exact else 1):
            near = np.flatnonzero((found > goal) & (norms < _AFAR) & (norms > 0))
            if near.size:
                starts = random_starts(ansatz, _STARTS, seed + number)
                keep(near, _from_afar(ansatz, skew[near], 1 / norms[near], starts, goal[near]))
    hard = np.flatnonzero(found > goal)
    if progress is not None:
        progress(len(targets) - hard.size)
    if hard.size:
        starts = _starts(ansatz, exact, tries, seed)
        # Nearest start first: for a block near the identity that is the identity start.
        made = matrices(generators(ansatz), starts).reshape(len(starts), -1)
        order = np.argsort(-targets[hard].reshape(hard.size, -1) @ made.T, axis=1, kind="stable")
        evaluations = _EXACT if exact else _INEXACT
        tried = fit(ansatz, targets[hard], starts, order, evaluations=evaluations, goal=goal[hard], progress=progress)
        keep(hard, tried)
    return angles, found


def _starts(ansatz: Ansatz, exact: bool, tries: int, seed: int) -> Floats:
    """Angles to start from ``[starts, size]``; inexact circuits of small blocks have small angles."""
    starts = random_starts(ansatz, tries if exact else _INEXACT_STARTS, seed)
    if not exact:
        starts = np.concatenate([starts * 0.05, starts])
    if ansatz in identity_starts():
        starts = np.concatenate([identity_starts()[ansatz][None], starts])
    return starts


def _from_afar(ansatz: Ansatz, skew: Floats, scales: Floats, starts: Floats, goal: Floats) -> tuple[Floats, Floats]:
    """Angles and distances of blocks, by way of those whose skew matrices are ``scales [rows]`` times as large."""
    rows = np.arange(len(skew))
    order = np.broadcast_to(np.arange(len(starts)), (len(skew), len(starts)))
    angles, found = fit(ansatz, _cayley(skew * scales[:, None, None]), starts, order, goal=_COARSE)
    while (scales > 1).any():
        scales = np.maximum(1, scales * _PACE)
        aim = np.where(scales > 1, _COARSE, goal)
        evaluations = _EXACT if (scales <= 1).all() else _INEXACT
        targets = _cayley(skew * scales[:, None, None])
        angles, found = fit(ansatz, targets, angles, rows[:, None], goal=aim, evaluations=evaluations)
    return angles, found


def _skew(matrices: Floats) -> Floats:
    """Skew matrices whose Cayley transforms are given blocks; zero where a block has the eigenvalue -1."""
    identity = np.eye(matrices.shape[1])
    apart = lengths(matrices - identity) < 1
    out = np.zeros_like(matrices)
    out[apart] = np.linalg.solve(identity + matrices[apart], identity - matrices[apart])
    return out


def _cayley(skew: Floats) -> Floats:
    """Rotations (1 - A)(1 + A)^-1 of skew matrices ``[rows, d, d]``."""
    identity = np.eye(skew.shape[1])
    return np.asarray(np.linalg.solve(identity + skew, identity - skew), dtype=np.float64)
