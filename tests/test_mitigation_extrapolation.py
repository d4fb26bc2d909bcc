"""Extrapolation: exact on what each method assumes, with the spread that it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.mitigation.extrapolation import extrapolated, weights_of

scales_of = st.lists(st.integers(0, 30), min_size=2, max_size=5, unique=True).map(
    lambda steps: tuple(1 + step / 5 for step in sorted(steps))
)


@given(scales=scales_of)
def test_lines_and_polynomials_go_to_their_value_at_zero(scales):
    points = np.array(scales)
    assert weights_of(scales, "linear").sum() == pytest.approx(1)
    assert weights_of(scales, "linear") @ (3 - 2 * points) == pytest.approx(3)
    assert weights_of(scales, "richardson") @ np.polyval([0.5, -2, 3][-len(points) :], points) == pytest.approx(3)
    lagrange = [np.prod([t / (t - s) for t in scales if t != s]) for s in scales]
    assert np.allclose(weights_of(scales, "richardson"), lagrange, rtol=1e-6)


@pytest.mark.parametrize("method", ["linear", "richardson"])
def test_variances_are_those_of_the_weights(method):
    generator = np.random.default_rng(0)
    values, variances = generator.random((3, 5, 4)), generator.random((3, 5, 4))
    out, spread = extrapolated((1, 2, 3), values, variances, method)
    weights = np.array([4 / 3, 1 / 3, -2 / 3] if method == "linear" else [3, -3, 1])
    assert np.allclose(out, np.einsum("s,srv->rv", weights, values))
    assert np.allclose(spread, np.einsum("s,srv->rv", weights**2, variances))


@given(rate=st.floats(0.01, 1.5), scales=scales_of, centre=st.sampled_from([0.0, 0.25]))
def test_a_decay_goes_to_its_value_at_zero(rate, scales, centre):
    true = np.random.default_rng(1).dirichlet(np.ones(4), size=10)
    values = centre + (true - centre) * np.exp(-rate * np.array(scales))[:, None, None]
    out, _ = extrapolated(scales, values, np.full_like(values, 1e-12), "exponential", centre=centre)
    # The grid of rates is 0.0025 wide.
    assert np.abs(out - true).max() < 0.00126 * max(scales) * np.abs(true - centre).max() + 1e-9


def test_groups_decay_at_their_own_rates():
    true = np.random.default_rng(1).dirichlet(np.ones(4), size=12)
    groups = np.arange(12) % 3
    decay = np.exp(-np.array([0.1, 0.5, 1.0])[groups] * np.array([1, 3])[:, None])[..., None]
    values = 0.25 + (true - 0.25) * decay
    tiny = np.full_like(values, 1e-12)
    apart, _ = extrapolated((1, 3), values, tiny, "exponential", centre=0.25, groups=groups)
    together, _ = extrapolated((1, 3), values, tiny, "exponential", centre=0.25)
    assert np.abs(apart - true).max() < 0.003
    assert np.abs(together - true).max() > 0.05


def test_shot_noise_does_not_pass_for_decay():
    """Signals of many rows below their noise, which is not the same at all scales: a gain of 1 within 0.5.

    Its standard error is 0.1; noise that counts as signal makes it 0.24.
    """
    generator = np.random.default_rng(3)
    true = 0.02 * generator.normal(size=(4000, 4))
    exact = true * np.exp(-0.5 * np.array([1.0, 3.0]))[:, None, None]
    sigma = np.array([0.02, 0.04])[:, None, None] * np.ones(exact.shape)
    out, _ = extrapolated((1, 3), exact + generator.normal(scale=sigma), sigma**2, "exponential")
    assert abs((out * true).sum() / (true**2).sum() - 1) < 0.5


def test_error_bars_of_a_decay_are_the_spread_of_repeated_draws():
    """The spread of 2,000 draws has a standard error of 1.6 %, and groups of few rows leave the rate uncertain."""
    generator = np.random.default_rng(2)
    true = generator.dirichlet(np.ones(4), size=6)
    scales, sigma, draws = np.array([1.0, 3.0]), 0.01, 2000
    exact = 0.25 + (true - 0.25) * np.exp(-0.2 * scales)[:, None, None]
    found = [
        extrapolated(
            (1, 3),
            exact + generator.normal(scale=sigma, size=exact.shape),
            np.full(exact.shape, sigma**2),
            "exponential",
            centre=0.25,
        )
        for _ in range(draws)
    ]
    values, variances = (np.array(each) for each in zip(*found, strict=True))
    assert np.abs(values.mean(axis=0) - true).max() < 6 * values.std(axis=0).max() / draws**0.5 + 0.001
    ratio = values.std(axis=0) / np.sqrt(variances.mean(axis=0))
    assert np.abs(ratio - 1).max() < 0.12
    # It is far less noise than a line through the same points has.
    assert (
        values.std(axis=0).mean() < 0.95 * np.sqrt(weights_of((1, 3), "linear") @ weights_of((1, 3), "linear")) * sigma
    )
