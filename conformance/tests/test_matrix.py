"""The kill matrix: who is caught by whom, survivors, and the command that shows it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from qadapt import backend
from qadapt_conformance import RULES, Verdict, matrix
from qadapt_conformance.matrix import KillMatrix, applies, run_matrix
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.mutant import Mutant
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.mutants_cli import mutants as command

PLANTED = Mutant("planted", "PROV-1", "It does nothing wrong.", lambda inner: nullcontext(Wrapped(inner)))

app = typer.Typer()
app.command()(command)
runner = CliRunner()


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "MUTANTS", (*MUTANTS, PLANTED))
    monkeypatch.setattr("qadapt_conformance.mutants_cli.MUTANTS", (*MUTANTS, PLANTED))


def test_a_small_matrix_in_several_processes() -> None:
    names = ["versions-left-out", "tags-ignored", "fences-lost"]
    told = []
    result = run_matrix(mutants=names, quick=True, processes=2, show=lambda *each: told.append(each))
    assert [row.mutant for row in result.rows] == ["versions-left-out", "tags-ignored", "fences-lost"]
    assert [row.verdicts for row in result.rows] == [
        {"PROV-3": Verdict.VIOLATES},
        {"JOBS-3": Verdict.VIOLATES},
        {"COMPILE-4": Verdict.VIOLATES},
    ]
    assert [(done, total) for _, done, total in told] == [(1, 3), (2, 3), (3, 3)]
    assert not result.survivors
    assert result.exit_code == 0
    assert KillMatrix.model_validate_json(result.model_dump_json()) == result


def test_a_mutant_meets_all_rules() -> None:
    result = run_matrix(mutants=["reversed-bits"], processes=1)
    (row,) = result.rows
    assert set(row.verdicts) == set(RULES)
    assert {"BITS-1", "BITS-4"} <= set(row.killers)
    assert not {"JOBS-1", "PROV-1", "REFUSE-1"} & set(row.killers)
    assert row.message.startswith("[BITS-1] VIOLATES")


@pytest.mark.usefixtures("planted")
def test_a_survivor_is_a_failure() -> None:
    result = run_matrix(mutants=["planted", "versions-left-out"], quick=True, processes=1)
    assert [row.mutant for row in result.survivors] == ["planted"]
    assert result.exit_code == 1


def test_nothing_killed_is_a_failure() -> None:
    assert run_matrix(mutants=[], quick=True).exit_code == 1


def test_an_unknown_mutant_is_an_error() -> None:
    with pytest.raises(KeyError, match="nobody"):
        run_matrix(mutants=["nobody"])


def test_a_mutant_that_does_nothing_elsewhere_is_no_survivor() -> None:
    result = run_matrix(mutants=["cx-swapped", "fences-lost"], right="local:emulator/heron-r2", quick=True, processes=1)
    assert [row.applies for row in result.rows] == [False, True]
    assert result.rows[0].verdicts == {}
    assert not result.survivors
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("name", "right", "acts"),
    [
        ("cx-swapped", "local:statevector", True),
        ("cx-swapped", "local:emulator/heron-r2", False),
        ("cz-as-cx", "local:emulator/heron-r2", False),
        ("sx-as-sxdg", "local:emulator/heron-r2", False),
        ("angles-modulo-2-pi", "local:emulator/heron-r2", False),
        ("dropped-rz", "local:emulator/heron-r2", True),
        ("reversed-bits", "local:emulator/heron-r2", True),
        ("fences-lost", "local:statevector", False),
        ("tags-ignored", "local:emulator/heron-r2", True),
    ],
)
def test_where_a_mutant_applies(name: str, right: str, *, acts: bool) -> None:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == name)
    assert applies(mutant, backend(right)) is acts


def test_the_command_shows_and_writes_the_matrix(tmp_path: Path) -> None:
    file = tmp_path / "matrix.json"
    words = ["versions-left-out", "tags-ignored", "--quick", "--processes", "1", "--json", str(file)]
    result = runner.invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "tags-ignored" in result.output
    assert "2 mutants: 2 caught by the rule that must, 0 survive" in result.output
    written = json.loads(file.read_text())
    assert [row["mutant"] for row in written["rows"]] == ["versions-left-out", "tags-ignored"]
    assert KillMatrix.model_validate(written).exit_code == 0


def test_the_command_tries_its_file_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs if the matrix could not be written, and what is in a file stays until there is another one."""
    ran = []
    monkeypatch.setattr("qadapt_conformance.mutants_cli.run_matrix", lambda **options: ran.append(options))
    (old := tmp_path / "old.json").write_text("{}")
    for file in (tmp_path, tmp_path / "none" / "m.json", old / "m.json"):
        result = runner.invoke(app, ["versions-left-out", "--quick", "--json", str(file)])
        assert result.exit_code == 2, result.output
        assert "--json" in result.output
    assert not ran
    runner.invoke(app, ["versions-left-out", "--json", str(old)])
    assert len(ran) == 1
    assert old.read_text() == "{}"


def test_the_command_names_other_killers() -> None:
    result = runner.invoke(app, ["wrong-qubits-reported", "--processes", "1"])
    assert result.exit_code == 0, result.output
    assert "also caught by" in result.output


@pytest.mark.usefixtures("planted")
def test_the_command_fails_for_a_survivor() -> None:
    result = runner.invoke(app, ["planted", "--quick", "--processes", "1"])
    assert result.exit_code == 1
    assert "planted survives PROV-1: It does nothing wrong." in result.output
    assert "1 survive" in result.output


def test_the_command_knows_its_mutants() -> None:
    result = runner.invoke(app, ["nobody"])
    assert result.exit_code == 2
    assert "nobody" in result.output
