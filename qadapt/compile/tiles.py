"""Tiles: as many disjoint good places for copies of a small circuit as a chip has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

import numpy as np

from qadapt.compile.place import SEARCHED, Pattern, cost, embeddings, losses
from qadapt.errors import TargetError
from qadapt.target import Target

Floats: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]

MAX_TILE = 5
"""Largest circuit that is packed; larger ones run one at a time."""

SECONDS, GAP = 5.0, 0.01
"""The integer program stops here or within this share of its bound. Heavy-hex chips are solved to the end in a tenth of
a second; on square grids the best tiling found so far is taken, or a greedy one where that is better."""


def tiles(
    pattern: Pattern, target: Target, *, spacing: int = 0, copies: int | None = None
) -> tuple[tuple[int, ...], ...]:
    """Choose the most disjoint tiles, and among equally many those of the best predicted fidelity.

    All pairs without spacing are a maximum weighted matching; all other cases are an integer program (at most one tile
    over each qubit; with spacing also over each coupler, which leaves an idle qubit between any two tiles).

    Args:
        pattern: A connected pattern of 1 to 5 qubits.
        target: A machine with couplings.
        spacing: Least number of idle qubits between two tiles, 0 or 1.
        copies: Most tiles; as many as fit when omitted.

    Returns:
        Physical qubits per tile, in the order of the circuit's qubits; the best tile first.

    Raises:
        TargetError: The pattern is too large or not connected, or no tile fits.
    """
    if target.couplings is None:
        raise TargetError(f"{target.name} has no couplings, there is nothing to pack")
    if spacing not in (0, 1):
        raise TargetError(f"spacing is {spacing!r}, allowed are 0 and 1")
    if pattern.num_qubits > MAX_TILE or len(pattern.parts()) > 1:
        raise TargetError(f"packed are connected circuits of 1 to {MAX_TILE} qubits")
    return _tiles(pattern, target, spacing, copies)


@lru_cache(maxsize=64)
def _tiles(pattern: Pattern, target: Target, spacing: int, copies: int | None) -> tuple[tuple[int, ...], ...]:
    candidates = _candidates(pattern, target)
    if not candidates:
        raise TargetError(f"no tile of {pattern.num_qubits} qubits fits {target.name}")
    each = losses(target)
    costs = np.array([cost(pattern, dict(enumerate(tile)), each) for tile in candidates])
    if pattern.num_qubits == 2 and not spacing and copies is None:
        chosen = _matching(candidates, costs)
    else:
        # More cannot be disjoint; said to the solver, it need not find out.
        most = min(len(candidates), len(target.live_qubits) // pattern.num_qubits)
        chosen = _program(candidates, costs, target, spacing, most if copies is None else min(copies, most))
    return tuple(candidates[index] for index in sorted(chosen, key=lambda index: (costs[index], candidates[index])))


def _candidates(pattern: Pattern, target: Target) -> list[tuple[int, ...]]:
    """The best embedding on every set of qubits that carries one."""
    part = tuple(range(pattern.num_qubits))
    best: dict[frozenset[int], tuple[float, tuple[int, ...]]] = {}
    each = losses(target)
    for layout in islice(embeddings(pattern, part, target, set(target.live_qubits)), SEARCHED):
        tile = tuple(layout[qubit] for qubit in part)
        ranked = (cost(pattern, layout, each), tile)
        where = frozenset(tile)
        if where not in best or ranked < best[where]:
            best[where] = ranked
    return sorted(tile for _, tile in best.values())


def _matching(candidates: Sequence[tuple[int, ...]], costs: Floats) -> list[int]:
    import rustworkx as rx

    nodes = sorted({qubit for tile in candidates for qubit in tile})
    index = {qubit: node for node, qubit in enumerate(nodes)}
    graph: rx.PyGraph[int, int] = rx.PyGraph()
    graph.add_nodes_from(nodes)
    # Integer weights: a nano-loss resolution, and positive so that every pair is worth having.
    most = float(costs.max())
    weights = {tile: 1 + round(1e9 * (most - loss)) for tile, loss in zip(candidates, costs, strict=True)}
    graph.add_edges_from([(index[tile[0]], index[tile[1]], weights[tile]) for tile in candidates])
    pairs = rx.max_weight_matching(graph, max_cardinality=True, weight_fn=int)
    matched = {frozenset((nodes[a], nodes[b])) for a, b in pairs}
    return [number for number, tile in enumerate(candidates) if frozenset(tile) in matched]


def _program(
    candidates: Sequence[tuple[int, ...]],
    costs: Floats,
    target: Target,
    spacing: int,
    copies: int,
) -> list[int]:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    groups: list[frozenset[int]]
    if spacing:
        groups = [frozenset(pair) for pair in target.couplings or {}] + [frozenset((q,)) for q in target.live_qubits]
    else:
        groups = [frozenset((qubit,)) for qubit in target.live_qubits]
    over: dict[int, list[int]] = {}
    for number, tile in enumerate(candidates):
        for qubit in tile:
            over.setdefault(qubit, []).append(number)
    rows, columns = [], []
    for row, group in enumerate(groups):
        for number in sorted({number for qubit in group for number in over.get(qubit, [])}):
            rows.append(row)
            columns.append(number)
    rows += [len(groups)] * len(candidates)  # the last row counts the tiles
    columns += range(len(candidates))
    matrix = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(groups) + 1, len(candidates)))
    # All costs together weigh less than one tile, so that the number of tiles comes first.
    scale = 0.5 / max(1e-9, float(np.sort(costs)[-min(target.num_qubits, copies) :].sum()))
    solution = milp(
        scale * costs - 1,
        integrality=np.ones(len(candidates), dtype=int),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, -np.inf, [*[1] * len(groups), copies]),
        options={"mip_rel_gap": GAP, "time_limit": SECONDS},
    )
    greedy = _greedy(candidates, costs, groups)[:copies]
    if solution.x is None:
        return greedy
    solved = [int(number) for number in np.flatnonzero(solution.x > 0.5)]
    return max(solved, greedy, key=lambda chosen: (len(chosen), -costs[chosen].sum()))


def _greedy(candidates: Sequence[tuple[int, ...]], costs: Floats, groups: Sequence[frozenset[int]]) -> list[int]:
    """Take the best tile that is left until none is."""
    taken: set[int] = set()
    chosen = []
    for number in np.argsort(costs, kind="stable").tolist():
        over = {index for index, group in enumerate(groups) if not group.isdisjoint(candidates[number])}
        if taken.isdisjoint(over):
            taken |= over
            chosen.append(number)
    return chosen
