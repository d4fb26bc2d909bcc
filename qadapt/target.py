"""Target and Capabilities: what a machine is and what it can be asked for, as plain data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache, cached_property
from math import pi
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from qadapt.errors import TargetError
from qadapt.gates import GATES

DEAD = 0.5
"""An error rate from which a qubit or a coupler counts as dead; vendors mark broken ones by an error of 1."""

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Site(BaseModel):
    """One place where a native gate can act, with its calibration.

    Attributes:
        qubits: Physical qubits, in the gate's order.
        error: One minus the average gate fidelity; None where the vendor gives none.
        duration: In seconds; None where the vendor gives none.
    """

    model_config = _FROZEN

    qubits: tuple[int, ...]
    error: Probability | None = None
    duration: Seconds | None = None


class Qubit(BaseModel):
    """Calibration of one physical qubit: relaxation times in seconds and readout errors."""

    model_config = _FROZEN

    t1: Seconds | None = None
    t2: Seconds | None = None
    prob_meas1_prep0: Probability = 0.0
    prob_meas0_prep1: Probability = 0.0

    @property
    def readout_error(self) -> float:
        """Mean of the two readout errors."""
        return (self.prob_meas1_prep0 + self.prob_meas0_prep1) / 2


class Target(BaseModel):
    """A machine: its qubits, native gates, couplings and errors.

    Attributes:
        name: Name within its provider, as in ``fake_kingston``.
        num_qubits: Number of physical qubits.
        native: Names of the gates it runs, from the gate table.
        sites: Where each native gate acts. A gate that is not listed acts on any qubits without error, so a machine
            whose two-qubit gates are not listed couples all to all.
        ranges: Closed interval ``(low, high)`` in radians of the angles that a native gate of one angle takes; a gate
            that is not listed takes any angle.
        qubits: Calibration per qubit; empty for an ideal machine.
        calibrated: Time of the calibration.
        sample: Whether the numbers are a published sample rather than one machine's calibration.
        source: Where the numbers come from.
    """

    model_config = _FROZEN

    schema_version: Literal[1] = 1
    name: str
    num_qubits: Annotated[int, Field(ge=1)]
    native: tuple[str, ...]
    sites: Mapping[str, tuple[Site, ...]] = {}
    ranges: Mapping[str, tuple[float, float]] = {}
    qubits: tuple[Qubit, ...] = ()
    calibrated: datetime | None = None
    sample: bool = False
    source: str = ""

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            details = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
            raise TargetError("bad target", violations=details) from None

    @model_validator(mode="after")
    def _check(self) -> Target:
        wrong = [f"unknown native gate {name!r}" for name in self.native if name not in GATES]
        wrong += [f"sites of {name!r}, which is not native" for name in self.sites if name not in self.native]
        if self.qubits and len(self.qubits) != self.num_qubits:
            wrong.append(f"calibration of {len(self.qubits)} qubits for {self.num_qubits}")
        for name, sites in self.sites.items():
            arity = GATES[name].qubits if name in GATES else None
            for site in sites:
                bad = any(not 0 <= qubit < self.num_qubits for qubit in site.qubits)
                if bad or len(site.qubits) != arity or len(set(site.qubits)) != arity:
                    wrong.append(f"{name} on {site.qubits}")
        for name, (low, high) in self.ranges.items():
            if name not in self.native:
                wrong.append(f"range of {name!r}, which is not native")
            elif name in GATES and len(GATES[name].parameters) != 1:
                wrong.append(f"range of {name!r}, which has {len(GATES[name].parameters)} angles")
            if low > high:
                wrong.append(f"range of {name!r} from {low} to {high}")
        if wrong:
            raise TargetError(f"target {self.name!r} contradicts itself", violations=wrong)
        return self

    @cached_property
    def site(self) -> Mapping[tuple[str, tuple[int, ...]], Site]:
        """Every site by gate name and qubits."""
        return {(name, site.qubits): site for name, sites in self.sites.items() for site in sites}

    @cached_property
    def live_qubits(self) -> tuple[int, ...]:
        """Qubits on which every listed one-qubit gate and the readout work (error below ``DEAD``)."""
        dead = {
            site.qubits[0]
            for sites in self.sites.values()
            for site in sites
            if len(site.qubits) == 1 and (site.error or 0.0) >= DEAD
        }
        for name, sites in self.sites.items():
            if GATES[name].qubits == 1:
                dead |= set(range(self.num_qubits)) - {site.qubits[0] for site in sites}
        for index, qubit in enumerate(self.qubits):
            if max(qubit.prob_meas0_prep1, qubit.prob_meas1_prep0) >= DEAD:
                dead.add(index)
        return tuple(qubit for qubit in range(self.num_qubits) if qubit not in dead)

    @cached_property
    def couplings(self) -> Mapping[tuple[int, int], float] | None:
        """Error of each live coupler ``(low, high)``, best native entangling gate; None where all couple to all.

        A coupler is dead if its error is unknown or at least ``DEAD``, or if one of its qubits is dead.
        """
        entangling = [name for name in self.native if GATES[name].qubits == 2]
        if any(name not in self.sites for name in entangling):
            return None
        live, couplings = set(self.live_qubits), dict[tuple[int, int], float]()
        for name in entangling:
            for site in self.sites[name]:
                pair = (min(site.qubits), max(site.qubits))
                if site.error is not None and site.error < DEAD and live.issuperset(pair):
                    couplings[pair] = min(site.error, couplings.get(pair, 1.0))
        return couplings

    def couples(self, name: str, qubits: tuple[int, ...]) -> bool:
        """Whether a native entangling gate works on a pair of qubits, in either order.

        It does not if its error there is unknown or at least ``DEAD``, or if one of the qubits is dead. A coupling may
        be live through one of the entangling gates alone.
        """
        if name not in self.native or any(qubit not in self.live_qubits for qubit in qubits):
            return False
        sites = [self.site.get((name, pair)) for pair in (qubits, qubits[::-1])]
        errors = [site.error for site in sites if site is not None]
        return name not in self.sites or any(error is not None and error < DEAD for error in errors)

    def renamed(self, name: str) -> Target:
        """The same machine under another name."""
        return Target(**{**{field: getattr(self, field) for field in Target.model_fields}, "name": name})

    def __hash__(self) -> int:
        return hash(self.content_hash)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the JSON, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @cached_property
    def ideal(self) -> bool:
        """Whether nothing in this target deviates from the ideal machine."""
        return not self.qubits and not any(site.error for sites in self.sites.values() for site in sites)

    def gate_error(self, name: str, qubits: tuple[int, ...]) -> float:
        """Calibrated error of a gate on qubits in either order; 0 where the target gives none."""
        site = self.site.get((name, qubits)) or self.site.get((name, qubits[::-1]))
        return (site.error or 0.0) if site else 0.0

    def readout_error(self, qubit: int) -> float:
        """Mean readout error of a qubit; 0 where the target gives none."""
        return self.qubits[qubit].readout_error if self.qubits else 0.0

    def to_json(self) -> str:
        """Return this target as JSON; ``from_json`` gives an equal one back."""
        return self.model_dump_json(exclude_defaults=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Target:
        """Read a target from JSON.

        Raises:
            TargetError: The text is not a target.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise TargetError(f"not a target: {error}") from None


