"""Fold: any angle of an rzz brought into the interval that a fractional gate takes, row by row.

With ``m pi`` the multiple of pi nearest to an angle ``t`` and ``d = t - m pi``, up to global phase

    RZZ(t) = (Z x Z)^m RZZ(d),    RZZ(-d) = X_a RZZ(d) X_a,

so the machine's rzz turns by ``|d| <= pi/2``, between two x on one of its qubits where ``d < 0`` and before a z on both
where ``m`` is odd. The z join the frame and cost nothing; the x join the slots on both sides. Where the angle is a
parameter, which corrections are needed differs from row to row: the x and z are rotations by columns that hold pi in
some rows and 0 in the others, so that one circuit serves all rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.circuit import Angle, Operation, Parameter, op
from qadapt.compile.affine import Affine
from qadapt.compile.slots import rotations

FOLDED = (0.0, np.pi / 2)
"""Where folded angles lie."""

_ROUNDING = 1e-14
"""Angles this close to 0 or a quarter turn are taken as such, which saves the x that they do not need."""


@dataclass(frozen=True)
class Folding:
    """Operations whose rzz are folded.

    Attributes:
        operations: The operations, with corrections around the folded ones.
        angles: Source angle of each fold; ``columns`` makes from it the columns that the operations refer to.
    """

    operations: tuple[Operation, ...]
    angles: Mapping[str, Affine] = field(default_factory=dict)


def folded(angles: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fold angles ``[...]`` of rzz, in radians.

    Returns:
        The angles in ``FOLDED``, and the angles, 0 or pi, of the x on one qubit before and after and of the z on both;
        each ``[...]``. The result is exact to rounding at any size of the angles, and a quarter turn to either side
        needs no x.
    """
    within = np.arctan2(np.sin(angles), np.cos(angles))  # in [-pi, pi]
    nearest = np.ceil(within / np.pi - 0.5 - _ROUNDING)
    rest = within - np.pi * nearest
    x, z = rest < -_ROUNDING, nearest % 2 != 0
    return np.minimum(np.abs(rest), FOLDED[1]), np.where(x, np.pi, 0.0), np.where(z, np.pi, 0.0)


def columns(name: str, angles: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The columns of one fold for its source angles ``[...]``, by names that no parameter of a circuit can have."""
    turn, x, z = folded(angles)
    return {f"{name}:angle": turn, f"{name}:x": x, f"{name}:z": z}


def fold(operations: Sequence[Operation], bounds: tuple[float, float] | None) -> Folding:
    """Fold every rzz but constants that are in range as they are.

    The x go to the qubit on which more of the two slots need a pulse anyway.

    Args:
        operations: One- and two-qubit gates and fences.
        bounds: The machine's range of rzz, which holds ``FOLDED``; None if it takes any angle.
    """
    if bounds is None or not any(operation.gate == "rzz" for operation in operations):
        return Folding(tuple(operations))
    pulsed = _pulsed(operations)
    folds: dict[Parameter, str] = {}
    out: list[Operation] = []
    place: Counter[int] = Counter()
    for operation in operations:
        if operation.gate == "rzz":
            angle, x, z = _parts(operation.angles[0], bounds, folds)
            slots = {q: ((q, place[q]), (q, place[q] + 1)) for q in operation.qubits}
            chosen = max(operation.qubits, key=lambda qubit: sum(slot in pulsed for slot in slots[qubit]))
            if x:
                pulsed.update(slots[chosen])
            out += _correction("rx", x, (chosen,))
            out.append(operation.moved(operation.qubits, (angle,)))
            out += _correction("rx", x, (chosen,))
            out += _correction("rz", z, operation.qubits)
        else:
            out.append(operation)
        place.update(_entangled(operation))
    return Folding(tuple(out), {name: Affine.of(parameter) for parameter, name in folds.items()})


def _parts(angle: Angle, bounds: tuple[float, float], folds: dict[Parameter, str]) -> tuple[Angle, Angle, Angle]:
    """The folded angle and the angles of the x and the z; equal parameters share their columns."""
    if isinstance(angle, Parameter) and angle.scale:
        name = folds.setdefault(angle, f"fold{len(folds)}")
        column = Parameter(name=name)
        return column.renamed(f"{name}:angle"), column.renamed(f"{name}:x"), column.renamed(f"{name}:z")
    constant = Affine.of(angle).offset
    if bounds[0] <= constant <= bounds[1]:
        return constant, 0.0, 0.0
    turn, x, z = folded(constant)
    return float(turn), float(x), float(z)


def _correction(gate: str, angle: Angle, qubits: Iterable[int]) -> Iterator[Operation]:
    if angle:
        yield from (op(gate, qubit, angles=[angle]) for qubit in qubits)


def _entangled(operation: Operation) -> tuple[int, ...]:
    """Qubits on which an operation closes the slot."""
    return () if operation.is_fence or len(operation.qubits) == 1 else operation.qubits


def _pulsed(operations: Iterable[Operation]) -> set[tuple[int, int]]:
    """Slots, by qubit and number along it, in which something else than a turn about z is."""
    place: Counter[int] = Counter()
    found = set()
    for operation in operations:
        place.update(_entangled(operation))
        if not operation.is_fence and len(operation.qubits) == 1:
            (qubit,) = operation.qubits
            if any(rotation.axis != "z" for rotation in rotations(operation)):
                found.add((qubit, place[qubit]))
    return found
