"""qadapt by itself: which skeleton solves how many blocks and states of which family, how well, how fast."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.heron import TARGET
from benchmarks.ours import blocks
from benchmarks.tables import Limit, Table
from benchmarks.tasks import CLOSE, FAMILIES, Family, states
from qadapt.compile.choice import skeletons
from qadapt.errors import QadaptError
from qadapt.synthesis import TOLERANCE, Effort, Synthesis, synthesise_states
from qadapt.target import Target, bundled_targets

CZ, RZZ = TARGET, bundled_targets()["heron-r2-fractional"]
"""Machines with CZ alone, and with RZZ of free angles."""
SAMPLE: dict[tuple[Effort, int, Target], int] = {
    ("fast", 4, CZ): 1024,
    ("fast", 8, CZ): 256,
    ("best", 8, CZ): 16,
    ("best", 8, RZZ): 16,
    ("fast", 16, CZ): 32,
    ("best", 16, CZ): 4,
    ("best", 16, RZZ): 2,
    ("fast", 32, CZ): 1,
}
"""Blocks by effort, side and machine; side 4 has a closed form, which is the same at every effort."""
FULL = SAMPLE | {
    ("fast", 8, CZ): 1024,
    ("best", 8, CZ): 1024,
    ("best", 8, RZZ): 1024,
    ("fast", 16, CZ): 1024,
    ("best", 16, CZ): 64,
    ("best", 16, RZZ): 16,
    ("fast", 32, CZ): 32,
}
STATES = {2: 1024, 3: 1024, 4: 1024, 5: 64}
MOST = {("fast", 4): 2, ("fast", 8): 14, ("best", 8): 10, ("fast", 16): 60, ("best", 16): 60}
MOST |= {("fast", 32): 250}
"""Most entangling gates by effort and side."""
MOST_CLOSE = 19
"""Most entangling gates of blocks of side 8 next to the identity."""
MOST_STATES = {2: 1, 3: 3, 4: 7, 5: 14}
SECONDS = {("fast", 8): 1.5e-3, ("best", 8): 0.3, ("fast", 16): 0.06, ("fast", 32): 5.0}
"""Most seconds a block by effort and side, for as many as ``FULL`` has."""
MEMORY = 2 * 1024**3
"""Most bytes for 1,024 blocks of side 16."""


@dataclass(frozen=True)
class Row:
    """Blocks of one family, or states.

    Attributes:
        what: SO(d), or states of n qubits.
        family: How they are drawn.
        effort: Of the synthesis.
        gates: Entangling gates of the skeleton.
        ansatz: Family of the ansatz.
        solved: Rows within the tolerance, of all rows.
        residual: Largest distance of a row from its target, Frobenius norm.
        ms: CPU milliseconds per row.
        note: Skeletons that did not reach every row, or why there is no result.
    """

    what: str
    family: str
    effort: str
    gates: int | None
    ansatz: str
    solved: str
    residual: float | None
    ms: float
    note: str = ""


def measurements(full: bool) -> Iterator[Table | Limit]:
    """Yield the table of blocks, that of states, their limits, and the peak of memory."""
    rows, limits = [], []
    for (effort, d, target), count in (FULL if full else SAMPLE).items():
        skeletons(d.bit_length() - 1, target, effort=effort)  # what is made once per process
        what = f"SO({d}), {effort}{', RZZ' if target is RZZ else ''}"
        apart = [_blocks(effort, d, target, name, family, count) for name, family in FAMILIES.items()]
        rows += apart
        limits.append(_limit(f"{what}, {', '.join(FAMILIES)}", apart, MOST[effort, d]))
        if d == 8:
            close = [_blocks(effort, d, target, name, family, count) for name, family in CLOSE.items()]
            rows += close
            limits.append(_limit(f"{what}, {', '.join(CLOSE)}", close, MOST_CLOSE))
        if full and (effort, d) in SECONDS:
            slowest = max(row.ms for row in apart)
            limits.append(Limit(f"a block of {what}", slowest / 1e3, SECONDS[effort, d], "s"))
    for n, count in STATES.items():
        rows.append(_states(n, count))
        limits.append(_limit(f"real states of {n} qubits", rows[-1:], MOST_STATES[n]))
    yield Table("qadapt by itself, on a line", rows, f"solved to {TOLERANCE:g}; CPU ms per row of the batch")
    yield from limits
    yield Limit("peak memory of a process, 1,024 blocks of SO(16)", _peak() / 2**30, MEMORY / 2**30, "GiB")


def _limit(what: str, rows: Iterable[Row], most: int) -> Limit:
    gates = [row.gates for row in rows]
    value = None if None in gates else max(gates, key=lambda count: count or 0)
    return Limit(f"entangling gates, {what}", value, most, "gates")


def _blocks(effort: Effort, d: int, target: Target, name: str, family: Family, count: int) -> Row:
    targets = family(count, d)
    start = time.process_time()
    try:
        found: Synthesis | QadaptError = blocks(targets, effort, target)
    except QadaptError as error:
        found = error
    return _row(f"SO({d})", name, effort, count, found, time.process_time() - start)


def _states(n: int, count: int) -> Row:
    targets = states(count, 1 << n)
    start = time.process_time()
    try:
        found: Synthesis | QadaptError = synthesise_states(targets)
    except QadaptError as error:
        found = error
    return _row(f"states, n = {n}", "random", "", count, found, time.process_time() - start)


def _row(what: str, family: str, effort: str, count: int, found: Synthesis | QadaptError, seconds: float) -> Row:
    ms = 1e3 * seconds / count
    if isinstance(found, QadaptError):
        return Row(what, family, effort, None, "", f"not all of {count}", None, ms, str(found))
    solved = int((found.residual <= TOLERANCE).sum())
    tried = ", ".join(f"{len(one.unsolved)} rows not with {len(one.ansatz.edges)}" for one in found.attempts)
    gates, residual = len(found.ansatz.edges), float(found.residual.max())
    return Row(what, family, effort, gates, found.ansatz.family, f"{solved}/{count}", residual, ms, tried)


_WORK = """
import resource, sys
from benchmarks.heron import TARGET
from benchmarks.ours import blocks
from benchmarks.tasks import haar
blocks(haar(1024, 16), "fast")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak if sys.platform == "darwin" else 1024 * peak)
"""


def _peak() -> float:
    """Bytes of memory that a process of its own has held at most."""
    found = subprocess.run([sys.executable, "-c", _WORK], capture_output=True, text=True, check=True)
    return float(found.stdout)
