"""The seam: the four verbs that a vendor implements, and the plain data that cross it.

Everything else (waiting, chunking, packing, retries, decoding) lives once, above this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter
from qadapt.cost import Cost
from qadapt.counts import Counts
from qadapt.errors import BindingsError, NotSupportedError, ProviderError, TargetError
from qadapt.target import Capabilities, Target

SLACK = 1e-11
"""By how much of a bound an angle may lie beyond its gate's range: the rounding of a bound like pi/2. 0 rounds to 0, so
a range from 0 takes no negative angle."""

MOST_SHOTS = 2**53
"""Most shots per row: what a float64 still counts one by one."""


@dataclass(frozen=True, eq=False)
class Work:
    """A compiled circuit on physical qubits with native gates, its angles, shots and seed.

    Attributes:
        circuit: Native circuit; its qubits are the target's physical qubits.
        bindings: Values of the circuit's parameters, one row per execution.
        shots: Shots per row.
        seed: Seed of the counts; None lets the backend choose.
    """

    circuit: Circuit
    bindings: Bindings
    shots: int
    seed: int | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of each measured register."""
        return tuple(len(register) for register in self.circuit.measured)


class Provenance(BaseModel):
    """What was done to a result.

    Attributes:
        backend: Full name, ``provider:target``.
        circuit_hash: Content hash of the circuit that was run.
        qubits: Physical qubits that were measured, register by register.
        shots: Shots per row.
        seed: Seed that decided the counts; None where none did.
        simulated: The counts come from a simulator.
        noise: What the simulator's noise stands for; None without noise or on a machine.
        readout_correction: The vendor corrected readout errors.
        vendor_mapping: The vendor may have moved the circuit to other qubits.
        vendor_optimisation: The vendor may have rewritten the circuit.
        mitigation: Names of the error mitigation that was applied.
        calibrated: Time of the calibration in force, where known.
        versions: Versions of the packages that took part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: str
    circuit_hash: str
    qubits: tuple[tuple[int, ...], ...]
    shots: int
    seed: int | None
    simulated: bool
    noise: str | None = None
    readout_correction: bool = False
    vendor_mapping: bool = False
    vendor_optimisation: bool = False
    mitigation: tuple[str, ...] = ()
    calibrated: datetime | None = None
    versions: Mapping[str, str] = {}


@dataclass(frozen=True, eq=False)
class Result:
    """Counts of one work and what was done to them."""

    counts: Counts
    provenance: Provenance


@dataclass(frozen=True)
class Pending:
    """The job is queued or running.

    Attributes:
        position: Its place in the queue, where the vendor says so.
        until: When the vendor expects it to have finished, where it says so.
    """

    position: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, eq=False)
class Done:
    """The job has finished.

    Attributes:
        results: One per work, in order.
        raw: What the vendor answered, as it came, for the ledger; None where there is no more than the results.
    """

    results: tuple[Result, ...]
    raw: bytes | None = None


@dataclass(frozen=True, eq=False)
class Failed:
    """The job will not finish, or its results are none.

    Attributes:
        error: Why; an ``UnavailableError`` says that the job is gone and the same works may do better in a new one.
        raw: What the vendor answered, where it answered with results that are none.
    """

    error: ProviderError
    raw: bytes | None = None


@runtime_checkable
class Backend(Protocol):
    """One opened target."""

    @property
    def name(self) -> str:
        """Full name, ``provider:target``."""

    @property
    def target(self) -> Target:
        """What the machine is."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can be asked for."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Hand over works and return a job id at once.

        Args:
            work: Works to run; results come back in this order.
            tag: Unique per submit, so that a submit whose answer was lost can be found again.

        Raises:
            QadaptError: The works do not fit (before any vendor code runs), or the vendor refused them.
        """

    def fetch(self, job_id: str) -> Pending | Done | Failed:
        """Look at a job; never waits, and never raises for a state of the job."""

    def cancel(self, job_id: str) -> None:
        """Stop a job that has not finished; a finished one stays as it is.

        Raises:
            NotSupportedError: The backend does not declare ``cancel``.
        """


@runtime_checkable
class Finding(Protocol):
    """A backend that finds submits by their tags; declared as ``Capabilities.find``."""

    def find(self, tag: str) -> str | None:
        """Job id of a submit; None if the vendor has surely got none with this tag.

        Raises:
            UnavailableError: The vendor does not answer.
        """


@runtime_checkable
class Identified(Protocol):
    """A backend whose jobs depend on more than its name; a run is taken up only where all of it is the same."""

    def identity(self) -> Mapping[str, str]:
        """Account and options by name, as text for people; no secrets. Asks nothing of the network a second time."""


@runtime_checkable
class Adopting(Protocol):
    """A backend whose job ids say more than the vendor's own."""

    def adopt(self, job: str, work: Sequence[Work]) -> str:
        """Our id of the job of some works that a person names by the vendor's id; an id of ours stays as it is.

        Raises:
            JobFailedError: It can be no job id.
        """


