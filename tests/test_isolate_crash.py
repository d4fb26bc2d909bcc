"""Crashes: whatever a vendor does to its worker spoils one call, and the run goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from isolate_cases import KINDS, MODULE, NAME, SECRET, WORK, cloud_in, gone, install, jobs, wish
from qadapt import registry
from qadapt.deadline import within
from qadapt.errors import ProviderError, UnavailableError
from qadapt.isolate import IsolatedBackend, IsolatedProvider
from qadapt.isolate.process import Process
from qadapt.local import StatevectorBackend
from qadapt.provider import Done, Failed, Finding

SECONDS = 0.8
"""Deadline of a call that is to hang."""
WANTED = StatevectorBackend().execute(WORK).counts.table


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    return cloud_in(tmp_path, monkeypatch)


@pytest.fixture
def opened(cloud: Path) -> Iterator[Callable[[str], IsolatedBackend]]:
    """Open targets, and end their workers after the test."""
    backends = []

    def open_(target: str) -> IsolatedBackend:
        backends.append(IsolatedProvider(NAME).open(target))
        return backends[-1]

    yield open_
    for backend in backends:
        backend.close()


def patiently(backend: IsolatedBackend, call: Callable[[], object], seconds: float = 60) -> object:
    """Call as the runner does, with a deadline, until the worker has started."""
    end = time.monotonic() + seconds
    while True:
        try:
            return within(SECONDS, call, what="a call", provider=NAME)
        except UnavailableError as error:
            # Errors of a worker that is not ready yet never leave a doubt.
            early = "still starting" in str(error) or "was ready with" in str(error)
            if not early or error.doubtful or time.monotonic() > end:
                raise


VERBS: dict[str, Callable[[IsolatedBackend, str], object]] = {
    "submit": lambda backend, _: backend.submit([WORK], tag="other"),
    "fetch": lambda backend, job: backend.fetch(job),
    "cancel": lambda backend, job: backend.cancel(job),
    "find": lambda backend, _: backend.find("none") if isinstance(backend, Finding) else None,
    "cost": lambda backend, _: backend.cost([WORK]),  # type: ignore[attr-defined]
    "most_rows": lambda backend, _: backend.most_rows(WORK.circuit, 5),  # type: ignore[attr-defined]
}
SAYS = {
    "segfault": "SIGSEGV",
    "abort": "SIGABRT",
    "hang": "did not end within",
    "eat": "MemoryError",
    "exit": "exit status 3",
    "garbage": "garbage",
}


def test_every_verb_survives_every_crash(cloud: Path, opened: Callable[[str], IsolatedBackend]) -> None:
    backend = opened("full")
    job = backend.submit([WORK], tag="first")
    for number, verb in enumerate(VERBS):
        for kind in (KINDS[number], KINDS[(number + 3) % len(KINDS)]):
            patiently(backend, lambda: backend.cancel(job))  # a worker is there
            wish(cloud, verb, kind)
            with pytest.raises(UnavailableError, match=SAYS[kind]) as caught:
                within(SECONDS, partial(VERBS[verb], backend, job), what=verb, provider=NAME)
            assert type(caught.value) is UnavailableError
            assert caught.value.doubtful is (verb in ("submit", "cancel"))
            assert caught.value.provider == "crashy:full"
            assert SECRET not in str(caught.value)
    assert isinstance(patiently(backend, lambda: backend.fetch(job)), Done)


def test_the_error_says_where_a_worker_crashed_or_hung(cloud: Path, opened: Callable[[str], IsolatedBackend]) -> None:
    backend = opened("cloud")
    for kind in ("segfault", "hang"):
        patiently(backend, lambda: backend.cancel("x"))
        wish(cloud, "fetch", kind)
        with pytest.raises(UnavailableError, match=f"in {kind}\n(.*\n)*.*in misbehave\n.*in fetch"):
            within(SECONDS, lambda: backend.fetch("x"), what="fetch", provider=NAME)


def test_a_hang_ends_at_its_deadline(cloud: Path, opened: Callable[[str], IsolatedBackend]) -> None:
    backend = opened("cloud")
    for kind in ("hang", "doze"):
        patiently(backend, lambda: backend.cancel("x"))
        wish(cloud, "fetch", kind)
        start = time.monotonic()
        with pytest.raises(UnavailableError, match=r"did not end within 0.*its worker"):
            within(SECONDS, lambda: backend.fetch("x"), what="fetch", provider=NAME)
        assert time.monotonic() - start + 0.01 >= SECONDS
        assert time.monotonic() - start < SECONDS + 0.6


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at other processes through /proc")
def test_what_a_worker_started_ends_with_it(cloud: Path, opened: Callable[[str], IsolatedBackend]) -> None:
    backend = opened("cloud")
    wish(cloud, "fetch", "breed")
    with pytest.raises(UnavailableError, match="did not end within"):
        within(SECONDS, lambda: backend.fetch("x"), what="fetch", provider=NAME)
    pid, end = int((cloud / "child").read_text()), time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_a_vendor_prints_gets_between_no_two_messages(
    cloud: Path, opened: Callable[[str], IsolatedBackend]
) -> None:
    backend = opened("cloud")
    wish(cloud, "submit", "chatter")
    job = backend.submit([WORK], tag="t")
    wish(cloud, "fetch", "chatter")
    done = backend.fetch(job)
    assert isinstance(done, Done)
    np.testing.assert_array_equal(done.results[0].counts.table, WANTED)


def test_jobs_of_a_worker_end_with_it_and_say_why(cloud: Path, opened: Callable[[str], IsolatedBackend]) -> None:
    backend = opened("volatile")
    old = backend.submit([WORK], tag="a")
    wish(cloud, "cancel", "segfault")
    backend.cancel(old)  # takes the worker with it, and so the job
    for _ in range(2):
        failed = backend.fetch(old)
        assert isinstance(failed, Failed)
        assert type(failed.error) is UnavailableError
        assert failed.error.job_id == old
        assert not failed.error.doubtful
        assert "SIGSEGV" in str(failed.error)
    new = backend.submit([WORK], tag="a")
    assert new != old, "the id of a job that is lost must not come to mean another job"
    assert isinstance(backend.fetch(old), Failed)
    assert isinstance(backend.fetch(new), Done)
    backend.cancel(old)
    wish(cloud, "fetch", "abort")
    failed = backend.fetch(new)
    assert isinstance(failed, Failed)
    assert "SIGABRT" in str(failed.error)


def test_a_simulator_that_crashes_in_submit_leaves_no_doubt(
    cloud: Path, opened: Callable[[str], IsolatedBackend]
) -> None:
    backend = opened("volatile")
    wish(cloud, "submit", "abort")
    with pytest.raises(UnavailableError, match="SIGABRT") as caught:
        backend.submit([WORK], tag="a")
    assert not caught.value.doubtful


def test_jobs_of_a_cloud_are_fetched_from_the_next_worker(
    cloud: Path, opened: Callable[[str], IsolatedBackend]
) -> None:
    backend = opened("cloud")
    job = backend.submit([WORK], tag="a")
    wish(cloud, "fetch", "segfault")
    with pytest.raises(UnavailableError, match="SIGSEGV"):
        backend.fetch(job)
    done = backend.fetch(job)
    assert isinstance(done, Done)
    np.testing.assert_array_equal(done.results[0].counts.table, WANTED)


def test_a_worker_that_dies_between_two_calls_is_replaced(
    cloud: Path, opened: Callable[[str], IsolatedBackend], caplog: pytest.LogCaptureFixture
) -> None:
    backend = opened("cloud")
    job = backend.submit([WORK], tag="a")
    process = backend._channel._process
    assert process is not None
    process._process.kill()
    process._process.wait()
    assert isinstance(backend.fetch(job), Done)
    assert "SIGKILL" in caplog.text


@pytest.mark.parametrize("kind", ["segfault", "exit", "garbage"])
@pytest.mark.parametrize("when", ["load", "open"])
def test_a_crash_while_opening_is_an_error_of_the_opening(
    cloud: Path, opened: Callable[[str], IsolatedBackend], when: str, kind: str
) -> None:
    wish(cloud, when, kind)
    with pytest.raises(UnavailableError) as caught:
        opened("cloud")
    assert not caught.value.doubtful
    assert opened("cloud").name == "crashy:cloud"


def test_a_start_that_takes_longer_than_one_call_goes_on_in_the_next(
    cloud: Path, opened: Callable[[str], IsolatedBackend]
) -> None:
    backend = opened("cloud")
    backend.close()
    wish(cloud, "open", "slow")
    with pytest.raises(UnavailableError, match="still starting") as caught:
        within(0.1, lambda: backend.fetch("x"), what="fetch", provider=NAME)
    assert not caught.value.doubtful
    first = backend._channel._process
    (cloud / "go").touch()
    assert isinstance(patiently(backend, lambda: backend.fetch("x")), Failed)
    assert backend._channel._process is first


def test_a_call_that_would_be_cut_off_is_not_begun(
    cloud: Path, opened: Callable[[str], IsolatedBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = opened("cloud")
    ready = backend._channel._ready

    def late(end: float) -> Process:
        while time.monotonic() < end - 0.1:
            time.sleep(0.01)
        return ready(end)

    monkeypatch.setattr(backend._channel, "_ready", late)
    with pytest.raises(UnavailableError, match=r"was ready with 0\.\d+ s of 0\.\d+ s left for submit") as caught:
        within(0.3, lambda: backend.submit([WORK], tag="a"), what="submit", provider=NAME)
    assert not caught.value.doubtful
    assert jobs(cloud) == 0


def test_fifty_crashes_in_one_run(cloud: Path, opened: Callable[[str], IsolatedBackend]) -> None:
    """A run of 25 chunks, two crashes each: of every kind, in submit before and after the job is made, and in fetch."""
    backend = opened("cloud")
    generator = np.random.default_rng(1)
    kinds = generator.permutation(["hang"] * 5 + [kind for kind in KINDS if kind != "hang"] * 9).tolist()
    crashes, results = 0, []
    for chunk in range(25):
        tag, job = f"run-{chunk}", None
        wish(cloud, str(generator.choice(["submit", "after"])), kinds.pop())
        while job is None:
            try:
                job = patiently(backend, partial(backend.submit, [WORK], tag=tag))
            except UnavailableError as error:
                crashes += error.doubtful
                job = backend.receipt(tag)
        wish(cloud, "fetch", kinds.pop())
        state = None
        while state is None:
            try:
                state = patiently(backend, partial(backend.fetch, str(job)))
            except UnavailableError:
                crashes += 1
        assert isinstance(state, Done)
        results.append(state.results[0].counts.table)
        assert not (cloud / "wish").exists()
    assert crashes >= 50
    for table in results:
        np.testing.assert_array_equal(table, WANTED)
    assert 25 <= jobs(cloud) <= 50


def test_a_provider_survives_the_crashes_of_its_own_calls(cloud: Path) -> None:
    provider = IsolatedProvider(NAME)
    try:
        wish(cloud, "targets", "segfault")
        with pytest.raises(ProviderError, match="SIGSEGV"):
            provider.targets()
        assert list(provider.targets()) == ["volatile", "cloud", "full"]
    finally:
        provider.close()


def test_the_registry_isolates_a_provider_that_asks_for_it(
    cloud: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    registry.provider.cache_clear()
    try:
        backend = registry.backend("crashy:volatile")
        assert isinstance(backend, IsolatedBackend)
        wish(cloud, "submit", "segfault")
        with pytest.raises(UnavailableError, match="SIGSEGV"):
            backend.submit([WORK], tag="a")
        backend.close()
    finally:
        registry.provider.cache_clear()
        sys.modules.pop(MODULE, None)
