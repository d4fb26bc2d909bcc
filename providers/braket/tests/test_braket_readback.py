"""Reading back: what Braket's simulators and machines are handed does the same as the work, and mistakes are seen."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings

import provider_cases as cases
from clouds.braket import GARNET, machine
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import CircuitError, NotSupportedError, TargetError
from qadapt.provider import Work
from qadapt_braket import lower, program, readback
from qadapt_braket.local import NATIVE
from qadapt_braket.provider import BraketProvider
from qadapt_conformance import Tier, Verdict, run_suite

RULES = ["LOWER-1", "LOWER-2", "LOWER-3"]
SQUARE = Circuit(
    num_qubits=20,
    operations=[
        op("prx", 6, angles=["a", 0.3]),
        op("prx", 0, angles=[-1e-9, "b"]),
        op("cz", 6, 5),
        op("cz", 0, 1),
        op("prx", 1, angles=["b", "a"]),
    ],
    measured=[[5, 1], [19], [0, 6]],
)
VALUES = Bindings.of({"b": [[0.1, 2.0, -3.0]], "a": [[1.0], [1 / 3]]})


@pytest.fixture(scope="module")
def local():
    return BraketProvider().open("local")


@settings(max_examples=30, deadline=None)
@given(made=cases.works(tuple(NATIVE)))
def test_what_a_simulator_is_handed_does_the_same(local, made):
    assert cases.lowered_gap(local, *made) < 1e-12


@pytest.mark.parametrize("case", [cases.idle, cases.scattered, cases.half_free, cases.many_names, cases.shared_columns])
def test_cases_that_hide_mistakes(local, case):
    assert cases.lowered_gap(local, *case()) < 1e-12


def test_gates_are_read_as_they_are_named(local):
    for name in (name for name in NATIVE if name != "rphi"):
        qubits, angles = cases.GATES[name].qubits, [0.3, -9.7, 1e-9][: len(cases.GATES[name].parameters)]
        circuit = Circuit(num_qubits=5, operations=[op(name, *range(4, 4 - qubits, -1), angles=angles)], measured=[4])
        assert local.lowered(Work(circuit, cases.NONE, 1), 0) == circuit


def test_what_is_refused(local):
    cases.check_no_such_row(local)
    with pytest.raises(NotSupportedError, match="no form"):
        readback.posted(json.dumps({"source": "OPENQASM 3.0;\nctrl @ rx(0.1) $0, $1;"}), 0, (), (0, 1))


def expected(row):
    bound = VALUES.bound(SQUARE, row)
    return {(o.qubits, o.angles) for o in bound.operations}


def test_an_emulator_is_read_without_its_noise():
    emulator = BraketProvider().open("emulator/iqm-garnet-sample")
    for row in range(VALUES.rows):
        sent = emulator.lowered(Work(SQUARE, VALUES, 10), row)
        assert sent.measured == SQUARE.measured
        assert {(o.qubits, o.angles) for o in sent.operations} == expected(row)
        assert {o.gate for o in sent.operations} == {"prx", "cz"}


def test_programs_and_bits_are_read_by_their_numbers():
    texts = [f"OPENQASM 3.0;\nbit[2] b;\n{gate} $1;\nb[1] = measure $0;\nb[0] = measure $1;" for gate in ("x", "y")]
    action = json.dumps({"programs": [{"source": text} for text in texts]})
    read = [readback.posted(action, row, (1, 1), (0, 1)) for row in range(2)]
    assert [[o.gate for o in circuit.operations] for circuit in read] == [["x"], ["y"]]
    assert {circuit.measured for circuit in read} == {((1,), (0,))}
    with pytest.raises(CircuitError, match="expected 1 from 0 on"):
        readback.posted(action, 0, (1,), (0, 1))


@pytest.mark.parametrize("program_set", [True, False])
def test_a_task_is_read_as_it_would_be_created(cloud, program_set):
    cloud.machines[GARNET] = ("Garnet", "ONLINE", machine(program_set=program_set))
    backend = BraketProvider().open("garnet")
    asked = len(cloud.log)
    rows = range(VALUES.rows if program_set else 1)
    for row in rows:
        bindings = VALUES if program_set else VALUES.slice(row, row + 1)
        sent = backend.lowered(Work(SQUARE, bindings, 10), row)
        assert sent.measured == SQUARE.measured
        assert {(o.qubits, o.angles) for o in sent.operations} == expected(row)
    fixed = Circuit(num_qubits=20, operations=[op("prx", 3, angles=[1.0, 0.0])], measured=[[4, 3]])
    still = Work(fixed, Bindings.of({}, shape=(3,) if program_set else (1,)), 10)
    assert [backend.lowered(still, row) for row in range(still.bindings.rows)] == [fixed] * still.bindings.rows
    assert (len(cloud.log), len(cloud.tasks)) == (asked, 0)


def test_a_machine_keeps_the_rules_and_is_sent_nothing(cloud):
    backend = BraketProvider().open("garnet")
    asked = len(cloud.log)
    report = run_suite(backend, tier=Tier.OFFLINE, rules=RULES)
    assert [report.of(rule).message for rule in RULES] == [""] * 3
    assert len(cloud.log) == asked
    with pytest.raises(TargetError, match="not native"):
        backend.lowered(Work(cases.RY, cases.ONE, 10), 0)


def test_wrong_columns_and_labels_are_seen(cloud, monkeypatch):
    backend = BraketProvider().open("garnet")
    right = lower.columns_of_inputs
    monkeypatch.setattr(program, "columns_of_inputs", lambda *args: {k: v[1:] + v[:1] for k, v in right(*args).items()})
    assert run_suite(backend, tier=Tier.OFFLINE, rules=RULES).of("LOWER-2").verdict is Verdict.VIOLATES
    monkeypatch.undo()
    told = program.source
    monkeypatch.setattr(program, "source", lambda circuit, labels, as_rx: told(circuit, labels[::-1], as_rx))
    report = run_suite(backend, tier=Tier.OFFLINE, rules=RULES)
    assert report.of("LOWER-3").verdict is Verdict.VIOLATES


def test_wrong_gates_and_bits_of_a_simulator_are_seen(local, monkeypatch):
    monkeypatch.setattr(lower, "NATIVE", {**lower.NATIVE, "s": "Si"})
    flipped = Circuit(num_qubits=1, operations=[op("h", 0), op("s", 0)], measured=[0])
    assert cases.lowered_gap(local, flipped, cases.NONE) > 0.1
    # The reads' qubits, and not the names of the inputs, which are sorted by a key.
    turned = lambda given, **how: sorted(given, **how)[:: 1 if how else -1]  # noqa: E731
    monkeypatch.setattr(lower, "sorted", turned, raising=False)
    assert cases.lowered_gap(local, *cases.many_names()) == np.inf
