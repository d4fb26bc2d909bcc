"""Rows: which row of the counts answers which row of the bindings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from qadapt import Backend, Bindings, Capabilities, Circuit, Done, Failed, Pending, Target, Work, op
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import SUBMITTING, rule

NUMBER = Circuit(num_qubits=4, operations=[op("rx", q, angles=[f"bit{q}"]) for q in range(4)], measured=[0, 1, 2, 3])
"""Reads a number that is bound as rotations by 0 or pi: every row has one certain outcome of its own."""

MANY = 300
"""Rows of a long run: more than batches, pages and bytes usually hold."""

STATE = Circuit(
    num_qubits=2,
    operations=[
        op("ry", 0, angles=["a"]),
        op("ry", 1, angles=["b"]),
        op("cz", 0, 1),
        op("ry", 1, angles=["c"]),
        op("rx", 0, angles=["a"]),
    ],
    measured=[0, 1],
)


def _numbers(rows: int) -> Bindings:
    number = np.arange(rows) * 7 % 16
    return Bindings.of({f"bit{q}": np.pi * (number >> q & 1) for q in range(4)})


@rule("ROWS-1", qubits=4)
def row_answers_row(probe: Probe) -> Iterator[Finding]:
    """Result row i answers bindings row i."""
    yield from probe.agrees(NUMBER, _numbers(16), shots=100)
    angles = np.random.default_rng(1).uniform(-3, 3, (3, 24))
    yield from probe.agrees(STATE, dict(zip("abc", angles, strict=True)))
    # Nor does a row far down, in batches and pages of the usual sizes: bits without a pattern.
    bits = np.random.default_rng(4).integers(2, size=MANY)
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["bit"])], measured=[0])
    yield from probe.agrees(circuit, {"bit": np.pi * bits}, shots=20)


@rule("ROWS-2", qubits=2)
def batch_equals_single(probe: Probe) -> Iterator[Finding]:
    """A row that runs alone gives what it gives in a batch."""
    angles = np.random.default_rng(2).uniform(-3, 3, (5, 3))
    for a, b, c in angles:
        yield from probe.agrees(STATE, {"a": a, "b": b, "c": c})
    yield from probe.agrees(STATE, dict(zip("abc", angles.T, strict=True)))


@rule("ROWS-3", qubits=2)
def shared_columns(probe: Probe) -> Iterator[Finding]:
    """Columns smaller than the row shape are shared, and rows count in C order."""
    draw = np.random.default_rng(3).uniform
    values = Bindings.of({"a": draw(-3, 3, (4, 1)), "b": draw(-3, 3, (1, 5)), "c": 0.9})
    yield from probe.agrees(STATE, values)


class _Narrow:
    """The backend with room for few rows and works, so that a small run is cut into chunks."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self.name = inner.name
        limits = {"max_rows": min(5, inner.capabilities.max_rows), "max_works": min(2, inner.capabilities.max_works)}
        self.capabilities: Capabilities = inner.capabilities.model_copy(update=limits)

    @property
    def target(self) -> Target:
        return self._inner.target

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        return self._inner.submit(work, tag=tag)

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        return self._inner.fetch(job_id)

    def cancel(self, job_id: str) -> None:
        self._inner.cancel(job_id)


@rule("ROWS-4", qubits=4, tiers=SUBMITTING)
def order_across_chunks(probe: Probe) -> Iterator[Finding]:
    """Rows keep their order when a run is cut into several works and jobs."""
    narrow = _Narrow(probe.backend)
    if probe.exact:
        yield from probe.agrees(NUMBER, _numbers(23), shots=100, backend=narrow)
    else:
        # Noise that drowns a number of four bits leaves one bit: the works of five rows begin with 1, 2 and 3 ones.
        row = np.arange(12)
        circuit = Circuit(num_qubits=1, operations=[op("rx", 0, angles=["bit"])], measured=[0])
        yield from probe.agrees(circuit, {"bit": np.pi * (row % 5 <= row // 5)}, shots=100, backend=narrow)


@rule("ROWS-5", qubits=4)
def order_of_works(probe: Probe) -> Iterator[Finding]:
    """The results of a job come in the order of its works, each with its own width, rows and shots."""
    works = [
        probe.work(NUMBER, _numbers(3), shots=50, seed=probe.seed()),
        probe.work(STATE, {"a": 0.4, "b": [1.1, -2.0], "c": 0.3}, shots=4096, seed=probe.seed()),
        probe.work(Circuit(num_qubits=1, operations=[op("x", 0)], measured=[0]), shots=7, seed=probe.seed()),
    ]
    yield from probe.work_agrees(works)
    for work, result in zip(works, probe.execute(works), strict=False):
        counts = result.counts
        got = (counts.rows, [table.shape[1] for table in counts.registers], counts.shots)
        want = (work.bindings.rows, [2**width for width in work.widths], work.shots)
        yield fact(got == want, f"rows, outcomes and shots {got}, expected {want}", work.circuit)
