"""Cells of a study: each says all that it depends on, and no two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="studies need the extra qadapt[replicate]")

from qadapt.errors import QadaptError
from qadapt.study import grid
from qadapt.study.grid import SOURCES, Settings, key, layer_cells, model_cells, shots_seed, training_cells


def some(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)


@given(some([2, 4, 8, 16]), some([0.0, 1.0, 2.5]), some(["input-sign", "signed"]), some(["qadapt", "qiskit"]))
def test_the_grid_is_the_product_of_its_axes(dims, scales, readouts, compilers):
    settings = Settings(dims=dims, scales=scales, readouts=readouts, compilers=compilers, seeds=2, seed=5)
    cells = layer_cells(settings)
    assert (
        len({key(cell) for cell in cells}) == len(cells) == 2 * len(dims) * len(scales) * len(readouts) * len(compilers)
    )
    assert {cell.seed for cell in cells} == {5, 6}
    assert {cell.dim for cell in cells} == set(dims)
    assert {cell.scale for cell in cells} == set(scales)
    assert not any(cell.off for cell in cells)


@pytest.mark.parametrize("scales", [(0.0, 1.0), (0.0,)])
def test_parts_add_one_cell_per_source_and_the_whole_if_it_is_not_there(scales):
    cells = layer_cells(
        Settings(dims=(2,), scales=scales, readouts=("signed",), compilers=("qadapt",), seeds=1, parts=1)
    )
    at = [cell.off for cell in cells if cell.scale == 1]
    assert at == [(), *((source,) for source in SOURCES)]
    assert len({shots_seed(cell) for cell in cells}) == len(cells)


def test_a_cell_does_not_depend_on_the_rest_of_the_grid():
    small = layer_cells(Settings(dims=(4,), scales=(1.0,), seeds=1))
    large = layer_cells(Settings(scales=(0.0, 1.0, 3.0), seeds=3, parts=2.0, perplexity=5))
    assert {key(cell) for cell in small} < {key(cell) for cell in large}


def test_whatever_changes_a_result_changes_the_key(monkeypatch):
    (cell,) = layer_cells(Settings(dims=(4,), scales=(1.0,), readouts=("signed",), compilers=("qadapt",), seeds=1))
    others = {"dim": 8, "scale": 2.0, "readout": "input-sign", "compiler": "qiskit", "seed": 1, "off": ("shots",)}
    others |= {"shots": 100, "target": "heron-r3", "effort": "best", "width": 8, "tokens": 9, "strength": 0.1}
    assert others.keys() == type(cell).model_fields.keys() - {"kind"}
    keys = {key(cell), *(key(cell.model_copy(update={name: value})) for name, value in others.items())}
    assert len(keys) == len(others) + 1
    monkeypatch.setattr(grid.qadapt, "__version__", "another")
    assert key(cell) not in keys
    monkeypatch.undo()
    monkeypatch.setattr(grid, "machine", lambda name: grid.bundled_targets()["heron-r3"])
    assert key(cell) not in keys


def test_perplexity_takes_an_adapter_per_read_out_and_size():
    settings = Settings(dims=(2, 4), scales=(0.0, 1.0), compilers=("qadapt",), seeds=3, perplexity=7)
    adapters = training_cells(settings, "weights")
    assert len({key(cell) for cell in adapters}) == 4
    assert {cell.tokens for cell in adapters} == {7}
    assert len({key(cell) for cell in model_cells(settings, adapters)}) == 4 * 3 * 2
    assert key(adapters[0]) != key(training_cells(settings, "other weights")[0])
    assert training_cells(Settings(), "weights") == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"dims": (3,)},
        {"dims": ()},
        {"dims": (4, 4)},
        {"scales": (-1.0,)},
        {"scales": (float("nan"),)},
        {"readouts": ("probabilities",)},
        {"compilers": ("none",)},
        {"strength": 2.0},
        {"strength": 0.0},
        {"width": 24},
        {"shots": 5},
        {"seeds": 0},
        {"target": "nowhere"},
    ],
)
def test_what_is_no_study_is_refused(wrong):
    with pytest.raises(QadaptError):
        Settings(**wrong)
