"""Every fault of the service and of S3: a right result or the right error, in time, and never a second task.

AWS's clients try three times, so a fault that comes once is theirs to get over, and nine times is for good.
"""

from __future__ import annotations

import logging
import time
import traceback

import numpy as np
import pytest
from botocore.exceptions import ClientError

from clouds.braket import GARNET, REGION, SECRET, TOKEN, BraketCloud, environment, failure, machine, s3_error
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import AccessError, BadResultError, JobFailedError, ProviderError, UnavailableError
from qadapt.provider import Done, Failed, Pending, Work
from qadapt_braket import device as device_module
from qadapt_braket import session
from qadapt_braket.provider import BraketProvider

TASK, LOOK, OBJECT = r"^/quantum-task$", r"^/quantum-task/arn", r"results\.json$"
WORK = Work(
    Circuit(num_qubits=20, operations=[op("prx", 3, angles=["t", 0.2])], measured=[3]),
    Bindings.of({"t": [0.3, 2.0]}),
    40,
)


@pytest.fixture
def backend(impatient):
    """The cloud's machine."""
    return impatient.open("garnet")


def coded(code, status):
    """A fault of a code that the service has beside its own."""
    return {"kind": status, "body": {"__type": code, "message": f"{code} was said"}}


PAGE = b"<html>bad gateway</html>"


def named(fault):
    """Name of a fault in the list of tests."""
    return f"{fault['kind']} {'page' if fault.get('body') == PAGE else 'word' if 'body' in fault else ''}".strip()


LOST = {
    "500 for good": ({"kind": 500, "times": 9}, 0),
    "503 for good": ({"kind": 503, "times": 9}, 0),
    "a gateway's page": ({"kind": 502, "times": 9, "body": PAGE}, 0),
    "a gateway gives up after the task was made": ({"kind": 504, "times": 9, "after": True, "body": PAGE}, 1),
    "500 after the task was made": ({"kind": 500, "times": 9, "after": True}, 1),
    "dropped before": ({"kind": "drop", "times": 9}, 0),
    "dropped after": ({"kind": "lose", "times": 9}, 1),
    "hung": ({"kind": "hang", "times": 9}, 1),
    "garbage": ({"kind": "garbage", "times": 9}, 1),
    "truncated": ({"kind": "truncate", "times": 9}, 1),
    "empty": ({"kind": "empty", "times": 9}, 1),
}


@pytest.mark.parametrize("case", LOST)
def test_a_submit_whose_answer_is_lost_is_in_doubt_and_can_be_found(cloud, impatient, backend, case):
    fault, made = LOST[case]
    cloud.fail("POST", TASK, **fault)
    start = time.monotonic()
    with pytest.raises(UnavailableError) as lost:
        backend.submit([WORK], tag="t")
    assert time.monotonic() - start < 5
    assert lost.value.doubtful
    assert lost.value.__cause__ is not None
    assert len(cloud.tasks) == made
    cloud.faults.clear()
    found = impatient.open("garnet").find("t")
    assert found == (next(iter(cloud.tasks)) if made else None)
    job = backend.submit([WORK], tag="t")
    assert len(cloud.tasks) == 1
    assert found in (None, job)


