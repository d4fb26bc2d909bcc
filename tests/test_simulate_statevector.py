"""Statevector: against dense Kronecker products and Qiskit, for every gate, binding shape, register and device."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import adapter_circuit, circuits
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import BindingsError, MissingExtraError, NotSupportedError
from qadapt.gates import GATES
from qadapt.simulate import engine, statevector
from qadapt.simulate.arrays import arrays
from qadapt.simulate.steps import Dense

SHAPES = ((3, 4), (3, 1), (1, 4), (1, 1), (4,), ())


def values_of(operation, bindings, row):
    return [
        a.scale * bindings.column(a.name)[row] + a.offset if isinstance(a, Parameter) else a for a in operation.angles
    ]


def dense(circuit, bindings, row):
    """State by full matrices: 1 (x) U on the qubits in the order rest, gate, put back by a permutation of the basis."""
    n = circuit.num_qubits
    state = np.eye(2**n, dtype=complex)[0]
    for operation in circuit.gates():
        matrix = GATES[operation.gate].matrix(*values_of(operation, bindings, row))
        order = [*operation.qubits, *(q for q in range(n) if q not in operation.qubits)]
        full = np.kron(np.eye(2 ** (n - len(operation.qubits))), matrix)
        index = np.arange(2**n)
        place = sum((index >> qubit & 1) << k for k, qubit in enumerate(order))
        state = full[np.ix_(place, place)] @ state
    return state


def distribution(state, register):
    index = np.arange(len(state))
    outcome = sum((index >> qubit & 1) << bit for bit, qubit in enumerate(register))
    return np.bincount(outcome, weights=np.abs(state) ** 2, minlength=2 ** len(register))


def shaped(circuit, shapes, seed=0):
    """Bindings of row shape [3, 4] whose columns have the given shapes in turn."""
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(scale=3, size=shapes[i % len(shapes)]) for i, name in enumerate(circuit.parameters)}
    if values and np.broadcast_shapes(*(v.shape for v in values.values())) != (3, 4):
        values[circuit.parameters[0]] = rng.normal(scale=3, size=(3, 4))
    return Bindings.of(values)


@given(circuit=circuits(measured=True, max_qubits=5, max_size=25), shapes=st.lists(st.sampled_from(SHAPES), min_size=1))
def test_any_circuit_and_any_sharing_agree_with_kronecker_products(circuit, shapes):
    bindings = shaped(circuit, shapes)
    states = np.array([dense(circuit, bindings, row) for row in range(bindings.rows)])
    np.testing.assert_allclose(statevector.amplitudes(circuit, bindings), states, atol=1e-12)
    (table,) = statevector.probabilities(circuit, bindings)
    assert table.dtype == np.float64
    assert table.flags.c_contiguous
    np.testing.assert_allclose(table, [distribution(s, circuit.measured[0]) for s in states], atol=1e-12)


@given(circuit=circuits(measured=True, max_qubits=4, max_size=20))
def test_any_circuit_agrees_with_qiskit(circuit):
    quantum_info = pytest.importorskip("qiskit.quantum_info")
    from qiskit import QuantumCircuit

    names = {"u3": "u", "rphi": "r", "prx": "r"}
    bindings = shaped(circuit, [(3, 4)])
    found = statevector.amplitudes(circuit, bindings)
    for row in (0, bindings.rows - 1):
        theirs = QuantumCircuit(circuit.num_qubits)
        for operation in circuit.gates():
            name = names.get(operation.gate, operation.gate)
            getattr(theirs, name)(*values_of(operation, bindings, row), *operation.qubits)
        overlap = np.vdot(quantum_info.Statevector(theirs).data, found[row])
        assert abs(abs(overlap) - 1) < 1e-12


@pytest.mark.parametrize("name", sorted(GATES))
@pytest.mark.parametrize("constant", [True, False])
def test_every_gate_on_qubits_in_descending_order(name, constant):
    gate = GATES[name]
    rng = np.random.default_rng(5)
    angles = [float(v) if constant else f"p{i}" for i, v in enumerate(rng.normal(size=len(gate.parameters)))]
    mix = [op("u3", q, angles=rng.normal(size=3).tolist()) for q in range(3)]
    circuit = Circuit(num_qubits=3, operations=[*mix, op(name, *(2, 1, 0)[: gate.qubits], angles=angles)])
    bindings = Bindings.of({parameter: rng.normal(size=4) for parameter in circuit.parameters})
    states = [dense(circuit, bindings, row) for row in range(bindings.rows)]
    np.testing.assert_allclose(statevector.amplitudes(circuit, bindings), states, atol=1e-13)


@given(circuit=circuits(measured=True, max_qubits=4))
def test_torch_gives_the_same_numbers(circuit):
    pytest.importorskip("torch")
    bindings = shaped(circuit, [(3, 4), (3, 1)])
    ours, theirs = (statevector.probabilities(circuit, bindings, device=device) for device in ("numpy", "cpu"))
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-13)
    np.testing.assert_allclose(
        statevector.amplitudes(circuit, bindings), statevector.amplitudes(circuit, bindings, device="cpu"), atol=1e-13
    )


def adapter(shared):
    """An adapter circuit of a state and a block, and its bindings for 6 blocks of 5 inputs."""
    made = adapter_circuit(2, ((0, 1),) * 3)
    rng = np.random.default_rng(3)
    inputs = made.parameters[:4]
    full = {name: rng.normal(size=(6, 5)) for name in inputs}
    block = {name: rng.normal(size=(6, 1)) for name in made.parameters if name not in inputs}
    if not shared:
        block = {name: np.repeat(column, 5, axis=1) for name, column in block.items()}
    return made, Bindings.of(full | block)


def test_shared_columns_mean_what_full_ones_mean():
    circuit, shared = adapter(shared=True)
    _, full = adapter(shared=False)
    flat = Bindings.rows_of(full.names, full.array(full.names))
    expected = statevector.probabilities(circuit, flat)[0]
    np.testing.assert_allclose(statevector.probabilities(circuit, shared)[0], expected, atol=1e-14)
    np.testing.assert_allclose(statevector.probabilities(circuit, full)[0], expected, atol=1e-14)


def test_a_shared_block_is_multiplied_out_once():
    circuit = adapter_circuit(2, ((0, 1),) * 3)
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(64, 32) if i < 4 else (64, 1)) for i, name in enumerate(circuit.parameters)}
    bindings = Bindings.of(values)
    (group,) = engine.prepare(circuit, circuit.measured, statevector._BORN)
    steps = group.program(bindings, bindings.shape, arrays()).steps
    assert [step.flags for step in steps if isinstance(step, Dense) and step.program] == [(False, True, False)]


@pytest.mark.parametrize("block", [1, 40, 300])
@pytest.mark.parametrize("shape", [(3, 4), (3, 1), (1, 4)])
def test_rows_may_be_cut_into_blocks_anywhere(monkeypatch, block, shape):
    circuit = adapter_circuit(3, ((0, 1), (1, 2), (0, 1)))
    bindings = shaped(circuit, [(3, 4), shape])
    expected = statevector.probabilities(circuit, bindings)[0]
    monkeypatch.setattr(engine, "BLOCK", block)
    statevector._measured.cache_clear()
    np.testing.assert_allclose(statevector.probabilities(circuit, bindings)[0], expected, atol=1e-14)
    statevector._measured.cache_clear()


def test_blocks_cover_every_row_once_and_in_order():
    for shape in ((7,), (3, 4), (2, 1, 5), (1,)):
        rows = np.arange(np.prod(shape)).reshape(shape)
        for most in (1, 2, 3, 4, 6, 100):
            cuts = [rows[block].ravel() for block in engine.blocks(shape, most)]
            assert max(map(len, cuts)) <= most
            np.testing.assert_array_equal(np.concatenate(cuts), rows.ravel())


def test_packed_tiles_equal_the_single_circuit():
    single = adapter_circuit(2, ((0, 1),) * 2)
    bindings = Bindings.rows_of(single.parameters, np.random.default_rng(2).normal(size=(6, len(single.parameters))))
    tiles = ((7, 3), (0, 5))
    inside = [
        op(o.gate, *(tile[q] for q in o.qubits), angles=[f"t{number}.{p.name}" for p in o.parameters])
        for o in single.operations
        for number, tile in enumerate(tiles)
    ]
    packed = Circuit(num_qubits=8, operations=inside, measured=tiles)
    columns = {
        f"t{number}.{name}": bindings.column(name)[3 * number : 3 * number + 3]
        for number in range(2)
        for name in single.parameters
    }
    (expected,) = statevector.probabilities(single, bindings)
    found = statevector.probabilities(packed, Bindings.of(columns))
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-14)


def test_tiles_may_mix_constant_shared_and_own_angles():
    inside = [
        op("ry", 0, angles=[0.3]),
        op("ry", 1, angles=["a"]),
        op("ry", 2, angles=[Parameter(name="b", scale=-2.0, offset=0.1)]),
    ]
    circuit = Circuit(num_qubits=3, operations=inside, measured=[[0], [1], [2]])
    a, b = np.random.default_rng(0).normal(size=(2, 3, 4))
    tables = statevector.probabilities(circuit, Bindings.of({"a": a[:, :1], "b": b}))
    angles = (np.full(12, 0.3), np.repeat(a[:, 0], 4), 0.1 - 2 * b.ravel())
    for table, angle in zip(tables, angles, strict=True):
        np.testing.assert_allclose(table[:, 1], np.sin(angle / 2) ** 2, atol=1e-14)


def test_a_register_spans_components_and_idle_qubits():
    inside = [op("ry", 4, angles=["a"]), op("cx", 4, 1), op("ry", 2, angles=["b"])]
    circuit = Circuit(num_qubits=5, operations=inside, measured=[[1, 0, 2], [4, 3]])
    bindings = Bindings.of({"a": [0.3, 1.0], "b": [0.7, -2.0]})
    for row in range(2):
        state = dense(circuit, bindings, row)
        for register, table in zip(circuit.measured, statevector.probabilities(circuit, bindings), strict=True):
            np.testing.assert_allclose(table[row], distribution(state, register), atol=1e-14)


def test_a_circuit_without_gates_reads_zero():
    table = statevector.probabilities(Circuit(num_qubits=3, measured=[2, 0]), Bindings.of({}, shape=(5,)))[0]
    np.testing.assert_array_equal(table, np.eye(4)[[0] * 5])


@pytest.mark.parametrize("angle", [0.0, np.pi, -np.pi, 2 * np.pi, -2 * np.pi, 4 * np.pi, 6 * np.pi, 1e-300, 1e6 + 0.1])
def test_extreme_angles(angle):
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["a"])])
    (state,) = statevector.amplitudes(circuit, Bindings.of({"a": angle}))
    np.testing.assert_allclose(state, [np.cos(angle / 2), np.sin(angle / 2)], atol=1e-15)


def test_long_circuits_keep_the_norm_and_large_ones_fit():
    rng = np.random.default_rng(9)
    inside = []
    for layer in range(12):
        inside += [op("u3", q, angles=[f"a{layer}", 0.3, "b"]) for q in range(12)]
        inside += [op("cx", q, q + 1) for q in range(layer % 2, 11, 2)]
    circuit = Circuit(num_qubits=12, operations=inside, measured=range(12))
    bindings = Bindings.of({name: rng.normal(size=2) for name in circuit.parameters})
    (table,) = statevector.probabilities(circuit, bindings)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-12)
    spread = [op("cx", q + 1, q) for q in reversed(range(23))]
    ghz = Circuit(num_qubits=24, operations=[op("h", 23), *spread], measured=[0, 11, 23])
    expected = np.eye(8)[0] / 2 + np.eye(8)[7] / 2
    np.testing.assert_allclose(statevector.probabilities(ghz, Bindings.of({}))[0], [expected], atol=1e-12)


def test_too_many_connected_qubits_are_refused_and_many_separate_ones_are_not():
    chain = [op("cz", q, q + 1) for q in range(24)]
    circuit = Circuit(num_qubits=25, operations=chain, measured=[0])
    with pytest.raises(NotSupportedError, match="25 qubits are connected"):
        statevector.probabilities(circuit, Bindings.of({}))
    with pytest.raises(NotSupportedError, match="25 qubits"):
        statevector.amplitudes(Circuit(num_qubits=25), Bindings.of({}))
    pairs = Circuit(num_qubits=100, operations=[op("cx", q, q + 1) for q in range(0, 100, 2)], measured=[[0, 99], [50]])
    assert [table[0, 0] for table in statevector.probabilities(pairs, Bindings.of({}))] == [1.0, 1.0]


@pytest.mark.parametrize("values", [{}, {"a": 0.1, "b": 0.2}])
def test_missing_and_extra_parameters_are_refused(values):
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["a"])], measured=[0])
    for simulate in (statevector.probabilities, statevector.amplitudes):
        with pytest.raises(BindingsError, match="do not match the circuit"):
            simulate(circuit, Bindings.of(values))


def test_torch_that_is_missing_or_lacks_the_device_is_said_so(monkeypatch):
    circuit, bindings = Circuit(num_qubits=1, measured=[0]), Bindings.of({})
    arrays.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        with pytest.raises(MissingExtraError, match="torch"):
            statevector.probabilities(circuit, bindings, device="cpu")
    pytest.importorskip("torch")
    with pytest.raises(NotSupportedError, match="no-such-device"):
        statevector.probabilities(circuit, bindings, device="no-such-device")
