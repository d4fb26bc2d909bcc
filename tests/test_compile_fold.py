"""Fractional gates: folded angles keep the unitary, stay in range in every row, and cost as few gates as promised."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import adapter_circuit, circuits, phase_distance, random_bindings, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.compile import compile_circuit, pack
from qadapt.compile.fold import folded
from qadapt.errors import TargetError
from qadapt.gates import GATES
from qadapt.local import EmulatorBackend, StatevectorBackend
from qadapt.provider import Work, check_works, violations
from qadapt.target import RZZ_RANGE, Capabilities, Site, Target, bundled_targets

NATIVE = ("cz", "sx", "x", "rz", "rx", "rzz")
EDGES = [0.0, np.pi / 2, np.pi, -np.pi / 2, 2 * np.pi, -1e-17, 1e-17, -np.pi, 1.5 * np.pi, -2 * np.pi, -0.0]
EDGES += [1.0, 2.0, 4.0, 5.0, -1.0, -2.0, -4.0, -5.0, 7.0, 1000.5]
"""Exact multiples of a quarter turn, both sides of zero, and every quadrant."""

BY_CZ = {"cx": 1, "cy": 1, "cz": 1, "ch": 1, "swap": 3, "iswap": 2, "ccx": 6, "cswap": 8}
BY_RZZ = ("rzz", "rxx", "ryy", "cp", "crx", "cry", "crz", "ecr")


def machine(length=6, error=0.0, **sites):
    """A chain on which cz and rzz work everywhere, unless other pairs are given."""
    pairs = [(q, q + 1) for q in range(length - 1)]
    found = {gate: tuple(Site(qubits=pair, error=error) for pair in sites.get(gate, pairs)) for gate in ("cz", "rzz")}
    return Target(name="chain", num_qubits=length, native=NATIVE, sites=found, ranges={"rzz": RZZ_RANGE})


def source_block(compiled, bindings, row):
    """The compiled unitary between the source's qubits, read at their physical places."""
    big = unitary(compiled.circuit, compiled.bind(bindings), row)
    index = np.arange(2**compiled.source.num_qubits)

    def at(layout):
        return sum(((index >> qubit) & 1) << layout[qubit] for qubit in range(compiled.source.num_qubits))

    return big[np.ix_(at(compiled.final), at(compiled.layout))]


def rzz_angles(compiled, bindings):
    """Every angle of an rzz, constant or in any row."""
    bound = compiled.bind(bindings)
    found = [operation.angles[0] for operation in compiled.circuit.operations if operation.gate == "rzz"]
    return np.array([bound.column(a.name) if isinstance(a, Parameter) else np.full(bound.rows, a) for a in found])


def assert_equal_and_in_range(compiled, bindings):
    for row in range(bindings.rows):
        expected = unitary(compiled.source, bindings, row)
        assert phase_distance(source_block(compiled, bindings, row), expected) < 1e-12
    angles = rzz_angles(compiled, bindings)
    assert (angles >= 0).all()
    assert (angles <= np.pi / 2).all()


@given(angles=st.lists(st.sampled_from(EDGES) | st.floats(-100, 100), min_size=1, max_size=20))
def test_a_folded_angle_with_its_corrections_is_the_rotation(angles):
    turned, x, z = folded(angles)
    assert ((turned >= 0) & (turned <= np.pi / 2)).all()
    assert set(x) | set(z) <= {0.0, np.pi}
    for index, angle in enumerate(angles):
        flip = np.kron(np.eye(2), GATES["rx"].matrix(x[index]))
        phase = GATES["rz"].matrix(z[index])
        made = np.kron(phase, phase) @ flip @ GATES["rzz"].matrix(turned[index]) @ flip
        assert phase_distance(made, GATES["rzz"].matrix(angle)) < 1e-13


@pytest.mark.parametrize("angle", [1e6, -123456.789, 2.0**40])
def test_large_angles_are_folded_to_rounding(angle):
    turned, _, _ = folded(angle)
    assert np.cos(2 * turned) == pytest.approx(np.cos(2 * angle), abs=1e-14)


@pytest.mark.parametrize("quarters", range(-4, 5))
@pytest.mark.parametrize("off", [0.0, 1e-15, -1e-15])
def test_quarter_turns_need_no_x(quarters, off):
    turned, x, z = folded(quarters * np.pi / 2 + off)
    assert x == 0
    assert z == (np.pi if quarters % 4 in (2, 3) else 0)
    assert turned == pytest.approx(np.pi / 2 * (quarters % 2), abs=1e-14)
    assert turned <= np.pi / 2


