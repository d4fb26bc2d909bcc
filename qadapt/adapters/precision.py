"""Precision: run no more shots than an error asks for, in rounds that end when it is reached."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.adapters.allocation import strata
from qadapt.adapters.sensitivity import Sensitivity
from qadapt.errors import AdapterError

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

AIM = 0.95
"""Variance that a round aims at, as a share of the wanted one, so that it is rarely missed by a little."""


@dataclass(frozen=True, eq=False)
class Precision:
    """Standard error that is enough, and how it is approached.

    The first round gives every row the same shots. Each other one is planned from the standard errors that the read-out
    reports: rows get what brings the whole to its target with the fewest shots, shots in proportion to what is left of
    each row's error. Counts of all rounds are decoded together. What the read-out does not know of, as the bias of
    ``input-sign``, no number of shots takes away.

    Attributes:
        error: Standard error that is enough: of the layer's quantum part, as a share of its root mean square; with a
            sensitivity that of the loss, which for a mean of log-probabilities is the relative one of the perplexity.
        first: Shots of a row in the first round.
        growth: By how much a round may multiply the shots of a row at most.
        classes: Most runs of a round.
        sensitivity: What slices do to the loss, of the very inputs that are to be run; its layers and calls share the
            variance in proportion to what they cost.

    Raises:
        AdapterError: A number is out of range.
    """

    error: float
    first: int = 512
    growth: float = 4.0
    classes: int = 3
    sensitivity: Sensitivity | None = None

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        good = isfinite(self.error) and self.error > 0 and isfinite(self.growth) and self.growth > 1
        if not good or self.first < 1 or self.classes < 1:
            raise AdapterError(
                f"error {self.error}, growth {self.growth}, first {self.first}, classes {self.classes}: expected an "
                "error above 0, a growth above 1, and 1 or more"
            )

    def goal(self, layer: str, call: int, live: NDArray[np.bool_], norms: Floats, dim: int) -> tuple[Floats, float]:
        """Weights of the rows and the target of one call: root of ``sum weight^2 |error|^2`` over the rows.

        Args:
            layer: Name of the layer.
            call: Number of the call among those of the layer, from 0.
            live: Which slices are rows, ``[blocks, tokens]``.
            norms: Lengths of the slices, ``[rows]``.
            dim: Length of a decoded vector; its error lies in ``dim - 1`` directions alike.

        Raises:
            AdapterError: The sensitivity holds nothing for this call, or for other slices.
        """
        if self.sensitivity is None:
            return norms / np.sqrt(np.square(norms).sum()), self.error
        held = self.sensitivity.weights
        calls = held.get(layer, ())
        if call >= len(calls) or calls[call].shape != live.shape:
            raise AdapterError(
                f"a precision of the loss takes the sensitivity of the very inputs that are run, and this has none for "
                f"call {call} of {layer}, slices {list(live.shape)}"
            )
        weights = calls[call][live]
        whole = sum(float(each.sum()) for calls in held.values() for each in calls)
        share = float(weights.sum()) / whole if whole else 1.0
        return weights / np.sqrt(dim - 1), self.error * float(np.sqrt(share))

    def more(self, weights: Floats, target: float, errors: Floats, spent: Integers, least: int, left: int) -> Integers:
        """Shots of the next round, ``[rows]``; all 0 when the target is reached or the shots are spent.

        Args:
            weights: As of ``goal``.
            target: As of ``goal``.
            errors: Lengths of the decoded vectors' standard errors, ``[rows]``.
            spent: Shots so far, ``[rows]``.
            least: Fewest shots of a row in one run.
            left: Most shots of all rows together.
        """
        out = np.zeros(len(weights), dtype=np.int64)
        if reached(weights, errors) <= target or left < least:
            return out
        scaled = weights * errors * np.sqrt(spent) / target
        extra = np.clip(_totals(scaled, spent) - spent, 0, (self.growth - 1) * spent)
        rows = np.flatnonzero(extra > 0)
        some = extra[rows] * min(1.0, left / extra.sum())
        place = strata(some, self.classes)
        means = np.floor(np.bincount(place, some) / np.maximum(np.bincount(place), 1)).astype(np.int64)
        out[rows] = np.maximum(means, max(least, self.first // 4))[place]
        if out.sum() > left:  # by what small shares were raised
            out[rows] = np.where(means >= least, means, 0)[place]
        return out


def reached(weights: Floats, errors: Floats) -> float:
    """Root of ``sum weight^2 |error|^2`` over the rows."""
    return float(np.sqrt(np.square(weights * errors).sum()))


def _totals(scaled: Floats, spent: Integers) -> Floats:
    """Shots ``n >= spent`` of rows with the least sum for which ``sum scaled^2 / n`` is ``AIM``.

    They are ``n = max(spent, factor * scaled)``; rows that have enough leave the problem one after the other.
    """
    rest = np.ones(len(scaled), dtype=bool)
    while True:
        factor = scaled[rest].sum() / (AIM - (np.square(scaled[~rest]) / spent[~rest]).sum())
        enough = rest & (factor * scaled <= spent)
        if not enough.any():
            totals: Floats = np.maximum(spent, factor * scaled)
            return totals
        rest &= ~enough
