"""Outbox: sends chunks one after another, each written down before it goes, and the next one got ready meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from qadapt.errors import QadaptError
from qadapt.jobs.calls import AHEAD, Calls, DoubtError, LostError
from qadapt.jobs.journal import Journal, said
from qadapt.jobs.plan import Plan
from qadapt.jobs.records import Change, State
from qadapt.provider import Work

NOT_SENT = "was to be next, and not sent"
"""What is noted about a chunk whose turn did not come."""

Turn: TypeAlias = tuple[int, int]
"""Number of a chunk that is to be sent, and how often its works were sent as a new job before."""


@dataclass(frozen=True)
class Job:
    """A submit that the vendor has; what ``Sent`` asks for."""

    number: int
    attempt: int
    tag: str
    job: str


@dataclass(frozen=True, eq=False)
class Submit:
    """A chunk that is being sent, or is the next to be.

    Attributes:
        number: Its number.
        attempt: How often its works were sent as a new job before.
        tag: Tag of the submit.
        works: What is sent.
        intended: When that was written down ahead of its turn, by ``time.monotonic``.
    """

    number: int
    attempt: int
    tag: str
    works: Sequence[Work]
    intended: float | None = None


class Outbox:
    """Chunks of a plan on their way out.

    Args:
        plan: What is sent.
        calls: Of the backend that it is sent to.
        run: Id of the run, which tags begin with.
        journal: Where each submit and its answer are written down.

    Attributes:
        hand: What is being sent; still there where something interrupted that.
        trouble: What went wrong while the vendor had a chunk in hand, to be raised once that chunk has been seen to.
    """

    def __init__(self, plan: Plan, calls: Calls, run: str, journal: Journal) -> None:
        self._plan = plan
        self._calls = calls
        self._run = run
        self._journal = journal
        self._next: Submit | None = None
        self.hand: Submit | None = None
        self.trouble: Exception | None = None

    def send(self, turn: Turn, then: Turn | None) -> Job | QadaptError:
        """Submit a chunk, and write down what came of it.

        Args:
            turn: The chunk.
            then: The next one, if it has to wait for nothing but this submit.

        Returns:
            Its job, or why there is none: a ``DoubtError`` where nobody can say whether there is.
        """
        self.hand = hand = self._prepared(turn)
        answer: Job | QadaptError
        try:
            job = self._calls.submit(hand.works, hand.tag, partial(self._intend, hand), partial(self._meanwhile, then))
        except DoubtError as error:
            self._journal(Change(hand.number, State.IN_DOUBT, hand.attempt, hand.tag, note=said(error)))
            answer = error
        except LostError as error:
            # It stays intended: whoever takes the run up asks again.
            answer = error.__cause__ if isinstance(error.__cause__, QadaptError) else error
        except QadaptError as error:
            # Refused, or surely not taken.
            self._journal(Change(hand.number, State.PLANNED, hand.attempt, note=said(error)))
            answer = error
        else:
            self._journal.later(Change(hand.number, State.SUBMITTED, hand.attempt, hand.tag, job))
            answer = Job(hand.number, hand.attempt, hand.tag, job)
        self.hand = None
        return answer

    def rest(self) -> None:
        """Write down what has waited; the chunk that was to be next, and is not sent now, is planned again."""
        ahead, self._next = self._next, None
        if ahead is not None and ahead.intended is not None:
            self._journal.later(Change(ahead.number, State.PLANNED, ahead.attempt, note=NOT_SENT))
        self._write_answers()

    def _prepared(self, turn: Turn) -> Submit:
        """What is needed to send a chunk; taken from ``_next`` if it is that."""
        number, attempt = turn
        if (mine := self._next) is not None and mine.number == number:
            self._next = None
            return mine
        return Submit(number, attempt, f"qadapt-{self._run}-{number}-{attempt}", self._plan.works(number))

    def _intend(self, hand: Submit) -> None:
        """Write down that a chunk is about to be sent, unless that was done just now."""
        if hand.intended is None or time.monotonic() - hand.intended > AHEAD:
            self._journal(Change(hand.number, State.INTENDED, hand.attempt, hand.tag))

    def _meanwhile(self, then: Turn | None) -> None:
        """Do what takes time while the vendor has the chunk in hand: get the next one ready, and write to the disk.

        The next chunk is intended ahead of its turn only where the vendor can be asked for it: otherwise a process that
        ends now would leave a doubt about a chunk that was never sent.
        """
        try:
            if self._next is None and then is not None:
                self._next = self._prepared(then)
            ahead = self._next
            if self._calls.finds and ahead is not None and ahead.intended is None:
                self._next = replace(ahead, intended=time.monotonic())
                self._journal(Change(ahead.number, State.INTENDED, ahead.attempt, ahead.tag))
            else:
                self._write_answers()
        except Exception as error:
            # Not now: what has become of the submit is seen to first.
            self.trouble = error

    def _write_answers(self) -> None:
        """Write down the answers that have waited; a vendor that can be asked says them again after a power cut."""
        self._journal.flush(durable=not self._calls.finds)
