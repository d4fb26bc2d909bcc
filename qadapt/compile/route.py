"""Route: circuits whose interactions do not fit the couplings, through qiskit's Sabre with a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qadapt.circuit import Operation
from qadapt.compile.place import Pattern, place
from qadapt.errors import TargetError
from qadapt.gates import FENCE
from qadapt.target import Target


@dataclass(frozen=True)
class Routed:
    """Operations on physical qubits.

    Attributes:
        operations: The circuit's gates and fences, and swaps between them, on physical qubits.
        first: Physical qubit of each circuit qubit at the start.
        last: Physical qubit of each circuit qubit at the end.
    """

    operations: tuple[Operation, ...]
    first: tuple[int, ...]
    last: tuple[int, ...]


def route(num_qubits: int, operations: Sequence[Operation], target: Target, *, seed: int) -> Routed:
    """Insert swaps so that every entangling gate acts on a live coupler.

    Routing runs on the largest connected piece of the live couplings; the routed circuit is then placed again as a
    whole by the target's errors where it fits elsewhere better.

    Args:
        num_qubits: Qubits of the circuit.
        operations: One-qubit gates, entangling gates and fences.
        target: Machine with couplings.
        seed: Seed of the router.

    Raises:
        TargetError: The circuit needs more connected qubits than the target has.
    """
    import rustworkx as rx
    from qiskit.transpiler import CouplingMap, PassManager
    from qiskit.transpiler.passes import SabreLayout

    couplings = sorted(target.couplings or {})
    chip: rx.PyGraph[int, None] = rx.PyGraph()
    chip.add_nodes_from(list(range(target.num_qubits)))
    chip.add_edges_from([(a, b, None) for a, b in couplings])
    pieces = [sorted(nodes) for nodes in rx.connected_components(chip)]
    piece = max(pieces, key=lambda nodes: (len(nodes), -nodes[0]))
    if num_qubits > len(piece):
        raise TargetError(f"the circuit has {num_qubits} qubits, {target.name} has {len(piece)} live connected ones")
    index = {qubit: node for node, qubit in enumerate(piece)}
    edges = [(index[a], index[b]) for a, b in couplings if a in index and b in index]
    coupling_map = CouplingMap([*edges, *((b, a) for a, b in edges)])

    routed = PassManager([SabreLayout(coupling_map, seed=seed, swap_trials=8, layout_trials=8)]).run(
        _to_qiskit(num_qubits, operations)
    )
    first = routed.layout.initial_index_layout(filter_ancillas=True)
    last = routed.layout.final_index_layout(filter_ancillas=True)
    return _placed(tuple(_from_qiskit(routed, operations)), first, last, piece, target)


def _to_qiskit(num_qubits: int, operations: Sequence[Operation]) -> Any:
    """Build a circuit in which every gate is opaque and labelled by its index."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate

    circuit = QuantumCircuit(num_qubits)
    for index, operation in enumerate(operations):
        if operation.is_fence:
            circuit.barrier(*operation.qubits)
        else:
            circuit.append(Gate(f"op{index}", len(operation.qubits), []), operation.qubits)
    return circuit


def _from_qiskit(circuit: Any, operations: Sequence[Operation]) -> Iterator[Operation]:
    """Yield the routed operations on the circuit's own qubit numbers."""
    for instruction in circuit.data:
        qubits = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        name = instruction.operation.name
        if name == "swap":
            yield Operation(gate=name, qubits=qubits)
        elif name == "barrier":
            yield Operation(gate=FENCE, qubits=qubits)
        else:
            source = operations[int(name.removeprefix("op"))]
            yield source.moved(qubits, source.angles)


def _placed(
    operations: tuple[Operation, ...], first: Sequence[int], last: Sequence[int], piece: Sequence[int], target: Target
) -> Routed:
    """Put the routed circuit on physical qubits: the best place of its own shape, else where the router put it."""
    used = sorted({qubit for operation in operations for qubit in operation.qubits} | set(first) | set(last))
    index = {qubit: node for node, qubit in enumerate(used)}
    compact = [o.moved(tuple(index[q] for q in o.qubits), o.angles) for o in operations]
    pattern = Pattern.of(len(used), compact, (index[q] for q in last))
    layout = place(pattern, target) or tuple(piece[qubit] for qubit in used)
    return Routed(
        tuple(o.moved(tuple(layout[q] for q in o.qubits), o.angles) for o in compact),
        tuple(layout[index[q]] for q in first),
        tuple(layout[index[q]] for q in last),
    )