@given(circuit=circuits(measured=False), seed=st.integers(0, 99))
def test_a_compiled_unitary_equals_its_source(circuit, seed):
    compiled = compile_circuit(circuit, machine(), seed=seed)
    assert_equal_and_in_range(compiled, random_bindings(circuit, rows=3, seed=seed))
    assert {operation.gate for operation in compiled.circuit.gates()} <= set(NATIVE)


@given(circuit=circuits(measured=True), seed=st.integers(0, 99))
def test_a_compiled_experiment_has_the_distribution_of_its_source(circuit, seed):
    target = machine()
    compiled = compile_circuit(circuit, target, seed=seed)
    bindings = random_bindings(circuit, rows=2, seed=seed)
    check_works([Work(compiled.circuit, compiled.bind(bindings), 10)], target, Capabilities())
    for row in range(2):
        got = np.abs(source_block(compiled, bindings, row)[:, 0]) ** 2
        assert np.abs(got - np.abs(unitary(circuit, bindings, row)[:, 0]) ** 2).max() < 1e-12


@given(circuit=circuits(measured=False))
def test_a_slot_is_at_most_one_pulse(circuit):
    compiled = compile_circuit(circuit, machine())
    place, pulses = Counter(), Counter()
    for operation in compiled.circuit.gates():
        if len(operation.qubits) == 2:
            place.update(operation.qubits)
        elif operation.gate != "rz":
            pulses[operation.qubits[0], place[operation.qubits[0]]] += 1
    assert set(pulses.values()) <= {1}


@pytest.mark.parametrize("name", [*BY_CZ, *BY_RZZ])
def test_every_entangling_gate_costs_what_is_promised(name):
    gate = GATES[name]
    everywhere = [(a, b) for a in range(gate.qubits) for b in range(a)]
    circuit = Circuit(
        num_qubits=gate.qubits, operations=[op(name, *range(gate.qubits), angles=["t"] * len(gate.parameters))]
    )
    compiled = compile_circuit(circuit, machine(gate.qubits, cz=everywhere, rzz=everywhere))
    expected = (0, 1) if name in BY_RZZ else (BY_CZ[name], 0)
    assert (compiled.circuit.count("cz"), compiled.circuit.count("rzz")) == expected


def test_every_entangling_gate_is_promised_something():
    assert {gate.name for gate in GATES.values() if gate.qubits > 1} == {*BY_CZ, *BY_RZZ}


@pytest.mark.parametrize("name", [name for name in BY_RZZ if GATES[name].parameters])
@pytest.mark.parametrize("scale", [1.0, -2.0])
def test_one_circuit_serves_rows_of_all_quadrants(name, scale):
    turn = Parameter(name="t", scale=scale)
    circuit = Circuit(
        num_qubits=2,
        operations=[op("ry", 0, angles=["a"]), op(name, 0, 1, angles=[turn]), op("ry", 1, angles=["b"])],
    )
    values = np.array(EDGES)
    rng = np.random.default_rng(0)
    bindings = Bindings.of({"t": values, **{key: rng.normal(size=len(values)) for key in "ab"}}, shape=values.shape)
    assert_equal_and_in_range(compile_circuit(circuit, machine(2)), bindings)


@pytest.mark.parametrize("angle", EDGES)
@pytest.mark.parametrize("layout", [None, (1, 0)])
def test_constants_are_folded_when_compiled(angle, layout):
    circuit = Circuit(num_qubits=2, operations=[op("h", 1), op("rzz", 0, 1, angles=[angle])], measured=[0, 1])
    compiled = compile_circuit(circuit, machine(2), layout=layout)
    assert compiled.circuit.parameters == ()
    assert not compiled.folds
    (found,) = (operation.angles[0] for operation in compiled.circuit.operations if operation.gate == "rzz")
    assert 0 <= found <= np.pi / 2
    if 0 <= angle <= np.pi / 2:
        assert found == angle
    assert violations(compiled.circuit, machine(2)) == []


def test_an_rx_is_one_pulse_without_frames_to_realise():
    compiled = compile_circuit(adapter_circuit(2, ((0, 1),) * 3), machine(2))
    counts = Counter(operation.gate for operation in compiled.circuit.operations)
    assert counts == {"cz": 3, "rx": 8}
    assert len(compiled.circuit.parameters) == 8
    assert not compiled.slots


def test_half_a_turn_in_the_frame_turns_the_rx_around():
    inside = [op("ry", 0, angles=["a"]), op("z", 0), op("cz", 0, 1), op("ry", 0, angles=["b"])]
    compiled = compile_circuit(Circuit(num_qubits=2, operations=inside, measured=[0]), machine(2))
    assert [operation.gate for operation in compiled.circuit.operations] == ["rx", "cz", "rx"]


