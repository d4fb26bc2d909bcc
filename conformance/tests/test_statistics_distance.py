"""Distance: limits that hold by enumeration, and say the same as the p-values."""

from __future__ import annotations

from itertools import product
from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multinomial

from qadapt_conformance.statistics import Distance, measure, p_values, total_variation

Floats = NDArray[np.float64]


def test_total_variation_in_closed_form() -> None:
    first, second = np.array([[1.0, 0.0, 0.0], [0.5, 0.3, 0.2]]), np.array([[0.0, 0.5, 0.5], [0.2, 0.3, 0.5]])
    assert total_variation(first, second) == pytest.approx([1.0, 0.3])


@pytest.mark.parametrize("shots", [1, 5, 20])
@pytest.mark.parametrize("truth", [(0.2, 0.3, 0.5), (0.98, 0.01, 0.01), (1.0, 0.0, 0.0)])
@pytest.mark.parametrize("reference", [(0.2, 0.3, 0.5), (0.9, 0.1, 0.0)])
def test_limits_hold_by_enumeration(truth: tuple[float, ...], reference: tuple[float, ...], shots: int) -> None:
    """For every outcome of a small experiment, and the p-values are bounds for a margin at the true distance."""
    exact, compared = np.array([truth]), np.array([reference])
    true = float(total_variation(exact, compared)[0])
    every = [np.array([c]) for c in product(range(shots + 1), repeat=3) if sum(c) == shots]
    chances = np.array([float(multinomial.pmf(c[0], shots, truth)) for c in every])
    for alpha in (0.9, 0.5, 0.1, 0.01):
        found = [measure(c, compared, alpha) for c in every]
        assert chances[[f.lower > true + 1e-12 for f in found]].sum() <= alpha
        assert chances[[f.upper < true - 1e-12 for f in found]].sum() <= alpha
    for p in np.array([p_values(c, compared, true) for c in every]).T:
        for level in np.unique(p):
            assert chances[p <= level].sum() <= level + 1e-12


@pytest.mark.parametrize(("outcomes", "shots"), [(64, 100), (4, 1000)])
def test_counting_noise_is_no_distance(outcomes: int, shots: int) -> None:
    """Frequencies are off by their noise, which must not pass for a distance: 200 experiments of 10 rows at level 0.01.

    More than 15 of 200 have a probability below 1e-6 at that level.
    """
    generator = np.random.default_rng(outcomes)
    exact = generator.dirichlet(np.full(outcomes, 5.0), size=10)
    found = [measure(generator.multinomial(shots, exact), exact, 0.01) for _ in range(200)]
    assert sum(each.lower > 0 for each in found) <= 15
    assert all(each.seen > 0.01 for each in found)


def test_a_true_distance_is_enclosed() -> None:
    """200 experiments of 10 rows at level 0.01: more than 15 misses have a probability below 1e-6."""
    generator = np.random.default_rng(2)
    reference = generator.dirichlet(np.ones(8), size=10)
    exact = 0.7 * reference + 0.3 * generator.dirichlet(np.ones(8), size=10)
    true = total_variation(exact, reference).mean()
    found = [measure(generator.multinomial(4096, exact), reference, 0.01) for _ in range(200)]
    assert sum(not each.lower <= true <= each.upper for each in found) <= 15
    assert all(each.upper - each.lower < 0.07 for each in found)


def test_limits_in_closed_form() -> None:
    """One row of two outcomes takes Weissman's lower limit, many rows of many outcomes the one with the bias."""
    found = measure(np.array([[400, 600]]), np.array([[0.9, 0.1]]), 0.01)
    assert found.seen == pytest.approx(0.5)
    assert found.upper == pytest.approx(0.5 + sqrt(log(100) / 2000))
    assert found.lower == pytest.approx(0.5 - sqrt(log(200) / 2000))
    counts = np.zeros((50, 16), dtype=np.int64)
    counts[:25, 0], counts[25:, 0] = 500, 1000
    found = measure(counts, np.tile(np.eye(16)[1], (50, 1)), 0.01)
    spread = sqrt(log(100) * (25 / 500 + 25 / 1000) / 2) / 50
    assert found.upper == 1.0
    assert found.lower == pytest.approx(1 - (sqrt(15 / 500) + sqrt(15 / 1000)) / 4 - spread)


def test_many_rows_are_tighter_than_one() -> None:
    generator = np.random.default_rng(3)
    reference = generator.dirichlet(np.ones(4), size=100)
    counts = generator.multinomial(1000, reference)
    all_rows, one = measure(counts, reference, 1e-6), measure(counts[:1], reference[:1], 1e-6)
    assert all_rows.upper - all_rows.seen == pytest.approx((one.upper - one.seen) / 10)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(2, 9), st.floats(1e-9, 0.5), st.floats(0.01, 0.99))
@settings(max_examples=150, deadline=None)
def test_verdicts_and_p_values_agree(seed: int, rows: int, outcomes: int, alpha: float, margin: float) -> None:
    generator = np.random.default_rng(seed)
    reference = generator.dirichlet(np.ones(outcomes), size=rows)
    counts = generator.multinomial(generator.integers(1, 5000, size=rows), generator.dirichlet(np.ones(outcomes)))
    found, (near, far) = measure(counts, reference, alpha), p_values(counts, reference, margin)
    assert 0 <= found.lower <= found.seen <= found.upper <= 1
    assert found.seen == pytest.approx(total_variation(counts / counts.sum(axis=1)[:, None], reference).mean())
    if abs(near / alpha - 1) > 1e-9 and abs(far / alpha - 1) > 1e-9:
        verdict = "within" if near < alpha and found.seen < margin else "beyond" if far < alpha else "undecided"
        assert found.against(margin) == verdict
    assert max(near, far) == 1.0


def test_verdicts() -> None:
    found = Distance(seen=0.2, lower=0.1, upper=0.3)
    assert [found.against(margin) for margin in (0.05, 0.1, 0.2, 0.3, 0.35)] == [
        "beyond",
        "undecided",
        "undecided",
        "undecided",
        "within",
    ]


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        measure(np.ones((2, 2), dtype=np.int64), np.ones((2, 3)), 0.1)
    with pytest.raises(ValueError, match="without shots"):
        measure(np.array([[1, 0], [0, 0]]), np.full((2, 2), 0.5), 0.1)
