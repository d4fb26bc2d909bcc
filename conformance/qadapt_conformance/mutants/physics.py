"""Physics: backends that run another circuit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import e, pi

import numpy as np

from qadapt import Bindings, Operation, Parameter, Work, op
from qadapt_conformance.mutants.change import (
    Floats,
    angles,
    followed,
    operations,
    parameters,
    physical,
    renamed,
    rewritten,
    turned,
    without,
)

DIAGONAL = ("z", "s", "sdg", "t", "tdg", "p", "rz", "cz", "cp", "crz", "rzz")
CONSTANTS = {"pi": pi, "e": e}
"""Parameters that a vendor's language takes for numbers."""
MISTAKEN = 2
"""Characters of a name that are read."""


def _reordered(*order: int) -> Callable[[Operation], Sequence[Operation]]:
    """A gate with its angles in another order."""
    return lambda o: [o.moved(o.qubits, tuple(o.angles[index] for index in order))]


def _sxdg(o: Operation) -> Sequence[Operation]:
    """Turn the other way with gates that machines with sx have."""
    half = op("rz", *o.qubits, angles=[pi])
    return [half, o, half]


def _one_qubit_gates_first(work: Work) -> Work:
    """Between two fences, one-qubit gates act before entangling ones."""
    stretches: list[list[Operation]] = [[]]
    for operation in work.circuit.operations:
        if operation.is_fence:
            stretches += [[operation], []]
        else:
            stretches[-1].append(operation)
    new = tuple(o for stretch in stretches for o in sorted(stretch, key=lambda o: len(o.qubits)))
    return work if new == work.circuit.operations else rewritten(work, new)


def _exchanged_behind_fence(work: Work) -> Work:
    """Behind a fence, operations on its first two qubits are exchanged."""
    to: dict[int, int] = {}
    out = []
    for operation in work.circuit.operations:
        if operation.is_fence and len(operation.qubits) > 1:
            a, b = operation.qubits[:2]
            to = {} if to else {a: b, b: a}
        moved = operation.moved(tuple(to.get(q, q) for q in operation.qubits), operation.angles)
        out.append(operation if operation.is_fence else moved)
    return work if tuple(out) == work.circuit.operations else rewritten(work, out)


def _ends_at_fence(work: Work) -> Work:
    """The first fence with gates before it ends the circuit."""
    steps = work.circuit.operations
    ends = [n for n, o in enumerate(steps) if o.is_fence and any(not before.is_fence for before in steps[:n])]
    return rewritten(work, steps[: ends[0]]) if ends else work


def _without_first(work: Work) -> Work:
    return rewritten(work, work.circuit.operations[1:]) if work.circuit.operations else work


def _without_last(work: Work) -> Work:
    return rewritten(work, work.circuit.operations[:-1]) if work.circuit.operations else work


def _without_first_layer(work: Work) -> Work:
    """What stands before the first entangling gate is lost."""
    steps = work.circuit.operations
    first = next((n for n, o in enumerate(steps) if len(o.qubits) > 1 and not o.is_fence), 0)
    return rewritten(work, steps[first:]) if first else work


def _values(change: Callable[[dict[str, Floats], tuple[str, ...]], dict[str, Floats]]) -> Callable[[Work], Work]:
    """Give other values to parameters; told are the columns and the names in the order of the circuit."""

    def before(work: Work) -> Work:
        if set(work.circuit.parameters) != set(work.bindings.columns):
            return work
        old = dict(work.bindings.columns)
        new = change(old, work.circuit.parameters)
        if all(new[name] is old[name] for name in old):
            return work
        return replace(work, bindings=Bindings(new, work.bindings.shape))

    return before


def _to_sorted_names(columns: dict[str, Floats], names: tuple[str, ...]) -> dict[str, Floats]:
    return dict(zip(sorted(names), (columns[name] for name in names), strict=True))


def _by_position(columns: dict[str, Floats], names: tuple[str, ...]) -> dict[str, Floats]:
    return dict(zip(names, columns.values(), strict=True))


def _of_short_names(columns: dict[str, Floats], names: tuple[str, ...]) -> dict[str, Floats]:
    first = {name[:MISTAKEN]: columns[name] for name in reversed(names)}
    return {name: first[name[:MISTAKEN]] for name in columns}


