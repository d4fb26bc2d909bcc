"""Plans: with the shots planned a wrong backend is found as often as promised, and not with far fewer."""

from __future__ import annotations

from math import ceil, inf, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from qadapt import Bindings, Circuit, op
from qadapt_conformance import oracle
from qadapt_conformance.statistics import (
    distance_shots,
    evidence_shots,
    exact_shots,
    measure,
    surprise,
    total_variation,
    weigh,
)

Floats = NDArray[np.float64]
LEVEL = 1e-8

ANGLES = np.random.default_rng(0).uniform(0.3, 2.6, 12)


def _vqc(angles: Floats, *, rz: bool = True) -> Floats:
    """The three-qubit circuit of two layers of ry, rz and a chain of cx."""
    operations, names = [], [f"a{k}" for k in range(12)]
    for layer in range(2):
        for qubit in range(3):
            number = 6 * layer + 2 * qubit
            operations += [op("ry", qubit, angles=[f"a{number}"])]
            operations += [op("rz", qubit, angles=[f"a{number + 1}"])] * rz
        operations += [op("cx", 0, 1), op("cx", 1, 2)]
    circuit = Circuit(num_qubits=3, operations=operations, measured=[0, 1, 2])
    values = dict(zip(names, angles.reshape(-1, 12).T, strict=True))
    return oracle.tables(circuit, Bindings.of({name: values[name] for name in circuit.parameters}))[0]


RIGHT = _vqc(ANGLES)
ORDER = [0, 1, 10, 11, *range(2, 10)]
MUTANTS = {
    "reversed bits": RIGHT[:, [0, 4, 2, 6, 1, 5, 3, 7]],
    "bits 0 and 1 exchanged": RIGHT[:, [0, 2, 1, 3, 4, 6, 5, 7]],
    "angles rounded to pi/12": _vqc(np.round(ANGLES * 12 / np.pi) * np.pi / 12),
    "5 % over-rotation": _vqc(1.05 * ANGLES),
    "2 % over-rotation": _vqc(1.02 * ANGLES),
    "rz dropped": _vqc(ANGLES, rz=False),
    "parameters in sorted order": _vqc(ANGLES[ORDER]),
}
DEPOLARISED = 0.9 * RIGHT + 0.1 / 8
UNIFORM = np.full_like(RIGHT, 1 / 8)


def _found_as_promised(found: int, repetitions: int) -> bool:
    """Whether a power of 0.999 is not refuted; a right plan fails with a probability of at most 1e-6 per use."""
    return repetitions - found <= binom.isf(1e-6, repetitions, 0.001)


@pytest.mark.parametrize("mutant", [*MUTANTS, "10 % depolarising"])
def test_exact_class(mutant: str) -> None:
    wrong = DEPOLARISED if mutant == "10 % depolarising" else MUTANTS[mutant]
    shots = int(exact_shots(RIGHT, wrong, LEVEL))
    generator = np.random.default_rng(shots)
    found = sum(surprise(generator.multinomial(shots, wrong), RIGHT) <= LEVEL for _ in range(1000))
    assert _found_as_promised(found, 1000)
    found = sum(surprise(generator.multinomial(int(0.6 * shots), wrong), RIGHT) <= LEVEL for _ in range(300))
    assert found < 297


@pytest.mark.parametrize(("rows", "wrong_rows", "level"), [(40, 40, LEVEL), (40, 1, LEVEL), (400, 1, 0.01)])
def test_exact_class_of_many_rows(rows: int, wrong_rows: int, level: float) -> None:
    generator = np.random.default_rng(1)
    right = generator.dirichlet(np.ones(8), size=rows)
    wrong = right.copy()
    wrong[:wrong_rows] = 0.9 * right[:wrong_rows] + 0.1 / 8
    shots = int(exact_shots(right, wrong, level))
    found = sum(surprise(generator.multinomial(shots, wrong), right) <= level for _ in range(500))
    assert _found_as_promised(found, 500)
    fewer = int((0.7 if wrong_rows > 1 else 0.5) * shots)
    found = sum(surprise(generator.multinomial(fewer, wrong), right) <= level for _ in range(300))
    assert found < 297


