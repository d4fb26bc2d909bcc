"""SHOTS-4 and SHOTS-6: whoever draws passes, and whoever counts shots twice, shares or rounds them does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from qadapt import Backend, Counts, Result, Work, backend
from qadapt_conformance import Verdict, run_suite
from qadapt_conformance.mutants.right import Chip
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.rules.shots import EQUAL, _least_different


def verdict(opened: Backend, seed: int = 0) -> Verdict:
    return run_suite(opened, rules=["SHOTS-6"], seed=seed).of("SHOTS-6").verdict


@pytest.mark.parametrize("seed", range(5))
def test_right_backends_conform(right: Backend, seed: int) -> None:
    assert verdict(right, seed) is Verdict.CONFORMS
    assert verdict(Chip(right), seed) is Verdict.CONFORMS


def test_noise_is_allowed_for() -> None:
    assert verdict(backend("local:emulator/heron-r2")) is Verdict.CONFORMS


def test_small_limits_are_enough(right: Backend) -> None:
    assert verdict(Wrapped(right, max_rows=7, max_works=2, max_shots=5)) is Verdict.CONFORMS


class Redrawn(Wrapped):
    """Draws the ones of every register anew, from the same probability."""

    def __init__(self, inner: Backend, **declared: object) -> None:
        super().__init__(inner, after=self.redrawn, **declared)
        self.generator = np.random.default_rng(1)
        self.last: dict[int, NDArray[np.int64]] = {}

    def redrawn(self, work: Work, result: Result) -> Result:
        tables = []
        for table in result.counts.registers:
            shots = int(table[0].sum())
            ones = self.ones(shots, len(table))
            tables.append(np.stack([shots - ones, ones], axis=1) if table.shape[1] == 2 else table)
        return replace(result, counts=Counts(tuple(tables), result.counts.shots))

    def ones(self, shots: int, rows: int) -> NDArray[np.int64]:
        return self.generator.binomial(shots, 0.5, rows)


class HalfTwice(Redrawn):
    """A quarter of the shots is drawn twice over: half of all are copies or copied."""

    def ones(self, shots: int, rows: int) -> NDArray[np.int64]:
        twice = self.generator.binomial(shots // 4, 0.5, rows)
        return self.generator.binomial(shots - 2 * (shots // 4), 0.5, rows) + 2 * twice


class Rounded(Redrawn):
    def ones(self, shots: int, rows: int) -> NDArray[np.int64]:
        return np.full(rows, shots // 2) + self.generator.integers(0, 2, rows)


class Shared(Redrawn):
    """Rows share half of their shots."""

    def ones(self, shots: int, rows: int) -> NDArray[np.int64]:
        return self.generator.binomial(shots - shots // 2, 0.5, rows) + self.generator.binomial(shots // 2, 0.5)


class Stale(Redrawn):
    """Half of the shots of a submit are those of the submit before."""

    def ones(self, shots: int, rows: int) -> NDArray[np.int64]:
        kept = self.last.setdefault(rows, self.generator.binomial(shots // 2, 0.5, rows))
        return kept + self.generator.binomial(shots - shots // 2, 0.5, rows)


def test_redrawing_is_no_violation(right: Backend) -> None:
    assert verdict(Redrawn(right)) is Verdict.CONFORMS


@pytest.mark.parametrize("wrong", [HalfTwice, Rounded, Shared, Stale])
def test_shots_that_are_not_independent(right: Backend, wrong: type[Redrawn]) -> None:
    assert verdict(wrong(right)) is Verdict.VIOLATES


@pytest.mark.parametrize("shots", [17, 100, 1000, 4096])
@pytest.mark.parametrize("one", [0.05, 0.5, 0.95])
def test_equal_rows_surely_differ_that_much(shots: int, one: float) -> None:
    """False alarms of at most 1e-20 each, by the bound in the docstring; and what is asked is not nothing."""
    least = _least_different(shots)
    tossed = np.random.default_rng(shots).binomial(shots, one, (2000, EQUAL))
    assert min(len(np.unique(row)) for row in tossed) >= least > 1
    assert _least_different(4) == 0
