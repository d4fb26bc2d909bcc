"""Machines over the wire with AWS's own clients: targets, tasks, results, retrieval elsewhere, find, cancel, limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from braket.circuits import Circuit as BraketCircuit
from braket.circuits import FreeParameter
from braket.program_sets import CircuitBinding, ProgramSet

from clouds.braket import GARNET, REGION, environment, machine
from oracles import register_probabilities
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.compile import compile_circuit
from qadapt.errors import AccessError, JobFailedError, NotSupportedError, TargetError, UnavailableError
from qadapt.jobs import run
from qadapt.provider import Costing, Done, Failed, Finding, Identified, Limiting, Pending, Work
from qadapt_braket.cost import PROGRAM_SET_RULE, TASK_RULE
from qadapt_braket.manifest import token
from qadapt_braket.provider import BraketProvider
from qadapt_conformance.suite import Verdict, run_suite

TRY = Circuit(
    num_qubits=3,
    operations=[*(op("ry", q, angles=[f"w{q}"]) for q in range(3)), op("cx", 0, 1), op("cx", 1, 2)],
    measured=[[2, 0], [1]],
)
ROWS = np.random.default_rng(2).uniform(-3, 3, (4, 3))


def compiled(backend, rows=4, shots=500):
    """The circuit above as a work of a backend, and the exact distribution of each register."""
    bindings = Bindings.rows_of(("w0", "w1", "w2"), ROWS[:rows])
    native = compile_circuit(TRY, backend.target)
    work = Work(native.circuit, native.bind(bindings), shots)
    exact = [register_probabilities(TRY, bindings, row) for row in range(rows)]
    return work, [np.stack(tables) for tables in zip(*exact, strict=True)]


def finish(backend, job_id):
    """Look until the job has ended."""
    while isinstance(state := backend.fetch(job_id), Pending):
        pass
    return state


def single(cloud):
    """Let the cloud's machine take single programs only."""
    cloud.machines[GARNET] = ("Garnet", "ONLINE", machine(program_set=False))


def test_nothing_is_asked_of_the_network_without_credentials_or_a_region(cloud, monkeypatch):
    offline = {"local", "local-dm", "emulator/iqm-garnet-sample"}
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert set(BraketProvider().targets()) == offline
    with pytest.raises(TargetError, match="QADAPT_BRAKET_REGION"):
        BraketProvider().open("garnet")
    monkeypatch.setenv("QADAPT_BRAKET_REGION", REGION)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    clients: list[str] = []
    assert set(BraketProvider(connect=clients.append).targets()) == offline
    assert clients == []
    with pytest.raises(TargetError, match="garnet"):
        BraketProvider().open("garnet")
    with pytest.raises(AccessError, match="no credentials"):
        BraketProvider().open(GARNET)
    assert cloud.log == []
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIALOOPBACK00000000")
    assert set(BraketProvider().targets()) == {*offline, "garnet", "emulator/garnet"}


def test_machines_are_listed_and_those_that_qadapt_cannot_use_are_not(cloud):
    ions = machine()
    ions["paradigm"]["nativeGateSet"] = ["GPi", "GPi2", "ZZ"]
    cloud.machines |= {
        GARNET.replace("iqm/Garnet", "ionq/Forte-1"): ("Forte 1", "ONLINE", ions),
        GARNET.replace("Garnet", "Broken"): ("Broken", "ONLINE", "{"),
        GARNET.replace("Garnet", "Gone"): ("Gone", "RETIRED", machine()),
        GARNET.replace("Garnet", "Emerald"): ("Emerald", "OFFLINE", machine()),
    }
    found = BraketProvider().targets()
    assert {name for name in found if "local" not in name and "sample" not in name} == {
        *("garnet", "emulator/garnet", "emerald", "emulator/emerald")
    }
    assert all(target.name == name for name, target in found.items())
    with pytest.raises(TargetError, match="GPi, GPi2, ZZ"):
        BraketProvider().open("forte-1")
    with pytest.raises(TargetError, match="not JSON"):
        BraketProvider().open("broken")
    with pytest.raises(TargetError, match="forte-1, broken, emerald"):
        BraketProvider().open("willow")


