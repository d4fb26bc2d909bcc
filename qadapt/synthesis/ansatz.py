"""The ansatz: one skeleton of entangling gates with free angles between them, and what its angles give.

An ansatz of CZ and RY is real gate by gate. One with *flips* is real as a whole, up to a constant global phase: between
its flips some qubits take any rotation (:mod:`qadapt.synthesis.structure`), which makes it shorter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.circuit import Operation, op
from qadapt.errors import BindingsError, CircuitError
from qadapt.synthesis.arrays import Complexes, Floats, half_turns
from qadapt.synthesis.structure import Edge, Step, steps

Family: TypeAlias = Literal["ry", "u3", "rzz"]


@dataclass(frozen=True)
class Ansatz:
    """A skeleton of entangling gates with one-qubit rotations between them.

    With *k* edges that are all kept, on *n* qubits, there are *n + 2k* angles: angle *q* turns qubit *q* before the
    first CZ; angles *n + 2j* and *n + 2j + 1* turn the first and the second qubit of edge *j* right after its CZ.

    Attributes:
        num_qubits: Number of qubits *n*; row and column index *i* has qubit *k* in bit *k*.
        edges: Qubit pairs of the entangling gates in the order they act.
        flips: Numbers of the edges whose CZ flips the kinds of its qubits, ascending.
        free: Whether kept edges between a real and a quaternionic qubit are RZZ gates with an angle of their own.
    """

    num_qubits: int
    edges: tuple[Edge, ...] = ()
    flips: tuple[int, ...] = ()
    free: bool = False

    def __post_init__(self) -> None:
        """Take edges and flips of any integers; ``CircuitError`` for what is no skeleton of a real circuit."""
        try:
            num_qubits, edges = index(self.num_qubits), tuple((index(a), index(b)) for a, b in self.edges)
            flips = tuple(sorted({index(flip) for flip in self.flips}))
        except (TypeError, ValueError):
            raise CircuitError(f"an ansatz takes a number of qubits and pairs of qubits, not {self}") from None
        if num_qubits < 1:
            raise CircuitError(f"an ansatz has at least one qubit, not {num_qubits}")
        for number, edge in enumerate(edges):
            if edge[0] == edge[1] or not 0 <= min(edge) <= max(edge) < num_qubits:
                raise CircuitError(f"edge {number} is {edge}, expected two different qubits below {num_qubits}")
        if flips and not 0 <= flips[0] <= flips[-1] < len(edges):
            raise CircuitError(f"flips {flips} are not numbers of {len(edges)} edges")
        object.__setattr__(self, "num_qubits", num_qubits)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "flips", flips)
        object.__setattr__(self, "free", bool(self.free))
        _ = self.steps  # refuses flips that do not end real

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Gates in the order they act."""
        return steps(self.num_qubits, self.edges, self.flips, self.free)

    @cached_property
    def size(self) -> int:
        """Number of angles."""
        return sum(step.angle is not None for step in self.steps)

    @property
    def family(self) -> Family:
        """``ry``: RY and CZ; ``u3``: any one-qubit rotations and CZ; ``rzz``: RZZ of free angles too."""
        if self.free:
            return "rzz"
        return "u3" if self.flips else "ry"

    @property
    def couplings(self) -> tuple[Edge, ...]:
        """Pairs ``(low, high)`` that are entangled, each once, sorted."""
        return tuple(sorted({(min(edge), max(edge)) for edge in self.edges}))

    @property
    def text(self) -> str:
        """Canonical JSON; two ansaetze are equal exactly if their texts are."""
        fields = {"num_qubits": self.num_qubits, "edges": self.edges, "flips": self.flips, "free": self.free}
        return json.dumps(fields, separators=(",", ":"))

    def operations(self, prefix: str) -> tuple[Operation, ...]:
        """Gates of the ansatz; angle *i* is the parameter named ``prefix`` followed by *i*."""

        def gates() -> Iterator[Operation]:
            for step in self.steps:
                angles: list[float | str] = [] if step.turn is None else [step.turn]
                if step.angle is not None:
                    angles = [f"{prefix}{step.angle}"]
                yield op(step.gate, *step.qubits, angles=angles)

        return tuple(gates())

    def matrix(self, angles: ArrayLike) -> Floats | Complexes:
        """Matrices ``[..., d, d]`` of angles ``[..., size]``, gate by gate; real for the family ``ry``.

        Raises:
            BindingsError: The last axis is not ``size`` long.
        """
        return self._columns(angles, 1 << self.num_qubits)

    def state(self, angles: ArrayLike) -> Floats | Complexes:
        """States ``[..., d]`` that angles ``[..., size]`` prepare from all qubits in zero; real for the family ``ry``.

        Raises:
            BindingsError: The last axis is not ``size`` long.
        """
        return self._columns(angles, 1)[..., 0]

    def _columns(self, angles: ArrayLike, count: int) -> Floats | Complexes:
        """First ``count`` columns of the matrices, ``[..., d, count]``."""
        angles = np.asarray(angles, dtype=float)
        if angles.ndim < 1 or angles.shape[-1] != self.size:
            raise BindingsError(f"expected angles of shape [..., {self.size}], got {list(angles.shape)}")
        dim, rows = 1 << self.num_qubits, angles.reshape(-1, self.size)
        # Rows last: every gate is then a handful of operations on long contiguous arrays.
        cos, sin = half_turns(np.ascontiguousarray(rows.T))
        out = np.zeros((dim, count, len(rows)), dtype=float if self.family == "ry" else complex)
        out[range(count), range(count)] = 1
        for step in self.steps:
            if step.angle is not None:
                _turn(out, step, cos[step.angle], sin[step.angle])
            elif step.turn is not None:
                _turn(out, step, *(np.array([value]) for value in (np.cos(step.turn / 2), np.sin(step.turn / 2))))
            else:
                out[_parity(dim, step.qubits) == 2] *= -1
        return np.ascontiguousarray(np.moveaxis(out, 2, 0)).reshape(*angles.shape[:-1], dim, count)


