"""Calls: the verbs of a backend, each within its deadline, and again only where again is safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from qadapt.deadline import within
from qadapt.errors import AccessError, JobFailedError, ProviderError, QadaptError, UnavailableError
from qadapt.jobs.policy import Policy
from qadapt.provider import Backend, Done, Failed, Finding, Pending, Receipting, Work
from qadapt.redact import scrub

if TYPE_CHECKING:
    from tenacity import Retrying

T = TypeVar("T")

LOOK_AGAIN = 1.0
"""Seconds between two looks for a tag that was not found."""


class DoubtError(ProviderError):
    """Nobody can say whether the vendor has the job; never leaves the runner."""

    code = "doubt"


class LostError(ProviderError):
    """The vendor may have the job, and does not say so now; its cause says why. Never leaves the runner."""

    code = "lost"


class Calls:
    """A backend as the runner sees it.

    Whatever else than an error of our tree a verb raises is a bug of the provider and becomes a ``ProviderError``.

    Args:
        backend: Whose verbs are called.
        policy: Deadline, attempts and back-off.
    """

    def __init__(self, backend: Backend, policy: Policy) -> None:
        self._backend = backend
        self._policy = policy

    def submit(self, works: Sequence[Work], tag: str, intend: Callable[[], None]) -> str:
        """Submit works once, whatever happens on the way; returns the job id.

        Args:
            works: What to run.
            tag: Unique per submit.
            intend: Called before each try.

        Raises:
            DoubtError: The answer was lost and the vendor cannot be asked.
            LostError: The answer was lost and the vendor does not say whether it has the works.
            UnavailableError: The vendor does not answer, and has not got the works.
            QadaptError: The works do not fit, or were refused; the vendor has not got them.
        """
        for attempt in self._retrying():
            with attempt:
                intend()
                try:
                    return self._handed(works, tag)
                except ProviderError as error:
                    if _doubtful(error) and (job := self._found(tag)):
                        return job
                    raise
        raise AssertionError("tenacity returns or raises")

    def gone(self, tried: float, taken_up: float) -> float:
        """When nobody was sending a submit of another process any more, by ``time.monotonic``.

        Args:
            tried: When it was last tried, in seconds since 1970; it ended by its deadline.
            taken_up: When this process took the run up, by ``time.monotonic``; the other one had ended by then.
        """
        return taken_up - max(0.0, time.time() - tried - self._policy.deadline)

    def whereabouts(self, tag: str, gone: float) -> str | None:
        """Job id of a submit whose answer was lost; None if the vendor has surely not got it.

        Args:
            tag: Of the submit.
            gone: When nobody was sending it any more, by ``time.monotonic``; what was sent may arrive for
                ``Policy.settle`` seconds more.

        Raises:
            DoubtError: The vendor cannot be asked.
            UnavailableError: The vendor does not answer.
        """
        backend, verbs = self._backend, self._backend
        if isinstance(verbs, Receipting) and (job := verbs.receipt(tag)):
            return job
        if not backend.capabilities.retrieval:
            return None  # jobs end with their process, and within it a tag makes one job
        if not (backend.capabilities.find and isinstance(verbs, Finding)):
            raise DoubtError(f"nobody can say whether {backend.name} has submit {tag}", provider=backend.name)
        finding = verbs
        while True:
            # A look that begins too early says nothing, however long it takes.
            left = gone + self._policy.settle - time.monotonic()
            found: str | None = self._patiently("find", lambda: finding.find(tag))
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
            QadaptError: It may not have been stopped.
        """
        self._once("cancel", lambda: self._backend.cancel(job))

    def _handed(self, works: Sequence[Work], tag: str) -> str:
        job = self._once("submit", lambda: self._backend.submit(works, tag=tag))
        if not isinstance(job, str) or not job:
            name = self._backend.name
            raise ProviderError(f"submit of {name} answered {job!r}, expected a job id", provider=name)
        return job

    def _found(self, tag: str) -> str | None:
        """Job id of a submit that ends just now; the vendor's troubles here must not count as those of the submit."""
        try:
            return self.whereabouts(tag, time.monotonic())
        except DoubtError:
            raise
        except ProviderError as error:
            raise LostError(f"submit {tag} may have arrived: {error}", provider=error.provider) from error

    def _once(self, verb: str, call: Callable[[], T]) -> T:
        name = self._backend.name
        try:
            return within(self._policy.deadline, call, what=f"{verb} of {name}", provider=name)
        except QadaptError:
            raise
        except Exception as error:
            scrub(error)
            raise ProviderError(f"{verb} of {name} raised {type(error).__name__}: {error}", provider=name) from error

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


def _doubtful(error: ProviderError) -> bool:
    """Whether the vendor may have taken a submit that ended with this error; only its own refusals are sure."""
    if isinstance(error, UnavailableError):
        return error.doubtful
    return not isinstance(error, AccessError | JobFailedError)
