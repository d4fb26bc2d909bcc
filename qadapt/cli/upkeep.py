"""Upkeep: results out of the ledger, and runs that nobody needs out of it; commands of ``qadapt jobs``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from qadapt.cli.console import amount, moment, several, show_json, show_note, show_table
from qadapt.cli.options import LedgerFile, RunName, Yes, open_ledger
from qadapt.cli.results import archive, document, raw_answers, write
from qadapt.cli.standing import Standing, words
from qadapt.errors import LedgerError
from qadapt.jobs import partial_results
from qadapt.jobs.prune import prunable, weight
from qadapt.jobs.prune import prune as forget


def export(
    run: RunName,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write: JSON, or NumPy's arrays by suffix .npz."),
    ] = None,
    raw: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the vendor's answers here as they came, one per chunk.")
    ] = None,
    file: LedgerFile = None,
) -> None:
    """Write the counts that are there, of finished and of unfinished runs; without a file, print them as JSON."""
    with open_ledger(file) as book:
        entry = book.run(run)
        if raw is not None:
            names = [
                (raw / name, data) for name, data in raw_answers(book, entry.id, range(len(book.chunks(entry.id))))
            ]
            for path, data in names:
                write(path, data)
            show_note(f"{several(len(names), 'raw answer')} in {raw}")
        if raw is not None and output is None:
            return
        part = partial_results(entry.id, ledger=book)
        if output is None:
            show_json(document(entry, part))
        elif output.suffix == ".npz":
            write(output, archive(entry, part))
        else:
            write(output, json.dumps(document(entry, part), sort_keys=True, indent=1).encode() + b"\n")
        show_note(f"{int(part.there.sum()):,} of {several(entry.rows, 'row')}{f' in {output}' if output else ''}")


def prune(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN...]", help="These runs, whatever their age.")
    ] = None,
    days: Annotated[float, typer.Option(min=0, help="Without names: finished runs unchanged for so many days.")] = 90,
    force: Annotated[bool, typer.Option("--force", help="Named runs even if unfinished or in doubt.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and keep it.")] = False,
    yes: Yes = False,
    file: LedgerFile = None,
) -> None:
    """Forget finished runs with their results; unfinished ones only by name and with --force."""
    if force and not runs:
        raise typer.BadParameter("only named runs can be forced", param_hint="--force")
    with open_ledger(file) as book:
        if runs:
            found = list({entry.id: entry for entry in map(book.run, runs)}.values())
        else:
            found = prunable(book, before=time.time() - days * 86400)
        for standing in (Standing.of(book, entry) for entry in found):
            if not (standing.finished or force):
                raise LedgerError(
                    f"run {standing.entry.id} is not finished: {words(standing)}",
                    hint="--force forgets it all the same; what is at the vendor stays there and is paid",
                )
        if not found:
            typer.echo(f"No finished run is older than {days:g} days.")
            return
        ids = [entry.id for entry in found]
        if dry_run:
            rows = [[entry.id, entry.label, entry.backend, moment(entry.created)] for entry in found]
            show_table(["run", "label", "backend", "started (UTC)"], rows)
            show_note(f"dry run: {several(len(ids), 'run')}, {amount(weight(book, ids))}, would be forgotten")
            return
        if not yes:
            size = amount(weight(book, ids))
            typer.confirm(f"Forget {several(len(ids), 'run')} with the results, {size}?", abort=True, err=True)
        typer.echo(f"Forgot {several(len(ids), 'run')}, {amount(forget(book, ids))}.")
