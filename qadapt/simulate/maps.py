"""Maps: gates as linear maps on amplitudes or on Pauli vectors, with the angles kept apart.

A gate of one angle is a trigonometric polynomial in half its angle: ``U(t) = A + sum_h (C_h cos(h t/2) + S_h sin(h
t/2))`` with constant matrices and ``h`` in 1, 2; so is its Pauli transfer matrix. The matrices are read off the gate
table by a discrete Fourier transform, so no gate is written down a second time. In this form the angle arrays enter as
*waves* (cosines and sines, one array for all rows) and most matrix elements are zero or one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Angle, Parameter
from qadapt.gates import GATES

Matrix: TypeAlias = NDArray[Any]
Represent: TypeAlias = Callable[[NDArray[np.complex128]], Matrix]
"""From unitaries ``[..., 2**k, 2**k]`` to what they do to the simulated vectors ``[..., D**k, D**k]``."""

_SAMPLES = 8
_SEQUENCES: Mapping[str, tuple[tuple[str, int, float], ...]] = {
    "u3": (("p", 2, 1.0), ("ry", 0, 1.0), ("p", 1, 1.0)),
    "rphi": (("p", 1, -1.0), ("rx", 0, 1.0), ("p", 1, 1.0)),
    "prx": (("p", 1, -1.0), ("rx", 0, 1.0), ("p", 1, 1.0)),
}
"""Gates of several angles as gates of one, in the order they act: name, number of the angle, its sign."""


class Sum(NamedTuple):
    """An angle as ``offset + sum of scale * column``, in radians."""

    offset: float
    terms: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, angle: Angle, sign: float = 1.0) -> Sum:
        """Take an angle of a circuit, times ``sign``."""
        if isinstance(angle, Parameter):
            return cls(sign * angle.offset, ((angle.name, sign * angle.scale),))
        return cls(sign * angle, ())

    def plus(self, other: Sum) -> Sum:
        """Add two angles."""
        terms = dict(self.terms)
        for name, scale in other.terms:
            terms[name] = terms.get(name, 0.0) + scale
        return Sum(self.offset + other.offset, tuple((name, scale) for name, scale in terms.items() if scale))


Tiled: TypeAlias = tuple[Sum, ...]
"""One angle of a gate on every tile, or a single one that all tiles share."""


class Wave(NamedTuple):
    """``cos(harmonic * angle / 2)`` or the sine of it; ``slot`` is the number of the angle among the group's angles."""

    slot: int
    harmonic: int
    sine: bool


@dataclass(frozen=True, eq=False)
class Map:
    """A linear map on some qubits, ``sum over waves of wave * matrix``.

    Attributes:
        qubits: Local qubits it acts on; the first one is the least significant digit of the matrix indices.
        terms: Constant matrices ``[tiles, out, in]`` by wave, None for the part without angles. ``tiles`` is 1 where
            all tiles agree.
        ins: Dimension of each qubit before the map.
        outs: Dimension of each qubit after it.
    """

    qubits: tuple[int, ...]
    terms: Mapping[Wave | None, Matrix]
    ins: tuple[int, ...]
    outs: tuple[int, ...]

    @property
    def constant(self) -> bool:
        """Whether no angle takes part."""
        return all(wave is None for wave in self.terms)

    @property
    def real(self) -> bool:
        """Whether every matrix is real."""
        return not any(np.iscomplexobj(matrix) for matrix in self.terms.values())

    def started(self, fresh: Sequence[bool], origin: Matrix) -> Map:
        """The map that first puts the qubits marked ``fresh``, of dimension 1 so far, into the state ``origin``."""
        if not any(fresh):
            return self
        start: Matrix = np.eye(1)
        for dimension, new in zip(self.ins, fresh, strict=True):
            start = np.kron(origin[:, None] if new else np.eye(dimension), start)
        ins = tuple(1 if new else dimension for dimension, new in zip(self.ins, fresh, strict=True))
        return Map(self.qubits, {wave: matrix @ start for wave, matrix in self.terms.items()}, ins, self.outs)


class Slots:
    """The distinct variable angles of a group."""

    def __init__(self) -> None:
        self.angles: list[Tiled] = []
        self._numbers: dict[Tiled, int] = {}

    def number(self, angles: Tiled) -> int:
        """Number of an angle, the same for equal ones."""
        if angles not in self._numbers:
            self._numbers[angles] = len(self.angles)
            self.angles.append(angles)
        return self._numbers[angles]


def amplitude(unitary: NDArray[np.complex128]) -> Matrix:
    """Represent unitaries on amplitudes: as themselves, real where they can be."""
    return _real(unitary)


@cache
def _paulis(qubits: int) -> NDArray[np.complex128]:
    """Pauli products ``[4**qubits, 2**qubits, 2**qubits]``; digit *k* of the index (0-3: I, X, Y, Z) is qubit *k*."""
    x, y, z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
    out = []
    for digits in product((np.eye(2), x, y, z), repeat=qubits):  # the last digit runs fastest: qubit 0
        matrix = np.eye(1, dtype=complex)
        for digit in digits:
            matrix = np.kron(matrix, digit)
        out.append(matrix)
    return np.array(out)