@runtime_checkable
class Receipting(Protocol):
    """A backend that writes down which job each submit made, where a crash of this process does not reach."""

    def receipt(self, tag: str) -> str | None:
        """Job id of a submit; None says nothing."""


@runtime_checkable
class Costing(Protocol):
    """A backend that knows what its vendor charges; optional, read before anything is sent."""

    def cost(self, work: Sequence[Work]) -> Cost:
        """Estimate of one submit by the vendor's published rules; asks nothing of the network.

        It depends on circuits, rows and shots, not on angles.
        """


@runtime_checkable
class Closing(Protocol):
    """A backend that holds something open, as a session or a process; optional, closed by whoever opened it."""

    def close(self) -> None:
        """Give it back; jobs go on where the vendor lets them."""


@runtime_checkable
class Limiting(Protocol):
    """A backend with limits that depend on the circuit; optional, beside those of ``Capabilities``."""

    def most_rows(self, circuit: Circuit, shots: int) -> int:
        """Most rows of this circuit that one submit may hold, at least 1."""


class Suppression(BaseModel):
    """What a vendor is asked to do against errors while jobs run; nothing by default.

    Attributes:
        dynamical_decoupling: Pulse sequence for idle qubits, by the vendor's name, as ``XY4``; None for none.
        twirl_gates: Twirl the two-qubit gates.
        twirl_measure: Twirl the measurements.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dynamical_decoupling: str | None = None
    twirl_gates: bool = False
    twirl_measure: bool = False


@runtime_checkable
class Suppressing(Protocol):
    """A backend whose vendor does something against errors while jobs run, if asked; optional."""

    def suppressing(self, asked: Suppression) -> Backend:
        """The same backend, whose jobs run so; what it holds open is shared, and closed with the first one.

        What was done is in the provenance of its results, and in the identity of the backend if it has one.

        Raises:
            NotSupportedError: The vendor does not offer it.
        """


@runtime_checkable
class Lowering(Protocol):
    """A backend that can say what it makes of a work; optional, held against the work by the conformance suite."""

    def lowered(self, work: Work, row: int) -> Circuit:
        """The circuit that the vendor would get for one row of a work, all angles bound; nothing is sent or run.

        It is read back from the vendor's own form of the whole work, objects or better the text that would be sent,
        made by the code that makes it for ``submit``; nothing is asked of the network. Qubits are the target's and
        registers are as measured. Gates may be others that do the same up to global phase, fences may be gone, and so
        may gates on qubits that gates do not connect to a measured one.

        Raises:
            QadaptError: The work does not fit.
            BindingsError: It has no such row.
            NotSupportedError: What would be sent is no single circuit, or holds more than a circuit can.
        """


@runtime_checkable
class Provider(Protocol):
    """One vendor."""

    @property
    def name(self) -> str:
        """Name before the colon of a backend name."""

    def targets(self) -> Mapping[str, Target]:
        """Targets that can be reached now, by name; offline ones always."""

    def open(self, target: str) -> Backend:
        """Open a target by name.

        Raises:
            TargetError: There is no such target.
            AccessError: It cannot be opened with the credentials at hand.
        """


class Requirements(BaseModel):
    """What a provider needs from the machine it runs on, beyond the packages that its distribution names.

    Attributes:
        modules: Vendor modules that it imports when it is used.
        credentials: Environment variables that may hold credentials of the vendor.
        secrets: Those of them whose values must appear in no message, log or file.
        files: Files that may hold them; ``~`` is the home folder.
        libraries: Shared libraries that the vendor modules load on Linux, and the Debian package of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    modules: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    libraries: Mapping[str, str] = {}


@runtime_checkable
class Requiring(Protocol):
    """A provider that says what it needs; optional, read by ``qadapt doctor``."""

    def requirements(self) -> Requirements:
        """What has to be there; says so without importing vendor code."""


def check_works(works: Sequence[Work], target: Target, capabilities: Capabilities) -> None:
    """Refuse works that do not fit, before any vendor code sees them.

    Raises:
        BindingsError: Missing or extra parameters, angles that are not finite or that the native gate does not take.
        TargetError: Gates that are not native or constant angles that they do not take, qubits that are not coupled or
            out of range, nothing measured.
        NotSupportedError: Too many shots, rows, works or executions.
    """
    if not 1 <= len(works) <= capabilities.max_works:
        raise NotSupportedError(
            f"{len(works)} works in one submit, {target.name} takes 1 to {capabilities.max_works}",
            capability="max_works",
        )
    for work in works:
        check_angles(work.circuit, work.bindings.check(work.circuit.parameters))
        check_shots(work.shots, work.seed)
        for asked, most, capability in (
            (work.shots, capabilities.max_shots, "max_shots"),
            (work.bindings.rows, capabilities.max_rows, "max_rows"),
        ):
            if asked > most:
                raise NotSupportedError(f"{asked} exceeds {capability}={most} of {target.name}", capability=capability)
        if wrong := violations(work.circuit, target):
            raise TargetError(f"the circuit does not fit {target.name}", violations=wrong)
        check_ranges(work.circuit, work.bindings, target)
    executions = sum(work.bindings.rows * work.shots for work in works)
    if executions > capabilities.max_executions:
        raise NotSupportedError(
            f"{executions} executions (rows times shots) exceed max_executions={capabilities.max_executions} of "
            f"{target.name}",
            capability="max_executions",
            hint="submit fewer rows or shots at once",
        )


