"""The noisy class from end to end: a machine that depolarises 10 % is right, and wrong ones with its noise are not."""

from __future__ import annotations

import pytest

from qadapt import Backend, Qubit, Site, Target, Work
from qadapt.local import EmulatorBackend, Tables
from qadapt.simulate import density
from qadapt_conformance import Verdict, run_suite
from qadapt_conformance.mutants import MUTANTS

DEPOLARISED = 0.1
"""Strength p of the channel ``rho -> (1 - p) rho + p 1 / 4`` of a cz; its average infidelity is ``3 p / 4``."""

KNOWN = {mutant.name: mutant for mutant in MUTANTS}


@pytest.fixture(scope="module")
def machine() -> Backend:
    """Five qubits on a line; one-qubit gates and readout are good, and a cz depolarises its two qubits."""
    qubits = range(5)
    sites = {"cz": tuple(Site(qubits=(q, q + 1), error=0.75 * DEPOLARISED) for q in qubits[:-1])}
    sites |= {gate: tuple(Site(qubits=(q,), error=0.0005) for q in qubits) for gate in ("sx", "x", "rz")}
    read = tuple(Qubit(prob_meas1_prep0=0.01, prob_meas0_prep1=0.01) for _ in qubits)
    native = ("cz", "sx", "x", "rz")
    return EmulatorBackend(Target(name="ten", num_qubits=5, native=native, sites=sites, qubits=read, source="a test"))


RULES = ("BITS-1", "BITS-2", "BITS-4", "ROWS-1", "PARAMS-2", "ANGLES-1", "ANGLES-4", "GATES-1", "DROP-2", "ADAPT-1")


@pytest.mark.parametrize("seed", range(3))
def test_the_right_circuit_on_a_bad_machine_conforms(machine: Backend, seed: int) -> None:
    report = run_suite(machine, rules=RULES, seed=seed)
    judged = [report.of(rule) for rule in RULES]
    assert {entry.rule: entry.message for entry in judged if entry.verdict is not Verdict.CONFORMS} == {}
    assert any(finding.distance and finding.distance > 0.03 for entry in judged for finding in entry.findings)


@pytest.mark.parametrize(
    "name",
    ["reversed-bits", "two-percent-over-rotation", "angles-of-two-digits", "angles-in-twelfths-of-pi", "dropped-cz"],
)
def test_the_wrong_circuit_on_the_same_machine_violates(machine: Backend, name: str) -> None:
    """With the shots that were planned for it, and not because of the noise."""
    mutant = KNOWN[name]
    with mutant.make(machine) as wrong:
        verdict = run_suite(wrong, rules=[mutant.rule]).of(mutant.rule)
    assert verdict.verdict is Verdict.VIOLATES, verdict.message
    looks = [finding for finding in verdict.findings if name in finding.toward]
    assert any((finding.shots or 0) >= finding.plan[name] > 0 for finding in looks)


class Drifted(EmulatorBackend):
    """A machine that has left its calibration: all its errors are other ones than its target has on paper."""

    def __init__(self, paper: Target, *, read: float, gates: float) -> None:
        super().__init__(paper)
        qubits = tuple(Qubit(prob_meas1_prep0=read, prob_meas0_prep1=read) for _ in paper.qubits)
        sites = {
            gate: tuple(site.model_copy(update={"error": gates * (site.error or 0.0)}) for site in places)
            for gate, places in paper.sites.items()
        }
        self._real = paper.model_copy(update={"qubits": qubits, "sites": sites})

    def probabilities(self, work: Work) -> Tables:
        return density.probabilities(work.circuit, work.bindings, self._real)


@pytest.mark.parametrize("seed", range(3))
def test_a_calibration_that_is_a_little_old_conforms(machine: Backend, seed: int) -> None:
    report = run_suite(Drifted(machine.target, read=0.02, gates=1.2), rules=RULES, seed=seed)
    assert {report.of(rule).verdict for rule in RULES} == {Verdict.CONFORMS}


def test_a_calibration_that_is_wrong_is_said_to_explain_too_little(machine: Backend) -> None:
    entry = run_suite(Drifted(machine.target, read=0.05, gates=1.0), rules=["BITS-1"]).of("BITS-1")
    assert entry.verdict is Verdict.VIOLATES
    assert "noise explains" in entry.message
