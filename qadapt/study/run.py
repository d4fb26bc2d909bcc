"""Run: all cells of a study that are not there yet, on an executor, and what they found together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from pathlib import Path
from typing import TypeAlias, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

import qadapt
from qadapt.errors import QadaptError
from qadapt.replicate.language_model import load_language_model
from qadapt.study.cell import Computed, compute
from qadapt.study.executor import opened
from qadapt.study.grid import (
    Cell,
    ModelCell,
    Settings,
    TrainingCell,
    layer_cells,
    machine,
    model_cells,
    training_cells,
)
from qadapt.study.outcome import LayerResult, ModelResult, Outcome, TrainingResult, parts, perplexities, points
from qadapt.study.state import State

Adapters: TypeAlias = Mapping[TrainingCell, TrainingResult]
Found = TypeVar("Found", LayerResult, TrainingResult, ModelResult)


def run_study(settings: Settings, out: Path, console: Console, executor: str) -> Outcome:
    """Compute every cell that is not in the state yet, and return what all of them found.

    Args:
        settings: What decides the study.
        out: Folder; the state is kept in ``out/state``. Studies that share cells may share it.
        console: Where progress is shown.
        executor: Where cells are computed, see ``qadapt.study.executor.opened``.

    Raises:
        MissingExtraError: The executor or the model needs a package that is not installed.
        QadaptError: There is no such executor, target or model, a cell does not fit the target, or a worker died.
    """
    state = State(out / "state")
    weights = load_language_model(settings.model).fingerprint() if settings.perplexity else ""
    wanted = training_cells(settings, weights)
    with opened(executor) as pool:
        layers = _all(layer_cells(settings), LayerResult, state, pool, console, "random layers")
        trainings = _all(wanted, TrainingResult, state, pool, console, "training adapters")
        adapters = {each.cell: each for each in trainings}
        models = _all(model_cells(settings, wanted), ModelResult, state, pool, console, "perplexity", adapters)
    return Outcome(
        settings=settings,
        target=machine(settings.target).content_hash,
        points=points(layers, settings),
        parts=parts(layers, settings),
        perplexities=perplexities(models, trainings),
        layers=layers,
        trainings=trainings,
        models=models,
        qadapt=qadapt.__version__,
    )


def _all(
    cells: Sequence[Cell],
    kind: type[Found],
    state: State,
    pool: Executor,
    console: Console,
    what: str,
    adapters: Adapters | None = None,
) -> tuple[Found, ...]:
    """Results of all cells, in their order; each is kept as soon as it is there."""
    found = {cell: state.read(cell, kind) for cell in cells}
    missing = [cell for cell, result in found.items() if result is None]
    columns = ("{task.description:<18}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not cells) as progress:
        task = progress.add_task(what, total=len(cells), completed=len(cells) - len(missing))
        given = {pool.submit(compute, cell, _adapter(cell, adapters)): cell for cell in missing}
        try:
            for cell, result in _finished(given):
                assert isinstance(result, kind)
                state.write(cell, result)
                found[cell] = result
                progress.advance(task)
        finally:
            for future in given:
                future.cancel()
    return tuple(result for result in found.values() if result is not None)


def _finished(given: Mapping[Future[Computed], Cell]) -> Iterable[tuple[Cell, Computed]]:
    for future in as_completed(given):
        try:
            yield given[future], future.result()
        except BrokenExecutor as error:
            raise QadaptError(f"a worker process died: {error}", hint="give the study fewer processes") from error


def _adapter(cell: Cell, adapters: Adapters | None) -> TrainingResult | None:
    return adapters[cell.training] if isinstance(cell, ModelCell) and adapters is not None else None
