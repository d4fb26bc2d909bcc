"""The right backend that mutants are made of, and reports without a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from qadapt import Backend, Cost, backend
from qadapt_conformance import RULES, Exclusion, Report, RuleVerdict, Tier, Verdict
from qadapt_conformance.finding import Finding, Picture

Written = Callable[..., Report]
"""Writes a report from changes of single verdicts, by rule, and of the report."""


@pytest.fixture(scope="session")
def right() -> Backend:
    return backend("local:statevector")


@pytest.fixture(scope="session")
def written(right: Backend) -> Written:
    """Reports on which every rule conforms, but for what is changed."""

    def write(verdicts: dict[str, dict[str, Any]] | None = None, **changes: Any) -> Report:
        entries = {
            name: RuleVerdict(rule=name, title=rule.title, verdict=Verdict.CONFORMS) for name, rule in RULES.items()
        }
        for name, change in (verdicts or {}).items():
            entries[name] = entries[name].model_copy(update=change)
        made = Report(
            backend="acme:chip",
            target_hash="0" * 64,
            calibrated=None,
            ideal=True,
            capabilities=right.capabilities,
            tier=Tier.SIMULATOR,
            spec="1.0",
            seed=0,
            alpha=1e-6,
            date=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
            seconds=1.5,
            jobs=12,
            cost=Cost(shots=3000),
            versions={"qadapt": "0.1.0"},
            verdicts=tuple(entries.values()),
        )
        return made.model_copy(update=changes)

    return write


@pytest.fixture(scope="session")
def mixed(written: Written) -> Report:
    """A report with every verdict, noise, and names and messages that are no good text."""
    wrong = Finding(
        said="outcome 2 seen 0.500, expected 0.250 (400 shots, p <= 1.0e-20)",
        p_value=1e-20,
        statistical=True,
        circuit="h(0); <b>cx</b>(0,1); measure 0,1",
        circuit_hash="ab" * 32,
        row="3 of 8: a=0.5",
        shots=400,
        distance=0.25,
        margin=0.1,
        against={"m": float("inf")},
        picture=Picture(seen=(100, 50, 200, 50), expected=(0.25, 0.25, 0.25, 0.25)),
    )
    excluded = Exclusion(
        rule="JOBS-5", reason="A queued job cannot be cancelled", link="https://acme.example/issues/12?a=1&b=2"
    )
    name = "acme:<script>alert(1)</script>&\x00"
    said = f"[BITS-1] VIOLATES on {name}: {wrong.said}\n  circuit : {wrong.circuit}"
    return written(
        {
            "BITS-1": {"verdict": Verdict.VIOLATES, "message": said, "findings": (wrong,)},
            "BITS-2": {
                "verdict": Verdict.UNDECIDED,
                "message": "needs 5000 shots per row to tell the backend from mutant `m`",
                "needs": 5000,
                "findings": (wrong.model_copy(update={"p_value": 0.3}),),
            },
            "BITS-3": {"verdict": Verdict.NOT_DECLARED, "message": "needs capability seed"},
            "BITS-4": {"verdict": Verdict.NOT_RUN, "message": "UnavailableError: <down> \ud800"},
            "BITS-5": {"verdict": Verdict.NOT_RUN, "message": "not in tier offline", "in_tier": False},
            "JOBS-5": {
                "verdict": Verdict.EXCLUDED,
                "message": f"{excluded.reason} ({excluded.link})\n[JOBS-5] VIOLATES on {name}: cancel did nothing",
                "exclusion": excluded,
            },
        },
        backend=name,
        ideal=False,
        calibrated=datetime(2026, 3, 3, tzinfo=UTC),
    )
