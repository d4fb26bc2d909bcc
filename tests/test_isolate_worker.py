"""The worker from inside: its loop, its limits and its answers."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qadapt.errors import BadResultError, ProviderError
from qadapt.isolate.frames import PROTOCOL, Frame, read, write
from qadapt.isolate.worker import Worker, serve
from qadapt.local import StatevectorBackend
from qadapt.provider import Pending


def asked(*documents: dict[str, object]) -> list[Frame]:
    """What a worker of provider ``local`` answers."""
    requests, answers = io.BytesIO(), io.BytesIO()
    for number, document in enumerate(documents):
        write(requests, Frame({"number": number, "seconds": 30, **document}))
    requests.seek(0)
    serve(Worker("local"), requests, answers)
    answers.seek(0)
    return [read(answers) for _ in documents]


def test_requests_are_answered_in_order() -> None:
    opening = {"target": "statevector", "receipts": ""}
    hello, opened, wrong, unknown = asked(
        {"verb": "hello"}, {"verb": "open", "arguments": opening}, {"verb": "dance"}, {"verb": "fetch"}
    )
    assert hello.document["ok"]["protocol"] == PROTOCOL
    assert opened.document["ok"]["name"] == "local:statevector"
    assert opened.document["ok"]["verbs"] == ["lowered"]
    assert wrong.document["error"]["kind"] == "ProviderError"
    assert "KeyError" in unknown.document["error"]["message"]
    assert [frame.document["number"] for frame in (hello, opened, wrong, unknown)] == [0, 1, 2, 3]


class Odd(StatevectorBackend):
    """Answers what no backend answers."""

    answer: object = None

    def fetch(self, job_id: str) -> object:  # type: ignore[override]
        return self.answer


@pytest.mark.parametrize("answer", [None, "done", Pending, (), 3])
def test_what_is_no_state_is_a_bad_result(answer: object) -> None:
    worker, backend = Worker("local"), Odd()
    backend.answer = answer
    worker._backend = backend  # type: ignore[assignment]
    with pytest.raises(BadResultError, match="expected Pending, Done or Failed"):
        worker.do("fetch", {"job": "7"}, ())


@pytest.mark.parametrize("results", [None, 3, [None], ["result"]])
def test_results_that_are_none_are_a_bad_result(results: object) -> None:
    from qadapt.provider import Done

    worker, backend = Worker("local"), Odd()
    backend.answer = Done(results)  # type: ignore[arg-type]
    worker._backend = backend  # type: ignore[assignment]
    with pytest.raises(BadResultError, match="results that are none") as caught:
        worker.do("fetch", {"job": "7"}, ())
    assert caught.value.job_id == "7"


PROBE = """
import json, os, signal, sys
from qadapt.isolate import worker
requests, answers = worker._private()
worker._limit(300 << 20)
print("noise"); os.write(1, b"more noise\\n"); os.system("echo noise of a child")
said = {"stdin": sys.stdin.read(), "read": os.read(0, 10).decode()}
if sys.platform == "linux":
    import resource
    said["data"] = resource.getrlimit(resource.RLIMIT_DATA)[0]
    said["core"] = resource.getrlimit(resource.RLIMIT_CORE)[0]
    said["oom"] = open("/proc/self/oom_score_adj").read().strip()
said["inherited"] = [os.get_inheritable(file.fileno()) for file in (requests, answers)]
answers.write(json.dumps(said).encode() + requests.readline())
"""


def test_the_channel_is_private_and_the_memory_limited() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], input=b"request\n", capture_output=True, check=True)
    said, _, rest = done.stdout.partition(b"}")
    assert rest == b"request\n"
    found = json.loads(said + b"}")
    assert found["stdin"] == found["read"] == ""
    assert found["inherited"] == [False, False]
    assert done.stderr.count(b"noise") == 3
    if sys.platform == "linux":
        assert found["data"] == 300 << 20
        assert found["core"] == 0
        assert found["oom"] == "1000"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_worker_whose_parent_has_gone_can_still_write_errors() -> None:
    code = """
import os, sys
from qadapt.isolate import worker
worker._private()
os.read(int(sys.argv[2]), 1)
print("to nobody", flush=True)
print("to nobody", file=sys.stderr, flush=True)
open(sys.argv[1], "w").write("finished")
"""
    folder = Path(os.environ["QADAPT_HOME"])
    folder.mkdir(parents=True, exist_ok=True)
    told, tell = os.pipe()
    heard, hear = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "end"), str(told)],
        pass_fds=[told],
        stdin=subprocess.DEVNULL,
        stderr=hear,
        stdout=subprocess.DEVNULL,
    )
    os.close(hear)
    os.close(heard)
    os.write(tell, b"x")
    assert process.wait(30) == 0
    os.close(tell)
    os.close(told)
    assert (folder / "end").read_text() == "finished"


def test_an_error_that_is_none_of_ours_becomes_one() -> None:
    (frame,) = asked({"verb": "open", "arguments": {}})
    assert frame.document["error"]["kind"] == ProviderError.__name__
    assert "KeyError" in frame.document["traceback"]
