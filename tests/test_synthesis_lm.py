"""Least squares: goals, restarts, more rows than lanes, and what is regular and what is critical."""

import numpy as np
import pytest

from qadapt.errors import BindingsError
from qadapt.synthesis import Ansatz, brick_wall, ladder, lm, wall
from qadapt.synthesis.generators import generators
from qadapt.synthesis.lm import conditioning, fit, random_starts, rank
from qadapt.synthesis.skeletons import line
from qadapt.synthesis.tangent import matrices
from synthesis_cases import dense, haar, in_phase, random_vectors

FAMILIES = {"ry": brick_wall(3, 19), "u3": wall(line(3), 12), "rzz": wall(line(3), 11, free=True)}
LINE = Ansatz(4, ((2, 3), (1, 2), (0, 1), (2, 3), (1, 2), (0, 1), (2, 3)))
CLOSE = 1e-9


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("states", [False, True], ids=["matrices", "states"])
def test_angles_give_the_targets(family: str, states: bool) -> None:
    ansatz = FAMILIES[family]
    targets = random_vectors(8, 6) if states else haar(8, 6)
    starts = random_starts(ansatz, 8, 0)
    angles, distances = fit(ansatz, targets, starts, np.broadcast_to(np.arange(8), (6, 8)))
    assert distances.max() < CLOSE
    found = dense(ansatz, angles)[:, :, 0] if states else dense(ansatz, angles)
    np.testing.assert_allclose(in_phase(found, targets), targets, atol=CLOSE)


