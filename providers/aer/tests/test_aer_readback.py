"""Reading back: what Aer is handed does the same as the work, and what is wrong with it is seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import provider_cases as cases
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.provider import Work
from qadapt_aer import lower, provider
from qadapt_aer.provider import AerBackend

BACKEND = AerBackend()


@settings(max_examples=60, deadline=None)
@given(cases.works(tuple(lower.NATIVE)))
def test_what_is_sent_does_the_same(made: tuple[Circuit, Bindings]) -> None:
    assert cases.lowered_gap(BACKEND, *made) < 1e-12


@pytest.mark.parametrize("case", [cases.idle, cases.scattered, cases.half_free, cases.many_names, cases.shared_columns])
def test_cases_that_hide_mistakes(case) -> None:  # type: ignore[no-untyped-def]
    assert cases.lowered_gap(BACKEND, *case()) < 1e-12


def test_gates_are_read_as_they_are_named() -> None:
    """Also those that Aer is handed as matrices."""
    names = [name for name, steps in lower.NATIVE.items() if len(steps) == 1 and name != "prx"]
    for name in names:
        qubits, angles = cases.GATES[name].qubits, [0.3, -9.7, 1e-9][: len(cases.GATES[name].parameters)]
        circuit = Circuit(num_qubits=5, operations=[op(name, *range(4, 4 - qubits, -1), angles=angles)], measured=[4])
        assert BACKEND.lowered(Work(circuit, cases.NONE, 1), 0) == circuit


def test_what_is_refused() -> None:
    cases.check_no_such_row(BACKEND)


def test_rows_of_later_calls_are_read_from_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "_MAX_EXPERIMENTS", 4)
    assert cases.lowered_gap(BACKEND, *cases.scattered()) < 1e-12
    assert cases.lowered_gap(BACKEND, *cases.half_free()) < 1e-12


def test_wrong_values_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = lower.Lowered.values
    monkeypatch.setattr(
        lower.Lowered, "values", lambda *args: {s: np.roll(v, 1).tolist() for s, v in right(*args).items()}
    )
    assert cases.lowered_gap(BACKEND, *cases.scattered()) > 0.1


def test_a_wrong_gate_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower, "NATIVE", {**lower.NATIVE, "crx": lower.NATIVE["cry"], "iswap": lower.NATIVE["swap"]})
    for gate in (op("crx", 0, 1, angles=[0.4]), op("iswap", 0, 1)):
        assert cases.lowered_gap(BACKEND, Circuit(num_qubits=2, operations=[gate], measured=[0]), cases.NONE) > 0.1


def test_wrong_bits_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = lower.save

    def turned(lowered, component):  # type: ignore[no-untyped-def]
        reads = tuple(type(r)(r.register, r.bits, r.qubits[::-1]) for r in component.reads)
        return right(lowered, type(component)(component.qubits, component.gates, component.angles, reads))

    monkeypatch.setattr(provider, "save", turned)
    assert cases.lowered_gap(BACKEND, *cases.many_names()) == np.inf
