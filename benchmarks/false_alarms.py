"""Right backends under the conformance suite with many seeds, each of which must raise no alarm.

``python -m benchmarks.false_alarms [BACKEND ...] [--seeds N] [--keep FILE]`` runs what ``FILE`` does not hold yet, so a
long campaign can be interrupted and taken up again.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

BACKENDS = (
    "local:statevector",
    "aer:statevector",
    "cirq:simulator",
    "origin:cpu",
    "local:emulator/heron-r2",
    "local:emulator/wukong-72",
    "braket:local",
)
"""Simulators without noise, and emulators of the two machines of the papers."""

CHUNK = 10
"""Seeds that one process runs in a row: expectations are computed once."""


@dataclass(frozen=True)
class Run:
    """One run of the suite.

    Attributes:
        backend: Its name.
        seed: Of the run.
        rules: Rules that were judged.
        violated: Ids of rules that are violated, with what they said.
        undecided: Ids of rules that are left undecided or not run.
        seconds: CPU time of this process.
    """

    backend: str
    seed: int
    rules: int
    violated: dict[str, str]
    undecided: tuple[str, ...]
    seconds: float


def campaign(
    backends: Sequence[str], seeds: Collection[int], keep: Path | None = None, processes: int | None = None
) -> list[Run]:
    """Run the suite on each backend with each seed, except where the file has the outcome already.

    Args:
        backends: Names of right backends.
        seeds: Of the runs.
        keep: JSON lines, one per run; read first, and appended to.
        processes: How many run at once; one per core when omitted.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    done = [run for run in _kept(keep) if run.backend in backends and run.seed in seeds]
    known = {(run.backend, run.seed) for run in done}
    parts = []
    for backend in backends:
        left = [seed for seed in sorted(seeds) if (backend, seed) not in known]
        parts += [(backend, left[start : start + CHUNK]) for start in range(0, len(left), CHUNK)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    workers = processes or len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool, Progress(*columns) as bar:
        task = bar.add_task("false alarms", total=len(backends) * len(seeds), completed=len(done))
        for part in as_completed([pool.submit(_runs, *part) for part in parts]):
            for run in part.result():
                done.append(run)
                if keep is not None:
                    with keep.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(run)) + "\n")
                bar.update(task, advance=1)
    return done


def _kept(keep: Path | None) -> Iterator[Run]:
    if keep is not None and keep.exists():
        for line in keep.read_text(encoding="utf-8").splitlines():
            run = json.loads(line)
            yield Run(**run | {"undecided": tuple(run["undecided"])})


def _runs(name: str, seeds: Sequence[int]) -> list[Run]:
    from qadapt import registry
    from qadapt_conformance import Verdict, run_suite

    warnings.simplefilter("ignore")
    out = []
    with registry.using(name) as backend:
        for seed in seeds:
            began = time.process_time()
            report = run_suite(backend, seed=seed)
            violated = {v.rule: v.message for v in report.verdicts if v.verdict is Verdict.VIOLATES}
            open_ends = [v.rule for v in report.verdicts if v.verdict in (Verdict.UNDECIDED, Verdict.NOT_RUN)]
            judged = sum(v.verdict is Verdict.CONFORMS for v in report.verdicts) + len(violated)
            out.append(Run(name, seed, judged, violated, tuple(open_ends), time.process_time() - began))
    return out


def main() -> int:
    """Run a campaign and print what came of it; return 1 if there was a violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backends", nargs="*", default=BACKENDS, metavar="BACKEND")
    parser.add_argument("--seeds", type=int, default=200, help="how many, from 1 on")
    parser.add_argument("--keep", type=Path, help="file of the outcomes, to go on later")
    parser.add_argument("--processes", type=int)
    arguments = parser.parse_args()
    seeds = range(1, arguments.seeds + 1)
    runs = campaign(tuple(arguments.backends), seeds, arguments.keep, arguments.processes)
    for backend in arguments.backends:
        mine = [run for run in runs if run.backend == backend]
        violated = sum(bool(run.violated) for run in mine)
        undecided = sum(bool(run.undecided) for run in mine)
        print(f"{backend}: {len(mine)} runs, {violated} with a violation, {undecided} with a rule left open")
        for run in mine:
            for said in run.violated.values():
                print(f"  seed {run.seed}: {said}")
    return int(any(run.violated for run in runs))


if __name__ == "__main__":
    raise SystemExit(main())