def test_a_machine_is_opened_by_arn_in_its_own_region(cloud, monkeypatch):
    monkeypatch.setenv("QADAPT_BRAKET_REGION", "us-east-1")
    backend = BraketProvider().open(GARNET)
    assert backend.name == "braket:garnet"
    assert cloud.requests("POST", "devices") == []
    assert f"/{REGION}/braket" in cloud.log[0].headers["Authorization"]
    with pytest.raises(TargetError, match="no region"):
        BraketProvider().open("arn:aws:braket:::device/quantum-simulator/amazon/sv1")
    with pytest.raises(JobFailedError, match="ResourceNotFound"):
        BraketProvider().open(GARNET.replace("Garnet", "None"))


@pytest.mark.parametrize("spread", [False, True])
def test_a_work_is_one_program_set_and_its_counts_are_right(cloud, spread):
    """Each of 48 counts is within 6.5 standard deviations of exact: false alarms below 1e-8."""
    cloud.script.spread = spread
    backend = BraketProvider().open("garnet")
    work, exact = compiled(backend, shots=5000)
    job = backend.submit([work], tag="qadapt-1-0-0")
    assert backend.fetch(job) == Pending(position=2)
    done = finish(backend, job)
    (result,) = done.results
    for table, wanted in zip(result.counts.registers, exact, strict=True):
        assert (np.abs(table - 5000 * wanted) < 6.5 * np.sqrt(5000 * wanted * (1 - wanted)) + 1).all()
    assert result.provenance.qubits == work.circuit.measured
    assert result.provenance.circuit_hash == work.circuit.content_hash
    assert (result.provenance.shots, result.provenance.seed, result.provenance.simulated) == (5000, None, False)
    assert result.provenance.calibrated == backend.target.calibrated
    assert not result.provenance.vendor_mapping
    (task,) = cloud.tasks.values()
    key = ("amazon-braket-eu-north-1-000000000000", f"{task.folder}/results.json")
    if spread:
        assert len(json.loads(done.raw)) == 6
        assert json.loads(done.raw)[key[1]] == cloud.objects[key].decode()
    else:
        assert done.raw == cloud.objects[key]


def test_what_is_sent_is_what_the_sdk_would_send(cloud, impatient):
    backend = impatient.open("garnet")
    circuit = Circuit(num_qubits=20, operations=[op("prx", 0, angles=["t", 0.1]), op("cz", 0, 1)], measured=[1, 0])
    backend.submit([Work(circuit, Bindings.of({"t": [0.1, 0.2]}), 50)], tag="tag one")
    (task,) = cloud.tasks.values()
    inside = BraketCircuit().prx(1, FreeParameter("a0"), 0.1).cz(1, 2)
    sdks = ProgramSet(CircuitBinding(BraketCircuit().add_verbatim_box(inside).measure([2, 1]), {"a0": [0.1, 0.2]}), 50)
    assert task.action == json.loads(sdks.to_ir().json())
    assert task.request["shots"] == sdks.total_shots
    assert task.request["clientToken"] == token("tag one")
    assert task.request["tags"]["qadapt"] == "tag one"
    assert task.request["deviceArn"] == GARNET
    assert task.request["outputS3KeyPrefix"] == "qadapt"


def test_a_machine_without_program_sets_gets_a_task_for_every_row(cloud, impatient):
    single(cloud)
    backend = impatient.open("garnet")
    assert (backend.capabilities.max_rows, backend.capabilities.native_parameters) == (1, False)
    assert backend.most_rows(TRY, 10) == 1
    work, exact = compiled(backend, rows=1, shots=5000)
    done = finish(backend, backend.submit([work], tag="t"))
    (task,) = cloud.tasks.values()
    assert all(isinstance(value, float) for value in task.action["inputs"].values())
    parameters = json.loads(task.request["deviceParameters"])["paradigmParameters"]
    assert (parameters["disableQubitRewiring"], parameters["qubitCount"]) == (True, 3)
    for table, wanted in zip(done.results[0].counts.registers, exact, strict=True):
        assert (np.abs(table - 5000 * wanted[:1]) < 6.5 * np.sqrt(5000 * wanted[:1] * (1 - wanted[:1])) + 1).all()
    with pytest.raises(NotSupportedError, match="max_rows"):
        backend.submit([compiled(backend, rows=2)[0]], tag="u")


