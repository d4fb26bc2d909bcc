"""Cancel: stop what a run has at its vendor, and lose nothing that has already been computed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from qadapt import registry
from qadapt.errors import BadResultError, LedgerError, NotSupportedError, QadaptError
from qadapt.jobs.calls import Calls
from qadapt.jobs.identity import check_identity
from qadapt.jobs.inquiry import UNANSWERED, AtVendor, InDoubt, Inquiry, Unsent
from qadapt.jobs.journal import Record, noted, said
from qadapt.jobs.place import Place, recorded
from qadapt.jobs.plan import Plan
from qadapt.jobs.policy import PATIENT, Policy
from qadapt.jobs.records import Chunk, State
from qadapt.provider import Backend, Done, Failed

OPEN = (State.SUBMITTED, *UNANSWERED)
"""States of chunks that the vendor has or may have."""

PAUSE, LONGEST_PAUSE = 0.01, 2.0
"""Least and most seconds between two looks at jobs that are being cancelled."""


@dataclass(frozen=True)
class Cancellation:
    """What became of the chunks of a run that were open, by their numbers.

    Attributes:
        cancelled: The vendor ended the job.
        finished: The job had finished before; its results are in the ledger.
        ending: The vendor took the request and has not ended the job yet; the chunk stays submitted.
        unsent: The submit had never arrived; the chunk is planned again.
        doubt: Nobody can say whether there is a job; the chunk is in doubt.
        failed: It could not be cancelled, and why.
    """

    cancelled: tuple[int, ...] = ()
    finished: tuple[int, ...] = ()
    ending: tuple[int, ...] = ()
    unsent: tuple[int, ...] = ()
    doubt: tuple[int, ...] = ()
    failed: Mapping[int, QadaptError] = field(default_factory=dict)


def cancel(
    name: str,
    *,
    backend: Backend | None = None,
    policy: Policy = PATIENT,
    ledger: Place | None = None,
    patience: float = 10.0,
) -> Cancellation:
    """Cancel the open jobs of a run; one that cannot be cancelled does not keep the others from it.

    Chunks that were never sent stay planned: there is nothing to cancel. ``resume`` sends both them and the cancelled
    ones. A chunk is only recorded as cancelled when the vendor says that its job has ended without results, so that
    counts that were paid for are not lost.

    Args:
        name: Id of the run, the beginning of one, or its label.
        backend: Where it runs, if its name alone does not open it.
        policy: Deadlines and retries.
        ledger: Where the run is recorded, or the path of that ledger; the default one when omitted.
        patience: Seconds to wait for the vendor to end the jobs.

    Raises:
        LedgerError: There is no such run, or another process works on it.
        NotSupportedError: The backend cannot cancel jobs.
        QadaptError: The backend cannot be opened.
    """
    with recorded(ledger) as book:
        entry = book.run(name)
        with book.working(entry.id):
            chunks = [chunk for chunk in book.chunks(entry.id) if chunk.state in OPEN]
            if not chunks:
                return Cancellation()
            record: Record = partial(book.write, entry.id)
            with registry.using(backend or entry.backend) as opened:
                check_identity(entry, opened, policy.deadline)
                if opened.capabilities.retrieval and not opened.capabilities.cancel:
                    raise NotSupportedError(f"{opened.name} cannot cancel jobs", capability="cancel")
                return _Cancelling(book.plan(entry.id), opened, policy, record).end(chunks, patience)


class _Cancelling:
    """The chunks of one run on their way out, by what is known of them."""

    def __init__(self, plan: Plan, backend: Backend, policy: Policy, record: Record) -> None:
        self._plan = plan
        self._backend = backend
        self._calls = Calls(backend, policy)
        self._record = record
        self._inquiry = Inquiry(plan, backend, policy, record, time.monotonic())
        self._cancelled: list[int] = []
        self._finished: list[int] = []
        self._unsent: list[int] = []
        self._doubt: list[int] = []
        self._failed: dict[int, QadaptError] = {}

    def end(self, chunks: Sequence[Chunk], patience: float) -> Cancellation:
        asked = [asked for chunk in chunks if (asked := self._asked(chunk))]
        end, pause = time.monotonic() + patience, PAUSE
        while (asked := [chunk for chunk in asked if not self._ended(chunk)]) and time.monotonic() < end:
            time.sleep(min(pause, max(0.0, end - time.monotonic())))
            pause = min(2 * pause, LONGEST_PAUSE)
        return Cancellation(
            tuple(self._cancelled),
            tuple(self._finished),
            tuple(chunk.number for chunk in asked),
            tuple(self._unsent),
            tuple(self._doubt),
            dict(sorted(self._failed.items())),
        )

    def _asked(self, chunk: Chunk) -> Chunk | None:
        """Ask the vendor to end the job of a chunk; the chunk with its job id, None if there is none to wait for."""
        number = chunk.number
        if not self._backend.capabilities.retrieval:
            # Its jobs ended with the process that made them, which is gone: this one holds the run.
            noted(self._record, chunk, State.CANCELLED, "ended with its process")
            self._cancelled.append(number)
            return None
        try:
            if chunk.state in UNANSWERED:
                match self._inquiry.unanswered(chunk):
                    case AtVendor(there):
                        chunk = there
                    case Unsent():
                        self._unsent.append(number)
                        return None
                    case InDoubt():
                        self._doubt.append(number)
                        return None
            self._calls.cancel(chunk.job)
        except LedgerError:
            raise
        except QadaptError as error:
            self._failed[number] = error
            return None
        noted(self._record, chunk, State.SUBMITTED, "asked to cancel")
        return chunk

    def _ended(self, chunk: Chunk) -> bool:
        """Look whether a job has ended, with or without results, or cannot be looked at."""
        number = chunk.number
        try:
            match self._calls.fetch(chunk.job):
                case Done(results, raw):
                    try:
                        self._plan.check(number, results)
                    except BadResultError as error:
                        noted(self._record, chunk, State.FAILED, said(error), raw=raw)
                        self._failed[number] = error
                    else:
                        noted(self._record, chunk, State.DONE, results=results, raw=raw)
                        self._finished.append(number)
                case Failed(error):
                    noted(self._record, chunk, State.CANCELLED, said(error))
                    self._cancelled.append(number)
                case _:
                    return False
        except LedgerError:
            raise
        except QadaptError as error:
            self._failed[number] = error
        return True
