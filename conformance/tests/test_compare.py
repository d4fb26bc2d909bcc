"""Compare: the same adapter on several backends, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qadapt import Backend, Qubit, TargetError, Work, backend
from qadapt.compile import compile_circuit
from qadapt_conformance import oracle
from qadapt_conformance.agreement import EXACT, CircuitMatch, MatchReport
from qadapt_conformance.case import Adapter, cases
from qadapt_conformance.compare import compare, plan_compare
from qadapt_conformance.comparison import FLOOR
from qadapt_conformance.hearing import PHYSICAL, Hearing, Seen, Untold, hear
from qadapt_conformance.matching import Match, match
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.adapter import ADAPTER
from qadapt_conformance.mutants.compiler import COMPILER
from qadapt_conformance.mutants.right import Chip, right_backend
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.reports.matrix import COUNTS, DISTANCE, PARTLY, TOO_MUCH, cells, matrix, notes, pair, told
from qadapt_conformance.statistics import ALPHA
from qadapt_conformance.verdict import Verdict

KNOWN = {mutant.name: mutant for mutant in MUTANTS}
OVER = "two-percent-over-rotation"


class Named(Wrapped):
    """The right backend under another name."""

    @property
    def name(self) -> str:
        return "local:other"


@pytest.fixture(scope="module")
def three(right: Backend) -> MatchReport:
    return compare([right, Named(right), backend("local:emulator/heron-r2")], seed=3)


def test_right_backends_match(three: MatchReport) -> None:
    names = [side.backend for side in three.sides]
    assert three.exit_code == 0
    for one in names:
        assert three.verdict(one, EXACT) is Verdict.CONFORMS
        assert all(three.verdict(one, other) is Verdict.CONFORMS for other in names if other != one)
    assert [circuit.name for circuit in three.circuits] == ["cayley 2", "cayley 4", "cayley 8"]
    assert MatchReport.model_validate_json(three.model_dump_json()) == three


def test_sides_are_drawn_independently(three: MatchReport) -> None:
    """The interval of a pair holds for independent sides only; two simulators with one seed would give equal counts."""
    for circuit in three.circuits:
        (pair,) = (
            each for each in circuit.matches if (each.first, each.second) == ("local:statevector", "local:other")
        )
        assert 0 < pair.seen <= pair.upper
        assert pair.lower == 0


def test_the_error_of_a_layer(three: MatchReport) -> None:
    """That of an ideal simulator is the shots' own; noise adds to it."""
    for circuit in three.circuits:
        ideal, again, noisy = circuit.layer
        assert ideal.error < 4 * ideal.shots
        assert again.error < 4 * again.shots
        assert noisy.error > 2 * ideal.shots
        assert circuit.gates["local:emulator/heron-r2"] >= 0


def test_what_each_side_did_is_said(three: MatchReport) -> None:
    noisy = three.sides[-1]
    assert noisy.noise == "calibration of heron-r2, 2026-04-15"
    assert noisy.calibrated is not None
    assert three.sides[0].noise is None
    assert all(side.applied == () and side.versions for side in three.sides)


@pytest.mark.parametrize("name", ["reversed-bits", "first-row-for-all", "sorted-parameters"])
@pytest.mark.parametrize("adapter", list(Adapter))
def test_a_wrong_backend_differs(right: Backend, name: str, adapter: Adapter) -> None:
    with KNOWN[name].make(Named(right)) as wrong:
        report = compare([right, wrong], adapter=adapter)
    assert report.verdict("local:statevector", EXACT) is Verdict.CONFORMS
    assert report.verdict("local:other", EXACT) is Verdict.VIOLATES
    assert report.verdict("local:statevector", "local:other") is Verdict.VIOLATES
    assert report.exit_code == 1
    one, found = report.hearings
    assert (one.verdict, found.verdict, found.like) == (Verdict.CONFORMS, Verdict.VIOLATES, name)


