"""What a task is created from: the SDK's own models, which look at every value, say the same."""

from __future__ import annotations

import json

from braket.ir.openqasm import Program, ProgramSet
from hypothesis import given, settings
from hypothesis import strategies as st

from clouds.braket import machine
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.provider import Work
from qadapt_braket.program import source, task
from qadapt_braket.properties import read

DEVICE = read(machine(), name="garnet", source="test", text=json.dumps(machine()))
CIRCUIT = Circuit(
    num_qubits=20,
    operations=[op("prx", 0, angles=["t", 0.1]), op("cz", 0, 1), op("prx", 1, angles=["s", "t"])],
    measured=[1, 0],
)
ANGLES = st.floats(-7, 7).map(lambda angle: angle + 0.0)  # no -0.0


@settings(deadline=None)  # the first builds the circuit
@given(st.lists(st.tuples(ANGLES, ANGLES), min_size=1, max_size=5))
def test_the_models_of_the_sdk_say_the_same(rows):
    made = task(Work(CIRCUIT, Bindings.rows_of(("t", "s"), rows), 30), DEVICE)
    text, angles = source(CIRCUIT, DEVICE.labels, DEVICE.as_rx)
    names = [angle.name for angle in angles]
    inputs = {f"a{number}": [row["ts".index(name)] for row in rows] for number, name in enumerate(names)}
    assert sorted(set(names)) == ["s", "t"]
    assert made == {
        "action": ProgramSet(programs=[Program(source=text, inputs=inputs)]).json(),
        "shots": 30 * len(rows),
    }


def test_a_program_without_inputs_is_there_once_for_every_row():
    fixed = Circuit(num_qubits=20, operations=[op("prx", 4, angles=[0.3, 0.0])], measured=[4])
    made = task(Work(fixed, Bindings.of({}, shape=(3,)), 7), DEVICE)
    text, _ = source(fixed, DEVICE.labels, DEVICE.as_rx)
    assert made == {"action": ProgramSet(programs=[Program(source=text)] * 3).json(), "shots": 21}
