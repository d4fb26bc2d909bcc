"""Deadlines: calls end in time, on threads that are kept, and know how long they have."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from functools import partial

import pytest

from qadapt.deadline import at_most, remaining, within
from qadapt.errors import BadResultError, ProviderError, UnavailableError


def call(function: Callable[[], object], seconds: float = 30.0) -> object:
    return within(seconds, function, what="a call", provider="acme")


def test_what_is_returned_is_returned() -> None:
    assert call(lambda: 7) == 7
    assert call(lambda: None) is None


@pytest.mark.parametrize(
    "error",
    [KeyError("k"), BadResultError("b", provider="p"), TimeoutError("its own"), UnavailableError("u", provider="p")],
)
def test_what_is_raised_is_raised(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        call(fail)
    assert caught.value is error


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit("g")])
def test_a_call_cannot_end_the_process(error: BaseException) -> None:
    def leave() -> None:
        raise error

    with pytest.raises(ProviderError, match=f"a call ended with {type(error).__name__}") as caught:
        call(leave)
    assert caught.value.__cause__ is error
    assert caught.value.provider == "acme"


def test_a_call_that_hangs_is_left_behind() -> None:
    go = threading.Event()
    start = time.monotonic()
    with pytest.raises(UnavailableError, match=r"a call did not end within 0.05 s") as caught:
        call(lambda: go.wait(30), 0.05)
    assert time.monotonic() - start < 5
    assert caught.value.doubtful
    assert caught.value.provider == "acme"
    assert call(lambda: 1) == 1, "another thread has taken over"
    go.set()


def test_something_else_is_done_on_this_thread_while_the_call_runs() -> None:
    begun, go = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert go.wait(30)
        return 7

    def meanwhile() -> None:
        assert begun.wait(30)
        assert threading.current_thread() is threading.main_thread()
        go.set()

    assert within(30.0, slow, what="a call", provider="acme", meanwhile=meanwhile) == 7


def test_what_is_raised_meanwhile_is_raised_and_the_call_goes_on() -> None:
    go, done = threading.Event(), threading.Event()

    def slow() -> None:
        assert go.wait(30)
        done.set()

    def meanwhile() -> None:
        raise KeyError("k")

    with pytest.raises(KeyError):
        within(30.0, slow, what="a call", provider="acme", meanwhile=meanwhile)
    go.set()
    assert done.wait(30)


def test_what_is_done_meanwhile_takes_from_the_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qadapt.deadline.GRACE", 0.0)
    go, start = threading.Event(), time.monotonic()
    with pytest.raises(UnavailableError, match="did not end"):
        within(0.2, lambda: go.wait(30), what="a call", provider="acme", meanwhile=lambda: time.sleep(0.2))
    assert time.monotonic() - start < 0.35
    go.set()


def test_a_call_that_ends_late_but_within_the_grace_counts() -> None:
    def late() -> int:
        while remaining(1) > 0:
            time.sleep(0.005)
        return 5

    assert call(late, 0.05) == 5


def test_a_call_that_ends_while_it_is_given_up_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    class LateFuture(Future[int]):
        def result(self, timeout: float | None = None) -> int:
            value = super().result(30)
            if timeout is not None:
                raise TimeoutError
            return value

    monkeypatch.setattr("qadapt.deadline.Future", LateFuture)
    assert call(lambda: 9) == 9


def test_calls_in_a_row_share_a_thread() -> None:
    first = call(threading.get_ident)
    assert first != threading.get_ident()
    assert {call(threading.get_ident) for _ in range(300)} == {first}


def test_calls_side_by_side_do_not_wait_for_each_other() -> None:
    meet = threading.Barrier(5)

    def run() -> None:
        call(lambda: meet.wait(30))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    meet.wait(30)
    for thread in threads:
        thread.join(30)
    assert not meet.broken


def test_a_call_knows_how_long_it_has() -> None:
    assert remaining(12.5) == 12.5
    left = call(lambda: remaining(math.inf), 20)
    assert isinstance(left, float)
    assert 15 < left <= 20
    assert call(lambda: remaining(3), 20) == 3
    assert remaining(12.5) == 12.5
    assert call(lambda: remaining(7), math.inf) == 7


def test_an_inner_deadline_is_never_later_than_the_outer_one() -> None:
    inner = call(lambda: call(lambda: remaining(1000), 500), 20)
    assert isinstance(inner, float)
    assert inner <= 20
    assert call(lambda: call(lambda: remaining(1000), 5), 20) <= 5  # type: ignore[operator]
    with at_most(2), at_most(50):
        assert remaining(100) <= 2
    with at_most(-1):
        assert remaining(100) == 0
    assert remaining(100) == 100


def test_a_call_sees_the_context_of_its_caller() -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("here")
    assert call(variable.get) == "here"
    call(lambda: variable.set("there"))
    assert variable.get() == "here"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    call(lambda: 1)  # leaves an idle thread, which the fork does not have
    child = os.fork()
    if not child:
        done = False
        try:
            done = call(lambda: 2, 5) == 2
        finally:
            os._exit(0 if done else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_nothing_of_a_call_is_kept() -> None:
    class Thing:
        pass

    thing = Thing()
    before = sys.getrefcount(thing)
    call(partial(isinstance, thing, Thing))
    assert call(lambda: 1) == 1
    assert sys.getrefcount(thing) == before
