"""Matching: intervals that hold, and verdicts that follow from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qadapt_conformance.matching import match
from qadapt_conformance.statistics import total_variation
from qadapt_conformance.verdict import Verdict

NAMES = ("acme:chip", "acme:other")


def drawn(seed: int, rows: int, outcomes: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(outcomes), rows)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([2, 4, 8]), st.sampled_from([50, 1000, 100_000]))
def test_the_interval_holds(seed: int, rows: int, outcomes: int, shots: int) -> None:
    """Each side of an interval is wrong with a probability of 1e-6 at most; the seeds are fixed."""
    draw = np.random.default_rng(seed)
    one, other = drawn(seed, rows, outcomes), drawn(seed + 1, rows, outcomes)
    true = float(total_variation(one, other).mean())
    both = match(NAMES, draw.multinomial(shots, one), draw.multinomial(shots, other), 0.1)
    exact = match(NAMES, draw.multinomial(shots, one), other, 0.1)
    for found in (both, exact):
        assert found.lower <= true <= found.upper
        assert found.lower <= found.seen <= found.upper


def test_verdicts() -> None:
    """What lies within, beyond and astride the margin, and what no margin can be given for."""
    near, far = np.array([[50_200, 49_800]]), np.array([[70_000, 30_000]])
    half = np.array([[0.5, 0.5]])
    assert match(NAMES, near, half, 0.05).verdict is Verdict.CONFORMS
    assert match(NAMES, far, half, 0.05).verdict is Verdict.VIOLATES
    astride = match(NAMES, far, half, 0.2)
    assert astride.verdict is Verdict.UNDECIDED
    assert astride.needs > 100_000
    unknown = match(NAMES, far, half, None)
    assert (unknown.verdict, unknown.needs) == (Verdict.UNDECIDED, 0)


@pytest.mark.parametrize("true", [0.02, 0.12])
def test_the_shots_that_are_named_decide(true: float) -> None:
    draw, half = np.random.default_rng(5), np.array([[0.5, 0.5]] * 3)
    share = np.array([[0.5 + true, 0.5 - true]] * 3)
    few = match(NAMES, draw.multinomial(400, share), half, 0.07)
    assert few.verdict is Verdict.UNDECIDED
    many = match(NAMES, draw.multinomial(few.needs, share), half, 0.07)
    assert many.verdict is (Verdict.CONFORMS if true < 0.07 else Verdict.VIOLATES)


def test_a_smaller_level_is_a_wider_interval() -> None:
    """By the factor of McDiarmid's bound around the seen distance; what decides takes more shots."""
    table, half = np.array([[5200, 4800]]), np.array([[0.5, 0.5]])
    one, other = (match(NAMES, table, half, 0.021, level) for level in (1e-4, 1e-16))
    assert one.seen == other.seen
    assert other.upper - other.seen == pytest.approx(2 * (one.upper - one.seen))
    assert other.lower <= one.lower
    assert other.needs > one.needs


def test_tables_that_do_not_compare() -> None:
    with pytest.raises(ValueError, match="do not compare"):
        match(NAMES, np.ones((1, 2), dtype=int), np.ones((1, 4)) / 4, 0.1)
