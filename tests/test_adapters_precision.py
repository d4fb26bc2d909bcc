"""Precision: rounds of shots that end when the error is small enough."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from adapters_cases import adapted, text
from qadapt.adapters.adapter import Adapter
from qadapt.adapters.execution import Record
from qadapt.adapters.precision import AIM, Precision, reached
from qadapt.errors import AdapterError

BACKEND = "local:statevector"


def norms_of(net: torch.nn.Module, inputs: torch.Tensor, dim: int) -> np.ndarray:
    """Lengths of the slices of the first layer, ``[rows]``."""
    slices = inputs.double().reshape(len(inputs), -1, dim)
    return torch.linalg.vector_norm(slices, dim=2).T.numpy().ravel()


def run(net: torch.nn.Module, adapter: Adapter, inputs: torch.Tensor, **options: object) -> tuple[Record, ...]:
    with adapter.on(BACKEND, **{"shots": 50_000, "seed": 5, **options}) as execution:  # type: ignore[arg-type]
        net(inputs)
    return tuple(execution.records)


def simulated(asked: Precision, weights: np.ndarray, target: float, most: int) -> tuple[np.ndarray, int]:
    """Rounds in which every row has exactly the error of its shots, ``1 / sqrt(N)``."""
    shots, rounds = np.full(len(weights), asked.first), 1
    while True:
        left = most * len(weights) - int(shots.sum())
        more = asked.more(weights, target, 1 / np.sqrt(shots), shots, 4, left)
        assert more.min() >= 0
        assert more.sum() <= left
        assert len(np.unique(more[more > 0])) <= asked.classes
        if not more.any():
            return shots, rounds
        shots, rounds = shots + more, rounds + 1


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(1, 40),
    spread=st.floats(0, 2),
    classes=st.integers(1, 6),
    target=st.floats(0.002, 0.2),
)
def test_rounds_end_at_the_target_with_fewer_shots_than_equal_ones(seed, rows, spread, classes, target):
    weights = np.exp(spread * np.random.default_rng(seed).normal(size=rows))
    weights /= np.sqrt(np.square(weights).sum())
    asked = Precision(target, first=100, classes=classes)
    shots, rounds = simulated(asked, weights, target, 10**8)
    assert reached(weights, 1 / np.sqrt(shots)) <= target
    uniform = rows * max(100, 1 / target**2 / rows * np.square(weights).sum() * rows)
    assert shots.sum() <= 1.1 * uniform + 25 * rows * rounds
    assert rounds < 60


def test_shots_become_those_of_least_total():
    weights = np.exp(np.random.default_rng(0).normal(size=200))
    weights /= np.sqrt(np.square(weights).sum())
    shots, _ = simulated(Precision(0.01, first=16, classes=12), weights, 0.01, 10**8)
    ideal = weights.sum() ** 2 / 0.01**2
    assert ideal * 0.999 <= shots.sum() <= 1.12 * ideal / AIM


def test_shots_that_are_spent_end_it():
    weights = np.full(10, 10**-0.5)
    shots, rounds = simulated(Precision(0.01, first=100), weights, 0.01, 1000)
    np.testing.assert_array_equal(shots, [1000] * 10)
    assert rounds == 3
    shots, rounds = simulated(Precision(0.01, first=100), weights, 0.01, 103)
    assert (rounds, shots.sum()) == (1, 1000)


@pytest.mark.parametrize("dim", [4, 8])
def test_the_error_that_was_asked_for_is_reached_and_is_the_true_one(dim: int) -> None:
    net, adapter = adapted(dim)
    inputs, _ = text(60)
    record, second = run(net, adapter, inputs, precision=Precision(0.02))
    weights = norms_of(net, inputs, dim)
    weights /= np.sqrt(np.square(weights).sum())
    assert record.error == pytest.approx(reached(weights, np.linalg.norm(record.decoded.errors, axis=1)))
    assert record.error is not None
    assert 0.018 < record.error <= 0.02
    true = reached(weights, np.linalg.norm(record.decoded.values - record.exact, axis=1))
    # Hundreds of components, of weights that leave a tenth of them in effect.
    assert true == pytest.approx(record.error, rel=0.3)
    assert record.rounds > 1
    assert len(record.samples) > 2
    held = [np.isin(np.arange(len(weights)), each.rows) * each.shots for each in record.samples]
    np.testing.assert_array_equal(record.shots, np.sum(held, axis=0))
    seeds = [sample.run.provenance.seed for each in (record, second) for sample in each.samples]
    assert len(set(seeds)) == len(seeds)
    # As many shots for every row would take more, by Neyman's inequality and what is measured of it here.
    equal = (np.square(weights) * np.square(record.decoded.errors).sum(axis=1) * record.shots).sum() / record.error**2
    assert record.shots.mean() < 0.8 * equal
    assert second.error is not None
    assert second.error <= 0.02


def test_what_is_precise_enough_at_once_is_run_once_as_ever() -> None:
    net, adapter = adapted(4)
    inputs, _ = text(10)
    loose = run(net, adapter, inputs, precision=Precision(1.0, first=600))
    ever = run(net, adapter, inputs, shots=600)
    for one, other in zip(loose, ever, strict=True):
        np.testing.assert_array_equal(one.decoded.values, other.decoded.values)
        assert (one.rounds, other.rounds, other.error) == (1, 1, None)
        np.testing.assert_array_equal(one.shots, [600] * 40)


def test_the_most_shots_are_kept() -> None:
    net, adapter = adapted(4)
    for record in run(net, adapter, text(10)[0], shots=1500, precision=Precision(1e-4)):
        assert 1200 < record.shots.mean() <= 1500
        assert record.error is not None
        assert record.error > 1e-4


def test_the_error_of_the_perplexity_is_below_its_target() -> None:
    """The mean of 300 copies' squared errors, each of one degree, is above 1.8 times its mean once in 10^12."""
    net, adapter = adapted(4)
    (inputs, wanted), copies, error = text(4), 300, 0.02

    def losses() -> torch.Tensor:
        seen = cross_entropy(net(inputs.repeat(copies, 1)).double(), wanted.repeat(copies), reduction="none")
        return seen.reshape(copies, -1).mean(1)

    found = adapter.sensitivity(lambda: losses().mean())
    with torch.no_grad(), adapter.exact():
        exact = losses()[0].item()
    # The mean over copies is known sqrt(copies) times better than each of them.
    asked = Precision(error / copies**0.5, sensitivity=found)
    with adapter.on(BACKEND, shots=200_000, seed=2, precision=asked) as execution:
        squares = ((losses() - exact) ** 2).numpy()
    total = sum(record.error**2 for record in execution.records if record.error is not None)
    assert 0.8 * error / copies**0.5 < total**0.5 <= error / copies**0.5
    assert squares.mean() < 1.8 * error**2
    assert squares.mean() > error**2 / 2.5


