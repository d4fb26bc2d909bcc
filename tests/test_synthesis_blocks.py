"""Blocks: random, near-identity, special and degenerate rotations against the dense matrix of the circuit."""

import logging
import tracemalloc
from collections import Counter
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.errors import BindingsError
from qadapt.synthesis import Ansatz, Cache, Effort, Synthesis, brick_wall, ladder, synthesise_blocks
from qadapt.synthesis.inputs import LOSS
from qadapt.synthesis.lm import fit, random_starts
from qadapt.synthesis.skeletons import fewest, line
from qadapt.synthesis.starts import identity_starts
from synthesis_cases import Complexes, Floats, cayley, dense, haar, in_phase, special_blocks

EXACT = {2: 1e-12, 4: 1e-12, 8: 1e-9, 16: 1e-9}
REFLECTION = np.diag([1.0, 1, 1, -1])
RZZ, RZZ_BEST = ladder(3, free=True), ladder(3, free=True, effort="best")
SHAPES = {"line": line(3), "other line": ((1, 0), (0, 2)), "triangle": ((0, 1), (1, 2), (0, 2))}


def carried_out(found: Synthesis, targets: Floats) -> Complexes:
    """Matrices of all rows by plain products of the gate table's matrices, without the phase, which all rows share."""
    got = dense(found.ansatz, found.angles)
    without = in_phase(got, targets)
    phases = np.einsum("nij,nij->n", without.conj(), got) / targets.shape[1]
    np.testing.assert_allclose(phases, phases[:1].repeat(len(targets)), atol=1e-8)
    if found.ansatz.family == "ry":
        np.testing.assert_allclose(phases, 1, atol=1e-8)
    return without


def solved(targets: Floats, found: Synthesis) -> bool:
    """Whether the circuits are the blocks, and what is said of their distances is true."""
    tolerance = EXACT[targets.shape[1]]
    distances = np.linalg.norm(carried_out(found, targets) - targets, axis=(1, 2))
    np.testing.assert_allclose(found.residual, distances, atol=1e-12)
    assert found.angles.shape == (len(targets), found.ansatz.size)
    return bool(distances.max() < tolerance and found.residual.max() < tolerance)


RANDOM = [
    (2, 50, "fast"),
    (2, 5, "best"),
    (4, 50, "fast"),
    (4, 5, "best"),
    (8, 24, "fast"),
    (8, 24, "best"),
    (16, 2, "fast"),
    (16, 1, "best"),
]


@pytest.mark.parametrize(("d", "rows", "effort"), RANDOM)
def test_random_blocks_take_the_first_skeleton(d: int, rows: int, effort: Effort) -> None:
    targets = haar(d, rows)
    found = synthesise_blocks(targets, effort=effort)
    assert solved(targets, found)
    assert found.ansatz == ladder(d.bit_length() - 1, effort=effort)[0]
    assert found.attempts == ()
    np.testing.assert_array_equal(found.bound, np.full(rows, 1e-9))


def test_numbers_of_entangling_gates() -> None:
    """10 CZ or 9 RZZ for SO(8) with patience; at once with one more of either kind."""
    targets = haar(8, 12, seed=5)
    assert len(synthesise_blocks(targets, effort="best").ansatz.edges) == 10
    assert len(synthesise_blocks(targets).ansatz.edges) == 11
    assert len(synthesise_blocks(targets, ansaetze=RZZ_BEST).ansatz.edges) == 9
    assert len(synthesise_blocks(haar(4, 3)).ansatz.edges) == 2
    assert len(synthesise_blocks(haar(4, 3) @ REFLECTION).ansatz.edges) == 3
    assert len(synthesise_blocks(haar(2, 3)).ansatz.edges) == 0


@pytest.mark.parametrize("norm", [1e-9, 1e-6, 1e-4, 1e-2, 0.1, 0.3, 1.0, 1e3])
@pytest.mark.parametrize("d", [2, 4, 8])
def test_any_distance_from_the_identity(d: int, norm: float) -> None:
    targets = cayley(d, 16, norm)
    found = synthesise_blocks(targets)
    assert solved(targets, found)
    assert len(found.ansatz.edges) <= (0, 0, 2, 14)[d.bit_length() - 1]


