"""Cost: what works would use of a machine and of a purse, as far as the vendor's published rules say."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Cost(BaseModel):
    """An estimate, or a sum of estimates.

    Attributes:
        shots: Shots in all: those of each row, times the rows.
        seconds: Time of the machine in seconds; None where the vendor counts none.
        dollars: Price in US dollars; None where the vendor names none.
        rules: The rules that were used, each with its date, as text for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    shots: Annotated[int, Field(ge=0)] = 0
    seconds: Annotated[float, Field(ge=0)] | None = None
    dollars: Annotated[float, Field(ge=0)] | None = None
    rules: tuple[str, ...] = ()

    def __add__(self, other: Cost) -> Cost:
        """Sum of both; what one of them does not know is not known of the sum."""
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(
            shots=self.shots + other.shots,
            seconds=_sum(self.seconds, other.seconds),
            dollars=_sum(self.dollars, other.dollars),
            rules=tuple(dict.fromkeys((*self.rules, *other.rules))),
        )


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


NOTHING = Cost(seconds=0.0, dollars=0.0)
"""What nothing costs, to begin a sum with."""
