"""Every fault of Origin's cloud, through the real client over loopback: the right result or the right error."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from clouds.origin import DETAIL, KEY, SUBMIT, Served
from origin_cases import WIRE, done, finish, tag, work
from qadapt.errors import AccessError, BadResultError, JobFailedError, ProviderError, UnavailableError
from qadapt.provider import Done, Failed
from qadapt_origin.cloud import CloudBackend
from qadapt_origin.credentials import Credentials
from qadapt_origin.session import Session

pytestmark = pytest.mark.usefixtures("account")

SUBMITS = [
    # kind, options of the fault, error, doubtful, tasks that were made
    ("drop", {}, UnavailableError, True, 0),
    ("lose", {}, UnavailableError, True, 1),
    ("garbage", {}, UnavailableError, True, 1),
    ("truncate", {}, UnavailableError, True, 1),
    ("empty", {}, UnavailableError, True, 1),
    *((code, {}, UnavailableError, True, 0) for code in (408, 500, 502, 503, 504)),
    *((code, {"after": True}, UnavailableError, True, 1) for code in (500, 502, 504)),
    (429, {}, UnavailableError, False, 0),
    *((code, {}, AccessError, None, 0) for code in (401, 403)),
    *((code, {}, JobFailedError, None, 0) for code in (400, 404, 413)),
    (302, {"headers": {"Location": "http://127.0.0.1:9/"}}, JobFailedError, None, 0),
    (200, {"body": {"success": False, "message": "Quantum computer under maintenance"}}, UnavailableError, False, 0),
    (200, {"body": {"success": False, "message": "invalid api key"}}, AccessError, None, 0),
    (200, {"body": {"success": False, "message": "balance is insufficient"}}, AccessError, None, 0),
    (200, {"body": {"success": False, "message": "circuit too deep"}}, JobFailedError, None, 0),
    (200, {"body": {"success": False}}, JobFailedError, None, 0),
    (200, {"body": {"success": True}, "after": True}, UnavailableError, True, 1),
    (200, {"body": {"success": True, "obj": None}, "after": True}, UnavailableError, True, 1),
    (200, {"body": {"success": True, "obj": {"taskId": None}}, "after": True}, UnavailableError, True, 1),
    (200, {"body": {"success": True, "obj": {"taskId": ""}}, "after": True}, UnavailableError, True, 1),
    (200, {"body": {"success": True, "obj": {"taskId": "a b"}}, "after": True}, UnavailableError, True, 1),
    (200, {"body": [], "after": True}, UnavailableError, True, 1),
    (200, {"body": '{"success": true, "obj": {"taskId": "A"', "after": True}, UnavailableError, True, 1),
]


@pytest.mark.parametrize(("kind", "fault", "error", "doubtful", "made"), SUBMITS)
def test_a_submit_that_goes_wrong_is_sent_once_and_says_whether_there_may_be_a_task(
    kind: Any,
    fault: dict[str, Any],
    error: type[ProviderError],
    doubtful: bool | None,
    made: int,
    opened: CloudBackend,
    cloud: Served,
) -> None:
    asked, jobs, name = len(cloud.requests(SUBMIT)), cloud.made, tag()
    cloud.fail(SUBMIT, kind, times=9, **fault)
    with pytest.raises(ProviderError) as caught:
        opened.submit([work()], tag=name)
    assert type(caught.value) is error
    assert getattr(caught.value, "doubtful", None) is doubtful
    assert caught.value.provider == opened.name
    assert len(cloud.requests(SUBMIT)) == asked + 1
    assert cloud.made == jobs + made
    cloud.clear()
    assert isinstance(finish(opened, opened.submit([work()], tag=name)), Done)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9", "https://nowhere.invalid"])
def test_a_cloud_that_is_not_there_has_surely_no_task(
    url: str, opened: CloudBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = CloudBackend(Session(Credentials(KEY, url)), WIRE, opened._options, opened.target)
    with pytest.raises(UnavailableError) as caught:
        backend.submit([work()], tag=tag())
    assert not caught.value.doubtful
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize(("kind", "error"), [("lose", UnavailableError), (500, UnavailableError), (401, AccessError)])
def test_a_question_that_goes_wrong_leaves_the_job_as_it_is(
    kind: Any, error: type[ProviderError], opened: CloudBackend, cloud: Served
) -> None:
    """The client asks three times, a second apart, so only three kinds of fault take this way."""
    cloud.poll(0)
    job = opened.submit([work()], tag=tag())
    cloud.fail(DETAIL, kind, times=9)
    with pytest.raises(error) as caught:
        opened.fetch(job)
    assert type(caught.value) is error
    assert caught.value.job_id == job
    cloud.clear()
    assert isinstance(opened.fetch(job), Done)


@pytest.mark.parametrize("kind", ["garbage", "empty"])
def test_an_answer_that_is_none_leaves_the_job_as_it_is(kind: Any, opened: CloudBackend, cloud: Served) -> None:
    cloud.poll(0)
    job = opened.submit([work()], tag=tag())
    cloud.fail(DETAIL, kind)
    with pytest.raises(UnavailableError):
        opened.fetch(job)
    assert isinstance(opened.fetch(job), Done)


@pytest.mark.parametrize("kind", ["drop", "truncate"])
def test_the_client_s_own_second_try_finds_the_result(kind: Any, opened: CloudBackend, cloud: Served) -> None:
    cloud.poll(0)
    job = opened.submit([work()], tag=tag())
    cloud.fail(DETAIL, kind)
    assert isinstance(opened.fetch(job), Done)


ANSWERS = [
    ({"success": False, "message": "invalid api key"}, AccessError),
    ({"success": False, "message": "system error"}, UnavailableError),
    ({"success": False}, UnavailableError),
    ({"success": True}, UnavailableError),
    ({"success": True, "obj": None}, UnavailableError),
    ({"success": True, "obj": {"taskState": "12"}}, UnavailableError),
    ([], UnavailableError),
]


@pytest.mark.parametrize(("body", "error"), ANSWERS)
def test_what_the_client_calls_failed_is_not_final_unless_the_cloud_says_so(
    body: Any, error: type[ProviderError], opened: CloudBackend, cloud: Served
) -> None:
    cloud.poll(0)
    job = opened.submit([work()], tag=tag())
    cloud.fail(DETAIL, 200, body=body)
    with pytest.raises(ProviderError) as caught:
        opened.fetch(job)
    assert type(caught.value) is error
    assert isinstance(opened.fetch(job), Done)


def columns(*rows: dict[int, int]) -> list[str]:
    return [json.dumps({"key": [hex(key) for key in row], "value": list(row.values())}) for row in rows]


GOOD = columns({0: 200}, {7: 200})
RESULTS = [
    ({"taskState": "4", "errInfo": "chip broke down"}, JobFailedError),
    ({"taskState": "4", "errInfo": "Quantum computer under maintenance"}, UnavailableError),
    ({"taskState": "4"}, JobFailedError),
    ({"taskState": "8"}, JobFailedError),
    ({"probCount": None}, BadResultError),
    ({"probCount": []}, BadResultError),
    ({"probCount": GOOD[:1]}, BadResultError),
    ({"probCount": [*GOOD, *GOOD]}, BadResultError),
    ({"probCount": columns({0: 199}, {7: 200})}, BadResultError),
    ({"probCount": columns({0: 200}, {8: 200})}, BadResultError),
    ({"probCount": columns({0: 200}, {}), "taskResult": columns({0: 1}, {})}, BadResultError),
    ({"measureQubitSize": [3, 2]}, BadResultError),
    ({"measureQubitSize": [5, 5]}, BadResultError),
    ({"probCount": "x"}, BadResultError),
    ({"probCount": [{"key": [], "value": []}] * 2}, BadResultError),
    ({"probCount": ['{"key": ["0x0"], "value": [1.5]}'] * 2}, BadResultError),
    ({"probCount": ['{"key": ["0x0", "0x1"], "value": [200]}'] * 2}, BadResultError),
    ({"taskResult": "x"}, BadResultError),
]


@pytest.mark.parametrize(("change", "error"), RESULTS)
def test_a_failed_job_or_a_bad_result_is_final_and_an_error_of_ours(
    change: dict[str, Any], error: type[ProviderError], opened: CloudBackend, cloud: Served
) -> None:
    cloud.poll(0)
    cloud.change(change)
    job = opened.submit([work()], tag=tag())
    state = opened.fetch(job)
    assert isinstance(state, Failed)
    assert type(state.error) is error
    assert (state.error.job_id, state.error.provider) == (job, opened.name)
    assert not getattr(state.error, "doubtful", False)


@pytest.mark.parametrize("change", [{"measureQubitSize": None}, {"taskResult": None}, {"errCode": None}])
def test_fields_that_are_not_needed_may_be_missing(change: dict[str, Any], opened: CloudBackend, cloud: Served) -> None:
    cloud.poll(0)
    wanted = done(opened, work()).counts
    cloud.change(change)
    found = done(opened, work()).counts
    for one, other in zip(found.registers, wanted.registers, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("lose", UnavailableError), ("garbage", UnavailableError), (500, UnavailableError), (401, AccessError)],
)
def test_a_cancel_that_goes_wrong_says_so(
    kind: Any, error: type[ProviderError], opened: CloudBackend, cloud: Served
) -> None:
    cloud.poll(50)
    job = opened.submit([work()], tag=tag())
    cloud.fail("cancelTask", kind)
    with pytest.raises(error):
        opened.cancel(job)
