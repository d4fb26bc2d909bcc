"""What the provider lists and opens, with and without credentials."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import qiskit_ibm_runtime
from qiskit_ibm_runtime.accounts.exceptions import InvalidAccountError

import qadapt
from qadapt.errors import AccessError, TargetError, UnavailableError
from qadapt.provider import Backend, Provider
from qadapt_ibm import fake
from qadapt_ibm.provider import IBMProvider

MACHINE = "ibm_loopback"


@pytest.fixture
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("_no_credentials")
def test_without_credentials_there_are_fake_machines_and_no_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded: list[str] = []
    load = fake.target
    monkeypatch.setattr(fake, "target", lambda name: loaded.append(name) or load(name))
    provider = IBMProvider()
    assert isinstance(provider, Provider)
    targets = provider.targets()
    assert set(targets) == set(fake.FAKES)
    assert len(targets) == len(fake.FAKES)
    assert MACHINE not in targets
    assert loaded == []  # listed only
    assert targets["fake_miami"].num_qubits == 120
    assert loaded == ["fake_miami"]
    with pytest.raises(KeyError):
        targets["nope"]
    assert not (tmp_path / ".qiskit").exists()
    with pytest.raises(TargetError, match="fake_kingston"):
        provider.open("nope")
    with pytest.raises(AccessError, match="QISKIT_IBM_TOKEN"):
        provider.open(MACHINE)


@pytest.mark.usefixtures("_no_credentials")
def test_every_fake_machine_opens() -> None:
    for name in fake.FAKES:
        backend = qadapt.backend(f"ibm:{name}")
        assert isinstance(backend, Backend)
        assert backend.name == f"ibm:{name}"
        assert backend.target.name == name
        assert len(backend.target.couplings or ()) > 130


@pytest.mark.usefixtures("_no_credentials")
@pytest.mark.parametrize("text", ["{}", "not json"])
def test_an_account_file_without_account_is_no_credentials(text: str, tmp_path: Path) -> None:
    (tmp_path / ".qiskit").mkdir()
    (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(text)
    assert set(IBMProvider().targets()) == set(fake.FAKES)


@pytest.mark.usefixtures("_no_credentials")
@pytest.mark.parametrize("where", ["environment", "file"])
def test_credentials_are_found(where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The default client is made, once, from what the environment or the account file says."""
    if where == "environment":
        monkeypatch.setenv("QISKIT_IBM_TOKEN", "not-a-key")
    else:
        account = {"channel": "ibm_quantum_platform", "token": "not-a-key", "instance": "crn", "url": "https://x"}
        (tmp_path / ".qiskit").mkdir()
        (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(json.dumps({"default": account}))
    made: list[str] = []

    class Client:
        def __init__(self) -> None:
            made.append(where)

        saved_accounts = staticmethod(qiskit_ibm_runtime.QiskitRuntimeService.saved_accounts)

        def backends(self) -> list[object]:
            return []

    monkeypatch.setattr(qiskit_ibm_runtime, "QiskitRuntimeService", Client)
    provider = IBMProvider()
    assert made == []
    for _ in range(2):
        assert set(provider.targets()) == set(fake.FAKES)
    assert made == [where]


def test_the_services_machines_are_listed(connect: Callable[[], Any]) -> None:
    targets = IBMProvider(connect).targets()
    assert set(targets) == {*fake.FAKES, MACHINE}
    machine = targets[MACHINE]
    assert machine.num_qubits == 156
    assert machine.native == ("cz", "sx", "x", "rz")
    # The server's machine has the numbers of Fez under another name.
    assert machine.sites == fake.target("fake_fez").sites
    assert machine.qubits == fake.target("fake_fez").qubits
    assert machine.calibrated is not None


def test_a_service_that_does_not_answer_has_no_machines(loopback: Any, connect: Callable[[], Any]) -> None:
    loopback.faults["GET", "/(backends|instances).*"] = 503
    provider = IBMProvider(connect)
    assert set(provider.targets()) == set(fake.FAKES)
    with pytest.raises(UnavailableError):
        provider.open(MACHINE)
    loopback.faults.clear()
    assert set(provider.targets()) == {*fake.FAKES, MACHINE}


def test_no_way_to_the_service() -> None:
    def connect() -> Any:
        try:
            raise ConnectionError("no route")
        except ConnectionError as error:
            raise InvalidAccountError("Unable to retrieve instances.") from error

    provider = IBMProvider(connect)
    assert set(provider.targets()) == set(fake.FAKES)
    with pytest.raises(UnavailableError):
        provider.open(MACHINE)


def test_a_machine_that_the_service_does_not_have(connect: Callable[[], Any]) -> None:
    with pytest.raises(TargetError, match="ibm_nowhere"):
        IBMProvider(connect).open("ibm_nowhere")


def test_refused_credentials(loopback: Any, connect: Callable[[], Any]) -> None:
    loopback.faults["GET", "/.*"] = 401
    provider = IBMProvider(connect)
    assert set(provider.targets()) == set(fake.FAKES)
    with pytest.raises(AccessError):
        provider.open(MACHINE)
