"""Judge: evidence for and against, distances, and what is too noisy or unknown to be judged."""

from __future__ import annotations

import numpy as np
import pytest

from qadapt import Bindings, Circuit, Counts, Qubit, Site, Target, op
from qadapt_conformance import oracle, oracle_noise
from qadapt_conformance.comparison import DROWNED, Comparison, granted
from qadapt_conformance.judge import Judge
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.statistics import ALPHA

REVERSED = next(mutant for mutant in MUTANTS if mutant.name == "reversed-bits")
DROPPED = next(mutant for mutant in MUTANTS if mutant.name == "dropped-rz")

CIRCUIT = Circuit(
    num_qubits=2,
    operations=[op("ry", 0, angles=["a"]), op("rz", 0, angles=[0.9]), op("cz", 0, 1), op("rx", 0, angles=[1.1])],
    measured=[0, 1],
)
ROWS = Bindings.of({"a": [0.4, 1.3, 2.2]})


def machine(error: float, *, readout: float = 0.01) -> Target:
    sites = {"cz": (Site(qubits=(0, 1), error=error, duration=1e-7),)}
    sites |= {name: tuple(Site(qubits=(q,), error=error / 10) for q in (0, 1)) for name in ("rx", "ry", "rz")}
    qubits = tuple(Qubit(prob_meas1_prep0=readout, prob_meas0_prep1=readout, t1=1e-4, t2=1e-4) for _ in (0, 1))
    return Target(name="machine", num_qubits=2, native=("cz", "rx", "ry", "rz"), sites=sites, qubits=qubits, source="x")


def counted(probabilities: np.ndarray, shots: int, seed: int = 0) -> Counts:
    return Counts((np.random.default_rng(seed).multinomial(shots, probabilities),), shots)


def test_the_exact_class_tells_right_from_wrong() -> None:
    target = Target(name="ideal", num_qubits=2, native=("cz", "rx", "ry", "rz"))
    (exact,) = oracle.tables(CIRCUIT, ROWS)
    judge = Judge(target, True, (REVERSED, DROPPED))
    comparison = judge.compare(CIRCUIT, ROWS)
    (finding,) = judge.looks(comparison, counted(exact, 20_000))
    assert finding.p_value > 1e-3
    assert min(finding.against.values()) > 100
    other = Judge(target, True, (REVERSED, DROPPED))
    (wrong,) = other.looks(comparison, counted(REVERSED.after(exact), 20_000))  # type: ignore[misc]
    assert wrong.p_value < ALPHA
    assert wrong.against["reversed-bits"] < -100
    assert other.like(wrong, MUTANTS) == "reversed-bits"
    assert judge.like(finding, MUTANTS) != "reversed-bits"
    assert judge.like(wrong, MUTANTS) == ""
    # What explains one look and not another one is not named.
    (right,) = other.looks(comparison, counted(exact, 20_000))
    assert right.p_value > 1e-3
    assert other.like(wrong, MUTANTS) == ""


@pytest.mark.parametrize("error", [0.001, 0.01, 0.05])
def test_the_noisy_class_tells_right_from_wrong(error: float) -> None:
    target = machine(error)
    judge = Judge(target, False, (REVERSED, DROPPED))
    comparison = judge.compare(CIRCUIT, ROWS)
    judge.settle()
    shots = judge.shots(comparison, 4096)
    (noisy,) = oracle_noise.tables(CIRCUIT, ROWS, target)
    (finding,) = judge.looks(comparison, counted(noisy, shots))
    assert finding.p_value > ALPHA
    assert finding.within
    assert max(finding.toward.values()) < 0
    assert min(finding.against.values()) > -np.log(ALPHA)
    (wrong,) = judge.looks(comparison, counted(REVERSED.after(noisy), shots))  # type: ignore[misc]
    assert wrong.toward["reversed-bits"] > -np.log(ALPHA)


def test_a_machine_much_worse_than_its_calibration_is_beyond() -> None:
    target = machine(0.001, readout=0.001)
    judge = Judge(target, False)
    comparison = judge.compare(CIRCUIT, ROWS)
    (finding,) = judge.looks(comparison, counted(np.full((3, 4), 0.25), 50_000))
    assert finding.margin is not None
    assert finding.distance is not None
    assert finding.distance > finding.margin
    assert finding.p_value < ALPHA


def test_coherent_errors_are_granted() -> None:
    """A machine whose entangling gate is off by a phase of the calibrated size, every time."""
    target = machine(0.01)
    judge = Judge(target, False, (REVERSED,))
    comparison = judge.compare(CIRCUIT, ROWS)
    turned = oracle_noise.family(CIRCUIT, ROWS, target)[0][len(oracle_noise.SCALES)]
    (finding,) = judge.looks(comparison, counted(turned, 100_000))
    assert finding.p_value > ALPHA
    assert finding.toward["reversed-bits"] < 0


