"""Reading back: the circuits and values that Cirq is handed do the same as the work, and mistakes are seen."""

from __future__ import annotations

from importlib import import_module
from math import pi

import cirq
import numpy as np
import pytest
from hypothesis import given, settings

import provider_cases as cases
from oracles import phase_distance, unitary
from qadapt.circuit import Circuit, op
from qadapt.errors import NotSupportedError
from qadapt.provider import Work
from qadapt_cirq import lower, noisy, readback, wrap
from qadapt_cirq.exact import target
from qadapt_cirq.lower import NATIVE
from qadapt_cirq.provider import CirqProvider
from qadapt_conformance import Tier, Verdict, run_suite

RULES = ["LOWER-1", "LOWER-2", "LOWER-3"]
IDEAL = target("simulator")


def backends():
    """One of each kind, all of every gate."""
    model = cirq.ConstantQubitNoiseModel(cirq.depolarize(0.02))
    return [CirqProvider().open("simulator"), noisy(model), wrap(cirq.Simulator(), IDEAL)]


BACKENDS = backends()


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: type(backend).__name__)
@settings(max_examples=30, deadline=None)
@given(made=cases.works(tuple(NATIVE)))
def test_what_is_handed_over_does_the_same(backend, made):
    circuit, bindings = made
    full = circuit.model_copy(update={"measured": (tuple(range(circuit.num_qubits))[::-1],)})
    assert cases.lowered_gap(backend, full, bindings) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: type(backend).__name__)
@pytest.mark.parametrize("case", [cases.idle, cases.scattered, cases.half_free, cases.many_names, cases.shared_columns])
def test_cases_that_hide_mistakes(backend, case):
    assert cases.lowered_gap(backend, *case()) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: type(backend).__name__)
def test_what_is_refused(backend):
    cases.check_no_such_row(backend)


@pytest.mark.parametrize(
    "gate",
    [
        cirq.X**0.3,
        cirq.Rx(rads=0.4),
        cirq.ControlledGate(cirq.Z**0.7),
        cirq.ControlledGate(cirq.YPowGate(exponent=0.3, global_shift=0.2)),
        cirq.ISWAP**0.5,
        cirq.CZ**-0.3,
        cirq.PhasedXZGate(x_exponent=0.3, z_exponent=-0.6, axis_phase_exponent=1.2),
        cirq.ControlledGate(cirq.H),
    ],
    ids=str,
)
def test_gates_of_cirq_are_written_as_ours(gate):
    qubits = cirq.LineQubit.range(cirq.num_qubits(gate))
    found = readback.whole(cirq.Circuit(gate(*qubits)), cirq.ParamResolver({}), qubits)
    wanted = cirq.Circuit(gate(*qubits)).unitary(qubit_order=qubits[::-1])
    assert phase_distance(unitary(found, cases.NONE, 0), wanted) < 1e-12


@pytest.mark.parametrize(
    "operation",
    [
        cirq.ControlledGate(cirq.X, control_values=[0])(*cirq.LineQubit.range(2)),
        cirq.CNOT(*cirq.LineQubit.range(2)) ** 0.5,
        cirq.measure(cirq.LineQubit(0), key="m0", invert_mask=[True]),
        cirq.ControlledGate(cirq.T, num_controls=2)(*cirq.LineQubit.range(3)),
    ],
    ids=str,
)
def test_what_has_no_form_is_refused(operation):
    with pytest.raises(NotSupportedError, match="no form"):
        readback.whole(cirq.Circuit(operation), cirq.ParamResolver({}), cirq.LineQubit.range(3))


def test_a_processor_is_read_with_what_stands_for_its_cz():
    """Two square roots of iswap and five turns, on the device's own qubits."""
    rainbow = CirqProvider().open("rainbow")
    report = run_suite(rainbow, tier=Tier.OFFLINE, rules=RULES)
    assert [report.of(rule).message for rule in RULES] == [""] * 3
    pair = min(rainbow.target.couplings)
    sent = rainbow.lowered(Work(Circuit(num_qubits=23, operations=[op("cz", *pair)], measured=pair), cases.NONE, 1), 0)
    assert {o.gate for o in sent.operations} == {"rphi", "rz", "rxx", "ryy"}


def test_wrong_values_are_seen(monkeypatch):
    right = lower.half_turns
    for name in ("lower", "noisy", "sampler"):  # as modules: qadapt_cirq.noisy is also a function
        monkeypatch.setattr(
            import_module(f"qadapt_cirq.{name}"), "half_turns", lambda angles: np.roll(right(angles), 1, axis=0)
        )
    for backend in backends():
        assert run_suite(backend, tier=Tier.OFFLINE, rules=RULES).of("LOWER-2").verdict is Verdict.VIOLATES


def test_wrong_gates_are_seen(monkeypatch):
    wrong = {**lower.gates(), "cy": lambda: cirq.ControlledGate(cirq.X), "p": lambda t: cirq.ZPowGate(exponent=-t)}
    monkeypatch.setattr(lower, "gates", lambda: wrong)
    for gate in (op("cy", 0, 1), op("p", 0, angles=[pi / 5])):
        circuit = Circuit(num_qubits=2, operations=[op("h", 0), gate], measured=[0, 1])
        assert cases.lowered_gap(CirqProvider().open("simulator"), circuit, cases.NONE) > 0.1


def test_wrong_registers_are_seen(monkeypatch):
    monkeypatch.setattr(cirq, "measure", lambda *qubits, key: cirq.MeasurementGate(len(qubits), key).on(*qubits[::-1]))
    _, under_noise, sampler = backends()
    assert cases.lowered_gap(sampler, *cases.many_names()) == np.inf
    with pytest.raises(ValueError, match="changes the measurements"):
        cases.lowered_gap(under_noise, *cases.many_names())
