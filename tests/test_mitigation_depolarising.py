"""Depolarising: predicted and estimated strengths against machines that have just this error."""

from __future__ import annotations

import numpy as np
import pytest

from mitigation_cases import cayley
from qadapt.circuit import Circuit, op
from qadapt.compile import pack
from qadapt.mitigation import confusion, depolarising
from qadapt.mitigation.confusion import Confusion
from qadapt.mitigation.depolarising import Strength
from qadapt.mitigation.references import references
from qadapt.simulate import density
from qadapt.target import Qubit, Site, Target

TILES = ((0, 1), (2, 3))


def noisy(readout: float = 0.0) -> Target:
    """Two pairs whose cz depolarise, one twice as much, and whose qubits may be misread."""
    sites = {"cz": (Site(qubits=(0, 1), error=0.01), Site(qubits=(2, 3), error=0.02))}
    qubits = (Qubit(prob_meas1_prep0=readout, prob_meas0_prep1=2 * readout),) * 4
    return Target(name="pairs", num_qubits=4, native=("cz", "sx", "x", "rz"), sites=sites, qubits=qubits)


def probabilities(circuit, bindings, target):
    """Exact probabilities of all rows on each tile, ``[rows, tiles, d]``."""
    packed = pack(circuit, target, tiles=TILES)
    angles = np.repeat(bindings.array(circuit.parameters), len(TILES), axis=0)
    tables = density.probabilities(
        packed.circuit, packed.bind(type(bindings).rows_of(circuit.parameters, angles)), target
    )
    return np.stack(tables, axis=1)


def test_a_predicted_strength_is_exact_where_nothing_else_errs():
    circuit, bindings, exact = cayley(20, 4)
    target = noisy()
    strength = depolarising.predicted(pack(circuit, target, tiles=TILES).circuit, TILES, target)
    # (1 - 1.25 e)^3 is the process fidelity, and each cz mixes with 4/3 e: equal up to the square of e.
    kept = [(1 - 4 / 3 * error) ** 3 for error in (0.01, 0.02)]
    assert np.allclose(1 - strength.values, kept, atol=5e-4)
    assert not strength.errors.any()
    seen = probabilities(circuit, bindings, target)
    values, variances, common = strength.undone(seen, np.full_like(seen, 0.01), np.zeros_like(seen))
    assert np.abs(values - exact[:, None]).max() < 5e-4
    assert np.abs(seen - exact[:, None]).max() > 0.01
    assert np.allclose(variances, (0.01 / np.array(kept)[:, None] ** 2), rtol=2e-3)
    assert not common.any()


def test_tiles_of_several_parts_multiply():
    wide = Circuit(num_qubits=4, operations=[op("cz", 0, 1), op("cz", 2, 3)], measured=[[0, 1, 2, 3]])
    (strength,) = depolarising.predicted(wide, [(0, 1, 2, 3)], noisy()).values
    assert strength == pytest.approx((1 - 0.9875 * 0.975) * 256 / 255)


@pytest.mark.parametrize("readout", [0.0, 0.03])
def test_an_estimated_strength_is_exact_without_shot_noise(readout):
    circuit, bindings, exact = cayley(20, 4)
    target, known = noisy(readout), references(circuit, 4)
    seen = probabilities(circuit, type(bindings).rows_of(circuit.parameters, known.angles), target)
    misread = confusion.calibrated(target, TILES)
    found = depolarising.estimated(np.stack([seen, seen]), 1000, known, misread)
    assert np.allclose(1 - found.values, [(1 - 4 / 3 * error) ** 3 for error in (0.01, 0.02)], atol=1e-12)
    rows = probabilities(circuit, bindings, target)
    unread, _, _ = misread.undone(rows, 1000)
    values, _, _ = found.undone(unread, unread, unread)
    assert np.abs(values - exact[:, None]).max() < 1e-12
    # What readout takes away is in the strength if nothing else accounts for it.
    assert (depolarising.estimated(seen[None], 1000, known, None).values >= found.values - 1e-12).all()


def test_error_bars_are_the_spread_of_repeated_draws():
    """The spread of 3,000 draws has a standard error of 1.3 %; 2 values within 10 % fail once in 1e12."""
    circuit, _, _ = cayley(20, 4)
    known, shots, draws = references(circuit, 4), 300, 3000
    true = Confusion((np.array([[[0.98, 0.05], [0.02, 0.95]]] * 2), np.array([[[0.9, 0.1], [0.1, 0.9]]] * 2)))
    mixed = true.misread(0.9 * np.repeat(known.exact[:, None], 2, axis=1) + 0.1 / 4).clip(min=0)
    drawn = np.random.default_rng(4).multinomial(shots, mixed / mixed.sum(-1, keepdims=True), (draws, *mixed.shape[:2]))
    each = [depolarising.estimated(draw[None] / shots, shots, known, true) for draw in drawn]
    values, errors = np.array([one.values for one in each]), np.array([one.errors for one in each])
    assert np.abs(values.mean(axis=0) - 0.1).max() < 6 * values.std() / draws**0.5
    assert np.abs(values.std(axis=0) / errors.mean(axis=0) - 1).max() < 0.1


def test_errors_of_a_measured_confusion_are_in_those_of_the_strength():
    """The spread of 1,000 draws has a standard error of 2.2 %; what is said may be too much, by less than double."""
    circuit, _, _ = cayley(20, 4)
    known, shots, draws = references(circuit, 4), 500, 1000
    true = Confusion((np.array([[[0.8, 0.3], [0.2, 0.7]]]), np.array([[[0.9, 0.1], [0.1, 0.9]]])))
    mixed = true.misread(0.9 * known.exact[:, None] + 0.1 / 4).clip(min=0)
    generator = np.random.default_rng(4)
    drawn = generator.multinomial(shots, mixed / mixed.sum(-1, keepdims=True), (draws, *mixed.shape[:2])) / shots
    ends = true.misread(np.eye(4)[[0, 3]][:, None])
    prepared = generator.multinomial(shots, ends, (draws, 2, 1)) / shots
    each = [
        depolarising.estimated(seen[None], shots, known, confusion.measured(end, shots, "tensored"))
        for seen, end in zip(drawn, prepared, strict=True)
    ]
    spread, said = np.std([one.values for one in each]), np.mean([one.errors for one in each])
    assert 1 - 6 * 0.022 < said / spread < 2
    exact = depolarising.estimated(drawn[0][None], shots, known, true).errors
    assert said > 1.2 * exact.mean()


def test_what_is_not_known_of_a_strength_is_in_the_errors():
    strength = Strength(np.array([0.2]), np.array([0.01]))
    seen = np.array([[[0.6, 0.2, 0.1, 0.1]]])
    values, _, common = strength.undone(seen, np.zeros_like(seen), np.zeros_like(seen))
    up = Strength(np.array([0.2001]), np.zeros(1)).undone(seen, seen, seen)[0]
    assert np.allclose(np.sqrt(common), np.abs(up - values) * 100, rtol=1e-3)
