"""Flight: the chunks of one plan on their way to a backend and back.

Every step that cannot be taken back is recorded before it is taken, and every answer before it is used, so that a
process may end anywhere and another one goes on from the records.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from qadapt.errors import BadResultError, BudgetError, InDoubtError, ProviderError, QadaptError, UnavailableError
from qadapt.jobs.calls import Calls, DoubtError
from qadapt.jobs.inquiry import UNANSWERED, AtVendor, InDoubt, Inquiry, Unsent
from qadapt.jobs.journal import Journal, Record, Sent, noted, said, unrecorded
from qadapt.jobs.outbox import Job, Outbox, Turn
from qadapt.jobs.plan import Plan
from qadapt.jobs.policy import Policy
from qadapt.jobs.progress import Progress, Show
from qadapt.jobs.records import Change, Chunk, State
from qadapt.jobs.waiting import pause
from qadapt.provider import Backend, Done, Failed, Pending, Result

LEAVING = 10.0
"""Most seconds that each last call takes before a run is left."""


def unlimited(_: int) -> None:
    """Let everything be sent again: for runs without a budget."""


@dataclass
class _Open:
    """A job at the vendor.

    Attributes:
        sent: What is known of its submit.
        since: When this process began to look at it, by ``time.monotonic``.
        due: When it is to be looked at next.
        state: What the last look has shown.
    """

    sent: Sent
    since: float
    due: float
    state: Pending = field(default_factory=Pending)


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
        self._afford = afford
        self._show = show
        self._calls = Calls(backend, policy)
        self._journal = Journal(record)
        self._outbox = Outbox(plan, self._calls, self._run, self._journal)
        self._most = policy.jobs or backend.capabilities.max_jobs
        self._ready = deque[Turn]((number, 0) for number in range(len(plan.chunks)))
        self._sends = Counter[int]()
        self._open: list[_Open] = []
        self._results: dict[int, tuple[Result, ...]] = {}
        self._doubts: dict[int, DoubtError] = {}
        self._error: QadaptError | None = None

    def take_up(self, chunks: Iterable[Chunk], results: Callable[[int], tuple[Result, ...]]) -> None:
        """Go on from records instead of from the start.

        Args:
            chunks: The state of every chunk.
            results: Reads the results of a chunk that is done.

        Raises:
            UnavailableError: The vendor does not answer whether it has what may have been sent.
        """
        self._ready.clear()
        inquiry = Inquiry(self._plan, self._backend, self._policy, self._journal, time.monotonic())
        for chunk in chunks:
            if chunk.state is State.DONE:
                self._results[chunk.number] = results(chunk.number)
                continue
            match inquiry.of(chunk):
                case AtVendor(there):
                    self._opened(there)
                    if chunk.state in UNANSWERED:
                        self._tell()  # the vendor may have taken its time to say so
                case Unsent(attempt):
                    self._ready.append((chunk.number, attempt))
                case InDoubt(error, held):
                    self._doubted(chunk.number, chunk.attempt, error, held=held)

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
        if self._doubts:
            first = next(iter(self._doubts.values()))
            raise InDoubtError(
                f"run {self._run}: of {len(self._plan.chunks)} submits, {len(self._doubts)} in doubt: {first}",
                run=self._run,
                chunks=list(self._doubts),
                hint=f"qadapt jobs show {self._run} says how to settle it; resume --resend sends it again unseen"
                if self._recorded
                else "",
            ) from first
        return self._results

    def _fill(self) -> None:
        """Send as many chunks as may be open at once."""
        while self._free(0):
            self._send(self._ready.popleft())
        self._outbox.rest()

    def _free(self, more: int) -> bool:
        """Whether a chunk is to be sent, where so many more than now are open."""
        return bool(self._ready) and len(self._open) + more < self._most and self._error is None

    def _send(self, turn: Turn) -> None:
        """Submit a chunk."""
        self._sends[turn[0]] += 1
        match self._outbox.send(turn, self._ready[0] if self._free(1) else None):
            case Job() as job:
                self._opened(job)
                self._tell()
            case DoubtError() as error:
                self._doubted(*turn, error)
            case error:
                self._stop(error)
        if self._outbox.trouble is not None:
            raise self._outbox.trouble

    def _opened(self, sent: Sent) -> None:
        now = time.monotonic()
        self._open.append(_Open(sent, now, now))

    def _doubted(self, number: int, attempt: int, error: DoubtError, *, held: bool = False) -> None:
        """Send a chunk in doubt again, if that is wanted and can be done; it stays in doubt otherwise."""
        if held or self._policy.in_doubt == "hold" or not self._again(number, attempt):
            self._doubts[number] = error

    def _again(self, number: int, attempt: int) -> bool:
        """Send the works of a chunk once more, as a new job, if patience and budget last."""
        if self._sends[number] >= self._policy.attempts:
            return False
        try:
            self._afford(number)
        except BudgetError as error:
            self._stop(error)
            return False
        self._ready.appendleft((number, attempt + 1))
        return True

    def _stop(self, error: QadaptError) -> None:
        """Send nothing more, and raise the first error once what is open has ended."""
        self._error = self._error or error

    def _look(self, item: _Open) -> None:
        """Look at a job and take what it has."""
        sent = item.sent
        match self._calls.fetch(sent.job):
            case Pending() as state:
                item.state, now = state, time.monotonic()
                item.due = now + pause(now - item.since)
                self._tell()
            case Done(tuple() as results, (bytes() | None) as raw):
                self._open.remove(item)
                try:
                    self._plan.check(sent.number, results)
                except BadResultError as error:
                    error.job_id = error.job_id or sent.job
                    self._failed(sent, error, raw)
                else:
                    noted(self._journal, sent, State.DONE, results=results, raw=raw)
                    self._results[sent.number] = results
                    self._tell()
            case Failed(ProviderError() as error, raw):
                self._open.remove(item)
                # A job that is gone is no failure yet: its works may go again as another one.
                noted(self._journal, sent, State.FAILED, said(error), raw=raw if isinstance(raw, bytes) else None)
                if not (isinstance(error, UnavailableError) and self._again(sent.number, sent.attempt)):
                    self._stop(error)
            case other:
                self._open.remove(item)
                text = f"fetch answered {other!r:.100}, expected Pending, Done or Failed"
                self._failed(sent, BadResultError(text, provider=self._backend.name, job_id=sent.job))

    def _failed(self, sent: Sent, error: ProviderError, raw: bytes | None = None) -> None:
        noted(self._journal, sent, State.FAILED, said(error), raw=raw)
        self._stop(error)

    def _wait(self) -> None:
        """Sleep until the next job is to be looked at."""
        if self._open:
            time.sleep(max(0.0, min(item.due for item in self._open) - time.monotonic()))

    def _leave(self, *, cancel: bool) -> None:
        """Stop what is open, if that is wanted and can be done; the rest stays as it is recorded."""
        with suppress(QadaptError):
            self._outbox.rest()
        if not (cancel and self._backend.capabilities.cancel):
            return
        # Where Ctrl-C came during a submit, the job may be there, and its id on its way.
        hand, calls = self._outbox.hand, self._calls
        if hand and (job := calls.arrived(hand.tag, LEAVING) or calls.seen(hand.tag, LEAVING)):
            self._journal(Change(hand.number, State.SUBMITTED, hand.attempt, hand.tag, job))
            self._opened(Job(hand.number, hand.attempt, hand.tag, job))
        for item in self._open:
            with suppress(QadaptError):
                self._calls.cancel(item.sent.job, LEAVING)
                noted(self._journal, item.sent, State.CANCELLED)

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
