"""README: its workflow runs, its commands parse, its settings are read."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

import qadapt.cli
from qadapt_conformance import Tier, read_settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "conformance" / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


COMMANDS = [line for block in blocks("") for line in block.splitlines() if line.startswith("qadapt ")]


PROVIDER = """
from qadapt import TargetError
from qadapt.local import StatevectorBackend

class Provider:
    name = "acme"

    def targets(self):
        return {"chip": StatevectorBackend().target.renamed("chip")}

    def open(self, target):
        if target not in self.targets():
            raise TargetError(f"acme has no target {target!r}")
        backend = StatevectorBackend()
        backend.name, backend.target = "acme:chip", self.targets()["chip"]
        return backend
"""

PROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "qadapt-acme"
version = "1.0"
dependencies = ["qadapt"]

[project.entry-points."qadapt.providers"]
acme = "qadapt_acme:Provider"

[tool.setuptools]
packages = ["qadapt_acme"]
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The repository of a provider, as after ``actions/checkout``."""
    (tmp_path / "repository" / "qadapt_acme").mkdir(parents=True)
    for name, text in {
        "pyproject.toml": PROJECT,
        "qadapt_acme/__init__.py": PROVIDER,
        "conformance.toml": blocks("toml")[0],
    }.items():
        (tmp_path / "repository" / name).write_text(text, encoding="utf-8")
    return tmp_path / "repository"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """What a package index would have of ours, built from copies of the sources."""
    folder = tmp_path / "wheels"
    for project, package in ((ROOT, "qadapt"), (ROOT / "conformance", "qadapt_conformance")):
        copy = folder / package
        shutil.copytree(project / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            if (project / name).exists():
                shutil.copy(project / name, copy)
    python = shlex.quote(sys.executable)
    shell(f"{python} -m pip wheel -q --no-index --no-deps --no-build-isolation ./qadapt ./qadapt_conformance", folder)
    return folder


@pytest.fixture
def fresh(tmp_path: Path, wheels: Path) -> dict[str, str]:
    """The variables of an environment without qadapt, whose pip knows our wheels and no network.

    Everything else that is installed here is lent to it, so that nothing has to be downloaded.
    """
    venv.create(tmp_path / "venv", symlinks=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    for place in {sysconfig.get_path(name) for name in ("purelib", "platlib")}:
        for entry in Path(place).iterdir():
            if not re.match(r"_*(editable_*)?qadapt|.*\.pth$", entry.name):
                (site / entry.name).symlink_to(entry)
    pip = tmp_path / "venv" / "bin" / "pip"
    pip.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n', encoding="utf-8")
    pip.chmod(0o755)
    ours = {
        "PATH": f"{pip.parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_BUILD_ISOLATION": "0",  # pip takes this for the value of the option's opposite
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "QADAPT_"))}
    return kept | ours


def shell(command: str, folder: Path, **options: Any) -> str:
    line = ["bash", "-e", "-c", command]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_workflow_runs_in_a_fresh_environment(checkout: Path, fresh: dict[str, str]) -> None:
    (workflow,) = blocks("yaml")
    install, offline, whole = re.findall(r"^ *- run: (.+)$", workflow, re.MULTILINE)
    with pytest.raises(AssertionError, match="No module named 'qadapt'"):
        shell("python -c 'import qadapt'", checkout, env=fresh)
    shell(install, checkout, env=fresh)
    where = shell(
        "python -c 'import qadapt, qadapt_conformance as c; print(qadapt.__file__, c.__file__)'", ROOT.parent, env=fresh
    )
    assert all(path.startswith(str(checkout.parent / "venv")) for path in where.split())
    assert "The offline tier conforms" in shell(offline, checkout, env=fresh)
    assert "Conforms" in shell(whole, checkout, env=fresh).splitlines()[-1]
    (folder,) = set(re.findall(r"^ +path: (.+)$", workflow, re.MULTILINE))
    assert (checkout / folder / "report.html").exists()


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
