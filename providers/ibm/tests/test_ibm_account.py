"""Where credentials come from, and which address they lead to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qadapt.errors import AccessError
from qadapt_ibm import account as module
from qadapt_ibm import wire
from qadapt_ibm.account import Account

KEY = "a-key-of-this-test"
NAMES = ("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE", "QISKIT_IBM_CHANNEL", "QISKIT_IBM_URL", "IAM_URL")


@pytest.fixture(autouse=True)
def _nothing_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Arguments of every client that is made."""
    calls: list[dict[str, Any]] = []

    class Service:
        def __init__(self, **given: Any) -> None:
            calls.append(given)

    monkeypatch.setattr(wire, "service_class", lambda: Service)
    monkeypatch.setattr(wire, "check", lambda _: None)
    return calls


def save(tmp_path: Path, **accounts: dict[str, Any]) -> None:
    (tmp_path / ".qiskit").mkdir()
    (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(json.dumps(accounts))


def saved(**more: str) -> dict[str, Any]:
    return {"channel": "ibm_quantum_platform", "token": KEY, "instance": "crn", "url": "https://cloud.ibm.com", **more}


def test_nothing_is_given(tmp_path: Path) -> None:
    assert not Account().given()
    assert not (tmp_path / ".qiskit").exists()  # Qiskit would make it


@pytest.mark.parametrize("text", ["{}", "not json", "[]", '{"default": {}}'])
def test_a_file_without_account(tmp_path: Path, text: str) -> None:
    (tmp_path / ".qiskit").mkdir()
    (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(text)
    assert not Account().given()


def test_what_is_said_wins(made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "another-key")
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", "another")
    one = Account(token=KEY, instance="crn", channel="ibm_cloud", url="https://test.cloud.ibm.com")
    assert one.given()
    one.connect()
    (call,) = made
    assert (call["token"], call["instance"], call["channel"]) == (KEY, "crn", "ibm_cloud")
    assert call["url"] == "https://test.cloud.ibm.com"
    assert call["url_resolver"] is None


def test_the_environment(made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(NAMES, (KEY, "crn", "ibm_cloud", "https://gateway.example"), strict=False):
        monkeypatch.setenv(name, value)
    assert Account().given()
    Account().connect()
    (call,) = made
    assert (call["token"], call["instance"], call["channel"]) == (KEY, "crn", "ibm_cloud")
    assert call["url_resolver"](call["url"], "crn", False, "ibm_cloud") == "https://gateway.example/api/v1"


def test_the_saved_account(made: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name also where the environment has another one."""
    save(tmp_path, default=saved(), mine=saved(url="https://gateway.example"))
    assert Account().given()
    Account().connect()
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "another-key")
    Account(name="mine").connect()
    assert not Account(name="nobody", filename=str(tmp_path / "nothing")).token
    first, second = made
    assert first["token"] is second["token"] is None
    assert first["url_resolver"] is None
    assert second["name"] == "mine"
    assert second["url_resolver"] is module.resolved


def test_a_resolver_of_ones_own(made: list[dict[str, Any]]) -> None:
    def resolve(url: str, instance: str, private: bool | None, channel: str) -> str:
        return f"{url}/mine"

    Account(token=KEY, url="http://127.0.0.1:1", url_resolver=resolve).connect()
    assert made[0]["url_resolver"] is resolve


@pytest.mark.parametrize(
    "url", ["http://cloud.ibm.com", "http://10.0.0.1", "ftp://127.example", "http://localhost.example"]
)
@pytest.mark.parametrize("name", ["QISKIT_IBM_URL", "IAM_URL"])
def test_credentials_do_not_go_over_a_network_in_clear(
    made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(AccessError, match="not https"):
        Account(token=KEY).connect()
    assert not made


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1", "https://cloud.ibm.com"]
)
def test_addresses_that_are_fine(made: list[dict[str, Any]], url: str) -> None:
    Account(token=KEY, url=url).connect()
    assert made[0]["url"] == url


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://cloud.ibm.com", False),
        ("https://eu-de.quantum.cloud.ibm.com", False),
        ("https://notcloud.ibm.com", True),
        ("https://cloud.ibm.com.example", True),
    ],
)
def test_whose_address_it_is(made: list[dict[str, Any]], url: str, ours: bool) -> None:
    Account(token=KEY, url=url).connect()
    assert (made[0]["url_resolver"] is module.resolved) == ours


def test_the_key_is_not_shown() -> None:
    assert KEY not in repr(Account(token=KEY))
