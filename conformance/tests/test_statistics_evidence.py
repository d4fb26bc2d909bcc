"""Evidence: e-values have an expectation of at most 1, and tell a wrong circuit from a bad machine."""

from __future__ import annotations

from itertools import product
from math import inf, log

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, multinomial

from qadapt import Bindings, Circuit, backend, op
from qadapt.compile import compile_circuit
from qadapt_conformance import oracle_noise
from qadapt_conformance.statistics import Evidence, evidence_shots, p_value, weigh
from qadapt_conformance.statistics.evidence import halves, weigh_halves

Floats = NDArray[np.float64]
UNIFORM = np.full((1, 1, 3), 1 / 3)


def _families() -> tuple[Floats, Floats]:
    generator = np.random.default_rng(0)
    right = np.concatenate([generator.dirichlet(np.full(3, 0.3), size=(5, 1)), UNIFORM])
    return right, np.concatenate([np.array([[[0.6, 0.3, 0.1]]]), UNIFORM])


@pytest.mark.parametrize("weight", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("shots", [1, 4])
def test_expectation_is_at_most_one_by_enumeration(weight: float, shots: int) -> None:
    """Over all pairs of halves; without the split, choosing and comparing by the same shots, it is far above 1."""
    right, wrong = _families()
    truth = (1 - weight) * wrong[0, 0] + weight * wrong[1, 0]
    every = [np.array([c]) for c in product(range(shots + 1), repeat=3) if sum(c) == shots]
    chances = [float(multinomial.pmf(c[0], shots, truth)) for c in every]
    mean = same = 0.0
    for (one, p), (two, q) in product(zip(every, chances, strict=True), repeat=2):
        mean += p * q * np.exp(weigh_halves(one, two, right, wrong).against_wrong)
    for one, p in zip(every, chances, strict=True):
        same += p * np.exp(weigh_halves(one, one, right, wrong).against_wrong)
    assert mean <= 1 + 1e-9
    assert same > 1.1


@pytest.mark.parametrize("shots", [7, 200, 20_000])
def test_false_alarms(shots: int) -> None:
    """At level 0.05 over 400 experiments per family; the test's own false-alarm rate is at most 1e-6, seeds fixed."""
    generator = np.random.default_rng(shots)
    right, wrong = _families()
    allowed = binom.isf(5e-7, 400, 0.05)
    for family, alarm in ((wrong, "p_wrong"), (right, "p_right")):
        alarms = 0
        for seed in range(400):
            truth = np.tensordot(generator.dirichlet(np.full(len(family), 0.3)), family, axes=1)
            alarms += getattr(weigh(generator.multinomial(shots, truth), right, wrong, seed=seed), alarm) <= 0.05
        assert alarms <= allowed


def test_closed_form_for_single_distributions() -> None:
    """Without weights to choose, each half's ratio is the likelihood ratio."""
    right, wrong = np.array([[[0.9, 0.1]]]), np.array([[[0.5, 0.5]]])
    found = weigh_halves(np.array([[3, 1]]), np.array([[4, 0]]), right, wrong)
    ratios = [3 * log(0.9 / 0.5) + log(0.1 / 0.5), 4 * log(0.9 / 0.5)]
    assert found.against_wrong == pytest.approx(log(np.mean(np.exp(ratios))))
    assert found.against_right == pytest.approx(log(np.mean(np.exp(np.negative(ratios)))))


def test_impossible_outcomes_refute_for_sure_and_what_nobody_explains_refutes_nothing() -> None:
    right, wrong = np.array([[[0.5, 0.5, 0.0]]]), np.array([[[1.0, 0.0, 0.0]]])
    found = weigh(np.array([[50, 50, 0]]), right, wrong, seed=0)
    assert (found.against_wrong, found.p_wrong, found.against_right, found.p_right) == (inf, 0.0, -inf, 1.0)
    found = weigh(np.array([[50, 0, 50]]), right, wrong, seed=0)
    assert (found.against_wrong, found.against_right) == (-inf, -inf)
    assert Evidence(-3.0, -inf).p_wrong == 1.0


def test_p_values() -> None:
    assert [p_value(-5.0), p_value(0.0), p_value(log(100))] == pytest.approx([1.0, 1.0, 0.01])
    assert p_value(1e4) == 0.0


def test_halves() -> None:
    counts = np.array([[5, 0, 2], [1000, 1000, 0], [0, 0, 1]])
    one, two = halves(counts, 3)
    assert np.array_equal(one + two, counts)
    assert one.min() >= 0
    assert two.min() >= 0
    assert one.sum(axis=1).tolist() == [3, 1000, 0]
    assert np.array_equal(one, halves(counts, 3)[0])
    assert not np.array_equal(one, halves(counts, 4)[0])
    drawn = np.array([halves(counts, seed)[0][1, 0] for seed in range(300)])
    assert abs(drawn.mean() - 500) < 5  # 7.7 standard errors
    assert 8 < drawn.std() < 14  # hypergeometric: 11.2


QUBITS, LAYERS, ROWS = 3, 2, 6
REVERSED = [int(f"{outcome:03b}"[::-1], 2) for outcome in range(8)]


def _vqc() -> Circuit:
    operations, number = [], 0
    for _ in range(LAYERS):
        for qubit in range(QUBITS):
            operations += [op("ry", qubit, angles=[f"a{number}"]), op("rz", qubit, angles=[f"a{number + 1}"])]
            number += 2
        operations += [op("cx", qubit, qubit + 1) for qubit in range(QUBITS - 1)]
    return Circuit(num_qubits=QUBITS, operations=operations, measured=range(QUBITS))


def _noisy(angles: Floats, machine: str) -> Floats:
    target = backend(machine).target
    compiled = compile_circuit(_vqc(), target)
    bindings = compiled.bind(Bindings.rows_of([f"a{k}" for k in range(angles.shape[1])], angles))
    return oracle_noise.family(compiled.circuit, bindings, target)[0]


ANGLES = np.random.default_rng(0).uniform(0.3, 2.6, (ROWS, 4 * QUBITS * LAYERS // 2))
WRONG_ANGLES = {"2 % over-rotation": 1.02 * ANGLES, "rounded to pi/12": np.round(ANGLES * 12 / np.pi) * np.pi / 12}


@pytest.mark.parametrize("machine", ["local:emulator/heron-r2", "local:emulator/wukong-72"])
@pytest.mark.parametrize("mutant", ["reversed bits", *WRONG_ANGLES])
def test_a_wrong_circuit_is_told_from_a_bad_machine(mutant: str, machine: str) -> None:
    """With a machine's own noise and 10 % depolarising on top, at the planned shots, 25 times each.

    The plan's power of 0.999 makes one miss in 25 improbable but possible; three have a probability below 1e-5, false
    alarms one of 25e-8. Seeds are fixed.
    """
    level = 1e-8
    right = _noisy(ANGLES, machine)
    wrong = right[..., REVERSED] if mutant == "reversed bits" else _noisy(WRONG_ANGLES[mutant], machine)
    good, bad = (0.9 * oracle_noise.expected(family) + 0.1 / 2**QUBITS for family in (right, wrong))
    shots = max(evidence_shots(good, right, wrong, level), evidence_shots(bad, wrong, right, level))
    assert 100 < shots < 200_000
    generator = np.random.default_rng(7)
    missed = 0
    for seed in range(25):
        found = weigh(generator.multinomial(int(shots), good), right, wrong, seed=seed)
        missed += found.p_wrong > level
        assert found.p_right > level
        found = weigh(generator.multinomial(int(shots), bad), right, wrong, seed=seed)
        missed += found.p_right > level
        assert found.p_wrong > level
    assert missed <= 2
