"""The command ``qadapt conformance compare``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from qadapt import QadaptError
from qadapt.cli.console import show_table
from qadapt.jobs import Budget
from qadapt.registry import using
from qadapt_conformance.agreement import EXACT, MatchReport
from qadapt_conformance.case import Adapter
from qadapt_conformance.compare import SHOTS, Show, compare, plan_compare
from qadapt_conformance.opening import check_budget, choose, paying, plan_lines, refusal
from qadapt_conformance.options import BudgetText, Hardware, make_folder
from qadapt_conformance.reports.matrix import COLUMNS, COUNTS, cells, notes, pair, told, write_matrix
from qadapt_conformance.tier import Tier


class CompareError(QadaptError):
    """A comparison that cannot be made."""

    code = "conformance-compare"


def compare_backends(
    backend: Annotated[list[str], typer.Option(metavar="NAME", help="Full name; at least two.")],
    adapter: Annotated[Adapter, typer.Option(help="Whose circuits are run.")] = Adapter.CAYLEY,
    shots: Annotated[int, typer.Option(min=1, help="Shots per row.")] = SHOTS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the runs.")] = 0,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the report there: JSON and a page with the matrix.")
    ] = None,
    hardware: Hardware = False,
    budget: BudgetText = None,
) -> None:
    """Run the same adapter circuits on several backends and say which of them match."""
    if len(set(backend)) < 2 or len(set(backend)) != len(backend):
        raise CompareError("name two or more different backends, as in --backend local:statevector --backend acme:chip")
    limits = Budget.of(budget)
    if report is not None:
        make_folder(report, "--report")
    with ExitStack() as held:
        opened = [held.enter_context(using(name)) for name in backend]
        for each in opened:
            (wanted,) = choose(each.name, None, None, limits)
            if paying(each, wanted):
                plan = plan_compare(each, adapter=adapter, shots=shots, seed=seed)
                typer.echo(f"{plan_lines(plan)}\n")
                check_budget(each, wanted, plan)
        for each in opened:
            if why := refusal(each, Tier.SIMULATOR, hardware, "--hardware"):
                raise typer.BadParameter(why, param_hint="--backend")
        with _bar() as show:
            found = compare(opened, adapter=adapter, shots=shots, seed=seed, show=show)
    _print(found, shots)
    if report is not None:
        write_matrix(found, report)
    raise typer.Exit(found.exit_code)


def _print(found: MatchReport, asked: int) -> None:
    """Print who matches whom, what the counts of each say, how far apart they are and why, and the error of the layer.

    Args:
        found: The comparison.
        asked: Shots per row that were asked for.
    """
    names = [side.backend for side in found.sides]
    for side in found.sides:
        applied = ", ".join(side.applied) or "nothing"
        typer.echo(f"{side.backend}: {side.noise or 'no noise'}; applied to circuits and counts: {applied}")
    typer.echo()
    columns = [EXACT, *names]
    rows = [(one, *(pair(found, one, other) if one != other else "" for other in columns)) for one in names]
    show_table(("", *columns), rows)
    typer.echo()
    for each in found.hearings:
        typer.echo(f"{each.backend}: its counts {COUNTS[each.verdict]}")
        for line in told(each):
            typer.echo(f"  {line}")
    typer.echo()
    for circuit in found.circuits:
        cut = f", the most that a backend takes, instead of {asked:,}" * (circuit.shots < asked)
        typer.echo(f"{circuit.name}: {circuit.rows:,} rows of {circuit.shots:,} shots{cut}")
    typer.echo()
    show_table(
        ("circuit", *COLUMNS), [(circuit.name, *cells(each)) for circuit in found.circuits for each in circuit.matches]
    )
    typer.echo("\n".join(["", *notes(found), ""]))
    header = ("circuit", "backend", "two-qubit gates", "error of the layer", "from shots alone")
    show_table(
        header,
        [
            (circuit.name, each.backend, str(circuit.gates[each.backend]), f"{each.error:.4f}", f"{each.shots:.4f}")
            for circuit in found.circuits
            for each in circuit.layer
        ],
    )


@contextmanager
def _bar() -> Iterator[Show | None]:
    """A line on stderr that says what is run, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("running") as status:
        yield lambda circuit, name: status.update(f"{circuit} on {name}")
