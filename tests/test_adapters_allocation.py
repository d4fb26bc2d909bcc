"""Allocation: shots in proportion to weights, in few classes, at a fixed total."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qadapt.adapters.allocation import Allocation, neyman, strata
from qadapt.errors import AdapterError

weights_of = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1e6, allow_subnormal=False))


def variance(weights: np.ndarray, shots: np.ndarray) -> float:
    return float((np.square(weights) / shots).sum())


@given(weights=weights_of, shots=st.integers(100, 10_000), floor=st.floats(0.02, 1), classes=st.integers(1, 8))
def test_shots_are_within_the_total_in_few_classes_and_grow_with_weight(weights, shots, floor, classes):
    found = neyman(weights, shots, floor=floor, classes=classes)
    assert found.shape == weights.shape
    assert shots * len(weights) - len(weights) <= found.sum() <= shots * len(weights)
    assert len(np.unique(found)) <= classes
    assert found.min() >= np.floor(floor * shots)
    assert (np.diff(found[np.argsort(weights, kind="stable")]) >= 0).all()


@given(weights=weights_of, classes=st.integers(1, 8))
def test_the_variance_is_never_larger_than_with_equal_shots(weights, classes):
    shots = 100_000
    found = neyman(weights, shots, floor=0.05, classes=classes)
    assert variance(weights, found) <= variance(weights, np.full(len(weights), shots)) * (1 + 1e-3)


def test_two_kinds_of_rows_get_what_neyman_says():
    weights = np.array([1.0, 3.0, 1.0, 1.0, 3.0, 1.0])
    np.testing.assert_array_equal(neyman(weights, 1000, floor=0), np.where(weights > 2, 1800, 600))
    # A floor of 900 leaves 2,400 shots to the two heavy rows.
    np.testing.assert_array_equal(neyman(weights, 1000, floor=0.9), np.where(weights > 2, 1200, 900))


def test_rows_without_weight_keep_the_floor_and_weights_of_nothing_are_equal():
    np.testing.assert_array_equal(neyman(np.array([0.0, 0.0, 1.0]), 1000, floor=0.1), [100, 100, 2800])
    np.testing.assert_array_equal(neyman(np.zeros(3), 1000), [1000] * 3)
    np.testing.assert_array_equal(neyman(np.array([0.0, 1e-300]), 1000, floor=0.1), [100, 1900])


@pytest.mark.parametrize(("spread", "lost"), [(0.5, 0.02), (1.0, 0.07), (1.5, 0.2)])
def test_six_classes_lose_little_of_what_can_be_gained(spread, lost):
    weights = np.exp(spread * np.random.default_rng(0).normal(size=4000))
    found = neyman(weights, 100_000, floor=0)
    assert variance(weights, found) * 100_000 * len(weights) < (1 + lost) * weights.sum() ** 2
    assert len(np.unique(found)) == 6


def test_strata_settle_where_no_row_would_rather_be_in_another():
    weights = np.exp(np.random.default_rng(1).normal(size=300))
    place = strata(weights, 4)
    roots = np.sqrt(np.bincount(place, np.square(weights)) / np.bincount(place))
    costs = np.square(weights)[:, None] / roots + roots
    best = costs.argmin(axis=1)
    assert (best == place).mean() > 0.98


@pytest.mark.parametrize(
    ("weights", "options"),
    [([-1.0], {}), ([np.nan], {}), ([[1.0]], {}), ([1.0], {"floor": 1.1}), ([1.0], {"classes": 0})],
)
def test_what_is_no_weight_is_refused(weights, options):
    with pytest.raises(AdapterError, match=r"expected|weights"):
        neyman(np.array(weights), 100, **options)


def test_an_allocation_gives_the_rows_of_its_call():
    first, second = np.arange(6).reshape(2, 3), np.arange(6, 12).reshape(2, 3)
    live = np.array([[True, False, True], [True, True, True]])
    made = Allocation({"a": (first, second), "b": (np.array([[7], [8]]),)})
    np.testing.assert_array_equal(made.rows("a", 0, live), [0, 2, 3, 4, 5])
    np.testing.assert_array_equal(made.rows("a", 1, live), [6, 8, 9, 10, 11])
    for call in (0, 5):
        np.testing.assert_array_equal(made.rows("b", call, live), [7, 7, 8, 8, 8])
    with pytest.raises(AdapterError, match="2 calls of a, not for call 2"):
        made.rows("a", 2, live)
    with pytest.raises(AdapterError, match=r"slices \[2, 3\], not for \[2, 2\]"):
        made.rows("a", 0, live[:, :2])
    with pytest.raises(AdapterError, match="0 calls of c"):
        made.rows("c", 0, live)
