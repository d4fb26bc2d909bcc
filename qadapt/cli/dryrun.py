"""Dry run: what a run would send and what it would cost, without sending anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.cli.console import show_json, show_note, show_table
from qadapt.cli.standing import Standing, line
from qadapt.compile.prediction import depth
from qadapt.cost import NOTHING, Cost
from qadapt.jobs.budget import Budget, estimate, total
from qadapt.jobs.identity import identity
from qadapt.jobs.ledger import Ledger
from qadapt.jobs.plan import Options, Plan, fingerprint, make_plan
from qadapt.jobs.policy import PATIENT, Policy
from qadapt.jobs.records import State
from qadapt.provider import Backend

UNSENT = (State.PLANNED, State.FAILED, State.CANCELLED)
"""States of chunks that ``resume`` sends; submitted ones as well where jobs end with their process."""


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    Attributes:
        plan: What it sends.
        chunks: How many chunks of it are to be sent.
        cost: What these take.
        used: What a run that would be taken up has used already.
        standing: That run, if there is one.
    """

    plan: Plan
    chunks: int
    cost: Cost
    used: Cost
    standing: Standing | None = None


def forecast(circuit: Circuit, bindings: Bindings, backend: Backend, options: Options, ledger: Path | None) -> Forecast:
    """Plan a run, or find the unfinished run of the ledger that it would take up; nothing is written.

    Raises:
        QadaptError: The circuit or the bindings do not fit, or the ledger cannot be read.
    """
    if ledger is not None and ledger.exists():
        with Ledger(ledger) as book:
            mark = fingerprint(circuit, bindings, backend.name, options, identity(backend, PATIENT.deadline))
            for entry in book.runs(fingerprint=mark)[:1]:
                found = Standing.of(book, entry)
                if not found.finished:
                    states = UNSENT if backend.capabilities.retrieval else (*UNSENT, State.SUBMITTED)
                    left = [chunk.cost for chunk in found.chunks if chunk.state in states]
                    return Forecast(book.plan(entry.id), len(left), total(left), found.spent, found)
    plan = make_plan(circuit, bindings, backend, options)
    return Forecast(plan, len(plan.chunks), total(estimate(plan, backend)), NOTHING)


def show(found: Forecast, backend: Backend, policy: Policy, budget: Budget | None, *, as_json: bool) -> None:
    """Print a forecast, and refuse it if it is over the budget.

    Raises:
        BudgetError: It costs more than it may.
    """
    native, free = found.plan.work.circuit, backend.capabilities.simulated
    jobs = min(policy.jobs or backend.capabilities.max_jobs, found.chunks)
    if as_json:
        show_json(_document(found, jobs))
    else:
        tiles = found.plan.tiles
        per_tile = f", {native.count() // tiles} per tile" if tiles else ""
        cost = found.cost
        rows: list[list[object]] = [
            ["backend", found.plan.backend],
            ["rows", f"{found.plan.rows:,}"],
            ["shots", f"{found.plan.work.shots:,} per row"],
            ["tiles", tiles or "not packed"],
            ["entangling gates", f"{native.count():,}{per_tile}"],
            ["depth", depth(native)],
            ["executions", f"{found.plan.executions:,}, of {found.plan.work.shots:,} shots each"],
            ["chunks to send", f"{found.chunks:,} of {len(found.plan.chunks):,}"],
            ["jobs at once", jobs],
            ["shots in all", f"{cost.shots:,}"],
            ["machine time", _known(cost.seconds, "{:,.3g} s", free)],
            ["price", _known(cost.dollars, "${:,.2f}", free)],
        ]
        rows += [["rule", rule] for rule in cost.rules]
        show_table(["", ""], rows)
    if found.standing is not None:
        show_note(f"the same run is unfinished and would be taken up: {line(found.standing)}")
    if budget is not None:
        budget.check(found.used + found.cost, free=free)
    show_note("dry run: nothing was sent")


def _known(value: float | None, form: str, free: bool) -> str:
    return form.format(value) if value is not None else "none, it is simulated" if free else "the vendor says nothing"


def _document(found: Forecast, jobs: int) -> dict[str, Any]:
    native = found.plan.work.circuit
    return {
        "backend": found.plan.backend,
        "rows": found.plan.rows,
        "shots": found.plan.work.shots,
        "tiles": found.plan.tiles,
        "entangling": native.count(),
        "depth": depth(native),
        "hash": native.content_hash,
        "executions": found.plan.executions,
        "chunks": len(found.plan.chunks),
        "to_send": found.chunks,
        "jobs": jobs,
        "estimate": found.cost.model_dump(mode="json"),
        "used": found.used.model_dump(mode="json"),
        "run": found.standing.entry.id if found.standing else None,
    }
