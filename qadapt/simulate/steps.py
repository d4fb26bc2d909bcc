"""Steps: what is done to the state tensor, one gate or one fused group of gates at a time.

A state tensor has one axis per local qubit, qubit *k* at axis ``qubits - 1 - k`` so that C order puts qubit 0 last,
followed by the batch axes (tiles, then the row shape). An axis has length 1 as long as nothing depends on it: a qubit
that no gate has touched, a batch axis that no angle so far varies along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from qadapt.simulate.arrays import Array, Arrays
from qadapt.simulate.maps import Map, Matrix, Wave

Waves: TypeAlias = Callable[[Wave], Array]
Flags: TypeAlias = tuple[bool, ...]
"""For each batch axis whether something varies along it."""

EXACT = 1e-15
"""Constant matrix elements this close to zero or one are taken as such."""


class Entry(NamedTuple):
    """A non-zero matrix element ``sign * value``; ``value`` is a number in the step's list, None for 1."""

    column: int
    value: int | None
    sign: int


class Row(NamedTuple):
    """What becomes of one value of a map's qubits: the entry of the value itself, and those of other values."""

    value: int
    own: Entry | None
    others: tuple[Entry, ...]


@dataclass(frozen=True, eq=False)
class Sparse:
    """A map applied element by element, leaving out zeros and ones.

    Attributes:
        views: Index of the part of the state with each input value of the map's qubits.
        targets: The same for each output value.
        values: Matrix elements as sums of weighted waves; a weight is a number, or an array over tiles.
        rows: The output values that change.
        scale: The own entry of all rows where it is the same for all values; None elsewhere.
        dimensions: Lengths of the qubit axes afterwards.
        flags: Batch axes that the state varies along afterwards.
        in_place: Whether the state tensor can be overwritten.
    """

    views: tuple[tuple[Any, ...], ...]
    targets: tuple[tuple[Any, ...], ...]
    values: tuple[tuple[tuple[Wave | None, Any], ...], ...]
    rows: tuple[Row, ...]
    scale: Entry | None
    dimensions: tuple[int, ...]
    flags: Flags
    in_place: bool

    def apply(self, arrays: Arrays, state: Array, waves: Waves, batch: Sequence[int]) -> Array:
        """Apply the step to a state tensor, which may be overwritten."""
        values = [_value(parts, waves) for parts in self.values]
        if not self.in_place:
            return self._fill(arrays, state, values, batch)
        views = [state[place] for place in self.views]
        # Everything that reads old values comes before anything is overwritten.
        sums = [_sum(arrays, row.others, views, values) for row in self.rows]
        if self.scale is not None:
            _scale(state, self.scale, values)
        for (number, own, _), (total, sign) in zip(self.rows, sums, strict=True):
            view = views[number]
            if own is None:
                view[...] = 0.0 if total is None else total
                if sign < 0:
                    view *= -1
                continue
            if self.scale is None:
                _scale(view, own, values)
            if total is not None:
                _accumulate(view, total, sign)
        return state

    def _fill(self, arrays: Arrays, state: Array, values: list[Any], batch: Sequence[int]) -> Array:
        """Apply the step into a new tensor."""
        sizes = [size if flag else 1 for size, flag in zip(batch, self.flags, strict=True)]
        out = arrays.empty((*self.dimensions, *sizes), complex_=arrays.is_complex(state))
        for number, _, others in self.rows:
            target = out[self.targets[number]]
            if not others:
                target[...] = 0.0
                continue
            first, *more = others
            view = state[self.views[first.column]]
            if first.value is None or isinstance(values[first.value], float | complex):
                target[...] = view
                _scale(target, first, values)
            else:
                arrays.multiply(values[first.value], view, target)
                if first.sign < 0:
                    target *= -1
            for column, value, sign in more:
                view = state[self.views[column]]
                _accumulate(target, view if value is None else values[value] * view, sign)
        return out


