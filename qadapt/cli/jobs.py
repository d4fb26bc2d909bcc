"""``qadapt jobs``: the runs of the ledger, from what they cost to what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from qadapt import jobs as runner
from qadapt.cli import standing as told
from qadapt.cli import upkeep
from qadapt.cli.console import moment, several, show_error, show_json, show_note, show_table
from qadapt.cli.options import (
    DEADLINE,
    PATIENCE,
    AsJson,
    CancelOnInterrupt,
    Deadline,
    Jobs,
    LedgerFile,
    Limits,
    RunName,
    RunNames,
    Yes,
    open_ledger,
    read_budget,
    read_policy,
)
from qadapt.cli.progress import bar
from qadapt.cli.results import document, show_counts, values
from qadapt.cli.standing import Standing, line, price, words, worked_on
from qadapt.errors import QadaptError
from qadapt.jobs import Ledger, State, partial_results
from qadapt.jobs.budget import total
from qadapt.jobs.cancel import cancel as stop
from qadapt.jobs.ledger import default_path
from qadapt.jobs.settle import settle as write

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List, resume, settle, cancel and export the runs of the ledger."
)

SHOWN = 20
"""Runs that ``list`` shows by itself."""


class Wanted(StrEnum):
    """What a run must have to be listed."""

    planned = "planned"
    intended = "intended"
    submitted = "submitted"
    failed = "failed"
    in_doubt = "in-doubt"
    cancelled = "cancelled"
    finished = "finished"
    unfinished = "unfinished"

    def of(self, standing: Standing) -> bool:
        """Whether a run has a chunk in this state, or is finished or not."""
        if self in (Wanted.finished, Wanted.unfinished):
            return standing.finished == (self is Wanted.finished)
        return self.value.replace("-", " ") in standing.states


@app.callback()
def _group() -> None:
    """List, resume, settle, cancel and export the runs of the ledger."""


@app.command("list")
def list_(
    backend: Annotated[str | None, typer.Option(help="Only of this backend, or of this provider.")] = None,
    state: Annotated[
        Wanted | None, typer.Option(help="Only with a chunk in this state, or as a whole finished or unfinished.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help=f"All runs; the latest {SHOWN} otherwise.")] = False,
    as_json: AsJson = False,
    file: LedgerFile = None,
) -> None:
    """List runs, the latest first, with what is done and what they have cost."""
    if file is None and not default_path().exists():
        show_json([]) if as_json else typer.echo(f"No runs in {default_path()}.")
        return
    with open_ledger(file) as book:
        found = []
        for entry in book.runs():
            if backend is None or entry.backend == backend or entry.backend.startswith(f"{backend}:"):
                standing = Standing.of(book, entry)
                if state is None or state.of(standing):
                    found.append(standing)
        shown = found if every else found[:SHOWN]
        if as_json:
            show_json([told.document(standing) for standing in shown])
            return
        if not found:
            typer.echo(f"No {'such ' * bool(backend or state)}runs in {book.path}.")
            return
        rows = [
            [
                standing.entry.id,
                standing.entry.label,
                standing.entry.backend,
                moment(standing.entry.created),
                f"{standing.done:,}/{len(standing.chunks):,}",
                words(standing),
                price(standing.spent),
            ]
            for standing in shown
        ]
        show_table(["run", "label", "backend", "started (UTC)", "done", "state", "cost so far"], rows)
        if len(shown) < len(found):
            show_note(f"the latest {len(shown)} of {len(found):,} runs; --all shows all")


@app.command()
def show(
    run: RunName,
    events: Annotated[bool, typer.Option("--events", help="Show every change of the states as well.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help=f"Show all chunks; of more than {told.LONG} those that are done are left out.")
    ] = False,
    as_json: AsJson = False,
    file: LedgerFile = None,
) -> None:
    """Show a run, its chunks, and what to do next."""
    with open_ledger(file) as book:
        found = told.Standing.of(book, book.run(run))
        working = told.worked_on(book, found.entry.id)
    if as_json:
        said = told.document(found) | {
            "working": working,
            "next": told.advice(found, file),
            "chunks": [told.chunk_document(found, chunk) for chunk in found.chunks],
        }
        show_json(said | ({"events": [told.event_document(event) for event in found.events]} if events else {}))
        return
    told.show_standing(found, file, events=events, every=every, working=working)


@app.command()
def resume(
    runs: RunNames,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send chunks in doubt again, which may run and charge them twice.")
    ] = False,
    yes: Yes = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as export does.")] = False,
    file: LedgerFile = None,
    budget: Limits = None,
    jobs: Jobs = None,
    deadline: Deadline = DEADLINE,
    cancel_on_interrupt: CancelOnInterrupt = False,
) -> None:
    """Take up runs: fetch what is at the vendor, send what is not, and show the counts.

    What may have been sent is looked for before anything is sent. Chunks that failed or were cancelled are sent again.
    The budget is that of the whole run; by default the one it was started with. Of a finished run the counts are shown.
    """
    limits = read_budget(budget)
    policy = read_policy(
        jobs=jobs, deadline=deadline, in_doubt="resend" if resend else "hold", cancel=cancel_on_interrupt
    )
    with open_ledger(file) as book:
        found = list({entry.id: entry for entry in map(book.run, runs)}.values())
        if resend:
            _ask_about_resending(book, [entry.id for entry in found], yes=yes)
        documents, shown, failed = [], [], False
        for entry in found:
            try:
                with bar(entry.label or entry.id) as progress:
                    result = runner.resume(
                        entry.id, policy=policy, budget=limits, ledger=book, progress=progress, deliver=False
                    )
            except KeyboardInterrupt:
                show_note(f"interrupted\n{line(Standing.of(book, entry), file)}")
                raise typer.Exit(130) from None
            except QadaptError as error:
                if not worked_on(book, entry.id):
                    show_note(line(Standing.of(book, entry), file))
                if len(found) == 1:
                    raise
                show_error(error)
                failed = True
                continue
            part = partial_results(entry.id, ledger=book)
            if as_json:
                documents.append(document(entry, part))
            else:
                asked = values(part.asked.circuit, part.asked.bindings)
                show_counts(result.counts, result.provenance, asked, run=entry.id)
            shown.append(entry.id)
        if as_json:
            show_json(documents[0] if len(found) == 1 else documents)
        for name in shown:
            book.deliver(name)
    if failed:
        raise typer.Exit(2)


def _ask_about_resending(book: Ledger, runs: Sequence[str], *, yes: bool) -> None:
    """Say what sending again may cost, and ask where somebody can answer."""
    doubt = [c for run in runs for c in book.chunks(run) if c.state in (State.INTENDED, State.IN_DOUBT)]
    if not doubt:
        return
    show_note(
        f"{several(len(doubt), 'chunk')} may be at the vendor already; what cannot be found there is sent again and "
        f"may run and be charged twice: at most {price(total(chunk.cost for chunk in doubt))} more"
    )
    if not yes:
        typer.confirm("Send them again?", abort=True, err=True)


@app.command()
def settle(
    run: RunName,
    chunks: Annotated[list[int], typer.Argument(metavar="CHUNK...", help="Numbers of chunks in doubt.")],
    job: Annotated[str | None, typer.Option(help="The vendor has it, under this id.")] = None,
    lost: Annotated[bool, typer.Option("--lost", help="The vendor has no such job.")] = False,
    file: LedgerFile = None,
) -> None:
    """Say what became of chunks in doubt, after a look at the vendor's own list of jobs.

    Nothing is sent; resume then fetches the job, or sends the chunk again.
    """
    if lost == (job is not None):
        raise typer.BadParameter("say either --job ID or --lost", param_hint="--job, --lost")
    if job is not None and len(chunks) > 1:
        raise typer.BadParameter("one job is one chunk", param_hint="--job")
    with open_ledger(file) as book:
        entry = book.run(run)
        for chunk in chunks:
            settled = write(entry.id, chunk, job, ledger=book)
            typer.echo(f"chunk {chunk} is {settled.state}{f' as job {settled.job}' if settled.job else ''}")
        show_note(line(Standing.of(book, entry), file))


@app.command()
def cancel(
    run: RunName,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the vendor to end the jobs.", rich_help_panel=PATIENCE)
    ] = 10,
    deadline: Deadline = DEADLINE,
    file: LedgerFile = None,
) -> None:
    """Cancel the open jobs of a run at the vendor; what has finished by then is kept.

    Chunks that were not sent stay planned. Resume sends them and the cancelled ones.
    """
    policy = read_policy(jobs=None, deadline=deadline, in_doubt="hold", cancel=False)
    with open_ledger(file) as book:
        entry = book.run(run)
        try:
            ended = stop(entry.id, policy=policy, ledger=book, patience=wait)
        except KeyboardInterrupt:
            show_note(f"interrupted\n{line(Standing.of(book, entry), file)}")
            raise typer.Exit(130) from None
        said = [
            (ended.cancelled, "cancelled"),
            (ended.finished, "had finished; the results are kept"),
            (ended.unsent, "had not arrived; nothing was to cancel"),
            (ended.ending, "asked, but not ended by the vendor yet; cancel again to look"),
            (ended.doubt, "in doubt: nobody can say whether there is a job"),
        ]
        for numbers, words in said:
            if numbers:
                typer.echo(f"{several(len(numbers), 'chunk')} {words}: {', '.join(map(str, numbers))}")
        if not any(numbers for numbers, _ in said) and not ended.failed:
            typer.echo("no jobs are open")
        for number, error in ended.failed.items():
            show_note(f"chunk {number} could not be cancelled")
            show_error(error)
        show_note(line(Standing.of(book, entry), file))
    if ended.failed or ended.ending or ended.doubt:
        raise typer.Exit(2)


app.command()(upkeep.export)
app.command()(upkeep.prune)
