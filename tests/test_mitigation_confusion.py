"""Confusion: inverses against dense matrices, error bars against repeated draws, matrices from counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mitigation_cases import HERON
from qadapt import run
from qadapt.errors import BindingsError, TargetError
from qadapt.mitigation import confusion
from qadapt.mitigation.confusion import Confusion
from qadapt.simulate import density, statevector
from qadapt.target import bundled_targets


def random(sides: tuple[int, ...], tiles: int, seed: int = 0, size: float = 0.2) -> Confusion:
    """Columns that are probabilities, near the identity."""
    generator = np.random.default_rng(seed)
    factors = []
    for side in sides:
        factor = np.eye(side) + size * generator.random((tiles, side, side))
        factors.append(factor / factor.sum(axis=1, keepdims=True))
    return Confusion(tuple(factors))


@given(sides=st.lists(st.sampled_from([2, 4]), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_factors_act_as_the_matrix_that_they_make_up(sides, seed):
    made = random(tuple(sides), 3, seed)
    dense = made.matrices
    for tile in range(3):
        product = np.ones((1, 1))
        for factor in made.factors:
            product = np.kron(factor[tile], product)  # the first factor is the lowest bits
        assert np.allclose(dense[tile], product, atol=1e-14)
    tables = np.random.default_rng(seed).random((2, 3, dense.shape[1]))
    tables /= tables.sum(axis=-1, keepdims=True)
    misread = made.misread(tables)
    assert np.allclose(misread, np.einsum("tij,etj->eti", dense, tables), atol=1e-14)
    values, variances, common = made.undone(misread, 100)
    assert np.allclose(values, tables, atol=1e-11)
    inverse = np.linalg.inv(dense)
    smooth = confusion.smoothed(misread, 100)
    expected = np.einsum("tij,etj->eti", inverse**2, smooth) - np.einsum("tij,etj->eti", inverse, smooth) ** 2
    assert np.allclose(variances, expected / 100, atol=1e-12)
    assert not common.any()
    weights = np.random.default_rng(seed + 1).normal(size=tables.shape)
    assert np.allclose((made.weights(weights) * misread).sum(), (weights * values).sum(), atol=1e-9)


def test_a_wide_register_takes_a_few_passes():
    made = random((2,) * 14, 1)
    table = np.random.default_rng(0).dirichlet(np.ones(2**14), size=(2, 1))
    values, variances, _ = made.undone(made.misread(table), 1000)
    assert np.abs(values - table).max() < 1e-12
    assert (variances > 0).all()


def test_a_calibration_is_what_the_emulator_reads():
    tiles = ((3, 4, 5), (20, 21, 22))
    circuit, prepared = confusion.preparation(3, "full")
    (exact,) = statevector.probabilities(circuit, prepared)
    assert np.allclose(exact, np.eye(8), atol=1e-12)
    made = confusion.calibrated(HERON, tiles)
    for number, tile in enumerate(tiles):
        moved = type(circuit)(
            num_qubits=HERON.num_qubits,
            operations=[
                operation.moved((tile[operation.qubits[0]],), operation.angles) for operation in circuit.gates()
            ],
            measured=[tile],
        )
        (read,) = density.probabilities(moved, prepared, HERON)  # an rx has no calibration, so only readout errs
        assert np.allclose(read.T, made.matrices[number], atol=1e-12)


@pytest.mark.parametrize("kind", ["tensored", "full"])
def test_matrices_are_recovered_from_what_is_read_of_prepared_outcomes(kind):
    true = random((2, 2, 2), 4)
    circuit, prepared = confusion.preparation(3, kind)
    (exact,) = statevector.probabilities(circuit, prepared)
    read = true.misread(np.repeat(exact[:, None], 4, axis=1))
    found = confusion.measured(read, 10, kind)
    assert found.shots == 10
    assert len(found.factors) == (3 if kind == "tensored" else 1)
    assert np.allclose(found.matrices, true.matrices, atol=1e-12)


def test_a_full_matrix_knows_errors_that_bits_have_together():
    together = Confusion((0.9 * np.eye(4)[None] + 0.1 * np.eye(4)[None, ::-1],))
    _, prepared = confusion.preparation(2, "full")
    read = together.misread(np.eye(4)[:, None])
    assert prepared.rows == 4
    assert np.allclose(confusion.measured(read, 10, "full").matrices, together.matrices)
    values, _, _ = confusion.measured(read[[0, 3]], 10, "tensored").undone(read, 10)
    assert np.abs(values - np.eye(4)[:, None]).max() > 0.05


@pytest.mark.parametrize("kind", ["tensored", "full"])
def test_error_bars_are_the_spread_of_repeated_draws(kind):
    """A ratio of spreads over 4,000 draws has a standard error of 1.2 %; 8 values within 8 % fail once in 1e10."""
    bits = random((2, 2), 1, seed=3, size=0.5)
    true = bits if kind == "tensored" else Confusion((bits.matrices,))
    exact = np.array([0.5, 0.3, 0.15, 0.05])
    shots, draws, generator = 400, 4000, np.random.default_rng(5)
    _, prepared = confusion.preparation(2, kind)
    states = np.eye(4)[[0, 3]] if kind == "tensored" else np.eye(4)
    columns = np.stack([generator.multinomial(shots, true.misread(each[None, None])[0, 0], draws) for each in states])
    seen = generator.multinomial(shots, true.misread(exact[None])[0], draws) / shots
    assert len(states) == prepared.rows
    values = np.empty((draws, 4))
    for draw in range(draws):
        made = confusion.measured(columns[:, draw, None] / shots, shots, kind)
        values[draw] = made.undone(seen[draw, None], shots)[0][0]
    _, variances, common = Confusion(true.factors, shots).undone(true.misread(exact[None]), shots)
    said = np.sqrt(variances + common)[0]
    assert np.abs(values.std(axis=0) / said - 1).max() < 0.08
    # Without the part that the calibration has in it, they would be too small.
    assert (values.std(axis=0) / np.sqrt(variances[0])).max() > 1.12


@pytest.mark.parametrize(("tiles", "bits"), [(2, 3), (3, 2), (3, 4)])
def test_matrices_of_other_tiles_are_refused(tiles, bits):
    made = random((2, 4), 3)
    assert made.check(3, 3) is made
    with pytest.raises(BindingsError, match=f"{tiles} tiles of {bits} bits"):
        made.check(tiles, bits)


def test_registers_that_tell_nothing_are_named():
    blind = Confusion((np.stack([np.eye(2), np.full((2, 2), 0.5)]),))
    with pytest.raises(TargetError, match=r"tiles \[1\]"):
        blind.undone(np.full((1, 2, 2), 0.5), 10)
    with pytest.raises(TargetError, match=r"tiles \[1\]"):
        blind.weights(np.full((1, 2, 2), 0.5))


def test_the_circuits_of_a_calibration_run_on_given_qubits():
    circuit, prepared = confusion.preparation(2, "full")
    done = run(circuit, prepared, "local:emulator/wukong-72", shots=4000, seed=1, tiles=[(0, 1)])
    assert done.provenance.qubits == ((0, 1),)
    found = confusion.measured(done.counts.frequencies[:, None], 4000, "full").matrices[0]
    exact = confusion.calibrated(bundled_targets()["wukong-72"], [(0, 1)]).matrices[0]
    # Six standard deviations of 16 frequencies, 3e-8, and the pulses' own errors.
    assert np.abs(found - exact).max() < 6 * 0.5 / 4000**0.5 + 0.01
