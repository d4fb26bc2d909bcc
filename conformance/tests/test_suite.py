"""Verdicts: what conforms, what is not declared, what is not run, and what is violated by raising."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from qadapt import AccessError, Backend, Qubit, Site, Target, UnavailableError, Work, backend
from qadapt.local import EmulatorBackend
from qadapt_conformance import RULES, Report, Tier, Verdict, run_suite
from qadapt_conformance.finding import Finding
from qadapt_conformance.judge import MOST_PAID
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.right import Chip
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.probe import Probe
from qadapt_conformance.suite import AWAY


class _Raising(Wrapped):
    def __init__(self, inner: Backend, error: Exception) -> None:
        super().__init__(inner)
        self._error = error

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        raise self._error


@pytest.fixture(scope="module")
def whole(right: Backend) -> Report:
    return run_suite(right)


def test_the_right_backend_conforms(whole: Report) -> None:
    assert {entry.rule: entry.message for entry in whole.verdicts if entry.verdict is Verdict.VIOLATES} == {}
    assert whole.exit_code == 0
    assert all(entry.looks for entry in whole.verdicts if entry.verdict is Verdict.CONFORMS)


def test_the_report_repeats_and_is_complete(whole: Report, right: Backend) -> None:
    assert [entry.rule for entry in whole.verdicts] == list(RULES)
    again = run_suite(right, rules=["BITS-4", "GATES-3"])
    for name in ("BITS-4", "GATES-3"):
        assert again.of(name) == whole.of(name)
    assert Report.model_validate_json(whole.model_dump_json()) == whole


@pytest.mark.parametrize("seed", range(1, 4))
def test_no_false_alarm(right: Backend, seed: int) -> None:
    """At most 1e-6 per run by construction; the seeds are fixed."""
    report = run_suite(right, seed=seed)
    assert not report.count(Verdict.VIOLATES)
    assert not report.left


def test_rules_that_were_not_selected_are_reported(right: Backend) -> None:
    report = run_suite(right, rules=["JOBS-1"])
    assert report.of("JOBS-1").verdict is Verdict.CONFORMS
    assert report.count(Verdict.NOT_RUN) == len(RULES) - 1
    assert report.exit_code == 3


def test_unknown_rules_are_an_error(right: Backend) -> None:
    with pytest.raises(KeyError, match="NOPE-1"):
        run_suite(right, rules=["NOPE-1"])


def test_not_declared(right: Backend) -> None:
    undeclared = Wrapped(right, seed=False, exact_sampling=False)
    report = run_suite(undeclared, rules=["SHOTS-2", "SHOTS-5", "SHOTS-1"])
    assert report.of("SHOTS-2").verdict is Verdict.NOT_DECLARED
    assert "seed" in report.of("SHOTS-2").message
    assert report.of("SHOTS-5").verdict is Verdict.NOT_DECLARED
    assert report.of("SHOTS-1").verdict is Verdict.CONFORMS


def test_too_few_qubits_are_not_declared(right: Backend) -> None:
    class Small(Wrapped):
        @property
        def target(self) -> Target:
            return Target(name="small", num_qubits=2, native=self._inner.target.native)

    report = run_suite(Small(right), rules=["BITS-6", "ANGLES-2"])
    assert report.of("BITS-6").verdict is Verdict.NOT_DECLARED
    assert report.of("BITS-6").message == "needs 6 live qubits, the target has 2"
    assert report.of("ANGLES-2").verdict is Verdict.CONFORMS


def test_too_few_shots_leave_a_rule_undecided(right: Backend) -> None:
    report = run_suite(Wrapped(right, max_shots=3), rules=["ANGLES-4", "NAMES-1"])
    verdict = report.of("ANGLES-4")
    assert verdict.verdict is Verdict.UNDECIDED
    assert verdict.needs > 3
    assert f"needs {verdict.needs} shots per row to tell the backend from mutant" in verdict.message
    assert report.exit_code == 3


def test_small_limits_are_enough(right: Backend) -> None:
    """Room for one row and one work is no violation, and every rule can still be judged; not refusing more is one."""
    report = run_suite(Wrapped(right, max_works=1, max_rows=1))
    assert [entry.rule for entry in report.verdicts if entry.verdict is Verdict.VIOLATES] == ["REFUSE-3"]
    assert not [entry.rule for entry in report.verdicts if entry.verdict in (Verdict.NOT_RUN, Verdict.UNDECIDED)]


def test_few_shots_at_once_are_run_in_rounds(right: Backend) -> None:
    report = run_suite(Wrapped(right, max_shots=500), rules=["BITS-4", "SHOTS-1", "JOBS-4", "GATES-1", "PROV-4"])
    judged = [report.of(name) for name in ("BITS-4", "SHOTS-1", "JOBS-4", "GATES-1")]
    assert {entry.verdict for entry in judged} == {Verdict.CONFORMS}
    assert any((finding.shots or 0) > 500 for entry in judged for finding in entry.findings)


def test_a_vendor_that_is_gone_is_not_asked_again(right: Backend) -> None:
    class Gone(Wrapped):
        asked = 0

        def submit(self, work: Sequence[Work], *, tag: str) -> str:
            self.asked += 1
            raise UnavailableError("maintenance", provider="gone", doubtful=False)

    gone = Gone(right)
    report = run_suite(gone, rules=["NAMES-1", "JOBS-2", "JOBS-3", "PROV-1", "PROV-2"])
    assert gone.asked == AWAY
    assert report.of("NAMES-1").verdict is Verdict.CONFORMS
    assert "maintenance" in report.of("JOBS-3").message
    assert report.of("PROV-1").message == "the vendor did not answer, see JOBS-2 and JOBS-3"
    assert report.exit_code == 3


def test_one_trouble_does_not_stop_the_run(right: Backend) -> None:
    """Of access or of the network: what comes after it is judged all the same."""

    class Once(Wrapped):
        def __init__(self, inner: Backend, error: Exception) -> None:
            super().__init__(inner)
            self.errors = [error]

        def submit(self, work: Sequence[Work], *, tag: str) -> str:
            if self.errors:
                raise self.errors.pop()
            return super().submit(work, tag=tag)

    for error in (AccessError("expired", provider="x"), UnavailableError("gone", provider="x", doubtful=False)):
        report = run_suite(Once(wrong(right), error), rules=["NAMES-7", "BITS-4", "PROV-1"])
        assert report.of("NAMES-7").verdict is Verdict.NOT_RUN
        assert report.of("BITS-4").verdict is Verdict.VIOLATES
        assert report.of("PROV-1").verdict is Verdict.CONFORMS


def wrong(right: Backend) -> Backend:
    """Bits in the opposite order."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "reversed-bits")
    with mutant.make(right) as made:
        return made