@pytest.mark.parametrize("norm", [1e-6, 1e-2, 0.3, 1.0])
def test_any_distance_from_the_identity_with_rzz(norm: float) -> None:
    targets = cayley(8, 12, norm)
    found = synthesise_blocks(targets, ansaetze=RZZ)
    assert solved(targets, found)
    assert found.ansatz.family == "rzz"
    assert len(found.ansatz.edges) <= 12


@pytest.mark.parametrize("norm", [1e-6, 1e-2, 0.3])
def test_sixteen_dimensions_near_the_identity(norm: float) -> None:
    targets = cayley(16, 2, norm)
    assert solved(targets, synthesise_blocks(targets))


def test_thirty_two_dimensions() -> None:
    targets = haar(32, 1)
    found = synthesise_blocks(targets)
    assert found.ansatz == ladder(5)[0]
    assert len(found.ansatz.edges) <= fewest(line(5)) + 3
    assert found.residual[0] < 1e-9
    np.testing.assert_allclose(carried_out(found, targets), targets, atol=1e-9)


@pytest.mark.parametrize("name", special_blocks(8))
@pytest.mark.parametrize("ladder_of", ["fast", "best", "rzz"])
def test_special_blocks(name: str, ladder_of: str) -> None:
    """Hypercubes of symmetries do not stop the short skeletons; what stops at all is named, and goes on."""
    targets = special_blocks(8)[name]
    options = {"ansaetze": RZZ} if ladder_of == "rzz" else {"effort": ladder_of}
    found = synthesise_blocks(targets, **options)
    assert solved(targets, found)
    for attempt in found.attempts:
        assert set(attempt.unsolved) <= set(range(len(targets)))
        assert len(attempt.ansatz.edges) < len(found.ansatz.edges)


@pytest.mark.parametrize("d", [2, 4])
def test_special_small_blocks(d: int) -> None:
    for targets in special_blocks(d).values():
        assert solved(targets, synthesise_blocks(targets))


@pytest.mark.parametrize("name", ["plus and minus one", "permutations", "two blocks", "hadamard"])
def test_special_blocks_of_sixteen_dimensions(name: str) -> None:
    targets = special_blocks(16)[name][:2]
    assert solved(targets, synthesise_blocks(targets))


@pytest.mark.parametrize("d", [8, 16])
def test_short_skeletons_reach_most_special_blocks(d: int) -> None:
    """The first skeleton alone, one row at a time: nine in ten blocks that are not near the identity."""
    targets = np.concatenate([rows[1:2] if d == 16 else rows[1:] for rows in special_blocks(d).values()])
    far = targets[np.linalg.norm(targets - np.eye(d), axis=(1, 2)) > 0.25 * d**0.5]
    first, starts = ladder(d.bit_length() - 1)[0], random_starts(ladder(d.bit_length() - 1)[0], 12, 0)
    _, distances = fit(first, far, starts, np.broadcast_to(np.arange(12), (len(far), 12)))
    assert np.mean(distances < 1e-9) >= 0.9


@pytest.mark.parametrize("d", [8, 16])
def test_identity_and_its_neighbourhood_take_the_stored_start(d: int) -> None:
    """What adapters start from comes out at once, and small blocks get angles nearby."""
    identity = synthesise_blocks(np.eye(d)[None])
    np.testing.assert_array_equal(identity.angles[0], identity_starts()[identity.ansatz])
    assert identity.residual[0] < 1e-12
    near = synthesise_blocks(cayley(d, 4, 1e-4))
    assert near.ansatz == identity.ansatz
    assert near.residual.max() < 1e-9
    assert np.abs(near.angles - identity.angles).max() < 0.05


def test_one_row_near_the_identity_moves_all_to_the_regular_skeleton() -> None:
    targets = np.concatenate([haar(8, 5), cayley(8, 1, 1e-3)])
    found = synthesise_blocks(targets)
    assert found.ansatz in identity_starts()
    assert solved(targets, found)


@given(st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6), st.sampled_from([1.0, 1e-4, 1e-9, 0.0]))
def test_so4_on_any_cayley_block(entries: list[float], scale: float) -> None:
    skew = np.zeros((4, 4))
    skew[np.triu_indices(4, 1)] = np.array(entries) * scale
    skew -= skew.T
    found = synthesise_blocks(np.linalg.solve(np.eye(4) + skew, np.eye(4) - skew)[None])
    assert found.residual[0] < EXACT[4]


