"""Tangent: distance, residual and Jacobian against finite differences of the dense circuit, for every family."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qadapt.synthesis import Ansatz, brick_wall, ladder, wall
from qadapt.synthesis.generators import generators
from qadapt.synthesis.skeletons import line
from qadapt.synthesis.tangent import evaluate, matrices
from synthesis_cases import Complexes, Floats, ansaetze, dense, haar, in_phase, random_vectors

RING = ((0, 1), (0, 2), (3, 1), (3, 2))
ANSAETZE = {
    "one qubit": Ansatz(1),
    "ry": brick_wall(3, 5),
    "ry, any edges": Ansatz(4, ((0, 1), (0, 2), (3, 1), (3, 0), (2, 3))),
    "u3": ladder(3)[0],
    "u3, ring": wall(RING, 9),
    "rzz": wall(line(3), 9, free=True),
    "rzz, ring": wall(RING, 9, free=True),
}
STEP = 1e-6


def real(ansatz: Ansatz, angles: Floats) -> Complexes:
    """Dense matrices with the global phase taken out that the solver leaves out."""
    return in_phase(dense(ansatz, angles), matrices(generators(ansatz), angles))


def directions(ansatz: Ansatz, angles: Floats) -> Floats:
    """Derivatives ``[p, d, d]`` of the dense circuit, in its frame, at one row of angles."""
    here = dense(ansatz, angles[None])[0]
    steps = STEP * np.eye(ansatz.size)
    moved = (dense(ansatz, angles + steps) - dense(ansatz, angles - steps)) / (2 * STEP)
    out = here.conj().T @ moved
    assert np.abs(out.imag).max() < 1e-9
    return out.real


@pytest.mark.parametrize("name", ANSAETZE)
def test_matrices(name: str) -> None:
    ansatz = ANSAETZE[name]
    dim = 1 << ansatz.num_qubits
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (2, ansatz.size))
    targets, found = haar(dim, 2), generators(ansatz)
    cost, residual, jacobian = evaluate(found, angles, found.closing.T @ targets)
    there = real(ansatz, angles)
    rows, columns = np.triu_indices(dim, 1)
    frame = (there.conj().swapaxes(1, 2) @ targets).real
    np.testing.assert_allclose(cost, np.square(np.abs(there - targets)).sum(axis=(1, 2)), atol=1e-12)
    np.testing.assert_allclose(residual, ((frame - frame.swapaxes(1, 2)) / 2)[:, rows, columns], atol=1e-13)
    expected = np.array([directions(ansatz, row)[:, rows, columns] for row in angles])
    np.testing.assert_allclose(jacobian, expected, atol=1e-9)


@pytest.mark.parametrize("name", ANSAETZE)
def test_states(name: str) -> None:
    ansatz = ANSAETZE[name]
    dim = 1 << ansatz.num_qubits
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (2, ansatz.size))
    targets, found = random_vectors(dim, 2), generators(ansatz)
    cost, residual, jacobian = evaluate(found, angles, targets @ found.closing)
    there = real(ansatz, angles)
    frame = np.einsum("nij,ni->nj", there.conj(), targets).real
    np.testing.assert_allclose(cost, np.square(np.abs(there[:, :, 0] - targets)).sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(residual, frame[:, 1:], atol=1e-13)
    expected = np.array([directions(ansatz, row)[:, 1:, 0] for row in angles])
    np.testing.assert_allclose(jacobian, expected, atol=1e-9)


@settings(max_examples=20)
@given(ansaetze(max_qubits=3, max_size=5), st.integers(0, 2**32))
def test_jacobian_of_any_ansatz(ansatz: Ansatz, seed: int) -> None:
    """Also where groups are odd in number, where one is alone, and where qubits have no gate."""
    angles = np.random.default_rng(seed).uniform(-np.pi, np.pi, (1, ansatz.size))
    dim = 1 << ansatz.num_qubits
    jacobian = evaluate(generators(ansatz), angles, np.eye(dim)[None])[2]
    rows, columns = np.triu_indices(dim, 1)
    np.testing.assert_allclose(jacobian[0], directions(ansatz, angles[0])[:, rows, columns], atol=1e-9)


@given(ansaetze(), st.integers(0, 2**32))
def test_matrices_are_those_of_the_circuit(ansatz: Ansatz, seed: int) -> None:
    angles = np.random.default_rng(seed).uniform(-7, 7, (2, ansatz.size))
    expected = dense(ansatz, angles)
    found = matrices(generators(ansatz), angles)
    assert found.dtype == float
    np.testing.assert_allclose(in_phase(expected, found), found, atol=1e-13)


def test_no_rows() -> None:
    ansatz = wall(line(3), 6)
    cost, residual, jacobian = evaluate(generators(ansatz), np.empty((0, ansatz.size)), np.empty((0, 8, 8)))
    assert (cost.shape, residual.shape, jacobian.shape) == ((0,), (0, 28), (0, ansatz.size, 28))
    assert matrices(generators(ansatz), np.empty((0, ansatz.size))).shape == (0, 8, 8)
