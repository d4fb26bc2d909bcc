"""Standing: how far a run of the ledger is, what it has cost, and what to do next."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import typer

from qadapt.cli.console import moment, several, show_note, show_table
from qadapt.cost import Cost
from qadapt.errors import LedgerError
from qadapt.jobs.budget import spent, total
from qadapt.jobs.ledger import Ledger
from qadapt.jobs.records import Chunk, Entry, Event, State

LONG = 50
"""Of a run with more chunks than this, those that are done are left out."""


ENDS = (32, 36)
"""Characters of a long job id that tables show, of its beginning and of its end: a UUID stays whole at either."""


@dataclass(frozen=True)
class Standing:
    """A run, its chunks, and every change of them."""

    entry: Entry
    chunks: Sequence[Chunk]
    events: Sequence[Event]

    @classmethod
    def of(cls, book: Ledger, entry: Entry) -> Standing:
        """Read it from a ledger."""
        return cls(entry, book.chunks(entry.id), book.events(entry.id))

    @cached_property
    def states(self) -> dict[State, int]:
        """How many chunks are in each state that occurs, in the order of the states."""
        found = Counter(chunk.state for chunk in self.chunks)
        return {state: found[state] for state in State if found[state]}

    @property
    def done(self) -> int:
        """How many chunks are done."""
        return self.states.get(State.DONE, 0)

    @property
    def finished(self) -> bool:
        """Whether every chunk is done."""
        return self.done == len(self.chunks)

    @cached_property
    def spent(self) -> Cost:
        """What was used, doubts and failures included."""
        return spent(self.chunks, self.events)

    @cached_property
    def estimate(self) -> Cost:
        """What sending every chunk once takes."""
        return total(chunk.cost for chunk in self.chunks)

    @property
    def doubt(self) -> list[Chunk]:
        """Chunks in doubt."""
        return [chunk for chunk in self.chunks if chunk.state is State.IN_DOUBT]

    def sent(self, chunk: Chunk) -> float:
        """When the latest submit of a chunk was tried, in seconds since 1970."""
        times = [
            event.time
            for event in self.events
            if (event.chunk, event.attempt, event.state) == (chunk.number, chunk.attempt, State.INTENDED)
        ]
        return times[-1] if times else chunk.changed


def words(standing: Standing) -> str:
    """States of the chunks that are not done, as in "3 planned, 1 in doubt"; "finished" if all are."""
    left = [f"{count:,} {state}" for state, count in standing.states.items() if state is not State.DONE]
    return ", ".join(left) or "finished"


def price(cost: Cost) -> str:
    """A cost in words; what the vendor does not count is left out."""
    said = [f"{cost.shots:,} shots"]
    if cost.seconds is not None:
        said.append(f"{cost.seconds:,.3g} s")
    if cost.dollars is not None:
        said.append(f"${cost.dollars:,.2f}")
    return ", ".join(said)


def command(verb: str, run: str, *words: str, file: Path | None = None) -> str:
    """A command about a run, to be typed."""
    return " ".join(["qadapt jobs", verb, run, *words, *([f"--ledger {shlex.quote(str(file))}"] if file else [])])


def advice(standing: Standing, file: Path | None = None) -> str:
    """What to do next about a run, as a sentence with a command."""
    run, doubt = standing.entry.id, standing.doubt
    if standing.finished:
        return f"export its counts with: {command('export', run, '-o counts.npz', file=file)}"
    if len(doubt) + standing.done == len(standing.chunks):
        return f"see how to settle it: {command('show', run, file=file)}"
    return f"go on with: {command('resume', run, file=file)}"


def line(standing: Standing, file: Path | None = None) -> str:
    """A run and what to do next about it, in one line."""
    done = f"{standing.done:,} of {several(len(standing.chunks), 'chunk')} done"
    left = "" if standing.finished else f", {words(standing)}"
    return f"run {standing.entry.id}: {done}{left}; {advice(standing, file)}"


def doubts(standing: Standing, file: Path | None = None) -> list[str]:
    """What is in doubt and how to settle it, in lines; empty if nothing is."""
    chunks, entry = standing.doubt, standing.entry
    if not chunks:
        return []
    first = str(chunks[0].number)
    return [
        f"IN DOUBT: {several(len(chunks), 'submit')} whose answer was lost; {entry.backend} cannot be asked whether "
        f"it has the job{'s' * (len(chunks) != 1)}.",
        *(
            f"  chunk {chunk.number}: sent {moment(standing.sent(chunk), exact=True)} UTC, tag {chunk.tag}, "
            f"{price(chunk.cost)}"
            for chunk in chunks
        ),
        "Look at the vendor's own list of jobs and say what you saw of each:",
        f"  it is there:     {command('settle', entry.id, first, '--job JOB', file=file)}",
        f"  it is not there: {command('settle', entry.id, first, '--lost', file=file)}",
        f"Without looking, which may pay twice: {command('resume', entry.id, '--resend', file=file)}",
    ]


def show_standing(standing: Standing, file: Path | None, *, events: bool, every: bool, working: bool) -> None:
    """Print a run, its chunks, and what to do next, what is in doubt before all else."""
    entry, chunks = standing.entry, standing.chunks
    if alarm := doubts(standing, file):
        typer.echo("\n".join([*alarm, ""]))
    show_table(["", ""], _summary(standing))
    typer.echo()
    shown = [chunk for chunk in chunks if every or len(chunks) <= LONG or chunk.state is not State.DONE]
    if shown:
        rows = [
            [c.number, c.state, c.attempt, short(c.job), c.tag, moment(c.changed, exact=True), price(c.cost), c.note]
            for c in shown
        ]
        show_table(["chunk", "state", "attempt", "job", "tag", "changed (UTC)", "cost", "note"], rows)
        typer.echo()
    if len(shown) < len(chunks):
        show_note(f"{several(len(chunks) - len(shown), 'chunk')} that are done are left out; --all shows all")
    if events:
        rows = [
            [moment(e.time, exact=True), e.chunk, e.state, e.attempt, short(e.job), e.note] for e in standing.events
        ]
        show_table(["time (UTC)", "chunk", "state", "attempt", "job", "note"], rows)
        typer.echo()
    typer.echo(f"a process works on run {entry.id} now" if working else f"next: {advice(standing, file)}")


def short(job: str) -> str:
    """A job id with its middle left out where it is very long, as of vendors that put an address or more into it."""
    head, tail = ENDS
    return job if len(job) <= head + 1 + tail else f"{job[:head]}…{job[-tail:]}"


def _summary(standing: Standing) -> list[list[object]]:
    entry, left = standing.entry, "" if standing.finished else f", {words(standing)}"
    rows: list[list[object]] = [["run", entry.id]]
    rows += [["label", entry.label]] * bool(entry.label)
    rows += [
        ["backend", entry.backend],
        ["started", f"{moment(entry.created)} UTC"],
        ["rows", f"{entry.rows:,}, {entry.shots:,} shots each"],
        ["chunks", f"{standing.done:,} of {len(standing.chunks):,} done{left}"],
        ["cost so far", price(standing.spent)],
        ["estimate", price(standing.estimate)],
    ]
    if limits := budget(entry):
        rows.append(["budget", ", ".join(f"{limit:,g} {name}" for name, limit in limits.items())])
    return rows + [["rule", rule] for rule in standing.estimate.rules]


def budget(entry: Entry) -> dict[str, float]:
    """Limits that a run was started with, by what they limit."""
    return {name: limit for name, limit in json.loads(entry.budget).items() if limit is not None}


def worked_on(book: Ledger, run: str) -> bool:
    """Whether a process works on a run at this moment."""
    try:
        with book.working(run):
            return False
    except LedgerError:
        return True


def document(standing: Standing) -> dict[str, Any]:
    """A run without its chunks, JSON-able."""
    entry = standing.entry
    return {
        "run": entry.id,
        "label": entry.label,
        "backend": entry.backend,
        "created": iso(entry.created),
        "rows": entry.rows,
        "shots": entry.shots,
        "chunks": len(standing.chunks),
        "states": {str(state): count for state, count in standing.states.items()},
        "finished": standing.finished,
        "budget": budget(entry),
        "spent": standing.spent.model_dump(mode="json"),
        "estimate": standing.estimate.model_dump(mode="json"),
    }


def chunk_document(standing: Standing, chunk: Chunk) -> dict[str, Any]:
    """A chunk, JSON-able."""
    return {
        "chunk": chunk.number,
        "state": str(chunk.state),
        "changed": iso(chunk.changed),
        "attempt": chunk.attempt,
        "tag": chunk.tag,
        "job": chunk.job,
        "note": chunk.note,
        "cost": chunk.cost.model_dump(mode="json", exclude={"rules"}),
    }


def event_document(event: Event) -> dict[str, Any]:
    """A change of a chunk, JSON-able."""
    return {
        "time": iso(event.time),
        "chunk": event.chunk,
        "state": str(event.state),
        "attempt": event.attempt,
        "tag": event.tag,
        "job": event.job,
        "note": event.note,
    }


def iso(seconds: float) -> str:
    """A time in seconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
