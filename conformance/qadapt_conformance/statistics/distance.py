"""Distance: how far the distribution behind counts is from a reference, with limits that hold at any number of shots.

The distance is the total variation ``TVD(p, q) = sum |p - q| / 2``, averaged over rows. With seen frequencies f of N
shots over k outcomes, and D the mean over R rows of TVD(p, reference):

- One shot moves the mean of TVD(f, reference) by at most 1 / (R N), so it exceeds its expectation, or falls short of
  it, by t with probability at most ``exp(-2 t**2 R**2 / sum 1/N)`` (C. McDiarmid, On the method of bounded differences,
  1989).
- Its expectation is at least D (Jensen) and at most D plus the mean of E TVD(f, p), which is at most ``sqrt((k - 1) /
  N) / 2`` (Cauchy-Schwarz on the standard deviations of the frequencies).
- For few outcomes a bound without that bias is tighter: the mean of TVD(f, p) exceeds t with probability at most
  ``prod (2**k - 2) exp(-2 t**2 R**2 / sum 1/N)``, by a union over the sets of outcomes of each row (T. Weissman, E.
  Ordentlich, G. Seroussi, S. Verdu, M. J. Weinberger, Inequalities for the L1 deviation of the empirical distribution,
  HP Labs HPL-2003-97R1, for one row).

The two limits are one-sided, each at level alpha. Against a fixed margin only one of the two can be wrong, so a verdict
is wrong with probability at most alpha (D. J. Schuirmann's two one-sided tests, J. Pharmacokinet. Biopharm. 15 (1987)
657).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, log1p, sqrt
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Standing: TypeAlias = Literal["within", "beyond", "undecided"]


@dataclass(frozen=True)
class Distance:
    """A total variation distance, averaged over rows.

    Attributes:
        seen: Distance of the seen frequencies, which overestimates: counting noise adds to it.
        lower: The true distance is smaller with probability at most alpha.
        upper: The true distance is larger with probability at most alpha.
    """

    seen: float
    lower: float
    upper: float

    def against(self, margin: float) -> Standing:
        """Say on which side of a margin the true distance is, wrongly with probability at most alpha."""
        if self.upper < margin:
            return "within"
        return "beyond" if self.lower > margin else "undecided"


def total_variation(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Total variation distance of distributions along the last axis."""
    distance: NDArray[np.float64] = np.abs(first - second).sum(axis=-1) / 2
    return distance


def measure(counts: NDArray[np.int64], reference: NDArray[np.float64], alpha: float) -> Distance:
    """Bound the mean distance over rows; one row ``counts[i:i + 1]`` by itself works as well.

    Args:
        counts: ``[rows, outcomes]``, rows independent of each other.
        reference: ``[rows, outcomes]``.
        alpha: Probability that the true distance is beyond either limit, at most, for each of the two.

    Raises:
        ValueError: The shapes do not fit each other, or a row has no shots.
    """
    seen, spread = _seen(counts, reference)
    bias, sets = _bias(counts), _sets(counts)
    wide = sqrt(-log(alpha) * spread)
    lower = seen - min(bias + wide, sqrt((sets - log(alpha)) * spread))
    return Distance(seen, max(0.0, lower), min(1.0, seen + wide))


def p_values(counts: NDArray[np.int64], reference: NDArray[np.float64], margin: float) -> tuple[float, float]:
    """Bound how probable it is to see counts so close, or so far, if the distance is on the other side of a margin.

    Args:
        counts: ``[rows, outcomes]``.
        reference: ``[rows, outcomes]``.
        margin: A distance.

    Returns:
        The p-values of "the distance is at least the margin", which a small one refutes in favour of ``within``, and of
        "the distance is at most the margin", refuted in favour of ``beyond``.

    Raises:
        ValueError: As ``measure``.
    """
    seen, spread = _seen(counts, reference)
    near, far = max(0.0, margin - seen), max(0.0, seen - margin)
    unbiased = max(0.0, far - _bias(counts))
    union = exp(min(0.0, _sets(counts) - far**2 / spread)) if far else 1.0
    return exp(-(near**2) / spread), min(exp(-(unbiased**2) / spread), union)


def _seen(counts: NDArray[np.int64], reference: NDArray[np.float64]) -> tuple[float, float]:
    """Mean distance of the frequencies, and ``sum 1/N / (2 R**2)``, the spread of the mean over rows."""
    shots = counts.sum(axis=1)
    if counts.shape != reference.shape or not len(counts):
        raise ValueError(f"a reference of shape {reference.shape} does not fit counts of shape {counts.shape}")
    if not shots.all():
        raise ValueError("a row without shots has no distance")
    seen = total_variation(counts / shots[:, None], reference).mean()
    return float(seen), float((1 / shots).sum()) / (2 * len(counts) ** 2)


def _bias(counts: NDArray[np.int64]) -> float:
    """Bound on how much counting noise adds to the mean distance."""
    return float(np.sqrt((counts.shape[1] - 1) / counts.sum(axis=1)).mean()) / 2


def _sets(counts: NDArray[np.int64]) -> float:
    """Logarithm of the number of sets of outcomes in Weissman's union, over all rows."""
    return len(counts) * log_sets(counts.shape[1])


def log_sets(outcomes: int) -> float:
    """Logarithm of ``2**k - 2``: the sets of outcomes that are neither empty nor everything."""
    outcomes = max(outcomes, 2)
    return outcomes * log(2) + log1p(-(2.0 ** (1 - outcomes)))
