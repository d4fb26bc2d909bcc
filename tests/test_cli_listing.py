"""``qadapt providers`` and ``qadapt targets``."""

from __future__ import annotations

import json
import sys

import pytest

from cli_tools import CHIP, EXACT, Acme, call, install, needy
from qadapt import Qubit, Target


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, acme=Acme, needy=needy)


def test_providers_tell_their_state(capsys: pytest.CaptureFixture[str]) -> None:
    lines = call(capsys, "providers").out.splitlines()
    assert lines[0].split() == ["provider", "package", "version", "runs", "state"]
    assert lines[1].split()[0] == "acme"
    assert lines[1].endswith("this process  ok")
    assert "needy_sdk" in lines[2]
    assert "pip install qadapt-needy" in lines[2]


def test_providers_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = json.loads(call(capsys, "providers", "--json").out)
    assert first == {"provider": "acme", "package": None, "version": None, "runs": "this process", "error": None}
    assert "needy_sdk" in second["error"]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that is installed nowhere but where an interpreter of its own finds it, and one that it does not."""
    monkeypatch.setenv("QADAPT_LOCAL_PYTHON", sys.executable)
    monkeypatch.setenv("QADAPT_NO_BODY_PYTHON", sys.executable)
    monkeypatch.setenv("QADAPT_GONE_PYTHON", "/nowhere/python")
    monkeypatch.setenv("QADAPT_UNUSED_PYTHON", "")


@pytest.mark.usefixtures("elsewhere")
def test_providers_of_other_environments_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    found = {item["provider"]: item for item in json.loads(call(capsys, "providers", "--json").out)}
    assert list(found) == ["acme", "gone", "local", "needy", "no-body"]
    assert found["local"] == {
        "provider": "local",
        "package": None,
        "version": None,
        "runs": sys.executable,
        "error": None,
    }
    assert found["gone"]["runs"] == "/nowhere/python"
    assert "/nowhere/python" in found["gone"]["error"]
    assert "no provider 'no-body' is installed" in found["no-body"]["error"]
    assert f"{sys.executable}  ok" in call(capsys, "providers").out


@pytest.mark.usefixtures("elsewhere")
def test_targets_of_other_environments_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = call(capsys, "targets", "--json")
    assert {"local:statevector", "acme:chip"} <= {item["backend"] for item in json.loads(outcome.out)}
    assert [line.split(":")[0] for line in outcome.err.splitlines() if line[:1].isalpha()][:3] == [
        "gone",
        "needy",
        "no-body",
    ]


def test_the_real_registry_has_the_local_provider(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    found = {item["backend"]: item for item in json.loads(call(capsys, "targets", "local", "--json").out)}
    assert found["local:statevector"]["live_couplers"] is None
    assert found["local:emulator/heron-r2"]["dead_couplers"] > 0


def test_targets_tell_qubits_couplers_and_calibration(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = call(capsys, "targets")
    assert outcome.code == 0
    header, exact, chip = outcome.out.splitlines()
    assert header.split("  ")[0] == "backend"
    assert exact.split()[:2] == ["acme:exact", "4"]
    assert "all to all" in exact
    assert chip.split() == ["acme:chip", "4", "2", "1", "coupler", "2026-04-01", "12:30", "sample", "sx", "rz", "cz"]
    assert outcome.err.startswith("needy: ")


def test_targets_say_what_is_dead(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    qubits = [Qubit(), Qubit(), Qubit(prob_meas1_prep0=0.9), Qubit()]
    gone = Target(**CHIP.model_dump() | {"qubits": qubits})
    monkeypatch.setattr(Acme, "targets", lambda _: {"exact": EXACT, "chip": gone})
    exact, chip = call(capsys, "targets", "acme").out.splitlines()[1:]
    assert "1 qubit, 2 couplers" in chip
    assert not {"qubit", "qubits", "coupler", "couplers"} & set(exact.split())


def test_targets_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    exact, chip = json.loads(call(capsys, "targets", "acme", "--json").out)
    assert exact["live_couplers"] is exact["dead_couplers"] is exact["calibrated"] is None
    assert chip == {
        "backend": "acme:chip",
        "qubits": 4,
        "live_qubits": 4,
        "native": ["sx", "rz", "cz"],
        "live_couplers": 2,
        "dead_couplers": 1,
        "calibrated": "2026-04-01T12:30:00+00:00",
        "sample": True,
        "source": "made up",
    }


@pytest.mark.parametrize(
    ("name", "code", "hint"),
    [
        ("needy", "missing-extra", "pip install qadapt-needy"),
        ("unheard_of", "missing-extra", "install the package of that provider"),
        ("neddy", "target", "did you mean 'needy'?"),
    ],
)
def test_targets_of_a_provider_that_is_not_there(
    name: str, code: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = call(capsys, "targets", name)
    assert outcome.code == 2
    assert not outcome.out
    assert outcome.err.startswith(f"error[{code}]: ")
    assert f"hint: {hint}" in outcome.err
