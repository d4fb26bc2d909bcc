"""Averages over repetitions: weights by tiles, and spreads against repeated draws."""

from __future__ import annotations

import numpy as np
import pytest

from qadapt.mitigation.average import averaged
from qadapt.mitigation.grid import Grid

SIGMAS = np.array([0.01, 0.02, 0.04])
"""Shot noise on each of three tiles."""


def grid(*, rotated: bool) -> Grid:
    return Grid(9, 3, (0, 1, 2) if rotated else (0, 0, 0))


def placed(made: Grid, truth: np.ndarray) -> np.ndarray:
    """Truth of every row ``[rows, values]`` where it runs."""
    return made.split(truth[made.sources])[0]


@pytest.mark.parametrize("rotated", [True, False])
@pytest.mark.parametrize(("rough", "paulis"), [(0.0, 0.0), (0.02, 0.0), (0.0, 0.03), (0.02, 0.03)])
def test_spreads_are_those_of_repeated_draws(rotated, rough, paulis):
    """1,200 draws leave a spread uncertain by 2 %; the bound of 13 % for 36 of them fails once in 1e9."""
    made, generator = grid(rotated=rotated), np.random.default_rng(7)
    truth = generator.random((9, 4))
    shape = placed(made, truth).shape
    variances = np.broadcast_to(SIGMAS[:, None] ** 2, shape)
    common = np.full(shape, rough**2)
    values, spreads = [], []
    for _ in range(1200):
        seen = placed(made, truth) + np.sqrt(variances) * generator.normal(size=shape)
        seen += rough * generator.normal(size=(1, 1, 3, 4))  # of a tile, the same in all rows and repetitions
        seen += paulis * generator.normal(size=shape)
        mean, spread = averaged(made, seen, variances, common, told=True, rotated=rotated, drawn=bool(paulis))
        values.append(mean)
        spreads.append(spread)
    assert np.abs(np.mean(values, axis=0) - truth).max() < 6 * np.std(values, axis=0).max() / 1200**0.5
    said, found = np.sqrt(np.mean(spreads, axis=0)), np.std(values, axis=0)
    if rotated or not paulis:
        assert np.abs(found / said - 1).max() < 0.13
    else:  # tiles whose shots are noisier have no more Paulis to draw, but share one number
        assert abs(np.sqrt(np.mean(found**2) / np.mean(said**2)) - 1) < 0.05


def test_better_tiles_count_more():
    made = grid(rotated=True)
    shape = placed(made, np.zeros((9, 4))).shape
    variances = np.broadcast_to(SIGMAS[:, None] ** 2, shape)
    tile = np.broadcast_to(np.arange(3.0)[:, None], shape)
    weighted, spread = averaged(made, tile, variances, 0 * tile, told=True, rotated=True, drawn=False)
    shares = SIGMAS**-2 / (SIGMAS**-2).sum()
    assert np.allclose(weighted, shares @ np.arange(3))
    assert np.allclose(spread, 1 / (SIGMAS**-2).sum())
    even, _ = averaged(made, tile, variances, 0 * tile, told=False, rotated=True, drawn=False)
    assert np.allclose(even, 1)


def test_one_repetition_is_itself():
    made = Grid(5, 2)
    values = placed(made, np.random.default_rng(0).random((5, 4)))
    mean, spread = averaged(made, values, 0 * values + 0.01, 0 * values + 0.02, told=True, rotated=False, drawn=True)
    assert np.allclose(mean, made.ordered(values)[0])
    assert np.allclose(spread, 0.03)
