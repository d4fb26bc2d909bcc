"""Lowered: backends that would send something else than the work, which is read back from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import pi
from typing import cast

import numpy as np

from qadapt import Backend, Bindings, Circuit, Operation, Parameter, Work
from qadapt.provider import Lowering
from qadapt_conformance.lacks import Lacks, nothing
from qadapt_conformance.mutants.change import (
    Floats,
    angles,
    measured,
    operations,
    parameters,
    rewritten,
    seam,
    turned,
)
from qadapt_conformance.mutants.mutant import Mutant, WorkChange
from qadapt_conformance.mutants.wrapped import Wrapped

DIAGONAL = ("rz", "p", "z", "s", "sdg", "t", "tdg", "cz", "cp", "crz", "rzz")
"""Gates that no count shows before a measurement."""


class _Lowered(Wrapped):
    """Lowers another work than it is given; what it runs is right."""

    def __init__(self, inner: Backend, change: WorkChange) -> None:
        super().__init__(inner)
        self._change = change

    def lowered(self, work: Work, row: int) -> Circuit:
        """Lower a changed work."""
        return cast("Lowering", self._inner).lowered(self._change(work), row)


def _sent(name: str, rule: str, about: str, change: WorkChange, *, lacks: Lacks = nothing) -> Mutant:
    return seam(name, rule, about, lambda inner: _Lowered(inner, change), lacks=lacks)


def _native(gate: str) -> Lacks:
    return lambda backend: "" if gate in backend.target.native else f"native {gate}"


def _values(change: Callable[[tuple[str, ...], Bindings], Floats]) -> WorkChange:
    """Bind other values ``[rows, parameters]``, given those of the circuit's parameters in order."""

    def before(work: Work) -> Work:
        names = work.circuit.parameters
        return replace(work, bindings=Bindings.rows_of(names, change(names, work.bindings))) if names else work

    return before


def _by_sorted_name(names: tuple[str, ...], bindings: Bindings) -> Floats:
    return bindings.array(sorted(names))


def _next_row(names: tuple[str, ...], bindings: Bindings) -> Floats:
    return np.roll(bindings.array(names), -1, axis=0)


def _columns_first(names: tuple[str, ...], bindings: Bindings) -> Floats:
    table = bindings.array(names)
    return table[np.arange(bindings.rows).reshape(bindings.shape).ravel(order="F")]


def _last_diagonal_dropped(work: Work) -> Work:
    steps = list(work.circuit.operations)
    last = max((number for number, o in enumerate(steps) if o.gate in DIAGONAL), default=None)
    return work if last is None else rewritten(work, steps[:last] + steps[last + 1 :])


def _angles_reversed(o: Operation) -> list[Operation]:
    return [o.moved(o.qubits, o.angles[::-1])]


def _from_the_end(work: Work) -> Work:
    last = work.circuit.num_qubits - 1
    return _moved(work, lambda qubit: last - qubit)


def _as_text(work: Work) -> Work:
    order = sorted(range(work.circuit.num_qubits), key=str)
    return _moved(work, order.__getitem__)


def _closed_up(work: Work) -> Work:
    used = sorted({qubit for o in work.circuit.operations for qubit in o.qubits} | set(work.circuit.bits))
    return _moved(work, used.index)


def _moved(work: Work, to: Callable[[int], int]) -> Work:
    """Gates and measurements on other qubits."""
    steps = [o.moved(tuple(map(to, o.qubits)), o.angles) for o in work.circuit.operations]
    return rewritten(work, steps, [[to(qubit) for qubit in register] for register in work.circuit.measured])


LOWERED = (
    _sent(
        "sent-without-last-diagonal",
        "LOWER-1",
        "The last gate that is diagonal is left out, since no count shows it.",
        _last_diagonal_dropped,
    ),
    _sent(
        "sent-with-exchanged-control",
        "LOWER-1",
        "Control and target of cx are exchanged.",
        turned("cx"),
        lacks=_native("cx"),
    ),
    _sent(
        "sent-with-angles-in-reverse",
        "LOWER-1",
        "The angles of u3 are sent the last one first.",
        operations(_angles_reversed, "u3"),
        lacks=_native("u3"),
    ),
    _sent(
        "sent-with-inverse-root",
        "LOWER-1",
        "sx is sent as its inverse.",
        operations(lambda o: [Operation(gate="sxdg", qubits=o.qubits)], "sx"),
        lacks=_native("sxdg"),
    ),
    _sent(
        "sent-modulo-full-turn",
        "LOWER-1",
        "Angles are sent modulo 2 pi, also those of controlled rotations.",
        angles(lambda value: value % (2 * pi)),
        lacks=_native("crz"),
    ),
    _sent(
        "sent-with-angles-of-next-row",
        "LOWER-2",
        "Every row has the angles of the next one.",
        _values(_next_row),
    ),
    _sent(
        "sent-with-parameters-sorted",
        "LOWER-2",
        "Values are bound to parameters in the order of sorted names.",
        _values(_by_sorted_name),
    ),
    _sent(
        "sent-with-rows-by-column",
        "LOWER-2",
        "Rows of two axes are numbered down the columns.",
        _values(_columns_first),
    ),
    _sent(
        "sent-without-offsets",
        "LOWER-2",
        "Parameters are scaled and not shifted.",
        parameters(lambda p: Parameter(name=p.name, scale=p.scale)),
    ),
    _sent(
        "sent-with-five-digits",
        "LOWER-2",
        "Angles are written with five digits behind the point.",
        angles(lambda value: np.round(value, 5)),
    ),
    _sent(
        "sent-in-single-precision",
        "LOWER-2",
        "Angles are kept in 32 bits.",
        angles(lambda value: value.astype(np.float32).astype(np.float64)),
    ),
    _sent(
        "sent-with-reversed-registers",
        "LOWER-3",
        "Every register is measured from its other end.",
        measured(lambda register: register[::-1]),
    ),
    _sent(
        "sent-with-exchanged-registers",
        "LOWER-3",
        "Registers are sent the last one first.",
        lambda work: rewritten(work, measured=work.circuit.measured[::-1]),
    ),
    _sent("sent-from-the-end", "LOWER-3", "Qubits are counted from the end.", _from_the_end),
    _sent("sent-to-qubits-as-text", "LOWER-3", "Qubit 10 is taken for qubit 2.", _as_text),
    _sent("sent-without-idle-qubits", "LOWER-3", "Qubits behind an idle one move down.", _closed_up),
)
