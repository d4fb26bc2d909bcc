"""Every compile equals its source up to phase and uses native gates on live couplers only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import adapter_circuit, circuits, line, phase_distance, random_bindings, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.compile import Compiled, compile_circuit, pack
from qadapt.errors import BindingsError, TargetError
from qadapt.provider import violations
from qadapt.target import Qubit, Site, Target, bundled_targets

NATIVE = [("cz", "sx", "x", "rz"), ("cz", "sx", "rz"), ("cz", "u3"), ("cz", "rphi"), ("cz", "prx")]


def source_block(compiled: Compiled, row: int, bindings) -> np.ndarray:
    """The compiled unitary between the source's qubits, read at their physical places."""
    big = unitary(compiled.circuit, compiled.bind(bindings), row)
    n = compiled.source.num_qubits
    index = np.arange(2**n)

    def at(layout):
        return sum(((index >> qubit) & 1) << layout[qubit] for qubit in range(n))

    return big[np.ix_(at(compiled.final), at(compiled.layout))]


@pytest.mark.parametrize("native", NATIVE, ids=", ".join)
@given(circuit=circuits(measured=False), seed=st.integers(0, 99))
def test_a_compiled_unitary_equals_its_source(native, circuit, seed):
    compiled = compile_circuit(circuit, line(native), seed=seed)
    bindings = random_bindings(circuit, rows=2, seed=seed)
    for row in range(2):
        assert phase_distance(source_block(compiled, row, bindings), unitary(circuit, bindings, row)) < 1e-12
    assert {operation.gate for operation in compiled.circuit.gates()} <= set(native)


@pytest.mark.parametrize("native", NATIVE, ids=", ".join)
@given(circuit=circuits(measured=True), seed=st.integers(0, 99))
def test_a_compiled_experiment_has_the_distribution_of_its_source(native, circuit, seed):
    target = line(native)
    compiled = compile_circuit(circuit, target, seed=seed)
    bindings = random_bindings(circuit, rows=2, seed=seed)
    assert violations(compiled.circuit, target) == []
    placed = tuple(tuple(compiled.final[qubit] for qubit in register) for register in circuit.measured)
    assert compiled.circuit.measured == placed
    for row in range(2):
        got = np.abs(source_block(compiled, row, bindings)[:, 0]) ** 2
        assert np.abs(got - np.abs(unitary(circuit, bindings, row)[:, 0]) ** 2).max() < 1e-12


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        (("cz", "sx", "x", "rz"), {"cz": 3, "sx": 16, "rz": 8, "x": 0}),
        (("cz", "u3"), {"cz": 3, "u3": 8}),
        (("cz", "rphi"), {"cz": 3, "rphi": 8}),
    ],
)
def test_an_adapter_circuit_needs_one_angle_per_slot(native, expected):
    circuit = adapter_circuit(2, ((0, 1),) * 3)
    compiled = compile_circuit(circuit, line(native, 2))
    assert {name: compiled.circuit.count(name) for name in expected} == expected
    assert len(compiled.circuit.parameters) == 8
    assert not compiled.slots


def test_a_slot_crosses_a_fence_but_an_entangler_does_not():
    circuit = Circuit(
        num_qubits=2,
        operations=[
            op("cz", 0, 1),
            op("ry", 0, angles=["a"]),
            op("fence", 0, 1),
            op("ry", 0, angles=["b"]),
            op("cz", 0, 1),
        ],
        measured=[0, 1],
    )
    compiled = compile_circuit(circuit, line(("cz", "u3"), 2))
    assert [operation.gate for operation in compiled.circuit.operations] == ["cz", "fence", "u3", "cz"]


def test_simulators_keep_the_circuit_and_its_bindings():
    circuit = adapter_circuit(2, ((0, 1),))
    machine = Target(name="any", num_qubits=4, native=("rx", "ry", "rz", "cz", "h"))
    compiled = compile_circuit(circuit, machine)
    bindings = random_bindings(circuit, 3)
    assert compiled.circuit is circuit
    assert compiled.bind(bindings) is bindings


@given(circuit=circuits(measured=False, max_qubits=3, max_size=8))
def test_simulators_get_what_they_lack_in_gates_that_they_have(circuit):
    machine = Target(name="few", num_qubits=4, native=("rx", "ry", "rz", "cz", "cx", "swap"))
    compiled = compile_circuit(circuit, machine)
    bindings = random_bindings(circuit, 1)
    assert {operation.gate for operation in compiled.circuit.gates()} <= set(machine.native)
    small = unitary(compiled.circuit, compiled.bind(bindings), 0)
    assert phase_distance(small, unitary(circuit, bindings, 0)) < 1e-12


