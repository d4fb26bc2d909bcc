"""Lowered programs against the gate table, and read back gate by gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.errors import BindingsError, NotSupportedError
from qadapt.gates import GATES, gate
from qadapt.simulate.components import split
from qadapt_origin import read
from qadapt_origin.errors import sdk
from qadapt_origin.lower import NATIVE, local, lower

ANGLES = (0.37, -1.9, 2.6), (np.pi, np.pi / 2, -np.pi), (7.1, 13.0, -9.4), (1e-9, -1e-7, 0.0)
ONE_ROW = Bindings.of({})


def unitary(circuit: Circuit) -> NDArray[np.complex128]:
    """Matrix of a lowered circuit, from pyQPanda3's state vector of it beside one entangled partner per qubit."""
    n = circuit.num_qubits
    pairs = tuple(pair for q in range(n) for pair in (op("h", n + q), op("cx", n + q, q)))
    (program,) = lower(Circuit(num_qubits=2 * n, operations=pairs + circuit.operations), ONE_ROW)
    simulator = sdk().CPUQVM()
    simulator.run(program, 1)
    state = np.array(simulator.result().get_state_vector(), dtype=complex)
    matrix: NDArray[np.complex128] = np.sqrt(2**n) * state.reshape(2**n, 2**n).T
    return matrix


@pytest.mark.parametrize("angles", ANGLES)
@pytest.mark.parametrize("name", NATIVE)
def test_a_native_gate_is_the_gate_of_the_table_up_to_global_phase(name: str, angles: tuple[float, ...]) -> None:
    entry = GATES[name]
    qubits, own = tuple(range(entry.qubits)), angles[: len(entry.parameters)]
    got = unitary(Circuit(num_qubits=entry.qubits, operations=(op(name, *qubits, angles=own),)))
    wanted = entry.matrix(*own)
    phase = np.vdot(wanted, got) / len(wanted)
    np.testing.assert_allclose(got, phase * wanted, atol=1e-12)
    assert abs(phase) == pytest.approx(1, abs=1e-12)


def test_every_gate_of_the_table_but_ecr_is_native() -> None:
    assert set(GATES) - set(NATIVE) == {"ecr"}


def test_two_qubit_gates_keep_the_order_of_their_qubits() -> None:
    forward = unitary(Circuit(num_qubits=2, operations=(op("crx", 0, 1, angles=[1.1]),)))
    backward = unitary(Circuit(num_qubits=2, operations=(op("crx", 1, 0, angles=[1.1]),)))
    swap = gate("swap").matrix()
    np.testing.assert_allclose(backward, swap @ forward @ swap, atol=1e-12)
    assert np.abs(forward - backward).max() > 0.4


names = st.sampled_from(sorted(NATIVE))
values = st.floats(-20, 20)


@st.composite
def circuits(draw: Any) -> tuple[Circuit, Bindings]:
    qubits = draw(st.integers(3, 5))
    operations, parameters = list[Operation](), dict[str, float]()
    for _ in range(draw(st.integers(0, 12))):
        name = draw(st.one_of(names, st.just("fence")))
        size = draw(st.integers(1, 3)) if name == "fence" else GATES[name].qubits
        wires = draw(st.permutations(range(qubits)))[:size]
        angles = list[float | Parameter]()
        for _ in range(0 if name == "fence" else len(GATES[name].parameters)):
            if draw(st.booleans()):
                parameter = f"p{draw(st.integers(0, 11))}"
                parameters.setdefault(parameter, draw(values))
                angles.append(Parameter(name=parameter, scale=draw(values), offset=draw(values)))
            else:
                angles.append(draw(values))
        operations.append(op(name, *wires, angles=angles))
    return Circuit(num_qubits=qubits, operations=tuple(operations)), Bindings.of(parameters)


def bound(circuit: Circuit, bindings: Bindings, row: int = 0) -> Circuit:
    """The circuit with numbers for angles, and rphi for prx."""
    operations = []
    for operation in circuit.operations:
        angles = [
            angle.scale * float(bindings.column(angle.name)[row]) + angle.offset
            if isinstance(angle, Parameter)
            else angle
            for angle in operation.angles
        ]
        operations.append(op(operation.gate.replace("prx", "rphi"), *operation.qubits, angles=angles))
    return Circuit(num_qubits=circuit.num_qubits, operations=tuple(operations))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(circuits())
def test_a_lowered_circuit_reads_back_as_itself(case: tuple[Circuit, Bindings]) -> None:
    circuit, bindings = case
    (program,) = lower(circuit, bindings)
    assert read.circuit(program, circuit.num_qubits) == bound(circuit, bindings)


def test_rows_are_lowered_in_order_and_by_name() -> None:
    circuit = Circuit(num_qubits=1, operations=tuple(op("ry", 0, angles=[f"a{i}"]) for i in range(12)))
    order = [f"a{i}" for i in (11, 2, 10, 1, 0, 9, 3, 8, 4, 7, 5, 6)]
    rows = np.random.default_rng(1).normal(size=(4, 12))
    bindings = Bindings.rows_of(order, rows)
    for row, program in enumerate(lower(circuit, bindings)):
        got = [operation.angles[0] for operation in read.circuit(program, 1).operations]
        assert got == [rows[row][order.index(f"a{i}")] for i in range(12)]
    assert row == 3


def test_fences_become_barriers_and_no_gate_is_merged() -> None:
    circuit = Circuit(
        num_qubits=3, operations=(op("rx", 2, angles=[1.0]), op("fence", 2, 0), op("rx", 2, angles=[-1.0]))
    )
    (program,) = lower(circuit, ONE_ROW)
    assert read.circuit(program, 3) == circuit


def test_programs_of_different_rows_do_not_share_gates() -> None:
    circuit = Circuit(num_qubits=2, operations=(op("x", 0), op("ry", 1, angles=["a"]), op("x", 0)))
    first, second = lower(circuit, Bindings.of({"a": [0.1, 0.2]}))
    assert read.circuit(first, 2).operations[1].angles == (0.1,)
    assert read.circuit(second, 2).operations[1].angles == (0.2,)


def test_a_component_is_lowered_on_its_local_qubits_with_cz_in_one_order() -> None:
    circuit = Circuit(
        num_qubits=60, operations=(op("cx", 50, 9), op("cz", 9, 50), op("h", 3), op("cz", 50, 9)), measured=[9, 50]
    )
    one = next(component for component in split(circuit, circuit.measured) if component.reads)
    assert one.qubits == (50, 9)
    assert local(one).operations == (op("cx", 0, 1), op("cz", 0, 1), op("cz", 0, 1))


def test_what_lower_does_not_make_is_not_read_back() -> None:
    core = sdk()
    for node, name in (
        (core.measure(0, 0), "MeasureNode"),
        (core.SQISWAP(0, 1), "SQISWAP"),
        (core.RX(0, 1.0).dagger(), "RX"),
    ):
        program = core.QProg(2)
        program.append(node)
        with pytest.raises(NotSupportedError) as caught:
            read.circuit(program, 2)
        assert caught.value.capability == name


@pytest.mark.parametrize(("scale", "offset"), [(1e300, 0.0), (-1e300, 1.0)])
def test_an_angle_that_overflows_is_refused(scale: float, offset: float) -> None:
    angle = Parameter(name="a", scale=scale, offset=offset)
    circuit = Circuit(num_qubits=1, operations=(op("rx", 0, angles=[angle]),))
    bindings = Bindings.of({"a": [1.0, 1e300]})
    with pytest.raises(BindingsError, match="not finite"):
        next(lower(circuit, bindings))
