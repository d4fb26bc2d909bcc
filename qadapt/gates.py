"""The one gate table: name, arity, parameters and matrix of every gate.

Matrices are functions of angle arrays, so that one call answers for all rows: angles of shape ``[...]`` give matrices
``[..., 2**qubits, 2**qubits]`` (complex128). Row and column index *i* has the gate's *k*-th qubit in bit *k*, so the
first listed qubit is the least significant one; the first qubit of a controlled gate is its control. Angles are in
radians, ``rx(t) = exp(-i t X / 2)``, ``rzz(t) = exp(-i t ZZ / 2)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.errors import CircuitError

Floats: TypeAlias = NDArray[np.float64]
Complexes: TypeAlias = NDArray[np.complex128]
Axis: TypeAlias = Literal["x", "y", "z"]

_I = np.eye(2, dtype=complex)
_X = np.array([[0, 1], [1, 0]], dtype=complex)
_Y = np.array([[0, -1j], [1j, 0]])
_Z = np.diag([1, -1]).astype(complex)
_H = (_X + _Z) / np.sqrt(2)


@dataclass(frozen=True)
class Gate:
    """One entry of the gate table.

    Attributes:
        name: Lower-case name, unique in the table.
        qubits: Number of qubits it acts on.
        parameters: Names of its angles, in order.
        matrix: Function from angle arrays to matrices, see the module docstring.
        axis: The axis of a one-angle, one-qubit rotation ``exp(-i t P / 2)``; None for every other gate.
    """

    name: str
    qubits: int
    parameters: tuple[str, ...]
    matrix: Callable[..., Complexes]
    axis: Axis | None = None


def _constant(matrix: ArrayLike) -> Callable[..., Complexes]:
    fixed = np.array(matrix, dtype=complex)
    fixed.setflags(write=False)
    return lambda: fixed


def _rotation(generator: NDArray[np.complex128]) -> Callable[..., Complexes]:
    """Matrices exp(-i t P / 2) of a generator with P P = 1."""
    identity = np.eye(len(generator))

    def matrix(angle: Floats) -> Complexes:
        half = np.asarray(angle, dtype=float)[..., None, None] / 2
        out: Complexes = np.cos(half) * identity - 1j * np.sin(half) * generator
        return out

    return matrix


def _controlled(inner: Callable[..., Complexes]) -> Callable[..., Complexes]:
    """Control on the first qubit (bit 0), the inner gate on the rest."""

    def matrix(*angles: Floats) -> Complexes:
        small = inner(*angles)
        size = small.shape[-1]
        out = np.zeros((*small.shape[:-2], 2 * size, 2 * size), dtype=complex)
        even = np.arange(0, 2 * size, 2)
        out[..., even, even] = 1
        out[..., 1::2, 1::2] = small
        return out

    return matrix


def _phase(angle: Floats) -> Complexes:
    angle = np.asarray(angle, dtype=float)
    out = np.zeros((*angle.shape, 2, 2), dtype=complex)
    out[..., 0, 0] = 1
    out[..., 1, 1] = np.exp(1j * angle)
    return out


def _u3(theta: Floats, phi: Floats, lam: Floats) -> Complexes:
    theta, phi, lam = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (theta, phi, lam)))
    cos, sin = np.cos(theta / 2), np.sin(theta / 2)
    rows = [[cos + 0j, -np.exp(1j * lam) * sin], [np.exp(1j * phi) * sin, np.exp(1j * (phi + lam)) * cos]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _rphi(theta: Floats, phi: Floats) -> Complexes:
    """Rotation by theta about the axis at azimuth phi: rz(phi) rx(theta) rz(-phi)."""
    theta, phi = np.broadcast_arrays(np.asarray(theta, dtype=float), np.asarray(phi, dtype=float))
    cos, sin = np.cos(theta / 2) + 0j, -1j * np.sin(theta / 2)
    rows = [[cos, np.exp(-1j * phi) * sin], [np.exp(1j * phi) * sin, cos]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _two(first: NDArray[np.complex128], second: NDArray[np.complex128]) -> Complexes:
    """Matrix with ``first`` on the gate's first qubit (bit 0) and ``second`` on its second."""
    product: Complexes = np.kron(second, first).astype(complex)
    return product


