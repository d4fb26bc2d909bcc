"""Runner: from a circuit and bindings to counts, on any backend: compile, pack, chunk, submit, wait, collect."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.compile import MAX_TILE, Packed, compile_circuit, pack
from qadapt.counts import Counts, concatenate
from qadapt.errors import BadResultError, BindingsError, TargetError
from qadapt.provider import Backend, Done, Failed, Pending, Result, Work, check_angles
from qadapt.target import Capabilities

FIRST_POLL, LONGEST_POLL = 0.005, 2.0
"""Seconds between two looks at a job: doubled from the first to the longest."""


@dataclass(frozen=True, eq=False)
class Run(Result):
    """Counts of a whole run, one register, row *i* for bindings row *i*.

    Attributes:
        counts: ``[rows, 2**bits]``.
        provenance: What was done, as the backend reported it for the first chunk; ``seed`` is the run's.
        circuit: The native circuit that was executed.
        executions: How often it was executed (shots not counted), over all chunks.
        tiles: Copies of the source circuit side by side in it.
    """

    circuit: Circuit
    executions: int
    tiles: int


def run(
    circuit: Circuit,
    bindings: Bindings | Mapping[str, ArrayLike],
    backend: Backend | str,
    *,
    shots: int,
    seed: int | None = None,
    packed: bool | None = None,
    spacing: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Run every row of a circuit on a backend and wait for the counts.

    Args:
        circuit: Circuit with one measured register.
        bindings: Values of its parameters, one row per execution; a mapping is taken as by ``Bindings.of``, and an
            empty one is one row of a circuit without parameters.
        backend: Where to run, or its name, as in ``local:statevector``.
        shots: Shots per row.
        seed: Decides the counts on backends that honour seeds; chunks after the first get seeds derived from it.
        packed: Whether to run copies side by side; by default wherever the target has couplings and the circuit is
            small and connected.
        spacing: Least number of idle qubits between two copies, 0 or 1.
        progress: Called with the executions done and in all.

    Raises:
        QadaptError: The circuit, bindings or shots do not fit, or the backend failed.
    """
    bindings = Bindings.of(bindings) if isinstance(bindings, Mapping) else bindings
    if not isinstance(bindings, Bindings):
        raise BindingsError(f"bindings are {type(bindings).__name__}, expected Bindings or values by name")
    backend = registry.backend(backend) if isinstance(backend, str) else backend
    check_angles(circuit, bindings.check(circuit.parameters))
    plan = _packed(circuit, bindings, backend, packed, spacing)
    placed = plan or compile_circuit(circuit, backend.target)
    native, bound = placed.circuit, placed.bind(bindings)
    parts: list[Result] = []
    done = 0
    for works in _submits(_chunks(native, bound, backend, shots, seed), backend.capabilities):
        job_id = backend.submit(works, tag=f"qadapt-{uuid.uuid4().hex}")
        try:
            results = wait(backend, job_id)
        except KeyboardInterrupt:
            if backend.capabilities.cancel:
                backend.cancel(job_id)
            raise
        if len(results) != len(works):
            raise BadResultError(f"{len(results)} results for {len(works)} works", provider=backend.name)
        for work, result in zip(works, results, strict=True):
            rows = work.bindings.rows
            result.counts.check(rows=rows, widths=work.widths, shots=shots, provider=backend.name)
            parts.append(result)
            done += rows
            if progress is not None:
                progress(done, bound.rows)
    counts: Counts = concatenate([part.counts for part in parts])
    if plan is not None:
        counts = plan.split(counts, bindings.rows)
    first = parts[0].provenance
    provenance = first if first.seed is None else first.model_copy(update={"seed": seed})
    return Run(counts, provenance, native, bound.rows, len(plan.tiles) if plan else 1)


def wait(backend: Backend, job_id: str) -> Sequence[Result]:
    """Look at a job until it has finished.

    Raises:
        ProviderError: The job failed.
    """
    pause = FIRST_POLL
    while True:
        match backend.fetch(job_id):
            case Done(results):
                return results
            case Failed(error):
                raise error
            case Pending():
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_POLL)


def _packed(circuit: Circuit, bindings: Bindings, backend: Backend, packed: bool | None, spacing: int) -> Packed | None:
    """Pack if that is asked for, or if nothing is said and the circuit and the target allow it."""
    target = backend.target
    if packed is None and (
        target.couplings is None or circuit.num_qubits > MAX_TILE or len(circuit.measured) != 1 or bindings.rows == 1
    ):
        return None
    if packed is False:
        return None
    try:
        return pack(circuit, target, copies=bindings.rows, spacing=spacing)
    except TargetError:
        if packed:
            raise
        return None  # not connected, or only with routing: one copy at a time


def _chunks(circuit: Circuit, bindings: Bindings, backend: Backend, shots: int, seed: int | None) -> Iterator[Work]:
    """Cut the rows to what one work may hold; a run that fits keeps the caller's seed and shared columns."""
    can = backend.capabilities
    most = min(can.max_rows, max(1, can.max_executions // shots)) if _whole(shots) else can.max_rows
    for number, block in enumerate(bindings.blocks(most)):
        yield Work(circuit, block, shots, derived_seed(seed, number))


def _whole(shots: int) -> bool:
    """Whether shots can be divided by; the backend refuses all others."""
    return isinstance(shots, int) and shots > 0


def _submits(chunks: Iterable[Work], can: Capabilities) -> Iterator[list[Work]]:
    """Gather works into submits of at most ``max_works`` works and ``max_executions`` executions."""
    works: list[Work] = []
    executions = 0
    for work in chunks:
        more = work.bindings.rows * work.shots if _whole(work.shots) else 0
        if works and (len(works) == can.max_works or executions + more > can.max_executions):
            yield works
            works, executions = [], 0
        works.append(work)
        executions += more
    yield works


def derived_seed(seed: int | None, number: int) -> int | None:
    """The seed of the *number*-th part of something seeded: the seed itself for the first, independent ones after."""
    if seed is None or number == 0:
        return seed
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
