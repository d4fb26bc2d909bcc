"""Compiled: the compiler is right on chips and simulators, and each of its mistakes is seen by its rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qadapt import Backend, Bindings, Circuit, Compiled, Operation, Site, Target, backend, compile_circuit, op
from qadapt_conformance import Tier, Verdict, run_suite
from qadapt_conformance.mutants.right import Chip
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.rules import compiled as rules
from qadapt_conformance.rules.compiled import cases, far, misfits

RULES = [f"COMPILE-{number}" for number in range(1, 5)]

Change = Callable[[Compiled], Compiled]


@pytest.fixture
def chip(right: Backend) -> Backend:
    return Chip(right)


@pytest.mark.parametrize("native", [("cz", "sx", "x", "rz"), ("cz", "u3"), ("cz", "rphi")], ids="-".join)
def test_right_chips_conform_offline(right: Backend, native: tuple[str, ...]) -> None:
    report = run_suite(Chip(right, native), tier=Tier.OFFLINE, rules=RULES)
    assert [report.of(name).message for name in RULES] == [""] * 4
    assert report.jobs == 0


@pytest.mark.parametrize("name", ["local:statevector", "local:emulator/heron-r2-fractional"])
def test_right_backends_conform_offline(name: str) -> None:
    report = run_suite(backend(name), tier=Tier.OFFLINE, rules=RULES)
    assert [report.of(rule).verdict for rule in RULES] == [Verdict.CONFORMS] * 4


def _operations(compiled: Compiled, operations: Any) -> Compiled:
    return replace(compiled, circuit=compiled.circuit.model_copy(update={"operations": tuple(operations)}))


def _moved(compiled: Compiled) -> Compiled:
    """A gate from behind the first fence that is not at the beginning moves before it."""
    steps = list(compiled.circuit.operations)
    fences = [n for n, o in enumerate(steps) if o.is_fence and n]
    behind = [n for n, o in enumerate(steps) if fences and n > fences[0] and o.gate == "cz"]
    if behind:
        steps.insert(fences[0], steps.pop(behind[0]))
    return _operations(compiled, steps)


def _merged(compiled: Compiled) -> Compiled:
    """Two equal entangling gates with nothing but a fence between them vanish."""
    steps = list(compiled.circuit.operations)
    for n in range(len(steps) - 2):
        if steps[n].gate == "cz" and steps[n + 1].is_fence and steps[n + 2] == steps[n]:
            return _operations(compiled, [*steps[:n], steps[n + 1], *steps[n + 3 :]])
    return compiled


def _unfenced(compiled: Compiled) -> Compiled:
    return _operations(compiled, [o for o in compiled.circuit.operations if not o.is_fence])


def _measured(compiled: Compiled) -> Compiled:
    registers = tuple(tuple(sorted(register)) for register in compiled.circuit.measured)
    return replace(compiled, circuit=compiled.circuit.model_copy(update={"measured": registers}))


def _last_lost(compiled: Compiled) -> Compiled:
    steps = list(compiled.circuit.operations)
    last = max((n for n, o in enumerate(steps) if not o.is_fence and o.gate != "rz"), default=None)
    return compiled if last is None else _operations(compiled, steps[:last] + steps[last + 1 :])


def _swapped_final(compiled: Compiled) -> Compiled:
    return replace(compiled, final=compiled.final[::-1])


def _foreign(compiled: Compiled) -> Compiled:
    steps = [o.model_copy(update={"gate": "p"}) if o.gate == "rz" else o for o in compiled.circuit.operations]
    return _operations(compiled, steps)


def _far(compiled: Compiled) -> Compiled:
    steps = [o.moved((0, 11), ()) if o.gate == "cz" else o for o in compiled.circuit.operations]
    return _operations(compiled, steps)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("COMPILE-1", _foreign),
        ("COMPILE-1", _far),
        ("COMPILE-2", _measured),
        ("COMPILE-2", _last_lost),
        ("COMPILE-2", _swapped_final),
        ("COMPILE-3", _measured),
        ("COMPILE-3", _swapped_final),
        ("COMPILE-4", _unfenced),
        ("COMPILE-4", _moved),
        ("COMPILE-4", _merged),
    ],
)
def test_wrong_compilers(chip: Backend, rule: str, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "compile_circuit", lambda *args, **options: change(compile_circuit(*args, **options)))
    assert run_suite(chip, rules=[rule], tier=Tier.OFFLINE).of(rule).verdict is Verdict.VIOLATES


def test_a_layout_that_is_not_kept(chip: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(*args: Any, layout: Any = None, **options: Any) -> Compiled:
        return compile_circuit(*args, **options)

    monkeypatch.setattr(rules, "compile_circuit", deaf)
    assert run_suite(chip, rules=["COMPILE-3"]).of("COMPILE-3").verdict is Verdict.VIOLATES


def test_an_effort_that_is_wrong_is_seen(chip: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def best_is_wrong(*args: Any, effort: Any = "fast", **options: Any) -> Compiled:
        made = compile_circuit(*args, effort=effort, **options)
        return _last_lost(made) if effort == "best" else made

    monkeypatch.setattr(rules, "compile_circuit", best_is_wrong)
    assert run_suite(chip, rules=["COMPILE-2"]).of("COMPILE-2").verdict is Verdict.VIOLATES


def test_a_target_that_nothing_compiles_to(right: Backend) -> None:
    class Odd(Wrapped):
        name = "acme:odd"
        target = Target(name="odd", num_qubits=4, native=("iswap", "x"))

    report = run_suite(Odd(right), tier=Tier.OFFLINE, rules=RULES)
    assert [report.of(name).verdict for name in RULES] == [Verdict.VIOLATES] * 4


LINE = Target(
    name="line",
    num_qubits=5,
    native=("cz", "rzz", "cx", "x", "rz"),
    sites={
        "cz": (Site(qubits=(0, 1), error=0.01), Site(qubits=(1, 2), error=0.5), Site(qubits=(2, 3))),
        "cx": (Site(qubits=(0, 1), error=0.01),),
        "rzz": (Site(qubits=(0, 1), error=0.01),),
        "x": (*(Site(qubits=(q,), error=0.001) for q in range(4)), Site(qubits=(4,), error=0.9)),
    },
    ranges={"rzz": (0.0, np.pi / 2)},
)


@pytest.mark.parametrize(
    ("operation", "wrong"),
    [
        (op("cz", 0, 1), 0),
        (op("cz", 1, 0), 0),
        (op("cx", 0, 1), 0),
        (op("cx", 1, 0), 1),
        (op("cz", 1, 2), 1),
        (op("cz", 2, 3), 1),
        (op("cz", 0, 2), 1),
        (op("x", 4), 2),
        (op("x", 3), 0),
        (op("h", 0), 1),
        (op("rzz", 1, 0, angles=[1.5]), 0),
        (op("rzz", 0, 1, angles=[1.6]), 1),
        (op("rzz", 0, 1, angles=["a"]), 1),
    ],
)
def test_misfits(operation: Operation, wrong: int) -> None:
    circuit = Circuit(num_qubits=5, operations=[operation], measured=[0])
    values = {"a": [0.1, -0.2]} if circuit.parameters else {}
    assert len(misfits(circuit, Bindings.of(values), LINE)) == wrong


def test_small_chips_get_the_cases_that_they_have_the_qubits_for() -> None:
    pair = Target(name="pair", num_qubits=2, native=("cz", "u3"))
    assert {case[0].num_qubits for case in cases(pair)} == {1, 2}
    assert max(case[0].num_qubits for case in cases(backend("local:statevector").target)) == 4


def test_the_far_circuit_is_routed(chip: Backend) -> None:
    """Without a route COMPILE-3 would see nothing move."""
    compiled = compile_circuit(far(), chip.target)
    assert compiled.layout != compiled.final