def test_reflections_of_side_four() -> None:
    targets = np.concatenate([*special_blocks(4).values(), haar(4, 50)]) @ REFLECTION
    found = synthesise_blocks(targets)
    assert found.ansatz == brick_wall(2, 3)
    assert solved(targets, found)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("free", [False, True], ids=["cz", "rzz"])
def test_other_couplings(shape: str, free: bool) -> None:
    targets = np.concatenate([haar(8, 6), cayley(8, 2, 0.8)])
    ansaetze = ladder(3, couplings=SHAPES[shape], free=free)
    found = synthesise_blocks(targets, ansaetze=ansaetze)
    assert found.ansatz == ansaetze[0]
    assert solved(targets, found)


@pytest.mark.parametrize(
    "ansatz",
    [brick_wall(3, 14), brick_wall(3, 19), Ansatz(3, ((0, 2), (2, 1), (1, 0)) * 6)],
    ids=["ry 14", "ry 19", "triangle"],
)
def test_another_skeleton(ansatz: Ansatz) -> None:
    targets = cayley(8, 8, 1.0)
    found = synthesise_blocks(targets, ansaetze=[ansatz])
    assert found.ansatz == ansatz
    assert solved(targets, found)


@pytest.fixture
def hard() -> Floats:
    """Forty blocks that take no entangling gate at all, but for rows 7 and 31."""
    parts = [haar(2, 40, seed) for seed in range(3)]
    targets = np.einsum("nab,ncd,nef->nacebdf", *parts).reshape(40, 8, 8)
    targets[[7, 31]] = haar(8, 2)
    return targets


def test_hard_rows_move_all_rows_to_the_next_skeleton(hard: Floats, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "qadapt"):
        found = synthesise_blocks(hard, ansaetze=[Ansatz(3), brick_wall(3, 4), ladder(3)[0]])
    assert found.ansatz == ladder(3)[0]
    assert solved(hard, found)
    assert [attempt.ansatz for attempt in found.attempts] == [Ansatz(3), brick_wall(3, 4)]
    for attempt in found.attempts:
        assert {7, 31} & set(attempt.unsolved)
    assert found.attempts[0].unsolved == (7, 31)
    assert "rows 7, 31" in caplog.text


def test_hard_rows_of_a_sample_are_enough(hard: Floats) -> None:
    """Of many rows a few go first, and a skeleton that they do not take is not tried on the others."""
    targets = np.concatenate([haar(8, 1), hard])
    found = synthesise_blocks(targets, ansaetze=[Ansatz(3), ladder(3)[0]])
    assert solved(targets, found)
    ((attempt,), unsolved) = found.attempts, found.attempts[0].unsolved
    assert attempt.ansatz == Ansatz(3)
    assert 0 in unsolved
    assert set(unsolved) <= {0, 8, 32}


def test_rows_that_no_skeleton_reaches_are_named(hard: Floats) -> None:
    """Without CZ, products of one-qubit rotations are reached and generic rotations are not."""
    with pytest.raises(BindingsError, match=r"^0 entangling .* 2 of 40 rows: 7, 31; worst distance") as caught:
        synthesise_blocks(hard, ansaetze=[Ansatz(3)])
    assert "more entangling gates" in str(caught.value.hint)


@pytest.mark.parametrize(("approximate", "norm"), [(0.5, None), (0.5, 0.1), (0.1, 0.3)])
@pytest.mark.parametrize("free", [False, True], ids=["cz", "rzz"])
def test_inexact_blocks(approximate: float, norm: float | None, free: bool) -> None:
    """Fewer gates, within the bound, and the loss is what it is said to be."""
    targets = haar(8, 4) if norm is None else cayley(8, 4, norm)
    ansaetze = ladder(3, free=free)
    found = synthesise_blocks(targets, ansaetze=ansaetze, approximate=approximate)
    assert len(found.ansatz.edges) < len(ansaetze[0].edges)
    off = np.linalg.norm(carried_out_inexactly(found, targets) - targets, axis=(1, 2))
    reach = np.linalg.norm(targets - np.eye(8), axis=(1, 2))
    np.testing.assert_allclose(found.residual, off, atol=1e-12)
    np.testing.assert_allclose(found.loss, off / reach, rtol=1e-9)
    np.testing.assert_allclose(found.bound, approximate * reach)
    assert found.loss.max() <= approximate
    assert found.loss.max() > 1e-3  # something was given up for the shorter skeleton


def carried_out_inexactly(found: Synthesis, targets: Floats) -> Complexes:
    return in_phase(dense(found.ansatz, found.angles), targets)


