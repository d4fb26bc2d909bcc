"""Plan: what a run sends, chunk by chunk, as data that another process can take up.

A chunk is what one submit holds, one job at the vendor. The circuit is compiled and packed once, before the first chunk
is sent, so a plan that is taken up later runs the same native circuit whatever the machine's calibration is by then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.codec import decode, describe_works, encode, read_works
from qadapt.compile import MAX_TILE, Compiled, Packed, compile_circuit, pack
from qadapt.compile.affine import Affine, values
from qadapt.counts import Counts
from qadapt.errors import BadResultError, BindingsError, TargetError
from qadapt.provider import Backend, Limiting, Result, Work, check_shots

Cut: TypeAlias = tuple[tuple[int, int], ...]
"""First and last execution, the last not included, of each work of a chunk."""


@dataclass(frozen=True)
class Options:
    """How a circuit is to be run.

    Attributes:
        shots: Shots per row.
        seed: Seed of the run.
        packed: Whether to run copies side by side; by default wherever the target has couplings and the circuit is
            small and connected.
        spacing: Least number of idle qubits between two copies, 0 or 1.
        most: Most rows of one chunk.
        tiles: Physical qubits of each copy, see ``pack``: row *i* runs on tile ``i % len(tiles)``. The best ones, as
            many as there are rows for, when None.

    Raises:
        BindingsError: Shots or a seed that are not whole numbers in range.
    """

    shots: int
    seed: int | None = None
    packed: bool | None = None
    spacing: int = 0
    most: int | None = None
    tiles: Sequence[Sequence[int]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse shots and seeds before anything is compiled."""
        check_shots(self.shots, self.seed)
        if self.tiles is not None:
            object.__setattr__(self, "tiles", tuple(tuple(int(qubit) for qubit in tile) for tile in self.tiles))


@dataclass(frozen=True, eq=False)
class Asked:
    """What a run was asked for, as its caller gave it.

    Attributes:
        circuit: Source circuit.
        bindings: Values of its parameters, one row per row of counts.
        options: How it is to be run.
    """

    circuit: Circuit
    bindings: Bindings
    options: Options


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run sends, and what it was asked for.

    Attributes:
        backend: Full name, ``provider:target``.
        asked: What the caller asked for.
        work: The whole run as one work: native circuit, bindings of all executions, shots and seed.
        tiles: Copies of the source side by side in the native circuit; 0 if it is not packed.
        chunks: Executions of each chunk's works.
        angles: Native angles by parameter name, where all of them are affine in the source's parameters; else None.
    """

    backend: str
    asked: Asked
    work: Work
    tiles: int
    chunks: tuple[Cut, ...]
    angles: Mapping[str, Affine] | None = None

    @property
    def rows(self) -> int:
        """Rows of the source."""
        return self.asked.bindings.rows

    @property
    def executions(self) -> int:
        """How often the native circuit is executed, shots not counted."""
        return self.work.bindings.rows

    @cached_property
    def _first_work(self) -> tuple[int, ...]:
        """Number of the first work of each chunk, counted over the run."""
        return tuple(np.cumsum([0, *(len(cut) for cut in self.chunks)]).tolist())

    def works(self, chunk: int) -> list[Work]:
        """Works of a chunk; the first of the run has the run's seed, the others seeds derived from it."""
        whole, first = self.work, self._first_work[chunk]
        return [
            Work(whole.circuit, self._bindings(*span), whole.shots, derived_seed(whole.seed, first + number))
            for number, span in enumerate(self.chunks[chunk])
        ]

    def _bindings(self, start: int, stop: int) -> Bindings:
        # Bindings that fit stay as they are, with their shared columns.
        whole = self.work.bindings
        return whole if stop - start == whole.rows else whole.slice(start, stop)

    def size(self, chunk: int) -> int:
        """Executions of a chunk, shots not counted."""
        return sum(stop - start for start, stop in self.chunks[chunk])

    def check(self, chunk: int, results: Sequence[Result]) -> None:
        """Refuse results that are not what a chunk asked for.

        Raises:
            BadResultError: Wrong number of results, or counts of wrong width, rows or totals.
        """
        cut = self.chunks[chunk]
        found = sum(isinstance(result, Result) for result in results)
        if not len(results) == len(cut) == found:
            raise BadResultError(f"{found} results for {len(cut)} works", provider=self.backend)
        for (start, stop), result in zip(cut, results, strict=True):
            shots, widths = self.work.shots, self.work.widths
            result.counts.check(rows=stop - start, widths=widths, shots=shots, provider=self.backend)

    def collect(self, results: Mapping[int, Sequence[Result]]) -> tuple[Counts, NDArray[np.bool_]]:
        """Put the chunks that are there together in row order.

        Args:
            results: Checked results by number of the chunk; at least one.

        Returns:
            Counts ``[rows, 2**bits]`` and for each row whether it is there; counts of the others are 0.
        """
        first = next(iter(results.values()))[0].counts
        tables = [np.zeros((self.executions, table.shape[1]), dtype=np.int64) for table in first.registers]
        there = np.zeros(self.executions, dtype=bool)
        for chunk, parts in results.items():
            for (start, stop), part in zip(self.chunks[chunk], parts, strict=True):
                there[start:stop] = True
                for table, read in zip(tables, part.counts.registers, strict=True):
                    table[start:stop] = read
        if not self.tiles:
            return Counts(tuple(tables), first.shots), there
        # Row i of the source is on tile i % tiles of execution i // tiles; spare tiles repeat the last row.
        stacked = np.stack(tables, axis=1).reshape(self.executions * self.tiles, -1)[: self.rows]
        return Counts((stacked,), first.shots), np.repeat(there, self.tiles)[: self.rows]


