"""Plan: which gates are fused and how each step is applied, decided once per circuit and row shape.

Gates whose angles vary along few batch axes (or along none) are collected into clusters on few qubits. A cluster is
multiplied out into one matrix per element of *its own* batch shape and applied by matrix multiplication where that is
less work than applying its gates one after the other to the whole batch; constant clusters are multiplied out here.
Work is counted in passes over one array element.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from qadapt.simulate.arrays import NUMPY, Arrays
from qadapt.simulate.arrays import arrays as choose
from qadapt.simulate.maps import Map, Matrix
from qadapt.simulate.steps import Dense, Entry, Flags, Program, Row, Sparse, Step, entries_of, index

LARGEST = 32
"""Largest dimension of a cluster."""
MULTIPLY = 0.35
"""Work of one multiplication and addition inside a matrix product."""
CALL = 2000.0
"""Work that one call of an array function costs before it touches an element."""
PRODUCT = 300.0
"""Work that each matrix of a batched product costs before it touches an element."""


@dataclass(frozen=True)
class Space:
    """What is simulated.

    Attributes:
        qubits: Number of local qubits.
        dimension: Length of a qubit's vector: 2 for amplitudes, 4 for Pauli vectors.
        origin: Vector of a qubit that no gate has touched.
        batch: Batch lengths the plan is made for: tiles, then the row shape of one block.
        slots: For each slot the batch axes that its angles vary along.
        arrays: Where constant matrices are put.
    """

    qubits: int
    dimension: int
    origin: Matrix
    batch: tuple[int, ...]
    slots: tuple[Flags, ...]
    arrays: Arrays

    def varies(self, one: Map) -> Flags:
        """Batch axes that a map varies along."""
        flags = [False] * len(self.batch)
        for wave, matrix in one.terms.items():
            flags[0] |= len(matrix) > 1
            if wave is not None:
                flags = [a or b for a, b in zip(flags, self.slots[wave.slot], strict=True)]
        return tuple(flags)

    def volume(self, flags: Flags) -> int:
        """Number of batch elements along the flagged axes."""
        return prod(size for size, flag in zip(self.batch, flags, strict=True) if flag)


def plan(maps: Sequence[Map], space: Space) -> Program:
    """Turn maps into the steps that cost the least work."""
    draft = _Draft(space, [1] * space.qubits, (False,) * len(space.batch), [True] * space.qubits)
    clusters = _clusters(maps, space)
    complex_ = not all(one.real for one in maps)
    for number, cluster in enumerate(clusters):
        last = number == len(clusters) - 1 and len(cluster.qubits) == space.qubits
        options = [draft.sequence(cluster.maps, complex_)]
        if len(cluster.maps) > 1 or cluster.constant:
            options += draft.fused(cluster, complex_, last)
        draft = min(options, key=lambda option: option.work)
    return Program((1,) * space.qubits, False, tuple(draft.steps), complex_)


@dataclass
class _Cluster:
    maps: list[Map]
    qubits: set[int]
    flags: Flags
    constant: bool

    def union(self, other: _Cluster) -> _Cluster:
        flags = tuple(a or b for a, b in zip(self.flags, other.flags, strict=True))
        return _Cluster(self.maps + other.maps, self.qubits | other.qubits, flags, self.constant and other.constant)

    def fits(self, space: Space) -> bool:
        """Whether multiplying this out can pay: few qubits, and matrices much smaller than the states."""
        size: int = space.dimension ** len(self.qubits)
        states: int = space.dimension**space.qubits
        volume, whole = space.volume(self.flags), prod(space.batch)
        if size > LARGEST or self.constant:
            return size <= LARGEST
        if 4 * volume > whole > LARGEST:
            return False
        return 2 * size**2 * volume <= states * whole


def _clusters(maps: Sequence[Map], space: Space) -> list[_Cluster]:
    """Collect maps greedily: a map joins the latest cluster on its qubits, and those that nothing follows."""
    clusters: list[_Cluster | None] = []
    last: dict[int, int] = {}
    for one in maps:
        new = _Cluster([one], set(one.qubits), space.varies(one), one.constant)
        before = sorted({last[qubit] for qubit in one.qubits if qubit in last}, reverse=True)
        home = len(clusters)
        for number in before if new.fits(space) else ():
            earlier = clusters[number]
            assert earlier is not None
            # What follows the latest cluster leaves this map's qubits alone, so the map can move back into it. An
            # earlier one can only move forward, which needs that nothing follows it.
            latest = number == before[0]
            ends = all(last[qubit] == number for qubit in earlier.qubits)
            joined = earlier.union(new)
            if (latest or ends) and earlier.fits(space) and joined.fits(space):
                new = joined
                clusters[number] = None
                home = number if latest else home
        if home == len(clusters):
            clusters.append(new)
        else:
            clusters[home] = new
        for qubit in new.qubits:
            last[qubit] = max(home, last.get(qubit, home))
    return [cluster for cluster in clusters if cluster is not None]


@dataclass
class _Draft:
    """A program in the making: what the state tensor looks like so far, and the work to get there."""

    space: Space
    dimensions: list[int]
    flags: Flags
    fresh: list[bool]
    steps: list[Step] = field(default_factory=list)
    work: float = 0.0

    def _after(self, one: Map, step: Step, flags: Flags, work: float) -> _Draft:
        dimensions, fresh = list(self.dimensions), list(self.fresh)
        for qubit, dimension in zip(one.qubits, one.outs, strict=True):
            dimensions[qubit], fresh[qubit] = dimension, False
        return replace(
            self, dimensions=dimensions, flags=flags, fresh=fresh, steps=[*self.steps, step], work=self.work + work
        )

    def _started(self, one: Map) -> Map:
        return one.started([self.fresh[qubit] for qubit in one.qubits], self.space.origin)

    def _axes(self, qubits: Sequence[int]) -> list[int]:
        return [len(self.dimensions) - 1 - qubit for qubit in qubits]

    def sequence(self, maps: Sequence[Map], complex_: bool) -> _Draft:
        """Apply maps one after the other."""
        draft = self
        for one in maps:
            one = draft._started(one)
            options = [draft._sparse(one)]
            if one.constant:
                options.append(draft._dense(one, complex_, last=False))
            draft = min(options, key=lambda option: option.work)
        return draft

    def fused(self, cluster: _Cluster, complex_: bool, last: bool) -> list[_Draft]:
        """Ways to apply a cluster as one matrix."""
        qubits = tuple(sorted(cluster.qubits))
        local = {qubit: number + 1 for number, qubit in enumerate(qubits)}
        maps = [replace(one, qubits=tuple(local[qubit] for qubit in one.qubits)) for one in cluster.maps]
        ins = tuple(self.dimensions[qubit] for qubit in qubits)
        # Local qubit 0 carries the columns of the identity.
        inner = _Draft(
            replace(
                self.space, qubits=len(qubits) + 1, arrays=choose(NUMPY) if cluster.constant else self.space.arrays
            ),
            [prod(ins), *ins],
            (False,) * len(self.flags),
            [False, *(self.fresh[qubit] for qubit in qubits)],
        ).sequence(maps, complex_)
        program = Program((*reversed(ins), prod(ins)), True, tuple(inner.steps), complex_)
        outs = tuple(inner.dimensions[1:])
        shell = Map(qubits, {}, ins, outs)
        if not cluster.constant:
            return [self._dense(shell, complex_, last, program=program, flags=cluster.flags, extra=inner.work)]
        state = program.run(choose(NUMPY), _no_waves, self.space.batch)
        tiles = state.shape[len(qubits) + 1]
        matrix = np.moveaxis(state.reshape(prod(outs), prod(ins), tiles), 2, 0)
        whole = replace(shell, terms={None: matrix})
        return [self._sparse(whole), self._dense(whole, complex_, last)]

    def _sparse(self, one: Map) -> _Draft:
        values, entries = entries_of(one, (-1, *(1,) * (len(self.flags) - 1)))
        flags = _either(self.flags, self.space.varies(one))
        in_place = one.ins == one.outs and flags == self.flags
        rows = tuple(
            row
            for row in (_row(number, some, in_place) for number, some in enumerate(entries))
            if not in_place or row != Row(row.value, _one(row.value), ())
        )
        owners = {row.own and row.own[1:] for row in rows}
        scale = rows[0].own if in_place and len(owners) == 1 and len(rows) == prod(one.outs) else None
        axes = self._axes(one.qubits)
        put = self.space.arrays.put
        step = Sparse(
            views=index(axes, one.ins, len(self.dimensions)),
            targets=index(axes, one.outs, len(self.dimensions)),
            values=tuple(
                tuple((wave, put(weight) if isinstance(weight, np.ndarray) else weight) for wave, weight in parts)
                for parts in values
            ),
            rows=rows,
            scale=scale,
            dimensions=tuple(self._lengths(one)[::-1]),
            flags=flags,
            in_place=in_place,
        )
        calls = sum(2 * len(row.others) + (row.own is not None and row.own != _one(row.value)) for row in rows)
        each = prod(self.dimensions) // prod(one.ins) * self.space.volume(flags)
        return self._after(one, step, flags, calls * (each + CALL))

    def _dense(
        self,
        one: Map,
        complex_: bool,
        last: bool,
        *,
        program: Program | None = None,
        flags: Flags | None = None,
        extra: float = 0.0,
    ) -> _Draft:
        flags = self.space.varies(one) if flags is None else flags
        arrays = self.space.arrays
        matrix = None
        if program is None:
            matrix = one.terms[None] if flags[0] else one.terms[None][0]
            matrix = arrays.put(matrix.astype(complex if complex_ else float))
        axes = tuple(self._axes(one.qubits)[::-1])
        step = Dense(axes, one.outs[::-1], flags, matrix, program, last)
        after = _either(self.flags, flags)
        each = prod(self.dimensions) // prod(one.ins) * self.space.volume(after)
        product = each * prod(one.ins) * prod(one.outs) * MULTIPLY * (2 if complex_ else 1)
        layout = 0 if len(one.qubits) == len(self.dimensions) else each * (prod(one.ins) + prod(one.outs))
        work = extra + product + layout + 6 * CALL + PRODUCT * self.space.volume(flags)
        return self._after(one, step, after, work)

    def _lengths(self, one: Map) -> list[int]:
        lengths = list(self.dimensions)
        for qubit, dimension in zip(one.qubits, one.outs, strict=True):
            lengths[qubit] = dimension
        return lengths


def _either(first: Flags, second: Flags) -> Flags:
    return tuple(a or b for a, b in zip(first, second, strict=True))


def _one(value: int) -> Entry:
    return Entry(value, None, 1)


def _row(value: int, entries: Sequence[Entry], in_place: bool) -> Row:
    """Set the entry of the value itself apart where the state is overwritten; put positive entries first elsewhere."""
    if not in_place:
        return Row(value, None, tuple(sorted(entries, key=lambda entry: -entry.sign)))
    own = next((entry for entry in entries if entry.column == value), None)
    return Row(value, own, tuple(entry for entry in entries if entry is not own))


def _no_waves(wave: object) -> None:
    raise AssertionError("a constant program has no waves")
