"""Grid: which row runs on which tile, in every repetition of a run, and where the reference rows are between them.

A run of the runner has its row *i* on tile ``i % tiles`` of execution ``i // tiles``. A grid lists the rows so that
every repetition holds each of them once, turned by an offset around the tiles, and every reference row on all tiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Grid:
    """Where rows run.

    Attributes:
        rows: Number of rows.
        tiles: Number of tiles.
        offsets: By how many tiles the rows are turned in each repetition.
        references: Reference rows in each repetition.
    """

    rows: int
    tiles: int
    offsets: tuple[int, ...] = (0,)
    references: int = 0

    @property
    def executions(self) -> int:
        """Executions of one repetition."""
        return -(-self.rows // self.tiles) + self.references

    @property
    def _places(self) -> Indices:
        """Executions of the references within a repetition: spread evenly, so that drift is theirs as well."""
        number = np.arange(self.references)
        return ((2 * number + 1) * self.executions // (2 * max(1, self.references))).astype(np.intp)

    @property
    def sources(self) -> Indices:
        """Rows to run, in order, ``[repetitions * executions * tiles]``; reference *r* is ``rows + r``."""
        data = np.delete(np.arange(self.executions), self._places)
        group = np.minimum(np.arange(len(data) * self.tiles), self.rows - 1).reshape(len(data), self.tiles)
        out = np.empty((len(self.offsets), self.executions, self.tiles), dtype=np.intp)
        out[:, self._places] = (self.rows + np.arange(self.references))[:, None]
        for turned, offset in zip(out, self.offsets, strict=True):
            turned[data] = np.roll(group, offset, axis=1)
        return out.reshape(-1)

    @property
    def visits(self) -> Indices:
        """Tile of each row in each repetition, ``[repetitions, rows]``."""
        visits: Indices = (np.arange(self.rows) + np.array(self.offsets)[:, None]) % self.tiles
        return visits

    def split(self, table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Split a table of the run by what it holds.

        Args:
            table: ``[repetitions * executions * tiles, d]``.

        Returns:
            That of the rows, ``[repetitions, executions, tiles, d]``, and that of the references, ``[repetitions,
            references, tiles, d]``.
        """
        shaped = table.reshape(len(self.offsets), self.executions, self.tiles, -1)
        return np.delete(shaped, self._places, axis=1), shaped[:, self._places]

    def ordered(self, tables: NDArray[np.float64]) -> NDArray[np.float64]:
        """Put what belongs to the rows, ``[repetitions, executions, tiles, d]``, in their order.

        Returns:
            ``[repetitions, rows, d]``.
        """
        turned = [np.roll(table, -offset, axis=1) for table, offset in zip(tables, self.offsets, strict=True)]
        return np.stack(turned).reshape(len(self.offsets), -1, tables.shape[-1])[:, : self.rows]


def offsets(repetitions: int, tiles: int, *, rotate: bool) -> tuple[int, ...]:
    """Offsets of so many repetitions: spread evenly over the tiles, which are sorted by quality, or all 0."""
    return tuple(number * tiles // repetitions if rotate else 0 for number in range(repetitions))
