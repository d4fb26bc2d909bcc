"""Settle: what the user saw at the vendor decides the fate of a submit that nobody else could."""

from __future__ import annotations

from qadapt.errors import LedgerError
from qadapt.jobs.ledger import Ledger
from qadapt.jobs.place import Place, recorded
from qadapt.jobs.records import VOUCHED, Chunk, State


def settle(name: str, chunk: int, job: str | None, *, ledger: Place | None = None) -> Chunk:
    """Write down what the user knows about a chunk in doubt, and return the chunk as it is then.

    Nothing is asked of the vendor and nothing is sent: ``resume`` fetches the job, or sends the chunk again under the
    same tag.

    Args:
        name: Id of the run, the beginning of one, or its label.
        chunk: Number of the chunk.
        job: Id under which the vendor has it; None if the vendor has no such job.
        ledger: Where the run is recorded, or the path of that ledger; the default one when omitted.

    Raises:
        LedgerError: There is no such run or chunk, the chunk is not in doubt, the job is that of another chunk, or
            another process works on the run.
    """
    with recorded(ledger) as book:
        run = book.run(name).id
        with book.working(run):
            found = next((each for each in book.chunks(run) if each.number == chunk), None)
            if found is None:
                raise LedgerError(f"run {run} has no chunk {chunk}", hint=f"qadapt jobs show {run} lists them")
            if found.state is not State.IN_DOUBT:
                raise LedgerError(
                    f"chunk {chunk} of run {run} is {found.state}; only a chunk in doubt can be settled",
                    hint=f"qadapt jobs resume {run} asks the vendor about every other one",
                )
            if job is None:
                note = "not at the vendor, says the user"
                book.record(run, chunk, State.PLANNED, attempt=found.attempt, note=note)
            else:
                _check_free(book, run, chunk, job)
                book.record(run, chunk, State.SUBMITTED, attempt=found.attempt, tag=found.tag, job=job, note=VOUCHED)
            return next(each for each in book.chunks(run) if each.number == chunk)


def _check_free(book: Ledger, run: str, chunk: int, job: str) -> None:
    """Refuse a job id that is none, or that another chunk of the run has or had: its counts would be taken twice."""
    if not job.strip() or job != job.strip():
        raise LedgerError(f"{job!r} is no job id")
    others = {event.chunk for event in book.events(run) if event.job == job} - {chunk}
    if others:
        raise LedgerError(f"job {job} is that of chunk {min(others)} of run {run}")
