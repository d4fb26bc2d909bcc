"""Tracked: no job is left open."""

from __future__ import annotations

import pytest

from qadapt import Backend, Capabilities, Circuit, Done, Failed, Pending, UnavailableError, Work
from qadapt.bindings import Bindings
from qadapt.jobs import wait
from qadapt.provider import Costing, Finding
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.tracked import PAUSES, Tracked

WORK = Work(Circuit(num_qubits=1, measured=[0]), Bindings.of({}), 7)


class _Slow(Wrapped):
    """Never finishes, and can be stopped."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.cancelled: list[str] = []

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities.model_copy(update={"cancel": True})

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        return Pending()

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)


def test_open_jobs_are_cancelled(right: Backend) -> None:
    slow = _Slow(right)
    with Tracked(slow) as tracked:
        jobs = [tracked.submit([WORK], tag=f"tag-{number}") for number in range(3)]
        tracked.submit([WORK], tag="tag-0")
        assert tracked.made == 3
        assert tracked.spent.shots == 21
        assert not slow.cancelled
    assert slow.cancelled == jobs


def test_finished_jobs_are_left_alone(right: Backend) -> None:
    with Tracked(right) as tracked:
        job = tracked.submit([WORK], tag="tag")
        wait(tracked, job)
    assert isinstance(right.fetch(job), Done)


def test_optional_verbs_are_those_of_the_backend(right: Backend) -> None:
    tracked = Tracked(right)
    assert isinstance(tracked, Finding) == isinstance(right, Finding)
    assert isinstance(tracked, Costing) == isinstance(right, Costing)


def test_a_vendor_that_does_not_answer_is_asked_again(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shaky(Wrapped):
        asked = 0

        def fetch(self, job_id: str) -> Pending | Done | Failed:
            self.asked += 1
            if self.asked <= len(PAUSES):
                raise UnavailableError("bad gateway", provider="shaky", doubtful=False)
            return super().fetch(job_id)

    monkeypatch.setattr("qadapt_conformance.tracked.PAUSES", (0.0, 0.0, 0.0))
    shaky = Shaky(right)
    with Tracked(shaky) as tracked:
        assert isinstance(wait(tracked, tracked.submit([WORK], tag="tag"))[0].counts.shots, int)
        assert shaky.asked >= 4
        shaky.asked = -1
        with pytest.raises(UnavailableError):
            tracked.fetch("job")
