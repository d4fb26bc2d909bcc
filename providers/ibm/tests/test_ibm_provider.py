"""What the provider lists and opens, with and without credentials."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import qadapt
from clouds.ibm import MACHINE, IBMCloud
from ibm_cases import QUBITS
from qadapt.deadline import within
from qadapt.errors import AccessError, MissingExtraError, ProviderError, TargetError, UnavailableError
from qadapt.provider import Backend, Provider, Requiring
from qadapt_ibm import fake, wire
from qadapt_ibm.account import Account
from qadapt_ibm.options import Options
from qadapt_ibm.provider import IBMProvider
from qadapt_ibm.service import ServiceBackend

ALWAYS = 10_000


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


def test_the_services_machines_are_listed(cloud: IBMCloud, account: Account) -> None:
    """Those with fractional gates twice."""
    targets = IBMProvider(account).targets()
    assert set(targets) == {*fake.FAKES, MACHINE, f"{MACHINE}-fractional"}
    plain, full = targets[MACHINE], targets[f"{MACHINE}-fractional"]
    assert plain.num_qubits == QUBITS
    assert plain.native == ("cz", "sx", "x", "rz")
    assert full.native == (*plain.native, "rx", "rzz")
    # The server's machine has the numbers of Fez under another name.
    fez = fake.target("fake_fez")
    assert plain.qubits == fez.qubits[:QUBITS]
    for gate in plain.native:
        sites = tuple(site for site in fez.sites[gate] if max(site.qubits) < QUBITS)
        assert plain.sites[gate] == full.sites[gate] == sites
    assert plain.calibrated is not None
    assert plain.ranges == {}
    for name in (MACHINE, f"{MACHINE}-fractional"):
        assert IBMProvider(account).open(name).target == targets[name]


def test_without_fractional_gates_a_machine_is_listed_once(cloud: IBMCloud, account: Account) -> None:
    cloud.fractional = False
    assert set(IBMProvider(account).targets()) == {*fake.FAKES, MACHINE}


def test_credentials_of_the_environment(cloud: IBMCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``qadapt.backend`` finds them, with options from the environment."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("QADAPT_IBM_MODE", "batch")
    monkeypatch.setenv("QADAPT_IBM_TAGS", "mine")
    backend = qadapt.backend(f"ibm:{MACHINE}")
    assert isinstance(backend, ServiceBackend)
    assert backend.options == Options(mode="batch", tags=("mine",))
    assert isinstance(IBMProvider(options=Options()).open(MACHINE), ServiceBackend)
    monkeypatch.setenv("QADAPT_IBM_MODE", "dedicated")
    with pytest.raises(TargetError, match="QADAPT_IBM_MODE"):
        IBMProvider().open(MACHINE)


def test_the_client_is_made_once(cloud: IBMCloud, account: Account) -> None:
    provider = IBMProvider(account)
    provider.targets()
    tokens = len(cloud.requests("POST", "/identity/token$"))
    provider.targets()
    provider.open(MACHINE)
    assert len(cloud.requests("POST", "/identity/token$")) == tokens


@pytest.mark.parametrize("kind", [503, "drop", "garbage"])
def test_a_service_that_does_not_answer_has_no_machines(cloud: IBMCloud, account: Account, kind: int | str) -> None:
    cloud.fail("GET", "/(backends|instances)", kind, ALWAYS)  # type: ignore[arg-type]
    provider = IBMProvider(account)
    assert set(provider.targets()) == set(fake.FAKES)
    with pytest.raises(UnavailableError):
        provider.open(MACHINE)
    cloud.faults.clear()
    assert MACHINE in provider.targets()


@pytest.mark.parametrize(
    ("kind", "error"),
    [(500, UnavailableError), (400, UnavailableError), ("hang", UnavailableError), (403, AccessError)],
)
def test_a_list_that_is_not_given_is_no_missing_machine(
    cloud: IBMCloud, account: Account, kind: Any, error: type[ProviderError]
) -> None:
    """The client takes a list that it cannot read for an empty one."""
    provider = IBMProvider(account)
    provider.open(MACHINE)
    cloud.fail("GET", "/backends$", kind, ALWAYS)
    with pytest.raises(error) as caught:
        within(0.5, lambda: provider.open(MACHINE), what="open", provider="ibm")
    assert type(caught.value) is error
    cloud.faults.clear()
    assert provider.open(MACHINE)


@pytest.mark.parametrize("kind", [400, 404, 503, "garbage", "truncate", "empty", "drop", "hang"])
@pytest.mark.parametrize("name", [MACHINE, f"{MACHINE}-fractional"])
def test_a_listed_machine_without_configuration_is_there_and_cannot_be_opened_now(
    cloud: IBMCloud, account: Account, monkeypatch: pytest.MonkeyPatch, kind: Any, name: str
) -> None:
    monkeypatch.setattr(wire, "READ", 0.2)
    cloud.fail("GET", "/configuration$", kind, ALWAYS)
    provider = IBMProvider(account)
    with pytest.raises(UnavailableError, match="configuration cannot be read now") as caught:
        provider.open(name)
    assert caught.value.__cause__ is not None
    cloud.faults.clear()
    assert provider.open(name)


def test_another_client_inside_cannot_be_asked_for_names(account: Account) -> None:
    service = account.connect()
    assert wire.names(service) == {MACHINE}
    service._api_clients = [object()]
    with pytest.raises(MissingExtraError, match="another inside"):
        wire.names(service)


@pytest.mark.parametrize("path", ["/configuration$", "/properties$"])
@pytest.mark.parametrize("kind", [503, "garbage", "truncate"])
def test_a_machine_that_cannot_be_read(cloud: IBMCloud, account: Account, path: str, kind: int | str) -> None:
    cloud.fail("GET", path, kind, ALWAYS)  # type: ignore[arg-type]
    provider = IBMProvider(account)
    assert set(provider.targets()) == set(fake.FAKES)
    with pytest.raises((UnavailableError, TargetError)):
        provider.open(MACHINE)
    cloud.faults.clear()
    assert provider.open(MACHINE)


def test_no_way_to_the_service(cloud: IBMCloud, account: Account) -> None:
    cloud.close()
    provider = IBMProvider(account)
    assert set(provider.targets()) == set(fake.FAKES)
    with pytest.raises(UnavailableError):
        provider.open(MACHINE)


@pytest.mark.parametrize("name", ["ibm_nowhere", "nowhere", "ibm_nowhere-fractional"])
def test_a_machine_that_the_service_does_not_have(account: Account, name: str) -> None:
    with pytest.raises(TargetError, match=name):
        IBMProvider(account).open(name)


def test_refused_credentials(cloud: IBMCloud, account: Account) -> None:
    cloud.key = "another key"
    provider = IBMProvider(account)
    assert set(provider.targets()) == set(fake.FAKES)
    with pytest.raises(AccessError, match="could not be found"):
        provider.open(MACHINE)


def test_refused_tokens(cloud: IBMCloud, account: Account) -> None:
    cloud.fail("GET", "/", 401, ALWAYS)
    provider = IBMProvider(account)
    assert set(provider.targets()) == set(fake.FAKES)
    with pytest.raises(AccessError):
        provider.open(MACHINE)


def test_it_says_what_it_needs() -> None:
    provider = IBMProvider()
    assert isinstance(provider, Requiring)
    needed = provider.requirements()
    assert needed.secrets == ("QISKIT_IBM_TOKEN",)
    assert set(needed.secrets) <= set(needed.credentials)


def test_naming_it_loads_no_sdk() -> None:
    code = "import sys, qadapt_ibm.provider as p; p.IBMProvider(); print([m for m in sys.modules if 'qiskit' in m])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"
