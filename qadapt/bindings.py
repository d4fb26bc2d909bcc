"""Bindings: the values of a circuit's parameters, one row per execution, bound by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.circuit import Circuit, Parameter
from qadapt.errors import BindingsError


@dataclass(frozen=True, eq=False)
class Bindings:
    """Parameter values for many rows at once, in radians.

    Columns may be given smaller than the row shape and are then shared: for 1,024 blocks of 32 inputs, block angles of
    shape ``[1024, 1]`` beside input angles of shape ``[1024, 32]`` stand for 32,768 rows, and whoever computes with
    them may compute the shared part once. Row *i* is element *i* of the row shape in C order.

    Attributes:
        columns: float64 arrays by parameter name, each broadcastable to ``shape``; read-only.
        shape: Shape of the rows.
    """

    columns: Mapping[str, NDArray[np.float64]]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, values: Mapping[str, ArrayLike], *, shape: tuple[int, ...] | None = None) -> Bindings:
        """Validate values by name; scalars and smaller arrays are shared between rows.

        Args:
            values: A number or an array of numbers per parameter.
            shape: Row shape; the common broadcast shape of the values when omitted, one row for scalars.

        Raises:
            BindingsError: A value is not real, not finite or empty, or the shapes do not broadcast.
        """
        columns = {name: _column(name, value) for name, value in values.items()}
        try:
            common = np.broadcast_shapes(*(column.shape for column in columns.values()), shape or ())
        except ValueError:
            shapes = {name: column.shape for name, column in columns.items()}
            raise BindingsError(f"shapes do not broadcast to rows: {shapes}, row shape {shape}") from None
        rows = (common or (1,)) if shape is None else shape
        if shape is not None and common != shape:
            raise BindingsError(f"values of shape {common} do not fit the row shape {shape}")
        if prod(rows) < 1:
            raise BindingsError(f"bindings need at least one row, got shape {rows}")
        aligned = {
            name: column.reshape((1,) * (len(rows) - column.ndim) + column.shape) for name, column in columns.items()
        }
        return cls(aligned, tuple(rows))

    @classmethod
    def rows_of(cls, names: Iterable[str], values: ArrayLike) -> Bindings:
        """Take an array ``[rows, parameters]`` whose column *j* is the *j*-th name.

        Raises:
            BindingsError: The array is not two-dimensional, or its width is not the number of names.
        """
        names = tuple(names)
        array = _column("values", values)
        if array.ndim != 2 or array.shape[1] != len(names):
            raise BindingsError(f"expected values of shape [rows, {len(names)}], got {list(array.shape)}")
        if len(set(names)) != len(names):
            raise BindingsError(f"repeated parameter name in {names}")
        if not len(array):
            raise BindingsError("bindings need at least one row, got none")
        return cls({name: array[:, index] for index, name in enumerate(names)}, (len(array),))

    @classmethod
    def of_matrix(cls, names: tuple[str, ...], matrix: NDArray[np.float64]) -> Bindings:
        """Take computed values ``[rows, parameters]`` as they are, unchecked: for passes, not for input."""
        return cls(_Columns(names, matrix), (len(matrix),))

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names in the order they were given."""
        return tuple(self.columns)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return prod(self.shape)

    def column(self, name: str) -> NDArray[np.float64]:
        """Values of one parameter for every row, ``[rows]``."""
        return np.broadcast_to(self.columns[name], self.shape).reshape(-1)

    def array(self, names: Iterable[str]) -> NDArray[np.float64]:
        """Values ``[rows, len(names)]`` with one column per name, in the order of ``names``."""
        names = tuple(names)
        if isinstance(self.columns, _Columns) and names == self.columns.names:
            return self.columns.matrix
        out = np.empty((*self.shape, len(names)))
        for index, name in enumerate(names):
            out[..., index] = self.columns[name]
        return out.reshape(self.rows, len(names))

    def angles(self, parameters: Sequence[Parameter]) -> NDArray[np.float64]:
        """Angles of affine parameters for all rows, ``[rows, parameters]`` in radians.

        Raises:
            BindingsError: Scale and offset take a value out of the range of float64.
        """
        table = np.empty((self.rows, len(parameters)))
        for index, parameter in enumerate(parameters):
            with np.errstate(over="ignore"):
                table[:, index] = parameter.scale * self.column(parameter.name) + parameter.offset
            if not np.isfinite(table[:, index]).all():
                said = f"{parameter.scale} * {parameter.name} + {parameter.offset}"
                raise BindingsError(f"{said} is not finite in some row")
        return table

    def bound(self, circuit: Circuit, row: int) -> Circuit:
        """Return a circuit with the values of one row in place of its parameters, in radians."""
        parameters = tuple(dict.fromkeys(p for operation in circuit.operations for p in operation.parameters))
        values = dict(zip(parameters, self.slice(row, row + 1).angles(parameters)[0].tolist(), strict=True))
        operations = tuple(
            o.moved(o.qubits, tuple(values[a] if isinstance(a, Parameter) else a for a in o.angles))
            for o in circuit.operations
        )
        return Circuit(num_qubits=circuit.num_qubits, operations=operations, measured=circuit.measured)

    def check(self, names: Iterable[str]) -> Bindings:
        """Return these bindings if they bind exactly ``names``, to float64 columns that fill at least one row.

        Bindings that were sliced or made without ``of`` and ``rows_of`` have not been looked at before. Whether values
        are finite is looked at angle by angle, see ``qadapt.provider.check_angles``.

        Raises:
            BindingsError: A parameter is missing, or one is bound that the circuit does not have; a column of another
                type or shape; no rows.
        """
        wanted, bound = set(names), set(self.columns)
        missing, extra = sorted(wanted - bound), sorted(bound - wanted)
        if missing or extra:
            said = [f"missing {missing}"] * bool(missing) + [f"extra {extra}"] * bool(extra)
            raise BindingsError(f"parameters do not match the circuit: {', '.join(said)}")
        if self.rows < 1:
            raise BindingsError(f"bindings need at least one row, got shape {self.shape}")
        for name, column in self._looked_at():
            if column.dtype != np.float64:
                raise BindingsError(f"parameter {name!r} holds {column.dtype}, expected float64")
            sizes = zip(column.shape[::-1], self.shape[::-1], strict=False)
            if column.ndim > len(self.shape) or any(size not in (1, rows) for size, rows in sizes):
                raise BindingsError(f"parameter {name!r} of shape {column.shape} does not fit the rows {self.shape}")
        return self

    def _looked_at(self) -> Iterable[tuple[str, NDArray[np.float64]]]:
        """Columns whose types and shapes say those of all."""
        columns = self.columns.items()
        return islice(columns, 1) if isinstance(self.columns, _Columns) else columns

    def largest(self) -> float:
        """The largest magnitude of all values, in radians; NaN where one is NaN, 0 where there are none."""
        columns = self.columns
        arrays = [columns.matrix] if isinstance(columns, _Columns) else columns.values()
        return float(np.max([np.abs(array).max(initial=0.0) for array in arrays], initial=0.0))

    def blocks(self, rows: int) -> Iterator[Bindings]:
        """Cut the rows into blocks of at most so many, in order; bindings that fit stay as they are."""
        if self.rows <= rows:
            yield self
            return
        for start in range(0, self.rows, rows):
            yield self.slice(start, min(start + rows, self.rows))

    def slice(self, start: int, stop: int) -> Bindings:
        """Rows ``start`` to ``stop``, in order, as flat bindings."""
        if isinstance(self.columns, _Columns):
            return Bindings.of_matrix(self.columns.names, self.columns.matrix[start:stop])
        return Bindings({name: self.column(name)[start:stop] for name in self.columns}, (stop - start,))


class _Columns(Mapping[str, NDArray[np.float64]]):
    """The columns of a matrix by name; packed circuits have hundreds, and vendors take them as the matrix they are."""

    def __init__(self, names: tuple[str, ...], matrix: NDArray[np.float64]) -> None:
        matrix.setflags(write=False)
        self.names = names
        self.matrix = matrix
        self._index = {name: number for number, name in enumerate(names)}

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.matrix[:, self._index[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _column(name: str, value: Any) -> NDArray[np.float64]:
    """Turn a value into a read-only float64 array or say what is wrong with it."""
    try:
        raw = np.asarray(value)
    except ValueError as error:
        raise BindingsError(f"parameter {name!r}: {error}") from None
    if raw.dtype.kind not in "iuf":
        raise BindingsError(f"parameter {name!r} holds {raw.dtype}, expected real numbers")
    array = raw.astype(np.float64, copy=True)
    bad = ~np.isfinite(array)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise BindingsError(f"parameter {name!r} is {array[place]} at index {list(place)}, expected finite numbers")
    array.setflags(write=False)
    return array
