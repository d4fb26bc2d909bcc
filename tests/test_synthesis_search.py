"""Search: blocks near the identity are approached from afar, the best is kept, and progress adds up."""

import numpy as np
import pytest

from qadapt.synthesis import Ansatz, brick_wall, wall
from qadapt.synthesis.lm import GOAL, fit, random_starts
from qadapt.synthesis.search import _cayley, _skew, search
from qadapt.synthesis.skeletons import line
from qadapt.synthesis.starts import identity_starts
from synthesis_cases import Floats, cayley, dense, haar, in_phase

SHORT = {"u3": wall(line(3), 11), "rzz": wall(line(3), 9, free=True), "ry": brick_wall(3, 14)}


def searched(ansatz: Ansatz, targets: Floats, **options: object) -> tuple[Floats, Floats]:
    goal = np.full(len(targets), GOAL)
    return search(ansatz, targets, goal, **{"exact": True, "tries": 12, "seed": 0, **options})  # type: ignore[arg-type]


def distances(ansatz: Ansatz, angles: Floats, targets: Floats) -> Floats:
    """By the dense circuit."""
    off = in_phase(dense(ansatz, angles), targets) - targets
    return np.asarray(np.linalg.norm(off, axis=(1, 2)), dtype=np.float64)


@pytest.mark.parametrize("norm", [1e-4, 1e-2, 0.3, 1.0])
@pytest.mark.parametrize("family", SHORT)
def test_short_skeletons_reach_blocks_near_the_identity(family: str, norm: float) -> None:
    """Though the identity is critical for all of them."""
    ansatz, targets = SHORT[family], cayley(8, 4, norm)
    assert ansatz not in identity_starts()
    angles, found = searched(ansatz, targets)
    assert found.max() < 1e-9
    np.testing.assert_allclose(distances(ansatz, angles, targets), found, atol=1e-12)


def test_random_starts_alone_do_not() -> None:
    targets, starts = cayley(8, 2, 1e-4), random_starts(SHORT["u3"], 6, 0)
    _, found = fit(SHORT["u3"], targets, starts, np.broadcast_to(np.arange(6), (2, 6)))
    assert found.min() > 1e-9


def test_regular_identities_come_from_their_start() -> None:
    for ansatz, start in identity_starts().items():
        dim = 1 << ansatz.num_qubits
        angles, found = searched(ansatz, np.concatenate([np.eye(dim)[None], cayley(dim, 2, 1e-4)]), tries=1)
        np.testing.assert_array_equal(angles[0], start)
        assert found.max() < 1e-9
        assert np.abs(angles - start).max() < 0.05


@pytest.mark.parametrize("family", SHORT)
def test_warm_angles_come_first_and_are_left_if_they_lead_nowhere(family: str) -> None:
    ansatz, targets = SHORT[family], haar(8, 4)
    before, _ = searched(ansatz, targets, seed=3)
    warm = before.copy()
    warm[2] = 0
    angles, found = searched(ansatz, targets, warm=warm)
    np.testing.assert_array_equal(angles[[0, 1, 3]], before[[0, 1, 3]])
    assert found.max() < 1e-9


def test_unsolved_rows_keep_the_best_of_all_that_was_tried() -> None:
    ansatz, targets = Ansatz(3), np.concatenate([haar(8, 3), cayley(8, 2, 0.1)])
    nearest, best = fit(ansatz, targets, random_starts(ansatz, 30, 5), np.broadcast_to(np.arange(30), (5, 30)))
    angles, found = searched(ansatz, targets, tries=1)
    assert (found > best + 1e-3).any()
    np.testing.assert_allclose(distances(ansatz, angles, targets), found, atol=1e-12)
    angles, found = searched(ansatz, targets, tries=1, warm=nearest)
    assert (found <= best + 1e-12).all()
    np.testing.assert_allclose(distances(ansatz, angles, targets), found, atol=1e-12)


def test_inexact_goals_are_left_early() -> None:
    targets = cayley(8, 5, 0.3)
    goal = np.full(5, 0.1)
    angles, found = search(SHORT["u3"], targets, goal, exact=False, tries=12, seed=0)
    assert (found < goal).all()
    assert found.max() > 1e-6
    np.testing.assert_allclose(distances(SHORT["u3"], angles, targets), found, atol=1e-12)


def test_progress_adds_up_to_the_rows() -> None:
    targets, told = np.concatenate([haar(8, 5), cayley(8, 3, 0.1), np.eye(8)[None]]), list[int]()
    angles, _ = searched(SHORT["u3"], targets, progress=told.append)
    assert sum(told) == 9
    told.clear()
    searched(SHORT["u3"], targets, progress=told.append, warm=angles)
    assert sum(told) == 9


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    targets = np.concatenate([haar(8, 3), cayley(8, 3, 1e-2)])
    together, _ = searched(SHORT["ry"], targets)
    for row in (1, 4):
        alone, _ = searched(SHORT["ry"], targets[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-6)


def test_no_rows() -> None:
    angles, found = searched(SHORT["u3"], np.empty((0, 8, 8)))
    assert angles.shape == (0, SHORT["u3"].size)
    assert found.shape == (0,)


def test_cayley_transform_and_back() -> None:
    near = cayley(8, 6, 0.1)
    skew = _skew(near)
    np.testing.assert_allclose(skew, -skew.swapaxes(1, 2), atol=1e-15)
    np.testing.assert_allclose(_cayley(skew), near, atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(skew, 2, axis=(1, 2)), 0.1)
    np.testing.assert_array_equal(_skew(-np.eye(8)[None]), np.zeros((1, 8, 8)))