@pytest.mark.parametrize(
    ("gate", "angles", "expected"),
    [("x", [], ["x"]), ("y", [], ["x"]), ("sx", [], ["sx"]), ("h", [], ["sx"]), ("rx", [1.0], ["rx"]), ("z", [], [])],
)
def test_constants_that_x_and_sx_turn_by_stay_theirs(gate, angles, expected):
    circuit = Circuit(num_qubits=1, operations=[op(gate, 0, angles=angles)], measured=[0])
    compiled = compile_circuit(circuit, machine(2))
    assert [o.gate for o in compiled.circuit.operations if o.gate != "rz"] == expected


@pytest.mark.parametrize("busy", [0, 1])
def test_corrections_go_where_pulses_are_anyway(busy):
    turn = [op("ry", busy, angles=["a"]), op("rzz", 0, 1, angles=["t"]), op("ry", busy, angles=["b"])]
    compiled = compile_circuit(Circuit(num_qubits=2, operations=turn * 2, measured=[0, 1]), machine(2), layout=(0, 1))
    pulses = Counter(o.qubits for o in compiled.circuit.operations if o.gate not in ("rz", "rzz"))
    assert pulses == {(busy,): 3}


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ([op("rzz", 1, 0, angles=["t"]), op("rzz", 2, 1, angles=["u"])], {1: 3}),
        ([op("rz", 0, angles=["a"]), op("rzz", 0, 1, angles=["t"]), op("s", 0), op("h", 1)], {1: 2}),
    ],
    ids=["next to a correction", "a turn about z is no pulse"],
)
def test_corrections_add_as_few_pulses_as_possible(inside, expected):
    compiled = compile_circuit(Circuit(num_qubits=3, operations=inside), machine(3), layout=(0, 1, 2))
    assert Counter(o.qubits[0] for o in compiled.circuit.operations if o.gate not in ("rz", "rzz")) == expected


def test_equal_angles_are_folded_once():
    ring = [op("rzz", q, q + 1, angles=["gamma"]) for q in range(4)]
    circuit = Circuit(num_qubits=5, operations=[*ring, op("rzz", 0, 1, angles=[Parameter(name="gamma", scale=2.0)])])
    assert len(compile_circuit(circuit, machine(5)).folds) == 2


def test_parameters_may_have_the_names_of_columns():
    names = ("fold0", "fold0.x", "slot0.lam", "slot0", "a0")
    inside = [op("rzz", 0, 1, angles=[names[0]]), op("ry", 0, angles=[names[1]]), op("rx", 0, angles=[names[2]])]
    inside += [op("rz", 0, angles=[names[3]]), op("rx", 0, angles=[names[4]]), op("rzz", 0, 1, angles=[names[1]])]
    inside += [op(turn, 0, angles=[name]) for name in names[:4] for turn in ("ry", "rz")]
    circuit = Circuit(num_qubits=2, operations=inside)
    compiled = compile_circuit(circuit, machine(2))
    assert compiled.slots
    assert_equal_and_in_range(compiled, random_bindings(circuit, 4))


@pytest.mark.parametrize(("bounds", "folds"), [(None, 0), ((-np.pi, np.pi), 1), (RZZ_RANGE, 1)])
def test_only_what_a_range_cuts_is_folded(bounds, folds):
    sites = {gate: (Site(qubits=(0, 1), error=0.0),) for gate in ("cz", "rzz")}
    ranges = {} if bounds is None else {"rzz": bounds}
    target = Target(name="t", num_qubits=2, native=NATIVE, sites=sites, ranges=ranges)
    circuit = Circuit(num_qubits=2, operations=[op("rzz", 0, 1, angles=["t"]), op("rzz", 0, 1, angles=[-0.5])])
    compiled = compile_circuit(circuit, target)
    assert len(compiled.folds) == folds
    kept = [o.angles[0] for o in compiled.circuit.operations if o.gate == "rzz"][1]
    assert kept == (0.5 if bounds == RZZ_RANGE else -0.5)
    bindings = Bindings.of({"t": EDGES}, shape=(len(EDGES),))
    for row in range(bindings.rows):
        assert phase_distance(source_block(compiled, bindings, row), unitary(circuit, bindings, row)) < 1e-12


def test_an_rzz_that_takes_too_few_angles_is_not_used():
    target = machine(2)
    narrow = Target(**{**target.model_dump(), "ranges": {"rzz": (0.0, 1.0)}})
    circuit = Circuit(num_qubits=2, operations=[op("rzz", 0, 1, angles=["t"])], measured=[0])
    assert compile_circuit(circuit, narrow).circuit.count("cz") == 2
    with pytest.raises(TargetError, match="native gates"):
        compile_circuit(circuit, Target(**{**target.model_dump(), "ranges": {"rx": (0.0, 1.0), "rz": (0.0, 1.0)}}))