def pauli(unitary: NDArray[np.complex128]) -> Matrix:
    """Represent unitaries on Pauli vectors ``r_i = tr(P_i rho)``: ``R_ij = tr(P_i U P_j U^+) / 2**qubits``, real."""
    size = unitary.shape[-1]
    paulis = _paulis(size.bit_length() - 1)
    turned = unitary[..., None, :, :] @ paulis @ unitary.conj().swapaxes(-1, -2)[..., None, :, :]
    out: Matrix = np.einsum("iab,...jba->...ij", paulis, turned, optimize=True).real / size
    return _tidy(out)


class Turn(NamedTuple):
    """One gate on local qubits, the same on all tiles but for its angles."""

    gate: str
    qubits: tuple[int, ...]
    angles: tuple[Tiled, ...]

    @property
    def variable(self) -> bool:
        """Whether an angle depends on parameters."""
        return any(angle.terms for tiled in self.angles for angle in tiled)


def turns(gates: Sequence[tuple[str, tuple[int, ...]]], angles: Sequence[Sequence[Sequence[Angle]]]) -> list[Turn]:
    """Write the gates of a group with at most one variable angle each.

    Args:
        gates: Names and local qubits.
        angles: For each gate and tile the angles.
    """
    out = []
    for (name, qubits), tiles in zip(gates, angles, strict=True):
        columns = tuple(_tiled(Sum.of(tile[number]) for tile in tiles) for number in range(len(tiles[0])))
        turn = Turn(name, qubits, columns)
        if name in _SEQUENCES and turn.variable:
            out += [
                Turn(part, qubits, (_tiled(Sum.of(tile[number], sign) for tile in tiles),))
                for part, number, sign in _SEQUENCES[name]
            ]
        else:
            out.append(turn)
    return out


def merged(gates: Iterable[Turn]) -> list[Turn]:
    """Add up the angles of rotations about one axis that follow each other on a qubit."""
    out: list[Turn] = []
    last: dict[int, int] = {}
    for turn in gates:
        place = last.get(turn.qubits[0])
        if GATES[turn.gate].axis is not None and place is not None:
            before = out[place]
            if before.gate == turn.gate:
                tiles = max(len(before.angles[0]), len(turn.angles[0]))
                pairs = zip(_spread(before.angles[0], tiles), _spread(turn.angles[0], tiles), strict=True)
                out[place] = turn._replace(angles=(_tiled(a.plus(b) for a, b in pairs),))
                continue
        for qubit in turn.qubits:
            last[qubit] = len(out)
        out.append(turn)
    return out


def gate_map(turn: Turn, slots: Slots, represent: Represent) -> Map:
    """Represent one gate of a group; ``slots`` collects its angle if that is variable."""
    if turn.variable:
        slot = slots.number(turn.angles[0])
        waves = _waves(turn.gate, represent)
        terms = {None if key is None else Wave(slot, *key): matrix for key, matrix in waves.items()}
    else:
        matrix = represent(GATES[turn.gate].matrix(*(np.array([a.offset for a in tiled]) for tiled in turn.angles)))
        terms = {None: matrix if matrix.ndim == 3 else matrix[None]}
    dimension = round(next(iter(terms.values())).shape[-1] ** (1 / len(turn.qubits)))
    dimensions = (dimension,) * len(turn.qubits)
    return Map(turn.qubits, terms, dimensions, dimensions)


@cache
def _waves(name: str, represent: Represent) -> Mapping[tuple[int, bool] | None, Matrix]:
    """Matrices of a one-angle gate by harmonic of half the angle and cosine or sine; None is the constant part."""
    half = 2 * np.pi * np.arange(_SAMPLES) / _SAMPLES
    values = represent(GATES[name].matrix(2 * half))
    found: dict[tuple[int, bool] | None, Matrix] = {None: values.mean(axis=0)}
    for harmonic in (1, 2):
        for sine, wave in ((False, np.cos(harmonic * half)), (True, np.sin(harmonic * half))):
            found[harmonic, sine] = np.tensordot(wave, values, axes=1) * (2 / _SAMPLES)
    return {key: _real(_tidy(matrix))[None] for key, matrix in found.items() if np.abs(matrix).max() > 1e-12}


def _tiled(angles: Iterable[Sum]) -> Tiled:
    each = tuple(angles)
    return each[:1] if all(angle == each[0] for angle in each[1:]) else each


def _spread(angles: Tiled, tiles: int) -> Tiled:
    return angles * tiles if len(angles) == 1 else angles


def _tidy(matrix: Matrix) -> Matrix:
    """Matrix with the last digit rounded off, so that zeros and ones are exact."""
    out: Matrix = np.round(matrix, 15) + 0.0
    return out


def _real(matrix: Matrix) -> Matrix:
    return matrix.real if np.iscomplexobj(matrix) and not matrix.imag.any() else matrix