def make_plan(circuit: Circuit, bindings: Bindings, backend: Backend, options: Options) -> Plan:
    """Compile and pack a circuit, and cut its rows into chunks.

    Args:
        circuit: Circuit with one measured register.
        bindings: Values of its parameters.
        backend: Where it is to run; nothing is sent to it.
        options: How it is to run.

    Raises:
        QadaptError: The circuit or the bindings do not fit.
    """
    tiled = _packed(circuit, bindings, backend, options)
    placed = tiled or compile_circuit(circuit, backend.target)
    whole = Work(placed.circuit, placed.bind(bindings), options.shots, options.seed)
    tiles = len(tiled.tiles) if tiled else 0
    # A chunk has at least one execution.
    chunks = tuple(_cuts(whole, backend, options.most and max(1, options.most // max(tiles, 1))))
    own = placed.angles if isinstance(placed, Compiled) and not (placed.slots or placed.folds) else None
    return Plan(backend.name, Asked(circuit, bindings, options), whole, tiles, chunks, own)


def _packed(circuit: Circuit, bindings: Bindings, backend: Backend, options: Options) -> Packed | None:
    """Pack if that is asked for, or if nothing is said and the circuit and the target allow it."""
    target, packed = backend.target, options.packed
    if options.tiles is not None:
        return pack(circuit, target, tiles=options.tiles)
    copies = min(bindings.rows, options.most or bindings.rows)  # a chunk has at least one execution
    if packed is None and (
        target.couplings is None or circuit.num_qubits > MAX_TILE or len(circuit.measured) != 1 or copies == 1
    ):
        return None
    if packed is False:
        return None
    try:
        return pack(circuit, target, copies=copies, spacing=options.spacing)
    except TargetError:
        if packed:
            raise
        return None  # not connected, or only with routing: one copy at a time


def _cuts(whole: Work, backend: Backend, most: int | None) -> Iterator[Cut]:
    """Cut the rows into works of at most ``max_rows``, and gather works into chunks that keep every limit."""
    can, rows = backend.capabilities, whole.bindings.rows
    together = max(1, can.max_executions // whole.shots)
    together = min(together, most or together)
    if isinstance(backend, Limiting):
        together = min(together, backend.most_rows(whole.circuit, whole.shots))
    single = min(can.max_rows, together)
    per_chunk = min(together, single * can.max_works)
    for start in range(0, rows, per_chunk):
        stop = min(start + per_chunk, rows)
        yield tuple((first, min(first + single, stop)) for first in range(start, stop, single))


def derived_seed(seed: int | None, number: int) -> int | None:
    """The seed of the *number*-th part of something seeded: the seed itself for the first, independent ones after."""
    if seed is None or number == 0:
        return seed
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def fingerprint(circuit: Circuit, bindings: Bindings, backend: str, options: Options, identity: str = "{}") -> str:
    """SHA-256 of everything that a caller asked for, in hexadecimal: equal for equal runs, whatever is calibrated."""
    names = sorted(bindings.names)
    asked = (circuit.content_hash, names, bindings.rows, backend, options, identity)
    digest = hashlib.sha256(repr(asked if options.tiles is None else (*asked, options.tiles)).encode())
    digest.update(np.ascontiguousarray(bindings.array(names)).tobytes())
    return digest.hexdigest()


def encode_plan(plan: Plan) -> bytes:
    """Write a plan for another process; native angles that follow from the source's values are not written."""
    asked, work = plan.asked, plan.work
    native = work if plan.angles is None else replace(work, bindings=_UNBOUND)
    source = Work(asked.circuit, asked.bindings, work.shots)
    works, arrays = describe_works([work] if asked.circuit is work.circuit else [native, source])
    angles = None
    if plan.angles is not None:
        angles = {name: (angle.offset, dict(angle.terms)) for name, angle in plan.angles.items()}
    head = {"backend": plan.backend, "options": asdict(asked.options), "tiles": plan.tiles, "chunks": plan.chunks}
    return encode({**head, "works": works, "angles": angles}, arrays)


_UNBOUND = Bindings.of({})
"""Stands for values that follow from others."""


def decode_plan(message: bytes) -> Plan:
    """Read what ``encode_plan`` wrote.

    Raises:
        ValueError: The bytes are something else.
    """
    head, arrays = decode(message)
    try:
        work, *rest = read_works(head["works"], arrays)
        source = rest[0] if rest else work
        angles = head["angles"] and {name: Affine(offset, terms) for name, (offset, terms) in head["angles"].items()}
        if rest and angles is not None:
            table = values(angles.values(), source.bindings.columns, source.bindings.shape)
            work = replace(work, bindings=Bindings.of_matrix(tuple(angles), table))
        asked = Asked(source.circuit, source.bindings, Options(**head["options"]))
        chunks = tuple(tuple((start, stop) for start, stop in cut) for cut in head["chunks"])
        return Plan(head["backend"], asked, work, head["tiles"], chunks, angles)
    except (KeyError, TypeError, ValueError, BindingsError) as error:
        raise ValueError(f"not a plan: {type(error).__name__}: {error}") from None
