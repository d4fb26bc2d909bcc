"""Calls: deadlines around verbs, what is repeated, and what a lost answer leads to; with real threads that hang."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs_cases import NAME, QUICK, SECRET, Book, Cloud, Findable, Receipting, Vendor, life, plan_of, still, undisturbed
from qadapt import redact
from qadapt.errors import AccessError, JobFailedError, ProviderError, QadaptError, TargetError, UnavailableError
from qadapt.jobs import Policy, State
from qadapt.jobs.calls import Calls, DoubtError, LostError
from qadapt.provider import Done

PLAN = plan_of(1, 1)
HASTY = QUICK.model_copy(update={"deadline": 0.05})


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qadapt.deadline.GRACE", 0.0)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    made = Cloud()
    yield made
    made.free.set()


def submit(backend: Vendor, policy: Policy = QUICK) -> tuple[str, int]:
    """Job id, and how often the submit was intended."""
    intended: list[int] = []
    with still(threads=True):
        job = Calls(backend, policy).submit(PLAN.works(0), "tag", lambda: intended.append(len(backend.cloud.jobs)))
    return job, len(intended)


@pytest.mark.parametrize(
    ("faults", "finds", "tries"),
    [
        ([], 0, 1),
        (["down"], 0, 2),
        (["lost"], 1, 1),
        (["never"], 4, 2),
        (["bug-made"], 1, 1),
        (["exit"], 1, 1),
        (["nothing"], 1, 1),
        (["hang-made"], 1, 1),
        (["down", "never", "lost"], 5, 3),
    ],
)
def test_a_submit_makes_one_job_whatever_happens_on_the_way(cloud, faults, finds, tries):
    cloud.script({"submit": faults})
    assert submit(Findable(cloud), HASTY) == ("job-0", tries)
    assert len(cloud.jobs) == 1
    assert cloud.calls == {"submit": tries, "find": finds} if finds else {"submit": tries}


def test_a_submit_that_is_still_on_its_way_is_not_sent_again(cloud: Cloud) -> None:
    cloud.script({"submit": ["hang"]})
    with pytest.raises(LostError, match="still on its way"):
        submit(Findable(cloud), HASTY)
    assert (cloud.calls["submit"], len(cloud.jobs)) == (1, 0)
    cloud.free.set()


@pytest.mark.parametrize(
    ("faults", "kind", "finds", "tries"),
    [
        (["denied"], AccessError, 0, 1),
        (["refused"], JobFailedError, 0, 1),
        (["bug"], ProviderError, 4, 1),
        (["down"] * 9, UnavailableError, 0, 4),
        (["never"] * 9, UnavailableError, 16, 4),
    ],
)
def test_a_submit_that_surely_did_not_arrive_is_an_error(cloud, faults, kind, finds, tries):
    cloud.script({"submit": faults})
    with pytest.raises(kind) as caught:
        submit(Findable(cloud), HASTY)
    assert type(caught.value) is kind
    assert (cloud.calls["submit"], cloud.calls["find"], len(cloud.jobs)) == (tries, finds, 0)


@pytest.mark.parametrize("fault", ["lost", "never", "bug", "bug-made", "exit", "nothing", "hang", "hang-made"])
def test_where_nobody_can_be_asked_there_is_doubt_unless_there_is_a_receipt(cloud, fault):
    cloud.script({"submit": [fault]})
    with pytest.raises(DoubtError, match=NAME):
        submit(Vendor(cloud), HASTY)
    assert cloud.calls["submit"] == 1
    made = len(cloud.jobs)
    assert made == (fault not in ("never", "bug", "hang"))
    cloud.script({"submit": [fault]})
    if made:
        assert submit(Receipting(cloud), HASTY) == ("job-0", 1)
    else:
        with pytest.raises(DoubtError):
            submit(Receipting(cloud), HASTY)


@pytest.mark.parametrize("undeclared", [{"find": False}, {"retrieval": False}])
def test_only_what_is_declared_is_asked(cloud, undeclared):
    cloud.script({"submit": ["never", "down"]})
    if "find" in undeclared:
        with pytest.raises(DoubtError):
            submit(Findable(cloud, **undeclared))
    else:  # within a process a tag makes one job
        assert submit(Findable(cloud, **undeclared)) == ("job-0", 3)
    assert not cloud.calls["find"]


def test_find_that_is_declared_but_not_there_is_doubt(cloud):
    cloud.script({"submit": ["lost"]})
    with pytest.raises(DoubtError):
        submit(Vendor(cloud, find=True))


@pytest.mark.parametrize("find", ["down", "denied", "bug", "hang"])
def test_no_answer_about_a_lost_answer_is_never_a_second_submit(cloud, find):
    cloud.script({"submit": ["lost"], "find": [find] * 50})
    with pytest.raises(LostError) as caught:
        submit(Findable(cloud), HASTY)
    assert isinstance(caught.value.__cause__, ProviderError)
    assert cloud.calls["submit"] == 1
    assert cloud.calls["find"] == (4 if find in ("down", "hang") else 1)


def test_works_that_do_not_fit_are_no_provider_error(cloud):
    backend = Findable(cloud, max_shots=3)
    with pytest.raises(QadaptError) as caught:
        submit(backend)
    assert not isinstance(caught.value, ProviderError)
    assert not isinstance(caught.value, TargetError)
    assert not cloud.calls


def test_a_look_and_a_cancel_that_hang_end_in_time(cloud):
    cloud.script({"fetch": ["hang", "down", ""]})
    with still(threads=True):
        calls = Calls(Vendor(cloud), HASTY)
        job = calls.submit(PLAN.works(0), "tag", lambda: None)
        start = time.monotonic()
        assert isinstance(calls.fetch(job), Done)
        cloud.script({"fetch": ["hang"] * 9})
        with pytest.raises(UnavailableError, match=r"fetch of acme:any did not end within 0\.05 s"):
            calls.fetch(job)
        assert cloud.calls["fetch"] == 7
        cloud.script({"fetch": ["bug"], "cancel": ["bug"]})
        for verb in (calls.fetch, calls.cancel):
            with pytest.raises(ProviderError, match=r"raised (Index|Key)Error") as caught:
                verb(job)
            assert isinstance(caught.value.__cause__, IndexError | KeyError)
    assert time.monotonic() - start < 20


class Watched(Vendor):
    """Notes when it is asked."""

    def __init__(self, cloud, clock):
        super().__init__(cloud)
        self.clock = clock

    def fetch(self, job_id):
        self.cloud.looks.append(self.clock.now)
        return super().fetch(job_id)


def test_back_off_doubles_at_random_up_to_its_most(cloud):
    policy = Policy(backoff=2.0, longest_backoff=6.0, attempts=12)
    pauses = []
    for number in range(20):
        cloud.looks = []
        cloud.script({"fetch": ["down"] * 11})
        with still(threads=True) as clock:
            calls = Calls(Watched(cloud, clock), policy)
            calls.fetch(calls.submit(PLAN.works(0), f"tag {number}", lambda: None))
        pauses.append(np.diff(cloud.looks))
    table = np.array(pauses)
    # The least of 20 uniform draws is above three quarters of their range once in 10^12.
    for column, most in zip(table.T, [2, 4, *[6] * 9], strict=True):
        assert column.max() <= most + 1e-3
        assert column.min() < 0.75 * most
        assert column.max() > 0.25 * most


def test_a_vendors_key_is_in_no_error_or_log(cloud, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG, "qadapt")
    monkeypatch.setattr(redact, "_secrets", {})
    redact.conceal(SECRET)
    backend = Findable(cloud)

    def leak(*_: object, **__: object) -> str:
        raise RuntimeError(f"Authorization: Bearer {SECRET}")

    backend.fetch = backend.cancel = leak  # type: ignore[method-assign, assignment]
    with still(threads=True) as clock:
        calls = Calls(backend, QUICK)
        for verb in (calls.fetch, calls.cancel):
            with pytest.raises(ProviderError) as caught:
                verb("job-0")
            assert "[secret]" in str(caught.value)
            assert SECRET not in "".join(traceback.format_exception(caught.value))
        cloud.script({"submit": ["denied"]})
        book = Book(PLAN, clock, cloud)
        with pytest.raises(AccessError) as denied:
            life(book, backend)
        assert SECRET not in str(denied.value) + book.last[0].note + caplog.text


HANGS = st.lists(st.sampled_from(["", "", "hang", "hang-made", "lost"]), max_size=3)


@given(HANGS, st.lists(st.sampled_from(["", "", "hang", "pending"]), max_size=3), st.sampled_from(["", "hang", "late"]))
@settings(max_examples=25)
def test_verbs_that_hang_make_no_job_twice(submits, fetches, find):
    plan, cloud = plan_of(3, 1), Cloud({"submit": submits, "fetch": fetches, "find": [find]})
    with pytest.MonkeyPatch.context() as patch, still(threads=True) as clock:
        patch.setattr("qadapt.deadline.GRACE", 0.0)
        book = Book(plan, clock, cloud)
        hasty = QUICK.model_copy(update={"deadline": 0.03})
        result = None
        while result is None:
            try:
                result = life(book, Findable(cloud), hasty)
            except UnavailableError:  # nothing is sent again as long as it may arrive
                cloud.script({})
            finally:
                cloud.free.set()
    assert np.array_equal(result, undisturbed(plan))
    assert set(cloud.created.values()) == {1}
    assert len(cloud.jobs) == 3
    assert not book.shown(State.IN_DOUBT)
