"""Read-outs: values are the stated functions of counts, error bars are those of repeated experiments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qadapt.errors import BindingsError
from qadapt.readout import Decoded, InputSign
from qadapt.readout.decode import expectations, input_sign, probabilities

NORMAL_1E_6 = 5.2
"""Two-sided quantile of the normal distribution at 1e-6, Bonferroni-corrected for the four components below."""


@st.composite
def experiments(draw: st.DrawFn) -> tuple[NDArray[np.int64], int, NDArray[np.float64]]:
    """Counts, shots and inputs of a few rows; zero counts and zero inputs among them."""
    d = draw(st.sampled_from([2, 4, 8, 16]))
    rows = draw(st.integers(1, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    shots = draw(st.integers(1, 5000))
    weights = generator.random((rows, d)) * (generator.random((rows, d)) < 0.7)
    weights[:, 0] += 0.1
    inputs = generator.normal(size=(rows, d)) * (generator.random((rows, d)) < 0.8)
    return generator.multinomial(shots, weights / weights.sum(axis=1, keepdims=True)), shots, inputs


@given(experiments())
def test_input_sign_squares_to_the_frequencies_and_takes_the_signs(experiment: tuple[Any, int, Any]) -> None:
    counts, shots, inputs = experiment
    decoded = input_sign(counts, shots, inputs)
    np.testing.assert_allclose(np.square(decoded.values) * shots, counts, atol=1e-9 * shots)
    np.testing.assert_allclose(np.linalg.norm(decoded.values, axis=1), 1, atol=1e-12)
    seen = counts > 0
    assert (decoded.values[seen & (inputs < 0)] < 0).all()
    assert (decoded.values[seen & (inputs >= 0)] > 0).all()
    assert (decoded.errors > 0).all()
    assert (decoded.errors <= 0.5 / np.sqrt(shots)).all()


@given(experiments())
def test_probabilities_are_the_frequencies(experiment: tuple[Any, int, Any]) -> None:
    counts, shots, _ = experiment
    decoded = probabilities(counts, shots)
    np.testing.assert_array_equal(decoded.values, counts / shots)
    assert (decoded.errors > 0).all()
    assert (decoded.errors <= 0.5 / np.sqrt(shots)).all()


@pytest.mark.parametrize(
    "decoder", [lambda n, shots, x: input_sign(n, shots, x), lambda n, shots, x: probabilities(n, shots)]
)
def test_error_bars_are_the_spread_of_repeated_experiments(decoder: Any) -> None:
    # The relative error of a standard deviation from R values is 1 / sqrt(2 R); the test fires falsely below 1e-6,
    # plus 0.5 % for the terms that the delta method leaves out at these counts.
    repeats, shots = 20_000, 8192
    exact = np.array([0.05, 0.15, 0.3, 0.5])
    counts = np.random.default_rng(5).multinomial(shots, exact, size=repeats)
    decoded: Decoded = decoder(counts, shots, np.ones((repeats, 4)))
    ratio = decoded.values.std(axis=0) / decoded.errors.mean(axis=0)
    assert np.abs(ratio - 1).max() < NORMAL_1E_6 / np.sqrt(2 * repeats) + 0.005, ratio


def test_a_component_without_counts_has_a_finite_error_bar() -> None:
    shots = 10_000
    decoded = input_sign([[0, shots]], shots, [[-1.0, 1.0]])
    assert decoded.values.tolist() == [[0.0, 1.0]]
    assert decoded.errors[0, 0] == pytest.approx(0.5 / np.sqrt(shots), rel=1e-4)
    assert 0 < decoded.errors[0, 1] < 1 / shots
    assert np.isfinite(probabilities([[0, shots]], shots).errors).all()


def test_zero_inputs_count_as_positive() -> None:
    wanted, inputs = np.array([[0.5, 0.5, -np.sqrt(0.5), 0.0]]), np.array([[0.0, -0.0, -3.0, 1.0]])
    np.testing.assert_array_equal(input_sign([[1, 1, 2, 0]], 4, inputs).values, wanted)
    np.testing.assert_array_equal(InputSign().limit(-np.abs(wanted), inputs), wanted)


@pytest.mark.parametrize(
    ("counts", "shots", "inputs"),
    [
        ([[1, 2]], 4, [[1.0, 1.0]]),
        ([[5, -1]], 4, [[1.0, 1.0]]),
        ([[2.0, 2.0]], 4, [[1.0, 1.0]]),
        ([2, 2], 4, [1.0, 1.0]),
        ([[2, 2]], 4, [[1.0, 1.0, 1.0]]),
        ([[2, 2]], 4, [[1.0, float("nan")]]),
        ([[2, 2]], 4, [[1.0, 1.0], [1.0, 1.0]]),
    ],
    ids=["total", "negative", "fractional", "flat", "width", "nan", "rows"],
)
def test_misfits_are_refused(counts: Any, shots: int, inputs: Any) -> None:
    with pytest.raises(BindingsError):
        input_sign(counts, shots, inputs)


STRINGS = ((0,), (1, 2), (0, 1, 2), (2, 0))


def test_expectations_are_those_of_every_single_shot() -> None:
    generator = np.random.default_rng(3)
    outcomes = generator.integers(0, 8, size=1000)
    table = np.bincount(outcomes, minlength=8)[None]
    signs = [np.prod([1 - 2 * (outcomes >> qubit & 1) for qubit in string], axis=0) for string in STRINGS]
    decoded = expectations(table, 1000, STRINGS)
    np.testing.assert_allclose(decoded.values[0], [each.mean() for each in signs], atol=1e-12)
    np.testing.assert_allclose(decoded.errors[0], [each.std() / np.sqrt(1000) for each in signs], rtol=2e-3)
    plain = expectations(table, 1000)
    np.testing.assert_allclose(plain.values[0], [(1 - 2 * (outcomes >> qubit & 1)).mean() for qubit in range(3)])
    assert decoded.done["strings"] == [[0], [1, 2], [0, 1, 2], [2, 0]]


@given(experiments())
def test_expectations_are_within_one_and_never_certain(experiment: tuple[Any, int, Any]) -> None:
    counts, shots, _ = experiment
    decoded = expectations(counts, shots)
    assert decoded.values.shape == (len(counts), counts.shape[1].bit_length() - 1)
    assert (np.abs(decoded.values) <= 1).all()
    assert (decoded.errors > 0).all()
    assert (decoded.errors <= 1.0000001 / np.sqrt(shots)).all()


def test_the_error_bar_of_an_expectation_is_the_spread_of_repeated_experiments() -> None:
    # As for the other read-outs; the three strings below fire falsely below 1e-6 together.
    repeats, shots = 20_000, 8192
    counts = np.random.default_rng(6).multinomial(shots, [0.05, 0.15, 0.3, 0.5], size=repeats)
    decoded = expectations(counts, shots, ((0,), (1,), (0, 1)))
    ratio = decoded.values.std(axis=0) / decoded.errors.mean(axis=0)
    assert np.abs(ratio - 1).max() < NORMAL_1E_6 / np.sqrt(2 * repeats) + 0.005, ratio


@pytest.mark.parametrize("strings", [[], [()], [(2,)], [(-1,)], [(0, 0)], [("0",)], [(0.0,)]], ids=str)
def test_what_is_no_string_is_refused(strings: Any) -> None:
    with pytest.raises(BindingsError):
        expectations([[1, 1, 1, 1]], 4, strings)
