"""Outcome: what cells and a study found, as plain data; ``results.json`` is the JSON of an ``Outcome``.

Nothing in it depends on when, where or in how many processes it was computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy.stats import t as student

from qadapt.study.grid import SOURCES, Compiler, LayerCell, ModelCell, ReadoutName, Settings, Source, TrainingCell

Floats: TypeAlias = NDArray[np.float64]
Item = TypeVar("Item")

_FROZEN = ConfigDict(frozen=True, extra="forbid")
LEVEL = 0.95
"""Level of all intervals."""


class LayerResult(BaseModel):
    """What a layer cell found.

    Attributes:
        cell: The cell.
        errors: Error of the layer's output ``||measured - y|| / ||y||`` for each token, y with its true signs.
        entangling: Entangling gates per row, mean.
    """

    model_config = _FROZEN

    cell: LayerCell
    errors: tuple[float, ...]
    entangling: float

    @property
    def error(self) -> float:
        """Root mean square over the tokens."""
        return float(np.sqrt(np.mean(np.square(self.errors))))


class TrainingResult(BaseModel):
    """A trained adapter.

    Attributes:
        cell: The cell.
        parameters: Its parameters by name in the model, ``[blocks][d(d-1)/2]``.
        training: Loss of every training step, in nats per token.
        base: Loss of each predicted token without adapter.
        exact: The same with the adapter in the limit of the read-out, without circuits.
    """

    model_config = _FROZEN

    cell: TrainingCell
    parameters: Mapping[str, tuple[tuple[float, ...], ...]]
    training: tuple[float, ...]
    base: tuple[float, ...]
    exact: tuple[float, ...]

    def __hash__(self) -> int:
        return hash(self.cell)


class ModelResult(BaseModel):
    """What a model cell found.

    Attributes:
        cell: The cell.
        losses: Loss of each predicted token in nats.
        error: Root mean square error of the unit vectors of all blocks.
        entangling: Entangling gates per row, mean over the calls of layers.
    """

    model_config = _FROZEN

    cell: ModelCell
    losses: tuple[float, ...]
    error: float
    entangling: float


class Interval(BaseModel):
    """A mean with its interval of confidence ``LEVEL``; no ends where there is only one value."""

    model_config = _FROZEN

    mean: float
    low: float | None
    high: float | None


class Point(BaseModel):
    """One cell of the diagram over all seeds: who and where, the layer's error, and entangling gates per row."""

    model_config = _FROZEN

    dim: int
    scale: float
    readout: ReadoutName
    compiler: Compiler
    error: Interval
    entangling: float


class Part(BaseModel):
    """One source of error switched off.

    Attributes:
        dim: Side of the blocks.
        scale: Factor on the errors of the calibration.
        readout: Name of the read-out.
        compiler: Whose circuits.
        source: What is switched off.
        error: What is left.
        share: Part of the squared error that goes with it, paired by seed. Shares need not add up to one: errors of one
            source can hide those of another, and the read-out's own are no source.
    """

    model_config = _FROZEN

    dim: int
    scale: float
    readout: ReadoutName
    compiler: Compiler
    source: Source
    error: Interval
    share: Interval


class Perplexity(BaseModel):
    """A trained adapter on a machine, over all seeds.

    Attributes:
        dim: Side of the blocks.
        scale: Factor on the errors of the calibration.
        readout: Name of the read-out.
        compiler: Whose circuits.
        base: Perplexity without adapter.
        exact: Perplexity with the adapter in torch, in the limit of the read-out.
        measured: Perplexity with its blocks as circuits.
        lost: ``measured / exact - 1``, its interval by the tokens, whose losses are compared in pairs and averaged over
            the seeds first. It holds for such tokens and this adapter.
        error: Root mean square error of the unit vectors.
    """

    model_config = _FROZEN

    dim: int
    scale: float
    readout: ReadoutName
    compiler: Compiler
    base: float
    exact: float
    measured: float
    lost: Interval
    error: Interval


