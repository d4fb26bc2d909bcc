"""Cloud: Origin's chips as backends, through pyQPanda3's ``QCloudService``.

Works arrive on physical qubits in native gates and are sent as they are: the cloud's own mapping, optimisation and
readout correction are off unless a target's name asks for them. One submit is one task of one circuit with many rows;
the rows are its circuits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING

from qadapt.circuit import Circuit
from qadapt.cost import Cost
from qadapt.counts import Counts
from qadapt.errors import (
    AccessError,
    BadResultError,
    JobFailedError,
    ProviderError,
    QadaptError,
    TargetError,
    UnavailableError,
)
from qadapt.provider import Done, Failed, Pending, Provenance, Result, Work, check_row, check_works
from qadapt.target import Capabilities, Target
from qadapt_origin import answer, chip, readback
from qadapt_origin.credentials import KEY
from qadapt_origin.errors import sdk, translate
from qadapt_origin.faults import answered, malformed, unread, unsent
from qadapt_origin.lower import lower
from qadapt_origin.options import Options
from qadapt_origin.session import Session
from qadapt_origin.ticket import Ticket, task

if TYPE_CHECKING:
    from pyqpanda3.core.core import QProg

MAX_SHOTS = 20_000
"""Most shots of a circuit: ``shot`` is "range 10-20000" in the documentation of PilotOS, which runs the chips (Submit
Quantum Chip Computing Task, qcloud.originqc.com.cn/document/origin-pilotos-en, read in November 2026)."""
MAX_CIRCUITS = 200
"""Most circuits of a task, by pyQPanda3's documentation (qcloud.originqc.com.cn/document/pyqpanda3-docs, read in
November 2026); the client itself takes more."""
RULE = "Origin: no published price was found (looked for in November 2026)"

CAPABILITIES = Capabilities(
    max_shots=MAX_SHOTS, max_rows=MAX_CIRCUITS, max_works=1, max_jobs=2, cancel=True, retrieval=True
)
"""Of every chip. Two jobs keep a chip busy: one runs, one waits. A submit cannot be found by its tag: the client has no
request that lists tasks or asks for anything else than a task id."""

_PACKAGES = ("qadapt", "qadapt-origin", "pyqpanda3")


class CloudBackend:
    """One chip of Origin's cloud.

    Attributes:
        name: Full name, ``origin:chip`` with options.
        target: The chip as it was when it was opened.
        capabilities: The same for every chip.
    """

    def __init__(self, session: Session, chip_name: str, options: Options, target: Target) -> None:
        self.name = f"origin:{target.name}"
        self.target = target
        self.capabilities = CAPABILITIES
        self._session = session
        self._chip = chip_name
        self._options = options
        self._tags: dict[str, str] = {}

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Make a task of a work; a tag that this backend has used before gives back its job.

        Raises:
            UnavailableError: Nothing was sent, or, where ``doubtful``, nobody knows whether there is a task now.
            AccessError: The cloud refuses the key, or the account may not.
            JobFailedError: The cloud refuses the work.
        """
        check_works(work, self.target, self.capabilities)
        if tag in self._tags:
            return self._tags[tag]
        (one,) = work
        try:
            programs = list(_programs(one))
        except QadaptError:
            raise
        except Exception as error:
            raise translate(error, provider=self.name) from error
        try:
            found = self._session.submit(self._chip, programs, one.shots, self._options, tag)
        except Exception as error:
            raise unsent(error, provider=self.name) from error
        ticket = Ticket.of(found, one)
        if Ticket.read(ticket.job_id) != ticket:
            message = f"the cloud answered the submit with the task id {found!r}"
            raise UnavailableError(message, provider=self.name, doubtful=True)
        self._tags[tag] = ticket.job_id
        return ticket.job_id

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from the OriginIR that the client would send of it."""
        check_row(work, row, self.target, self.capabilities)
        try:
            return readback.sent(next(islice(_programs(work), row, None)), work.widths)
        except QadaptError:
            raise
        except Exception as error:
            raise unsent(error, provider=self.name) from error

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Look at a job.

        Raises:
            UnavailableError: Nothing is known about it.
            AccessError: The cloud refuses the key.
        """
        ticket = Ticket.read(job_id)
        if ticket is None:
            message = f"{job_id!r} is no job id of this backend"
            hint = "Origin's own task ids do not say which bits belong to which register"
            return Failed(JobFailedError(message, provider=self.name, job_id=job_id, hint=hint))
        try:
            text = self._session.answer(ticket.task)
        except Exception as error:
            if malformed(error):
                message = f"the result cannot be read: pyqpanda3: {error}"
                bad = BadResultError(message, provider=self.name, job_id=job_id)
                bad.__cause__ = error
                return Failed(bad)
            raise unread(error, provider=self.name, job_id=job_id) from error
        found = answer.read(text, ticket, corrected=self._options.correction, provider=self.name)
        if not isinstance(found, Counts):
            return found
        return Done((Result(found, self._provenance(ticket)),), raw=text.encode())

    def adopt(self, job: str, work: Sequence[Work]) -> str:
        """Our id of the job of a work, from Origin's own task id.

        Raises:
            JobFailedError: It can be no task id.
        """
        if Ticket.read(job) is not None:
            return job
        (one,), found = work, task(job)
        if found is None:
            raise JobFailedError(f"{job!r} can be no task id", provider=self.name, job_id=job)
        return Ticket.of(found, one).job_id

    def cancel(self, job_id: str) -> None:
        """Stop a job that has not finished; takes Origin's own task ids too.

        Raises:
            UnavailableError: The cloud does not answer.
            AccessError: The cloud refuses the key.
        """
        found = task(job_id)
        if found is None:
            return
        try:
            if self._session.cancel(found):
                return
            text = self._session.answer(found)
        except Exception as error:
            raise unread(error, provider=self.name, job_id=job_id) from error
        # The client says no more than "no", also where the key is not good.
        try:
            answer.read(text, Ticket(found, 1, 1, "0", ((0,),)), corrected=False, provider=self.name)
        except AccessError:
            raise
        except ProviderError:
            return

    def cost(self, work: Sequence[Work]) -> Cost:
        """Executions, which Origin counts; it publishes no price."""
        return Cost(shots=sum(one.bindings.rows * one.shots for one in work), rules=(RULE,))

    def identity(self) -> Mapping[str, str]:
        """Digest of the key and address of the cloud; the options are in the name."""
        return self._session.credentials.identity()

    def _provenance(self, ticket: Ticket) -> Provenance:
        options = self._options
        return Provenance(
            backend=self.name,
            circuit_hash=ticket.circuit_hash,
            qubits=ticket.qubits,
            shots=ticket.shots,
            seed=None,
            simulated=False,
            readout_correction=options.correction,
            vendor_mapping=options.mapping,
            vendor_optimisation=options.optimisation,
            mitigation=("crosstalk suppression (use_cz_pattern)",) if options.crosstalk else (),
            calibrated=self.target.calibrated,
            versions={package: version(package) for package in _PACKAGES},
        )


