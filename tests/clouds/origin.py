"""Origin's cloud on 127.0.0.1, as pyQPanda3's ``QCloudService`` speaks to it.

The client holds Python's global lock while it talks HTTP, so a server in the same process would never answer: tests use
``Served``, which runs this file in a process of its own and steers it through ``/control``. Circuits are read from the
OriginIR that the client sends and run on qadapt's statevector simulator; counts follow from the circuits, the shots and
nothing else.

``python -m clouds.origin`` starts one by hand, see ``clouds.server.serve``; ``Served`` gives it a key and polls.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.request import ProxyHandler, build_opener
from urllib.request import Request as Call

import numpy as np
from numpy.typing import NDArray

from clouds.server import Cloud, Fault, Kind, Reply, Request, serve
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter
from qadapt.simulate import statevector
from qadapt.simulate.components import split

KEY = "loopback-key-0123456789abcdef"
"""Key that the cloud accepts unless it is made with another one."""

SUBMIT, DETAIL, CANCEL = "origin/submit", "taskDetail", "cancelTask"
LISTING, CHIP, BLOCKS = "getResourceList", "chipInfo", "bestQubitBlocks"
"""Regular expressions of the paths, for ``fail`` and ``requests``."""

SIMULATORS = ("full_amplitude", "partial_amplitude", "single_amplitude")
"""Names that the client adds to every listing of chips."""

MAINTENANCE = "Quantum computer under maintenance"
"""What the cloud says of chips that it does not have."""

GATES = {"RPhi": "rphi", "CZ": "cz", "U3": "u3", "RX": "rx", "RY": "ry", "RZ": "rz", "H": "h", "X": "x", "CNOT": "cx"}
"""OriginIR's names of the gates that are understood, and ours."""

_GATE = re.compile(r"(\w+) ((?:q\[\d+\],?)+)(?:,\((.*)\))?")
_QUBIT = re.compile(r"q\[(\d+)\]")
_MEASURE = re.compile(r"MEASURE q\[(\d+)\],c\[(\d+)\]")


@dataclass(frozen=True)
class Chip:
    """A grid of qubits, ``rows`` times ``columns``, as chip information describes it.

    Attributes:
        missing: Qubits that are not available; their couplers are in the adjacency all the same.
        dead: Couplers of fidelity 0, the lower qubit first.
        online: Whether the listing shows it as online.
    """

    rows: int = 12
    columns: int = 6
    missing: tuple[int, ...] = (13, 40, 71)
    dead: tuple[tuple[int, int], ...] = ((0, 1), (20, 26), (57, 58))
    online: bool = True

    @property
    def size(self) -> int:
        return self.rows * self.columns

    def edges(self) -> list[tuple[int, int]]:
        """Every coupler, dead ones too."""
        across = [(q, q + 1) for q in range(self.size) if (q + 1) % self.columns]
        down = [(q, q + self.columns) for q in range(self.size - self.columns)]
        return sorted(across + down)

    def fidelity(self, edge: tuple[int, int]) -> float:
        return 0.0 if edge in self.dead else round(0.95 + 0.001 * ((7 * edge[0] + edge[1]) % 40), 4)

    def qubit(self, index: int) -> dict[str, Any]:
        """One entry of ``QubitParams``: times in microseconds, frequency in MHz."""
        return {
            "qubitId": str(index),
            "T1": 9.0 + index % 9,
            "T2": 1.1 + 0.1 * (index % 8),
            "Frequency": 4041.0 + 10 * index,
            "frequency": 4041.0 + 10 * index,
            "SingleGateFidelity": round(0.995 + 0.0001 * (index % 20), 4),
            "ReadoutFidelity": round(0.923 + 0.001 * (index % 20), 4),
        }

    def info(self, name: str) -> dict[str, Any]:
        """``obj`` of the answer to a request for chip information."""
        near: dict[str, list[dict[str, Any]]] = {str(q): [] for q in range(self.size)}
        for low, high in self.edges():
            for one, other in ((low, high), (high, low)):
                near[str(one)].append({"v": other, "w": self.fidelity((low, high))})
        return {
            "ChipID": name,
            "chipId": name,
            "QubitCount": self.size,
            "AvailableQubits": [q for q in range(self.size) if q not in self.missing],
            "HighFrequencyQubit": [],
            "BasicQGate": ["RPhi", "CZ"],
            "CompensateAngle": {},
            "adjMatrix": near,
            "QubitParams": [self.qubit(q) for q in range(self.size)],
            "QGateClock": [{"gateType": "RPhi", "IntValue": 30}, {"gateType": "CZ", "IntValue": 40}],
        }


