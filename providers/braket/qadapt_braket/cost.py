"""Cost: what AWS charges for quantum tasks on demand, by its published rules.

Prices change, and discounts, credits, hybrid jobs and reservations are not known here. AWS calls only its price list
binding; the price per shot is the one that the device itself names in its properties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qadapt.cost import Cost
from qadapt.provider import Work

TASK_DOLLARS = 0.30
"""Price of one task on any QPU in US dollars: the table of https://aws.amazon.com/braket/pricing/, from a copy without
a date, read in November 2026, that lists IonQ Forte, IQM Garnet and Rigetti Ankaa."""

TASK_RULE = (
    "Amazon Braket: 0.30 USD per quantum task on a QPU (aws.amazon.com/braket/pricing, undated copy, read 2026-11)"
)
PROGRAM_SET_RULE = "a program set is one quantum task (Amazon Braket Developer Guide, undated copy, read 2026-11)"


@dataclass(frozen=True)
class Price:
    """Price of a device.

    Attributes:
        shot: US dollars per shot; None where the device names none.
        source: Where that price is from and of when, for people.
    """

    shot: float | None
    source: str

    def cost(self, works: Sequence[Work], *, program_set: bool) -> Cost:
        """Estimate of one submit.

        Args:
            works: Works of the submit.
            program_set: Whether they are one task; otherwise every row is one.
        """
        rows = sum(work.bindings.rows for work in works)
        shots = sum(work.bindings.rows * work.shots for work in works)
        rules = (TASK_RULE, *((PROGRAM_SET_RULE,) if program_set else ()))
        if self.shot is None:
            return Cost(shots=shots, rules=(*rules, f"no price per shot: {self.source}"))
        tasks = 1 if program_set else rows
        dollars = tasks * TASK_DOLLARS + shots * self.shot
        return Cost(shots=shots, dollars=dollars, rules=(*rules, f"{self.shot:g} USD per shot ({self.source})"))
