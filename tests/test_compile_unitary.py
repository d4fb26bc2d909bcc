"""Any unitary as gates: the same matrix, few CZ, and clear words for what is no unitary."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

from oracles import phase_distance
from oracles import unitary as dense
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.compile import unitary
from qadapt.compile.dense import matrix_of
from qadapt.compile.unitary import synthesise_unitary
from qadapt.errors import BindingsError
from qadapt.gates import GATES

MOST = {1: 0, 2: 3, 3: 19, 4: 95, 5: 423}


def haar(rng, size):
    q, r = np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))
    return q * (np.diag(r) / abs(np.diag(r)))


def near(rng, size, distance):
    """exp(i distance H) of a Hermitian H of norm 1."""
    part = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    values, vectors = np.linalg.eigh(part + part.conj().T)
    return vectors * np.exp(1j * distance * values / abs(values).max()) @ vectors.conj().T


def product(operations, num_qubits):
    return dense(Circuit(num_qubits=num_qubits, operations=operations), Bindings.of({}), 0)


def cz(operations):
    return sum(len(operation.qubits) == 2 for operation in operations)


@pytest.mark.parametrize("num_qubits", sorted(MOST))
def test_any_unitary_is_met(num_qubits):
    rng = np.random.default_rng(num_qubits)
    size = 2**num_qubits
    hadamard = reduce(np.kron, [np.array([[1, 1], [1, -1]]) / np.sqrt(2)] * num_qubits)
    matrices = {
        "haar": haar(rng, size),
        "real, determinant -1": np.linalg.qr(rng.normal(size=(size, size)))[0] * ([-1] + [1] * (size - 1)),
        "permutation": np.eye(size)[rng.permutation(size)],
        "integers": np.eye(size, dtype=int)[::-1],
        "diagonal": np.diag(np.exp(1j * rng.uniform(0, 6, size))),
        "hadamard": hadamard,
        "identity": np.eye(size),
        "phase": 1j * np.eye(size),
    }
    for name, matrix in matrices.items():
        found = synthesise_unitary(matrix)
        assert phase_distance(product(found, num_qubits), matrix) < 1e-9, name
        assert cz(found) <= MOST[num_qubits], name
        assert {o.gate for o in found if len(o.qubits) == 2} <= {"cz"}, name
    assert cz(synthesise_unitary(np.eye(size))) == 0


@pytest.mark.parametrize("num_qubits", [1, 2, 3, 4])
@pytest.mark.parametrize("distance", [1e-4, 1e-6, 1e-7, 1e-8])
def test_unitaries_near_the_identity_are_not_rounded(num_qubits, distance):
    rng = np.random.default_rng(5)
    for _ in range(6):
        matrix = near(rng, 2**num_qubits, distance)
        found = synthesise_unitary(matrix)
        assert phase_distance(product(found, num_qubits), matrix) < 1e-9
        assert cz(found) <= MOST[num_qubits] + 2**num_qubits


def test_bit_k_is_qubit_k():
    """X on qubit 0 alone, and cx with control 2 and target 0."""
    (gate,) = synthesise_unitary(GATES["x"].matrix())
    assert gate.qubits == (0,)
    matrix = np.eye(8)[[0, 1, 2, 3, 5, 4, 7, 6]]
    assert phase_distance(product([op("cx", 2, 0)], 3), matrix) < 1e-12
    assert phase_distance(product(synthesise_unitary(matrix), 3), matrix) < 1e-9


def test_equal_matrices_give_equal_circuits():
    matrix = haar(np.random.default_rng(0), 8)
    assert synthesise_unitary(matrix) == synthesise_unitary(matrix.copy())


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.ones((4, 4)), "not unitary"),
        (np.eye(4) * (1 + 1e-6), "not unitary"),
        (np.eye(4) * 1e300, "not unitary"),
        (np.array([[1 + 1j, 1], [1, -1]]) * 1e200, "not unitary"),
        (np.diag([1, np.nan]), r"nan.* at index \[1, 1\]"),
        (np.diag([1, np.inf]), "finite"),
        (np.eye(3), r"expected shape \[d, d\]"),
        (np.eye(1), r"expected shape \[d, d\]"),
        (np.eye(128), r"expected shape \[d, d\]"),
        (np.ones((2, 4)), r"got \[2, 4\]"),
        (np.ones((1, 2, 2)), r"got \[1, 2, 2\]"),
        ([[1, 0], [0]], "unitary: "),
        ([["a", "b"], ["c", "d"]], "expected numbers"),
        (np.eye(2, dtype=bool), "expected numbers"),
    ],
)
def test_what_is_no_unitary_is_refused(matrix, said):
    with pytest.raises(BindingsError, match=said):
        synthesise_unitary(matrix)


def test_nothing_leaves_unverified(monkeypatch):
    monkeypatch.setattr(unitary, "shorten", lambda operations, kept: tuple(operations)[:-1])
    with pytest.raises(BindingsError, match="no circuit within 1e-09"):
        synthesise_unitary(haar(np.random.default_rng(0), 8))


def test_matrices_are_multiplied_in_order():
    operations = [
        op("h", 1),
        op("cx", 1, 0),
        op("rz", 0, angles=[0.3]),
        op("ccx", 2, 0, 1),
        op("cry", 2, 1, angles=[1.0]),
    ]
    assert np.abs(matrix_of(operations, 3) - product(operations, 3)).max() < 1e-14
    assert np.array_equal(matrix_of([], 2), np.eye(4))
