"""The ancilla: its counts are those of interference, and they tell a vector from its negative."""

from __future__ import annotations

import numpy as np
import pytest

from qadapt.counts import Counts
from qadapt.errors import BindingsError
from qadapt.readout.ancilla import DECIDED, controlled, evidence
from qadapt.readout.settings import bases
from readout_cases import cayley, unit_sum, vectors


def test_a_controlled_block_acts_beside_ancilla_one() -> None:
    blocks, _ = cayley(3, 4, 1.0)
    made = controlled(blocks)
    state = vectors(1, 4)[0]
    beside = np.zeros(8)
    beside[4:] = state
    np.testing.assert_allclose(made[1] @ beside, np.concatenate([np.zeros(4), blocks[1] @ state]))
    np.testing.assert_array_equal(made[:, :4, :4], np.broadcast_to(np.eye(4), (3, 4, 4)))
    np.testing.assert_allclose(made @ made.swapaxes(1, 2), np.broadcast_to(np.eye(8), (3, 8, 8)), atol=1e-12)


@pytest.mark.parametrize("dim", [2, 4, 8])
def test_evidence_has_the_sign_of_the_truth(dim: int) -> None:
    inputs, (blocks, _) = vectors(200, dim, 1), cayley(200, dim, 3.0)
    outputs = np.einsum("rij,rj->ri", blocks, inputs)
    joined = np.concatenate([inputs, outputs], axis=1) / np.sqrt(2)
    back = bases(np.array([[0.0] * (dim.bit_length() - 1) + [-np.pi / 2]]))[0]
    exact = np.square(joined @ back.T)
    np.testing.assert_allclose(exact, np.square(np.concatenate([inputs + outputs, inputs - outputs], axis=1)) / 4)
    counts = Counts((np.random.default_rng(1).multinomial(1000, unit_sum(0.9 * exact + 0.1 / (2 * dim))),), 1000)
    signs = np.random.default_rng(2).choice([-1.0, 1.0], size=200)
    found = evidence(outputs * signs[:, None], inputs, counts)
    # Seeds are fixed; with others one of 200 rows may be undecided.
    assert (np.sign(found) == signs).all()
    assert np.abs(found).min() > DECIDED
    np.testing.assert_allclose(evidence(-outputs, inputs, counts), -evidence(outputs, inputs, counts))


def test_evidence_refuses_what_does_not_fit() -> None:
    counts = Counts((np.array([[5, 5, 0, 0]]),), 10)
    assert evidence([[1.0, 0.0]], [[1.0, 0.0]], counts).shape == (1,)
    with pytest.raises(BindingsError):
        evidence(np.ones((1, 4)), np.ones((1, 4)), counts)
    with pytest.raises(BindingsError):
        evidence([[1.0, 0.0]], [[1.0, 0.0]] * 2, counts)
    with pytest.raises(BindingsError, match="ancilla"):
        evidence([[1.0]], [[1.0]], Counts((np.array([[5, 5]]),), 10))
