"""The command that compares: what it prints and writes, and what it refuses before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qadapt import Backend, BudgetError, Capabilities, Cost, Work
from qadapt_conformance import compare_cli
from qadapt_conformance.agreement import MatchReport
from qadapt_conformance.case import Adapter
from qadapt_conformance.cli import app
from qadapt_conformance.compare import plan_compare
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.reports.matrix import DISTANCE, TOO_MUCH

PAIR = ["compare", "--backend", "local:statevector", "--backend", "local:other", "--adapter", "qtha"]


class Named(Wrapped):
    """The right backend under another name."""

    submits = 0

    @property
    def name(self) -> str:
        return "local:other"

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        self.submits += 1
        return super().submit(work, tag=tag)


class Machine(Named):
    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities.model_copy(update={"simulated": False})


class Dear(Machine):
    """A cent a submit."""

    def cost(self, work: Sequence[Work]) -> Cost:
        return Cost(shots=sum(item.bindings.rows * item.shots for item in work), dollars=0.01)


def stand_in(monkeypatch: pytest.MonkeyPatch, right: Backend, other: Backend) -> None:
    @contextmanager
    def using(name: str) -> Iterator[Backend]:
        yield other if name == "local:other" else right

    monkeypatch.setattr(compare_cli, "using", using)


def test_the_command(tmp_path: Path) -> None:
    words = ["compare", "--backend", "local:statevector", "--backend", "local:emulator/heron-r2", "--seed", "1"]
    result = CliRunner().invoke(app, [*words, "--report", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "cayley 8" in result.output
    assert "match" in result.output
    assert "local:emulator/heron-r2: its counts fit the circuits" in result.output
    assert "not told from `angles-of-two-digits`" in result.output
    written = MatchReport.model_validate_json((tmp_path / "out" / "compare.json").read_text(encoding="utf-8"))
    assert written.exit_code == 0
    assert (tmp_path / "out" / "compare.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_command_says_what_is_cut(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    class Short(Named):
        @property
        def capabilities(self) -> Capabilities:
            return self._inner.capabilities.model_copy(update={"max_shots": 20_000})

    stand_in(monkeypatch, right, Short(right))
    said = CliRunner().invoke(app, PAIR).output
    assert "rows of 20,000 shots, the most that a backend takes, instead of 65,536" in said
    assert DISTANCE in said
    assert TOO_MUCH not in said
    assert "instead of" not in CliRunner().invoke(app, [*PAIR, "--shots", "20000"]).output


def test_the_command_with_one_backend() -> None:
    result = CliRunner().invoke(app, ["compare", "--backend", "local:statevector"])
    assert result.exit_code != 0
    assert "two or more different backends" in str(result.exception)


def test_a_machine_needs_consent_and_its_plan_comes_first(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Dear(right)
    stand_in(monkeypatch, right, machine)
    plan = plan_compare(machine, adapter=Adapter.QTHA, shots=100)
    words = [*PAIR, "--shots", "100"]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2
    assert "Plan for local:other:" in refused.output
    assert f"in all {plan.jobs:,} jobs, {plan.cost.shots:,} shots" in refused.output
    assert f"about {plan.jobs / 100:.2f} US dollars" in refused.output
    assert "local:statevector:" not in refused.output
    assert "pass --hardware to submit" in " ".join(refused.output.replace("│", " ").split())
    assert machine.submits == 0
    dear = CliRunner().invoke(app, [*words, "--hardware", "--budget", f"{plan.jobs / 100 - 0.005:g}usd"])
    assert isinstance(dear.exception, BudgetError)
    assert "Plan for local:other:" in dear.output
    assert machine.submits == 0


def test_a_machine_runs_within_its_budget(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Dear(right)
    stand_in(monkeypatch, right, machine)
    plan = plan_compare(machine, adapter=Adapter.QTHA, shots=100)
    done = CliRunner().invoke(app, [*PAIR, "--shots", "100", "--hardware", "--budget", "1usd"])
    assert done.exit_code == 3, done.output
    assert machine.submits == plan.jobs
    assert "Plan for local:statevector:" in done.output  # a budget is one for each backend


def test_what_nobody_can_price_is_over_the_budget_of_a_machine(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(right)
    stand_in(monkeypatch, right, machine)
    refused = CliRunner().invoke(app, [*PAIR, "--hardware", "--budget", "5usd"])
    assert isinstance(refused.exception, BudgetError)
    assert "nobody says how many US dollars it takes" in str(refused.exception)
    assert machine.submits == 0


def test_simulators_need_no_plan(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, right, Named(right))
    assert "Plan" not in CliRunner().invoke(app, [*PAIR, "--shots", "50"]).output


def test_the_place_of_the_report_is_tried_first(
    right: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Named(right)
    stand_in(monkeypatch, right, other)
    (file := tmp_path / "file").write_text("")
    for place in (file, file / "out"):
        refused = CliRunner().invoke(app, [*PAIR, "--report", str(place)])
        assert refused.exit_code == 2, refused.output
        assert "--report" in refused.output
    assert other.submits == 0
