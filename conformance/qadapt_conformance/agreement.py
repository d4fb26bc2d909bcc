"""Agreement: what a comparison of several backends found, and which of them match.

Two sides match where they are no farther apart than what the noise of both explains (``matching``), and the counts of
neither say that it ran other circuits (``hearing``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import combinations

from pydantic import BaseModel, ConfigDict

from qadapt_conformance.case import Adapter
from qadapt_conformance.hearing import Hearing
from qadapt_conformance.matching import Match
from qadapt_conformance.verdict import Verdict

EXACT = "exact"
"""What stands for the closed form beside the backends."""


class Side(BaseModel):
    """One backend and what it did to the counts.

    Attributes:
        backend: Full name.
        target_hash: Content hash of its target.
        simulated: Whether a simulator made the counts.
        noise: What the noise stands for; None without any or on a machine.
        calibrated: When the target was calibrated, if it says so.
        applied: What was done to circuits or counts beyond running and counting, in words.
        versions: Packages that took part.
    """

    model_config = ConfigDict(frozen=True)

    backend: str
    target_hash: str
    simulated: bool
    noise: str | None
    calibrated: datetime | None
    applied: tuple[str, ...]
    versions: dict[str, str]


class LayerError(BaseModel):
    """How far the values of a layer are from the exact ones.

    Attributes:
        backend: Full name.
        error: ``|v - y| / |y|`` over all rows; v are the decoded values with the signs of the exact ones.
        shots: What shots alone would add, root mean square.
    """

    model_config = ConfigDict(frozen=True)

    backend: str
    error: float
    shots: float


class CircuitMatch(BaseModel):
    """One circuit on all backends.

    Attributes:
        name: Which adapter, and its size.
        rows: Rows that were run.
        shots: Shots per row.
        gates: Two-qubit gates of the native circuit, by backend.
        matches: Every backend with the closed form, then every pair of backends.
        layer: Error of the layer on every backend.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    rows: int
    shots: int
    gates: dict[str, int]
    matches: tuple[Match, ...]
    layer: tuple[LayerError, ...]


class MatchReport(BaseModel):
    """The same adapter on several backends.

    Attributes:
        adapter: Which one.
        spec: Version of the specification.
        alpha: Probability that two right sides are said to differ, at most: half of it for all distances together, half
            for all hearings.
        date: When the comparison ended.
        seed: Those of all runs follow from it.
        sides: The backends.
        hearings: What the counts of each of them say about which circuits it ran.
        circuits: What was run.
        versions: Versions of our own packages.
    """

    model_config = ConfigDict(frozen=True)

    adapter: Adapter
    spec: str
    alpha: float
    date: datetime
    seed: int
    sides: tuple[Side, ...]
    hearings: tuple[Hearing, ...]
    circuits: tuple[CircuitMatch, ...]
    versions: dict[str, str]

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every backend with the closed form, and every two backends."""
        return combinations([EXACT, *(side.backend for side in self.sides)], 2)

    def judged(self, first: str, second: str) -> tuple[str, ...]:
        """Circuits that can say of two sides that they match: the distance has a margin, and both were heard."""
        pair = {first, second}
        unheard = {name for each in self.hearings if each.backend in pair for name in each.unjudged}
        return tuple(
            circuit.name
            for circuit in self.circuits
            for each in circuit.matches
            if {each.first, each.second} == pair and each.margin is not None and circuit.name not in unheard
        )

    def verdict(self, first: str, second: str) -> Verdict:
        """What can be said of two sides: the worst of their distances, circuit by circuit, and of their hearings.

        A circuit on which noise explains any distance takes no part. It is undecided where a side was not heard, or
        no circuit was judged both ways.
        """
        pair = {first, second}
        matches = [each for circuit in self.circuits for each in circuit.matches if {each.first, each.second} == pair]
        found = {each.verdict for each in matches if each.margin is not None}
        found |= {each.verdict for each in self.hearings if each.backend in pair}
        if Verdict.VIOLATES in found:
            return Verdict.VIOLATES
        sure = found <= {Verdict.CONFORMS} and self.judged(first, second)
        return Verdict.CONFORMS if sure else Verdict.UNDECIDED

    @property
    def exit_code(self) -> int:
        """0 if all sides match, 1 if two surely do not, 3 if something is undecided."""
        found = {self.verdict(*pair) for pair in self.pairs}
        if Verdict.VIOLATES in found:
            return 1
        return 3 if Verdict.UNDECIDED in found else 0
