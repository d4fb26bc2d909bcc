"""The service backend through the real client, over loopback."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.executor_sampler import Sampler

from clouds.ibm import CRN, KEY, MACHINE, IBMCloud
from ibm_cases import BINDINGS, CIRCUIT, FIXED, QUBITS, Open, work
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import BindingsError, JobFailedError, NotSupportedError, QadaptError, TargetError
from qadapt.provider import Costing, Done, Failed, Finding, Identified, Limiting, Pending, Work
from qadapt_ibm import service as service_module
from qadapt_ibm.lower import Lowered, lower
from qadapt_ibm.service import ServiceBackend

TESTS = Path(__file__).parents[3] / "tests"


@pytest.fixture
def backend(connect: Open) -> ServiceBackend:
    return connect()


def done(backend: ServiceBackend, job: str) -> Done:
    state = backend.fetch(job)
    assert isinstance(state, Done), getattr(state, "error", state)
    return state


def test_a_circuit_is_lowered_once_and_each_work_has_a_head_of_its_own(
    backend: ServiceBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def counted(*args: Any) -> Lowered:
        made.append(args)
        return lower(*args)

    monkeypatch.setattr("qadapt_ibm.service.lower", counted)
    (first, *_) = work(10)
    again = Work(first.circuit, first.bindings, 20)
    pubs = [backend._pubs(each, number, 2)[0] for number, each in enumerate((first, again))]
    assert len(made) == 1
    assert pubs[0][0].metadata != pubs[1][0].metadata
    assert pubs[0][0] is not pubs[1][0]
    assert pubs[0][0] == pubs[1][0]


def test_from_submit_to_counts(cloud: IBMCloud, backend: ServiceBackend) -> None:
    cloud.states = ["Queued", "Running"]
    job = backend.submit(work(400), tag="my-tag")
    assert cloud.jobs[job].tags == ["my-tag", "qadapt"]
    first, second = backend.fetch(job), backend.fetch(job)
    assert isinstance(first, Pending)
    assert first.position == 3
    assert first.until is not None
    assert first.until > datetime.now(UTC)
    assert second == first
    state = done(backend, job)
    (result,) = state.results
    pair, single = result.counts.registers
    assert single.tolist() == [[0, 400]] * 4
    # Bit 0 is qubit 1, bit 1 is qubit 0.
    assert pair[:3].tolist() == [[400, 0, 0, 0], [0, 0, 400, 0], [0, 400, 0, 0]]
    assert pair[3, [1, 3]].tolist() == [0, 0]
    assert abs(pair[3, 0] - 200) < 60  # 6 sigma, and the cloud's shots follow from the job
    said = result.provenance
    assert (said.backend, said.shots, said.seed) == ("ibm:ibm_loopback", 400, None)
    assert said.circuit_hash == CIRCUIT.content_hash
    assert said.qubits == ((1, 0), (3,))
    assert not said.simulated
    assert said.mitigation == ()
    assert said.calibrated is not None
    assert state.raw == str(cloud.jobs[job].text).encode()


def test_the_identity_is_the_instance_and_what_is_not_the_default(cloud: IBMCloud, connect: Open) -> None:
    backend = connect(tags=("mine",), dollars_per_minute=96)
    assert isinstance(backend, Identified)
    assert backend.identity() == {"instance": CRN, "options": ""}
    other = connect(mode="batch", dynamical_decoupling="XY4", twirl_gates=True, init_qubits=False, tags=("mine",))
    said = "mode=batch, dynamical_decoupling=XY4, twirl_gates=True, init_qubits=False"
    assert other.identity() == {"instance": CRN, "options": said}
    before = len(cloud.log)
    other.identity()
    assert len(cloud.log) == before


def test_a_look_is_one_request(cloud: IBMCloud, backend: ServiceBackend) -> None:
    cloud.states = ["Queued"] * 5
    job = backend.submit(work(), tag="t")
    counted = []
    for _ in range(6):
        before = len(cloud.log)
        backend.fetch(job)
        counted.append(len(cloud.log) - before)
    # The first asks for the place in the queue; the last for the result, when it ran and that time's calibration.
    assert counted == [2, 1, 1, 1, 1, 4]
    job = backend.submit(work(), tag="u")
    cloud.jobs[job].states.clear()
    before = len(cloud.log)
    done(backend, job)
    assert len(cloud.log) - before == 3  # the calibration is that of the last


def test_the_place_is_asked_for_now_and_then(
    cloud: IBMCloud, backend: ServiceBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.states = ["Queued"] * 4
    job = backend.submit(work(), tag="t")
    monkeypatch.setattr(service_module, "QUEUE_EVERY", 0.0)
    for _ in range(2):
        backend.fetch(job)
    assert len(cloud.requests("GET", "/metrics")) == 2


def test_a_packed_circuit_and_correlated_registers(backend: ServiceBackend) -> None:
    """Shots are drawn for all bits that are connected at once, and every tile by itself."""
    tiles = [(0, 1), (3, 4), (5, 6)]
    half = [op("rz", q, angles=[np.pi / 2]) for pair in tiles for q in pair[:1]]
    operations = [gate for q, _ in tiles for gate in (op("sx", q), op("rz", q, angles=[f"a{q}"]), op("sx", q))]
    circuit = Circuit(num_qubits=QUBITS, operations=[*half, *operations], measured=tiles)
    bindings = Bindings.of({f"a{q}": np.linspace(0, np.pi, 7) for q, _ in tiles})
    job = backend.submit([Work(circuit, bindings, 64)], tag="t")
    counts = done(backend, job).results[0].counts
    assert [table.shape for table in counts.registers] == [(7, 4)] * 3
    for table in counts.registers:
        assert (table.sum(axis=1) == 64).all()
        assert table[0].tolist() == [0, 64, 0, 0]
        assert table[-1].tolist() == [64, 0, 0, 0]


def test_another_process_can_fetch_and_find(cloud: IBMCloud, backend: ServiceBackend) -> None:
    """Several works, one of them without parameters and with several rows."""
    works = [Work(FIXED, Bindings.of({}, shape=(3,)), 50), Work(CIRCUIT, BINDINGS.slice(0, 2), 50)]
    job = backend.submit(works, tag="from-elsewhere")
    assert backend.capabilities.retrieval
    assert backend.capabilities.find
    code = (
        "import json, qadapt\n"
        f"backend = qadapt.backend('ibm:{MACHINE}')\n"
        "job = backend.find('from-elsewhere')\n"
        "results = backend.fetch(job).results\n"
        "tables = [[table.tolist() for table in result.counts.registers] for result in results]\n"
        "print(json.dumps([job, backend.find('never'), tables, [r.provenance.circuit_hash for r in results]]))\n"
    )
    environment = {**os.environ, **cloud.environment, "QADAPT_IBM_MODE": "batch"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    found, never, tables, hashes = json.loads(ran.stdout)
    assert (found, never) == (job, None)
    assert tables[0] == [[[0, 50, 0, 0]] * 3]
    assert tables[1][0] == [[50, 0, 0, 0], [0, 0, 50, 0]]
    assert hashes == [FIXED.content_hash, CIRCUIT.content_hash]
    assert not cloud.sessions  # a batch is opened by a submit, not by a look


@pytest.mark.parametrize("name", [MACHINE, f"{MACHINE}-fractional"])
def test_a_submit_does_not_ask_for_the_machine_that_is_open(cloud: IBMCloud, connect: Open, name: str) -> None:
    """IBM's own client posts the same, after it has listed the machines."""
    backend = connect(name)
    before = len(cloud.log)
    backend.submit(work(), tag="ours")
    posted = [(request.method, request.path.partition("/v1")[2]) for request in cloud.log[before:]]
    assert posted == [("GET", "/instances/usage"), ("GET", f"/backends/{MACHINE}/status"), ("POST", "/jobs")]
    service = QiskitRuntimeService(token=KEY, instance=CRN, url=cloud.url, url_resolver=lambda url, *_: f"{url}/api/v1")
    sampler = Sampler(mode=service.backend(MACHINE), options=backend.options.sampler(10, ["ours", "qadapt"]))
    sampler.run(backend._pubs(work()[0], 0, 1), shots=10)
    assert cloud.requests("GET", "/backends$")[-1] in cloud.log[before + 3 :]
    ours, theirs = (json.loads(request.body) for request in cloud.requests("POST", r"/jobs$"))
    assert ours == theirs


