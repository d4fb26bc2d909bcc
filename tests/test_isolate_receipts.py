"""Receipts: a job id survives whoever was to hear it, and nobody is told that a submit is over while it is not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolate_cases import MODULE, NAME, WORK, cloud_in, install, jobs, wish
from qadapt.codec import encode_works
from qadapt.deadline import within
from qadapt.errors import LedgerError, UnavailableError
from qadapt.home import home
from qadapt.isolate import IsolatedProvider, receipts
from qadapt.isolate.worker import Worker
from qadapt.provider import Done, Receipting

needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="receipts are not locked on Windows")


def leave(into: Path, tag: str, job: str) -> None:
    """Leave the receipt of a submit."""
    with receipts.submitting(into, tag) as write:
        write(job)


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_receipt_says_what_was_written_whatever_the_tag(tag: str, job: str) -> None:
    into = receipts.folder()
    leave(into, tag, job)
    assert receipts.read(into, tag) == job
    leave(into, tag, job + "!")
    assert receipts.read(into, tag) == job + "!"
    assert receipts.read(into, tag + "x") is None
    receipts.forget(into, tag)
    receipts.forget(into, tag)
    assert receipts.read(into, tag) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"tag": "other", "job": "1"}', '{"tag": "t"}', "\xff"])
def test_a_file_that_is_no_receipt_says_nothing(tmp_path: Path, text: str) -> None:
    leave(tmp_path, "t", "1")
    (path,) = tmp_path.iterdir()
    path.write_text(text, encoding="latin-1")
    assert receipts.read(tmp_path, "t") is None


@pytest.mark.skipif(sys.platform == "win32", reason="files on Windows have no mode")
def test_only_the_user_may_read_receipts(tmp_path: Path) -> None:
    into = tmp_path / "home" / "receipts"
    before = os.umask(0)
    try:
        with receipts.submitting(into, "t") as write:
            write("1")
        (path,) = into.iterdir()
        assert [each.stat().st_mode & 0o777 for each in (into.parent, into, path)] == [0o700, 0o700, 0o600]
    finally:
        os.umask(before)
    into.chmod(0o755)
    receipts.prune(into)
    assert into.stat().st_mode & 0o777 == 0o700


def test_old_receipts_go_and_others_stay(tmp_path: Path) -> None:
    for tag in ("old", "new"):
        leave(tmp_path, tag, tag)
        if tag == "old":
            (path,) = tmp_path.iterdir()
            then = time.time() - 86_400 * receipts.KEPT_DAYS - 60
            os.utime(path, (then, then))
    receipts.prune(tmp_path)
    receipts.prune(tmp_path / "nowhere")
    assert receipts.read(tmp_path, "old") is None
    assert receipts.read(tmp_path, "new") == "new"


@needs_locks
def test_a_submit_in_hand_is_waited_for(tmp_path: Path) -> None:
    assert receipts.settled(tmp_path, "t", 0)
    with receipts.submitting(tmp_path, "t"):
        assert not receipts.settled(tmp_path, "t", 0.05)
        assert receipts.settled(tmp_path, "u", 0)
        with pytest.raises(UnavailableError, match="another process"), receipts.submitting(tmp_path, "t"):
            raise AssertionError("two at once")
        waited: list[bool] = []
        thread = threading.Thread(target=lambda: waited.append(receipts.settled(tmp_path, "t", 30)))
        thread.start()
    thread.join(30)
    assert waited == [True]
    assert not list(tmp_path.iterdir())


@needs_locks
def test_nothing_is_read_before_it_is_written_and_a_submit_that_failed_leaves_nothing(tmp_path: Path) -> None:
    def fail(job: str | None, before: str | None) -> None:
        with receipts.submitting(tmp_path, "t") as write:
            assert receipts.read(tmp_path, "t") == before
            if job is not None:
                write(job)
            raise RuntimeError

    for job, before, after in ((None, None, None), ("1", None, "1"), (None, "1", "1"), ("2", "1", "2")):
        with pytest.raises(RuntimeError):
            fail(job, before)
        assert receipts.read(tmp_path, "t") == after
        assert len(list(tmp_path.iterdir())) == (after is not None)


@needs_locks
def test_the_lock_of_a_process_that_is_killed_is_free(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from qadapt.isolate import receipts
with receipts.submitting(Path({str(tmp_path)!r}), "t"):
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert not receipts.settled(tmp_path, "t", 0)
        process.kill()
    assert receipts.settled(tmp_path, "t", 10)


def test_no_submit_is_made_without_a_place_for_its_receipt(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(LedgerError, match=r"receipts cannot be written.*QADAPT_HOME"),
        receipts.submitting(tmp_path / "file" / "receipts", "t"),
    ):
        raise AssertionError("submitted")


def test_home_is_where_the_user_or_the_platform_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QADAPT_HOME", "~/here")
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("USERPROFILE", "/home/ann")
    assert home() == Path("/home/ann/here")
    assert receipts.folder() == Path("/home/ann/here/receipts")
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("QADAPT_HOME")
        else:
            monkeypatch.setenv("QADAPT_HOME", unset)
        assert home().name == "qadapt"
        assert home().is_absolute()


PARENT = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from isolate_cases import NAME, WORK
from qadapt.isolate import IsolatedProvider
backend = IsolatedProvider(NAME).open("full")
backend.cancel("x")
print("ready", flush=True)
sys.stdin.readline()
print(backend.submit([WORK], tag="the tag"))
"""


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    return cloud_in(tmp_path, monkeypatch)


