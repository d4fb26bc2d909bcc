"""Every backend of the README that works offline: one adapter gives one answer, bad input gives one error.

The statistical tests stand on ``surprise``, a bound that holds at any number of shots. A right backend falls below
``ALPHA`` with a probability of at most 1e-8 per look, and all looks of this file together with at most 1e-6. Seeds are
fixed, so what passes once passes always.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qadapt import registry
from qadapt.adapters.adapter import Adapter
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.cayley.layer import CayleyLinear
from qadapt.adapters.execution import Record
from qadapt.adapters.inject import inject
from qadapt.errors import (
    MissingExtraError,
)
from qadapt.provider import Backend

Floats = NDArray[np.float64]

IDEAL = ("local:statevector", "aer:statevector", "braket:local", "cirq:simulator", "origin:cpu")
CHIPS = (
    "local:emulator/heron-r2",
    "local:emulator/heron-r3",
    "local:emulator/wukong-72",
    "ibm:fake_kingston",
    "origin:wukong72-emulator",
)
BACKENDS = (*IDEAL, *CHIPS, "braket:local-dm", "cirq:density-matrix")
VENDORS = ("aer", "braket", "cirq", "ibm", "origin")
README = Path(__file__).parents[1] / "README.md"

DIMS = (2, 4, 8)
SHOTS, SEED = 100_000, 5
ALPHA = 1e-8
"""False-alarm rate of one look; the file has fewer than a hundred."""
POSSIBLE = 1e-10
"""Amplitudes above it belong to outcomes that can occur; exact zeros come out near 1e-17."""


@cache
def opened(name: str) -> Backend:
    """Open a backend, or skip the test where its provider is not installed and say how to install it."""
    try:
        return registry.backend(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


# The statistics


def tail(distance: float, freedom: int) -> float:
    """Bound the probability of a distance (see ``surprise``) at least this large; certain outcomes have none."""
    if freedom == 0:
        return 1.0 if distance < 1e-6 else 0.0
    return 1.0 if distance <= freedom else exp(freedom - distance + freedom * log(distance / freedom))


def surprise(seen: Floats, exact: Floats, shots: int) -> float:
    """Bound the probability that shot noise alone moves vectors at least this far from where they should be.

    Let f be the frequencies of N shots drawn from p, and take square roots with the signs of the exact vector. Then
    ``|sqrt(f) - sqrt(p)|^2 = 2 - 2 sum sqrt(f p) <= -2 log(sum f sqrt(p / f)) <= sum f log(f / p) = KL(f | p)``, the
    last by Jensen's inequality, and the moment generating function of ``N KL`` is at most that of a gamma distribution
    of shape k - 1 and rate 1, for k possible outcomes and any N (R. Agrawal, IEEE Trans. Inf. Theory 66 (2020),
    arXiv:1904.02291). Rows are drawn one after the other, so their generating functions multiply and shapes add, and
    Chernoff's bound is ``P(N distance^2 >= g) <= exp(D - g) (g / D)^D`` for g > D, with D the sum of the shapes.

    Two looks at once, Bonferroni-corrected: all rows together, and the worst row by itself.

    Args:
        seen: Unit vectors from counts, ``[rows, d]``.
        exact: What they tend to, ``[rows, d]``.
        shots: Shots per row.
    """
    distances = shots * np.square(seen - exact).sum(axis=1)
    freedom = (np.abs(exact) > POSSIBLE).sum(axis=1) - 1
    together = tail(float(distances.sum()), int(freedom.sum()))
    worst = min(tail(float(g), int(d)) for g, d in zip(distances, freedom, strict=True))
    return min(1.0, 2 * min(together, len(distances) * worst))


def of_counts(counts: NDArray[np.int64], probabilities: Floats) -> float:
    """Surprise of counts ``[rows, outcomes]`` that should have been drawn from probabilities of this shape."""
    shots = int(counts[0].sum())
    return surprise(np.sqrt(counts / shots), np.sqrt(np.clip(probabilities, 0, None)), shots)


@pytest.mark.parametrize("shots", [1, 7, 1000])
def test_the_bound_holds_at_any_number_of_shots(shots: int) -> None:
    """Among 400 right samples, 10 % may be below 0.1; 80 of them would be a chance of 1e-8 (Chernoff)."""
    generator = np.random.default_rng(shots)
    table = generator.dirichlet([0.3] * 8, size=5)
    low = sum(of_counts(generator.multinomial(shots, table), table) < 0.1 for _ in range(400))
    assert low < 80


# The adapter on a backend


@dataclass(frozen=True, eq=False)
class Pass:
    """One forward pass on a backend.

    Attributes:
        output: What the model returned.
        records: One per adapted layer.
        inputs: What came into each adapted layer, ``[tokens, width]``.
        rotated: What its circuits made of it, ``[tokens, width]``.
    """

    output: Tensor
    records: tuple[Record, ...]
    inputs: tuple[Tensor, ...]
    rotated: tuple[Tensor, ...]


def model(dim: int, turned: float = 1.0) -> tuple[nn.Sequential, Adapter]:
    """Two adapted layers with random blocks, of which the first stays the identity; skews are multiplied by a factor.

    An identity block gives exact zeros and ties, where simulators differ by rounding alone.
    """
    torch.manual_seed(dim)
    width = max(16, 2 * dim)
    net = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width)).double()
    adapter = inject(net, CayleyConfig(targets=("0", "2"), dim=dim))
    with torch.no_grad():
        for value in adapter.parameters.values():
            value.copy_(0.4 * turned * torch.randn(value.shape, dtype=torch.float64))
            value[0] = 0
    return net, adapter


def activations(dim: int) -> Tensor:
    """Random tokens, after one of zeros, one that is a basis vector in every slice, and one of equal components."""
    values = torch.randn(10, max(16, 2 * dim), dtype=torch.float64, generator=torch.Generator().manual_seed(dim))
    values[0] = values[1] = 0
    values[1, dim - 1 :: dim] = 1
    values[2] = -1
    return values


@cache
def forward(name: str, dim: int) -> Pass:
    """Run the model on a backend, once per backend and dim."""
    net, adapter = model(dim)
    inputs: list[Tensor] = []
    rotated: list[Tensor] = []
    for layer in adapter.layers.values():
        layer.register_forward_pre_hook(lambda _, taken: inputs.append(taken[0]))
        layer.base.register_forward_pre_hook(lambda _, taken: rotated.append(taken[0]))
    with adapter.on(opened(name), shots=SHOTS, seed=SEED) as execution:
        output = net(activations(dim))
    return Pass(output, tuple(execution.records), tuple(inputs), tuple(rotated))


def limits(adapter: Adapter, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """What circuits should make of the layers' inputs, ``[tokens, width]`` each, by the exact map in torch."""
    with adapter.exact(), torch.no_grad():
        layers = [layer for layer in adapter.layers.values() if isinstance(layer, CayleyLinear)]
        return [layer.rotated(values) for layer, values in zip(layers, inputs, strict=True)]


