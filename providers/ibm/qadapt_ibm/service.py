"""Service: machines of the IBM Quantum service, through the client-side Sampler.

One submit is one job. Each work is a PUB, a circuit beside an array of angles. The client checks nothing (circuits that
do not fit, NaN, any number of shots are posted), so everything is checked here first.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import copy
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qadapt.circuit import Circuit
from qadapt.cost import Cost
from qadapt.errors import BadResultError, JobFailedError, ProviderError, TargetError, UnavailableError
from qadapt.provider import Done, Failed, Pending, Suppression, Work, check_row, check_works
from qadapt.target import Capabilities, Target
from qadapt_ibm import cost, limits, read, readback, results, wire
from qadapt_ibm.errors import translate, vendor
from qadapt_ibm.lower import Lowered, circuit_gates, directions, lower
from qadapt_ibm.modes import Mode
from qadapt_ibm.options import Options

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService, RuntimeJobV2

TAG = "qadapt"
"""Tag of every job, so that jobs of qadapt can be found as such."""

MAX_JOBS = 5
"""Jobs of one machine that the service prepares side by side;
https://quantum.cloud.ibm.com/docs/guides/execution-modes-faq."""

QUEUE_EVERY = 60.0
"""Seconds between two questions for a job's place in the queue, which take a request of their own."""

SAME = timedelta(minutes=1)
"""Jobs that ran so soon after one another are taken to have run on the same calibration."""

_FINAL = ("DONE", "ERROR", "CANCELLED")


def service_target(name: str, machine: IBMBackend, *, fractional: bool) -> Target:
    """Target of a machine of the service, with its latest calibration.

    Raises:
        TargetError: It lacks a native gate.
    """
    properties = machine.properties()
    return read.target(
        name,
        machine.target,
        calibrated=None if properties is None else properties.last_update_date,
        source="IBM Quantum service",
        fractional=fractional,
    )


