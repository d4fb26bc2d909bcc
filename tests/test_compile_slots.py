"""Slots: every one-qubit gate as rotations, and Euler angles of whole batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import angles, phase_distance
from qadapt.circuit import Parameter, op
from qadapt.compile.slots import Rotation, euler_angles, matrices, rotations, simplify, symbolic
from qadapt.gates import GATES

ONE_QUBIT = [gate for gate in GATES.values() if gate.qubits == 1]
VALUES = {"b10": 0.3, "b2": -1.7, "B": 2.9, "a[10]": 0.01, "a[2]": 5.0, "zz": -3.3, "_t": 1.1, "x.y": 0.7}


def evaluate(angle):
    return np.array(angle.offset + sum(weight * VALUES[name] for name, weight in angle.terms.items()))


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
        again = [Rotation("z", euler.lam), Rotation("y", euler.theta), Rotation("z", euler.phi)]
        assert phase_distance(matrices(again, evaluate), dense(operations)) < 1e-12


def test_a_run_about_two_axes_by_parameters_has_no_symbolic_form():
    run = [op("ry", 0, angles=["zz"]), op("rx", 0, angles=["b2"])]
    assert symbolic(simplify(rotation for operation in run for rotation in rotations(operation))) is None


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