@needs_locks
def test_the_submit_of_a_parent_that_was_killed_is_finished_and_found(cloud: Path) -> None:
    backend = IsolatedProvider(NAME).open("full")
    (cloud / "wish").write_text("submit slow")
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        while (cloud / "wish").exists():  # until the submit has begun
            time.sleep(0.005)
        parent.kill()
    assert jobs(cloud) == 0
    try:
        assert isinstance(backend, Receipting)
        with pytest.raises(UnavailableError, match="another process has left behind"):
            within(0.01, lambda: backend.receipt("the tag"), what="receipt", provider=NAME)
        threading.Timer(0.3, (cloud / "go").touch).start()
        # Not None, which the vendor would say by now: a job would be paid twice.
        job = backend.find("the tag")  # type: ignore[attr-defined]
        assert job is not None
        assert backend.receipt("the tag") == job
        assert backend.receipt("another") is None
        assert jobs(cloud) == 1
        assert isinstance(backend.fetch(job), Done)
    finally:
        backend.close()


def test_a_lost_answer_is_found_and_its_receipt_goes_with_the_job(cloud: Path) -> None:
    backend = IsolatedProvider(NAME).open("cloud")
    try:
        wish(cloud, "after", "abort")
        with pytest.raises(UnavailableError, match="SIGABRT"):
            backend.submit([WORK], tag="lost")
        assert backend.receipt("lost") is None, "the job is there, but nobody wrote that down"
        job = backend.submit([WORK], tag="kept")
        assert backend.receipt("kept") == job
        state = backend.fetch(job)
        assert isinstance(state, Done)
        assert np.asarray(state.results[0].counts.table).sum() == 200
        assert backend.receipt("kept") is None
    finally:
        backend.close()


def test_an_orphan_begins_no_submit(cloud: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, MODULE, raising=False)

    class ExitError(Exception):
        pass

    def leave(status: int) -> None:
        raise ExitError(status)

    worker = Worker(NAME)
    worker.do("open", {"target": "cloud", "receipts": str(tmp_path / "receipts")}, ())
    message = [encode_works([WORK])]
    worker.do("submit", {"tag": "a"}, message)
    assert jobs(cloud) == 1
    monkeypatch.setattr(os, "getppid", lambda: -1)
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(ExitError):
        worker.do("submit", {"tag": "b"}, message)
    assert jobs(cloud) == 1
    sys.modules.pop(MODULE, None)


def test_jobs_that_end_with_their_worker_get_no_receipt(cloud: Path) -> None:
    backend = IsolatedProvider(NAME).open("volatile")
    try:
        backend.submit([WORK], tag="a")
        assert backend.receipt("a") is None
        assert not receipts.folder().exists()
    finally:
        backend.close()
