"""Plan: what would be submitted is known before anything is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt import Backend, Cost, Work
from qadapt_conformance import RULES, Tier, run_suite
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.plan import plan_suite
from qadapt_conformance.stage import Stage, rounded

CHOSEN = ["BITS-1", "BITS-4", "ROWS-1", "ANGLES-1", "SHOTS-1", "JOBS-2", "REFUSE-3"]


class _Priced(Wrapped):
    """A cent for each work; counts what is submitted."""

    submits = 0

    def submit(self, work: tuple[Work, ...], *, tag: str) -> str:  # type: ignore[override]
        self.submits += 1
        return super().submit(work, tag=tag)

    def cost(self, work: tuple[Work, ...]) -> Cost:
        return Cost(shots=sum(item.bindings.rows * item.shots for item in work), dollars=0.01 * len(work))


def test_the_plan_is_what_is_run(right: Backend) -> None:
    """Job by job and shot by shot, and nothing is submitted for it."""
    priced = _Priced(right)
    plan = plan_suite(priced, rules=CHOSEN)
    assert priced.submits == 0
    report = run_suite(priced, rules=CHOSEN)
    assert [line.rule for line in plan.rules] == [name for name in RULES if name in CHOSEN]
    assert plan.jobs == report.jobs
    assert plan.cost.shots == report.cost.shots
    assert report.cost.dollars is not None
    assert plan.cost.dollars == pytest.approx(report.cost.dollars)
    assert report.cost.dollars >= 0.01 * report.jobs
    for line in plan.rules:
        assert line.shots >= line.rows >= line.circuits
        assert line.title == RULES[line.rule].title


def test_what_nobody_says_is_not_made_up(right: Backend) -> None:
    assert plan_suite(right, rules=CHOSEN).cost.dollars is None
    assert run_suite(right, rules=["SHOTS-1"]).cost.dollars is None
    assert plan_suite(_Priced(right), rules=CHOSEN).cost.seconds is None


def test_a_tier_leaves_out_what_it_does_not_have(right: Backend) -> None:
    everything, few = plan_suite(right), plan_suite(right, tier=Tier.HARDWARE)
    assert plan_suite(right, tier=Tier.OFFLINE).jobs == 0
    assert 0 < few.jobs < everything.jobs
    assert {line.rule for line in few.rules} < {line.rule for line in everything.rules}


def test_a_stage_refuses_what_the_backend_would(right: Backend) -> None:
    report = run_suite(
        Stage(right), rules=["REFUSE-1", "REFUSE-2", "REFUSE-3", "FINITE-2", "JOBS-1", "JOBS-3", "BITS-1"]
    )
    verdicts = {entry.rule: entry.verdict for entry in report.verdicts if entry.findings}
    assert set(verdicts.values()) == {"CONFORMS"}, verdicts


@given(
    st.integers(1, 5).flatmap(lambda k: st.lists(st.lists(st.floats(0.01, 1), min_size=k, max_size=k), min_size=1)),
    st.integers(1, 10_000),
)
def test_rounded_counts_add_up(weights: list[list[float]], shots: int) -> None:
    probabilities = np.array(weights) / np.sum(weights, axis=1, keepdims=True)
    counts = rounded(probabilities, shots)
    assert (counts.sum(axis=1) == shots).all()
    assert (np.abs(counts - shots * probabilities) <= 1 + 1e-6).all()
