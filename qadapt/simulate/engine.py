"""Engine: simulate a circuit group by group and block by block, and collect what its registers read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.simulate.arrays import Array, Arrays
from qadapt.simulate.components import Component, check_sizes, group, join, split
from qadapt.simulate.maps import Map, Matrix, Slots, Tiled
from qadapt.simulate.plan import Space, plan
from qadapt.simulate.steps import Flags, Program
from qadapt.simulate.waves import AngleWaves

T = TypeVar("T")

BLOCK = 2**17
"""Array elements of the states that are simulated at once: they should stay in a processor cache."""
ELEMENTS = 2**24
"""Most array elements of one state."""
_PROGRAMS = 16
"""Most plans that are kept for one group."""


class Same(Generic[T]):
    """A value that is compared by identity, so that it can be the key of a cache, which keeps it alive."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@dataclass(frozen=True, eq=False)
class Picture:
    """How states are written: on amplitudes or on Pauli vectors.

    Attributes:
        name: Of the simulator, for messages.
        dimension: Length of a qubit's vector.
        origin: Vector of a qubit in state 0.
        maps: From a group of components and its slots to the maps that act.
        weigh: From a state tensor, which may be overwritten, to what the registers read.
    """

    name: str
    dimension: int
    origin: Matrix
    maps: Callable[[Sequence[Component], Slots], list[Map]]
    weigh: Callable[[Array], Array]


class Group:
    """Components of equal structure, ready to be simulated for any bindings of one form."""

    def __init__(self, tiles: Sequence[Component], picture: Picture) -> None:
        self.tiles = tuple(tiles)
        self.qubits = len(self.tiles[0].qubits)
        self.picture = picture
        slots = Slots()
        self.maps = picture.maps(self.tiles, slots)
        self.slots = slots.angles
        self._names = tuple({name for angles in self.slots for angle in angles for name, _ in angle.terms})
        self._programs: dict[object, Program] = {}

    @property
    def elements(self) -> int:
        """Array elements of the states of all tiles, for one row."""
        return len(self.tiles) * int(self.picture.dimension**self.qubits)

    def program(self, bindings: Bindings, lengths: Sequence[int], arrays: Arrays) -> Program:
        """Plan for blocks of the given row lengths."""
        key = tuple(bindings.columns[name].shape for name in self._names), tuple(lengths), arrays
        program = self._programs.get(key)
        if program is None:
            batch = (len(self.tiles), *lengths)
            flags = tuple(self._flags(angles, bindings) for angles in self.slots)
            space = Space(self.qubits, self.picture.dimension, self.picture.origin, batch, flags, arrays)
            program = plan(self.maps, space)
            if len(self._programs) >= _PROGRAMS:
                self._programs.clear()
            self._programs[key] = program
        return program

    def _flags(self, angles: Tiled, bindings: Bindings) -> Flags:
        """Batch axes along which one slot varies."""
        shapes = {bindings.columns[name].shape for angle in angles for name, _ in angle.terms}
        rows = (any(shape[axis] > 1 for shape in shapes) for axis in range(len(bindings.shape)))
        return (len(angles) > 1, *rows)

    def run(self, bindings: Bindings, block: tuple[slice, ...], program: Program, arrays: Arrays) -> Array:
        """State tensor of one block of rows: qubit axes, tiles, rows; the last two may have length 1."""
        sizes = [part.stop - part.start for part in block]
        return program.run(arrays, AngleWaves(self.slots, bindings, block, arrays), (len(self.tiles), *sizes))


def blocks(shape: Sequence[int], most: int) -> Iterator[tuple[slice, ...]]:
    """Cut a row shape into blocks of at most ``most`` rows, in C order."""
    steps: list[int] = []
    for size in reversed(shape):
        steps.insert(0, max(1, min(size, most)))
        most //= size
    ranges = [range(0, size, step) for size, step in zip(shape, steps, strict=True)]
    for starts in product(*ranges):
        yield tuple(
            slice(start, min(start + step, size)) for start, step, size in zip(starts, steps, shape, strict=True)
        )


def prepare(circuit: Circuit, registers: Sequence[Sequence[int]], picture: Picture) -> tuple[Group, ...]:
    """Split a circuit into groups of equal components.

    Raises:
        NotSupportedError: A component has too many qubits.
    """
    components = [component for component in split(circuit, registers) if component.reads]
    check_sizes(components, (ELEMENTS.bit_length() - 1) // (picture.dimension.bit_length() - 1), picture.name)
    return tuple(
        Group(tiles, picture)
        for alike in group(components)
        for tiles in _portions(alike, max(1, BLOCK // picture.dimension ** len(alike[0].qubits)))
    )


def _portions(tiles: Sequence[Component], most: int) -> list[Sequence[Component]]:
    return [tiles[start : start + most] for start in range(0, len(tiles), most)]


def read(
    groups: Sequence[Group], widths: Sequence[int], bindings: Bindings, arrays: Arrays
) -> tuple[NDArray[Any], ...]:
    """Simulate all groups for all rows; returns what each register reads, ``[rows, 2**width]``."""
    parts: list[list[tuple[tuple[int, ...], NDArray[Any]]]] = [[] for _ in widths]
    for one in groups:
        tables = _tables(one, bindings, arrays)
        for number, component in enumerate(one.tiles):
            for part, table in zip(component.reads, tables, strict=True):
                parts[part.register].append((part.bits, table[number]))
    return tuple(join(width, some) for width, some in zip(widths, parts, strict=True))


def _tables(one: Group, bindings: Bindings, arrays: Arrays) -> list[NDArray[Any]]:
    """For each read of a group's components a table ``[tiles, rows, outcomes]``."""
    shape, reads = bindings.shape, one.tiles[0].reads
    cuts = list(blocks(shape, max(1, BLOCK // one.elements)))
    program = one.program(bindings, [part.stop for part in cuts[0]], arrays)
    tables: list[NDArray[Any]] = []
    for block in cuts:
        weights = one.picture.weigh(one.run(bindings, block, program, arrays))
        for number, part in enumerate(reads):
            piece = _marginal(weights, part.qubits, one.qubits, arrays)
            if len(cuts) == 1:
                full = (len(one.tiles), *shape, piece.shape[-1])
                tables.append(piece if piece.shape == full else np.broadcast_to(piece, full))
                continue
            if len(tables) == number:
                tables.append(np.empty((len(one.tiles), *shape, piece.shape[-1]), piece.dtype))
            tables[number][(slice(None), *block)] = piece
    return [np.ascontiguousarray(table.reshape(len(one.tiles), bindings.rows, -1)) for table in tables]


def _marginal(weights: Array, local: Sequence[int], qubits: int, arrays: Arrays) -> NDArray[Any]:
    """Sum over the qubits that are not read and put the read ones last, as one axis; the first one is bit 0."""
    keep = [qubits - 1 - qubit for qubit in reversed(local)]
    rest = tuple(axis for axis in range(qubits) if axis not in keep)
    if rest:
        weights = weights.sum(rest)
    left = sorted(keep)
    order = [*range(len(keep), weights.ndim), *(left.index(axis) for axis in keep)]
    moved = arrays.take(arrays.permute(weights, order))
    return moved.reshape(*moved.shape[: -len(keep)], -1)
