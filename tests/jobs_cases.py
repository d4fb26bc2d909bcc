"""A vendor's cloud in memory with scripted faults, processes that die at a chosen step, and a clock without waits."""

from __future__ import annotations

import hashlib
import multiprocessing
import sqlite3
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pytest

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.cost import Cost
from qadapt.counts import Counts
from qadapt.errors import AccessError, JobFailedError, UnavailableError
from qadapt.jobs import Options, Plan, Policy, State, calls, flight, ledger, outbox
from qadapt.jobs.ledger import Ledger
from qadapt.jobs.plan import Asked
from qadapt.jobs.records import Change, Chunk
from qadapt.jobs.schema import MIGRATIONS
from qadapt.provider import Done, Failed, Pending, Provenance, Result, Work, check_works
from qadapt.target import Capabilities, Target

NAME = "acme:any"
SECRET = 's3cret/key+of=a&user "quoted"'
ANY = Target(name="any", num_qubits=2, native=("rx", "ry", "rz", "cz"))
TURN = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["t"])], measured=[0])
QUICK = Policy(backoff=1e-3, longest_backoff=1e-3, settle=3.0, attempts=4)
"""The clock of the tests does not wait, so its seconds cost nothing."""


class Clock:
    """Stands for the module ``time``: sleeping takes no time, and nothing else does; each clock is later than all."""

    start = 1.7e9

    def __init__(self) -> None:
        Clock.start += 1e6
        self.now = Clock.start

    def time(self) -> float:
        return self.now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds + 1e-6


def directly(
    seconds: float, call: Callable[[], Any], *, what: str, provider: str, meanwhile: Callable[[], None] | None = None
) -> Any:
    """Stands for ``within``: the call is made on this thread, so that it can end the "process"."""
    if meanwhile is not None:
        meanwhile()
    return call()


def directly_first(
    seconds: float, call: Callable[[], Any], *, what: str, provider: str, meanwhile: Callable[[], None] | None = None
) -> Any:
    """Stands for ``within`` where the call has ended before anything was done meanwhile."""
    try:
        return call()
    finally:
        if meanwhile is not None:
            meanwhile()


@contextmanager
def still(*, threads: bool = False, clock: Clock | None = None, direct: Any = directly) -> Iterator[Clock]:
    """Run what is inside by a clock of its own, or one that goes on; without threads, verbs are called directly."""
    clock = clock or Clock()
    with pytest.MonkeyPatch.context() as patch:
        for module in (calls, flight, ledger, outbox):
            patch.setattr(module, "time", clock)
        patch.setattr("tenacity.nap.time", clock)
        if not threads:
            patch.setattr(calls, "within", direct)
        try:
            yield clock
        finally:
            if not threads:
                calls._underway.clear()  # what a process that has died was sending


class Hasty(sqlite3.Connection):
    """A file whose changes are not waited for until they are on the disk: tests pull no plugs."""

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return super().execute(statement.replace("synchronous = FULL", "synchronous = OFF"), *values)


HASTY = partial(sqlite3.connect, factory=Hasty)


class Death(BaseException):
    """The process has ended."""


@dataclass
class Fuse:
    """Lets a process die at its *k*-th step, and do nothing after it."""

    left: int = 10**9
    steps: int = 0
    burnt: bool = False

    def step(self) -> None:
        self.steps += 1
        if self.burnt or self.steps > self.left:
            self.burnt = True
            raise Death


@dataclass
class Job:
    """A job at the vendor: its tag, what it answers, and whether it has answered for good."""

    tag: str
    results: tuple[Result, ...]
    raw: bytes
    end: Failed | None = None
    told: bool = False
    asked: int = 0


class Cloud:
    """The vendor: jobs by id, and what goes wrong with the next call of each verb.

    Args:
        faults: Names of faults by verb, used up one per call; ``""`` is none. Those of ``submit``: down, never, lost,
            denied, refused, bug, bug-made, exit, nothing, hang, hang-made. Of ``fetch``: pending, down, denied, hang,
            bug, failed, gone, rows, width, totals, number, float, none, list, text. Of ``find``: down, denied, bug,
            late, hang. Of ``cancel``: down, bug.
    """

    def __init__(self, faults: Mapping[str, Sequence[str]] | None = None) -> None:
        self.faults = defaultdict[str, deque[str]](deque)
        self.script(faults or {})
        self.jobs: dict[str, Job] = {}
        self.calls = Counter[str]()
        self.most_open = 0
        self.doubted = set[str]()
        self.free = threading.Event()

    def script(self, faults: Mapping[str, Sequence[str]]) -> None:
        self.faults.clear()
        for verb, names in faults.items():
            self.faults[verb].extend(names)

    @property
    def created(self) -> Counter[str]:
        """Jobs by tag."""
        return Counter(job.tag for job in self.jobs.values())

    def fault(self, verb: str) -> str:
        self.calls[verb] += 1
        return self.faults[verb].popleft() if self.faults[verb] else ""

    def create(self, works: Sequence[Work], tag: str) -> str:
        job = f"job-{len(self.jobs)}"
        results = tuple(map(answer, works))
        self.jobs[job] = Job(tag, results, b"raw of " + b", ".join(bytes(r.counts.registers[0]) for r in results))
        now = sum(not job.told and job.tag not in self.doubted for job in self.jobs.values())
        self.most_open = max(self.most_open, now)
        return job

    def hang(self) -> None:
        assert self.free.wait(60)
        raise ConnectionError("freed")