class ServiceBackend:
    """A machine of the service; a context that closes its batch or session.

    Args:
        name: Full name of the backend.
        target: Its target.
        service: The client.
        machine: The client's object of the machine.
        options: How jobs are run.

    Raises:
        TargetError: The machine does not take the rep_delay of the options.
    """

    def __init__(
        self, name: str, target: Target, service: QiskitRuntimeService, machine: IBMBackend, options: Options
    ) -> None:
        self.name = name
        self.target = target
        self.capabilities = Capabilities(
            native_parameters=True,
            cancel=True,
            retrieval=True,
            find=True,
            max_executions=limits.MAX_EXECUTIONS,
            max_jobs=MAX_JOBS,
        )
        self.options = options
        _check_delay(machine, options)
        self._service = service
        self._instance = service.active_instance()
        self._machine = machine
        self._timing = cost.timing(machine)
        self._mode = Mode(machine, options)
        self._lowered = lru_cache(maxsize=32)(self._lower)  # a run sends the same circuit again and again
        self._tags: dict[str, str] = {}
        self._jobs: dict[str, RuntimeJobV2] = {}
        self._queue: dict[str, tuple[float, Pending]] = {}
        self._calibration: tuple[datetime, datetime | None] | None = None

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Post the works as one job; a tag that was submitted before in this process gives back its job.

        Raises:
            QadaptError: The works do not fit, or need more than one job; or the service refused them.
            UnavailableError: The service does not answer; ``doubtful`` says whether it may have the job all the same.
        """
        if tag in self._tags:
            return self._tags[tag]
        check_works(work, self.target, self.capabilities)
        limits.check_job(work, self.options)
        with wire.posting(self._machine) as post:
            try:
                with vendor(self.name):
                    job = self._run(work, tag, self._mode.get())
                    job_id = job.job_id()
                    if not _is_id(job_id):
                        raise UnavailableError(f"the service answered with the job id {job_id!r}", provider=self.name)
            except ProviderError as error:
                raise self._unposted(error, post) from error.__cause__
        self._tags[tag], self._jobs[job_id] = job_id, job
        return str(job_id)

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from what the client would post.

        Raises:
            NotSupportedError: It is twirled or decoupled, by the options.
            ProviderError: This version of the client asks for something before it posts.
        """
        check_row(work, row, self.target, self.capabilities)
        with vendor(self.name), wire.withholding() as kept:
            self._run([work], "", self._machine)
        if not kept:
            raise ProviderError("the client has made a request before it had the job together", provider=self.name)
        return readback.posted(kept[0], row)

    def _run(self, work: Sequence[Work], tag: str, mode: Any) -> RuntimeJobV2:
        from qiskit_ibm_runtime.executor_sampler import Sampler

        shots = work[0].shots
        pubs = [pub for number, item in enumerate(work) for pub in self._pubs(item, number, len(work))]
        options = self.options.sampler(shots, [tag, TAG, *self.options.tags])
        return Sampler(mode=mode, options=options).run(pubs, shots=shots)

    def _unposted(self, error: ProviderError, post: wire.Post) -> ProviderError:
        """What a submit that went wrong raises, by what is known about the post of its job."""
        if post.doubtful:
            # Also an answer that cannot be read: the service may well have meant a job id.
            return UnavailableError(error.args[0], provider=self.name, hint=error.hint, doubtful=True)
        if isinstance(error, UnavailableError):
            error.doubtful = False
            return error
        with suppress(Exception):
            if post.sent and self._mode.lapsed():
                said = f"the {self.options.mode} was closed by the service; the next job opens another one"
                return UnavailableError(said, provider=self.name, doubtful=False)
        return error

    def _pubs(self, work: Work, number: int, works: int) -> list[tuple[Any, ...]]:
        """PUBs of one work: one with all rows, or one for each row if there is nothing to bind."""
        lowered = self._lowered(work.circuit)
        circuit = copy(lowered.circuit)
        circuit.metadata = results.head(work, number, works, self.options)
        if lowered.symbols:
            return [(circuit, lowered.array(work.bindings))]
        return [(circuit,)] * work.bindings.rows

    def _lower(self, circuit: Circuit) -> Lowered:
        names = [(results.register(index), qubits) for index, qubits in enumerate(circuit.measured)]
        return lower(circuit_gates(circuit), names, self.target.num_qubits, directions(self.target))

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Look at a job: one request for one that is not finished, and now and then another for its place.

        Raises:
            UnavailableError: The service does not answer; nothing is known about the job.
            AccessError: The credentials do not suffice.
        """
        try:
            with vendor(self.name, job_id, UnavailableError):
                job = self._job(job_id)
                status = str(job.status())
            if status not in _FINAL:
                return self._pending(job, job_id)
            state = self._done(job, job_id) if status == "DONE" else Failed(self._failure(job, job_id, status))
        except JobFailedError as error:
            state = Failed(error)
        except ProviderError:
            # What the client remembers of a job whose request failed half way may be wrong.
            self._jobs.pop(job_id, None)
            raise
        self._jobs.pop(job_id, None)
        self._queue.pop(job_id, None)
        return state

    def _job(self, job_id: str) -> RuntimeJobV2:
        if not _is_id(job_id):
            raise JobFailedError(f"{job_id!r} is no job id", provider=self.name, job_id=job_id)
        if job_id not in self._jobs:
            self._jobs[job_id] = self._service.job(job_id)
        return self._jobs[job_id]

    def _pending(self, job: RuntimeJobV2, job_id: str) -> Pending:
        """Place in the queue, as the service last said; it is looked for every ``QUEUE_EVERY`` seconds."""
        asked, pending = self._queue.get(job_id, (None, Pending()))
        if asked is None or time.monotonic() - asked >= QUEUE_EVERY:
            with suppress(Exception):  # a place is no reason to know nothing of a job
                said = job.metrics()
                position = said.get("position_in_queue")
                pending = Pending(position if isinstance(position, int) else None, _time(said))
            self._queue[job_id] = time.monotonic(), pending
        return pending

    def _done(self, job: RuntimeJobV2, job_id: str) -> Done | Failed:
        """Read the results of a job.

        Raises:
            UnavailableError: They cannot be had now.
        """
        from qiskit_ibm_runtime.decoders.result_decoder import ResultDecoder

        class AsItCame(ResultDecoder):  # type: ignore[misc]
            """Gives what the service sent."""

            @classmethod
            def decode(cls, data: Any) -> Any:
                return data

        with vendor(self.name, job_id, UnavailableError):
            text = job.result(decoder=AsItCame)
        if not text:
            read_once = "; those of a private job can be read once" if self.options.private else ""
            raise UnavailableError(f"the job is done and has no results{read_once}", provider=self.name, job_id=job_id)
        try:
            answer = results.decoded(text, self.name)
            return Done(results.results(answer, self._in_force(job), self.name), text.encode())
        except BadResultError as error:
            error.job_id = job_id
            return Failed(error, text.encode())

    def _failure(self, job: RuntimeJobV2, job_id: str, status: str) -> ProviderError:
        if status == "CANCELLED":
            return JobFailedError("the job was cancelled", provider=self.name, job_id=job_id)
        try:
            job.result()
        except Exception as error:
            failure = translate(error, provider=self.name, job_id=job_id)
            failure.__cause__ = error
            return failure
        return JobFailedError("the job failed", provider=self.name, job_id=job_id)

    def _in_force(self, job: RuntimeJobV2) -> datetime | None:
        """Time of the calibration when the job ran; None where the service does not say.

        Jobs that ran within ``SAME`` after one another share an answer: it takes a long time to read.
        """
        with suppress(Exception):  # counts are not lost because a date is
            ran = datetime.fromisoformat(job.metrics()["timestamps"]["running"]).astimezone()
            if self._calibration is None or not timedelta(0) <= ran - self._calibration[0] <= SAME:
                found = self._machine.properties(datetime=ran)
                self._calibration = ran, None if found is None else found.last_update_date
            return self._calibration[1]
        return None

    def find(self, tag: str) -> str | None:
        """Job id of a submit by its tag, from any process; None if the service lists no job with it.

        Raises:
            UnavailableError: The service does not answer.
            AccessError: The credentials do not suffice.
        """
        with vendor(self.name, None, UnavailableError):
            found = self._service.jobs(limit=1, job_tags=[tag], instance=self._instance)
            if found and not _is_id(found[0].job_id()):
                raise UnavailableError(f"the service lists a job {found[0].job_id()!r}", provider=self.name)
            return str(found[0].job_id()) if found else None

    def cancel(self, job_id: str) -> None:
        """Stop a job; one that has finished stays as it is.

        Raises:
            ProviderError: The service does not know the job, or did not answer.
        """
        from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError

        with vendor(self.name, job_id, UnavailableError):
            try:
                # The client believes at once that a job is cancelled; what it is, the service says.
                job = self._job(job_id)
                del self._jobs[job_id]
                job.cancel()
            except RuntimeInvalidStateError:
                return

    def most_rows(self, circuit: Circuit, shots: int) -> int:
        """Most rows of a circuit that one job may hold, by the limits of executions and instructions."""
        return limits.most_rows(circuit, shots, self.options, self.capabilities.max_rows)

    def cost(self, work: Sequence[Work]) -> Cost:
        """Estimate of QPU time of one submit; of its price if the options give that of a minute; none in a session."""
        return cost.cost(work, self.target, self._timing, self.options)

    def suppressing(self, asked: Suppression) -> ServiceBackend:
        """The same backend with these options beside its own; a batch or session is the same one.

        Raises:
            NotSupportedError: There is no such sequence of pulses.
        """
        other = copy(self)
        other.options = self.options.suppressing(asked)
        return other

    def identity(self) -> Mapping[str, str]:
        """CRN of the instance, and the options that are not the defaults."""
        return {"instance": str(self._instance), "options": self.options.text()}

    def close(self) -> None:
        """Close the batch or session, if there is one; its jobs still run."""
        self._mode.close()

    def __enter__(self) -> ServiceBackend:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_id(job_id: object) -> bool:
    return isinstance(job_id, str) and bool(re.fullmatch(r"[\w-]+", job_id))


def _check_delay(machine: IBMBackend, options: Options) -> None:
    if options.rep_delay is None:
        return
    low, high = getattr(machine, "rep_delay_range", None) or (None, None)
    if not getattr(machine, "dynamic_reprate_enabled", False) or low is None or high is None:
        raise TargetError(f"{machine.name} takes no rep_delay")
    if not low <= options.rep_delay <= high:
        raise TargetError(f"rep_delay is {options.rep_delay} s, {machine.name} takes {low} to {high} s")


def _time(said: Any) -> datetime | None:
    """When a job is expected to have finished, by its metrics."""
    try:
        found = datetime.fromisoformat(said["estimated_completion_time"])
    except (KeyError, TypeError, ValueError):
        return None
    return found if found.tzinfo else None