def test_a_run_is_cut_into_tasks(cloud, impatient):
    small = machine()
    small["action"]["braket.ir.openqasm.program_set"] |= {"maximumExecutables": 3, "maximumTotalShots": 400}
    cloud.machines[GARNET] = ("Garnet", "ONLINE", small)
    pair = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["w"])], measured=[0])
    values = np.tile([0.0, np.pi], 4)
    found = run(pair, {"w": values}, impatient.open("garnet"), shots=150, packed=False)
    assert found.counts.table.tolist() == [[150, 0], [0, 150]] * 4
    assert [task.request["shots"] for task in cloud.tasks.values()] == [300] * 4
    assert len(set(cloud.tags())) == 4


def test_a_circuit_without_parameters_is_listed_for_every_row(cloud, impatient):
    backend = impatient.open("garnet")
    circuit = Circuit(num_qubits=20, operations=[op("prx", 4, angles=[np.pi, 0.0])], measured=[4, 9])
    work = Work(circuit, Bindings.of({}, shape=(3,)), 7)
    done = finish(backend, backend.submit([work], tag="t"))
    assert done.results[0].counts.table.tolist() == [[0, 7, 0, 0]] * 3
    bare = Work(Circuit(num_qubits=20, operations=[], measured=[3]), Bindings.of({}), 7)
    assert finish(backend, backend.submit([bare], tag="u")).results[0].counts.table.tolist() == [[7, 0]]


ELSEWHERE = """
import json, sys
from qadapt.provider import Work
from qadapt.codec import decode_works, encode_results
from qadapt_braket.provider import BraketProvider
backend = BraketProvider().open("garnet")
job, works = sys.argv[1], decode_works(open(sys.argv[2], "rb").read())
found = backend.find("the tag")
again = backend.submit(works, tag="the tag")
table = backend.fetch(job).results[0].counts.registers[0]
print(json.dumps([found, again, table.tolist()]))
"""


def test_another_process_finds_fetches_and_cannot_make_a_second_task(cloud, tmp_path, impatient):
    """Its hash seed is another one, so the SDK declares inputs in another order; the task must be the same."""
    from qadapt.codec import encode_works

    cloud.script.states = ()
    backend = impatient.open("garnet")
    circuit = Circuit(
        num_qubits=20,
        operations=[op("prx", q, angles=[f"a{q}", f"b{q}"]) for q in range(9)],
        measured=list(range(9)),
    )
    values = np.random.default_rng(1).uniform(-3, 3, (3, 18))
    work = Work(circuit, Bindings.rows_of(circuit.parameters, values), 20)
    job = backend.submit([work], tag="the tag")
    table = finish(backend, job).results[0].counts.table
    (tmp_path / "works").write_bytes(encode_works([work]))
    paths = os.pathsep.join(str(Path(__file__).parents[number]) for number in (1, 3))
    answer = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, job, str(tmp_path / "works")],
        env={**os.environ, **environment(cloud.url), "PYTHONHASHSEED": "1", "PYTHONPATH": paths},
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert json.loads(answer.stdout) == [job, job, table.tolist()]
    assert len(cloud.tasks) == 1


def test_a_tag_finds_its_task_among_many(cloud, impatient):
    backend = impatient.open("garnet")
    work, _ = compiled(backend, rows=1, shots=1)
    jobs = {f"tag-{number}": backend.submit([work], tag=f"tag-{number}") for number in range(103)}
    assert len(set(jobs.values())) == len(cloud.tasks) == 103
    for tag in ("tag-0", "tag-50", "tag-102"):
        assert impatient.open("garnet").find(tag) == jobs[tag]
    assert backend.find("tag-103") is None
    assert backend.submit([work], tag="tag-7") == jobs["tag-7"]
    assert len(cloud.tasks) == 103


def test_tasks_of_others_are_not_ours(cloud, impatient):
    backend = impatient.open("garnet")
    assert backend.find("x") is None
    work, _ = compiled(backend)
    job = backend.submit([work], tag="t")
    del cloud.tasks[job].request["tags"]
    assert backend.find("t") is None
    failed = finish(backend, job)
    assert isinstance(failed, Failed)
    assert "not the tags" in str(failed.error)


