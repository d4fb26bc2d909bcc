"""The command ``qadapt conformance mutants``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from qadapt.cli.console import several, show_table
from qadapt_conformance.matrix import KillMatrix, Row, Show, run_matrix
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.options import try_file
from qadapt_conformance.verdict import Verdict

MANY = 6
"""Most rules that are named in a row of the table."""


def mutants(
    name: Annotated[
        list[str] | None, typer.Argument(metavar="MUTANT", help="Only these mutants; all if nothing is said.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only the rule that must catch each mutant.")] = False,
    right: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make all mutants of this right backend, as local:statevector.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the runs.")] = 0,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes at the same time; follows from the cores if nothing is said.")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the kill matrix as JSON.")] = None,
) -> None:
    """Prove the rules: run the suite on backends that are wrong on purpose. Exit code 1 if one is not caught."""
    known = {mutant.name for mutant in MUTANTS}
    if unknown := sorted(set(name or ()) - known):
        raise typer.BadParameter(f"no mutant {', '.join(unknown)}", param_hint="MUTANT")
    if json is not None:
        try_file(json, "--json")
    with _bar() as show:
        matrix = run_matrix(mutants=name or None, right=right, quick=quick, seed=seed, processes=processes, show=show)
    show_matrix(matrix)
    if json is not None:
        json.write_text(matrix.model_dump_json(indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(matrix.exit_code)


def show_matrix(matrix: KillMatrix) -> None:
    """Print every mutant in a row, then what the survivors' rules said, then the sum."""
    header = ("mutant", "right backend", "rule", "verdict", *["also caught by"] * (not matrix.quick))
    rows = [(row.mutant, row.right, row.rule, _verdict(row), *_others(row, matrix.quick)) for row in matrix.rows]
    show_table(header, rows)
    for row in matrix.survivors:
        said = row.message or row.verdicts.get(row.rule, Verdict.NOT_RUN)
        typer.echo(f"\n{row.mutant} survives {row.rule}: {row.about}\n  {said}")
    killed = sum(row.killed for row in matrix.rows)
    idle = sum(not row.applies for row in matrix.rows)
    hidden = sum(row.hidden for row in matrix.rows)
    elsewhere = f", {idle} of no effect there" * bool(idle) + f", {hidden} hidden by its noise" * bool(hidden)
    typer.echo(
        f"\n{several(len(matrix.rows), 'mutant')}: {killed} caught by the rule that must, "
        f"{len(matrix.survivors)} survive{elsewhere}; {matrix.seconds:.0f} s"
    )


def _verdict(row: Row) -> str:
    if not row.applies:
        return "no effect"
    if row.hidden:
        return "hidden by noise"
    return "caught" if row.killed else "SURVIVES"


def _others(row: Row, quick: bool) -> Sequence[str]:
    if quick:
        return ()
    others = [rule for rule in row.killers if rule != row.rule]
    more = f" and {len(others) - MANY} more" if len(others) > MANY else ""
    return (" ".join(others[:MANY]) + more,)


@contextmanager
def _bar() -> Iterator[Show | None]:
    """A bar on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("mutants", total=None)
        yield lambda row, done, total: shown.update(task, completed=done, total=total, description=row.mutant)
