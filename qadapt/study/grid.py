"""Grid: the cells of a noise study. A cell says all that its result depends on, its seeds included.

This package stands beside ``replicate`` and not in it: nothing published is repeated here. What is varied is the noise.
Modules are named by what they hold: the ``grid``, the ``noise`` of a cell, its ``circuits``, what is done in a ``cell``
by way of the ``layer`` and the ``language`` model, results kept in a ``state``, an ``executor`` to run on, the
``outcome`` over all cells, and its ``report``; ``run`` is the whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import qadapt
from qadapt.errors import QadaptError
from qadapt.synthesis import Effort
from qadapt.target import Target, bundled_targets

Dim: TypeAlias = Literal[2, 4, 8, 16]
ReadoutName: TypeAlias = Literal["input-sign", "signed"]
Compiler: TypeAlias = Literal["qadapt", "qiskit"]
Source: TypeAlias = Literal["preparation", "entangling", "single", "readout", "shots"]
SOURCES: tuple[Source, ...] = ("preparation", "entangling", "single", "readout", "shots")
"""Where errors come from: all gates in front of the fence, entangling gates, one-qubit gates, readout, shot noise."""

Scale: TypeAlias = Annotated[float, Field(ge=0, le=100)]
Whole: TypeAlias = Annotated[int, Field(ge=1)]

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LayerCell(BaseModel):
    """Random blocks of one strength on random inputs, through one machine, read-out and compiler.

    Attributes:
        dim: Side d of the blocks.
        scale: Factor on all errors of the target's calibration.
        readout: Name of the read-out.
        compiler: Whose circuits: qadapt's, or those of Qiskit's transpiler at level 3 on the same tiles.
        seed: Draws blocks and inputs, which are the same for all machines, read-outs and compilers.
        off: Sources of error that are switched off.
        shots: Shots per row, over all settings of the read-out.
        target: Name of a bundled target.
        effort: Effort of synthesis and compile.
        width: Width of the layer; it has ``width / dim`` blocks.
        tokens: Input vectors.
        strength: Root mean square of ``||Qx - x||`` over all unit vectors x, the same for every block; below 2.
    """

    model_config = _FROZEN

    kind: Literal["layer"] = "layer"
    dim: Dim
    scale: Scale
    readout: ReadoutName
    compiler: Compiler
    seed: int
    off: tuple[Source, ...] = ()
    shots: Whole
    target: str
    effort: Effort
    width: Whole
    tokens: Whole
    strength: Annotated[float, Field(gt=0, lt=2)]


class TrainingCell(BaseModel):
    """An adapter in a language model, trained for one read-out, and evaluated without circuits.

    Attributes:
        dim: Side of the blocks.
        readout: Read-out whose map is trained, that of infinitely many shots without noise.
        seed: Draws the windows of text.
        model: Hugging Face id or local path; None for the shipped model.
        weights: Fingerprint of the model's weights.
        projections: Names of the linear layers that get an adapter.
        layers: Layer numbers; None for all.
        steps: Training steps.
        batch: Windows per step.
        rate: Peak learning rate.
        tokens: Tokens of the test text that are predicted.
        window: Most tokens predicted in one window.
    """

    model_config = _FROZEN

    kind: Literal["training"] = "training"
    dim: Dim
    readout: ReadoutName
    seed: int
    model: str | None
    weights: str
    projections: tuple[str, ...]
    layers: tuple[int, ...] | None
    steps: int
    batch: Whole
    rate: float
    tokens: Whole
    window: Whole


class ModelCell(BaseModel):
    """A trained adapter in a language model, its blocks run as circuits; attributes as in ``LayerCell``.

    Attributes:
        training: The adapter, and the tokens that are predicted.
    """

    model_config = _FROZEN

    kind: Literal["model"] = "model"
    training: TrainingCell
    scale: Scale
    compiler: Compiler
    seed: int
    shots: Whole
    target: str
    effort: Effort


Cell: TypeAlias = LayerCell | TrainingCell | ModelCell


class Settings(BaseModel):
    """Everything that decides a noise study; equal settings give an equal study.

    Attributes:
        dims: Sides of the blocks.
        scales: Factors on the errors of the target's calibration.
        readouts: Names of read-outs.
        compilers: Whose circuits.
        seeds: Number of repetitions, each with blocks, inputs and shots of its own.
        seed: The first of them.
        shots: Shots per row, over all settings of a read-out.
        target: Name of a bundled target.
        effort: Effort of synthesis and compile.
        width: Width of the random layers.
        tokens: Input vectors of the random layers.
        strength: Root mean square of ``||Qx - x||`` of their blocks.
        parts: Noise scale at which each source of error is switched off in turn; None for nowhere.
        perplexity: Tokens of the test text on which a trained adapter is evaluated; 0 for none.
        model: Hugging Face id or local path; None for the shipped model.
        projections: Names of the linear layers that get an adapter.
        layers: Layer numbers; None for all.
        steps: Training steps of the adapter.
        batch: Windows per training step.
        rate: Peak learning rate of the training.
        window: Most tokens predicted in one window.
    """

    model_config = _FROZEN

    dims: Annotated[tuple[Dim, ...], Field(min_length=1)] = (2, 4, 8, 16)
    scales: Annotated[tuple[Scale, ...], Field(min_length=1)] = (0.0, 0.5, 1.0, 2.0, 4.0)
    readouts: Annotated[tuple[ReadoutName, ...], Field(min_length=1)] = ("input-sign", "signed")
    compilers: Annotated[tuple[Compiler, ...], Field(min_length=1)] = ("qadapt", "qiskit")
    seeds: Whole = 5
    seed: Annotated[int, Field(ge=0)] = 0
    shots: Annotated[int, Field(ge=6)] = 8192
    target: str = "heron-r2"
    effort: Effort = "fast"
    width: Whole = 32
    tokens: Whole = 4
    strength: Annotated[float, Field(gt=0, lt=2)] = 0.3
    parts: Scale | None = None
    perplexity: Annotated[int, Field(ge=0)] = 0
    model: str | None = None
    projections: tuple[str, ...] = ("v_proj",)
    layers: tuple[int, ...] | None = None
    steps: Annotated[int, Field(ge=0)] = 60
    batch: Whole = 8
    rate: Annotated[float, Field(gt=0)] = 0.01
    window: Whole = 32

    def __init__(self, /, **data: object) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in error.errors()
            )
            raise QadaptError(f"no such study: {wrong}") from None

    @model_validator(mode="after")
    def _check(self) -> Settings:
        wide = [dim for dim in self.dims if self.width % dim]
        if wide:
            raise ValueError(f"blocks of {wide} do not fill a width of {self.width}")
        for name in ("dims", "scales", "readouts", "compilers"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name} are named twice: {values}")
        machine(self.target)
        return self


def machine(name: str) -> Target:
    """A bundled target with couplings and a calibration, by name.

    Raises:
        QadaptError: There is no such target.
    """
    known = bundled_targets()
    if name not in known:
        raise QadaptError(f"no target {name!r}", hint=f"there are {', '.join(sorted(known))}")
    return known[name]


def layer_cells(settings: Settings) -> tuple[LayerCell, ...]:
    """Cells of random layers, each once; those that share circuits are neighbours."""
    axes = product(_seeds(settings), settings.dims, settings.compilers, settings.readouts)
    return tuple(
        dict.fromkeys(
            LayerCell(
                dim=dim,
                scale=scale,
                readout=readout,
                compiler=compiler,
                seed=seed,
                off=off,
                shots=settings.shots,
                target=settings.target,
                effort=settings.effort,
                width=settings.width,
                tokens=settings.tokens,
                strength=settings.strength,
            )
            for seed, dim, compiler, readout in axes
            for scale, off in _noises(settings)
        )
    )


def training_cells(settings: Settings, weights: str) -> tuple[TrainingCell, ...]:
    """Adapters that a study needs: one per block side and read-out; none without perplexity."""
    if not settings.perplexity:
        return ()
    return tuple(
        TrainingCell(
            dim=dim,
            readout=readout,
            seed=settings.seed,
            model=settings.model,
            weights=weights,
            projections=settings.projections,
            layers=settings.layers,
            steps=settings.steps,
            batch=settings.batch,
            rate=settings.rate,
            tokens=settings.perplexity,
            window=settings.window,
        )
        for dim, readout in product(settings.dims, settings.readouts)
    )


def model_cells(settings: Settings, trainings: tuple[TrainingCell, ...]) -> tuple[ModelCell, ...]:
    """Every trained adapter at every noise scale."""
    return tuple(
        ModelCell(
            training=training,
            scale=scale,
            compiler=compiler,
            seed=seed,
            shots=settings.shots,
            target=settings.target,
            effort=settings.effort,
        )
        for training, compiler, seed, scale in product(trainings, settings.compilers, _seeds(settings), settings.scales)
    )


def key(cell: Cell) -> str:
    """Name of a cell: a hash of all that its result depends on, target and version of qadapt included."""
    parts = [cell.model_dump_json(), qadapt.__version__]
    if not isinstance(cell, TrainingCell):
        parts.append(machine(cell.target).content_hash)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def shots_seed(cell: Cell) -> int:
    """Seed of a cell's counts, 32 bits; it follows from the cell alone."""
    return int.from_bytes(hashlib.sha256(cell.model_dump_json().encode()).digest()[:4], "big")


def _seeds(settings: Settings) -> range:
    return range(settings.seed, settings.seed + settings.seeds)


def _noises(settings: Settings) -> Iterator[tuple[float, tuple[Source, ...]]]:
    yield from ((scale, ()) for scale in settings.scales)
    if settings.parts is not None:
        yield settings.parts, ()
        yield from ((settings.parts, (source,)) for source in SOURCES)