class Outcome(BaseModel):
    """A whole study.

    Attributes:
        study: Name of the study.
        settings: What decided it.
        target: Content hash of the target.
        points: The diagram of the layer's error.
        parts: The same without one source of error each.
        perplexities: The diagram of perplexity.
        layers: Every layer cell.
        trainings: Every trained adapter.
        models: Every model cell.
        qadapt: Version of qadapt.
    """

    model_config = _FROZEN

    schema_version: Literal[1] = 1
    study: Literal["noise"] = "noise"
    settings: Settings
    target: str
    points: tuple[Point, ...]
    parts: tuple[Part, ...]
    perplexities: tuple[Perplexity, ...]
    layers: tuple[LayerResult, ...]
    trainings: tuple[TrainingResult, ...]
    models: tuple[ModelResult, ...]
    qadapt: str


def interval(values: ArrayLike) -> Interval:
    """Mean of independent values and Student's interval around it."""
    array = np.asarray(values, dtype=np.float64)
    mean, count = float(array.mean()), array.size
    if count < 2:
        return Interval(mean=mean, low=None, high=None)
    reach = float(student.ppf((1 + LEVEL) / 2, count - 1) * array.std(ddof=1) / np.sqrt(count))
    return Interval(mean=mean, low=mean - reach, high=mean + reach)


def points(results: Iterable[LayerResult], settings: Settings) -> tuple[Point, ...]:
    """Sum up the layer cells of the diagram, in the order in which the cells come."""
    shown = [each for each in results if not each.cell.off and each.cell.scale in settings.scales]
    return tuple(
        Point(
            **_place(own[0].cell),
            error=interval([each.error for each in own]),
            entangling=float(np.mean([each.entangling for each in own])),
        )
        for own in _grouped(shown, lambda each: (*_place(each.cell).values(),))
    )


def parts(results: Sequence[LayerResult], settings: Settings) -> tuple[Part, ...]:
    """Sum up what each source of error contributes at ``settings.parts``."""
    at = {(*_place(each.cell).values(), each.cell.seed, each.cell.off): each for each in results}
    found = []
    for own in _grouped(
        (each for each in results if each.cell.off), lambda each: (*_place(each.cell).values(), each.cell.off)
    ):
        whole = [at[(*_place(each.cell).values(), each.cell.seed, ())] for each in own]
        shares = [1 - (one.error / all_.error) ** 2 for one, all_ in zip(own, whole, strict=True)]
        (source,) = own[0].cell.off
        error = interval([each.error for each in own])
        found.append(Part(**_place(own[0].cell), source=source, error=error, share=interval(shares)))
    return tuple(sorted(found, key=lambda part: SOURCES.index(part.source)))


def perplexities(models: Iterable[ModelResult], trainings: Iterable[TrainingResult]) -> tuple[Perplexity, ...]:
    """Sum up the model cells."""
    adapters = {each.cell: each for each in trainings}
    found = []
    for own in _grouped(models, lambda each: (each.cell.training, each.cell.scale, each.cell.compiler)):
        cell, adapter = own[0].cell, adapters[own[0].cell.training]
        losses, exact = np.array([each.losses for each in own]), np.array(adapter.exact)
        change = interval(losses.mean(axis=0) - exact)
        ends = {name: None if value is None else float(np.expm1(value)) for name, value in change if name != "mean"}
        found.append(
            Perplexity(
                dim=cell.training.dim,
                scale=cell.scale,
                readout=cell.training.readout,
                compiler=cell.compiler,
                base=float(np.exp(np.mean(adapter.base))),
                exact=float(np.exp(exact.mean())),
                measured=float(np.exp(losses.mean())),
                lost=Interval(mean=float(np.expm1(change.mean)), **ends),
                error=interval([each.error for each in own]),
            )
        )
    return tuple(found)


def _place(cell: LayerCell) -> dict[str, Any]:
    return {"dim": cell.dim, "scale": cell.scale, "readout": cell.readout, "compiler": cell.compiler}


def _grouped(items: Iterable[Item], of: Callable[[Item], object]) -> list[list[Item]]:
    """Items of equal keys together, in the order in which keys first come."""
    groups: dict[object, list[Item]] = {}
    for item in items:
        groups.setdefault(of(item), []).append(item)
    return list(groups.values())
