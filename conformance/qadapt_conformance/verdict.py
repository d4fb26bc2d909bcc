"""Verdict: what can be said about one rule on one backend."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from qadapt_conformance.exclusion import Exclusion
from qadapt_conformance.finding import Finding


class Verdict(StrEnum):
    """What can be said about one rule on one backend."""

    CONFORMS = "CONFORMS"
    VIOLATES = "VIOLATES"
    UNDECIDED = "UNDECIDED"
    NOT_DECLARED = "NOT DECLARED"
    EXCLUDED = "EXCLUDED"
    NOT_RUN = "NOT RUN"


class RuleVerdict(BaseModel):
    """The verdict on one rule.

    Attributes:
        rule: Id of the rule.
        title: What it demands.
        verdict: What can be said.
        message: Why, for every verdict but CONFORMS.
        needs: Shots per row that would decide what is undecided; 0 if nothing is.
        in_tier: Whether the tier of the run has this rule; what it does not have is not run, and not held against the
            backend.
        findings: What the rule looked at, in order.
        exclusion: Why the rule may be violated, if the backend says so.
    """

    model_config = ConfigDict(frozen=True)

    rule: str
    title: str
    verdict: Verdict
    message: str = ""
    needs: int = 0
    in_tier: bool = True
    findings: tuple[Finding, ...] = ()
    exclusion: Exclusion | None = None

    @property
    def chapter(self) -> str:
        """Chapter of the specification, in lower case."""
        return self.rule.rsplit("-", 1)[0].lower()

    @property
    def looks(self) -> int:
        """Number of findings."""
        return len(self.findings)

    @property
    def p_value(self) -> float | None:
        """Smallest bound among the statistical findings; None without any."""
        return min((finding.p_value for finding in self.findings if finding.statistical), default=None)
