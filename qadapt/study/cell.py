"""Cell: compute one cell in whatever process this is, so that its result depends on the cell alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TypeAlias

import torch

from qadapt.study import language, layer
from qadapt.study.grid import Cell, LayerCell, TrainingCell
from qadapt.study.outcome import LayerResult, ModelResult, TrainingResult

Computed: TypeAlias = LayerResult | TrainingResult | ModelResult

_ONE = Lock()
"""Cells of one process go one after the other: threads and the cache belong to the process."""


def compute(cell: Cell, training: TrainingResult | None = None) -> Computed:
    """Compute a cell.

    Args:
        cell: What is to be computed.
        training: The adapter of a ``ModelCell``.

    Raises:
        QadaptError: The cell does not fit its target or model.
    """
    with _ONE, _alone():
        if isinstance(cell, LayerCell):
            return layer.evaluate(cell)
        if isinstance(cell, TrainingCell):
            return language.trained(cell)
        assert training is not None, "a model is evaluated with its adapter"
        return language.evaluate(cell, training)


@contextmanager
def _alone() -> Iterator[None]:
    """One thread, because sums over threads depend on their number, and a cache that holds nothing of others' blocks.

    The angles that a solver finds depend on which blocks it is given together, so on what a cache knows already.
    """
    threads, before = torch.get_num_threads(), os.environ.get("QADAPT_CACHE")
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["QADAPT_CACHE"] = folder
            yield
    finally:
        torch.set_num_threads(threads)
        if before is None:
            os.environ.pop("QADAPT_CACHE", None)
        else:
            os.environ["QADAPT_CACHE"] = before
