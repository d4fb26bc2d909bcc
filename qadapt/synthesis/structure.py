"""Real structures: which local gates keep a circuit real, and why fewer CZ than with RY alone are enough.

A circuit is a rotation of SO(2^n) if it commutes with complex conjugation *K*. Between its gates it may commute with
another antiunitary instead: conjugating *K* by the Clifford gates so far gives a *structure*, up to phase a tensor
product of one antiunitary per qubit. Where that factor squares to +1 the qubit is *real*: rotations about one axis (y,
for *K* itself) keep the structure. Where it squares to -1 the qubit is *quaternionic*: every rotation keeps it (F. J.
Dyson, J. Math. Phys. 3, 1199 (1962)). The number of quaternionic qubits is even.

On Pauli strings a structure is a quadratic form, and CZ maps X to X Z. It follows that a CZ either

* keeps the kind of both qubits: two real ones with axes in the xy plane, or a real one with its axis in the xy plane,
  which moves from y to x or back, and a quaternionic one; or
* flips the kind of both: real ones with axis z become quaternionic, quaternionic ones become real with axis z.

Angles that commute with the CZ are the same before and after it. A kept CZ between real qubits is therefore worth two
new angles, a kept one between a real and a quaternionic qubit three, and RZZ by any angle on such a pair keeps the
structure and is worth four. A circuit that flips its way in, stays there and flips its way out reaches SO(8) with 10 CZ
instead of 13, and SO(16) with 41 instead of 58.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import pi
from typing import TypeAlias

from qadapt.errors import CircuitError

Edge: TypeAlias = tuple[int, int]

_ALIGN = {
    ("y", "z"): ("rx", pi / 2),
    ("z", "y"): ("rx", -pi / 2),
    ("x", "z"): ("ry", -pi / 2),
    ("x", "y"): ("rz", pi / 2),
}
"""Gate that turns one axis into another, up to sign."""


@dataclass(frozen=True)
class Step:
    """One gate of an ansatz.

    Attributes:
        gate: ``rx``, ``ry``, ``rz``, ``cz`` or ``rzz``.
        qubits: Qubits that it acts on.
        angle: Index of its free angle; None for a gate without one.
        turn: Its angle in radians where that is fixed; None for cz and for a free angle.
    """

    gate: str
    qubits: tuple[int, ...]
    angle: int | None = None
    turn: float | None = None


def steps(num_qubits: int, edges: Sequence[Edge], flips: Collection[int], free: bool) -> tuple[Step, ...]:
    """Gates of an ansatz in the order they act, every angle that can be moved across a later CZ left out.

    Args:
        num_qubits: Number of qubits.
        edges: Qubits of each entangling gate.
        flips: Numbers of the edges whose CZ flips the kind of its qubits.
        free: Whether kept edges between a real and a quaternionic qubit are RZZ of a free angle instead of CZ.

    Raises:
        CircuitError: A kept edge joins two quaternionic qubits, or a qubit ends quaternionic.
    """
    return tuple(_Walk(num_qubits, edges, frozenset(flips), free).steps())


def kinds_after(quaternionic: frozenset[int], edge: Edge) -> frozenset[int]:
    """Quaternionic qubits after a CZ that flips the kinds of an edge."""
    return quaternionic.symmetric_difference(edge)


class _Walk:
    """Goes through the edges while it keeps the kind and the axis of every qubit."""

    def __init__(self, num_qubits: int, edges: Sequence[Edge], flips: frozenset[int], free: bool) -> None:
        self.edges, self.flips, self.free = edges, flips, free
        self.quaternionic: frozenset[int] = frozenset()
        self.axis = ["y"] * num_qubits
        self.angles = 0
        flipped: list[list[bool]] = [[] for _ in range(num_qubits)]
        for number, edge in enumerate(edges):
            for qubit in edge:
                flipped[qubit].append(number in flips)
        self.ahead = [iter([*ahead, False]) for ahead in flipped]

    def steps(self) -> Iterator[Step]:
        for qubit in range(len(self.axis)):
            yield from self.real(qubit)
        for number, edge in enumerate(self.edges):
            yield from self.entangle(number, edge)
            inside = [qubit for qubit in edge if qubit in self.quaternionic]
            yield from [self.turned("rz", (qubit,)) for qubit in inside]
            yield from [self.turned("ry", (qubit,)) for qubit in inside]
            for qubit in edge:
                if qubit in self.quaternionic:
                    next(self.ahead[qubit])
                else:
                    yield from self.real(qubit)
        if self.quaternionic:
            raise CircuitError(f"qubits {sorted(self.quaternionic)} of an ansatz end quaternionic, expected real ones")
        for qubit in range(len(self.axis)):
            yield from self.align(qubit, "y")

    def entangle(self, number: int, edge: Edge) -> Iterator[Step]:
        flip = number in self.flips
        inside = self.quaternionic.intersection(edge)
        for qubit in edge:
            if qubit not in inside and (flip or self.axis[qubit] == "z"):
                yield from self.align(qubit, "z" if flip else "y")
        if flip:
            self.quaternionic = kinds_after(self.quaternionic, edge)
            for qubit in edge:
                self.axis[qubit] = "z"
        elif len(inside) == 2:
            raise CircuitError(f"edge {number} of an ansatz keeps {edge}, which are both quaternionic")
        elif inside and self.free:
            yield self.turned("rzz", edge)
            return
        elif inside:
            (qubit,) = set(edge) - inside
            self.axis[qubit] = "x" if self.axis[qubit] == "y" else "y"
        yield Step("cz", edge)

    def real(self, qubit: int) -> Iterator[Step]:
        """Free rotation of a real qubit, unless a flip comes next: there it would be one of the quaternionic qubit."""
        if not next(self.ahead[qubit]):
            yield self.turned(f"r{self.axis[qubit]}", (qubit,))

    def align(self, qubit: int, axis: str) -> Iterator[Step]:
        if self.axis[qubit] != axis:
            gate, turn = _ALIGN[self.axis[qubit], axis]
            self.axis[qubit] = axis
            yield Step(gate, (qubit,), turn=turn)

    def turned(self, gate: str, qubits: tuple[int, ...]) -> Step:
        self.angles += 1
        return Step(gate, qubits, angle=self.angles - 1)