class Capabilities(BaseModel):
    """What a backend can be asked for; everything optional is closed by default.

    Attributes:
        max_shots: Most shots per row.
        max_rows: Most rows of one work.
        max_works: Most works of one submit.
        max_executions: Most executions, rows times shots, of all works of one submit together.
        max_jobs: Most jobs that are worth having open at the same time.
        seed: The seed of a work decides its counts.
        exact_sampling: Counts are drawn by ``qadapt.counts.sample`` from exact probabilities, so backends with this
            capability give identical counts for equal seeds.
        native_parameters: The vendor takes the angle array beside one circuit.
        cancel: A job can be cancelled.
        retrieval: A job id can be fetched from another process.
        find: A submit can be found by its tag from another process; the backend has the verb ``find``.
        mid_circuit_measurement: Measurements may be followed by gates.
        reset: Qubits can be reset.
        simulated: Results come from a simulator, not from a quantum machine.
    """

    model_config = _FROZEN

    max_shots: Annotated[int, Field(ge=1)] = 1_000_000
    max_rows: Annotated[int, Field(ge=1)] = 65_536
    max_works: Annotated[int, Field(ge=1)] = 64
    max_executions: Annotated[int, Field(ge=1)] = 1_000_000_000_000
    max_jobs: Annotated[int, Field(ge=1)] = 2
    seed: bool = False
    exact_sampling: bool = False
    native_parameters: bool = False
    cancel: bool = False
    retrieval: bool = False
    find: bool = False
    mid_circuit_measurement: bool = False
    reset: bool = False
    simulated: bool = False


RZZ_RANGE = (0.0, pi / 2)
"""Angles of the native rzz of a Heron."""

_HERONS = ("heron-r2", "heron-r3")


def fractional(heron: Target) -> Target:
    """The same machine with its fractional gates, rx of any angle and rzz of 0 to pi/2, as ``<name>-fractional``.

    IBM's published snapshots hold no calibration of these gates, so it is assumed: rx has the errors and durations of
    sx, rzz those of cz.
    """
    fields = {field: getattr(heron, field) for field in Target.model_fields}
    return Target(
        **fields
        | {
            "name": f"{heron.name}-fractional",
            "native": (*heron.native, "rx", "rzz"),
            "sites": {**heron.sites, "rx": heron.sites["sx"], "rzz": heron.sites["cz"]},
            "ranges": {"rzz": RZZ_RANGE},
            "sample": True,
            "source": (
                f"{heron.source} Assumption: rx has the errors and durations of sx, rzz those of cz, at every angle; "
                "the snapshot has no calibration of these two gates."
            ),
        }
    )


@cache
def bundled_targets() -> Mapping[str, Target]:
    """Targets that ship with qadapt, by name."""
    folder = Path(__file__).parent / "data" / "targets"
    read = {path.stem: Target.from_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))}
    made = [fractional(target) for name, target in read.items() if name in _HERONS]
    return read | {target.name: target for target in made}
