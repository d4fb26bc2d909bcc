"""Calls: the verbs of a backend, each within its deadline, and again only where again is safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from qadapt.deadline import within
from qadapt.errors import ProviderError, UnavailableError
from qadapt.jobs.policy import Policy
from qadapt.provider import Backend, Done, Failed, Finding, Pending, Receipting, Work

if TYPE_CHECKING:
    from tenacity import Retrying

T = TypeVar("T")

LOOK_AGAIN = 1.0
"""Seconds between two looks for a tag that was not found."""


class DoubtError(ProviderError):
    """Nobody can say whether the vendor has the job; never leaves the runner."""

    code = "doubt"


class Calls:
    """A backend as the runner sees it.

    Args:
        backend: Whose verbs are called.
        policy: Deadline, attempts and back-off.
    """

    def __init__(self, backend: Backend, policy: Policy) -> None:
        self._backend = backend
        self._policy = policy

    def submit(self, works: Sequence[Work], tag: str, since: float) -> str:
        """Submit works once, whatever happens on the way; returns the job id.

        Args:
            works: What to run.
            tag: Unique per submit.
            since: When it was first tried, in seconds since 1970.

        Raises:
            DoubtError: The answer was lost and the vendor cannot be asked.
            UnavailableError: The vendor does not answer, and has not got the works.
            QadaptError: The works do not fit, or were refused.
        """
        for attempt in self._retrying():
            with attempt:
                try:
                    return self._once("submit", lambda: self._backend.submit(works, tag=tag))
                except UnavailableError as error:
                    if error.doubtful and (job := self.whereabouts(tag, since)):
                        return job
                    raise
        raise AssertionError("tenacity returns or raises")

    def whereabouts(self, tag: str, since: float) -> str | None:
        """Job id of a submit whose answer was lost; None if the vendor has surely not got it.

        Raises:
            DoubtError: The vendor cannot be asked.
            UnavailableError: The vendor does not answer.
        """
        backend = self._backend
        if isinstance(backend, Receipting) and (job := backend.receipt(tag)):
            return job
        if not backend.capabilities.retrieval:
            return None  # jobs end with their process, and within it a tag makes one job
        if not (backend.capabilities.find and isinstance(backend, Finding)):
            raise DoubtError(f"nobody can say whether {backend.name} has submit {tag}", provider=backend.name)
        while True:
            found: str | None = self._patiently("find", lambda: backend.find(tag))
            left = since + self._policy.settle - time.time()
            if found or left <= 0:
                return found
            time.sleep(min(LOOK_AGAIN, left))

    def fetch(self, job: str) -> Pending | Done | Failed:
        """Look at a job.

        Raises:
            UnavailableError: The vendor does not answer.
            AccessError: The credentials do not suffice.
        """
        return self._patiently("fetch", lambda: self._backend.fetch(job))

    def cancel(self, job: str) -> None:
        """Stop a job.

        Raises:
            ProviderError: It may not have been stopped.
        """
        self._once("cancel", lambda: self._backend.cancel(job))

    def _once(self, verb: str, call: Callable[[], T]) -> T:
        name = self._backend.name
        return within(self._policy.deadline, call, what=f"{verb} of {name}", provider=name)

    def _patiently(self, verb: str, call: Callable[[], T]) -> T:
        for attempt in self._retrying():
            with attempt:
                return self._once(verb, call)
        raise AssertionError("tenacity returns or raises")

    def _retrying(self) -> Retrying:
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

        policy = self._policy
        return Retrying(
            retry=retry_if_exception_type(UnavailableError),
            stop=stop_after_attempt(policy.attempts),
            wait=wait_random_exponential(multiplier=policy.backoff, max=policy.longest_backoff),
            reraise=True,
        )
