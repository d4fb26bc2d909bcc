"""Process: a worker as its parent sees it, one request and one answer at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Thread
from typing import IO, TypeAlias

from qadapt.isolate.frames import Frame, FrameError, Part, pack, push, read

GOODBYE = 1.0
"""Seconds that a worker gets to end, once it knows that it is not needed or has closed its pipe."""
TAIL_BYTES, TAIL_LINES, TAIL_WIDTH = 16_384, 12, 200
"""How much is kept of what a worker wrote to its standard error, and how much of that an error shows."""
PIPE_BYTES = 2**20
"""Room in a pipe, where it can be chosen: with the usual 64 KiB large messages take many turns."""

AT_ONCE = 2**14
"""Most bytes that are surely taken by the pipe of a worker that has nothing in hand, on every system."""

_Requests: TypeAlias = SimpleQueue[Sequence[Part] | Exception | None]
"""What is yet to be written of each request, or why it cannot be."""
_Answers: TypeAlias = SimpleQueue[Frame | Exception]


class Process:
    """A worker that runs, and two threads: one talks to it, one keeps what it writes to standard error.

    It has a session of its own, so that Ctrl-C and a closed terminal do not reach it.

    Attributes:
        signalled: It has been found to have ended by a signal that was not ours.

    Raises:
        OSError: The interpreter cannot be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pipesize=PIPE_BYTES,
            start_new_session=True,
        )
        self._requests: _Requests = SimpleQueue()
        self._answers: _Answers = SimpleQueue()
        self._owed = 0
        self.signalled = False
        self._tail = bytearray()
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        self._stdin = stdin
        talk = (stdin, stdout, self._requests, self._answers)
        self._drain = Thread(target=_drain, args=(stderr, self._tail), name="qadapt-worker-stderr", daemon=True)
        self._drain.start()
        Thread(target=_talk, args=talk, name="qadapt-worker", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def busy(self) -> bool:
        """Whether it has requests in hand."""
        return self._owed > 0

    def send(self, frame: Frame) -> None:
        """Hand over a request; whatever comes of it comes as the answer.

        A small one is written here, if the worker waits for it: to wake up the thread that talks takes longer.
        """
        self._owed += 1
        rest: Sequence[Part] | Exception = ()
        try:
            message = pack(frame)
            if self._owed == 1 and sum(map(len, message)) <= AT_ONCE:
                push(self._stdin, message)
            else:
                rest = message
        except (OSError, FrameError, TypeError, ValueError) as error:
            rest = error
        self._requests.put(rest)

    def receive(self, seconds: float) -> Frame:
        """Wait for the next answer.

        Raises:
            TimeoutError: There is none in time.
            EOFError: The worker has closed its pipe or ended.
            OSError: It has ended before it took the request.
            FrameError: What came is not an answer, or the request is too large.
        """
        try:
            answer = self._answers.get(timeout=min(seconds, TIMEOUT_MAX))
        except Empty:
            raise TimeoutError from None
        self._owed -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self, *, patience: float = 0.0) -> str:
        """End the worker and all that it started, if it has not ended by itself; how it did, in words.

        Args:
            patience: Seconds to wait for it to end by itself.
        """
        if patience:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        itself = self._process.poll() is not None
        self._kill()  # its children, too, which may have outlived it: they keep the number of their group in use
        self._requests.put(None)
        self._drain.join(GOODBYE / 5)  # all of it has been written, and is nearly always read by now
        code = self._process.wait()
        self.signalled = itself and code < 0
        return how(code) if itself else "was stopped"

    def close(self, *, finish: bool) -> None:
        """Let the worker go.

        Args:
            finish: Whether it may first finish what it has in hand, without anybody waiting for it.
        """
        self._requests.put(None)
        if finish:
            return
        try:
            self._process.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()

    def said(self) -> list[str]:
        """The last lines that it wrote to standard error."""
        lines = bytes(self._tail).decode(errors="replace").splitlines()
        # Python lists every C extension of a process that crashes.
        lines = [line.rstrip() for line in lines if line.strip() and not line.startswith("Extension modules:")]
        return [line[:TAIL_WIDTH] for line in lines[-TAIL_LINES:]]

    def _kill(self) -> None:
        with suppress(OSError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)


def how(code: int) -> str:
    """How a process ended, from its return code."""
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"ended with {signal.Signals(-code).name} ({signal.strsignal(-code)})"
    except ValueError:
        return f"ended with signal {-code}"


def _talk(stdin: IO[bytes], stdout: IO[bytes], requests: _Requests, answers: _Answers) -> None:
    """Pass on requests until None comes or the worker goes, and close the pipes."""
    try:
        while (request := requests.get()) is not None:
            if isinstance(request, Exception):
                raise request
            push(stdin, request)
            answers.put(read(stdout))
    except (OSError, EOFError, FrameError, MemoryError, TypeError, ValueError) as error:
        answers.put(error)
    finally:
        for pipe in (stdin, stdout):
            with suppress(OSError):
                pipe.close()


def _drain(stderr: IO[bytes], tail: bytearray) -> None:
    with stderr:
        while more := stderr.read(65_536):
            tail += more
            del tail[:-TAIL_BYTES]