def _programs(work: Work) -> Iterator[QProg]:
    """One program per row; classical bit *k* is the *k*-th measured qubit, registers one after the other.

    No classical bit is left out: the cloud closes such gaps in its keys.
    """
    measure = sdk().measure
    measurements = [measure(qubit, bit) for bit, qubit in enumerate(work.circuit.bits)]
    for program in lower(work.circuit, work.bindings):
        for measurement in measurements:
            program.append(measurement)
        yield program


def open_chip(session: Session, name: str, chip_name: str, options: Options) -> CloudBackend:
    """Open a chip by what the cloud says of it now.

    Args:
        session: The account.
        name: Name of the target, with options.
        chip_name: Origin's name of the chip.
        options: What is asked of the cloud.

    Raises:
        TargetError: The cloud has no such chip, or none that qadapt can compile for.
        AccessError: The cloud refuses the key.
        UnavailableError: The chip is switched off, or the cloud does not answer.
    """
    provider = f"origin:{name}"
    online = _listed(session, provider)
    if chip_name not in online:
        hint = f"it has {', '.join(online)}" if online else "it has none for this account"
        raise TargetError(f"Origin's cloud has no chip {chip_name!r}", hint=hint)
    if not online[chip_name]:
        raise UnavailableError(f"{chip_name} is offline", provider=provider, doubtful=False)
    try:
        found = chip.target(session.chip(chip_name), name)
    except QadaptError:
        raise
    except Exception as error:
        if malformed(error):
            raise TargetError(f"what Origin's cloud says of {chip_name} cannot be read: {error}") from error
        raise unread(error, provider=provider) from error
    return CloudBackend(session, chip_name, options, found)


def online_chips(session: Session) -> dict[str, Target]:
    """Every chip that is online and that qadapt can compile for, by name; what else there is, is left out.

    Raises:
        AccessError: The cloud refuses the key.
        UnavailableError: The cloud does not answer.
    """
    found = {}
    for name in (name for name, online in _listed(session, "origin").items() if online):
        try:
            found[name] = chip.target(session.chip(name), name)
        except TargetError:
            continue
        except QadaptError:
            raise
        except Exception as error:
            if not answered(error):
                raise unread(error, provider="origin") from error
    return found


def _listed(session: Session, provider: str) -> dict[str, bool]:
    """Chips and whether they are online.

    Raises:
        AccessError: The cloud has not answered with the bare list that a good key gets.
        UnavailableError: The cloud does not answer.
    """
    try:
        return dict(session.chips())
    except QadaptError:
        raise
    except Exception as error:
        if not str(error).startswith("value is not array"):
            raise unread(error, provider=provider) from error
        message = "the cloud answered the question for its chips with an error, as it does to a key it does not know"
        raise AccessError(message, provider=provider, hint=f"check {KEY}") from error
