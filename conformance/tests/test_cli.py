"""The command: exit codes, texts and the JSON report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import qadapt_conformance.cli as cli
from qadapt import Backend
from qadapt_conformance import RULES
from qadapt_conformance.cli import main
from qadapt_conformance.mutants import MUTANTS, Wrapped


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(RULES)


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "bits-4"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("BITS-4\n")
    assert "**Why.**" in out
    assert "ROWS" not in out
    assert main(["explain", "BITS-99"]) == 2


def test_one_rule_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    assert main(["--backend", "local:statevector", "--rule", "bits-1", "--json", str(file)]) == 3
    assert "1 CONFORMS, 0 VIOLATES" in capsys.readouterr().out
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["backend"] == "local:statevector"
    assert len(report["verdicts"]) == len(RULES)
    assert report["verdicts"][0] | {"p_value": None, "looks": 0} == {
        "rule": "BITS-1",
        "title": RULES["BITS-1"].title,
        "verdict": "CONFORMS",
        "message": "",
        "looks": 0,
        "p_value": None,
    }


def test_violation(right: Backend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (swapped,) = (mutant for mutant in MUTANTS if mutant.name == "cx-swapped")
    monkeypatch.setattr(cli, "backend", lambda name: swapped.make(right))
    assert main(["--backend", "local:statevector", "--rule", "GATES-1"]) == 1
    out = capsys.readouterr().out
    assert "[GATES-1] VIOLATES on local:statevector: outcome " in out
    assert "cx(0,1)" in out


def test_a_machine_needs_consent(
    right: Backend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Machine(Wrapped):
        @property
        def capabilities(self):  # type: ignore[no-untyped-def]
            return self._inner.capabilities.model_copy(update={"simulated": False})

    monkeypatch.setattr(cli, "backend", lambda name: Machine(right))
    assert main(["--backend", "local:statevector", "--rule", "JOBS-3"]) == 2
    assert "--hardware" in capsys.readouterr().err
    assert main(["--backend", "local:statevector", "--rule", "JOBS-3", "--hardware"]) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a backend"),
        (["--backend", "statevector"], "not a backend name"),
        (["--backend", "local:nowhere"], "nowhere"),
        (["--backend", "nobody:x"], "no provider 'nobody'"),
        (["--backend", "local:statevector", "--rule", "NOPE-1"], "no rule NOPE-1"),
        (["--backend", "local:statevector", "--seed", "-1"], "seed"),
    ],
)
def test_mistakes(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
