"""IBM: a loopback cloud that speaks enough of the IBM Quantum REST interface for the real client.

Jobs come and go in IBM's own schema models, and are run without noise (``ibm_program``). What the cloud does not do is
IBM's validation: it takes circuits that a machine would refuse.

``python -m clouds.ibm`` starts one by hand, see ``clouds.server.serve``.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from clouds.ibm_program import Items, run
from clouds.server import Cloud, Reply, Request, serve

MACHINE = "ibm_loopback"
CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123:11111111-2222-3333-4444-555555555555::"
KEY = "loopback-api-key-0123456789"

LIFETIME = 3600
"""Seconds that a token of IAM is good for."""

FINAL = ("Completed", "Failed", "Cancelled")


@dataclass
class Job:
    """A posted job; a test may change how it goes on.

    Attributes:
        name: Job id.
        request: What was posted.
        states: States that the next looks at it show, before the final one.
        final: State at the end.
        reason: Why it failed, and IBM's number of that.
        code: See ``reason``.
        text: Answered as its result instead of running it.
        alter: Changes the shots of its circuits, register by register, before they are answered.
        created: When it was posted.
        shown: The state that was last looked at.
    """

    name: str
    request: dict[str, Any]
    states: list[str]
    final: str = "Completed"
    reason: str = ""
    code: int | None = None
    text: str | None = None
    alter: Callable[[Items], Items] | None = None
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    shown: str = "Queued"

    @property
    def tags(self) -> list[str]:
        return list(self.request.get("tags", []))

    @property
    def state(self) -> str:
        return self.states[0] if self.states else self.final

    def document(self) -> dict[str, Any]:
        state: dict[str, Any] = {"status": self.state}
        if self.reason and not self.states:
            state |= {"reason": self.reason, **({} if self.code is None else {"reason_code": self.code})}
        return {
            "id": self.name,
            "backend": self.request.get("backend"),
            "state": state,
            "status": self.state,
            "program": {"id": self.request["program_id"]},
            "created": self.created,
            "tags": self.tags,
            "session_id": self.request.get("session_id"),
            "private": self.request.get("private", False),
        }


class IBMCloud(Cloud):
    """The service with one machine, which has the numbers of ``FakeFez`` and its fractional gates.

    Args:
        states: States that the first looks at every job show, as in ``("Queued", "Running")``.
        qubits: Qubits of the machine; the first ones of ``FakeFez``. A small machine is opened in a tenth of the time.

    Attributes:
        states: See above; a test may change it.
        jobs: Jobs by id.
        sessions: Batches and sessions by id.
        key: The API key that IAM takes.
        fractional: Whether the machine lists rx and rzz.
        leaks: Requests to the service, or rather to anything but IAM, that hold the API key.
        fresh: Equal jobs get shots of their own, as on a machine; otherwise they get equal ones.
        echo: Errors repeat the Authorization header of the request, as careless servers do.
    """

    def __init__(self, states: Sequence[str] = (), qubits: int = 156) -> None:
        self.states = list(states)
        self.jobs: dict[str, Job] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.key = KEY
        self.fractional = True
        self.leaks: list[Request] = []
        self.fresh = False
        self.echo = False
        self.status: dict[str, Any] = {"state": True, "status": "active", "message": "", "length_queue": 3}
        self._tokens: dict[str, float] = {}
        self._configuration, self._properties = _machine(qubits)
        super().__init__()

    # What tests ask and do

    @property
    def environment(self) -> dict[str, str]:
        """See ``Cloud``."""
        return {
            "IAM_URL": self.url,
            # Instances are not searched for: the global search has an address of its own.
            "QISKIT_FUNCTIONS_EXPERIMENTAL": "1",
            "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
            "QISKIT_IBM_INSTANCE": CRN,
            "QISKIT_IBM_TOKEN": self.key,
            "QISKIT_IBM_URL": self.url,
            # The client would look through the whole stack of calls, with sources, before every request.
            "USAGE_DATA_OPT_OUT": "True",
        }

    def created(self) -> Counter[str]:
        """Jobs that were created, by their first tag."""
        return Counter(job.tags[0] if job.tags else "" for job in self.jobs.values())

    def expire(self) -> None:
        """Let every token that was given out be refused from now on."""
        self._tokens.clear()

    def posts(self) -> int:
        """Posts of jobs so far, whatever became of them."""
        return len(self.requests("POST", r"/jobs$"))

    # The interface

    def error(self, status: int) -> Any:
        said = f"injected {status}"
        if self.echo and self.log:
            said += f" to {self.log[-1].headers.get('Authorization')} with {self.key}"
        return {"error": {"code": 10 * status, "message": said}}

    def answer(self, request: Request) -> Reply:
        if request.path == "/identity/token":
            return self._token(request)
        if self.key.encode() in request.body or any(self.key in value for value in request.headers.values()):
            self.leaks.append(request)
        path = request.path.removeprefix("/api/v1")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or self._tokens.get(token, 0.0) < time.time():
            return Reply(401, self.error(401))
        for method, pattern, route in self._routes():
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                return route(request, **match.groupdict())
        return Reply(404, self.error(404))

    def _routes(self) -> list[tuple[str, str, Callable[..., Reply]]]:
        job, session = r"/jobs/(?P<name>[^/]+)", r"/sessions/(?P<name>[^/]+)"
        listed = {"name": MACHINE, "status": {"name": "online"}, "queue_length": 0}
        return [
            ("GET", "/backends", lambda _: Reply(body={"devices": [listed]})),
            ("GET", f"/backends/{MACHINE}/configuration", lambda _: Reply(body=self._configuration[self.fractional])),
            ("GET", f"/backends/{MACHINE}/properties", lambda _: Reply(body=self._properties)),
            ("GET", f"/backends/{MACHINE}/status", lambda _: Reply(body=self.status)),
            ("GET", "/instances/usage", self._usage),
            ("POST", "/jobs", self._post),
            ("GET", "/jobs", self._list),
            ("GET", job, self._look),
            ("GET", f"{job}/results", self._results),
            ("GET", f"{job}/metrics", self._metrics),
            ("POST", f"{job}/cancel", self._cancel),
            ("POST", "/sessions", self._open),
            ("GET", session, lambda _, name: self._session(name)),
            ("PATCH", session, lambda request, name: self._session(name, request.json())),
            ("DELETE", f"{session}/close", lambda _, name: self._session(name, {"state": "closed"})),
        ]

    def _token(self, request: Request) -> Reply:
        """A JWT whose signature nobody on this side checks; each is another one."""
        if parse_qs(request.body.decode()).get("apikey") != [self.key]:
            said = "Provided API key could not be found."
            return Reply(400, {"errorCode": "BXNIM0415E", "errorMessage": said})
        now = time.time()
        claims = {"iat": int(now), "exp": int(now + LIFETIME), "iam_id": "x", "jti": len(self.log)}
        parts = [{"alg": "HS256", "typ": "JWT"}, claims]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        token = ".".join([*encoded, "c2lnbmF0dXJl"])
        self._tokens[token] = now + LIFETIME
        return Reply(
            body={
                "access_token": token,
                "refresh_token": "not_supported",
                "token_type": "Bearer",
                "expires_in": LIFETIME,
                "expiration": claims["exp"],
            }
        )

    def _usage(self, _: Request) -> Reply:
        return Reply(body={"usage_consumed_seconds": 2 * len(self.jobs), "usage_limit_seconds": 600})

    def _post(self, request: Request) -> Reply:
        posted = request.json()
        session = posted.get("session_id")
        if session and not self.sessions[session]["accepting_jobs"]:
            return Reply(400, {"error": {"code": 1217, "message": "the session is closed"}})
        job = Job(f"job{len(self.jobs)}", posted, list(self.states))
        self.jobs[job.name] = job
        return Reply(body={"id": job.name, "backend": posted["backend"], "session_id": session})

    def _list(self, request: Request) -> Reply:
        asked = parse_qs(request.query)
        limit, offset = (int(asked.get(name, [default])[0]) for name, default in (("limit", "10"), ("offset", "0")))
        tags = set(asked.get("tags", []))
        found = [job.document() for job in reversed(self.jobs.values()) if tags <= set(job.tags)]
        page = found[offset : offset + limit]
        return Reply(body={"jobs": page, "count": len(found), "limit": limit, "offset": offset})

    def _look(self, request: Request, name: str) -> Reply:
        if name not in self.jobs:
            return Reply(404, {"error": {"code": 1291, "message": "Job not found"}})
        job = self.jobs[name]
        document, job.shown = job.document(), job.state
        if job.states:
            job.states.pop(0)
        return Reply(body=document)

    def _results(self, _: Request, name: str) -> Reply:
        job = self.jobs[name]
        if job.state != "Completed":
            return Reply(200 if job.state in FINAL else 204, job.reason)
        if job.text is None:
            try:
                job.text = run(job.request["params"], job.alter, job.name if self.fresh else "")
            except Exception as error:
                job.final, job.reason = "Failed", f"{type(error).__name__}: {error}"
                return Reply(body=job.reason)
        return Reply(body=job.text)

    def _metrics(self, _: Request, name: str) -> Reply:
        job = self.jobs[name]
        times = {"created": job.created, "running": "2026-10-01T12:00:00Z"}
        done = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        waiting = {} if job.shown in FINAL else {"position_in_queue": 3, "estimated_completion_time": done}
        usage = {"status": "completed", "quantum_seconds": 2, "qpu_charge_time_seconds": 2}
        return Reply(body={"timestamps": times, "usage": usage, **waiting})

    def _cancel(self, _: Request, name: str) -> Reply:
        job = self.jobs.get(name)
        if job is None:
            return Reply(404, {"error": {"code": 1291, "message": "Job not found"}})
        if job.state in FINAL:
            return Reply(409, {"error": {"code": 1297, "message": "the job has finished"}})
        job.states, job.final = [], "Cancelled"
        return Reply(204)

    def _open(self, request: Request) -> Reply:
        asked = request.json()
        name = f"session{len(self.sessions)}"
        self.sessions[name] = {
            "id": name,
            "backend_name": asked["backend"],
            "mode": asked["mode"],
            "max_ttl": asked.get("max_ttl"),
            "state": "open",
            "accepting_jobs": True,
            "elapsed_time": 0,
        }
        return Reply(body=self.sessions[name])

    def _session(self, name: str, change: Mapping[str, Any] | None = None) -> Reply:
        if name not in self.sessions:
            return Reply(404, self.error(404))
        session = self.sessions[name]
        session.update(change or {})
        if not session["accepting_jobs"] or session["state"] == "closed":
            session |= {"state": "closed", "accepting_jobs": False}
        return Reply(body=session)


@cache
def _machine(qubits: int) -> tuple[dict[bool, bytes], bytes]:
    """Configuration, with and without fractional gates, and properties of ``FakeFez`` under another name.

    The snapshot holds calibrations of rx and rzz, and a configuration that does not list them.
    """
    from qiskit_ibm_runtime.fake_provider import FakeFez

    fake = FakeFez()
    configuration = {**fake._load_json(fake.conf_filename), "backend_name": MACHINE, "n_qubits": qubits}
    properties = {**fake._load_json(fake.props_filename), "backend_name": MACHINE}

    def inside(places: Any) -> Any:
        return places and [place for place in places if max(place) < qubits]

    configuration["coupling_map"] = inside(configuration["coupling_map"])
    gates = [{**gate, "coupling_map": inside(gate.get("coupling_map"))} for gate in configuration["gates"]]
    properties["qubits"] = properties["qubits"][:qubits]
    properties["gates"] = [gate for gate in properties["gates"] if max(gate["qubits"]) < qubits]
    couplings = {gate["name"]: gate["coupling_map"] for gate in gates}
    more = [
        {"name": name, "parameters": ["theta"], "qasm_def": f"gate {name}", "coupling_map": couplings[like]}
        for name, like in (("rx", "sx"), ("rzz", "cz"))
    ]
    plain = {**configuration, "gates": gates}
    full = {
        **plain,
        "basis_gates": [*configuration["basis_gates"], "rx", "rzz"],
        "supported_instructions": [*configuration["supported_instructions"], "rx", "rzz"],
        "gates": [*gates, *more],
    }
    return (
        {False: json.dumps(plain).encode(), True: json.dumps(full).encode()},
        json.dumps(properties).encode(),
    )


if __name__ == "__main__":
    serve(IBMCloud())