def test_inexact_or_not_by_a_word() -> None:
    targets = cayley(8, 2, 0.3)
    inexact, tenth = synthesise_blocks(targets, approximate=True), synthesise_blocks(targets, approximate=LOSS)
    assert inexact.ansatz == tenth.ansatz
    np.testing.assert_array_equal(inexact.bound, tenth.bound)
    assert synthesise_blocks(targets, approximate=False).residual.max() < 1e-9


def test_smaller_losses_take_more_gates() -> None:
    targets = cayley(8, 4, 0.3)
    counts = [len(synthesise_blocks(targets, approximate=loss).ansatz.edges) for loss in (0.9, 0.3, 0.01)]
    assert counts == sorted(counts)
    assert counts[0] < counts[2]


def test_inexact_blocks_of_closed_forms_and_of_the_identity_are_exact() -> None:
    targets = cayley(4, 6, 0.1)
    assert synthesise_blocks(targets, approximate=0.5).residual.max() < EXACT[4]
    identity = synthesise_blocks(np.array([np.eye(8)] * 2), approximate=0.5)
    np.testing.assert_array_equal(identity.loss, [0, 0])
    assert identity.residual.max() < 1e-9


def test_loss_of_exact_blocks() -> None:
    targets = np.concatenate([np.eye(8)[None], cayley(8, 3, 0.1)])
    found = synthesise_blocks(targets)
    reach = np.linalg.norm(targets[1:] - np.eye(8), axis=(1, 2))
    assert found.loss[0] == 0
    np.testing.assert_allclose(found.loss[1:], found.residual[1:] / reach)


@pytest.mark.parametrize("ansatz", [ladder(3)[0], RZZ[0], brick_wall(3, 19)], ids=["u3", "rzz", "ry"])
def test_warm_angles_stay_near(ansatz: Ansatz) -> None:
    targets = haar(8, 12)
    before = synthesise_blocks(targets, ansaetze=[ansatz], seed=7)
    cold = synthesise_blocks(targets, ansaetze=[ansatz])
    assert np.abs(cold.angles - before.angles).max(axis=1).min() > 0.1
    after = synthesise_blocks(targets @ cayley(8, 12, 1e-5), ansaetze=[ansatz], warm=before.angles)
    assert after.residual.max() < 1e-9
    assert np.abs(after.angles - before.angles).max() < 0.1
    again = synthesise_blocks(targets, ansaetze=[ansatz], warm=before.angles)
    assert np.abs(again.angles - before.angles).max() < 1e-6


def test_warm_angles_that_lead_nowhere_are_left() -> None:
    """From the identity, minus the identity is the farthest rotation of all: every direction is flat."""
    targets = np.array([-np.eye(8), np.eye(8)])
    identity = synthesise_blocks(np.eye(8)[None])
    warm = np.tile(identity.angles, (2, 1))
    _, distances = fit(identity.ansatz, targets, warm, np.arange(2)[:, None])
    assert distances[0] > 1
    assert distances[1] < 1e-12
    found = synthesise_blocks(targets, warm=warm)
    assert found.ansatz == identity.ansatz
    assert solved(targets, found)
    np.testing.assert_array_equal(found.angles[1], warm[1])


@pytest.mark.parametrize("ansaetze", [None, RZZ], ids=["cz", "rzz"])
def test_deterministic_and_seeded(ansaetze: tuple[Ansatz, ...] | None) -> None:
    targets = haar(8, 6)
    first = synthesise_blocks(targets, ansaetze=ansaetze)
    np.testing.assert_array_equal(first.angles, synthesise_blocks(targets, ansaetze=ansaetze).angles)
    other = synthesise_blocks(targets, ansaetze=ansaetze, seed=1)
    assert other.residual.max() < 1e-9
    assert np.abs(first.angles - other.angles).max() > 0.1


def test_rows_keep_their_order_and_do_not_touch_each_other() -> None:
    targets = haar(8, 50)
    order = np.random.default_rng(0).permutation(50)
    found, permuted = synthesise_blocks(targets), synthesise_blocks(targets[order])
    np.testing.assert_allclose(permuted.angles, found.angles[order], atol=1e-6)


def test_memory_does_not_grow_with_the_rows() -> None:
    """But for the rows themselves, of half a kilobyte: Jacobians of all rows at once would take fifteen times that."""
    targets, peaks = haar(8, 2400), []
    for rows in (1200, 2400):
        tracemalloc.start()
        synthesise_blocks(targets[:rows])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 1200 * 6 * 512