def test_the_program_of_the_page_runs() -> None:
    text = (Path(__file__).parents[1] / "docs" / "shots.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    torch.manual_seed(0)
    exec(compile(program, "shots.md", "exec"), {})


def test_numbers_out_of_range_are_refused() -> None:
    for wrong in ({"error": 0.0}, {"error": np.nan}, {"growth": 1.0}, {"first": 0}, {"classes": 0}):
        with pytest.raises(AdapterError, match="error above 0"):
            Precision(**{"error": 0.1, **wrong})  # type: ignore[arg-type]
    net, adapter = adapted(4)
    inputs, wanted = text(3)
    found = adapter.sensitivity(lambda: cross_entropy(net(inputs), wanted))
    with pytest.raises(AdapterError, match="not both"):
        run(net, adapter, inputs, precision=Precision(0.1), allocation=found.allocation(100))
    for other, held in ((text(4)[0], found), (inputs, found.blocks())):
        with pytest.raises(AdapterError, match="very inputs"):
            run(net, adapter, other, precision=Precision(0.1, sensitivity=held))
    with adapter.on(BACKEND, shots=9000, seed=1, precision=Precision(0.1, sensitivity=found)):
        net(inputs)
        with pytest.raises(AdapterError, match="call 1 of 0"):
            net(inputs)