def test_what_nobody_could_judge_does_not_conform() -> None:
    """Noise without figures, or too much of it: facts about compiling are no verdict on counts."""
    native, qubits = ("cz", "sx", "x", "rz"), range(5)
    unknown = Target(name="u", num_qubits=5, native=native, qubits=[Qubit(t1=1e-4, t2=1e-4)] * 5, source="a test")
    sites = {"cz": tuple(Site(qubits=(q, q + 1), error=0.4) for q in qubits[:-1])}
    sites |= {gate: tuple(Site(qubits=(q,), error=0.4) for q in qubits) for gate in ("sx", "x", "rz")}
    bad = Qubit(prob_meas1_prep0=0.4, prob_meas0_prep1=0.4)
    drowned = Target(name="d", num_qubits=5, native=native, sites=sites, qubits=[bad] * 5, source="a test")
    rules = ["BITS-1", "BITS-4", "ROWS-1", "PARAMS-1", "GATES-1", "GATES-2", "ADAPT-1"]
    for target in (unknown, drowned):
        report = run_suite(wrong(EmulatorBackend(target)), rules=rules)
        assert {report.of(rule).verdict for rule in rules} == {Verdict.NOT_RUN}


def test_what_noise_hides_is_said_where_a_rule_holds() -> None:
    report = run_suite(backend("local:emulator/wukong-72"), rules=["ANGLES-4", "GATES-3"])
    assert report.of("ANGLES-4").verdict is Verdict.CONFORMS
    assert "noise hides" in report.of("ANGLES-4").message
    assert "`angles-of-three-digits`" in report.of("ANGLES-4").message
    assert "looks are not judged" in report.of("GATES-3").message