def test_parameters_that_lost_their_weight_are_still_bound_by_name():
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["a"]), op("rz", 0, angles=["b"])], measured=[0])
    compiled = compile_circuit(circuit, line(("cz", "sx", "x", "rz"), 1))
    assert len(compiled.bind(random_bindings(circuit, 2)).names) == 1
    with pytest.raises(BindingsError, match="missing"):
        compiled.bind(random_bindings(adapter_circuit(1, ()), 2))


def test_dead_qubits_and_couplers_are_never_used():
    sites = (
        Site(qubits=(0, 1), error=1.0),
        Site(qubits=(1, 2)),
        Site(qubits=(2, 3), error=0.3),
        Site(qubits=(3, 4), error=0.001),
    )
    dead = tuple(Qubit(prob_meas1_prep0=0.6 if q == 4 else 0.0) for q in range(5))
    target = Target(name="ill", num_qubits=5, native=("cz", "u3"), sites={"cz": sites}, qubits=dead)
    assert set(compile_circuit(adapter_circuit(2, ((0, 1),)), target).layout) == {2, 3}
    with pytest.raises(TargetError, match="live connected"):
        compile_circuit(adapter_circuit(3, ((0, 1), (1, 2))), target)


def test_the_best_calibrated_coupler_is_chosen():
    sites = tuple(Site(qubits=(q, q + 1), error=error) for q, error in enumerate([0.02, 0.004, 0.03]))
    target = Target(name="t", num_qubits=4, native=("cz", "u3"), sites={"cz": sites})
    assert set(compile_circuit(adapter_circuit(2, ((0, 1),)), target).layout) == {1, 2}


def test_a_given_layout_is_kept_or_refused():
    target = line(("cz", "u3"))
    circuit = adapter_circuit(2, ((0, 1),))
    assert compile_circuit(circuit, target, layout=[4, 3]).layout == (4, 3)
    for layout in ([0, 2], [0, 0], [0], [0, 6]):
        with pytest.raises(TargetError, match="layout"):
            compile_circuit(circuit, target, layout=layout)


def test_routing_is_the_same_for_the_same_seed():
    circuit = adapter_circuit(4, ((0, 1), (1, 2), (2, 3), (0, 3), (0, 2), (1, 3)))
    first, second = (compile_circuit(circuit, line(("cz", "u3")), seed=5) for _ in range(2))
    assert first.circuit == second.circuit
    assert first.final == second.final


def test_foreign_gate_sets_are_refused():
    with pytest.raises(TargetError, match="native gates"):
        compile_circuit(adapter_circuit(2, ((0, 1),)), Target(name="odd", num_qubits=2, native=("iswap", "rx")))
    with pytest.raises(TargetError, match="qubits"):
        compile_circuit(adapter_circuit(3, ((0, 1), (1, 2))), line(("cz", "u3"), 2))


@pytest.mark.parametrize("native", NATIVE, ids=", ".join)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_an_angle_that_no_count_would_show_is_refused_all_the_same(native, value):
    # The rotation about z is carried to the measurement and dropped; its angle must not be dropped with it.
    turn = op("rz", 0, angles=[Parameter(name="t", scale=1e300)])
    circuit = Circuit(num_qubits=1, operations=[turn], measured=[0])
    bad = Bindings({"t": np.array([0.1, value])}, (2,))
    target = line(native, 2)
    with pytest.raises(BindingsError, match="not finite"):
        compile_circuit(circuit, target).bind(bad)
    with pytest.raises(BindingsError, match="not finite"):
        pack(circuit, target).bind(bad)


def test_the_best_place_on_a_chip_is_found_among_all():
    target = bundled_targets()["heron-r2"]
    circuit = adapter_circuit(3, ((0, 1), (1, 2), (0, 1)))
    around: dict[int, list[int]] = {}
    for a, b in target.couplings:
        around.setdefault(a, []).append(b)
        around.setdefault(b, []).append(a)

    def loss(layout):
        edges = [(0, 1), (0, 1), (1, 2)]
        lost = [1.25 * target.gate_error("cz", (layout[a], layout[b])) for a, b in edges]
        for qubit, slots in enumerate((3, 4, 2)):  # two sx each
            lost += [1.5 * target.gate_error("sx", (layout[qubit],))] * (2 * slots)
        lost += [target.readout_error(qubit) for qubit in layout]
        return -sum(np.log1p(-each) for each in lost)

    paths = [(a, b, c) for b in around for a in around[b] for c in around[b] if a != c]
    chosen = compile_circuit(circuit, target).layout
    assert loss(chosen) == pytest.approx(min(map(loss, paths)), rel=1e-12)
