"""Layer: random Cayley blocks of a given strength, and a layer of them measured on a machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from torch import nn

from qadapt.adapters.cayley.layer import CayleyLinear
from qadapt.adapters.layer import Measure, Request
from qadapt.counts import Counts, sample
from qadapt.readout import Decoded, Readout, readout
from qadapt.readout.settings import shots_each
from qadapt.study.circuits import Machine
from qadapt.study.grid import LayerCell, machine, shots_seed
from qadapt.study.outcome import LayerResult
from qadapt.synthesis import Effort
from qadapt.target import Target

Floats: TypeAlias = NDArray[np.float64]

MANY = 10**8
"""Shots that stand for infinitely many; what they leave is below 1e-3 of a vector for every block."""


@dataclass
class Bench:
    """Measures layers on one machine, one call after the other, and keeps what is to be reported.

    Attributes:
        machine: Where, and by whose circuits.
        readout: What is measured and how it is decoded.
        shots: Shots per row, over all settings.
        seed: Decides the counts: call *c* draws from ``SeedSequence(seed, spawn_key=(c,))``.
        squared: Squared length of the error of each decoded unit vector, ``[rows]`` per call.
        entangling: Entangling gates per row, one number per call.
    """

    machine: Machine
    readout: Readout
    shots: int
    seed: int
    squared: list[Floats] = field(default_factory=list)
    entangling: list[float] = field(default_factory=list)

    def measure(self, layer: CayleyLinear) -> Measure:
        """How a layer is run here."""

        def run(request: Request) -> Decoded:
            return self._run(request, layer.matrices().detach().cpu().numpy())

        return Measure(run, self.machine.target, self.machine.effort, None, self.readout)

    def _run(self, request: Request, matrices: Floats) -> Decoded:
        settings = self.readout.settings(request.circuit.num_qubits)
        shots = shots_each(MANY if "shots" in self.machine.off else self.shots, len(settings))
        made = self.machine.distributions(request, matrices, settings)
        sequence = np.random.SeedSequence(self.seed, spawn_key=(len(self.squared),))
        counts = sample(list(made.tables), shots, int(sequence.generate_state(1)[0]))
        decoded = self.readout.decode([Counts((each,), shots) for each in counts.registers], request.inputs, made.noise)
        self.squared.append(np.square(decoded.values - request.exact).sum(axis=1))
        self.entangling.append(made.entangling)
        return decoded


def evaluate(cell: LayerCell) -> LayerResult:
    """Measure the layer of a cell.

    Raises:
        QadaptError: The layer does not fit the target.
    """
    target = machine(cell.target)
    layer, inputs = _drawn(cell.dim, cell.width, cell.tokens, cell.strength, cell.seed, target, cell.effort)
    bench = Bench(
        Machine(target, cell.scale, cell.off, cell.compiler, cell.effort),
        readout(cell.readout),
        cell.shots,
        shots_seed(cell),
    )
    with torch.no_grad():
        layer.measure = None
        exact = layer.rotated(inputs)
        layer.measure = bench.measure(layer)
        measured = layer.rotated(inputs)
        errors = torch.linalg.vector_norm(measured - exact, dim=1) / torch.linalg.vector_norm(exact, dim=1)
    return LayerResult(cell=cell, errors=tuple(errors.tolist()), entangling=bench.entangling[0])


def strong_blocks(number: int, dim: int, strength: float, generator: np.random.Generator) -> Floats:
    """Skew matrices K of random Cayley blocks that all turn equally far, above the diagonal, ``[number, d(d-1)/2]``.

    Entries are normal, then each K is scaled. With eigenvalues *i t* of K, those of ``Q - 1`` have the modulus
    ``|t| / sqrt(1 + t**2 / 4)``, and the mean of ``||Qx - x||**2`` over the unit sphere is the mean of their squares.

    Args:
        number: Number of blocks.
        dim: Their side.
        strength: Root of that mean, above 0 and below 2.
        generator: Draws the entries.
    """
    drawn = generator.normal(size=(number, dim * (dim - 1) // 2))
    whole = np.zeros((number, dim, dim))
    whole[:, *np.triu_indices(dim, 1)] = drawn
    turns = np.abs(np.linalg.eigvals(whole - whole.transpose(0, 2, 1)).imag)

    def excess(log_scale: float, own: Floats) -> float:
        squares = np.square(own * np.exp(log_scale))
        return float((squares / (1 + squares / 4)).mean()) - strength**2

    scales = np.array([np.exp(brentq(excess, -20.0, 20.0, args=(own,))) for own in turns])
    out: Floats = drawn * scales[:, None]
    return out


@lru_cache(maxsize=4)
def _drawn(
    dim: int, width: int, tokens: int, strength: float, seed: int, target: Target, effort: Effort
) -> tuple[CayleyLinear, torch.Tensor]:
    """A layer and its inputs ``[tokens, width]``.

    Kept, because a layer keeps the angles of its blocks; target and effort, on which these depend, are arguments so
    that no layer ever starts from the angles of another machine.
    """
    generator = np.random.default_rng([seed, dim])
    layer = CayleyLinear(nn.Linear(width, width, bias=False, dtype=torch.float64), dim)
    skew = strong_blocks(width // dim, dim, strength, generator)
    with torch.no_grad():
        layer.skew.copy_(torch.from_numpy(skew))
    return layer, torch.from_numpy(generator.normal(size=(tokens, width)))
