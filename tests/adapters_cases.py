"""Cases for tests of adapters: a machine that has left its calibration, and a model that has rows of all weights."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qadapt.adapters.adapter import Adapter
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.inject import inject
from qadapt.local import EmulatorBackend
from qadapt.provider import Work
from qadapt.simulate import density
from qadapt.target import Site, Target, bundled_targets

MOST = 0.4
"""Largest error that drift leads to."""


def drifted(target: Target, factor: float, spread: float = 0.0, seed: int = 0) -> Target:
    """The target with each gate and readout error times a log-normal number of its own, of the same median."""
    generator = np.random.default_rng(seed)

    def worse(error: float) -> float:
        return max(error, min(MOST, error * factor * float(np.exp(spread * generator.normal()))))

    def moved(site: Site) -> Site:
        return site if site.error is None else site.model_copy(update={"error": worse(site.error)})

    qubits = tuple(
        each.model_copy(update={name: worse(getattr(each, name)) for name in ("prob_meas1_prep0", "prob_meas0_prep1")})
        for each in target.qubits
    )
    sites = {name: tuple(moved(site) for site in some) for name, some in target.sites.items()}
    return target.model_copy(update={"qubits": qubits, "sites": sites})


class Drifted(EmulatorBackend):
    """An emulated Heron r2 whose errors are others than those of the calibration that it shows."""

    def __init__(self, factor: float, spread: float = 0.0, seed: int = 0) -> None:
        super().__init__(bundled_targets()["heron-r2"])
        self.truth = drifted(self.target, factor, spread, seed)

    def probabilities(self, work: Work) -> tuple[NDArray[np.float64], ...]:
        """Exact probabilities with the errors that the machine has."""
        return density.probabilities(work.circuit, work.bindings, self.truth)


def adapted(dim: int, *, width: int = 16, seed: int = 1) -> tuple[nn.Module, Adapter]:
    """Two adapted linear layers with a bend between them, to whose logits some components matter far more."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    net = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 12))
    with torch.no_grad():
        net[0].weight.copy_(draw(width, width) / width**0.5)
        net[2].weight.copy_(draw(12, width) / width**0.5 * torch.exp(1.5 * draw(width)))
    adapter = inject(net, CayleyConfig(targets=("0", "2"), dim=dim, readout="signed"))
    with torch.no_grad():
        for value in adapter.parameters.values():
            value.copy_(0.3 * draw(*value.shape))
    return net, adapter


def text(tokens: int, *, width: int = 16, seed: int = 3) -> tuple[Tensor, Tensor]:
    """Inputs of very different lengths, and what is to be predicted."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(tokens, width, generator=generator)
    return inputs * torch.exp(torch.randn(tokens, 1, generator=generator)), torch.randint(
        12, (tokens,), generator=generator
    )
