"""Plan: what a run of the suite would submit, found out by going through it on a stage."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict

from qadapt import Backend, Cost, Work
from qadapt.cost import NOTHING
from qadapt.provider import Costing
from qadapt_conformance import rules as _rules  # noqa: F401 - fills RULES
from qadapt_conformance.rule import RULES, Rule
from qadapt_conformance.stage import Stage
from qadapt_conformance.tier import Tier
from qadapt_conformance.trial import look


class Planned(BaseModel):
    """What one rule would submit.

    Attributes:
        rule: Id of the rule.
        title: What it demands.
        jobs: Jobs.
        circuits: Different circuits.
        rows: Rows of all works.
        shots: Shots of all rows.
    """

    model_config = ConfigDict(frozen=True)

    rule: str
    title: str
    jobs: int
    circuits: int
    rows: int
    shots: int


class Plan(BaseModel):
    """What a run of the suite would submit.

    Attributes:
        backend: Full name of the backend.
        tier: How much of the suite.
        rules: What each rule would submit, in the order of the specification; rules that do not apply are left out.
        cost: Of all jobs, by the backend's own published rules.
    """

    model_config = ConfigDict(frozen=True)

    backend: str
    tier: Tier
    rules: tuple[Planned, ...]
    cost: Cost

    @property
    def jobs(self) -> int:
        """Jobs of all rules."""
        return sum(line.jobs for line in self.rules)


def plan_suite(
    backend: Backend, *, rules: Collection[str] | None = None, tier: Tier = Tier.SIMULATOR, seed: int = 0
) -> Plan:
    """Go through a run of the suite without submitting anything.

    Args:
        backend: Whose target, capabilities and prices count.
        rules: Ids of the rules, all when omitted.
        tier: How much of the suite.
        seed: Of the run.
    """
    lines, cost = [], NOTHING
    for rule in RULES.values():
        applies = tier in rule.tiers and (rules is None or rule.id in rules) and not rule.not_declared(backend)
        if not applies:
            continue
        stage = Stage(backend)
        look(rule, stage, seed, rehearsal=True)
        lines.append(_line(rule, stage))
        for works in stage.submitted:
            cost += backend.cost(works) if isinstance(backend, Costing) else Cost(shots=_shots(works))
    return Plan(backend=backend.name, tier=tier, rules=tuple(lines), cost=cost)


def _line(rule: Rule, stage: Stage) -> Planned:
    works = [work for submit in stage.submitted for work in submit]
    return Planned(
        rule=rule.id,
        title=rule.title,
        jobs=len(stage.submitted),
        circuits=len({work.circuit.content_hash for work in works}),
        rows=sum(work.bindings.rows for work in works),
        shots=_shots(works),
    )


def _shots(works: Sequence[Work]) -> int:
    return sum(work.bindings.rows * work.shots for work in works)
