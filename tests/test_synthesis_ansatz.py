"""The ansatz: its matrix against the dense matrix of its own operations, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import adapter_circuit, random_bindings, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import BindingsError, CircuitError
from qadapt.synthesis import BLOCKS, STATES, Ansatz, brick_wall


@st.composite
def ansatzes(draw: st.DrawFn) -> Ansatz:
    """Any edges at all, in any direction, neighbours or not."""
    n = draw(st.integers(1, 4))
    edges = st.permutations(range(n)).map(lambda order: (order[0], order[1]))
    return Ansatz(n, tuple(draw(st.lists(edges, max_size=6))) if n > 1 else ())


@given(ansatzes(), st.integers(0, 2**32))
def test_matrix_is_that_of_the_operations(ansatz: Ansatz, seed: int) -> None:
    circuit = Circuit(num_qubits=ansatz.num_qubits, operations=ansatz.operations("a"))
    bindings = random_bindings(circuit, 3, seed)
    angles = bindings.array([f"a{i}" for i in range(ansatz.size)])
    expected = np.array([unitary(circuit, bindings, row) for row in range(3)])
    assert np.abs(expected.imag).max() < 1e-15
    np.testing.assert_allclose(ansatz.matrix(angles), expected.real, atol=1e-14)
    np.testing.assert_allclose(ansatz.state(angles), expected[:, :, 0].real, atol=1e-14)


def test_operations_are_in_the_documented_order() -> None:
    edges = ((1, 2), (0, 1), (2, 0))
    ours = Circuit(num_qubits=3, operations=Ansatz(3, edges).operations("a"), measured=range(3))
    assert ours == adapter_circuit(3, edges)
    assert ours.parameters == tuple(f"a{i}" for i in range(Ansatz(3, edges).size))


def test_any_shape_of_rows() -> None:
    ansatz = brick_wall(3, 4)
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


def test_named_skeletons_are_lines_of_the_known_length() -> None:
    assert {n: len(ansatz.edges) for n, ansatz in BLOCKS.items()} == {1: 0, 2: 2, 3: 19, 4: 68}
    assert {n: len(ansatz.edges) for n, ansatz in STATES.items()} == {1: 0, 2: 1, 3: 3, 4: 7}
    for n, ansatz in (*BLOCKS.items(), *STATES.items()):
        assert ansatz.num_qubits == n
        assert all(high == low + 1 for low, high in ansatz.edges)


def test_ansatz_is_a_value() -> None:
    assert Ansatz(3, [[np.int64(0), 1]]) == Ansatz(3, ((0, 1),))  # type: ignore[arg-type]
    assert hash(Ansatz(3, [(0, 1)])) == hash(Ansatz(3, ((0, 1),)))  # type: ignore[arg-type]


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
    ],
)
def test_refuses_what_is_no_skeleton(num_qubits: int, edges: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(CircuitError):
        Ansatz(num_qubits, edges)


@pytest.mark.parametrize("shape", [(), (5,), (3, 7)])
def test_refuses_angles_of_another_size(shape: tuple[int, ...]) -> None:
    with pytest.raises(BindingsError, match=r"\[\.\.\., 6\]"):
        BLOCKS[2].matrix(np.zeros(shape))


def test_angles_bind_by_name() -> None:
    circuit = Circuit(num_qubits=2, operations=BLOCKS[2].operations("block."))
    Bindings.rows_of([f"block.{i}" for i in range(6)], np.zeros((1, 6))).check(circuit.parameters)
