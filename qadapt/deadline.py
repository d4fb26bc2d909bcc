"""Deadlines: calls that end in time, whatever the called code does.

A call runs on a daemon thread that is kept for the next call. Threads are never ended: vendors keep state by thread,
and some crash when the thread that imported them first has gone. One that hangs is left behind, another takes over.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TypeAlias, TypeVar

from qadapt.errors import ProviderError, UnavailableError

T = TypeVar("T")

GRACE = 0.5
"""Seconds that a call gets beyond its deadline, to end itself and say more than that it took too long."""

_Calls: TypeAlias = SimpleQueue[Callable[[], Callable[[], None]]]

_end: ContextVar[float | None] = ContextVar("qadapt_deadline", default=None)
_idle: list[_Calls] = []
_lock = Lock()


def within(
    seconds: float, call: Callable[[], T], *, what: str, provider: str, meanwhile: Callable[[], None] | None = None
) -> T:
    """Call a function and return what it returns, or raise what it raises, in time.

    Args:
        seconds: Deadline; one inside of another holds as far as it is the earlier.
        call: Takes nothing; may ask ``remaining`` how long it has.
        what: The call in words, for the error.
        provider: Whom the error is about.
        meanwhile: Called on this thread while the call runs; what it raises is raised, and the call goes on in the
            background.

    Raises:
        UnavailableError: The call did not end in time. It goes on in the background, so what it was to do may happen.
        ProviderError: The call wanted to end the whole process, as by ``sys.exit``.
    """
    future: Future[T] = Future()

    def run() -> Callable[[], None]:
        try:
            return partial(future.set_result, call())
        except Exception as error:
            return partial(future.set_exception, error)
        except BaseException as error:
            ours = ProviderError(f"{what} ended with {type(error).__name__}: {error}", provider=provider)
            ours.__cause__ = error
            return partial(future.set_exception, ours)

    with at_most(seconds):
        context = copy_context()
    with _lock:
        queue = _idle.pop() if _idle else _started()
    end = time.monotonic() + seconds + GRACE
    queue.put(partial(context.run, run))
    if meanwhile is not None:
        meanwhile()
    try:
        return future.result(min(max(0.0, end - time.monotonic()), threading.TIMEOUT_MAX))
    except TimeoutError as error:
        if future.done():  # at the last moment, or it is the call's own
            return future.result()
        message = f"{what} did not end within {seconds:g} s"
        raise UnavailableError(message, provider=provider, doubtful=True) from error


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Let ``remaining`` say that what runs inside has so many seconds, or what is left of an earlier deadline."""
    mine, before = time.monotonic() + seconds, _end.get()
    token = _end.set(mine if before is None else min(mine, before))
    try:
        yield
    finally:
        _end.reset(token)


def remaining(otherwise: float) -> float:
    """Seconds until the deadline of the call that is running; ``otherwise`` outside of ``within``, and at most that."""
    end = _end.get()
    return otherwise if end is None else max(0.0, min(otherwise, end - time.monotonic()))


def _started() -> _Calls:
    queue: _Calls = SimpleQueue()
    Thread(target=_serve, args=(queue,), name="qadapt-call", daemon=True).start()
    return queue


def _serve(queue: _Calls) -> None:
    while True:
        tell = queue.get()()
        with _lock:
            _idle.append(queue)
        # Last of all, so that whoever calls again finds this thread free and no second one is started.
        tell()
        del tell


def _forked() -> None:
    """Forget the threads, which a forked process does not have."""
    global _lock
    _lock = Lock()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
