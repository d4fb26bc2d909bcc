"""Window: what one backend did with one window of tokens, kept as one file so that it is never run twice."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from qadapt.adapters.adapter import Adapter
from qadapt.errors import QadaptError
from qadapt.provider import Backend
from qadapt.replicate.language_model import LanguageModel
from qadapt.replicate.prediction import ideal, predicted
from qadapt.synthesis import Effort

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Window:
    """One window of tokens on one backend; rows are the circuits of all adapted layers.

    Attributes:
        losses: Loss of every predicted token in nats, ``[tokens]``.
        counts: Counts ``[rows, outcomes]``.
        ideal: Exact distributions ``[rows, outcomes]``.
        predicted: Distributions that the target should give, ``[rows, outcomes]``.
        squared_error: Squared length of the error of the decoded unit vectors, signs included, ``[rows]``.
        executions: Circuits that the backend executed.
        passes: Tokens that went through an adapted layer, counted per layer.
        entanglers: Entangling gates per block.
        tiles: Copies side by side.
        seconds: Time of the forward pass.
        provenance: JSON of the provenance.
    """

    losses: Floats
    counts: NDArray[np.int64]
    ideal: Floats
    predicted: Floats
    squared_error: Floats
    executions: int
    passes: int
    entanglers: float
    tiles: int
    seconds: float
    provenance: str


def evaluate(
    language_model: LanguageModel,
    adapter: Adapter,
    backend: Backend,
    window: Tensor,
    *,
    shots: int,
    seed: int | None,
    effort: Effort,
) -> Window:
    """Run one window ``[tokens + 1]`` with the adapter's quantum part on a backend."""
    start = time.perf_counter()
    with adapter.on(backend, shots=shots, seed=seed, effort=effort) as execution:
        losses = language_model.losses(window).numpy()
    seconds = time.perf_counter() - start
    records = execution.records
    exact = [ideal(record.circuit, record.bindings) for record in records]
    noisy = [predicted(record.circuit, record.bindings, backend.target, tiles=record.run.tiles) for record in records]
    errors = [np.square(record.decoded.values - record.exact).sum(axis=1) for record in records]
    first = records[0].run
    return Window(
        losses=losses,
        counts=np.concatenate([record.run.counts.table for record in records]),
        ideal=np.concatenate(exact),
        predicted=np.concatenate(noisy),
        squared_error=np.concatenate(errors),
        executions=sum(record.run.executions for record in records),
        passes=len(records) * (len(window) - 1),
        entanglers=first.circuit.count() / first.tiles,
        tiles=first.tiles,
        seconds=seconds,
        provenance=first.provenance.model_dump_json(),
    )


def save(path: Path, window: Window) -> None:
    """Write a window; an interrupt leaves the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in vars(window).items()}
        np.savez_compressed(file, **arrays)
    partial.replace(path)


def load(path: Path) -> Window:
    """Read a window that ``save`` has written.

    Raises:
        QadaptError: The file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
        return Window(**{name: value.item() if value.ndim == 0 else value for name, value in values.items()})
    except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile) as error:
        raise QadaptError(f"cannot read the window {path}: {error}", hint="remove the file") from error
