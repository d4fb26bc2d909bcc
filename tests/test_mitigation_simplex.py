"""The simplex: nearest points, by the conditions that only they fulfil."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from qadapt.mitigation.simplex import nearest


@given(arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.floats(-3, 3)))
def test_nearest_probabilities_fulfil_the_conditions_of_the_nearest(values):
    found = nearest(values)
    assert (found >= 0).all()
    assert np.allclose(found.sum(axis=1), 1, atol=1e-12)
    for out, given_ in zip(found, values, strict=True):
        # One shift for all values that stay positive, and no smaller one for those that do not.
        shift = (given_ - out)[out > 0]
        assert np.ptp(shift) < 1e-12
        assert (given_[out == 0] <= shift.max() + 1e-12).all()


def test_probabilities_stay():
    table = np.random.default_rng(0).dirichlet(np.ones(8), size=20)
    assert np.allclose(nearest(table), table, atol=1e-15)
    assert np.array_equal(nearest(np.eye(4)), np.eye(4))
