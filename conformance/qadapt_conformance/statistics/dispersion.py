"""Dispersion: whether two equal experiments differ as much as independent shots make them, and no more.

Two experiments of N independent shots with the same, unknown probability p of a one count k and s - k ones. Given their
sum s, k is hypergeometric whatever p is (R. A. Fisher's exact test, Statistical Methods for Research Workers, 5th
edition 1934, section 21.02), so its distribution is known without a model of the machine. The statistic is the sum of
``(k - (s - k))**2`` over many pairs. Shots that are counted several times make it too large; experiments that share
shots, or counts that are rounded expectations, make it too small. Both tails have Chernoff's bound, ``P(T >= t) <=
exp(-a t) prod E exp(a X)`` for every a > 0 and likewise below, with each expectation summed up exactly: the bound holds
at any number of shots and pairs.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import hypergeom

STEEPEST = 60.0
"""Largest slope that is tried, in units of 1 / (2 N)."""


def dispersion(first: NDArray[np.int64], second: NDArray[np.int64], shots: int) -> float:
    """Bound the probability that independent shots make pairs differ as much, or as little, as these.

    Args:
        first: Ones of the first experiment of each pair, ``[pairs]``; pairs are independent of each other.
        second: Ones of the second.
        shots: Shots N of each experiment.

    Returns:
        A p-value for both tails together.
    """
    if min(first.min(), second.min()) < 0 or max(first.max(), second.max()) > shots:
        return 0.0  # no counts of so many shots
    sums, repeats = np.unique(first + second, return_counts=True)
    ones, totals = np.arange(shots + 1), sums[:, None]
    squares = (2 * ones - totals) ** 2 / (2 * shots)
    weights = hypergeom.logpmf(ones, 2 * shots, totals, shots)
    seen = float(np.sum((first - second) ** 2)) / (2 * shots)

    def bound(slope: float) -> float:
        """Logarithm of Chernoff's bound; a positive slope bounds the upper tail, a negative one the lower."""
        return float(repeats @ logsumexp(weights + slope * squares, axis=1)) - slope * seen

    tails = [
        minimize_scalar(bound, bounds=bounds, method="bounded").fun for bounds in ((0.0, STEEPEST), (-STEEPEST, 0.0))
    ]
    return min(1.0, 2 * exp(min(0.0, *tails)))
