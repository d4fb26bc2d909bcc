"""Opening: from what a user names to backends that may be put through the suite."""

from __future__ import annotations

from pathlib import Path

from qadapt import Backend
from qadapt.jobs import Budget
from qadapt_conformance.exclusion import Settings, SettingsError, read_settings
from qadapt_conformance.plan import Plan
from qadapt_conformance.tier import Tier


def choose(name: str | None, file: Path | None, tier: Tier | None, budget: Budget | None = None) -> list[Settings]:
    """Say which backends are meant.

    Args:
        name: Full name of the one that is; all that the file names when omitted.
        file: A ``conformance.toml``.
        tier: How much of the suite, whatever the file says.
        budget: What the run of each backend may cost, likewise.

    Raises:
        SettingsError: The file is not what it should be, or does not name the backend; or nothing is named.
    """
    if file is None:
        if name is None:
            raise SettingsError("name a backend, as in --backend local:statevector, or a file with --settings")
        found = [Settings.model_construct(target=name)]
    else:
        found = [settings for settings in read_settings(file) if name in (None, settings.target)]
        if not found:
            raise SettingsError(f"{file}: no table [[backend]] has the target {name!r}")
    said = {name: value for name, value in (("tier", tier), ("budget", budget)) if value is not None}
    return [settings.model_copy(update=said) for settings in found]


def paying(opened: Backend, wanted: Settings) -> bool:
    """Whether a plan comes first: the backend is a machine, the tier is that of machines, or there is a budget."""
    if wanted.tier is Tier.OFFLINE:
        return False
    return wanted.tier is Tier.HARDWARE or wanted.budget is not None or not opened.capabilities.simulated


def check_budget(opened: Backend, wanted: Settings, plan: Plan) -> None:
    """Refuse a plan that is over the budget, or of which nobody says what it costs.

    Raises:
        BudgetError: It is.
    """
    if wanted.budget is not None:
        wanted.budget.check(plan.cost, free=opened.capabilities.simulated)


def refusal(opened: Backend, tier: Tier, allowed: bool, option: str) -> str:
    """Why nothing is submitted; empty if it may be.

    Args:
        opened: The backend.
        tier: How much of the suite.
        allowed: Whether the user allows jobs on a machine.
        option: How that is said.
    """
    if allowed or opened.capabilities.simulated or tier is Tier.OFFLINE:
        return ""
    return f"{opened.name} is a machine, where jobs may cost money; pass {option} to submit them"


def plan_lines(plan: Plan) -> str:
    """What would be submitted: a line for each rule or circuit that submits something, and the sums."""
    width = max((len(line.rule) for line in plan.rules), default=0)
    head = f"  {'':{width}} {'jobs':>7} {'circuits':>9} {'rows':>9} {'shots':>13}"
    said = [
        f"  {line.rule:{width}} {line.jobs:7,} {line.circuits:9,} {line.rows:9,} {line.shots:13,}"
        for line in plan.rules
        if line.jobs
    ]
    cost = plan.cost
    sums = [f"{plan.jobs:,} jobs", f"{cost.shots:,} shots"]
    if cost.seconds is not None:
        sums.append(f"{cost.seconds:,.1f} s of the machine")
    if cost.dollars is not None:
        sums.append(f"about {cost.dollars:,.2f} US dollars")
    tier = "" if plan.tier is None else f", tier {plan.tier}"
    return "\n".join([f"Plan for {plan.backend}{tier}:", head, *said, f"  in all {', '.join(sums)}"])
