"""The account and the connection: keys that are not good, keys that are not shown, a cloud that says nothing."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import traceback
from typing import Any

import pytest

from clouds import origin
from clouds.origin import CHIP, DETAIL, KEY, LISTING, SUBMIT, Served
from origin_cases import WIRE, chip, done, finish, tag, work
from qadapt import registry
from qadapt.deadline import within
from qadapt.errors import AccessError, ProviderError, QadaptError, TargetError, UnavailableError
from qadapt.provider import Done
from qadapt_origin.cloud import CloudBackend
from qadapt_origin.credentials import Credentials
from qadapt_origin.provider import OriginProvider
from qadapt_origin.session import Session

pytestmark = pytest.mark.usefixtures("account")


def test_a_key_that_has_expired_is_an_access_error_in_every_verb(opened: CloudBackend, cloud: Served) -> None:
    cloud.poll(50)
    job = opened.submit([work()], tag=tag())
    with Served(key="the-new-key-0123456789") as other:
        expired = CloudBackend(Session(Credentials(KEY, other.url)), WIRE, opened._options, opened.target)
        for call in (
            lambda: expired.submit([work()], tag=tag()),
            lambda: expired.fetch(job),
            lambda: expired.cancel(job),
        ):
            with pytest.raises(AccessError, match="ORIGIN_API_KEY"):
                call()
        assert not other.jobs


def test_a_key_that_is_not_good_opens_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ORIGIN_API_KEY", "not-the-key-0123456789")
    with pytest.raises(AccessError, match="ORIGIN_API_KEY"):
        chip()
    assert list(OriginProvider().targets()) == ["cpu", "wukong72-emulator"]
    assert "cannot be listed" in caplog.text


def test_without_a_key_the_simulators_are_there_and_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, cloud: Served
) -> None:
    monkeypatch.delenv("ORIGIN_API_KEY")
    before = len(cloud.requests())
    assert list(OriginProvider().targets()) == ["cpu", "wukong72-emulator"]
    with pytest.raises(TargetError, match="ORIGIN_API_KEY"):
        chip()
    assert len(cloud.requests()) == before


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("72", TargetError, "WK_C180, WK_OFF, WK_SMALL"),
        ("origin_wukong", TargetError, "WK_C180"),
        ("full_amplitude", TargetError, "WK_C180"),
        ("WK_OFF", UnavailableError, "offline"),
        ("WK_C180+amend", TargetError, "correction"),
        ("cpu+mapping", TargetError, "cpu, wukong72-emulator"),
    ],
)
def test_there_is_no_default_chip_and_no_other_than_those_listed(
    name: str, error: type[QadaptError], said: str
) -> None:
    with pytest.raises(error, match=said):
        OriginProvider().open(name)


def test_a_chip_whose_description_cannot_be_read_does_not_open(cloud: Served) -> None:
    cloud.fail(CHIP, "garbage")
    with pytest.raises(UnavailableError):
        chip()
    cloud.fail(CHIP, 200, body={"success": False, "message": "Quantum computer under maintenance"})
    with pytest.raises(UnavailableError, match="maintenance"):
        chip()
    cloud.fail(CHIP, 200, body={"success": True, "obj": {"ChipID": "MZI"}})
    with pytest.raises(TargetError, match="cannot be read"):
        chip()
    cloud.fail(LISTING, "garbage", method="GET")
    with pytest.raises(UnavailableError):
        chip()


PHOTONIC = {"success": True, "message": "", "obj": {**origin.Chip(2, 2, (), ()).info("X"), "BasicQGate": ["MZI"]}}
STRANGE = {"success": True, "message": "", "obj": {"Modes": 8}}
REFUSED = {"success": False, "message": "Quantum computer under maintenance"}


@pytest.mark.parametrize("body", [PHOTONIC, STRANGE, REFUSED, "<html>"])
def test_a_chip_that_qadapt_cannot_use_does_not_keep_the_others_off_the_list(body: Any, cloud: Served) -> None:
    cloud.fail(CHIP, 200, body=body)
    assert list(OriginProvider().targets()) == ["cpu", "wukong72-emulator", "WK_SMALL"]


def test_a_photonic_chip_does_not_open(cloud: Served) -> None:
    cloud.fail(CHIP, 200, body=PHOTONIC)
    with pytest.raises(TargetError, match="MZI"):
        chip()


def test_a_cloud_that_breaks_down_while_it_is_listed_is_warned_about(
    cloud: Served, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.fail(CHIP, 503, times=9)
    assert list(OriginProvider().targets()) == ["cpu", "wukong72-emulator"]
    assert "503" in caplog.text


@pytest.mark.parametrize(
    ("path", "method", "kind"),
    [
        (SUBMIT, "POST", 200),
        (SUBMIT, "POST", 418),
        (DETAIL, "POST", 200),
        (DETAIL, "POST", 418),
        (CHIP, "POST", 200),
        (LISTING, "GET", 418),
    ],
)
def test_a_server_that_echoes_the_key_does_not_get_it_shown(
    path: str,
    method: str,
    kind: int,
    opened: CloudBackend,
    cloud: Served,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    job = opened.submit([work()], tag=tag())
    echo = {"success": False, "message": f"bad header Authorization: oqcs_auth={KEY}"}
    cloud.fail(path, kind, times=9, method=method, body=echo)
    verbs = {
        SUBMIT: lambda: opened.submit([work()], tag=tag()),
        DETAIL: lambda: opened.fetch(job),
        CHIP: lambda: chip(),
        LISTING: lambda: chip(),
    }
    with pytest.raises(ProviderError) as caught:
        verbs[path]()
    assert "[secret]" in str(caught.value)
    cause = caught.value.__cause__
    shown = [str(caught.value), repr(caught.value), repr(cause), caplog.text, repr(opened._session), repr(vars(opened))]
    shown += traceback.format_exception(caught.value)
    assert not any(KEY in text for text in shown)
    if path == LISTING:
        OriginProvider().targets()
        assert "cannot be listed" in caplog.text
        assert KEY not in caplog.text


def test_the_key_goes_out_in_one_header_and_nowhere_else(opened: CloudBackend, cloud: Served) -> None:
    before = len(cloud.requests())
    done(opened, work())
    chip()
    opened.cancel("0123/1x1/ab/0")
    for item in cloud.requests()[before:]:
        assert item["headers"]["Authorization"] == f"oqcs_auth={KEY}"
        assert KEY not in item["body"] + item["path"] + item["query"]
        assert [name for name, value in item["headers"].items() if KEY in value] == ["Authorization"]


_SUBMIT = """
import sys
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.provider import Work
from qadapt_origin.provider import OriginProvider
backend = OriginProvider().open("WK_C180")
circuit = Circuit(num_qubits=72, operations=(op("rphi", 2, angles=[1.0, 0.0]),), measured=((2,),))
print("opened", flush=True)
sys.stdin.readline()
backend.submit([Work(circuit, Bindings.of({}), 10)], tag="t")
print("submitted", flush=True)
"""


def test_a_silent_cloud_holds_its_own_process_only_and_that_can_be_ended(cloud: Served) -> None:
    """The client waits 60 s and lets nothing else happen, so whoever asked has a deadline and ends the process."""
    command = [sys.executable, "-c", _SUBMIT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "opened\n"
        before = cloud.made
        cloud.fail(SUBMIT, "hang")
        child.stdin.write("go\n")
        child.stdin.flush()
        end = time.monotonic() + 30
        while cloud.made == before:
            assert time.monotonic() < end
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.5)
        child.kill()
        assert child.wait(5) != 0
        assert child.stdout.read() == ""
    # The task was made, and nobody was told: this is what a submit in doubt is.
    assert cloud.made == before + 1


def test_isolated_a_silent_cloud_costs_the_deadline_and_no_more(cloud: Served) -> None:
    """Through the registry: the deadline holds, the answer is in doubt, and the next call finds a new worker."""
    backend = registry.backend(f"origin:{WIRE}")
    assert isinstance(finish(backend, backend.submit([work()], tag=tag())), Done)
    before = cloud.made
    cloud.fail(SUBMIT, "hang")
    started = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        within(1.0, lambda: backend.submit([work()], tag=tag()), what="submit", provider=backend.name)
    assert time.monotonic() - started < 10
    assert caught.value.doubtful
    assert cloud.made == before + 1
    assert isinstance(finish(backend, backend.submit([work()], tag=tag())), Done)


def test_the_provider_asks_for_a_process_of_its_own() -> None:
    assert OriginProvider.isolated is True
    requirements = OriginProvider().requirements()
    assert requirements.secrets == ("ORIGIN_API_KEY",)
    assert set(requirements.secrets) <= set(requirements.credentials)
    assert {"ORIGIN_URL", "ORIGIN_ALLOW_HTTP"} <= set(requirements.credentials)


_IDLE = """
import sys
from qadapt_origin.credentials import Credentials
from qadapt_origin.provider import OriginProvider
OriginProvider().requirements()
assert Credentials.read()
assert not any("pyqpanda" in name for name in sys.modules)
"""


def test_naming_the_provider_and_reading_credentials_loads_no_client() -> None:
    run = subprocess.run([sys.executable, "-c", _IDLE], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
