"""Compare: the same adapter on several backends, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qadapt import Backend, Capabilities, backend
from qadapt_conformance import compare_cli
from qadapt_conformance.cli import app
from qadapt_conformance.compare import EXACT, Adapter, MatchReport, compare
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.right import Chip
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.reports.matrix import DISTANCE, TOO_MUCH, cells, matrix, notes
from qadapt_conformance.verdict import Verdict


class Named(Wrapped):
    """The right backend under another name."""

    @property
    def name(self) -> str:
        return "local:other"


@pytest.fixture(scope="module")
def three(right: Backend) -> MatchReport:
    return compare([right, Named(right), backend("local:emulator/heron-r2")], seed=3)


def test_right_backends_match(three: MatchReport) -> None:
    names = [side.backend for side in three.sides]
    assert three.exit_code == 0
    for one in names:
        assert three.verdict(one, EXACT) is Verdict.CONFORMS
        assert all(three.verdict(one, other) is Verdict.CONFORMS for other in names if other != one)
    assert [circuit.name for circuit in three.circuits] == ["cayley 2", "cayley 4", "cayley 8"]
    assert MatchReport.model_validate_json(three.model_dump_json()) == three


def test_equal_seeds_give_equal_counts(three: MatchReport) -> None:
    for circuit in three.circuits:
        (pair,) = (
            each for each in circuit.matches if (each.first, each.second) == ("local:statevector", "local:other")
        )
        assert pair.seen == 0


def test_the_error_of_a_layer(three: MatchReport) -> None:
    """That of an ideal simulator is the shots' own; noise adds to it."""
    for circuit in three.circuits:
        ideal, again, noisy = circuit.layer
        assert ideal.error == again.error
        assert ideal.error < 4 * ideal.shots
        assert noisy.error > 2 * ideal.shots
        assert circuit.gates["local:emulator/heron-r2"] >= 0


def test_what_each_side_did_is_said(three: MatchReport) -> None:
    noisy = three.sides[-1]
    assert noisy.noise == "calibration of heron-r2, 2026-04-15"
    assert noisy.calibrated is not None
    assert three.sides[0].noise is None
    assert all(side.applied == () and side.versions for side in three.sides)


@pytest.mark.parametrize("name", ["reversed-bits", "first-row-for-all", "sorted-parameters"])
@pytest.mark.parametrize("adapter", list(Adapter))
def test_a_wrong_backend_differs(right: Backend, name: str, adapter: Adapter) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    with mutant.make(Named(right)) as wrong:
        report = compare([right, wrong], adapter=adapter)
    assert report.verdict("local:statevector", EXACT) is Verdict.CONFORMS
    assert report.verdict("local:other", EXACT) is Verdict.VIOLATES
    assert report.verdict("local:statevector", "local:other") is Verdict.VIOLATES
    assert report.exit_code == 1


def test_few_shots_do_not_decide(right: Backend) -> None:
    report = compare([right, Named(right)], shots=50)
    assert report.exit_code == 3
    assert all(each.needs > 50 for circuit in report.circuits for each in circuit.matches)


def test_a_chip_runs_its_own_native_circuits(right: Backend) -> None:
    report = compare([right, Chip(Named(right))], adapter=Adapter.QTHA)
    assert report.exit_code == 0


@pytest.mark.parametrize("number", [0, 1])
def test_two_different_backends_are_needed(right: Backend, number: int) -> None:
    with pytest.raises(ValueError, match="two or more"):
        compare([right] * (2 * number))


def test_the_page_holds_everything(three: MatchReport) -> None:
    page = matrix(three)
    for side in three.sides:
        assert side.backend in page
    assert "The backends match" in page
    assert page.count("<svg") == 2 * len(three.circuits)
    hostile = three.sides[0].model_copy(update={"backend": "<script>:x"})
    assert "<script>" not in matrix(three.model_copy(update={"sides": (hostile, *three.sides[1:])}))


def test_the_command(tmp_path: Path) -> None:
    words = ["compare", "--backend", "local:statevector", "--backend", "local:emulator/heron-r2", "--seed", "1"]
    result = CliRunner().invoke(app, [*words, "--report", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "cayley 8" in result.output
    assert "match" in result.output
    written = MatchReport.model_validate_json((tmp_path / "out" / "compare.json").read_text(encoding="utf-8"))
    assert written.exit_code == 0
    assert (tmp_path / "out" / "compare.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_what_is_said_is_the_same_everywhere(three: MatchReport, tmp_path: Path) -> None:
    words = {
        Verdict.CONFORMS: (0.1, 0, "match"),
        Verdict.VIOLATES: (0.1, 0, "DIFFER"),
        Verdict.UNDECIDED: (0.1, 70_000, "undecided, needs 70,000 shots"),
    }
    (circuit, *_), (one, *_) = three.circuits, three.circuits[0].matches
    shown = []
    for verdict, (margin, needs, said) in words.items():
        each = one.model_copy(update={"verdict": verdict, "margin": margin, "needs": needs})
        assert cells(each) == (*cells(one)[:5], "0.1000", said)
        shown.append(each)
    blind = one.model_copy(update={"verdict": Verdict.UNDECIDED, "margin": None, "needs": 0})
    assert cells(blind)[5:] == ("-", "undecided, too much noise")
    assert notes(three) == [DISTANCE]
    report = three.model_copy(update={"circuits": (circuit.model_copy(update={"matches": (*shown, blind)}),)})
    assert notes(report) == [DISTANCE, TOO_MUCH]
    page = matrix(report)
    for said in [cells(each)[-1] for each in (*shown, blind)] + [DISTANCE, TOO_MUCH]:
        assert said in page
    assert "CONFORMS" not in page
    assert "VIOLATES" not in page


def test_the_command_says_what_is_cut(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    class Short(Named):
        @property
        def capabilities(self) -> Capabilities:
            return self._inner.capabilities.model_copy(update={"max_shots": 20_000})

    @contextmanager
    def using(name: str) -> Iterator[Backend]:
        yield Short(right) if name == "local:other" else right

    monkeypatch.setattr(compare_cli, "using", using)
    words = ["compare", "--backend", "local:statevector", "--backend", "local:other", "--adapter", "qtha"]
    said = CliRunner().invoke(app, words).output
    assert "rows of 20,000 shots, the most that a backend takes, instead of 65,536" in said
    assert DISTANCE in said
    assert TOO_MUCH not in said
    assert "instead of" not in CliRunner().invoke(app, [*words, "--shots", "20000"]).output


def test_the_command_with_one_backend() -> None:
    result = CliRunner().invoke(app, ["compare", "--backend", "local:statevector"])
    assert result.exit_code != 0
    assert "two or more different backends" in str(result.exception)
