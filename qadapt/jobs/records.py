"""Records: what the ledger says about a run, its chunks, and every change of their states."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from qadapt.cost import Cost
from qadapt.provider import Result


class State(StrEnum):
    """What is known about a chunk."""

    PLANNED = "planned"
    """Nothing was sent, or what was sent is known not to have arrived."""
    INTENDED = "intended"
    """It may have been sent: a submit is under way, or was when its process ended."""
    SUBMITTED = "submitted"
    """The vendor has it, under a job id."""
    DONE = "done"
    """Its results are here."""
    FAILED = "failed"
    """The vendor says that the job failed, or gave results that are none."""
    IN_DOUBT = "in doubt"
    """It was sent and the answer was lost, and the vendor cannot be asked whether it has the job."""
    CANCELLED = "cancelled"
    """It was cancelled on request."""


VOUCHED = "at the vendor, says the user"
"""Noted about a submit in doubt whose job the user named."""


@dataclass(frozen=True)
class Entry:
    """A run as the ledger knows it.

    Attributes:
        id: Its id.
        created: When it was entered, in seconds since 1970.
        label: Its name for people.
        fingerprint: Equal for runs that ask for the same.
        backend: Full name of its backend.
        rows: Rows of the source.
        shots: Shots per row.
        budget: What it may cost, as JSON.
        identity: Account and options that its jobs depend on, as JSON.
        delivered: When its counts were handed out, in seconds since 1970.
    """

    id: str
    created: float
    label: str
    fingerprint: str
    backend: str
    rows: int
    shots: int
    budget: str
    identity: str
    delivered: float | None = None


@dataclass(frozen=True)
class Chunk:
    """A chunk as the ledger knows it.

    Attributes:
        run: Id of its run.
        number: Its number in the plan.
        state: What is known about it.
        changed: Time of the last change, in seconds since 1970.
        attempt: How often its works were sent as a new job, from 0.
        tag: Tag of the latest submit; empty before.
        job: The vendor's id of the latest job; empty before.
        note: What was said about the last change.
        cost: Estimate of one submit.
    """

    run: str
    number: int
    state: State
    changed: float
    attempt: int
    tag: str
    job: str
    note: str
    cost: Cost


@dataclass(frozen=True)
class Event:
    """One change of a chunk's state; time in seconds since 1970."""

    time: float
    chunk: int
    state: State
    attempt: int
    tag: str
    job: str
    note: str


@dataclass(frozen=True, eq=False)
class Change:
    """What is to be written down about a chunk.

    Attributes:
        chunk: Its number.
        state: What is known now.
        attempt: How often its works were sent as a new job before.
        tag: Tag of the submit.
        job: The vendor's job id.
        note: What there is to say, as the text of an error; secrets are masked.
        results: What came back, for ``done``.
        raw: What the vendor answered, kept byte by byte, but for secrets.
    """

    chunk: int
    state: State
    attempt: int = 0
    tag: str = ""
    job: str = ""
    note: str = ""
    results: tuple[Result, ...] | None = None
    raw: bytes | None = None
