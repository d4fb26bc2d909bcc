"""Outcomes: intervals, parts and perplexities by hand, and the page that shows them."""

from __future__ import annotations

from math import exp, expm1, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

pytest.importorskip("torch", reason="studies need the extra qadapt[replicate]")

import qadapt
from qadapt.study.grid import SOURCES, Settings, layer_cells, model_cells, training_cells
from qadapt.study.outcome import (
    LayerResult,
    ModelResult,
    Outcome,
    TrainingResult,
    interval,
    parts,
    perplexities,
    points,
)
from qadapt.study.report import page, spread, tables

SETTINGS = Settings(
    dims=(2, 4),
    scales=(0.0, 2.0),
    readouts=("signed",),
    compilers=("qadapt",),
    seeds=3,
    parts=1.0,
    perplexity=3,
    steps=0,
)


def made() -> Outcome:
    layers = [
        LayerResult(cell=cell, errors=(0.3, 0.4), entangling=cell.dim)
        if not cell.off
        else LayerResult(cell=cell, errors=(0.3 / 2**cell.seed, 0.4 / 2**cell.seed), entangling=cell.dim)
        for cell in layer_cells(SETTINGS)
    ]
    trainings = [
        TrainingResult(cell=cell, parameters={}, training=(), base=(2.0, 3.0, 4.0), exact=(1.0, 2.0, 3.0))
        for cell in training_cells(SETTINGS, "")
    ]
    cells = model_cells(SETTINGS, tuple(each.cell for each in trainings))
    models = [ModelResult(cell=cell, losses=(1.1, 2.2, 3.3), error=0.1, entangling=3) for cell in cells]
    return Outcome(
        settings=SETTINGS,
        target="hash",
        points=points(layers, SETTINGS),
        parts=parts(layers, SETTINGS),
        perplexities=perplexities(models, trainings),
        layers=tuple(layers),
        trainings=tuple(trainings),
        models=tuple(models),
        qadapt=qadapt.__version__,
    )


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=9).filter(lambda values: np.std(values) > 1e-3))
def test_intervals_are_students(values):
    found = interval(values)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=1e-7), pytest.approx(expected.high, abs=1e-7))


def test_one_value_has_no_interval():
    assert interval([2.0]).low is interval([2.0]).high is None
    assert spread(interval([2.0])) == "2.0000"
    assert spread(interval([1.0, 1.0])) == "1.0000 [1.0000, 1.0000]"


def test_points_are_the_cells_of_the_diagram():
    found = made().points
    assert [(point.dim, point.scale) for point in found] == [(2, 0.0), (2, 2.0), (4, 0.0), (4, 2.0)]
    assert all(point.error.mean == pytest.approx(sqrt((0.09 + 0.16) / 2)) for point in found)
    assert [point.entangling for point in found] == [2, 2, 4, 4]


def test_parts_are_shares_of_the_squared_error_by_seed():
    found = made().parts
    assert [part.source for part in found] == [source for source in SOURCES for _ in range(2)]
    assert {part.scale for part in found} == {1.0}
    shares = [0, 1 - 1 / 4, 1 - 1 / 16]
    for part in found:
        assert part.share.mean == pytest.approx(np.mean(shares))
        assert part.share.high == pytest.approx(interval(shares).high)
        assert part.error.mean == pytest.approx(sqrt(0.125) * (1 + 1 / 2 + 1 / 4) / 3)


def test_perplexity_lost_is_compared_token_by_token():
    found = made().perplexities
    assert [(each.dim, each.scale) for each in found] == [(2, 0.0), (2, 2.0), (4, 0.0), (4, 2.0)]
    change = interval([0.1, 0.2, 0.3])
    for each in found:
        assert (each.base, each.exact) == (pytest.approx(exp(3)), pytest.approx(exp(2)))
        assert log(each.measured) == pytest.approx(2.2)
        assert each.lost.mean == pytest.approx(each.measured / each.exact - 1)
        assert each.lost.low == pytest.approx(expm1(change.low))
        assert each.lost.high == pytest.approx(expm1(change.high))


def test_an_outcome_survives_json():
    assert Outcome.model_validate_json(made().model_dump_json()) == made()


def test_the_page_is_self_contained_and_says_everything():
    outcome = made()
    html = page(outcome)
    assert html == page(made())
    assert html.count("<svg") == 3
    bare = html
    for name in ("http://www.w3.org", "http://purl.org", "http://creativecommons.org"):
        bare = bare.replace(name, "")
    assert not any(word in bare for word in ("http://", "https://", "<script", "<link"))
    for found in (*outcome.points, *outcome.parts, *outcome.perplexities):
        assert spread(found.error) in html
    assert all(source in html for source in SOURCES)
    assert [made.row_count for made in tables(outcome)] == [4, 10, 4]


def test_without_parts_and_perplexity_there_is_one_picture():
    outcome = made().model_copy(update={"parts": (), "perplexities": ()})
    assert page(outcome).count("<svg") == 1
    assert len(list(tables(outcome))) == 1
