"""Compiler: right backends behind a wrong compiler of qadapt's.

Places in the compiler are exchanged for the time of the run, so that everything that compiles is wrong at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from qadapt import Circuit, Operation, op
from qadapt.compile import Compiled
from qadapt.compile.affine import Affine
from qadapt.compile.skeleton import Slot
from qadapt_conformance.lacks import dead_qubits, rz
from qadapt_conformance.mutants.change import Patch, patched

_compiled, _skeleton = import_module("qadapt.compile.compiled"), import_module("qadapt.compile.skeleton")


def _emitted(change: Callable[[Compiled], Compiled]) -> Patch:
    """Change what the compiler gives."""
    right = _compiled._emit
    return _compiled, "_emit", lambda *args: change(right(*args))


def _circuit(compiled: Compiled, operations: Iterable[Operation]) -> Compiled:
    """Emit other operations."""
    old = compiled.circuit
    circuit = Circuit(num_qubits=old.num_qubits, operations=tuple(operations), measured=old.measured)
    kept = {name: compiled.angles[name] for name in circuit.parameters}
    return replace(compiled, circuit=circuit, angles=kept)


def _angles(change: Callable[[Affine], Affine]) -> Callable[[Compiled], Compiled]:
    """Compute native angles otherwise."""
    return lambda compiled: replace(compiled, angles={name: change(a) for name, a in compiled.angles.items()})


def _rolled(compiled: Compiled) -> Compiled:
    values = list(compiled.angles.values())
    return replace(compiled, angles=dict(zip(compiled.angles, values[1:] + values[:1], strict=True)))


def _last_dropped(compiled: Compiled) -> Compiled:
    steps = list(compiled.circuit.operations)
    last = max((n for n, o in enumerate(steps) if len(o.qubits) == 2 and not o.is_fence), default=None)
    return compiled if last is None else _circuit(compiled, steps[:last] + steps[last + 1 :])


def _stretched(compiled: Compiled) -> Compiled:
    """The first entangling gate acts on qubits that are not coupled."""
    couplings, live = compiled.target.couplings or {}, compiled.target.live_qubits
    steps = list(compiled.circuit.operations)
    for number, operation in enumerate(steps):
        if len(operation.qubits) == 2 and not operation.is_fence:
            first = operation.qubits[0]
            far = next(q for q in live if q != first and (min(q, first), max(q, first)) not in couplings)
            steps[number] = operation.moved((first, far), operation.angles)
            return _circuit(compiled, steps)
    return compiled


def _foreign(compiled: Compiled) -> Compiled:
    """Turns about z are written as p, which does the same and is not native."""
    steps = [
        o if o.gate != "rz" else Operation(gate="p", qubits=o.qubits, angles=o.angles)
        for o in compiled.circuit.operations
    ]
    return _circuit(compiled, steps)


def _on_dead_qubit(compiled: Compiled) -> Compiled:
    """A gate that does nothing is put on a dead qubit."""
    target = compiled.target
    dead = sorted(set(range(target.num_qubits)) - set(target.live_qubits))
    return _circuit(compiled, [*compiled.circuit.operations, op("x", dead[0]), op("x", dead[0])]) if dead else compiled


def _source_order(compiled: Compiled) -> Compiled:
    qubits = tuple(range(compiled.source.num_qubits))
    return replace(compiled, layout=qubits, final=qubits)


def _chip_order(compiled: Compiled) -> Compiled:
    old = compiled.circuit
    measured = tuple(tuple(sorted(register)) for register in old.measured)
    return replace(compiled, circuit=Circuit(num_qubits=old.num_qubits, operations=old.operations, measured=measured))


def _fences(change: Callable[[Operation], Sequence[Operation]]) -> Callable[[Compiled], Compiled]:
    def changed(compiled: Compiled) -> Compiled:
        steps = compiled.circuit.operations
        return _circuit(compiled, [new for o in steps for new in (change(o) if o.is_fence else (o,))])

    return changed


def _fences_last(compiled: Compiled) -> Compiled:
    steps = compiled.circuit.operations
    return _circuit(compiled, sorted(steps, key=lambda o: o.is_fence))


def _conjugated(unitaries: np.ndarray[Any, np.dtype[np.complex128]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    angles: np.ndarray[Any, np.dtype[np.float64]] = _euler(unitaries)
    conjugated: np.ndarray[Any, np.dtype[np.float64]] = angles * np.array([-1.0, 1.0, -1.0])
    return conjugated


_euler, _route, _expand, _steps = _compiled.euler_angles, _skeleton.route, _skeleton.expand, _skeleton._steps


def _unrouted(*args: Any, **options: Any) -> Any:
    routed = _route(*args, **options)
    return replace(routed, last=routed.first)


def _wrongly_expanded(operations: Iterable[Operation], kept: Any) -> Any:
    """The gate t is expanded as its inverse."""
    return _expand([Operation(gate="tdg", qubits=o.qubits) if o.gate == "t" else o for o in operations], kept)


def _all_opening(operations: Any) -> Any:
    return tuple(replace(step, opening=True) if isinstance(step, Slot) else step for step in _steps(operations))


COMPILER = (
    patched(
        "expansion-conjugated", "GATES-2", "t is expanded as its inverse.", (_skeleton, "expand", _wrongly_expanded)
    ),
    patched(
        "uncoupled-gate-emitted",
        "COMPILE-1",
        "A gate is put on qubits that are not coupled (Qiskit/benchpress#68).",
        _emitted(_stretched),
    ),
    patched("foreign-gate-emitted", "COMPILE-1", "A gate is emitted that is not native.", _emitted(_foreign), lacks=rz),
    patched(
        "dead-qubit-used", "COMPILE-1", "A gate is put on a dead qubit.", _emitted(_on_dead_qubit), lacks=dead_qubits
    ),
    patched(
        "slot-angles-conjugated",
        "COMPILE-2",
        "Euler angles of slots have the wrong sign.",
        (_compiled, "euler_angles", _conjugated),
    ),
    patched(
        "native-offset-lost",
        "COMPILE-2",
        "The constant part of native angles is lost.",
        _emitted(_angles(lambda a: Affine(0.0, a.terms))),
    ),
    patched(
        "native-weights-lost",
        "COMPILE-2",
        "Native angles add up their columns without weights.",
        _emitted(_angles(lambda a: Affine(a.offset, dict.fromkeys(a.terms, 1.0)))),
    ),
    patched("native-angles-rolled", "COMPILE-2", "Native angles are one place off.", _emitted(_rolled)),
    patched("entangler-dropped", "COMPILE-2", "The last entangling gate is lost.", _emitted(_last_dropped)),
    patched(
        "opening-everywhere",
        "COMPILE-2",
        "Every slot is taken for the first of its qubit, where a turn about z does nothing.",
        (_skeleton, "_steps", _all_opening),
    ),
    patched(
        "swaps-forgotten",
        "COMPILE-2",
        "Where swaps have moved qubits, the old places are measured.",
        (_skeleton, "route", _unrouted),
    ),
    patched(
        "layout-misreported", "COMPILE-3", "Qubits are reported where they were in the source.", _emitted(_source_order)
    ),
    patched(
        "final-layout-stale",
        "COMPILE-3",
        "The layout at the end is reported as the one at the start.",
        _emitted(lambda c: replace(c, final=c.layout)),
    ),
    patched(
        "measured-in-chip-order",
        "COMPILE-3",
        "Measured qubits are emitted in the order of the chip.",
        _emitted(_chip_order),
    ),
    patched(
        "frames-dropped",
        "COMPILE-3",
        "Turns about z at the end are left out of circuits that measure nothing.",
        (_compiled._Emitter, "finish", lambda emitter, measured: None),
    ),
    patched("fences-last", "COMPILE-4", "All fences are moved to the end.", _emitted(_fences_last)),
    patched("fences-lost", "COMPILE-4", "Fences are left out.", _emitted(_fences(lambda o: []))),
    patched(
        "fences-narrowed",
        "COMPILE-4",
        "A fence keeps its first qubit only.",
        _emitted(_fences(lambda o: [Operation(gate=o.gate, qubits=o.qubits[:1])])),
    ),
)
