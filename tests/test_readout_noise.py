"""Noise of a read-out: checked data, tensored confusion, and what a calibration predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import register_probabilities
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.compile import pack
from qadapt.errors import BindingsError
from qadapt.local import STATEVECTOR
from qadapt.readout import IDEAL, Noise, depolarising, tensored
from qadapt.readout.noise import STRONGEST, calibrated, joined
from qadapt.simulate import density
from qadapt.target import bundled_targets


@given(st.integers(1, 4), st.integers(0, 2**32))
def test_misread_qubits_make_misread_outcomes(num_qubits: int, seed: int) -> None:
    flips = np.random.default_rng(seed).random((3, num_qubits, 2))
    qubits = np.stack([1 - flips, flips], axis=-2)  # [..., read, true]
    found = tensored(qubits)
    assert found.shape == (3, 2**num_qubits, 2**num_qubits)
    for read in range(2**num_qubits):
        for true in range(2**num_qubits):
            product = np.prod([qubits[:, k, read >> k & 1, true >> k & 1] for k in range(num_qubits)], axis=0)
            np.testing.assert_allclose(found[:, read, true], product)


@pytest.mark.parametrize(
    "fields",
    [
        {"strengths": 0.1},
        {"strengths": []},
        {"strengths": [-0.1]},
        {"strengths": [0.96]},
        {"strengths": [np.nan]},
        {"strengths": [0.1, 0.2]},
        {"strengths": [0.1], "confusion": np.eye(2)},
        {"strengths": [0.1], "confusion": np.ones((1, 2, 2))},
        {"strengths": [0.1], "confusion": [[[1.5, 0], [-0.5, 1]]]},
        {"strengths": [0.1], "confusion": np.ones((1, 2, 3)) / 2},
        {"strengths": [0.1], "confusion": [np.eye(2), np.eye(2)]},
        {"strengths": [0.1], "tiles": np.array([[1]])},
        {"strengths": [0.1], "tiles": np.array([[-1]])},
        {"strengths": [0.1], "tiles": np.array([0])},
        {"strengths": [0.1], "tiles": np.array([[0.0]])},
    ],
    ids=str,
)
def test_what_is_no_noise_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BindingsError):
        Noise(**fields)


def test_noise_fits_its_counts() -> None:
    noise = Noise(np.array([0.1, 0.2]), np.stack([np.eye(4)] * 2), np.array([[0, 1, 0], [1, 0, 1]]))
    assert noise.fits(2, 3, 4) is noise
    assert noise.of_rows(2, 3).tolist() == [[0, 1], [1, 0], [0, 1]]
    for wrong in ((3, 3, 4), (2, 2, 4), (2, 3, 8)):
        with pytest.raises(BindingsError):
            noise.fits(*wrong)
    assert IDEAL.fits(5, 7, 16) is IDEAL
    assert IDEAL.of_rows(2, 3).tolist() == [[0, 0]] * 3


def test_scaled_strengths_stay_in_range() -> None:
    noise = Noise(np.array([0.1, 0.5]), tiles=np.array([[0, 1]]))
    np.testing.assert_allclose(noise.scaled(0.5), [0.05, 0.25])
    np.testing.assert_allclose(noise.scaled(3), [0.3, STRONGEST])
    assert depolarising(0.2, fitted=True).fitted


def test_an_uncalibrated_target_is_ideal() -> None:
    circuit = Circuit(num_qubits=2, operations=[op("cz", 0, 1)], measured=[0, 1])
    assert calibrated(STATEVECTOR, circuit, 1, 1, 10) is IDEAL


def test_a_calibration_predicts_what_the_emulator_does() -> None:
    """Outcomes of a packed circuit on the emulator are those of the model, tile by tile, within what it leaves out."""
    target = bundled_targets()["heron-r2"]
    operations = [op("ry", q, angles=[0.7 + q]) for q in range(2)]
    operations += [op("cz", 0, 1), op("ry", 0, angles=[1.1]), op("ry", 1, angles=[0.4])] * 4
    packed = pack(Circuit(num_qubits=2, operations=operations, measured=[0, 1]), target, copies=7)
    noise = calibrated(target, packed.circuit, 7, 2, 10)
    assert noise.fitted
    assert noise.tiles is not None
    assert noise.confusion is not None
    assert noise.tiles.tolist() == [[i % 7 for i in range(10)], [i % 7 for i in range(10, 20)]]
    seen = density.probabilities(packed.circuit, packed.bind(Bindings.of({})), target)
    pure = register_probabilities(Circuit(num_qubits=2, operations=operations, measured=[0, 1]), Bindings.of({}), 0)[0]
    for table, strength, confusion in zip(seen, noise.strengths, noise.confusion, strict=True):
        model = confusion @ ((1 - strength) * pure + strength / 4)
        assert np.abs(table[0] - model).max() < 0.2 * np.abs(table[0] - pure).max()


def test_noise_of_several_runs_is_joined_along_the_settings() -> None:
    read = tensored(np.broadcast_to([[0.9, 0.2], [0.1, 0.8]], (2, 2, 2, 2)))
    first = Noise(np.array([0.1, 0.2]), read, np.array([[0, 1, 1]]), fitted=True)
    made = joined([first, IDEAL, first], [1, 2, 1], rows=3, dim=4)
    np.testing.assert_array_equal(made.strengths, [0.1, 0.2, 0, 0.1, 0.2])
    assert made.tiles is not None
    np.testing.assert_array_equal(made.tiles, [[0, 1, 1], [2, 2, 2], [2, 2, 2], [3, 4, 4]])
    assert made.confusion is not None
    np.testing.assert_array_equal(made.confusion, [*read, np.eye(4), *read])
    assert made.fitted
    assert joined([first], [1], rows=3, dim=4) is first
    some = made.rows(np.array([2, 0])).tiles
    assert some is not None
    np.testing.assert_array_equal(some, [[1, 0], [2, 2], [2, 2], [4, 3]])
    assert joined([IDEAL, IDEAL], [1, 1], rows=3, dim=4).confusion is None
