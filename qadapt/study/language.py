"""Language: adapters of a language model, trained without circuits and evaluated with them."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from qadapt.adapters.adapter import Adapter
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.cayley.layer import CayleyLinear
from qadapt.adapters.inject import inject
from qadapt.readout import readout
from qadapt.replicate.corpus import Split, wikitext, windows
from qadapt.replicate.language_model import LanguageModel, load_language_model
from qadapt.replicate.training import train
from qadapt.study.circuits import Machine
from qadapt.study.grid import ModelCell, TrainingCell, machine, shots_seed
from qadapt.study.layer import Bench
from qadapt.study.outcome import ModelResult, TrainingResult
from qadapt.synthesis import Effort
from qadapt.target import Target

Floats: TypeAlias = NDArray[np.float64]

TRAINING_WINDOW = 128
"""Tokens per training window."""


def trained(cell: TrainingCell) -> TrainingResult:
    """Train an adapter on the WikiText-2 validation text, and evaluate it on the test text without circuits.

    An adapter for ``input-sign`` is trained as ``sign(x) |Q x|``, which is what it will deliver.

    Raises:
        QadaptError: The model is not to be had, or no layer fits.
    """
    language, adapter = _injected(cell)
    with adapter.disabled():
        base = _losses(language, cell)
    language.model.train()
    with tempfile.TemporaryDirectory() as folder:
        losses = train(
            language.model,
            _encoded(language, "validation"),
            steps=cell.steps,
            batch=cell.batch,
            window=TRAINING_WINDOW,
            rate=cell.rate,
            seed=cell.seed,
            checkpoint=Path(folder, "training.pt"),
            progress=lambda done, total: None,
        )
    language.model.eval()
    with adapter.exact(cell.readout):
        exact = _losses(language, cell)
    skews = {name: tuple(map(tuple, value.tolist())) for name, value in adapter.parameters.items()}
    return TrainingResult(
        cell=cell, parameters=skews, training=losses, base=tuple(base.tolist()), exact=tuple(exact.tolist())
    )


def evaluate(cell: ModelCell, training: TrainingResult) -> ModelResult:
    """Predict the tokens of a cell with every block of the trained adapter run as a circuit.

    Raises:
        QadaptError: The model is not to be had, or a block does not fit the target.
    """
    target = machine(cell.target)
    language, adapter = _loaded(training, target, cell.effort)
    bench = Bench(
        Machine(target, cell.scale, (), cell.compiler, cell.effort),
        readout(cell.training.readout),
        cell.shots,
        shots_seed(cell),
    )
    for layer in adapter.layers.values():
        assert isinstance(layer, CayleyLinear)
        layer.measure = bench.measure(layer)
    with torch.no_grad():
        losses = _losses(language, cell.training)
    return ModelResult(
        cell=cell,
        losses=tuple(losses.tolist()),
        error=float(np.sqrt(np.concatenate(bench.squared).mean())),
        entangling=float(np.mean(bench.entangling)),
    )


@lru_cache(maxsize=1)
def _loaded(training: TrainingResult, target: Target, effort: Effort) -> tuple[LanguageModel, Adapter]:
    """A model with a trained adapter; kept with the angles of its blocks, which depend on nothing but the arguments."""
    language, adapter = _injected(training.cell)
    with torch.no_grad():
        for name, value in adapter.parameters.items():
            value.copy_(torch.tensor(training.parameters[name], dtype=value.dtype))
    return language, adapter


def _injected(cell: TrainingCell) -> tuple[LanguageModel, Adapter]:
    language = load_language_model(cell.model)
    config = CayleyConfig(
        targets=cell.projections,
        layers=cell.layers,
        dim=cell.dim,
        readout=cell.readout,
        sign_constrained=cell.readout == "input-sign",
    )
    return language, inject(language.model, config)


def _losses(language: LanguageModel, cell: TrainingCell) -> Floats:
    """Loss of every predicted token, in nats, ``[tokens]``."""
    test = windows(_encoded(language, "test"), cell.tokens, cell.window)
    return np.concatenate([language.losses(window).numpy() for window in test])


@lru_cache(maxsize=2)
def _encoded(language: LanguageModel, split: Split) -> torch.Tensor:
    """Token ids of a text, which takes longer than a small cell."""
    return language.encode(wikitext(split))
