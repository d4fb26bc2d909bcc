"""A small IBM Quantum service on 127.0.0.1, which the real client talks to."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from qiskit_ibm_runtime import QiskitRuntimeService

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123:11111111-2222-3333-4444-555555555555::"
MACHINE = "ibm_loopback"


@dataclass
class LoopbackJob:
    """A posted job; a test decides its state."""

    request: dict[str, Any]
    state: str = "Queued"
    reason: str = ""
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    result: str | None = None


class Loopback:
    """The endpoints of the service that the client uses, with jobs run on Aer without noise.

    Attributes:
        url: Address of the server.
        jobs: Posted jobs by id.
        log: Method and path of every request.
        faults: Status to answer by method and path (a regular expression).
    """

    def __init__(self) -> None:
        from qiskit_ibm_runtime.fake_provider import FakeFez

        fake = FakeFez()
        self._configuration = {**fake._load_json(fake.conf_filename), "backend_name": MACHINE}
        self._properties = {**fake._load_json(fake.props_filename), "backend_name": MACHINE}
        self.jobs: dict[str, LoopbackJob] = {}
        self.log: list[tuple[str, str]] = []
        self.faults: dict[tuple[str, str], int] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                code, data = outer.answer(self.command, self.path, body)
                sent = (data if isinstance(data, str) else json.dumps(data)).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = answer  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, url: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(url)
        path, query = parts.path.removeprefix("/api/v1"), parse_qs(parts.query)
        self.log.append((method, path))
        for (wanted, pattern), status in self.faults.items():
            if wanted == method and re.fullmatch(pattern, path):
                return status, {"error": {"code": 10 * status, "message": f"injected {status}"}}
        for wanted, pattern, route in self._routes():
            match = re.fullmatch(pattern, path)
            if match and method == wanted:
                return route(body=body, query=query, **match.groupdict())
        return 404, {"error": {"code": 404, "message": f"no {method} {path}"}}

    def _routes(self) -> list[tuple[str, str, Callable[..., tuple[int, Any]]]]:
        job = r"/jobs/(?P<job>\w+)"
        status = {"state": True, "status": "active", "message": "", "length_queue": 0, "backend_version": "1"}
        listed = {"name": MACHINE, "qubits": 156, "status": {"name": "online"}, "queue_length": 0}
        return [
            ("POST", "/identity/token", lambda **_: (200, _token())),
            ("GET", "/backends", lambda **_: (200, {"devices": [listed]})),
            ("GET", f"/backends/{MACHINE}/configuration", lambda **_: (200, self._configuration)),
            ("GET", f"/backends/{MACHINE}/properties", lambda **_: (200, self._properties)),
            ("GET", f"/backends/{MACHINE}/status", lambda **_: (200, status)),
            ("GET", "/instances/usage", lambda **_: (200, {"usage_consumed_seconds": 1, "usage_limit_seconds": 600})),
            ("POST", "/jobs", self._post),
            ("GET", "/jobs", self._list),
            ("GET", job, lambda job, **_: self._job(job)),
            ("GET", f"{job}/results", self._results),
            ("GET", f"{job}/metrics", lambda **_: (200, {"timestamps": {"running": "2026-10-01T12:00:00Z"}})),
            ("POST", f"{job}/cancel", self._cancel),
        ]

    def _post(self, body: bytes, **_: Any) -> tuple[int, Any]:
        name = f"job{len(self.jobs)}"
        self.jobs[name] = LoopbackJob(json.loads(body))
        return 200, {"id": name, "backend": MACHINE}

    def _list(self, query: dict[str, list[str]], **_: Any) -> tuple[int, Any]:
        tags = set(query.get("tags", []))
        found = [name for name, job in self.jobs.items() if tags <= set(job.request.get("tags", []))]
        return 200, {"jobs": [self._job(name)[1] for name in found], "count": len(found), "limit": 10, "offset": 0}

    def _job(self, name: str) -> tuple[int, Any]:
        if name not in self.jobs:
            return 404, {"error": {"code": 1291, "message": "Job not found"}}
        job = self.jobs[name]
        return 200, {
            "id": name,
            "backend": MACHINE,
            "state": {"status": job.state, **({"reason": job.reason} if job.reason else {})},
            "program": {"id": job.request["program_id"]},
            "created": job.created,
            "tags": job.request.get("tags", []),
        }

    def _results(self, job: str, **_: Any) -> tuple[int, Any]:
        found = self.jobs[job]
        if found.state == "Failed":
            return 200, found.reason
        if found.result is None:
            found.result = run(found.request["params"])
        return 200, found.result

    def _cancel(self, job: str, **_: Any) -> tuple[int, Any]:
        if self.jobs[job].state in ("Completed", "Failed", "Cancelled"):
            return 409, {"error": {"code": 1, "message": "the job has finished"}}
        self.jobs[job].state = "Cancelled"
        return 204, ""


def _token() -> dict[str, Any]:
    """What IAM answers: a JWT whose signature nobody on this side checks."""
    now = int(time.time())
    parts = [{"alg": "HS256", "typ": "JWT"}, {"iat": now, "exp": now + 3600, "iam_id": "x"}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    token = ".".join([*encoded, "c2ln"])
    return {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "expiration": now + 3600}


def run(params: dict[str, Any]) -> str:
    """Run a posted program on Aer without noise and answer in IBM's own schema."""
    from ibm_quantum_schemas.common import CompressedTensorModel
    from ibm_quantum_schemas.executor import version_2_0 as schema
    from qiskit_aer import AerSimulator
    from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
    from qiskit_ibm_runtime.options_models import SimulatorOptions
    from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import (
        passthrough_data_to_2_0,
        quantum_program_from_2_0,
    )

    program, _ = quantum_program_from_2_0(schema.ParamsModel.model_validate(params))
    answer = run_quantum_program(AerSimulator(), program, SimulatorOptions(seed_simulator=1))
    items = [
        schema.QuantumProgramResultItemModel(
            results={name: CompressedTensorModel.from_numpy(np.asarray(bits)) for name, bits in item.items()},
            metadata=schema.ItemMetadataModel(),
        )
        for item in answer
    ]
    model = schema.QuantumProgramResultModel(
        data=items,
        metadata=schema.MetadataModel(chunk_timing=[]),
        passthrough_data=passthrough_data_to_2_0(program.passthrough_data),
        semantic_role=program._semantic_role,
    )
    return str(model.model_dump_json())


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A fresh server; the client retries without pauses."""
    from urllib3.util.retry import Retry

    server = Loopback()
    monkeypatch.setenv("IAM_URL", server.url)
    # Instances are not searched for: the global search has an address of its own.
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "1")
    monkeypatch.setattr(Retry, "sleep", lambda *_, **__: None)
    yield server
    server.close()


@pytest.fixture
def connect(loopback: Loopback) -> Callable[[], QiskitRuntimeService]:
    """Makes the real client of the server."""

    def client() -> QiskitRuntimeService:
        return QiskitRuntimeService(
            channel="ibm_quantum_platform",
            token="not-a-key",
            instance=CRN,
            url=loopback.url,
            url_resolver=lambda url, *_: f"{url}/api/v1",
        )

    return client
