"""Mitigation: what is done against errors, as frozen data."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from qadapt.errors import BindingsError
from qadapt.provider import Suppression

Method: TypeAlias = Literal["linear", "richardson", "exponential"]


class Mitigation(BaseModel):
    """What is done against errors; nothing is on by default.

    Attributes:
        readout: Undo misreadings with confusion matrices: those of the target's ``calibration``, or measured on the
            same tiles, ``tensored`` from two circuits or ``full`` from one per outcome.
        depolarising: Undo the mixture with uniform outcomes: its strength as the target's ``calibration`` predicts it,
            or from ``references``, rows of known outcome on the same tiles in the same run.
        references: Reference rows per tile, in every repetition.
        scales: By what factors the errors of entangling gates are amplified, ascending from 1; shots are split evenly.
        extrapolation: How the results at these scales are taken to zero errors.
        twirl: Put random Paulis around every entangling gate, new ones in every row and repetition.
        rotate: Run every row on another tile in each repetition.
        repetitions: In how many parts the shots of every scale are run.
        constrain: Move what was estimated to the nearest probabilities, where estimates are negative.
        vendor: What the vendor is asked to do while jobs run; it says itself in the provenance what it did.

    Raises:
        BindingsError: Values that contradict each other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    readout: Literal["calibration", "tensored", "full"] | None = None
    depolarising: Literal["calibration", "references"] | None = None
    references: Annotated[int, Field(ge=1, le=64)] = 4
    scales: Annotated[tuple[Annotated[float, Field(ge=1)], ...], Field(min_length=1)] = (1.0,)
    extrapolation: Method = "linear"
    twirl: bool = False
    rotate: bool = False
    repetitions: Annotated[int, Field(ge=1)] = 1
    constrain: bool = True
    vendor: Suppression = Suppression()

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'value'}: {item['msg']}" for item in error.errors())
            raise BindingsError(f"bad mitigation: {wrong}") from None

    @model_validator(mode="after")
    def _check(self) -> Mitigation:
        if self.scales[0] != 1 or any(low >= high for low, high in zip(self.scales, self.scales[1:], strict=False)):
            raise ValueError(f"scales {self.scales} do not ascend from 1")
        if self.rotate and self.repetitions < 2:
            raise ValueError("rotation takes at least two repetitions")
        return self

    @property
    def parts(self) -> int:
        """In how many parts the shots of a row are split."""
        return len(self.scales) * self.repetitions

    @property
    def corrects(self) -> bool:
        """Whether counts are turned into something else than frequencies."""
        return self.readout is not None or self.depolarising is not None or len(self.scales) > 1

    def names(self) -> tuple[str, ...]:
        """What is done against errors, for the provenance."""
        times = f"{self.repetitions} repetitions"
        scales = ", ".join(f"{scale:g}" for scale in self.scales)
        said = {
            f"readout inversion, {self.readout}": self.readout is not None,
            "depolarising rescaling, calibration": self.depolarising == "calibration",
            f"depolarising rescaling, {self.references} references": self.depolarising == "references",
            f"zero-noise extrapolation, {self.extrapolation}, scales {scales}": len(self.scales) > 1,
            f"Pauli twirling, {times}": self.twirl,
            f"tile rotation, {times}": self.rotate,
            "projection on probabilities": self.corrects and self.constrain,
        }
        return tuple(name for name, done in said.items() if done)