@dataclass(frozen=True, eq=False)
class Dense:
    """A map applied by matrix multiplication.

    Attributes:
        axes: Axes of the map's qubits, most significant first.
        outs: Their lengths afterwards.
        flags: Batch axes that the matrix varies along.
        matrix: Constant matrix ``[*varying, out, in]``; None where ``program`` computes it.
        program: Steps that turn the columns of the identity into the matrix.
        last: Put the outcomes last in memory, as the final table has them.
    """

    axes: tuple[int, ...]
    outs: tuple[int, ...]
    flags: Flags
    matrix: Array | None
    program: Program | None
    last: bool

    def apply(self, arrays: Arrays, state: Array, waves: Waves, batch: Sequence[int]) -> Array:
        """Apply the step to a state tensor, which is left as it is."""
        qubits = state.ndim - len(self.flags)
        matrix = self.matrix
        if self.program is not None:
            matrix = self._fuse(arrays, waves, batch)
        vary = [qubits + axis for axis, flag in enumerate(self.flags) if flag]
        rest = [axis for axis in range(qubits) if axis not in self.axes]
        same = [qubits + axis for axis, flag in enumerate(self.flags) if not flag]
        order = [*vary, *rest, *same, *self.axes] if self.last else [*vary, *self.axes, *rest, *same]
        sizes = [state.shape[axis] for axis in order]
        inner = prod(state.shape[axis] for axis in self.axes)
        outer = prod(state.shape[axis] for axis in (*rest, *same))
        head = sizes[: len(vary)]
        moved = arrays.permute(state, order)
        tail: list[int] = [state.shape[axis] for axis in (*rest, *same)]
        if self.last:
            product = moved.reshape(*head, outer, inner) @ arrays.permute(matrix, _swapped(len(vary)))
            shape = [*product.shape[: len(vary)], *tail, *self.outs]
        else:
            product = matrix @ moved.reshape(*head, inner, outer)
            shape = [*product.shape[: len(vary)], *self.outs, *tail]
        return arrays.permute(product.reshape(shape), [int(axis) for axis in np.argsort(order)])

    def _fuse(self, arrays: Arrays, waves: Waves, batch: Sequence[int]) -> Array:
        """Compute the matrix ``[*varying, out, in]``."""
        assert self.program is not None
        sizes = [size if flag else 1 for size, flag in zip(batch, self.flags, strict=True)]
        columns = self.program.dimensions[-1]
        state = self.program.run(arrays, waves, sizes)
        qubits = state.ndim - len(sizes)
        vary = [qubits + axis for axis, flag in enumerate(self.flags) if flag]
        same = [qubits + axis for axis, flag in enumerate(self.flags) if not flag]
        moved = arrays.permute(state, [*vary, *same, *range(qubits)])
        matrix = moved.reshape(*[state.shape[axis] for axis in vary], prod(self.outs), columns)
        return arrays.contiguous(matrix)


Step: TypeAlias = Sparse | Dense


@dataclass(frozen=True, eq=False)
class Program:
    """Steps for one group of components.

    Attributes:
        dimensions: Lengths of the qubit axes at the start.
        identity: Whether to start from an identity matrix, its columns as the last qubit axis, instead of a single 1.
        steps: In the order they are applied.
        complex_: Whether amplitudes are complex.
    """

    dimensions: tuple[int, ...]
    identity: bool
    steps: tuple[Step, ...]
    complex_: bool

    def run(self, arrays: Arrays, waves: Waves, batch: Sequence[int]) -> Array:
        """Apply all steps; returns the state tensor, whose batch axes have length 1 where nothing varies."""
        state = arrays.empty((*self.dimensions, *(1,) * len(batch)), complex_=self.complex_)
        if self.identity:
            size = self.dimensions[-1]
            state[...] = arrays.put(np.eye(size).reshape(state.shape))
        else:
            state[...] = 1.0
        for step in self.steps:
            state = step.apply(arrays, state, waves, batch)
        return state


