"""Flight: the chunks of one plan on their way to a backend and back.

Every step that cannot be taken back is recorded before it is taken, and every answer before it is used, so that a
process may end anywhere and another one goes on from the records.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from qadapt.errors import (
    BadResultError,
    BudgetError,
    InDoubtError,
    JobFailedError,
    ProviderError,
    QadaptError,
    UnavailableError,
)
from qadapt.jobs.calls import AHEAD, Calls, DoubtError, LostError
from qadapt.jobs.plan import Plan
from qadapt.jobs.policy import Policy
from qadapt.jobs.progress import Progress, Show
from qadapt.jobs.records import VOUCHED, Change, Chunk, State
from qadapt.jobs.waiting import pause
from qadapt.provider import Backend, Done, Failed, Pending, Result, Work

LEAVING = 10.0
"""Most seconds that each last call takes before a run is left."""

FOUND, NOT_ARRIVED = "found by its tag", "had not arrived"
"""What is noted about a submit whose answer was lost, once its fate is known."""

NOT_SENT = "was to be next, and not sent"
"""What is noted about a chunk whose turn did not come."""


class Record(Protocol):
    """Writes down changes of chunks' states, as ``Ledger.write`` does for one run."""

    def __call__(self, *changes: Change, durable: bool = True) -> None:
        """Write them down, all or none; durable when it returns, or with the next ones that are."""


class Sent(Protocol):
    """What is known of a submit: of a chunk in the ledger, or of an open job."""

    @property
    def number(self) -> int:
        """Number of the chunk."""

    @property
    def attempt(self) -> int:
        """How often its works were sent as a new job before."""

    @property
    def tag(self) -> str:
        """Tag of the submit."""

    @property
    def job(self) -> str:
        """The vendor's job id."""


def noted(
    record: Record,
    sent: Sent,
    state: State,
    note: str = "",
    *,
    results: tuple[Result, ...] | None = None,
    raw: bytes | None = None,
) -> None:
    """Write down what became of a submit."""
    record(Change(sent.number, state, sent.attempt, sent.tag, sent.job, note, results, raw))


def unrecorded(*_: Change, durable: bool = True) -> None:
    """Write nothing down: for runs that nobody will take up again."""


def unlimited(_: int) -> None:
    """Let everything be sent again: for runs without a budget."""


@dataclass
class _Submit:
    """A chunk that is being sent, or is the next to be.

    Attributes:
        intended: When that was written down ahead of its turn, by ``time.monotonic``.
    """

    number: int
    attempt: int
    tag: str
    works: Sequence[Work]
    intended: float | None = None


@dataclass
class _Open:
    """A job at the vendor."""

    number: int
    attempt: int
    tag: str
    job: str
    since: float
    due: float
    state: Pending