def _of_constants(columns: dict[str, Floats], names: tuple[str, ...]) -> dict[str, Floats]:
    return {
        name: np.full((1,) * column.ndim, CONSTANTS[name]) if name in CONSTANTS else column
        for name, column in columns.items()
    }


def _first_use_only(work: Work) -> Work:
    """Only the first use of a parameter keeps its scale and offset."""
    first: dict[str, Parameter] = {}

    def angle(each: float | Parameter) -> float | Parameter:
        return first.setdefault(each.name, each) if isinstance(each, Parameter) else each

    return operations(lambda o: [o.moved(o.qubits, tuple(map(angle, o.angles)))] if o.parameters else [o])(work)


GATES = (
    physical("cx-swapped", "GATES-1", "Control and target of cx are exchanged.", before=turned("cx")),
    physical("cx-as-cz", "GATES-1", "cx is run as cz.", before=renamed("cx", "cz")),
    physical("cz-as-cx", "GATES-1", "cz is run as cx.", before=renamed("cz", "cx")),
    physical(
        "crz-as-cry", "GATES-1", "crz is run as cry, as in a plug-in of TorchQuantum.", before=renamed("crz", "cry")
    ),
    physical(
        "crz-by-half",
        "GATES-1",
        "crz turns by half its angle (Qiskit/qiskit-aer#488).",
        before=angles(lambda a: a / 2, {"crz"}),
    ),
    physical("cp-as-crz", "GATES-1", "The phase on the control of cp is lost.", before=renamed("cp", "crz")),
    physical("sx-as-sxdg", "GATES-1", "sx turns the other way.", before=operations(_sxdg, "sx")),
    physical("s-as-sdg", "GATES-1", "s turns the other way.", before=renamed("s", "sdg")),
    physical("tdg-as-t", "GATES-1", "The dagger of t is lost.", before=renamed("tdg", "t")),
    physical(
        "iswap-conjugated",
        "GATES-1",
        "iswap has -i where everybody else has i (quantumlib/qsim#45).",
        before=followed("iswap", "z"),
    ),
    physical("ecr-turned", "GATES-1", "ecr acts on its qubits in the opposite order.", before=turned("ecr")),
    physical(
        "u3-angles-exchanged",
        "GATES-1",
        "The second and third angle of u3 are exchanged.",
        before=operations(_reordered(0, 2, 1), "u3"),
    ),
    physical("ccx-turned", "GATES-1", "The target of ccx is its first qubit.", before=turned("ccx")),
    physical("swap-dropped", "GATES-1", "swap is taken for a relabelling that nobody does.", before=without("swap")),
    physical(
        "one-qubit-gates-first",
        "GATES-3",
        "Gates of a stretch are reordered: one-qubit gates act before entangling ones.",
        before=_one_qubit_gates_first,
    ),
    physical(
        "exchanged-behind-fence",
        "GATES-4",
        "A fence moves operations from one qubit to another (unitaryfoundation/mitiq#1369).",
        before=_exchanged_behind_fence,
    ),
    physical("ended-by-fence", "GATES-4", "What follows a fence is lost.", before=_ends_at_fence),
)

