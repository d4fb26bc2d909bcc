"""Blocks: random, near-identity, special and degenerate rotations against the dense matrix of the circuit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from oracles import unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import BindingsError
from qadapt.synthesis import BLOCKS, Ansatz, Synthesis, brick_wall, synthesise_blocks
from qadapt.synthesis.lm import fit

Floats = NDArray[np.float64]

EXACT = {2: 1e-12, 4: 1e-12, 8: 1e-9, 16: 1e-9}
NORMS = (1e-9, 1e-6, 1e-3, 0.1, 1.0, 1e3)
ROWS = {2: 200, 4: 200, 8: 24, 16: 4}


def cayley(d: int, rows: int, norm: float | None = None, seed: int = 0) -> Floats:
    """Cayley transforms of random skew matrices, of spectral norm ``norm`` if given."""
    generator = np.random.default_rng(seed).normal(size=(rows, d, d))
    skew = generator - generator.swapaxes(1, 2)
    if norm is not None:
        skew *= norm / np.linalg.norm(skew, 2, axis=(1, 2))[:, None, None]
    return np.linalg.solve(np.eye(d) + skew, np.eye(d) - skew)


def special_blocks(d: int) -> Floats:
    """Identity, its negative, diagonals and signed permutations of determinant +1, and products of small rotations."""
    rng = np.random.default_rng(2)
    out = [np.eye(d), -np.eye(d)]
    for _ in range(6):
        diagonal = np.diag(rng.choice([-1.0, 1.0], d))
        permutation = np.eye(d)[rng.permutation(d)] * rng.choice([-1.0, 1.0], d)
        for matrix in (diagonal, permutation):
            matrix[0] *= np.sign(np.linalg.det(matrix))
            out.append(matrix)
        out.append(np.kron(cayley(2, 1, seed=int(rng.integers(99)))[0], np.eye(d // 2)))
        out.append(np.kron(np.eye(d // 2), cayley(2, 1, seed=int(rng.integers(99)))[0]))
    return np.array(out)


def carried_out(found: Synthesis, row: int) -> Floats:
    """Matrix of one row by plain products of the gate table's matrices."""
    circuit = Circuit(num_qubits=found.ansatz.num_qubits, operations=found.ansatz.operations("b"))
    bindings = Bindings.rows_of([f"b{i}" for i in range(found.ansatz.size)], found.angles[row : row + 1])
    matrix = unitary(circuit, bindings, 0)
    assert np.abs(matrix.imag).max() < 1e-13
    return matrix.real


@pytest.mark.parametrize("d", EXACT)
def test_circuits_are_the_blocks(d: int) -> None:
    blocks = np.concatenate([cayley(d, 3), cayley(d, 2, 1e-3)])
    found = synthesise_blocks(blocks)
    got = np.array([carried_out(found, row) for row in range(len(blocks))])
    np.testing.assert_allclose(got, blocks, atol=EXACT[d])
    np.testing.assert_allclose(found.residual, np.linalg.norm(got - blocks, axis=(1, 2)), atol=1e-12)


@pytest.mark.parametrize("d", EXACT)
def test_any_distance_from_the_identity(d: int) -> None:
    for norm in NORMS:
        found = synthesise_blocks(cayley(d, ROWS[d], norm))
        assert found.ansatz == BLOCKS[d.bit_length() - 1]
        assert found.residual.max() < EXACT[d], norm


@pytest.mark.parametrize("d", EXACT)
def test_special_blocks(d: int) -> None:
    assert synthesise_blocks(special_blocks(d)).residual.max() < EXACT[d]


@pytest.mark.parametrize("distance", [1e-9, 1e-6, 1e-3])
def test_so4_near_special_blocks(distance: float) -> None:
    special = special_blocks(4)
    assert synthesise_blocks(special @ cayley(4, len(special), distance)).residual.max() < EXACT[4]


@pytest.mark.parametrize("d", [8, 16])
def test_identity_and_its_neighbourhood_take_the_stored_start(d: int) -> None:
    """What adapters start from comes out at once, and small blocks get angles nearby."""
    identity = synthesise_blocks(np.eye(d)[None])
    assert identity.residual[0] < 1e-12
    near = synthesise_blocks(cayley(d, 4, 1e-4))
    assert near.residual.max() < 1e-9
    assert np.abs(near.angles - identity.angles).max() < 0.05


@given(st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6), st.sampled_from([1.0, 1e-4, 1e-9, 0.0]))
def test_so4_on_any_cayley_block(entries: list[float], scale: float) -> None:
    skew = np.zeros((4, 4))
    skew[np.triu_indices(4, 1)] = np.array(entries) * scale
    skew -= skew.T
    found = synthesise_blocks(np.linalg.solve(np.eye(4) + skew, np.eye(4) - skew)[None])
    assert found.residual[0] < EXACT[4]