def test_a_machine_gets_few_shots() -> None:
    machine = Wrapped(backend("local:emulator/heron-r2"), simulated=False)
    verdict = run_suite(machine, rules=["BITS-4"]).of("BITS-4")
    assert verdict.verdict is Verdict.CONFORMS, verdict.message
    assert all(finding.shots is None or finding.shots <= MOST_PAID for finding in verdict.findings)


@pytest.mark.parametrize("native", [("cz", "sx", "x", "rz"), ("cz", "u3"), ("cz", "rphi")], ids="-".join)
def test_an_ideal_chip_conforms(right: Backend, native: tuple[str, ...]) -> None:
    """The rules reach a machine with couplings through compiling, routing and packing."""
    report = run_suite(Chip(right, native))
    allowed = (Verdict.CONFORMS, Verdict.NOT_DECLARED)
    assert {entry.rule: entry.message for entry in report.verdicts if entry.verdict not in allowed} == {}
    assert report.exit_code == 0


@pytest.fixture(scope="module")
def emulated() -> Report:
    return run_suite(backend("local:emulator/heron-r2"))


def test_an_emulator_with_noise_conforms(emulated: Report) -> None:
    allowed = (Verdict.CONFORMS, Verdict.NOT_DECLARED)
    assert {entry.rule: entry.message for entry in emulated.verdicts if entry.verdict not in allowed} == {}
    assert emulated.exit_code == 0


def test_what_is_said_of_a_machine_with_noise(emulated: Report) -> None:
    """How far it is off, what its noise explains, and what every mutant is told by."""
    looks = [finding for entry in emulated.verdicts for finding in entry.findings if finding.margin is not None]
    assert looks
    assert all(finding.distance is not None and finding.distance <= finding.margin for finding in looks)
    evidence = [nats for finding in looks for nats in finding.against.values()]
    assert max(evidence) > 1000


@pytest.mark.parametrize(
    "name", ["reversed-bits", "two-percent-over-rotation", "off-by-one-row", "angles-in-twelfths-of-pi"]
)
def test_a_wrong_circuit_on_a_machine_with_noise_violates(name: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    with mutant.make(backend("local:emulator/heron-r2")) as wrong:
        verdict = run_suite(wrong, rules=[mutant.rule]).of(mutant.rule)
    assert verdict.verdict is Verdict.VIOLATES, verdict.message


def test_tiers(right: Backend) -> None:
    """What a tier does not have is reported, and not held against the backend."""
    report = run_suite(right, tier=Tier.OFFLINE)
    assert report.jobs == 0
    outside = [entry for entry in report.verdicts if not entry.in_tier]
    assert {entry.rule for entry in outside} == {name for name, rule in RULES.items() if Tier.OFFLINE not in rule.tiers}
    assert all(entry.verdict is Verdict.NOT_RUN and "tier offline" in entry.message for entry in outside)
    assert report.exit_code == 0


def test_progress_is_told(right: Backend) -> None:
    told = []
    run_suite(right, tier=Tier.OFFLINE, show=lambda rule, number, of: told.append((rule.id, number, of)))
    assert told == [(name, number, len(RULES)) for number, name in enumerate(RULES)]


def test_an_error_of_the_backend_violates(right: Backend) -> None:
    report = run_suite(_Raising(right, ValueError("no")), rules=["BITS-1"])
    verdict = report.of("BITS-1")
    assert verdict.verdict is Verdict.VIOLATES
    assert "raised ValueError: no" in verdict.message


def test_a_backend_that_is_away_is_not_judged(right: Backend) -> None:
    report = run_suite(_Raising(right, UnavailableError("maintenance", provider="local")), rules=["JOBS-2"])
    assert report.of("JOBS-2").verdict is Verdict.NOT_RUN
    assert report.exit_code == 1, "nothing conforms"


def test_a_rule_that_looks_at_nothing_has_proved_nothing(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def empty(probe: Probe) -> Iterator[Finding]:
        """Demand nothing."""
        return iter(())

    monkeypatch.setitem(RULES, "JOBS-1", replace(RULES["JOBS-1"], check=empty))
    report = run_suite(right, rules=["JOBS-1"])
    assert report.of("JOBS-1").verdict is Verdict.NOT_RUN
    assert report.exit_code == 1, "nothing conforms"
