"""The noisy output of a Cayley layer of d = 8 on IBM's FakeKingston: qadapt's circuits against Qiskit's of level 3.

All run on the backend ``ibm:fake_kingston``, which is Aer with its noise model of that machine, with the same inputs,
shots and seed. The noise model has no crosstalk, so that a circuit gives the same alone and beside others; Qiskit's
circuits are run one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from benchmarks.ours import program
from benchmarks.peers import SEED, qiskit_circuit, qiskit_passes
from benchmarks.tables import Ratio, Table
from benchmarks.tasks import FAMILIES, Floats, Task, states
from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.compile import pack
from qadapt.counts import Counts
from qadapt.interchange import from_qiskit
from qadapt.jobs import run, wait
from qadapt.provider import Backend, Work
from qadapt.readout import readout
from qadapt.synthesis import Effort

BACKEND = "ibm:fake_kingston"
BLOCKS, TOKENS, SHOTS = 8, 8, 4096
SHOWN = ("Haar", "|A| = 0.3")
"""Blocks without structure, and blocks as large as training makes them."""


@dataclass(frozen=True)
class Row:
    """One way to run a layer.

    Attributes:
        blocks: Family of the blocks.
        compiler: Whose circuits.
        qubits: Where they run.
        executions: How often the chip runs, shots not counted.
        gates: Entangling gates of a row, mean.
        error: ``||y - Q x|| / ||Q x||`` of the decoded vector, mean over the rows.
        error_of_sizes: The same with the true signs: without what the read-out itself gets wrong.
    """

    blocks: str
    compiler: str
    qubits: str
    executions: int
    gates: float
    error: float
    error_of_sizes: float


def measurements() -> Iterator[Table | Ratio]:
    """Yield the table of errors and what we hold ourselves to."""
    rows: list[Row] = []
    for name in SHOWN:
        rows += _layer(name)
    title = f"decoded output of a layer of {BLOCKS} blocks of 8 and {TOKENS} tokens on {BACKEND}, {SHOTS} shots"
    yield Table(title, rows, "read-out input-sign; error: ||y - Q x|| / ||Q x||, mean over the rows")
    for name in SHOWN:
        found = {(row.compiler, row.qubits): row for row in rows if row.blocks == name}
        for qubits in ("packed tiles", "best qubits"):
            ours, theirs = found["qadapt best", qubits], found["qiskit L3", qubits]
            title = f"error of decoded sizes, {name}, {qubits}"
            yield Ratio(title, ours.error_of_sizes, "qiskit L3", theirs.error_of_sizes, 1.0, unit="of the norm")


def _layer(name: str) -> Iterator[Row]:
    matrices = FAMILIES[name](BLOCKS, 8)
    vectors = states(BLOCKS * TOKENS, 8)
    some = [Task("S|U", state, matrices[row // TOKENS]) for row, state in enumerate(vectors)]
    exact = np.array([task.ideal[:, 0] for task in some])
    backend = registry.backend(BACKEND)
    generator = np.random.default_rng(SEED)
    floor = np.array([generator.multinomial(SHOTS, row / row.sum()) for row in np.square(exact)])
    unturned = (np.linalg.norm(change, axis=1).mean() for change in (vectors - exact, abs(vectors) - abs(exact)))
    yield Row(name, "none", "inputs as they are", 0, 0.0, *map(float, unturned))
    yield _row(name, "none", "no noise, shots only", 0, 0.0, floor, vectors, exact)
    for effort, packed in (("fast", True), ("best", True), ("best", False)):
        yield _ours(name, effort, packed, some, exact, backend)  # type: ignore[arg-type]
    circuit, _ = program(some, "best", measured=True)
    tiles = pack(circuit, backend.target, copies=len(some)).tiles
    layouts: list[tuple[int, ...] | None] = [tiles[row % len(tiles)] for row in range(len(some))]
    executions = -(-len(some) // len(tiles))
    yield _qiskit(name, "packed tiles", executions, layouts, some, exact, backend)
    yield _qiskit(name, "best qubits", len(some), [None] * len(some), some, exact, backend)


def _ours(name: str, effort: Effort, packed: bool, some: Sequence[Task], exact: Floats, backend: Backend) -> Row:
    circuit, bindings = program(some, effort, measured=True)
    done = run(circuit, bindings, backend, shots=SHOTS, seed=SEED, packed=packed)
    where, gates = "packed tiles" if packed else "best qubits", done.circuit.count() / done.tiles
    vectors = np.array([task.state for task in some])
    return _row(name, f"qadapt {effort}", where, done.executions, gates, done.counts.registers[0], vectors, exact)


def _qiskit(
    name: str,
    where: str,
    executions: int,
    layouts: Sequence[tuple[int, ...] | None],
    some: Sequence[Task],
    exact: Floats,
    backend: Backend,
) -> Row:
    works = []
    for number, (task, layout) in enumerate(zip(some, layouts, strict=True)):
        made = qiskit_circuit(task)
        made.measure_all()
        works.append(Work(from_qiskit(qiskit_passes(layout).run(made)), Bindings.of({}), SHOTS, SEED + number))
    results = wait(backend, backend.submit(works, tag=f"{name}, {where}"))
    counts = [result.counts.registers[0] for result in results]
    gates = mean(work.circuit.count() for work in works)
    vectors = np.array([task.state for task in some])
    return _row(name, "qiskit L3", where, executions, gates, np.concatenate(counts), vectors, exact)


def _row(
    name: str,
    compiler: str,
    where: str,
    executions: int,
    gates: float,
    table: NDArray[np.int64],
    vectors: Floats,
    exact: Floats,
) -> Row:
    counts = Counts((table,), SHOTS)

    def error(inputs: Floats) -> float:
        decoded = readout("input-sign").decode([counts], inputs).values
        return float(np.linalg.norm(decoded - exact, axis=1).mean())

    return Row(name, compiler, where, executions, gates, error(vectors), error(exact))
