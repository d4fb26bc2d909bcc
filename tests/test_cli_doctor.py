"""``qadapt doctor``: every finding, the exit code, and that no value of a credential is ever shown."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli_tools import Acme, Outcome, call, install, needy
from qadapt import registry
from qadapt.cli import checks
from qadapt.isolate.settings import Settings
from qadapt.provider import Requirements

SECRET = "s3cret-t0ken-of-nobody"


def telling(**needs: Any) -> Callable[[], Any]:
    """A provider with requirements."""

    class Telling(Acme):
        def requirements(self) -> Requirements:
            return Requirements(**needs)

    return Telling


@pytest.fixture
def examine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Outcome, Any]]:
    """Install providers, run the doctor, and give back what it said as text and as JSON."""

    def run(requires: list[str] | None = None, **providers: Any) -> tuple[Outcome, Any]:
        install(monkeypatch, **providers)
        if requires is not None:
            for entry in registry.installed().values():
                entry.dist = SimpleNamespace(name="qadapt-acme", version="1.2", requires=requires)  # type: ignore[misc]
        table, machine = call(capsys, "doctor"), call(capsys, "doctor", "--json")
        assert table.code == machine.code
        return table, json.loads(machine.out)

    return run


def test_a_sound_installation(examine: Callable[..., tuple[Outcome, Any]]) -> None:
    outcome, report = examine(acme=Acme)
    assert outcome.code == 0
    assert outcome.out.splitlines()[-1] == "nothing installed is broken"
    assert report["broken"] == []
    assert report["system"]["python"].endswith(sys.version.split()[0])
    packages = {(item["package"], item["extra"]): item for item in report["packages"]}
    assert packages["numpy", None]["version"]
    assert packages["torch", "torch"]["get"] == "pip install 'qadapt[torch]'"
    assert not any(package == "qadapt" for package, _ in packages)


def test_providers_that_tell_nothing_are_fine(examine: Callable[..., tuple[Outcome, Any]]) -> None:
    _, report = examine(acme=Acme)
    (provider,) = report["providers"]
    assert provider["error"] is None
    assert provider["modules"] == provider["credentials"] == provider["files"] == {}


def test_a_provider_that_cannot_be_imported_is_broken_with_its_hint(
    examine: Callable[..., tuple[Outcome, Any]],
) -> None:
    outcome, report = examine(acme=Acme, needy=needy)
    assert outcome.code == 1
    assert report["broken"] == [
        "needy: provider 'needy' cannot be imported: No module named 'needy_sdk' (pip install qadapt-needy)"
    ]
    assert f"broken: {report['broken'][0]}" in outcome.out.splitlines()


def test_missing_packages_of_a_provider(examine: Callable[..., tuple[Outcome, Any]]) -> None:
    requires = ["numpy>=2", "acme-sdk[all]>=3,<4", "extra-sdk; extra == 'more'", "win-sdk; sys_platform == 'win32'"]
    outcome, report = examine(requires, acme=Acme)
    assert outcome.code == 1
    assert report["broken"] == ["acme: acme-sdk is missing: pip install 'acme-sdk>=3,<4'"]
    listed = {item["package"]: item for item in report["providers"][0]["packages"]}
    assert set(listed) == {"numpy", "acme-sdk", "extra-sdk"}
    assert listed["extra-sdk"] | {"get": "pip install 'qadapt-acme[more]'", "version": None} == listed["extra-sdk"]


def test_modules_are_imported_by_another_process(
    examine: Callable[..., tuple[Outcome, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vendor_fine.py").write_text("print('noise')")
    (tmp_path / "vendor_odd.py").write_text("raise ImportError('libfoo.so.4: cannot open shared object file')")
    (tmp_path / "vendor_crash.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    modules = ("vendor_fine", "vendor_odd", "vendor_crash", "vendor_absent")
    outcome, report = examine(acme=telling(modules=modules))
    assert outcome.code == 1
    errors = report["providers"][0]["modules"]
    assert errors["vendor_fine"] is None
    assert "libfoo.so.4" in errors["vendor_odd"]
    assert errors["vendor_crash"] == "the interpreter ended with -6"
    assert "No module named 'vendor_absent'" in errors["vendor_absent"]
    assert len(report["broken"]) == 3
    assert not set(modules) & set(sys.modules)
    assert "noise" not in outcome.out


def test_an_import_that_hangs_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vendor_hangs.py").write_text("import threading; threading.Event().wait()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(checks, "IMPORT_SECONDS", 0.5)
    assert checks.import_error("vendor_hangs", Settings.of("acme")) == "the import does not end within 0.5 s"


def test_a_provider_of_another_environment_is_examined_there(
    examine: Callable[..., tuple[Outcome, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its modules are imported by its own interpreter, which says so."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho >> {tmp_path}/started\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("QADAPT_LOCAL_PYTHON", str(python))
    monkeypatch.setenv("QADAPT_GONE_PYTHON", "/nowhere/python")
    outcome, report = examine(acme=Acme)
    local = next(each for each in report["providers"] if each["provider"] == "local")
    assert (local["runs"], local["error"], local["package"]) == (str(python), None, None)
    assert outcome.code == 1
    (broken,) = report["broken"]
    assert broken.startswith("gone: ")
    assert "/nowhere/python" in broken
    assert re.search(rf"local +{python} +ok", outcome.out)
    assert re.search(r"acme +this process +ok", outcome.out)
    started = len((tmp_path / "started").read_text())
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "vendor_here.py").touch()
    assert checks.import_error("vendor_here", Settings.of("acme")) is None
    assert "No module" in str(checks.import_error("vendor_here", Settings.of("local")))
    assert len((tmp_path / "started").read_text()) == started + 1


def test_credentials_are_seen_and_never_shown(
    examine: Callable[..., tuple[Outcome, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    monkeypatch.setenv("ACME_EMPTY", "")
    monkeypatch.delenv("ACME_OTHER", raising=False)
    for name, mode in (("private", 0o600), ("shared", 0o644)):
        (tmp_path / name).write_text(SECRET)
        (tmp_path / name).chmod(mode)
    provider = telling(
        credentials=("ACME_TOKEN", "ACME_EMPTY", "ACME_OTHER"), files=("~/private", "~/shared", "~/absent")
    )
    outcome, report = examine(acme=provider)
    assert outcome.code == 0
    assert report["providers"][0]["credentials"] == {
        "ACME_TOKEN": "set",
        "ACME_EMPTY": "set, but empty",
        "ACME_OTHER": "not set",
    }
    assert report["providers"][0]["files"] == {
        "~/private": "present",
        "~/shared": "present, readable by others (chmod 600 ~/shared)",
        "~/absent": "absent",
    }
    assert SECRET not in outcome.out + outcome.err + json.dumps(report)
    assert "ACME_TOKEN" in outcome.out


@pytest.mark.skipif(sys.platform != "linux", reason="shared libraries are looked at on Linux only")
def test_missing_libraries_come_with_the_line_that_installs_them(examine: Callable[..., tuple[Outcome, Any]]) -> None:
    outcome, report = examine(acme=telling(libraries={"libc.so.6": "libc6", "libnobody.so.9": "libnobody9"}))
    assert outcome.code == 1
    assert report["providers"][0]["libraries"] == [
        {"library": "libc.so.6", "found": True, "get": "apt-get install libc6"},
        {"library": "libnobody.so.9", "found": False, "get": "apt-get install libnobody9"},
    ]
    assert report["broken"] == ["acme: libnobody.so.9 is missing: apt-get install libnobody9"]


def test_other_platforms_have_their_own_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.sys, "platform", "darwin")
    assert checks.libraries({"libnobody.so.9": "libnobody9"}) == []


def test_the_core_names_no_vendor() -> None:
    words = ("ibm", "braket", "origin", "cirq", "aws", "pyqpanda", "qiskit_ibm")
    folder = Path(checks.__file__).parent
    for name in ("checks.py", "doctor.py", "providers.py", "targets.py", "compile.py", "run.py"):
        text = (folder / name).read_text().lower()
        assert not [word for word in words if word in text], name