@pytest.mark.parametrize("kind", [500, 503, 429, "drop", "lose", "hang"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_fault_that_passes_is_got_over_with_one_task(cloud, backend, kind, times):
    cloud.fail("POST", TASK, kind, times)
    job = backend.submit([WORK], tag="t")
    assert list(cloud.tasks) == [job]
    assert len(cloud.requests("POST", TASK)) == times + 1


REFUSED = {
    "throttled": ({"kind": 429, "times": 9}, UnavailableError),
    "offline": ({"kind": 424, "times": 9}, UnavailableError),
    "not valid": ({"kind": 400}, JobFailedError),
    "retired": ({"kind": 410}, JobFailedError),
    "denied": ({"kind": 403}, AccessError),
    "quota": ({"kind": 402}, AccessError),
    "expired": (coded("ExpiredTokenException", 403), AccessError),
    "expired, 400": (coded("ExpiredToken", 400), AccessError),
    "unknown key": (coded("UnrecognizedClientException", 403), AccessError),
    "unknown word": (coded("TeapotException", 418), JobFailedError),
    "a proxy wants a password": ({"kind": 407, "body": PAGE}, UnavailableError),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_submit_that_is_refused_is_not_in_doubt(cloud, backend, case):
    fault, kind = REFUSED[case]
    cloud.fail("POST", TASK, **fault)
    with pytest.raises(kind) as refused:
        backend.submit([WORK], tag="t")
    assert refused.value.provider == "braket:garnet"
    assert getattr(refused.value, "doubtful", False) is False
    assert isinstance(refused.value.__cause__, ClientError)
    assert cloud.tasks == {}


@pytest.mark.parametrize("then", [403, 400, 429, 424])
def test_a_refusal_after_a_lost_answer_leaves_doubt(cloud, backend, then):
    cloud.fail("POST", TASK, "lose")
    cloud.fail("POST", TASK, then, 9)
    with pytest.raises(UnavailableError) as lost:
        backend.submit([WORK], tag="t")
    assert lost.value.doubtful
    assert len(cloud.tasks) == 1
    cloud.faults.clear()
    assert backend.submit([WORK], tag="t") == next(iter(cloud.tasks))


def test_doubt_does_not_outlive_its_submit(cloud, backend):
    cloud.fail("POST", TASK, "lose")
    backend.submit([WORK], tag="t")
    cloud.fail("POST", TASK, 403)
    with pytest.raises(AccessError):
        backend.submit([WORK], tag="u")


def test_nobody_listens(cloud, monkeypatch):
    monkeypatch.setenv("QADAPT_BRAKET_BUCKET", "amazon-braket-mine")
    with BraketCloud() as other:
        for name, value in environment(other.url).items():
            monkeypatch.setenv(name, value)
        backend = BraketProvider().open("garnet")
        backend._session = session.connect(REGION)  # without a connection that is kept open
    with pytest.raises(UnavailableError) as refused:
        backend.submit([WORK], tag="t")
    assert refused.value.doubtful is False
    with pytest.raises(UnavailableError):
        backend.fetch("arn:aws:braket:eu-north-1:000000000000:quantum-task/x")
    with pytest.raises(UnavailableError):
        backend.find("t")


def expected(cloud, backend):
    """A task that has ended, and the counts that every later look must give."""
    cloud.script.states = ()
    job = backend.submit([WORK], tag="t")
    return job, backend.fetch(job).results[0].counts.table.tolist()


TRANSIENT = [
    *({"kind": kind, "times": 9} for kind in (500, 502, 503, 429, "drop", "hang", "garbage", "truncate", "empty")),
    {"kind": 503, "times": 9, "body": PAGE},
    {"kind": 404, "times": 9, "body": PAGE},
    {"kind": 400, "times": 9, "body": {"__type": "TeapotException", "message": "no"}},
]


@pytest.mark.parametrize("fault", TRANSIENT, ids=named)
@pytest.mark.parametrize(("path", "also"), [(LOOK, "state"), (OBJECT, "results")])
def test_a_look_that_is_not_answered_says_nothing_about_the_job(cloud, backend, fault, path, also):
    job, table = expected(cloud, backend)
    cloud.fail("GET", path, **fault)
    start = time.monotonic()
    with pytest.raises(UnavailableError) as lost:
        backend.fetch(job)
    assert time.monotonic() - start < 5, also
    assert lost.value.job_id == job
    cloud.faults.clear()
    assert backend.fetch(job).results[0].counts.table.tolist() == table
    assert len(cloud.tasks) == 1


@pytest.mark.parametrize("path", [LOOK, OBJECT])
@pytest.mark.parametrize("kind", [500, "drop", "hang"])
def test_a_look_gets_over_a_fault_that_passes(cloud, backend, path, kind):
    job, table = expected(cloud, backend)
    cloud.fail("GET", path, kind, 1)
    assert backend.fetch(job).results[0].counts.table.tolist() == table


DENIED = {
    "task, denied": (LOOK, {"kind": 403, "times": 9}),
    "task, expired": (LOOK, coded("ExpiredTokenException", 403)),
    "results, denied": (OBJECT, {"kind": 403, "body": s3_error("AccessDenied")}),
    "results, expired": (OBJECT, {"kind": 400, "body": s3_error("ExpiredToken")}),
    "results, no bucket": (OBJECT, {"kind": 404, "body": s3_error("NoSuchBucket")}),
}


@pytest.mark.parametrize("case", DENIED)
def test_credentials_that_do_not_suffice_for_a_look(cloud, backend, case):
    job, table = expected(cloud, backend)
    path, fault = DENIED[case]
    cloud.fail("GET", path, **fault)
    with pytest.raises(AccessError):
        backend.fetch(job)
    cloud.faults.clear()
    assert backend.fetch(job).results[0].counts.table.tolist() == table


@pytest.mark.parametrize("spread", [False, True])
def test_results_that_are_late_are_waited_for(cloud, backend, spread):
    cloud.script.spread = spread
    job, table = expected(cloud, backend)
    cloud.script.missing = 2
    assert backend.fetch(job) == Pending()
    assert backend.fetch(job) == Pending()
    assert backend.fetch(job).results[0].counts.table.tolist() == table


def test_a_part_of_a_tree_that_is_late_is_waited_for(cloud, backend):
    cloud.script.spread = True
    job, table = expected(cloud, backend)
    cloud.fail("GET", r"executables/1\.json", 404, body=s3_error("NoSuchKey"))
    assert backend.fetch(job) == Pending()
    assert backend.fetch(job).results[0].counts.table.tolist() == table


def test_results_that_never_come(cloud, backend, monkeypatch):
    cloud.script.age = device_module.LATEST + 60
    job, _ = expected(cloud, backend)
    cloud.objects.clear()
    with pytest.raises(UnavailableError, match="NoSuchKey"):
        backend.fetch(job)
    # Without a word about the end, from when it was first seen.
    monkeypatch.setattr("clouds.braket.BraketCloud._summary", without_an_end)
    assert backend.fetch(job) == Pending()
    backend._completed[job] -= device_module.LATEST + 1
    with pytest.raises(UnavailableError, match="NoSuchKey"):
        backend.fetch(job)


def without_an_end(cloud, task):
    """What a task looks like when the service does not say when it ended."""
    return {
        "quantumTaskArn": task.arn,
        "status": task.status,
        "deviceArn": GARNET,
        "shots": task.request["shots"],
        "outputS3Bucket": task.request["outputS3Bucket"],
        "outputS3Directory": task.folder,
        "createdAt": task.created.isoformat(),
        "tags": task.request["tags"],
    }


@pytest.mark.parametrize("program_set", [True, False])
@pytest.mark.parametrize(("final", "said"), [("FAILED", "qubit 4 ran away"), ("CANCELLED", "cancelled")])
def test_tasks_that_end_badly(cloud, impatient, final, said, program_set):
    cloud.machines[GARNET] = ("Garnet", "ONLINE", machine(program_set=program_set))
    backend = impatient.open("garnet")
    cloud.script.final, cloud.script.reason, cloud.script.states = final, "qubit 4 ran away", ()
    work = Work(WORK.circuit, WORK.bindings.slice(0, 1), 40)
    failed = backend.fetch(job := backend.submit([work], tag="t"))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, JobFailedError)
    assert said in str(failed.error)
    assert failed.error.job_id == job


def executables(document):
    return document["programResults"][0]["executableResults"]


def fewer_rows(document):
    executables(document).pop()
    return document


def more_rows(document):
    executables(document).append({**executables(document)[0], "inputsIndex": 2})
    return document


def wider(document):
    executables(document)[0]["measurements"] = [[0, 1]] * 40
    return document


def other_qubits(document):
    executables(document)[1]["measuredQubits"] = [5]
    return document


def fewer_shots(document):
    executables(document)[1]["measurements"] = [[0]] * 39
    return document


def no_measurements(document):
    executables(document)[1]["measurements"] = None
    return document


def same_row_twice(document):
    executables(document)[1]["inputsIndex"] = 0
    return document


def without_programs(document):
    del document["programResults"]
    return document


def other_kind(document):
    return {**document, "braketSchemaHeader": {"name": "braket.task_result.annealing_task_result", "version": "1"}}


def a_number(_document):
    return 7


@pytest.mark.parametrize(
    "spoil",
    [
        *(fewer_rows, more_rows, wider, other_qubits, fewer_shots),
        *(no_measurements, same_row_twice, without_programs, other_kind, a_number),
    ],
)
def test_results_that_are_not_what_was_asked_for(cloud, backend, spoil):
    cloud.script.spoil, cloud.script.states = spoil, ()
    job = backend.submit([WORK], tag="t")
    failed = backend.fetch(job)
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, BadResultError)
    assert failed.error.job_id == job
    assert failed.error.provider == "braket:garnet"
    (document,) = cloud.objects.values()
    assert failed.raw == document


@pytest.mark.parametrize(("retryable", "kind"), [(True, UnavailableError), (False, JobFailedError)])
@pytest.mark.parametrize("spread", [True, False])
def test_rows_that_failed(cloud, backend, retryable, kind, spread):
    def spoil(document):
        executables(document)[1] = failure(1, retryable=retryable)
        return document

    cloud.script.spoil, cloud.script.states, cloud.script.spread = spoil, (), spread
    failed = backend.fetch(backend.submit([WORK], tag="t"))
    assert isinstance(failed, Failed)
    assert type(failed.error) is kind
    assert "1 of 2 rows failed: DEVICE: the laser was off" in str(failed.error)


SEARCH = r"^/quantum-tasks$"


@pytest.mark.parametrize("fault", TRANSIENT, ids=named)
def test_a_search_that_is_not_answered_is_no_answer(cloud, backend, fault):
    backend.submit([WORK], tag="t")
    cloud.fail("POST", SEARCH, **fault)
    with pytest.raises(UnavailableError):
        backend.find("t")
    cloud.faults.clear()
    assert backend.find("t") == next(iter(cloud.tasks))


@pytest.mark.parametrize(("status", "kind"), [(403, AccessError), (500, UnavailableError), (429, UnavailableError)])
def test_a_cancel_that_does_not_get_through(cloud, backend, status, kind):
    job = backend.submit([WORK], tag="t")
    cloud.fail("PUT", "cancel$", status, 9)
    with pytest.raises(kind):
        backend.cancel(job)
    cloud.faults.clear()
    backend.cancel(job)
    assert isinstance(backend.fetch(job), Failed)


@pytest.mark.parametrize("fault", [*TRANSIENT, {"kind": 403}], ids=named)
def test_a_service_that_does_not_answer_has_no_machines(cloud, impatient, fault):
    for path in ("^/devices$", "^/device/"):
        cloud.faults.clear()
        cloud.fail("GET" if path.endswith("/") else "POST", path, **fault)
        assert "garnet" not in impatient.targets()
        cloud.faults[0].times = 9
        with pytest.raises(ProviderError):
            impatient.open("garnet")


def test_secrets_are_in_no_error(cloud, backend, caplog):
    caplog.set_level(logging.DEBUG, logger="qadapt")
    caplog.set_level(logging.DEBUG, logger="qadapt_braket")
    job, _ = expected(cloud, backend)
    echoed = f"you said {SECRET} and {TOKEN}"
    texts = []
    for method, path, call in (
        ("POST", TASK, lambda: backend.submit([WORK], tag="u")),
        ("GET", LOOK, lambda: backend.fetch(job)),
        ("GET", OBJECT, lambda: backend.fetch(job)),
        ("POST", SEARCH, lambda: backend.find("t")),
        ("PUT", "cancel$", lambda: backend.cancel(job)),
    ):
        cloud.faults.clear()
        cloud.fail(method, path, 403, body={"__type": "AccessDeniedException", "message": echoed})
        if path == OBJECT:
            cloud.faults[0].body = f"<Error><Code>AccessDenied</Code><Message>{echoed}</Message></Error>".encode()
        with pytest.raises(AccessError) as refused:
            call()
        assert "[secret]" in str(refused.value)
        texts += [str(refused.value), repr(refused.value), *traceback.format_exception(refused.value)]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("qadapt")]
    said = "".join([*texts, *ours])
    assert SECRET not in said
    assert TOKEN not in said


def test_a_whole_job_after_many_faults(cloud, backend):
    cloud.fail("POST", TASK, "lose")
    cloud.fail("GET", LOOK, 500, 2)
    cloud.fail("GET", OBJECT, "drop")
    cloud.script.missing = 1
    job = backend.submit([WORK], tag="t")
    states = [backend.fetch(job) for _ in range(3)]
    assert [type(state) for state in states] == [Pending, Pending, Done]
    assert states[2].results[0].counts.table.sum(axis=1).tolist() == [40, 40]
    assert np.unique([len(cloud.tasks)]).tolist() == [1]
