"""Dispersion: a bound that holds at any number of shots, and has the power to be of use."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from qadapt_conformance.statistics.dispersion import dispersion


@pytest.mark.parametrize("shots", [1, 2])
@pytest.mark.parametrize("chance", [0.5, 0.1])
def test_is_a_p_value(shots: int, chance: float) -> None:
    """Over all outcomes of two pairs: the probability of a value of at most p is at most p, exactly summed up."""
    values, weights = [], []
    for ones in itertools.product(range(shots + 1), repeat=4):
        values.append(dispersion(np.array(ones[:2]), np.array(ones[2:]), shots))
        weights.append(float(np.prod(binom.pmf(ones, shots, chance))))
    order = np.argsort(values)
    reached = np.cumsum(np.array(weights)[order])
    at = np.array(values)[order]
    # Of equal values the last one has all their weight.
    last = np.append(at[1:] > at[:-1] + 1e-9, True)
    assert (reached[last] <= at[last] + 1e-9).all()


@pytest.mark.parametrize("chance", [0.5, 0.03, 0.999])
def test_right_counts_pass(chance: float) -> None:
    """200 experiments, whose seeds are fixed: each is called with a probability of at most 1e-9."""
    draw = np.random.default_rng(3)
    found = [dispersion(*draw.binomial(64, chance, (2, 256)), 64) for _ in range(200)]
    assert min(found) > 1e-9


def test_chance_may_differ_from_pair_to_pair() -> None:
    draw = np.random.default_rng(4)
    chances = draw.uniform(size=1024)
    assert dispersion(*draw.binomial(64, chances, (2, 1024)), 64) > 1e-3


@pytest.mark.parametrize(
    ("width", "largest"), [(2.0, 1e-30), (1.5, 1e-12), (0.5, 1e-20), (0.0, 1e-200)], ids=["all", "half", "less", "none"]
)
def test_power(width: float, largest: float) -> None:
    """Variances of counts that are some multiple of what they should be, 1024 pairs."""
    spread = np.random.default_rng(5).normal(0, np.sqrt(width * 16), (2, 1024))
    counts = np.clip(np.round(32 + spread), 0, 64).astype(np.int64)
    assert dispersion(counts[0], counts[1], 64) < largest


def test_certain_outcomes_say_nothing() -> None:
    assert dispersion(np.zeros(10, dtype=np.int64), np.zeros(10, dtype=np.int64), 64) == 1.0