@pytest.mark.parametrize("memory", [0, 1 << 24], ids=["eight lanes", "all rows"])
def test_more_rows_than_lanes(monkeypatch: pytest.MonkeyPatch, memory: int) -> None:
    """Rows that wait for a lane come out in their own place."""
    vectors = random_vectors(16, 90)
    order = np.broadcast_to(np.arange(8), (90, 8))
    monkeypatch.setattr(lm, "_MEMORY", memory)
    angles, distances = fit(LINE, vectors, random_starts(LINE, 8, 0), order)
    assert distances.max() < CLOSE
    np.testing.assert_allclose(LINE.state(angles), vectors, atol=CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
def test_starts_stay_with_their_rows(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    """One evaluation per row, whose start is the answer, also for the rows that wait."""
    ansatz = FAMILIES[family]
    starts = random_starts(ansatz, 40, 1)
    order = np.arange(40)[::-1, None]
    monkeypatch.setattr(lm, "_MEMORY", 0)
    targets = matrices(generators(ansatz), starts)[::-1]
    angles, distances = fit(ansatz, targets, starts, order, evaluations=1)
    assert distances.max() < 1e-12
    np.testing.assert_array_equal(angles, starts[::-1])


def test_later_starts_rescue_a_row() -> None:
    """With one evaluation per try, only the start that is the answer helps."""
    ansatz = FAMILIES["ry"]
    starts = random_starts(ansatz, 3, 3)
    target = ansatz.matrix(starts[2:])
    _, without = fit(ansatz, target, starts, np.array([[0, 1]]), evaluations=1)
    assert without[0] > 0.1
    angles, solved = fit(ansatz, target, starts, np.array([[0, 1, 2]]), evaluations=1)
    assert solved[0] < 1e-12
    np.testing.assert_array_equal(angles[0], starts[2])


def test_unsolved_rows_keep_their_best() -> None:
    """Without CZ the nearest products of rotations are found, and their distances are true."""
    ansatz, target = Ansatz(3), haar(8, 2)
    starts = random_starts(ansatz, 12, 6)
    angles, distances = fit(ansatz, target, starts, np.broadcast_to(np.arange(12), (2, 12)))
    np.testing.assert_allclose(np.linalg.norm(ansatz.matrix(angles) - target, axis=(1, 2)), distances, atol=1e-12)
    for start in starts:
        assert (np.linalg.norm(ansatz.matrix(start) - target, axis=(1, 2)) >= distances - 1e-12).all()


def test_every_row_has_its_own_goal() -> None:
    """What is near enough is left as soon as it is, and the rows beside it go on."""
    ansatz, targets = FAMILIES["u3"], haar(8, 9)
    goals = np.tile([1.0, 1e-2, 1e-12], 3)
    order = np.broadcast_to(np.arange(8), (9, 8))
    _, distances = fit(ansatz, targets, random_starts(ansatz, 8, 0), order, goal=goals)
    assert (distances < goals).all()
    assert (distances[0::3] > 1e-2).all()
    assert (distances[1::3] > 1e-10).all()


@pytest.mark.parametrize("memory", [0, 1 << 24], ids=["eight lanes", "all rows"])
def test_progress_adds_up_to_the_rows(monkeypatch: pytest.MonkeyPatch, memory: int) -> None:
    """Rows that are given up are closed too."""
    monkeypatch.setattr(lm, "_MEMORY", memory)
    targets = np.concatenate([haar(8, 10), np.diag([1.0] * 7 + [-1.0])[None], haar(8, 9, seed=1)])
    ansatz, told = FAMILIES["ry"], list[int]()
    order = np.broadcast_to(np.arange(2), (20, 2))
    _, distances = fit(ansatz, targets, random_starts(ansatz, 2, 0), order, evaluations=40, progress=told.append)
    assert distances[10] > 0.1  # a reflection
    assert sum(told) == 20
    assert len(told) > 1
    assert min(told) > 0


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    ansatz, targets = FAMILIES["rzz"], haar(8, 12)
    starts, order = random_starts(ansatz, 8, 0), np.broadcast_to(np.arange(8), (12, 8))
    together, _ = fit(ansatz, targets, starts, order)
    for row in (0, 5, 11):
        alone, _ = fit(ansatz, targets[row : row + 1], starts, order[:1])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-6)


def test_no_rows() -> None:
    ansatz = FAMILIES["u3"]
    angles, distances = fit(ansatz, np.empty((0, 8, 8)), random_starts(ansatz, 2, 0), np.empty((0, 2), dtype=int))
    assert angles.shape == (0, ansatz.size)
    assert distances.shape == (0,)


SHORT = [brick_wall(3, 14), wall(line(3), 10), wall(line(3), 11), wall(line(3), 10, free=True)]


@pytest.mark.parametrize("ansatz", SHORT, ids=["ry 14", "u3 10", "u3 11", "rzz 10"])
def test_short_skeletons_are_critical_at_the_identity(ansatz: Ansatz) -> None:
    identity = np.broadcast_to(np.eye(8), (8, 8, 8))
    angles, distances = fit(ansatz, identity, random_starts(ansatz, 8, 0), np.arange(8)[:, None], goal=1e-13)
    assert (distances < CLOSE).any()
    assert conditioning(ansatz, angles[distances < CLOSE]).max() < 1e-5
    assert conditioning(ansatz, random_starts(ansatz, 8, 0)).max() > 1e-3


def test_longer_ones_are_not() -> None:
    ansatz = FAMILIES["ry"]
    identity = np.broadcast_to(np.eye(8), (32, 8, 8))
    angles, distances = fit(ansatz, identity, random_starts(ansatz, 32, 0), np.arange(32)[:, None], goal=1e-13)
    assert conditioning(ansatz, angles[distances < CLOSE]).max() > 0.02


def test_conditioning_is_zero_without_enough_angles() -> None:
    np.testing.assert_array_equal(conditioning(brick_wall(3, 4), np.zeros((2, 11))), [0, 0])


@pytest.mark.parametrize(
    ("ansatz", "dimension"),
    [
        (Ansatz(3), 3),
        (brick_wall(2, 1), 4),
        (brick_wall(2, 2), 6),
        (brick_wall(2, 5), 6),
        (brick_wall(3, 12), 27),
        (brick_wall(3, 13), 28),
        (brick_wall(4, 57), 118),
        (brick_wall(4, 58), 120),
    ],
)
def test_rank_is_the_dimension_that_is_filled(ansatz: Ansatz, dimension: int) -> None:
    assert rank(ansatz) == dimension


@pytest.mark.parametrize("seed", [-1, "x", 0.5, None])
def test_refuses_a_seed_that_is_none(seed: int) -> None:
    with pytest.raises(BindingsError, match="seed"):
        random_starts(ladder(3)[0], 2, seed)


def test_random_starts_fill_the_circle() -> None:
    starts = random_starts(FAMILIES["u3"], 100, 0)
    assert starts.shape == (100, FAMILIES["u3"].size)
    assert -np.pi < starts.min() < -3.1
    assert 3.1 < starts.max() < np.pi
    np.testing.assert_array_equal(starts, random_starts(FAMILIES["u3"], 100, 0))
    assert np.abs(starts - random_starts(FAMILIES["u3"], 100, 1)).max() > 1
