"""Real states: random, special and nearly special vectors against the dense matrix of the circuit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.errors import BindingsError, CircuitError
from qadapt.synthesis import Ansatz, Synthesis, synthesise_states
from qadapt.synthesis.skeletons import Couplings, line
from synthesis_cases import Floats, dense, random_vectors, special_vectors, unit

EXACT = {2: 1e-12, 4: 1e-12, 8: 1e-12, 16: 1e-9, 32: 1e-9}
COUNTS = {2: 0, 4: 1, 8: 3, 16: 7, 32: 14}
RING = ((0, 1), (0, 2), (1, 3), (2, 3))
STAR = ((0, 1), (1, 2), (1, 3))
FORK = ((0, 1), (1, 2), (2, 3), (1, 4))


def prepared(found: Synthesis) -> Floats:
    """States of all rows by plain products of the gate table's matrices."""
    states = dense(found.ansatz, found.angles)[:, :, 0]
    assert np.abs(states.imag).max(initial=0) < 1e-14
    return states.real


def on(ansatz: Ansatz, couplings: Couplings) -> bool:
    return {frozenset(edge) for edge in ansatz.edges} <= {frozenset(edge) for edge in couplings}


@pytest.mark.parametrize("d", EXACT)
def test_circuits_prepare_the_vectors(d: int) -> None:
    vectors = np.concatenate([random_vectors(d, 6), special_vectors(d)[::7]])
    found = synthesise_states(vectors)
    got = prepared(found)
    np.testing.assert_allclose(got, vectors, atol=EXACT[d])
    np.testing.assert_allclose(found.residual, np.linalg.norm(got - vectors, axis=1), atol=1e-13)
    np.testing.assert_array_equal(found.loss, found.residual)
    np.testing.assert_array_equal(found.bound, np.full(len(vectors), 1e-9))


@pytest.mark.parametrize("d", EXACT)
def test_component_i_is_amplitude_i(d: int) -> None:
    """Every basis vector, so that an exchange of any two qubits shows."""
    found = synthesise_states(np.eye(d))
    np.testing.assert_array_equal(np.argmax(np.abs(prepared(found)), axis=1), np.arange(d))


@pytest.mark.parametrize("d", EXACT)
def test_random_and_special_vectors_take_the_short_skeleton(d: int) -> None:
    for vectors in (random_vectors(d, 20 if d == 32 else 300), special_vectors(d)[:: 3 if d == 32 else 1]):
        found = synthesise_states(vectors)
        assert len(found.ansatz.edges) == COUNTS[d]
        assert found.attempts == ()
        assert on(found.ansatz, line(d.bit_length() - 1))
        assert found.angles.shape == (len(vectors), found.ansatz.size)
        assert found.residual.max() < EXACT[d]


@pytest.mark.parametrize("distance", [1e-9, 1e-6, 1e-3, 1e-1])
@pytest.mark.parametrize("d", [4, 8])
def test_closed_forms_near_special_vectors(d: int, distance: float) -> None:
    special = special_vectors(d)
    vectors = unit(special + distance * random_vectors(d, len(special)))
    found = synthesise_states(vectors)
    assert found.residual.max() < EXACT[d]
    assert len(found.ansatz.edges) == COUNTS[d]


@pytest.mark.parametrize("distance", [1e-8, 1e-6, 1e-3])
def test_rows_that_defeat_least_squares_take_the_longer_closed_form(distance: float) -> None:
    special = special_vectors(16)[::9]
    vectors = np.concatenate([unit(special + distance * random_vectors(16, len(special))), random_vectors(16, 4)])
    found = synthesise_states(vectors)
    assert len(found.ansatz.edges) == 9
    assert on(found.ansatz, line(4))
    assert found.residual.max() < 1e-12
    (attempt,) = found.attempts
    assert len(attempt.ansatz.edges) == 7
    assert 0 < len(attempt.unsolved) < len(vectors)
    assert max(attempt.unsolved) < len(special)  # the random ones were no obstacle


@pytest.mark.parametrize("distance", [1e-8, 1e-6, 1e-3])
def test_five_qubits_near_special_vectors(distance: float) -> None:
    """Short skeletons are critical at basis vectors and the like: longer ones, on the same couplings, are not."""
    special = special_vectors(32)[::23]
    vectors = unit(special + distance * random_vectors(32, len(special)))
    found = synthesise_states(vectors)
    assert found.residual.max() < 1e-9
    np.testing.assert_allclose(prepared(found), vectors, atol=1e-9)
    assert on(found.ansatz, line(5))
    counts = [len(attempt.ansatz.edges) for attempt in found.attempts]
    assert counts[0] == 14
    assert counts == sorted(counts)
    assert all(attempt.unsolved for attempt in found.attempts)


