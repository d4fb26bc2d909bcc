"""Runner: from a circuit and bindings to counts, on any backend, through any interruption."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.cost import Cost
from qadapt.counts import Counts
from qadapt.errors import BindingsError, InDoubtError, LedgerError
from qadapt.jobs.budget import Budget, estimate, spent, total
from qadapt.jobs.flight import Flight
from qadapt.jobs.identity import check_identity, identity
from qadapt.jobs.ledger import Ledger, default_path
from qadapt.jobs.place import Place, recorded, recording
from qadapt.jobs.plan import Asked, Options, Plan, fingerprint, make_plan
from qadapt.jobs.policy import PATIENT, Policy
from qadapt.jobs.progress import Show
from qadapt.jobs.records import Entry, State
from qadapt.provider import Backend, Result, check_angles

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Run(Result):
    """Counts of a whole run, one register, row *i* for bindings row *i*.

    Attributes:
        counts: ``[rows, 2**bits]``.
        provenance: What was done, as the backend reported it for the first chunk; ``seed`` is the run's.
        circuit: The native circuit that was executed.
        executions: How often it was executed (shots not counted), over all chunks.
        tiles: Copies of the source circuit side by side in it.
        id: Id of the run in the ledger; None where it is in none.
    """

    circuit: Circuit
    executions: int
    tiles: int
    id: str | None = None


@dataclass(frozen=True, eq=False)
class Partial:
    """What is there of a run.

    Attributes:
        counts: ``[rows, 2**bits]`` per register, 0 in rows that are not there; None if no chunk is done.
        there: For each row whether it is there, ``[rows]``.
        results: Results of the chunks that are done, by number of the chunk.
        asked: What the run was asked for: circuit, values of each row, and options.
    """

    counts: Counts | None
    there: NDArray[np.bool_]
    results: Mapping[int, Sequence[Result]]
    asked: Asked


def run(
    circuit: Circuit,
    bindings: Bindings | Mapping[str, ArrayLike],
    backend: Backend | str,
    *,
    shots: int,
    seed: int | None = None,
    packed: bool | None = None,
    spacing: int = 0,
    tiles: Sequence[Sequence[int]] | None = None,
    policy: Policy = PATIENT,
    budget: Budget | str | None = None,
    ledger: Place = "auto",
    label: str = "",
    progress: Show | None = None,
    deliver: bool = True,
) -> Run:
    """Run every row of a circuit on a backend and wait for the counts.

    With a ledger, a call that was interrupted goes on where it stopped when it is made again: a run of the same
    circuit, values, backend, account, shots, seed and options that is not finished is taken up, and one that is
    finished but was never returned is returned. Another label makes another run.

    Args:
        circuit: Circuit with one measured register.
        bindings: Values of its parameters, one row per execution; a mapping is taken as by ``Bindings.of``, and an
            empty one is one row of a circuit without parameters.
        backend: Where to run, or its name, as in ``local:statevector``.
        shots: Shots per row.
        seed: Decides the counts on backends that honour seeds; works after the first get seeds derived from it.
        packed: Whether to run copies side by side; by default wherever the target has couplings and the circuit is
            small and connected.
        spacing: Least number of idle qubits between two copies, 0 or 1.
        tiles: Physical qubits of each copy, in the order of the circuit's qubits; row *i* runs on tile
            ``i % len(tiles)``. ``packed`` and ``spacing`` choose them when omitted.
        policy: How patient the run is, and what it does in doubt.
        budget: Most that it may cost, as ``20usd,300s``; checked before anything is sent.
        ledger: Where the run is recorded, or the path of that ledger; ``auto`` takes the default one for backends whose
            jobs outlive this process, and ``none``, as for simulators, records nothing.
        label: Name of the run in the ledger, for people.
        progress: Called with the progress whenever it changes.
        deliver: Whether the counts are handed out when this returns. If not, ``Ledger.deliver`` says so later, and
            until then the same call gets them again.

    Raises:
        BudgetError: It would cost more than it may.
        InDoubtError: The fate of some submits is unknown.
        LedgerError: The ledger cannot be used.
        QadaptError: The circuit, bindings or shots do not fit, or the backend failed.
    """
    bindings = Bindings.of(bindings) if isinstance(bindings, Mapping) else bindings
    if not isinstance(bindings, Bindings):
        raise BindingsError(f"bindings are {type(bindings).__name__}, expected Bindings or values by name")
    limits = Budget.of(budget)
    with ExitStack() as held:
        backend = held.enter_context(registry.using(backend))
        check_angles(circuit, bindings.check(circuit.parameters))
        book = held.enter_context(recording(ledger, backend))
        options = Options(shots, seed, packed, spacing, policy.rows, tiles)
        own = "{}" if book is None else identity(backend, policy.deadline)
        mark = "" if book is None else fingerprint(circuit, bindings, backend.name, options, own)
        if book is not None and (entry := _unfinished(book, mark, label, held)):
            _log.info("run %s goes on", entry.id)
            return _go_on(entry, backend, policy, limits, book, progress, deliver=deliver)
        plan = make_plan(circuit, bindings, backend, options)
        costs, limits = estimate(plan, backend), limits or Budget()
        afford = _purse(limits, costs, total(costs), free=backend.capabilities.simulated)
        if book is None:
            return _finished(plan, Flight(plan, backend, policy, afford=afford, show=progress).fly())
        with book.entering():
            # Another process may have made the same call since.
            entry = _unfinished(book, mark, label, held)
            if entry is None:
                said = limits.model_dump_json()
                name = book.add(plan, costs, fingerprint=mark, label=label, budget=said, identity=own)
                held.enter_context(book.working(name))
        if entry is not None:
            return _go_on(entry, backend, policy, limits, book, progress, deliver=deliver)
        record = partial(book.write, name)
        flight = Flight(plan, backend, policy, run=name, record=record, afford=afford, show=progress)
        with _handed_out(name, book, deliver=deliver):
            return _finished(plan, flight.fly(), name)


def resume(
    name: str,
    *,
    backend: Backend | None = None,
    policy: Policy = PATIENT,
    budget: Budget | str | None = None,
    ledger: Place | None = None,
    progress: Show | None = None,
    deliver: bool = True,
) -> Run:
    """Take up a run of the ledger: fetch what is at the vendor, send what is not, and wait for the counts.

    What may have been sent is looked for before anything is sent. Chunks that failed or were cancelled are sent again;
    chunks in doubt only if the policy says so.

    Args:
        name: Id of the run, the beginning of one, or its label.
        backend: Where it runs, if its name alone does not open it.
        policy: How patient the run is, and what it does in doubt.
        budget: Most that the whole run may cost, with what it has used already; the budget that it was started with
            when omitted.
        ledger: Where it is recorded, or the path of that ledger; the default one when omitted.
        progress: Called with the progress whenever it changes.
        deliver: As of ``run``.

    Raises:
        BudgetError: The run would cost more than it may.
        InDoubtError: The fate of some submits is unknown.
        LedgerError: There is no such run, or another process works on it.
        QadaptError: The backend failed.
    """
    limits = Budget.of(budget)
    with recorded(ledger) as book:
        entry = book.run(name)
        with book.working(entry.id):
            return _go_on(entry, backend, policy, limits, book, progress, deliver=deliver)


def partial_results(name: str, *, ledger: Place | None = None) -> Partial:
    """What is there of a run of the ledger, finished or not; asks nothing of the vendor.

    Raises:
        LedgerError: There is no such run.
    """
    with recorded(ledger) as book:
        entry = book.run(name)
        plan = book.plan(entry.id)
        done = [chunk.number for chunk in book.chunks(entry.id) if chunk.state is State.DONE]
        results = {number: book.results(entry.id, number) for number in done}
        if not results:
            return Partial(None, np.zeros(entry.rows, dtype=bool), results, plan.asked)
        counts, there = plan.collect(results)
        return Partial(counts, there, results, plan.asked)


def _unfinished(book: Ledger, mark: str, label: str, held: ExitStack) -> Entry | None:
    """The latest run that asked for the same, if its counts were never handed out; a label has to be the same too.

    This process works on it from here on.

    Raises:
        LedgerError: Another process works on it.
    """
    for entry in [entry for entry in book.runs(fingerprint=mark) if label in ("", entry.label)][:1]:
        with ExitStack() as lock:
            try:
                lock.enter_context(book.working(entry.id))
            except LedgerError as error:
                error.hint = "it asks for the same as this call; another label makes another run"
                raise
            if book.run(entry.id).delivered is None:  # nor by whoever worked on it until just now
                held.enter_context(lock.pop_all())
                return entry
    return None


@contextmanager
def _handed_out(run: str, book: Ledger, *, deliver: bool) -> Iterator[None]:
    """Write down that the counts are handed out when the body has got them; note on what stops it how to go on."""
    try:
        yield
        if deliver:
            book.deliver(run)
    except InDoubtError:
        raise  # it says itself what it takes
    except BaseException as stop:
        place = "" if book.path == default_path() else f" --ledger {shlex.quote(str(book.path))}"
        stop.add_note(f"run {run} is recorded; go on with: qadapt jobs resume {run}{place}")
        raise


def _go_on(
    entry: Entry,
    backend: Backend | None,
    policy: Policy,
    budget: Budget | None,
    book: Ledger,
    progress: Show | None,
    *,
    deliver: bool,
) -> Run:
    """Finish a run that this process works on."""
    with _handed_out(entry.id, book, deliver=deliver), ExitStack() as held:
        plan, chunks = book.plan(entry.id), book.chunks(entry.id)
        there, record = partial(book.results, entry.id), partial(book.write, entry.id)
        if all(chunk.state is State.DONE for chunk in chunks):
            return _finished(plan, {chunk.number: there(chunk.number) for chunk in chunks}, entry.id)
        backend = held.enter_context(registry.using(backend or entry.backend))
        check_identity(entry, backend, policy.deadline)
        again = {State.PLANNED, State.FAILED, State.CANCELLED}
        if not backend.capabilities.retrieval:
            again.add(State.SUBMITTED)  # the job has ended with its process
        used = spent(chunks, book.events(entry.id)) + total(chunk.cost for chunk in chunks if chunk.state in again)
        limits = budget or Budget.model_validate_json(entry.budget)
        afford = _purse(limits, [chunk.cost for chunk in chunks], used, free=backend.capabilities.simulated)
        flight = Flight(plan, backend, policy, run=entry.id, record=record, afford=afford, show=progress)
        flight.take_up(chunks, there)
        return _finished(plan, flight.fly(), entry.id)


def _purse(budget: Budget, costs: Sequence[Cost], used: Cost, *, free: bool) -> Callable[[int], None]:
    """Check what a run uses now, and get what checks the budget before a chunk goes once more than that.

    Raises:
        BudgetError: It is too much already.
    """
    budget.check(used, free=free)

    def afford(chunk: int) -> None:
        nonlocal used
        budget.check(used + costs[chunk], free=free)
        used += costs[chunk]

    return afford


def _finished(plan: Plan, results: Mapping[int, Sequence[Result]], name: str | None = None) -> Run:
    counts, _ = plan.collect(results)
    first = results[0][0].provenance
    provenance = first if first.seed is None else first.model_copy(update={"seed": plan.work.seed})
    return Run(counts, provenance, plan.work.circuit, plan.executions, max(plan.tiles, 1), name)
