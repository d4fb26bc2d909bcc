"""Braket: the service and S3 on one loopback address, for AWS's own clients.

Tasks are checked as the service documents it (native gates on coupled qubits, shots, limits of program sets), simulated
without noise, and sampled with a seed that follows from the task's content: equal tasks give equal counts.

``python -m clouds.braket`` starts one by hand, see ``clouds.server.serve``.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from braket.ir.openqasm import Program, ProgramSet
from braket.task_result import GateModelTaskResult, ProgramSetTaskResult, TaskMetadata
from braket.task_result.program_result_v1 import ProgramResult
from braket.task_result.program_set_executable_failure_v1 import ProgramSetExecutableFailure
from braket.task_result.program_set_executable_result_v1 import ProgramSetExecutableResult
from braket.task_result.program_set_task_metadata_v1 import ProgramSetTaskMetadata

from clouds.server import Cloud, Reply, Request, serve
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, op
from qadapt.counts import sample
from qadapt.simulate import statevector
from qadapt.simulate.components import split
from qadapt_braket.sample import capabilities

REGION, ACCOUNT = "eu-north-1", "000000000000"
GARNET = f"arn:aws:braket:{REGION}::device/qpu/iqm/Garnet"
SECRET, TOKEN = "loopback-secret-key-0123456789", "loopback-session-token-0123456789"
PROGRAM, PROGRAM_SET = "braket.ir.openqasm.program", "braket.ir.openqasm.program_set"
CODES = {
    400: "ValidationException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    409: "ConflictException",
    410: "DeviceRetiredException",
    424: "DeviceOfflineException",
    429: "ThrottlingException",
    500: "InternalServiceException",
}
_GATE = re.compile(r"(\w+)(?:\(([^)]*)\))? (\$\d+(?:, \$\d+)*);")
_MEASURE = re.compile(r"b\[(\d+)\] = measure \$(\d+);")


def environment(url: str) -> dict[str, str]:
    """Environment variables that lead AWS's clients to a cloud."""
    return {
        "BRAKET_ENDPOINT": url,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIALOOPBACK00000000",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def machine(*, program_set: bool = True) -> dict[str, Any]:
    """Capabilities of a machine like IQM's, with a price and a date."""
    found = capabilities()
    found["service"] |= {
        "deviceCost": {"price": 0.00145, "unit": "shot"},
        "deviceLocation": "Finland",
        "updatedAt": "2026-11-01T06:00:00+00:00",
    }
    if not program_set:
        del found["action"][PROGRAM_SET]
    return found


def line() -> dict[str, Any]:
    """A machine like Rigetti's: a line of three qubits of which label 5 is missing, native rx, rz, iswap and cz."""
    found = machine()
    found["paradigm"] |= {
        "connectivity": {"fullyConnected": False, "connectivityGraph": {"3": ["4"], "4": ["3", "6"], "6": ["4"]}},
        "qubitCount": 3,
        "nativeGateSet": ["rx", "rz", "iswap", "cz"],
    }
    one = found["standardized"]["oneQubitProperties"]
    for label in list(one):
        if label not in ("3", "4", "6"):
            del one[label]
    fidelity: dict[str, Any] = {"direction": None, "fidelityType": {"name": "RB"}, "standardError": None}
    found["standardized"]["twoQubitProperties"] = {
        "3-4": {"twoQubitGateFidelity": [{"gateName": "ISWAP", "fidelity": 0.99, **fidelity}]},
        "6-4": {
            "twoQubitGateFidelity": [
                {"gateName": "ISWAP", "fidelity": 0.999, **fidelity},
                {"gateName": "CZ", "fidelity": 0.97, **fidelity},
            ]
        },
    }
    return found


class RefusedError(Exception):
    """What the service refuses, by the status of its error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Task:
    """One quantum task.

    Attributes:
        request: As it was created.
        states: States that it goes through, one per look, before it ends.
        final: How it ends.
        looks: How often it was looked at.
        ended: When it ended.
    """

    arn: str
    request: Mapping[str, Any]
    states: list[str]
    final: str
    reason: str
    created: datetime
    status: str = "CREATED"
    ended: datetime | None = None

    @property
    def action(self) -> Any:
        return json.loads(self.request["action"])

    @property
    def folder(self) -> str:
        return f"{self.request['outputS3KeyPrefix']}/{self.arn.rpartition('/')[2]}"


@dataclass
class Script:
    """How the next tasks behave.

    Attributes:
        states: States before the end, one per look.
        final: How they end.
        reason: Why, where they fail.
        spread: Results of program sets are a tree of documents.
        missing: So many looks into S3 at first find nothing.
        age: Seconds by which ends are dated back.
        spoil: Changes results before they are written.
        position: Place in the queue.
    """

    states: tuple[str, ...] = ("QUEUED",)
    final: str = "COMPLETED"
    reason: str = "the compiler gave up"
    spread: bool = False
    missing: int = 0
    age: float = 0.0
    spoil: Callable[[dict[str, Any]], Any] = field(default=lambda document: document)
    position: str = "2"


class BraketCloud(Cloud):
    """Amazon Braket, S3 and as much of STS as names an account.

    Attributes:
        machines: Name, status and capabilities by ARN.
        tasks: Every task that was created, by ARN.
        script: How the next tasks behave.
        objects: What lies in S3, by bucket and key.
        buckets: Buckets that exist.
    """

    def __init__(self, machines: Mapping[str, tuple[str, str, Any]] | None = None) -> None:
        self._clear(machines)
        super().__init__()

    def reset(self) -> None:
        """Forget everything, at the same address."""
        self._clear(None)
        self.log.clear()
        self.faults.clear()

    def _clear(self, machines: Mapping[str, tuple[str, str, Any]] | None) -> None:
        self.machines = dict(machines or {GARNET: ("Garnet", "ONLINE", machine())})
        self.tasks: dict[str, Task] = {}
        self.script = Script()
        self.objects: dict[tuple[str, str], bytes] = {}
        self.buckets = {"amazon-braket-mine"}
        self._tokens: dict[str, Task] = {}

    @property
    def environment(self) -> dict[str, str]:
        """See ``Cloud``."""
        return environment(self.url)

    def tags(self) -> list[str]:
        """The submit's tag of every task that was created."""
        return [task.request["tags"]["qadapt"] for task in self.tasks.values()]

    def error(self, status: int) -> Any:
        return {"__type": CODES.get(status, "UnknownException"), "message": f"injected {status}"}

    def answer(self, request: Request) -> Reply:
        try:
            return self._route(request)
        except RefusedError as error:
            return Reply(error.status, {"__type": CODES[error.status], "message": str(error)})

    def _route(self, request: Request) -> Reply:
        match request.method, request.path:
            case "POST", "/":
                return _identity()
            case "POST", "/devices":
                found = [self._device(arn) for arn in self.machines]
                return Reply(200, {"devices": [{**item, "deviceCapabilities": None} for item in found]})
            case "GET", path if path.startswith("/device/"):
                return Reply(200, self._device(path.removeprefix("/device/")))
            case "POST", "/quantum-task":
                return Reply(201, {"quantumTaskArn": self._create(request.json()).arn})
            case "POST", "/quantum-tasks":
                return self._search(request.json())
            case "PUT", path if path.endswith("/cancel"):
                return self._cancel(path.removeprefix("/quantum-task/").removesuffix("/cancel"))
            case "GET", path if path.startswith("/quantum-task/"):
                return Reply(200, self._look(self._task(path.removeprefix("/quantum-task/"))))
            case "PUT", path:
                self.buckets.add(path.strip("/"))
                return Reply(200)
            case "GET", path:
                return self._object(*path.lstrip("/").split("/", 1))
            case _:
                raise RefusedError(404, request.path)

    def _device(self, arn: str) -> dict[str, Any]:
        if arn not in self.machines:
            raise RefusedError(404, f"no device {arn}")
        name, status, found = self.machines[arn]
        return {
            "deviceArn": arn,
            "deviceName": name,
            "providerName": arn.split("/")[-2],
            "deviceType": "QPU",
            "deviceStatus": status,
            "deviceCapabilities": found if isinstance(found, str) else json.dumps(found),
        }

    def _create(self, asked: Mapping[str, Any]) -> Task:
        token = asked["clientToken"]
        if token in self._tokens:
            if dict(self._tokens[token].request) != dict(asked):
                raise RefusedError(409, "the client token was used for another request")
            return self._tokens[token]
        if self.machines.get(asked["deviceArn"], ("", "RETIRED"))[1] != "ONLINE":
            raise RefusedError(424, "the device is offline")
        if asked["outputS3Bucket"] not in self.buckets:
            raise RefusedError(400, f"no bucket {asked['outputS3Bucket']}")
        self._check(asked, self.machines[asked["deviceArn"]][2])
        arn = f"arn:aws:braket:{REGION}:{ACCOUNT}:quantum-task/{uuid.uuid4()}"
        script = self.script
        task = Task(arn, asked, list(script.states), script.final, script.reason, datetime.now(UTC))
        self.tasks[arn] = self._tokens[token] = task
        return task

    def _check(self, asked: Mapping[str, Any], found: Any) -> None:
        action, shots = json.loads(asked["action"]), asked["shots"]
        least, most = found["service"]["shotsRange"]
        if action["braketSchemaHeader"]["name"] == PROGRAM:
            programs = [Program.parse_obj(action)]
            parameters = json.loads(asked.get("deviceParameters") or "{}").get("paradigmParameters", {})
            if not parameters.get("disableQubitRewiring"):
                raise RefusedError(400, "qubits may be rewired")
            each = shots
        else:
            limits = found["action"].get(PROGRAM_SET) or {"maximumExecutables": 0, "maximumTotalShots": 0}
            programs = ProgramSet.parse_obj(action).programs
            executables = sum(executions(program) for program in programs)
            if executables > limits["maximumExecutables"] or shots > limits["maximumTotalShots"] or shots % executables:
                raise RefusedError(400, f"{executables} executables, {shots} shots")
            each = shots // executables
        if not least <= each <= most:
            raise RefusedError(400, f"{each} shots")
        graph = found["paradigm"]["connectivity"]["connectivityGraph"]
        for program in programs:
            if "gate" in program.source or (
                "(" in program.source and "#pragma braket verbatim\nbox{" not in program.source
            ):
                raise RefusedError(400, "not verbatim")
            for name, _, labels in gates(program.source):
                if name not in found["paradigm"]["nativeGateSet"] or any(str(label) not in graph for label in labels):
                    raise RefusedError(400, f"{name} on {labels}")
                if len(labels) == 2 and str(labels[1]) not in graph[str(labels[0])]:
                    raise RefusedError(400, f"{name} on {labels}")

    def _task(self, arn: str) -> Task:
        if arn not in self.tasks:
            raise RefusedError(404, f"no task {arn}")
        return self.tasks[arn]

    def _look(self, task: Task) -> dict[str, Any]:
        task.status = task.states.pop(0) if task.states else task.final
        if task.status in ("COMPLETED", "FAILED", "CANCELLED") and task.ended is None:
            task.ended = datetime.now(UTC) - timedelta(seconds=self.script.age)
            if task.status == "COMPLETED":
                self._write(task)
        action = task.action
        answer = {
            **self._summary(task),
            "deviceParameters": task.request.get("deviceParameters", "{}"),
            "actionMetadata": {"actionType": action["braketSchemaHeader"]["name"]},
            "queueInfo": {
                "queue": "QUANTUM_TASKS_QUEUE",
                "position": self.script.position if task.status == "QUEUED" else "None",
                "queuePriority": "Normal",
            },
        }
        return {**answer, "failureReason": task.reason} if task.status == "FAILED" else answer

    def _summary(self, task: Task) -> dict[str, Any]:
        ended = {} if task.ended is None else {"endedAt": task.ended.isoformat()}
        return {
            "quantumTaskArn": task.arn,
            "status": task.status,
            "deviceArn": task.request["deviceArn"],
            "shots": task.request["shots"],
            "outputS3Bucket": task.request["outputS3Bucket"],
            "outputS3Directory": task.folder,
            "createdAt": task.created.isoformat(),
            "tags": task.request.get("tags", {}),
            **ended,
        }

    def _search(self, asked: Mapping[str, Any]) -> Reply:
        """Pages of at most 100 tasks, the oldest first, by device; the service filters by tag no more than this."""
        wanted = {item["name"]: item["values"] for item in asked["filters"]}
        found = [task for task in self.tasks.values() if task.request["deviceArn"] in wanted["deviceArn"]]
        start, size = int(asked.get("nextToken") or 0), asked.get("maxResults", 10)
        page = {"quantumTasks": [self._summary(task) for task in found[start : start + size]]}
        return Reply(200, {**page, "nextToken": str(start + size)} if start + size < len(found) else page)

    def _cancel(self, arn: str) -> Reply:
        task = self._task(arn)
        if task.ended is not None:
            raise RefusedError(409, f"the task is {task.status}")
        task.states, task.final = [], "CANCELLED"
        return Reply(200, {"quantumTaskArn": arn, "cancellationStatus": "CANCELLING"})

    def _object(self, bucket: str, key: str = "") -> Reply:
        if self.script.missing or (bucket, key) not in self.objects:
            self.script.missing = max(0, self.script.missing - 1)
            return Reply(404, s3_error("NoSuchKey"), {"Content-Type": "application/xml"})
        return Reply(200, self.objects[bucket, key], {"ETag": '"0"', "Last-Modified": "Sat, 21 Nov 2026 07:28:00 GMT"})

    def _write(self, task: Task) -> None:
        for key, document in written(task, self.script):
            text = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.objects[task.request["outputS3Bucket"], key] = text


def s3_error(code: str) -> bytes:
    """An error in S3's form."""
    return f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def _identity() -> Reply:
    said = f"<GetCallerIdentityResult><Account>{ACCOUNT}</Account></GetCallerIdentityResult>"
    space = "https://sts.amazonaws.com/doc/2011-06-15/"
    body = f'<GetCallerIdentityResponse xmlns="{space}">{said}</GetCallerIdentityResponse>'
    return Reply(200, body, {"Content-Type": "text/xml"})


def executions(program: Program) -> int:
    """Rows of a program: the length of its lists of inputs."""
    lists = [value for value in (program.inputs or {}).values() if isinstance(value, list)]
    return len(lists[0]) if lists else 1


def gates(source: str) -> Iterable[tuple[str, list[str], list[int]]]:
    """Gates of a program: name, arguments as written, and labels."""
    for line in source.splitlines():
        if found := _GATE.fullmatch(line.strip()):
            name, arguments, labels = found.groups()
            yield (
                name,
                (arguments or "").split(", ") if arguments else [],
                [int(part[1:]) for part in labels.split(", ")],
            )


def circuit_of(source: str) -> tuple[Circuit, list[int], list[int]]:
    """The circuit of a program on qubits 0, 1, ..., the labels that they stand for, and those that are measured."""
    listed = list(gates(source))
    bits = {int(bit): int(label) for bit, label in _MEASURE.findall(source)}
    measured = [bits[bit] for bit in range(len(bits))]
    labels = sorted({label for _, _, own in listed for label in own} | set(measured))
    place = {label: index for index, label in enumerate(labels)}
    operations: list[Operation] = []
    for name, arguments, own in listed:
        angles = [argument if argument.isidentifier() else float(argument) for argument in arguments]
        operations.append(op(name, *(place[label] for label in own), angles=angles))
    whole = Circuit(num_qubits=len(labels), operations=operations, measured=[place[label] for label in measured])
    return whole, labels, measured


def shots_of(program: Program, shots: int, seed: int) -> tuple[np.ndarray[Any, Any], list[int]]:
    """Measured bits ``[rows, shots, labels]`` of a program and the labels, in the order in which they are reported.

    A machine reports qubits in an order of its own: here the highest label first.
    """
    whole, _, measured = circuit_of(program.source)
    rows, names = executions(program), list(whole.parameters)
    values = {name: np.atleast_1d((program.inputs or {})[name]) for name in names}
    parts = [[bit for read in part.reads for bit in read.bits] for part in split(whole, whole.measured) if part.reads]
    (register,) = whole.measured
    apart = Circuit(
        num_qubits=whole.num_qubits,
        operations=whole.operations,
        measured=[[register[bit] for bit in part] for part in parts],
    )
    tables = statevector.probabilities(apart, Bindings.of(values, shape=(rows,)))
    generator = np.random.default_rng(seed)
    drawn = sample([np.asarray(table) for table in tables], shots, seed)
    out = np.zeros((rows, shots, len(measured)), dtype=int)
    for part, table in zip(parts, drawn.registers, strict=True):
        for row in range(rows):
            seen = generator.permutation(np.repeat(np.arange(table.shape[1]), table[row]))
            out[row][:, part] = seen[:, None] >> np.arange(len(part)) & 1
    order = sorted(range(len(measured)), key=lambda bit: -measured[bit])
    return out[:, :, order], [measured[bit] for bit in order]


def written(task: Task, script: Script) -> list[tuple[str, Any]]:
    """Documents that a completed task leaves in its bucket, by key."""
    digest = hashlib.sha256(f"{task.request['action']}{task.request['shots']}".encode()).digest()
    seed = int.from_bytes(digest[:6])
    action = task.action
    if action["braketSchemaHeader"]["name"] == PROGRAM:
        document = _single(task, Program.parse_obj(action), seed)
        return [(f"{task.folder}/results.json", script.spoil(document))]
    return _program_set(task, ProgramSet.parse_obj(action), seed, script)


def _head(kind: Any) -> dict[str, str]:
    return dict(kind.__fields__["braketSchemaHeader"].default.dict())


def _single(task: Task, program: Program, seed: int) -> dict[str, Any]:
    bits, labels = shots_of(program, task.request["shots"], seed)
    shots = task.request["shots"]
    metadata = {"id": task.arn, "shots": shots, "deviceId": task.request["deviceArn"]}
    return {
        "braketSchemaHeader": _head(GateModelTaskResult),
        "measurements": bits[0].tolist(),
        "measurementProbabilities": None,
        "measuredQubits": labels,
        "taskMetadata": {"braketSchemaHeader": _head(TaskMetadata), **metadata},
        "additionalMetadata": {"action": json.loads(program.json())},
    }


def _program_set(task: Task, programs: ProgramSet, seed: int, script: Script) -> list[tuple[str, Any]]:
    total = sum(executions(program) for program in programs.programs)
    shots = task.request["shots"] // total
    listed = []
    for number, program in enumerate(programs.programs):
        bits, labels = shots_of(program, shots, seed + number)
        executables = [
            {
                "braketSchemaHeader": _head(ProgramSetExecutableResult),
                "inputsIndex": row,
                "measurements": own.tolist(),
                "measurementProbabilities": None,
                "measuredQubits": labels,
            }
            for row, own in enumerate(bits)
        ]
        written_as = json.loads(program.json())
        listed.append(
            {
                "braketSchemaHeader": _head(ProgramResult),
                "executableResults": executables,
                "source": written_as,
                "additionalMetadata": {"action": written_as},
            }
        )
    metadata = {
        "braketSchemaHeader": _head(ProgramSetTaskMetadata),
        "id": task.arn,
        "deviceId": task.request["deviceArn"],
        "requestedShots": task.request["shots"],
        "successfulShots": task.request["shots"],
        "programMetadata": [{"executables": [{} for _ in item["executableResults"]]} for item in listed],
        "totalFailedExecutables": 0,
    }
    document = {
        "braketSchemaHeader": _head(ProgramSetTaskResult),
        "programResults": listed,
        "taskMetadata": metadata,
        "s3Location": None,
    }
    document = script.spoil(document)
    if not script.spread:
        return [(f"{task.folder}/results.json", document)]
    return _tree(task, document)


def _tree(task: Task, document: dict[str, Any]) -> list[tuple[str, Any]]:
    """Results as documents that name each other by path."""
    folder, files = task.folder, list[tuple[str, Any]]()
    for number, program in enumerate(document["programResults"]):
        below = f"programs/{number}"
        for row, item in enumerate(program["executableResults"]):
            files.append((f"{folder}/{below}/executables/{row}.json", item))
        files.append((f"{folder}/{below}/program.json", program["source"]))
        names = [f"executables/{row}.json" for row in range(len(program["executableResults"]))]
        files.append(
            (f"{folder}/{below}/results.json", {**program, "executableResults": names, "source": "program.json"})
        )
    files.append((f"{folder}/metadata.json", document["taskMetadata"]))
    top = {
        **document,
        "programResults": [f"programs/{number}/results.json" for number in range(len(document["programResults"]))],
        "taskMetadata": "metadata.json",
        "s3Location": [task.request["outputS3Bucket"], folder],
    }
    return [*files, (f"{folder}/results.json", top)]


def failure(number: int, *, retryable: bool) -> dict[str, Any]:
    """The result of an executable that failed."""
    said = {"failureReason": "the laser was off", "retryable": retryable, "category": "DEVICE"}
    return {"braketSchemaHeader": _head(ProgramSetExecutableFailure), "inputsIndex": number, "failureMetadata": said}


if __name__ == "__main__":
    serve(BraketCloud())
