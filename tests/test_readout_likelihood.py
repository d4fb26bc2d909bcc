"""The likelihood: against its definition, its derivatives against differences, its maximum against a general search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from qadapt.readout import IDEAL, Noise
from qadapt.readout.likelihood import FLOOR, RIDGE, Likelihood
from qadapt.readout.settings import bases, interfering
from readout_cases import Floats, cayley, confusions, probabilities, sampled, unit, vectors

SHOTS = 300


@st.composite
def cases(draw: st.DrawFn) -> tuple[Likelihood, Noise, Floats, Floats]:
    """Likelihood of a few rows, its noise, the true vectors, and others."""
    dim, seed = draw(st.sampled_from([2, 4, 8])), draw(st.integers(0, 2**32))
    generator = np.random.default_rng(seed)
    settings, rows, tiles = interfering(dim.bit_length() - 1), 3, 2
    outputs = unit(generator.normal(size=(rows, dim)))
    noise = IDEAL
    if draw(st.booleans()):
        confusion = confusions(tiles, dim.bit_length() - 1, seed) if draw(st.booleans()) else None
        place = generator.integers(0, tiles, size=(len(settings), rows))
        noise = Noise(generator.random(tiles) / 2, confusion, place)
    counts = sampled(probabilities(outputs, 0.1), SHOTS, seed)
    return Likelihood.of(counts, settings, noise), noise, outputs, unit(generator.normal(size=(rows, dim)))


def outcomes(noise: Noise, vector: Floats, row: int, settings: Floats) -> Floats:
    """The model, written down setting by setting, ``[settings, d]``."""
    dim = len(vector)
    out = []
    for setting, basis in enumerate(bases(settings)):
        tile = 0 if noise.tiles is None else noise.tiles[setting, row]
        mixed = (1 - noise.strengths[tile]) * (basis @ vector) ** 2 + noise.strengths[tile] / dim
        out.append((mixed if noise.confusion is None else noise.confusion[tile] @ mixed) + FLOOR / SHOTS)
    return np.array(out)


@given(cases())
def test_the_value_is_that_of_the_model(case: tuple[Likelihood, Noise, Floats, Floats]) -> None:
    like, noise, outputs, others = case
    settings = interfering(outputs.shape[1].bit_length() - 1)
    for at in (outputs, others):
        wanted = [
            (like.counts[row] * np.log(outcomes(noise, vector, row, settings))).sum() for row, vector in enumerate(at)
        ]
        np.testing.assert_allclose(like.value(at), wanted)
        np.testing.assert_allclose(like.near(at).value, wanted)
        assert (like.value(at) <= like.best() + 1e-9).all()
    np.testing.assert_array_equal(like.rows([2, 0]).value(others[[2, 0]]), like.value(others)[[2, 0]])


@given(cases())
def test_derivatives_are_differences(case: tuple[Likelihood, Noise, Floats, Floats]) -> None:
    like, noise, outputs, others = case
    dim, settings = outputs.shape[1], interfering(outputs.shape[1].bit_length() - 1)
    local = like.near(others)
    scaled = lambda factor: Noise(noise.scaled(factor), noise.confusion, noise.tiles)  # noqa: E731
    for row, vector in enumerate(others):
        tangents = np.linalg.svd(vector[None])[2][1:]  # an orthonormal basis of the directions along the sphere
        step = 1e-5

        def slope(function: Any, tangents: Floats = tangents, vector: Floats = vector, step: float = step) -> Floats:
            ends = [[function(unit((vector + sign * step * t)[None])[0]) for t in tangents] for sign in (1, -1)]
            return (np.array(ends[0]) - np.array(ends[1])) / (2 * step)

        one = like.rows([row])
        exact = outcomes(noise, vector, row, settings)
        turned = slope(lambda v, row=row: outcomes(noise, v, row, settings))  # [tangents, settings, d]
        faded = (
            outcomes(scaled(np.exp(step)), vector, row, settings)
            - outcomes(scaled(np.exp(-step)), vector, row, settings)
        ) / (2 * step)
        tolerance = {"rtol": 1e-5, "atol": 1e-4}
        np.testing.assert_allclose(
            tangents @ local.score[row], slope(lambda v, one=one: one.value(v[None])[0]), **tolerance
        )
        np.testing.assert_allclose(local.score[row] @ vector, 0, atol=1e-8)
        wanted = np.einsum("isk,jsk,sk->ij", turned, turned, SHOTS / exact)
        whole = 4 * SHOTS * len(settings)
        ridge = RIDGE * whole * np.eye(dim - 1)
        np.testing.assert_allclose(tangents @ local.information[row] @ tangents.T, wanted + ridge, **tolerance)
        np.testing.assert_allclose(local.information[row] @ vector, (1 + RIDGE) * whole * vector, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(local.strength_score[row], (like.counts[row] / exact * faded).sum(), **tolerance)
        np.testing.assert_allclose(local.strength_information[row], (faded**2 * SHOTS / exact).sum(), **tolerance)
        mixed = np.einsum("isk,sk,sk->i", turned, faded, SHOTS / exact)
        np.testing.assert_allclose(tangents @ local.mixed[row], mixed, **tolerance)


@pytest.mark.parametrize("dim", [2, 4, 8, 16])
def test_without_noise_the_information_is_the_quantum_limit(dim: int) -> None:
    outputs = vectors(20, dim, dim)
    settings = interfering(dim.bit_length() - 1)
    like = Likelihood.of(sampled(probabilities(outputs), 10**9, 1), settings, IDEAL)
    limit = 4 * 10**9 * len(settings) * np.eye(dim)
    np.testing.assert_allclose(
        like.near(outputs).information / limit[0, 0], np.broadcast_to(np.eye(dim), (20, dim, dim)), atol=0.02
    )


@given(cases())
def test_climbing_ends_at_a_maximum_and_never_below_its_start(case: tuple[Likelihood, Noise, Floats, Floats]) -> None:
    like, _, outputs, others = case
    for start in (outputs, others):
        reached, values = like.ascend(start)
        assert (values >= like.value(start)).all()
        np.testing.assert_allclose(values, like.value(reached))
        np.testing.assert_allclose(np.linalg.norm(reached, axis=1), 1)
    # From near the truth it is a maximum, within a third of a standard error where an amplitude is about to vanish.
    reached, values = like.ascend(outputs)
    again, higher = like.ascend(reached)
    assert (higher - values < 0.5).all()
    assert np.median(higher - values) < 1e-3
    assert np.abs(again - reached).max() < 0.3 / np.sqrt(SHOTS)


def test_rough_starts_reach_the_same_maximum() -> None:
    """With a quarter of the components about to vanish and few shots."""
    outputs = vectors(300, 8, 5)
    outputs = unit(np.where(np.abs(outputs) < 0.1, 0.002, outputs))
    like = Likelihood.of(sampled(probabilities(outputs), 200, 2), interfering(3), IDEAL)
    _, wanted = like.ascend(outputs)
    _, found = like.ascend(unit(outputs + 0.1 * vectors(300, 8, 6)))
    assert (found > wanted - 0.1).mean() > 0.97


@pytest.mark.parametrize("dim", [2, 4])
def test_the_maximum_is_that_of_a_general_search(dim: int) -> None:
    blocks, _ = cayley(4, dim, 0.5, seed=dim)
    outputs = np.einsum("rij,rj->ri", blocks, vectors(4, dim, 7))
    like = Likelihood.of(
        sampled(probabilities(outputs, 0.1), 500, 3), interfering(dim.bit_length() - 1), Noise(np.array([0.1]))
    )
    _, values = like.ascend(outputs)
    generator = np.random.default_rng(1)
    for row in range(4):
        one = like.rows([row])
        found = [
            minimize(lambda v, one=one: -one.value(unit(v[None]))[0], generator.normal(size=dim), method="BFGS").fun
            for _ in range(12)
        ]
        assert -min(found) == pytest.approx(values[row], abs=1e-3)