class Flight:
    """Chunks of a plan on their way.

    Args:
        plan: What is sent.
        backend: Where to.
        policy: How patiently.
        run: Id of the run, which tags begin with.
        record: Writes every change down.
        afford: Called with the number of a chunk before it goes once more than was planned.
        show: Is told about every change of the progress.
    """

    def __init__(
        self,
        plan: Plan,
        backend: Backend,
        policy: Policy,
        *,
        run: str = "",
        record: Record = unrecorded,
        afford: Callable[[int], None] = unlimited,
        show: Show | None = None,
    ) -> None:
        self._plan = plan
        self._backend = backend
        self._policy = policy
        self._run = run or uuid.uuid4().hex[:12]
        self._recorded = record is not unrecorded
        self._record = record
        self._afford = afford
        self._show = show
        self._calls = Calls(backend, policy)
        self._most = policy.jobs or backend.capabilities.max_jobs
        self._ready = deque((number, 0) for number in range(len(plan.chunks)))
        self._sends = Counter[int]()
        self._open: list[_Open] = []
        self._results: dict[int, tuple[Result, ...]] = {}
        self._doubt: dict[int, DoubtError] = {}
        self._error: QadaptError | None = None
        self._hand: _Submit | None = None
        self._next: _Submit | None = None
        self._answers: list[Change] = []
        self._trouble: Exception | None = None

    def take_up(self, chunks: Iterable[Chunk], results: Callable[[int], tuple[Result, ...]]) -> None:
        """Go on from records instead of from the start.

        Args:
            chunks: The state of every chunk.
            results: Reads the results of a chunk that is done.

        Raises:
            UnavailableError: The vendor does not answer whether it has what may have been sent.
        """
        self._ready.clear()
        retrieval, now = self._backend.capabilities.retrieval, time.monotonic()
        for chunk in chunks:
            if chunk.state is State.DONE:
                self._results[chunk.number] = results(chunk.number)
            elif chunk.state in (State.INTENDED, State.IN_DOUBT):
                self._settle(chunk, now)
            elif chunk.state is State.SUBMITTED and chunk.note == VOUCHED:
                self._vouched(chunk)
            elif chunk.state is State.PLANNED:
                self._ready.append((chunk.number, chunk.attempt))
            elif retrieval and (chunk.state is State.SUBMITTED or self._is_there(chunk)):
                self._opened(chunk.number, chunk.attempt, chunk.tag, chunk.job)
            else:
                # What was sent is over, or ended with its process: it goes as a new job.
                self._ready.append((chunk.number, chunk.attempt + 1))

    def _vouched(self, chunk: Chunk) -> None:
        """Take the job that the user named; the doubt is back if it is not there."""
        with suppress(JobFailedError):
            job = self._calls.adopt(chunk.job, self._plan.works(chunk.number))
            if not isinstance(self._calls.fetch(job), Failed):
                self._opened(chunk.number, chunk.attempt, chunk.tag, job)
                return
        note = f"{chunk.job!r}, named by the user, is no job of this chunk, or has failed"
        self._record(Change(chunk.number, State.IN_DOUBT, chunk.attempt, chunk.tag, note=note))
        self._doubt[chunk.number] = DoubtError(note, provider=self._backend.name)

    def _is_there(self, chunk: Chunk) -> bool:
        """Whether a job that failed or was cancelled can be fetched after all.

        It may have finished before it was cancelled. Results that could not be read may be read now; where they still
        cannot, the vendor has done its work, and to send it again is to pay again: that takes the user's word.
        """
        match self._calls.fetch(chunk.job):
            case Failed(error):
                unreadable = isinstance(error, BadResultError)
                return unreadable and self._policy.in_doubt == "hold"
            case Done(results):
                with suppress(BadResultError):
                    self._plan.check(chunk.number, results)
                    return True
                return self._policy.in_doubt == "hold"
        return True

    def fly(self) -> dict[int, tuple[Result, ...]]:
        """Send what is not sent, wait for what is; returns the results of every chunk.

        Raises:
            InDoubtError: All else is done, but the fate of some submits is unknown.
            QadaptError: A chunk failed or was refused, or the vendor does not answer; what was open by then has been
                waited for where the vendor answers.
        """
        try:
            self._tell()
            while self._open or (self._ready and self._error is None):
                self._fill()
                self._wait()
                for item in [item for item in self._open if item.due <= time.monotonic()]:
                    self._look(item)
        except KeyboardInterrupt:
            keep = self._backend.capabilities.retrieval if self._policy.cancel is None else not self._policy.cancel
            self._leave(cancel=not keep)
            raise
        except BaseException:
            self._leave(cancel=not self._backend.capabilities.retrieval)
            raise
        if self._error is not None:
            raise self._error
        if self._doubt:
            first = next(iter(self._doubt.values()))
            raise InDoubtError(
                f"run {self._run}: of {len(self._plan.chunks)} submits, {len(self._doubt)} in doubt: {first}",
                run=self._run,
                chunks=list(self._doubt),
                hint=f"qadapt jobs show {self._run} says how to settle it; resume --resend sends it again unseen"
                if self._recorded
                else "",
            ) from first
        return self._results

    def _fill(self) -> None:
        """Send as many chunks as may be open at once."""
        while self._free(0):
            self._send(*self._ready.popleft())
        self._rest()

    def _free(self, more: int) -> bool:
        """Whether a chunk is to be sent, where so many more than now are open."""
        return bool(self._ready) and len(self._open) + more < self._most and self._error is None

    def _send(self, number: int, attempt: int) -> None:
        """Submit a chunk."""
        self._hand = hand = self._prepared(number, attempt)
        self._sends[number] += 1
        try:
            job = self._calls.submit(hand.works, hand.tag, self._intend, self._meanwhile)
        except DoubtError as error:
            self._doubted(number, attempt, hand.tag, error)
        except LostError as error:
            # It stays intended: whoever takes the run up asks again.
            self._error = self._error or _cause(error)
        except QadaptError as error:
            # Refused, or surely not taken.
            self._write(Change(number, State.PLANNED, attempt, note=_said(error)))
            self._error = self._error or error
        else:
            self._answers.append(Change(number, State.SUBMITTED, attempt, hand.tag, job))
            self._opened(number, attempt, hand.tag, job)
            self._tell()
        self._hand = None
        if self._trouble is not None:
            raise self._trouble

    def _prepared(self, number: int, attempt: int) -> _Submit:
        """What is needed to send a chunk; taken from ``_next`` if it is that."""
        if (mine := self._next) is not None and mine.number == number:
            self._next = None
            return mine
        return _Submit(number, attempt, f"qadapt-{self._run}-{number}-{attempt}", self._plan.works(number))

    def _intend(self) -> None:
        """Write down that the chunk in hand is about to be sent, unless that was done just now."""
        hand = self._hand
        assert hand is not None
        if hand.intended is None or time.monotonic() - hand.intended > AHEAD:
            self._write(Change(hand.number, State.INTENDED, hand.attempt, hand.tag))

    def _meanwhile(self) -> None:
        """Do what takes time while the vendor has the chunk in hand: get the next one ready, and write to the disk.

        The next chunk is intended ahead of its turn only where the vendor can be asked for it: otherwise a process that
        ends now would leave a doubt about a chunk that was never sent.
        """
        try:
            if self._next is None and self._free(1):
                self._next = self._prepared(*self._ready[0])
            ahead = self._next
            if self._calls.finds and ahead is not None and ahead.intended is None:
                ahead.intended = time.monotonic()
                self._write(Change(ahead.number, State.INTENDED, ahead.attempt, ahead.tag))
            else:
                self._write_answers()
        except Exception as error:
            # Not now: what has become of the submit is seen to first.
            self._trouble = error

    def _write(self, *changes: Change) -> None:
        """Write changes down, after the answers that have waited for them."""
        self._record(*self._answers, *changes)
        self._answers.clear()

    def _write_answers(self) -> None:
        """Write down the answers that have waited; a vendor that can be asked says them again after a power cut."""
        if self._answers:
            self._record(*self._answers, durable=not self._calls.finds)
            self._answers.clear()

    def _rest(self) -> None:
        """Write down what has waited; the chunk that was to be next, and is not sent now, is planned again."""
        ahead, self._next = self._next, None
        if ahead is not None and ahead.intended is not None:
            self._answers.append(Change(ahead.number, State.PLANNED, ahead.attempt, note=NOT_SENT))
        self._write_answers()

    def _opened(self, number: int, attempt: int, tag: str, job: str) -> None:
        now = time.monotonic()
        self._open.append(_Open(number, attempt, tag, job, now, now, Pending()))

    def _settle(self, chunk: Chunk, taken_up: float) -> None:
        """Find out what became of a submit whose answer nobody has seen."""
        number, attempt, tag = chunk.number, chunk.attempt, chunk.tag
        try:
            job = self._calls.whereabouts(tag, self._calls.gone(chunk.changed, taken_up))
        except DoubtError as error:
            self._doubted(number, attempt, tag, error)
            return
        if job is None:
            self._record(Change(number, State.PLANNED, attempt, note=NOT_ARRIVED))
            self._ready.append((number, attempt))
        else:
            self._record(Change(number, State.SUBMITTED, attempt, tag, job, FOUND))
            self._opened(number, attempt, tag, job)
            self._tell()

    def _doubted(self, number: int, attempt: int, tag: str, error: DoubtError) -> None:
        self._write(Change(number, State.IN_DOUBT, attempt, tag, note=_said(error)))
        if self._policy.in_doubt == "hold" or not self._again(number, attempt):
            self._doubt[number] = error

    def _again(self, number: int, attempt: int) -> bool:
        """Send the works of a chunk once more, as a new job, if patience and budget last."""
        if self._sends[number] >= self._policy.attempts:
            return False
        try:
            self._afford(number)
        except BudgetError as error:
            self._error = self._error or error
            return False
        self._ready.appendleft((number, attempt + 1))
        return True

    def _look(self, item: _Open) -> None:
        """Look at a job and take what it has."""
        match self._calls.fetch(item.job):
            case Pending() as state:
                item.state, now = state, time.monotonic()
                item.due = now + pause(now - item.since)
                self._tell()
            case Done(tuple() as results, (bytes() | None) as raw):
                self._open.remove(item)
                try:
                    self._plan.check(item.number, results)
                except BadResultError as error:
                    error.job_id = error.job_id or item.job
                    self._failed(item, error, raw)
                else:
                    noted(self._record, item, State.DONE, results=results, raw=raw)
                    self._results[item.number] = results
                    self._tell()
            case Failed(ProviderError() as error, raw):
                self._open.remove(item)
                # A job that is gone is no failure yet: its works may go again as another one.
                noted(self._record, item, State.FAILED, note=_said(error), raw=raw if isinstance(raw, bytes) else None)
                if not (isinstance(error, UnavailableError) and self._again(item.number, item.attempt)):
                    self._error = self._error or error
            case other:
                self._open.remove(item)
                said = f"fetch answered {other!r:.100}, expected Pending, Done or Failed"
                self._failed(item, BadResultError(said, provider=self._backend.name, job_id=item.job))

    def _failed(self, item: _Open, error: ProviderError, raw: bytes | None = None) -> None:
        noted(self._record, item, State.FAILED, note=_said(error), raw=raw)
        self._error = self._error or error

    def _wait(self) -> None:
        """Sleep until the next job is to be looked at."""
        if self._open:
            time.sleep(max(0.0, min(item.due for item in self._open) - time.monotonic()))

    def _leave(self, *, cancel: bool) -> None:
        """Stop what is open, if that is wanted and can be done; the rest stays as it is recorded."""
        with suppress(QadaptError):
            self._rest()
        if not (cancel and self._backend.capabilities.cancel):
            return
        # Where Ctrl-C came during a submit, the job may be there, and its id on its way.
        hand, calls = self._hand, self._calls
        if hand and (job := calls.arrived(hand.tag, LEAVING) or calls.seen(hand.tag, LEAVING)):
            self._record(Change(hand.number, State.SUBMITTED, hand.attempt, hand.tag, job))
            self._opened(hand.number, hand.attempt, hand.tag, job)
        for item in self._open:
            with suppress(QadaptError):
                self._calls.cancel(item.job, LEAVING)
                noted(self._record, item, State.CANCELLED)

    def _tell(self) -> None:
        if self._show is None:
            return
        done = sum(self._plan.size(number) for number in self._results)
        places = [item.state.position for item in self._open if item.state.position is not None]
        ends = [item.state.until for item in self._open if item.state.until is not None]
        self._show(
            Progress(
                done,
                self._plan.executions,
                len(self._open),
                min(places, default=None),
                min(ends, default=None),
            )
        )


def _cause(error: LostError) -> QadaptError:
    return error.__cause__ if isinstance(error.__cause__, QadaptError) else error


def _said(error: QadaptError) -> str:
    return f"{error.code}: {error}"
