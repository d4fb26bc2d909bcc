"""Skeletons: which ansaetze reach all blocks or states of a size on given couplings, and in which order to try them.

Blocks take a *wall*: flip the way into the set of quaternionic qubits that has the most couplings to real ones, go
round the couplings, and flip the way out. Every kept edge then brings three angles (four with RZZ). How many edges are
enough follows from the rank of the Jacobian; nothing here is a table of results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import index
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from qadapt.errors import BindingsError, CircuitError
from qadapt.synthesis.ansatz import Ansatz, brick_wall
from qadapt.synthesis.lm import rank
from qadapt.synthesis.starts import identity_starts
from qadapt.synthesis.structure import Edge, kinds_after

Couplings: TypeAlias = tuple[Edge, ...]
Effort: TypeAlias = Literal["fast", "best"]
"""``fast`` takes milliseconds; ``best`` takes longer to save entangling gates."""

_MARGIN = {(3, False): 1, (3, True): 1, (4, False): 2, (4, True): 2, (5, False): 2, (5, True): 12}
"""Edges beyond the fewest with which nearly every block is solved by the first random start, by number of qubits and
whether RZZ has free angles."""

STATES: Mapping[int, tuple[Ansatz, ...]] = MappingProxyType(
    {
        1: (Ansatz(1),),
        2: (Ansatz(2, ((0, 1),)),),
        3: (Ansatz(3, ((0, 1), (1, 2), (1, 2))),),
        4: (
            Ansatz(4, ((0, 1), (0, 2), (1, 3), (0, 1), (2, 3), (0, 1), (2, 3))),
            Ansatz(4, ((2, 3), (1, 2), (0, 1), (2, 3), (1, 2), (0, 1), (2, 3))),
            Ansatz(4, ((0, 1), (1, 2), (1, 3), (0, 1), (1, 2), (0, 1), (1, 3))),
            Ansatz(4, ((0, 1), (1, 2), (2, 3), (0, 1), (1, 2), (0, 1), (0, 1), (2, 3), (2, 3))),
        ),
        5: (Ansatz(5, tuple([(2, 3), (1, 2), (3, 4), (0, 1)] * 4)[:14]),),
    }
)
"""Skeletons of real states by number of qubits, in the order they are tried where the couplings carry them. Those of
four qubits are on a ring, on a line, on a star, and one on a line that is longer; the first and the last one have a
closed form for every state."""

_MORE = {3: (4, 6), 4: (9, 13), 5: (14, 28, 40)}
"""Edges of further skeletons of states, which go round the couplings: the fallback where the ones above fail."""

ROTATION, REFLECTION = brick_wall(2, 2), brick_wall(2, 3)
"""Skeletons of O(4) with determinant +1 and -1: a CZ on two qubits is a reflection, so they differ by an odd number."""

MAGIC = Ansatz(2, ((0, 1), (0, 1)), flips=(0, 1))
"""Another skeleton of SO(4): more kinds of rotations, and fewer pulses where two sx make a rotation."""


def line(num_qubits: int) -> Couplings:
    """Couplings of qubits in a row."""
    return tuple((qubit, qubit + 1) for qubit in range(num_qubits - 1))


def wall(couplings: Sequence[Edge], count: int, *, free: bool = False, tail: int = 0) -> Ansatz:
    """Ansatz of ``count`` edges that flips in, goes round the couplings of one colour after the other, and flips out.

    Args:
        couplings: Connected pairs of at least three qubits.
        count: Number of entangling gates.
        free: Take RZZ of free angles for the kept edges between real and quaternionic qubits.
        tail: How many of the entangling gates follow after flipping out; they go round all couplings.

    Raises:
        CircuitError: The couplings are not connected, or the count is too small to flip in and out.
    """
    edges = _checked(couplings)
    way, inside = _way(edges)
    kept = count - tail - 2 * len(way)
    if kept < 0:
        raise CircuitError(f"{count} entangling gates are too few, flipping in and out takes {2 * len(way)}")
    middle = _round([edge for edge in edges if not inside.issuperset(edge)], kept, way[-1])
    back = _back(edges, inside, len(way), [*way, *middle][-1])
    flips = (*range(len(way)), *range(len(way) + kept, count - tail))
    return Ansatz(1 + max(map(max, edges)), (*way, *middle, *back, *_round(edges, tail, back[-1])), flips, free)


@lru_cache(maxsize=64)
def fewest(couplings: Couplings, *, free: bool = False) -> int:
    """Fewest edges of a wall that fills SO(d) and has an angle to spare."""
    num_qubits = 1 + max(map(max, _checked(couplings)))
    dim = 1 << num_qubits
    directions = dim * (dim - 1) // 2
    count = 2 * len(_way(couplings)[0])
    while True:
        ansatz = wall(couplings, count, free=free)
        if ansatz.size > directions and rank(ansatz) == directions:
            return count
        count += 1


def identity_ansatz(couplings: Couplings, *, free: bool = False) -> Ansatz | None:
    """The shortest shipped ansatz on these couplings at which the identity is regular; None where none is shipped."""
    pairs = tuple(sorted({(min(edge), max(edge)) for edge in couplings}))
    fitting = [ansatz for ansatz in identity_starts() if ansatz.couplings == pairs and ansatz.free <= free]
    return min(fitting, key=lambda ansatz: len(ansatz.edges), default=None)


def ladder(
    num_qubits: int, *, couplings: Couplings | None = None, free: bool = False, effort: Effort = "fast"
) -> tuple[Ansatz, ...]:
    """Ansaetze for blocks, in the order in which they are tried.

    With ``fast`` the first one has a few edges to spare, so that the first start nearly always succeeds; with ``best``
    it is the shortest that fills SO(d). The last one is regular at the identity where such a one is shipped, and has
    many edges to spare otherwise.

    Args:
        num_qubits: Qubits of a block.
        couplings: Pairs that may be entangled; a line when omitted.
        free: Whether RZZ of free angles may be used.
        effort: ``fast`` or ``best``.

    Raises:
        CircuitError: The couplings do not connect the qubits.
        BindingsError: The effort is neither.
    """
    if effort not in get_args(Effort):
        raise BindingsError(f"effort is {effort!r}, expected 'fast' or 'best'")
    if num_qubits == 1:
        return (Ansatz(1),)
    if num_qubits == 2:
        return (ROTATION,)
    pairs = _checked(line(num_qubits) if couplings is None else couplings, num_qubits)
    least = fewest(pairs, free=free)
    margin = _MARGIN[num_qubits, free]
    counts = sorted({least, least + (margin + 1) // 2, least + margin}) if effort == "best" else [least + margin]
    last = identity_ansatz(pairs, free=free) or wall(pairs, least + least // 3 + 2, free=free)
    walls = [wall(pairs, count, free=free) for count in counts if count < len(last.edges)]
    if effort == "best" and walls:
        walls[1:1] = _mirrored(walls[0])
    return (*walls, last)


def state_ladder(num_qubits: int, couplings: Couplings | None = None) -> tuple[Ansatz, ...]:
    """Ansaetze for real states, in the order in which they are tried.

    Args:
        num_qubits: Qubits of a state.
        couplings: Pairs that may be entangled; a line when omitted.

    Raises:
        CircuitError: The couplings do not connect the qubits.
    """
    if num_qubits <= 2:
        return STATES[num_qubits]
    edges = _checked(line(num_qubits) if couplings is None else couplings, num_qubits)
    known = [ansatz for ansatz in STATES[num_qubits] if {*ansatz.edges} <= {*edges}]
    longest = max((len(ansatz.edges) for ansatz in known), default=0)
    more = [Ansatz(num_qubits, _round(edges, count, edges[-1])) for count in _MORE[num_qubits] if count > longest]
    return (*known, *more)


def shorter(ansatz: Ansatz) -> tuple[Ansatz, ...]:
    """Walls on the couplings of an ansatz with fewer edges than it, for inexact blocks; the shortest first."""
    if ansatz.num_qubits < 3 or not ansatz.edges:
        return ()
    pairs = ansatz.couplings
    if not _reaches(pairs, ansatz.num_qubits):
        return ()
    least = 2 * len(_way(pairs)[0])
    walls = (wall(pairs, count, free=ansatz.free) for count in range(least + 1, len(ansatz.edges)))
    return (Ansatz(ansatz.num_qubits), *(one for one in walls if one.couplings == pairs))


def _mirrored(ansatz: Ansatz) -> list[Ansatz]:
    """The ansatz with its qubits in reverse order, if that is another one on the same couplings.

    Walls with one angle to spare miss a few blocks in a thousand, and their mirror images miss others.
    """
    top = ansatz.num_qubits - 1
    edges = tuple((top - high, top - low) for low, high in ansatz.edges)
    mirrored = Ansatz(ansatz.num_qubits, edges, ansatz.flips, ansatz.free)
    return [mirrored] if mirrored.couplings == ansatz.couplings and mirrored != ansatz else []


def _checked(couplings: Sequence[Edge], num_qubits: int | None = None) -> Couplings:
    try:
        edges = tuple(sorted({(min(index(a), index(b)), max(index(a), index(b))) for a, b in couplings}))
    except (TypeError, ValueError):
        raise CircuitError(f"couplings are pairs of qubits, not {couplings!r}") from None
    size = num_qubits or 1 + max((max(edge) for edge in edges), default=0)
    if size < 3 or not _reaches(edges, size):
        which = f"qubits 0 to {num_qubits - 1}" if num_qubits else "three or more qubits 0, 1, 2, ..."
        raise CircuitError(f"couplings {list(couplings)} do not connect {which}")
    return edges


@lru_cache(maxsize=64)
def _way(couplings: Couplings) -> tuple[Couplings, frozenset[int]]:
    """Shortest way of flips into the quaternionic qubits with the most couplings to real ones, and these qubits."""
    edges = _checked(couplings)
    ways: dict[frozenset[int], Couplings] = {frozenset(): ()}
    queue = deque(ways)
    while queue:
        inside = queue.popleft()
        for edge in edges:
            after = kinds_after(inside, edge)
            if after not in ways:
                ways[after] = (*ways[inside], edge)
                queue.append(after)

    def rating(inside: frozenset[int]) -> tuple[int, int, tuple[int, ...]]:
        crossing = sum(len(inside.intersection(edge)) == 1 for edge in edges)
        stuck = sum(inside.issuperset(edge) for edge in edges)
        return (stuck - crossing, len(ways[inside]), tuple(sorted(inside)))

    best = min((inside for inside in ways if inside and _connects(edges, inside)), key=rating)
    return ways[best], best


def _back(edges: Couplings, inside: frozenset[int], length: int, previous: Edge) -> Couplings:
    """A way of flips out of the quaternionic qubits, one that does not begin with the previous edge if there is one."""
    ways: list[tuple[Couplings, frozenset[int]]] = [((), inside)]
    for _ in range(length):
        ways = [((*way, edge), kinds_after(now, edge)) for way, now in ways for edge in edges]
    out = [way for way, now in ways if not now]
    return min(out, key=lambda way: (way[0] == previous, way))


def _round(edges: Sequence[Edge], count: int, previous: Edge) -> Couplings:
    """So many edges, one colour after the other, beginning with a colour that the previous edge is not of.

    The same edge twice in a row brings fewer directions.
    """
    colours = _colours(edges)
    if previous in colours[0]:
        colours = [*colours[1:], colours[0]]
    around = [edge for colour in colours for edge in colour]
    return tuple(around[number % len(around)] for number in range(count))


def _connects(edges: Couplings, inside: frozenset[int]) -> bool:
    """Whether the edges that can be kept still connect all qubits."""
    return _reaches([edge for edge in edges if not inside.issuperset(edge)], 1 + max(map(max, edges)))


def _reaches(edges: Sequence[Edge], num_qubits: int) -> bool:
    """Whether the edges connect the qubits 0 to ``num_qubits - 1`` and no others."""
    reached = {0}
    for _ in edges:
        reached |= {qubit for edge in edges if reached.intersection(edge) for qubit in edge}
    return reached == set(range(num_qubits)) and all(max(edge) < num_qubits for edge in edges)


def _colours(edges: Sequence[Edge]) -> list[list[Edge]]:
    """Edges cut into groups without a common qubit, greedily; on a line the even and the odd ones."""
    colours: list[list[Edge]] = []
    for edge in edges:
        for colour in colours:
            if not any(set(edge) & set(other) for other in colour):
                colour.append(edge)
                break
        else:
            colours.append([edge])
    return colours
