"""Mixtures: the fit is the global maximum within its certificate, in closed form where there is one."""

from __future__ import annotations

from math import inf, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qadapt_conformance.statistics import fit, log_likelihood, mix
from qadapt_conformance.statistics.mixture import TOLERANCE


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 4), st.integers(2, 9), st.floats(0.02, 3))
@settings(max_examples=150, deadline=None)
def test_no_weights_beat_the_certificate(seed: int, components: int, rows: int, outcomes: int, spread: float) -> None:
    generator = np.random.default_rng(seed)
    family = generator.dirichlet(np.full(outcomes, spread), size=(components, rows))
    counts = generator.multinomial(generator.integers(1, 5000), family[generator.integers(components)])
    best = fit(counts, family)
    assert best.weights.min() >= 0
    assert best.weights.sum() == pytest.approx(1)
    assert best.log_likelihood == pytest.approx(log_likelihood(counts, mix(best.weights, family)))
    assert 0 <= best.gap <= 1e-4
    for weights in (*generator.dirichlet(np.full(components, 0.5), size=50), *np.eye(components)):
        assert log_likelihood(counts, mix(weights, family)) <= best.supremum + 1e-7


def test_the_certificate_is_stated_even_where_the_fit_may_end_early() -> None:
    family = np.random.default_rng(1).dirichlet(np.ones(8), size=(4, 3))
    counts = np.random.default_rng(2).multinomial(10_000, family[0])
    early, best = fit(counts, family, tolerance=100.0), fit(counts, family)
    assert TOLERANCE < early.gap <= 100
    assert early.log_likelihood < best.log_likelihood <= early.supremum


def test_disjoint_components_get_their_share_of_the_shots() -> None:
    family = np.array([[[0.5, 0.5, 0, 0]], [[0, 0, 0.25, 0.75]]])
    best = fit(np.array([[10, 20, 30, 60]]), family)
    assert best.weights == pytest.approx([0.25, 0.75], abs=1e-7)


@pytest.mark.parametrize("shots", [10**4, 10**6, 10**8])
def test_a_rare_outcome_that_one_component_explains(shots: int) -> None:
    """Steps of the search overshoot to where it is impossible; with probability 0.1 it takes ten times its share."""
    family = np.array([[[1.0, 0.0, 0.0]], [[0.9, 0.1, 0.0]], [[0.2, 0.3, 0.5]]])
    best = fit(np.array([[shots - 1, 1, 0]]), family)
    assert best.gap <= TOLERANCE
    assert best.weights[1] == pytest.approx(10 / shots, rel=1e-3)


def test_components_between_which_rounding_errors_hardly_tell() -> None:
    family = np.array([[[1 - 1.1e-8, 1.1e-8]], [[1 - 3.9e-9, 3.9e-9]]])
    best = fit(np.array([[877, 0]]), family)
    assert best.gap <= TOLERANCE
    assert best.weights == pytest.approx([0, 1])


def test_hostile_families() -> None:
    """Nearly equal, nearly singular and many-shot ones; rounding errors leave all suprema certified to 1e-4 nats."""
    for seed in range(4400, 5700):
        generator = np.random.default_rng(seed)
        components, rows, outcomes = (int(generator.integers(*ends)) for ends in ((1, 8), (1, 5), (2, 10)))
        family = generator.dirichlet(np.full(outcomes, 10 ** generator.uniform(-2, 0.5)), size=(components, rows))
        if seed % 3 == 0:
            family = family[:1] * (1 + 10 ** generator.uniform(-12, -1) * generator.random(family.shape))
            family /= family.sum(axis=2, keepdims=True)
        counts = generator.multinomial(int(10 ** generator.uniform(0, 8)), family[generator.integers(components)])
        assert fit(counts, family).gap <= 1e-4


def test_weights_are_shared_by_all_rows() -> None:
    family = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    best = fit(np.array([[80, 20], [60, 340]]), family)
    assert best.weights == pytest.approx([0.84, 0.16], abs=1e-7)


def test_expected_counts_are_met_exactly() -> None:
    family = np.random.default_rng(3).dirichlet(np.ones(16), size=(5, 6))
    weights = np.array([0.1, 0.0, 0.6, 0.0, 0.3])
    assert fit(1e4 * mix(weights, family), family).weights == pytest.approx(weights, abs=1e-4)


@pytest.mark.parametrize("apart", [0.0, 1e-12, 1e-8, 1e-4])
def test_components_that_nearly_agree_and_many_shots(apart: float) -> None:
    generator = np.random.default_rng(4)
    one, other = generator.dirichlet(np.ones(8), size=(2, 5))
    family = np.stack([one, (1 - apart) * one + apart * other, other, np.full_like(one, 1 / 8)])
    counts = generator.multinomial(10**8, 0.7 * one + 0.3 * other)
    assert fit(counts, family).gap <= 1e-4


def test_impossible_outcomes() -> None:
    family = np.array([[[1.0, 0.0, 0.0]], [[0.5, 0.5, 1e-33]]])
    assert fit(np.array([[3, 0, 1]]), family).log_likelihood == -inf
    assert fit(np.array([[3, 0, 1]]), family).supremum == -inf
    assert fit(np.array([[3, 1, 0]]), family).log_likelihood == pytest.approx(3 * log(0.75) + log(0.25))
    assert log_likelihood(np.array([[1, 1]]), np.array([[1.0, 0.0]])) == -inf
    assert log_likelihood(np.array([[2, 0]]), np.array([[0.5, 0.5]])) == pytest.approx(2 * log(0.5))


def test_no_shots_say_nothing() -> None:
    nothing = fit(np.zeros((2, 2), dtype=np.int64), np.full((3, 2, 2), 0.5))
    assert (nothing.log_likelihood, nothing.gap) == (0.0, 0.0)


@pytest.mark.parametrize("shape", [(2, 2), (0, 3, 2), (1, 2, 3), (2, 1, 2)])
def test_shapes_must_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        fit(np.ones((3, 2), dtype=np.int64), np.ones(shape))
