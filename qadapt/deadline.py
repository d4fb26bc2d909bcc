"""Deadlines: calls that end in time, whatever the called code does.

A call runs on a daemon thread that is kept for the next call. Threads are never ended: vendors keep state by thread,
and some crash when the thread that imported them first has gone. One that hangs is left behind, another takes its place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar, copy_context
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from qadapt.errors import UnavailableError

T = TypeVar("T")

GRACE = 0.5
"""Seconds that a call gets beyond its deadline, to end itself and say more than that it took too long."""

_end: ContextVar[float | None] = ContextVar("qadapt_deadline", default=None)
_idle: list[SimpleQueue[Callable[[], None]]] = []
_lock = Lock()


def within(seconds: float, call: Callable[[], T], *, what: str, provider: str) -> T:
    """Call a function and return what it returns, or raise what it raises, in time.

    Args:
        seconds: Deadline.
        call: Takes nothing; may ask ``remaining`` how long it has.
        what: The call in words, for the error.
        provider: Whom the error is about.

    Raises:
        UnavailableError: The call did not end in time. It goes on in the background, so what it was to do may happen.
    """
    future: Future[T] = Future()

    def run() -> None:
        _end.set(time.monotonic() + seconds)
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    context = copy_context()
    with _lock:
        queue = _idle.pop() if _idle else _started()
    queue.put(lambda: context.run(run))
    try:
        return future.result(seconds + GRACE)
    except TimeoutError as error:
        if future.done():  # the call's own
            raise
        message = f"{what} did not end within {seconds:g} s"
        raise UnavailableError(message, provider=provider, doubtful=True) from error


def remaining(otherwise: float) -> float:
    """Seconds until the deadline of the call that is running; ``otherwise`` outside of ``within``, and at most that."""
    end = _end.get()
    return otherwise if end is None else max(0.0, min(otherwise, end - time.monotonic()))


def _started() -> SimpleQueue[Callable[[], None]]:
    queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
    Thread(target=_serve, args=(queue,), name="qadapt-call", daemon=True).start()
    return queue


def _serve(queue: SimpleQueue[Callable[[], Any]]) -> None:
    while True:
        queue.get()()
        with _lock:
            _idle.append(queue)
