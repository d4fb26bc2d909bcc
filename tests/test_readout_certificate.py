"""Certificates: margins are least overlaps, and for Cayley blocks they are those of ||K||."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.errors import BindingsError
from qadapt.readout import certificate
from readout_cases import cayley, vectors


@given(st.sampled_from([2, 4, 8, 16]), st.floats(0, 2), st.integers(0, 2**32))
def test_a_cayley_block_is_covered_below_two(dim: int, scale: float, seed: int) -> None:
    blocks, norms = cayley(5, dim, scale, seed)
    found = certificate(blocks)
    np.testing.assert_allclose(found.margins, (1 - norms**2 / 4) / (1 + norms**2 / 4), atol=1e-9)
    clear = np.abs(norms - 2) > 1e-6
    np.testing.assert_array_equal(found.holds[clear], norms[clear] < 2)


@given(st.sampled_from([2, 4, 8]), st.integers(0, 2**32))
def test_the_margin_is_the_least_overlap(dim: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    block = np.linalg.qr(generator.normal(size=(dim, dim)))[0]
    (margin,) = certificate(block[None]).margins
    inputs = vectors(500, dim, seed)
    assert np.einsum("ri,ij,rj->r", inputs, block, inputs).min() >= margin - 1e-9
    values, directions = np.linalg.eigh(block + block.T)
    worst = directions[:, values.argmin()]
    assert worst @ block @ worst == pytest.approx(margin, abs=1e-9)


def test_a_right_angle_is_not_covered() -> None:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    assert certificate([np.eye(2), turn, -np.eye(2)]).holds.tolist() == [True, False, False]
    assert certificate(np.zeros((0, 2, 2))).holds.tolist() == []


@pytest.mark.parametrize(
    "bad",
    [np.eye(2), np.ones((1, 2, 3)), np.full((1, 2, 2), np.nan), np.eye(2)[None] * 1j],
    ids=["flat", "oblong", "nan", "complex"],
)
def test_what_is_no_block_is_refused(bad: Any) -> None:
    with pytest.raises(BindingsError, match="blocks"):
        certificate(bad)
