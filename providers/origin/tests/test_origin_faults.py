"""Words of the client and of the cloud, and what they are taken for; the client's were seen with pyqpanda3 0.5.1."""

from __future__ import annotations

import pytest

from qadapt.errors import AccessError, JobFailedError, ProviderError, UnavailableError
from qadapt_origin.faults import answered, failed, malformed, refused, unread, unsent

REFUSED = "curl_easy_perform failed: Failed to connect to 127.0.0.1 port 9 after 0 ms: Couldn't connect to server"
UNKNOWN_HOST = "curl_easy_perform failed: Could not resolve host: nowhere.invalid"
CERTIFICATE = "curl_easy_perform failed: SSL certificate problem: self-signed certificate"
EMPTY = "curl_easy_perform failed: Empty reply from server"
CUT = "curl_easy_perform failed: transfer closed with 55 bytes remaining to read"
RESET = "curl_easy_perform failed: Recv failure: Connection reset by peer"
SENDING = "curl_easy_perform failed: Send failure: Broken pipe"
TIMEOUT = "curl_easy_perform failed: Operation timed out after 60000 milliseconds with 0 bytes received"
MAINTENANCE = "Quantum computer under maintenance"
READER = (
    "Invalid value.",
    "The document is empty.",
    "Missing a colon after a name of object member.",
    "Missing a comma or '}' after an object member.",
    "Invalid escape character in string.",
    "value is not object (which is 4)",
    "value is not string (which is 0)",
    "value is not bool (which is 0)",
    "job_id is null.",
)


def status(code: int) -> str:
    return f"QCloud HTTP request failed with status {code}: <html>quota of the token</html>"


SUBMITS = [
    (REFUSED, UnavailableError, False),
    (UNKNOWN_HOST, UnavailableError, False),
    (CERTIFICATE, UnavailableError, False),
    *((words, UnavailableError, True) for words in (EMPTY, CUT, RESET, SENDING, TIMEOUT, *READER)),
    *((status(code), UnavailableError, True) for code in (408, 500, 502, 503, 504, 599)),
    (status(429), UnavailableError, False),
    *((status(code), AccessError, None) for code in (401, 403, 407)),
    *((status(code), JobFailedError, None) for code in (301, 302, 400, 404, 405, 413, 422)),
    (MAINTENANCE, UnavailableError, False),
    ("system busy, try again later", UnavailableError, False),
    ("too many tasks in the queue", UnavailableError, False),
    ("the request timed out", UnavailableError, True),
    ("量子计算机维护中", UnavailableError, False),
    ("invalid api key", AccessError, None),
    ("Token expired", AccessError, None),
    ("insufficient balance", AccessError, None),
    ("密钥错误", AccessError, None),
    ("too many qubits", JobFailedError, None),
    ("at most 200 programs in one task", JobFailedError, None),
    ("unknown error.", JobFailedError, None),
    ("", JobFailedError, None),
]


@pytest.mark.parametrize(("words", "kind", "doubtful"), SUBMITS)
def test_a_submit_that_raised(words: str, kind: type[ProviderError], doubtful: bool | None) -> None:
    ours = unsent(RuntimeError(words), provider="origin:WK")
    assert type(ours) is kind
    assert ours.provider == "origin:WK"
    assert words in str(ours)
    assert getattr(ours, "doubtful", None) is doubtful


READS = [
    *((words, UnavailableError) for words in (REFUSED, UNKNOWN_HOST, EMPTY, CUT, RESET, TIMEOUT, *READER)),
    *((status(code), UnavailableError) for code in (302, 400, 404, 408, 429, 500, 502, 503, 504)),
    *((status(code), AccessError) for code in (401, 403, 407)),
    ("query chip_info failed: invalid api key", AccessError),
    (f"query chip_info failed: {MAINTENANCE}", UnavailableError),
]


@pytest.mark.parametrize(("words", "kind"), READS)
def test_a_question_that_raised(words: str, kind: type[ProviderError]) -> None:
    ours = unread(RuntimeError(words), provider="origin:WK", job_id="J")
    assert type(ours) is kind
    assert (ours.provider, ours.job_id) == ("origin:WK", "J")


def test_only_json_with_something_else_inside_is_a_malformed_result() -> None:
    assert malformed(RuntimeError("value is not array (which is 0)"))
    assert malformed(RuntimeError("value is not int (which is 6)"))
    assert malformed(RuntimeError("cannot take size of non-object/array"))
    assert malformed(RuntimeError("reasult json size incorrect"))
    for words in ("value is not object (which is 4)", "Invalid value.", "The document is empty.", EMPTY, status(500)):
        assert not malformed(RuntimeError(words))


def test_the_network_and_the_gateway_are_no_answer_of_the_cloud() -> None:
    for words in (REFUSED, UNKNOWN_HOST, EMPTY, CUT, TIMEOUT, status(503), status(401)):
        assert not answered(RuntimeError(words))
    for words in (*READER, MAINTENANCE, "obj has no member ChipID.", ""):
        assert answered(RuntimeError(words))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("invalid api key", AccessError),
        ("task does not exist", JobFailedError),
        ("任务不存在", JobFailedError),
        ("system error", UnavailableError),
        ("", UnavailableError),
    ],
)
def test_a_refused_question_about_a_task(words: str, kind: type[ProviderError]) -> None:
    assert type(refused(words, provider="p", job_id="J")) is kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (MAINTENANCE, UnavailableError),
        ("execution timeout", UnavailableError),
        ("task was cancelled", JobFailedError),
        ("circuit too deep", JobFailedError),
        ("", JobFailedError),
    ],
)
def test_a_failed_task(words: str, kind: type[ProviderError]) -> None:
    ours = failed(words, provider="p", job_id="J")
    assert type(ours) is kind
    assert getattr(ours, "doubtful", False) is False