def test_one_wrong_row_of_many_is_looked_at_by_itself() -> None:
    """At a level that many rows share; each further wrong row is another chance to see one."""
    generator = np.random.default_rng(6)
    right = generator.dirichlet(np.ones(8), size=400)
    one, two = right.copy(), right.copy()
    one[7] = two[7] = 0.9 * right[7] + 0.1 / 8
    two[8] = 0.9 * right[8] + 0.1 / 8
    alone = exact_shots(right[7:8], one[7:8], LEVEL / 400)
    assert exact_shots(right, one, LEVEL) == pytest.approx(alone, rel=2e-3)
    assert exact_shots(right, two, LEVEL) < 0.97 * alone


def test_an_impossible_outcome_need_only_occur_once() -> None:
    right, wrong = np.array([[1.0, 2e-33], [1.0, 0.0]]), np.array([[0.99, 0.01], [0.98, 0.02]])
    assert exact_shots(right, wrong, LEVEL) == ceil(log(0.001) / log(0.99 * 0.98))


def test_rare_outcomes() -> None:
    right, wrong = np.array([[1 - 1e-6, 1e-6]]), np.array([[0.99, 0.01]])
    shots = int(exact_shots(right, wrong, LEVEL))
    generator = np.random.default_rng(2)
    found = sum(surprise(generator.multinomial(shots, wrong), right) <= LEVEL for _ in range(2000))
    assert _found_as_promised(found, 2000)


def test_equal_distributions_need_infinitely_many_shots() -> None:
    assert exact_shots(RIGHT, RIGHT, LEVEL) == inf
    assert exact_shots(RIGHT, RIGHT + 1e-17, LEVEL) == inf
    family = np.stack([RIGHT, UNIFORM])
    assert evidence_shots(DEPOLARISED, family, family, LEVEL) == inf
    assert distance_shots(0.1, 0.1, 1, 8, LEVEL) == inf


@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.5))
@settings(max_examples=40, deadline=None)
def test_stricter_and_surer_plans_take_more(seed: int, share: float) -> None:
    generator = np.random.default_rng(seed)
    right, other = generator.dirichlet(np.ones(4), size=(2, 3))
    wrong = (1 - share) * right + share * other
    plan = exact_shots(right, wrong, 1e-6)
    assert 1 <= plan <= exact_shots(right, wrong, 1e-9)
    assert plan <= exact_shots(right, wrong, 1e-6, power=0.999999)
    assert exact_shots(right, 0.5 * (right + wrong), 1e-6) >= plan


@pytest.mark.parametrize("mutant", MUTANTS)
def test_noisy_class(mutant: str) -> None:
    """10 % depolarising conforms, and every mutant of the table is told from the right circuit under that noise."""
    wrong = MUTANTS[mutant]
    right_family, wrong_family = np.stack([RIGHT, UNIFORM]), np.stack([wrong, UNIFORM])
    shots = int(evidence_shots(DEPOLARISED, right_family, wrong_family, LEVEL))
    generator = np.random.default_rng(shots)
    found = 0
    for seed in range(150):
        weighed = weigh(generator.multinomial(shots, DEPOLARISED), right_family, wrong_family, seed=seed)
        found += weighed.p_wrong <= LEVEL
        assert weighed.p_right > LEVEL
    assert _found_as_promised(found, 150)
    counts = [generator.multinomial(int(0.4 * shots), DEPOLARISED) for _ in range(100)]
    found = sum(weigh(c, right_family, wrong_family, seed=s).p_wrong <= LEVEL for s, c in enumerate(counts))
    assert found < 99


