"""Generators: an ansatz is the product of their exponentials, and each is a real skew signed permutation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.synthesis import Ansatz, brick_wall
from qadapt.synthesis.generators import Generators, generators
from qadapt.synthesis.skeletons import line, wall
from synthesis_cases import Floats, ansaetze, dense

WALLS = [brick_wall(4, 12), wall(line(4), 12), wall(line(4), 12, free=True)]


def matrices_of(found: Generators) -> Floats:
    """The generators as dense matrices ``[p, d, d]``."""
    count, dim = found.images.shape
    out = np.zeros((count, dim, dim))
    for number in range(count):
        out[number, np.arange(dim), found.images[number]] = found.signs[number]
    return out


@given(ansaetze(), st.integers(0, 2**32))
def test_exponentials_give_the_circuit(ansatz: Ansatz, seed: int) -> None:
    angles = np.random.default_rng(seed).uniform(-7, 7, (3, ansatz.size))
    found = generators(ansatz)
    identity = np.eye(1 << ansatz.num_qubits)
    product = np.array([identity] * 3)
    for number, generator in enumerate(matrices_of(found)):
        half = angles[:, number, None, None] / 2
        product = (np.cos(half) * identity + np.sin(half) * generator) @ product
    product = found.closing @ product
    expected = dense(ansatz, angles)
    first = np.vdot(product[0], expected[0])
    np.testing.assert_allclose(product * (first / abs(first)), expected, atol=1e-13)  # one phase for all rows


@given(ansaetze())
def test_generators_are_real_skew_signed_permutations(ansatz: Ansatz) -> None:
    found = generators(ansatz)
    dim = 1 << ansatz.num_qubits
    assert found.images.shape == found.signs.shape == (ansatz.size, dim)
    assert set(np.unique(found.signs)) <= {-1.0, 1.0}
    for generator, low, images in zip(matrices_of(found), found.low, found.images, strict=True):
        np.testing.assert_array_equal(generator.T, -generator)
        np.testing.assert_array_equal(generator @ generator, -np.eye(dim))
        assert (low < images[low]).all()
        assert sorted([*low, *images[low]]) == list(range(dim))


@given(ansaetze())
def test_the_closing_is_orthogonal(ansatz: Ansatz) -> None:
    closing = generators(ansatz).closing
    np.testing.assert_allclose(closing @ closing.T, np.eye(len(closing)), atol=1e-14)


@given(ansaetze())
def test_groups_are_the_longest_that_commute(ansatz: Ansatz) -> None:
    found = generators(ansatz)
    dense_ones = matrices_of(found)

    def commute(first: int, second: int) -> bool:
        return bool(np.array_equal(dense_ones[first] @ dense_ones[second], dense_ones[second] @ dense_ones[first]))

    assert [angle for group in found.groups for angle in group] == list(range(ansatz.size))
    for group in found.groups:
        assert all(commute(first, second) for first in group for second in group)
    for group, after in zip(found.groups, found.groups[1:], strict=False):
        assert not all(commute(angle, after[0]) for angle in group)


@pytest.mark.parametrize("ansatz", WALLS, ids=["ry", "u3", "rzz"])
def test_several_angles_share_a_group(ansatz: Ansatz) -> None:
    assert 2 * len(generators(ansatz).groups) <= ansatz.size


def test_an_ansatz_is_worked_out_once() -> None:
    assert generators(brick_wall(3, 4)) is generators(brick_wall(3, 4))
