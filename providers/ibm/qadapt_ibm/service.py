"""Service: machines of the IBM Quantum service, through the client-side Sampler.

One submit is one job. Each work is a PUB, a circuit beside an array of angles. The client checks nothing (circuits that
do not fit, NaN, any number of shots are posted), so everything is checked here first. What a result needs to be read
travels with the circuits as metadata, so that any process can fetch a job by its id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from qadapt.counts import Counts, concatenate
from qadapt.errors import BadResultError, JobFailedError, NotSupportedError, ProviderError
from qadapt.provider import Done, Failed, Pending, Provenance, Result, Work, check_works
from qadapt.target import Capabilities, Target
from qadapt_ibm import read
from qadapt_ibm.errors import translate, vendor
from qadapt_ibm.lower import circuit_gates, directions, lower

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService, RuntimeJobV2

MAX_EXECUTIONS = 10_000_000
"""Rows times shots of one job; a limit of the service."""

_KEY = "qadapt"
_FINAL = ("DONE", "ERROR", "CANCELLED")


def service_target(machine: IBMBackend) -> Target:
    """Target of a machine of the service, with its latest calibration.

    Raises:
        TargetError: It lacks a native gate.
    """
    properties = machine.properties()
    return read.target(
        machine.name,
        machine.target,
        calibrated=None if properties is None else properties.last_update_date,
        source="IBM Quantum service",
    )


class ServiceBackend:
    """A machine of the service.

    Args:
        name: Full name of the backend.
        target: Its target.
        service: The client.
        machine: The client's object of the machine.
    """

    def __init__(self, name: str, target: Target, service: QiskitRuntimeService, machine: IBMBackend) -> None:
        self.name = name
        self.target = target
        self.capabilities = Capabilities(
            native_parameters=True, cancel=True, retrieval=True, max_executions=MAX_EXECUTIONS
        )
        self._service = service
        self._machine = machine

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Post the works as one job; a tag that the service knows gives back its job instead of a second one.

        Raises:
            QadaptError: The works do not fit, or need more than one job; or the service refused them.
        """
        check_works(work, self.target, self.capabilities)
        _check_job(work)
        with vendor(self.name):
            if known := self._service.jobs(limit=1, job_tags=[tag]):
                return str(known[0].job_id())
            return self._post(work, tag)

    def _post(self, work: Sequence[Work], tag: str) -> str:
        from qiskit_ibm_runtime.executor_sampler import Sampler

        sampler = Sampler(
            mode=self._machine,
            options={
                "environment": {"job_tags": [tag]},
                "twirling": {"enable_gates": False, "enable_measure": False},
                "dynamical_decoupling": {"enable": False},
            },
        )
        pubs = [pub for number, item in enumerate(work) for pub in self._pubs(item, number, len(work))]
        return str(sampler.run(pubs, shots=work[0].shots).job_id())

    def _pubs(self, work: Work, number: int, works: int) -> list[tuple[Any, ...]]:
        """PUBs of one work: one with all rows, or one for each row if there is nothing to bind."""
        names = [(_register(index), qubits) for index, qubits in enumerate(work.circuit.measured)]
        lowered = lower(circuit_gates(work.circuit), names, self.target.num_qubits, directions(self.target))
        lowered.circuit.metadata = {
            _KEY: {
                "work": number,
                "works": works,
                "rows": work.bindings.rows,
                "shots": work.shots,
                "circuit": work.circuit.content_hash,
                "qubits": [list(register) for register in work.circuit.measured],
            }
        }
        if lowered.symbols:
            return [(lowered.circuit, lowered.array(work.bindings))]
        return [(lowered.circuit,)] * work.bindings.rows

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Look at a job.

        Raises:
            UnavailableError: The service does not answer; nothing is known about the job.
            AccessError: The credentials do not suffice.
        """
        try:
            with vendor(self.name, job_id):
                job = self._service.job(job_id)
                status = str(job.status())
        except JobFailedError as error:
            return Failed(error)
        if status not in _FINAL:
            return Pending()
        if status != "DONE":
            return Failed(self._failure(job, job_id, status))
        with vendor(self.name, job_id):
            try:
                return Done(self._results(job.result(), _in_force(job)))
            except BadResultError as error:
                error.job_id = job_id
                return Failed(error)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                # The client parses what the service sent without checking it.
                bad = BadResultError(
                    f"the result cannot be read: {type(error).__name__}: {error}", provider=self.name, job_id=job_id
                )
                bad.__cause__ = error
                return Failed(bad)

    def _failure(self, job: RuntimeJobV2, job_id: str, status: str) -> ProviderError:
        if status == "CANCELLED":
            return JobFailedError("the job was cancelled", provider=self.name, job_id=job_id)
        try:
            said = str(job.error_message())
        except Exception as error:
            return translate(error, provider=self.name, job_id=job_id)
        return JobFailedError(said, provider=self.name, job_id=job_id)

    def _results(self, answer: Sequence[Any], calibrated: datetime | None) -> tuple[Result, ...]:
        """Results of every work from those of the PUBs."""
        parts: dict[int, list[Counts]] = {}
        heads: dict[int, Mapping[str, Any]] = {}
        for item in answer:
            head = item.metadata["circuit_metadata"][_KEY]
            names = [_register(index) for index in range(len(head["qubits"]))]
            rows, shots = (item.data.shape or (1,))[0], head["shots"]
            tables = read.registers(item.data, names, (rows, shots), provider=self.name)
            parts.setdefault(head["work"], []).append(Counts(tables, shots))
            heads[head["work"]] = head
        works = next((head["works"] for head in heads.values()), 0)
        if sorted(parts) != list(range(works)) or not works:
            raise BadResultError(f"results of works {sorted(parts)}, expected {works}", provider=self.name)
        return tuple(self._result(concatenate(parts[number]), heads[number], calibrated) for number in range(works))

    def _result(self, counts: Counts, head: Mapping[str, Any], calibrated: datetime | None) -> Result:
        qubits = tuple(tuple(int(qubit) for qubit in register) for register in head["qubits"])
        widths = [len(register) for register in qubits]
        counts.check(rows=head["rows"], widths=widths, shots=head["shots"], provider=self.name)
        return Result(
            counts,
            Provenance(
                backend=self.name,
                circuit_hash=head["circuit"],
                qubits=qubits,
                shots=head["shots"],
                seed=None,
                simulated=False,
                calibrated=calibrated,
                versions={name: version(name) for name in ("qadapt-ibm", "qiskit", "qiskit-ibm-runtime")},
            ),
        )

    def cancel(self, job_id: str) -> None:
        """Stop a job; one that has finished stays as it is.

        Raises:
            ProviderError: The service does not know the job, or did not answer.
        """
        from qiskit_ibm_runtime.exceptions import RuntimeInvalidStateError

        with vendor(self.name, job_id):
            try:
                self._service.job(job_id).cancel()
            except RuntimeInvalidStateError:
                return


def _check_job(work: Sequence[Work]) -> None:
    """Refuse what does not fit into one job.

    Raises:
        NotSupportedError: Works of different shots.
    """
    if len(shots := {item.shots for item in work}) > 1:
        raise NotSupportedError(
            f"works of {sorted(shots)} shots in one submit, IBM's Sampler takes one number",
            capability="mixed_shots",
            hint="submit works of equal shots together",
        )


def _register(number: int) -> str:
    """Name of the classical register of our register of this number."""
    return f"register{number}"


def _in_force(job: RuntimeJobV2) -> datetime | None:
    """Time of the calibration when the job ran; None where the service does not say."""
    try:
        properties = job.properties()
    except Exception:  # counts are not lost because a date is
        return None
    found: datetime | None = getattr(properties, "last_update_date", None)
    return found
