"""Journal: how a run writes down what becomes of its submits."""

from __future__ import annotations

from typing import Protocol

from qadapt.errors import QadaptError
from qadapt.jobs.records import Change, State
from qadapt.provider import Result


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


class Journal:
    """A record some of whose changes may wait for the next one, so that both are one write to the disk.

    Args:
        record: Writes changes down.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._waiting: list[Change] = []

    def __call__(self, *changes: Change, durable: bool = True) -> None:
        """Write changes down, after those that have waited for them."""
        self._record(*self._waiting, *changes, durable=durable)
        self._waiting.clear()

    def later(self, change: Change) -> None:
        """Write a change down together with the next one."""
        self._waiting.append(change)

    def flush(self, *, durable: bool = True) -> None:
        """Write down what waits, if anything does."""
        if self._waiting:
            self(durable=durable)


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


def said(error: QadaptError) -> str:
    """An error as a note."""
    return f"{error.code}: {error}"
