"""Skeleton: the entangling structure of a circuit on physical qubits, with one slot per qubit between entanglers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from qadapt.circuit import Circuit, Operation
from qadapt.compile.affine import Affine
from qadapt.compile.effort import ROUTES
from qadapt.compile.expand import expand
from qadapt.compile.fold import fold
from qadapt.compile.native import entanglers
from qadapt.compile.place import Pattern, cost, losses, place
from qadapt.compile.route import route
from qadapt.compile.runs import shorten
from qadapt.compile.slots import Rotation, rotations, simplify
from qadapt.errors import TargetError
from qadapt.gates import GATES
from qadapt.provider import violations
from qadapt.synthesis import Effort
from qadapt.target import Target

_ONE_QUBIT = frozenset(gate.name for gate in GATES.values() if gate.qubits == 1)


def kept(target: Target) -> frozenset[str]:
    """Gates of which a skeleton is made; all others are expanded."""
    return _ONE_QUBIT | entanglers(target)


@dataclass(frozen=True)
class Slot:
    """All one-qubit gates on one qubit between two entangling gates, simplified, in the order they act."""

    qubit: int
    factors: tuple[Rotation, ...]
    opening: bool
    """Whether the qubit is still in its initial state."""


@dataclass(frozen=True)
class Skeleton:
    """A placed circuit as slots, entangling gates and fences.

    Attributes:
        steps: Slots, and operations that are cz, rzz or a fence, in order, on physical qubits.
        measured: Registers of measured physical qubits.
        first: Physical qubit of each source qubit at the start.
        last: Physical qubit of each source qubit at the end; differs from ``first`` only where swaps were inserted.
        folds: Source angle of each fold, see ``qadapt.compile.fold``.
    """

    steps: tuple[Slot | Operation, ...]
    measured: tuple[tuple[int, ...], ...]
    first: tuple[int, ...]
    last: tuple[int, ...]
    folds: Mapping[str, Affine]


@lru_cache(maxsize=256)
def skeleton(
    circuit: Circuit, target: Target, *, seed: int = 0, layout: tuple[int, ...] | None = None, effort: Effort = "fast"
) -> Skeleton:
    """Expand, place and, where needed, route a circuit; then gather its slots.

    The last ones are kept: a layer compiles the same circuit for every batch of its rows.

    Args:
        circuit: Any circuit of the gate table.
        target: Machine with cz, or cz and rzz, as its entangling gates.
        seed: Seed of the router.
        layout: Physical qubit of each source qubit; chosen by the target's errors when omitted.
        effort: With ``best``, runs on two qubits are shortened before and after routing, and of several routes the one
            with the best predicted fidelity is taken.

    Raises:
        TargetError: The circuit does not fit, or a given layout is not live and coupled as the circuit needs.
    """
    operations = tuple(expand(circuit.operations, kept(target)))
    if effort == "best":
        operations = shorten(operations, lambda _: kept(target))
    if circuit.num_qubits > len(target.live_qubits):
        raise TargetError(f"the circuit has {circuit.num_qubits} qubits, {target.name} {len(target.live_qubits)} live")
    if layout is not None:
        first = last = _checked(layout, circuit, operations, target)
    elif target.couplings is None:
        first = last = tuple(sorted(target.live_qubits)[: circuit.num_qubits])
    elif found := place(Pattern.of(circuit.num_qubits, operations, circuit.bits), target):
        first = last = found
    else:
        routes = (route(circuit.num_qubits, operations, target, seed=seed + number) for number in range(ROUTES[effort]))
        gathered = (_gather(circuit, each.operations, each.first, each.last, target, effort) for each in routes)
        return min(gathered, key=partial(_loss, target=target))
    moved = (o.moved(tuple(first[q] for q in o.qubits), o.angles) for o in operations)
    return _gather(circuit, moved, first, last, target, effort)


def _loss(placed: Skeleton, target: Target) -> float:
    """-log of the fidelity that is predicted for a skeleton."""
    entangling = [step for step in placed.steps if isinstance(step, Operation) and not step.is_fence]
    measured = [qubit for register in placed.measured for qubit in register]
    used = {qubit for step in entangling for qubit in step.qubits}.union(measured)
    return cost(Pattern.of(target.num_qubits, entangling, measured), {qubit: qubit for qubit in used}, losses(target))


def _gather(
    circuit: Circuit,
    operations: Iterable[Operation],
    first: tuple[int, ...],
    last: tuple[int, ...],
    target: Target,
    effort: Effort,
) -> Skeleton:
    """Make the skeleton of placed operations."""
    settled = tuple(_settled(operations, target))
    if effort == "best":
        settled = shorten(settled, lambda pair: _kept_on(pair, target))
    folded = fold(settled, target.ranges.get("rzz"))
    measured = tuple(tuple(last[qubit] for qubit in register) for register in circuit.measured)
    return Skeleton(_steps(folded.operations), measured, first, last, folded.angles)


def _settled(operations: Iterable[Operation], target: Target) -> Iterator[Operation]:
    """Write every two-qubit gate in the entangling gates that work on its coupler; cz and rzz replace each other."""
    for operation in operations:
        if operation.is_fence or len(operation.qubits) == 1:
            yield operation
        else:
            yield from expand((operation,), _kept_on(operation.qubits, target))


def _kept_on(pair: tuple[int, ...], target: Target) -> frozenset[str]:
    """Gates of which a skeleton is made on one coupler."""
    known = entanglers(target)
    return _ONE_QUBIT | (frozenset(gate for gate in known if target.couples(gate, pair)) or known)


def _checked(
    layout: Sequence[int], circuit: Circuit, operations: Iterable[Operation], target: Target
) -> tuple[int, ...]:
    """Return a caller's layout if the circuit can run on it without routing."""
    chosen = tuple(layout)
    if len(chosen) != circuit.num_qubits or len(set(chosen)) != len(chosen):
        raise TargetError(f"layout {chosen} does not name {circuit.num_qubits} different qubits")
    if any(not 0 <= qubit < target.num_qubits for qubit in chosen):
        raise TargetError(f"layout {chosen} leaves the {target.num_qubits} qubits of {target.name}")
    # Which angles entangling gates have does not matter here, and 0 is in every range.
    moved = (
        o.moved(tuple(chosen[q] for q in o.qubits), (0.0,) * len(o.angles))
        for o in operations
        if not o.is_fence and len(o.qubits) == 2
    )
    entangling = tuple(o for o in _settled(moved, target) if len(o.qubits) == 2)
    placed = Circuit(num_qubits=target.num_qubits, operations=entangling, measured=chosen)
    if wrong := violations(placed, target):
        raise TargetError(f"layout {chosen} does not fit {target.name}", violations=wrong)
    return chosen


def _steps(operations: Iterable[Operation]) -> tuple[Slot | Operation, ...]:
    """Gather one-qubit gates into slots; a fence does not close a slot, only an entangling gate does."""
    steps: list[Slot | Operation] = []
    open_slots: dict[int, list[Rotation]] = {}
    touched: set[int] = set()

    def close(qubit: int) -> None:
        factors = simplify(open_slots.pop(qubit, []))
        if factors:
            steps.append(Slot(qubit, factors, opening=qubit not in touched))
        touched.add(qubit)

    for operation in operations:
        if operation.is_fence:
            steps.append(operation)
        elif len(operation.qubits) > 1:
            for qubit in operation.qubits:
                close(qubit)
            steps.append(operation)
        else:
            open_slots.setdefault(operation.qubits[0], []).extend(rotations(operation))
    for qubit in sorted(open_slots):
        close(qubit)
    return tuple(steps)
