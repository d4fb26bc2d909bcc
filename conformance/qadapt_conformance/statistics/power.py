"""Power: how many shots per row a question needs, so that its answer is missed with a stated small probability.

All three plans are Chernoff bounds. Counts of N shots per row from q carry the log-likelihood ratio ``S = sum n log(q /
p)``, with ``E exp(-u S) = exp(-N C(u))`` exactly and ``C(u) = -sum over rows of log sum q**(1 - u) p**u`` (H. Chernoff,
Ann. Math. Statist. 23 (1952) 493; A. Renyi's divergence). What the fits and the finite-sample corrections add to S is
quadratic in nearly normal frequencies and enters with its own generating function, as if independent of S.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

from qadapt_conformance.statistics.distance import log_sets
from qadapt_conformance.statistics.exact import IMPOSSIBLE, threshold
from qadapt_conformance.statistics.mixture import fit, mix

POWER = 0.999
"""Probability that a wrong backend is found, at least, with the shots planned."""

MOST = 1e12
"""Plans of more shots than this count as infinite: the distributions agree up to rounding errors."""

_ORDERS = np.concatenate([[0.0], np.geomspace(1e-4, 0.02, 12), np.linspace(0.03, 0.99, 97)])


def exact_shots(right: NDArray[np.float64], wrong: NDArray[np.float64], level: float, *, power: float = POWER) -> float:
    """Plan the exact class: shots per row so that ``surprise`` is at most a level on a wrong backend.

    Either of the two looks of ``surprise`` may see it. The divergence from the right probabilities is the
    log-likelihood ratio plus half a chi-squared of the outcomes that occur.

    Args:
        right: ``[rows, outcomes]``, what should be.
        wrong: ``[rows, outcomes]``, what the wrong backend does.
        level: Of the test: alpha over the number of looks of the run.
        power: Probability that the test rejects, at least.

    Returns:
        A whole number, or infinity where right and wrong agree.
    """
    rates = _rates(wrong, right)
    freedom = (right > IMPOSSIBLE).sum(axis=1) - 1
    together = np.array([threshold(level / 2, int(freedom.sum()))])
    alone = np.array([threshold(level / 2 / len(right), int(each)) for each in freedom])

    def miss(shots: float) -> float:
        halves = np.maximum((shots * wrong >= 1).sum(axis=1) - 1, 0) / 2
        rows = _miss(rates, alone, halves, shots)
        whole = _miss(rates.sum(axis=1, keepdims=True), together, halves.sum(keepdims=True), shots)
        return float(min(rows.sum(), whole[0]))

    return _least(miss, log(1 - power))


def evidence_shots(
    expected: NDArray[np.float64],
    right: NDArray[np.float64],
    wrong: NDArray[np.float64],
    level: float,
    *,
    allowance: float = 0.0,
    power: float = POWER,
) -> float:
    """Plan the noisy class: shots per row so that ``weigh`` refutes the wrong family on a right backend.

    The mean of the two e-values is at least their geometric mean, whose logarithm is half the log-likelihood ratio of
    all shots between the expected distribution and the nearest wrong one, less what fitting costs: per dimension of the
    right family ``(a**2 + b**2) / 4 - a b`` with the standard normal errors a and b of the two fits, per dimension of
    the wrong one ``(a**2 + b**2) / 4``.

    Exchange right and wrong, and expect a member of the wrong family, to plan how a wrong backend is found out.

    Args:
        expected: ``[rows, outcomes]``, a member of the right family.
        right: Components ``[components, rows, outcomes]``.
        wrong: Components of the family to refute.
        level: Of the test: alpha over the number of looks of the run.
        allowance: Evidence per shot that does not count, in nats.
        power: Probability that the p-value is at most the level, at least.

    Returns:
        A whole number, or infinity where the wrong family holds the expected distribution, or nearly.
    """
    nearest = mix(fit(expected, wrong).weights, wrong)
    orders = _ORDERS[_ORDERS < 0.65]
    rates = _rates(expected, nearest, orders / 2).sum(axis=1) - orders * allowance * len(expected)
    cost = _dimensions(right) * -0.5 * (np.log1p(-1.5 * orders) + np.log1p(orders / 2))
    cost += _dimensions(wrong) * -np.log1p(-orders / 2)
    useful = rates > 0
    if not useful.any():
        return inf
    needed = orders * -log(level) + cost - log(1 - power)
    return _whole(float((needed[useful] / rates[useful]).min()))


def distance_shots(
    expected: float, margin: float, rows: int, outcomes: int, alpha: float, *, power: float = POWER
) -> float:
    """Plan the distance: shots per row so that ``measure`` puts an expected distance on its side of a margin.

    A guarantee, by the inequalities of ``distance``.

    Args:
        expected: Mean total variation distance over rows.
        margin: The distance to compare with.
        rows: Number of rows.
        outcomes: Number of outcomes.
        alpha: Level of the verdict.
        power: Probability that it is given, at least.

    Returns:
        A whole number, or infinity where the expected distance is the margin.
    """
    if expected == margin:
        return inf
    sure, missed = sqrt(-log(alpha) / 2 / rows), sqrt(-log(1 - power) / 2 / rows)
    bias, union = sqrt(outcomes - 1) / 2, sqrt(rows * log_sets(outcomes) / 2 / rows - log(alpha) / 2 / rows)
    error = missed + (bias + sure if expected < margin else min(bias + sure, union))
    return _whole((error / (margin - expected)) ** 2)


def _rates(
    q: NDArray[np.float64], p: NDArray[np.float64], orders: NDArray[np.float64] = _ORDERS
) -> NDArray[np.float64]:
    """Return ``C(u)`` of every row, ``[orders, rows]``, in nats per shot.

    Written as ``-log(1 - sum ((1 - u) q + u p - q**(1 - u) p**u))`` with terms that are never negative, which stays
    accurate where q and p nearly agree.
    """
    possible = p > IMPOSSIBLE
    p, out = np.where(possible, p, 0.0), np.empty((len(orders), len(q)))
    for index, u in enumerate(orders):
        product = np.where(possible, q ** (1 - u) * np.where(possible, p, 1.0) ** u, 0.0)
        missing = ((1 - u) * q + u * p - product).sum(axis=1)
        with np.errstate(divide="ignore"):
            out[index] = -np.log1p(-np.minimum(missing, 1.0))
    return np.maximum(out, 0.0)


def _miss(
    rates: NDArray[np.float64], bars: NDArray[np.float64], halves: NDArray[np.float64], shots: float
) -> NDArray[np.float64]:
    """Logarithms of the probabilities that divergences stay below bars, ``[rows]``.

    Order 0 is the probability that nothing impossible occurs, whatever the bar.

    Args:
        rates: ``[orders, rows]``.
        bars: ``[rows]``.
        halves: Half the degrees of freedom of the chi-squared, ``[rows]``.
        shots: Per row.
    """
    exponents = -np.log1p(_ORDERS)[:, None] * halves - shots * rates
    # A bar at infinity is passed by what is impossible only, which is order 0.
    exponents[1:] = np.where(
        np.isinf(bars), np.inf, exponents[1:] + _ORDERS[1:, None] * np.nan_to_num(bars, posinf=0.0)
    )
    least: NDArray[np.float64] = exponents.min(axis=0).clip(max=0.0)
    return least


def _least(miss: Callable[[float], float], wanted: float) -> float:
    """Smallest number of shots at which the logarithm of a falling probability is at most the one wanted."""
    high = 1.0
    while miss(high) > wanted:
        high *= 2
        if high > MOST:
            return inf
    low = high / 2
    while high - low > max(0.5, 1e-3 * high):
        middle = (low + high) / 2
        low, high = (middle, high) if miss(middle) > wanted else (low, middle)
    return _whole(high)


def _whole(shots: float) -> float:
    return inf if shots > MOST else float(ceil(shots))


def _dimensions(components: NDArray[np.float64]) -> int:
    """Dimensions of a family: one less than its components that differ."""
    return int(np.linalg.matrix_rank(components.reshape(len(components), -1), tol=1e-9)) - 1
