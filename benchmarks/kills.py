"""Runs of 200 chunks over the loopback clouds of IBM and Origin, killed 100 times each; see ``tests/killing``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where the clouds and the killing are

from benchmarks.tables import Limit, Table
from killing import Target, killed

ROWS, KILLS = 200, 100
ANSWER = 0.05
"""Seconds that a cloud takes to answer a submit, so that clients die while they wait for it."""
PRELOAD = ("qiskit_ibm_runtime.executor_sampler", "qadapt_ibm.service", "qadapt_origin.provider")


@dataclass(frozen=True)
class Killed:
    """One row of the page's table."""

    cloud: str
    chunks: int
    kills: int
    jobs_created: int
    lost_answers_found: int
    had_not_arrived: int
    shown_in_doubt: int
    rows_that_differ: int
    seconds: float


def comparisons() -> Iterator[Limit | Table]:
    """Yield a table and its bars for each cloud."""
    for cloud in (_ibm, _origin):
        with tempfile.TemporaryDirectory() as folder:
            row = cloud(Path(folder))
        yield Table("a run that is killed again and again", [row], "half of Origin's kills take its worker with them")
        yield Limit(f"{row.cloud}: rows that differ from the undisturbed run", row.rows_that_differ, 0, "rows")
        twice, note = row.jobs_created - row.chunks, "as many as were in doubt"
        yield Limit(f"{row.cloud}: jobs that were created twice", twice, row.shown_in_doubt, "jobs", note)


def _ibm(folder: Path) -> Killed:
    from clouds.ibm import MACHINE, IBMCloud

    with IBMCloud(["Queued"]) as cloud:
        cloud.latency[r"/jobs$"] = ANSWER
        backend, environment = f"ibm:{MACHINE}", dict(cloud.environment)
        return _killed(backend, environment, folder, lambda: sum(cloud.created().values()), most=0.6, group=0.0)


def _origin(folder: Path) -> Killed:
    from clouds.origin import Served

    with Served() as cloud:
        cloud.slow("submit", ANSWER)
        environment = {"ORIGIN_URL": cloud.url, "ORIGIN_API_KEY": cloud.key}
        return _killed("origin:WK_SMALL", environment, folder, lambda: cloud.made, most=0.3, group=0.5)


def _killed(
    backend: str, environment: dict[str, str], folder: Path, jobs: Callable[[], int], *, most: float, group: float
) -> Killed:
    environment = {**environment, "QADAPT_HOME": str(folder)}
    first, second = (Target(backend, environment, folder / name, ROWS) for name in ("whole", "killed"))
    whole = killed(first, kills=0, most=0.0, seed=1, preload=PRELOAD)
    before = jobs()
    outcome = killed(second, kills=KILLS, most=most, seed=1, group=group, preload=PRELOAD)
    return Killed(
        backend.partition(":")[0],
        ROWS,
        KILLS,
        jobs() - before,
        outcome.found,
        outcome.missing,
        outcome.doubts,
        int((outcome.table != whole.table).any(axis=1).sum()),
        outcome.seconds,
    )