ANGLES = (
    physical("rx-negated", "ANGLES-1", "rx turns the other way.", before=angles(np.negative, {"rx"})),
    physical("rz-negated", "ANGLES-1", "rz turns the other way.", before=angles(np.negative, {"rz"})),
    physical("angles-halved", "ANGLES-1", "Every angle is halved.", before=angles(lambda a: a / 2)),
    physical("angles-in-degrees", "ANGLES-1", "Angles are taken for degrees.", before=angles(np.deg2rad)),
    physical(
        "angles-in-half-turns", "ANGLES-1", "Angles are taken for multiples of pi.", before=angles(lambda a: a * pi)
    ),
    physical(
        "rzz-without-half",
        "ANGLES-2",
        "rzz(t) is exp(-i t ZZ) (qiskit-community/qiskit-ionq#144).",
        before=angles(lambda a: 2 * a, {"rzz"}),
    ),
    physical("rxx-as-ryy", "ANGLES-2", "rxx is run as ryy.", before=renamed("rxx", "ryy")),
    physical(
        "angles-modulo-2-pi",
        "ANGLES-3",
        "Angles are taken modulo a full turn (Qiskit/qiskit#13670).",
        before=angles(lambda a: np.mod(a, 2 * pi)),
    ),
    physical(
        "angles-modulo-pi", "ANGLES-3", "Angles are taken modulo half a turn.", before=angles(lambda a: np.mod(a, pi))
    ),
    physical(
        "angles-clipped",
        "ANGLES-3",
        "Angles beyond a full turn are clipped to it.",
        before=angles(lambda a: np.clip(a, -2 * pi, 2 * pi)),
    ),
    physical(
        "angles-in-twelfths-of-pi",
        "ANGLES-4",
        "Angles are rounded to multiples of pi/12 (qBraid/qBraid#1320).",
        before=angles(lambda a: np.round(a * 12 / pi) * pi / 12),
    ),
    physical(
        "angles-of-two-digits",
        "ANGLES-4",
        "Angles are written with two digits.",
        before=angles(lambda a: np.round(a, 2)),
    ),
    physical(
        "angles-of-three-digits",
        "ANGLES-4",
        "Angles are written with three digits.",
        before=angles(lambda a: np.round(a, 3)),
    ),
    physical(
        "two-percent-over-rotation", "ANGLES-4", "Every angle is 2 % too large.", before=angles(lambda a: a * 1.02)
    ),
    physical(
        "small-angles-dropped",
        "ANGLES-4",
        "Angles below a hundredth are taken for 0.",
        before=angles(lambda a: np.where(np.abs(a) < 0.01, 0.0, a)),
    ),
    physical(
        "single-precision",
        "ANGLES-3",
        "Angles are kept in 32 bits.",
        before=angles(lambda a: a.astype(np.float32).astype(np.float64)),
    ),
    physical("p-negated", "ANGLES-5", "p turns the other way.", before=angles(np.negative, {"p"})),
    physical("crz-negated", "ANGLES-5", "crz turns the other way.", before=angles(np.negative, {"crz"})),
)

PARAMETERS = (
    physical(
        "values-by-position",
        "PARAMS-1",
        "Values are bound in the order in which they are given.",
        before=_values(_by_position),
    ),
    physical(
        "sorted-parameters",
        "PARAMS-2",
        "Values are bound in the order of sorted names (Qiskit/qiskit#8149).",
        before=_values(_to_sorted_names),
    ),
    physical("names-cut-short", "PARAMS-2", "Of a name two characters are read.", before=_values(_of_short_names)),
    physical(
        "offset-lost",
        "PARAMS-3",
        "The offset of an affine parameter is lost.",
        before=parameters(lambda p: Parameter(name=p.name, scale=p.scale)),
    ),
    physical(
        "scale-lost",
        "PARAMS-3",
        "The scale of an affine parameter is lost.",
        before=parameters(lambda p: Parameter(name=p.name, offset=p.offset)),
    ),
    physical(
        "offset-scaled",
        "PARAMS-3",
        "The offset is added before the value is scaled.",
        before=parameters(lambda p: Parameter(name=p.name, scale=p.scale, offset=p.offset * p.scale)),
    ),
    physical(
        "subtraction-dropped",
        "PARAMS-3",
        "A negative offset is added, as by Origin's OpenQASM 2 reader.",
        before=parameters(lambda p: Parameter(name=p.name, scale=p.scale, offset=abs(p.offset))),
    ),
    physical(
        "first-use-for-all",
        "PARAMS-3",
        "All uses of a parameter have the scale and offset of the first.",
        before=_first_use_only,
    ),
    physical(
        "names-taken-for-constants",
        "PARAMS-4",
        "Parameters called pi and e have these values.",
        before=_values(_of_constants),
    ),
)

DROPS = (
    physical("dropped-rz", "DROP-2", "Rotations about z are left out.", before=without("rz")),
    physical("dropped-cz", "DROP-2", "cz is left out.", before=without("cz")),
    physical("dropped-crz", "DROP-2", "crz is left out.", before=without("crz")),
    physical("dropped-diagonal-gates", "DROP-2", "All diagonal gates are left out.", before=without(*DIAGONAL)),
    physical("dropped-first-operation", "DROP-2", "The first operation is lost.", before=_without_first),
    physical("dropped-last-operation", "DROP-2", "The last operation is lost.", before=_without_last),
    physical(
        "dropped-first-layer",
        "DROP-2",
        "What stands before the first entangling gate is lost.",
        before=_without_first_layer,
    ),
)

PHYSICS = (*GATES, *ANGLES, *PARAMETERS, *DROPS)
