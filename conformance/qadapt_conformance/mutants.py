"""Mutants: backends that are wrong on purpose, each with the rule that must catch it.

Each wraps a right backend, changes the works on their way in or the counts on their way out, and keeps the provenance
of a backend that believes itself right. A rule that lets its mutant live tests nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import pi

import numpy as np

from qadapt import (
    Backend,
    Bindings,
    Capabilities,
    Circuit,
    Counts,
    Done,
    Failed,
    Operation,
    Parameter,
    Pending,
    QadaptError,
    Result,
    Target,
    Work,
    op,
)

WorkChange = Callable[[Work], Work]
ResultChange = Callable[[Work, Result], Result]


class Wrapped:
    """A backend with a change before submit and a change after fetch."""

    def __init__(
        self,
        inner: Backend,
        before: WorkChange = lambda work: work,
        after: ResultChange = lambda work, result: result,
    ) -> None:
        self._inner, self._before, self._after = inner, before, after
        self._works: dict[str, tuple[Work, ...]] = {}

    @property
    def name(self) -> str:
        """Name of the right backend."""
        return self._inner.name

    @property
    def target(self) -> Target:
        """Target of the right backend."""
        return self._inner.target

    @property
    def capabilities(self) -> Capabilities:
        """Capabilities of the right backend."""
        return self._inner.capabilities

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Submit changed works."""
        job = self._inner.submit([self._before(item) for item in work], tag=tag)
        self._works.setdefault(job, tuple(work))
        return job

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Fetch and change the results."""
        state = self._inner.fetch(job_id)
        if not isinstance(state, Done):
            return state
        works = self._works[job_id]
        return Done(tuple(self._result(work, result) for work, result in zip(works, state.results, strict=True)))

    def _result(self, work: Work, result: Result) -> Result:
        believed = {
            "circuit_hash": work.circuit.content_hash,
            "qubits": work.circuit.measured,
            "seed": work.seed if self.capabilities.seed else None,
        }
        return self._after(work, replace(result, provenance=result.provenance.model_copy(update=believed)))

    def cancel(self, job_id: str) -> None:
        """Cancel the job."""
        self._inner.cancel(job_id)


class _Swallowing(Wrapped):
    """Answers whatever is refused with a plausible job instead."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        try:
            return super().submit(work, tag=tag)
        except QadaptError:
            circuit = Circuit(num_qubits=1, measured=[0])
            return super().submit([Work(circuit, Bindings.of({}), 100)], tag=tag)


