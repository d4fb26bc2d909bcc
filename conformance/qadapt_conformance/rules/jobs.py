"""Jobs: what a job id is good for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import numpy as np

from qadapt import Circuit, Done, Failed, NotSupportedError, Pending, ProviderError, Work, op
from qadapt.jobs import wait
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import NotRun, Probe, same
from qadapt_conformance.rule import SUBMITTING, rule
from qadapt_conformance.rules.refusals import answer

WAITING = 4
"""Jobs that wait behind a long one."""

FEW, MANY, LONG = 8, 512, 1.0
"""Least and most rows of the long one, and the seconds that it is to take."""


def _work(probe: Probe, shots: int = 100) -> Work:
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["t"])], measured=[0])
    return probe.work(circuit, {"t": np.linspace(0.2, 2.8, 5)}, shots=shots, seed=probe.seed())


def _finished(probe: Probe, work: Work) -> tuple[str, Done | Failed | Pending]:
    """Submit, wait, and look once more."""
    job = probe.backend.submit([work], tag=probe.tag())
    wait(probe.backend, job)
    return job, probe.backend.fetch(job)


@rule("JOBS-1", tiers=SUBMITTING)
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


@rule("JOBS-2", tiers=SUBMITTING)
def fetch_repeats(probe: Probe) -> Iterator[Finding]:
    """A finished job gives the same counts every time it is fetched."""
    job, first = _finished(probe, _work(probe, shots=1000))
    second = probe.backend.fetch(job)
    both = isinstance(first, Done) and isinstance(second, Done)
    yield fact(both, f"two fetches of a finished job gave {type(first).__name__} and {type(second).__name__}")
    if isinstance(first, Done) and isinstance(second, Done):
        equal = all(same(a.counts, b.counts) for a, b in zip(first.results, second.results, strict=True))
        yield fact(equal, "two fetches of a finished job should give equal counts")


@rule("JOBS-3", tiers=SUBMITTING)
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
    most = probe.shots(17)
    if most < 3:
        raise NotRun(f"needs jobs of three numbers of shots, the backend declares max_shots={most}")
    works = [_work(probe, shots=shots) for shots in (most - 2, most - 1, most)]
    jobs = [probe.backend.submit([work], tag=probe.tag()) for work in works]
    yield fact(len(set(jobs)) == 3, f"three submits made the jobs {jobs}")
    for job, work in reversed(list(zip(jobs, works, strict=True))):
        got = [result.counts.shots for result in wait(probe.backend, job)]
        yield fact(got == [work.shots], f"a job of {work.shots} shots gave results of {got} shots")


@rule("JOBS-5", covers=("cancel",))
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
    if not probe.rehearsal:
        yield from _waiting_jobs(probe)


def _waiting_jobs(probe: Probe) -> Iterator[Finding]:
    """Cancel jobs that wait behind a long one: who says that it cancels stops at least one of them."""
    size = min(3, len(probe.target.live_qubits))
    layer = [op("ry", qubit, angles=["t"]) for qubit in range(size)]
    layer += [op("cz", qubit, qubit + 1) for qubit in range(size - 1)]
    circuit = Circuit(num_qubits=size, operations=layer * 60, measured=list(range(size)))
    began = time.monotonic()
    _finished(probe, probe.work(circuit, {"t": np.linspace(0.2, 2.8, FEW)}, shots=1000, seed=probe.seed()))
    rows = min(MANY, max(FEW, round(FEW * LONG / (time.monotonic() - began))))
    long = probe.work(circuit, {"t": np.linspace(0.2, 2.8, rows)}, shots=1000, seed=probe.seed())
    first, *others = [
        probe.backend.submit([work], tag=probe.tag()) for work in (long, *[_work(probe) for _ in range(WAITING)])
    ]
    for job in reversed(others):
        probe.backend.cancel(job)
    pending = [job for job in others if isinstance(probe.backend.fetch(job), Pending)]
    ended = [answer(partial(wait, probe.backend, job)) for job in pending]
    ran = sum(error is None for error in ended)
    yield fact(not ran or ran < len(pending), f"{ran} of {len(pending)} cancelled jobs ran to their end all the same")
    probe.backend.cancel(first)


@rule("JOBS-6", needs=("find",), tiers=SUBMITTING)
def find(probe: Probe) -> Iterator[Finding]:
    """A backend that declares find finds the job of a tag, and nothing for a tag that nobody used."""
    backend = probe.backend
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


ELSEWHERE = """
import json, sys
from qadapt import Done, QadaptError, backend
try:
    opened = backend(sys.argv[1])
except QadaptError as error:
    print(json.dumps({"closed": f"{type(error).__name__}: {error}"}))
else:
    state = opened.fetch(sys.argv[2])
    done = isinstance(state, Done)
    tables = [[table.tolist() for table in result.counts.registers] for result in state.results] if done else None
    print(json.dumps({"state": type(state).__name__, "said": str(getattr(state, "error", "")), "tables": tables}))
"""
"""A process that knows the name of a backend and the id of a job, and says what it fetches."""

PATIENCE = 300.0
"""Seconds that such a process may take."""


@rule("JOBS-7", needs=("retrieval",), tiers=SUBMITTING)
def fetched_elsewhere(probe: Probe) -> Iterator[Finding]:
    """A backend that declares retrieval gives another process the counts of a job, by its id alone."""
    job, state = _finished(probe, _work(probe))
    yield fact(isinstance(state, Done), f"a finished job is {type(state).__name__}, expected Done")
    if probe.rehearsal or not isinstance(state, Done):
        return
    command = [sys.executable, "-c", ELSEWHERE, probe.backend.name, job]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        yield fact(False, f"another process that fetched the job ended with {last}")
        return
    answered = json.loads(done.stdout.strip().splitlines()[-1])
    if "closed" in answered:
        raise NotRun(f"another process cannot open {probe.backend.name} by its name: {answered['closed']}")
    tables = [[table.tolist() for table in result.counts.registers] for result in state.results]
    equal = answered["tables"] == tables
    said = answered["said"] or ("equal counts" if equal else "other counts")
    yield fact(equal, f"in another process the job is {answered['state']} ({said}), expected Done with equal counts")


LOOKS = 12
"""Fetches of a job before it is waited for, and a quarter as many after that."""


@rule("JOBS-8", tiers=SUBMITTING)
def states_end(probe: Probe) -> Iterator[Finding]:
    """A job is pending until it has ended, and then stays what it is, whether it is done, failed or cancelled."""
    job = probe.backend.submit([_work(probe)], tag=probe.tag())
    yield _ends_once(probe, job)
    if probe.capabilities.cancel:
        job = probe.backend.submit([_work(probe)], tag=probe.tag())
        probe.backend.cancel(job)
        yield _ends_once(probe, job)


def _ends_once(probe: Probe, job: str) -> Finding:
    """Whether the states of a job, in the order they are seen, are Pending until one other comes, and it for good."""
    states = [type(probe.backend.fetch(job)).__name__ for _ in range(LOOKS)]
    answer(partial(wait, probe.backend, job))
    states += [type(probe.backend.fetch(job)).__name__ for _ in range(LOOKS // 4)]
    seen = [state for before, state in zip(["", *states], states, strict=False) if state != before]
    ends = seen[-1] in ("Done", "Failed") and seen[:-1] in ([], ["Pending"])
    return fact(ends, f"the states of a job were {', then '.join(seen)}, expected Pending, then Done or Failed")
