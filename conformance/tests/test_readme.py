"""README: its workflow runs, its commands parse, its settings are read."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import qadapt.cli
from qadapt_conformance import Tier, read_settings

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


COMMANDS = [line for block in blocks("") for line in block.splitlines() if line.startswith("qadapt ")]


def test_the_workflow_runs(tmp_path: Path) -> None:
    (workflow,) = blocks("yaml")
    steps = re.findall(r"^ *- run: (.+)$", workflow, re.MULTILINE)
    commands = [step for step in steps if not step.startswith("pip install")]
    assert len(steps) == len(commands) + 1
    assert len(commands) == 2
    (tmp_path / "conformance.toml").write_text(on_local(blocks("toml")[0]), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        done = subprocess.run(
            ["bash", "-e", "-c", on_local(command)],
            cwd=tmp_path,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = set(re.findall(r"^ +path: (.+)$", workflow, re.MULTILINE))
    assert (tmp_path / folder / "report.html").exists()


def on_local(text: str) -> str:
    assert "acme:chip" in text or "--settings" in text
    return text.replace("acme:chip", "local:statevector")


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    # The parser refuses words that it does not know before it shows the help.
    with pytest.raises(SystemExit) as left:
        qadapt.cli.main([*shlex.split(command)[1:], "--help"])
    assert not left.value.code, capsys.readouterr().err


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 8


def test_the_settings_are_read(tmp_path: Path) -> None:
    file = tmp_path / "conformance.toml"
    found = []
    for block in blocks("toml"):
        file.write_text(block, encoding="utf-8")
        found += read_settings(file)
    assert [(one.target, one.tier) for one in found] == [("acme:chip", Tier.SIMULATOR)] * 2
    assert [exclusion.rule for one in found for exclusion in one.exclusions] == ["JOBS-5"]
