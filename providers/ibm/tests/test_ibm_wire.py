"""What goes over the wire: no post twice, no key in clear, an end to everything; the client can be hardened."""

from __future__ import annotations

import logging
import socket
import time
import traceback
import warnings
from typing import Any

import pytest
import requests
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime import QiskitRuntimeService
from urllib3 import Retry
from urllib3.exceptions import ReadTimeoutError

from clouds.ibm import CRN, KEY, MACHINE, IBMCloud
from ibm_cases import Open, work
from qadapt import redact
from qadapt.deadline import within
from qadapt.errors import AccessError, MissingExtraError, ProviderError, UnavailableError
from qadapt.provider import Done
from qadapt_ibm import wire
from qadapt_ibm.account import Account
from qadapt_ibm.provider import IBMProvider

ALWAYS = 10_000


def bare(cloud: IBMCloud) -> QiskitRuntimeService:
    """The client as IBM made it."""
    return QiskitRuntimeService(token=KEY, instance=CRN, url=cloud.url, url_resolver=lambda url, *_: f"{url}/api/v1")


def test_the_client_still_has_what_is_hardened(cloud: IBMCloud) -> None:
    """Its HTTP session and that session's authorisation; without them nothing is sent."""
    service = bare(cloud)
    client = service._active_api_client
    assert isinstance(client._session, requests.Session)
    assert all(hasattr(client._session.auth, name) for name in ("tm", "crn", "api_key"))
    assert all(hasattr(client._session.auth.tm, name) for name in ("get_token", "http_config", "access_token"))
    assert all(hasattr(client._session.auth.tm, name) for name in ("expire_time", "refresh_time", "request_time"))


def test_without_hardening_there_are_two_jobs(cloud: IBMCloud) -> None:
    """Why it is done: a gateway that gives up after the service has taken the job."""
    client = bare(cloud)._active_api_client
    cloud.fail("POST", r"/jobs$", 502, 1, after=True)
    client.program_run("executor", MACHINE, {}, None, None, None, ["t"])
    assert cloud.created() == {"t": 2}


