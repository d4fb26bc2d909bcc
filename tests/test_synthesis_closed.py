"""Closed forms: exact to rounding on random, special and nearly special input, with no loop over rows."""

import sys
from collections.abc import Callable
from types import FrameType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.synthesis import Ansatz, brick_wall
from qadapt.synthesis.closed import o4, ring4, so2, so4, state1, state2, state3, state4
from synthesis_cases import Floats, cayley, dense, haar, random_vectors, special_blocks, special_vectors, unit

EXACT = 1e-12
NEAR = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)

MATRICES: dict[str, tuple[Callable[[Floats], Floats], Ansatz]] = {
    "so2": (so2, Ansatz(1)),
    "so4": (so4, brick_wall(2, 2)),
    "o4": (o4, brick_wall(2, 3)),
}
VECTORS: dict[str, tuple[Callable[[Floats], Floats], Ansatz]] = {
    "state1": (state1, Ansatz(1)),
    "state2": (state2, Ansatz(2, ((0, 1),))),
    "state3": (state3, Ansatz(3, ((0, 1), (1, 2), (1, 2)))),
    "state4": (state4, Ansatz(4, ((0, 1), (1, 2), (2, 3), (0, 1), (1, 2), (0, 1), (0, 1), (2, 3), (2, 3)))),
    "ring4": (ring4, Ansatz(4, ((0, 1), (0, 2), (1, 3), (0, 1), (2, 3), (0, 1), (2, 3)))),
}


def rotations(name: str, matrices: Floats) -> Floats:
    """Matrices of determinant +1, or for ``o4`` of determinant -1."""
    return matrices * np.array([1, 1, 1, -1.0])[:, None] if name == "o4" else matrices


def side(name: str) -> int:
    return 1 << MATRICES[name][1].num_qubits


def special_rotations(name: str) -> Floats:
    found = np.concatenate(list(special_blocks(side(name)).values()))
    signs = np.array(
        [[(-1.0) ** (number >> bit & 1) for bit in range(side(name))] for number in range(1 << side(name))]
    )
    diagonals = np.array([np.diag(row) for row in signs if np.prod(row) > 0])
    permutations = np.concatenate([diagonal[None] @ found for diagonal in diagonals])
    return rotations(name, np.concatenate([found, diagonals, permutations]))


