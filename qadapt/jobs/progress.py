"""Progress: how far a run is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done: Executions whose counts are here, shots not counted.
        total: Executions of the run.
        jobs: Jobs that are open at the vendor.
        position: Least place in the queue of those, where the vendor says so.
        until: When the vendor expects the first of those to have finished, where it says so.
    """

    done: int
    total: int
    jobs: int = 0
    position: int | None = None
    until: datetime | None = None


Show: TypeAlias = Callable[[Progress], None]
