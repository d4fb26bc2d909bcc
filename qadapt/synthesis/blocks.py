"""Orthogonal blocks: angles whose circuit is a given matrix, with one skeleton for all of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.errors import BindingsError
from qadapt.synthesis.ansatz import Ansatz, Attempt, Synthesis
from qadapt.synthesis.arrays import Floats, distances, lengths
from qadapt.synthesis.cache import Cache
from qadapt.synthesis.closed import magic4, o4, so2, so4
from qadapt.synthesis.inputs import TOLERANCE, angles_of, bound_of, matrices_of, some, verified
from qadapt.synthesis.lm import GOAL
from qadapt.synthesis.search import search
from qadapt.synthesis.skeletons import MAGIC, REFLECTION, ROTATION, Effort, ladder, shorter
from qadapt.synthesis.starts import identity_starts

Indices: TypeAlias = NDArray[np.intp]

_CLOSED = {Ansatz(1): so2, ROTATION: so4, MAGIC: magic4, REFLECTION: o4}
_TRIES = {"fast": 12, "best": 60}
_NEAR = {"fast": {8: 0.4, 16: 0.4, 32: 0.4}, "best": {8: 0.005, 16: 0.005, 32: 0.005}}
"""Distance ``||Q - 1|| / sqrt(d)`` from the identity, by effort and side d, below which a block is left to a skeleton
that is regular there: nearer to a critical value, least squares takes ever more evaluations and then fails."""
_SAMPLE = 16  # rows on which a skeleton is tried before all rows are
_CHUNK = 1 << 23  # angles times residuals between two visits to the cache, so that an interrupted call loses little

_log = logging.getLogger(__name__)


def synthesise_blocks(
    matrices: ArrayLike,
    *,
    ansaetze: Sequence[Ansatz] | None = None,
    effort: Effort = "fast",
    approximate: float | bool | None = None,
    warm: ArrayLike | None = None,
    seed: int = 0,
    cache: Cache | None = None,
    progress: Callable[[Ansatz, int], object] | None = None,
) -> Synthesis:
    """Find angles whose circuit is a given orthogonal matrix, up to global phase, with one skeleton for all rows.

    Blocks of side 2 and 4 take 0 and 2 CZ in closed form (3 for side 4 and determinant -1). Larger blocks are solved by
    least squares with one ansatz after the other, until one of them reaches every row; those that some rows did not
    reach are in the result's ``attempts`` and in the log.

    Args:
        matrices: Blocks ``[rows, d, d]`` with d = 2, 4, 8, 16 or 32 and determinant +1 (d = 4: or all -1); index *i*
            has qubit *k* in bit *k*.
        ansaetze: Skeletons to try, in this order; ``ladder`` on a line when omitted.
        effort: Which ladder, and how many starts: ``fast`` or ``best``.
        approximate: Largest loss ``||V - Q|| / ||Q - 1||`` that a row may have, below 1, or True for 0.1; exact to 1e-9
            when omitted. Short skeletons are then tried
            before the first, but residuals below 1e-9 are never asked for.
        warm: Angles ``[rows, size]`` of earlier, similar blocks to start from, for the ansatz of that size.
        seed: Seed of the random starts.
        cache: Where exact angles of large blocks are looked up and kept.
        progress: Called with the ansatz that is being tried and the number of rows closed since the last call.

    Raises:
        BindingsError: The matrices are not real, finite, orthogonal, of such a shape and determinant; warm angles or
            ansaetze do not fit them; or a row is not reached by any ansatz.
    """
    targets = matrices_of(matrices)
    if effort not in _TRIES:
        raise BindingsError(f"effort is {effort!r}, expected 'fast' or 'best'")
    chosen = _chosen(targets, ansaetze, effort)
    before = None if warm is None else angles_of(warm, {ansatz.size for ansatz in chosen}, len(targets))
    exact = approximate is None or approximate is False
    solver = _Solver(targets, before, _TRIES[effort], seed, cache, progress, exact)
    if not exact and approximate is not None:
        bounds = np.maximum(TOLERANCE, bound_of(approximate) * _reach(targets))
        found = solver.first([*solver.promising(shorter(chosen[0]), bounds), *chosen], bounds)
    else:
        dim = targets.shape[1]
        near = np.flatnonzero(_reach(targets) < _NEAR[effort].get(dim, 0.0) * np.sqrt(dim))
        regular = [ansatz for ansatz in chosen if ansatz in _CLOSED or ansatz in identity_starts()]
        left = [ansatz for ansatz in chosen if near.size and regular and ansatz not in regular]
        for ansatz in left:
            _log.info("%d entangling gates are not tried: rows %s are nearly 1", len(ansatz.edges), some(near))
        attempts = [Attempt(ansatz, tuple(near.tolist())) for ansatz in left]
        found = solver.first(regular if left else chosen, np.full(len(targets), TOLERANCE), attempts)
    return verified(found)


def _chosen(targets: Floats, ansaetze: Sequence[Ansatz] | None, effort: Effort) -> tuple[Ansatz, ...]:
    num_qubits = targets.shape[1].bit_length() - 1
    if ansaetze is None:
        reflections = num_qubits == 2 and len(targets) and np.linalg.det(targets[0]) < 0
        return (REFLECTION,) if reflections else ladder(num_qubits, effort=effort)
    for ansatz in ansaetze:
        if ansatz.num_qubits != num_qubits:
            raise BindingsError(f"blocks of side {targets.shape[1]} take {num_qubits} qubits, not {ansatz.num_qubits}")
    if not ansaetze:
        raise BindingsError("no ansatz to try", hint="leave ansaetze out, or give at least one")
    return tuple(ansaetze)


@dataclass(frozen=True, eq=False)
class _Solver:
    """Finds the first ansatz that reaches all targets; the fields are arguments of ``synthesise_blocks``."""

    targets: Floats
    warm: Floats | None
    tries: int
    seed: int
    cache: Cache | None
    progress: Callable[[Ansatz, int], object] | None
    exact: bool

    def first(self, ansaetze: Sequence[Ansatz], bounds: Floats, before: Sequence[Attempt] = ()) -> Synthesis:
        """Angles of the first ansatz with which every row is within its bound, or of the last one."""
        attempts = list(before)
        rows = np.arange(len(self.targets))
        sample = rows[:: max(1, len(rows) // _SAMPLE)]
        for ansatz in ansaetze[:-1]:
            for some_rows in (sample, rows) if len(rows) > 2 * _SAMPLE else (rows,):
                angles = self.angles(ansatz, some_rows, bounds[some_rows], quiet=some_rows is sample)
                residual = distances(ansatz.matrix(angles), self.targets[some_rows])
                bad = some_rows[~(residual <= bounds[some_rows])]
                if bad.size:
                    break
            else:
                return self.synthesis(ansatz, angles, bounds, attempts)
            attempts.append(Attempt(ansatz, tuple(bad.tolist())))
            tell = _log.warning if self.exact else _log.info
            tell("%d entangling gates do not reach rows %s; taking more", len(ansatz.edges), some(bad))
        return self.synthesis(ansaetze[-1], self.angles(ansaetze[-1], rows, bounds), bounds, attempts)

    def promising(self, ansaetze: Sequence[Ansatz], bounds: Floats) -> Sequence[Ansatz]:
        """The ansaetze, ascending, from the first on that holds the bounds of a few rows.

        Found by bisection: that a longer one can do what a shorter one could is nearly always true, and where it is
        not, only a chance to save a gate is lost.
        """
        rows = np.arange(len(self.targets))[:: max(1, len(self.targets) // _SAMPLE)]
        low, high = 0, len(ansaetze)
        middle = 0  # the empty circuit first: it is what identities take
        while low < high:
            angles = self.angles(ansaetze[middle], rows, bounds[rows], quiet=True)
            residual = distances(ansaetze[middle].matrix(angles), self.targets[rows])
            low, high = (low, middle) if (residual <= bounds[rows]).all() else (middle + 1, high)
            middle = (low + high) // 2
        return ansaetze[low:]

    def synthesis(self, ansatz: Ansatz, angles: Floats, bounds: Floats, attempts: Sequence[Attempt]) -> Synthesis:
        """What was found, with its residuals."""
        residual, reach = distances(ansatz.matrix(angles), self.targets), _reach(self.targets)
        missed = np.where(residual <= TOLERANCE, 0.0, np.inf)
        loss = np.divide(residual, reach, out=missed, where=reach > TOLERANCE)
        return Synthesis(ansatz, angles, residual, loss, bounds, tuple(attempts))

    def angles(self, ansatz: Ansatz, rows: Indices, bounds: Floats, *, quiet: bool = False) -> Floats:
        """Angles of some rows ``[rows, size]``: in closed form, from the cache, or by least squares."""
        targets, exact = self.targets[rows], self.exact
        if ansatz in _CLOSED:
            return _CLOSED[ansatz](targets)
        known, angles = np.zeros(len(rows), dtype=bool), np.zeros((len(rows), ansatz.size))
        cache = self.cache if exact else None
        advance = None if quiet or self.progress is None else partial(self.progress, ansatz)
        if cache is not None:
            known, angles = cache.get(ansatz, targets)
            known &= distances(ansatz.matrix(angles), targets) <= TOLERANCE
        if advance is not None:
            advance(int(known.sum()))
        warm = None if self.warm is None or self.warm.shape[1] != ansatz.size else self.warm[rows]
        missing = np.flatnonzero(~known)
        size = ansatz.size * targets.shape[1] * (targets.shape[1] - 1) // 2
        for chunk in np.array_split(missing, max(1, -(-missing.size * size // _CHUNK))):
            angles[chunk], found = search(
                ansatz,
                targets[chunk],
                bounds[chunk] * (GOAL / TOLERANCE),
                exact=exact,
                warm=None if warm is None else warm[chunk],
                tries=self.tries,
                seed=self.seed,
                progress=advance,
            )
            if cache is not None:
                solved = chunk[found <= TOLERANCE]
                cache.put(ansatz, targets[solved], angles[solved])
        return angles


def _reach(targets: Floats) -> Floats:
    """Frobenius distances of the blocks from the identity, ``[rows]``: how much they do."""
    return lengths(targets - np.eye(targets.shape[1]))
