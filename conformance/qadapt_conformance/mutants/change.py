"""Change: how mutants rewrite works and results, and how a mutant is made of such a change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from qadapt import Backend, Bindings, Circuit, Counts, Operation, Parameter, Result, Work, op
from qadapt_conformance.caches import forget
from qadapt_conformance.lacks import Lacks, nothing
from qadapt_conformance.mutants.mutant import CHIP, STATEVECTOR, Mutant, TableChange, WorkChange
from qadapt_conformance.mutants.wrapped import ResultChange, Wrapped

Floats = np.ndarray[Any, np.dtype[np.float64]]
Patch = tuple[object, str, object]
"""A module or class, the name of something in it, and what stands there instead."""


def physical(
    name: str,
    rule: str,
    about: str,
    *,
    before: WorkChange | None = None,
    after: TableChange | None = None,
    home: str = STATEVECTOR,
) -> Mutant:
    """Make a mutant of a change of works or count tables of which the oracle can say what it answers."""
    make = wrapped(before, None if after is None else tables(after))
    return Mutant(name, rule, about, lambda inner: nullcontext(make(inner)), before, after, home)


def seam(
    name: str,
    rule: str,
    about: str,
    make: Callable[[Backend], Backend],
    *,
    home: str = STATEVECTOR,
    lacks: Lacks = nothing,
) -> Mutant:
    """Make a mutant of a wrapper."""
    return Mutant(name, rule, about, lambda inner: nullcontext(make(inner)), home=home, lacks=lacks)


def patched(name: str, rule: str, about: str, *patches: Patch, home: str = CHIP, lacks: Lacks = nothing) -> Mutant:
    """Make a mutant of qadapt's own code: the backend is right, and something between it and the user is not."""

    @contextmanager
    def make(inner: Backend) -> Iterator[Backend]:
        with ExitStack() as stack:
            for place, attribute, instead in patches:
                stack.enter_context(patch.object(place, attribute, instead))
            forget()
            stack.callback(forget)
            yield inner

    return Mutant(name, rule, about, make, home=home, lacks=lacks)


def wrapped(
    before: WorkChange | None = None, after: ResultChange | None = None, **declared: Any
) -> Callable[[Backend], Backend]:
    """Wrap any right backend in the same way."""
    return lambda inner: Wrapped(inner, before, after, **declared)


def rewritten(
    work: Work, operations: Iterable[Operation] | None = None, measured: Sequence[Sequence[int]] | None = None
) -> Work:
    """A work with other operations or registers, and the values that its circuit still takes."""
    circuit = Circuit(
        num_qubits=work.circuit.num_qubits,
        operations=work.circuit.operations if operations is None else tuple(operations),
        measured=work.circuit.measured if measured is None else tuple(map(tuple, measured)),
    )
    lost = set(work.circuit.parameters) - set(circuit.parameters)
    columns = {name: column for name, column in work.bindings.columns.items() if name not in lost}
    return replace(work, circuit=circuit, bindings=Bindings(columns, work.bindings.shape))


def operations(change: Callable[[Operation], Sequence[Operation]], *gates: str) -> WorkChange:
    """Replace every operation, or every one of the named gates, by others."""

    def before(work: Work) -> Work:
        new = [change(o) if o.gate in gates or not gates else (o,) for o in work.circuit.operations]
        flat = tuple(each for part in new for each in part)
        return work if flat == work.circuit.operations else rewritten(work, flat)

    return before


def renamed(old: str, new: str) -> WorkChange:
    """Run another gate of as many qubits and angles."""
    return operations(lambda o: [Operation(gate=new, qubits=o.qubits, angles=o.angles)], old)


def turned(name: str) -> WorkChange:
    """Run a gate on its qubits in the opposite order."""
    return operations(lambda o: [o.moved(o.qubits[::-1], o.angles)], name)


def without(*names: str) -> WorkChange:
    """Leave gates out."""
    return operations(lambda o: [], *names)


def followed(name: str, by: str) -> WorkChange:
    """Put another gate behind a gate, on each of its qubits."""
    return operations(lambda o: [o, *(op(by, qubit) for qubit in o.qubits)], name)


def angles(change: Callable[[Floats], Floats], gates: Collection[str] = ()) -> WorkChange:
    """Change every angle, bound or constant, of all gates or of some; the angle is what a gate turns by in the end."""

    def before(work: Work) -> Work:
        columns, named = dict(work.bindings.columns), dict[Parameter, str]()

        def changed(angle: float | Parameter) -> float | Parameter:
            if not isinstance(angle, Parameter):
                return float(change(np.array(angle)))
            if angle not in named:
                with np.errstate(all="ignore"):
                    now = angle.scale * columns[angle.name] + angle.offset
                    named[angle] = f"changed.{len(named)}"
                    columns[named[angle]] = np.asarray(change(now), dtype=np.float64)
            return Parameter(name=named[angle])

        def operation(o: Operation) -> Operation:
            if not o.angles or (gates and o.gate not in gates):
                return o
            return o.moved(o.qubits, tuple(changed(angle) for angle in o.angles))

        new = tuple(map(operation, work.circuit.operations))
        if not any(o.angles and (not gates or o.gate in gates) for o in new):
            return work
        circuit = Circuit(num_qubits=work.circuit.num_qubits, operations=new, measured=work.circuit.measured)
        kept = {name: columns[name] for name in circuit.parameters}
        extra = {name: columns[name] for name in set(work.bindings.columns) - set(work.circuit.parameters)}
        missing = set(work.circuit.parameters) - set(work.bindings.columns)
        return work if missing else replace(work, circuit=circuit, bindings=Bindings(kept | extra, work.bindings.shape))

    return before


def parameters(change: Callable[[Parameter], Parameter]) -> WorkChange:
    """Change scales and offsets."""

    def angle(each: float | Parameter) -> float | Parameter:
        return change(each) if isinstance(each, Parameter) else each

    return operations(lambda o: [o.moved(o.qubits, tuple(map(angle, o.angles)))] if o.parameters else [o])


def measured(change: Callable[[tuple[int, ...]], Sequence[int]]) -> WorkChange:
    """Measure other qubits, register by register."""

    def before(work: Work) -> Work:
        new = tuple(tuple(change(register)) for register in work.circuit.measured)
        return work if new == work.circuit.measured else rewritten(work, measured=new)

    return before


def tables(change: TableChange) -> ResultChange:
    """Change every register's table."""

    def after(work: Work, result: Result) -> Result:
        registers = tuple(change(table) for table in result.counts.registers)
        return replace(result, counts=Counts(registers, result.counts.shots))

    return after


def provenance(**said: Any) -> ResultChange:
    """Say something else in the provenance."""
    return lambda work, result: replace(result, provenance=result.provenance.model_copy(update=said))
