"""Signs: which components of a real vector have opposite signs, from counts of its interfering settings.

With magnitudes ``m`` from the computational basis, a quarter turn of one qubit tells the relative sign of every two
components whose indices differ in that bit. The log-likelihood of all signs is then a sum over the edges of the
hypercube, ``sum w_ij s_i s_j``, an Ising model, whose best signs are found exactly, in ``d / 2`` passes over a table of
``2^(d/2)``. Signs that are almost as good, because an amplitude vanishes, are proposed too; the likelihood of all
counts decides among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.readout.likelihood import FLOOR, Likelihood, unit

Floats: TypeAlias = NDArray[np.float64]
Edges: TypeAlias = NDArray[np.intp]

NEAR = 12.0
"""Signs whose log-likelihood is within so many nats of the best are tried too."""
OTHERS = 4
"""Most other signs that are tried in a row."""
CLUSTER = 4
"""Largest cluster of components whose signs are changed together."""
CELLS = 2**19
"""Most numbers in a table of the search."""


@lru_cache
def edges(dim: int) -> Edges:
    """Edges ``(low, high, qubit)`` of the hypercube, ``[edges, 3]``: those of the lower half, of the upper, between."""
    half, between = dim // 2, dim.bit_length() - 2
    lower = edges(half) if dim > 2 else np.zeros((0, 3), dtype=np.intp)
    upper = lower + np.array([half, half, 0])
    middle = np.array([(i, i + half, between) for i in range(half)], dtype=np.intp)
    return np.concatenate([lower, upper, middle])


def starts(like: Likelihood) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Unit vectors to climb from: for all rows the most likely signs, then other near ones for the rows that have any.

    Args:
        like: Likelihood of counts in the settings of ``qadapt.readout.settings.interfering``.

    Yields:
        Numbers of rows, and their vectors ``[numbers, d]``.
    """
    sizes, weights = couplings(like)
    best = search(weights)
    yield np.arange(len(best)), unit(sizes * best)
    low, high, _ = edges(best.shape[1]).T
    flips = clusters(best.shape[1])
    cut = flips[:, low] != flips[:, high]
    costs = 2 * (weights * best[:, low] * best[:, high]) @ cut.T
    order = np.argsort(costs, axis=1)[:, :OTHERS]
    for chosen in order.T:
        rows = np.flatnonzero(costs[np.arange(len(costs)), chosen] < NEAR)
        if len(rows):
            yield rows, unit(sizes[rows] * best[rows] * flips[chosen[rows]])


def couplings(like: Likelihood) -> tuple[Floats, Floats]:
    """Magnitudes ``[rows, d]`` and half the log-likelihood ratios of equal signs, ``[rows, edges]``."""
    dim = like.counts.shape[2]
    counts = np.clip(unread(like), 0, None)
    kept, lost = (1 - like.strengths)[..., None], (like.strengths / dim)[..., None] + FLOOR / like.shots[:, None]
    rate = np.clip(counts[:, 0] / like.shots[0] - lost[:, 0], 0, None) / kept[:, 0]
    sizes = np.sqrt(rate + 0.25 / like.shots[0])
    low, high, qubit = edges(dim).T
    rows = np.arange(len(counts))[:, None]
    # A quarter turn sends (u, v) to (u - v, u + v) / sqrt 2.
    ahead = counts[rows, 1 + qubit, high] - counts[rows, 1 + qubit, low]
    together, apart = (np.square(sizes[:, low] + sign * sizes[:, high]) / 2 for sign in (1, -1))
    kept, lost = kept[:, 1 + qubit, 0], lost[:, 1 + qubit, 0]
    return sizes, ahead * np.log((kept * together + lost) / (kept * apart + lost)) / 2


def search(weights: Floats) -> Floats:
    """Signs ``[rows, d]``, each 1 or -1, that make ``sum w_ij s_i s_j`` over the hypercube's edges largest.

    For every setting of the upper half of the signs, the best of the lower half is found by eliminating one sign after
    the other: a Walsh transform with maxima in place of sums.

    Args:
        weights: ``[rows, edges]``, in the order of ``edges``.
    """
    number = weights.shape[1]
    dim = next(2**n for n in range(1, 8) if n * 2 ** (n - 1) == number)
    step = max(1, CELLS >> (dim // 2))
    return np.concatenate([_search(weights[start : start + step], dim) for start in range(0, len(weights), step)])


def _search(weights: Floats, dim: int) -> Floats:
    half, inner = dim // 2, (weights.shape[1] - dim // 2) // 2
    signs = 1.0 - 2 * ((np.arange(2**half)[:, None] >> np.arange(half)) & 1)
    low, high, _ = edges(half).T if half > 1 else np.zeros((3, 0), dtype=np.intp)
    pairs = (signs[:, low] * signs[:, high]).T
    lower, upper, between = weights[:, :inner] @ pairs, weights[:, inner : 2 * inner] @ pairs, weights[:, 2 * inner :]
    table = lower
    for bit in range(half):
        split = table.reshape(len(weights), -1, 2, 2**bit)
        plus, minus, turn = split[:, :, 0], split[:, :, 1], between[:, bit, None, None]
        both = [np.maximum(plus + turn, minus - turn), np.maximum(plus - turn, minus + turn)]
        table = np.stack(both, axis=2).reshape(len(weights), -1)
    above = signs[(table + upper).argmax(axis=1)]
    below = signs[(lower + (between * above) @ signs.T).argmax(axis=1)]
    return np.concatenate([below, above], axis=1)


@lru_cache
def clusters(dim: int) -> Floats:
    """Changes of signs that are likely mistakes, ``[changes, d]``, each 1 or -1.

    Those of any two components, and of up to ``CLUSTER`` that edges connect: a cluster of large components is held to
    the others by few and small ones. Of two changes that differ by the sign of all there is one.
    """
    grown = {frozenset([i]) for i in range(dim)}
    sets = {frozenset(pair) for pair in combinations(range(dim), 2)} | grown
    for _ in range(CLUSTER - 1):
        grown = {some | {i ^ 1 << bit} for some in grown for i in some for bit in range(dim.bit_length() - 1)}
        sets |= grown
    made = np.array([[-1.0 if i in some else 1.0 for i in range(dim)] for some in sets])
    distinct = np.unique(made * made[:, :1], axis=0)
    return distinct[(distinct < 0).any(axis=1)]


def unread(like: Likelihood) -> Floats:
    """Counts with the readout confusion taken back, which may leave negative ones."""
    if like.confusion is None:
        return like.counts
    out: Floats = (np.linalg.pinv(like.confusion)[like.tiles] @ like.counts[..., None])[..., 0]
    return out