def _swapped(leading: int) -> list[int]:
    return [*range(leading), leading + 1, leading]


def _accumulate(target: Array, term: Array, sign: int) -> None:
    if sign > 0:
        target += term
    else:
        target -= term


def _value(parts: tuple[tuple[Wave | None, Any], ...], waves: Waves) -> Any:
    """Evaluate one matrix element for all rows."""
    total: Any = None
    for wave, weight in parts:
        if wave is None:
            term = weight
        else:
            term = waves(wave)
            if not (isinstance(weight, float) and weight == 1.0):
                term = weight * term
        total = term if total is None else total + term
    return total


def _scale(target: Array, entry: Entry, values: Sequence[Any]) -> None:
    if entry.value is not None:
        target *= values[entry.value] if entry.sign > 0 else -values[entry.value]
    elif entry.sign < 0:
        target *= -1


def _sum(
    arrays: Arrays, entries: tuple[Entry, ...], views: Sequence[Array], values: Sequence[Any]
) -> tuple[Array | None, int]:
    """Sum of entries as a new array, None for none of them, and a sign that is still to be applied to it."""
    total: Array | None = None
    leading = 1
    for column, value, sign in entries:
        if total is None:
            leading = sign
            total = arrays.copy(views[column]) if value is None else values[value] * views[column]
        else:
            _accumulate(total, views[column] if value is None else values[value] * views[column], sign * leading)
    return total, leading


def index(axes: Sequence[int], dimensions: Sequence[int], total: int) -> tuple[tuple[Any, ...], ...]:
    """Index of every value of the qubits at ``axes`` (least significant first) in a tensor of ``total`` qubit axes."""
    found = []
    for value in range(prod(dimensions)):
        place: list[Any] = [slice(None)] * total
        for axis, dimension in zip(axes, dimensions, strict=True):
            place[axis], value = value % dimension, value // dimension
        found.append(tuple(place))
    return tuple(found)


def entries_of(
    one: Map, tiles_shape: Sequence[int]
) -> tuple[list[tuple[tuple[Wave | None, Any], ...]], list[tuple[Entry, ...]]]:
    """Non-zero matrix elements of a map: the distinct values, and the entries of every output value."""
    values: list[tuple[tuple[Wave | None, Any], ...]] = []
    numbers: dict[Any, int] = {}
    rows: list[tuple[Entry, ...]] = []
    matrices = [(wave, matrix, _weights(matrix)) for wave, matrix in one.terms.items()]
    for row in range(prod(one.outs)):
        entries = []
        for column in range(prod(one.ins)):
            parts: list[tuple[Wave | None, Any]] = []
            for wave, matrix, (even, used) in matrices:
                if not used[row, column]:
                    continue
                if even[row, column]:
                    number = matrix[0, row, column].item()
                    parts.append((wave, number))
                else:
                    parts.append((wave, matrix[:, row, column].reshape(tiles_shape)))
            if not parts:
                continue
            sign = 1
            lead = parts[0][1]
            if isinstance(lead, float) and lead < 0:
                sign, parts = -1, [(wave, -weight) for wave, weight in parts]
                lead = -lead
            if len(parts) == 1 and parts[0][0] is None and isinstance(lead, float) and abs(lead - 1) <= EXACT:
                entries.append(Entry(column, None, sign))
                continue
            key = tuple((wave, w if isinstance(w, float | complex) else w.tobytes()) for wave, w in parts)
            if key not in numbers:
                numbers[key] = len(values)
                values.append(tuple(parts))
            entries.append(Entry(column, numbers[key], sign))
        rows.append(tuple(entries))
    return values, rows


def _weights(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Which elements are equal on all tiles, and which are not zero."""
    return (matrix == matrix[:1]).all(axis=0), np.abs(matrix).max(axis=0) > EXACT
