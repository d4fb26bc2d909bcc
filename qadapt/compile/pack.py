"""Pack: many copies of a small circuit side by side as one circuit on the chip.

Row *i* of the small circuit runs in execution ``i // tiles`` on tile ``i % tiles``. Each tile is measured into a
register of its own, so counts come back per tile and are put back into row order without looking at single shots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter
from qadapt.compile.compiled import Compiled, compile_circuit
from qadapt.compile.expand import expand
from qadapt.compile.place import Pattern
from qadapt.compile.skeleton import kept
from qadapt.compile.tiles import tiles as best_tiles
from qadapt.counts import Counts
from qadapt.errors import CircuitError, TargetError
from qadapt.synthesis import Effort
from qadapt.target import Target


@dataclass(frozen=True, eq=False)
class Packed:
    """Copies of one compiled circuit on disjoint tiles of a chip.

    Attributes:
        compiled: The copy on the first tile.
        circuit: All copies as one native circuit; one register per tile, in tile order.
        tiles: Physical qubits of each tile, in the order of the source's qubits.
    """

    compiled: Compiled
    circuit: Circuit
    tiles: tuple[tuple[int, ...], ...]

    def executions(self, rows: int) -> int:
        """Executions of the packed circuit that hold so many rows of the source."""
        return -(-rows // len(self.tiles))

    def bind(self, bindings: Bindings) -> Bindings:
        """Bindings of the packed circuit, one row per execution; spare tiles of the last one repeat its last row.

        Raises:
            BindingsError: The bindings do not match the source's parameters.
        """
        angles = self.compiled.native_angles(bindings)
        executions = self.executions(len(angles))
        spare = executions * len(self.tiles) - len(angles)
        if spare:
            angles = np.concatenate([angles, np.repeat(angles[-1:], spare, axis=0)])
        names = tuple(_name(tile, name) for tile in range(len(self.tiles)) for name in self.compiled.angles)
        return Bindings.of_matrix(names, angles.reshape(executions, -1))

    def split(self, counts: Counts, rows: int) -> Counts:
        """Put counts per tile back into the first ``rows`` rows of the source.

        Args:
            counts: Counts of the packed circuit, one register per tile.
            rows: Rows of the source that were bound.
        """
        stacked = np.stack(counts.registers, axis=1)
        return Counts((stacked.reshape(-1, stacked.shape[-1])[:rows],), counts.shots)


def pack(
    circuit: Circuit,
    target: Target,
    *,
    copies: int | None = None,
    spacing: int = 0,
    seed: int = 0,
    effort: Effort = "fast",
    tiles: Sequence[Sequence[int]] | None = None,
) -> Packed:
    """Compile a circuit once and copy it onto as many good disjoint tiles as the chip has.

    Args:
        circuit: A connected circuit of 1 to 5 qubits that is measured into one register and fits without routing; on
            given tiles any circuit of their size that fits.
        target: A machine with couplings.
        copies: Most copies; the best tiles are used. All tiles when omitted.
        spacing: Least number of idle qubits between two tiles, 0 or 1.
        seed: Seed of the compile.
        effort: Effort of the compile, see ``compile_circuit``.
        tiles: Physical qubits of each copy, in the order of the circuit's qubits, all of which are used; ``copies`` and
            ``spacing`` choose them when omitted.

    Raises:
        CircuitError: The circuit is not measured into exactly one register.
        TargetError: The circuit cannot be packed on the target, or not on the given tiles.
    """
    if len(circuit.measured) != 1:
        raise CircuitError(f"a packed circuit has one measured register, got {len(circuit.measured)}")
    if copies is not None and copies < 1:
        raise TargetError(f"copies is {copies}, expected at least 1")
    if tiles is None:
        pattern = Pattern.of(circuit.num_qubits, expand(circuit.operations, kept(target)), circuit.bits)
        places = best_tiles(pattern, target, spacing=spacing, copies=copies)
    else:
        places = _disjoint(tiles, circuit.num_qubits, target)
    first = compile_circuit(circuit, target, seed=seed, layout=places[0], effort=effort)
    carrying = tuple(tile for tile in places if _carries(tile, first, target))
    if tiles is not None and carrying != places:
        wrong = [f"tile {tile}" for tile in places if tile not in carrying]
        raise TargetError(f"given tiles do not carry the circuit on {target.name}", violations=wrong)
    places = carrying if tiles is not None else carrying[:copies]
    operations = tuple(
        moved
        for number, tile in enumerate(places)
        for moved in _copy(first.circuit.operations, dict(zip(places[0], tile, strict=True)), number)
    )
    measured = tuple(tuple(tile[qubit] for qubit in circuit.measured[0]) for tile in places)
    return Packed(first, Circuit(num_qubits=target.num_qubits, operations=operations, measured=measured), places)


def _disjoint(tiles: Sequence[Sequence[int]], num_qubits: int, target: Target) -> tuple[tuple[int, ...], ...]:
    """Return a caller's tiles if they are of the right size, live and disjoint."""
    places = tuple(tuple(tile) for tile in tiles)
    wrong = [f"tile {tile} for {num_qubits} qubits" for tile in places if len(tile) != num_qubits]
    used = Counter(qubit for tile in places for qubit in tile)
    wrong += [f"qubit {qubit} in {count} tiles" for qubit, count in used.items() if count > 1]
    wrong += [f"qubit {qubit} is not live" for qubit in used if qubit not in set(target.live_qubits)]
    if wrong or not places:
        raise TargetError(f"these are no tiles of {target.name}", violations=wrong or ["none are given"])
    return places


def _carries(tile: tuple[int, ...], first: Compiled, target: Target) -> bool:
    """Whether the entangling gates of the first tile, which may be only one of the native ones, work on another too."""
    to = dict(zip(first.layout, tile, strict=True))
    used = {(operation.gate, operation.qubits) for operation in first.circuit.gates() if len(operation.qubits) == 2}
    return all(target.couples(gate, (to[a], to[b])) for gate, (a, b) in used)


def _name(tile: int, name: str) -> str:
    return f"t{tile}.{name}"


def _copy(operations: Iterable[Operation], to: Mapping[int, int], tile: int) -> Iterator[Operation]:
    """Yield the operations of the first tile on the qubits and with the parameters of another."""
    for operation in operations:
        angles = operation.angles
        if angles:
            angles = tuple(a.renamed(_name(tile, a.name)) if isinstance(a, Parameter) else a for a in angles)
        yield operation.moved(tuple([to[qubit] for qubit in operation.qubits]), angles)