def equal_schmidt(d: int) -> Floats:
    """Vectors whose Schmidt coefficients between the halves of the qubits coincide, all or by pairs, some zero."""
    low = 1 << (d.bit_length() - 1) // 2
    patterns = [np.ones(low), np.array([1.0] * (low // 2) + [0.0] * (low - low // 2)), np.eye(low)[0]]
    patterns += [np.array([3.0] * (low // 2) + [1.0] * (low - low // 2)), np.array([2.0] + [1.0] * (low - 1))]
    left, right = haar(d // low, len(patterns), 1), haar(low, len(patterns), 2)
    rows = [a[:, :low] * s @ b.T for a, s, b in zip(left, patterns, right, strict=True) if s.any()]
    return unit(np.array(rows).reshape(-1, d))


def special_states(name: str) -> Floats:
    d = 1 << VECTORS[name][1].num_qubits
    return np.concatenate([special_vectors(d), equal_schmidt(d)]) if d > 2 else special_vectors(d)


def distance(name: str, targets: Floats) -> float:
    """Largest entry of the difference of the circuit and its target."""
    form, ansatz = (MATRICES | VECTORS)[name]
    angles = form(targets)
    assert angles.shape == (len(targets), ansatz.size)
    found = ansatz.matrix(angles) if name in MATRICES else ansatz.state(angles)
    return float(np.abs(found - targets).max())


@pytest.mark.parametrize("name", MATRICES)
def test_rotations_against_the_dense_circuit(name: str) -> None:
    form, ansatz = MATRICES[name]
    blocks = np.concatenate([rotations(name, haar(side(name), 20)), special_rotations(name)[::5]])
    np.testing.assert_allclose(dense(ansatz, form(blocks)), blocks, atol=EXACT)


@pytest.mark.parametrize("name", VECTORS)
def test_states_against_the_dense_circuit(name: str) -> None:
    form, ansatz = VECTORS[name]
    vectors = np.concatenate([random_vectors(1 << ansatz.num_qubits, 10), special_states(name)[::5]])
    np.testing.assert_allclose(dense(ansatz, form(vectors))[:, :, 0], vectors, atol=EXACT)


@pytest.mark.parametrize("name", MATRICES)
def test_random_and_special_rotations(name: str) -> None:
    assert distance(name, rotations(name, haar(side(name), 20_000))) < EXACT
    assert distance(name, special_rotations(name)) < EXACT


@pytest.mark.parametrize("name", VECTORS)
def test_random_and_special_states(name: str) -> None:
    assert distance(name, random_vectors(1 << VECTORS[name][1].num_qubits, 20_000)) < EXACT
    assert distance(name, special_states(name)) < EXACT


@pytest.mark.parametrize("norm", NEAR)
@pytest.mark.parametrize("name", MATRICES)
def test_nearly_special_rotations(name: str, norm: float) -> None:
    """Near the identity too, which is one of them."""
    special = special_rotations(name)
    for seed in range(4):
        assert distance(name, special @ cayley(side(name), len(special), norm, seed)) < EXACT


@pytest.mark.parametrize("norm", NEAR)
@pytest.mark.parametrize("name", VECTORS)
def test_nearly_special_states(name: str, norm: float) -> None:
    special = special_states(name)
    for seed in range(8):
        assert distance(name, unit(special + norm * random_vectors(special.shape[1], len(special), seed))) < EXACT


@given(st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6), st.sampled_from([1.0, 1e-4, 1e-9, 0.0]))
def test_so4_on_any_cayley_block(entries: list[float], scale: float) -> None:
    skew = np.zeros((4, 4))
    skew[np.triu_indices(4, 1)] = np.array(entries) * scale
    skew -= skew.T
    block = np.linalg.solve(np.eye(4) + skew, np.eye(4) - skew)[None]
    assert distance("so4", block) < EXACT
    assert distance("o4", rotations("o4", block)) < EXACT


@given(st.sampled_from(sorted(VECTORS)), st.data())
def test_states_on_any_vector(name: str, data: st.DataObject) -> None:
    d = 1 << VECTORS[name][1].num_qubits
    component = st.one_of(st.sampled_from([0.0, -0.0, 1.0, -1.0]), st.floats(-1, 1), st.floats(-1e-8, 1e-8))
    vector = np.array(data.draw(st.lists(component, min_size=d, max_size=d)))
    vector[data.draw(st.integers(0, d - 1))] = 1.0
    assert distance(name, unit(vector[None])) < EXACT


@pytest.mark.parametrize("name", [*MATRICES, *VECTORS])
def test_no_loop_over_rows(name: str) -> None:
    """Twenty thousand rows take the same function calls as two hundred."""

    def calls(rows: int) -> int:
        form, ansatz = (MATRICES | VECTORS)[name]
        d = 1 << ansatz.num_qubits
        targets = rotations(name, haar(d, rows)) if name in MATRICES else random_vectors(d, rows)
        count = 0

        def counted(frame: FrameType, event: str, argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(counted)
        try:
            form(targets)
        finally:
            sys.setprofile(before)
        return count

    calls(2)  # what numpy imports or looks up once
    assert calls(20_000) == calls(200) < 1000


@pytest.mark.parametrize("name", [*MATRICES, *VECTORS])
def test_no_rows_and_input_untouched(name: str) -> None:
    form, ansatz = (MATRICES | VECTORS)[name]
    d = 1 << ansatz.num_qubits
    shape = (d, d) if name in MATRICES else (d,)
    assert form(np.empty((0, *shape))).shape == (0, ansatz.size)
    targets = rotations(name, haar(d, 5)) if name in MATRICES else random_vectors(d, 5)
    before = targets.copy()
    form(targets)
    np.testing.assert_array_equal(targets, before)