def answer(work: Work) -> Result:
    """Counts that follow from each row's values and the seed, so that a row in a wrong place is seen."""
    table = work.bindings.array(sorted(work.bindings.names))
    rows = []
    for row in table:
        said = repr((work.circuit.content_hash, work.shots, work.seed)).encode() + row.tobytes()
        generator = np.random.default_rng(list(hashlib.sha256(said).digest()))
        rows.append([generator.multinomial(work.shots, np.full(2**width, 0.5**width)) for width in work.widths])
    registers = tuple(np.array(register, dtype=np.int64) for register in zip(*rows, strict=True))
    provenance = Provenance(
        backend=NAME,
        circuit_hash=work.circuit.content_hash,
        qubits=work.circuit.measured,
        shots=work.shots,
        seed=work.seed,
        simulated=False,
    )
    return Result(Counts(registers, work.shots), provenance)


class Vendor:
    """One process's view of a cloud: a backend without ``find``.

    Args:
        cloud: The vendor.
        fuse: Ends the process.
        can: Capabilities.
        target: What it says it is.
    """

    name = NAME

    def __init__(self, cloud: Cloud, fuse: Fuse | None = None, *, target: Target = ANY, **can: Any) -> None:
        self.cloud = cloud
        self.fuse = fuse or Fuse()
        self.target = target
        self.capabilities = Capabilities(**{"retrieval": True, "seed": True, **can})
        self.own: dict[str, str] = {}

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        check_works(work, self.target, self.capabilities)
        self.fuse.step()
        fault = self.cloud.fault("submit")
        if tag in self.own:
            return self.own[tag]
        match fault:
            case "down":
                raise UnavailableError("nobody listens", provider=NAME, doubtful=False)
            case "never":
                raise UnavailableError("timeout", provider=NAME)
            case "denied":
                raise AccessError(f"bad key {SECRET}", provider=NAME)
            case "refused":
                raise JobFailedError("no such machine", provider=NAME)
            case "bug":
                raise KeyError("before")
            case "hang":
                self.cloud.hang()
        job = self.cloud.create(work, tag)
        self.fuse.step()
        match fault:
            case "lost":
                raise UnavailableError("connection reset", provider=NAME)
            case "bug-made":
                raise KeyError("after")
            case "exit":
                raise SystemExit(1)
            case "nothing":
                return None  # type: ignore[return-value]
            case "hang-made":
                self.cloud.hang()
        self.own[tag] = job
        return job

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        self.fuse.step()
        answer = self._fetched(job_id)
        self.fuse.step()
        return answer

    def _fetched(self, job_id: str) -> Any:
        fault, job = self.cloud.fault("fetch"), self.cloud.jobs.get(job_id)
        if job is None or not (self.capabilities.retrieval or job_id in self.own.values()):
            return Failed(JobFailedError("unknown job", provider=NAME, job_id=job_id))
        if job.end is not None:
            job.told = True
            return job.end
        job.asked += 1
        match fault:
            case "pending":
                return Pending(position=3, until=datetime(2030, 1, 1, tzinfo=UTC))
            case "down":
                raise UnavailableError("503", provider=NAME)
            case "denied":
                raise AccessError("expired", provider=NAME)
            case "hang":
                self.cloud.hang()
            case "bug":
                raise IndexError("list index out of range")
        job.told = True
        match fault:
            case "failed" | "gone":
                kind = JobFailedError if fault == "failed" else UnavailableError
                job.end = Failed(kind(f"the job {fault}", provider=NAME, job_id=job_id))
                return job.end
            case "none":
                return None
            case "list":
                return Done(list(job.results), job.raw)  # type: ignore[arg-type]
            case "text":
                return Done(job.results, "raw")  # type: ignore[arg-type]
            case "number":
                return Done(job.results[:-1], job.raw)
            case "rows" | "width" | "totals" | "float":
                last = job.results[-1]
                return Done((*job.results[:-1], Result(spoilt(last.counts, fault), last.provenance)), job.raw)
        return Done(job.results, job.raw)

    def cancel(self, job_id: str) -> None:
        self.fuse.step()
        match self.cloud.fault("cancel"):
            case "down":
                raise UnavailableError("503", provider=NAME)
            case "bug":
                raise KeyError("cancel")
        job = self.cloud.jobs[job_id]
        if not job.told and job.end is None:
            job.end, job.told = Failed(JobFailedError("cancelled", provider=NAME, job_id=job_id)), True
        self.fuse.step()