@pytest.mark.parametrize(
    ("d", "couplings", "count"),
    [
        (4, ((1, 0),), 1),
        (8, ((2, 1), (1, 0)), 3),
        (8, ((0, 1), (1, 2), (0, 2)), 3),
        (16, RING, 7),
        (16, line(4), 7),
        (16, ((1, 0), (2, 0), (3, 1), (3, 2), (1, 2)), 7),
        (32, line(5), 14),
        (32, FORK, 14),
    ],
)
def test_couplings(d: int, couplings: Couplings, count: int) -> None:
    vectors = np.concatenate([random_vectors(d, 12), special_vectors(d)[::11]])
    found = synthesise_states(vectors, couplings=couplings)
    assert on(found.ansatz, couplings)
    assert len(found.ansatz.edges) == count
    np.testing.assert_allclose(prepared(found), vectors, atol=EXACT[d])


def test_a_star() -> None:
    """As short as a line, but for rare special vectors."""
    vectors = random_vectors(16, 100)
    found = synthesise_states(vectors, couplings=STAR)
    assert on(found.ansatz, STAR)
    assert len(found.ansatz.edges) == 7
    np.testing.assert_allclose(prepared(found), vectors, atol=1e-9)


@pytest.mark.parametrize(
    ("d", "couplings"), [(8, ((0, 1), (0, 2))), (16, ((0, 1), (0, 2), (0, 3))), (16, STAR), (32, FORK)]
)
def test_any_connected_couplings_carry_every_state(d: int, couplings: Couplings) -> None:
    """Random, special, and nearly special vectors, with as many edges as that takes."""
    special = special_vectors(d)[:: 29 if d == 32 else 13]
    for vectors in (random_vectors(d, 5), special, unit(special + 1e-6 * random_vectors(d, len(special)))):
        found = synthesise_states(vectors, couplings=couplings)
        assert on(found.ansatz, couplings)
        assert found.residual.max() < 1e-9


@pytest.mark.parametrize("distance", [0, 1e-9, 1e-6, 1e-3])
def test_a_ring_is_always_short_and_exact(distance: float) -> None:
    special = special_vectors(16)
    found = synthesise_states(unit(special + distance * random_vectors(16, len(special))), couplings=RING)
    assert len(found.ansatz.edges) == 7
    assert found.attempts == ()
    assert found.residual.max() < 1e-12


@pytest.mark.parametrize("couplings", [((0, 1), (2, 3)), ((0, 1), (1, 2)), (), ((0, 1), (1, 2), (2, 4))])
def test_refuses_couplings_that_do_not_connect_the_qubits(couplings: Couplings) -> None:
    with pytest.raises(CircuitError, match="couplings"):
        synthesise_states(random_vectors(16, 2), couplings=couplings)


@given(st.sampled_from((2, 4, 8)), st.data())
def test_closed_forms_on_any_vector(d: int, data: st.DataObject) -> None:
    component = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(-1, 1), st.floats(-1e-8, 1e-8))
    vector = np.array(data.draw(st.lists(component, min_size=d, max_size=d)))
    vector[data.draw(st.integers(0, d - 1))] = 1.0
    found = synthesise_states(unit(vector[None]))
    assert found.residual[0] < EXACT[d]
    np.testing.assert_allclose(prepared(found), unit(vector[None]), atol=EXACT[d])


@pytest.mark.parametrize("d", [16, 32])
def test_deterministic_and_seeded(d: int) -> None:
    vectors = random_vectors(d, 10)
    first = synthesise_states(vectors)
    np.testing.assert_array_equal(first.angles, synthesise_states(vectors).angles)
    assert np.abs(first.angles - synthesise_states(vectors, seed=1).angles).max() > 0.1


@pytest.mark.parametrize("d", EXACT)
def test_no_rows(d: int) -> None:
    found = synthesise_states(np.empty((0, d)))
    assert found.angles.shape == (0, found.ansatz.size)
    assert found.residual.shape == (0,)


def test_whole_numbers_are_vectors() -> None:
    assert synthesise_states([[0, 1, 0, 0]]).residual[0] < 1e-12


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
    "d = 64": (np.eye(64), "got \\[64, 64\\]"),
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
