"""InlineBackend: the verbs for backends that compute their results in this process."""

from __future__ import annotations

import uuid
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from importlib.metadata import version
from queue import SimpleQueue
from threading import Thread

from qadapt.errors import JobFailedError, NotSupportedError, ProviderError
from qadapt.provider import Done, Failed, Pending, Provenance, Result, Work, check_works
from qadapt.target import Capabilities, Target


class InlineBackend(ABC):
    """A backend whose jobs run one after the other on a thread of this process.

    A subclass says how one work is executed and how the vendor's exceptions read in our tree. Works are checked before
    the job is made, results before they are handed out.

    Attributes:
        packages: Distributions whose versions are part of the provenance.
        noise: What the simulator's noise stands for; None without noise.
    """

    packages: tuple[str, ...] = ("qadapt",)
    noise: str | None = None

    def __init__(self, name: str, target: Target, capabilities: Capabilities) -> None:
        self.name = name
        self.target = target
        self.capabilities = capabilities
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._jobs: dict[str, Future[tuple[Result, ...]]] = {}
        self._tags: dict[str, str] = {}

    @abstractmethod
    def execute(self, work: Work) -> Result:
        """Run one checked work."""

    def check(self, work: Work) -> None:  # noqa: B027 - most backends have nothing to add
        """Refuse one more kind of work that fits the target but not this simulator; nothing by default.

        Raises:
            QadaptError: The work cannot be executed.
        """

    def provenance(self, work: Work) -> Provenance:
        """What was done to a work that a simulator has run."""
        return Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=work.seed,
            simulated=True,
            noise=self.noise,
            calibrated=self.target.calibrated,
            versions={package: version(package) for package in self.packages},
        )

    def translate(self, error: Exception) -> ProviderError:
        """Put a vendor's exception into our tree."""
        return JobFailedError(f"{type(error).__name__}: {error}", provider=self.name)

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Start a job; a tag that was used before gives back its job instead of a second one."""
        check_works(work, self.target, self.capabilities)
        for item in work:
            self.check(item)
        if tag not in self._tags:
            job_id = self._tags[tag] = uuid.uuid4().hex
            future = self._jobs[job_id] = Future[tuple[Result, ...]]()
            self._queue.put(partial(self._run, future, tuple(work)))
            self._start()
        return self._tags[tag]

    def _start(self) -> None:
        """Start the one thread of this backend, which ends with it.

        One thread, because vendors keep state by thread; a daemon, so that Ctrl-C ends the process without waiting for
        a simulator that nobody waits for.
        """
        if self._thread is None:
            self._thread = Thread(target=_serve, args=(self._queue,), name=self.name, daemon=True)
            self._thread.start()
            weakref.finalize(self, self._queue.put, None)

    def _run(self, future: Future[tuple[Result, ...]], works: tuple[Work, ...]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(tuple(self._checked(work) for work in works))
        except BaseException as error:
            future.set_exception(error)

    def _checked(self, work: Work) -> Result:
        result = self.execute(work)
        rows = work.bindings.rows
        result.counts.check(rows=rows, widths=work.widths, shots=work.shots, provider=self.name)
        return result

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Look at a job."""
        future = self._jobs.get(job_id)
        if future is None:
            return Failed(JobFailedError(f"no job {job_id!r}", provider=self.name, job_id=job_id))
        if not future.done():
            return Pending()
        try:
            return Done(future.result())
        except CancelledError:
            return Failed(JobFailedError("the job was cancelled", provider=self.name, job_id=job_id))
        except ProviderError as error:
            error.job_id = job_id
            return Failed(error)
        except Exception as error:
            ours = self.translate(error)
            ours.job_id, ours.__cause__ = job_id, error
            return Failed(ours)

    def cancel(self, job_id: str) -> None:
        """Stop a job that has not started; one that runs or has finished stays as it is.

        Raises:
            NotSupportedError: The backend does not declare ``cancel``.
        """
        if not self.capabilities.cancel:
            raise NotSupportedError(f"{self.name} cannot cancel jobs", capability="cancel")
        future = self._jobs.get(job_id)
        if future is not None:
            future.cancel()


def _serve(queue: SimpleQueue[Callable[[], None] | None]) -> None:
    """Do what is queued until None comes; holds no backend, so that one that nobody needs can go."""
    while (call := queue.get()) is not None:
        call()
        del call
