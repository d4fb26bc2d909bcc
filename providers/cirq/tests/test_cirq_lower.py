"""Every native gate against the gate table, and angles on their way to Cirq."""

from __future__ import annotations

import cirq
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import BindingsError
from qadapt.gates import GATES
from qadapt.simulate.components import split
from qadapt_cirq.lower import NATIVE, half_turns, lower, radians, resolvers

ANGLES = (0.0, 0.3, -1.1, np.pi, -np.pi, np.pi / 2, 2 * np.pi, 3.5 * np.pi, -7.0, 40.25, 1e-9, -1e-9)
HUGE = (1e9, -1e300)


def vendor_unitaries(circuit, bindings):
    """Little-endian unitaries ``[rows, d, d]`` on all qubits of a circuit of one component."""
    (component,) = split(circuit, circuit.measured)
    lowered = lower(component)
    order = [cirq.LineQubit(qubit) for qubit in reversed(range(circuit.num_qubits))]
    return np.stack(
        [
            cirq.resolve_parameters(lowered.circuit, row).unitary(
                qubit_order=order, qubits_that_should_be_present=order
            )
            for row in resolvers(lowered, bindings)
        ]
    )


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("free", [True, False], ids=["free", "fixed"])
def test_gate_is_the_tables_gate_on_any_qubits(name, free, oracle):
    gate, generator = GATES[name], np.random.default_rng(3)
    names = [f"angle.{index}" for index in range(len(gate.parameters))]
    # The matrix of u3 has a phase of the sum of two angles, which rounding takes away from huge ones.
    angles = ANGLES if name == "u3" else ANGLES + HUGE
    values = np.array([generator.permutation(angles) for _ in names]).reshape(len(names), len(angles)).T
    for qubits in ((0, 1, 2), (2, 0, 1), (3, 1, 0)):
        for row in values if names and not free else values[:1]:
            chosen = names if free else row.tolist()
            circuit = Circuit(num_qubits=4, operations=[op(name, *qubits[: gate.qubits], angles=chosen)])
            bindings = Bindings.rows_of(names, values) if free and names else Bindings.of({})
            wanted = oracle.unitary(circuit.operations, 4, bindings)
            got = vendor_unitaries(circuit, bindings)
            assert got.shape == wanted.shape
            assert max(map(oracle.same, got, wanted)) < 1e-12


def test_native_are_all_gates_but_ecr():
    assert set(GATES) - set(NATIVE) == {"ecr"}


def test_parameters_are_bound_by_name(oracle):
    names = ["b10", "b2", "B", "a[10]", "a[2]", "a", "_", "pi", "t", "b1", "Z.q[0]", "b"]
    operations = [op(("rx", "ry", "rz")[i % 3], i % 2, angles=[name]) for i, name in enumerate(names)]
    operations.insert(5, op("cx", 1, 0))
    circuit = Circuit(num_qubits=2, operations=operations)
    values = np.random.default_rng(5).uniform(-4, 4, (3, len(names)))
    bindings = Bindings.rows_of(names, values)
    shuffled = Bindings.rows_of(sorted(names), values[:, np.argsort(names)])
    wanted = oracle.unitary(operations, 2, bindings)
    assert max(map(oracle.same, vendor_unitaries(circuit, bindings), wanted)) < 1e-12
    assert max(map(oracle.same, vendor_unitaries(circuit, shuffled), wanted)) < 1e-12


def test_equal_angles_share_a_symbol_and_others_do_not():
    once, twice, shifted = Parameter(name="w"), Parameter(name="w", scale=2.0), Parameter(name="w", offset=0.1)
    operations = [op("rx", 0, angles=[angle]) for angle in (once, twice, shifted, once, twice)]
    (component,) = split(Circuit(num_qubits=1, operations=operations), [])
    lowered = lower(component)
    assert lowered.angles == (once, twice, shifted)
    assert cirq.parameter_names(lowered.circuit) == {"a0", "a1", "a2"}


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-1e3, 1e3))
def test_affine_angles(scale, offset, value):
    table = radians((Parameter(name="w", scale=scale, offset=offset),), Bindings.of({"w": value}))
    assert table.shape == (1, 1)
    assert table[0, 0] == scale * value + offset


def test_overflowing_angle_is_refused():
    with pytest.raises(BindingsError, match=r"10.0 \* w"):
        radians((Parameter(name="w", scale=10.0),), Bindings.of({"w": [1.0, 1e308]}))


@settings(derandomize=True, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_half_turns_are_reduced_and_equivalent(angle):
    reduced = half_turns(angle)
    assert -2 <= reduced <= 2
    half = np.pi * reduced / 2
    assert np.cos(half) == pytest.approx(np.cos(angle / 2), abs=1e-15)
    assert np.sin(half) == pytest.approx(np.sin(angle / 2), abs=1e-15)
    if 1e-300 < abs(angle) < 3:
        assert reduced == pytest.approx(angle / np.pi, rel=1e-15)
