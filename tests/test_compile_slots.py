"""Slots: every one-qubit gate as rotations, and Euler angles of whole batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import NAMES, angles, line, phase_distance
from qadapt.circuit import Parameter, op
from qadapt.compile.affine import Affine
from qadapt.compile.native import native_set
from qadapt.compile.slots import QUARTER, Euler, Rotation, euler_angles, matrices, rotations, simplify, symbolic
from qadapt.gates import GATES

ONE_QUBIT = [gate for gate in GATES.values() if gate.qubits == 1]
VALUES = {"b10": 0.3, "b2": -1.7, "B": 2.9, "a[10]": 0.01, "a[2]": 5.0, "zz": -3.3, "_t": 1.1, "x.y": 0.7}
BINDINGS = [dict(zip(NAMES, row, strict=True)) for row in np.random.default_rng(8).normal(scale=2, size=(6, 8))]
SETS = {name: native_set(line(("cz", *name.split(", ")))) for name in ("sx, x, rz", "sx, x, rx, rz", "rphi")}


def evaluate(angle, values=VALUES):
    return np.array(angle.offset + sum(weight * values[name] for name, weight in angle.terms.items()))


def number(angle):
    return angle.scale * VALUES[angle.name] + angle.offset if isinstance(angle, Parameter) else angle


def dense(operations):
    product = np.eye(2)
    for operation in operations:
        product = GATES[operation.gate].matrix(*map(number, operation.angles)) @ product
    return product


@st.composite
def runs(draw):
    gates = draw(st.lists(st.sampled_from(ONE_QUBIT), max_size=8))
    return [op(gate.name, 0, angles=[draw(angles()) for _ in gate.parameters]) for gate in gates]


AXES = st.sampled_from("xyz")
QUARTERS = st.integers(-6, 6).map(lambda count: Affine(count * QUARTER))


@st.composite
def columns(draw, name):
    """An angle that depends on one column."""
    weight = draw(st.sampled_from([1.0, -1.0, 0.5, 2.0]))
    return Affine(draw(st.sampled_from([0.0, 0.3, QUARTER])), {name: weight})


@st.composite
def turned_runs(draw):
    """Constant quarter turns and up to four free rotations about all axes; no column is in two angles."""
    free = [Rotation(draw(AXES), draw(columns(name))) for name in NAMES[: draw(st.integers(0, 4))]]
    turns = draw(st.lists(st.builds(Rotation, AXES, QUARTERS), max_size=5))
    return draw(st.permutations([*free, *turns]))


def product(factors, values=VALUES):
    """Matrix of rotations in the order they act, by exponentials of Pauli matrices."""
    paulis = {"x": np.array([[0, 1], [1, 0]]), "y": np.array([[0, -1j], [1j, 0]]), "z": np.diag([1, -1])}
    out = np.eye(2)
    for factor in factors:
        half = evaluate(factor.angle, values) / 2
        out = (np.cos(half) * np.eye(2) - 1j * np.sin(half) * paulis[factor.axis]) @ out
    return out


def error(first, second):
    return max(phase_distance(product(first, values), product(second, values)) for values in BINDINGS)


def plain(euler):
    return [Rotation("z", euler.lam), Rotation("y", euler.theta), Rotation("z", euler.phi)]


def pulses(factors, native):
    """Gates other than rz that a slot takes; the three angles of one without a symbolic form are columns."""
    euler = symbolic(simplify(factors)) or Euler(*(Affine(0.0, {name: 1.0}) for name in ("lam", "theta", "phi")))
    return [pulse.gate for pulse in SETS[native].slot(euler, Affine())[0] if pulse.gate != "rz"]


@pytest.mark.parametrize("gate", ONE_QUBIT, ids=lambda gate: gate.name)
def test_rotations_are_the_gate_up_to_phase(gate):
    operation = op(gate.name, 0, angles=[0.4, -1.3, 2.2][: len(gate.parameters)])
    assert phase_distance(matrices(rotations(operation), evaluate), dense([operation])) < 1e-13


@given(operations=runs())
def test_simplify_keeps_the_unitary(operations):
    factors = simplify(rotation for operation in operations for rotation in rotations(operation))
    assert phase_distance(matrices(factors, evaluate), dense(operations)) < 1e-12


@given(operations=runs())
def test_symbolic_euler_angles_are_the_unitary(operations):
    factors = simplify(rotation for operation in operations for rotation in rotations(operation))
    euler = symbolic(factors)
    if euler is not None:
        assert phase_distance(matrices(plain(euler), evaluate), dense(operations)) < 1e-12


def test_a_run_about_two_axes_by_parameters_has_no_symbolic_form():
    run = [op("ry", 0, angles=["zz"]), op("rx", 0, angles=["b2"])]
    assert symbolic(simplify(rotation for operation in run for rotation in rotations(operation))) is None


@settings(max_examples=150)
@given(factors=turned_runs())
def test_quarter_turns_about_any_axis_keep_the_unitary_for_all_bindings(factors):
    simple = simplify(factors)
    euler = symbolic(simple)
    assert error(simple, factors) < 1e-12
    assert euler is None or error(plain(euler), factors) < 1e-12


@settings(max_examples=150)
@given(factors=turned_runs())
def test_a_slot_takes_the_fewest_pulses_that_serve_all_bindings(factors):
    stay = np.array([abs(product(factors, values)[0, 0]) ** 2 for values in BINDINGS])
    varies = np.ptp(stay) > 1e-9
    fewest = 2 if varies else int(stay[0] < 1 - 1e-9)
    assert len(pulses(factors, "sx, x, rz")) == fewest
    assert len(pulses(factors, "sx, x, rx, rz")) == len(pulses(factors, "rphi")) == min(fewest, 1)


@st.composite
def hidden(draw):
    """Rotations z, x-or-y, z, and the same with each of them about any axis between turns and their inverses."""
    axes = ("z", draw(st.sampled_from("xy")), "z")
    shown = [Rotation(axis, draw(columns(name) | QUARTERS)) for name, axis in zip(NAMES, axes, strict=False)]
    out = []
    for rotation in shown:
        there = draw(st.lists(st.builds(Rotation, AXES, QUARTERS), max_size=3))
        back = [Rotation(turn.axis, -turn.angle) for turn in reversed(there)]
        choices = (Rotation(axis, angle) for axis in "xyz" for angle in (rotation.angle, -rotation.angle))
        out += [*there, min(choices, key=lambda inner: error([*there, inner, *back], [rotation])), *back]
    return shown, out


@settings(max_examples=150)
@given(runs=hidden())
def test_a_slot_with_an_affine_form_is_symbolic_however_quarter_turns_hide_it(runs):
    shown, factors = runs
    assert error(shown, factors) < 1e-12
    euler = symbolic(simplify(factors))
    assert euler is not None
    assert error(plain(euler), shown) < 1e-12


@pytest.mark.parametrize(
    ("run", "sx_pulses", "rx_pulses"),
    [
        ([("ry", "a"), ("rx", QUARTER)], ["sx"], ["sx"]),
        ([("rx", -QUARTER), ("ry", "a")], ["sx"], ["sx"]),
        ([("rx", "a"), ("ry", -QUARTER)], ["sx"], ["sx"]),
        ([("rz", "a"), ("rx", -QUARTER), ("rz", "b")], ["sx"], ["sx"]),
        ([("rz", "a"), ("rx", -QUARTER), ("ry", "b")], ["sx"], ["sx"]),
        ([("rx", QUARTER), ("ry", "a"), ("rx", -QUARTER)], [], []),
        ([("rx", QUARTER), ("ry", "a"), ("rx", QUARTER)], ["x"], ["x"]),
        ([("rx", QUARTER), ("rz", "a"), ("rx", -QUARTER)], ["sx", "sx"], ["rx"]),
        ([("rx", QUARTER), ("ry", "a"), ("rx", "b"), ("ry", -QUARTER), ("ry", "c"), ("rz", "d")], None, None),
        ([("ry", "a"), ("rx", QUARTER), ("rz", "b"), ("ry", "c")], None, None),
        ([("rx", QUARTER), ("ry", QUARTER), ("rz", QUARTER)], ["sx"], ["sx"]),
        ([("ry", QUARTER), ("rx", np.pi), ("ry", QUARTER)], ["x"], ["x"]),
        ([("rx", QUARTER), ("ry", QUARTER), ("rx", -QUARTER), ("rz", 0.3)], [], []),
    ],
)
def test_free_rotations_between_alignments_take_pulses_as_if_aligned(run, sx_pulses, rx_pulses):
    factors = [rotation for gate, angle in run for rotation in rotations(op(gate, 0, angles=[angle]))]
    assert (symbolic(simplify(factors)) is None) == (sx_pulses is None)
    assert pulses(factors, "sx, x, rz") == (["sx", "sx"] if sx_pulses is None else sx_pulses)
    assert pulses(factors, "sx, x, rx, rz") == (["rx"] if rx_pulses is None else rx_pulses)


def test_quarter_turns_that_undo_each_other_leave_nothing():
    around = [Rotation(axis, Affine(sign * QUARTER)) for axis, sign in (("x", 1), ("y", 1), ("x", -1), ("z", 1))]
    assert simplify(around) == ()


def test_a_slot_that_reads_as_z_y_z_is_left_as_it_reads():
    lam, theta, phi = (Affine(0.1, {name: 1.0}) for name in ("a", "b", "c"))
    run = (Rotation("z", lam), Rotation("y", theta), Rotation("z", phi))
    assert simplify(run) == run
    three = Affine(3 * QUARTER)
    assert simplify([run[0], Rotation("y", three), run[2]]) == (run[0], Rotation("y", three), run[2])
    assert simplify([Rotation("z", three), run[1]]) == (Rotation("x", -theta), Rotation("z", three))


@pytest.mark.parametrize("scale", [1.0, 1e-9, 0.0])
def test_euler_angles_rebuild_every_row(scale):
    generator = np.random.default_rng(3)
    raw = np.eye(2) + scale * (generator.normal(size=(500, 2, 2)) + 1j * generator.normal(size=(500, 2, 2)))
    unitaries = np.linalg.qr(raw)[0]
    unitaries /= np.sqrt(np.linalg.det(unitaries))[:, None, None]
    lam, theta, phi = euler_angles(unitaries).T
    rebuilt = GATES["rz"].matrix(phi) @ GATES["ry"].matrix(theta) @ GATES["rz"].matrix(lam)
    sign = np.sign(np.einsum("nij,nij->n", rebuilt.conj(), unitaries).real)[:, None, None]
    assert np.abs(rebuilt - sign * unitaries).max() < 1e-12
