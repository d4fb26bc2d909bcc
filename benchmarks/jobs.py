"""What it costs to lose nothing: the ledger, a run's overhead per chunk, and submits beside the vendor's own client.

All times are of the clock, since most of them are spent waiting for a disk or a server.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where the loopback clouds are

from benchmarks.tables import Limit, Ratio, Table
from benchmarks.timing import Comparison
from qadapt import Backend, Bindings, Capabilities, Circuit, Counts, Done, Provenance, Result, Target, Work, op, run
from qadapt.jobs import Ledger, Options, Policy, State, estimate, make_plan
from qadapt.jobs.plan import fingerprint

STATES = 100_000
CHUNKS = 1_000
ROWS = 10_000

CIRCUIT = Circuit(
    num_qubits=2,
    operations=[
        *(op("ry", qubit, angles=[f"a{qubit}"]) for qubit in range(2)),
        op("cz", 0, 1),
        *(op("ry", qubit, angles=[f"b{qubit}"]) for qubit in range(2)),
        op("cz", 0, 1),
        *(op("ry", qubit, angles=[f"c{qubit}"]) for qubit in range(2)),
    ],
    measured=[0, 1],
)
"""Two qubits, two CZ, six angles, as a block of dimension 4 has them."""


@dataclass(frozen=True)
class Measured:
    """One row of the page's table."""

    what: str
    number: int
    seconds: float
    microseconds_each: float


class Instant:
    """A backend that answers at once, so that all there is to measure is ours."""

    name = "instant:any"
    target = Target(name="any", num_qubits=2, native=("rx", "ry", "rz", "cz"))
    capabilities = Capabilities(max_works=1, seed=True, simulated=True, max_jobs=4)

    def __init__(self) -> None:
        self._jobs: list[Sequence[Work]] = []

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Keep the works."""
        self._jobs.append(work)
        return str(len(self._jobs) - 1)

    def fetch(self, job_id: str) -> Done:
        """All shots in outcome 0."""
        return Done(tuple(self._result(work) for work in self._jobs[int(job_id)]))

    def cancel(self, job_id: str) -> None:
        """Nothing is open."""

    def _result(self, work: Work) -> Result:
        table = np.zeros((work.bindings.rows, 4), dtype=np.int64)
        table[:, 0] = work.shots
        provenance = Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=work.seed,
            simulated=True,
        )
        return Result(Counts((table,), work.shots), provenance)


def comparisons(full: bool = False) -> Iterator[Comparison | Limit | Table]:
    """Yield the comparisons of this page, with the kills if all is wanted."""
    from benchmarks import kills, submitting

    with tempfile.TemporaryDirectory() as folder:
        os.environ["QADAPT_HOME"] = folder
        yield from _ledger(Path(folder))
        yield _chunks(Path(folder))
        yield from submitting.comparisons()
    if full:
        yield from kills.comparisons()


def rows(number: int) -> Bindings:
    """Values of the circuit's parameters."""
    generator = np.random.default_rng(1)
    return Bindings.of({name: generator.uniform(-3, 3, number) for name in CIRCUIT.parameters})


def seconds(call: Callable[[], object]) -> float:
    """Time of one call by the clock."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _ledger(folder: Path) -> Iterator[Comparison | Table]:
    """States that are on the disk one by one, against one insert per commit of bare SQLite."""
    backend, chunks = Instant(), STATES // 4
    options = Options(shots=100, most=1)
    plan = make_plan(CIRCUIT, rows(chunks), backend, options)
    result = backend._result(plan.works(0)[0])
    mark = fingerprint(CIRCUIT, rows(chunks), backend.name, options)
    with Ledger(folder / "states.db") as ledger:
        costs = estimate(plan, backend)
        added = seconds(lambda: ledger.add(plan, costs, fingerprint=mark))
        name = ledger.runs()[0].id

        def states() -> None:
            for chunk in range(chunks):
                tag, job = f"qadapt-{name}-{chunk}-0", f"job-{chunk}"
                ledger.record(name, chunk, State.INTENDED, tag=tag)
                ledger.record(name, chunk, State.SUBMITTED, tag=tag, job=job)
                ledger.record(name, chunk, State.FAILED, tag=tag, job=job, note="job-failed: measured")
                ledger.record(name, chunk, State.DONE, tag=tag, job=job, results=(result,))

        ours = seconds(states)
        read = seconds(lambda: (ledger.chunks(name), ledger.events(name)))
    yield Ratio(
        f"{STATES} states of {chunks} chunks, each on the disk before the next",
        ours,
        "sqlite3, one insert per commit, the same durability (floor)",
        _floor(folder / "floor.db"),
        0.25,
        "a state is an update and an insert, and a fourth of them bring results",
        unit="s",
    )
    table = [
        Measured("entering a run with its chunks", chunks, added, 1e6 * added / chunks),
        Measured("recording a state", STATES, ours, 1e6 * ours / STATES),
        Measured("reading chunks and states back", STATES, read, 1e6 * read / STATES),
    ]
    yield Table("ledger", table, f"{(folder / 'states.db').stat().st_size / STATES:.0f} bytes per state on the disk")


def _floor(path: Path) -> float:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, state TEXT, tag TEXT)")

    def inserts() -> None:
        for number in range(STATES):
            database.execute("INSERT INTO events (state, tag) VALUES (?, ?)", ("submitted", f"tag-{number}"))

    try:
        return seconds(inserts)
    finally:
        database.close()


def _chunks(folder: Path) -> Table:
    """What a run adds to a bare loop of submits and fetches, chunk by chunk."""
    bindings, policy = rows(CHUNKS), Policy(rows=1)

    def bare(backend: Backend) -> None:
        plan = make_plan(CIRCUIT, bindings, backend, Options(shots=100, most=1))
        for chunk in range(CHUNKS):
            backend.fetch(backend.submit(plan.works(chunk), tag=str(chunk)))

    def recorded() -> None:
        with Ledger(folder / "chunks.db") as ledger:
            run(CIRCUIT, bindings, Instant(), shots=100, policy=policy, ledger=ledger)

    times = {
        "submit and fetch alone": lambda: bare(Instant()),
        "a run without a ledger": lambda: run(CIRCUIT, bindings, Instant(), shots=100, policy=policy),
        "a run with a ledger": recorded,
    }
    measured = {what: seconds(call) for what, call in times.items()}
    found = [Measured(what, CHUNKS, time_, 1e6 * time_ / CHUNKS) for what, time_ in measured.items()]
    return Table("overhead per chunk of one row, on a backend that answers at once", found)


def against(title: str, ours: Callable[[], object], peer: str, theirs: Callable[[], object], repeats: int) -> Ratio:
    """Medians of both sides, taken in turn, each side first every other time; one call of each goes first unmeasured.

    Garbage is collected before each call, so that none pays for what the other has left.
    """
    times: dict[Callable[[], object], list[float]] = {ours: [], theirs: []}
    for turn in range(-1, repeats):
        for call in (ours, theirs) if turn % 2 else (theirs, ours):
            gc.collect()
            time_ = seconds(call)
            if turn >= 0:
                times[call].append(time_)
    mine, other = statistics.median(times[ours]), statistics.median(times[theirs])
    return Ratio(
        title, mine, peer, other, 1 / 1.05, "the bar is 5 % over the client's own time, answers take 0.1 s", unit="s"
    )
