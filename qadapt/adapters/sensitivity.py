"""Sensitivity: how much every block's output matters to a loss, from one backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qadapt.adapters.allocation import Allocation, neyman
from qadapt.adapters.layer import AdapterLayer
from qadapt.errors import AdapterError

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What an error of each slice does to a loss.

    With N shots, an output that is read at the quantum limit brings the loss an error of variance ``w^2 / 4N``: its
    direction is wrong by ``1 / 4N`` in every direction but its own, and the loss changes by its gradient there.

    Attributes:
        weights: *w*, the length of the gradient across the slice times the length of the slice; by name of the layer,
            one array ``[blocks, tokens]`` per call; ``[blocks, 1]`` for any number of tokens.
    """

    weights: Mapping[str, tuple[Floats, ...]]

    def blocks(self) -> Sensitivity:
        """Root mean square over tokens and calls: for other inputs than those that it was computed from."""
        joined = {name: np.concatenate(calls, axis=1) for name, calls in self.weights.items()}
        return Sensitivity({name: (np.sqrt(np.square(w).mean(axis=1))[:, None],) for name, w in joined.items()})

    def allocation(self, shots: int, *, floor: float = 0.1, classes: int = 6) -> Allocation:
        """Shots of every row for the least error of the loss, see ``qadapt.adapters.allocation.neyman``.

        Args:
            shots: Mean over all rows of all layers.
            floor: Least shots of a row, as a share of the mean.
            classes: Most classes of rows with equal shots; a layer runs once per class that it has rows in.

        Raises:
            AdapterError: As of ``neyman``.
        """
        arrays = [each for calls in self.weights.values() for each in calls]
        given = neyman(np.concatenate([each.reshape(-1) for each in arrays]), shots, floor=floor, classes=classes)
        parts = iter(np.split(given, np.cumsum([each.size for each in arrays])[:-1]))
        return Allocation(
            {name: tuple(next(parts).reshape(each.shape) for each in calls) for name, calls in self.weights.items()}
        )

    def error(self, shots: Allocation | int) -> float:
        """Standard error of the loss at the quantum limit with these shots, in first order."""
        total = 0.0
        for name, calls in self.weights.items():
            for number, each in enumerate(calls):
                given = shots if isinstance(shots, int) else shots.shots[name][number]
                total += float((np.square(each) / (4 * given)).sum())
        return float(np.sqrt(total))


def collected(layers: Mapping[str, AdapterLayer], loss: Callable[[], Tensor]) -> Sensitivity:
    """Compute what an error of each slice of adapted layers does to a loss, by one backward pass.

    Args:
        layers: The layers by name.
        loss: Runs the model and returns its loss, a tensor of one number.

    Raises:
        AdapterError: None of the layers was called, or the loss is not one finite number that depends on them.
    """
    seen: list[tuple[str, Tensor]] = []
    with _watching(layers, seen), torch.enable_grad():
        value = loss().reshape(-1)
    if not seen:
        raise AdapterError("no adapted layer was called, so that nothing matters to the loss")
    if value.numel() != 1 or not value.requires_grad or not isfinite(value.item()):
        raise AdapterError("the loss must be one finite number that depends on the adapted layers")
    gradients = torch.autograd.grad(value, [each for _, each in seen], allow_unused=True)
    weights: dict[str, tuple[Floats, ...]] = {}
    for (name, slices), gradient in zip(seen, gradients, strict=True):
        weights[name] = (*weights.get(name, ()), _across(slices, gradient))
    return Sensitivity(weights)


@contextmanager
def _watching(layers: Mapping[str, AdapterLayer], seen: list[tuple[str, Tensor]]) -> Iterator[None]:
    def watch(name: str, slices: Tensor) -> Tensor:
        held = slices if slices.requires_grad else slices.detach().requires_grad_()
        seen.append((name, held))
        return held

    before = {name: layer.watch for name, layer in layers.items()}
    try:
        for name, layer in layers.items():
            layer.watch = partial(watch, name)
        yield
    finally:
        for name, layer in layers.items():
            layer.watch = before[name]


def _across(slices: Tensor, gradient: Tensor | None) -> Floats:
    """Lengths of the gradients' parts across the slices, times the slices' lengths, ``[blocks, tokens]``."""
    values = slices.detach().double().cpu().numpy()
    if gradient is None:
        return np.zeros(values.shape[1::-1])
    slopes = gradient.detach().double().cpu().numpy()
    squares = np.square(values).sum(axis=2) * np.square(slopes).sum(axis=2) - np.square((values * slopes).sum(axis=2))
    across: Floats = np.sqrt(np.clip(squares, 0, None)).T
    return across
