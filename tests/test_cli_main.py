"""The command itself: help, version, exit codes, and errors without tracebacks."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import pytest
import typer
from typer.main import get_command

from cli_tools import Acme, call, install
from qadapt import cli, registry
from qadapt.cli.lazy import LazyGroup
from qadapt.errors import CircuitError, QadaptError, TargetError

PRESENT = [name for name in cli.COMMANDS if find_spec(f"qadapt.cli.{name}")]


def test_help_lists_every_command_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], []):
        outcome = call(capsys, *arguments)
        assert outcome.code in (0, 2)
        said = " ".join(re.sub("[│╭╮╰╯─]", " ", outcome.out + outcome.err).split())
        for name in PRESENT:
            assert f"{name} {cli.COMMANDS[name]}" in said


def test_commands_that_are_there_are_offered() -> None:
    assert {"doctor", "providers", "targets", "compile", "run"} <= set(PRESENT)
    modules = {path.stem for path in Path(cli.__file__).parent.glob("*.py")}
    assert set(PRESENT) <= modules


@pytest.mark.parametrize("name", PRESENT)
def test_the_line_in_the_list_is_the_first_of_the_command(name: str) -> None:
    module = __import__(f"qadapt.cli.{name}", fromlist=["app"])
    help_text = get_command(module.app).help or ""
    assert help_text.splitlines()[0] == cli.COMMANDS[name]


@pytest.mark.parametrize("name", PRESENT)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = call(capsys, name, "--help")
    assert outcome.code == 0
    assert f"qadapt {name}" in outcome.out


def test_a_command_without_a_module_is_not_offered() -> None:
    class Group(LazyGroup):
        table: ClassVar[Mapping[str, str]] = {"providers": "There.", "teleport": "Not there."}
        package: ClassVar[str] = "qadapt.cli"

    group = Group(name="group")
    context = typer.Context(group)
    assert group.list_commands(context) == ["providers"]
    assert group.get_command(context, "teleport") is None


def test_listing_commands_imports_none_of_them() -> None:
    code = """
import sys, qadapt.cli
try:
    qadapt.cli.main(["--help"])
except SystemExit:
    loaded = [name for name in qadapt.cli.COMMANDS if f"qadapt.cli.{name}" in sys.modules]
    sys.exit(str(loaded) if loaded else 0)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = call(capsys, "--version")
    assert (outcome.code, outcome.out) == (0, f"qadapt {version('qadapt')}\n")


@pytest.mark.parametrize("arguments", [["teleport"], ["run"], ["run", "x.json"], ["targets", "--colour"]])
def test_usage_mistakes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    outcome = call(capsys, *arguments)
    assert outcome.code == 2
    assert "Usage:" in outcome.err
    assert not outcome.out


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (CircuitError("bad thing"), ["error[circuit]: bad thing"]),
        (CircuitError("bad thing", hint="do this"), ["error[circuit]: bad thing", "hint: do this"]),
        (
            TargetError("no fit", violations=["one", "two"], hint="do this"),
            ["error[target]: no fit", "  - one", "  - two", "hint: do this"],
        ),
    ],
)
def test_our_errors_are_lines_on_stderr(
    error: QadaptError, lines: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(registry, "installed", fail)
    outcome = call(capsys, "providers")
    assert (outcome.code, outcome.out, outcome.err.splitlines()) == (2, "", lines)


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "installed", interrupt)
    outcome = call(capsys, "providers")
    assert outcome.code == 130
    assert "Traceback" not in outcome.err


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(registry, "installed", bug)
    with pytest.raises(ZeroDivisionError):
        cli.main(["providers"])


def test_the_installed_script_is_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch, acme=Acme)
    monkeypatch.setattr(sys, "argv", ["qadapt", "providers"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0
    assert "acme" in capsys.readouterr().out
