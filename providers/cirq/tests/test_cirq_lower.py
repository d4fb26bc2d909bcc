"""Every native gate against the gate table, and angles on their way to Cirq."""

from __future__ import annotations

import cirq
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import provider_cases as cases
from oracles import phase_distance
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import BindingsError
from qadapt.gates import GATES
from qadapt.simulate.components import split
from qadapt_cirq.lower import NATIVE, gates, half_turns, lower, lower_circuit, resolvers


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
def test_gate_is_the_tables_gate_on_any_qubits(name, free):
    for qubits in ((0, 1, 2), (2, 0, 1), (3, 1, 0)):
        for angles, bindings in cases.gate_angles(name, free=free):
            circuit = Circuit(num_qubits=4, operations=[op(name, *qubits[: GATES[name].qubits], angles=angles)])
            wanted = cases.unitaries(circuit, bindings)
            got = vendor_unitaries(circuit, bindings)
            assert got.shape == wanted.shape
            assert max(map(phase_distance, got, wanted)) < 1e-12


def test_native_are_all_gates_but_ecr():
    assert set(GATES) - set(NATIVE) == {"ecr"}
    assert set(gates()) == set(NATIVE)


def test_parameters_are_bound_by_name():
    circuit, bindings, shuffled = cases.named_rotations()
    wanted = cases.unitaries(circuit, bindings)
    assert max(map(phase_distance, vendor_unitaries(circuit, bindings), wanted)) < 1e-12
    assert max(map(phase_distance, vendor_unitaries(circuit, shuffled), wanted)) < 1e-12


def test_equal_angles_share_a_symbol_and_others_do_not():
    (component,) = split(Circuit(num_qubits=1, operations=cases.REPEATED), [])
    lowered = lower(component)
    assert lowered.angles == (cases.ONCE, cases.TWICE, cases.SHIFTED)
    assert cirq.parameter_names(lowered.circuit) == {"a0", "a1", "a2"}


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-1e3, 1e3))
def test_affine_angles(scale, offset, value):
    table = Bindings.of({"w": value}).angles((Parameter(name="w", scale=scale, offset=offset),))
    assert table.shape == (1, 1)
    assert table[0, 0] == scale * value + offset


def test_overflowing_angle_is_refused():
    with pytest.raises(BindingsError, match=r"10.0 \* w"):
        Bindings.of({"w": [1.0, 1e308]}).angles((Parameter(name="w", scale=10.0),))


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


def test_a_whole_circuit_is_measured_in_its_last_moment():
    circuit = Circuit(
        num_qubits=4, operations=[op("ry", 3, angles=["w"]), op("fence", 0, 3), op("cz", 3, 1)], measured=[[3, 0], [1]]
    )
    places = cirq.GridQubit.rect(2, 2)
    lowered = lower_circuit(circuit, places)
    assert lowered.circuit == cirq.Circuit(
        cirq.Moment(cirq.YPowGate(exponent=sympy.Symbol("a0"), global_shift=-0.5)(places[3])),
        cirq.Moment(cirq.CZ(places[3], places[1])),
        cirq.Moment(cirq.measure(places[3], places[0], key="m0"), cirq.measure(places[1], key="m1")),
    )
    assert lowered.angles == (Parameter(name="w"),)


def test_gates_can_be_written_with_others():
    circuit = Circuit(num_qubits=2, operations=[op("x", 0), op("cz", 1, 0)], measured=[0])
    line = cirq.LineQubit.range(2)
    lowered = lower_circuit(circuit, line, {"cz": lambda a, b: [cirq.H(b), cirq.CNOT(a, b)]})
    first, second = line
    assert lowered.circuit == cirq.Circuit(
        cirq.X(first), cirq.H(first), cirq.CNOT(second, first), cirq.Moment(cirq.measure(first, key="m0"))
    )