def slices(vectors: Tensor, inputs: Tensor, dim: int) -> Floats:
    """Slices of vectors that stand for unit vectors, ``[slices, d]``: over the norms of the inputs, zero ones left out.

    Slices of one token follow each other.
    """
    norms = inputs.reshape(-1, dim).norm(dim=1)
    parts = vectors.reshape(-1, dim)
    assert (parts[norms == 0] == 0).all()
    units: Floats = (parts[norms > 0] / norms[norms > 0, None]).numpy()
    return units


def surprises(passed: Pass, expected: list[Tensor], dim: int) -> list[float]:
    """Surprise of each adapted layer of a pass whose circuits should give the expected vectors."""
    return [
        surprise(slices(seen, inputs, dim), slices(exact, inputs, dim), SHOTS)
        for seen, exact, inputs in zip(passed.rotated, expected, passed.inputs, strict=True)
    ]


def assert_identical(passed: Pass, reference: Pass, backend: str) -> None:
    """The same seeds, counts and outputs, number by number, from another backend."""
    assert len(passed.records) == len(reference.records) == 2
    for mine, theirs in zip(passed.records, reference.records, strict=True):
        assert mine.run.provenance.backend == backend
        assert mine.run.provenance.seed == theirs.run.provenance.seed
        assert mine.circuit == theirs.circuit
        np.testing.assert_array_equal(mine.run.counts.table, theirs.run.counts.table)
        np.testing.assert_array_equal(mine.decoded.values, theirs.decoded.values)
    assert torch.equal(passed.output, reference.output)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", IDEAL[1:])
def test_ideal_backends_give_identical_counts_and_outputs(name: str, dim: int) -> None:
    capabilities = opened(name).capabilities
    assert capabilities.exact_sampling
    assert capabilities.seed
    assert_identical(forward(name, dim), forward(IDEAL[0], dim), name)


@pytest.mark.parametrize("name", ["aer:statevector", "cirq:simulator"])
def test_blocks_of_sixteen_are_identical_as_well(name: str) -> None:
    assert_identical(forward(name, 16), forward(IDEAL[0], 16), name)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", IDEAL)
def test_decoded_vectors_differ_from_the_exact_map_by_shot_noise(name: str, dim: int) -> None:
    passed = forward(name, dim)
    blocks = max(16, 2 * dim) // dim
    assert [record.bindings.rows for record in passed.records] == [9 * blocks, 10 * blocks]
    assert min(surprises(passed, limits(model(dim)[1], passed.inputs), dim)) > ALPHA


@pytest.mark.parametrize("dim", DIMS)
def test_the_test_sees_what_is_wrong(dim: int) -> None:
    """The same look at the same vectors, against maps that are wrong in the ways maps go wrong."""
    passed = forward(IDEAL[0], dim)
    right = limits(model(dim)[1], passed.inputs)
    wrong = {
        "blocks transposed": limits(model(dim, -1.0)[1], passed.inputs),
        "angles 2 % too large": limits(model(dim, 1.02)[1], passed.inputs),
        "rows rolled": [exact.roll(1, dims=0) for exact in right],
        "blocks rolled": [exact.roll(dim, dims=1) for exact in right],
        "signs lost": [exact.abs() for exact in right],
    }
    if dim > 2:
        order = [int(f"{index:0{dim.bit_length() - 1}b}"[::-1], 2) for index in range(dim)]
        wrong["bits reversed"] = [exact.unflatten(1, (-1, dim))[..., order].flatten(1) for exact in right]
    units = [slices(seen, inputs, dim) for seen, inputs in zip(passed.rotated, passed.inputs, strict=True)]
    for what, maps in wrong.items():
        for number, exact in enumerate(maps):
            parts = exact.reshape(-1, dim)[passed.inputs[number].reshape(-1, dim).norm(dim=1) > 0]
            norms = passed.inputs[number].reshape(-1, dim).norm(dim=1)
            expected = (parts / norms[norms > 0, None]).numpy()
            assert surprise(units[number], expected, SHOTS) < ALPHA, what
    one_row = [vectors.copy() for vectors in units]
    one_row[1][[0, 1]] = one_row[1][[1, 0]]
    assert surprise(one_row[1], slices(right[1], passed.inputs[1], dim), SHOTS) < ALPHA
