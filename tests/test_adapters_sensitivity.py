"""Sensitivity: gradients across the outputs of blocks, and what shots in proportion to them gain."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import f
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from adapters_cases import adapted, text
from qadapt.adapters.sensitivity import Sensitivity
from qadapt.errors import AdapterError, NotSupportedError

BACKEND = "local:statevector"


def loss(net: nn.Module, inputs: Tensor, wanted: Tensor, copies: int = 1) -> Tensor:
    """Mean loss of each of several copies of a text, ``[copies]``."""
    seen = cross_entropy(net(inputs.repeat(copies, 1)).double(), wanted.repeat(copies), reduction="none")
    return seen.reshape(copies, -1).mean(1)


@pytest.mark.parametrize("readout", ["signed", "input-sign"])
@pytest.mark.parametrize("dim", [4, 8])
def test_weights_are_what_small_errors_across_the_slices_do(dim: int, readout: str) -> None:
    """Differences of the loss in every direction across the slices, one at a time."""
    net, adapter = adapted(dim)
    net.double()
    inputs, wanted = text(2)
    inputs = inputs.double()
    found = adapter.sensitivity(lambda: loss(net, inputs, wanted)[0], readout)
    step = 1e-5
    for name, layer in adapter.layers.items():
        ((weights,),) = [found.weights[name]]
        assert weights.shape == (16 // dim, 2)
        for block in range(16 // dim):
            for token in range(2):
                slopes = []
                for axis in range(dim):

                    def moved(
                        slices: Tensor, sign: int, axis: int = axis, at: tuple[int, int] = (token, block)
                    ) -> Tensor:
                        value = slices[at]
                        across = torch.eye(dim, dtype=value.dtype)[axis]
                        across = across - (across @ value) * value / (value @ value)
                        shift = torch.zeros_like(slices)
                        shift[at] = sign * step * across * value.norm()
                        return slices + shift

                    values = []
                    for sign in (1, -1):
                        layer.watch = partial(moved, sign=sign)
                        with torch.no_grad(), adapter.exact(readout):
                            values.append(loss(net, inputs, wanted)[0].item())
                    layer.watch = None
                    slopes.append((values[0] - values[1]) / (2 * step))
                assert np.linalg.norm(slopes) == pytest.approx(weights[block, token], rel=1e-4, abs=1e-8)


def test_no_gradient_is_left_behind_and_nothing_is_watched() -> None:
    net, adapter = adapted(4)
    inputs, wanted = text(3)
    with torch.no_grad():
        adapter.sensitivity(lambda: loss(net, inputs, wanted)[0])
    assert all(value.grad is None for value in adapter.parameters.values())
    assert all(layer.watch is None and layer.limit is None for layer in adapter.layers.values())
    frozen = adapter.sensitivity(lambda: loss(net, inputs, wanted)[0])
    for value in adapter.parameters.values():
        value.requires_grad_(False)
    again = adapter.sensitivity(lambda: loss(net, inputs, wanted)[0])
    for name in ("0", "2"):
        np.testing.assert_array_equal(again.weights[name][0], frozen.weights[name][0])


def test_calls_are_told_apart_and_blocks_are_their_mean_squares() -> None:
    net, adapter = adapted(4)
    first, second = text(3), text(5, seed=4)
    found = adapter.sensitivity(lambda: loss(net, *first)[0] + loss(net, *second)[0])
    assert [each.shape for each in found.weights["2"]] == [(4, 3), (4, 5)]
    (blocks,) = found.blocks().weights["2"]
    both = np.concatenate(found.weights["2"], axis=1)
    np.testing.assert_allclose(blocks[:, 0], np.sqrt((both**2).mean(axis=1)))
    given = found.allocation(1000)
    assert [each.shape for each in given.shots["0"]] == [(4, 3), (4, 5)]
    total = sum(int(each.sum()) for calls in given.shots.values() for each in calls)
    assert 0.99 * 64_000 < total <= 64_000


def test_the_predicted_error_is_that_of_equal_shots_and_less_with_an_allocation() -> None:
    found = Sensitivity({"a": (np.array([[3.0, 4.0]]),), "b": (np.array([[12.0]]),)})
    assert found.error(100) == pytest.approx(13 / 20)
    assert found.error(found.allocation(10_000, floor=0)) == pytest.approx(19 / np.sqrt(4 * 30_000), rel=1e-4)


@pytest.mark.parametrize("dim", [4, 8])
def test_at_equal_shots_the_loss_is_closer(dim: int) -> None:
    """Variances over 400 copies: their ratio is beyond either bound of F(400, 400) once in 10^6."""
    net, adapter = adapted(dim)
    copies, shots, given = 400, 4096, text(4)
    found = adapter.sensitivity(lambda: loss(net, *given, copies).sum())
    one = adapter.sensitivity(lambda: loss(net, *given)[0])
    with torch.no_grad(), adapter.exact():
        exact = loss(net, *given)[0].item()
    squares, spent = {}, {}
    for name, plan in (("uniform", None), ("allocated", found.allocation(shots))):
        with adapter.on(BACKEND, shots=shots, seed=11, allocation=plan) as execution:
            squares[name] = float(((loss(net, *given, copies) - exact) ** 2).mean())
        spent[name] = sum(int(record.shots.sum()) for record in execution.records)
    assert 0.98 * spent["uniform"] < spent["allocated"] <= spent["uniform"]
    predicted = (one.error(one.allocation(shots)) / one.error(shots)) ** 2
    bound = f.isf(0.5e-6, copies, copies)
    assert squares["allocated"] / squares["uniform"] < min(1, predicted * bound)
    assert squares["allocated"] / squares["uniform"] > predicted / bound
    # Second orders and read-out a little above its limit leave up to a fifth.
    assert squares["uniform"] < 1.2 * one.error(shots) ** 2 * f.isf(1e-6, copies, 10**9)


def test_what_has_no_sensitivity_is_refused() -> None:
    net, adapter = adapted(4)
    inputs, wanted = text(2)
    with pytest.raises(AdapterError, match="no adapted layer"):
        adapter.sensitivity(lambda: torch.zeros(()))
    for wrong in (lambda: net(inputs), lambda: net(inputs).sum() * np.inf, lambda: net(inputs).sum().detach()):
        with pytest.raises(AdapterError, match="one finite number"):
            adapter.sensitivity(wrong)
    with pytest.raises(NotSupportedError):
        adapter.sensitivity(lambda: loss(net, inputs, wanted)[0], "probabilities")
    adapter.merge()
    with pytest.raises(AdapterError, match="merged"):
        adapter.sensitivity(lambda: loss(net, inputs, wanted)[0])


def test_other_inputs_than_those_of_the_sensitivity_are_refused_and_blocks_serve_them() -> None:
    net, adapter = adapted(4)
    found = adapter.sensitivity(lambda: loss(net, *text(3))[0])
    with adapter.on(BACKEND, shots=400, allocation=found.allocation(400)), pytest.raises(AdapterError, match="slices"):
        net(text(4)[0])
    with adapter.on(BACKEND, shots=400, seed=1, allocation=found.blocks().allocation(400)) as execution:
        net(text(4)[0])
        net(text(2)[0])
    assert [len(np.unique(record.shots.reshape(4, -1)[0])) for record in execution.records] == [1] * 4


def test_zero_slices_have_no_weight_and_are_not_run() -> None:
    net, adapter = adapted(4)
    inputs, wanted = text(3)
    inputs[1, 4:8] = 0
    found = adapter.sensitivity(lambda: loss(net, inputs, wanted)[0])
    assert found.weights["0"][0][1, 1] == 0
    with adapter.on(BACKEND, shots=400, seed=1, allocation=found.allocation(400)) as execution:
        net(inputs)
    assert len(execution.records[0].shots) == 11
