"""Channel: calls of a provider in a worker that is started when it is needed and replaced when it is gone."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

from qadapt.codec import decode_error
from qadapt.deadline import remaining
from qadapt.errors import MissingExtraError, QadaptError, UnavailableError
from qadapt.isolate import receipts
from qadapt.isolate.frames import PROTOCOL, Frame, FrameError, Part
from qadapt.isolate.process import GOODBYE, Process
from qadapt.isolate.settings import Settings, variable
from qadapt.redact import conceal, redacted

T = TypeVar("T")

LONGEST = 600.0
"""Seconds that a call may take where no deadline is set."""
START = 180.0
"""Seconds that a worker may take to import its vendor and open its target, over as many calls as that takes."""
LAG = 0.2
"""Seconds that a worker which is out of time gets to say where it hangs, before it is stopped."""

_BROKEN = (EOFError, OSError, FrameError, MemoryError, TypeError, ValueError)
"""What may come instead of an answer, beside ``TimeoutError``, which is an OSError."""

_log = logging.getLogger(__name__)
_inherited: list[Process] = []
"""Workers of the process that this one was forked from; kept, because letting them go would touch them."""


class WorkerTraceback(Exception):  # noqa: N818 - no error of its own, but what stands behind one
    """Where an error came from, as the worker saw it."""

    def __str__(self) -> str:
        return f"in the worker:\n\n{super().__str__()}"


class Channel:
    """One worker at a time, for one backend or for a provider's own calls.

    Calls may come from any thread; they are made one after the other, in the worker's main thread.

    Args:
        settings: How the worker is started.
        target: What it opens; None for the calls of the provider itself.
    """

    def __init__(self, settings: Settings, target: str | None = None) -> None:
        self.name = settings.provider if target is None else f"{settings.provider}:{target}"
        self._settings = settings
        self._target = target
        self._lock = Lock()
        self._owner = os.getpid()
        self._process: Process | None = None
        self._greetings: list[Frame] = []
        self._born = 0.0
        self._number = 0
        self._verb = ""
        self._serial = ""
        self._ends: dict[str, str] = {}

    def open(self, read: Callable[[Any], T]) -> T:
        """Have a worker with an open target, and read what it says about it.

        Raises:
            MissingExtraError: The interpreter cannot be started, or lacks qadapt or the provider.
            ProviderError: The interpreter runs no worker, or one of another version.
            UnavailableError: The worker did not get that far.
            QadaptError: What the provider says to being opened.
        """
        end = time.monotonic() + remaining(LONGEST)
        with self._turn(end, "open"):
            self._ready(end)
            return self._read(self._greetings[1], lambda value, _: read(value), doubtful=False)

    def call(
        self,
        verb: str,
        read: Callable[[Any, Sequence[Part]], T],
        arguments: Mapping[str, Any] | None = None,
        parts: Sequence[Part] = (),
        *,
        doubtful: bool = False,
        serial: str | None = None,
    ) -> T:
        """Make a call, in the worker that there is or in a new one.

        Args:
            verb: What the worker is to do.
            read: Makes the result of what the worker answers; whatever it raises means that the answer is garbage.
            arguments: JSON that goes with it.
            parts: Bytes that go with it.
            doubtful: Whether what is asked for may outlive the worker.
            serial: Of the worker that is meant; no other one is asked.

        Raises:
            UnavailableError: The worker ended, hung or answered with garbage, in this call or before it was ready.
            QadaptError: What the provider raised.
        """
        seconds = remaining(LONGEST)
        end = time.monotonic() + seconds
        with self._turn(end, verb):
            self._bury()
            if serial is not None and serial != self._serial:
                raise self._unavailable(self.fate(serial))
            process = self._ready(end)
            left = end - time.monotonic()
            if left <= seconds / 2:
                # Another try begins with a worker that is there; a call that is cut off may leave a doubt.
                text = f"the worker of {self.name} was ready with {left:.3g} s of {seconds:.3g} s left for {verb}"
                raise self._unavailable(text)
            self._number += 1
            document = {"verb": verb, "number": self._number, "seconds": left, "arguments": dict(arguments or {})}
            process.send(Frame(document, parts))
            return self._read(self._answer(process, end, left, doubtful), read, doubtful=doubtful)

    @property
    def serial(self) -> str:
        """Of the worker that answered last; empty if it is gone."""
        return self._serial

    def fate(self, serial: str) -> str:
        """What became of a worker that is gone, in words."""
        return self._ends.get(serial, f"the worker of {self.name} ended with the process that had started it")

    def close(self) -> None:
        """Let the worker go; a submit in hand is finished, for its receipt."""
        if self._process is not None and self._owner == os.getpid():
            self._process.close(finish=self._verb == "submit")
            self._process, self._serial = None, ""

    @contextmanager
    def _turn(self, end: float, verb: str) -> Iterator[None]:
        """Wait for the calls of other threads."""
        if self._owner != os.getpid():
            _inherited.extend([self._process] if self._process else [])
            self._owner, self._lock, self._process, self._serial = os.getpid(), Lock(), None, ""
        lock = self._lock
        if not lock.acquire(timeout=max(0.0, end - time.monotonic())):
            raise self._unavailable(f"the worker of {self.name} is busy with an earlier call ({self._verb})")
        try:
            self._verb = verb
            yield
        finally:
            # A call that its caller has given up, as by Ctrl-C, is still in hand.
            if self._process is None or not self._process.busy:
                self._verb = ""
            lock.release()

    def _bury(self) -> None:
        """Notice that the worker has ended between two calls."""
        if self._process is not None and len(self._greetings) == 2 and not self._process.alive:
            text = self._ended(f"the worker of {self.name}, between two calls,", patience=GOODBYE)
            _log.warning("%s", redacted(text))

    def _ready(self, end: float) -> Process:
        """The worker, started and opened if need be."""
        process = self._process or self._start()
        limit = self._born + START
        while len(self._greetings) < 2:
            try:
                frame = process.receive(max(0.0, min(end, limit) - time.monotonic()))
                if not self._greetings:
                    self._greet(frame)
            except TimeoutError:
                if time.monotonic() < limit:
                    raise self._unavailable(f"the worker of {self.name} is still starting") from None
                text = self._ended(f"the worker of {self.name} did not start within {START:g} s and")
                raise self._unavailable(text) from None
            except _BROKEN as error:
                raise self._unopened(process, error) from None
            self._greetings.append(frame)
            _conceal(frame)
            if "error" in frame.document:
                self._process, self._serial = None, ""
                process.close(finish=False)
                raise self._raised(frame)
        return process

    def _start(self) -> Process:
        self._greetings, self._born, self._serial = [], time.monotonic(), f"w{uuid.uuid4().hex[:12]}"
        opening = {"target": self._target, "receipts": str(receipts.folder())}
        try:
            process = Process(self._settings.command, self._settings.environment)
        except (OSError, ValueError) as error:
            raise MissingExtraError(f"{self._python} cannot be started: {error}", hint=self._advice) from error
        process.send(Frame({"verb": "hello", "number": 0, "seconds": START}))
        process.send(Frame({"verb": "open", "number": 0, "seconds": START, "arguments": opening}))
        self._process, self._number = process, 0
        return process

    def _greet(self, frame: Frame) -> None:
        """Check that both sides speak the same protocol."""
        said = frame.document["ok"] if isinstance(frame.document.get("ok"), dict) else {}
        if said.get("protocol") != PROTOCOL:
            self._ended("it")
            raise MissingExtraError(
                f"{self._python} has qadapt {said.get('qadapt')}, whose workers speak another language "
                f"({said.get('protocol')}, here {PROTOCOL})",
                hint="install the same version of qadapt in both environments",
            )

    def _unopened(self, process: Process, error: Exception) -> QadaptError:
        """Why there is no worker."""
        greeted = bool(self._greetings)
        who, doing = (f"the worker of {self.name}", "being opened") if greeted else (self._python, "running a worker")
        if isinstance(error, EOFError | OSError):
            text = self._ended(f"{who}, instead of {doing},", patience=GOODBYE)
        else:
            text = self._ended(f"{who}, instead of {doing}, wrote garbage ({error}) and")
        if greeted or process.signalled:
            return self._unavailable(text)
        if any("No module named" in line and "qadapt" in line for line in process.said()):
            return MissingExtraError(
                redacted(f"{self._python} has no qadapt, or an old one: {text}"), hint=self._advice
            )
        return MissingExtraError(redacted(text), hint=self._advice)

    def _answer(self, process: Process, end: float, seconds: float, doubtful: bool) -> Frame:
        """Wait for the answer to the last request."""
        while True:
            try:
                frame = process.receive(max(0.0, end + LAG - time.monotonic()))
                number = frame.document.get("number")
                if not isinstance(number, int) or number > self._number:
                    raise FrameError(f"an answer to request {number!r} of {self._number}")
            except _BROKEN as error:
                raise self._failed(error, end, seconds, doubtful) from None
            if number == self._number:
                return frame
            _conceal(frame)  # the answer to a request that its caller gave up, as by Ctrl-C

    def _failed(self, error: Exception, end: float, seconds: float, doubtful: bool) -> UnavailableError:
        """The error of a call that the worker did not answer."""
        verb, gone = self._verb, isinstance(error, EOFError | OSError)
        if isinstance(error, TimeoutError) or (gone and time.monotonic() >= end):
            text = self._ended(f"{verb} of {self.name} did not end within {seconds:.3g} s; its worker")
        elif gone:
            text = self._ended(f"the worker of {self.name}, in {verb},", patience=GOODBYE)
        else:
            text = self._ended(f"the worker of {self.name} answered {verb} with garbage ({error}) and")
        return self._unavailable(text, doubtful=doubtful)

    def _read(self, frame: Frame, read: Callable[[Any, Sequence[Part]], T], *, doubtful: bool) -> T:
        """Turn an answer into a result or an error."""
        if "error" in frame.document:
            raise self._raised(frame)
        try:
            _conceal(frame)
            return read(frame.document["ok"], frame.parts)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            text = self._ended(f"the worker of {self.name} answered {self._verb} with garbage ({said}) and")
            raise self._unavailable(text, doubtful=doubtful) from None

    def _raised(self, frame: Frame) -> QadaptError:
        """The error in an answer."""
        _conceal(frame)
        error = decode_error(frame.document["error"], provider=self.name)
        if text := frame.document.get("traceback"):
            error.__cause__ = WorkerTraceback(redacted(str(text)))
        return error

    def _ended(self, text: str, *, patience: float = 0.0) -> str:
        """Stop the worker, and go on with a text by how it ended and what it wrote last."""
        process = self._process
        assert process is not None
        ended = f"{text} {process.stop(patience=patience)}"
        lines = process.said()
        self._ends[self._serial] = ended
        self._process, self._serial = None, ""
        return "\n  ".join([f"{ended}; it wrote last:" if lines else ended, *lines])

    def _unavailable(self, text: str, *, doubtful: bool = False) -> UnavailableError:
        return UnavailableError(text, provider=self.name, doubtful=doubtful)

    @property
    def _python(self) -> str:
        name = variable(self._settings.provider, "PYTHON")
        return f"{name}={self._settings.python}" if self._settings.python else self._settings.command[0]

    @property
    def _advice(self) -> str:
        return (
            f"{variable(self._settings.provider, 'PYTHON')} names the Python (3.11 or later) of an environment with "
            f"qadapt and the package of provider {self._settings.provider!r}"
        )


def _conceal(frame: Frame) -> None:
    """Keep the secrets that the worker has come across out of messages and logs here, too."""
    secrets = frame.document.get("secrets")
    conceal(*(value for value in (secrets if isinstance(secrets, list) else ()) if isinstance(value, str)))
