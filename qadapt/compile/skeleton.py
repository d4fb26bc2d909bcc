"""Skeleton: the entangling structure of a circuit on physical qubits, with one slot per qubit between entanglers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qadapt.circuit import Circuit, Operation
from qadapt.compile.expand import expand
from qadapt.compile.native import ENTANGLER
from qadapt.compile.place import Pattern, place
from qadapt.compile.route import route
from qadapt.compile.slots import Rotation, rotations, simplify
from qadapt.errors import TargetError
from qadapt.gates import GATES
from qadapt.provider import violations
from qadapt.target import Target

KEPT = frozenset(gate.name for gate in GATES.values() if gate.qubits == 1) | {ENTANGLER}
"""Gates of which a skeleton is made; all others are expanded."""


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
        steps: Slots, and operations that are cz or a fence, in order, on physical qubits.
        measured: Registers of measured physical qubits.
        first: Physical qubit of each source qubit at the start.
        last: Physical qubit of each source qubit at the end; differs from ``first`` only where swaps were inserted.
    """

    steps: tuple[Slot | Operation, ...]
    measured: tuple[tuple[int, ...], ...]
    first: tuple[int, ...]
    last: tuple[int, ...]


def skeleton(circuit: Circuit, target: Target, *, seed: int = 0, layout: Sequence[int] | None = None) -> Skeleton:
    """Expand, place and, where needed, route a circuit; then gather its slots.

    Args:
        circuit: Any circuit of the gate table.
        target: Machine with cz as its entangling gate.
        seed: Seed of the router.
        layout: Physical qubit of each source qubit; chosen by the target's errors when omitted.

    Raises:
        TargetError: The circuit does not fit, or a given layout is not live and coupled as the circuit needs.
    """
    operations = tuple(expand(circuit.operations, KEPT))
    if circuit.num_qubits > len(target.live_qubits):
        raise TargetError(f"the circuit has {circuit.num_qubits} qubits, {target.name} {len(target.live_qubits)} live")
    if layout is not None:
        first = last = _checked(layout, circuit, operations, target)
    elif target.couplings is None:
        first = last = tuple(sorted(target.live_qubits)[: circuit.num_qubits])
    elif found := place(Pattern.of(circuit.num_qubits, operations, circuit.bits), target):
        first = last = found
    else:
        routed = route(circuit.num_qubits, operations, target, seed=seed)
        on_chip = tuple(expand(routed.operations, KEPT))
        return Skeleton(_steps(on_chip), _measured(circuit, routed.last), routed.first, routed.last)
    moved = (o.moved(tuple(first[q] for q in o.qubits), o.angles) for o in operations)
    return Skeleton(_steps(moved), _measured(circuit, last), first, last)


def _measured(circuit: Circuit, last: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(last[qubit] for qubit in register) for register in circuit.measured)


def _checked(
    layout: Sequence[int], circuit: Circuit, operations: Iterable[Operation], target: Target
) -> tuple[int, ...]:
    """Return a caller's layout if the circuit can run on it without routing."""
    chosen = tuple(layout)
    if len(chosen) != circuit.num_qubits or len(set(chosen)) != len(chosen):
        raise TargetError(f"layout {chosen} does not name {circuit.num_qubits} different qubits")
    if any(not 0 <= qubit < target.num_qubits for qubit in chosen):
        raise TargetError(f"layout {chosen} leaves the {target.num_qubits} qubits of {target.name}")
    entanglers = tuple(
        Operation(gate=o.gate, qubits=tuple(chosen[q] for q in o.qubits)) for o in operations if o.gate == ENTANGLER
    )
    placed = Circuit(num_qubits=target.num_qubits, operations=entanglers, measured=chosen)
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
        elif operation.gate == ENTANGLER:
            for qubit in operation.qubits:
                close(qubit)
            steps.append(operation)
        else:
            open_slots.setdefault(operation.qubits[0], []).extend(rotations(operation))
    for qubit in sorted(open_slots):
        close(qubit)
    return tuple(steps)
