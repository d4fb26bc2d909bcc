"""Fused channels do what the operations one by one do, by Cirq's own simulator."""

from __future__ import annotations

import cirq
import numpy as np
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from qadapt_cirq.fuse import fused

LINE = cirq.LineQubit.range(4)
FREE = sympy.Symbol("a0")
ONE = (
    cirq.H,
    cirq.T,
    cirq.X**0.3,
    cirq.depolarize(0.1),
    cirq.generalized_amplitude_damp(0.7, 0.2),
    cirq.phase_damp(0.3),
    cirq.ResetChannel(),
    cirq.YPowGate(exponent=FREE),
)
TWO = (
    cirq.CNOT,
    cirq.ISWAP**0.5,
    cirq.depolarize(0.2, 2),
    cirq.ControlledGate(cirq.Y**0.4),
    cirq.CZPowGate(exponent=FREE),
)


@st.composite
def circuits(draw):
    """Operations on up to four qubits, constant, free and noisy."""
    out = []
    for gate in draw(st.lists(st.sampled_from((*ONE, *TWO, cirq.CCX)), max_size=20)):
        qubits = draw(st.permutations(LINE))[: cirq.num_qubits(gate)]
        out.append(gate(*qubits))
    return out


def density(operations):
    """State after operations."""
    circuit = cirq.Circuit(operations)
    simulator = cirq.DensityMatrixSimulator(dtype=np.complex128)
    return simulator.simulate(circuit, {"a0": 0.37}, qubit_order=LINE).final_density_matrix


@settings(derandomize=True, deadline=None, max_examples=150)
@given(circuits())
def test_any_operations(operations):
    np.testing.assert_allclose(density(fused(operations)), density(operations), rtol=0, atol=1e-12)


def test_constant_operations_between_free_ones_are_one():
    a, b, c, _ = LINE
    free = cirq.YPowGate(exponent=FREE)
    noise = cirq.depolarize(0.1)
    operations = [free(a), free(b), noise(a), noise(b), cirq.CZ(a, b), noise(b), noise(a), cirq.T(c), noise(c), free(a)]
    after = list(fused(operations))
    assert [operation.qubits for operation in after] == [(a,), (b,), (a, b), (a,), (c,)]
    assert [cirq.is_parameterized(operation) for operation in after] == [True, True, False, True, False]


def test_operations_on_three_qubits_and_none_pass():
    operations = [cirq.CCX(*LINE[:3]), cirq.global_phase_operation(1j)]
    assert list(fused(operations)) == operations
