"""Every gate in Qiskit's words: same unitary, same bit order, parameters bound by name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit.quantum_info import Operator

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.gates import GATES, gate
from qadapt.simulate.components import split
from qadapt_aer.lower import NATIVE, lower


def unitary(circuit: Circuit, values: Mapping[str, float]) -> NDArray[np.complex128]:
    """Unitary of the one component of a circuit, by Qiskit, on the circuit's qubits in ascending order."""
    (component,) = split(circuit, circuit.measured)
    lowered = lower(component)
    bound = {symbol: column[0] for symbol, column in lowered.values(Bindings.of(values)).items()}
    matrix = Operator(lowered.circuit.assign_parameters(bound)).data
    # Local numbering goes by first use; turn it back.
    n = len(component.qubits)
    order = np.argsort(component.qubits)
    axes = [n - 1 - int(local) for local in order[::-1]]
    out: NDArray[np.complex128] = matrix.reshape((2,) * 2 * n).transpose(*axes, *(n + axis for axis in axes))
    return out.reshape(2**n, 2**n)


def embed(matrix: NDArray[np.complex128], qubits: tuple[int, ...], n: int) -> NDArray[np.complex128]:
    """A gate's matrix on n qubits, index by index: qubit k of an index is bit k."""
    out = np.zeros((2**n, 2**n), dtype=complex)
    rest = [qubit for qubit in range(n) if qubit not in qubits]
    for column in range(2**n):
        inner = sum(((column >> qubit) & 1) << k for k, qubit in enumerate(qubits))
        kept = sum(((column >> qubit) & 1) << qubit for qubit in rest)
        for row, value in enumerate(matrix[:, inner]):
            out[kept + sum(((row >> k) & 1) << qubit for k, qubit in enumerate(qubits)), column] = value
    return out


def assert_equal_up_to_phase(found: NDArray[np.complex128], expected: NDArray[np.complex128]) -> None:
    overlap = np.vdot(expected, found) / len(expected)
    assert abs(abs(overlap) - 1) < 1e-12
    np.testing.assert_allclose(found, overlap * expected, atol=1e-12)


def test_every_gate_is_native() -> None:
    assert set(NATIVE) == set(GATES)


@pytest.mark.parametrize("name", sorted(GATES))
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_gate_has_the_tables_matrix(name: str, data: st.DataObject) -> None:
    entry = gate(name)
    angles = data.draw(st.lists(st.floats(-10, 10), min_size=len(entry.parameters), max_size=len(entry.parameters)))
    qubits = tuple(data.draw(st.permutations(range(entry.qubits))))
    names = [f"p{index}" for index in range(len(angles))]
    circuit = Circuit(num_qubits=entry.qubits, operations=(op(name, *qubits, angles=names),))
    found = unitary(circuit, dict(zip(names, angles, strict=True)))
    assert_equal_up_to_phase(found, embed(entry.matrix(*angles), qubits, entry.qubits))
    fixed = Circuit(num_qubits=entry.qubits, operations=(op(name, *qubits, angles=angles),))
    assert_equal_up_to_phase(unitary(fixed, {}), embed(entry.matrix(*angles), qubits, entry.qubits))


def test_parameters_are_bound_by_name_whatever_their_order() -> None:
    """Sorted, these names come in another order than in the circuit: t10 before t2, B before a."""
    names = [*(f"t{index}" for index in range(12)), "B", "a", "_z", "A10", "A9"]
    values = dict(zip(names, np.random.default_rng(5).uniform(-3, 3, len(names)), strict=True))
    axes = ("rx", "ry", "rz")
    operations = [op(axes[index % 3], 0, angles=[name]) for index, name in enumerate(names)]
    expected = np.eye(2, dtype=complex)
    for operation, name in zip(operations, names, strict=True):
        expected = gate(operation.gate).matrix(values[name]) @ expected
    circuit = Circuit(num_qubits=1, operations=tuple(operations))
    assert_equal_up_to_phase(unitary(circuit, dict(reversed(values.items()))), expected)


def test_scaled_and_shifted_parameters() -> None:
    angle = Parameter(name="a", scale=-2.5, offset=0.75)
    circuit = Circuit(num_qubits=1, operations=(op("rx", 0, angles=[angle]), op("ry", 0, angles=["a"])))
    expected = gate("ry").matrix(0.3) @ gate("rx").matrix(-2.5 * 0.3 + 0.75)
    assert_equal_up_to_phase(unitary(circuit, {"a": 0.3}), expected)