CHIPS: Mapping[str, Chip] = {
    "WK_C180": Chip(),
    "WK_OFF": Chip(rows=2, columns=2, missing=(), dead=(), online=False),
    "WK_SMALL": Chip(rows=2, columns=3, missing=(), dead=()),
}
"""Chips of a cloud unless it is made with others: one like Wukong, one that is switched off, a small whole one."""


@dataclass
class Job:
    """One task: what was asked, and how often the client has asked for it."""

    task: str
    batch: str
    circuits: list[str]
    configuration: dict[str, Any]
    chip: str
    asked: int = 0
    cancelled: bool = False
    change: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] | None = None


class OriginCloud(Cloud):
    """Origin's cloud.

    Attributes:
        key: The only key that is good.
        polls: Requests for a task that are answered with a state before it has finished.
        fresh: Counts differ from task to task and circuit to circuit, as on a machine.
        jobs: Every task, in the order in which they were made, by id.
        changes: Fields of ``obj`` by which the answers of the next tasks differ, one entry per task; None drops a
            field.
    """

    def __init__(self, chips: Mapping[str, Chip] = CHIPS, *, key: str = KEY, polls: int = 1) -> None:
        self.chips = dict(chips)
        self.key = key
        self.polls = polls
        self.fresh = False
        self.jobs: dict[str, Job] = {}
        self.changes: list[dict[str, Any]] = []
        super().__init__()

    @property
    def environment(self) -> Mapping[str, str]:
        """See ``Cloud``."""
        return {"ORIGIN_API_KEY": self.key, "ORIGIN_URL": self.url}

    def answer(self, request: Request) -> Reply:
        name = request.path.rsplit("/", 1)[-1].removesuffix(".json")
        if request.path.startswith("/control/"):
            return Reply(body=self._control(name, request.json()))
        if request.headers.get("Authorization") != f"oqcs_auth={self.key}":
            # The real listing of chips is a bare list, so a client cannot tell an error from it.
            return Reply(body=_refused("invalid api key"))
        verbs = {
            "getResourceList": self._listing,
            "chipInfo": self._chip,
            "submit": self._submit,
            "taskDetail": self._detail,
            "cancelTask": self._cancel,
            "bestQubitBlocks": self._blocks,
        }
        return Reply(body=verbs[name](request.json())) if name in verbs else Reply(404, _refused("no such path"))

    def error(self, status: int) -> Any:
        return _refused(f"injected {status}")

    def _listing(self, _: Any) -> Any:
        return [{"machineType": 5, "onlineFlag": chip.online, "sinanChipId": name} for name, chip in self.chips.items()]

    def _chip(self, body: Any) -> Any:
        name = str(body.get("ChipID") or body.get("chipId"))
        chip = self.chips.get(name)
        return _refused(MAINTENANCE) if chip is None else _granted(chip.info(name))

    def _submit(self, body: Any) -> Any:
        name = str(body["ChipID"])
        if name not in self.chips or not self.chips[name].online:
            return _refused(MAINTENANCE)
        if len(body["QProg"]) > 200:
            return _refused("at most 200 programs in one task")
        # The Nth task of a cloud has the same id in every test, as ids in the client's answers are not compared.
        task = hashlib.md5(f"{name} {len(self.jobs)}".encode(), usedforsecurity=False).hexdigest().upper()
        change = self.changes.pop(0) if self.changes else {}
        self.jobs[task] = Job(
            task, body.get("batchNo", ""), list(body["QProg"]), body["Configuration"], name, change=change
        )
        return _granted({"taskId": task})

    def _detail(self, body: Any) -> Any:
        job = self.jobs.get(str(body.get("taskId")))
        if job is None:
            return _refused("task does not exist")
        job.asked += 1
        if job.cancelled:
            return _granted({"taskId": job.task, "taskState": "4", "errCode": 7, "errInfo": "task was cancelled"})
        if job.asked <= self.polls:
            state = {1: "1", 2: "5"}.get(job.asked, "2")
            return _granted({"taskId": job.task, "taskState": state})
        if job.answer is None:
            job.answer = _finished(job, self.fresh)
        fields = {**job.answer, **job.change}
        if "probCount" not in body.get("keys", []):
            fields.pop("probCount", None)
        return _granted({name: value for name, value in fields.items() if value is not None})

    def _cancel(self, body: Any) -> Any:
        job = self.jobs.get(str(body.get("taskId")))
        if job is None:
            return _refused("task does not exist")
        if job.asked > self.polls:
            return _refused("task has finished")
        job.cancelled = True
        return _granted(True)

    def _blocks(self, body: Any) -> Any:
        chip, size = self.chips[str(body["ChipID"])], int(body["QubitNum"])
        blocks = [[q + step for step in range(size)] for q in range(int(body["QubitBlockNum"]))]
        assert max(map(max, blocks)) < chip.size
        return _granted({**body, "QubitBlocks": blocks})

    def _control(self, verb: str, body: Any) -> Any:
        if verb == "fail":
            self.faults.append(Fault(**body))
        elif verb == "clear":
            self.faults.clear()
            self.changes.clear()
        elif verb == "set":
            for name, value in body.items():
                setattr(self, name, value)
        elif verb == "made":
            return len(self.jobs)
        elif verb == "jobs":
            return [{**asdict(job), "answer": None} for job in self.jobs.values()]
        elif verb == "log":
            # Never the control requests themselves.
            return [
                {**asdict(item), "headers": dict(item.headers), "body": item.body.decode()}
                for item in self.log
                if not item.path.startswith("/control/")
            ]
        else:
            raise ValueError(verb)
        return None