def check_row(work: Work, row: int, target: Target, capabilities: Capabilities) -> None:
    """Refuse to lower a work that does not fit, or a row that it does not have.

    Raises:
        QadaptError: As ``check_works`` does.
        BindingsError: There is no such row.
    """
    check_works([work], target, capabilities)
    if not 0 <= row < work.bindings.rows:
        raise BindingsError(f"row {row} of a work with {work.bindings.rows} rows")


def check_shots(shots: int, seed: int | None) -> None:
    """Refuse shots and seeds that are not whole numbers in range.

    Raises:
        BindingsError: Shots below 1, a negative seed, or one of another type.
    """
    if isinstance(shots, bool) or not isinstance(shots, int) or not 1 <= shots <= MOST_SHOTS:
        raise BindingsError(f"shots is {shots!r}, expected a whole number from 1 to {MOST_SHOTS}")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
        raise BindingsError(f"seed is {seed!r}, expected None or a whole number of at least 0")


def check_angles(circuit: Circuit, bindings: Bindings) -> None:
    """Refuse bindings that make an angle of the circuit something else than a finite number.

    Angles are looked at in the circuit as it was written: a compiler may fold a bad one into a rotation that no count
    shows. Finite values can overflow in an affine parameter.

    Raises:
        BindingsError: An angle is not finite.
    """
    parameters = dict.fromkeys(p for operation in circuit.operations for p in operation.parameters)
    with np.errstate(all="ignore"):
        largest = bindings.largest()
        # No angle is larger than this, and rounding keeps the order; one that is no number makes this none.
        if isfinite(max((abs(p.scale) * largest + abs(p.offset) for p in parameters), default=0.0)):
            return
        for parameter in parameters:
            angles = parameter.scale * bindings.columns[parameter.name] + parameter.offset
            if not np.isfinite(angles).all():
                raise BindingsError(f"parameter {parameter.name!r} gives an angle that is not finite")


def check_ranges(circuit: Circuit, bindings: Bindings, target: Target) -> None:
    """Refuse bindings that give a native gate an angle outside its range, by more than the rounding ``SLACK`` allows.

    Raises:
        BindingsError: A bound angle is outside.
    """
    ranged = (operation for operation in circuit.operations if operation.gate in target.ranges)
    for gate, parameter in dict.fromkeys((operation.gate, p) for operation in ranged for p in operation.parameters):
        angles = parameter.scale * bindings.columns[parameter.name] + parameter.offset
        bounds = target.ranges[gate]
        for angle in (float(angles.min()), float(angles.max())):
            if not _within(angle, bounds):
                raise BindingsError(
                    f"parameter {parameter.name!r} turns {gate} by {angle:.12g}, allowed are {_interval(bounds)}",
                    hint="a compiled circuit folds every angle into the range",
                )


def _within(angle: float, bounds: tuple[float, float]) -> bool:
    low, high = bounds
    return low - SLACK * abs(low) <= angle <= high + SLACK * abs(high)


def _interval(bounds: tuple[float, float]) -> str:
    return f"[{bounds[0]:.12g}, {bounds[1]:.12g}]"


def violations(circuit: Circuit, target: Target) -> list[str]:
    """Everything about a circuit that the target cannot run; empty if it fits."""
    wrong = [] if circuit.measured else ["nothing is measured"]
    used = {qubit for operation in circuit.operations for qubit in operation.qubits} | set(circuit.bits)
    wrong += [f"qubit {qubit} of {target.num_qubits}" for qubit in sorted(used) if qubit >= target.num_qubits]
    native = set(target.native)
    live = set(target.live_qubits)
    dead = sorted(qubit for qubit in used if qubit < target.num_qubits and qubit not in live)
    wrong += [f"qubit {qubit} is dead" for qubit in dead]
    couplings = target.couplings
    for name, qubits in dict.fromkeys((operation.gate, operation.qubits) for operation in circuit.gates()):
        if name not in native:
            wrong.append(f"{name} is not native, native are {', '.join(target.native)}")
        elif len(qubits) == 2 and couplings is not None and (min(qubits), max(qubits)) not in couplings:
            wrong.append(f"{name} on {qubits}: no live coupler")
        elif (
            len(qubits) > 1 and name in target.sites and not target.site.keys() & {(name, qubits), (name, qubits[::-1])}
        ):
            wrong.append(f"{name} does not act on {qubits}")
    for operation in circuit.gates():
        if bounds := target.ranges.get(operation.gate):
            wrong += [
                f"{operation.gate} by {angle:.12g} on {operation.qubits}, allowed are {_interval(bounds)}"
                for angle in operation.angles
                if not isinstance(angle, Parameter) and not _within(angle, bounds)
            ]
    return list(dict.fromkeys(wrong))
