"""Journal: changes reach the record whole and in order, and those that wait go with the next one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.errors import BudgetError
from qadapt.jobs import State
from qadapt.jobs.journal import Journal, noted, said
from qadapt.jobs.outbox import Job
from qadapt.jobs.records import Change


def change(number: int) -> Change:
    return Change(number, State.SUBMITTED)


class Kept:
    """A record in memory, which may be full."""

    def __init__(self) -> None:
        self.writes = list[tuple[list[int], bool]]()
        self.full = False

    def __call__(self, *changes: Change, durable: bool = True) -> None:
        if self.full:
            raise OSError("full")
        self.writes.append(([each.chunk for each in changes], durable))


@given(st.lists(st.tuples(st.sampled_from(["later", "write", "flush", "full"]), st.booleans())))
def test_changes_are_written_once_in_order_and_as_soon_as_one_does_not_wait(steps):
    kept = Kept()
    journal, waiting, wanted = Journal(kept), list[int](), list[tuple[list[int], bool]]()
    for number, (step, durable) in enumerate(steps):
        match step:
            case "later":
                journal.later(change(number))
                waiting.append(number)
                continue
            case "write":
                journal(change(number), durable=durable)
                wanted.append(([*waiting, number], durable))
            case "flush":
                journal.flush(durable=durable)
                wanted += [(waiting, durable)] if waiting else []
            case "full":
                kept.full = True
                with pytest.raises(OSError, match="full"):
                    journal(change(number), durable=durable)
                kept.full = False
                continue  # all or none: what waited waits on
        waiting = []
    assert kept.writes == wanted


def test_what_waits_is_durable_unless_it_is_said_not_to_be():
    kept = Kept()
    journal = Journal(kept)
    journal.later(change(0))
    journal.flush()
    journal(change(1))
    assert kept.writes == [([0], True), ([1], True)]


def test_a_note_says_which_submit_and_what_is_wrong():
    written = list[Change]()

    def record(*changes: Change, durable: bool = True) -> None:
        written.extend(changes)

    error = BudgetError("too dear")
    noted(record, Job(3, 2, "tag", "job"), State.FAILED, said(error), raw=b"answer")
    (one,) = written
    assert (one.chunk, one.state, one.attempt, one.tag, one.job) == (3, State.FAILED, 2, "tag", "job")
    assert (one.note, one.results, one.raw) == (f"{BudgetError.code}: too dear", None, b"answer")
