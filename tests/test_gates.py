"""The gate table against Qiskit's matrices, in every batch shape."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from qiskit.circuit import Gate as QiskitGate
from qiskit.circuit.library import RGate, UGate
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from scipy.linalg import expm

from qadapt.errors import CircuitError
from qadapt.gates import FENCE, GATES, Gate, gate

OTHER_NAMES: dict[str, type[QiskitGate]] = {"u3": UGate, "rphi": RGate, "prx": RGate}
PAULIS = {"x": np.array([[0, 1], [1, 0]]), "y": np.array([[0, -1j], [1j, 0]]), "z": np.diag([1, -1])}
NAMES = sorted(GATES)


def expected(entry: Gate, *angles: float) -> NDArray[np.complex128]:
    kind = OTHER_NAMES.get(entry.name) or get_standard_gate_name_mapping()[entry.name].base_class
    return np.asarray(kind(*angles).to_matrix(), dtype=complex)


def angles_of(entry: Gate, shape: tuple[int, ...]) -> list[NDArray[np.float64]]:
    generator = np.random.default_rng(len(entry.name))
    return [generator.uniform(-7, 7, shape) for _ in entry.parameters]


@pytest.mark.parametrize("name", NAMES)
def test_matrices_are_those_of_qiskit(name: str) -> None:
    for row in np.stack([*angles_of(GATES[name], (20,)), np.zeros(20)], axis=1)[:, :-1]:
        assert GATES[name].matrix(*row) == pytest.approx(expected(GATES[name], *row), abs=1e-14)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3)])
def test_angle_arrays_give_matrix_arrays(name: str, shape: tuple[int, ...]) -> None:
    entry = GATES[name]
    angles = angles_of(entry, shape)
    matrices = entry.matrix(*angles)
    size = 2**entry.qubits
    assert matrices.shape == ((*shape, size, size) if angles else (size, size))
    assert matrices.dtype == np.complex128
    assert matrices @ matrices.conj().swapaxes(-1, -2) == pytest.approx(np.broadcast_to(np.eye(size), matrices.shape))
    for index in np.ndindex(shape):
        one = entry.matrix(*(angle[index] for angle in angles))
        assert np.array_equal(matrices[index] if angles else matrices, one)


@pytest.mark.parametrize("name", [name for name in NAMES if len(GATES[name].parameters) > 1])
def test_angles_of_different_shapes_broadcast(name: str) -> None:
    entry = GATES[name]
    angles = [np.linspace(0.1, 2, 4), np.float64(0.7), np.linspace(-1, 1, 3)[:, None]][: len(entry.parameters)]
    assert np.array_equal(entry.matrix(*angles), entry.matrix(*np.broadcast_arrays(*angles)))


@pytest.mark.parametrize("name", [name for name in NAMES if GATES[name].axis])
def test_axis_names_the_generator(name: str) -> None:
    entry = GATES[name]
    assert entry.axis is not None
    rotation = expm(-0.5j * 1.3 * PAULIS[entry.axis])
    assert abs(np.trace(rotation.conj().T @ entry.matrix(1.3))) == pytest.approx(2)


def test_only_one_angle_rotations_have_an_axis() -> None:
    assert {name for name in NAMES if GATES[name].axis} == {"rx", "ry", "rz", "p"}


def test_the_first_qubit_is_the_least_significant_and_the_control() -> None:
    one_zero = np.eye(4)[:, 0b01]
    assert GATES["cx"].matrix() @ one_zero == pytest.approx(np.eye(4)[:, 0b11])


def test_the_table_is_read_only() -> None:
    with pytest.raises(TypeError):
        GATES["x"] = GATES["y"]  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        GATES["x"].matrix()[0, 0] = 2


def test_names_agree_and_the_fence_is_no_gate() -> None:
    assert all(name == entry.name == name.lower() for name, entry in GATES.items())
    assert FENCE not in GATES


def test_an_unknown_gate_is_named_beside_the_known_ones() -> None:
    assert gate("cz") is GATES["cz"]
    with pytest.raises(CircuitError, match=r"'cnot'.*known gates: ccx, ch"):
        gate("cnot")
