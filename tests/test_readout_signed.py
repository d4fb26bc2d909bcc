"""The read-out with signs: at the limit, with honest error bars, through noise, and the same whatever is beside a row.

Statistical bounds: with R rows of d - 1 degrees of freedom the mean square has a relative standard deviation of about
``sqrt(2 / (R (d - 1)))``; bounds lie five of those above what is expected, so that each fires falsely below 1e-6. Seeds
are fixed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.counts import Counts
from qadapt.errors import BindingsError
from qadapt.readout import Noise, Signed, certificate, depolarising, signed
from qadapt.readout.settings import interfering, shots_each
from readout_cases import Floats, cayley, confusions, distances, expected, joined, probabilities, sampled, unit, vectors

SHOTS = 8192


def each(dim: int, shots: int = SHOTS) -> int:
    """Shots of one setting."""
    return shots_each(shots, len(interfering(dim.bit_length() - 1)))


def problem(rows: int, dim: int, scale: float, seed: int = 0) -> tuple[Floats, Floats]:
    """Inputs and outputs of Cayley blocks whose certificate holds, far from its edge."""
    inputs, (blocks, _) = vectors(2 * rows, dim, seed), cayley(2 * rows, dim, scale, seed + 1)
    good = np.flatnonzero(certificate(blocks).margins > 0.1)[:rows]
    assert len(good) == rows
    return inputs[good], np.einsum("rij,rj->ri", blocks[good], inputs[good])


@pytest.mark.parametrize("dim", [2, 4, 8, 16, 32])
def test_many_shots_give_the_vector(dim: int) -> None:
    inputs, outputs = problem(30, dim, 0.8 / dim**0.5)
    decoded = Signed().decode(expected(probabilities(outputs), 10**12), inputs)
    np.testing.assert_allclose(decoded.values, outputs, atol=1e-5)
    assert (decoded.errors < 1e-5).all()
    assert decoded.doubtful is not None
    assert not decoded.doubtful.any()


@pytest.mark.parametrize(("dim", "rows", "slack"), [(4, 6000, 1.10), (8, 3000, 1.10), (16, 1500, 1.15)])
def test_the_error_is_that_of_the_quantum_limit(dim: int, rows: int, slack: float) -> None:
    inputs, outputs = problem(rows, dim, {4: 0.3, 8: 0.2, 16: 0.14}[dim])
    decoded = Signed().decode(sampled(probabilities(outputs), each(dim), 1), inputs)
    mean = np.mean(distances(decoded.values, outputs) ** 2)
    limit = (dim - 1) / (4 * SHOTS)
    spread = np.sqrt(2 / (rows * (dim - 1)))
    assert (1 - 5 * spread) * limit < mean < slack**2 * limit
    covered = (np.abs(decoded.values - outputs) < 1.96 * decoded.errors).mean()
    assert 0.94 < covered < 0.96
    np.testing.assert_allclose(np.linalg.norm(decoded.values, axis=1), 1)


@pytest.mark.parametrize("dim", [4, 8])
@pytest.mark.parametrize("strength", [0.03, 0.2])
def test_error_bars_hold_through_noise(dim: int, strength: float) -> None:
    inputs, outputs = problem(3000, dim, 0.25)
    bits = dim.bit_length() - 1
    confusion = confusions(1, bits)
    noise = Noise(np.array([strength]), confusion)
    counts = sampled(probabilities(outputs, strength, confusion[0]), each(dim), 2)
    decoded = Signed().decode(counts, inputs, noise)
    ratio = (decoded.values - outputs) / decoded.errors
    assert 0.94 < (np.abs(ratio) < 1.96).mean() < 0.96
    assert np.mean(ratio**2) < 1.05
    # The same counts without a word of the noise are far off.
    ignorant = Signed().decode(counts, inputs)
    assert np.mean(distances(ignorant.values, outputs) ** 2) > 4 * np.mean(distances(decoded.values, outputs) ** 2)


def test_noise_of_tiles_is_that_of_each() -> None:
    inputs, outputs = problem(1500, 4, 0.3)
    place = np.arange(6000).reshape(4, 1500) % 7
    generator = np.random.default_rng(5)
    noise = Noise(generator.random(7) / 4, confusions(7, 2), place)
    exact = probabilities(outputs)
    assert noise.confusion is not None
    strengths = noise.strengths[place][..., None]
    read = np.einsum("srkj,srj->srk", noise.confusion[place], (1 - strengths) * exact + strengths / 4)
    counts = sampled(read, 2048, 3)
    ratio = [
        np.mean(((found.values - outputs) / found.errors) ** 2)
        for found in (
            Signed().decode(counts, inputs, told)
            for told in (noise, Noise(noise.strengths, noise.confusion, place[::-1]))
        )
    ]
    assert ratio[0] < 1.1
    assert ratio[1] > 1.2


@pytest.mark.parametrize("dim", [4, 8])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_strength_is_fitted(dim: int, factor: float) -> None:
    inputs, outputs = problem(2000, dim, 0.25)
    counts = sampled(probabilities(outputs, 0.05 * factor), each(dim), 4)
    fitted = Signed().decode(counts, inputs, depolarising(0.05, fitted=True))
    known = Signed().decode(counts, inputs, depolarising(0.05 * factor))
    # Fitting the vectors beside it biases the strength by less than 1e-3 at these shots; 5.2 standard errors besides.
    off = abs(fitted.done["fitted_factor"] / factor - 1)
    assert off < 5.2 * fitted.done["fitted_factor_error"] + 1e-3 / (0.05 * factor)
    assert fitted.done["depolarising"] == pytest.approx(0.05 * fitted.done["fitted_factor"])
    assert np.abs(fitted.values - known.values).max() < 0.3 * known.errors.max()


def test_the_error_of_the_fitted_strength_is_its_spread() -> None:
    inputs, outputs = problem(10, 4, 0.3)
    exact = probabilities(outputs, 0.1)
    made = [Signed().decode(sampled(exact, 2048, n), inputs, depolarising(0.1, fitted=True)).done for n in range(300)]
    ratio = np.array([np.log(done["fitted_factor"]) / done["fitted_factor_error"] for done in made])
    # A mean square of 300 normal values has a standard deviation of 0.082.
    assert 0.6 < np.mean(ratio**2) < 1.45


def test_a_fitted_strength_widens_error_bars() -> None:
    inputs, outputs = problem(1, 4, 0.3)
    counts = sampled(probabilities(outputs, 0.1), 2048, 1)
    fitted = Signed().decode(counts, inputs, depolarising(0.1, fitted=True))
    known = Signed().decode(counts, inputs, depolarising(fitted.done["depolarising"]))
    np.testing.assert_allclose(fitted.values, known.values, atol=1e-9)
    assert (fitted.errors >= known.errors).all()
    assert (fitted.errors / known.errors).max() > 1.0001


def test_one_row_trusts_its_calibration() -> None:
    """Where counts say little the factor stays near one, and the error bars say what that costs."""
    inputs, outputs = problem(400, 4, 0.3)
    parts = []
    for row in range(400):
        counts = sampled(probabilities(outputs[row : row + 1], 0.02), 2048, row)
        parts.append(Signed().decode(counts, inputs[row : row + 1], depolarising(0.02, fitted=True)))
    assert np.min([part.done["fitted_factor"] for part in parts]) > 0.2
    assert np.max([part.done["fitted_factor"] for part in parts]) < 5
    ratio = np.concatenate([(part.values - outputs[row]) / part.errors for row, part in enumerate(parts)])
    assert 0.9 < (np.abs(ratio) < 1.96).mean() < 0.99


@pytest.mark.parametrize("strength", [0.0, 0.2])
@pytest.mark.parametrize("dim", [4, 8])
def test_components_that_no_edge_connects(dim: int, strength: float) -> None:
    """States like a Bell pair, whose relative sign single turns leave open."""
    outputs = np.zeros((40, dim))
    outputs[:, 0], outputs[:20, dim - 1], outputs[20:, dim - 1] = 0.8, 0.6, -0.6
    outputs = unit(outputs + 1e-4 * np.random.default_rng(0).normal(size=outputs.shape))
    decoded = Signed().decode(sampled(probabilities(outputs, strength), each(dim), 3), outputs, depolarising(strength))
    assert distances(decoded.values, outputs).max() < 6 * np.sqrt((dim - 1) / (4 * SHOTS)) * (1 + 5 * strength)


def test_weak_links_do_not_lose_signs() -> None:
    """Rows in a wrong basin cost a hundred times their share; of 20,000 with much noise none may end there."""
    inputs, outputs = problem(20_000, 4, 0.3)
    decoded = Signed().decode(sampled(probabilities(outputs, 0.2), 2048, 5), inputs, depolarising(0.2))
    assert distances(decoded.values, outputs).max() < 0.1


@given(st.integers(0, 2**32), st.sampled_from([2, 4, 8]))
def test_a_row_is_decoded_the_same_whatever_is_beside_it(seed: int, dim: int) -> None:
    inputs, outputs = problem(5, dim, 0.3, seed)
    counts = sampled(probabilities(outputs, 0.05), 500, seed)
    order = np.random.default_rng(seed).permutation(5)
    noise = depolarising(0.05)
    whole = Signed().decode(counts, inputs, noise)
    turned = Signed().decode([Counts((c.table[order],), c.shots) for c in counts], inputs[order], noise)
    np.testing.assert_allclose(turned.values, whole.values[order], atol=1e-9)
    alone = Signed().decode([Counts((c.table[:1],), c.shots) for c in counts], inputs[:1], noise)
    np.testing.assert_allclose(alone.values, whole.values[:1], atol=1e-9)
    np.testing.assert_allclose(alone.errors, whole.errors[:1], atol=1e-9)


def test_parts_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, outputs = problem(50, 4, 0.3)
    counts = sampled(probabilities(outputs, 0.1), 2048, 1)
    noise = Noise(np.array([0.05, 0.1]), tiles=np.arange(200).reshape(4, 50) % 2, fitted=True)
    whole = Signed().decode(counts, inputs, noise)
    monkeypatch.setattr(signed, "CELLS", 16 * 7)
    parts = Signed().decode(counts, inputs, noise)
    np.testing.assert_allclose(parts.values, whole.values, atol=1e-9)
    np.testing.assert_allclose(parts.errors, whole.errors, atol=1e-9)


def test_the_global_sign_is_that_of_the_overlap() -> None:
    inputs, outputs = problem(30, 4, 0.3)
    counts = sampled(probabilities(outputs), 2048, 1)
    values = Signed().decode(counts, inputs).values
    np.testing.assert_array_equal(Signed().decode(counts, -inputs).values, -values)
    assert (np.einsum("ri,ri->r", values, inputs) > 0).all()


def test_a_small_overlap_is_doubtful() -> None:
    outputs = vectors(20, 4, 3)
    other = vectors(20, 4, 4)
    across = unit(other - np.einsum("ri,ri->r", other, outputs)[:, None] * outputs)
    counts = joined([sampled(probabilities(outputs), 2048, 1)] * 2)
    decoded = Signed().decode(counts, np.concatenate([across, unit(across + 0.1 * outputs)]))
    assert decoded.doubtful is not None
    assert decoded.doubtful[:20].sum() >= 19
    assert not decoded.doubtful[20:].any()


def test_what_was_done_is_told() -> None:
    inputs, outputs = problem(3, 4, 0.3)
    done = Signed().decode(sampled(probabilities(outputs), 100, 1), inputs).done
    assert done["shots"] == [100] * 4
    assert done["settings"] == interfering(2).tolist()
    assert (done["depolarising"], done["fitted_factor"], done["confusion"]) == (0.0, None, False)


def test_limits() -> None:
    outputs, inputs = vectors(50, 4, 1), vectors(50, 4, 2)
    turned = Signed().limit(outputs, inputs)
    assert (np.einsum("ri,ri->r", turned, inputs) >= 0).all()
    np.testing.assert_array_equal(np.abs(turned), np.abs(outputs))
    assert (turned != outputs).any()
    np.testing.assert_array_equal(Signed(ancilla=True).limit(outputs, inputs), outputs)
    zero = np.zeros((1, 4))
    np.testing.assert_array_equal(Signed().limit(outputs[:1], zero), outputs[:1])


@pytest.mark.parametrize("shots", [1, 2, 5])
def test_a_handful_of_shots_is_decoded_too(shots: int) -> None:
    inputs, outputs = problem(200, 8, 0.2)
    decoded = Signed().decode(sampled(probabilities(outputs), shots, 1), inputs)
    np.testing.assert_allclose(np.linalg.norm(decoded.values, axis=1), 1)
    assert np.isfinite(decoded.errors).all()


def test_basis_states_and_no_rows() -> None:
    outputs = np.eye(8)
    decoded = Signed().decode(sampled(probabilities(outputs), 1000, 1), outputs)
    assert distances(decoded.values, outputs).max() < 0.2
    assert np.isfinite(decoded.errors).all()
    nothing = [Counts((np.zeros((0, 4), dtype=np.int64),), 10)] * 4
    assert Signed().decode(nothing, np.zeros((0, 4)), depolarising(0.1, fitted=True)).values.shape == (0, 4)


@pytest.mark.parametrize("dim", [1, 3, 64])
def test_other_lengths_are_refused(dim: int) -> None:
    counts = [Counts((np.eye(1, dim, dtype=np.int64),), 1)] * 8
    with pytest.raises(BindingsError, match="outcomes"):
        Signed().decode(counts, np.ones((1, dim)))


@pytest.mark.parametrize(
    "noise",
    [
        Noise(np.array([0.1]), tiles=np.zeros((4, 2), dtype=np.intp)),
        Noise(np.array([0.1]), tiles=np.zeros((1, 1), dtype=np.intp)),
        Noise(np.array([0.1]), np.eye(8)[None]),
    ],
    ids=["rows", "settings", "outcomes"],
)
def test_noise_of_other_counts_is_refused(noise: Any) -> None:
    inputs, outputs = problem(1, 4, 0.3)
    with pytest.raises(BindingsError):
        Signed().decode(sampled(probabilities(outputs), 10, 1), inputs, noise)


def test_repetitions_with_equal_noise_are_as_good_as_their_sum() -> None:
    """They differ by the floors alone, of which each repetition has one."""
    inputs, outputs = problem(300, 4, 0.25)
    exact = probabilities(outputs, 0.05)
    parts = [sampled(exact, 512, seed) for seed in range(4)]
    taken = Signed().decode([one for part in parts for one in part], inputs, depolarising(0.05))
    whole = [Counts((sum(one.table for one in same),), 2048) for same in zip(*parts, strict=True)]
    added = Signed().decode(whole, inputs, depolarising(0.05))
    assert np.sqrt(np.mean(distances(taken.values, added.values) ** 2)) < 0.05 * np.sqrt(3 / (4 * SHOTS))
    np.testing.assert_allclose(taken.errors, added.errors, rtol=0.02)
    assert (taken.done["repetitions"], added.done["repetitions"]) == (4, 1)


@pytest.mark.parametrize("dim", [4, 8])
def test_error_bars_hold_over_repetitions_on_different_tiles(dim: int) -> None:
    rows, bits = 600, dim.bit_length() - 1
    inputs, outputs = problem(rows, dim, {4: 0.25, 8: 0.18}[dim])
    strengths, confusion = np.array([0.02, 0.1, 0.3]), confusions(3, bits, seed=3)
    settings, tile = len(interfering(bits)), np.arange(rows) % 3
    parts, tiles = [], []
    for repetition in range(3):
        place = (tile + repetition) % 3
        exact = np.empty((settings, rows, dim))
        for number in range(3):
            on = place == number
            exact[:, on] = probabilities(outputs[on], strengths[number], confusion[number])
        parts += sampled(exact, 700, 50 + repetition)
        tiles += [place] * settings
    decoded = Signed().decode(parts, inputs, Noise(strengths, confusion, np.array(tiles)))
    ratio = (decoded.values - outputs) / decoded.errors
    assert 0.925 < (np.abs(ratio) < 1.96).mean() < 0.975
    assert np.mean(ratio**2) < 1 + 5 * np.sqrt(2 / (rows * (dim - 1))) + 0.05
    wrong = Signed().decode(parts, inputs, Noise(strengths, confusion, np.roll(tiles, settings, axis=0)))
    assert np.mean(distances(wrong.values, outputs) ** 2) > 1.3 * np.mean(distances(decoded.values, outputs) ** 2)


def test_counts_of_half_a_repetition_are_refused() -> None:
    inputs, outputs = problem(3, 4, 0.2)
    counts = sampled(probabilities(outputs), 100, 0)
    with pytest.raises(BindingsError, match="6 settings, expected 4"):
        Signed().decode([*counts, *counts[:2]], inputs)
