"""Real states: random, special and nearly special vectors against the dense matrix of the circuit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from oracles import unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import BindingsError
from qadapt.synthesis import STATES, Synthesis, synthesise_states

Floats = NDArray[np.float64]

EXACT = 1e-12
DIMS = (2, 4, 8, 16)


def unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_vectors(d: int, rows: int, seed: int = 0) -> Floats:
    return unit(np.random.default_rng(seed).normal(size=(rows, d)))


def special_vectors(d: int) -> Floats:
    """Basis, GHZ, W, uniform, Bell pairs, products, signs, two-component; each also with the sign flipped."""
    n, identity, rng = d.bit_length() - 1, np.eye(d), np.random.default_rng(1)
    rows = [*identity, np.ones(d), identity[0] + identity[-1], identity[0] - identity[-1]]
    rows.append(identity[[1 << qubit for qubit in range(n)]].sum(axis=0))
    rows += list(rng.choice([-1.0, 1.0], (8, d)))
    for _ in range(8):
        product, pairs = np.ones(1), np.ones(1)
        for _ in range(n):
            product = np.kron(rng.normal(size=2), product)
        while len(pairs) < d:
            pairs = np.kron(rng.permutation([1.0, 0.0, 0.0, 1.0])[: d // len(pairs)], pairs)
        rows += [product, pairs + (not pairs.any()), identity[rng.integers(d)] + 2 * identity[rng.integers(d)]]
    stacked = np.array(rows)
    return unit(np.concatenate([stacked, -stacked]))


def prepared(found: Synthesis, row: int) -> Floats:
    """State of one row by plain products of the gate table's matrices."""
    circuit = Circuit(num_qubits=found.ansatz.num_qubits, operations=found.ansatz.operations("s"))
    bindings = Bindings.rows_of([f"s{i}" for i in range(found.ansatz.size)], found.angles[row : row + 1])
    state = unitary(circuit, bindings, 0)[:, 0]
    assert np.abs(state.imag).max() < 1e-14
    return state.real


@pytest.mark.parametrize("d", DIMS)
def test_circuits_prepare_the_vectors(d: int) -> None:
    vectors = np.concatenate([random_vectors(d, 6), special_vectors(d)[::7]])
    found = synthesise_states(vectors)
    got = np.array([prepared(found, row) for row in range(len(vectors))])
    np.testing.assert_allclose(got, vectors, atol=1e-9 if d == 16 else EXACT)
    np.testing.assert_allclose(found.residual, np.linalg.norm(got - vectors, axis=1), atol=1e-13)


@pytest.mark.parametrize("d", DIMS)
def test_component_i_is_amplitude_i(d: int) -> None:
    """Every basis vector, so that an exchange of any two qubits shows."""
    found = synthesise_states(np.eye(d))
    for row in range(d):
        assert np.argmax(np.abs(prepared(found, row))) == row


@pytest.mark.parametrize("d", DIMS)
def test_random_and_special_vectors_take_the_short_skeleton(d: int) -> None:
    for vectors in (random_vectors(d, 300), special_vectors(d)):
        found = synthesise_states(vectors)
        assert found.ansatz == STATES[d.bit_length() - 1]
        assert found.angles.shape == (len(vectors), found.ansatz.size)
        assert found.residual.max() < (1e-9 if d == 16 else EXACT)


@pytest.mark.parametrize("distance", [1e-9, 1e-6, 1e-3, 1e-1])
@pytest.mark.parametrize("d", [4, 8])
def test_closed_forms_near_special_vectors(d: int, distance: float) -> None:
    special = special_vectors(d)
    vectors = unit(special + distance * random_vectors(d, len(special)))
    assert synthesise_states(vectors).residual.max() < EXACT


@pytest.mark.parametrize("distance", [1e-8, 1e-6, 1e-3])
def test_rows_that_defeat_least_squares_take_the_longer_closed_form(distance: float) -> None:
    vectors = unit(special_vectors(16)[::9] + distance * random_vectors(16, len(special_vectors(16)[::9])))
    found = synthesise_states(np.concatenate([vectors, random_vectors(16, 4)]))
    assert len(found.ansatz.edges) == 9
    assert all(high == low + 1 for low, high in found.ansatz.edges)
    assert found.residual.max() < EXACT


@given(st.sampled_from((2, 4, 8)), st.data())
def test_closed_forms_on_any_vector(d: int, data: st.DataObject) -> None:
    component = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(-1, 1), st.floats(-1e-8, 1e-8))
    vector = np.array(data.draw(st.lists(component, min_size=d, max_size=d)))
    vector[data.draw(st.integers(0, d - 1))] = 1.0
    found = synthesise_states(unit(vector[None]))
    assert found.residual[0] < EXACT
    np.testing.assert_allclose(prepared(found, 0), unit(vector[None])[0], atol=EXACT)


def test_deterministic_and_seeded() -> None:
    vectors = random_vectors(16, 40)
    first = synthesise_states(vectors)
    np.testing.assert_array_equal(first.angles, synthesise_states(vectors).angles)
    assert np.abs(first.angles - synthesise_states(vectors, seed=1).angles).max() > 0.1


@pytest.mark.parametrize("d", DIMS)
def test_no_rows(d: int) -> None:
    found = synthesise_states(np.empty((0, d)))
    assert found.angles.shape == (0, found.ansatz.size)
    assert found.residual.shape == (0,)


def test_whole_numbers_are_vectors() -> None:
    assert synthesise_states([[0, 1, 0, 0]]).residual[0] < EXACT


BAD = {
    "nan": ([[1.0, np.nan]], "nan at index"),
    "inf": ([[np.inf, 0.0]], "inf at index"),
    "complex": ([[1j, 0.0]], "complex"),
    "text": ([["1", "0"]], "real numbers"),
    "bool": ([[True, False]], "bool"),
    "ragged": ([[1.0], [1.0, 0.0]], "vectors"),
    "zero": ([[1.0, 0.0], [0.0, 0.0]], "row 1 has norm 0"),
    "long": ([[1.0, 0.0], [0.6, 0.9]], "row 1 has norm 1.08"),
    "float32": (unit(np.full((1, 4), 0.3)).astype(np.float32) * np.float32(1.0000001), "float64"),
    "overflow": ([[1e300, 0.0]], "norm"),
    "one axis": ([1.0, 0.0], r"\[rows, d\]"),
    "three axes": (np.ones((1, 1, 2)), r"\[rows, d\]"),
    "d = 1": (np.ones((3, 1)), "got \\[3, 1\\]"),
    "d = 3": (np.eye(3), "got \\[3, 3\\]"),
    "d = 32": (np.eye(32), "got \\[32, 32\\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case: str) -> None:
    vectors, message = BAD[case]
    with pytest.raises(BindingsError, match=message):
        synthesise_states(vectors)


@pytest.mark.parametrize("seed", [-1, "x", 0.5, None])
def test_refuses_a_seed_that_is_none(seed: int) -> None:
    with pytest.raises(BindingsError, match="seed"):
        synthesise_states(np.eye(16), seed=seed)