def test_cancel(cloud, impatient):
    cloud.script.states = ("QUEUED",) * 3
    backend = impatient.open("garnet")
    work, _ = compiled(backend)
    job = backend.submit([work], tag="t")
    backend.cancel(job)
    failed = finish(backend, job)
    assert isinstance(failed.error, JobFailedError)
    assert "cancelled" in str(failed.error)
    backend.cancel(job)
    with pytest.raises(JobFailedError, match="ResourceNotFound"):
        backend.cancel(job[:-1] + "x")


def test_a_finished_task_stays_as_it_is(cloud, impatient):
    backend = impatient.open("garnet")
    job = backend.submit([compiled(backend)[0]], tag="t")
    done = finish(backend, job)
    backend.cancel(job)
    again = backend.fetch(job)
    assert again.raw == done.raw
    assert again.results[0].counts.registers[0].tolist() == done.results[0].counts.registers[0].tolist()


@pytest.mark.parametrize("job", ["", "x", "arn:aws:braket:eu-north-1::device/qpu/iqm/Garnet", "../devices"])
def test_ids_that_are_none_are_not_asked_about(cloud, job, impatient):
    backend = impatient.open("garnet")
    asked = len(cloud.log)
    failed = backend.fetch(job)
    assert isinstance(failed.error, JobFailedError)
    assert failed.error.job_id == job
    assert len(cloud.log) == asked


def test_an_unknown_task_has_failed(cloud, impatient):
    backend = impatient.open("garnet")
    failed = backend.fetch(f"arn:aws:braket:{REGION}:000000000000:quantum-task/none")
    assert isinstance(failed.error, JobFailedError)


@pytest.mark.parametrize("position", [">2000", "None", ""])
def test_places_in_the_queue_that_are_no_numbers(cloud, position, impatient):
    cloud.script.position = position
    backend = impatient.open("garnet")
    assert backend.fetch(backend.submit([compiled(backend)[0]], tag="t")) == Pending()


@pytest.mark.parametrize("state", ["CREATED", "RUNNING", "CANCELLING", "DAYDREAMING"])
def test_states_on_the_way(cloud, state, impatient):
    cloud.script.states = (state,)
    backend = impatient.open("garnet")
    job = backend.submit([compiled(backend)[0]], tag="t")
    assert backend.fetch(job) == Pending()
    assert isinstance(backend.fetch(job), Done)


def test_limits_are_checked_before_anything_is_sent(cloud, impatient):
    document = machine()
    document["service"]["shotsRange"] = [10, 1000]
    document["action"]["braket.ir.openqasm.program_set"] |= {"maximumTotalShots": 3000, "minimumTotalShots": 50}
    cloud.machines[GARNET] = ("Garnet", "ONLINE", document)
    backend = impatient.open("garnet")
    asked = len(cloud.log)
    for rows, shots, capability in (
        (1, 9, "min_shots"),
        (1, 1001, "max_shots"),
        (4, 10, "min_executions"),
        (4, 800, "max_executions"),
    ):
        with pytest.raises(NotSupportedError) as refused:
            backend.submit([compiled(backend, rows, shots)[0]], tag="t")
        assert refused.value.capability == capability
    many = Bindings.of({name: np.zeros(101) for name in ("w0", "w1", "w2")})
    native = compile_circuit(TRY, backend.target)
    with pytest.raises(NotSupportedError) as refused:
        backend.submit([Work(native.circuit, native.bind(many), 10)], tag="t")
    assert refused.value.capability == "max_rows"
    with pytest.raises(NotSupportedError):
        backend.submit([compiled(backend)[0]] * 2, tag="t")
    assert backend.most_rows(TRY, 10) == 100
    assert backend.most_rows(TRY, 700) == 4
    assert backend.most_rows(TRY, 5000) == 1
    assert len(cloud.log) == asked


def test_cost(cloud, impatient):
    backend = impatient.open("garnet")
    assert all(isinstance(backend, kind) for kind in (Costing, Limiting, Finding))
    work, _ = compiled(backend, rows=4, shots=100)
    asked = len(cloud.log)
    cost = backend.cost([work])
    assert cost.dollars == pytest.approx(0.30 + 400 * 0.00145)
    assert (cost.shots, cost.seconds) == (400, None)
    assert cost.rules[:2] == (TASK_RULE, PROGRAM_SET_RULE)
    assert "0.00145 USD per shot" in cost.rules[2]
    assert len(cloud.log) == asked
    single(cloud)
    alone = impatient.open("garnet").cost([work])
    assert alone.dollars == pytest.approx(4 * 0.30 + 400 * 0.00145)
    assert PROGRAM_SET_RULE not in alone.rules
    document = machine()
    del document["service"]["deviceCost"]
    cloud.machines[GARNET] = ("Garnet", "ONLINE", document)
    unknown = impatient.open("garnet").cost([work])
    assert unknown.dollars is None
    assert unknown.shots == 400


