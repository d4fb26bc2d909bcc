"""Reading back: what Aer is handed and what would be posted do the same as the work, and nothing is posted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from requests import Request

import provider_cases as cases
from clouds.ibm import MACHINE, IBMCloud
from ibm_cases import BINDINGS, CIRCUIT, FIXED, Open
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import BindingsError, NotSupportedError, ProviderError, TargetError
from qadapt.provider import Lowering, Work
from qadapt_conformance import Tier, Verdict, run_suite
from qadapt_ibm import fake, service, wire
from qadapt_ibm.fake import FakeBackend
from qadapt_ibm.lower import Lowered

RULES = ["LOWER-1", "LOWER-2", "LOWER-3"]


@pytest.fixture(scope="module")
def kingston() -> FakeBackend:
    return FakeBackend("fake_kingston")


def spread(made: tuple[Circuit, Bindings], places: tuple[int, ...], num_qubits: int) -> Work:
    """A work on other qubits."""
    circuit, bindings = made
    moved = [o.moved(tuple(places[q] for q in o.qubits), o.angles) for o in circuit.operations]
    measured = [[places[q] for q in register] for register in circuit.measured]
    return Work(Circuit(num_qubits=num_qubits, operations=moved, measured=measured), bindings, 10)


def expected(work: Work, row: int) -> Circuit:
    return work.bindings.bound(work.circuit, row)


def by_place(circuit: Circuit) -> list[tuple[int, list[object]]]:
    """Gates of each qubit in order; cz counts for both."""
    gates: dict[int, list[object]] = {}
    for o in circuit.gates():
        for qubit in o.qubits:
            gates.setdefault(qubit, []).append((o.gate, frozenset(o.qubits), o.angles))
    return sorted(gates.items())


LINE = (22, 23, 24, 25)
"""Coupled qubits of Kingston."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases.works(("rz", "sx", "x")))
def test_fake_machines_are_handed_the_work(kingston: FakeBackend, made: tuple[Circuit, Bindings]) -> None:
    work = spread(made, LINE, 156)
    for row in range(work.bindings.rows):
        sent, wanted = kingston.lowered(work, row), expected(work, row)
        assert sent.measured == wanted.measured
        seen = {qubit for register in work.circuit.measured for qubit in register}
        assert by_place(sent) == [each for each in by_place(wanted) if each[0] in seen]


def test_rows_of_later_calls_are_read_from_them(kingston: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake, "_MAX_EXPERIMENTS", 5)
    free = [op("rz", 0, angles=["a"]), op("sx", 0), op("rz", 1, angles=[Parameter(name="b", scale=-2.0)]), op("x", 2)]
    circuit = Circuit(num_qubits=3, operations=free, measured=[[2, 0], [1]])
    work = spread((circuit, Bindings.of({"a": np.arange(7.0), "b": 0.1 * np.arange(7)})), LINE, 156)
    for row in range(7):
        assert by_place(kingston.lowered(work, row)) == by_place(expected(work, row))


def test_a_fake_machine_refuses_first(kingston: FakeBackend) -> None:
    with pytest.raises(TargetError, match="not native"):
        kingston.lowered(Work(cases.RY, cases.ONE, 10), 0)
    with pytest.raises(BindingsError, match="row 1 of"):
        kingston.lowered(Work(FIXED, cases.NONE, 10), 1)


def test_a_fake_machine_keeps_the_rules(kingston: FakeBackend) -> None:
    """Among their works is one of two registers on connected qubits."""
    report = run_suite(kingston, tier=Tier.OFFLINE, rules=RULES)
    assert [report.of(rule).message for rule in RULES] == [""] * 3


def test_wrong_values_are_seen(kingston: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Lowered.values
    monkeypatch.setattr(Lowered, "values", lambda *args: {s: v[1:] + v[:1] for s, v in right(*args).items()})
    report = run_suite(kingston, tier=Tier.OFFLINE, rules=RULES)
    assert report.of("LOWER-2").verdict is Verdict.VIOLATES


def test_what_would_be_posted_is_the_work(cloud: IBMCloud, connect: Open) -> None:
    backend = connect()
    assert isinstance(backend, Lowering)
    asked = len(cloud.log)
    for row in range(BINDINGS.rows):
        work = Work(CIRCUIT, BINDINGS, 10)
        sent = backend.lowered(work, row)
        assert sent.measured == CIRCUIT.measured
        assert by_place(sent) == by_place(expected(work, row))
    fixed = Work(FIXED, Bindings.of({}, shape=(3,)), 10)
    assert [backend.lowered(fixed, row).measured for row in range(3)] == [FIXED.measured] * 3
    assert len(cloud.log) == asked
    assert not cloud.jobs


def test_a_machine_of_the_service_keeps_the_rules_and_posts_nothing(cloud: IBMCloud, connect: Open) -> None:
    backend = connect(f"{MACHINE}-fractional", mode="batch")
    asked = len(cloud.log)
    report = run_suite(backend, tier=Tier.OFFLINE, rules=RULES)
    assert [report.of(rule).message for rule in RULES] == [""] * 3
    assert (len(cloud.log), len(cloud.jobs)) == (asked, 0)


def test_the_service_s_columns_are_read_as_it_takes_them(connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns in another order than Qiskit's of the parameters are seen."""
    right = Lowered.array
    monkeypatch.setattr(Lowered, "array", lambda *args: right(*args)[:, ::-1])
    report = run_suite(connect(), tier=Tier.OFFLINE, rules=RULES)
    assert report.of("LOWER-2").verdict is Verdict.VIOLATES


@pytest.mark.parametrize("options", [{"twirl_gates": True}, {"dynamical_decoupling": "XX"}])
def test_what_is_twirled_or_decoupled_cannot_be_read_back(connect: Open, options: dict[str, object]) -> None:
    backend = connect(**options)
    with pytest.raises(NotSupportedError):
        backend.lowered(Work(CIRCUIT, BINDINGS, 64), 0)
    assert run_suite(backend, tier=Tier.OFFLINE, rules=RULES).of("LOWER-2").verdict is Verdict.NOT_RUN


def test_a_client_that_asks_before_it_posts_is_held_back(
    cloud: IBMCloud, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = connect()
    asked = len(cloud.log)
    monkeypatch.setattr(service.ServiceBackend, "_run", lambda self, *_: self._service.usage())
    with pytest.raises(ProviderError, match="before it had the job"):
        backend.lowered(Work(CIRCUIT, BINDINGS, 10), 0)
    assert len(cloud.log) == asked
    request = Request("POST", f"{cloud.url}/v1/jobs").prepare()
    with wire.withholding():
        wire.Transport().send(request)
        pytest.fail("it went out")
    assert len(cloud.log) == asked
    monkeypatch.undo()
    assert backend.submit([Work(CIRCUIT, BINDINGS, 10)], tag="after it")
    with wire.withholding() as kept:
        pass
    assert kept == []
