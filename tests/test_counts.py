"""Counts: the sampler is deterministic, never draws what cannot happen, and follows the probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qadapt.counts import RESOLUTION, Counts, concatenate, sample, tally
from qadapt.errors import BadResultError


def distributions(rows: int, outcomes: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).dirichlet(np.ones(outcomes), rows)


@given(st.integers(1, 5), st.sampled_from([2, 4, 16]), st.integers(1, 500), st.integers(0, 2**63))
def test_equal_seeds_give_equal_counts_that_add_up(rows: int, outcomes: int, shots: int, seed: int) -> None:
    tables = [distributions(rows, outcomes), distributions(rows, 2, seed=1)]
    first, second = (sample(tables, shots, seed) for _ in range(2))
    for one, other in zip(first.registers, second.registers, strict=True):
        assert np.array_equal(one, other)
    widths = [outcomes.bit_length() - 1, 1]
    assert first.check(rows=rows, widths=widths, shots=shots, provider="test") is first


def test_seeds_differ_and_none_is_fresh() -> None:
    table = [distributions(20, 16)]
    seeded = [sample(table, 1000, seed).table for seed in (0, 1, None, None)]
    assert len({draw.tobytes() for draw in seeded}) == 4


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_counts_do_not_depend_on_the_rounding_of_impossible_outcomes(seed: int, share: float) -> None:
    exact = distributions(10, 8, seed % 7)
    exact[:, [2, 7]] = 0
    exact /= exact.sum(axis=1, keepdims=True)
    noisy = exact.copy()
    noisy[:, 2] = share * 0.2 * RESOLUTION
    noisy[:, 7] = -share * 0.2 * RESOLUTION
    assert np.array_equal(sample([exact], 5000, seed).table, sample([noisy], 5000, seed).table)


@pytest.mark.parametrize("zero", [(1,), (0, 3), (3,), (2, 3)])
def test_impossible_outcomes_are_never_drawn(zero: tuple[int, ...]) -> None:
    table = distributions(500, 4)
    table[:, list(zero)] = 0
    table /= table.sum(axis=1, keepdims=True)
    table[:, list(zero)] = 0.1 * RESOLUTION
    assert not sample([table], 10**12, 3).table[:, list(zero)].any()


@pytest.mark.parametrize("tie", ["uniform", "pairs", "half"])
def test_equal_seeds_give_equal_counts_in_spite_of_rounding_at_ties(tie: str) -> None:
    # The generator mirrors its draw where a conditional probability crosses 1/2, by however little.
    table = distributions(2000, 8)
    if tie == "uniform":
        table[:] = 1 / 8
    elif tie == "pairs":
        table[:, 1::2] = table[:, ::2]
    else:
        table[:, 0] = table[:, 1:].sum(axis=1)
    table /= table.sum(axis=1, keepdims=True)
    noise = np.random.default_rng(1).uniform(-4e-16, 4e-16, table.shape)
    same = (sample([table], 1000, 3).table == sample([table + noise], 1000, 3).table).all(axis=1)
    assert same.all()


def test_the_last_impossible_outcome_gets_nothing_of_the_rounding() -> None:
    # Ten times 0.1 is not 1 in floating point; at 1e18 shots the difference is more than a hundred of them.
    counts = sample([np.array([[0.1] * 10 + [0.0] * 6])], 10**18, 0).table
    assert not counts[0, 10:].any()
    assert counts.sum() == 10**18


def test_counts_follow_the_probabilities() -> None:
    # Hoeffding with a union over 64 * 16 outcomes: a false alarm has probability at most 1e-6.
    rows, outcomes, shots = 64, 16, 20_000
    table = distributions(rows, outcomes, seed=5)
    bound = np.sqrt(np.log(2 * rows * outcomes / 1e-6) / (2 * shots))
    assert np.abs(sample([table], shots, 11).frequencies - table).max() < bound < 0.025


def test_every_register_is_drawn_on_its_own() -> None:
    table = distributions(200, 2)
    first, second = sample([table, table], 1000, 0).registers
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "table", [[[0.5, 0.6]], [[np.nan, 1]], [[np.inf, 0]], [[-0.1, 1.1]], [[0.0, 0.0]], [[0.5, 0.5], [0.5, 0.4]]]
)
def test_what_is_no_distribution_is_refused(table: Any) -> None:
    with pytest.raises(BadResultError, match="not probabilities") as caught:
        sample([np.array(table)], 10, 0, provider="acme")
    assert caught.value.provider == "acme"


GOOD = np.array([[3, 1], [0, 4]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t[:1], r"shapes \[\(1, 2\)\], expected \[\(2, 2\)\]"),
        (lambda t: np.hstack([t, 0 * t]), r"\(2, 4\)"),
        (lambda t: t[0], r"\(2,\)"),
        (lambda t: t + np.array([[1, 0], [0, 0]]), "row totals 4 to 5"),
        (lambda t: t + np.array([[2, -2], [0, 0]]), "non-negative"),
        (lambda t: t.astype(float), "float64 counts"),
        (lambda t: t.astype(np.int32), "int32 counts"),
    ],
)
def test_counts_that_are_not_what_was_asked_for_are_refused(change: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(BadResultError, match=words) as caught:
        Counts((change(GOOD),), 4).check(rows=2, widths=[1], shots=4, provider="acme")
    assert caught.value.provider == "acme"


def test_the_number_of_registers_and_shots_is_checked_too() -> None:
    with pytest.raises(BadResultError, match="expected"):
        Counts((GOOD, GOOD), 4).check(rows=2, widths=[1], shots=4, provider="acme")
    with pytest.raises(BadResultError, match="add up to 5"):
        Counts((GOOD,), 4).check(rows=2, widths=[1], shots=5, provider="acme")
    with pytest.raises(BadResultError, match="add up to 4"):
        Counts((GOOD,), 5).check(rows=2, widths=[1], shots=4, provider="acme")


def test_tables_of_one_register() -> None:
    counts = Counts((GOOD,), 4)
    assert counts.rows == 2
    assert counts.frequencies.tolist() == [[0.75, 0.25], [0, 1]]
    with pytest.raises(ValueError, match="too many values"):
        _ = Counts((GOOD, GOOD), 4).table


def test_concatenation_keeps_the_order_of_rows() -> None:
    parts = [Counts((GOOD[:1], GOOD[1:]), 4), Counts((GOOD, GOOD[::-1]), 4)]
    joined = concatenate(parts)
    assert joined.registers[0].tolist() == [[3, 1], [3, 1], [0, 4]]
    assert joined.registers[1].tolist() == [[0, 4], [0, 4], [3, 1]]
    assert joined.shots == 4


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 5),
    shots=st.integers(1, 40),
    widths=st.lists(st.integers(1, 4), min_size=1, max_size=3),
)
def test_shots_are_tallied_one_by_one(seed, rows, shots, widths):
    samples = np.random.default_rng(seed).integers(0, 2, size=(rows, shots, sum(widths)))
    counts = tally(samples, widths, provider="p").check(rows=rows, widths=widths, shots=shots, provider="p")
    for row in range(rows):
        start = 0
        for table, width in zip(counts.registers, widths, strict=True):
            expected = np.zeros(2**width, dtype=int)
            for shot in samples[row, :, start : start + width]:
                expected[sum(int(bit) << k for k, bit in enumerate(shot))] += 1
            assert table[row].tolist() == expected.tolist()
            start += width


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((2, 3), dtype=int),
        np.zeros((2, 3, 4), dtype=int),
        np.zeros((2, 0, 3), dtype=int),
        np.full((2, 3, 3), 2),
        np.full((2, 3, 3), -1),
        np.zeros((2, 3, 3)),
    ],
)
def test_what_is_no_bits_is_refused(samples):
    with pytest.raises(BadResultError):
        tally(samples, [1, 2], provider="p")
