"""Calls: the verbs of a backend, each within its deadline, and again only where again is safe."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from qadapt.deadline import within
from qadapt.errors import AccessError, JobFailedError, ProviderError, QadaptError, UnavailableError
from qadapt.jobs.policy import Policy
from qadapt.provider import Adopting, Backend, Done, Failed, Finding, Pending, Receipting, Work
from qadapt.redact import scrub

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

T = TypeVar("T")

AHEAD = 1.0
"""Most seconds that a submit begins after it was recorded that it is about to be made."""

LOOK_AGAIN, LOOK_SOON = 1.0, 0.05
"""Most and least seconds between two looks for a tag that was not found."""

_underway: dict[str, Future[str]] = {}
"""Submits of this process by tag, until their answer was taken."""

_log = logging.getLogger(__name__)


class DoubtError(ProviderError):
    """Nobody can say whether the vendor has the job; leaves the runner as a cause only."""

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

    @property
    def finds(self) -> bool:
        """Whether the vendor can be asked for a submit by its tag."""
        return self._backend.capabilities.find and isinstance(self._backend, Finding)

    def submit(
        self, works: Sequence[Work], tag: str, intend: Callable[[], None], meanwhile: Callable[[], None] | None = None
    ) -> str:
        """Submit works once, whatever happens on the way; returns the job id.

        Args:
            works: What to run.
            tag: Unique per submit.
            intend: Called before each try.
            meanwhile: Called while a try is under way; must not raise, but for what ends a process.

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
                    return self._handed(works, tag, meanwhile)
                except ProviderError as error:
                    if _doubtful(error) and (job := self._found(tag, error)):
                        return job
                    raise
        raise AssertionError("tenacity returns or raises")

    def gone(self, tried: float, taken_up: float) -> float:
        """When nobody was sending a submit of another process any more, by ``time.monotonic``.

        Args:
            tried: When it was recorded that it is about to be tried, in seconds since 1970; it began ``AHEAD`` seconds
                later at most, and ended by its deadline.
            taken_up: When this process took the run up, by ``time.monotonic``; the other one had ended by then.
        """
        return taken_up - max(0.0, time.time() - tried - AHEAD - self._policy.deadline)

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
        if isinstance(verbs, Receipting) and (job := self._once("receipt", partial(verbs.receipt, tag))):
            return job
        if not backend.capabilities.retrieval:
            return None  # jobs end with their process, and within it a tag makes one job
        if not (self.finds and isinstance(verbs, Finding)):
            if job := self.arrived(tag, self._policy.deadline):
                return job
            raise DoubtError(f"nobody can say whether {backend.name} has submit {tag}", provider=backend.name)
        give_up = time.monotonic() + self._policy.deadline
        while True:
            # A look that begins too early says nothing, however long it takes.
            left, sending = gone + self._policy.settle - time.monotonic(), _sending(tag)
            found: str | None = self._patiently("find", partial(verbs.find, tag))
            if found or (left <= 0 and not sending):
                return found
            if sending and time.monotonic() > give_up:
                text = f"submit {tag} is still on its way to {backend.name}, from this process"
                raise UnavailableError(text, provider=backend.name)
            time.sleep(min(LOOK_AGAIN, max(left, LOOK_SOON)))

    def arrived(self, tag: str, seconds: float) -> str | None:
        """Job id of a submit that this process has begun and nobody has waited for to the end; None says nothing."""
        underway = _underway.get(tag)
        if underway is None:
            return None
        try:
            return underway.result(seconds)
        except Exception:
            return None

    def seen(self, tag: str, seconds: float) -> str | None:
        """Job id of a submit that the vendor has by now, at one look; None says nothing."""
        verbs = self._backend
        if not (self.finds and isinstance(verbs, Finding)):
            return None
        with suppress(QadaptError):
            return self._once("find", partial(verbs.find, tag), seconds)
        return None

    def fetch(self, job: str) -> Pending | Done | Failed:
        """Look at a job.

        Raises:
            UnavailableError: The vendor does not answer.
            AccessError: The credentials do not suffice.
        """
        return self._patiently("fetch", lambda: self._backend.fetch(job))

    def adopt(self, job: str, works: Sequence[Work]) -> str:
        """Our id of a job that a person names by the vendor's.

        Raises:
            JobFailedError: It can be no job id.
        """
        backend = self._backend
        return self._once("adopt", lambda: backend.adopt(job, works)) if isinstance(backend, Adopting) else job

    def cancel(self, job: str, seconds: float | None = None) -> None:
        """Stop a job.

        Args:
            job: Its id.
            seconds: Deadline, if it is to be another one than the policy's.

        Raises:
            QadaptError: It may not have been stopped.
        """
        self._once("cancel", lambda: self._backend.cancel(job), seconds)

    def _handed(self, works: Sequence[Work], tag: str, meanwhile: Callable[[], None] | None) -> str:
        underway = _underway[tag] = Future[str]()

        def send() -> str:
            # Whoever waits may leave, by Ctrl-C or at the deadline; this goes on, and nothing is sent again meanwhile.
            try:
                job = self._backend.submit(works, tag=tag)
                if not isinstance(job, str) or not job:
                    name = self._backend.name
                    raise ProviderError(f"submit of {name} answered {job!r}, expected a job id", provider=name)
            except BaseException as error:
                underway.set_exception(error)
                raise
            underway.set_result(job)
            return job

        try:
            return self._once("submit", send, meanwhile=meanwhile)
        finally:
            if underway.done():
                _underway.pop(tag, None)

    def _found(self, tag: str, ended: ProviderError) -> str | None:
        """Job id of a submit that ends just now; the vendor's troubles here must not count as those of the submit."""
        try:
            return self.whereabouts(tag, time.monotonic())
        except DoubtError as error:
            text = f"{error}, which ended with {type(ended).__name__}: {ended}"
            raise DoubtError(text, provider=error.provider) from ended
        except ProviderError as error:
            raise LostError(f"submit {tag} may have arrived: {error}", provider=error.provider) from error

    def _once(
        self,
        verb: str,
        call: Callable[[], T],
        seconds: float | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> T:
        name, seconds = self._backend.name, seconds or self._policy.deadline
        try:
            return within(seconds, call, what=f"{verb} of {name}", provider=name, meanwhile=meanwhile)
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
            before_sleep=self._tell,
            retry=retry_if_exception_type(UnavailableError),
            stop=stop_after_attempt(policy.attempts),
            wait=wait_random_exponential(multiplier=policy.backoff, max=policy.longest_backoff),
            reraise=True,
        )

    def _tell(self, state: RetryCallState) -> None:
        """Say why nothing happens for a while."""
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0.0
        _log.warning("%s is not available, trying again in %.0f s: %s", self._backend.name, pause, error)


def _sending(tag: str) -> bool:
    """Whether this process is still sending a submit that nobody waits for any more."""
    underway = _underway.get(tag)
    return underway is not None and not underway.done()


def _doubtful(error: ProviderError) -> bool:
    """Whether the vendor may have taken a submit that ended with this error; only its own refusals are sure."""
    if isinstance(error, UnavailableError):
        return error.doubtful
    return not isinstance(error, AccessError | JobFailedError)
