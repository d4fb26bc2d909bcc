"""Adapters of a language model in a study: trained without circuits, evaluated with them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("transformers", reason="studies need the extra qadapt[replicate]")

from qadapt.study.cell import compute
from qadapt.study.grid import Settings, model_cells, training_cells
from qadapt.study.outcome import ModelResult, TrainingResult

SETTINGS = Settings(
    dims=(4,),
    scales=(0.0, 4.0),
    compilers=("qadapt",),
    seeds=1,
    shots=65536,
    perplexity=3,
    layers=(1,),
    steps=2,
    batch=1,
    window=3,
    rate=0.2,
)


@pytest.fixture(scope="module")
def adapters() -> list[TrainingResult]:
    found = [compute(cell) for cell in training_cells(SETTINGS, "weights")]
    assert all(isinstance(each, TrainingResult) for each in found)
    return found  # type: ignore[return-value]


def measured(training: TrainingResult) -> list[ModelResult]:
    found = [compute(cell, training) for cell in model_cells(SETTINGS, (training.cell,))]
    assert all(isinstance(each, ModelResult) for each in found)
    return found  # type: ignore[return-value]


def test_an_adapter_is_trained_for_its_read_out(adapters):
    by_sign, signed = adapters
    assert (by_sign.cell.readout, signed.cell.readout) == ("input-sign", "signed")
    assert by_sign.base == signed.base
    assert by_sign.parameters != signed.parameters
    assert len(signed.training) == 2
    for each in adapters:
        assert each.base != each.exact
        assert {np.shape(value) for value in each.parameters.values()} == {(64, 6)}


def test_without_noise_the_circuits_give_what_torch_gives(adapters):
    for training in adapters:  # the second takes the place of the first in what a process keeps
        quiet, noisy = measured(training)
        assert quiet.entangling == 3
        assert quiet.error < noisy.error
        np.testing.assert_allclose(quiet.losses, training.exact, atol=0.1)
        change = np.abs(np.subtract(quiet.losses, training.exact)).max()
        assert change < np.abs(np.subtract(training.base, training.exact)).max()
