"""Skeletons: how few edges are enough on every shape of couplings; walls stay on the couplings and end real."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qadapt.errors import CircuitError
from qadapt.synthesis import Ansatz, brick_wall, ladder, wall
from qadapt.synthesis.lm import rank
from qadapt.synthesis.skeletons import ROTATION, STATES, Couplings, fewest, identity_ansatz, line, shorter
from qadapt.synthesis.starts import identity_starts
from qadapt.synthesis.structure import kinds_after
from synthesis_cases import dense

SHAPES: dict[str, Couplings] = {
    "line of 3": line(3),
    "triangle": ((0, 1), (1, 2), (0, 2)),
    "line of 4": line(4),
    "star of 4": ((0, 1), (1, 2), (1, 3)),
    "ring of 4": ((0, 1), (0, 2), (1, 3), (2, 3)),
    "line of 5": line(5),
    "fork of 5": ((0, 1), (1, 2), (2, 3), (1, 4)),
}
FEWEST = {
    "line of 3": (10, 9),
    "triangle": (10, 9),
    "line of 4": (41, 34),
    "star of 4": (45, 37),
    "ring of 4": (41, 32),
    "line of 5": (166, 126),
    "fork of 5": (166, 133),
}


def directions(num_qubits: int) -> int:
    """Dimension of SO(2^n)."""
    return 2**num_qubits * (2**num_qubits - 1) // 2


@st.composite
def couplings(draw: st.DrawFn) -> Couplings:
    """A tree of three to five qubits under any names, with edges in any direction, and sometimes more."""
    n = draw(st.integers(3, 5))
    names = draw(st.permutations(range(n)))
    edges = [(names[draw(st.integers(0, qubit - 1))], names[qubit]) for qubit in range(1, n)]
    edges += draw(st.lists(st.permutations(range(n)).map(lambda order: (order[0], order[1])), max_size=3))
    return tuple(edge[::-1] if draw(st.booleans()) else edge for edge in edges)


@pytest.mark.parametrize("free", [False, True], ids=["cz", "rzz"])
@pytest.mark.parametrize("shape", SHAPES)
def test_fewest_edges(shape: str, free: bool) -> None:
    edges, count = SHAPES[shape], FEWEST[shape][free]
    assert fewest(edges, free=free) == count
    enough, one_less = wall(edges, count, free=free), wall(edges, count - 1, free=free)
    full = directions(enough.num_qubits)
    assert rank(enough) == full < enough.size
    assert rank(one_less) < full or one_less.size == full


def test_edges_are_the_same_in_any_order_and_direction() -> None:
    assert fewest(((1, 0), (2, 1))) == 10
    assert wall(((2, 1), (1, 0), (0, 1)), 12) == wall(line(3), 12)


@given(couplings(), st.integers(0, 24), st.integers(0, 6), st.booleans())
def test_walls(edges: Couplings, extra: int, tail: int, free: bool) -> None:
    """Only these couplings, real at the end, and RZZ where a quaternionic qubit meets a real one."""
    least = next(count for count in range(20) if _is_wall(edges, count))
    ansatz = wall(edges, least + extra + tail, free=free, tail=tail)
    pairs = {frozenset(edge) for edge in edges}
    assert ansatz.num_qubits == 1 + max(map(max, edges))
    assert len(ansatz.edges) == least + extra + tail
    assert {frozenset(edge) for edge in ansatz.edges} <= pairs
    assert ansatz.free == free
    # As many flips in as out, before and after all that is kept; the tail is real.
    middle = least // 2
    assert ansatz.flips == (*range(middle), *range(middle + extra, least + extra))
    for border in ([middle] if extra else []) + ([least + extra] if tail else []):
        assert set(ansatz.edges[border - 1]) != set(ansatz.edges[border])  # twice in a row brings fewer directions
    inside: frozenset[int] = frozenset()
    gates = [step.gate for step in ansatz.steps if len(step.qubits) == 2]
    for number, (edge, gate) in enumerate(zip(ansatz.edges, gates, strict=True)):
        if number in ansatz.flips:
            inside = kinds_after(inside, edge)
        mixed = number not in ansatz.flips and len(inside.intersection(edge)) == 1
        assert gate == ("rzz" if free and mixed else "cz")
    assert not inside
    matrix = dense(ansatz, np.linspace(-2, 2, ansatz.size)[None])[0]
    square = matrix @ matrix.T
    np.testing.assert_allclose(square, square[0, 0] * np.eye(len(square)), atol=1e-12)


def _is_wall(edges: Couplings, count: int) -> bool:
    try:
        return bool(wall(edges, count))
    except CircuitError:
        return False


@settings(max_examples=12)
@given(couplings().filter(lambda edges: max(map(max, edges)) < 4))
def test_any_connected_couplings_are_enough(edges: Couplings) -> None:
    """A wall on whatever connects the qubits fills SO(d), with no more edges than RY alone would need."""
    num_qubits = 1 + max(map(max, edges))
    count = fewest(tuple(edges))
    assert count < directions(num_qubits) / 2
    assert rank(wall(edges, count)) == directions(num_qubits)


@pytest.mark.parametrize(("count", "free"), [(9, False), (7, True)])
def test_no_angle_of_a_wall_is_idle_before_it_is_full(count: int, free: bool) -> None:
    """A kept edge brings three directions, four with RZZ, from the first on."""
    for kept in range(1, count - 3):
        ansatz = wall(line(3), 4 + kept, free=free)
        assert rank(ansatz) == ansatz.size == wall(line(3), 5, free=free).size + (3 + free) * (kept - 1)


def test_a_wall_worked_out_by_hand() -> None:
    """On a line of three qubits the outer two are quaternionic."""
    edges = ((0, 1), (1, 2), (0, 1), (1, 2), (0, 1), (1, 2), (0, 1), (1, 2), (0, 1), (1, 2))
    assert wall(line(3), 10) == Ansatz(3, edges, (0, 1, 8, 9))
    assert wall(line(3), 10, tail=2).flips == (0, 1, 6, 7)


@pytest.mark.parametrize("free", [False, True], ids=["cz", "rzz"])
@pytest.mark.parametrize("shape", SHAPES)
def test_ladders(shape: str, free: bool) -> None:
    """Ascending, from the fewest with ``best`` and a few more with ``fast``, to what does every block."""
    edges, least = SHAPES[shape], FEWEST[shape][free]
    num_qubits = 1 + max(map(max, edges))
    fast = ladder(num_qubits, couplings=edges, free=free)
    best = ladder(num_qubits, couplings=edges, free=free, effort="best")
    for ansaetze in (fast, best):
        counts = [len(ansatz.edges) for ansatz in ansaetze]
        assert counts == sorted(counts)
        assert len(set(ansaetze)) == len(ansaetze)
        for ansatz in ansaetze:
            assert ansatz.num_qubits == num_qubits
            assert {frozenset(edge) for edge in ansatz.edges} <= {frozenset(edge) for edge in edges}
            assert free or ansatz.family != "rzz"
            assert rank(ansatz) == directions(num_qubits)
    assert fast[-1] == best[-1]
    assert best[0] == wall(edges, least, free=free)
    assert [len(ansatz.edges) for ansatz in best].count(least) <= 2  # a wall, and its mirror image on a symmetric shape
    assert least < len(fast[0].edges) <= least + 12
    assert set(fast) <= set(best)
    assert fast[-1] in identity_starts() or len(fast[-1].edges) >= least + least // 4


def test_ladders_of_one_and_two_qubits() -> None:
    assert ladder(1) == ladder(1, effort="best") == (Ansatz(1),)
    assert ladder(2) == ladder(2, free=True, effort="best") == (ROTATION,) == (brick_wall(2, 2),)


def test_a_ladder_is_on_a_line_by_default() -> None:
    for num_qubits in (3, 4):
        assert ladder(num_qubits) == ladder(num_qubits, couplings=line(num_qubits))


def test_identity_ansaetze_are_found_by_their_couplings() -> None:
    for ansatz in identity_starts():
        pairs = {(max(edge), min(edge)) for edge in ansatz.edges}
        assert identity_ansatz(tuple(pairs), free=ansatz.free) == ansatz
    assert identity_ansatz(((0, 2), (1, 2))) is None


@pytest.mark.parametrize("free", [False, True], ids=["cz", "rzz"])
def test_shorter_ansaetze(free: bool) -> None:
    first = ladder(3, free=free)[0]
    found = shorter(first)
    assert found[0] == Ansatz(3)
    counts = [len(ansatz.edges) for ansatz in found]
    assert counts == [0, *range(5, len(first.edges))]
    assert {ansatz.free for ansatz in found[1:]} == {free}
    assert {ansatz.edges[:4] for ansatz in found[1:]} == {first.edges[:4]}
    assert shorter(ROTATION) == shorter(Ansatz(3)) == ()


def test_state_skeletons_of_a_line() -> None:
    counts = {1: 0, 2: 1, 3: 3, 4: 7, 5: 14}
    for num_qubits, ansaetze in STATES.items():
        assert min(len(ansatz.edges) for ansatz in ansaetze) == counts[num_qubits]
        for ansatz in ansaetze:
            assert ansatz.num_qubits == num_qubits
            assert ansatz.family == "ry"
            assert all(low < high for low, high in ansatz.edges)


@pytest.mark.parametrize(
    "edges",
    [(), ((0, 1),), ((0, 1), (2, 3)), ((1, 2), (2, 3)), ((0, 1), (1, 3)), ((0, 1), (-1, 0)), ((0, 1), (1, 1), (1, 2))],
)
def test_refuses_couplings_that_do_not_connect(edges: Couplings) -> None:
    with pytest.raises(CircuitError):
        wall(edges, 12)
    with pytest.raises(CircuitError):
        fewest(edges)
    with pytest.raises(CircuitError):
        ladder(3, couplings=edges)


@pytest.mark.parametrize("num_qubits", [3, 5])
def test_refuses_couplings_of_another_number_of_qubits(num_qubits: int) -> None:
    with pytest.raises(CircuitError, match="do not connect"):
        ladder(num_qubits, couplings=line(4))


@pytest.mark.parametrize(("count", "tail"), [(3, 0), (0, 0), (-1, 0), (6, 3)])
def test_refuses_walls_too_low_to_flip_in_and_out(count: int, tail: int) -> None:
    with pytest.raises(CircuitError, match=f"{count} entangling gates are too few, flipping in and out takes 4"):
        wall(line(3), count, tail=tail)
