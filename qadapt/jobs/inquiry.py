"""Inquiry: where the chunks are that an earlier process has sent, or was sending when it ended."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

from qadapt.errors import BadResultError, JobFailedError
from qadapt.jobs.calls import Calls, DoubtError
from qadapt.jobs.journal import Record, said
from qadapt.jobs.plan import Plan
from qadapt.jobs.policy import Policy
from qadapt.jobs.records import VOUCHED, Change, Chunk, State
from qadapt.provider import Backend, Done, Failed

FOUND, NOT_ARRIVED = "found by its tag", "had not arrived"
"""What is noted about a submit whose answer was lost, once its fate is known."""

UNANSWERED = (State.INTENDED, State.IN_DOUBT)
"""States of chunks whose submit nobody has seen the answer of."""


@dataclass(frozen=True)
class AtVendor:
    """The vendor has the chunk, under the job id that is in it."""

    chunk: Chunk


@dataclass(frozen=True)
class Unsent:
    """The chunk is to be sent; its works were sent as a new job so often before."""

    attempt: int


@dataclass(frozen=True)
class InDoubt:
    """Nobody can say whether the vendor has the chunk.

    Attributes:
        error: What is known.
        held: Whether it may not be sent again unseen, whatever the policy says.
    """

    error: DoubtError
    held: bool = False


Fate: TypeAlias = AtVendor | Unsent | InDoubt
"""What became of a chunk."""


@dataclass(frozen=True)
class Inquiry:
    """Asks a vendor about chunks of records, and writes down what is new.

    Attributes:
        plan: What was sent.
        backend: Where to.
        policy: How patiently to ask, and what to do in doubt.
        record: Writes changes down.
        began: When this process took the run up, by ``time.monotonic``.
    """

    plan: Plan
    backend: Backend
    policy: Policy
    record: Record
    began: float

    def of(self, chunk: Chunk) -> Fate:
        """Find out where a chunk is that is not done.

        Raises:
            UnavailableError: The vendor does not answer whether it has what may have been sent.
        """
        if chunk.state in UNANSWERED:
            return self.unanswered(chunk)
        if chunk.state is State.PLANNED:
            return Unsent(chunk.attempt)
        if chunk.state is State.SUBMITTED and chunk.note == VOUCHED:
            return self._vouched(chunk)
        if self.backend.capabilities.retrieval and (chunk.state is State.SUBMITTED or self._is_there(chunk)):
            return AtVendor(chunk)
        # What was sent is over, or ended with its process: it goes as a new job.
        return Unsent(chunk.attempt + 1)

    def unanswered(self, chunk: Chunk) -> Fate:
        """Find out what became of a submit whose answer nobody has seen.

        Raises:
            UnavailableError: The vendor does not answer.
        """
        try:
            job = self._calls.whereabouts(chunk.tag, self._calls.gone(chunk.changed, self.began))
        except DoubtError as error:
            self.record(Change(chunk.number, State.IN_DOUBT, chunk.attempt, chunk.tag, note=said(error)))
            return InDoubt(error)
        if job is None:
            self.record(Change(chunk.number, State.PLANNED, chunk.attempt, note=NOT_ARRIVED))
            return Unsent(chunk.attempt)
        self.record(Change(chunk.number, State.SUBMITTED, chunk.attempt, chunk.tag, job, FOUND))
        return AtVendor(replace(chunk, job=job))

    def _vouched(self, chunk: Chunk) -> Fate:
        """Take the job that the user named; the doubt is back if it is not there."""
        with suppress(JobFailedError):
            job = self._calls.adopt(chunk.job, self.plan.works(chunk.number))
            if not isinstance(self._calls.fetch(job), Failed):
                return AtVendor(replace(chunk, job=job))
        note = f"{chunk.job!r}, named by the user, is no job of this chunk, or has failed"
        self.record(Change(chunk.number, State.IN_DOUBT, chunk.attempt, chunk.tag, note=note))
        return InDoubt(DoubtError(note, provider=self.backend.name), held=True)

    def _is_there(self, chunk: Chunk) -> bool:
        """Whether a job that failed or was cancelled can be fetched after all.

        It may have finished before it was cancelled. Results that could not be read may be read now; where they still
        cannot, the vendor has done its work, and to send it again is to pay again: that takes the user's word.
        """
        match self._calls.fetch(chunk.job):
            case Failed(error):
                unreadable = isinstance(error, BadResultError)
                return unreadable and self.policy.in_doubt == "hold"
            case Done(results):
                with suppress(BadResultError):
                    self.plan.check(chunk.number, results)
                    return True
                return self.policy.in_doubt == "hold"
        return True

    @property
    def _calls(self) -> Calls:
        return Calls(self.backend, self.policy)
