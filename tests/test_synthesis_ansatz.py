"""The ansatz: its matrix against the dense matrix of its own operations, and what it refuses."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import adapter_circuit
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import BindingsError, CircuitError
from qadapt.synthesis import Ansatz, brick_wall
from synthesis_cases import ansaetze, dense

PAIR = brick_wall(2, 2)
FLIPPED = Ansatz(3, ((0, 1), (1, 2), (0, 1), (1, 2), (0, 1)), (0, 1, 3, 4))


@given(ansaetze(), st.integers(0, 2**32))
def test_matrix_is_that_of_the_operations(ansatz: Ansatz, seed: int) -> None:
    angles = np.random.default_rng(seed).normal(scale=2, size=(3, ansatz.size))
    expected = dense(ansatz, angles)
    np.testing.assert_allclose(ansatz.matrix(angles), expected, atol=1e-14)
    np.testing.assert_allclose(ansatz.state(angles), expected[:, :, 0], atol=1e-14)


def test_operations_are_in_the_documented_order() -> None:
    edges = ((1, 2), (0, 1), (2, 0))
    ours = Circuit(num_qubits=3, operations=Ansatz(3, edges).operations("a"), measured=range(3))
    assert ours == adapter_circuit(3, edges)
    assert ours.parameters == tuple(f"a{i}" for i in range(Ansatz(3, edges).size))


@given(st.integers(1, 5), st.data())
def test_ansaetze_without_flips_are_those_of_the_documented_order(n: int, data: st.DataObject) -> None:
    pairs = st.permutations(range(n)).map(lambda order: (order[0], order[-1]))
    edges = tuple(data.draw(st.lists(pairs, max_size=8))) if n > 1 else ()
    ansatz = Ansatz(n, edges)
    assert ansatz.size == n + 2 * len(edges)
    assert Circuit(num_qubits=n, operations=ansatz.operations("a"), measured=range(n)) == adapter_circuit(n, edges)


def test_any_shape_of_rows() -> None:
    for ansatz in (brick_wall(3, 4), FLIPPED):
        angles = np.random.default_rng(0).normal(size=(2, 3, ansatz.size))
        matrices = ansatz.matrix(angles)
        assert matrices.shape == (2, 3, 8, 8)
        np.testing.assert_array_equal(matrices[1, 2], ansatz.matrix(angles[1, 2]))
        np.testing.assert_allclose(ansatz.state(angles)[1, 2], matrices[1, 2, :, 0], atol=1e-15)
        assert ansatz.matrix(np.empty((0, ansatz.size))).shape == (0, 8, 8)


@pytest.mark.parametrize("turns", [0.0, np.pi, -np.pi, 2 * np.pi, 4 * np.pi, 1e6])
def test_quarters_and_whole_turns_are_exact(turns: float) -> None:
    cos, sin = np.cos(turns / 2), np.sin(turns / 2)
    np.testing.assert_allclose(
        Ansatz(1).matrix([turns]), [[cos, -sin], [sin, cos]], atol=4e-10 if turns > 100 else 2e-15
    )


@pytest.mark.parametrize(
    ("ansatz", "family"),
    [
        (Ansatz(1), "ry"),
        (brick_wall(3, 5), "ry"),
        (FLIPPED, "u3"),
        (Ansatz(3, FLIPPED.edges, FLIPPED.flips, free=True), "rzz"),
    ],
)
def test_family(ansatz: Ansatz, family: str) -> None:
    assert ansatz.family == family
    assert ansatz.matrix(np.zeros(ansatz.size)).dtype == (float if family == "ry" else complex)


def test_ansatz_is_a_value() -> None:
    assert Ansatz(3, [[np.int64(0), 1]]) == Ansatz(3, ((0, 1),))  # type: ignore[arg-type]
    assert hash(Ansatz(3, [(0, 1)])) == hash(Ansatz(3, ((0, 1),)))  # type: ignore[arg-type]
    assert Ansatz(2, ((0, 1), (0, 1)), [np.int64(1), 0, 1]) == Ansatz(2, ((0, 1), (0, 1)), (0, 1))  # type: ignore[arg-type]


@given(ansaetze(max_qubits=2, max_size=2), ansaetze(max_qubits=2, max_size=2))
def test_text_tells_ansaetze_apart(first: Ansatz, second: Ansatz) -> None:
    assert (first.text == second.text) == (first == second)
    fields = json.loads(first.text)
    assert Ansatz(**{name: _tuples(value) for name, value in fields.items()}) == first


def _tuples(value: object) -> object:
    return tuple(_tuples(entry) for entry in value) if isinstance(value, list) else value


def test_brick_walls() -> None:
    assert brick_wall(2, 3).edges == ((0, 1),) * 3
    assert brick_wall(3, 5).edges == ((0, 1), (1, 2), (0, 1), (1, 2), (0, 1))
    assert brick_wall(5, 6).edges == ((0, 1), (2, 3), (1, 2), (3, 4), (0, 1), (2, 3))
    assert brick_wall(4, 0) == Ansatz(4)
    assert brick_wall(1, 0) == Ansatz(1)
    with pytest.raises(CircuitError, match="at least two qubits, not 1"):
        brick_wall(1, 1)


@pytest.mark.parametrize(
    ("num_qubits", "edges"),
    [
        (0, ()),
        (2, ((0, 2),)),
        (2, ((1, 1),)),
        (2, ((-1, 0),)),
        (2, ((0,),)),
        (2, ((0, 1, 1),)),
        (2, ((0, 0.5),)),
        (1.5, ()),
        (2, (0, 1)),
    ],
)
def test_refuses_what_is_no_skeleton(num_qubits: int, edges: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(CircuitError):
        Ansatz(num_qubits, edges)


@pytest.mark.parametrize(
    ("flips", "message"),
    [
        ((0, 2), r"flips \(0, 2\) are not numbers of 2 edges"),
        ((-1, 0), "not numbers"),
        ((0.5, 1), "pairs of qubits"),
        (("0", "1"), "pairs of qubits"),
        ((1,), r"qubits \[0, 1\] of an ansatz end quaternionic"),
        ((0,), r"edge 1 of an ansatz keeps \(0, 1\), which are both quaternionic"),
    ],
)
def test_refuses_flips(flips: tuple[int, ...], message: str) -> None:
    with pytest.raises(CircuitError, match=message):
        Ansatz(2, ((0, 1), (0, 1)), flips)


@pytest.mark.parametrize("shape", [(), (5,), (3, 7)])
def test_refuses_angles_of_another_size(shape: tuple[int, ...]) -> None:
    with pytest.raises(BindingsError, match=r"\[\.\.\., 6\]"):
        PAIR.matrix(np.zeros(shape))
    with pytest.raises(BindingsError, match=r"\[\.\.\., 6\]"):
        PAIR.state(np.zeros(shape))


def test_angles_bind_by_name() -> None:
    circuit = Circuit(num_qubits=2, operations=PAIR.operations("block."))
    Bindings.rows_of([f"block.{i}" for i in range(6)], np.zeros((1, 6))).check(circuit.parameters)
