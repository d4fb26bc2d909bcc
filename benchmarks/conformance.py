"""The conformance suite itself: how many mutants it catches, how long that takes, and that right backends pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.false_alarms import BACKENDS, campaign
from benchmarks.tables import Limit, Table
from qadapt.home import home
from qadapt_conformance.matrix import KillMatrix, run_matrix

EMULATORS = ("local:emulator/heron-r2", "local:emulator/wukong-72")
FEW, MANY = 3, 200
SECONDS = 300.0
"""Most that all mutants against all rules may take on two cores."""


@dataclass(frozen=True)
class Killed:
    """One row of the table of mutants."""

    made_of: str
    rules: str
    mutants: int
    caught: int
    survive: int
    no_effect: int
    hidden_by_noise: int
    seconds: float


@dataclass(frozen=True)
class Alarms:
    """One row of the table of right backends."""

    backend: str
    runs: int
    with_a_violation: int
    with_a_rule_left_open: int
    rules_judged: int
    cpu_seconds_per_run: float


def comparisons(full: bool) -> Iterator[Limit | Table]:
    """Yield the kill matrices and the false alarms, of 200 seeds per backend in full."""
    whole = run_matrix()
    noisy = [(name, run_matrix(right=name, quick=True)) for name in EMULATORS]
    rows = [_killed("their homes, without noise", whole), *(_killed(name, matrix) for name, matrix in noisy)]
    yield Table("mutants of the conformance suite", rows)
    yield Limit("mutants that survive", sum(row.survive for row in rows), 0, "mutants")
    yield Limit("every mutant against every rule", whole.seconds, SECONDS, "s", "wall time, on two cores")
    keep = home() / "false-alarms.jsonl" if full else None
    runs = campaign(BACKENDS, range(1, (MANY if full else FEW) + 1), keep)
    alarms = []
    for name in BACKENDS:
        mine = [run for run in runs if run.backend == name]
        violated, left = sum(bool(run.violated) for run in mine), sum(bool(run.undecided) for run in mine)
        seconds = sum(run.seconds for run in mine) / len(mine)
        alarms.append(Alarms(name, len(mine), violated, left, min(run.rules for run in mine), seconds))
    yield Table("right backends under the conformance suite, each run with another seed", alarms)
    yield Limit("runs of right backends with a violation", sum(row.with_a_violation for row in alarms), 0, "runs")


def _killed(name: str, matrix: KillMatrix) -> Killed:
    rows = matrix.rows
    return Killed(
        name,
        "its own" if matrix.quick else "all",
        len(rows),
        sum(row.killed for row in rows),
        len(matrix.survivors),
        sum(not row.applies for row in rows),
        sum(row.hidden for row in rows),
        matrix.seconds,
    )
