"""Predicted fidelity: the formula by hand, the emulator's channels, and what a target does not say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from oracles import adapter_circuit, circuits, random_bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.compile import compile_circuit, pack
from qadapt.compile.place import Pattern, cost, losses, place
from qadapt.compile.prediction import Part, depth, predict
from qadapt.errors import TargetError
from qadapt.gates import GATES
from qadapt.simulate import noise
from qadapt.simulate.maps import pauli
from qadapt.target import Qubit, Site, Target, bundled_targets

CHIP = Target(
    name="chip",
    num_qubits=4,
    native=("cz", "sx", "rz"),
    sites={
        "cz": [Site(qubits=(q, q + 1), error=0.01 * (q + 1), duration=1e-7) for q in range(3)],
        "sx": [Site(qubits=(q,), error=0.001 * (q + 1), duration=1e-8) for q in range(4)],
    },
    qubits=[Qubit(prob_meas1_prep0=0.02 * q, prob_meas0_prep1=0.04 * q) for q in range(4)],
)
NATIVE = Circuit(
    num_qubits=4,
    operations=[
        op("sx", 0),
        op("rz", 0, angles=["a"]),
        op("sx", 0),
        op("cz", 1, 0),
        op("rz", 1, angles=[0.3]),
        op("sx", 1),
        op("fence", 1, 2),
        op("sx", 2),
        op("sx", 3),
    ],
    measured=[[0, 1], [3]],
)


def test_the_formula_by_hand():
    found = predict(NATIVE, CHIP)
    first = Part((0, 1), (1 - 0.0125) * (1 - 0.0015) ** 2 * (1 - 0.003), 0.97)
    assert [part.qubits for part in found.parts] == [(0, 1), (2,), (3,)]
    assert found.parts[0].process == pytest.approx(first.process, rel=1e-14)
    assert found.parts[0].readout == pytest.approx(first.readout, rel=1e-14)
    assert found.parts[1].readout == 1, "it is not measured"
    assert found.process == pytest.approx(first.process * (1 - 0.0045) * (1 - 0.006), rel=1e-14)
    assert found.readout == pytest.approx(0.97 * 0.91, rel=1e-14)
    assert found.gates == {"cz": 1, "rz": 2, "sx": 5}
    assert (found.entangling, found.pulses, found.depth, found.entangling_depth) == (1, 5, 6, 1)
    assert found.duration == pytest.approx(1e-8 * 4 + 1e-7), "qubit 2 waits at the fence"
    assert found.uncalibrated == 0


def transfer(operations, layout, target, *, noisy):
    """Pauli transfer matrix of native gates, with the emulator's channels after them or without."""
    n = len(layout)
    local = {qubit: k for k, qubit in enumerate(sorted(layout))}
    matrix = np.eye(4**n).reshape((4,) * n + (-1,))
    for operation in operations:
        gate = pauli(GATES[operation.gate].matrix(*operation.angles))
        channel = noise.gate_channel(target, operation.gate, operation.qubits) if noisy else None
        gate = gate if channel is None else channel @ gate
        k = len(operation.qubits)
        axes = [n - 1 - local[qubit] for qubit in reversed(operation.qubits)]
        matrix = np.tensordot(gate.reshape((4,) * (2 * k)), matrix, axes=(range(k, 2 * k), axes))
        matrix = np.moveaxis(matrix, range(k), axes)
    return matrix.reshape(4**n, 4**n)


