"""Synthesis: entangling gates, depth, time and process fidelity of qadapt and of the peers, and qadapt by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median

from benchmarks import families, fidelity, noisy_layer, numerical
from benchmarks.heron import Native
from benchmarks.ours import EFFORTS, compile_batch
from benchmarks.peers import Peer, Pyqpanda, Pytket, Qiskit
from benchmarks.tables import Limit, Ratio, Table
from benchmarks.tasks import KINDS, Kind, Task, tasks
from qadapt.errors import QadaptError
from qadapt.synthesis import Effort, ladder

QUBITS = (2, 3, 4, 5)
DRAWS = {2: 8, 3: 8, 4: 8, 5: 2}
"""Tasks of each kind by number of qubits."""
BATCH = {2: 256, 3: 64, 4: 16, 5: 2}
"""Tasks that qadapt is given at once, of which it is judged on the first ones."""
NOISY = {2: 8, 3: 8, 4: 2}
"""Blocks whose process fidelity is computed; five qubits would take minutes."""
WRONG = 1e-6
"""Error from which a compiled circuit is another one than was asked for."""
BARS = {("qiskit L3", 3): 2.0, ("pytket L2", 3): 2.0, ("qiskit L3", 4): 2.5, ("pytket L2", 4): 2.5}
"""How many times fewer entangling gates than a peer a block of so many qubits takes."""


@dataclass(frozen=True)
class Row:
    """One tool on one kind of circuit.

    Attributes:
        circuit: S, U, S|U or SU.
        n: Number of qubits.
        tool: Who compiled.
        gates: Entangling gates, median.
        fewest: The same, fewest over all tasks.
        depth: cz, sx and x in a row, median.
        ms: Milliseconds per circuit, median.
        F_emulator: Process fidelity of the block on qadapt's Heron emulator, mean.
        F_aer: The same with Aer's noise model of FakeKingston.
        note: What else has to be known.
    """

    circuit: Kind
    n: int
    tool: str
    gates: float | None = None
    fewest: float | None = None
    depth: float | None = None
    ms: float | None = None
    F_emulator: float | None = None
    F_aer: float | None = None
    note: str = ""


def comparisons(full: bool = False) -> Iterator[Ratio | Limit | Table]:
    """Yield the measurements of this page.

    Args:
        full: All 1,024 blocks of the full sizes, and bqskit at its higher levels; takes more than an hour.
    """
    rows = sorted([*_all(), *_bqskit(full)], key=lambda row: (KINDS.index(row.circuit), row.n))
    yield Table(
        "state (S), block (U), both with a fence between (S|U) and without (SU) for a Heron chip, cz",
        rows,
        "medians; CPU ms, one thread; F: process fidelity, mean, on the qubits that the tool chose",
    )
    yield from _bars(rows)
    yield from families.measurements(full)
    yield from noisy_layer.measurements()


def _all() -> Iterator[Row]:
    peers: Sequence[Peer] = (Qiskit(), Pytket(), Pyqpanda())
    for peer in peers:
        (small,) = tasks("S|U", 2, 1)
        peer.native(peer.compile(small), small)  # imports, and what is made once
    for n in QUBITS:
        for kind in KINDS:
            some = tasks(kind, n, DRAWS[n])
            for peer in peers:
                if peer.answers(some[0]):
                    yield _peer(peer, kind, some)
            for effort in EFFORTS:
                yield _ours(effort, kind, n)


def _peer(peer: Peer, kind: Kind, some: Sequence[Task]) -> Row:
    seconds, made = [], []
    for task in some:
        start = time.process_time()
        found = peer.compile(task)
        seconds.append(time.process_time() - start)
        made.append(peer.native(found, task))
    return _row(peer.name, kind, some, made, median(seconds))


def _ours(effort: Effort, kind: Kind, n: int) -> Row:
    some, name = tasks(kind, n, BATCH[n]), f"qadapt {effort}"
    try:
        ladder(n, effort=effort)  # what is made once per process
        batch = compile_batch(some, effort)
    except QadaptError as error:
        return Row(kind, n, name, note=str(error))
    judged = some[: DRAWS[n]]
    note = "as a preparation of U x" if kind == "SU" else ""
    return _row(name, kind, judged, [batch.native(row) for row in range(len(judged))], batch.seconds, note)


def _bqskit(full: bool) -> Iterator[Row]:
    if not numerical.installed():
        yield Row("U", 2, "bqskit", note="not installed")
        return
    plan: list[tuple[int, Kind, int]] = [(1, "S", 2), (1, "S", 3), (1, "U", 2), (1, "U", 3)]
    if full:
        plan += [(3, "U", 2), (3, "U", 3), (1, "U", 4)]
    limit = 400.0 if full else 60.0
    for level, kind, n in plan:
        some = tasks(kind, n, 2)
        with numerical.worker() as worker:
            answers = [worker.compile(some[0], level, limit)]
            if answers[0] is not None:
                answers.append(worker.compile(some[1], level, limit))
        found = [answer for answer in answers if answer is not None]
        if len(found) < len(answers):
            yield Row(kind, n, f"bqskit L{level}", note=f"no result in {limit:g} s")
        else:
            seconds = median(answer[0] for answer in found)
            yield _row(f"bqskit L{level}", kind, some, [answer[1] for answer in found], seconds, "wall ms, 2 draws")


def _row(tool: str, kind: Kind, some: Sequence[Task], made: Sequence[Native], seconds: float, note: str = "") -> Row:
    error = max(native.error(task.ideal) for native, task in zip(made, some, strict=True))
    counts = [native.entangling for native in made]
    depth, n = median(native.depth for native in made), some[0].num_qubits
    if error > WRONG:
        wrong = f"WRONG CIRCUIT, error {error:.1g}"
        return Row(kind, n, tool, median(counts), None, depth, 1e3 * seconds, note=wrong)
    ours = theirs = None
    if kind == "U" and n in NOISY:
        noisy = list(zip(made, some, strict=True))[: NOISY[n]]
        ours = mean(fidelity.emulated(native, task.block) for native, task in noisy)
        theirs = mean(fidelity.aer(native, task.block) for native, task in noisy)
        assert abs(ours - theirs) < 1e-6, "the two simulators have different noise"
    return Row(kind, n, tool, median(counts), min(counts), depth, 1e3 * seconds, ours, theirs, note)


def _bars(rows: Sequence[Row]) -> Iterator[Ratio | Limit]:
    """Never more gates than the luckiest circuit of any peer; and several times fewer for blocks."""
    for kind in KINDS:
        for n in QUBITS:
            here = [row for row in rows if (row.circuit, row.n) == (kind, n) and row.fewest is not None]
            ours = [row.gates for row in here if row.tool.startswith("qadapt") and row.gates is not None]
            peers = [row for row in here if not row.tool.startswith("qadapt")]
            least = min(peers, key=lambda row: row.fewest or 0)
            yield Limit(
                f"entangling gates, {kind}, {n} qubits", min(ours, default=None), least.fewest or 0, "gates", least.tool
            )
            for row in peers if kind == "U" else ():
                if (row.tool, n) in BARS and row.gates is not None:
                    yield Ratio(
                        f"entangling gates of a block, d = {1 << n}",
                        min(ours, default=float("inf")),
                        row.tool,
                        row.gates,
                        BARS[row.tool, n],
                        unit="gates",
                    )
