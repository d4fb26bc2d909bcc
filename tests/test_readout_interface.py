"""The interface of read-outs: one protocol, found by name, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from qadapt.counts import Counts
from qadapt.errors import BindingsError, NotSupportedError, QadaptError
from qadapt.readout import (
    Expectations,
    InputSign,
    Probabilities,
    Readout,
    Signed,
    interface,
    readout,
    readouts,
    register,
)
from qadapt.readout.interface import inputs_of, table_of, tables_of
from readout_cases import cayley, expected, probabilities, vectors

MADE = [*readouts().values(), Expectations(((0, 1), (1,)), name="two")]


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.name)
def test_every_readout_tends_to_its_limit(made: Readout) -> None:
    assert isinstance(made, Readout)
    inputs, shots = vectors(50, 4, 1), 10**12
    outputs = np.einsum("rij,rj->ri", cayley(50, 4, 0.4, seed=2)[0], inputs)
    settings = made.settings(2)
    exact = probabilities(outputs)[: len(settings)]
    assert len(settings) in (1, 4)
    assert settings.shape[1] == 2
    decoded = made.decode(expected(exact, shots), inputs)
    np.testing.assert_allclose(decoded.values, made.limit(outputs, inputs), atol=2e-6)
    assert decoded.values.shape == decoded.errors.shape
    assert np.isfinite(decoded.errors).all()
    assert json.loads(json.dumps(decoded.done))["readout"]


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.name)
def test_limits_agree_on_arrays_and_tensors(made: Readout) -> None:
    torch = pytest.importorskip("torch")
    outputs, inputs = np.random.default_rng(1).normal(size=(2, 7, 4))
    tensor = torch.from_numpy(outputs).requires_grad_()
    found = made.limit(tensor, torch.from_numpy(inputs))
    np.testing.assert_allclose(found.detach().numpy(), made.limit(outputs, inputs), rtol=1e-15)
    found.sum().backward()
    assert tensor.grad.isfinite().all()
    assert tensor.grad.any()
    assert made.limit(torch.ones(4), torch.ones(4)).dtype == torch.float32
    np.testing.assert_allclose(made.limit(outputs[0], inputs[0]), made.limit(outputs, inputs)[0], rtol=1e-12)


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.name)
def test_counts_of_another_number_of_settings_are_refused(made: Readout) -> None:
    counts = Counts((np.array([[1, 1, 0, 0]]),), 2)
    with pytest.raises(BindingsError, match="5 settings"):
        made.decode([counts] * 5, np.ones((1, 4)))
    with pytest.raises(BindingsError):
        made.decode([], np.ones((1, 4)))


@pytest.mark.parametrize(
    ("counts", "shots", "said"),
    [
        ([[1, 2]], 4, "add up"),
        ([[5, -1]], 4, "add up"),
        ([[2.0, 2.0]], 4, "whole"),
        ([2, 2], 4, "rows, d"),
        ([[1, 1, 2]], 4, "power of two"),
        ([[4]], 4, "power of two"),
        ([[0, 0]], 0, "at least 1"),
    ],
    ids=["total", "negative", "fractional", "flat", "three", "one", "none"],
)
def test_what_is_no_table_is_refused(counts: Any, shots: int, said: str) -> None:
    with pytest.raises(BindingsError, match=said):
        table_of(counts, shots)


def test_tables_are_alike_and_of_one_register() -> None:
    two, four = Counts((np.array([[1, 1]]),), 2), Counts((np.array([[1, 1, 0, 0]]),), 2)
    assert [table.tolist() for table in tables_of([two, two], 2)] == [[[1, 1]]] * 2
    with pytest.raises(BindingsError, match="differ in shape"):
        tables_of([two, four], 2)
    with pytest.raises(BindingsError, match="registers"):
        tables_of([Counts((two.table, two.table), 2)], 1)


@pytest.mark.parametrize("bad", [np.ones((2, 2)), np.ones(2), np.array([[1, np.nan]])], ids=["rows", "flat", "nan"])
def test_inputs_fit_the_counts(bad: Any) -> None:
    assert inputs_of([[1, 0]], (1, 2)).dtype == np.float64
    with pytest.raises(BindingsError, match="alike"):
        inputs_of(bad, (1, 2))


def test_readouts_are_found_by_name_and_names_are_not_taken_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "_READOUTS", dict(readouts()))
    assert readout("input-sign") == InputSign()
    assert readout("signed") == Signed()
    assert set(readouts()) == {"input-sign", "probabilities", "expectations", "signed", "signed-ancilla"}
    with pytest.raises(NotSupportedError, match=r"magic.*input-sign") as caught:
        readout("magic")
    assert caught.value.capability == "readout"
    register(InputSign())
    register(InputSign(name="mine"))
    assert readout("mine").name == "mine"
    with pytest.raises(QadaptError, match="already"):
        register(Probabilities(name="input-sign"))
