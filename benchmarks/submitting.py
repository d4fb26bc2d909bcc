"""Submits of many rows through qadapt, and by hand through the vendor's own client, to the same loopback cloud.

Our side enters the run in the ledger, records the intent on the disk, checks the works, lowers them, sends them and
records the answer. The other side has the circuit ready in the vendor's words, with its values as an array, and sends
the same bytes. The cloud is a process of its own. It answers after ``LATENCY``, as a data centre on another continent
does at best; what we add where answers take no time at all stands in a table beside it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import qadapt
from benchmarks.jobs import CIRCUIT, ROWS, against, rows
from benchmarks.tables import Ratio, Table
from qadapt import Backend, Parameter, registry
from qadapt.jobs import Ledger, Options, Policy, estimate, make_plan
from qadapt.jobs.flight import Flight
from qadapt.jobs.plan import Plan

_seeds = count()

LATENCY = 0.1
"""Seconds that every answer of a cloud takes: a round trip between Europe and the United States."""

SHOTS = 100
REPEATS, SLOW_REPEATS = 21, 3
TESTS = Path(__file__).parents[1] / "tests"


@dataclass(frozen=True)
class Added:
    """What we add to a vendor's client.

    Attributes:
        submits: Whose, and how many.
        ours_ms: Our time, client and all.
        theirs_ms: Of the client alone.
        added_percent: Of the client's time.
    """

    submits: str
    ours_ms: float
    theirs_ms: float
    added_percent: float


def comparisons() -> Iterator[Ratio | Table]:
    """Yield the comparisons of this page."""
    os.environ["LOOPBACK_LATENCY"] = str(LATENCY)
    yield from _measured()
    # In a process of its own: IBM's client keeps the address of the first cloud that it meets.
    script = "import json; from benchmarks import submitting; print(json.dumps(submitting.added()))"
    environment = {**os.environ, "LOOPBACK_LATENCY": "0"}
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    rows = [Added(**row) for row in json.loads(answer.stdout.splitlines()[-1])]
    yield Table("submits to a cloud that answers in no time", rows)


def added() -> list[dict[str, Any]]:
    """What we add to each client, as JSON has it."""
    return [
        asdict(Added(each.title, 1e3 * each.ours, 1e3 * each.theirs, 100 * (each.ours / each.theirs - 1)))
        for each in _measured()
    ]


def _measured() -> Iterator[Ratio]:
    yield _ibm()
    yield _origin()
    yield _braket()


@contextmanager
def cloud(module: str) -> Iterator[None]:
    """Run a loopback cloud and lead this process's clients to it."""
    server = subprocess.Popen(
        [sys.executable, "-m", module],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    os.environ.update(json.loads(server.stdout.readline()))
    try:
        yield
    finally:
        server.stdin.close()
        server.wait(30)


class Sender(Flight):
    """A flight that sends and does not wait for answers."""

    def send(self) -> None:
        """Submit every chunk."""
        self._fill()


def ours(plan: Plan, backend: Backend, ledger: Ledger) -> None:
    """Enter a run, and send it."""
    # Another seed makes another plan: equal ones would be kept once, and entered in less time than a new one.
    plan = replace(plan, work=replace(plan.work, seed=next(_seeds)))
    name = ledger.add(plan, estimate(plan, backend), fingerprint=uuid.uuid4().hex)
    policy = Policy(jobs=len(plan.chunks))
    Sender(plan, backend, policy, run=name, record=partial(ledger.write, name)).send()


def _ibm() -> Ratio:
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.executor_sampler import Sampler

    from qadapt_ibm.lower import circuit_gates, directions, lower

    with cloud("clouds.ibm"), Ledger() as ledger:
        backend = qadapt.backend("ibm:ibm_loopback")
        plan = make_plan(CIRCUIT, rows(ROWS), backend, Options(SHOTS, packed=False))
        (work,) = plan.works(0)
        lowered = lower(circuit_gates(work.circuit), [("c", work.circuit.bits)], 156, directions(backend.target))
        array = lowered.array(work.bindings)
        url = os.environ["QISKIT_IBM_URL"]
        service = QiskitRuntimeService(
            channel="ibm_quantum_platform",
            url=url,
            token=os.environ["QISKIT_IBM_TOKEN"],
            instance=os.environ["QISKIT_IBM_INSTANCE"],
            url_resolver=_resolved,
        )
        machine = service.backend("ibm_loopback")
        theirs: Callable[[], Any] = lambda: Sampler(mode=machine).run([(lowered.circuit, array)], shots=SHOTS)  # noqa: E731
        return against(
            f"submitting {ROWS} rows of {array.shape[1]} angles as one job",
            lambda: ours(plan, backend, ledger),
            "qiskit-ibm-runtime's Sampler alone",
            theirs,
            REPEATS,
        )


def _resolved(url: str, *_: object) -> str:
    return f"{url}/api/v1"


def _origin() -> Ratio:
    from clouds.origin import Served
    from qadapt_origin.cloud import _programs as programs

    qcloud: Any = importlib.import_module("pyqpanda3.qcloud")  # without type hints of its own
    with Served() as server, Ledger() as ledger:
        os.environ.update({"ORIGIN_URL": server.url, "ORIGIN_API_KEY": server.key})
        with registry.using("origin:WK_SMALL") as backend:
            plan = make_plan(CIRCUIT, rows(ROWS), backend, Options(SHOTS, packed=False))
            works = [work for chunk in range(len(plan.chunks)) for work in plan.works(chunk)]
            options = qcloud.QCloudOptions(0, False, False, False, is_prob_counts=True)
            chip = qcloud.QCloudService(server.key, server.url).backend("WK_SMALL")

            def theirs() -> None:
                for work in works:
                    chip.run(list(programs(work)), SHOTS, options).job_id()

            return against(
                f"submitting {ROWS} rows of {len(CIRCUIT.parameters)} angles as {len(works)} tasks, by a worker",
                lambda: ours(plan, backend, ledger),
                "pyqpanda3's QCloudService in this process, programs built gate by gate",
                theirs,
                SLOW_REPEATS,
            )


def _braket() -> Ratio:
    from braket.aws import AwsDevice
    from braket.circuits import Circuit, FreeParameter
    from braket.program_sets import CircuitBinding, ProgramSet

    from clouds.braket import GARNET

    with cloud("clouds.braket"), Ledger() as ledger, registry.using("braket:garnet") as backend:
        plan = make_plan(CIRCUIT, rows(ROWS), backend, Options(SHOTS, packed=False))
        works = [work for chunk in range(len(plan.chunks)) for work in plan.works(chunk)]
        native = works[0].circuit
        names = [parameter.name for operation in native.gates() for parameter in operation.parameters]
        inputs = {name: FreeParameter(f"a{number}") for number, name in enumerate(dict.fromkeys(names))}
        box = Circuit()
        for operation in native.gates():
            # Labels of the device count from 1.
            qubits = [qubit + 1 for qubit in operation.qubits]
            if operation.gate == "cz":
                box.cz(*qubits)
            else:
                angles = [
                    inputs[angle.name] * angle.scale + angle.offset if isinstance(angle, Parameter) else angle
                    for angle in operation.angles
                ]
                box.prx(*qubits, *angles)
        circuit = Circuit().add_verbatim_box(box).measure([qubit + 1 for qubit in native.bits])
        device = AwsDevice(GARNET)

        def theirs() -> None:
            for work in works:
                values = {f"a{number}": work.bindings.column(name).tolist() for number, name in enumerate(inputs)}
                programs = ProgramSet(CircuitBinding(circuit, input_sets=values), shots_per_executable=SHOTS)
                device.run(programs, (device.aws_session.default_bucket(), "peer"))

        return against(
            f"submitting {ROWS} rows of {len(CIRCUIT.parameters)} angles as {len(works)} program sets",
            lambda: ours(plan, backend, ledger),
            "AwsDevice.run alone",
            theirs,
            SLOW_REPEATS,
        )