def test_progress_adds_up_to_the_rows(cache: Cache, hard: Floats) -> None:
    """For the skeleton that serves, whatever is known, warm, tried on a sample first, or tried with others before."""
    told: Counter[Ansatz] = Counter()

    def progress(ansatz: Ansatz, rows: int) -> None:
        told[ansatz] += rows

    first = ladder(3)[0]
    targets = haar(8, 40)
    warm = synthesise_blocks(targets[:8], cache=cache, progress=progress).angles
    assert told == {first: 8}
    for options in ({"cache": cache}, {"ansaetze": [first, brick_wall(3, 19)]}, {"approximate": 0.3}):
        told.clear()
        found = synthesise_blocks(targets, progress=progress, **options)  # type: ignore[arg-type]
        assert told[found.ansatz] == 40
    told.clear()
    synthesise_blocks(targets[:8], warm=warm, progress=progress)
    assert told == {first: 8}
    told.clear()
    synthesise_blocks(hard[:10], ansaetze=[Ansatz(3), first], progress=progress)
    assert told == {Ansatz(3): 10, first: 10}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "blocks.db")


@pytest.mark.parametrize("ansaetze", [None, RZZ], ids=["cz", "rzz"])
def test_what_was_solved_is_not_solved_again(
    cache: Cache, ansaetze: tuple[Ansatz, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = haar(8, 10)
    first = synthesise_blocks(targets, ansaetze=ansaetze, cache=cache)
    asked: list[int] = []

    def counted(ansatz: Ansatz, targets: Floats, *rest: object, **options: object) -> tuple[Floats, Floats]:
        asked.append(len(targets))
        return fit(ansatz, targets, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(import_module("qadapt.synthesis.search"), "fit", counted)
    again = synthesise_blocks(targets, ansaetze=ansaetze, cache=cache, seed=5)
    assert sum(asked) == 0
    np.testing.assert_array_equal(again.angles, first.angles)
    more = synthesise_blocks(np.concatenate([haar(8, 3, seed=9), targets[::-1]]), ansaetze=ansaetze, cache=cache)
    assert sum(asked) == 3
    np.testing.assert_array_equal(more.angles[3:], first.angles[::-1])
    assert more.residual.max() < 1e-9


@pytest.mark.parametrize("poison", ["other angles", "slightly off", "huge", "of another row"])
def test_poisoned_entries_are_solved_again(cache: Cache, poison: str) -> None:
    """They are neither handed out nor a reason to take a longer skeleton, and good angles take their place."""
    targets, ansatz = haar(8, 6), ladder(3)[0]
    clean = synthesise_blocks(targets)
    bad = {
        "other angles": random_starts(ansatz, 6, 99),
        "slightly off": clean.angles + 1e-8,
        "huge": np.full((6, ansatz.size), 1e300),
        "of another row": clean.angles[::-1],
    }[poison]
    cache.put(ansatz, targets[1:5], bad[1:5])
    found = synthesise_blocks(targets, cache=cache)
    assert found.ansatz == ansatz
    assert found.attempts == ()
    assert solved(targets, found)
    np.testing.assert_allclose(found.angles, clean.angles, atol=1e-6)
    there, angles = cache.get(ansatz, targets)
    assert there.all()
    np.testing.assert_array_equal(angles, found.angles)


def test_exact_angles_of_least_squares_are_cached_and_no_others(cache: Cache, hard: Floats) -> None:
    """No closed forms, no inexact blocks, and of a skeleton that was given up those rows that it reached."""
    synthesise_blocks(haar(4, 3), cache=cache)
    synthesise_blocks(cayley(8, 3, 0.3), approximate=0.5, cache=cache)
    assert cache.summary().entries == 0
    synthesise_blocks(hard[:10], ansaetze=[Ansatz(3), ladder(3)[0]], cache=cache)
    assert {holding.entangling: holding.entries for holding in cache.summary().holdings} == {0: 9, 11: 10}


def test_inexact_blocks_do_not_depend_on_the_cache(cache: Cache) -> None:
    """What is found within a bound of its own is the same whether exact angles are known or not."""
    targets, ansaetze = cayley(8, 3, 0.3), [ladder(3, effort="best")[0]]
    synthesise_blocks(targets, ansaetze=ansaetze, cache=cache)
    found = synthesise_blocks(targets, ansaetze=ansaetze, approximate=1e-6, cache=cache)
    assert found.ansatz == ansaetze[0]
    expected = synthesise_blocks(targets, ansaetze=ansaetze, approximate=1e-6)
    np.testing.assert_array_equal(found.angles, expected.angles)


@pytest.mark.parametrize("d", [2, 4, 8, 16, 32])
def test_no_rows(d: int) -> None:
    found = synthesise_blocks(np.empty((0, d, d)))
    assert found.angles.shape == (0, found.ansatz.size)
    assert found.residual.shape == found.loss.shape == found.bound.shape == (0,)


SHEAR = np.eye(4)
SHEAR[0, 1] = 1e-6
BAD = {
    "nan": (np.full((1, 2, 2), np.nan), r"nan at index \[0, 0, 0\]"),
    "complex": (np.eye(2)[None] * 1j, "complex"),
    "both determinants": (np.array([np.eye(4), REFLECTION]), "of another determinant than others"),
    "reflection of side 2": (np.diag([1.0, -1])[None], "row 0 has determinant -1"),
    "reflection of side 8": (np.array([np.eye(8), np.diag([1.0] * 7 + [-1])]), "row 1 has determinant -1"),
    "reflection of side 16": (np.diag([1.0] * 15 + [-1])[None], "row 0 has determinant -1"),
    "scaled": (2 * np.eye(4)[None], "not orthogonal"),
    "sheared": (np.array([np.eye(4), SHEAR, SHEAR]), "row 1 is not orthogonal.*2 rows in all: 1, 2"),
    "zero": (np.zeros((1, 4, 4)), "not orthogonal"),
    "overflow": (np.full((1, 2, 2), 1e300), "not orthogonal"),
    "float32": (cayley(4, 1, 1.0).astype(np.float32), "float64"),
    "two axes": (np.eye(4), r"\[rows, d, d\]"),
    "not square": (np.zeros((1, 4, 2)), r"got \[1, 4, 2\]"),
    "side 3": (np.eye(3)[None], r"got \[1, 3, 3\]"),
    "side 1": (np.eye(1)[None], r"got \[1, 1, 1\]"),
    "side 64": (np.eye(64)[None], r"got \[1, 64, 64\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case: str) -> None:
    targets, message = BAD[case]
    with pytest.raises(BindingsError, match=message):
        synthesise_blocks(targets)


@pytest.mark.parametrize("d", [4, 8])
@pytest.mark.parametrize("warm", [np.zeros((1, 5)), np.zeros(6), np.full((1, 6), np.nan), np.full((1, 41), np.inf)])
def test_refuses_warm_angles_that_do_not_fit(d: int, warm: Floats) -> None:
    with pytest.raises(BindingsError, match="warm"):
        synthesise_blocks(np.eye(d)[None], warm=warm)


@pytest.mark.parametrize("approximate", [0, 1, 1.5, -0.1, float("nan"), "0.5", np.bool_(True)])
def test_refuses_bounds_that_are_none(approximate: float) -> None:
    with pytest.raises(BindingsError, match="approximate is"):
        synthesise_blocks(np.eye(8)[None], approximate=approximate)


def test_refuses_other_options() -> None:
    with pytest.raises(BindingsError, match="3 qubits, not 2"):
        synthesise_blocks(np.eye(8)[None], ansaetze=[ladder(3)[0], brick_wall(2, 2)])
    with pytest.raises(BindingsError, match="no ansatz"):
        synthesise_blocks(np.eye(8)[None], ansaetze=[])
    with pytest.raises(BindingsError, match="effort is 'most'"):
        synthesise_blocks(np.eye(8)[None], effort="most")  # type: ignore[arg-type]
    with pytest.raises(BindingsError, match="seed"):
        synthesise_blocks(haar(8, 1), seed=-1)


def test_a_mirror_image_reaches_what_a_wall_misses() -> None:
    """One angle to spare is not enough for every block: some are reached only with the qubits in reverse order."""
    blocks = cayley(8, 8, 0.3, seed=5)
    first, mirror = ladder(3, effort="best")[:2]
    assert mirror.edges == tuple((2 - high, 2 - low) for low, high in first.edges)
    for ansatz in (first, mirror):
        assert synthesise_blocks(blocks, ansaetze=(ansatz,), effort="best").residual.max() < 1e-9