class _Forgetful(Wrapped):
    """Makes a new job for every submit, whatever the tag."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        return super().submit(work, tag=f"{tag}-{len(self._works)}")


class _Lost(Wrapped):
    """Declares that it finds submits, and finds none."""

    @property
    def capabilities(self) -> Capabilities:
        return super().capabilities.model_copy(update={"find": True})

    def find(self, tag: str) -> str | None:
        return None


def _tables(change: Callable[[np.ndarray], np.ndarray]) -> ResultChange:
    def after(work: Work, result: Result) -> Result:
        registers = tuple(change(table) for table in result.counts.registers)
        return replace(result, counts=Counts(registers, result.counts.shots))

    return after


def _reversed_bits(table: np.ndarray) -> np.ndarray:
    rows, outcomes = table.shape
    bits = outcomes.bit_length() - 1
    axes = (0, *range(bits, 0, -1))
    return table.reshape(rows, *(2,) * bits).transpose(axes).reshape(rows, outcomes)


def _lost_shot(table: np.ndarray) -> np.ndarray:
    out = table.copy()
    out[np.arange(len(out)), out.argmax(axis=1)] -= 1
    return out


def _operations(change: Callable[[Operation], Operation | None]) -> WorkChange:
    def before(work: Work) -> Work:
        changed = tuple(new for old in work.circuit.operations if (new := change(old)) is not None)
        fresh = Circuit(num_qubits=work.circuit.num_qubits, operations=changed, measured=work.circuit.measured)
        lost = set(work.circuit.parameters) - set(fresh.parameters)
        columns = {name: column for name, column in work.bindings.columns.items() if name not in lost}
        return replace(work, circuit=fresh, bindings=Bindings(columns, work.bindings.shape))

    return before


def _angles(change: Callable[[np.ndarray], np.ndarray]) -> WorkChange:
    """Change every angle, bound or constant; affine parameters are changed before their scale."""

    def constants(operation: Operation) -> Operation:
        angles = tuple(a if isinstance(a, Parameter) else float(change(np.array(a))) for a in operation.angles)
        return operation.model_copy(update={"angles": angles})

    inner = _operations(constants)

    def before(work: Work) -> Work:
        columns = {name: change(column) for name, column in work.bindings.columns.items()}
        return inner(replace(work, bindings=Bindings(columns, work.bindings.shape)))

    return before


def _sorted_parameters(work: Work) -> Work:
    names = work.bindings.names
    columns = {name: work.bindings.columns[other] for name, other in zip(sorted(names), names, strict=True)}
    return replace(work, bindings=Bindings(columns, work.bindings.shape))


def _measured_in_qubit_order(work: Work) -> Work:
    measured = [sorted(register) for register in work.circuit.measured]
    fresh = Circuit(num_qubits=work.circuit.num_qubits, operations=work.circuit.operations, measured=measured)
    return replace(work, circuit=fresh)


def _fortran_rows(work: Work) -> Work:
    shape = work.bindings.shape
    columns = {name: np.broadcast_to(c, shape).ravel(order="F") for name, c in work.bindings.columns.items()}
    return replace(work, bindings=Bindings(columns, (work.bindings.rows,)))


def _nan_to_number(work: Work) -> Work:
    columns = {name: np.nan_to_num(column, posinf=0.0, neginf=0.0) for name, column in work.bindings.columns.items()}
    return replace(work, bindings=Bindings(columns, work.bindings.shape))


def _swapped(name: str) -> WorkChange:
    return _operations(lambda o: op(name, *o.qubits[::-1]) if o.gate == name else o)


def _without(name: str) -> WorkChange:
    return _operations(lambda o: None if o.gate == name else o)


def _wrong_seed(work: Work, result: Result) -> Result:
    return replace(result, provenance=result.provenance.model_copy(update={"seed": 1}))


@dataclass(frozen=True)
class Mutant:
    """A wrong backend.

    Attributes:
        name: What is wrong with it.
        rule: Id of the rule that must say so.
        make: Makes it from a right backend.
    """

    name: str
    rule: str
    make: Callable[[Backend], Backend]


def _wrap(name: str, rule: str, before: WorkChange | None = None, after: ResultChange | None = None) -> Mutant:
    changes: Mapping[str, WorkChange | ResultChange] = {
        key: change for key, change in (("before", before), ("after", after)) if change is not None
    }
    return Mutant(name, rule, lambda inner: Wrapped(inner, **changes))  # type: ignore[arg-type]


MUTANTS = (
    _wrap("reversed-bits", "BITS-1", after=_tables(_reversed_bits)),
    _wrap("measured-in-qubit-order", "BITS-4", before=_measured_in_qubit_order),
    _wrap("off-by-one-row", "ROWS-1", after=_tables(lambda table: np.roll(table, 1, axis=0))),
    _wrap("first-row-for-all", "ROWS-1", after=_tables(lambda table: np.repeat(table[:1], len(table), axis=0))),
    _wrap("rows-in-fortran-order", "ROWS-3", before=_fortran_rows),
    _wrap("sorted-parameters", "PARAMS-2", before=_sorted_parameters),
    _wrap("angles-modulo-2-pi", "ANGLES-3", before=_angles(lambda a: np.mod(a, 2 * pi))),
    _wrap("angles-in-twelfths-of-pi", "ANGLES-4", before=_angles(lambda a: np.round(a * 12 / pi) * pi / 12)),
    _wrap("angles-of-two-digits", "ANGLES-4", before=_angles(lambda a: np.round(a, 2))),
    _wrap("two-percent-over-rotation", "ANGLES-4", before=_angles(lambda a: a * 1.02)),
    _wrap("cx-swapped", "GATES-1", before=_swapped("cx")),
    _wrap("dropped-rz", "DROP-2", before=_without("rz")),
    _wrap("lost-shot", "SHOTS-1", after=_tables(_lost_shot)),
    _wrap("stale-seed", "SHOTS-3", before=lambda work: replace(work, seed=7)),
    _wrap("nan-accepted", "FINITE-2", before=_nan_to_number),
    Mutant("errors-swallowed", "REFUSE-1", _Swallowing),
    Mutant("tags-ignored", "JOBS-3", _Forgetful),
    Mutant("tags-lost", "JOBS-6", _Lost),
    _wrap("seed-misreported", "PROV-2", after=_wrong_seed),
)
"""Every mutant; ``conformance/tests`` proves that each is caught by its rule."""
