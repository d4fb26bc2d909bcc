"""Exact class: how surprising counts are if the backend is right, with a bound that holds at any number of shots.

The statistic is the likelihood ratio (G) against exact probabilities, ``G / 2 = N KL(seen | expected)``. For counts of
N shots over k possible outcomes its moment generating function is at most that of a gamma distribution of shape k - 1
and rate 1 (R. Agrawal, Finite-sample concentration of the multinomial in relative entropy, IEEE Trans. Inf. Theory 66
(2020), arXiv:1904.02291). Generating functions of independent rows multiply, so shapes add, and Chernoff's bound gives
``P(sum N KL >= g) <= exp(D - g) (g / D)**D`` for g > D with D the sum of the shapes. Unlike the chi-squared limit this
is no approximation: the declared false-alarm rate holds for few shots and for rare outcomes too.
"""

from __future__ import annotations

from math import exp, inf, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import lambertw

IMPOSSIBLE = 1e-20
"""Outcomes of a smaller probability must not occur: exact zeros reach an oracle as rounding noise near 1e-33."""


def tail(divergence: float, freedom: int) -> float:
    """Bound the probability of a divergence ``N KL`` (nats, summed over rows) at least this large.

    Without freedom there is one possible outcome, whose divergence is rounding noise.
    """
    if divergence <= freedom or freedom == 0:
        return 1.0
    return exp(freedom - divergence + freedom * log(divergence / freedom))


def threshold(level: float, freedom: int) -> float:
    """Return the divergence from which ``tail`` is at most a level; infinite without freedom.

    With x = g / D the tail is ``(x exp(1 - x))**D``; x > 1 comes from the lower branch of Lambert's W function.

    Args:
        level: Between 0 and 1.
        freedom: Degrees of freedom, summed over rows.
    """
    if freedom == 0:
        return inf
    return float(-freedom * lambertw(-exp(log(level) / freedom - 1), -1).real)


def divergences(
    counts: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Divergence ``N KL`` and degrees of freedom of every row.

    Args:
        counts: ``[rows, outcomes]``; a row's own total is its number of shots.
        probabilities: ``[rows, outcomes]``.

    Returns:
        Two arrays ``[rows]``; the divergence is infinite where an impossible outcome occurred.
    """
    possible = probabilities > IMPOSSIBLE
    expected = counts.sum(axis=1, keepdims=True) * probabilities
    seen = counts > 0
    terms = np.zeros(counts.shape)
    both = seen & possible
    terms[both] = counts[both] * np.log(counts[both] / expected[both])
    total = terms.sum(axis=1)
    total[(seen & ~possible).any(axis=1)] = np.inf
    return total, possible.sum(axis=1) - 1


def surprise(counts: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Bound the probability that a right backend's counts deviate from the probabilities at least this much.

    Two looks at once, Bonferroni-corrected: all rows together (sees small errors everywhere) and the worst row by
    itself (sees one wrong row among many right ones).

    Args:
        counts: ``[rows, outcomes]``.
        probabilities: ``[rows, outcomes]``.
    """
    total, freedom = divergences(counts, probabilities)
    if np.isinf(total).any():
        return 0.0
    together = tail(float(total.sum()), int(freedom.sum()))
    worst = min(tail(float(g), int(d)) for g, d in zip(total, freedom, strict=True))
    return min(1.0, 2 * min(together, len(total) * worst))