def test_the_bucket_is_the_users_or_the_accounts(cloud, monkeypatch):
    backend = BraketProvider().open("garnet")
    backend.submit([compiled(backend)[0]], tag="t")
    monkeypatch.setenv("QADAPT_BRAKET_BUCKET", "amazon-braket-mine")
    backend = BraketProvider().open("garnet")
    asked = len(cloud.requests("POST", "^/$"))
    job = backend.submit([compiled(backend)[0]], tag="u")
    assert isinstance(finish(backend, job), Done)
    assert len(cloud.requests("POST", "^/$")) == asked
    used = [task.request["outputS3Bucket"] for task in cloud.tasks.values()]
    assert used == ["amazon-braket-eu-north-1-000000000000", "amazon-braket-mine"]


def test_the_identity_is_the_account_and_the_region(cloud):
    backend = BraketProvider().open("garnet")
    assert isinstance(backend, Identified)
    cloud.fail("POST", "^/$", 503, 9)
    with pytest.raises(UnavailableError):
        backend.identity()
    cloud.faults.clear()
    assert backend.identity() == {"account": "000000000000", "region": REGION}
    asked = len(cloud.log)
    assert backend.identity()["region"] == REGION
    assert len(cloud.log) == asked


def test_a_bucket_of_somebody_else(cloud):
    backend = BraketProvider().open("garnet")
    body = b"<Error><Code>BucketAlreadyExists</Code><Message>no</Message></Error>"
    cloud.fail("PUT", "^/amazon-braket", 409, body=body)
    with pytest.raises(AccessError, match="QADAPT_BRAKET_BUCKET"):
        backend.submit([compiled(backend)[0]], tag="t")
    assert cloud.tasks == {}


def test_an_account_that_does_not_answer_has_surely_no_task(cloud):
    backend = BraketProvider().open("garnet")
    cloud.fail("POST", "^/$", 503, 9)
    with pytest.raises(UnavailableError) as lost:
        backend.submit([compiled(backend)[0]], tag="t")
    assert lost.value.doubtful is False


def ideal():
    """A machine without errors, which the conformance suite can compare with exact probabilities."""
    document = machine()
    document["standardized"]["oneQubitProperties"] = {}
    for item in document["standardized"]["twoQubitProperties"].values():
        item["twoQubitGateFidelity"][0]["fidelity"] = 1.0
    document["action"]["braket.ir.openqasm.program_set"]["maximumTotalShots"] = 2_000_000
    return document


def test_the_conformance_suite_over_the_wire(cloud):
    """The cloud is a simulator, and draws equal counts for equal tasks on purpose: three rules do not see a machine."""
    cloud.machines[GARNET] = ("Garnet", "ONLINE", ideal())
    cloud.script.states = ()
    backend = BraketProvider().open("garnet")
    backend.capabilities = backend.capabilities.model_copy(update={"simulated": True})
    report = run_suite(backend)
    violated = {entry.rule for entry in report.verdicts if entry.verdict is Verdict.VIOLATES}
    assert violated <= {"SHOTS-3", "SHOTS-6", "PROV-3"}
    assert report.count(Verdict.CONFORMS) >= 40


def test_no_sdk_is_loaded_by_naming_the_provider():
    code = (
        "import sys, qadapt.registry as r; p = r.provider('braket'); p.targets(); p.requirements();"
        "print([name for name in sys.modules if name.split('.')[0] in ('braket', 'boto3', 'botocore')])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60, text=True)
    assert answer.stdout.strip() == "[]"


def test_a_cloud_can_run_in_a_process_of_its_own():
    folder = Path(__file__).parents[3] / "tests"
    with subprocess.Popen(
        [sys.executable, "-m", "clouds.braket"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert json.loads(process.stdout.readline())["BRAKET_ENDPOINT"].startswith("http://127.0.0.1:")
        process.stdin.close()
        assert process.wait(30) == 0