def _granted(obj: Any) -> dict[str, Any]:
    return {"success": True, "code": 10000, "message": "success", "obj": obj}


def _refused(message: str) -> dict[str, Any]:
    return {"success": False, "code": 20001, "message": message, "obj": None}


def _finished(job: Job, fresh: bool) -> dict[str, Any]:
    """Result fields of a task."""
    shots = int(job.configuration["shot"])
    counts = run(job.circuits, shots, salt=job.task if fresh else "")
    keyed = [{hex(outcome): count for outcome, count in found.items()} for found, _ in counts]
    probabilities = [{key: count / shots for key, count in found.items()} for found in keyed]
    if job.configuration.get("amendFlag"):
        # A correction that can be told from the counts: the likeliest outcome gets a half more.
        probabilities = [_sharper(found) for found in probabilities]
    return {
        "taskId": job.task,
        "pilotTaskId": job.task[::-1],
        "taskState": "3",
        "errCode": 0,
        "taskResult": [_columns(found) for found in probabilities],
        "probCount": [_columns(found) for found in keyed],
        "measureQubitSize": [width for _, width in counts],
        "totalTime": 3407,
        "pulseTime": 30.0,
    }


def _sharper(found: Mapping[str, float]) -> dict[str, float]:
    best = max(found, key=lambda key: (found[key], key))
    return {key: (value + 1) / 2 if key == best else value / 2 for key, value in found.items()}


def _columns(found: Mapping[str, Any]) -> str:
    return json.dumps({"key": list(found), "value": list(found.values())})


def read(program: str) -> tuple[Circuit, list[float], tuple[int, ...]]:
    """Read OriginIR as the client writes it.

    Returns:
        The circuit with every angle a parameter, without registers; the angles in order; the measured qubits, lowest
        classical bit first.

    Raises:
        ValueError: A line that the client does not write for native circuits.
    """
    lines = program.strip().splitlines()
    size = int(lines[0].removeprefix("QINIT "))
    operations, angles, bits = list[Operation](), list[float](), dict[int, int]()
    for line in lines[2:]:
        if match := _MEASURE.fullmatch(line):
            bits[int(match[2])] = int(match[1])
        elif line.startswith("BARRIER "):
            continue
        elif match := _GATE.fullmatch(line):
            values = [float(text) for text in match[3].split(",")] if match[3] else []
            names = [Parameter(name=f"a{len(angles) + index:06d}") for index in range(len(values))]
            qubits = tuple(int(text) for text in _QUBIT.findall(match[2]))
            operations.append(Operation(gate=GATES[match[1]], qubits=qubits, angles=tuple(names)))
            angles += values
        else:
            raise ValueError(f"not understood: {line!r}")
    register = tuple(qubit for _, qubit in sorted(bits.items()))
    return Circuit(num_qubits=size, operations=tuple(operations)), angles, register


