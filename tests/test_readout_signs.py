"""Signs: the search is exact, couplings are likelihood ratios, and proposals hold the true signs."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.readout import IDEAL, Noise, depolarising, tensored
from qadapt.readout.likelihood import Likelihood
from qadapt.readout.settings import interfering
from qadapt.readout.signs import clusters, couplings, edges, search, starts
from readout_cases import Floats, expected, probabilities, sampled, vectors


def likelihood(outputs: Floats, shots: int = 10**9, noise: Noise = IDEAL, seed: int | None = None) -> Likelihood:
    exact = probabilities(outputs, noise.strengths[0], None if noise.confusion is None else noise.confusion[0])
    counts = expected(exact, shots) if seed is None else sampled(exact, shots, seed)
    return Likelihood.of(counts, interfering(outputs.shape[1].bit_length() - 1), noise)


@pytest.mark.parametrize("dim", [2, 4, 8, 16, 32])
def test_edges_are_those_of_the_hypercube(dim: int) -> None:
    found = {(int(low), int(high)): int(qubit) for low, high, qubit in edges(dim)}
    bits = dim.bit_length() - 1
    assert found == {(i, i | 1 << bit): bit for i in range(dim) for bit in range(bits) if not i >> bit & 1}
    assert len(edges(dim)) == len(found)


@given(st.sampled_from([2, 4, 8]), st.integers(0, 2**32))
def test_the_search_is_exact(dim: int, seed: int) -> None:
    weights = np.random.default_rng(seed).normal(size=(6, len(edges(dim))))
    patterns = np.array([(1, *rest) for rest in product((1, -1), repeat=dim - 1)])
    low, high, _ = edges(dim).T
    heights = weights @ (patterns[:, low] * patterns[:, high]).T
    found = search(weights)
    assert set(np.unique(found)) <= {-1.0, 1.0}
    np.testing.assert_allclose((weights * found[:, low] * found[:, high]).sum(axis=1), heights.max(axis=1))


def test_the_search_is_exact_for_sixteen() -> None:
    weights = np.random.default_rng(4).normal(size=(3, 32))
    bits = np.arange(2**15)[:, None] >> np.arange(15) & 1
    patterns = np.concatenate([np.ones((2**15, 1)), 1.0 - 2 * bits], axis=1)
    low, high, _ = edges(16).T
    heights = weights @ (patterns[:, low] * patterns[:, high]).T
    found = search(weights)
    np.testing.assert_allclose((weights * found[:, low] * found[:, high]).sum(axis=1), heights.max(axis=1))


@pytest.mark.parametrize("dim", [2, 4, 8, 16, 32])
@pytest.mark.parametrize("noisy", [False, True])
def test_signs_are_found_from_many_shots(dim: int, noisy: bool) -> None:
    outputs = vectors(20, dim, dim)
    noise = IDEAL
    if noisy:
        qubits = [[[0.98, 0.05], [0.02, 0.95]]] * (dim.bit_length() - 1)
        noise = Noise(np.array([0.2]), tensored([qubits]))
    like = likelihood(outputs, noise=noise)
    sizes, weights = couplings(like)
    np.testing.assert_allclose(sizes, np.abs(outputs), atol=2e-4)
    low, high, _ = edges(dim).T
    clear = np.minimum(np.abs(outputs[:, low]), np.abs(outputs[:, high])) > 0.02
    assert (np.sign(weights) == np.sign(outputs[:, low] * outputs[:, high]))[clear].all()
    first = next(starts(like))[1]
    agree = np.abs(np.einsum("ri,ri->r", first, outputs))
    np.testing.assert_allclose(agree, 1, atol=1e-3)


@given(st.integers(0, 2**32))
def test_weights_are_half_the_likelihood_ratio_of_two_components(seed: int) -> None:
    """With the other component's sign flipped, what changes is the likelihood of the counts of their quarter turn."""
    outputs = vectors(1, 2, seed)
    like = likelihood(outputs, shots=4000, noise=depolarising(0.1), seed=seed)
    sizes, weights = couplings(like)
    plus = (sizes / np.linalg.norm(sizes)) * [1, 1]
    minus = plus * [1, -1]
    assert (like.value(plus) - like.value(minus))[0] / 2 == pytest.approx(weights[0, 0], rel=0.05, abs=0.5)


@pytest.mark.parametrize("dim", [2, 4, 8, 16, 32])
def test_clusters_are_distinct_changes(dim: int) -> None:
    found = clusters(dim)
    assert set(np.unique(found)) == {-1.0, 1.0}
    assert (found[:, 0] == 1).all()
    assert len(np.unique(found, axis=0)) == len(found)
    assert (found < 0).any(axis=1).all()
    rows = {tuple(row) for row in found}
    for one in range(dim):
        for other in range(one):
            change = np.ones(dim)
            change[[one, other]] = -1
            assert tuple(change * change[0]) in rows or dim == 2
    if dim > 2:
        face = np.ones(dim)
        face[[0, 1, 2, 3]] = -1
        assert tuple(-face) in rows or dim == 4


def test_a_vanishing_amplitude_gets_both_signs() -> None:
    outputs = np.array([[0.8, 0.6 - 1e-9, 0.0, 0.0003], [0.5, -0.5, 0.5, 0.5]])
    outputs /= np.linalg.norm(outputs, axis=1, keepdims=True)
    proposals = list(starts(likelihood(outputs, shots=2000, seed=1)))
    assert proposals[0][0].tolist() == [0, 1]
    assert all(rows.tolist() == [0] for rows, _ in proposals[1:])
    assert len({tuple(np.sign(found[0] * found[0, 0])) for _, found in proposals}) == len(proposals) >= 3
