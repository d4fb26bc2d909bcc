"""Packing: copies of a small circuit side by side on one chip, each row on a tile of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qadapt import Bindings, Circuit, Counts, Packed, Run, Target, Work, op, pack, run
from qadapt_conformance import oracle
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.lacks import couplings
from qadapt_conformance.probe import CLOSE, SHOTS, Probe
from qadapt_conformance.rule import EVERYWHERE, rule
from qadapt_conformance.rules.compiled import misfits
from qadapt_conformance.rules.parameters import ladder
from qadapt_conformance.rules.rows import STATE

COPIES = 6
"""Tiles of which every one is compared with the oracle by itself."""

CHAIN = Circuit(num_qubits=3, operations=ladder(["a", "b", 0.7, "c", 1.1, "a"]), measured=[1, 2, 0])

TURN = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["a"])], measured=[0])

NUMBER = Circuit(
    num_qubits=2,
    operations=[op("rx", 0, angles=["low"]), op("cx", 0, 1), op("rx", 1, angles=["high"])],
    measured=[0, 1],
)
"""Reads a number: of a row with low bit *l* and high bit *h*, each bound as 0 or pi, the outcome is certain."""


def _angles(circuit: Circuit, rows: int, seed: int) -> Bindings:
    draw = np.random.default_rng(seed).uniform(-3, 3, (len(circuit.parameters), rows))
    return Bindings.of(dict(zip(circuit.parameters, draw, strict=True)))


def _numbers(rows: int) -> Bindings:
    low, high = np.arange(rows) % 3 % 2, np.arange(rows) // 2 % 2
    return Bindings.of({"low": np.pi * low, "high": np.pi * high})


def _side_by_side(probe: Probe, circuit: Circuit, bindings: Bindings, shots: int, seed: int | None) -> Run:
    """Run packed, whatever the noise: rows are not compared with each other."""
    return run(circuit, bindings, probe.backend, shots=shots, seed=seed, packed=True, ledger="none")


@rule("PACK-1", qubits=2, lacks=couplings)
def rows_keep_their_tiles(probe: Probe) -> Iterator[Finding]:
    """Every row gets its own counts, from its own tile."""
    for number, circuit in enumerate((STATE, CHAIN) if _longest(probe.target) > 2 else (STATE,)):
        packed = pack(circuit, probe.target, copies=COPIES)
        bindings = _angles(circuit, 2 * len(packed.tiles), seed=50 + number)
        yield _answers_its_source(packed, bindings)
        work = Work(packed.circuit, packed.bind(bindings), probe.shots(), probe.seed())
        yield from probe.work_agrees([work])
        # The way a user runs it, and more rows than tiles.
        rows = min(len(pack(circuit, probe.target).tiles), COPIES) + 1
        yield from _by_users(probe, circuit, _angles(circuit, rows, seed=60 + number))


def _by_users(probe: Probe, circuit: Circuit, bindings: Bindings, wanted: int = SHOTS) -> Iterator[Finding]:
    """Run side by side as users do, and compare every row with the oracle on its own tile."""
    packed = pack(circuit, probe.target, copies=bindings.rows)
    copies = list(_copies(packed, bindings))
    shots = max(probe.planned(copy, rows, wanted) for copy, rows in copies)
    ran = _side_by_side(probe, circuit, bindings, shots, probe.seed())
    (table,) = ran.counts.registers
    for tile, (copy, rows) in enumerate(copies):
        yield from probe.compared(copy, rows, Counts((table[tile :: len(copies)],), ran.counts.shots))


def _copies(packed: Packed, bindings: Bindings) -> Iterator[tuple[Circuit, Bindings]]:
    """Yield the native circuit of every tile by itself, and its rows: those of the source from its number on."""
    first, tiles = packed.compiled, packed.tiles
    native = first.bind(bindings)
    angles = native.array(native.names)
    for number, tile in enumerate(tiles):
        to = dict(zip(first.layout, tile, strict=True))
        operations = [o.moved(tuple(to[qubit] for qubit in o.qubits), o.angles) for o in first.circuit.operations]
        measured = [[to[qubit] for qubit in register] for register in first.circuit.measured]
        circuit = Circuit(num_qubits=first.circuit.num_qubits, operations=operations, measured=measured)
        yield circuit, Bindings.rows_of(native.names, angles[number :: len(tiles)])


def _answers_its_source(packed: Packed, bindings: Bindings) -> Finding:
    """Row i of the source is row ``i // tiles`` of tile ``i % tiles``."""
    source, tiles = packed.compiled.source, len(packed.tiles)
    exact = oracle.tables(source, bindings)[0]
    apart = oracle.tables(packed.circuit, packed.bind(bindings))
    gap = max(float(np.abs(apart[row % tiles][row // tiles] - exact[row]).max()) for row in range(len(exact)))
    return fact(gap <= CLOSE, f"a row on its tile is off by {gap:.2g} from the row of the source", source)


@rule("PACK-2", qubits=2, tiers=EVERYWHERE, lacks=couplings)
def tiles_are_places(probe: Probe) -> Iterator[Finding]:
    """Tiles are disjoint, live and coupled, carry equal copies, and keep the spacing that was asked for."""
    target = probe.target
    longest = _longest(target)
    for circuit in (TURN, STATE, CHAIN):
        if circuit.num_qubits > longest:
            continue
        for spacing in (0, 1):
            packed = pack(circuit, target, spacing=spacing)
            what = f"{len(packed.tiles)} tiles of {circuit.num_qubits} with spacing {spacing}"
            for wrong in _wrong(packed, target, spacing):
                yield fact(False, f"{what}: {wrong}", circuit)
            yield fact(len(packed.tiles) > 0, f"there are {what}", circuit)
        few = pack(circuit, target, copies=1)
        yield fact(len(few.tiles) == 1, f"one copy was asked for, there are {len(few.tiles)}", circuit)


def _wrong(packed: Packed, target: Target, spacing: int) -> Iterator[str]:
    source, tiles = packed.compiled.source, packed.tiles
    taken = [qubit for tile in tiles for qubit in tile]
    if len(set(taken)) != len(taken):
        yield "tiles overlap"
    if any(len(tile) != source.num_qubits for tile in tiles):
        yield f"tiles of {[len(tile) for tile in tiles]} qubits"
        return
    yield from misfits(packed.circuit, packed.bind(_angles(source, 1, seed=70)), target)[:3]
    registers = tuple(tuple(tile[qubit] for qubit in source.measured[0]) for tile in tiles)
    if packed.circuit.measured != registers:
        yield f"measured are {packed.circuit.measured[:3]}, expected {registers[:3]}"
    home = {qubit: number for number, tile in enumerate(tiles) for qubit in tile}
    first: list[tuple[str, tuple[int, ...], int]] = []
    for number, tile in enumerate(tiles):
        copy = [
            (operation.gate, tuple(tile.index(qubit) for qubit in operation.qubits), len(operation.parameters))
            for operation in packed.circuit.operations
            if set(operation.qubits) <= set(tile)
        ]
        first = first or copy
        if copy != first:
            yield f"tile {number} carries another circuit than tile 0"
    if sum(len(first) for _ in tiles) != len(packed.circuit.operations):
        yield "an operation joins two tiles"
    near = [(a, b) for a, b in target.couplings or () if a in home and b in home and home[a] != home[b]]
    if spacing and near:
        yield f"no idle qubit between tiles at couplings {near[:3]}"


def _longest(target: Target) -> int:
    """Most qubits of a chain that fits the chip, as far as 3."""
    neighbours = [qubit for pair in target.couplings or () for qubit in pair]
    return 3 if len(neighbours) != len(set(neighbours)) else 2 if neighbours else 1


@rule("PACK-3", qubits=2, lacks=couplings)
def last_pack(probe: Probe) -> Iterator[Finding]:
    """More rows than tiles run in several executions, and a last one that is not full loses and adds no row."""
    most, shots = len(pack(NUMBER, probe.target).tiles), probe.shots(100)
    for rows in (1, most + 1, 3 * most - 1):
        bindings = _numbers(rows)
        packed = pack(NUMBER, probe.target, copies=min(rows, most))
        tiles = len(packed.tiles)
        yield _answers_its_source(packed, bindings)
        seed = probe.seed()
        ran = _side_by_side(probe, NUMBER, bindings, shots, seed)
        got = ran.counts.rows, ran.tiles, ran.executions
        want = rows, tiles, -(-rows // tiles)
        yield fact(got == want, f"rows, tiles and executions are {got}, expected {want}", NUMBER)
        if seed is not None and rows <= probe.capabilities.max_rows:
            # The same works at the seam, put in order here: row i is on tile i % tiles.
            (result,) = probe.execute([Work(packed.circuit, packed.bind(bindings), shots, seed)])
            order = [result.counts.registers[row % tiles][row // tiles] for row in range(rows)]
            equal = bool(np.array_equal(np.array(order), ran.counts.registers[0]))
            yield fact(equal, f"{rows} rows on {tiles} tiles are not those of the tiles, in order", NUMBER)
    yield from _by_users(probe, NUMBER, _numbers(most + 1))