def test_a_tag_is_submitted_once_in_a_process(cloud: IBMCloud, backend: ServiceBackend, connect: Open) -> None:
    first = backend.submit(work(), tag="once")
    assert backend.submit(work(), tag="once") == first
    assert backend.submit(work(), tag="twice") != first
    assert cloud.created() == {"once": 1, "twice": 1}
    # Another process asks first; that is the runner's part.
    assert connect().find("once") == first


def test_find_takes_the_whole_tag(cloud: IBMCloud, backend: ServiceBackend) -> None:
    jobs = {tag: backend.submit(work(), tag=tag) for tag in [f"run-{number}" for number in range(12)]}
    assert {tag: backend.find(tag) for tag in jobs} == jobs
    assert backend.find("run") is None
    assert backend.find("run-") is None


def test_find_asks_the_instance_of_the_machine(cloud: IBMCloud, backend: ServiceBackend) -> None:
    """The client changes its active instance by itself, when it looks for a job that it does not know."""
    service = backend._service
    service._active_api_client = service._create_new_cloud_api_client(CRN.replace("0123", "4567"))
    assert backend.find("nothing") is None
    assert cloud.requests("GET", "/jobs$")[-1].headers["Service-CRN"] == CRN


@pytest.mark.parametrize(
    ("reason", "code", "hint"),
    [("the fridge is warm", None, ""), ("circuit not ISA", 6054, ""), ("ran too long", 1305, "max_execution_time")],
)
def test_a_failed_job(cloud: IBMCloud, backend: ServiceBackend, reason: str, code: int | None, hint: str) -> None:
    job = backend.submit(work(), tag="t")
    cloud.jobs[job].final, cloud.jobs[job].reason, cloud.jobs[job].code = "Failed", reason, code
    state = backend.fetch(job)
    assert isinstance(state, Failed)
    assert type(state.error) is JobFailedError
    assert reason in str(state.error)
    assert code is None or str(code) in str(state.error)
    assert hint in state.error.hint
    assert bool(hint) == bool(state.error.hint)
    assert state.error.job_id == job
    assert state.error.__cause__ is not None


