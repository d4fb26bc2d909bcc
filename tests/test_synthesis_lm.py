"""Least squares: the Jacobian against finite differences, restarts, and more rows than lanes."""

import numpy as np
import pytest

from qadapt.synthesis import BLOCKS, STATES, Ansatz, brick_wall, lm
from qadapt.synthesis.lm import conditioning, fit, random_starts

RING = Ansatz(4, ((0, 1), (0, 2), (3, 1), (3, 0), (2, 3)))


@pytest.mark.parametrize("ansatz", [brick_wall(2, 3), brick_wall(3, 5), RING], ids=["two", "line", "any edges"])
@pytest.mark.parametrize("states", [False, True], ids=["matrices", "states"])
def test_jacobian_is_the_derivative_in_the_frame_of_the_circuit(ansatz: Ansatz, states: bool) -> None:
    angles = random_starts(ansatz, 2, 0)
    matrices = ansatz.matrix(angles)
    targets = ansatz.matrix(random_starts(ansatz, 2, 1))
    space = np.empty((len(ansatz.edges) + 1, 2, *matrices.shape[1:]))
    cost, residual, jacobian = lm._evaluate(ansatz, angles, targets[:, :, 0] if states else targets, space)
    step = 1e-6 * np.eye(ansatz.size)
    moved = ansatz.matrix(angles[:, None] + step) - ansatz.matrix(angles[:, None] - step)
    derivative = matrices.swapaxes(1, 2)[:, None] @ moved / 2e-6
    frame = matrices.swapaxes(1, 2) @ targets
    if states:
        np.testing.assert_allclose(jacobian, derivative[..., 1:, 0], atol=1e-9)
        np.testing.assert_allclose(residual, frame[:, 1:, 0], atol=1e-14)
        np.testing.assert_allclose(cost, np.square(matrices - targets)[:, :, 0].sum(axis=1), atol=1e-13)
        return
    rows, columns = np.triu_indices(matrices.shape[1], 1)
    np.testing.assert_allclose(jacobian, derivative[..., rows, columns], atol=1e-9)
    np.testing.assert_allclose(residual, ((frame - frame.swapaxes(1, 2)) / 2)[:, rows, columns], atol=1e-14)
    np.testing.assert_allclose(cost, np.square(matrices - targets).sum(axis=(1, 2)), atol=1e-13)


def test_more_rows_than_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that wait for a lane come out in their own place."""
    ansatz = STATES[4]
    vectors = np.random.default_rng(0).normal(size=(90, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.broadcast_to(np.arange(8), (90, 8))
    monkeypatch.setattr(lm, "_MEMORY", 0)
    angles, distances = fit(ansatz, vectors, random_starts(ansatz, 8, 0), order)
    assert distances.max() < 1e-9
    np.testing.assert_allclose(ansatz.state(angles), vectors, atol=1e-9)


def test_starts_stay_with_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """One evaluation per row, whose start is the answer, also for the rows that wait."""
    ansatz = BLOCKS[3]
    starts = random_starts(ansatz, 40, 1)
    order = np.arange(40)[::-1, None]
    monkeypatch.setattr(lm, "_MEMORY", 0)
    angles, distances = fit(ansatz, ansatz.matrix(starts)[::-1], starts, order, evaluations=1)
    assert distances.max() < 1e-12
    np.testing.assert_array_equal(angles, starts[::-1])


def test_later_starts_rescue_a_row() -> None:
    """With one evaluation per try, only the start that is the answer helps."""
    ansatz = BLOCKS[3]
    starts = random_starts(ansatz, 3, 3)
    target = ansatz.matrix(starts[2:])
    _, without = fit(ansatz, target, starts, np.array([[0, 1]]), evaluations=1)
    assert without[0] > 0.1
    angles, solved = fit(ansatz, target, starts, np.array([[0, 1, 2]]), evaluations=1)
    assert solved[0] < 1e-12
    np.testing.assert_array_equal(angles[0], starts[2])


def test_unsolved_rows_keep_their_best() -> None:
    """Without CZ the nearest products of rotations are found, and their distances are true."""
    ansatz, target = Ansatz(3), brick_wall(3, 14).matrix(random_starts(brick_wall(3, 14), 2, 5))
    starts = random_starts(ansatz, 12, 6)
    angles, distances = fit(ansatz, target, starts, np.broadcast_to(np.arange(12), (2, 12)))
    np.testing.assert_allclose(np.linalg.norm(ansatz.matrix(angles) - target, axis=(1, 2)), distances, atol=1e-12)
    for start in starts:
        assert (np.linalg.norm(ansatz.matrix(start) - target, axis=(1, 2)) >= distances - 1e-12).all()


def test_conditioning_sees_critical_points() -> None:
    """Every solution of the identity is critical with 14 CZ; with 19 there are good ones."""
    ansatz = brick_wall(3, 14)
    identity = np.broadcast_to(np.eye(8), (8, 8, 8))
    angles, distances = fit(ansatz, identity, random_starts(ansatz, 8, 0), np.arange(8)[:, None], goal=1e-13)
    assert (distances < 1e-9).any()
    assert conditioning(ansatz, angles[distances < 1e-9]).max() < 1e-5
    assert conditioning(ansatz, random_starts(ansatz, 1, 0))[0] > 1e-4