def test_right_machines_of_different_noise_match(right: Backend) -> None:
    """A false alarm has a probability of at most 1e-6; on the largest circuit one of them is too noisy to say."""
    noisy = [backend(f"local:emulator/{name}") for name in ("heron-r2", "wukong-72")]
    report = compare([right, *noisy])
    assert report.exit_code == 0
    judged = {sides: report.judged(*sides) for sides in report.pairs}
    names = tuple(each.name for each in report.circuits)
    assert {each for sides, each in judged.items() if "local:emulator/wukong-72" not in sides} == {names}
    assert {each for sides, each in judged.items() if "local:emulator/wukong-72" in sides} == {names[:2], names[:1]}
    assert {pair(report, *sides) for sides in judged} == {"match", "match on 2 of 3", "match on 1 of 3"}
    assert notes(report) == [DISTANCE, TOO_MUCH, PARTLY]
    page = matrix(report)
    assert page.count("match on 2 of 3") == 3  # with the closed form, and twice with the simulator
    assert page.count("match on 1 of 3") == 2
    assert "<h1>The backends match where they could be judged</h1>" in page
    assert [found.verdict for found in report.hearings] == [Verdict.CONFORMS] * 3
    assert [set(found.unjudged) for found in report.hearings] == [set(), set(), {"cayley 8"}]
    assert report.circuits[-1].matches[-1].verdict is Verdict.UNDECIDED


ACTING = {
    Adapter.CAYLEY: {
        "native-offset-lost",
        "native-weights-lost",
        "native-angles-rolled",
        "entangler-dropped",
        "opening-everywhere",
        "blocks-transposed",
        "large-blocks-transposed",
    },
    Adapter.QTHA: {
        "slot-angles-conjugated",
        "native-offset-lost",
        "native-weights-lost",
        "native-angles-rolled",
        "entangler-dropped",
        "opening-everywhere",
        "swaps-forgotten",
        "measured-in-chip-order",
    },
}
"""Mutants of the compiler and the synthesis that make native circuits of another outcome from those of an adapter."""

REFUSED = {"uncoupled-gate-emitted", "foreign-gate-emitted", "dead-qubit-used"}
"""Those whose circuits are not even submitted."""


@pytest.mark.parametrize(("adapter", "name"), [(a, name) for a, names in ACTING.items() for name in sorted(names)])
def test_a_wrong_compiler_or_synthesis_differs(right: Backend, adapter: Adapter, name: str) -> None:
    """It writes the circuits that a side is heard on, and its mistake must not widen its own margin."""
    with KNOWN[name].make(right_backend("local:chip")) as wrong:
        report = compare([right, wrong], adapter=adapter, shots=2**12)
    found = report.hearings[1]
    assert report.exit_code == 1
    assert found.verdict is Verdict.VIOLATES
    assert found.said.startswith("the compiled circuit gives other outcomes than the closed form, by up to 0.") or (
        name == "native-offset-lost"
    )
    assert found.circuit in {circuit.name for circuit in report.circuits}
    assert report.verdict(wrong.name, EXACT) is report.verdict(right.name, wrong.name) is Verdict.VIOLATES
    matches = [each for circuit in report.circuits for each in circuit.matches]
    assert {each.margin for each in matches} == {FLOOR}
    assert Verdict.VIOLATES in {each.verdict for each in matches if each.second == EXACT}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_circuits_that_do_not_fit_are_refused(right: Backend, name: str) -> None:
    with KNOWN[name].make(right_backend("local:chip")) as wrong, pytest.raises(TargetError):
        compare([right, wrong], adapter=Adapter.QTHA, shots=10)


@pytest.mark.parametrize("adapter", list(Adapter))
def test_other_mutants_of_compiler_and_synthesis_do_not_act_here(adapter: Adapter) -> None:
    """The native circuits are the right ones."""
    for mutant in (*COMPILER, *ADAPTER):
        if mutant.name in ACTING[adapter] | REFUSED:
            continue
        with mutant.make(right_backend("local:chip")) as wrong:
            for case in cases(adapter, wrong.target):
                compiled = compile_circuit(case.circuit, wrong.target)
                (exact,) = oracle.tables(compiled.circuit, compiled.bind(case.bindings))
                assert np.abs(exact - case.exact).max() < 1e-9, mutant.name


def test_a_wrong_compiler_differs_on_a_noisy_machine_that_is_not_heard() -> None:
    """Where noise drowns a circuit, that it is another one is a fact all the same."""
    with KNOWN["entangler-dropped"].make(backend("local:emulator/wukong-72")) as wrong:
        report = compare([wrong, backend("local:emulator/heron-r2")], shots=100)
    assert report.exit_code == 1
    assert [found.verdict for found in report.hearings] == [Verdict.VIOLATES] * 2


