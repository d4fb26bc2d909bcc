"""Native gates in Qiskit's words: same unitary, same bit order, columns by name, couplers in the listed direction."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit.quantum_info import Operator

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.gates import gate
from qadapt.simulate.components import split
from qadapt.target import Site, Target
from qadapt_ibm.lower import Directions, Lowered, circuit_gates, component_gates, directions, lower
from qadapt_ibm.read import FRACTIONAL, NATIVE

EVERY = (*NATIVE, *FRACTIONAL)
BOTH = dict.fromkeys(("cz", "rzz"), frozenset((a, b) for a in range(4) for b in range(4) if a != b))


def lowered(circuit: Circuit, directed: Directions = BOTH) -> Lowered:
    return lower(circuit_gates(circuit), [], circuit.num_qubits, directed)


def unitary(circuit: Circuit, values: Mapping[str, float]) -> NDArray[np.complex128]:
    """Qiskit's unitary with the row of values that the service would get, in the service's order of columns."""
    found = lowered(circuit)
    (row,) = found.array(Bindings.of(values, shape=(1,)))
    matrix: NDArray[np.complex128] = Operator(found.circuit.assign_parameters(row)).data
    return matrix


def dense(circuit: Circuit, values: Mapping[str, float]) -> NDArray[np.complex128]:
    """The same by our gate table: amplitude index i has qubit k in bit k."""
    n = circuit.num_qubits
    out = np.eye(2**n, dtype=complex).reshape((2,) * n + (2**n,))
    for operation in circuit.gates():
        angles = [a if isinstance(a, float) else a.scale * values[a.name] + a.offset for a in operation.angles]
        k = len(operation.qubits)
        axes = [n - 1 - qubit for qubit in operation.qubits[::-1]]
        matrix = gate(operation.gate).matrix(*angles).reshape((2,) * 2 * k)
        out = np.moveaxis(np.tensordot(matrix, out, axes=(range(k, 2 * k), axes)), range(k), axes)
    return out.reshape(2**n, 2**n)


def assert_equal_up_to_phase(found: NDArray[np.complex128], expected: NDArray[np.complex128]) -> None:
    overlap = np.vdot(expected, found) / len(expected)
    assert abs(abs(overlap) - 1) < 1e-12
    np.testing.assert_allclose(found, overlap * expected, atol=1e-12)


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    name = draw(st.sampled_from(EVERY))
    qubits = draw(st.permutations(range(4)))[: gate(name).qubits]
    parameter = st.builds(
        Parameter,
        name=st.sampled_from(["t10", "t2", "B", "a"]),
        scale=st.floats(-3, 3),
        offset=st.floats(-3, 3),
    )
    angles = [draw(st.floats(-7, 7) | parameter) for _ in gate(name).parameters]
    return op(name, *qubits, angles=angles)


@settings(max_examples=60, deadline=None)
@given(chosen=st.lists(operations(), max_size=12), seed=st.integers(0, 2**32))
def test_circuits_keep_their_unitary(chosen: list[Operation], seed: int) -> None:
    circuit = Circuit(num_qubits=4, operations=tuple(chosen))
    values = dict(zip(circuit.parameters, np.random.default_rng(seed).uniform(-3, 3, 4), strict=False))
    assert_equal_up_to_phase(unitary(circuit, values), dense(circuit, values))


@pytest.mark.parametrize("name", EVERY)
def test_every_native_gate(name: str) -> None:
    entry = gate(name)
    circuit = Circuit(
        num_qubits=2, operations=(op(name, *range(entry.qubits)[::-1], angles=["t"][: len(entry.parameters)]),)
    )
    values = dict.fromkeys(circuit.parameters, 0.7)
    assert_equal_up_to_phase(unitary(circuit, values), dense(circuit, values))


def test_columns_go_by_name_where_sorting_would_mix_them_up() -> None:
    """14 names that sort otherwise than they appear; scaled twins of a name are columns of their own."""
    names = [*(f"t{index}" for index in range(12)), "B", "a"]
    steps = [step for name in names for step in (op("rz", 0, angles=[name]), op("sx", 0))]
    steps.append(op("rz", 0, angles=[Parameter(name="t2", scale=-2.0, offset=0.5)]))
    circuit = Circuit(num_qubits=1, operations=tuple(steps))
    values = dict(zip(names, np.random.default_rng(1).uniform(-3, 3, len(names)), strict=True))
    assert_equal_up_to_phase(unitary(circuit, dict(reversed(values.items()))), dense(circuit, values))
    found = lowered(circuit)
    bindings = Bindings.of({name: [value, 2 * value] for name, value in values.items()})
    array, columns = found.array(bindings), found.values(bindings)
    assert array.shape == (2, 15)
    for index, symbol in enumerate(found.circuit.parameters):
        assert array[:, index].tolist() == columns[symbol]


def test_a_coupler_is_used_in_the_direction_the_machine_lists() -> None:
    circuit = Circuit(num_qubits=3, operations=(op("cz", 0, 1), op("cz", 2, 1)))
    target = Target(name="t", num_qubits=3, native=("cz",), sites={"cz": (Site(qubits=(1, 0)), Site(qubits=(2, 1)))})
    found = lowered(circuit, directions(target)).circuit
    assert [tuple(found.find_bit(qubit).index for qubit in item.qubits) for item in found.data] == [(1, 0), (2, 1)]


def test_each_entangling_gate_has_directions_of_its_own() -> None:
    circuit = Circuit(num_qubits=2, operations=(op("cz", 0, 1), op("rzz", 0, 1, angles=["t"])))
    sites = {"cz": (Site(qubits=(0, 1)),), "rzz": (Site(qubits=(1, 0)),)}
    found = lowered(circuit, directions(Target(name="t", num_qubits=2, native=("cz", "rzz"), sites=sites))).circuit
    placed = [(item.operation.name, *(found.find_bit(qubit).index for qubit in item.qubits)) for item in found.data]
    assert placed == [("cz", 0, 1), ("rzz", 1, 0)]


def test_registers_and_fences() -> None:
    circuit = Circuit(num_qubits=4, operations=(op("x", 1), op("fence", 1, 3), op("x", 3)), measured=[(3, 1), (0,)])
    found = lower(circuit_gates(circuit), [("p", (3, 1)), ("q", (0,))], 4, BOTH).circuit
    assert [item.operation.name for item in found.data] == ["x", "barrier", "x", "measure", "measure", "measure"]
    assert [(register.name, register.size) for register in found.cregs] == [("p", 2), ("q", 1)]
    ends = [(found.find_bit(item.qubits[0]).index, found.find_bit(item.clbits[0]).index) for item in found.data[3:]]
    assert ends == [(3, 0), (1, 1), (0, 2)]


def test_components_stay_on_their_physical_qubits() -> None:
    circuit = Circuit(num_qubits=9, operations=(op("x", 7), op("cz", 7, 2), op("sx", 4)), measured=[(2, 4)])
    parts = [list(component_gates(component)) for component in split(circuit, circuit.measured)]
    assert sorted(parts) == [[("sx", (4,), ())], [("x", (7,), ()), ("cz", (7, 2), ())]]