def run(programs: Sequence[str], shots: int, salt: str = "") -> list[tuple[dict[int, int], int]]:
    """Counts by outcome and number of measured bits of every program; unused classical bits are left out.

    They follow from the program and the shots and, with a salt, from it and the program's place too.
    """
    alike: dict[tuple[Circuit, tuple[int, ...]], list[tuple[int, list[float]]]] = {}
    for number, program in enumerate(programs):
        circuit, angles, register = read(program)
        alike.setdefault((circuit, register), []).append((number, angles))
    found: dict[int, tuple[dict[int, int], int]] = {}
    for (circuit, register), rows in alike.items():
        bindings = Bindings.of_matrix(circuit.parameters, np.array([angles for _, angles in rows]))
        # One table per connected part: that of all bits would not fit.
        parts = [part.reads[0] for part in split(circuit, (register,)) if part.reads]
        groups = tuple(tuple(register[bit] for bit in part.bits) for part in parts)
        apart = Circuit(num_qubits=circuit.num_qubits, operations=circuit.operations, measured=groups)
        tables = statevector.probabilities(apart, bindings)
        for row, (number, _) in enumerate(rows):
            place = f"{salt} {number} " if salt else ""
            seed = hashlib.sha256(f"{place}{shots} {programs[number]}".encode()).digest()
            generator = np.random.default_rng(np.frombuffer(seed, dtype=np.uint32))
            shot = np.zeros((shots, len(register)), dtype=np.uint8)
            for part, table in zip(parts, tables, strict=True):
                _draw(shot, part.bits, table[row], generator)
            found[number] = _tally(shot), len(register)
    return [found[number] for number in range(len(programs))]


def _draw(
    shot: NDArray[np.uint8], bits: Sequence[int], weights: NDArray[np.float64], generator: np.random.Generator
) -> None:
    """Draw the bits of one part, shot by shot."""
    positive = np.clip(weights, 0, None)
    outcomes = generator.choice(len(weights), size=len(shot), p=positive / positive.sum())
    for place, bit in enumerate(bits):
        shot[:, bit] = outcomes >> place & 1


def _tally(shot: NDArray[np.uint8]) -> dict[int, int]:
    """Counts by outcome of shots ``[shots, bits]``."""
    packed = np.packbits(shot, axis=1, bitorder="little")
    rows, counts = np.unique(packed, axis=0, return_counts=True)
    return {int.from_bytes(row.tobytes(), "little"): int(count) for row, count in zip(rows, counts, strict=True)}


class Served:
    """An ``OriginCloud`` in a process of its own; a context that ends it.

    Attributes:
        url: Address.
        key: The key that it accepts.
    """

    def __init__(self, *, key: str = KEY, polls: int = 1) -> None:
        tests = Path(__file__).parent.parent
        environment = {**os.environ, "PYTHONPATH": str(tests), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.key = key
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clouds.origin", key, str(polls)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = json.loads(self._process.stdout.readline())["ORIGIN_URL"]
        self._open = build_opener(ProxyHandler({})).open

    def fail(self, path: str, kind: Kind, times: int = 1, *, method: str = "POST", **more: Any) -> None:
        """Let the next requests go wrong, see ``clouds.server.Fault``."""
        self._control("fail", {"method": method, "path": path, "kind": kind, "times": times, **more})

    def clear(self) -> None:
        """Nothing more goes wrong."""
        self._control("clear")

    def change(self, *changes: Mapping[str, Any]) -> None:
        """Fields by which the results of the next tasks differ, see ``OriginCloud.changes``."""
        self._control("set", {"changes": changes})

    def poll(self, times: int) -> None:
        """Let tasks take so many requests before they have finished."""
        self._control("set", {"polls": times})

    def refresh(self, fresh: bool) -> None:
        """Whether counts differ from task to task, see ``OriginCloud.fresh``."""
        self._control("set", {"fresh": fresh})

    def slow(self, path: str, seconds: float) -> None:
        """Let every answer to matching requests take so long, see ``Cloud.latency``; 0 takes it back."""
        self._control("set", {"latency": {path: seconds}})

    @property
    def made(self) -> int:
        """Number of tasks that were made."""
        found: int = self._control("made")
        return found

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """Every task that was made, oldest first: the fields of ``Job``."""
        found: list[dict[str, Any]] = self._control("jobs")
        return found

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        """Requests so far in whose path a regular expression is found: the fields of ``clouds.server.Request``."""
        return [item for item in self._control("log") if re.search(path, item["path"])]

    def _control(self, verb: str, body: Any = None) -> Any:
        call = Call(f"{self.url}/control/{verb}", data=json.dumps(body).encode(), method="POST")
        with self._open(call, timeout=30) as answer:
            return json.loads(answer.read())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    serve(OriginCloud(key=sys.argv[1], polls=int(sys.argv[2])) if sys.argv[1:] else OriginCloud())
