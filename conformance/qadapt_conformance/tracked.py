"""Tracked: a backend that knows which jobs were made through it, and leaves none of them open."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from qadapt import Backend, Capabilities, Cost, Done, Failed, Pending, QadaptError, Target, UnavailableError, Work
from qadapt.cost import NOTHING
from qadapt.provider import Costing

T = TypeVar("T")


class Tracked:
    """A backend as it is, and a context that cancels the jobs that were not seen to end.

    Attributes:
        made: Number of jobs that were made.
        spent: What they are estimated to cost, by the backend's own rules.
    """

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self._open = dict[str, None]()
        self.made = 0
        self.spent = NOTHING

    @property
    def name(self) -> str:
        """Name of the backend."""
        return self._inner.name

    @property
    def target(self) -> Target:
        """Its target."""
        return self._inner.target

    @property
    def capabilities(self) -> Capabilities:
        """What it declares."""
        return self._inner.capabilities

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Submit works."""
        job = self._inner.submit(work, tag=tag)
        if isinstance(job, str) and job not in self._open:
            self.made += 1
            self._open[job] = None
            self.spent += self._inner.cost(work) if isinstance(self._inner, Costing) else _executions(work)
        return job

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Look at a job; a vendor that does not answer is asked again."""
        state = _patiently(partial(self._inner.fetch, job_id))
        if isinstance(state, Done | Failed):
            self._open.pop(job_id, None)
        return state

    def cancel(self, job_id: str) -> None:
        """Cancel a job."""
        self._inner.cancel(job_id)

    def __getattr__(self, name: str) -> Any:
        # Optional verbs are there as far as the backend has them.
        return getattr(self._inner, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.capabilities.cancel:
            for job in self._open:
                with suppress(QadaptError):
                    self._inner.cancel(job)


PAUSES = (0.2, 1.0, 5.0)
"""Seconds before a vendor that does not answer is asked again."""


def _patiently(call: Callable[[], T]) -> T:
    for pause in PAUSES:
        try:
            return call()
        except UnavailableError:
            time.sleep(pause)
    return call()


def _executions(work: Sequence[Work]) -> Cost:
    return Cost(shots=sum(item.bindings.rows * item.shots for item in work))
