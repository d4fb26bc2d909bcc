"""Every mutant is caught by the rule that it names, and the rule does not blame the right backend."""

from __future__ import annotations

import pytest

from qadapt import Backend
from qadapt_conformance import Verdict, run_suite
from qadapt_conformance.mutants import MUTANTS, Mutant, Wrapped


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_caught(mutant: Mutant, seed: int, right: Backend) -> None:
    verdict = run_suite(mutant.make(right), rules=[mutant.rule], seed=seed).of(mutant.rule)
    assert verdict.verdict is Verdict.VIOLATES, verdict
    assert verdict.message.startswith(f"[{mutant.rule}] VIOLATES on {right.name}: ")


def test_names_are_unique() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)


def test_a_wrapper_without_a_change_is_right(right: Backend) -> None:
    report = run_suite(Wrapped(right), rules={mutant.rule for mutant in MUTANTS})
    assert not report.count(Verdict.VIOLATES), [entry.message for entry in report.verdicts if entry.message]


def test_a_lost_shot_is_blamed_on_totals_only(right: Backend) -> None:
    (lost,) = (mutant for mutant in MUTANTS if mutant.name == "lost-shot")
    report = run_suite(lost.make(right), rules=["SHOTS-1", "BITS-1", "GATES-2", "JOBS-2"])
    assert report.of("SHOTS-1").verdict is Verdict.VIOLATES
    assert report.of("BITS-1").verdict is Verdict.NOT_RUN
    assert "SHOTS-1" in report.of("BITS-1").message
    assert report.exit_code == 1
