"""Average: what repetitions say about each row, those on better tiles counting more."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.mitigation.grid import Grid

Floats: TypeAlias = NDArray[np.float64]


def averaged(
    grid: Grid, values: Floats, variances: Floats, common: Floats, *, told: bool, rotated: bool, drawn: bool
) -> tuple[Floats, Floats]:
    """Average the repetitions of each row.

    Args:
        grid: Where rows ran.
        values: Estimates ``[repetitions, executions, tiles, values]``, as ``Grid.split`` has them.
        variances: Their variances by the shots.
        common: Their variances by what is not known for sure about a tile: the same error in all rows of the tile.
        told: Whether these tell tiles apart: repetitions then weigh by their mean variance on their tiles.
        rotated: Whether repetitions of a row were on different tiles.
        drawn: Whether repetitions differ by random draws; how much is then seen from them, and in the variances.

    Returns:
        Values and variances ``[rows, values]``, in row order.
    """
    ordered = grid.ordered
    known = variances + common if told else np.ones_like(values)
    weights = ordered(np.broadcast_to(1 / known.mean(axis=(1, 3), keepdims=True), values.shape))
    shares = weights / weights.sum(axis=0)
    mean = (shares * ordered(values)).sum(axis=0)
    within = ordered(variances + common if rotated else variances)
    spread = (shares**2 * within).sum(axis=0)
    if not rotated:
        spread += (shares * np.sqrt(ordered(common))).sum(axis=0) ** 2
    if drawn:
        spread += _beyond(ordered(values) - mean, within, shares) * (shares**2).sum(axis=0)
    return mean, spread


def _beyond(deviations: Floats, variances: Floats, shares: Floats) -> float:
    """Variance between repetitions beyond the one within them; one number for all rows.

    Weighted squares of the deviations from the weighted mean are expected to add up to ``sum s (1 - s) v`` from within
    and ``1 - sum s^2`` times the variance between. All arguments are ``[repetitions, rows, values]``.
    """
    seen = (shares * deviations**2 - shares * (1 - shares) * variances).sum()
    free = (1 - (shares**2).sum(axis=0)).sum()
    return max(0.0, float(seen / free)) if free > 1e-9 else 0.0
