"""Every backend that needs no account under the conformance suite, offline and as a simulator, and what that takes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.tables import Limit, Table
from qadapt import registry
from qadapt_conformance import Tier, Verdict, run_suite

BARS = {Tier.OFFLINE: 15.0, Tier.SIMULATOR: 60.0}
"""Most seconds that a tier may take on one backend."""

GOOD = (Verdict.CONFORMS, Verdict.NOT_DECLARED)


@dataclass(frozen=True)
class Judged:
    """One row of the page's table."""

    backend: str
    tier: str
    conform: int
    not_declared: int
    other: str
    seconds: float


def reachable() -> Iterator[str]:
    """Yield the names of all backends of simulators that are there."""
    for provider in registry.known():
        yield from (f"{provider}:{target}" for target in registry.provider(provider).targets())


def judged(name: str, tier: Tier) -> Judged:
    """Run a tier on a backend."""
    began = time.perf_counter()
    with registry.using(name) as backend:
        report = run_suite(backend, tier=tier)
    mine = [entry for entry in report.verdicts if entry.in_tier]
    conform, closed = (sum(entry.verdict is each for entry in mine) for each in GOOD)
    other = ", ".join(f"{entry.rule} {entry.verdict}" for entry in mine if entry.verdict not in GOOD)
    return Judged(name, tier.value, conform, closed, other, time.perf_counter() - began)


def comparisons() -> Iterator[Limit | Table]:
    """Yield the verdicts on all backends, and the bars of the time."""
    warnings.simplefilter("ignore")
    rows = [judged(name, tier) for name in reachable() for tier in BARS]
    yield Table("backends under the conformance suite, one after the other", rows)
    yield Limit("backends and tiers with a rule that is not kept", sum(bool(row.other) for row in rows), 0, "pairs")
    for tier, bar in BARS.items():
        slowest = max((row for row in rows if row.tier == tier.value), key=lambda row: row.seconds)
        yield Limit(f"the tier {tier.value}, slowest backend", slowest.seconds, bar, "s", slowest.backend)
