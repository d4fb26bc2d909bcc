"""Grids: every repetition has every row once, on the tile that is said, and references on all tiles."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qadapt.mitigation.grid import Grid, offsets


@st.composite
def grids(draw):
    tiles = draw(st.integers(1, 9))
    turned = draw(st.lists(st.integers(0, tiles - 1), min_size=1, max_size=5))
    return Grid(draw(st.integers(1, 30)), tiles, tuple(turned), draw(st.integers(0, 4)))


@given(grid=grids())
def test_every_row_runs_where_it_is_said_to(grid):
    sources = grid.sources.reshape(len(grid.offsets), grid.executions, grid.tiles)
    for number, repetition in enumerate(sources):
        for row in range(grid.rows):
            assert grid.visits[number, row] in np.nonzero(repetition == row)[1]
        for reference in range(grid.references):
            execution, tiles = np.nonzero(repetition == grid.rows + reference)
            assert len(set(execution)) == 1
            assert tiles.tolist() == list(range(grid.tiles))
    assert sources.max() < grid.rows + grid.references


@given(grid=grids())
def test_what_is_split_comes_back_in_order(grid):
    table = grid.sources[:, None].astype(float)
    data, seen = grid.split(table)
    assert np.array_equal(grid.ordered(data)[..., 0], np.tile(np.arange(grid.rows), (len(grid.offsets), 1)))
    expected = grid.rows + np.arange(grid.references)[:, None]
    assert np.array_equal(seen[..., 0], np.broadcast_to(expected, seen.shape[:-1]))


@given(grid=grids())
def test_the_tile_of_a_row_is_the_column_of_its_data(grid):
    # A value per tile, put in order, is the tile that was visited.
    shape = (len(grid.offsets), grid.executions - grid.references, grid.tiles, 1)
    tiles = np.broadcast_to(np.arange(grid.tiles, dtype=float)[:, None], shape)
    assert np.array_equal(grid.ordered(tiles)[..., 0], grid.visits)


def test_references_are_spread_over_a_repetition():
    grid = Grid(20, 2, (0,), 3)
    executions = np.nonzero((grid.sources >= 20).reshape(-1, 2).all(axis=1))[0]
    assert grid.executions == 13
    assert executions.tolist() == [2, 6, 10]


def test_rotation_spreads_evenly_and_visits_every_tile():
    assert offsets(4, 10, rotate=True) == (0, 2, 5, 7)
    assert offsets(3, 10, rotate=False) == (0, 0, 0)
    visits = Grid(17, 7, offsets(7, 7, rotate=True)).visits
    assert (np.sort(visits, axis=0) == np.arange(7)[:, None]).all()
