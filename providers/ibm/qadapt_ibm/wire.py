"""Wire: how the client's requests go out: none twice that creates something, none with the raw key, each with an end.

The client (qiskit-ibm-runtime) posts a job again after a 5xx answer, waits for ever for a read, and sends the raw key
to the service where IAM gives it no token. It has no public way to change that, so its HTTP session, which is a
``requests.Session``, gets another adapter and another authorisation before the first request goes out. Where a version
of the client has no such session any more, nothing is sent at all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests import ConnectionError as RequestsConnectionError
from requests import ConnectTimeout, PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import Retry
from urllib3.exceptions import NewConnectionError, ReadTimeoutError

from qadapt.deadline import remaining
from qadapt.errors import AccessError, MissingExtraError, ProviderError, UnavailableError
from qadapt.redact import conceal, scrub

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService

CONNECT = 5.0
"""Seconds until a connection has to stand."""

READ, READ_POST, READ_CLOSE = 60.0, 900.0, 10.0
"""Seconds between two pieces of an answer: to a GET, to a new job (the client's own number), to anything else. The
deadline of the call that is running shortens them."""

AGAIN = (500, 502, 503, 504, 520, 521, 522, 524)
"""Statuses after which a GET is repeated, the client's own list; also 413, 429 and 503 with Retry-After."""

LONGEST_PAUSE = 10.0
"""Most seconds of one pause between two GETs, whatever Retry-After says; the runner is more patient."""

_EXPIRY = 10
_PROVIDER = "ibm"


@dataclass
class Post:
    """What became of the post of a job.

    Attributes:
        sent: It went out.
        status: HTTP status of the answer; None without one.
        machine: The client's object of the machine that it is for, where that is known.
    """

    sent: bool = False
    status: int | None = None
    machine: IBMBackend | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the job may have been created though no job id came back."""
        refused = self.status is not None and 400 <= self.status < 500 and self.status != 408
        return self.sent and not refused


_post: ContextVar[Post | None] = ContextVar("qadapt_ibm_post", default=None)


@contextmanager
def posting(machine: IBMBackend | None = None) -> Iterator[Post]:
    """Watch the post of a job inside; one for a known machine goes out without a question for that."""
    post = Post(machine=machine)
    token = _post.set(post)
    try:
        yield post
    finally:
        _post.reset(token)


class Withheld(Exception):  # noqa: N818 - it ends a call that went well
    """What would have been posted is at hand, and was not sent."""


_withheld: ContextVar[list[dict[str, Any]] | None] = ContextVar("qadapt_ibm_withheld", default=None)


@contextmanager
def withholding() -> Iterator[list[dict[str, Any]]]:
    """Keep the inputs of a job that is run inside, its payload; no request goes out, and what follows is left out.

    The client puts the payload together and hands it to the service last of all, so the rest of it works as ever.
    """
    kept: list[dict[str, Any]] = []
    token = _withheld.set(kept)
    try:
        with suppress(Withheld):
            yield kept
    finally:
        _withheld.reset(token)


def _hold() -> None:
    """Let no request out where they are withheld."""
    if _withheld.get() is not None:
        raise Withheld


class Patience(Retry):
    """Repeats what changes nothing: GETs after a lost connection or a 5xx answer, and connecting.

    A read that took too long is not repeated, nor is anything after the deadline.
    """

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Any:
        """Count a failed attempt, or raise what made it fail."""
        if error is not None and (isinstance(error, ReadTimeoutError) or not remaining(1.0)):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def get_retry_after(self, response: Any) -> float | None:
        """Pause that a server asks for, in seconds."""
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, LONGEST_PAUSE)

    def sleep(self, response: Any = None) -> None:
        """Pause, unless the deadline comes first."""
        if remaining(LONGEST_PAUSE) == LONGEST_PAUSE:
            super().sleep(response)


class Transport(HTTPAdapter):
    """Sends requests with time limits and ``Patience``, and notes what became of a post of a job."""

    def __init__(self) -> None:
        super().__init__(
            max_retries=Patience(
                total=3,
                connect=3,
                read=2,
                backoff_factor=0.5,
                backoff_jitter=0.5,
                status_forcelist=AGAIN,
                raise_on_status=False,
            )
        )

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send a request."""
        _hold()
        creates = request.method == "POST" and urlsplit(str(request.url)).path.endswith("/jobs")
        wait = READ if request.method == "GET" else READ_POST if creates else READ_CLOSE
        kwargs["timeout"] = (CONNECT, max(0.05, remaining(wait)))
        post = _post.get() if creates else None
        if post is None:
            return super().send(request, *args, **kwargs)
        post.sent, post.status = True, None
        try:
            response = super().send(request, *args, **kwargs)
        except RequestsConnectionError as error:
            post.sent = not _unsent(error)
            raise
        post.status = response.status_code
        return response


def _unsent(error: RequestsConnectionError) -> bool:
    """Whether there was no connection, so that nothing can have been sent."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, ConnectTimeout) or isinstance(reason, NewConnectionError)


class Authorisation(AuthBase):
    """Signs requests with a token of IAM, never with the key; asks for a new token once when one is refused.

    Args:
        inner: The client's own authorisation: its token manager and the instance.
    """

    def __init__(self, inner: Any) -> None:
        self._tokens, self._crn = inner.tm, inner.crn
        self._tokens.http_config = {**self._tokens.http_config, "timeout": (CONNECT, READ_CLOSE)}
        conceal(inner.api_key)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request.

        Raises:
            AccessError: IAM refuses the key.
            UnavailableError: IAM does not answer.
        """
        _hold()  # a token may have to be asked for
        self._sign(request)
        request.register_hook("response", self._once_more)
        return request

    def _sign(self, request: PreparedRequest) -> None:
        request.headers["Authorization"] = f"Bearer {self._token()}"
        if self._crn is not None:
            request.headers["Service-CRN"] = self._crn

    def _once_more(self, response: Response, **kwargs: Any) -> Response:
        """Send a request again whose token was refused: the service has done nothing then."""
        if response.status_code != 401:
            return response
        _ = response.content
        response.close()
        self._tokens.expire_time = self._tokens.refresh_time = 0
        request = response.request.copy()
        self._sign(request)
        again: Response = response.connection.send(request, **kwargs)
        again.history.append(response)
        again.request = request
        return again

    def _token(self) -> str:
        manager = self._tokens
        try:
            token = str(manager.get_token())
        except Exception as error:
            # Without it, the manager makes the next caller wait for a minute.
            manager.request_time = 0
            if not manager.access_token or time.time() >= manager.expire_time - _EXPIRY:
                raise _refusal(error) from error
            # A token is renewed before it ends, so this one still is good.
            token = str(manager.access_token)
        conceal(token)
        return token


def _refusal(error: Exception) -> ProviderError:
    scrub(error)
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and 400 <= status < 500 and status not in (408, 429):
        return AccessError(
            f"IBM Cloud IAM refuses the key: {error}",
            provider=_PROVIDER,
            hint="make a new API key, and set QISKIT_IBM_TOKEN or save the account again",
        )
    return UnavailableError(f"IBM Cloud IAM gives no token: {error}", provider=_PROVIDER, doubtful=False)


def harden(client: Any) -> None:
    """Give a client of the service (``RuntimeClient``) our transport and authorisation, before it sends anything.

    Raises:
        MissingExtraError: This version of the client is another inside; nothing may be sent with it.
    """
    session = getattr(client, "_session", None)
    inner = getattr(session, "auth", None)
    if isinstance(inner, Authorisation):
        return
    if not isinstance(session, Session) or not all(hasattr(inner, name) for name in ("tm", "crn", "api_key")):
        raise MissingExtraError(
            "this version of qiskit-ibm-runtime is another inside: posts that repeat themselves cannot be switched off",
            hint="install a version that qadapt-ibm was tested with",
        )
    session.auth = Authorisation(inner)
    for prefix in ("https://", "http://"):
        session.mount(prefix, Transport())


@cache
def service_class() -> type[QiskitRuntimeService]:
    """``QiskitRuntimeService`` that hardens every client before it is used, and knows the machine that it posts to."""
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.api.client import RuntimeClient

    class HardenedService(QiskitRuntimeService):  # type: ignore[misc]
        """The client of the service, hardened."""

        def backend(self, name: str, *args: Any, **kwargs: Any) -> IBMBackend:
            # Before it posts a job, the client lists all machines and makes a new object of the one that it has in
            # hand, with a deep copy of its configuration: one request of four, and a fifth of its own time.
            known = post.machine if (post := _post.get()) else None
            return known if known is not None and known.name == name else super().backend(name, *args, **kwargs)

        def _run(self, *args: Any, **kwargs: Any) -> Any:
            if (kept := _withheld.get()) is None:
                return super()._run(*args, **kwargs)
            kept.append(kwargs["inputs"])
            raise Withheld

        def __setattr__(self, name: str, value: Any) -> None:
            # Every client becomes an attribute, the active one, before it sends anything.
            if isinstance(value, RuntimeClient):
                harden(value)
            super().__setattr__(name, value)

    return HardenedService


def names(service: QiskitRuntimeService) -> frozenset[str]:
    """Names of all machines of the instances that a service looks at, by a request to each.

    The client has no public way to ask for them: ``backends`` leaves out, without a word, what it cannot read.

    Raises:
        MissingExtraError: This version of the client is another inside.
        Exception: What a client raises whose request has failed.
    """
    clients = getattr(service, "_api_clients", None)
    if not isinstance(clients, dict) or not all(hasattr(client, "list_backends") for client in clients.values()):
        raise MissingExtraError(
            "this version of qiskit-ibm-runtime is another inside: it cannot be asked for the names of machines",
            hint="install a version that qadapt-ibm was tested with",
        )
    listed = [machine["name"] for client in list(clients.values()) for machine in client.list_backends(True)]
    return frozenset(listed)


def check(service: QiskitRuntimeService) -> None:
    """Make sure that the client that a service uses is a hardened one.

    Raises:
        ProviderError: It is not; this version of the client is another inside.
    """
    harden(getattr(service, "_active_api_client", None))
