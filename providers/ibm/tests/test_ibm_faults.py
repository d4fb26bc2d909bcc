"""Every fault of a network and of a service, at every verb: the right result or the right error, in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from clouds.ibm import IBMCloud
from clouds.ibm_program import Items
from ibm_cases import Open, work
from qadapt.deadline import within
from qadapt.errors import AccessError, BadResultError, JobFailedError, ProviderError, UnavailableError
from qadapt.provider import Done, Failed
from qadapt_ibm.service import ServiceBackend

DEADLINE = 0.5
"""Seconds that a verb gets where the cloud hangs."""

ALWAYS = 10_000

POST, LOOK, RESULTS = ("POST", r"/jobs$"), ("GET", r"/jobs/job\d+$"), ("GET", r"/results$")


@pytest.fixture
def backend(connect: Open) -> ServiceBackend:
    return connect()


@contextmanager
def timed(most: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < most


# kind, further words of the fault, jobs created, doubtful
LOST: list[tuple[Any, dict[str, Any], int]] = [
    *[(status, {}, 0) for status in (500, 502, 503, 504, 520, 522, 524, 408)],
    *[(status, {"after": True}, 1) for status in (500, 502, 503, 504, 520, 524)],
    ("drop", {}, 0),
    ("lose", {}, 1),
    ("garbage", {}, 1),
    ("truncate", {}, 1),
    ("empty", {}, 1),
    ("hang", {}, 1),
    (200, {"body": {"job": "with another name"}, "after": True}, 1),
    (200, {"body": [], "after": True}, 1),
    (200, {"body": {"id": None, "backend": None}, "after": True}, 1),
]


@pytest.mark.parametrize(("kind", "more", "created"), LOST)
def test_a_lost_answer_to_a_submit_makes_no_second_job(
    cloud: IBMCloud, backend: ServiceBackend, kind: Any, more: dict[str, Any], created: int
) -> None:
    cloud.fail(*POST, kind, ALWAYS, **more)
    with timed(DEADLINE + 2), pytest.raises(UnavailableError) as caught:
        within(DEADLINE, lambda: backend.submit(work(), tag="t"), what="submit", provider=backend.name)
    assert caught.value.doubtful
    assert cloud.posts() == 1
    assert len(cloud.jobs) == created
    cloud.faults.clear()
    found = backend.find("t")
    assert found == ("job0" if created else None)
    if found:
        assert isinstance(backend.fetch(found), Done)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (429, UnavailableError),
        (425, UnavailableError),
        (400, JobFailedError),
        (404, JobFailedError),
        (409, JobFailedError),
        (413, JobFailedError),
        (422, JobFailedError),
        (402, AccessError),
        (403, AccessError),
        (401, AccessError),
    ],
)
def test_a_refused_submit_is_surely_refused(
    cloud: IBMCloud, backend: ServiceBackend, kind: int, error: type[ProviderError]
) -> None:
    cloud.fail(*POST, kind, ALWAYS, headers={"Retry-After": "3600"})
    with timed(2), pytest.raises(error) as caught:
        backend.submit(work(), tag="t")
    assert type(caught.value) is error
    assert caught.value.__cause__ is not None
    assert not getattr(caught.value, "doubtful", False)
    assert cloud.posts() == (2 if kind == 401 else 1)  # a refused token is renewed once
    assert not cloud.jobs
    cloud.faults.clear()
    assert backend.fetch(backend.submit(work(), tag="t"))
    assert len(cloud.jobs) == 1


@pytest.mark.parametrize("kind", [503, "drop", "garbage", "hang"])
@pytest.mark.parametrize("path", ["/usage$", "/status$"])
def test_what_fails_before_the_post_posts_nothing(
    cloud: IBMCloud, backend: ServiceBackend, path: str, kind: Any
) -> None:
    """The client looks at the instance and the machine before it posts."""
    cloud.fail("GET", path, kind, ALWAYS)
    with timed(DEADLINE + 2), pytest.raises(UnavailableError) as caught:
        within(DEADLINE, lambda: backend.submit(work(), tag="t"), what="submit", provider=backend.name)
    assert not caught.value.doubtful
    assert not cloud.posts()


def test_no_connection_is_no_doubt(cloud: IBMCloud, backend: ServiceBackend) -> None:
    """Nothing listens any more; the connection that was kept open is ended by the other side."""
    cloud.fail("GET", "/", "drop", ALWAYS)
    cloud.close()
    with timed(5), pytest.raises(UnavailableError) as caught:
        backend.submit(work(), tag="t")
    assert not caught.value.doubtful
    with pytest.raises(UnavailableError):
        backend.find("t")
    with pytest.raises(UnavailableError):
        backend.fetch("job0")


# Faults that pass, so that the verb succeeds; the client repeats what changes nothing.
@pytest.mark.parametrize("kind", [500, 502, 503, 504, 524, 429, "drop", "lose", 401])
@pytest.mark.parametrize("where", [LOOK, RESULTS])
def test_a_passing_fault_of_a_look_is_not_seen(
    cloud: IBMCloud, backend: ServiceBackend, where: tuple[str, str], kind: Any
) -> None:
    job = backend.submit(work(), tag="t")
    cloud.fail(*where, kind, 1, headers={"Retry-After": "1"})
    with timed(3):
        assert isinstance(backend.fetch(job), Done)


@pytest.mark.parametrize(
    "kind", [500, 502, 503, 504, 524, 429, 408, "drop", "lose", "garbage", "truncate", "empty", "hang"]
)
@pytest.mark.parametrize("where", [LOOK, RESULTS])
def test_a_lasting_fault_of_a_look_says_nothing_of_the_job(
    cloud: IBMCloud, backend: ServiceBackend, connect: Open, where: tuple[str, str], kind: Any
) -> None:
    """Not in this process, nor in one that knows only the id; when it has passed, the result is there."""
    job = backend.submit(work(), tag="t")
    cloud.fail(*where, kind, ALWAYS, headers={"Retry-After": "3600"})
    for one in (backend, connect()):
        with timed(DEADLINE + 2), pytest.raises(UnavailableError):
            within(DEADLINE, lambda one=one: one.fetch(job), what="fetch", provider=one.name)  # type: ignore[misc]
    cloud.faults.clear()
    assert isinstance(backend.fetch(job), Done)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b'{"state": {}}', b'{"state": null, "id": "job0"}', b'{"id": "job0"}', b'"busy"']
)
def test_a_state_that_means_nothing(cloud: IBMCloud, backend: ServiceBackend, connect: Open, body: bytes) -> None:
    job = backend.submit(work(), tag="t")
    cloud.fail(*LOOK, 200, ALWAYS, body=body)
    for one in (backend, connect()):
        with pytest.raises(UnavailableError):
            one.fetch(job)
    cloud.faults.clear()
    assert isinstance(backend.fetch(job), Done)


@pytest.mark.parametrize("kind", [402, 403, 401])
@pytest.mark.parametrize("where", [LOOK, RESULTS])
def test_refused_credentials(cloud: IBMCloud, backend: ServiceBackend, where: tuple[str, str], kind: int) -> None:
    job = backend.submit(work(), tag="t")
    cloud.fail(*where, kind, ALWAYS)
    with pytest.raises(AccessError) as caught:
        backend.fetch(job)
    assert caught.value.job_id == job
    assert caught.value.__cause__ is not None
    cloud.faults.clear()
    assert isinstance(backend.fetch(job), Done)


@pytest.mark.parametrize("where", [LOOK, RESULTS])
def test_a_job_that_is_not_there_any_more(cloud: IBMCloud, backend: ServiceBackend, where: tuple[str, str]) -> None:
    job = backend.submit(work(), tag="t")
    cloud.fail(*where, 404, ALWAYS)
    state = backend.fetch(job)
    assert isinstance(state, Failed)
    assert type(state.error) is JobFailedError


def test_expired_tokens_are_renewed(cloud: IBMCloud, backend: ServiceBackend) -> None:
    job = backend.submit(work(), tag="a")
    cloud.expire()
    assert isinstance(backend.fetch(job), Done)
    cloud.expire()
    assert backend.find("a") == job
    cloud.expire()
    assert backend.submit(work(), tag="b")
    cloud.expire()
    backend.cancel(job)
    assert cloud.created() == {"a": 1, "b": 1}
    assert not cloud.leaks


def each(change: Callable[[Any], Any]) -> Callable[[Items], Items]:
    """Every register of every circuit changed."""
    return lambda items: [{name: change(bits) for name, bits in item.items()} for item in items]


def first(change: Callable[[Any], Any]) -> Callable[[Items], Items]:
    """The first register of every circuit changed."""
    return lambda items: [{**item, "register0": change(item["register0"])} for item in items]


def renamed(**names: str) -> Callable[[Items], Items]:
    """Registers under other names; those without one are missing."""
    return lambda items: [{names[name]: bits for name, bits in item.items() if name in names} for item in items]


BROKEN: dict[str, Callable[[Items], Items]] = {
    "wider": first(lambda bits: np.concatenate([bits, bits], axis=-1)[..., :3]),
    "much wider": first(lambda bits: np.zeros((4, 10, 60), dtype=bool)),
    "narrower": first(lambda bits: bits[..., :1]),
    "row missing": each(lambda bits: bits[:-1]),
    "row more": each(lambda bits: np.concatenate([bits, bits[:1]])),
    "no rows": each(lambda bits: bits[:0]),
    "shot missing": each(lambda bits: bits[:, :-1]),
    "shot more": each(lambda bits: np.concatenate([bits, bits[:, :1]], axis=1)),
    "no shots": each(lambda bits: bits[:, :0]),
    "register missing": renamed(register0="register0"),
    "register of another name": renamed(register0="register0", register1="c"),
    "registers swapped": renamed(register0="register1", register1="register0"),
    "work missing": lambda items: items[:-1],
    "all missing": lambda items: [],
    "work more": lambda items: [*items, items[0]],
    "no registers": renamed(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_result_that_is_not_what_was_asked_for(cloud: IBMCloud, backend: ServiceBackend, name: str) -> None:
    job = backend.submit([*work(), *work()], tag="t")
    cloud.jobs[job].alter = BROKEN[name]
    state = backend.fetch(job)
    assert isinstance(state, Failed), name
    assert type(state.error) is BadResultError
    assert state.error.job_id == job


def test_a_good_result_passes_where_broken_ones_do_not(cloud: IBMCloud, backend: ServiceBackend) -> None:
    job = backend.submit([*work(), *work()], tag="t")
    cloud.jobs[job].alter = lambda items: items
    assert isinstance(backend.fetch(job), Done)


@pytest.mark.parametrize("text", ['{"data": []}', "{}", '{"schema_version": "v9.9"}', '{"schema_version": "v2.0"}'])
def test_a_result_of_another_form(cloud: IBMCloud, backend: ServiceBackend, text: str) -> None:
    job = backend.submit(work(), tag="t")
    cloud.jobs[job].text = text
    state = backend.fetch(job)
    assert isinstance(state, Failed)
    assert type(state.error) is BadResultError
    assert state.raw == text.encode()


@pytest.mark.parametrize("text", ["<html>busy</html>", '{"data": [', "null", "[]", '"later"', " "])
def test_what_is_no_result_at_all_may_come_later(cloud: IBMCloud, backend: ServiceBackend, text: str) -> None:
    job = backend.submit(work(), tag="t")
    cloud.fail(*RESULTS, 200, 1, body=text.encode())
    with pytest.raises(UnavailableError):
        backend.fetch(job)
    assert isinstance(backend.fetch(job), Done)


@pytest.mark.parametrize("path", ["/metrics$", "/properties$"])
@pytest.mark.parametrize("kind", [403, 500, "garbage", "drop", 404])
def test_counts_are_not_lost_because_a_date_is(cloud: IBMCloud, connect: Open, path: str, kind: Any) -> None:
    backend = connect()
    cloud.states = ["Queued"]
    job = backend.submit(work(), tag="t")
    cloud.fail("GET", path, kind, ALWAYS)
    backend.fetch(job)
    state = backend.fetch(job)
    assert isinstance(state, Done)
    assert state.results[0].provenance.calibrated is None


@pytest.mark.parametrize("kind", [500, 503, 429, "drop", "lose", "garbage", "truncate", "empty", "hang"])
def test_find_without_an_answer(cloud: IBMCloud, backend: ServiceBackend, kind: Any) -> None:
    """Never None: that would let the job be sent again."""
    job = backend.submit(work(), tag="t")
    cloud.fail("GET", r"/jobs$", kind, ALWAYS)
    with timed(DEADLINE + 2), pytest.raises(UnavailableError):
        within(DEADLINE, lambda: backend.find("t"), what="find", provider=backend.name)
    cloud.faults.clear()
    assert backend.find("t") == job


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"jobs": null, "count": 0}', b'{"jobs": [{}], "count": 1}'])
def test_find_with_an_answer_that_means_nothing(cloud: IBMCloud, backend: ServiceBackend, body: bytes) -> None:
    cloud.fail("GET", r"/jobs$", 200, ALWAYS, body=body)
    with pytest.raises(UnavailableError):
        backend.find("t")


@pytest.mark.parametrize(
    ("kind", "error"),
    [(500, UnavailableError), (503, UnavailableError), ("drop", UnavailableError), ("lose", UnavailableError),
     ("hang", UnavailableError), (429, UnavailableError), (403, AccessError), (404, JobFailedError)],
)  # fmt: skip
def test_cancel_without_an_answer(
    cloud: IBMCloud, backend: ServiceBackend, kind: Any, error: type[ProviderError]
) -> None:
    cloud.states = ["Queued"] * 9
    job = backend.submit(work(), tag="t")
    cloud.fail("POST", "/cancel$", kind, ALWAYS)
    with timed(DEADLINE + 2), pytest.raises(error) as caught:
        within(DEADLINE, lambda: backend.cancel(job), what="cancel", provider=backend.name)
    assert type(caught.value) is error
    cloud.faults.clear()
    backend.cancel(job)
    state = backend.fetch(job)
    assert isinstance(state, Failed)


@pytest.mark.parametrize(
    ("kind", "error"), [(503, UnavailableError), ("drop", UnavailableError), ("lose", UnavailableError),
                        ("garbage", UnavailableError), ("hang", UnavailableError), (403, AccessError)]
)  # fmt: skip
def test_a_session_that_cannot_be_opened(cloud: IBMCloud, connect: Open, kind: Any, error: type[ProviderError]) -> None:
    backend = connect(mode="session")
    cloud.fail("POST", "/sessions$", kind, ALWAYS)
    with timed(DEADLINE + 2), pytest.raises(error) as caught:
        within(DEADLINE, lambda: backend.submit(work(), tag="t"), what="submit", provider=backend.name)
    assert not getattr(caught.value, "doubtful", False)
    assert len(cloud.requests("POST", "/sessions$")) == 1
    assert not cloud.posts()
    cloud.faults.clear()
    assert backend.submit(work(), tag="t")
