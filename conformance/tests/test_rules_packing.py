"""Packing: right chips keep rows and tiles apart, and each mistake is seen by its rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from qadapt import Backend, Bindings, Counts, Packed, backend, pack
from qadapt.jobs.plan import Plan
from qadapt_conformance import Tier, Verdict, oracle, run_suite
from qadapt_conformance.mutants.right import Chip
from qadapt_conformance.rules import packing as rules

RULES = ["PACK-1", "PACK-2", "PACK-3"]

Change = Callable[[Packed], Packed]


@pytest.fixture
def chip(right: Backend) -> Backend:
    return Chip(right)


def test_right_chips_conform(chip: Backend) -> None:
    report = run_suite(chip, rules=RULES)
    assert [report.of(name).message for name in RULES] == [""] * 3
    assert run_suite(chip, rules=RULES, tier=Tier.OFFLINE).of("PACK-2").verdict is Verdict.CONFORMS


def test_noise_is_allowed_for() -> None:
    report = run_suite(backend("local:emulator/heron-r2"), rules=RULES)
    assert [report.of(name).verdict for name in RULES] == [Verdict.CONFORMS] * 3


def test_not_declared_without_couplings(right: Backend) -> None:
    report = run_suite(right, rules=RULES)
    assert {report.of(name).verdict for name in RULES} == {Verdict.NOT_DECLARED}
    assert "couplings" in report.of("PACK-1").message


def _circuit(packed: Packed, **changes: Any) -> Packed:
    return replace(packed, circuit=packed.circuit.model_copy(update=changes))


def _overlapping(packed: Packed) -> Packed:
    tiles = (*packed.tiles[:-1], packed.tiles[0])
    return replace(packed, tiles=tiles)


def _dead(packed: Packed) -> Packed:
    """The last tile lies on both ends of the chip, which are not coupled."""
    last = packed.circuit.num_qubits - 1
    moved = dict(zip(packed.tiles[-1], (last, 0, last // 2), strict=False))
    steps = [o.moved(tuple(moved.get(q, q) for q in o.qubits), o.angles) for o in packed.circuit.operations]
    return _circuit(packed, operations=tuple(steps))


def _uneven(packed: Packed) -> Packed:
    """The last tile lacks its last gate."""
    steps = list(packed.circuit.operations)
    last = max(n for n, o in enumerate(steps) if set(o.qubits) <= set(packed.tiles[-1]))
    return _circuit(packed, operations=tuple(steps[:last] + steps[last + 1 :]))


def _misread(packed: Packed) -> Packed:
    return _circuit(packed, measured=packed.circuit.measured[::-1])


@pytest.mark.parametrize("change", [_overlapping, _dead, _uneven, _misread])
def test_wrong_tiles(chip: Backend, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "pack", lambda *args, **options: change(pack(*args, **options)))
    assert run_suite(chip, rules=["PACK-2"], tier=Tier.OFFLINE).of("PACK-2").verdict is Verdict.VIOLATES


@pytest.mark.parametrize(
    ("change", "said"), [(_overlapping, "overlap"), (_dead, "no live place"), (_uneven, "another circuit")]
)
def test_what_is_wrong_is_said(chip: Backend, change: Change, said: str) -> None:
    packed = pack(rules.STATE, chip.target)
    assert not list(rules._wrong(packed, chip.target, 0))
    assert any(said in wrong for wrong in rules._wrong(change(packed), chip.target, 0))


@pytest.mark.parametrize("ignored", ["spacing", "copies"])
def test_options_that_are_ignored(chip: Backend, ignored: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(*args: Any, **options: Any) -> Packed:
        return pack(*args, **{name: value for name, value in options.items() if name != ignored})

    monkeypatch.setattr(rules, "pack", deaf)
    assert run_suite(chip, rules=["PACK-2"], tier=Tier.OFFLINE).of("PACK-2").verdict is Verdict.VIOLATES


@pytest.mark.parametrize("noisy", [False, True])
def test_tiles_that_are_exchanged(chip: Backend, noisy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where noise hides who is who: what is bound to each tile is compared with the source."""
    opened = backend("local:emulator/heron-r2") if noisy else chip
    right = Packed.bind

    def exchanged(packed: Packed, bindings: Bindings) -> Bindings:
        bound = right(packed, bindings)
        angles = bound.array(bound.names).reshape(bound.rows, len(packed.tiles), -1)
        return Bindings.of_matrix(bound.names, angles[:, ::-1].reshape(bound.rows, -1))

    monkeypatch.setattr(Packed, "bind", exchanged)
    assert run_suite(opened, rules=["PACK-1"]).of("PACK-1").verdict is Verdict.VIOLATES


@pytest.mark.parametrize("noisy", [False, True])
def test_counts_that_are_collected_in_another_order(
    chip: Backend, noisy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tiles answer well, and the runner puts their counts together wrongly; equal seeds show it despite noise."""
    opened = backend("local:emulator/heron-r2") if noisy else chip
    right = Plan.collect

    def turned(plan: Plan, results: Any) -> Any:
        counts, there = right(plan, results)
        if plan.tiles < 2:
            return counts, there
        return Counts(tuple(table[::-1] for table in counts.registers), counts.shots), there

    monkeypatch.setattr(Plan, "collect", turned)
    report = run_suite(opened, rules=["PACK-1", "PACK-3"])
    assert noisy or report.of("PACK-1").verdict is Verdict.VIOLATES
    assert report.of("PACK-3").verdict is Verdict.VIOLATES


def test_a_last_pack_that_loses_its_rows(chip: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a last execution that is not full get the counts of its first row."""
    module = import_module("qadapt.compile.pack")
    right = module.Packed.bind

    def padded(packed: Packed, bindings: Bindings) -> Bindings:
        bound = right(packed, bindings)
        angles = bound.array(bound.names).reshape(bound.rows, len(packed.tiles), -1).copy()
        if bound.rows * len(packed.tiles) > bindings.rows:
            angles[-1] = angles[-1, :1]
        return Bindings.of_matrix(bound.names, angles.reshape(bound.rows, -1))

    monkeypatch.setattr(module.Packed, "bind", padded)
    assert run_suite(chip, rules=["PACK-3"]).of("PACK-3").verdict is Verdict.VIOLATES


def test_numbers_repeat_at_no_number_of_tiles() -> None:
    """Neighbouring rows differ, and so do rows a few tiles apart, or an exchange would go unseen."""
    (exact,) = oracle.tables(rules.NUMBER, rules._numbers(200))
    outcomes = exact.argmax(axis=1)
    for step in range(1, 70):
        assert (outcomes[step:] != outcomes[:-step]).any() or step % 12 == 0, step
    assert set(np.unique(outcomes)) == {0, 1, 2, 3}
