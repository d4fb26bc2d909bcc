"""Progress: a bar for runs, with the queue and the time that is left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qadapt.jobs import Progress
    from qadapt.jobs.progress import Show


@contextmanager
def bar(what: str = "executions") -> Iterator[Show | None]:
    """A bar on stderr where that is a terminal; its body calls what it is given with the progress of a run."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[queue]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None, queue="")
        yield lambda progress: shown.update(
            task, completed=progress.done, total=progress.total, queue=queue(progress, datetime.now(UTC))
        )


def queue(progress: Progress, now: datetime) -> str:
    """Open jobs, the place in the queue, and when the vendor expects an answer, in a few words."""
    said = [f"{progress.jobs} open job{'s' * (progress.jobs != 1)}"] if progress.jobs else []
    if progress.position is not None:
        said.append(f"place {progress.position} in the queue")
    if progress.until is not None and progress.until > now:
        minutes = (progress.until - now).total_seconds() / 60
        said.append(f"vendor expects {'less than a minute' if minutes < 1 else f'{minutes:.0f} min'}")
    return ", ".join(said)
