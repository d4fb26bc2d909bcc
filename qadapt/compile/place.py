"""Place: which physical qubits carry a small circuit, by the target's calibration.

A circuit fits without routing if its interaction graph (a node per qubit, an edge per coupled pair) is a subgraph of
the live couplings. The cost of an embedding is the expected loss it adds, the sum of -log(1 - error) over entangling
gates and readout; the smallest cost wins and ties go to the smallest qubit numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import log1p

from qadapt.circuit import Operation
from qadapt.target import Target

SEARCHED = 50_000
"""Embeddings that are looked at before the best one so far is taken."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Pattern:
    """What placement needs to know of a circuit.

    Attributes:
        num_qubits: Qubits of the circuit.
        pairs: Each coupled pair ``(low, high)`` and how many entangling gates act on it, sorted.
        measured: Qubits that are measured.
    """

    num_qubits: int
    pairs: tuple[tuple[Pair, int], ...]
    measured: frozenset[int]

    @classmethod
    def of(cls, num_qubits: int, operations: Iterable[Operation], measured: Iterable[int]) -> Pattern:
        """Collect the pattern of operations whose entangling gates act on two qubits."""
        pairs = Counter((min(o.qubits), max(o.qubits)) for o in operations if not o.is_fence and len(o.qubits) == 2)
        return cls(num_qubits, tuple(sorted(pairs.items())), frozenset(measured))

    def parts(self) -> list[tuple[int, ...]]:
        """Connected groups of qubits, the largest first."""
        group = list(range(self.num_qubits))
        for (low, high), _ in self.pairs:
            old, new = group[high], group[low]
            group = [new if label == old else label for label in group]
        parts = [tuple(q for q in range(self.num_qubits) if group[q] == label) for label in dict.fromkeys(group)]
        return sorted(parts, key=lambda part: (-len(part), part))


def cost(pattern: Pattern, layout: Mapping[int, int], target: Target) -> float:
    """Expected loss of the placed part of a pattern; ``layout`` maps circuit qubits to physical qubits."""
    couplings = target.couplings
    total = 0.0
    for (low, high), count in pattern.pairs:
        if low in layout and high in layout:
            pair = (min(layout[low], layout[high]), max(layout[low], layout[high]))
            error = couplings[pair] if couplings is not None else target.gate_error("cz", pair)
            total -= count * log1p(-error)
    readout = (target.readout_error(layout[qubit]) for qubit in sorted(pattern.measured) if qubit in layout)
    return total - sum(log1p(-min(error, 0.999)) for error in readout)


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
    free = set(target.live_qubits)
    for part in pattern.parts():
        best: tuple[float, tuple[int, ...], dict[int, int]] | None = None
        for candidate in islice(embeddings(pattern, part, target, free), SEARCHED):
            ranked = (cost(pattern, candidate, target), tuple(candidate[qubit] for qubit in part), candidate)
            if best is None or ranked[:2] < best[:2]:
                best = ranked
        if best is None:
            return None
        layout |= best[2]
        free -= set(best[2].values())
    return tuple(layout[qubit] for qubit in range(pattern.num_qubits))
