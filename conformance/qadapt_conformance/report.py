"""Report: the verdicts of one run of the suite, with all that is needed to repeat and to judge it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from qadapt import Capabilities, Cost
from qadapt_conformance.tier import Tier
from qadapt_conformance.verdict import RuleVerdict, Verdict


class Report(BaseModel):
    """Verdicts on every rule, the unjudged ones included.

    Attributes:
        backend: Full name of the backend.
        target_hash: Content hash of its target.
        calibrated: When the target was calibrated, if it says so.
        ideal: Whether the target declares no noise.
        capabilities: What the backend declares.
        tier: How much of the suite was run.
        settings: The file that named the backend and its exclusions, as it was given; empty without one.
        spec: Version of the specification.
        seed: Seed of the run; with it the run repeats on a backend that declares seeds.
        alpha: Probability of anything wrong said about a right backend, at most.
        date: When the run ended.
        seconds: How long it took.
        jobs: Jobs that it submitted.
        cost: What they are estimated to cost.
        versions: Versions of the packages that took part.
        verdicts: One per rule, in the order of the specification.
    """

    model_config = ConfigDict(frozen=True)

    backend: str
    target_hash: str
    calibrated: datetime | None
    ideal: bool
    capabilities: Capabilities
    tier: Tier
    settings: str = ""
    spec: str
    seed: int
    alpha: float
    date: datetime
    seconds: float
    jobs: int
    cost: Cost
    versions: dict[str, str]
    verdicts: tuple[RuleVerdict, ...]

    def count(self, verdict: Verdict) -> int:
        """Number of rules with a verdict."""
        return sum(entry.verdict == verdict for entry in self.verdicts)

    def of(self, rule: str) -> RuleVerdict:
        """The verdict on one rule."""
        return next(entry for entry in self.verdicts if entry.rule == rule)

    @property
    def left(self) -> tuple[RuleVerdict, ...]:
        """Rules of the tier that were not judged."""
        open_ends = (Verdict.NOT_RUN, Verdict.UNDECIDED)
        return tuple(entry for entry in self.verdicts if entry.in_tier and entry.verdict in open_ends)

    @property
    def exit_code(self) -> int:
        """0 if every rule that applies conforms or is excluded, 1 if one is violated or none conforms, else 3."""
        if self.count(Verdict.VIOLATES) or not self.count(Verdict.CONFORMS):
            return 1
        return 3 if self.left else 0
