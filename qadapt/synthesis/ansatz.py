"""The layered RY/CZ ansatz: one skeleton of edges, one array of angles per row.

RY and CZ are real, so the ansatz makes real states and rotations (on two qubits a CZ is a reflection, and rotations
take an even number of them). A skeleton of *k* edges on *n* qubits has *n + 2k* angles: one RY per qubit first, then
per edge a CZ and one RY on each of its qubits, which are the only ones that do not commute with that CZ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import index
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from qadapt.circuit import Operation, op
from qadapt.errors import BindingsError, CircuitError
from qadapt.synthesis.arrays import Floats, half_turns

Edge: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Ansatz:
    """A skeleton of CZ gates with RY gates between them.

    Angle *q* turns qubit *q* before the first CZ; angles *n + 2j* and *n + 2j + 1* turn the first and the second qubit
    of edge *j* right after its CZ.

    Attributes:
        num_qubits: Number of qubits *n*; row and column index *i* has qubit *k* in bit *k*.
        edges: Qubit pairs of the CZ gates in the order they act.
    """

    num_qubits: int
    edges: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        """Take edges of any integers; ``CircuitError`` for an edge that is no pair of two qubits of the ansatz."""
        try:
            num_qubits, edges = index(self.num_qubits), tuple((index(a), index(b)) for a, b in self.edges)
        except (TypeError, ValueError):
            raise CircuitError(f"an ansatz takes a number of qubits and pairs of qubits, not {self}") from None
        if num_qubits < 1:
            raise CircuitError(f"an ansatz has at least one qubit, not {num_qubits}")
        for number, edge in enumerate(edges):
            if edge[0] == edge[1] or not 0 <= min(edge) <= max(edge) < num_qubits:
                raise CircuitError(f"edge {number} is {edge}, expected two different qubits below {num_qubits}")
        object.__setattr__(self, "num_qubits", num_qubits)
        object.__setattr__(self, "edges", edges)

    @property
    def size(self) -> int:
        """Number of angles."""
        return self.num_qubits + 2 * len(self.edges)

    @cached_property
    def turns(self) -> tuple[tuple[Edge | None, tuple[Edge, ...]], ...]:
        """The layers in order: the edge of the CZ (None in the first layer), then (qubit, angle index) of each RY."""
        first = (None, tuple((qubit, qubit) for qubit in range(self.num_qubits)))
        starts = range(self.num_qubits, self.size, 2)
        later = (((a, b), ((a, at), (b, at + 1))) for (a, b), at in zip(self.edges, starts, strict=True))
        return (first, *later)

    def operations(self, prefix: str) -> tuple[Operation, ...]:
        """Gates of the ansatz; angle *i* is the parameter named ``prefix`` followed by *i*."""

        def gates() -> Iterator[Operation]:
            for edge, layer in self.turns:
                if edge is not None:
                    yield op("cz", *edge)
                yield from (op("ry", qubit, angles=[f"{prefix}{at}"]) for qubit, at in layer)

        return tuple(gates())

    def matrix(self, angles: ArrayLike) -> Floats:
        """Matrices ``[..., d, d]`` of angles ``[..., size]``, gate by gate from the definition.

        Raises:
            BindingsError: The last axis is not ``size`` long.
        """
        return self._columns(angles, 1 << self.num_qubits)

    def state(self, angles: ArrayLike) -> Floats:
        """States ``[..., d]`` that angles ``[..., size]`` prepare from all qubits in zero.

        Raises:
            BindingsError: The last axis is not ``size`` long.
        """
        return self._columns(angles, 1)[..., 0]

    def _columns(self, angles: ArrayLike, count: int) -> Floats:
        """First ``count`` columns of the matrices, ``[..., d, count]``."""
        angles = np.asarray(angles, dtype=float)
        if angles.ndim < 1 or angles.shape[-1] != self.size:
            raise BindingsError(f"expected angles of shape [..., {self.size}], got {list(angles.shape)}")
        dim, rows = 1 << self.num_qubits, angles.reshape(-1, self.size)
        # Rows last: every gate is then a handful of operations on long contiguous arrays.
        cos, sin = half_turns(np.ascontiguousarray(rows.T))
        out = np.zeros((dim, count, len(rows)))
        out[range(count), range(count)] = 1
        bits = np.arange(dim)
        for edge, layer in self.turns:
            if edge is not None:
                out[(bits >> edge[0]) & (bits >> edge[1]) & 1 == 1] *= -1
            for qubit, at in layer:
                pair = out.reshape(dim >> (qubit + 1), 2, count << qubit, len(rows))
                zero, one = pair[:, 0], pair[:, 1]
                turned = sin[at] * zero + cos[at] * one
                pair[:, 0] = cos[at] * zero - sin[at] * one
                pair[:, 1] = turned
        return np.ascontiguousarray(np.moveaxis(out, 2, 0)).reshape(*angles.shape[:-1], dim, count)


@dataclass(frozen=True, eq=False)
class Synthesis:
    """Angles of one ansatz for many targets.

    Attributes:
        ansatz: The skeleton that all rows share.
        angles: Angles in radians, ``[rows, ansatz.size]``.
        residual: Frobenius norm of the difference between what the angles give and each row's target, ``[rows]``.
            Computed by ``ansatz.matrix`` or ``ansatz.state``, never by the solver that found the angles.
    """

    ansatz: Ansatz
    angles: Floats
    residual: Floats


def brick_wall(num_qubits: int, count: int) -> Ansatz:
    """Ansatz of the first ``count`` edges of the brick wall on a line: even edges, odd edges, even edges, and so on."""
    line = [(qubit, qubit + 1) for start in (0, 1) for qubit in range(start, num_qubits - 1, 2)]
    return Ansatz(num_qubits, tuple(line[i % len(line)] for i in range(count)))


BLOCKS: Mapping[int, Ansatz] = MappingProxyType(
    {1: Ansatz(1), 2: brick_wall(2, 2), 3: brick_wall(3, 19), 4: brick_wall(4, 68)}
)
"""Skeleton of SO(2^n) by number of qubits, on a line.

SO(8) and SO(16) are reached with 14 and 60 CZ, but there the identity, where adapters start, is a critical value: no
angles reach it with a Jacobian of full rank and least squares stalls in its neighbourhood. With these longer skeletons
the identity is regular.
"""

STATES: Mapping[int, Ansatz] = MappingProxyType(
    {
        1: Ansatz(1),
        2: Ansatz(2, ((0, 1),)),
        3: Ansatz(3, ((0, 1), (1, 2), (1, 2))),
        4: Ansatz(4, ((2, 3), (1, 2), (0, 1), (2, 3), (1, 2), (0, 1), (2, 3))),
    }
)
"""Skeleton of real states by number of qubits, on a line."""

SCHMIDT = Ansatz(4, ((0, 1), (1, 2), (2, 3), (0, 1), (1, 2), (0, 1), (0, 1), (2, 3), (2, 3)))
"""Longer skeleton of real four-qubit states whose angles have a closed form for every state, on a line."""
