"""Plan: what a run of the suite or of a comparison would submit, found out by going through it on a stage."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict

from qadapt import Backend, Cost, Work
from qadapt.cost import NOTHING
from qadapt.provider import Costing
from qadapt_conformance import rules as _rules  # noqa: F401 - fills RULES
from qadapt_conformance.rule import RULES
from qadapt_conformance.stage import Stage
from qadapt_conformance.tier import Tier
from qadapt_conformance.trial import look


class Planned(BaseModel):
    """What one rule, or one circuit of a comparison, would submit.

    Attributes:
        rule: Id of the rule, or name of the circuit.
        title: What the rule demands.
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
    """What a run of the suite, or the part of one backend in a comparison, would submit.

    Attributes:
        backend: Full name of the backend.
        tier: How much of the suite; None for a comparison.
        rules: What each rule would submit, in the order of the specification; rules that do not apply are left out. Of
            a comparison, what each circuit would.
        cost: Of all jobs, by the backend's own published rules.
    """

    model_config = ConfigDict(frozen=True)

    backend: str
    tier: Tier | None
    rules: tuple[Planned, ...]
    cost: Cost

    @property
    def jobs(self) -> int:
        """Jobs of all lines."""
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
        lines.append(planned(rule.id, rule.title, stage.submitted))
        cost += price(backend, stage.submitted)
    return Plan(backend=backend.name, tier=tier, rules=tuple(lines), cost=cost)


def planned(name: str, title: str, submitted: Sequence[Sequence[Work]]) -> Planned:
    """Make a line of a plan.

    Args:
        name: Id of the rule, or name of the circuit.
        title: What the rule demands.
        submitted: The works of every job.
    """
    works = [work for submit in submitted for work in submit]
    return Planned(
        rule=name,
        title=title,
        jobs=len(submitted),
        circuits=len({work.circuit.content_hash for work in works}),
        rows=sum(work.bindings.rows for work in works),
        shots=_shots(works),
    )


def price(backend: Backend, submitted: Sequence[Sequence[Work]]) -> Cost:
    """Sum of what jobs cost by the backend's own published rules, or of their shots where it has none."""
    costs = (backend.cost(works) if isinstance(backend, Costing) else Cost(shots=_shots(works)) for works in submitted)
    return sum(costs, NOTHING)


def _shots(works: Sequence[Work]) -> int:
    return sum(work.bindings.rows * work.shots for work in works)
