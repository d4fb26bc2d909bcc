"""``qadapt run``: a circuit on a backend, counts for people or for machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.cli import dryrun
from qadapt.cli.console import show_json, show_note
from qadapt.cli.options import (
    DEADLINE,
    MONEY,
    PATIENCE,
    CancelOnInterrupt,
    Deadline,
    InDoubt,
    Jobs,
    Limits,
    read_budget,
    read_policy,
)
from qadapt.cli.progress import bar
from qadapt.cli.results import bound, outcomes, show_counts, values
from qadapt.cli.source import read_bindings, read_source
from qadapt.cli.standing import Standing, line
from qadapt.errors import CircuitError, LedgerError, QadaptError
from qadapt.jobs import Ledger, Options, Run
from qadapt.jobs import run as execute
from qadapt.jobs.ledger import default_path
from qadapt.provider import Backend

app = typer.Typer(add_completion=False)

VALUES = "Values of parameters"


@app.command()
def run(
    file: Annotated[str, typer.Argument(help="Circuit JSON or OpenQASM 2 or 3; - reads standard input.")],
    backend: Annotated[str, typer.Option(help="Where to run, as in local:statevector.")],
    shots: Annotated[int, typer.Option(min=1, help="Shots per row.")] = 1024,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the counts, where the backend honours one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; outcomes are integers, bit k is bit k.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent and what it would cost, and send nothing.")
    ] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=V[,V...]", help="Values of a parameter, one per row.", rich_help_panel=VALUES
        ),
    ] = None,
    bindings_file: Annotated[
        str | None,
        typer.Option(
            "--bindings", metavar="FILE", help="JSON object of values by parameter name.", rich_help_panel=VALUES
        ),
    ] = None,
    budget: Limits = None,
    ledger: Annotated[
        str,
        typer.Option(
            metavar="auto|none|FILE",
            help="Where to record the run, so that it can be resumed; auto records what does not run in this process, "
            "in the user's own ledger. A file is made if it is not there.",
            rich_help_panel=MONEY,
        ),
    ] = "auto",
    label: Annotated[str, typer.Option(help="Name of the run in the ledger.", rich_help_panel=MONEY)] = "",
    jobs: Jobs = None,
    rows_per_job: Annotated[
        int | None,
        typer.Option(min=1, help="Most rows per job; by default what the backend takes.", rich_help_panel=PATIENCE),
    ] = None,
    deadline: Deadline = DEADLINE,
    in_doubt: Annotated[
        InDoubt,
        typer.Option(
            help="A submit whose fate nobody can tell: hold it for your word, or resend it, which may pay twice.",
            rich_help_panel=PATIENCE,
        ),
    ] = InDoubt.hold,
    cancel_on_interrupt: CancelOnInterrupt = False,
) -> None:
    """Run a circuit on a backend and show its counts."""
    limits = read_budget(budget)
    policy = read_policy(
        jobs=jobs, deadline=deadline, in_doubt=in_doubt.value, cancel=cancel_on_interrupt, rows=rows_per_job
    )
    circuit = read_source(file)
    bindings = read_bindings(assignments or [], bindings_file)
    if not circuit.measured:
        raise CircuitError("the circuit measures nothing", hint="end it with measurements")
    opened = registry.backend(backend)
    place = _place(ledger, opened)
    named = place if ledger not in ("auto", "none") else None
    if dry_run:
        options = Options(shots, seed, most=policy.rows)
        found = dryrun.forecast(circuit, bindings, opened, options, place)
        dryrun.show(found, opened, policy, limits, as_json=as_json)
        return
    if label and place is None:
        show_note(f"{opened.name} is not recorded, so the label is not kept; --ledger FILE records it")
    with _recorded(place, named) as book:
        with bar() as progress:
            result = execute(
                circuit,
                bindings,
                opened,
                shots=shots,
                seed=seed,
                policy=policy,
                budget=limits,
                ledger=book or "none",
                label=label,
                progress=progress,
                deliver=False,
            )
        if book is not None:
            book.run_id = result.id or ""  # finished, but not shown yet
        if as_json:
            show_json(_document(circuit, bindings, result))
        else:
            show_counts(result.counts, result.provenance, values(circuit, bindings), run=result.id or "")
        if book is not None and result.id:
            book.deliver(result.id)  # until here the same command shows the same counts again


def _place(ledger: str, backend: Backend) -> Path | None:
    """File of the ledger that a run is recorded in; None if it is in none."""
    if ledger == "auto":
        return default_path() if backend.capabilities.retrieval else None
    return None if ledger == "none" else Path(ledger)


class _Noting(Ledger):
    """A ledger that knows the run that is to be told about if the command stops."""

    run_id = ""

    @contextmanager
    def working(self, run: str) -> Iterator[None]:
        """Keep a run for this process, and know it."""
        with super().working(run):
            self.run_id = run
            yield
        self.run_id = ""  # the body has ended well: it was done, or only looked at


@contextmanager
def _recorded(place: Path | None, named: Path | None) -> Iterator[_Noting | None]:
    """A ledger for the body; if the body stops half way, say which run is in it and how to go on."""
    if place is None:
        yield None
        return
    with _Noting(named) as book:
        try:
            yield book
        except (KeyboardInterrupt, QadaptError) as stop:
            if isinstance(stop, KeyboardInterrupt):
                show_note("interrupted")
            if book.run_id:
                with suppress(LedgerError):
                    show_note(line(Standing.of(book, book.run(book.run_id)), named))
            if isinstance(stop, KeyboardInterrupt):
                raise typer.Exit(130) from None
            raise


def _document(circuit: Circuit, bindings: Bindings, result: Run) -> dict[str, Any]:
    return {
        "circuit_hash": circuit.content_hash,
        "registers": [list(register) for register in circuit.measured],
        "shots": result.counts.shots,
        "rows": [
            {"bindings": asked, "counts": outcomes(result.counts, row)}
            for row, asked in enumerate(bound(circuit, bindings))
        ],
        "provenance": result.provenance.model_dump(mode="json"),
        "run": result.id,
    }
