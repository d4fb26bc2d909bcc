"""Adapters: right backends decode to the closed form, and what is wrong on the way is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qadapt import Backend, Bindings, Circuit, Counts, Parameter, Result, Work, backend
from qadapt.readout import Decoded, InputSign
from qadapt.synthesis import Synthesis
from qadapt_conformance import Tier, Verdict, adapters, run_suite
from qadapt_conformance.mutants.right import Chip
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import RULES
from qadapt_conformance.rules import adapters as rules

ADAPT = [f"ADAPT-{number}" for number in range(1, 5)]


def verdict(opened: Backend, rule: str) -> Verdict:
    return run_suite(opened, rules=[rule]).of(rule).verdict


def test_right_backends_conform(right: Backend) -> None:
    for opened in (right, Chip(right)):
        report = run_suite(opened, rules=ADAPT)
        assert [report.of(name).message for name in ADAPT] == [""] * 4


def test_noise_is_allowed_for() -> None:
    report = run_suite(backend("local:emulator/heron-r2"), rules=["ADAPT-1", "ADAPT-3"])
    assert [report.of(name).verdict for name in ("ADAPT-1", "ADAPT-3")] == [Verdict.CONFORMS] * 2


def test_small_blocks_are_for_machines() -> None:
    assert [name for name in ADAPT if Tier.HARDWARE in RULES[name].tiers] == ["ADAPT-1"]


@pytest.mark.parametrize("dim", [2, 4, 8, 16])
def test_blocks_are_rotations_that_do_something(right: Backend, dim: int) -> None:
    block = adapters.cayley_block(right.target, dim)
    assert np.allclose(np.linalg.norm(block.outputs, axis=1), 1)
    assert (np.abs(block.outputs**2 - block.inputs**2).sum(axis=1) > 0.2).all()


@pytest.mark.parametrize(("rule", "dims"), [("ADAPT-1", (2, 4)), ("ADAPT-2", (8, 16))])
def test_inverted_blocks(right: Backend, rule: str, dims: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A synthesis of the inverse is caught by the closed form, which the oracle of the circuit alone would not."""
    found = adapters.synthesise_for

    def inverted(matrices: Any, *args: Any, **options: Any) -> Synthesis:
        return found(np.transpose(matrices, (0, 2, 1)), *args, **options)

    monkeypatch.setattr(adapters, "synthesise_for", inverted)
    assert verdict(right, rule) is Verdict.VIOLATES


class Weak(Wrapped):
    """Every block angle loses a tenth."""

    def submit(self, work: Any, *, tag: str) -> str:
        return super().submit([self._weak(item) for item in work], tag=tag)

    def _weak(self, work: Work) -> Work:
        steps = [
            o.model_copy(
                update={
                    "angles": tuple(
                        a.shifted(0.9) if isinstance(a, Parameter) and a.name.startswith("k") else a for a in o.angles
                    )
                }
            )
            for o in work.circuit.operations
        ]
        circuit = Circuit(num_qubits=work.circuit.num_qubits, operations=steps, measured=work.circuit.measured)
        return replace(work, circuit=circuit)


@pytest.mark.parametrize("rule", ["ADAPT-1", "ADAPT-2"])
def test_blocks_that_are_too_weak(right: Backend, rule: str) -> None:
    assert verdict(Weak(right), rule) is Verdict.VIOLATES


def test_signs_that_are_lost(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = InputSign.decode

    def unsigned(self: InputSign, counts: Any, inputs: Any) -> Decoded:
        made = decode(self, counts, inputs)
        return Decoded(np.abs(made.values), made.errors)

    monkeypatch.setattr(InputSign, "decode", unsigned)
    assert verdict(right, "ADAPT-3") is Verdict.VIOLATES
    assert verdict(backend("local:emulator/heron-r2"), "ADAPT-3") is Verdict.VIOLATES


def _reversed(work: Work, result: Result) -> Result:
    tables = tuple(table[:, ::-1] for table in result.counts.registers)
    return replace(result, counts=Counts(tables, result.counts.shots))


def _misread(work: Work, result: Result) -> Result:
    """An eighth of the zeros of the first qubit are read as ones."""
    tables = []
    for table in result.counts.registers:
        changed = table.copy()
        moved = table[:, 0::2] // 8
        changed[:, 0::2] -= moved
        changed[:, 1::2] += moved
        tables.append(changed)
    return replace(result, counts=Counts(tuple(tables), result.counts.shots))


@pytest.mark.parametrize("rule", ["ADAPT-3", "ADAPT-4"])
@pytest.mark.parametrize("after", [_reversed, _misread])
def test_counts_that_are_wrong(right: Backend, rule: str, after: Any) -> None:
    assert verdict(Wrapped(right, after=after), rule) is Verdict.VIOLATES


def test_expectations_are_looked_at_beside_outcomes(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "agrees", lambda *args, **options: iter(()))
    assert verdict(right, "ADAPT-4") is Verdict.CONFORMS
    assert verdict(Wrapped(right, after=_misread), "ADAPT-4") is Verdict.VIOLATES


def test_expectations_are_compared_by_themselves() -> None:
    """A right distribution has no small p-value, one with a qubit flipped has."""
    circuit = rules.qtha(4)
    values = np.random.default_rng(1).uniform(-3, 3, (len(circuit.parameters), 3))
    bindings = Bindings.of(dict(zip(circuit.parameters, values, strict=True)))
    (exact,) = rules.oracle.tables(circuit, bindings)
    counts = np.random.default_rng(2).multinomial(4096, exact / exact.sum(axis=1, keepdims=True))
    good = rules._expectations(circuit, bindings, Counts((counts,), 4096))
    bad = rules._expectations(circuit, bindings, Counts((counts[:, np.arange(16) ^ 4],), 4096))
    assert good.p_value > 1e-6
    assert bad.p_value < 1e-12
    assert "qubit 2" in bad.said
