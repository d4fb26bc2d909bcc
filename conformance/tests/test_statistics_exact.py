"""Exact class: the bound keeps its promise exactly and sees what it should."""

from __future__ import annotations

from itertools import product
from math import comb, exp, inf, log

import numpy as np
import pytest

from qadapt_conformance.statistics import surprise, tail, threshold


def _all_counts(shots: int, outcomes: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    rows = [c for c in product(range(shots + 1), repeat=outcomes) if sum(c) == shots]
    return np.array(rows, dtype=np.int64)


@pytest.mark.parametrize("probabilities", [(0.5, 0.5), (0.9, 0.1), (0.999, 0.001), (0.2, 0.3, 0.5), (0.98, 0.01, 0.01)])
@pytest.mark.parametrize("shots", [1, 3, 12])
def test_p_values_are_bounds_by_enumeration(probabilities: tuple[float, ...], shots: int) -> None:
    """For every outcome of a small experiment: P(p-value <= u) <= u."""
    exact = np.array([probabilities])
    counts = _all_counts(shots, len(probabilities))
    weights = np.array([_multinomial(row, probabilities) for row in counts])
    p_values = np.array([surprise(row[None, :], exact) for row in counts])
    assert weights.sum() == pytest.approx(1)
    for level in np.unique(p_values):
        assert weights[p_values <= level].sum() <= level + 1e-12


def _multinomial(row: np.ndarray[tuple[int], np.dtype[np.int64]], probabilities: tuple[float, ...]) -> float:
    left, weight = int(row.sum()), 1.0
    for count, probability in zip(row.tolist(), probabilities, strict=True):
        weight *= comb(left, count) * probability**count
        left -= count
    return weight


@pytest.mark.parametrize("outcomes", [2, 3])
def test_moment_generating_function_is_that_of_a_gamma_distribution(outcomes: int) -> None:
    """The theorem behind the tail: E exp(l N KL) <= (1 - l)**-(k - 1)."""
    shots, probabilities = 20, (0.03, 0.97) if outcomes == 2 else (0.03, 0.37, 0.6)
    counts = _all_counts(shots, outcomes)
    weights = np.array([_multinomial(row, probabilities) for row in counts])
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(counts > 0, counts * np.log(counts / (shots * np.array(probabilities))), 0)
    divergence = terms.sum(axis=1)
    for rate in (0.1, 0.5, 0.9, 0.99):
        assert weights @ np.exp(rate * divergence) <= (1 - rate) ** (1 - outcomes)


def test_rows_add_up() -> None:
    """Right counts in many rows raise no alarm at level 0.05 more often than 5 %: 400 draws, fixed seed."""
    generator = np.random.default_rng(5)
    exact = generator.dirichlet(np.ones(8), size=6)
    p_values = [surprise(generator.multinomial(500, exact), exact) for _ in range(400)]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05


def test_small_errors_everywhere_and_one_wrong_row_are_both_seen() -> None:
    generator = np.random.default_rng(6)
    exact = generator.dirichlet(np.ones(4), size=32)
    drawn = generator.multinomial(4096, 0.93 * exact + 0.07 / 4)
    assert surprise(drawn, exact) < 1e-9
    drawn = generator.multinomial(4096, exact)
    assert surprise(drawn, exact) > 1e-3
    drawn[17] = generator.multinomial(4096, 0.8 * exact[17] + 0.2 * exact[18])
    assert surprise(drawn, exact) < 1e-9


def test_two_looks_are_paid_for() -> None:
    """In closed form: a single row, many equal rows, and one wrong row among right ones."""
    fair, seen = np.array([[0.5, 0.5]]), np.array([[70, 30]])
    divergence = 70 * log(1.4) + 30 * log(0.6)
    assert surprise(seen, fair) == pytest.approx(2 * tail(divergence, 1))
    assert surprise(np.repeat(seen, 9, axis=0), np.repeat(fair, 9, axis=0)) == pytest.approx(
        2 * tail(9 * divergence, 9)
    )
    one = np.array([[50, 50]] * 8 + [[70, 30]])
    assert surprise(one, np.repeat(fair, 9, axis=0)) == pytest.approx(2 * 9 * tail(divergence, 1))


def test_impossible_outcomes() -> None:
    exact = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert surprise(np.array([[100, 0], [50, 50]]), exact) == 1.0
    assert surprise(np.array([[99, 1], [50, 50]]), exact) == 0.0
    rounded = np.array([[1.0 - 2e-16, 2e-33]])
    assert surprise(np.array([[100, 0]]), rounded) == 1.0
    assert surprise(np.array([[99, 1]]), rounded) == 0.0


def test_tail_is_chernoffs_bound() -> None:
    assert tail(3.0, 7) == 1.0
    assert tail(7.0, 7) == 1.0
    assert tail(30.0, 7) == pytest.approx(exp(7 - 30 + 7 * log(30 / 7)))
    assert tail(1e9, 7) == 0.0


@pytest.mark.parametrize("freedom", [1, 7, 700, 200_000])
@pytest.mark.parametrize("level", [0.5, 1e-3, 1e-9, 1e-200])
def test_threshold_inverts_the_tail(level: float, freedom: int) -> None:
    assert threshold(level, freedom) > freedom
    assert log(tail(threshold(level, freedom), freedom)) == pytest.approx(log(level), rel=1e-5)


def test_without_freedom_no_divergence_is_surprising() -> None:
    assert threshold(1e-6, 0) == inf
    assert tail(1e-9, 0) == 1.0
