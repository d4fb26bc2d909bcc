"""Place: which physical qubits carry a small circuit, by the target's calibration.

A circuit fits without routing if its interaction graph (a node per qubit, an edge per coupled pair) is a subgraph of
the live couplings. The cost of an embedding is -log of the fidelity that ``prediction`` gives it: process fidelity of
its entangling gates and of the one-qubit pulses of its slots, and readout. The smallest cost wins and ties go to the
smallest qubit numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from math import log

from qadapt.circuit import Operation
from qadapt.compile.prediction import process_fidelity
from qadapt.target import Target

SEARCHED = 50_000
"""Embeddings that are looked at before the best one so far is taken."""

PULSES = (("rx", 1), ("u3", 1), ("rphi", 1), ("prx", 1), ("sx", 2))
"""Pulses of a slot by the gate that makes them, the first one that a target has at every angle: one or two of them
write any rotation that a frame does not. A slot of less than that costs less than is expected here."""

LEAST = 1e-3
"""Fidelities below this cost no more than it, so that costs stay finite."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Pattern:
    """What placement needs to know of a circuit.

    Attributes:
        num_qubits: Qubits of the circuit.
        pairs: Each coupled pair ``(low, high)`` and how many entangling gates act on it, sorted. A swap is three.
        measured: Qubits that are measured.
    """

    num_qubits: int
    pairs: tuple[tuple[Pair, int], ...]
    measured: frozenset[int]

    @classmethod
    def of(cls, num_qubits: int, operations: Iterable[Operation], measured: Iterable[int]) -> Pattern:
        """Collect the pattern of operations whose entangling gates act on two qubits."""
        pairs: Counter[Pair] = Counter()
        for operation in operations:
            if not operation.is_fence and len(operation.qubits) == 2:
                pairs[min(operation.qubits), max(operation.qubits)] += 3 if operation.gate == "swap" else 1
        return cls(num_qubits, tuple(sorted(pairs.items())), frozenset(measured))

    @cached_property
    def slots(self) -> tuple[int, ...]:
        """Slots of each qubit: one before each of its entangling gates, and one after the last."""
        slots = [1] * self.num_qubits
        for pair, count in self.pairs:
            for qubit in pair:
                slots[qubit] += count
        return tuple(slots)

    def parts(self) -> list[tuple[int, ...]]:
        """Connected groups of qubits, the largest first."""
        group = list(range(self.num_qubits))
        for (low, high), _ in self.pairs:
            old, new = group[high], group[low]
            group = [new if label == old else label for label in group]
        parts = [tuple(q for q in range(self.num_qubits) if group[q] == label) for label in dict.fromkeys(group)]
        return sorted(parts, key=lambda part: (-len(part), part))


@dataclass(frozen=True)
class Losses:
    """What a target costs, as -log of predicted fidelity.

    Attributes:
        pairs: An entangling gate on each live coupling ``(low, high)``.
        slots: The pulses of a slot on each qubit.
        readouts: Reading each qubit.
    """

    pairs: Mapping[Pair, float]
    slots: tuple[float, ...]
    readouts: tuple[float, ...]


@lru_cache(maxsize=32)
def losses(target: Target) -> Losses:
    """Collect the costs of a target; where all couple to all, no pair is listed and entangling gates are free."""
    free = set(target.native) - set(target.ranges)
    gate, pulses = next(((gate, pulses) for gate, pulses in PULSES if gate in free), ("", 0))
    qubits = range(target.num_qubits)
    return Losses(
        {pair: _loss(process_fidelity(error, 2)) for pair, error in (target.couplings or {}).items()},
        tuple(pulses * _loss(process_fidelity(target.gate_error(gate, (qubit,)), 1)) for qubit in qubits),
        tuple(_loss(1 - target.readout_error(qubit)) for qubit in qubits),
    )


def _loss(fidelity: float) -> float:
    return -log(max(fidelity, LEAST))


def cost(pattern: Pattern, layout: Mapping[int, int], each: Losses) -> float:
    """-log of the predicted fidelity of the placed part; ``layout`` maps circuit qubits to physical qubits."""
    total = 0.0
    for (low, high), count in pattern.pairs:
        if low in layout and high in layout:
            a, b = layout[low], layout[high]
            total += count * each.pairs.get((a, b) if a < b else (b, a), 0.0)
    for qubit in sorted(layout):
        place = layout[qubit]
        total += pattern.slots[qubit] * each.slots[place]
        if qubit in pattern.measured:
            total += each.readouts[place]
    return total


def embeddings(pattern: Pattern, part: Sequence[int], target: Target, free: set[int]) -> Iterator[dict[int, int]]:
    """Yield every embedding of one connected part of a pattern into the free live qubits."""
    import rustworkx as rx

    if len(part) == 1:
        yield from ({part[0]: qubit} for qubit in sorted(free))
        return
    chip: rx.PyGraph[int, None] = rx.PyGraph()
    nodes = sorted(free)
    index = {qubit: node for node, qubit in enumerate(nodes)}
    chip.add_nodes_from(nodes)
    couplings = target.couplings or {}
    chip.add_edges_from([(index[a], index[b], None) for a, b in sorted(couplings) if a in index and b in index])
    small: rx.PyGraph[int, None] = rx.PyGraph()
    small.add_nodes_from(list(part))
    local = {qubit: node for node, qubit in enumerate(part)}
    small.add_edges_from([(local[a], local[b], None) for (a, b), _ in pattern.pairs if a in local and b in local])
    for mapping in rx.vf2_mapping(chip, small, subgraph=True, induced=False, id_order=False):
        yield {part[node]: nodes[place] for place, node in mapping.items()}


def place(pattern: Pattern, target: Target) -> tuple[int, ...] | None:
    """Return the best physical qubit of each circuit qubit, or None if the circuit does not fit without routing.

    Connected parts are placed one after the other, the largest first, each at its best place among the qubits that
    are left.
    """
    layout: dict[int, int] = {}
    free, each = set(target.live_qubits), losses(target)
    for part in pattern.parts():
        best: tuple[float, tuple[int, ...], dict[int, int]] | None = None
        for candidate in islice(embeddings(pattern, part, target, free), SEARCHED):
            ranked = (cost(pattern, candidate, each), tuple(candidate[qubit] for qubit in part), candidate)
            if best is None or ranked[:2] < best[:2]:
                best = ranked
        if best is None:
            return None
        layout |= best[2]
        free -= set(best[2].values())
    return tuple(layout[qubit] for qubit in range(pattern.num_qubits))