def test_every_client_is_hardened_before_it_sends_anything(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    send = requests.Session.send

    def noted(session: requests.Session, request: Any, **more: Any) -> Any:
        if "/api/v1" in str(request.url):
            sent.append(session.auth)
            assert isinstance(session.get_adapter(str(request.url)), wire.Transport)
        return send(session, request, **more)

    monkeypatch.setattr(requests.Session, "send", noted)
    service = account.connect()
    service.backend(MACHINE)
    other = service._create_new_cloud_api_client(CRN)
    service._active_api_client = other  # as the client does for other instances
    service.usage()
    assert len(sent) > 3
    assert all(isinstance(auth, wire.Authorisation) for auth in sent)


@pytest.mark.parametrize("broken", [object(), None])
def test_a_client_of_another_make_is_refused(broken: object) -> None:
    with pytest.raises(MissingExtraError, match="another inside"):
        wire.harden(broken)


def test_a_service_that_is_not_hardened_is_refused(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    from qiskit_ibm_runtime.api.client import RuntimeClient

    monkeypatch.setattr(RuntimeClient, "_session", property(lambda _: None, lambda *_: None), raising=False)
    monkeypatch.setattr(RuntimeClient, "__init__", lambda *_: None)
    with pytest.raises(MissingExtraError, match="another inside"):
        account.connect()


@pytest.mark.parametrize("kind", [400, 401, 403, 500, 503, "drop", "garbage", "truncate", "empty", "hang"])
def test_the_key_goes_to_iam_only(
    cloud: IBMCloud, account: Account, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    """The client by itself sends the key to the service when IAM gives no token."""
    monkeypatch.setattr(wire, "READ_CLOSE", 0.2)
    cloud.fail("POST", "/identity/token$", kind, ALWAYS)
    error = AccessError if kind in (400, 401, 403) else UnavailableError
    start = time.monotonic()
    with pytest.raises(error) as caught:
        IBMProvider(account).open(MACHINE)
    assert time.monotonic() - start < 10
    assert not cloud.leaks
    assert not cloud.requests("GET", "/")  # nothing was asked of the service at all
    assert KEY not in str(caught.value)


def test_without_hardening_the_key_goes_to_the_service(cloud: IBMCloud) -> None:
    cloud.fail("POST", "/identity/token$", 403, ALWAYS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bare(cloud)
    assert cloud.leaks


@pytest.mark.parametrize("kind", [403, 503, "drop"])
def test_a_key_that_is_withdrawn_later(cloud: IBMCloud, connect: Open, kind: Any) -> None:
    backend = connect()
    job = backend.submit(work(), tag="a")
    cloud.expire()
    cloud.fail("POST", "/identity/token$", kind, ALWAYS)
    error = AccessError if kind == 403 else UnavailableError
    start = time.monotonic()
    for verb in (lambda: backend.fetch(job), lambda: backend.find("a"), lambda: backend.submit(work(), tag="b")):
        with pytest.raises(error):
            verb()
    assert time.monotonic() - start < 10  # the token manager would let every second one wait for a minute
    assert not cloud.leaks
    assert cloud.created() == {"a": 1}
    cloud.faults.clear()
    assert isinstance(backend.fetch(job), Done)


def test_a_token_is_good_until_it_ends(cloud: IBMCloud, connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is renewed before; where that fails, the old one is used on."""
    backend = connect()
    session = backend._machine._api_client._session  # type: ignore[attr-defined]
    session.auth._tokens.refresh_time = 0  # as after four fifths of its time
    cloud.fail("POST", "/identity/token$", 503, ALWAYS)
    assert backend.find("nothing") is None


def test_tokens_end(cloud: IBMCloud, connect: Open) -> None:
    backend = connect()
    tokens = backend._machine._api_client._session.auth._tokens  # type: ignore[attr-defined]
    tokens.expire_time = tokens.refresh_time = 0  # as when its time is over
    before = len(cloud.requests("POST", "/identity/token$"))
    backend.find("nothing")
    assert len(cloud.requests("POST", "/identity/token$")) == before + 1


@pytest.mark.parametrize("kind", [400, 401, 403, 429, 500, 503])
@pytest.mark.parametrize("verb", ["open", "submit", "fetch", "find", "cancel"])
def test_no_secret_in_errors_and_logs(
    cloud: IBMCloud, account: Account, connect: Open, caplog: pytest.LogCaptureFixture, verb: str, kind: int
) -> None:
    """The server repeats the Authorization header and the key in the body of its errors."""
    caplog.set_level(logging.DEBUG)
    backend = connect()
    job = backend.submit(work(), tag="a")
    cloud.echo = True
    cloud.fail("GET", "/api/", kind, ALWAYS)
    cloud.fail("POST", "/api/", kind, ALWAYS)
    verbs = {
        "open": lambda: IBMProvider(account).open(MACHINE),
        "submit": lambda: backend.submit(work(), tag="b"),
        "fetch": lambda: backend.fetch(job),
        "find": lambda: backend.find("a"),
        "cancel": lambda: backend.cancel(job),
    }
    try:
        answer = verbs[verb]()
        error: BaseException = answer.error  # type: ignore[attr-defined]
    except ProviderError as raised:
        error = raised
    tokens = [line.headers["Authorization"].removeprefix("Bearer ") for line in cloud.requests("GET", "/api/")]
    said = "".join([*traceback.format_exception(error), str(error), repr(error), caplog.text])
    assert tokens
    for secret in {KEY, *tokens}:
        assert secret not in said
    assert KEY not in repr(account)


def test_secrets_are_known_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "a-key-of-the-environment")
    monkeypatch.setenv("QISKIT_IBM_URL", "http://example.invalid")
    with pytest.raises(AccessError, match="not https"):
        Account().connect()
    assert redact.redacted("a-key-of-the-environment") == redact.MASK


def test_the_machine_of_a_post_is_known_and_no_other(account: Account) -> None:
    service = account.connect()
    machine = service.backend(MACHINE)
    assert service.backend(MACHINE) is not machine
    with wire.posting(machine):
        assert service.backend(name=MACHINE) is machine
        with pytest.raises(QiskitBackendNotFoundError):
            service.backend("another")
    with wire.posting():
        assert service.backend(MACHINE) is not machine


@pytest.mark.parametrize("status", [None, 200, 201, 302, 408, 500, 502, 503])
def test_doubt(status: int | None) -> None:
    assert wire.Post(True, status).doubtful
    assert not wire.Post(False, status).doubtful


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 425, 429])
def test_no_doubt(status: int) -> None:
    assert not wire.Post(True, status).doubtful


def test_a_post_that_finds_nobody_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retry, "sleep", lambda *_: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/jobs"
    session = requests.Session()
    session.mount("http://", wire.Transport())
    with wire.posting() as post, pytest.raises(requests.ConnectionError):
        session.post(url)
    assert not post.sent


def test_reads_end_with_the_deadline(cloud: IBMCloud) -> None:
    """By themselves, not only left behind: nothing is repeated either."""
    session = requests.Session()
    session.mount("http://", wire.Transport())
    cloud.fail("GET", "/slow", "hang", ALWAYS)
    ended: list[float] = []

    def get() -> None:
        start = time.monotonic()
        try:
            session.get(f"{cloud.url}/slow")
        finally:
            ended.append(time.monotonic() - start)

    with pytest.raises(requests.ReadTimeout):
        within(0.3, get, what="a read", provider="ibm")
    assert ended[0] < 0.6
    assert len(cloud.requests("GET", "/slow")) == 1


def test_pauses_are_short() -> None:
    class Reply:
        headers = {"Retry-After": "86400"}  # noqa: RUF012

    assert wire.Patience().get_retry_after(Reply()) == wire.LONGEST_PAUSE
    Reply.headers = {}
    assert wire.Patience().get_retry_after(Reply()) is None


def test_a_read_that_took_too_long_is_not_repeated() -> None:
    slow = ReadTimeoutError(None, "/", "slow")  # type: ignore[arg-type]
    with pytest.raises(ReadTimeoutError):
        wire.Patience(total=3).increment("GET", "/", None, slow)
