"""Matching: whether two tables of counts come from the same distributions, within what noise explains.

The distance is the total variation between the distributions of the two sides, averaged over rows. One shot of a side
with N shots per row moves the mean over R rows of the seen distance by at most 1 / (R N), so the seen distance is
within ``t`` of its expectation with probability ``exp(-2 t**2 R / (1 / N1 + 1 / N2))`` on either side (C. McDiarmid, On
the method of bounded differences, 1989). Its expectation is at least the true distance and at most that plus
``(sqrt((k - 1) / N1) + sqrt((k - 1) / N2)) / 2`` for k outcomes.
"""

from __future__ import annotations

from math import ceil, log, sqrt

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from qadapt_conformance.statistics import ALPHA, total_variation
from qadapt_conformance.verdict import Verdict


class Match(BaseModel):
    """How far apart two sides are.

    Attributes:
        first: Full name of one backend.
        second: Full name of the other, or ``exact``.
        verdict: CONFORMS if they surely are within the margin, VIOLATES if they surely are not, else UNDECIDED.
        seen: Distance of the seen frequencies, which overestimates.
        lower: The true distance is smaller with a probability of at most the level of the interval.
        upper: The true distance is larger with a probability of at most that level.
        margin: What the noise of the two sides explains; None if it is so much that no distance would say anything.
        needs: Shots per row of both that would decide; 0 if it is decided or no number would.
    """

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    verdict: Verdict
    seen: float
    lower: float
    upper: float
    margin: float | None
    needs: int = 0


def match(
    names: tuple[str, str],
    first: NDArray[np.int64],
    second: NDArray[np.int64] | NDArray[np.float64],
    margin: float | None,
    level: float = ALPHA,
) -> Match:
    """Compare two sides.

    Against a margin only one end of the interval can be wrong, so the verdict is wrong at most as often as that.

    Args:
        names: Of the sides.
        first: Counts ``[rows, outcomes]``, equal totals in all rows.
        second: Counts of the other side, or exact probabilities.
        margin: Distance at which they still match; None if that cannot be said.
        level: Probability that the interval is wrong on one side, at most.

    Raises:
        ValueError: The shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"tables of shapes {first.shape} and {second.shape} do not compare")
    rows, outcomes = first.shape
    shots = [float(table[0].sum()) for table in (first, second) if table.dtype.kind == "i"]
    shares = [table / table.sum(axis=1, keepdims=True) for table in (first, second)]
    seen = float(total_variation(*shares).mean())
    bias, spread = _error(rows, outcomes, shots, level)
    lower, upper = max(0.0, seen - bias - spread), min(1.0, seen + spread)
    verdict, needs = Verdict.UNDECIDED, 0
    if margin is None:
        pass
    elif upper <= margin:
        verdict = Verdict.CONFORMS
    elif lower > margin:
        verdict = Verdict.VIOLATES
    else:
        # The seen distance less its bias is the best guess of the true one.
        gap = abs(margin - max(0.0, seen - bias)) or 1e-3
        unit = sum(_error(rows, outcomes, [1.0] * len(shots), level))
        needs = max(ceil((2 * unit / gap) ** 2), int(2 * min(shots)))
    return Match(
        first=names[0],
        second=names[1],
        verdict=verdict,
        seen=seen,
        lower=lower,
        upper=upper,
        margin=margin,
        needs=needs,
    )


def _error(rows: int, outcomes: int, shots: list[float], level: float) -> tuple[float, float]:
    """How much counting adds to the distance at most, and how far the sum strays with a probability of the level."""
    bias = sum(sqrt((outcomes - 1) / each) for each in shots) / 2
    return bias, sqrt(-log(level) * sum(1 / each for each in shots) / (2 * rows))
