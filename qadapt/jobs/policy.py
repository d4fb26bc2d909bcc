"""Policy: how patient a run is, how many jobs it keeps open, and what it does in doubt."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Seconds: TypeAlias = Annotated[float, Field(gt=0)]


class Policy(BaseModel):
    """How a run treats its vendor.

    Attributes:
        rows: Most rows of the source circuit in one submit; None leaves it to what the backend declares.
        jobs: Most jobs open at the same time; None leaves it to what the backend declares.
        deadline: Seconds that one call of the vendor may take.
        attempts: How often a call that finds the vendor unavailable is made, and how often works are sent whose job the
            vendor lost.
        backoff: Most seconds before the second attempt, drawn at random; doubled from attempt to attempt.
        longest_backoff: Most seconds between two attempts.
        settle: Seconds after a submit from which on a vendor that does not find its tag has surely not got it.
        in_doubt: What to do about a submit whose answer was lost where the vendor cannot be asked: ``hold`` shows it
            and leaves it, ``resend`` sends it again and may pay twice.
        cancel: Cancel open jobs on Ctrl-C; None cancels only those that nobody could fetch later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rows: Annotated[int, Field(ge=1)] | None = None
    jobs: Annotated[int, Field(ge=1)] | None = None
    deadline: Seconds = 120.0
    attempts: Annotated[int, Field(ge=1)] = 10
    backoff: Seconds = 1.0
    longest_backoff: Seconds = 60.0
    settle: Annotated[float, Field(ge=0)] = 30.0
    in_doubt: Literal["hold", "resend"] = "hold"
    cancel: bool | None = None


PATIENT = Policy()
"""What holds where nothing is said."""
