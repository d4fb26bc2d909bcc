"""Inquiry: what an earlier process has sent, or may have, is found, waited for, or in doubt; it is never paid twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from jobs_cases import QUICK, Book, Cloud, Findable, Fuse, Receipting, Vendor, life, plan_of, still, undisturbed
from qadapt.cost import Cost
from qadapt.errors import AccessError, BadResultError, ProviderError
from qadapt.jobs import State
from qadapt.jobs.calls import AHEAD
from qadapt.jobs.inquiry import FOUND, NOT_ARRIVED, AtVendor, Fate, InDoubt, Inquiry, Unsent
from qadapt.jobs.records import VOUCHED, Chunk

RESEND = QUICK.model_copy(update={"in_doubt": "resend"})
TAG = "qadapt-r-0-2"


def inquired(
    state: State,
    kind: type[Vendor] = Findable,
    faults: Mapping[str, Sequence[str]] | None = None,
    *,
    note: str = "",
    there: bool = True,
    policy: Any = QUICK,
    **can: Any,
) -> tuple[Fate, list[State]]:
    """Fate of a chunk on its third attempt that a vendor has or has not got, and what was written down of it."""
    plan, cloud = plan_of(1, 1), Cloud(faults)
    with still() as clock:
        book = Book(plan, clock, cloud)
        job = cloud.create(plan.works(0), TAG) if there else "job-0"
        known = "" if state in (State.PLANNED, State.INTENDED, State.IN_DOUBT) else job
        chunk = Chunk("r", 0, state, clock.time(), 2, TAG, known, note, Cost())
        fate = Inquiry(plan, kind(cloud, **can), policy, book.writer(Fuse()), clock.now).of(chunk)
    if isinstance(fate, AtVendor):
        assert (fate.chunk.job, fate.chunk.tag, fate.chunk.attempt) == (job, TAG, 2)
    return fate, [written for _, _, written in book.events]


@pytest.mark.parametrize("state", [State.INTENDED, State.IN_DOUBT])
@pytest.mark.parametrize("there", [True, False])
def test_a_submit_without_an_answer_is_there_is_to_be_sent_or_stays_in_doubt(state, there):
    fate, written = inquired(state, there=there)
    assert fate == Unsent(2) if not there else isinstance(fate, AtVendor)
    assert written == [State.SUBMITTED if there else State.PLANNED]
    fate, written = inquired(state, Receipting, there=there)
    assert isinstance(fate, AtVendor if there else InDoubt)
    assert written == [State.SUBMITTED if there else State.IN_DOUBT]
    fate, written = inquired(state, Vendor, there=there)
    assert isinstance(fate, InDoubt)
    assert (fate.held, written) == (False, [State.IN_DOUBT])
    # What ended with its process goes again under the same tag.
    assert inquired(state, Vendor, there=there, retrieval=False) == (Unsent(2), [State.PLANNED])


def test_what_was_found_or_had_not_arrived_is_noted():
    for there, note in ((True, FOUND), (False, NOT_ARRIVED)):
        plan, cloud = plan_of(1, 1), Cloud()
        with still() as clock:
            book = Book(plan, clock, cloud)
            if there:
                cloud.create(plan.works(0), TAG)
            chunk = Chunk("r", 0, State.INTENDED, clock.time(), 2, TAG, "", "", Cost())
            Inquiry(plan, Findable(cloud), QUICK, book.writer(Fuse()), clock.now).unanswered(chunk)
        (last,) = book.chunks()
        assert (last.note, last.attempt, last.tag, last.job) == (note, 2, *((TAG, "job-0") if there else ("", "")))


def test_what_was_answered_is_taken_as_it_is_recorded():
    assert inquired(State.PLANNED, there=False) == (Unsent(2), [])
    fate, written = inquired(State.SUBMITTED)
    assert (type(fate), written) == (AtVendor, [])
    assert inquired(State.SUBMITTED, retrieval=False) == (Unsent(3), [])
    assert inquired(State.FAILED, retrieval=False) == (Unsent(3), [])


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
@pytest.mark.parametrize(
    ("fault", "hold", "resend"),
    [
        ("", True, True),
        ("pending", True, True),
        ("failed", False, False),
        ("gone", False, False),
        ("rows", True, False),
    ],
)
def test_a_job_that_was_given_up_is_sent_again_only_if_it_has_no_results(state, fault, hold, resend):
    for policy, there in ((QUICK, hold), (RESEND, resend)):
        fate, written = inquired(state, faults={"fetch": [fault]}, policy=policy)
        assert isinstance(fate, AtVendor) if there else fate == Unsent(3)
        assert not written


def test_a_job_that_the_user_named_is_taken_or_the_chunk_is_held_in_doubt():
    fate, written = inquired(State.SUBMITTED, note=VOUCHED)
    assert (type(fate), written) == (AtVendor, [])
    for faults, there in (({}, False), ({"fetch": ["failed"]}, True)):
        for policy in (QUICK, RESEND):
            fate, written = inquired(State.SUBMITTED, faults=faults, there=there, note=VOUCHED, policy=policy)
            assert isinstance(fate, InDoubt)
            assert (fate.held, written) == (True, [State.IN_DOUBT])
            assert "'job-0', named by the user" in str(fate.error)


def test_a_job_that_the_user_named_goes_by_our_id():
    class Adoptive(Findable):
        def adopt(self, job_id, works):
            return f"job-{job_id}"

    plan, cloud = plan_of(1, 1), Cloud()
    with still() as clock:
        cloud.create(plan.works(0), TAG)
        chunk = Chunk("r", 0, State.SUBMITTED, clock.time(), 2, TAG, "0", VOUCHED, Cost())
        record = Book(plan, clock, cloud).writer(Fuse())
        fate = Inquiry(plan, Adoptive(cloud), QUICK, record, clock.now).of(chunk)
    assert isinstance(fate, AtVendor)
    assert fate.chunk.job == "job-0"


@pytest.mark.parametrize("find", ["down", "denied", "bug", "hang"])
def test_a_submit_is_not_repeated_while_nobody_says_whether_it_arrived(find):
    """The answer is lost, and the vendor does not answer where it is: it stays intended, and is looked for later."""
    plan = plan_of(2, 1)
    cloud = Cloud({"submit": ["", "lost"], "find": ["down" if find == "hang" else find] * QUICK.attempts})
    with still() as clock:
        book = Book(plan, clock, cloud)
        with pytest.raises(AccessError if find == "denied" else ProviderError) as caught:
            life(book, Findable(cloud))
        assert caught.value.code in ("unavailable", "access", "provider")
        assert [chunk.state for chunk in book.chunks()] == [State.DONE, State.INTENDED]
        assert cloud.calls["submit"] == 2
        cloud.script({})
        assert np.array_equal(life(book, Findable(cloud)), undisturbed(plan))
    assert cloud.calls["submit"] == 2
    assert set(cloud.created.values()) == {1}


def test_after_a_crash_the_submit_may_have_gone_on_until_its_deadline():
    plan, cloud = plan_of(1, 1), Cloud()
    with still() as clock:
        book = Book(plan, clock, cloud)
        assert life(book, Findable(cloud, Fuse(3))) is None
        assert len(cloud.jobs) == 1
        assert book.last[0].state is State.INTENDED
        clock.now += QUICK.deadline + QUICK.settle / 2
        cloud.script({"find": ["late"]})
        life(book, Findable(cloud))
        assert len(cloud.jobs) == 1


@pytest.mark.parametrize(("early", "looks"), [(0.01, 1), (-0.01, 2)])
def test_long_after_a_crash_one_look_is_enough(early, looks):
    plan, cloud = plan_of(1, 1), Cloud()
    with still() as clock:
        book = Book(plan, clock, cloud)
        assert life(book, Findable(cloud, Fuse(2))) is None
        clock.now += QUICK.deadline + QUICK.settle + AHEAD + early
        life(book, Findable(cloud))
    assert cloud.calls["find"] == looks


def test_a_clock_that_was_put_back_costs_no_more_than_the_usual_patience():
    plan, cloud = plan_of(1, 1), Cloud()
    with still() as clock:
        book = Book(plan, clock, cloud)
        assert life(book, Findable(cloud, Fuse(2))) is None
        clock.now -= 10_000
        start = clock.now
        life(book, Findable(cloud))
        assert clock.now - start < QUICK.settle + 2


def test_results_that_stay_unreadable_are_sent_again_only_by_the_users_word():
    plan, cloud = plan_of(3, 1), Cloud({"fetch": ["rows"] * 3})
    with still() as clock:
        book = Book(plan, clock, cloud)
        for _ in range(2):
            cloud.script({"fetch": ["rows"] * 3})
            with pytest.raises(BadResultError):
                life(book, Findable(cloud, max_jobs=1))
            assert len(cloud.jobs) <= 3
            assert set(cloud.created.values()) == {1}
        cloud.script({"fetch": ["rows"]})
        assert np.array_equal(life(book, Findable(cloud), RESEND), undisturbed(plan))
    assert len(cloud.jobs) == 4
