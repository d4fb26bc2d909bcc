"""Options: how jobs are run on machines of the service, beyond what a work says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from qadapt.errors import NotSupportedError, TargetError
from qadapt.provider import Suppression

PREFIX = "QADAPT_IBM_"
"""Every option can be given as an environment variable of this prefix, as in ``QADAPT_IBM_MODE=batch``."""

LONGEST = 10_800
"""Most seconds of QPU time of a job (https://quantum.cloud.ibm.com/docs/guides/max-execution-time, a copy without a
date, read in November 2026)."""


class Options(BaseModel):
    """Options of the service; nothing that touches the counts is on by default.

    Attributes:
        mode: ``job`` queues every job by itself; ``batch`` groups them; ``session`` reserves the machine, and its whole
            length is charged. Batch and session are opened by the first submit and closed with the backend.
        max_time: Seconds that a batch or session stays open at most.
        dynamical_decoupling: Pulse sequence for idle qubits; None for none.
        twirl_gates: Twirl the two-qubit gates.
        twirl_measure: Twirl the measurements.
        randomizations: Random circuits per row when twirling; must divide the shots. None takes the largest divisor of
            the shots up to what IBM takes by itself.
        rep_delay: Seconds between two shots; None takes the machine's own.
        init_qubits: Reset the qubits before every shot.
        max_execution_time: Seconds of QPU time after which the service ends a job; None leaves it to the service.
        private: Nobody can read the job's input, and its results can be read once: a crash between reading and keeping
            them loses them.
        tags: Tags of every job, besides qadapt's own.
        dollars_per_minute: Price of a minute of QPU time in your contract, for estimates; None gives none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mode: Literal["job", "batch", "session"] = "job"
    max_time: Annotated[int, Field(ge=1)] | None = None
    dynamical_decoupling: Literal["XX", "XpXm", "XY4"] | None = None
    twirl_gates: bool = False
    twirl_measure: bool = False
    randomizations: Annotated[int, Field(ge=1)] | None = None
    rep_delay: Annotated[float, Field(ge=0)] | None = None
    init_qubits: bool = True
    max_execution_time: Annotated[int, Field(ge=1, le=LONGEST)] | None = None
    private: bool = False
    tags: tuple[str, ...] = ()
    dollars_per_minute: Annotated[float, Field(ge=0)] | None = None

    @field_validator("tags", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Tags in an environment variable are separated by commas."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Options:
        """Read options from environment variables; an empty one counts as not set.

        Raises:
            TargetError: A value is none that the option takes.
        """
        given = {name: environment.get(PREFIX + name.upper(), "") for name in cls.model_fields}
        try:
            return cls(**{name: value for name, value in given.items() if value})  # type: ignore[arg-type]
        except ValidationError as error:
            wrong = [f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors()]
            raise TargetError("bad options of ibm in the environment", violations=wrong) from None

    def suppressing(self, asked: Suppression) -> Options:
        """These options with what is asked for beside what they have.

        Raises:
            NotSupportedError: There is no such sequence of pulses.
        """
        given = {name: value for name, value in asked.model_dump().items() if value}
        try:
            return type(self)(**self.model_dump() | given)
        except ValidationError as error:
            wrong = error.errors()[0]
            raise NotSupportedError(f"ibm: {wrong['msg']}", capability=str(wrong["loc"][0])) from None

    def text(self) -> str:
        """What jobs depend on and is not the default, as in ``mode=batch, twirl_gates=True``: not tags, nor a price."""
        given = self.model_dump(exclude_defaults=True, exclude={"tags", "dollars_per_minute"})
        return ", ".join(f"{name}={value}" for name, value in given.items())

    @property
    def twirled(self) -> bool:
        """Whether anything is twirled."""
        return self.twirl_gates or self.twirl_measure

    def circuits(self, shots: int) -> int:
        """Random circuits that are run per row; 1 without twirling. IBM's own number: 32, of 64 shots or more each."""
        if not self.twirled:
            return 1
        if self.randomizations is not None:
            return self.randomizations
        most = -(-shots // max(64, -(-shots // 32)))
        return next(number for number in range(most, 0, -1) if shots % number == 0)

    def mitigation(self, shots: int) -> tuple[str, ...]:
        """What is done against errors, for the provenance."""
        twirled = f"twirling, {self.circuits(shots)} randomizations"
        said = {
            f"dynamical decoupling {self.dynamical_decoupling}": self.dynamical_decoupling is not None,
            f"gate {twirled}": self.twirl_gates,
            f"measurement {twirled}": self.twirl_measure,
        }
        return tuple(name for name, done in said.items() if done)

    def sampler(self, shots: int, tags: list[str]) -> dict[str, Any]:
        """Options of the client's ``Sampler``."""
        twirling: dict[str, Any] = {"enable_gates": self.twirl_gates, "enable_measure": self.twirl_measure}
        if self.twirled:
            circuits = self.circuits(shots)
            twirling |= {"num_randomizations": circuits, "shots_per_randomization": shots // circuits}
        decoupling: dict[str, Any] = {"enable": self.dynamical_decoupling is not None}
        if self.dynamical_decoupling is not None:
            decoupling["sequence_type"] = self.dynamical_decoupling
        return {
            "environment": {"job_tags": tags, "private": self.private},
            "execution": {"init_qubits": self.init_qubits, "rep_delay": self.rep_delay},
            "max_execution_time": self.max_execution_time,
            "twirling": twirling,
            "dynamical_decoupling": decoupling,
        }
