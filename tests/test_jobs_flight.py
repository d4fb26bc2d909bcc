"""Flights: whatever the vendor does and wherever the process dies, right counts or an error, and nothing twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from jobs_cases import (
    QUICK,
    Book,
    Cloud,
    Findable,
    Fuse,
    Receipting,
    Vendor,
    directly,
    directly_first,
    life,
    plan_of,
    still,
    undisturbed,
)
from qadapt.errors import (
    AccessError,
    BadResultError,
    BudgetError,
    InDoubtError,
    JobFailedError,
    ProviderError,
    QadaptError,
    UnavailableError,
)
from qadapt.jobs import State
from qadapt.jobs.flight import Flight
from qadapt.jobs.progress import Progress
from qadapt.jobs.records import VOUCHED, Change

RESEND = QUICK.model_copy(update={"in_doubt": "resend"})

SUBMIT = ["", "down", "never", "lost", "denied", "refused", "bug", "bug-made", "nothing"]
FETCH = ["", "pending", "down", "denied", "bug", "failed", "gone", "rows", "width", "totals", "number", "float"]
FETCH += ["none", "list", "text"]
FIND = ["", "down", "denied", "bug", "late"]


def faults(find: Sequence[str] = FIND) -> st.SearchStrategy[Mapping[str, list[str]]]:
    """Scripts of faults, in which most calls go well."""

    def some(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
        return st.lists(st.one_of(st.just(""), st.sampled_from(names)), max_size=8)

    return st.fixed_dictionaries({"submit": some(SUBMIT), "fetch": some(FETCH), "find": some(find)})


@given(
    st.lists(faults(), min_size=1, max_size=3),
    st.sampled_from([Findable, Vendor, Receipting]),
    st.integers(1, 4),
    st.sampled_from([(7, 2, 1), (5, 1, 1), (7, 4, 2), (1, 1, 1)]),
    st.booleans(),
)
@settings(max_examples=400)
def test_any_script_of_faults_gives_right_counts_or_an_error_and_no_job_twice(scripts, kind, jobs, shape, resend):
    plan, cloud = plan_of(*shape[:2], works=shape[2]), Cloud()
    policy = QUICK.model_copy(update={"in_doubt": "resend" if resend else "hold"})
    result = None
    with still() as clock:
        book = Book(plan, clock, cloud)
        for script in [*scripts, {}, {}]:
            # At most three late answers in a row: what is later than the policy's patience cannot be told from missing.
            script = {**script, "find": _not_later(script.get("find", []), 3)}
            cloud.script(script)
            try:
                result = life(book, kind(cloud, max_jobs=jobs), policy)
            except QadaptError as error:
                event(type(error).__name__)
                shown = error.chunks if isinstance(error, InDoubtError) else None
            else:
                break
            assert shown is None or {book.last[number].state for number in shown} == {State.IN_DOUBT}
        cloud.script({})
        if result is None:
            result = life(book, kind(cloud, max_jobs=jobs), RESEND)
    assert np.array_equal(result, undisturbed(plan))
    assert set(cloud.created.values()) <= {1}
    doubts, failed = book.shown(State.IN_DOUBT), book.shown(State.FAILED)
    assert not doubts or kind is not Findable
    assert len(plan.chunks) <= len(cloud.jobs) <= len(plan.chunks) + failed + doubts * (kind is Vendor)
    assert cloud.most_open <= jobs


def _not_later(names: Sequence[str], most: int) -> list[str]:
    kept, late = [], 0
    for name in names:
        late = late + 1 if name == "late" else 0
        kept.append(name if late <= most else "")
        late = 0 if late > most else late
    return kept


CLOUDS: dict[str, tuple[type[Vendor], dict[str, bool]]] = {
    "find": (Findable, {}),
    "receipt": (Receipting, {}),
    "neither": (Vendor, {}),
    "in this process": (Vendor, {"retrieval": False}),
}


@pytest.mark.parametrize("direct", [directly, directly_first])
@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("cloud_of", CLOUDS)
@pytest.mark.parametrize("deaths", [1, 2])
def test_a_process_may_die_at_every_step(cloud_of, jobs, deaths, direct):
    """Every record and every verb, before and after its effect; twice also at every step of the second life."""
    kind, can = CLOUDS[cloud_of]
    plan = plan_of(3, 1) if deaths == 1 else plan_of(2, 1)
    right, steps = undisturbed(plan), 0

    def lives(*dies: int) -> tuple[bool, Cloud, Book]:
        """Whether every life but the last died, and what is there then."""
        cloud = Cloud({"fetch": ["pending"]})
        with still(direct=direct) as clock:
            book = Book(plan, clock, cloud)
            for k in dies:
                vendor = kind(cloud, Fuse(k), max_jobs=jobs, **can)
                if life(book, vendor, RESEND) is not None:
                    return False, cloud, book
            result = life(book, kind(cloud, max_jobs=jobs, **can), RESEND)
            assert np.array_equal(result, right)
        return True, cloud, book

    def check(cloud: Cloud, book: Book) -> None:
        doubts = book.shown(State.IN_DOUBT)
        # A receipt that is not there says nothing, so what did not arrive is in doubt; but nothing is paid twice.
        assert doubts == 0 or cloud_of in ("neither", "receipt")
        if can.get("retrieval", True):
            assert set(cloud.created.values()) == {1}
            assert len(plan.chunks) <= len(cloud.jobs) <= len(plan.chunks) + doubts * (cloud_of == "neither")
        if not doubts and can.get("retrieval", True):
            assert set(cloud.created) == {f"qadapt-r-{number}-0" for number in range(len(plan.chunks))}
        assert cloud.most_open <= jobs or not can.get("retrieval", True)
        # What was once done stays so.
        done = [number for number, _, state in book.events if state is State.DONE]
        assert sorted(done) == list(range(len(plan.chunks)))

    for k in itertools.count():
        died, cloud, book = lives(*[k] * min(deaths, 1))
        if not died:
            break
        check(cloud, book)
        steps += 1
        for again in itertools.count() if deaths == 2 else ():
            died, cloud, book = lives(k, again)
            if not died:
                break
            check(cloud, book)
    assert steps > 9 * len(plan.chunks)  # two records with a step before and after each, and two verbs, at least


@pytest.mark.parametrize("policy", [QUICK, RESEND])
def test_what_nobody_can_tell_is_held_and_shown_or_sent_again_as_told(policy):
    plan, cloud = plan_of(4, 1), Cloud({"submit": ["", "lost", "never", ""]})
    with still() as clock:
        book = Book(plan, clock, cloud)
        if policy is RESEND:
            assert np.array_equal(life(book, Vendor(cloud), policy), undisturbed(plan))
            assert len(cloud.jobs) == 5
            return
        for _ in range(2):  # asking again changes nothing
            with pytest.raises(InDoubtError, match="of 4 submits, 2 in doubt") as caught:
                life(book, Vendor(cloud), policy)
            assert (caught.value.chunks, caught.value.run) == ((1, 2), "r")
            assert [chunk.state for chunk in book.chunks()] == [State.DONE, State.IN_DOUBT, State.IN_DOUBT, State.DONE]
        assert len(cloud.jobs) == 3
        assert np.array_equal(life(book, Vendor(cloud), RESEND), undisturbed(plan))
        assert cloud.created == {"qadapt-r-0-0": 1, "qadapt-r-1-0": 1, "qadapt-r-3-0": 1, **NEXT}


def test_a_doubt_says_what_the_vendor_said():
    """An error of no kind that we know: the vendor may have the works, and a person has to read why it may not."""

    class Puzzling(Vendor):
        def submit(self, work, *, tag):
            raise ProviderError("400: qubit 5 is out of order", provider="fake")

    plan, cloud = plan_of(1, 1), Cloud({})
    with still() as clock:
        book = Book(plan, clock, cloud)
        with pytest.raises(InDoubtError, match="qubit 5 is out of order") as caught:
            life(book, Puzzling(cloud), QUICK)
        assert "qubit 5 is out of order" in book.chunks()[0].note
    assert isinstance(caught.value.__cause__.__cause__, ProviderError)
    assert "qadapt jobs show r" in caught.value.hint
    with pytest.raises(InDoubtError) as unrecorded:
        Flight(plan, Puzzling(cloud), QUICK).fly()
    assert unrecorded.value.hint == ""


NEXT = {"qadapt-r-1-1": 1, "qadapt-r-2-1": 1}


@pytest.mark.parametrize("fault", ["never", "lost"])
def test_a_vendor_that_never_answers_is_not_sent_to_for_ever(fault):
    plan, cloud = plan_of(1, 1), Cloud({"submit": [fault] * 50})
    with still() as clock, pytest.raises(InDoubtError):
        life(Book(plan, clock, cloud), Vendor(cloud), RESEND)
    assert cloud.calls["submit"] == RESEND.attempts


def test_what_arrives_late_is_waited_for():
    for late in range(4):
        plan, cloud = plan_of(1, 1), Cloud({"submit": ["lost"], "find": ["late"] * late})
        with still() as clock:
            life(Book(plan, clock, cloud), Findable(cloud))
        assert (len(cloud.jobs), cloud.calls["submit"], cloud.calls["find"]) == (1, 1, late + 1)


def test_a_look_that_began_too_early_says_nothing_however_long_it_took():
    class Slow(Findable):
        def find(self, tag):
            clock.now += QUICK.settle + 1
            return super().find(tag)

    cloud = Cloud({"submit": ["lost"], "find": ["late"]})
    with still() as clock:
        life(Book(plan_of(1, 1), clock, cloud), Slow(cloud))
    assert (len(cloud.jobs), cloud.calls["submit"], cloud.calls["find"]) == (1, 1, 2)


def test_a_later_try_gets_as_much_patience_as_the_first():
    """The first tries find nobody at all, for longer than the vendor takes to show a job."""
    policy = QUICK.model_copy(update={"backoff": 1000.0, "longest_backoff": 1000.0})
    cloud = Cloud({"submit": ["down", "down", "lost"], "find": ["late"] * 3})
    plan = plan_of(1, 1)
    with still() as clock:
        assert life(Book(plan, clock, cloud), Findable(cloud), policy) is not None
    assert len(cloud.jobs) == 1


@pytest.mark.parametrize(
    "fault", ["failed", "rows", "width", "totals", "number", "float", "none", "list", "text", "gone"]
)
def test_an_error_stops_sending_and_what_is_open_is_waited_for(fault):
    plan = plan_of(5, 1)
    # Each attempt of the works is another job, and all of them are gone.
    cloud = Cloud({"fetch": [fault, "pending", "pending"] if fault != "gone" else [fault] * 50})
    with still() as clock:
        book = Book(plan, clock, cloud)
        kind = {"failed": JobFailedError, "gone": UnavailableError}.get(fault, BadResultError)
        with pytest.raises(kind) as caught:
            life(book, Findable(cloud, max_jobs=2))
        assert caught.value.job_id == "job-0" or fault == "gone"
        states = [chunk.state for chunk in book.chunks()]
        assert states[0] is State.FAILED
        assert set(states[2:]) == {State.PLANNED}
        if fault == "gone":
            assert len(cloud.jobs) == 2 * QUICK.attempts
        else:
            assert states[1] is State.DONE
        cloud.script({})
        assert np.array_equal(life(book, Findable(cloud)), undisturbed(plan))
    # Results that were none can be fetched now, and are not sent again; jobs that failed are.
    assert len(cloud.jobs) == 5 + (book.shown(State.FAILED) if fault in ("failed", "gone") else 0)


def test_a_vendor_that_is_down_is_tried_as_often_as_the_policy_says():
    plan, cloud = plan_of(3, 1), Cloud({"submit": ["down"] * 50})
    with still() as clock, pytest.raises(UnavailableError, match="nobody listens"):
        life(Book(plan, clock, cloud), Vendor(cloud))
    assert cloud.calls["submit"] == QUICK.attempts
    cloud = Cloud({"fetch": ["down"] * 50})
    with still() as clock:
        book = Book(plan, clock, cloud)
        with pytest.raises(UnavailableError, match="503"):
            life(book, Vendor(cloud, max_jobs=1))
    assert cloud.calls["fetch"] == QUICK.attempts
    assert book.last[0].state is State.SUBMITTED


def test_gone_jobs_are_sent_again_under_new_tags_and_resumed_runs_count_anew():
    plan, cloud = plan_of(1, 1), Cloud({"fetch": ["gone"] * 2 * QUICK.attempts})
    with still() as clock:
        book = Book(plan, clock, cloud)
        with pytest.raises(UnavailableError):
            life(book, Findable(cloud))
        assert np.array_equal(life(book, Findable(cloud)), undisturbed(plan))
    assert list(cloud.created) == [f"qadapt-r-0-{attempt}" for attempt in range(2 * QUICK.attempts)]


def test_nothing_is_sent_again_beyond_the_budget():
    def afford(number: int) -> None:
        asked.append(number)
        raise BudgetError("too dear")

    for script, state in (({"fetch": ["gone"]}, State.FAILED), ({"submit": ["never"]}, State.IN_DOUBT)):
        asked: list[int] = []
        cloud = Cloud(script)
        with still() as clock:
            book = Book(plan_of(3, 1), clock, cloud)
            with pytest.raises(BudgetError):
                life(book, Vendor(cloud, max_jobs=1), RESEND, afford=afford)
        assert asked == [0]
        assert cloud.calls["submit"] == 1
        assert book.last[0].state is state


@pytest.mark.parametrize(("policy", "most"), [(1, 1), (3, 3), (None, 2)])
def test_as_many_jobs_are_open_as_the_policy_or_the_backend_says(policy, most):
    cloud = Cloud({"fetch": ["pending"] * 20})
    with still() as clock:
        book = Book(plan_of(6, 1), clock, cloud)
        life(book, Vendor(cloud, max_jobs=2), QUICK.model_copy(update={"jobs": policy}))
    assert cloud.most_open == most


@given(faults(), st.integers(1, 3))
def test_progress_only_grows_and_says_where_the_jobs_are(script, jobs):
    plan, cloud, told = plan_of(7, 2), Cloud(script), list[Progress]()
    with still() as clock:
        book = Book(plan, clock, cloud)
        try:
            life(book, Findable(cloud, max_jobs=jobs), show=told.append)
        except QadaptError:
            cloud.script({})
            life(book, Findable(cloud, max_jobs=jobs), show=told.append)
    done = [at.done for at in told]
    assert done == sorted(done)
    assert done[-1] == 7
    assert {at.total for at in told} == {7}
    assert all(0 <= at.jobs <= jobs for at in told)
    assert all((at.position, at.until is not None) in ((None, False), (3, True)) for at in told)


def test_what_is_found_is_shown_while_a_run_is_taken_up():
    plan, cloud, told = plan_of(1, 1), Cloud(), list[Progress]()
    with still() as clock:
        book = Book(plan, clock, cloud)
        assert life(book, Findable(cloud, Fuse(3))) is None
        record = book.writer(Fuse())
        Flight(plan, Findable(cloud), QUICK, run="r", record=record, show=told.append).take_up(book.chunks(), {}.get)
    assert told == [Progress(0, 1, 1)]


def test_a_job_that_the_user_named_and_that_is_not_there_is_not_sent_again_unseen():
    plan, cloud = plan_of(1, 1), Cloud()
    with still() as clock:
        book = Book(plan, clock, cloud)
        book.writer(Fuse())(Change(0, State.SUBMITTED, 0, "qadapt-r-0-0", "job-7", VOUCHED))
        with pytest.raises(InDoubtError, match="named by the user"):
            life(book, Findable(cloud), RESEND)
    assert not cloud.calls["submit"]


def test_progress_shows_the_place_in_the_queue():
    cloud, told = Cloud({"fetch": ["pending", "pending"]}), list[Progress]()
    with still() as clock:
        life(Book(plan_of(2, 1), clock, cloud), Vendor(cloud), show=told.append)
    assert Progress(0, 2, 2, 3, told[-1].until or next(at.until for at in told if at.until)) in told
    assert told[-1] == Progress(2, 2)


def test_looks_become_rarer_the_longer_a_job_takes():
    looks = list[float]()

    class Watched(Vendor):
        def fetch(self, job_id):
            looks.append(clock.now)
            return super().fetch(job_id)

    cloud = Cloud({"fetch": ["pending"] * 200})
    with still() as clock:
        life(Book(plan_of(1, 1), clock, cloud), Watched(cloud))
    pauses = np.diff(looks)
    assert pauses[0] == pytest.approx(0.005, abs=1e-4)
    assert pauses[-1] == pytest.approx(30, abs=1e-4)
    assert (np.diff(pauses) > -1e-5).all()


class Interrupted(Findable):
    """Ctrl-C while the second job is looked at."""

    def fetch(self, job_id):
        if job_id == "job-1":
            raise KeyboardInterrupt
        return super().fetch(job_id)


@pytest.mark.parametrize(
    ("cancel", "can", "cancelled"),
    [
        (None, {}, False),
        (False, {}, False),
        (True, {}, True),
        (True, {"cancel": False}, False),
        (None, {"retrieval": False, "find": False}, True),
        (False, {"retrieval": False, "find": False}, False),
    ],
)
@pytest.mark.parametrize("trouble", [[], ["down"], ["bug"]])
def test_ctrl_c_cancels_what_is_open_if_that_is_asked_for(cancel, can, cancelled, trouble):
    plan, cloud = plan_of(4, 1), Cloud({"fetch": ["pending"], "cancel": trouble})
    policy = QUICK.model_copy(update={"cancel": cancel})
    with still() as clock:
        book = Book(plan, clock, cloud)
        with pytest.raises(KeyboardInterrupt):
            life(book, Interrupted(cloud, max_jobs=3, **{"cancel": True, **can}), policy)
        states = [chunk.state for chunk in book.chunks()]
        # The first cannot be cancelled if there is trouble; the others are.
        stays = [State.SUBMITTED] * 3 if not cancelled else [State.CANCELLED] * 3
        if cancelled and trouble:
            stays[0] = State.SUBMITTED
        assert states == [*stays, State.PLANNED]
        assert sum(job.end is not None for job in cloud.jobs.values()) == stays.count(State.CANCELLED)
        assert np.array_equal(life(book, Findable(cloud, **can)), undisturbed(plan))
        assert len(cloud.jobs) == 4 + (stays.count(State.CANCELLED) if can.get("retrieval", True) else 3)


def test_a_job_that_finished_before_it_was_cancelled_is_taken_and_not_paid_twice():
    plan, cloud = plan_of(3, 1), Cloud({"fetch": ["pending"]})
    with still() as clock:
        book = Book(plan, clock, cloud)
        finished = Interrupted(cloud, max_jobs=3, cancel=True)
        finished.cancel = lambda job_id: None  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            life(book, finished, QUICK.model_copy(update={"cancel": True}))
        assert {chunk.state for chunk in book.chunks()} == {State.CANCELLED}
        assert np.array_equal(life(book, Findable(cloud)), undisturbed(plan))
    assert len(cloud.jobs) == 3


def test_jobs_that_end_with_their_process_are_cancelled_when_it_fails():
    plan, cloud = plan_of(4, 1), Cloud({"fetch": ["pending", "pending", "denied"]})
    with still() as clock:
        book = Book(plan, clock, cloud)
        with pytest.raises(AccessError):
            life(book, Vendor(cloud, max_jobs=2, cancel=True, retrieval=False))
        assert [chunk.state for chunk in book.chunks()][:2] == [State.CANCELLED] * 2
    cloud = Cloud({"fetch": ["pending", "pending", "denied"]})
    with still() as clock:
        book = Book(plan, clock, cloud)
        with pytest.raises(AccessError):
            life(book, Vendor(cloud, max_jobs=2, cancel=True))
        assert [chunk.state for chunk in book.chunks()][:2] == [State.SUBMITTED] * 2
        assert not any(job.end for job in cloud.jobs.values())


@pytest.mark.parametrize("state", [State.INTENDED, State.SUBMITTED, State.DONE])
def test_a_record_that_cannot_be_written_stops_the_run_where_it_can_be_taken_up(state):
    class FullError(Exception):
        pass

    def writing(record: Callable[..., None]) -> Callable[..., None]:
        def write(*changes, durable=True):
            if any(change.state is state and change.chunk == 1 for change in changes):
                raise FullError
            record(*changes)

        return write

    plan, cloud = plan_of(3, 1), Cloud()
    with still() as clock:
        book = Book(plan, clock, cloud)
        mine = Flight(plan, Findable(cloud), QUICK, run="r", record=writing(book.writer(Fuse())))
        with pytest.raises(FullError):
            mine.fly()
        assert np.array_equal(life(book, Findable(cloud)), undisturbed(plan))
    assert set(cloud.created.values()) == {1}
    assert len(cloud.jobs) == 3


@pytest.mark.parametrize("fault", ["", "lost"])
def test_ctrl_c_in_a_submit_cancels_its_job_too(monkeypatch, fault):
    """The job is made, the interrupt comes before anybody has read its id."""
    plan, cloud = plan_of(2, 1), Cloud({"submit": [fault]})
    backend = Findable(cloud, cancel=True)
    with still() as clock:
        book = Book(plan, clock, cloud)
        policy = QUICK.model_copy(update={"cancel": True})
        flight = Flight(plan, backend, policy, run="r", record=book.writer(backend.fuse))

        def interrupted(works: Any, tag: str, intend: Callable[[], None], _: Any) -> str:
            intend()
            with suppress(UnavailableError):
                backend.submit(works, tag=tag)
            raise KeyboardInterrupt

        monkeypatch.setattr(flight._calls, "submit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            flight.fly()
    assert [chunk.state for chunk in book.chunks()] == [State.CANCELLED, State.PLANNED]
    assert cloud.calls["cancel"] == 1
