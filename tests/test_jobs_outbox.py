"""Outbox: what is written down before, while and after a chunk is sent, whatever stops that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jobs_cases import (
    QUICK,
    Book,
    Cloud,
    Findable,
    Fuse,
    Vendor,
    directly,
    directly_first,
    life,
    plan_of,
    still,
    undisturbed,
)
from qadapt.errors import AccessError, JobFailedError, UnavailableError
from qadapt.jobs import State, calls
from qadapt.jobs.calls import AHEAD, Calls, DoubtError
from qadapt.jobs.flight import Flight
from qadapt.jobs.journal import Journal
from qadapt.jobs.outbox import NOT_SENT, Job, Outbox
from qadapt.jobs.records import Change


@pytest.mark.parametrize(
    ("kind", "faults", "answer", "state"),
    [
        (Findable, {}, Job, State.SUBMITTED),
        (Findable, {"submit": ["lost"]}, Job, State.SUBMITTED),
        (Findable, {"submit": ["denied"]}, AccessError, State.PLANNED),
        (Findable, {"submit": ["down"] * QUICK.attempts}, UnavailableError, State.PLANNED),
        (Findable, {"submit": ["lost"], "find": ["down"] * QUICK.attempts}, UnavailableError, State.INTENDED),
        (Vendor, {"submit": ["lost"]}, DoubtError, State.IN_DOUBT),
    ],
)
def test_a_chunk_is_a_job_or_an_error_and_written_down_as_that(kind, faults, answer, state):
    with still() as clock:
        cloud = Cloud(faults)
        book = Book(plan_of(2, 1), clock, cloud)
        outbox = Outbox(book.plan, Calls(kind(cloud), QUICK), "r", Journal(book.writer(Fuse())))
        said = outbox.send((1, 3), None)
        outbox.rest()
    assert type(said) is answer
    assert answer is not Job or said == Job(1, 3, "qadapt-r-1-3", "job-0")
    assert [chunk.state for chunk in book.chunks()] == [State.PLANNED, state]
    assert (outbox.hand, outbox.trouble) == (None, None)


def test_what_is_interrupted_stays_in_hand(monkeypatch):
    def interrupted(*_: Any) -> str:
        raise KeyboardInterrupt

    with still() as clock:
        book = Book(plan_of(1, 1), clock, Cloud())
        verbs = Calls(Vendor(book.cloud), QUICK)
        outbox = Outbox(book.plan, verbs, "r", Journal(book.writer(Fuse())))
        monkeypatch.setattr(verbs, "submit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            outbox.send((0, 0), None)
    assert outbox.hand is not None
    assert outbox.hand.tag == "qadapt-r-0-0"


class Noting(Vendor):
    """Notes at each submit which chunks the book has as intended; a submit takes as long as it is told."""

    def __init__(self, cloud: Cloud, book: Book, *, takes: float = 0.0, **can: Any) -> None:
        super().__init__(cloud, **can)
        self.book, self.takes, self.seen = book, takes, list[list[int]]()

    def submit(self, work, *, tag):
        self.seen.append([chunk.number for chunk in self.book.chunks() if chunk.state is State.INTENDED])
        self.book.clock.now += self.takes
        return super().submit(work, tag=tag)


class NotingFindable(Noting, Findable):
    """The same where the vendor can be asked."""


@pytest.mark.parametrize(
    ("kind", "can", "ahead"),
    [
        (NotingFindable, {"find": True}, True),
        (NotingFindable, {"find": False}, False),
        (Noting, {"find": True}, False),
        (Noting, {}, False),
        (Noting, {"retrieval": False}, False),
    ],
)
def test_the_next_chunk_is_intended_ahead_only_where_the_vendor_can_be_asked_for_it(kind, can, ahead):
    with still() as clock:
        cloud = Cloud()
        book = Book(plan_of(3, 1), clock, cloud)
        backend = kind(cloud, book, max_jobs=3, **can)
        life(book, backend)
    assert backend.seen == ([[0, 1], [1, 2], [2]] if ahead else [[0], [1], [2]])
    intended = [number for number, _, state in book.events if state is State.INTENDED]
    assert intended == [0, 1, 2]


def test_nothing_is_intended_ahead_that_has_to_wait_for_another_job():
    with still() as clock:
        cloud = Cloud()
        book = Book(plan_of(4, 1), clock, cloud)
        backend = NotingFindable(cloud, book, max_jobs=2)
        life(book, backend)
    assert backend.seen[:2] == [[0, 1], [1]]
    assert State.PLANNED not in {state for _, _, state in book.events}


@pytest.mark.parametrize(("takes", "written"), [(AHEAD - 0.01, 1), (AHEAD + 0.01, 2)])
def test_an_intent_that_has_become_old_is_written_again(takes, written):
    """The time of an intent says when its submit began, to those who wait until the submit is surely over."""
    with still() as clock:
        cloud = Cloud()
        book = Book(plan_of(2, 1), clock, cloud)
        life(book, NotingFindable(cloud, book, takes=takes, max_jobs=2))
    assert sum(event == (1, 0, State.INTENDED) for event in book.events) == written


@pytest.mark.parametrize("fault", ["denied", "refused", "down", "interrupt"])
def test_a_flight_that_stops_puts_the_chunk_back_that_was_to_be_next(fault):
    class Stopping(Findable):
        def submit(self, work, *, tag):
            if fault == "interrupt":
                raise KeyboardInterrupt
            return super().submit(work, tag=tag)

    plan, cloud = plan_of(3, 1), Cloud({"submit": [fault] * QUICK.attempts})
    with still() as clock:
        book = Book(plan, clock, cloud)
        with pytest.raises((AccessError, JobFailedError, UnavailableError, KeyboardInterrupt)):
            life(book, Stopping(cloud, max_jobs=3))
        first = State.INTENDED if fault == "interrupt" else State.PLANNED
        assert [chunk.state for chunk in book.chunks()] == [first, State.PLANNED, State.PLANNED]
        assert (1, 0, State.INTENDED) in book.events
        assert book.last[1].note == NOT_SENT
        calls._underway.clear()  # its thread, which there is none here, would have ended it
        cloud.script({})
        assert np.array_equal(life(book, Findable(cloud, max_jobs=3)), undisturbed(plan))
    assert set(cloud.created.values()) == {1}
    assert cloud.calls["find"] <= 4  # for the first alone, which may have been sent


def test_nothing_is_said_of_a_next_chunk_that_was_not_intended():
    cloud = Cloud({"submit": ["denied"]})
    with still() as clock:
        book = Book(plan_of(3, 1), clock, cloud)
        with pytest.raises(AccessError):
            life(book, Vendor(cloud, max_jobs=3))
    assert book.events == [(0, 0, State.INTENDED), (0, 0, State.PLANNED)]


@pytest.mark.parametrize("direct", [directly, directly_first])
def test_what_goes_wrong_meanwhile_is_raised_once_the_submit_has_been_seen_to(direct):
    class FullError(Exception):
        pass

    def write(*changes: Change, durable: bool = True) -> None:
        if any((change.chunk, change.state) == (1, State.INTENDED) for change in changes):
            raise FullError
        record(*changes, durable=durable)

    plan, cloud = plan_of(3, 1), Cloud()
    with still(direct=direct) as clock:
        book = Book(plan, clock, cloud)
        record = book.writer(Fuse())
        with pytest.raises(FullError):
            Flight(plan, Findable(cloud, max_jobs=3), QUICK, run="r", record=write).fly()
        first, second, _ = book.chunks()
        assert (first.state, first.job, second.state) == (State.SUBMITTED, "job-0", State.PLANNED)
        assert cloud.calls == {"submit": 1}
        assert np.array_equal(life(book, Findable(cloud)), undisturbed(plan))
    assert len(cloud.jobs) == 3


def test_only_answers_of_vendors_that_can_be_asked_need_not_be_on_the_disk_at_once():
    for kind, lazy in ((Findable, True), (Vendor, False)):
        plan, cloud, said = plan_of(3, 1), Cloud(), list[tuple[set[State], bool]]()

        def write(*changes: Change, durable: bool = True) -> None:
            said.append(({change.state for change in changes}, durable))  # noqa: B023

        with still():
            Flight(plan, kind(cloud, max_jobs=3), QUICK, record=write).fly()
        assert [states for states, durable in said if not durable] == [{State.SUBMITTED}] * (2 * lazy)
        assert {state for states, _ in said for state in states} == {State.INTENDED, State.SUBMITTED, State.DONE}


def test_a_submit_and_the_answer_before_it_are_one_change():
    plan, cloud, said = plan_of(3, 1), Cloud(), list[list[tuple[int, State]]]()

    def write(*changes: Change, durable: bool = True) -> None:
        said.append([(change.chunk, change.state) for change in changes])

    with still():
        Flight(plan, Vendor(cloud, max_jobs=3), QUICK, record=write).fly()
    assert said[:4] == [
        [(0, State.INTENDED)],
        [(0, State.SUBMITTED), (1, State.INTENDED)],
        [(1, State.SUBMITTED), (2, State.INTENDED)],
        [(2, State.SUBMITTED)],
    ]


@pytest.mark.parametrize(("fault", "kind"), [("denied", AccessError), ("refused", JobFailedError)])
def test_what_the_vendor_refuses_is_sent_once_and_is_not_at_the_vendor(fault, kind):
    plan, cloud = plan_of(3, 1), Cloud({"submit": [fault]})
    with still() as clock:
        book = Book(plan, clock, cloud)
        with pytest.raises(kind):
            life(book, Vendor(cloud))
        assert (cloud.calls["submit"], len(cloud.jobs)) == (1, 0)
        assert {chunk.state for chunk in book.chunks()} == {State.PLANNED}
        assert kind.code in book.last[0].note
