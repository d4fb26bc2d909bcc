"""Allocation: how many shots each row of each layer gets, more where they matter more.

An output that is measured with N shots per row has an error of variance ``w^2 / 4N`` in the loss, where the weight *w*
is the derivative of the loss along the directions in which the output can be wrong (``qadapt.adapters.sensitivity``).
At a fixed total the sum of these variances is least for shots proportional to the weights (J. Neyman, J. R. Stat. Soc.
97, 558 (1934)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import AdapterError

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

SETTLING = 20
"""Rounds in which classes settle."""


@dataclass(frozen=True, eq=False)
class Allocation:
    """Shots of every row.

    Attributes:
        shots: By name of the layer, one array ``[blocks, tokens]`` per call; ``[blocks, 1]`` for any number of tokens.
            A layer with one entry has it for every call.
    """

    shots: Mapping[str, tuple[Integers, ...]]

    def rows(self, layer: str, call: int, live: NDArray[np.bool_]) -> Integers:
        """Shots of the rows of one call, ``[rows]``.

        Args:
            layer: Name of the layer.
            call: Number of the call among those of the layer, from 0.
            live: Which slices are rows, ``[blocks, tokens]``.

        Raises:
            AdapterError: It holds nothing for this call, or for other slices.
        """
        calls = self.shots.get(layer, ())
        if call >= len(calls) and len(calls) != 1:
            raise AdapterError(f"shots are allocated for {len(calls)} calls of {layer}, not for call {call}")
        found = calls[call if len(calls) > 1 else 0]
        if found.shape not in (live.shape, (len(live), 1)):
            raise AdapterError(
                f"shots of {layer} are allocated for slices {list(found.shape)}, not for {list(live.shape)}"
            )
        return np.broadcast_to(found, live.shape)[live]


def neyman(weights: Floats, shots: int, *, floor: float = 0.1, classes: int = 6) -> Integers:
    """Shots of rows ``[rows]`` with given weights, in few classes of equal shots.

    Rows are put into classes by weight, see ``strata``; the shots of a class are proportional to the root mean square
    of its weights.

    Args:
        weights: What each row's error counts, ``[rows]``, not negative.
        shots: Mean of the shots; the total is at most that of ``shots`` for every row, and misses it by rounding only.
        floor: Least shots of a row, as a share of the mean: what a linear picture of the loss overlooks is not left to
            chance.
        classes: Most classes.

    Raises:
        AdapterError: Weights that are negative or not finite, a floor outside 0 to 1, or shots or classes below 1.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any():
        raise AdapterError("weights are finite numbers of at least 0, one per row")
    if not 0 <= floor <= 1 or classes < 1 or shots < 1:
        raise AdapterError(f"floor {floor}, classes {classes}, shots {shots}: expected 0 to 1, and 1 or more")
    if not array.any():
        return np.full(array.shape, shots, dtype=np.int64)
    array = array / array.max()
    place = strata(array, classes)
    sizes = np.bincount(place, minlength=classes)
    sums = np.bincount(place, np.square(array), minlength=classes)
    roots = np.sqrt(sums / np.maximum(sizes, 1))
    least, total = floor * shots, float(shots * len(array))
    given = np.zeros(classes)
    free = sizes > 0
    while free.any():
        rest = total - least * sizes[(given > 0) & ~free].sum()
        costs = (sizes * roots)[free].sum()
        tried = np.where(free, rest * roots / costs if costs > 0 else 0.0, given)
        low = free & (tried < least)
        if not low.any():
            given = tried
            break
        given[low], free = least, free & ~low
    return np.floor(given[place]).astype(np.int64)


def strata(weights: Floats, classes: int) -> NDArray[np.intp]:
    """Class of each row, ``[rows]``, below ``classes``: heavier rows in higher ones, few shots lost by equal shares.

    A row of weight *w* in a class whose shots are right for the weight *a* costs ``w^2 / a + a`` (in terms of which
    ``2 w`` is the least), so that *a* is best the root mean square of the class and two classes meet at the geometric
    mean of theirs. Both are settled in turn, from classes of equal sums.

    Args:
        weights: Not negative, at least one of them positive.
        classes: Most classes.
    """
    order = np.argsort(weights, kind="stable")
    sums = np.cumsum(weights[order])
    place = np.empty(len(weights), dtype=np.intp)
    place[order] = np.minimum((classes * (sums - weights[order] / 2) / sums[-1]).astype(np.intp), classes - 1)
    for _ in range(SETTLING):
        _, place = np.unique(place, return_inverse=True)
        roots = np.sqrt(np.bincount(place, np.square(weights)) / np.bincount(place))
        place = np.searchsorted(np.sqrt(roots[1:] * roots[:-1]), weights)
    return place