@pytest.mark.parametrize(("name", "within"), [("heron-r2", 0.003), ("heron-r3", 1e-4), ("heron-r2-fractional", 1e-4)])
@pytest.mark.parametrize("edges", [((0, 1),) * 2, ((0, 1), (1, 2)) * 7], ids=["2 CZ", "14 CZ"])
def test_it_is_the_process_fidelity_of_the_emulated_block(name, within, edges):
    target = bundled_targets()[name]
    source = adapter_circuit(1 + max(map(max, edges)), edges)
    source = Circuit(num_qubits=source.num_qubits, operations=source.operations)
    compiled = compile_circuit(source, target)
    values = compiled.bind(random_bindings(source, 1))
    gates = [
        o.moved(
            o.qubits,
            tuple(a.scale * values.column(a.name)[0] + a.offset if isinstance(a, Parameter) else a for a in o.angles),
        )
        for o in compiled.circuit.gates()
    ]
    ideal, real = (transfer(gates, compiled.layout, target, noisy=noisy) for noisy in (False, True))
    fidelity = np.trace(ideal.T @ real) / len(real)
    found = predict(compiled.circuit, target)
    assert found.entangling == len(edges)
    assert found.process == pytest.approx(fidelity, abs=within)
    assert 1 - found.process > 0.5 * (1 - fidelity)


def test_tiles_are_parts_of_a_packed_circuit():
    target = bundled_targets()["heron-r2"]
    packed = pack(adapter_circuit(2, ((0, 1),) * 3), target)
    found = predict(packed.circuit, target)
    assert sorted(part.qubits for part in found.parts) == sorted(tuple(sorted(tile)) for tile in packed.tiles)
    assert found.process == pytest.approx(math.prod(part.process for part in found.parts))
    alone = predict(packed.compiled.circuit, target)
    (best,) = alone.parts
    assert best in found.parts
    assert len({part.process for part in found.parts}) > 10, "tiles differ"


def test_registers_join_what_no_gate_joins():
    circuit = Circuit(num_qubits=4, operations=[op("sx", 0), op("cz", 2, 1)], measured=[[0, 2]])
    assert [part.qubits for part in predict(circuit, CHIP).parts] == [(0, 1, 2)]
    apart = Circuit(num_qubits=4, operations=[op("sx", 0), op("cz", 2, 1)], measured=[[0], [2]])
    assert [part.qubits for part in predict(apart, CHIP).parts] == [(0,), (1, 2)]


def test_nothing_is_perfect_and_takes_no_time():
    found = predict(Circuit(num_qubits=4), CHIP)
    assert (found.parts, found.process, found.readout, found.depth, found.duration) == ((), 1.0, 1.0, 0, 0.0)


def test_unknown_errors_are_counted_and_unknown_durations_are_not_guessed():
    sites = {"cz": [Site(qubits=(0, 1), error=0.01)], "sx": [Site(qubits=(0,)), Site(qubits=(1,), error=0.02)]}
    target = Target(name="vague", num_qubits=2, native=("cz", "sx", "rz"), sites=sites)
    circuit = Circuit(
        num_qubits=2, operations=[op("sx", 0), op("sx", 1), op("cz", 0, 1), op("rz", 0, angles=[1.0])], measured=[0]
    )
    found = predict(circuit, target)
    assert found.uncalibrated == 1
    assert found.process == pytest.approx((1 - 0.03) * (1 - 0.0125))
    assert found.duration is None
    assert found.readout == 1


def test_broken_sites_leave_no_fidelity_and_never_less():
    sites = {"cz": [Site(qubits=(0, 1), error=1.0), Site(qubits=(1, 2), error=0.9)]}
    target = Target(name="broken", num_qubits=3, native=("cz", "rz"), sites=sites)
    for pair in ((0, 1), (2, 1)):
        assert predict(Circuit(num_qubits=3, operations=[op("cz", *pair)] * 2), target).process == 0


def test_turns_about_z_are_pulses_only_where_they_cost_something():
    costs = [(0.0, 0.0), (0.001, 0.0), (0.0, 1e-8), (None, None)]
    sites = {"rz": [Site(qubits=(q,), error=error, duration=duration) for q, (error, duration) in enumerate(costs)]}
    target = Target(name="z", num_qubits=4, native=("rz",), sites=sites)
    circuit = Circuit(num_qubits=4, operations=[op("rz", q, angles=[0.1]) for q in (0, 0, 1, 2, 3)])
    found = predict(circuit, target)
    assert (found.pulses, found.duration, found.process, found.uncalibrated) == (2, 1e-8, 1 - 0.0015, 0)


