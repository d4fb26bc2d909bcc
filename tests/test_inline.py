"""InlineBackend: tags, unknown jobs, cancelling, repeated looks, and vendors' exceptions."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import numpy as np
import pytest

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.counts import Counts
from qadapt.errors import (
    BadResultError,
    JobFailedError,
    NotSupportedError,
    ProviderError,
    TargetError,
    UnavailableError,
)
from qadapt.inline import InlineBackend
from qadapt.jobs import wait
from qadapt.provider import Backend, Done, Failed, Pending, Provenance, Result, Work
from qadapt.target import Capabilities, Target

TARGET = Target(name="toy", num_qubits=2, native=("x",))


class Toy(InlineBackend):
    """Answers with all shots on outcome 0, or does what it is told to."""

    def __init__(self, behave: Callable[[Work], Counts | None] = lambda work: None, *, cancel: bool = True) -> None:
        super().__init__("acme:toy", TARGET, Capabilities(cancel=cancel, simulated=True))
        self.behave = behave
        self.ran: list[Work] = []

    def execute(self, work: Work) -> Result:
        self.ran.append(work)
        table = np.zeros((work.bindings.rows, 2), dtype=np.int64)
        table[:, 0] = work.shots
        counts = self.behave(work) or Counts((table,), work.shots)
        provenance = Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=work.seed,
            simulated=True,
        )
        return Result(counts, provenance)


def works(*shots: int) -> list[Work]:
    circuit = Circuit(num_qubits=2, operations=[op("x", 0)], measured=[1])
    return [Work(circuit, Bindings.of({}), count) for count in shots]


def finish(backend: Backend, job_id: str) -> Done | Failed:
    """The final state of a job."""
    with contextlib.suppress(ProviderError):
        wait(backend, job_id)
    state = backend.fetch(job_id)
    assert not isinstance(state, Pending)
    return state


def failure(backend: Backend, job_id: str) -> ProviderError:
    state = finish(backend, job_id)
    assert isinstance(state, Failed)
    assert state.error.job_id == job_id
    return state.error


def test_it_is_a_backend_and_answers_works_in_order() -> None:
    backend = Toy()
    assert isinstance(backend, Backend)
    results = wait(backend, backend.submit(works(3, 1, 2), tag="t"))
    assert [result.provenance.shots for result in results] == [3, 1, 2]
    assert [int(result.counts.table.sum()) for result in results] == [3, 1, 2]


def test_a_tag_that_was_used_gives_its_job_back() -> None:
    backend = Toy()
    first = backend.submit(works(3), tag="same")
    finish(backend, first)
    assert backend.submit(works(3), tag="same") == first
    other = backend.submit(works(3), tag="other")
    assert other != first
    finish(backend, other)
    assert len(backend.ran) == 2


def test_fetching_twice_gives_the_same() -> None:
    backend = Toy()
    job = backend.submit(works(5), tag="t")
    first, second = finish(backend, job), backend.fetch(job)
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert first.results[0] is second.results[0]
    assert len(backend.ran) == 1


def test_an_unknown_job_is_a_failed_one() -> None:
    state = Toy().fetch("nonsense")
    assert isinstance(state, Failed)
    assert isinstance(state.error, JobFailedError)
    assert (state.error.provider, state.error.job_id) == ("acme:toy", "nonsense")


def test_bad_works_are_refused_at_submit_and_make_no_job() -> None:
    backend = Toy()
    wrong = Circuit(num_qubits=2, operations=[op("h", 0)], measured=[1])
    with pytest.raises(TargetError, match="h is not native"):
        backend.submit([Work(wrong, Bindings.of({}), 5)], tag="t")
    assert not backend.ran
    good = backend.submit(works(5), tag="t")
    assert isinstance(finish(backend, good), Done)


def test_a_running_job_is_pending_and_a_waiting_one_can_be_cancelled() -> None:
    started, release = threading.Event(), threading.Event()

    def hold(_: Work) -> None:
        started.set()
        release.wait(30)

    backend = Toy(hold)
    running = backend.submit(works(1), tag="running")
    waiting = backend.submit(works(2), tag="waiting")
    try:
        assert started.wait(30)
        assert isinstance(backend.fetch(running), Pending)
        assert isinstance(backend.fetch(waiting), Pending)
        backend.cancel(waiting)
        backend.cancel(running)
        backend.cancel("nonsense")
        assert isinstance(backend.fetch(running), Pending), "what runs goes on"
    finally:
        release.set()
    assert isinstance(finish(backend, running), Done)
    assert "cancelled" in str(failure(backend, waiting))
    assert [work.shots for work in backend.ran] == [1]


def test_cancelling_a_finished_job_leaves_it_as_it_is() -> None:
    backend = Toy()
    job = backend.submit(works(1), tag="t")
    finish(backend, job)
    backend.cancel(job)
    assert isinstance(backend.fetch(job), Done)


def test_cancelling_has_to_be_declared() -> None:
    backend = Toy(cancel=False)
    job = backend.submit(works(1), tag="t")
    with pytest.raises(NotSupportedError) as caught:
        backend.cancel(job)
    assert caught.value.capability == "cancel"
    assert isinstance(finish(backend, job), Done)


def test_a_vendors_exception_becomes_a_failed_job_with_the_cause() -> None:
    vendor = RuntimeError("curl_easy_perform failed")

    def fail(_: Work) -> None:
        raise vendor

    backend = Toy(fail)
    job = backend.submit(works(1), tag="t")
    error = failure(backend, job)
    assert type(error) is JobFailedError
    assert error.__cause__ is vendor
    assert "RuntimeError: curl_easy_perform failed" in str(error)
    with pytest.raises(JobFailedError):
        wait(backend, job)


def test_a_provider_may_translate_and_raise_our_errors_itself() -> None:
    class Polite(Toy):
        def translate(self, error: Exception) -> ProviderError:
            return UnavailableError("try later", provider=self.name)

    def fail(_: Work) -> None:
        raise OSError("down")

    def refuse(_: Work) -> None:
        raise BadResultError("ours", provider="acme")

    polite = Polite(fail)
    assert type(failure(polite, polite.submit(works(1), tag="t"))) is UnavailableError
    direct = Toy(refuse)
    assert type(failure(direct, direct.submit(works(1), tag="t"))) is BadResultError


@pytest.mark.parametrize(
    "counts",
    [
        Counts((np.array([[1, 1]]),), 2),
        Counts((np.array([[1, 1, 1, 0]]),), 3),
        Counts((np.array([[3, 0], [3, 0]]),), 3),
        Counts((np.array([[3.0, 0.0]]),), 3),
        Counts((np.array([[4, -1]]),), 3),
    ],
)
def test_wrong_counts_do_not_leave_the_backend(counts: Counts) -> None:
    backend = Toy(lambda _: counts)
    assert type(failure(backend, backend.submit(works(3), tag="t"))) is BadResultError


def test_one_failed_work_fails_the_job() -> None:
    def fail_second(work: Work) -> None:
        if work.shots == 2:
            raise ValueError("second")

    backend = Toy(fail_second)
    assert "second" in str(failure(backend, backend.submit(works(1, 2, 3), tag="t")))
    assert [work.shots for work in backend.ran] == [1, 2]