def test_a_job_that_took_too_long_is_cancelled_by_the_service(cloud: IBMCloud, backend: ServiceBackend) -> None:
    job = backend.submit(work(), tag="t")
    cloud.jobs[job].final, cloud.jobs[job].reason, cloud.jobs[job].code = "Cancelled", "ran too long", 1305
    state = backend.fetch(job)
    assert isinstance(state, Failed)
    assert "max_execution_time" in str(state.error)


def test_cancel(cloud: IBMCloud, backend: ServiceBackend) -> None:
    cloud.states = ["Queued"] * 9
    job = backend.submit(work(), tag="t")
    backend.cancel(job)
    state = backend.fetch(job)
    assert isinstance(state, Failed)
    assert "cancelled" in str(state.error)
    backend.cancel(job)  # what has finished stays as it is
    with pytest.raises(JobFailedError):
        backend.cancel("nope")


def test_a_cancel_that_came_too_late(cloud: IBMCloud, backend: ServiceBackend) -> None:
    """The service says that it will, and the job ends all the same; the client believes that it was cancelled."""
    cloud.states = ["Running"]
    job = backend.submit(work(), tag="t")
    cloud.fail("POST", "/cancel$", 204)
    backend.cancel(job)
    cloud.jobs[job].states.clear()
    done(backend, job)


def test_a_finished_job_stays_as_it_is(cloud: IBMCloud, backend: ServiceBackend) -> None:
    job = backend.submit(work(), tag="t")
    first = done(backend, job)
    backend.cancel(job)
    again = done(backend, job)
    assert again.raw == first.raw
    assert again.results[0].counts.registers[0].tolist() == first.results[0].counts.registers[0].tolist()


def test_a_state_nobody_knows_is_pending(cloud: IBMCloud, backend: ServiceBackend) -> None:
    cloud.states = ["Meditating"]
    job = backend.submit(work(), tag="t")
    assert isinstance(backend.fetch(job), Pending)
    done(backend, job)