@pytest.mark.parametrize(
    ("operation", "said"),
    [(op("cx", 0, 1), r"cx on \(0, 1\)"), (op("cz", 0, 2), r"cz on \(0, 2\)"), (op("sx", 4), r"sx on \(4,\)")],
)
def test_what_does_not_fit_is_refused(operation, said):
    with pytest.raises(TargetError, match=said):
        predict(Circuit(num_qubits=5, operations=[operation, op("sx", 0)]), CHIP)
    with pytest.raises(TargetError, match="measured qubit 4"):
        predict(Circuit(num_qubits=5, measured=[4]), CHIP)


@given(circuits(measured=False))
def test_depth_is_the_number_of_layers(circuit):
    layers: list[set[int]] = []
    for operation in circuit.gates():
        last = max((number for number, layer in enumerate(layers) if layer & set(operation.qubits)), default=-1)
        if last + 1 == len(layers):
            layers.append(set())
        layers[last + 1] |= set(operation.qubits)
    assert depth(circuit) == len(layers)


@pytest.mark.parametrize("name", ["heron-r2", "wukong-72", "heron-r2-fractional"])
def test_placement_minimises_what_is_predicted(name):
    """Of generic slots, the cost of a place is minus the logarithm of the prediction for the circuit there."""
    target = bundled_targets()[name]
    angles = np.random.default_rng(0).uniform(0.5, 1, 30).tolist()
    inside = [op("u3", q, angles=angles[3 * q : 3 * q + 3]) for q in (0, 1)]
    inside += [op("cz", 0, 1), *(op("u3", q, angles=angles[6 + 3 * q : 9 + 3 * q]) for q in (0, 1))]
    circuit = Circuit(num_qubits=2, operations=inside, measured=[0, 1])
    pattern = Pattern.of(2, inside, [0, 1])
    for layout in (place(pattern, target), *sorted(target.couplings)[:20]):
        found = predict(compile_circuit(circuit, target, layout=layout).circuit, target)
        expected = -math.log(found.process * found.readout)
        assert cost(pattern, dict(enumerate(layout)), losses(target)) == pytest.approx(expected, rel=1e-9)


def test_a_bad_one_qubit_gate_drives_a_circuit_away():
    sites = {
        "cz": [Site(qubits=(q, q + 1), error=0.01) for q in range(3)],
        "sx": [Site(qubits=(q,), error=0.02 if q < 2 else 0.001) for q in range(4)],
    }
    target = Target(name="t", num_qubits=4, native=("cz", "sx", "rz"), sites=sites)
    assert set(compile_circuit(adapter_circuit(2, ((0, 1),)), target).layout) == {2, 3}


def test_gates_that_do_not_take_every_angle_write_no_slots():
    sites = {name: [Site(qubits=(0,), error=error)] for name, error in (("sx", 0.001), ("rx", 0.01))}
    native = ("sx", "rx", "rz")
    free = Target(name="free", num_qubits=1, native=native, sites=sites)
    bound = Target(name="bound", num_qubits=1, native=native, sites=sites, ranges={"rx": (0.0, 1.0)})
    assert losses(free).slots[0] == pytest.approx(-math.log(1 - 0.015))
    assert losses(bound).slots[0] == pytest.approx(-2 * math.log(1 - 0.0015))


def test_a_swap_costs_three_and_costs_stay_finite():
    assert Pattern.of(2, [op("swap", 1, 0), op("cz", 0, 1)], []).pairs == (((0, 1), 4),)
    dead = Target(name="d", num_qubits=1, native=("rz",), qubits=[Qubit(prob_meas1_prep0=1, prob_meas0_prep1=1)])
    assert losses(dead).readouts[0] == pytest.approx(-math.log(1e-3))
