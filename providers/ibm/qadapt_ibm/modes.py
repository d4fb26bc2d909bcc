"""Modes: batches and sessions of the service, opened when they are first needed and closed with their backend."""

from __future__ import annotations

import weakref
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from qadapt_ibm.options import Options

if TYPE_CHECKING:
    from qiskit_ibm_runtime import Batch, IBMBackend, Session

CLOSED = "Closed"


class Mode:
    """Where jobs are sent: the machine, or a batch or session on it.

    An open session costs money, so it is closed as soon as nobody uses it any more, at the latest when the process
    ends. A process that is killed leaves it to the service, which ends it by its own rules and ``max_time``.
    """

    def __init__(self, machine: IBMBackend, options: Options) -> None:
        self._machine = machine
        self._options = options
        self._lock = Lock()
        self._opened: Session | Batch | None = None
        self._closer: Any = None

    def get(self) -> IBMBackend | Session | Batch:
        """The machine, or the batch or session, opened if there is none."""
        if self._options.mode == "job":
            return self._machine
        with self._lock:
            if self._opened is None:
                from qiskit_ibm_runtime import Batch, Session

                kind = Batch if self._options.mode == "batch" else Session
                self._opened = kind(backend=self._machine, max_time=self._options.max_time)
                self._closer = weakref.finalize(self, _close, self._opened)
            return self._opened

    def lapsed(self) -> bool:
        """Whether there was a batch or session that the service has closed; the next job opens another."""
        with self._lock:
            if self._opened is None or self._opened.status() != CLOSED:
                return False
            self._closer.detach()
            self._opened = None
            return True

    def close(self) -> None:
        """Take no more jobs into the batch or session; those that are in it still run."""
        with self._lock:
            if self._closer is not None:
                self._closer()
            self._opened = self._closer = None


def _close(opened: Any) -> None:
    with suppress(Exception):  # it ends by itself, later
        opened.close()