@pytest.mark.parametrize("allowance", [0.001, 0.004])
def test_an_allowance_takes_more_shots(allowance: float) -> None:
    wrong_family, right_family = np.stack([MUTANTS["reversed bits"], UNIFORM]), np.stack([RIGHT, UNIFORM])
    wrong = 0.9 * MUTANTS["reversed bits"] + 0.1 * UNIFORM
    free = evidence_shots(wrong, wrong_family, right_family, LEVEL)
    shots = int(evidence_shots(wrong, wrong_family, right_family, LEVEL, allowance=allowance))
    assert shots > free
    generator = np.random.default_rng(4)
    counts = [generator.multinomial(shots, wrong) for _ in range(150)]
    nats = [weigh(c, right_family, wrong_family, seed=s).against_right for s, c in enumerate(counts)]
    assert _found_as_promised(sum(each - allowance * counts[0].sum() >= -log(LEVEL) for each in nats), 150)
    assert evidence_shots(wrong, wrong_family, right_family, LEVEL, allowance=1.0) == inf


def test_fitting_many_components_is_planned_for() -> None:
    """Eight components on either side and a loose level, where the fits cost more than the level."""
    generator = np.random.default_rng(3)
    right = generator.dirichlet(np.ones(8), size=(8, 5))
    wrong = right * (1 + 0.12 * (generator.random((5, 8)) - 0.5))
    wrong /= wrong.sum(axis=2, keepdims=True)
    expected = right.mean(axis=0)
    shots = int(evidence_shots(expected, right, wrong, 0.05))
    counts = [generator.multinomial(shots, expected) for _ in range(300)]
    found = sum(weigh(each, right, wrong, seed=seed).p_wrong <= 0.05 for seed, each in enumerate(counts))
    assert _found_as_promised(found, 300)
    assert shots < 1.6 * evidence_shots(expected, right[:1], wrong, 0.05)
    assert shots > 1.1 * evidence_shots(expected, right[:1], wrong, 0.05)
    nearest = wrong.mean(axis=0)[None]
    useless = np.concatenate([nearest, np.eye(8)[:, None].repeat(5, axis=1)])
    fewer = evidence_shots(expected, right, nearest, 0.05)
    assert evidence_shots(expected, right, useless, 0.05) > 1.05 * fewer
    assert evidence_shots(expected, right, nearest.repeat(9, axis=0), 0.05) == pytest.approx(fewer, rel=1e-4)


def test_exact_class_refuses_what_the_noisy_class_lets_pass() -> None:
    shots = int(exact_shots(RIGHT, DEPOLARISED, LEVEL))
    counts = np.random.default_rng(4).multinomial(shots, DEPOLARISED)
    assert surprise(counts, RIGHT) <= LEVEL
    family = np.stack([RIGHT, UNIFORM])
    assert weigh(counts, family, np.stack([MUTANTS["rz dropped"], UNIFORM]), seed=0).p_right == 1.0


@pytest.mark.parametrize("margin", [0.05, 0.3])
@pytest.mark.parametrize(("rows", "outcomes"), [(1, 2), (1, 16), (30, 8)])
def test_distance(rows: int, outcomes: int, margin: float) -> None:
    generator = np.random.default_rng(5)
    reference = generator.dirichlet(np.ones(outcomes), size=rows)
    exact = np.roll(reference, 1, axis=1)
    exact = reference + 0.15 / total_variation(exact, reference).mean() * (exact - reference)
    exact = np.maximum(exact, 0) / np.maximum(exact, 0).sum(axis=1, keepdims=True)
    expected = float(total_variation(exact, reference).mean())
    shots = int(distance_shots(expected, margin, rows, outcomes, LEVEL))
    decided = "within" if expected < margin else "beyond"
    found = sum(
        measure(generator.multinomial(shots, exact), reference, LEVEL).against(margin) == decided for _ in range(300)
    )
    assert _found_as_promised(found, 300)
    counts = generator.multinomial(shots // 6, exact)
    assert measure(counts, reference, LEVEL).against(margin) == "undecided"
