"""JOBS-7 and JOBS-8: jobs that another process fetches, and states that never come back."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from qadapt import Backend, Done, Failed, JobFailedError, Pending, Work
from qadapt.entries import GROUP
from qadapt_conformance import Verdict, run_suite
from qadapt_conformance.mutants.wrapped import Wrapped

ACME = """
import os, pickle
from pathlib import Path
from qadapt import Failed, JobFailedError, backend
from qadapt.jobs import wait

class Chip:
    # Keeps its jobs in files, where every process finds them.
    def __init__(self):
        self.inner = backend("local:statevector")
        self.name, self.target = "acme:statevector", self.inner.target
        self.capabilities = self.inner.capabilities.model_copy(update={"retrieval": True})
        self.folder = Path(os.environ["ACME_JOBS"])

    def submit(self, work, *, tag):
        job = self.inner.submit(work, tag=tag)
        wait(self.inner, job)
        state = self.inner.fetch(job)
        (self.folder / job).write_bytes(pickle.dumps(state.results))
        return job

    def fetch(self, job_id):
        from qadapt import Done
        path = self.folder / job_id
        if not job_id or not path.is_file():
            return Failed(JobFailedError("no such job", provider="acme", job_id=job_id))
        return Done(pickle.loads(path.read_bytes()))

    def cancel(self, job_id):
        pass

class Acme:
    name = "acme"
    def targets(self):
        return {}
    def open(self, target):
        return Chip()
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module with a backend whose provider is installed for processes that are started now."""
    (tmp_path / "acme_rules.py").write_text(ACME, encoding="utf-8")
    info = tmp_path / "acme_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nacme = acme_rules:Acme\n", encoding="utf-8")
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    monkeypatch.setenv("ACME_JOBS", str(jobs))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    return import_module("acme_rules")


def look(backend: Backend, rule: str) -> tuple[Verdict, str]:
    found = run_suite(backend, rules=[rule]).of(rule)
    return found.verdict, found.message


def test_another_process_fetches_the_job(acme: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chip = acme.Chip()
    assert look(chip, "JOBS-7") == (Verdict.CONFORMS, "")

    # Another process that reads other counts, or none, or cannot open the backend, or dies.
    source = tmp_path / "acme_rules.py"
    for before, after, verdict, said in (
        (
            "pickle.loads(path.read_bytes())",
            "pickle.loads(path.read_bytes())[::-1] * 2",
            Verdict.VIOLATES,
            "other counts",
        ),
        ("not job_id or", "True or", Verdict.VIOLATES, "no such job"),
        ('backend("local:statevector")', 'backend("local:nothing")', Verdict.NOT_RUN, "by its name: TargetError"),
        ("return Chip()", "os._exit(7)", Verdict.VIOLATES, "exit code 7"),
    ):
        source.write_text(ACME.replace(before, after), encoding="utf-8")
        found, message = look(chip, "JOBS-7")
        assert (found, said in message) == (verdict, True), message


def test_a_backend_that_no_name_opens_is_not_judged(right: Backend) -> None:
    class Nameless(Wrapped):
        name = "acme-that-is-not-there:statevector"

    found, message = look(Nameless(right, retrieval=True), "JOBS-7")
    assert (found, "cannot open acme-that-is-not-there:statevector" in message) == (Verdict.NOT_RUN, True)


def test_in_process_jobs_are_not_retrieved(right: Backend) -> None:
    """Another process can open the simulator, and knows nothing of the job."""
    assert look(right, "JOBS-7")[0] is Verdict.NOT_DECLARED
    assert look(Wrapped(right, retrieval=True), "JOBS-7")[0] is Verdict.VIOLATES


class Scripted(Wrapped):
    """Answers the first fetches of each job from a script, and the rest truly."""

    script: Sequence[Any] = ()

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.fetched: dict[str, int] = {}

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        number = self.fetched[job_id] = self.fetched.get(job_id, -1) + 1
        return self.script[number] if number < len(self.script) else super().fetch(job_id)


GONE = Failed(JobFailedError("gone", provider="acme", job_id="1"))


def test_a_slow_job_conforms(right: Backend) -> None:
    class Slow(Scripted):
        script = (Pending(),) * 14

    assert look(Slow(right), "JOBS-8") == (Verdict.CONFORMS, "")
    assert look(right, "JOBS-8") == (Verdict.CONFORMS, "")
    assert look(Wrapped(right, cancel=False), "JOBS-8") == (Verdict.CONFORMS, "")


@pytest.mark.parametrize("script", [(GONE, Pending()), (GONE,), (Pending(), GONE)], ids=["queued", "done", "late"])
def test_states_that_come_back(right: Backend, script: Sequence[Any]) -> None:
    class Flickering(Scripted):
        pass

    Flickering.script = script
    assert look(Flickering(right), "JOBS-8")[0] is Verdict.VIOLATES


def test_a_cancelled_job_that_completes(right: Backend) -> None:
    class Back(Wrapped):
        """Says that a job is cancelled, and later that it is done."""

        def __init__(self, inner: Backend) -> None:
            super().__init__(inner)
            self.cancelled: dict[str, int] = {}

        def submit(self, work: Sequence[Work], *, tag: str) -> str:
            return super().submit(work, tag=tag)

        def cancel(self, job_id: str) -> None:
            self.cancelled[job_id] = 0

        def fetch(self, job_id: str) -> Pending | Done | Failed:
            if job_id in self.cancelled and self.cancelled[job_id] < 5:
                self.cancelled[job_id] += 1
                return GONE
            return super().fetch(job_id)

    found, message = look(Back(right), "JOBS-8")
    assert (found, "Failed, then" in message) == (Verdict.VIOLATES, True)
