"""Bit order of Cirq's arrays, and probabilities of states."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import cirq
import numpy as np
import pytest

from qadapt.errors import BadResultError
from qadapt_cirq.read import density_weights, histograms, outcomes, state_weights


def test_bit_order_is_turned():
    assert outcomes(np.arange(4.0), [0, 1]).tolist() == [0, 2, 1, 3]
    assert outcomes(np.arange(4.0), [1, 0]).tolist() == [0, 1, 2, 3]
    assert outcomes(np.arange(8.0), [0, 1, 2]).tolist() == [0, 4, 2, 6, 1, 5, 3, 7]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_any_qubits_in_any_order(size):
    for qubits in permutations(range(4), size):
        for state in range(16):
            weights = np.zeros(16)
            weights[state] = 1
            # Qubit 0 of the simulation is the most significant bit of the state.
            wanted = sum((state >> (3 - qubit) & 1) << bit for bit, qubit in enumerate(qubits))
            assert outcomes(weights, qubits).tolist() == np.eye(2**size)[wanted].tolist()


def test_qubits_that_are_not_measured_are_summed_over():
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(outcomes(weights, [0]), [0.3, 0.7], rtol=0, atol=1e-15)
    np.testing.assert_allclose(outcomes(weights, [1]), [0.4, 0.6], rtol=0, atol=1e-15)


def test_weights_of_states():
    state = np.array([0.6, 0.8j, 0, 0])
    mixed = np.array([[0.25, 0.1j], [-0.1j, 0.75]])
    np.testing.assert_allclose(state_weights(state), [0.36, 0.64, 0, 0], rtol=0, atol=1e-15)
    assert density_weights(mixed).tolist() == [0.25, 0.75]
    assert density_weights(mixed).dtype == state_weights(state).dtype == np.float64


def test_cirq_does_put_its_first_qubit_first():
    first, second = cirq.LineQubit.range(2)
    circuit = cirq.Circuit(cirq.X(first), cirq.I(second))
    simulator, density = cirq.Simulator(dtype=np.complex128), cirq.DensityMatrixSimulator(dtype=np.complex128)
    pure = state_weights(simulator.simulate(circuit).final_state_vector)
    mixed = density_weights(density.simulate(circuit).final_density_matrix)
    for weights in (pure, mixed):
        np.testing.assert_allclose(outcomes(weights, [0, 1]), [0, 1, 0, 0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("length", [3, 5, 12])
def test_weights_of_no_number_of_qubits_are_refused(length):
    with pytest.raises(ValueError, match="reshape"):
        outcomes(np.zeros(length), [0])


@pytest.mark.parametrize("qubits", [[2], [0, 2]])
def test_qubits_that_were_not_simulated_are_refused(qubits):
    with pytest.raises(ValueError, match="axes"):
        outcomes(np.zeros(4), qubits)


def row(**measurements):
    """A sampler's result."""
    return SimpleNamespace(measurements={key: np.array(bits) for key, bits in measurements.items()})


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64])
def test_the_first_measured_qubit_is_bit_zero_of_the_outcome(dtype):
    bits = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 0]], dtype=dtype)
    three, one = histograms(
        [row(m0=bits, m1=bits[:, :1]), row(m1=bits[:, 1:2], m0=bits[:, ::-1])], [3, 1], 4, provider="p"
    )
    assert three.tolist() == [[0, 1, 0, 2, 1, 0, 0, 0], [0, 1, 0, 0, 1, 0, 2, 0]]
    assert one.tolist() == [[1, 3], [2, 2]]
    assert three.dtype == one.dtype == np.int64


class Unreadable:
    """A result that cannot be read."""

    @property
    def measurements(self):
        raise KeyError("m0")


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (row(m0=[[0], [1]]), "shape"),
        (row(m0=[[0, 1]]), "shape"),
        (row(m0=[0, 1]), "shape"),
        (row(m0=[[[0, 1]], [[0, 1]]]), "shape"),
        (row(m0=[[0, 1], [0, 2]]), "not all 0 or 1"),
        (row(m0=[[0, 1], [0, -1]]), "not all 0 or 1"),
        (row(m0=[[0.0, 1.0], [0.0, 1.0]]), "float64"),
        (row(), "measures"),
        (row(m1=[[0, 1], [0, 1]]), "measures"),
        (row(m0=[[0, 1], [0, 1]], m1=[[0, 1], [0, 1]]), "measures"),
        (Unreadable(), "KeyError"),
        (None, "AttributeError"),
    ],
)
def test_results_of_another_shape_are_refused(result, said):
    good = row(m0=[[0, 1], [0, 1]])
    with pytest.raises(BadResultError, match=f"row 1.*{said}"):
        histograms([good, result], [2], 2, provider="p")
