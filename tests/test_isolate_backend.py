"""IsolatedBackend: the seam through a worker is the seam, and what a worker says is not believed."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolate_cases import CIRCUIT, NAME, SECRET, WORK, cloud_in, gone, install, wish
from qadapt import provider
from qadapt.bindings import Bindings
from qadapt.codec import encode_error, encode_results
from qadapt.cost import Cost
from qadapt.deadline import within
from qadapt.errors import (
    AccessError,
    BadResultError,
    BindingsError,
    JobFailedError,
    ProviderError,
    TargetError,
    UnavailableError,
)
from qadapt.isolate import IsolatedBackend, IsolatedProvider
from qadapt.isolate.backend import _state, _texts
from qadapt.isolate.channel import WorkerTraceback
from qadapt.local import LocalProvider, StatevectorBackend
from qadapt.provider import Backend, Done, Failed, Pending, Work
from qadapt.redact import concealed
from qadapt_conformance import Verdict, run_suite

WANTED = StatevectorBackend().execute(WORK)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("backend")
    with pytest.MonkeyPatch.context() as patch:
        install(folder / "site")
        patch.setenv("PYTHONPATH", str(folder / "site"))
        yield cloud_in(folder, patch)


@pytest.fixture(scope="module")
def full(place: Path) -> Iterator[IsolatedBackend]:
    """One worker for all tests that do not harm it."""
    backend = IsolatedProvider(NAME).open("full")
    yield backend
    backend.close()


@pytest.fixture
def own(place: Path) -> Iterator[Callable[[str], IsolatedBackend]]:
    backends = []

    def open_(target: str) -> IsolatedBackend:
        backends.append(IsolatedProvider(NAME).open(target))
        return backends[-1]

    yield open_
    for backend in backends:
        backend.close()


def test_target_and_capabilities_are_plain_data_of_this_process(full: IsolatedBackend) -> None:
    assert full.name == "crashy:full"
    assert full.target == LocalProvider().targets()["statevector"].renamed("full")
    assert full.capabilities.find
    assert full.capabilities.retrieval
    assert not full.capabilities.simulated
    assert isinstance(full, Backend)


def test_optional_verbs_are_there_if_they_are_in_the_worker(
    full: IsolatedBackend, own: Callable[[str], IsolatedBackend]
) -> None:
    plain = own("volatile")
    for protocol in (provider.Finding, provider.Costing, provider.Limiting, provider.Identified, provider.Lowering):
        assert isinstance(full, protocol)
        assert not isinstance(plain, protocol)
    assert isinstance(plain, provider.Receipting)
    assert type(full).__name__ == "IsolatedBackend"


@pytest.mark.parametrize("rows", [1, 2**11 - 100, 2**11, 2**15])
def test_requests_of_any_size_get_through(full: IsolatedBackend, rows: int) -> None:
    """Small ones are written by the caller, others by the thread that talks."""
    work = Work(CIRCUIT, Bindings.of({"w": np.linspace(0, 3, rows)}), 10)
    done = full.fetch(full.submit([work], tag=f"{rows} rows"))
    assert isinstance(done, Done)
    assert done.results[0].counts.rows == rows


def test_counts_come_back_as_they_are(full: IsolatedBackend) -> None:
    rows = Bindings.of({"w": np.linspace(-3, 3, 500)})
    works = [WORK, Work(CIRCUIT, rows, 1000, None), Work(CIRCUIT, rows, 70_000, 2**63)]
    done = full.fetch(full.submit(works, tag="counts"))
    assert isinstance(done, Done)
    assert done.raw == b""
    for work, result in zip(works, done.results, strict=True):
        result.counts.check(rows=work.bindings.rows, widths=work.widths, shots=work.shots, provider="t")
    assert done.results[0].provenance == WANTED.provenance
    np.testing.assert_array_equal(done.results[0].counts.table, WANTED.counts.table)
    wanted = StatevectorBackend().execute(works[2]).counts.table
    np.testing.assert_array_equal(done.results[2].counts.table, wanted)


def test_optional_verbs_answer(full: IsolatedBackend) -> None:
    job = full.submit([WORK], tag="to be found")
    assert isinstance(full, provider.Finding)
    assert isinstance(full, provider.Costing)
    assert isinstance(full, provider.Limiting)
    assert full.find("to be found") == job
    assert full.find("never sent") is None
    assert full.cost([WORK, WORK]) == Cost(shots=400, dollars=1.5, rules=("a rule",))
    assert full.most_rows(CIRCUIT, 21) == 42


def test_a_row_is_lowered_in_the_worker(full: IsolatedBackend) -> None:
    bindings = Bindings.of({"w": [0.1 + 0.2, 1e-300, -7e17]})
    work = Work(CIRCUIT, bindings, 10)
    assert isinstance(full, provider.Lowering)
    assert [full.lowered(work, row) for row in range(3)] == [bindings.bound(CIRCUIT, row) for row in range(3)]
    with pytest.raises(BindingsError, match="row 3 of"):
        full.lowered(work, 3)


def test_the_identity_is_asked_for_once(place: Path, own: Callable[[str], IsolatedBackend]) -> None:
    backend = own("full")
    assert isinstance(backend, provider.Identified)
    wish(place, "identity", "refused")
    with pytest.raises(AccessError, match="not today"):
        backend.identity()
    assert backend.identity() == {"account": "one", "options": ""}
    wish(place, "identity", "refused")
    assert backend.identity() == {"account": "one", "options": ""}
    (place / "wish").unlink()


@pytest.mark.parametrize("value", [None, 7, "one", ["one"], {"account": 1}, {"account": None}])
def test_an_identity_is_texts_by_name(value: object) -> None:
    with pytest.raises(TypeError):
        _texts(value, [])


def test_what_came_in_place_of_results_comes_along(place: Path, full: IsolatedBackend) -> None:
    wish(place, "fetch", "nonsense")
    failed = full.fetch("x")
    assert isinstance(failed, Failed)
    assert type(failed.error) is BadResultError
    assert failed.raw == b"\x00what came"
    nothing = full.fetch("x")
    assert isinstance(nothing, Failed)
    assert nothing.raw is None


def test_works_are_refused_in_this_process(full: IsolatedBackend) -> None:
    process = full._channel._process
    number = full._channel._number
    with pytest.raises(BindingsError, match="missing"):
        full.submit([Work(CIRCUIT, Bindings.of({}), 10)], tag="x")
    with pytest.raises(BindingsError, match="shots is"):
        full.submit([Work(CIRCUIT, Bindings.of({"w": 1.0}), np.int64(5))], tag="x")  # type: ignore[arg-type]
    assert (full._channel._process, full._channel._number) == (process, number)


def test_errors_of_the_provider_keep_their_class_and_say_where_they_come_from(
    place: Path, full: IsolatedBackend
) -> None:
    process = full._channel._process
    wish(place, "submit", "refused")
    with pytest.raises(AccessError, match=r"not today \(pay\)") as refused:
        full.submit([WORK], tag="r")
    assert refused.value.provider == "crashy"
    wish(place, "fetch", "raises")
    with pytest.raises(ProviderError, match="RuntimeError: no luck") as caught:
        full.fetch("x")
    assert isinstance(caught.value.__cause__, WorkerTraceback)
    assert 'KeyError: "the vendor\'s own"' in str(caught.value.__cause__)
    wish(place, "fetch", "leaves")
    with pytest.raises(ProviderError, match="SystemExit"):
        full.fetch("x")
    assert full._channel._process is process, "an error is no reason to end a worker"
    with pytest.raises(TargetError, match="crashy has no target 'none'") as unknown:
        IsolatedProvider(NAME).open("none")
    assert unknown.value.violations == ("one",)
    assert unknown.value.hint == "crashy:cloud"


def test_an_unknown_job_has_failed(full: IsolatedBackend, own: Callable[[str], IsolatedBackend]) -> None:
    for backend in (full, own("volatile")):
        for job in ("nonsense", "", "w.1", "ü\n"):
            failed = backend.fetch(job)
            assert isinstance(failed, Failed)
            assert type(failed.error) is JobFailedError
            assert failed.error.job_id == job
    gone = own("volatile").fetch("w0123456789ab.0")
    assert isinstance(gone, Failed)
    assert "process that had started it" in str(gone.error)


@pytest.mark.parametrize("verb", ["submit", "fetch", "find", "most_rows"])
def test_a_lie_is_an_error_of_that_call(place: Path, full: IsolatedBackend, verb: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "submit": lambda: full.submit([WORK], tag="lie"),
        "fetch": lambda: full.fetch("x"),
        "find": lambda: full.find("x"),  # type: ignore[attr-defined]
        "most_rows": lambda: full.most_rows(CIRCUIT, 3),  # type: ignore[attr-defined]
    }
    wish(place, verb, "lies")
    if verb == "most_rows":
        assert calls[verb]() == 17
        return
    with pytest.raises(BadResultError, match=r"answered int, expected"):
        calls[verb]()


def test_no_secret_gets_out(
    place: Path, own: Callable[[str], IsolatedBackend], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    backend = own("cloud")
    seen: list[BaseException] = []
    for kind in ("raises", "tells", "tells_and_dies"):
        wish(place, "fetch", kind)
        try:
            backend.fetch("x")
        except ProviderError as error:
            seen.append(error)
    process = backend._channel._process
    assert process is None
    assert len(seen) == 2
    text = caplog.text + "".join(
        "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__) for error in seen
    )
    assert "[secret]" in text
    assert SECRET not in text
    assert "late-secret-value" not in text


def test_calls_from_many_threads_take_turns(full: IsolatedBackend) -> None:
    jobs = {shots: full.submit([Work(CIRCUIT, WORK.bindings, shots, 1)], tag=f"t{shots}") for shots in range(1, 9)}
    wrong: list[object] = []

    def look(shots: int) -> None:
        for _ in range(5):
            done = full.fetch(jobs[shots])
            if not (isinstance(done, Done) and done.results[0].counts.shots == shots):
                wrong.append(done)

    threads = [threading.Thread(target=look, args=(shots,)) for shots in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_a_call_waits_for_an_earlier_one_no_longer_than_it_may(
    place: Path, own: Callable[[str], IsolatedBackend]
) -> None:
    backend = own("cloud")
    wish(place, "fetch", "slow")
    (place / "go").unlink(missing_ok=True)
    thread = threading.Thread(target=lambda: backend.fetch("x"))
    thread.start()
    while (place / "wish").exists():
        time.sleep(0.005)
    with pytest.raises(UnavailableError, match="busy with an earlier call") as caught:
        within(0.1, lambda: backend.submit([WORK], tag="b"), what="submit", provider=NAME)
    assert not caught.value.doubtful
    (place / "go").touch()
    thread.join(30)
    assert isinstance(backend.fetch("x"), Failed)


def test_the_answer_to_a_call_that_was_given_up_is_not_taken_for_another(
    place: Path, own: Callable[[str], IsolatedBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = own("cloud")
    job = backend.submit([WORK], tag="given up")
    process = backend._channel._process
    assert process is not None
    receive = process.receive

    def interrupt(seconds: float) -> object:
        monkeypatch.setattr(process, "receive", receive)
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "receive", interrupt)
    monkeypatch.setattr("qadapt.redact._secrets", {})
    wish(place, "fetch", "tells")
    with pytest.raises(KeyboardInterrupt):
        backend.fetch("unknown")
    assert isinstance(backend.fetch(job), Done)
    assert backend._channel._process is process
    assert "late-secret-value" in concealed()  # which the worker says once


def test_a_worker_ends_with_its_backend(own: Callable[[str], IsolatedBackend], place: Path) -> None:
    backend = IsolatedProvider(NAME).open("cloud")
    process = backend._channel._process
    assert process is not None
    assert process.alive
    del backend
    gc.collect()
    assert not process.alive
    again = own("cloud")
    first = again._channel._process
    again.close()
    again.close()
    assert first is not None
    assert not first.alive
    assert isinstance(again.fetch("x"), Failed)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at other processes through /proc")
@pytest.mark.parametrize("ending", ["return", "kill", "exit"])
def test_no_worker_outlives_the_process_that_started_it(place: Path, ending: str) -> None:
    code = f"""
