"""Jobs: backends that lose jobs, mix them up or make them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qadapt import (
    Bindings,
    Circuit,
    Counts,
    Done,
    Failed,
    JobFailedError,
    NotSupportedError,
    Pending,
    Provenance,
    Result,
    Work,
    sample,
)
from qadapt_conformance import oracle
from qadapt_conformance.lacks import forgetful
from qadapt_conformance.mutants.change import seam, wrapped
from qadapt_conformance.mutants.wrapped import Wrapped

NOTHING = Work(Circuit(num_qubits=1, measured=[0]), Bindings.of({}), 100)


class _Raising(Wrapped):
    """Raises for jobs that it does not know."""

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        if job_id not in self._works:
            raise KeyError(job_id)
        return super().fetch(job_id)


class _Hopeful(Wrapped):
    """Calls jobs pending that it does not know."""

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        return super().fetch(job_id) if job_id in self._works else Pending()


class _Inventive(Wrapped):
    """Answers a job that failed with made-up results."""

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        state = super().fetch(job_id)
        if not isinstance(state, Failed):
            return state
        return Done(tuple(self._made_up(work) for work in self._works.get(job_id, (NOTHING,))))

    def _made_up(self, work: Work) -> Result:
        said = Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=work.seed,
            simulated=self.capabilities.simulated,
        )
        return Result(_drawn(work), said)


class _Once(Wrapped):
    """Forgets a job when its results have been fetched."""

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        state = super().fetch(job_id) if job_id in self._works else Failed(_lost(self.name))
        if isinstance(state, Done):
            del self._works[job_id]
        return state


class _Forgetful(Wrapped):
    """Makes a new job for every submit, whatever the tag."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        return super().submit(work, tag=f"{tag}-{len(self._works)}")


class _Lazy(Wrapped):
    """Takes every submit for a repetition of the first."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        return next(iter(self._works), None) or super().submit(work, tag=tag)


class _Numberless(Wrapped):
    """Gives every job the same id."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        self._last = super().submit(work, tag=tag)
        return "job"

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        return super().fetch(self._last if job_id == "job" else job_id)


class _Latest(Wrapped):
    """Answers every job that it knows with the results of the last one."""

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        return super().fetch(list(self._works)[-1] if job_id in self._works else job_id)


class _Running(Wrapped):
    """Reports a cancel as done and does nothing."""

    def cancel(self, job_id: str) -> None:
        pass


class _Refusing(Wrapped):
    """Declares cancel and does not have it."""

    def cancel(self, job_id: str) -> None:
        raise NotSupportedError("jobs cannot be cancelled", capability="cancel")


class _Erasing(Wrapped):
    """Throws the results of a finished job away when it is cancelled."""

    def cancel(self, job_id: str) -> None:
        super().cancel(job_id)
        self._works.pop(job_id, None)

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        return super().fetch(job_id) if job_id in self._works else Failed(_lost(self.name))


class _Unprepared(Wrapped):
    """Knows no such state as cancelled."""

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        state = super().fetch(job_id)
        if isinstance(state, Failed) and job_id in self._works:
            raise KeyError("CANCELLED")
        return state


class _Lost(Wrapped):
    """Finds no submit by its tag."""

    def find(self, tag: str) -> str | None:
        return None


class _Guessing(Wrapped):
    """Finds the last submit by any tag."""

    def find(self, tag: str) -> str | None:
        return list(self._works)[-1] if self._works else None


class _Speechless(Wrapped):
    """Has no verb to find submits."""

    def __getattr__(self, name: str) -> object:
        if name == "find":
            raise AttributeError(name)
        return super().__getattr__(name)


class _Flickering(Wrapped):
    """Every second look at a job says that it is pending."""

    _looks = 0

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        self._looks += job_id in self._works
        return Pending() if self._looks % 2 and job_id in self._works else super().fetch(job_id)


def _lost(backend: str) -> JobFailedError:
    return JobFailedError("no such job", provider=backend)


def _drawn(work: Work) -> Counts:
    return sample(oracle.tables(work.circuit, work.bindings), work.shots, None)


def _drawn_again(work: Work, result: Result) -> Result:
    return replace(result, counts=_drawn(work))


JOBS = (
    seam("unknown-job-raises", "JOBS-1", "Fetch raises for a job that it does not know.", _Raising),
    seam("unknown-job-pending", "JOBS-1", "A job that nobody knows is pending for ever.", _Hopeful),
    seam("failed-answered-as-done", "JOBS-1", "A job that failed is answered with results.", _Inventive),
    seam("drawn-by-fetch", "JOBS-2", "Every fetch draws counts anew.", wrapped(after=_drawn_again)),
    seam("fetched-once", "JOBS-2", "Results can be fetched once (qBraid/qBraid#1314).", _Once),
    seam("tags-ignored", "JOBS-3", "Every submit makes a new job, whatever its tag.", _Forgetful),
    seam("every-submit-the-first", "JOBS-3", "Every submit is taken for a repetition of the first.", _Lazy),
    seam("job-id-reused", "JOBS-4", "All jobs have one id (quantumlib/Cirq#2673).", _Numberless),
    seam("results-of-another-job", "JOBS-4", "Every job is answered with the results of the last one.", _Latest),
    seam(
        "cancel-ignored",
        "JOBS-5",
        "A cancel is reported as done, and the job runs on (Qiskit/qiskit-ibmq-provider#499).",
        lambda inner: _Running(inner, cancel=True),
    ),
    seam("cancel-missing", "JOBS-5", "Cancel is declared and refused.", lambda inner: _Refusing(inner, cancel=True)),
    seam(
        "cancel-undeclared",
        "JOBS-5",
        "Cancel is not declared and keeps silent.",
        lambda inner: _Running(inner, cancel=False),
    ),
    seam("cancel-erases", "JOBS-5", "Cancelling a finished job throws its results away.", _Erasing),
    seam(
        "cancelled-job-raises",
        "JOBS-5",
        "Fetch raises for a job that was cancelled (Qiskit/qiskit-ibmq-provider#1177).",
        _Unprepared,
    ),
    seam("tags-lost", "JOBS-6", "Find is declared and finds nothing.", lambda inner: _Lost(inner, find=True)),
    seam("tags-guessed", "JOBS-6", "Any tag finds the last submit.", lambda inner: _Guessing(inner, find=True)),
    seam(
        "find-missing",
        "JOBS-6",
        "Find is declared, and there is no such verb.",
        lambda inner: _Speechless(inner, find=True),
    ),
    seam(
        "retrieval-missing",
        "JOBS-7",
        "Jobs can be fetched from another process as declared, and are not there.",
        wrapped(retrieval=True),
        lacks=forgetful,
    ),
    seam("pending-again", "JOBS-8", "A job that has ended is pending again.", _Flickering),
)
