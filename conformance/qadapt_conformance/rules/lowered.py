"""Lowered: what a provider would send of a work, read back from the vendor's own form; nothing is submitted.

Circuits are compared as unitaries up to phase, by the oracle's matrices: probabilities would not show a rotation about
z that is lost before a measurement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from qadapt import GATES, Bindings, Circuit, NotSupportedError, Operation, Parameter, Target, Work, compile_circuit, op
from qadapt.provider import Lowering
from qadapt_conformance import oracle
from qadapt_conformance.finding import Finding, describe, fact
from qadapt_conformance.lacks import lowering
from qadapt_conformance.probe import NotRun, Probe
from qadapt_conformance.rule import EVERYWHERE, rule
from qadapt_conformance.rules.compiled import SYMMETRIC
from qadapt_conformance.rules.parameters import SORT_BREAKING, ladder

CLOSE = 1e-7
"""Largest deviation of an entry of a unitary: dozens of angles that are written with eight decimals stay below it."""

WIDEST = 6
"""Most qubits of a unitary. Gates of right works connect fewer."""

PLACES = 14
"""Qubits all over the chip, where it has so many."""

SHAPE = (3, 4)
"""Rows of parameters that are shared along either axis."""

FAR = 1e5
"""An angle of which 32 bits keep no digit that matters."""

Placed: TypeAlias = tuple[str, tuple[int, ...]]
"""A gate and the qubits that it acts on, in order."""


def _taken(target: Target, gate: str, angle: float) -> float:
    """An angle, brought into the range of a native gate that has one."""
    low, high = target.ranges.get(gate, (0.0, 0.0))
    return low + (high - low) * (angle % 1.0) if gate in target.ranges else angle


def _ones(target: Target, qubit: int) -> list[str]:
    """Native gates that act on one qubit."""
    return [
        name
        for name in target.native
        if GATES[name].qubits == 1
        and (name not in target.sites or any(site.qubits == (qubit,) for site in target.sites[name]))
    ]


def _places(target: Target) -> dict[tuple[int, ...], list[Placed]]:
    """Native gates on several qubits by a place where they act; in both orders as far as they do."""
    live, couplings = set(target.live_qubits), target.couplings
    found: dict[tuple[int, ...], list[Placed]] = {}
    for name in target.native:
        size = GATES[name].qubits
        if size == 1 or len(live) < size:
            continue
        listed = [
            site.qubits
            for site in target.sites.get(name, ())
            if live.issuperset(site.qubits)
            and (size != 2 or couplings is None or (min(site.qubits), max(site.qubits)) in couplings)
        ]
        if name not in target.sites:
            first = target.live_qubits[:size]
            listed = [first, first[::-1]]
        for place in listed[:1]:
            turned = [place[::-1]] if name in SYMMETRIC or place[::-1] in listed else []
            found.setdefault(tuple(sorted(place)), []).extend((name, qubits) for qubits in (place, *turned))
    return found or {target.live_qubits[:1]: []}


def gate_works(target: Target) -> Iterator[Work]:
    """Works that hold every native gate, with constant angles and with parameters, place by place."""
    for number, (place, several) in enumerate(_places(target).items()):
        yield _gate_work(target, place, several, np.random.default_rng(number))


def _gate_work(target: Target, place: Sequence[int], several: Sequence[Placed], draw: np.random.Generator) -> Work:
    """All native gates on each qubit of a place; then those on several qubits, with others between them."""
    operations: list[Operation] = []
    values: dict[str, NDArray[np.float64]] = {}

    def add(name: str, *qubits: int, free: bool) -> None:
        angles: list[str | float] = []
        for _ in GATES[name].parameters:
            drawn = [_taken(target, name, float(angle)) for angle in draw.uniform(-9, 9, 5)]
            angles.append(f"t{len(values)}" if free else drawn[0])
            if free:
                values[f"t{len(values)}"] = np.array(drawn)
        operations.append(op(name, *qubits, angles=angles))

    for qubit in place:
        for name in _ones(target, qubit):
            add(name, qubit, free=True)
            add(name, qubit, free=False)
    between = {qubit: cycle(_ones(target, qubit)) for qubit in place}
    for turn, (name, qubits) in enumerate(several):
        add(name, *qubits, free=turn % 2 == 0)
        for qubit in (*place, *place):
            add(next(between[qubit]), qubit, free=turn % 3 == 0)
    return Work(Circuit(num_qubits=target.num_qubits, operations=operations, measured=place), Bindings.of(values), 100)


def _rotation(target: Target, qubit: int) -> tuple[str, list[str]]:
    """A native gate that turns a qubit by any angle, and one without angles to stand between two of them, or none."""
    names = _ones(target, qubit)
    turns = [name for name in names if GATES[name].parameters and name not in target.ranges]
    still = [name for name in names if name in ("sx", "h", "x")]
    if not turns:
        raise NotRun(f"no native gate turns qubit {qubit} by any angle")
    return turns[0], still[:1]


def row_works(target: Target) -> Iterator[Work]:
    """Works of many parameters: native ones as they are, and those of the compiler."""
    yield _shared_work(target)
    yield from _compiled_works(target)


def qubit_works(target: Target) -> Iterator[Work]:
    """Works of many qubits, read out of order."""
    yield _wide_work(target)
    yield from _compiled_works(target)


def _shared_work(target: Target) -> Work:
    """A work of twelve parameters, each scaled and shifted in two ways, in rows of two axes that share columns."""
    draw = np.random.default_rng(5)
    shapes = [SHAPE, (SHAPE[0], 1), (1, SHAPE[1]), (1, 1)]
    sizes = [9.0, 9.0, FAR, 9.0, 9.0]
    values = {
        name: draw.uniform(-1, 1, shapes[number % len(shapes)]) * sizes[number % len(sizes)]
        for number, name in enumerate(SORT_BREAKING)
    }
    angles = [
        Parameter(name=name, scale=float(scale), offset=float(offset))
        for name, (scale, offset) in zip(SORT_BREAKING * 2, draw.uniform(-2, 2, (24, 2)), strict=True)
    ]
    qubits = target.live_qubits[:4]
    left, operations = iter(angles), list[Operation]()
    for number in range(len(angles)):
        qubit = qubits[number % len(qubits)]
        gate, still = _rotation(target, qubit)
        own = [angle for _, angle in zip(GATES[gate].parameters, left, strict=False)]
        if len(own) < len(GATES[gate].parameters):
            break
        operations.append(op(gate, qubit, angles=own))
        operations += [op(name, qubit) for name in still]
    circuit = Circuit(num_qubits=target.num_qubits, operations=operations, measured=qubits)
    return Work(circuit, Bindings.of(values), 100)


def _compiled_works(target: Target) -> Iterator[Work]:
    """A compiled circuit of twelve parameters, measured in another order into two registers."""
    if len(target.live_qubits) < 3:
        return
    source = Circuit(num_qubits=3, operations=ladder(SORT_BREAKING), measured=[[2], [1, 0]])
    values = np.random.default_rng(6).uniform(-3, 3, (len(SORT_BREAKING), 4))
    made = compile_circuit(source, target)
    yield Work(made.circuit, made.bind(Bindings.of(dict(zip(SORT_BREAKING, values, strict=True)))), 100)


def _wide_work(target: Target) -> Work:
    """A work on qubits all over the chip, each turned by another angle, read out of order into registers.

    One of more than ten bits, where there are so many qubits; one of a qubit without gates.
    """
    live = target.live_qubits
    count = min(PLACES, len(live))
    qubits = [live[index * (len(live) - 1) // max(1, count - 1)] for index in range(count)]
    order = [qubits[number] for number in np.random.default_rng(7).permutation(count)]
    turned, idle = (order[:-1], order[-1:]) if count > 1 else (order, [])
    operations = []
    for number, qubit in enumerate(sorted(turned)):
        gate, _ = _rotation(target, qubit)
        operations.append(op(gate, qubit, angles=[0.3 + 0.2 * number + k for k in range(len(GATES[gate].parameters))]))
    registers = list(filter(None, (sorted(turned[11:], reverse=True), idle, turned[:11])))
    return Work(Circuit(num_qubits=target.num_qubits, operations=operations, measured=registers), Bindings.of({}), 100)


def gap(work: Work, row: int, sent: Circuit) -> tuple[float, str]:
    """How far a lowered circuit is from one row of a work: the largest entry of a difference of unitaries, and where.

    Each set of qubits that gates of either connect is looked at by itself, and its phase does not count.
    """
    if sent.parameters:
        return 2.0, f"angles {', '.join(sent.parameters[:3])} are not bound"
    wanted = work.circuit
    values = {name: float(work.bindings.column(name)[row]) for name in wanted.parameters}
    size = max(wanted.num_qubits, sent.num_qubits)
    both = Circuit(num_qubits=size, operations=(*wanted.operations, *sent.operations))
    worst, where = 0.0, ""
    for qubits in oracle.groups(both):
        if len(qubits) > WIDEST:
            return 2.0, f"gates connect qubits {', '.join(map(str, qubits))}"
        right, found = _unitary(wanted, values, qubits, size), _unitary(sent, {}, qubits, size)
        overlap = np.vdot(found, right)
        phase = overlap / abs(overlap) if abs(overlap) > CLOSE else 1.0
        off = float(np.abs(right - phase * found).max())
        if off > worst:
            worst, where = off, f"on qubits {', '.join(map(str, qubits))} a unitary is off by {off:.2g}"
    return worst, where


def _unitary(circuit: Circuit, values: Mapping[str, float], qubits: Sequence[int], size: int) -> NDArray[np.complex128]:
    """Entries of the matrix of the gates on some qubits: the state they make of one half of maximally entangled pairs.

    The other halves are qubits ``size`` and above, which no gate of the circuit acts on.
    """
    copies = range(size, size + len(qubits))
    pairs = [
        each for qubit, copy in zip(qubits, copies, strict=True) for each in (op("h", copy), op("cx", copy, qubit))
    ]
    doubled = Circuit(num_qubits=size + len(qubits), operations=(*pairs, *circuit.operations))
    entries: NDArray[np.complex128] = oracle.amplitudes(doubled, values, qubits=[*qubits, *copies])[0]
    return entries * 2 ** (len(qubits) / 2)


def _gates(work: Work, row: int, sent: Circuit) -> Finding:
    """Whether a circuit does the same as one row of a work."""
    off, where = gap(work, row, sent)
    said = "gates do the same" if off <= CLOSE else f"{where}; sent is {describe(sent)}"
    return fact(off <= CLOSE, f"row {row} of {work.bindings.rows}: {said}", work.circuit)


def _looks(probe: Probe, works: Iterable[Work]) -> Iterator[tuple[Work, int, Circuit]]:
    """First, middle and last row of each work as the backend would send them; of none on a stage, which sends nothing.

    Raises:
        NotRun: What it sends cannot be read back.
    """
    for work in () if probe.rehearsal else works:
        fitting = Work(work.circuit, next(work.bindings.blocks(probe.capabilities.max_rows)), probe.shots(work.shots))
        rows = fitting.bindings.rows
        for row in sorted({0, rows // 2, rows - 1}):
            try:
                yield fitting, row, cast("Lowering", probe.backend).lowered(fitting, row)
            except NotSupportedError as error:
                raise NotRun(f"what would be sent cannot be read back: {error}") from None


@rule("LOWER-1", tiers=EVERYWHERE, lacks=lowering)
def gates_are_sent(probe: Probe) -> Iterator[Finding]:
    """Every native gate is sent as one that does the same: its angles and its qubits in order, and none left out."""
    for look in _looks(probe, gate_works(probe.target)):
        yield _gates(*look)


@rule("LOWER-2", tiers=EVERYWHERE, lacks=lowering)
def rows_are_sent(probe: Probe) -> Iterator[Finding]:
    """Every row is sent with its own angles, bound by name, scaled and shifted, with all digits that matter."""
    for look in _looks(probe, row_works(probe.target)):
        yield _gates(*look)


@rule("LOWER-3", tiers=EVERYWHERE, lacks=lowering)
def qubits_are_sent(probe: Probe) -> Iterator[Finding]:
    """Gates are sent to the qubits of the work, and every register is measured as it is there, bit by bit."""
    for work, row, sent in _looks(probe, qubit_works(probe.target)):
        yield _gates(work, row, sent)
        wanted = work.circuit.measured
        said = f"row {row} of {work.bindings.rows}: measured are {sent.measured}, expected {wanted}"
        yield fact(sent.measured == wanted, said, work.circuit)