def test_noise_explains_the_same_whatever_the_other_side_is(three: MatchReport) -> None:
    """Of two sides it adds up."""
    one, other, noisy = (side.backend for side in three.sides)
    for circuit in three.circuits:
        margins = {frozenset((each.first, each.second)): each.margin for each in circuit.matches}
        assert margins[frozenset((one, EXACT))] == margins[frozenset((one, other))] == FLOOR
        assert margins[frozenset((noisy, EXACT))] == margins[frozenset((noisy, one))]
    twice = compare([backend("local:emulator/heron-r2"), Named(backend("local:emulator/heron-r2"))], shots=50)
    for circuit in twice.circuits:
        single, _, both = (each.margin for each in circuit.matches)
        assert single is not None
        assert both is not None
        # Coherent errors add in quadrature, random noise as it is.
        assert 2**0.5 * (single - FLOOR) < both - FLOOR < 2 * (single - FLOOR)


def test_all_distances_share_half_of_the_error_rate(right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three sides and the closed form make six intervals a circuit."""
    levels: list[float] = []
    heard: list[float] = []

    def noted(*given: Any) -> Match:
        levels.append(given[-1])
        return match(*given)

    def hearing(sides: Sequence[Seen], level: float) -> tuple[Hearing, ...]:
        heard.append(level)
        return hear(sides, level)

    monkeypatch.setattr("qadapt_conformance.compare.match", noted)
    monkeypatch.setattr("qadapt_conformance.compare.hear", hearing)
    compare([right, Named(right), Chip(right)], adapter=Adapter.QTHA, shots=50)
    assert len(levels) == 12
    assert sum(levels) + sum(heard) == pytest.approx(ALPHA)
    assert heard == [ALPHA / 2]
    assert len(set(levels)) == 1


class Unknown(Chip):
    """A simulator that says that it has noise, and gives no figures."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        qubits = tuple(Qubit(t1=1e-3, t2=1e-3) for _ in range(self._target.num_qubits))
        self._target = self._target.model_copy(update={"qubits": qubits})


def test_what_cannot_be_heard_is_undecided(right: Backend) -> None:
    report = compare([right, Unknown(right)])
    assert report.hearings[1].verdict is Verdict.NOT_RUN
    assert report.verdict("local:chip", EXACT) is Verdict.UNDECIDED
    assert report.exit_code == 3


@pytest.mark.parametrize("adapter", list(Adapter))
def test_a_plan_is_what_a_comparison_submits(right: Backend, adapter: Adapter) -> None:
    submitted: list[Work] = []

    class Noted(Named):
        def submit(self, work: Sequence[Work], *, tag: str) -> str:
            submitted.extend(work)
            return super().submit(work, tag=tag)

    plan = plan_compare(Noted(right), adapter=adapter, shots=70)
    assert submitted == []
    report = compare([right, Noted(right)], adapter=adapter, shots=70)
    assert [line.rule for line in plan.rules] == [circuit.name for circuit in report.circuits]
    assert plan.cost.shots == sum(line.shots for line in plan.rules)
    assert plan.cost.shots == sum(work.bindings.rows * work.shots for work in submitted)
    assert plan.cost.dollars is None  # nobody says
    assert plan.jobs >= len(report.circuits)


@pytest.fixture(scope="module")
def over_rotated(right: Backend) -> MatchReport:
    """Heron's emulator and the same one with every angle 2 % too large, with the shots that are said to tell them."""
    heron = backend("local:emulator/heron-r2")
    (_, asked) = compare([right, heron], shots=20).hearings
    needs = {each.mutant: each.needs for each in asked.untold}[OVER]
    assert 20 < needs < 2000
    with KNOWN[OVER].make(Named(heron)) as wrong:
        return compare([right, heron, wrong], shots=needs)


def test_over_rotation_is_caught_where_the_distance_hides_it(over_rotated: MatchReport) -> None:
    """Found with a probability of at least 0.999 by plan, a right one charged with at most 1e-6; the seed is fixed."""
    one, heron, wrong = over_rotated.hearings
    assert (one.verdict, heron.verdict, wrong.verdict) == (Verdict.CONFORMS, Verdict.CONFORMS, Verdict.VIOLATES)
    assert (wrong.like, wrong.circuit) == (OVER, "cayley 8")
    assert OVER not in {each.mutant for each in heron.untold}
    distances = {each.verdict for circuit in over_rotated.circuits for each in circuit.matches}
    assert Verdict.VIOLATES not in distances
    for other in (EXACT, one.backend, heron.backend):
        assert over_rotated.verdict(wrong.backend, other) is Verdict.VIOLATES
    assert over_rotated.verdict(heron.backend, EXACT) is not Verdict.VIOLATES
    assert over_rotated.exit_code == 1


def test_over_rotation_matched_by_its_distance_alone() -> None:
    """So did a comparison say that does not hear the counts themselves."""
    heron = backend("local:emulator/heron-r2")
    with KNOWN[OVER].make(Named(heron)) as wrong:
        report = compare([heron, wrong])
    assert {each.verdict for circuit in report.circuits for each in circuit.matches} == {Verdict.CONFORMS}
    assert report.verdict(heron.name, wrong.name) is Verdict.VIOLATES


def test_reversed_bits_of_a_noisy_machine_are_named(right: Backend) -> None:
    with KNOWN["reversed-bits"].make(Named(backend("local:emulator/heron-r2"))) as wrong:
        report = compare([right, wrong], shots=4096)
    assert report.hearings[1].like == "reversed-bits"
    assert report.verdict(right.name, wrong.name) is Verdict.VIOLATES


def test_circuits_draw_independently_of_each_other(right: Backend) -> None:
    seeds = []

    class Noted(Named):
        def submit(self, work: Sequence[Work], *, tag: str) -> str:
            seeds.extend(each.seed for each in work)
            return super().submit(work, tag=tag)

    for seed in (0, 1):
        compare([right, Noted(right)], shots=50, seed=seed)
    assert len(set(seeds)) == len(seeds) == 6


def said(report: MatchReport, verdict: Verdict) -> MatchReport:
    """A comparison in which the counts of the first side say something else."""
    first, *others = report.hearings
    return report.model_copy(update={"hearings": (first.model_copy(update={"verdict": verdict}), *others)})


@pytest.mark.parametrize(
    ("heard", "verdict", "code"),
    [
        (Verdict.VIOLATES, Verdict.VIOLATES, 1),
        (Verdict.UNDECIDED, Verdict.UNDECIDED, 3),
        (Verdict.NOT_RUN, Verdict.UNDECIDED, 3),
    ],
)
def test_distances_and_counts_have_to_agree(three: MatchReport, heard: Verdict, verdict: Verdict, code: int) -> None:
    first, second, third = (side.backend for side in three.sides)
    report = said(three, heard)
    assert {report.verdict(first, other) for other in (EXACT, second, third)} == {verdict}
    assert report.verdict(second, third) is Verdict.CONFORMS
    assert report.exit_code == code


def test_a_distance_from_the_closed_form_alone_decides(three: MatchReport) -> None:
    circuit, *others = three.circuits
    off = [each.model_copy(update={"verdict": Verdict.VIOLATES}) for each in circuit.matches if each.second == EXACT]
    pairs = [each for each in circuit.matches if each.second != EXACT]
    report = three.model_copy(update={"circuits": (circuit.model_copy(update={"matches": (*off, *pairs)}), *others)})
    assert report.exit_code == 1


def test_circuits_without_a_margin_take_no_part_unless_there_are_no_others(three: MatchReport) -> None:
    def blind(circuit: CircuitMatch) -> CircuitMatch:
        update = {"verdict": Verdict.UNDECIDED, "margin": None}
        return circuit.model_copy(update={"matches": tuple(e.model_copy(update=update) for e in circuit.matches)})

    *others, last = three.circuits
    assert three.model_copy(update={"circuits": (*others, blind(last))}).exit_code == 0
    none = three.model_copy(update={"circuits": tuple(map(blind, three.circuits))})
    assert none.exit_code == 3
    assert said(none, Verdict.VIOLATES).exit_code == 1


def test_a_match_rests_on_circuits_that_were_heard_and_bounded(three: MatchReport) -> None:
    first, second, third = (side.backend for side in three.sides)
    one, *others = three.hearings
    deaf = three.model_copy(update={"hearings": (one.model_copy(update={"unjudged": {"cayley 8": "noise"}}), *others)})
    for other in (EXACT, second, third):
        assert deaf.judged(first, other) == deaf.judged(other, first) == ("cayley 2", "cayley 4")
        assert pair(deaf, first, other) == "match on 2 of 3"
    assert len(deaf.judged(second, third)) == 3
    assert pair(deaf, second, third) == "match"
    assert deaf.exit_code == 0


def test_few_shots_do_not_decide(right: Backend) -> None:
    report = compare([right, Named(right)], shots=50)
    assert report.exit_code == 3
    assert all(each.needs > 50 for circuit in report.circuits for each in circuit.matches)


def test_a_chip_runs_its_own_native_circuits(right: Backend) -> None:
    report = compare([right, Chip(Named(right))], adapter=Adapter.QTHA)
    assert report.exit_code == 0


@pytest.mark.parametrize("number", [0, 1])
def test_two_different_backends_are_needed(right: Backend, number: int) -> None:
    with pytest.raises(ValueError, match="two or more"):
        compare([right] * (2 * number))


def test_the_page_holds_everything(three: MatchReport) -> None:
    page = matrix(three)
    for side in three.sides:
        assert side.backend in page
    assert "The backends match" in page
    assert page.count("<svg") == 2 * len(three.circuits)
    hostile = three.sides[0].model_copy(update={"backend": "<script>:x"})
    assert "<script>" not in matrix(three.model_copy(update={"sides": (hostile, *three.sides[1:])}))


def test_what_the_counts_say_is_on_the_page_and_the_terminal(over_rotated: MatchReport) -> None:
    page, lines = matrix(over_rotated), [told(found) for found in over_rotated.hearings]
    assert [bool(each) for each in lines] == [True] * 3
    assert lines[2] == [f"{over_rotated.hearings[2].said}; look at cayley 8"]
    assert "The backends differ" in page
    assert f"<code>{OVER}</code>" in page
    assert all(COUNTS[found.verdict] in page for found in over_rotated.hearings)
    assert "angles-of-two-digits" in page
    assert all(f"<code>{name}</code>" in page for name in over_rotated.hearings[0].idle)


def test_told() -> None:
    untold = (Untold(mutant="a", needs=1234), Untold(mutant="b", needs=0), Untold(mutant="c", needs=0))
    found = Hearing(
        backend="acme:chip",
        verdict=Verdict.VIOLATES,
        said="outcome 1 seen",
        like="m",
        circuit="cayley 2",
        untold=untold,
        unjudged={"cayley 8": "too much"},
        idle=("d", "e"),
    )
    assert told(found) == [
        "outcome 1 seen; look at cayley 2",
        "looks like mutant `m`",
        "not told from `a` (1,234 shots would tell)",
        "not told by any number of shots from `b`, `c`",
        "cayley 8 is not judged: too much",
        f"2 of {len(PHYSICAL)} mutants give nothing else in these circuits",
    ]
    assert told(Hearing(backend="acme:chip", verdict=Verdict.CONFORMS)) == []


def test_what_is_said_is_the_same_everywhere(three: MatchReport, tmp_path: Path) -> None:
    words = {
        Verdict.CONFORMS: (0.1, 0, "match"),
        Verdict.VIOLATES: (0.1, 0, "DIFFER"),
        Verdict.UNDECIDED: (0.1, 70_000, "undecided, needs 70,000 shots"),
    }
    (circuit, *_), (one, *_) = three.circuits, three.circuits[0].matches
    shown = []
    for verdict, (margin, needs, said) in words.items():
        each = one.model_copy(update={"verdict": verdict, "margin": margin, "needs": needs})
        assert cells(each) == (*cells(one)[:5], "0.1000", said)
        shown.append(each)
    blind = one.model_copy(update={"verdict": Verdict.UNDECIDED, "margin": None, "needs": 0})
    assert cells(blind)[5:] == ("-", "undecided, too much noise")
    assert notes(three) == [DISTANCE]
    report = three.model_copy(update={"circuits": (circuit.model_copy(update={"matches": (*shown, blind)}),)})
    assert notes(report) == [DISTANCE, TOO_MUCH]
    page = matrix(report)
    for said in [cells(each)[-1] for each in (*shown, blind)] + [DISTANCE, TOO_MUCH]:
        assert said in page
    assert "CONFORMS" not in page
    assert "VIOLATES" not in page
