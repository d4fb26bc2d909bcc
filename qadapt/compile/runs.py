"""Runs: stretches of gates on one pair of qubits, written again with the fewest entangling gates.

Every two-qubit unitary is, up to one-qubit gates before and after it, ``exp(i (a XX + b YY + c ZZ))`` with
``pi/4 >= a >= b >= |c|`` (the Weyl chamber; Zhang, Vala, Sastry and Whaley, Phys. Rev. A 67, 042313 (2003)). It takes
no CZ where a = b = c = 0, one at (pi/4, 0, 0), two where c = 0 and three elsewhere (Shende, Bullock and Markov, Phys.
Rev. A 70, 012310 (2004)). With RZZ of any angle it takes as many of them as coordinates are not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from qadapt.circuit import Operation, op
from qadapt.compile.dense import matrix_of, phase_distance
from qadapt.compile.expand import expand
from qadapt.compile.slots import QUARTER, euler_angles
from qadapt.gates import Complexes

Kept: TypeAlias = Callable[[tuple[int, ...]], Collection[str]]
"""From a pair of qubits to the gates that need no expansion there: one-qubit gates and the pair's entangling gates."""

TOLERANCE = 1e-9
"""Largest entry of the difference between two matrices that count as one, after the best global phase."""

_ZERO = 1e-10
"""Coordinates below this are left out, which changes no entry of the matrix by more than that."""


def shorten(operations: Iterable[Operation], kept: Kept) -> tuple[Operation, ...]:
    """Replace every run that has more entangling gates than its unitary takes.

    A run is a maximal stretch of gates with constant angles on one pair of qubits, from an entangling gate on. It ends
    before a gate that joins one of its qubits to another qubit, a fence on one of them, and a gate with a parameter.
    What replaces a run is multiplied out and compared with it; a run that it does not equal is left as it was.

    Args:
        operations: Gates of ``kept`` and fences, on any qubits; each entangling gate counts as one.
        kept: Gates to write a pair's runs in: all one-qubit gates, and ``cz``, ``rzz`` of any angle or both.
    """
    found = tuple(operations)
    while True:  # a run that vanishes may have parted two others
        before, found = found, tuple(gate for run in _runs(found) for gate in _shortest(run, kept))
        if _entanglers(found) == _entanglers(before):
            return before


def two_qubit(matrix: Complexes, kept: Collection[str]) -> tuple[Operation, ...]:
    """Gates on qubits 0 and 1 whose product is a 4x4 unitary up to global phase, with the fewest entangling gates.

    Args:
        matrix: Unitary ``[4, 4]``; index bit *k* is qubit *k*.
        kept: Gates to write it in: all one-qubit gates, and ``cz``, ``rzz`` of any angle or both.
    """
    from qiskit.synthesis import TwoQubitWeylDecomposition

    # Without a fidelity nothing is rounded to a nearby special case: near the identity that would be 1e-5 off.
    weyl = TwoQubitWeylDecomposition(matrix, fidelity=None)
    before = [one_qubit(weyl.K2r, 0), one_qubit(weyl.K2l, 1)]
    after = [one_qubit(weyl.K1r, 0), one_qubit(weyl.K1l, 1)]
    coordinates = [float(part) for part in (weyl.a, weyl.b, weyl.c)]
    middle = _canonical_rzz(*coordinates) if "rzz" in kept else _canonical_cz(*coordinates)
    return tuple(expand([*before, *middle, *after], kept))


def _runs(operations: Iterable[Operation]) -> list[list[Operation]]:
    """Cut operations into runs and single operations; a run stands where its first gate stood."""
    parts: list[list[Operation]] = []
    growing: dict[int, list[Operation]] = {}
    for operation in operations:
        run = growing.get(operation.qubits[0]) if operation.qubits else None
        fixed = not (operation.is_fence or operation.parameters)
        if fixed and run is not None and all(growing.get(qubit) is run for qubit in operation.qubits):
            run.append(operation)
            continue
        for qubit in operation.qubits:
            growing.pop(qubit, None)
        parts.append([operation])
        if fixed and len(operation.qubits) == 2:
            growing |= dict.fromkeys(operation.qubits, parts[-1])
    return parts


def _shortest(run: Sequence[Operation], kept: Kept) -> Sequence[Operation]:
    """The run, or what does the same with fewer entangling gates."""
    entanglers = _entanglers(run)
    if entanglers < 2:
        return run
    pair = run[0].qubits
    matrix = matrix_of((o.moved(tuple(pair.index(q) for q in o.qubits), o.angles) for o in run), 2)
    found = two_qubit(matrix, kept(pair))
    if _entanglers(found) >= entanglers or phase_distance(matrix_of(found, 2), matrix) > TOLERANCE:
        return run
    return [o.moved(tuple(pair[q] for q in o.qubits), o.angles) for o in found]


def _entanglers(operations: Iterable[Operation]) -> int:
    return sum(len(operation.qubits) == 2 and not operation.is_fence for operation in operations)


def one_qubit(matrix: Complexes, qubit: int) -> Operation:
    """A 2x2 unitary as u3, up to global phase."""
    special = matrix / np.sqrt(np.linalg.det(matrix))
    lam, theta, phi = euler_angles(special).tolist()
    return op("u3", qubit, angles=[theta, phi, lam])


def _canonical_rzz(a: float, b: float, c: float) -> Iterator[Operation]:
    """``exp(i (a XX + b YY + c ZZ))``, a factor per coordinate: they commute."""
    for gate, coordinate in (("rxx", a), ("ryy", b), ("rzz", c)):
        if abs(coordinate) > _ZERO:
            yield op(gate, 0, 1, angles=[-2 * coordinate])


def _canonical_cz(a: float, b: float, c: float) -> tuple[Operation, ...]:
    """``exp(i (a XX + b YY + c ZZ))`` in the Weyl chamber with as few cx as it takes."""
    if abs(c) > _ZERO:
        # Vatan and Williams, Phys. Rev. A 69, 032315 (2004), figure 6.
        return (
            op("rz", 1, angles=[-QUARTER]),
            op("cx", 1, 0),
            op("rz", 0, angles=[-2 * c - QUARTER]),
            op("ry", 1, angles=[2 * a + QUARTER]),
            op("cx", 0, 1),
            op("ry", 1, angles=[-2 * b - QUARTER]),
            op("cx", 1, 0),
            op("rz", 0, angles=[QUARTER]),
        )
    if max(abs(a), abs(b)) <= _ZERO:
        return ()
    if abs(b) <= _ZERO and abs(a - QUARTER / 2) <= _ZERO:
        both = [op("h", 0), op("h", 1)]
        half = [op("rz", qubit, angles=[-QUARTER]) for qubit in (0, 1)]
        return (*both, op("cz", 0, 1), *half, *both)
    # cx turns X on its control into XX and Z on its target into ZZ; a quarter turn about x makes that YY.
    turn = [op("rx", qubit, angles=[QUARTER]) for qubit in (0, 1)]
    back = [op("rx", qubit, angles=[-QUARTER]) for qubit in (0, 1)]
    inner = [op("rx", 0, angles=[-2 * a]), op("rz", 1, angles=[-2 * b])]
    return (*turn, op("cx", 0, 1), *inner, op("cx", 0, 1), *back)