def test_warm_angles_are_the_start() -> None:
    """A training step away, warm angles hardly move; they are taken from row to row, not mixed."""
    blocks = cayley(8, 12)
    before = synthesise_blocks(blocks, seed=7)
    assert np.abs(synthesise_blocks(blocks).angles - before.angles).max(axis=1).min() > 0.1
    after = synthesise_blocks(blocks @ cayley(8, 12, 1e-5), warm=before.angles)
    assert after.residual.max() < 1e-9
    assert np.abs(after.angles - before.angles).max() < 0.1
    np.testing.assert_array_equal(synthesise_blocks(blocks, warm=before.angles).angles, before.angles)


def test_warm_angles_that_lead_nowhere_are_left() -> None:
    """From the identity, minus the identity is the farthest rotation of all: every direction is flat."""
    blocks = np.array([-np.eye(8), np.eye(8)])
    warm = np.tile(synthesise_blocks(np.eye(8)[None]).angles, (2, 1))
    _, distances = fit(BLOCKS[3], blocks, warm, np.arange(2)[:, None])
    assert distances[0] > 1
    assert distances[1] < 1e-12
    found = synthesise_blocks(blocks, warm=warm)
    assert found.residual.max() < 1e-9
    np.testing.assert_array_equal(found.angles[1], warm[1])


@pytest.mark.parametrize(
    "ansatz",
    [brick_wall(3, 14), Ansatz(3, ((0, 2), (2, 1), (1, 0)) * 6)],
    ids=["shorter line", "triangle"],
)
def test_another_skeleton(ansatz: Ansatz) -> None:
    blocks = cayley(8, 8)
    found = synthesise_blocks(blocks, ansatz=ansatz)
    assert found.ansatz == ansatz
    assert found.residual.max() < 1e-9
    np.testing.assert_allclose(carried_out(found, 5), blocks[5], atol=1e-9)


def test_names_the_rows_that_a_skeleton_does_not_reach() -> None:
    """Without CZ, products of one-qubit rotations are reached and generic rotations are not."""
    local = np.kron(np.kron(cayley(2, 1)[0], cayley(2, 1, seed=1)[0]), cayley(2, 1, seed=2)[0])
    blocks = np.array([local, cayley(8, 1)[0], local, cayley(8, 1, seed=1)[0]])
    with pytest.raises(BindingsError, match=r"2 of 4 rows: 1, 3; worst distance") as caught:
        synthesise_blocks(blocks, ansatz=Ansatz(3))
    assert "more CZ" in caught.value.hint


def test_deterministic_and_seeded() -> None:
    blocks = cayley(8, 6)
    first = synthesise_blocks(blocks)
    np.testing.assert_array_equal(first.angles, synthesise_blocks(blocks).angles)
    assert np.abs(first.angles - synthesise_blocks(blocks, seed=1).angles).max() > 0.1


@pytest.mark.parametrize("d", EXACT)
def test_no_rows(d: int) -> None:
    found = synthesise_blocks(np.empty((0, d, d)))
    assert found.angles.shape == (0, found.ansatz.size)


SHEAR = np.eye(4)
SHEAR[0, 1] = 1e-6
BAD = {
    "nan": (np.full((1, 2, 2), np.nan), r"nan at index \[0, 0, 0\]"),
    "complex": (np.eye(2)[None] * 1j, "complex"),
    "reflection": (np.array([np.eye(4), np.diag([1.0, 1, 1, -1])]), "row 1 has determinant -1"),
    "reflection of side 2": (np.diag([1.0, -1])[None], "determinant"),
    "reflection of side 8": (np.diag([1.0] * 7 + [-1])[None], "determinant"),
    "scaled": (2 * np.eye(4)[None], "not orthogonal"),
    "sheared": (np.array([np.eye(4), SHEAR, SHEAR]), "row 1 is not orthogonal.*2 rows in all: 1, 2"),
    "zero": (np.zeros((1, 4, 4)), "not orthogonal"),
    "overflow": (np.full((1, 2, 2), 1e300), "not orthogonal"),
    "float32": (cayley(4, 1).astype(np.float32), "float64"),
    "two axes": (np.eye(4), r"\[rows, d, d\]"),
    "not square": (np.zeros((1, 4, 2)), r"got \[1, 4, 2\]"),
    "side 3": (np.eye(3)[None], r"got \[1, 3, 3\]"),
    "side 1": (np.eye(1)[None], r"got \[1, 1, 1\]"),
    "side 32": (np.eye(32)[None], r"got \[1, 32, 32\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case: str) -> None:
    blocks, message = BAD[case]
    with pytest.raises(BindingsError, match=message):
        synthesise_blocks(blocks)


@pytest.mark.parametrize("d", [4, 8])
@pytest.mark.parametrize("warm", [np.zeros((1, 5)), np.zeros(6), np.full((1, 6), np.nan), np.full((1, 41), np.inf)])
def test_refuses_warm_angles_that_do_not_fit(d: int, warm: Floats) -> None:
    with pytest.raises(BindingsError, match="warm"):
        synthesise_blocks(np.eye(d)[None], warm=warm)


def test_refuses_an_ansatz_of_another_size() -> None:
    with pytest.raises(BindingsError, match="3 qubits, not 2"):
        synthesise_blocks(np.eye(8)[None], ansatz=BLOCKS[2])
