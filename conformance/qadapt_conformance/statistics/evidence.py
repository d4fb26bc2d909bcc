"""Evidence: which of two families of distributions the counts come from, by the split likelihood ratio.

One half of the shots chooses a member of one family, the other half compares it with the best member of the other
family. If the counts come from any member of the other family, the likelihood ratio has an expectation of at most 1: it
is an e-value, and exceeds 1 / alpha with probability at most alpha, at any number of shots and without any regularity
(L. Wasserman, A. Ramdas, S. Balakrishnan, Universal inference, PNAS 117 (2020) 16880, arXiv:1912.11436). The halves
then change roles, and the mean of the two ratios is an e-value as well (the cross-fit ratio, section 2 there). The
supremum over a family enters by its certified upper bound, so a fit that is not perfect errs on the safe side.

Where neither family holds, an e-value still compares: it is large only if the one family explains the counts better
than every member of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np
from numpy.typing import NDArray

from qadapt_conformance.statistics.mixture import Fit, fit, log_likelihood, mix


@dataclass(frozen=True)
class Evidence:
    """What counts say about a right and a wrong family, as natural logarithms of e-values.

    Attributes:
        against_wrong: Against all members of the wrong family.
        against_right: Against all members of the right family.
    """

    against_wrong: float
    against_right: float

    @property
    def p_wrong(self) -> float:
        """Bound on the probability of so much evidence if the wrong family holds, for Holm's procedure."""
        return p_value(self.against_wrong)

    @property
    def p_right(self) -> float:
        """Bound on the probability of so much evidence if the right family holds, for Holm's procedure."""
        return p_value(self.against_right)


def p_value(log_e: float) -> float:
    """Turn the logarithm of an e-value into a p-value, ``min(1, 1 / e)`` (Markov's inequality)."""
    return exp(-max(0.0, log_e))


def weigh(
    counts: NDArray[np.int64], right: NDArray[np.float64], wrong: NDArray[np.float64], *, seed: int | Sequence[int]
) -> Evidence:
    """Weigh two families against each other.

    Args:
        counts: ``[rows, outcomes]``, rows independent of each other.
        right: Components ``[components, rows, outcomes]`` of what should be.
        wrong: The same of what should not be; the number of components may differ.
        seed: Decides the halves; must not depend on the counts.

    Raises:
        ValueError: The shapes do not fit each other.
    """
    return weigh_halves(*halves(counts, seed), right, wrong)


def weigh_halves(
    one: NDArray[np.int64], two: NDArray[np.int64], right: NDArray[np.float64], wrong: NDArray[np.float64]
) -> Evidence:
    """Weigh two families by counts ``[rows, outcomes]`` of two experiments that are independent of each other."""
    rights, wrongs = [fit(half, right) for half in (two, one)], [fit(half, wrong) for half in (two, one)]
    chosen_right = [_evaluated(half, each, right) for half, each in zip((one, two), rights, strict=True)]
    chosen_wrong = [_evaluated(half, each, wrong) for half, each in zip((one, two), wrongs, strict=True)]
    return Evidence(
        against_wrong=_mean(chosen_right, [each.supremum for each in reversed(wrongs)]),
        against_right=_mean(chosen_wrong, [each.supremum for each in reversed(rights)]),
    )


def halves(counts: NDArray[np.int64], seed: int | Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Deal every row's shots at random into two halves; the first one gets the smaller half of an odd number.

    Args:
        counts: ``[rows, outcomes]``.
        seed: Of NumPy's default generator.
    """
    generator = np.random.default_rng(seed)
    one = np.zeros_like(counts)
    for index, row in enumerate(counts):
        one[index] = generator.multivariate_hypergeometric(row, int(row.sum()) // 2, method="marginals")
    return one, counts - one


def _evaluated(half: NDArray[np.int64], chosen: Fit, components: NDArray[np.float64]) -> float:
    """Log-likelihood of a half under what the other half has chosen."""
    return log_likelihood(half, mix(chosen.weights, components))


def _mean(chosen: list[float], suprema: list[float]) -> float:
    """Logarithm of the mean of the ratios; what neither side can explain is no evidence."""
    logs = [-inf if top == -inf else top - bottom for top, bottom in zip(chosen, suprema, strict=True)]
    return float(np.logaddexp.reduce(logs)) - log(len(logs))
