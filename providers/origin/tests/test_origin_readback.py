"""Reading back: the programs that pyQPanda3 is handed, and the OriginIR that it sends, do the same as the work."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import provider_cases as cases
from clouds.origin import Served
from oracles import phase_distance, unitary
from origin_cases import work
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import BindingsError, CircuitError, NotSupportedError, TargetError
from qadapt.provider import Lowering, Work
from qadapt_conformance import Tier, Verdict, run_suite
from qadapt_origin import cloud as cloud_module
from qadapt_origin import lower as lower_module
from qadapt_origin import readback
from qadapt_origin.cloud import CloudBackend
from qadapt_origin.errors import sdk
from qadapt_origin.lower import NATIVE
from qadapt_origin.provider import OriginBackend, OriginProvider

RULES = ["LOWER-1", "LOWER-2", "LOWER-3"]


@pytest.fixture(scope="module")
def cpu() -> OriginBackend:
    opened = OriginProvider().open("cpu")
    assert isinstance(opened, OriginBackend)
    return opened


@settings(max_examples=60, deadline=None)
@given(made=cases.works(tuple(NATIVE)))
def test_what_a_simulator_is_handed_does_the_same(cpu: OriginBackend, made: tuple[Circuit, Bindings]) -> None:
    assert cases.lowered_gap(cpu, *made) < 1e-12


@pytest.mark.parametrize("case", [cases.idle, cases.scattered, cases.half_free, cases.many_names, cases.shared_columns])
def test_cases_that_hide_mistakes(cpu: OriginBackend, case) -> None:  # type: ignore[no-untyped-def]
    assert cases.lowered_gap(cpu, *case()) < 1e-12


def test_gates_are_read_as_they_are_named(cpu: OriginBackend) -> None:
    for name in (name for name in NATIVE if name != "rphi"):
        qubits, angles = cases.GATES[name].qubits, [0.3, -9.7, 1e-9][: len(cases.GATES[name].parameters)]
        places = range(5 - qubits, 5) if name == "cz" else range(4, 4 - qubits, -1)
        circuit = Circuit(num_qubits=5, operations=[op(name, *places, angles=angles)], measured=[4])
        assert cpu.lowered(Work(circuit, cases.NONE, 1), 0) == circuit


def test_what_is_refused(cpu: OriginBackend) -> None:
    cases.check_no_such_row(cpu)


def test_wrong_gates_and_values_are_seen(cpu: OriginBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    right = lower_module._angles
    monkeypatch.setattr(lower_module, "_angles", lambda *args: np.roll(right(*args), 1, axis=0))
    assert run_suite(cpu, tier=Tier.OFFLINE, rules=RULES).of("LOWER-2").verdict is Verdict.VIOLATES
    monkeypatch.undo()
    monkeypatch.setattr(lower_module, "NATIVE", {**NATIVE, "sdg": NATIVE["s"], "crz": NATIVE["cp"]})
    for gate in (op("sdg", 0), op("crz", 0, 1, angles=[0.4])):
        circuit = Circuit(num_qubits=2, operations=[op("h", 0), gate], measured=[0, 1])
        assert cases.lowered_gap(cpu, circuit, cases.NONE) > 0.05


def test_a_chip_is_read_as_the_client_writes_it(opened: CloudBackend, cloud: Served) -> None:
    """With eight decimals: five angles, each off by 5e-9 at most."""
    asked = len(cloud.requests())
    made = work(rows=4, measured=((8, 14), (2,)))  # the middle rows have more than eight decimals
    small = {2: 0, 8: 1, 14: 2}
    off = []
    for row in range(4):
        sent = opened.lowered(made, row)
        assert sent.measured == made.circuit.measured
        both = [
            Circuit(num_qubits=3, operations=[o.moved(tuple(small[q] for q in o.qubits), o.angles) for o in each])
            for each in (sent.operations, made.bindings.bound(made.circuit, row).operations)
        ]
        off.append(phase_distance(*(unitary(each, cases.NONE, 0) for each in both)))
    assert 1e-10 < max(off) < 5 * 5e-9
    assert len(cloud.requests()) == asked
    with pytest.raises(TargetError, match="not native"):
        opened.lowered(Work(cases.RY, cases.ONE, 10), 0)
    with pytest.raises(BindingsError, match="row 4 of"):
        opened.lowered(made, 4)


def test_what_is_sent_is_what_is_read(opened: CloudBackend, cloud: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of the request, by the loopback cloud, and the text that is read back are the same."""
    texts: list[str] = []
    right = readback.sent
    monkeypatch.setattr(
        readback, "sent", lambda program, widths: texts.append(program.originir()) or right(program, widths)
    )
    made = work(rows=2)
    opened.submit([made], tag="to be read")
    for row in range(2):
        opened.lowered(made, row)
    bodies = [str(request) for request in cloud.requests()]
    assert any(all(line in body for text in texts for line in text.splitlines()) for body in bodies)


def test_a_chip_keeps_the_rules_in_a_worker_too(opened: CloudBackend) -> None:
    report = run_suite(opened, tier=Tier.OFFLINE, rules=RULES)
    assert [report.of(rule).message for rule in RULES] == [""] * 3
    from qadapt.isolate import IsolatedProvider

    isolated = IsolatedProvider("origin").open("wukong72-emulator")
    try:
        assert isinstance(isolated, Lowering)
        report = run_suite(isolated, tier=Tier.OFFLINE, rules=RULES)
        assert [report.of(rule).message for rule in RULES] == [""] * 3
    finally:
        isolated.close()


def test_wrong_bits_of_a_chip_are_seen(opened: CloudBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    right = cloud_module._programs

    def turned(made: Work):  # type: ignore[no-untyped-def]
        measured = tuple(register[::-1] for register in made.circuit.measured)
        return right(Work(made.circuit.model_copy(update={"measured": measured}), made.bindings, made.shots))

    monkeypatch.setattr(cloud_module, "_programs", turned)
    assert run_suite(opened, tier=Tier.OFFLINE, rules=RULES).of("LOWER-3").verdict is Verdict.VIOLATES


def test_bits_are_read_by_their_numbers_and_what_no_circuit_says_is_refused() -> None:
    core = sdk()
    odd = core.QProg(2)
    odd.append(core.MS(0, 1))
    with pytest.raises(NotSupportedError, match="MS"):
        list(readback._operations(odd))
    turned = core.QProg(3)
    for qubit, bit in ((2, 1), (0, 2), (1, 0)):
        turned.append(core.measure(qubit, bit))
    assert readback.sent(turned, (2, 1)).measured == ((1, 2), (0,))
    short = core.QProg(2)
    short.append(core.measure(1, 0))
    gapped = core.QProg(10)
    for qubit, bit in ((0, 5), (1, 9)):
        gapped.append(core.measure(qubit, bit))
    for program, widths in ((short, (1, 1)), (gapped, (1, 1)), (turned, (1, 1))):
        with pytest.raises(CircuitError, match="are measured, expected 2 from 0 on"):
            readback.sent(program, widths)
