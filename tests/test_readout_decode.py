"""Read-outs: values are the stated functions of counts, error bars are those of repeated experiments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qadapt.circuit import op
from qadapt.counts import Counts
from qadapt.errors import BindingsError, NotSupportedError, QadaptError
from qadapt.readout import decode
from qadapt.readout.decode import (
    Decoded,
    InputSign,
    Probabilities,
    Readout,
    Setting,
    allocate,
    input_sign,
    probabilities,
    readout,
    readouts,
    register,
)

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


@pytest.mark.parametrize("made", readouts().values(), ids=str)
def test_every_readout_tends_to_its_limit(made: Readout) -> None:
    shots, d = 10**12, 4
    generator = np.random.default_rng(0)
    inputs, outputs = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in generator.normal(size=(2, 50, d)))
    expected = np.round(np.square(outputs) * shots).astype(np.int64)
    expected[:, 0] += shots - expected.sum(axis=1)
    settings = made.settings(2)
    assert sum(setting.share for setting in settings) == pytest.approx(1)
    assert isinstance(made, Readout)
    if all(not setting.operations for setting in settings):
        values = made.decode([Counts((expected,), shots)] * len(settings), inputs).values
        np.testing.assert_allclose(values, made.limit(outputs, inputs), atol=1e-6)


@pytest.mark.parametrize("made", [InputSign(), Probabilities()], ids=str)
def test_limits_agree_on_arrays_and_tensors(made: Readout) -> None:
    torch = pytest.importorskip("torch")
    outputs, inputs = np.random.default_rng(1).normal(size=(2, 7, 4))
    tensor = made.limit(torch.from_numpy(outputs), torch.from_numpy(inputs))
    np.testing.assert_array_equal(tensor.numpy(), made.limit(outputs, inputs))
    assert made.limit(torch.ones(3), torch.ones(3)).dtype == torch.float32


@pytest.mark.parametrize("made", [InputSign(), Probabilities()], ids=str)
def test_counts_of_too_many_settings_are_refused(made: Readout) -> None:
    counts = Counts((np.array([[1, 1]]),), 2)
    with pytest.raises(BindingsError, match="2 settings"):
        made.decode([counts, counts], np.ones((1, 2)))


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.integers(6, 10**6))
def test_shots_are_split_by_share(shares: list[float], shots: int) -> None:
    parts = allocate(shots, [Setting((op("h", 0),), share) for share in shares])
    assert sum(parts) == shots
    assert min(parts) >= 1
    wanted = np.array(shares) / sum(shares) * shots
    assert np.abs(np.array(parts) - wanted).max() <= len(shares) + 1


@pytest.mark.parametrize("shots", [0, -1, 1, 2.0, True, None])
def test_too_few_shots_are_refused(shots: Any) -> None:
    with pytest.raises(BindingsError, match="shots"):
        allocate(shots, [Setting(share=0.5), Setting(share=0.5)])


def test_readouts_are_found_by_name_and_names_are_not_taken_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_READOUTS", dict(readouts()))
    assert readout("input-sign") == InputSign()
    with pytest.raises(NotSupportedError, match=r"magic.*input-sign") as caught:
        readout("magic")
    assert caught.value.capability == "readout"
    register(InputSign())
    register(InputSign(name="mine"))
    assert readout("mine").name == "mine"
    with pytest.raises(QadaptError, match="already"):
        register(Probabilities(name="input-sign"))