@dataclass(frozen=True)
class Attempt:
    """A skeleton that was tried and given up.

    Attributes:
        ansatz: The skeleton.
        unsolved: Rows that were not solved with it, of those that were tried, or that are too near the identity for it.
    """

    ansatz: Ansatz
    unsolved: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Synthesis:
    """Angles of one ansatz for many targets.

    Attributes:
        ansatz: The skeleton that all rows share.
        angles: Angles in radians, ``[rows, ansatz.size]``.
        residual: Frobenius norm of the difference between what the angles give and each row's target, ``[rows]``, the
            global phase left out. Computed by ``ansatz.matrix`` or ``ansatz.state``, never by the solver that found
            the angles.
        loss: The residual as a share of what the target does to the start, ``||V - Q|| / ||Q - 1||``, ``[rows]``; for
            an identity 0 if it is met within the tolerance, infinite otherwise. For states it is the residual.
        bound: Largest residual that a row may have, ``[rows]``.
        attempts: Skeletons that some rows did not reach, in the order they were tried.
    """

    ansatz: Ansatz
    angles: Floats
    residual: Floats
    loss: Floats
    bound: Floats
    attempts: tuple[Attempt, ...] = ()


def brick_wall(num_qubits: int, count: int) -> Ansatz:
    """Ansatz of CZ and RY on a line: even edges, odd edges, even edges, and so on, cut after ``count`` edges.

    Raises:
        CircuitError: There are edges, and fewer than two qubits.
    """
    line = [(qubit, qubit + 1) for start in (0, 1) for qubit in range(start, num_qubits - 1, 2)]
    if count > 0 and not line:
        raise CircuitError(f"a brick wall has at least two qubits, not {num_qubits}")
    return Ansatz(num_qubits, tuple(line[i % len(line)] for i in range(count)))


def _parity(dim: int, qubits: tuple[int, ...]) -> NDArray[np.intp]:
    """How many of the qubits are one in each basis state."""
    bits = np.arange(dim)
    ones: NDArray[np.intp] = np.sum([bits >> qubit & 1 for qubit in qubits], axis=0)
    return ones


def _turn(out: Floats | Complexes, step: Step, cos: Floats, sin: Floats) -> None:
    """Apply a rotation to states ``[d, count, rows]`` in place; its cosines and sines of half angles are ``[rows]``."""
    dim = len(out)
    if step.gate in ("rz", "rzz"):
        odd = _parity(dim, step.qubits) % 2 == 1
        out[odd] *= cos + 1j * sin
        out[~odd] *= cos - 1j * sin
        return
    (qubit,) = step.qubits
    pair = out.reshape(dim >> (qubit + 1), 2, out.shape[1] << qubit, out.shape[2])
    zero, one = pair[:, 0], pair[:, 1]
    up, down = (sin, -sin) if step.gate == "ry" else (-1j * sin, -1j * sin)
    turned = up * zero + cos * one
    pair[:, 0] = cos * zero + down * one
    pair[:, 1] = turned