@pytest.mark.parametrize("job", ["nope", "", "../backends", "a b", "?"])
def test_an_unknown_job(backend: ServiceBackend, job: str) -> None:
    state = backend.fetch(job)
    assert isinstance(state, Failed)
    assert isinstance(state.error, JobFailedError)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: [Work(CIRCUIT, BINDINGS, 10), Work(CIRCUIT, BINDINGS, 20)], NotSupportedError),
        (lambda: [Work(CIRCUIT, BINDINGS, 900_000)] * 3, NotSupportedError),
        (lambda: [Work(CIRCUIT, Bindings.of({"t2": 0.1}), 10)], BindingsError),
        (lambda: [Work(CIRCUIT, BINDINGS, 0)], BindingsError),
        (lambda: [Work(CIRCUIT, BINDINGS, 1.5)], BindingsError),  # type: ignore[arg-type]
        (lambda: [Work(CIRCUIT, Bindings.of({"t2": 1.0, "t10": float("nan")}), 10)], BindingsError),
        (
            lambda: [Work(Circuit(num_qubits=QUBITS, operations=(op("h", 0),), measured=[(0,)]), BINDINGS, 1)],
            QadaptError,
        ),
        (lambda: [Work(Circuit(num_qubits=QUBITS + 1, measured=[(QUBITS,)]), Bindings.of({}), 1)], TargetError),
        (lambda: [Work(Circuit(num_qubits=2, operations=(op("cz", 0, 1),)), Bindings.of({}), 1)], TargetError),
        (list, NotSupportedError),
    ],
)
def test_bad_input_is_never_posted(
    cloud: IBMCloud, backend: ServiceBackend, make: Callable[[], list[Work]], kind: type[QadaptError]
) -> None:
    before = len(cloud.log)
    with pytest.raises(kind):
        backend.submit(make(), tag="bad")
    assert len(cloud.log) == before


@pytest.mark.parametrize(("mode", "posted"), [("batch", "batch"), ("session", "dedicated")])
def test_batch_and_session(cloud: IBMCloud, connect: Open, mode: str, posted: str) -> None:
    """Opened by the first submit, used by all, closed with the backend; its jobs still run."""
    with connect(mode=mode, max_time=600) as backend:
        assert not cloud.sessions
        jobs = [backend.submit(work(), tag=f"t{number}") for number in range(3)]
        (session,) = cloud.sessions.values()
        assert (session["mode"], session["max_ttl"], session["backend_name"]) == (posted, 600, MACHINE)
        assert {cloud.jobs[job].request["session_id"] for job in jobs} == {session["id"]}
        assert session["accepting_jobs"]
    assert not session["accepting_jobs"]
    for job in jobs:
        done(backend, job)


@pytest.mark.parametrize("mode", ["batch", "session"])
def test_nobody_keeps_a_session_open(cloud: IBMCloud, connect: Open, mode: str) -> None:
    backend = connect(mode=mode)
    backend.submit(work(), tag="t")
    del backend
    gc.collect()
    (session,) = cloud.sessions.values()
    assert not session["accepting_jobs"]


def test_a_session_that_the_service_closed_is_opened_anew(cloud: IBMCloud, connect: Open) -> None:
    from qadapt.errors import UnavailableError

    backend = connect(mode="session")
    backend.submit(work(), tag="a")
    cloud.sessions["session0"] |= {"state": "closed", "accepting_jobs": False}
    with pytest.raises(UnavailableError, match="closed by the service") as caught:
        backend.submit(work(), tag="b")
    assert not caught.value.doubtful
    job = backend.submit(work(), tag="b")
    assert cloud.jobs[job].request["session_id"] == "session1"
    assert cloud.created() == {"a": 1, "b": 1}


def test_options_reach_the_job(cloud: IBMCloud, connect: Open) -> None:
    backend = connect(max_execution_time=77, private=True, init_qubits=False, rep_delay=100e-6, tags=("mine", "too"))
    job = backend.submit(work(), tag="t")
    posted = cloud.jobs[job].request
    assert posted["cost"] == 77
    assert posted["private"]
    assert posted["tags"] == ["t", "qadapt", "mine", "too"]
    assert posted["params"]["options"]["init_qubits"] is False
    assert posted["params"]["options"]["rep_delay"] == 100e-6