class Findable(Vendor):
    """A backend with ``find``; a cloud is as late with a job as it has faults called late."""

    def __init__(self, cloud: Cloud, fuse: Fuse | None = None, **can: Any) -> None:
        super().__init__(cloud, fuse, **{"find": True, **can})

    def find(self, tag: str) -> str | None:
        self.fuse.step()
        match self.cloud.fault("find"):
            case "down":
                raise UnavailableError("503", provider=NAME)
            case "denied":
                raise AccessError("expired", provider=NAME)
            case "bug":
                raise TypeError("NoneType")
            case "hang":
                self.cloud.hang()
            case "late":
                return None
        return next((name for name, job in self.cloud.jobs.items() if job.tag == tag), None)


class Receipting(Vendor):
    """A backend without ``find`` that notes its jobs where a crash does not reach."""

    def receipt(self, tag: str) -> str | None:
        return next((name for name, job in self.cloud.jobs.items() if job.tag == tag), None)


def spoilt(counts: Counts, how: str) -> Counts:
    table = counts.registers[0].copy()
    if how == "totals":
        table[-1, int(table[-1].argmax())] -= 1
    spoil = {"rows": table[:-1], "width": np.hstack([table, table]), "totals": table, "float": table.astype(float)}
    return Counts((spoil[how], *counts.registers[1:]), counts.shots)


def plan_of(rows: int, per_chunk: int, *, seed: int | None = 7, works: int = 1) -> Plan:
    """Rows that can be told apart, so many per chunk, in so many works."""
    work = Work(TURN, Bindings.of({"t": np.linspace(0.1, 3.0, rows)}), 20, seed)
    step = -(-per_chunk // works)
    chunks = tuple(
        tuple((first, min(first + step, stop)) for first in range(start, stop, step))
        for start in range(0, rows, per_chunk)
        for stop in [min(start + per_chunk, rows)]
    )
    return Plan(NAME, Asked(work.circuit, work.bindings, Options(20, seed)), work, 0, chunks)


def undisturbed(plan: Plan) -> np.ndarray:
    """The table that a plan must give, computed without the runner."""
    return plan.collect({n: tuple(map(answer, plan.works(n))) for n in range(len(plan.chunks))})[0].table


@dataclass
class Book:
    """A ledger in memory: what one run has recorded."""

    plan: Plan
    clock: Any
    cloud: Cloud
    last: dict[int, Chunk] = field(default_factory=dict)
    kept: dict[int, tuple[Result, ...]] = field(default_factory=dict)
    events: list[tuple[int, int, State]] = field(default_factory=list)

    def writer(self, fuse: Fuse) -> Callable[..., None]:
        """What a process records with; it may die before and after each record."""

        def record(*changes: Change, durable: bool = True) -> None:
            fuse.step()
            for change in changes:
                assert (change.results is not None) == (change.state is State.DONE)
                said = change.attempt, change.tag, change.job, change.note
                self.last[change.chunk] = Chunk("r", change.chunk, change.state, self.clock.time(), *said, Cost())
                self.events.append((change.chunk, change.attempt, change.state))
                if change.state is State.IN_DOUBT:
                    self.cloud.doubted.add(change.tag)
                if change.results is not None:
                    self.kept[change.chunk] = change.results
            fuse.step()

        return record

    def chunks(self) -> list[Chunk]:
        fresh = [Chunk("r", n, State.PLANNED, self.clock.time(), 0, "", "", "", Cost()) for n in range(self.size)]
        return [self.last.get(chunk.number, chunk) for chunk in fresh]

    @property
    def size(self) -> int:
        return len(self.plan.chunks)

    def shown(self, *states: State) -> int:
        """Submits that were ever in one of these states."""
        return len({(number, attempt) for number, attempt, state in self.events if state in states})


def life(
    book: Book, backend: Vendor, policy: Policy = QUICK, *, show: Any = None, afford: Any = None
) -> np.ndarray | None:
    """One process that works on a run from where the book is, until it is done or dead; None if it died."""
    more = {"afford": afford} if afford else {}
    try:
        record = book.writer(backend.fuse)
        mine = flight.Flight(book.plan, backend, policy, run="r", record=record, show=show, **more)
        if book.last:
            mine.take_up(book.chunks(), book.kept.__getitem__)
        return book.plan.collect(mine.fly())[0].table
    except Death:
        calls._underway.clear()  # of another process
        return None


def processes() -> Any:
    """Processes that are forked from a server that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["jobs_cases"])
    return context


def open_together(path: str, barrier: Any, answers: Any) -> None:
    """Open a ledger at the same moment as others, and say which version it has."""
    barrier.wait(60)
    with Ledger(path) as book:
        answers.put((len(MIGRATIONS), len(book.runs())))


def append_together(path: str, barrier: Any, answers: Any, changes: int) -> None:
    """Enter a run and change it, at the same time as others do."""
    plan = plan_of(3, 1)
    with Ledger(path) as book:
        barrier.wait(60)
        run = book.add(plan, [Cost()] * 3, fingerprint="same")
        with book.working(run):
            for change in range(changes):
                book.record(run, change % 3, State.INTENDED, attempt=change, raw=f"{run} {change}".encode())
    answers.put(run)


def hold(path: str, run: str, answers: Any) -> None:
    """Work on a run until somebody kills this process."""
    with Ledger(path) as book, book.working(run):
        answers.put(run)
        threading.Event().wait(120)
