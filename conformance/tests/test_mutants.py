"""Every mutant is caught by its rule, says what the oracle answers for it, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from qadapt import Backend, Bindings, Circuit, Work, op
from qadapt.jobs import wait
from qadapt_conformance import RULES, Tier, Verdict, run_suite
from qadapt_conformance.judge import answers
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.change import provenance, wrapped
from qadapt_conformance.mutants.mutant import CHIP, STATEVECTOR, Mutant
from qadapt_conformance.mutants.right import HOMES, right_backend
from qadapt_conformance.mutants.seam import corrected
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.statistics import surprise

PHYSICAL = [mutant for mutant in MUTANTS if mutant.physical]


@pytest.fixture(scope="module")
def homes() -> Mapping[str, Backend]:
    return {name: right_backend(name) for name in HOMES}


def named(name: str) -> Mutant:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == name)
    return mutant


def seeds(mutant: Mutant) -> range:
    """Seeds that its rule is tried with; where nothing is submitted, none is drawn from."""
    return range(1 if Tier.OFFLINE in RULES[mutant.rule].tiers else 2)


@pytest.mark.parametrize(
    ("mutant", "seed"),
    [pytest.param(mutant, seed, id=f"{mutant.name}-{seed}") for mutant in MUTANTS for seed in seeds(mutant)],
)
def test_caught(mutant: Mutant, seed: int, homes: Mapping[str, Backend]) -> None:
    """Statistical rules call a mutant with a probability of at least 0.999 by plan; the seeds are fixed."""
    with mutant.make(homes[mutant.home]) as wrong:
        verdict = run_suite(wrong, rules=[mutant.rule], seed=seed).of(mutant.rule)
        name = wrong.name
    assert verdict.verdict is Verdict.VIOLATES, verdict
    assert verdict.message.startswith(f"[{mutant.rule}] VIOLATES on {name}: ")


@pytest.mark.parametrize("home", [STATEVECTOR, CHIP])
def test_a_wrapper_without_a_change_is_right(home: str, homes: Mapping[str, Backend]) -> None:
    """At most 1e-6 of false alarms by construction; also, no mutant has left anything behind."""
    report = run_suite(Wrapped(homes[home]), rules={mutant.rule for mutant in MUTANTS})
    wrong = [each.message for each in report.verdicts if each.verdict in (Verdict.VIOLATES, Verdict.UNDECIDED)]
    assert wrong == []


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= 40
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)


def test_every_rule_has_a_mutant_and_every_mutant_a_rule() -> None:
    assert {mutant.rule for mutant in MUTANTS} == set(RULES)
    assert {mutant.home for mutant in MUTANTS} == set(HOMES)


def _work() -> Work:
    """A work that most physical mutants change: gates, parameters, rows, registers and an idle qubit."""
    circuit = Circuit(
        num_qubits=4,
        operations=[
            op("ry", 3, angles=["b"]),
            op("h", 1),
            op("cx", 3, 1),
            op("rz", 1, angles=[7.1]),
            op("crz", 1, 0, angles=["a"]),
            op("fence", 0, 1, 3),
            op("rx", 0, angles=[-1.234]),
            op("s", 3),
            op("rx", 3, angles=["c10"]),
            op("swap", 0, 1),
            op("sx", 1),
        ],
        measured=[[3, 1], [0]],
    )
    values = {"c10": [[0.3], [1.9]], "b": [[1.0, 2.0, 8.3]], "a": 2.2}
    return Work(circuit, Bindings.of(values), 4096, 5)


@pytest.mark.parametrize("mutant", PHYSICAL, ids=lambda mutant: mutant.name)
def test_a_physical_mutant_answers_as_the_oracle_says(mutant: Mutant, homes: Mapping[str, Backend]) -> None:
    """False alarms below 1e-9 per register; the seed is fixed."""
    work = _work()
    tables = answers(mutant, work.circuit, work.bindings)
    if tables is None:
        assert mutant.before is not None
        assert mutant.before(work) is work
        return
    with mutant.make(homes[STATEVECTOR]) as wrong:
        (result,) = wait(wrong, wrong.submit([work], tag=mutant.name))
    for counts, (exact,) in zip(result.counts.registers, tables, strict=True):
        assert surprise(counts, exact) > 1e-9


def test_most_physical_mutants_change_that_work() -> None:
    work = _work()
    still = [mutant.name for mutant in PHYSICAL if mutant.before and mutant.before(work) is work]
    assert len(still) < len(PHYSICAL) / 2


@pytest.mark.parametrize("mutant", PHYSICAL, ids=lambda mutant: mutant.name)
def test_what_a_mutant_leaves_alone_is_the_work_itself(mutant: Mutant) -> None:
    """Whoever asks what a mutant does can tell by identity that it does nothing."""
    work = Work(Circuit(num_qubits=1, operations=[], measured=[0]), Bindings.of({}), 10)
    assert mutant.before is None or mutant.before(work) is work


def test_a_lost_shot_is_blamed_on_totals_only(homes: Mapping[str, Backend]) -> None:
    with named("lost-shot").make(homes[STATEVECTOR]) as wrong:
        report = run_suite(wrong, rules=["SHOTS-1", "BITS-1", "GATES-2", "JOBS-2"])
    assert report.of("SHOTS-1").verdict is Verdict.VIOLATES
    assert report.of("BITS-1").verdict is Verdict.NOT_RUN
    assert "SHOTS-1" in report.of("BITS-1").message
    assert report.exit_code == 1


@pytest.mark.parametrize("said", [{"readout_correction": True}, {"mitigation": ("readout",)}])
def test_amended_counts_that_are_declared_are_right(said: dict[str, object], homes: Mapping[str, Backend]) -> None:
    declare = provenance(**said)
    honest = wrapped(after=lambda work, result: declare(work, corrected(work, result)))(homes[STATEVECTOR])
    assert run_suite(honest, rules=["PROV-4"]).of("PROV-4").verdict is Verdict.CONFORMS


def test_a_wrapper_passes_optional_verbs_on(homes: Mapping[str, Backend]) -> None:
    class Finding(Wrapped):
        def find(self, tag: str) -> str | None:
            return tag

    assert Wrapped(Finding(homes[STATEVECTOR])).find("it") == "it"
    assert not hasattr(Wrapped(homes[STATEVECTOR]), "find")


def test_the_chip_refuses_what_does_not_fit(homes: Mapping[str, Backend]) -> None:
    chip = homes[CHIP]
    couplings = chip.target.couplings
    assert couplings is not None
    assert len(couplings) == 10
    assert len(chip.target.live_qubits) == 13
    assert chip.target.ideal
    assert np.ptp(list(couplings.values())) == 0