def test_by_default_nothing_touches_the_counts(cloud: IBMCloud, backend: ServiceBackend) -> None:
    posted = cloud.jobs[backend.submit(work(), tag="t")].request
    program = posted["params"]["quantum_program"]
    assert [item["item_type"] for item in program["items"]] == ["circuit"]
    assert posted["params"]["options"]["init_qubits"] is True
    assert not posted.get("private")
    kept = program["passthrough_data"]["post_processor"]["options"]
    assert kept["dynamical_decoupling"]["enable"] is False
    assert not any(kept["twirling"][name] for name in ("enable_gates", "enable_measure"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"twirl_gates": True, "randomizations": 4}, ("gate twirling, 4 randomizations",)),
        ({"twirl_measure": True}, ("measurement twirling, 2 randomizations",)),
        ({"dynamical_decoupling": "XY4"}, ("dynamical decoupling XY4",)),
    ],
)
def test_what_is_done_against_errors_is_said(
    cloud: IBMCloud, connect: Open, options: dict[str, Any], said: tuple[str, ...]
) -> None:
    """Also by a process that fetches with other options; the counts are those of the circuit."""
    circuit = Circuit(
        num_qubits=QUBITS,
        operations=[
            op("x", 3),
            op("cz", 3, 4),
            op("fence", 3, 4),
            op("sx", 4),
            op("rz", 4, angles=["a"]),
            op("sx", 4),
        ],
        measured=[(3, 4)],
    )
    assert connect().target.couples("cz", (3, 4))
    # cz on |1> turns sx rz(a) sx into itself up to a phase of qubit 4: |0> to |1> at a = 0.
    bindings = Bindings.of({"a": [0.0, np.pi]})
    job = connect(**options).submit([Work(circuit, bindings, 128)], tag="t")
    (result,) = done(connect(), job).results
    assert result.provenance.mitigation == said
    assert result.counts.table.tolist() == [[0, 0, 0, 128], [0, 128, 0, 0]]


def test_fractional_gates_on_request(cloud: IBMCloud, connect: Open) -> None:
    plain, full = connect(), connect(f"{MACHINE}-fractional")
    assert plain.target.native == ("cz", "sx", "x", "rz")
    assert full.target.native == ("cz", "sx", "x", "rz", "rx", "rzz")
    assert full.target.ranges == {"rzz": (0.0, np.pi / 2)}
    circuit = Circuit(num_qubits=QUBITS, operations=[op("rx", 3, angles=["a"])], measured=[(3,)])
    bindings = Bindings.of({"a": [0.0, np.pi]})
    with pytest.raises(TargetError):
        plain.submit([Work(circuit, bindings, 20)], tag="t")
    job = full.submit([Work(circuit, bindings, 20)], tag="t")
    assert done(full, job).results[0].counts.table.tolist() == [[20, 0], [0, 20]]
    entangling = Circuit(num_qubits=QUBITS, operations=[op("rzz", 3, 4, angles=["a"])], measured=[(3, 4)])
    with pytest.raises(BindingsError):
        full.submit([Work(entangling, Bindings.of({"a": 2.0}), 20)], tag="u")
    assert full.name == f"ibm:{MACHINE}-fractional"


def test_a_machine_without_fractional_gates(cloud: IBMCloud, connect: Open) -> None:
    cloud.fractional = False
    with pytest.raises(TargetError, match="fractional"):
        connect(f"{MACHINE}-fractional")


@pytest.mark.parametrize("delay", [0.6e-3, 1.0])
def test_a_rep_delay_that_the_machine_does_not_take(connect: Open, delay: float) -> None:
    with pytest.raises(TargetError, match="rep_delay"):
        connect(rep_delay=delay)


def test_it_can_find_limit_and_cost(backend: ServiceBackend) -> None:
    assert isinstance(backend, Finding)
    assert isinstance(backend, Limiting)
    assert isinstance(backend, Costing)
    before = backend.cost(work(100))
    assert before.shots == 400
    assert before.seconds is not None
    assert 2.1 < before.seconds < 2.2
    assert before.dollars is None
    assert backend.most_rows(CIRCUIT, 4096) == 10_000_000 // 4096
