"""Timing: CPU seconds of two sides, as a ratio against a bar."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """One side against another.

    Attributes:
        title: What is done, and how often.
        ours: CPU seconds of qadapt.
        peer: Who the other side is, with its settings.
        theirs: CPU seconds of the peer for the same amount of work.
        bar: The ratio theirs / ours that we hold ourselves to.
        note: How the peer's time was obtained where it is not a plain measurement.
    """

    title: str
    ours: float
    peer: str
    theirs: float
    bar: float
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times faster we are."""
        return self.theirs / self.ours

    @property
    def met(self) -> bool:
        """Whether the bar is met."""
        return self.ratio >= self.bar


def cpu_seconds(work: Callable[[], object], *, repeats: int = 5, warm: bool = True) -> float:
    """Median CPU time of a call; one unmeasured call goes first where ``warm`` is set."""
    if warm:
        work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)
