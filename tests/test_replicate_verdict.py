"""The verdict tells shot noise from a wrong distribution; false alarms are one in 1e9 by construction."""

from __future__ import annotations

import numpy as np
import pytest

from qadapt.replicate.verdict import agreement

ROWS, SHOTS = 500, 4096


def drawn(seed: int, probabilities: np.ndarray) -> np.ndarray:
    return np.random.default_rng(seed).multinomial(SHOTS, probabilities)


@pytest.fixture
def probabilities() -> np.ndarray:
    return np.random.default_rng(0).dirichlet([0.3] * 4, size=ROWS)


@pytest.mark.parametrize("seed", range(20))
def test_right_counts_match(probabilities, seed):
    result = agreement(drawn(seed, probabilities), probabilities, probabilities, simulated=True, seed=1)
    assert result.verdict == "match"
    assert abs(result.distance - result.expected) < 6 * result.deviation


@pytest.mark.parametrize("wrong", ["noise", "reversed", "rotated"])
def test_wrong_counts_differ(probabilities, wrong):
    other = {
        "noise": 0.97 * probabilities + 0.03 / 4,
        "reversed": probabilities[:, [0, 2, 1, 3]],
        "rotated": np.roll(probabilities, 1, axis=0),
    }[wrong]
    result = agreement(drawn(1, other), probabilities, probabilities, simulated=True, seed=1)
    assert result.verdict == "differs"


def test_a_real_machine_may_be_twice_as_noisy_as_calibrated_but_not_four_times(probabilities):
    def mixed(share):
        return (1 - share) * probabilities + share / 4

    for share, verdict in ((0.1, "match"), (0.25, "differs")):
        result = agreement(drawn(2, mixed(share)), mixed(0.06), probabilities, simulated=False, seed=1)
        assert result.verdict == verdict
    assert agreement(drawn(2, mixed(0.1)), mixed(0.06), probabilities, simulated=True, seed=1).verdict == "differs"
