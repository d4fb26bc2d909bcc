"""Server: HTTP on 127.0.0.1 with a log and scripted faults; what all loopback clouds share."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

Kind = Literal["drop", "lose", "hang", "garbage", "truncate", "empty"] | int


@dataclass(frozen=True)
class Request:
    """One request: method, path without query, query as it came, headers and body."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass(frozen=True)
class Reply:
    """One answer; a body that is not bytes is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass
class Fault:
    """What goes wrong with the next requests that match.

    Attributes:
        method: Method of the request.
        path: Regular expression that is searched for in its path.
        kind: A status is answered instead of doing anything; ``drop`` closes the connection before anything is done,
            ``lose`` after it was done; ``hang`` does it and never answers; ``garbage``, ``truncate`` and ``empty``
            spoil the answer after it was done.
        times: How many requests.
        body: Answered with a status; by default an error of the cloud's own form.
        headers: Sent with a status.
        skip: Requests that match and pass before the first fault.
        after: A status is answered after the request was done, as a gateway does that gave up.
    """

    method: str
    path: str
    kind: Kind
    times: int = 1
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    skip: int = 0
    after: bool = False


class Cloud:
    """A server whose subclass answers requests; a context that ends it.

    Attributes:
        url: Address.
        log: Every request, in order of arrival.
        faults: What is to go wrong; a test appends to it.
        latency: Seconds between doing what is asked and answering, by regular expression of the path.
    """

    def __init__(self) -> None:
        self.log: list[Request] = []
        self.faults: list[Fault] = []
        self.latency: dict[str, float] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without it every small answer waits for the client's acknowledgement.
            disable_nagle_algorithm = True

            def log_message(self, *_: Any) -> None:
                pass

            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                outer._serve(
                    self, Request(self.command, unquote(parts.path), parts.query, dict(self.headers.items()), body)
                )

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve  # noqa: N815

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: Any) -> None:
                """Say nothing about clients that went away; they are killed on purpose."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name=type(self).__name__, daemon=True
        )
        self._thread.start()

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that lead the clients of any process here."""
        raise NotImplementedError

    def answer(self, request: Request) -> Reply:
        """Do what is asked; called under the server's lock, one request at a time."""
        raise NotImplementedError

    def error(self, status: int) -> Any:
        """Body of an injected error, in the cloud's own form."""
        return {"message": f"injected {status}"}

    def fail(self, method: str, path: str, kind: Kind, times: int = 1, **more: Any) -> None:
        """Let the next requests go wrong, see ``Fault``."""
        self.faults.append(Fault(method, path, kind, times, **more))

    def requests(self, method: str, path: str) -> list[Request]:
        """Requests so far of a method whose path a regular expression is found in."""
        return [item for item in self.log if item.method == method and re.search(path, item.path)]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        with self._lock:
            self.log.append(request)
            fault = self._fault(request)
            kind = None if fault is None else fault.kind
            if kind == "drop":
                handler.close_connection = True
                return
            if fault is not None and isinstance(kind, int):
                if fault.after:
                    self.answer(request)
                body = self.error(kind) if fault.body is None else fault.body
                reply = Reply(kind, body, fault.headers)
            else:
                reply = self.answer(request)
        for path, seconds in self.latency.items():
            if re.search(path, request.path):
                self._closing.wait(seconds)
        if kind == "lose":
            handler.close_connection = True
            return
        if kind == "hang":
            self._closing.wait()
            handler.close_connection = True
            return
        data = {"garbage": b"<html>a proxy's error page</html>", "empty": b""}.get(str(kind), reply.data)
        handler.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data[: len(data) // 2] if kind == "truncate" else data)
        if kind == "truncate":
            handler.close_connection = True

    def _fault(self, request: Request) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == request.method and re.search(fault.path, request.path):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None


def serve(cloud: Cloud) -> None:
    """Print the environment that leads clients to a cloud, and serve until standard input ends or Ctrl-C.

    A person at a terminal gets lines for a shell, whoever else started this process one line of JSON; its standard
    input ends when that process has gone. ``LOOPBACK_LATENCY`` may say how many seconds every answer takes.
    """
    cloud.latency[""] = float(os.environ.get("LOOPBACK_LATENCY", "0"))
    with cloud, suppress(KeyboardInterrupt):
        if sys.stdout.isatty():
            print(*(f"export {name}={shlex.quote(value)}" for name, value in cloud.environment.items()), sep="\n")
        else:
            print(json.dumps(dict(cloud.environment)), flush=True)
        sys.stdin.read()
