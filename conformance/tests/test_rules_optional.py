"""Optional: what no circuit can ask for is not declared."""

from __future__ import annotations

import pytest

from qadapt import GATES, Backend
from qadapt_conformance import Tier, Verdict, run_suite
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.rules import optional as rules


def test_right_backends_conform(right: Backend) -> None:
    report = run_suite(right, tier=Tier.OFFLINE, rules=["OPTION-1", "OPTION-2"])
    assert report.of("OPTION-1").verdict is report.of("OPTION-2").verdict is Verdict.CONFORMS


@pytest.mark.parametrize(("rule", "capability"), [("OPTION-1", "mid_circuit_measurement"), ("OPTION-2", "reset")])
def test_declaring_what_cannot_be_said(right: Backend, rule: str, capability: str) -> None:
    report = run_suite(Wrapped(right, **{capability: True}), tier=Tier.OFFLINE, rules=["OPTION-1", "OPTION-2"])
    assert report.of(rule).verdict is Verdict.VIOLATES
    assert capability in report.of(rule).message
    assert [entry.rule for entry in report.verdicts if entry.verdict is Verdict.VIOLATES] == [rule]


def test_a_gate_table_that_can_say_it_needs_another_rule(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "GATES", {**GATES, "reset": GATES["id"]})
    assert run_suite(right, rules=["OPTION-2"]).of("OPTION-2").verdict is Verdict.VIOLATES
