"""Packing: right backends behind a wrong packing of copies side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from qadapt import Bindings, Counts, Result, Target
from qadapt.compile import Packed
from qadapt.compile.place import Pattern
from qadapt.jobs.plan import Plan
from qadapt_conformance.mutants.change import Floats, Patch, patched

_pack = import_module("qadapt.compile.pack")
_bind, _split, _collect, _tiles = Packed.bind, Packed.split, Plan.collect, _pack.best_tiles


def _bound(change: Callable[[Packed, Floats, int], Floats]) -> Patch:
    """Change the native angles ``[executions, tiles, angles]`` of so many rows of the source."""

    def bind(packed: Packed, bindings: Bindings) -> Bindings:
        right = _bind(packed, bindings)
        shape = (right.rows, len(packed.tiles), len(packed.compiled.angles))
        angles = right.array(right.names).reshape(shape)
        return Bindings.of_matrix(right.names, change(packed, angles, bindings.rows).reshape(right.rows, -1))

    return Packed, "bind", bind


def _first_two_exchanged(packed: Packed, angles: Floats, rows: int) -> Floats:
    return angles[:, [1, 0, *range(2, angles.shape[1])]] if angles.shape[1] > 1 else angles


def _tile_by_tile(packed: Packed, angles: Floats, rows: int) -> Floats:
    """All executions of the first tile before those of the second."""
    executions, tiles, width = angles.shape
    return angles.reshape(tiles, executions, width).transpose(1, 0, 2)


def _padded_in_front(packed: Packed, angles: Floats, rows: int) -> Floats:
    """Spare tiles of the last execution are its first ones."""
    executions, tiles, _ = angles.shape
    out = angles.copy()
    out[-1] = np.roll(angles[-1], executions * tiles - rows, axis=0)
    return out


def _padded_with_first(packed: Packed, angles: Floats, rows: int) -> Floats:
    """The last execution repeats its first row on all tiles."""
    out = angles.copy()
    if angles.shape[0] * angles.shape[1] > rows:
        out[-1] = angles[-1, :1]
    return out


def _reordered(counts: Counts) -> Counts:
    return Counts(counts.registers[::-1], counts.shots)


def _split_reversed(packed: Packed, counts: Counts, rows: int) -> Counts:
    return _split(packed, _reordered(counts), rows)


def _collect_reversed(plan: Plan, results: Mapping[int, Sequence[Result]]) -> Any:
    if plan.tiles < 2:
        return _collect(plan, results)
    turned = {
        chunk: [replace(part, counts=_reordered(part.counts)) for part in parts] for chunk, parts in results.items()
    }
    return _collect(plan, turned)


def _one_misplaced(pattern: Pattern, target: Target, **options: Any) -> tuple[tuple[int, ...], ...]:
    """The last of several tiles lies on qubits of which the first two are not coupled."""
    right: tuple[tuple[int, ...], ...] = _tiles(pattern, target, **options)
    taken = {qubit for tile in right[:-1] for qubit in tile}
    free = [qubit for qubit in target.live_qubits if qubit not in taken]
    couplings = target.couplings or {}
    apart = [(a, b) for a in free for b in free if a < b and (a, b) not in couplings]
    if len(right) < 2 or pattern.num_qubits < 2 or not apart:
        return right
    others = [qubit for qubit in free if qubit not in apart[0]]
    tile = (*apart[0], *others[: pattern.num_qubits - 2])
    return (*right[:-1], tile) if len(tile) == pattern.num_qubits else right


PACKING = (
    patched(
        "tile-counts-swapped",
        "PACK-1",
        "Counts are read from the tiles in the opposite order.",
        (Packed, "split", _split_reversed),
        (Plan, "collect", _collect_reversed),
    ),
    patched("tile-angles-exchanged", "PACK-1", "Two tiles have each other's angles.", _bound(_first_two_exchanged)),
    patched("rows-tile-by-tile", "PACK-1", "Rows fill a tile before the next.", _bound(_tile_by_tile)),
    patched(
        "tile-on-dead-coupler",
        "PACK-2",
        "A tile lies on qubits that are not coupled.",
        (_pack, "best_tiles", _one_misplaced),
        (_pack, "_carries", lambda tile, first, target: True),
    ),
    patched(
        "last-pack-in-front", "PACK-3", "Spare tiles of the last pack are its first ones.", _bound(_padded_in_front)
    ),
    patched(
        "last-pack-of-one",
        "PACK-3",
        "A last pack that is not full holds its first row only.",
        _bound(_padded_with_first),
    ),
)
