"""Budget: what a run may cost, and what it will cost by the vendor's rules, before anything is sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from math import isfinite
from operator import add
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from qadapt.cost import NOTHING, Cost
from qadapt.errors import BudgetError
from qadapt.jobs.plan import Plan
from qadapt.jobs.records import Chunk, Event, State
from qadapt.provider import Backend, Costing

UNITS: Mapping[str, str] = MappingProxyType({"shots": "shots", "s": "seconds", "usd": "dollars"})
"""What a number in a budget's text limits, by what stands behind it."""


class Budget(BaseModel):
    """Most of everything that a run may use; None sets no limit.

    Attributes:
        shots: Shots in all: those of each row, times the rows.
        seconds: Time of the machine.
        dollars: Price in US dollars.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    shots: Annotated[int, Field(ge=0)] | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None
    dollars: Annotated[float, Field(ge=0)] | None = None

    @classmethod
    def of(cls, budget: Budget | str | None) -> Budget | None:
        """A budget as it is, or read from text.

        Raises:
            BudgetError: It is neither.
        """
        if budget is None or isinstance(budget, Budget):
            return budget
        if isinstance(budget, str):
            return cls.parse(budget)
        raise BudgetError(f"a budget is a Budget or text such as '20usd', not {type(budget).__name__}")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read limits such as ``20usd``, ``300s``, ``1e6shots`` or ``20usd,300s``.

        Raises:
            BudgetError: The text is something else.
        """
        limits: dict[str, float] = {}
        for part in text.split(","):
            match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([a-z]*)\s*", part.lower())
            try:
                name, number = (UNITS[match[2]], float(match[1])) if match else ("", 0.0)
            except (KeyError, ValueError):
                name, number = "", 0.0
            if not name or name in limits or not isfinite(number):
                raise BudgetError(f"{text!r} is no budget", hint="write 20usd, 300s, 1e6shots, or several with commas")
            limits[name] = number
        shots = limits.get("shots")
        return cls(
            shots=None if shots is None else int(shots),
            seconds=limits.get("seconds"),
            dollars=limits.get("dollars"),
        )

    def check(self, cost: Cost, *, free: bool) -> None:
        """Refuse a cost that is above a limit, or unknown where there is one.

        Args:
            cost: Of the whole run, with what it has used already.
            free: The backend is a simulator, which takes neither money nor time of a machine.

        Raises:
            BudgetError: The run would cost more than it may.
        """
        said, unknown = list[str](), list[str]()
        for name, unit in (("shots", "shots"), ("seconds", "s of the machine"), ("dollars", "US dollars")):
            limit, asked = getattr(self, name), getattr(cost, name)
            if limit is None or (asked is None and free):
                continue
            if asked is None:
                unknown.append(unit)
                said.append(f"nobody says how many {unit} it takes, and {limit:,.12g} are allowed")
            elif asked > limit:
                said.append(f"it takes {asked:,.12g} {unit}, {limit:,.12g} are allowed")
        hints = ["raise it, or send fewer rows"] * (len(said) > len(unknown))
        if unknown:
            hints.append(f"limit something else than {' and '.join(unknown)}, as shots")
        if said:
            known = "is" if len(said) > len(unknown) else "may be"
            raise BudgetError(f"the run {known} over its budget: {'; '.join(said)}", hint="; ".join(hints))


def estimate(plan: Plan, backend: Backend) -> list[Cost]:
    """Cost of each chunk by the vendor's rules; asks nothing of the network."""
    if isinstance(backend, Costing):
        known: dict[tuple[int, ...], Cost] = {}
        costs = []
        for number, cut in enumerate(plan.chunks):
            size = tuple(stop - start for start, stop in cut)
            if size not in known:
                known[size] = backend.cost(plan.works(number))
            costs.append(known[size])
        return costs
    return [Cost(shots=plan.size(number) * plan.work.shots) for number in range(len(plan.chunks))]


def total(costs: Iterable[Cost]) -> Cost:
    """Sum of estimates."""
    return reduce(add, costs, NOTHING)


def spent(chunks: Sequence[Chunk], events: Iterable[Event]) -> Cost:
    """What a run has used, submits in doubt and failed jobs included: a vendor may charge for them."""
    last = {(event.chunk, event.attempt): event.state for event in events}
    sends = Counter(number for (number, _), state in last.items() if state is not State.PLANNED)
    return total(chunk.cost for chunk in chunks for _ in range(sends[chunk.number]))