def test_a_machine_without_couplings_is_compiled_to_all_the_same_if_it_has_ranges():
    every = Target(name="t", num_qubits=3, native=tuple(GATES), ranges={"rzz": RZZ_RANGE})
    circuit = Circuit(num_qubits=2, operations=[op("rzz", 0, 1, angles=["t"])])
    assert_equal_and_in_range(compile_circuit(circuit, every), Bindings.of({"t": EDGES}, shape=(len(EDGES),)))


@pytest.mark.parametrize(("only", "gates"), [("cz", {"cz": 3}), ("rzz", {"rzz": 2})])
def test_where_one_entangling_gate_does_not_work_the_other_stands_in(only, gates):
    circuit = Circuit(num_qubits=2, operations=[op("rzz", 0, 1, angles=["t"]), op("h", 0), op("cx", 0, 1)])
    dead = tuple(Site(qubits=(0, 1), error=1.0 if name != only else 0.01) for name in ("cz", "rzz"))
    sites = dict(zip(("cz", "rzz"), ((site,) for site in dead), strict=True))
    target = Target(name="t", num_qubits=2, native=NATIVE, sites=sites, ranges={"rzz": RZZ_RANGE})
    compiled = compile_circuit(circuit, target)
    assert Counter(o.gate for o in compiled.circuit.gates() if len(o.qubits) == 2) == gates
    assert compile_circuit(circuit, target, layout=(1, 0)).circuit.count() == compiled.circuit.count()
    assert_equal_and_in_range(compiled, Bindings.of({"t": EDGES}, shape=(len(EDGES),)))


def test_tiles_without_the_entangling_gate_are_left_out():
    circuit = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["a"]), op("rxx", 0, 1, angles=["t"])], measured=[0])
    pairs = [(0, 1), (2, 3), (4, 5)]
    target = machine(6, 0.01, cz=pairs, rzz=pairs[:2])
    packed = pack(circuit, target)
    assert sorted(map(sorted, packed.tiles)) == [[0, 1], [2, 3]]
    assert violations(packed.circuit, target) == []
    assert len(pack(circuit, target, copies=1).tiles) == 1


@pytest.mark.parametrize("gate", ["rzz", "cry", "rxx"])
def test_a_pack_on_the_emulator_equals_the_statevector(gate):
    inside = [op(turn, q, angles=[f"{turn}{q}"]) for turn in ("rz", "ry") for q in range(3)]
    for low, high in pairwise(range(3)):
        inside += [op(gate, low, high, angles=[f"t{low}"]), op("ry", low, angles=[f"b{low}"]), op("fence", 0, 1, 2)]
    circuit = Circuit(num_qubits=3, operations=[*inside, *inside[:6]], measured=[2, 0, 1])
    backend = EmulatorBackend(machine(10))
    packed = pack(circuit, backend.target)
    assert len(packed.tiles) == 3
    values = np.random.default_rng(1).uniform(-7, 7, (len(EDGES), len(circuit.parameters)))
    values[:, circuit.parameters.index("t0")] = EDGES
    bindings = Bindings.rows_of(circuit.parameters, values)
    work = Work(packed.circuit, packed.bind(bindings), 1, 0)
    check_works([work], backend.target, backend.capabilities)
    tables = np.stack(backend.probabilities(work), axis=1).reshape(-1, 8)[: len(EDGES)]
    (expected,) = StatevectorBackend().probabilities(Work(circuit, bindings, 1, 0))
    np.testing.assert_allclose(tables, expected, atol=1e-12)


@pytest.mark.parametrize("name", ["heron-r2", "heron-r3"])
def test_a_fractional_heron_halves_the_entangling_gates(name):
    steps = [op("ry", q, angles=[f"a{q}"]) for q in range(3)] + [
        op("crz", 0, 1, angles=["t"]),
        op("rzz", 1, 2, angles=["u"]),
    ]
    circuit = Circuit(num_qubits=3, operations=steps, measured=[0, 1, 2])
    plain, fractional = (bundled_targets()[full] for full in (name, f"{name}-fractional"))
    assert pack(circuit, plain).compiled.circuit.count() == 4
    packed = pack(circuit, fractional)
    assert packed.compiled.circuit.count() == packed.compiled.circuit.count("rzz") == 2
    assert len(packed.tiles) == len(pack(circuit, plain).tiles)
    assert violations(packed.circuit, fractional) == []
