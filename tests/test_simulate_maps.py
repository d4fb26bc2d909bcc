"""Maps: waves and constants rebuild every matrix of the gate table, on amplitudes and on Pauli vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.circuit import Parameter
from qadapt.gates import GATES
from qadapt.simulate.maps import Slots, Sum, amplitude, gate_map, merged, pauli, turns
from simulate_oracles import transfer


def evaluate(name, angles, represent):
    """Product of a gate's maps for one row."""
    gate = GATES[name]
    parameters = tuple(Parameter(name=f"p{i}", scale=1.0) for i in range(len(angles)))
    qubits = tuple(range(gate.qubits))
    slots, values = Slots(), {f"p{i}": angle for i, angle in enumerate(angles)}
    product = np.eye((2 if represent is amplitude else 4) ** gate.qubits)
    for turn in turns([(name, qubits)], [[parameters]]):
        total = 0.0
        for wave, matrix in gate_map(turn, slots, represent).terms.items():
            weight = 1.0
            if wave is not None:
                (angle,) = slots.angles[wave.slot]
                value = angle.offset + sum(scale * values[column] for column, scale in angle.terms)
                weight = (np.sin if wave.sine else np.cos)(wave.harmonic * value / 2)
            total = total + weight * matrix[0]
        product = total @ product
    return product


@pytest.mark.parametrize("name", sorted(GATES))
@given(data=st.data())
def test_every_gate_is_rebuilt(name, data):
    angles = [data.draw(st.floats(-20, 20)) for _ in GATES[name].parameters]
    matrix = GATES[name].matrix(*angles)
    np.testing.assert_allclose(evaluate(name, angles, amplitude), matrix, atol=1e-13)


@pytest.mark.parametrize("name", sorted(name for name, gate in GATES.items() if gate.qubits < 3))
def test_every_pauli_transfer_matrix_is_rebuilt(name):
    rng = np.random.default_rng(0)
    for _ in range(3):
        angles = rng.normal(scale=3, size=len(GATES[name].parameters))
        expected = transfer([np.asarray(GATES[name].matrix(*angles))])
        np.testing.assert_allclose(evaluate(name, angles, pauli), expected, atol=1e-13)


@pytest.mark.parametrize("name", ["x", "ry", "h", "cz", "cx", "swap", "cry", "ccx"])
def test_real_gates_are_real(name):
    (turn,) = turns(
        [(name, tuple(range(GATES[name].qubits)))], [[(Parameter(name="a"),) * len(GATES[name].parameters)]]
    )
    assert gate_map(turn, Slots(), amplitude).real


def test_neighbouring_rotations_about_one_axis_are_added():
    def turn(name, qubits, *angles):
        return turns([(name, qubits)], [[angles]])[0]

    a, b = Parameter(name="a", scale=2.0), Parameter(name="b", offset=0.5)
    made = merged(
        [
            turn("ry", (0,), a),
            turn("ry", (1,), 0.25),
            turn("ry", (0,), b),
            turn("rz", (0,), a),
            turn("p", (0,), a),
            turn("cz", (0, 1)),
            turn("ry", (1,), a),
            turn("ry", (1,), a.shifted(-1.0)),
        ]
    )
    assert [(t.gate, t.qubits) for t in made] == [
        *(("ry", (0,)), ("ry", (1,)), ("rz", (0,)), ("p", (0,)), ("cz", (0, 1)), ("ry", (1,)))
    ]
    assert made[0].angles == ((Sum(0.5, (("a", 2.0), ("b", 1.0))),),)
    assert made[-1].angles == ((Sum(0.0, ()),),)


def test_tiles_of_equal_angles_share_one():
    (turn,) = turns([("ry", (0,))], [[(Parameter(name="a"),)] * 3])
    assert len(turn.angles[0]) == 1
    (turn,) = turns([("ry", (0,))], [[(Parameter(name="a"),), (0.5,), (Parameter(name="b"),)]])
    assert len(turn.angles[0]) == 3
    assert turn.variable
