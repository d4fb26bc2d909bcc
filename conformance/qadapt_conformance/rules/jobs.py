"""Jobs: what a job id is good for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qadapt import Circuit, Done, Failed, NotSupportedError, Pending, ProviderError, Work, op
from qadapt.jobs import wait
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import Probe, same
from qadapt_conformance.rule import rule
from qadapt_conformance.rules.refusals import answer


def _work(probe: Probe, shots: int = 100) -> Work:
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["t"])], measured=[0])
    return probe.work(circuit, {"t": np.linspace(0.2, 2.8, 5)}, shots=shots, seed=probe.seed())


def _finished(probe: Probe, work: Work) -> tuple[str, Done | Failed | Pending]:
    """Submit, wait, and look once more."""
    job = probe.backend.submit([work], tag=probe.tag())
    wait(probe.backend, job)
    return job, probe.backend.fetch(job)


@rule("JOBS-1")
def fetch_never_raises(probe: Probe) -> Iterator[Finding]:
    """Fetch answers with a state, also for a job that nobody knows: Failed."""
    for name in ("no-such-job", "", "0"):
        try:
            state: object = probe.backend.fetch(name)
        except Exception as error:
            yield fact(False, f"fetch({name!r}) raised {type(error).__name__}: {error}, expected Failed")
            continue
        known = isinstance(state, Failed) and isinstance(state.error, ProviderError)
        yield fact(known, f"fetch({name!r}) gave {type(state).__name__}, expected Failed with a ProviderError")
    job = probe.backend.submit([_work(probe)], tag=probe.tag())
    state = probe.backend.fetch(job)
    yield fact(isinstance(state, Pending | Done), f"a new job is {type(state).__name__}, expected Pending or Done")
    wait(probe.backend, job)


@rule("JOBS-2")
def fetch_repeats(probe: Probe) -> Iterator[Finding]:
    """A finished job gives the same counts every time it is fetched."""
    job, first = _finished(probe, _work(probe, shots=1000))
    second = probe.backend.fetch(job)
    both = isinstance(first, Done) and isinstance(second, Done)
    yield fact(both, f"two fetches of a finished job gave {type(first).__name__} and {type(second).__name__}")
    if isinstance(first, Done) and isinstance(second, Done):
        equal = all(same(a.counts, b.counts) for a, b in zip(first.results, second.results, strict=True))
        yield fact(equal, "two fetches of a finished job should give equal counts")


@rule("JOBS-3")
def tags_name_submits(probe: Probe) -> Iterator[Finding]:
    """A tag that was used before finds its job instead of making a second one."""
    work, tag = _work(probe), probe.tag()
    first, again, other = (probe.backend.submit([work], tag=t) for t in (tag, tag, probe.tag()))
    yield fact(first == again, f"one tag submitted twice made jobs {first!r} and {again!r}")
    yield fact(first != other, f"two tags made one job, {first!r}")
    for job in (first, other):
        wait(probe.backend, job)


@rule("JOBS-4")
def jobs_do_not_mix(probe: Probe) -> Iterator[Finding]:
    """Every job id leads to its own results."""
    works = [_work(probe, shots=shots) for shots in (11, 13, 17)]
    jobs = [probe.backend.submit([work], tag=probe.tag()) for work in works]
    yield fact(len(set(jobs)) == 3, f"three submits made the jobs {jobs}")
    for job, work in reversed(list(zip(jobs, works, strict=True))):
        got = [result.counts.shots for result in wait(probe.backend, job)]
        yield fact(got == [work.shots], f"a job of {work.shots} shots gave results of {got} shots")


@rule("JOBS-5")
def cancel(probe: Probe) -> Iterator[Finding]:
    """Cancel ends a job that has not finished and leaves a finished one as it is; undeclared, it says so."""
    job, before = _finished(probe, _work(probe))
    error = answer(lambda: probe.backend.cancel(job))
    if not probe.capabilities.cancel:
        said = isinstance(error, NotSupportedError) and error.capability == "cancel"
        yield fact(said, f"cancel, not declared, raised {error!r}, expected NotSupportedError of capability 'cancel'")
        return
    yield fact(error is None, f"cancelling a finished job raised {error!r}")
    after = probe.backend.fetch(job)
    kept = isinstance(before, Done) and isinstance(after, Done)
    yield fact(kept, f"a finished job is {type(after).__name__} after cancel, expected Done")
    job = probe.backend.submit([_work(probe)], tag=probe.tag())
    error = answer(lambda: probe.backend.cancel(job))
    yield fact(error is None, f"cancelling a job raised {error!r}")
    error = answer(lambda: wait(probe.backend, job))
    yield fact(
        error is None or isinstance(error, ProviderError),
        f"a cancelled job ended with {error!r}, expected results or a ProviderError",
    )


@rule("JOBS-6")
def find(probe: Probe) -> Iterator[Finding]:
    """A backend that declares find finds the job of a tag, and nothing for a tag that nobody used."""
    backend = probe.backend
    if not probe.capabilities.find:
        yield fact(True, "find is not declared")
        return
    verb = getattr(backend, "find", None)
    if verb is None:
        yield fact(False, "find is declared, and the backend has no such verb")
        return
    tags = [probe.tag(), probe.tag()]
    jobs = [backend.submit([_work(probe)], tag=tag) for tag in tags]
    for job in jobs:
        wait(backend, job)
    for tag, job in zip(tags, jobs, strict=True):
        found = verb(tag)
        yield fact(found == job, f"the tag of job {job!r} found {found!r}")
    found = verb(probe.tag())
    yield fact(found is None, f"a tag that nobody used found {found!r}")
