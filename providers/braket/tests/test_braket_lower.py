"""Every native gate against the gate table, and angles on their way to Braket."""

from __future__ import annotations

import numpy as np
import pytest
from braket.default_simulator import StateVectorSimulator
from hypothesis import given, settings
from hypothesis import strategies as st

import provider_cases as cases
from oracles import phase_distance, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import BindingsError
from qadapt.gates import GATES
from qadapt.simulate.components import split
from qadapt_braket.lower import NATIVE, lower, rows_of_inputs


def turned(matrix, count):
    """Turn rows and columns of a big-endian matrix around."""
    index = np.arange(2**count)
    around = sum(((index >> k) & 1) << (count - 1 - k) for k in range(count))
    return matrix[np.ix_(around, around)]


def vendor_unitaries(circuit, bindings):
    """Little-endian unitaries ``[rows, d, d]`` on the qubits of a circuit of one component that touches them all."""
    (component,) = split(circuit, circuit.measured)
    lowered = lower(component)
    return np.stack(
        [
            turned(lowered.circuit.make_bound_circuit(row).to_unitary(), circuit.num_qubits)
            for row in rows_of_inputs(lowered, bindings)
        ]
    )


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("free", [True, False], ids=["free", "fixed"])
def test_gate_is_the_tables_gate_on_any_qubits(name, free):
    count = GATES[name].qubits
    for qubits in ((0, 1, 2), (2, 0, 1), (2, 1, 0)):
        own = [sorted(qubits[:count]).index(qubit) for qubit in qubits[:count]]
        for angles, bindings in cases.gate_angles(name, free=free):
            circuit = Circuit(num_qubits=count, operations=[op(name, *own, angles=angles)])
            wanted = cases.unitaries(circuit, bindings)
            got = vendor_unitaries(circuit, bindings)
            assert got.shape == wanted.shape
            assert max(map(phase_distance, got, wanted)) < 1e-12


@pytest.mark.parametrize("name", NATIVE)
def test_gate_survives_openqasm(name):
    """The program, run by the simulator, is the circuit; every qubit starts in a state of its own."""
    gate = GATES[name]
    qubits = (5, 2, 9)[: gate.qubits]
    start = [op("u3", q, angles=[0.4 + q, 0.2 * q, 1.3]) for q in (5, 2, 9)]
    link = [op("cx", 5, 2), op("cx", 2, 9)]
    end = [op("u3", q, angles=[1.1 * q, 0.7, 0.3 * q]) for q in (5, 2, 9)]
    middle = op(name, *qubits, angles=[0.9, -1.7, 2.6][: len(gate.parameters)])
    circuit = Circuit(num_qubits=10, operations=[*start, middle, *link, *end], measured=[5, 2, 9])
    (component,) = split(circuit, circuit.measured)
    result = StateVectorSimulator().run(lower(component).program, shots=0)
    small = {5: 0, 2: 1, 9: 2}
    operations = [o.model_copy(update={"qubits": tuple(small[q] for q in o.qubits)}) for o in circuit.operations]
    wanted = np.abs(unitary(Circuit(num_qubits=3, operations=operations), Bindings.of({}), 0)[:, 0]) ** 2
    big_endian_2_5_9 = wanted.reshape(2, 2, 2).transpose(1, 2, 0).reshape(-1)
    np.testing.assert_allclose(result.resultTypes[0].value, big_endian_2_5_9, rtol=0, atol=1e-12)


def test_native_are_all_gates_but_controlled_ones():
    assert set(GATES) - set(NATIVE) == {"ch", "crx", "cry", "crz"}


def test_program_names_physical_qubits_and_safe_inputs():
    angles = [Parameter(name="t"), Parameter(name="a[10]", scale=2.0), Parameter(name="pi")]
    operations = [op("rx", 7, angles=[angle]) for angle in angles] + [op("cz", 7, 3)]
    (component,) = split(Circuit(num_qubits=8, operations=operations), [[7, 3]])
    lowered = lower(component)
    lines = lowered.program.source.splitlines()
    assert sorted(line for line in lines if line.startswith("input")) == [f"input float a{k};" for k in range(3)]
    assert [line for line in lines if not line.startswith("input")] == [
        "OPENQASM 3.0;",
        *(f"rx(a{k}) $7;" for k in range(3)),
        "cz $7, $3;",
        "#pragma braket result probability $3, $7",
    ]
    assert lowered.angles == tuple(angles)


def test_parameters_are_bound_by_name():
    circuit, bindings, shuffled = cases.named_rotations()
    wanted = cases.unitaries(circuit, bindings)
    assert max(map(phase_distance, vendor_unitaries(circuit, bindings), wanted)) < 1e-12
    assert max(map(phase_distance, vendor_unitaries(circuit, shuffled), wanted)) < 1e-12


def test_equal_angles_share_an_input_and_others_do_not():
    (component,) = split(Circuit(num_qubits=1, operations=cases.REPEATED), [])
    lowered = lower(component)
    assert lowered.angles == (cases.ONCE, cases.TWICE, cases.SHIFTED)
    assert {parameter.name for parameter in lowered.circuit.parameters} == {"a0", "a1", "a2"}
    (row,) = rows_of_inputs(lowered, Bindings.of({"w": np.float32(0.5)}))
    assert row == {"a0": 0.5, "a1": 1.0, "a2": 0.6}
    assert {type(value) for value in row.values()} == {float}


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-1e3, 1e3))
def test_affine_angles(scale, offset, value):
    table = Bindings.of({"w": value}).angles((Parameter(name="w", scale=scale, offset=offset),))
    assert table.shape == (1, 1)
    assert table[0, 0] == scale * value + offset


def test_overflowing_angle_is_refused():
    with pytest.raises(BindingsError, match=r"10.0 \* w"):
        Bindings.of({"w": [1.0, 1e308]}).angles((Parameter(name="w", scale=10.0),))