def _permutation(images: tuple[int, ...]) -> Complexes:
    out = np.zeros((len(images), len(images)), dtype=complex)
    out[images, range(len(images))] = 1
    return out


_SX = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2
_ISWAP = np.eye(4, dtype=complex)[[0, 2, 1, 3]] * np.array([1, 1j, 1j, 1])
_ECR = (_two(_X, _I) - _two(_Y, _X)) / np.sqrt(2)

_T: tuple[str, ...] = ("theta",)
_TABLE = (
    Gate("id", 1, (), _constant(_I)),
    Gate("x", 1, (), _constant(_X)),
    Gate("y", 1, (), _constant(_Y)),
    Gate("z", 1, (), _constant(_Z)),
    Gate("h", 1, (), _constant(_H)),
    Gate("s", 1, (), _constant(np.diag([1, 1j]))),
    Gate("sdg", 1, (), _constant(np.diag([1, -1j]))),
    Gate("t", 1, (), _constant(np.diag([1, np.exp(0.25j * np.pi)]))),
    Gate("tdg", 1, (), _constant(np.diag([1, np.exp(-0.25j * np.pi)]))),
    Gate("sx", 1, (), _constant(_SX)),
    Gate("sxdg", 1, (), _constant(_SX.conj().T)),
    Gate("rx", 1, _T, _rotation(_X), axis="x"),
    Gate("ry", 1, _T, _rotation(_Y), axis="y"),
    Gate("rz", 1, _T, _rotation(_Z), axis="z"),
    Gate("p", 1, _T, _phase, axis="z"),
    Gate("u3", 1, ("theta", "phi", "lam"), _u3),
    Gate("rphi", 1, ("theta", "phi"), _rphi),
    Gate("prx", 1, ("theta", "phi"), _rphi),
    Gate("cx", 2, (), _controlled(_constant(_X))),
    Gate("cy", 2, (), _controlled(_constant(_Y))),
    Gate("cz", 2, (), _controlled(_constant(_Z))),
    Gate("ch", 2, (), _controlled(_constant(_H))),
    Gate("swap", 2, (), _constant(_permutation((0, 2, 1, 3)))),
    Gate("iswap", 2, (), _constant(_ISWAP)),
    Gate("ecr", 2, (), _constant(_ECR)),
    Gate("cp", 2, _T, _controlled(_phase)),
    Gate("crx", 2, _T, _controlled(_rotation(_X))),
    Gate("cry", 2, _T, _controlled(_rotation(_Y))),
    Gate("crz", 2, _T, _controlled(_rotation(_Z))),
    Gate("rxx", 2, _T, _rotation(_two(_X, _X))),
    Gate("ryy", 2, _T, _rotation(_two(_Y, _Y))),
    Gate("rzz", 2, _T, _rotation(_two(_Z, _Z))),
    Gate("ccx", 3, (), _constant(_permutation((0, 1, 2, 7, 4, 5, 6, 3)))),
    Gate("cswap", 3, (), _constant(_permutation((0, 1, 2, 5, 4, 3, 6, 7)))),
)

GATES: Mapping[str, Gate] = MappingProxyType({gate.name: gate for gate in _TABLE})
"""Every gate by name; read-only."""

FENCE = "fence"
"""Name of the operation that no pass may move or merge an entangling gate across; it acts on any number of qubits."""


def gate(name: str) -> Gate:
    """Look a gate up by name.

    Raises:
        CircuitError: No gate of the table has this name.
    """
    try:
        return GATES[name]
    except KeyError:
        raise CircuitError(f"unknown gate {name!r}", hint=f"known gates: {', '.join(sorted(GATES))}") from None