def test_what_drowns_in_noise_is_not_judged() -> None:
    comparison = Judge(machine(0.9, readout=0.4), False).compare(CIRCUIT, ROWS)
    assert comparison.drowned > DROWNED
    (finding,) = Judge(machine(0.9, readout=0.4), False).looks(comparison, counted(np.full((3, 4), 0.25), 100))
    assert not finding.judged
    assert "too much to judge" in finding.said


def test_noise_without_figures_is_not_judged() -> None:
    target = Target(name="noisy", num_qubits=2, native=("cz", "rx", "ry", "rz"), qubits=(Qubit(), Qubit()), source="x")
    judge = Judge(target, False)
    (finding,) = judge.looks(judge.compare(CIRCUIT, ROWS), counted(np.full((3, 4), 0.25), 100))
    assert not finding.judged
    assert "no figures" in finding.said


def test_tables_of_another_shape_are_a_fact() -> None:
    judge = Judge(Target(name="ideal", num_qubits=2, native=("cz",)), True)
    (finding,) = judge.looks(judge.compare(CIRCUIT, ROWS), Counts((np.zeros((3, 2), dtype=int),), 1))
    assert (finding.p_value, finding.statistical) == (0.0, False)


def turned_by(angle: float) -> Circuit:
    """The circuit with another rz: the smaller its angle, the less does dropping it show."""
    operations = [*CIRCUIT.operations[:1], op("rz", 0, angles=[angle]), *CIRCUIT.operations[2:]]
    return Circuit(num_qubits=2, operations=operations, measured=[0, 1])


def test_only_the_best_look_gets_the_planned_shots() -> None:
    judge = Judge(machine(0.01), False, (DROPPED,))
    strong, faint = judge.compare(CIRCUIT, ROWS), judge.compare(turned_by(0.5), ROWS)
    judge.settle()
    assert 0 < strong.plan["dropped-rz"] < faint.plan["dropped-rz"]
    assert judge.shots(strong, 1) >= strong.plan["dropped-rz"]
    assert judge.shots(faint, 1) == faint.bounding < faint.plan["dropped-rz"]


def test_a_look_that_cannot_blame_takes_no_part_in_blaming() -> None:
    """Its mutant is nearer to the circuit than many a right machine, so its allowance would hide other evidence."""
    judge = Judge(machine(0.01), False, (DROPPED,))
    strong, least = judge.compare(CIRCUIT, ROWS), judge.compare(turned_by(0.3), ROWS)
    judge.settle()
    assert strong.telling("dropped-rz", 0)
    assert not least.telling("dropped-rz", 0)
    assert "dropped-rz" not in least.plan
    assert strong.plan["dropped-rz"] < least.clearing["dropped-rz"] < np.inf
    (finding,) = judge.looks(least, counted(least.noisy(0), 1000))
    assert finding.toward == {}
    assert finding.plan["dropped-rz"] == least.clearing["dropped-rz"]
    assert "dropped-rz" in finding.against


def test_what_noise_hides_is_said() -> None:
    judge = Judge(machine(0.01), False, (DROPPED, REVERSED))
    judge.compare(turned_by(0.3), ROWS)
    assert judge.hidden == ("dropped-rz",)
    judge.compare(CIRCUIT, ROWS)
    assert judge.hidden == ()
    exact = Judge(machine(0.01), True, (DROPPED, REVERSED))
    exact.compare(turned_by(0.3), ROWS)
    assert exact.hidden == ()


def test_where_no_look_can_blame_the_right_backend_is_cleared_all_the_same() -> None:
    judge = Judge(machine(0.01), False, (DROPPED,))
    least = judge.compare(turned_by(0.3), ROWS)
    judge.settle()
    assert judge.shots(least, 1) >= least.clearing["dropped-rz"]


def test_a_look_that_shows_nothing_is_not_judged() -> None:
    """Here noise may move the outcome anywhere, and there is nobody to tell the backend from."""
    judge = Judge(machine(0.22, readout=0.1), False)
    comparison = judge.compare(CIRCUIT, ROWS)
    assert not comparison.drowned
    assert comparison.margin(0) is None
    (finding,) = judge.looks(comparison, counted(comparison.noisy(0), 1000))
    assert not finding.judged


def test_margins() -> None:
    assert granted(0.0, 0.0) is not None
    assert granted(0.05, 0.1) > granted(0.05, 0.0)  # type: ignore[operator]
    assert granted(0.4, 0.1) is None


def test_comparisons_are_shared() -> None:
    target = machine(0.01)
    one, other = Judge(target, False, (REVERSED,)), Judge(target, False, (REVERSED,), seed=4)
    assert one.compare(CIRCUIT, ROWS) is other.compare(CIRCUIT, ROWS)
    assert isinstance(one.compare(CIRCUIT, ROWS), Comparison)
    assert one.compare(CIRCUIT, ROWS) is not Judge(target, False).compare(CIRCUIT, ROWS)