import os, sys
from qadapt.isolate import IsolatedProvider
provider = IsolatedProvider({NAME!r})
provider.targets()
backend = provider.open("cloud")
print(backend._channel._process._process.pid, provider._channel._process._process.pid, flush=True)
sys.stdin.readline()
{"os._exit(0)" if ending == "exit" else ""}
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        if ending == "kill":
            parent.kill()
        else:
            parent.stdin.write(b"\n")
            parent.stdin.flush()
        parent.wait()
    end = time.monotonic() + 10
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_ctrl_c_does_not_reach_a_worker(own: Callable[[str], IsolatedBackend]) -> None:
    backend = own("cloud")
    process = backend._channel._process
    assert process is not None
    pid = process._process.pid
    assert os.getsid(pid) == pid != os.getsid(0)
    os.kill(pid, signal.SIGINT)
    assert isinstance(backend.fetch("x"), Failed)
    assert backend._channel._process is process


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_gets_a_worker_of_its_own(own: Callable[[str], IsolatedBackend]) -> None:
    backend = own("cloud")
    job = backend.submit([WORK], tag="forked")
    process = backend._channel._process
    child = os.fork()
    if not child:
        done = False
        try:
            done = isinstance(backend.fetch(job), Done) and backend._channel._process is not process
            backend.close()
        finally:
            os._exit(0 if done else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert isinstance(backend.fetch(job), Done)
    assert backend._channel._process is process


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda item: st.lists(item, max_size=3)))
def test_states_of_the_wrong_type_are_refused(value: object) -> None:
    good: dict[str, dict[str, object]] = {
        "pending": {"state": "pending", "position": 3, "until": "2026-01-01T00:00:00+00:00"},
        "failed": {
            "state": "failed",
            "error": encode_error(JobFailedError("m", provider="p")),
            "traceback": "",
            "raw": True,
        },
        "done": {"state": "done", "raw": True},
    }
    parts = [encode_results([WANTED]), b"raw"]
    assert _state(good["pending"], parts, "p", "7") == Pending(3, datetime(2026, 1, 1, tzinfo=UTC))
    for state in good.values():
        for key in state:
            try:
                read = _state({**state, key: value}, parts, "p", "7")
            except (TypeError, ValueError, KeyError, AttributeError):
                continue
            assert isinstance(read, Pending | Done | Failed)
            if isinstance(read, Failed):
                assert isinstance(read.error, ProviderError)
                str(read.error)


def test_a_failed_state_is_about_the_job_that_was_asked_about() -> None:
    inner = encode_error(JobFailedError("m", provider="p", job_id="0"))
    failed = _state({"state": "failed", "error": inner, "traceback": "here", "raw": False}, [], "p", "w0.0")
    assert isinstance(failed, Failed)
    assert failed.error.job_id == "w0.0"
    assert "here" in str(failed.error.__cause__)
    foreign = _state(
        {"state": "failed", "error": encode_error(TargetError("m")), "traceback": "", "raw": False}, [], "p", "1"
    )
    assert isinstance(foreign, Failed)
    assert type(foreign.error) is ProviderError


def test_an_isolated_simulator_keeps_every_rule() -> None:
    backend = IsolatedProvider("local").open("statevector")
    report = run_suite(backend)
    backend.close()
    fine = (Verdict.CONFORMS, Verdict.NOT_DECLARED)
    wrong = [verdict.rule for verdict in report.verdicts if verdict.verdict not in fine]
    assert not wrong
