"""Hearing: right sides are cleared, wrong ones are charged and named, and what cannot be told is said.

A right side is charged with a probability of at most 1e-6 per call; the seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from qadapt import Bindings, Capabilities, Circuit, Counts, Parameter, Qubit, Site, Target, op
from qadapt_conformance import oracle_noise
from qadapt_conformance.comparison import answers
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.hearing import CLEARS, PHYSICAL, Hearing, Seen, hear, judge_of
from qadapt_conformance.judge import Judge
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.statistics import ALPHA
from qadapt_conformance.verdict import Verdict

OVER = "two-percent-over-rotation"
KNOWN = {mutant.name: mutant for mutant in MUTANTS}
IDEAL = Target(name="ideal", num_qubits=2, native=("cz", "rx", "ry", "rz"))


def turning(angle: float) -> Circuit:
    """The larger its last angle, the more does 2 % of it show."""
    steps = [op("ry", 0, angles=["a"]), op("rx", 1, angles=[0.7]), op("cz", 0, 1)]
    steps += [op("rx", 0, angles=[Parameter(name="a", scale=0.5, offset=angle)]), op("ry", 1, angles=[1.1])]
    return Circuit(num_qubits=2, operations=steps, measured=[0, 1])


CIRCUITS = {"short": turning(0.4), "long": turning(11.0)}
ROWS = Bindings.of({"a": [0.4, 1.3, 2.2]})


def machine(error: float, *, readout: float = 0.01) -> Target:
    sites = {"cz": (Site(qubits=(0, 1), error=error, duration=1e-7),)}
    sites |= {name: tuple(Site(qubits=(q,), error=error / 10) for q in (0, 1)) for name in ("rx", "ry", "rz")}
    qubits = tuple(Qubit(prob_meas1_prep0=readout, prob_meas0_prep1=readout, t1=1e-4, t2=1e-4) for _ in (0, 1))
    return Target(name="machine", num_qubits=2, native=("cz", "rx", "ry", "rz"), sites=sites, qubits=qubits, source="x")


class Opened:
    """As much of a backend as a judge asks for."""

    name = "acme:chip"
    capabilities = Capabilities(simulated=True)

    def __init__(self, target: Target) -> None:
        self.target = target


def seen(target: Target, tables: Mapping[str, Any], shots: int, seed: int = 0, name: str = "acme:chip") -> Seen:
    """A side whose counts are drawn from tables ``[rows, outcomes]`` by circuit."""
    judge, draw = judge_of(Opened(target), seed), np.random.default_rng([7, seed])  # type: ignore[arg-type]
    findings = {}
    for circuit, table in tables.items():
        counts = draw.multinomial(shots, table / table.sum(axis=1, keepdims=True))
        (findings[circuit],) = judge.looks(judge.compare(CIRCUITS[circuit], ROWS), Counts((counts,), shots))
    compared = [judge.compare(CIRCUITS[circuit], ROWS) for circuit in tables]
    return Seen(name, judge, findings, frozenset(mutant for each in compared for mutant in each.others))


def right(target: Target, weights: Sequence[float] | None = None) -> dict[str, Any]:
    """What a machine may give: as calibrated, or a mixture of its family."""
    found = {}
    for name, circuit in CIRCUITS.items():
        (family,) = oracle_noise.family(circuit, ROWS, target)
        found[name] = oracle_noise.expected(family) if weights is None else np.tensordot(weights, family, axes=1)
    return found


def wrong(target: Target, mutant: str) -> dict[str, Any]:
    """What a mutant gives with noise as calibrated."""
    found = {}
    for name, circuit in CIRCUITS.items():
        (family,) = answers(KNOWN[mutant], circuit, ROWS, target) or [None]
        assert family is not None
        found[name] = oracle_noise.expected(family)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_right_sides_are_not_charged(seed: int) -> None:
    """Any member of the family, at few shots and at many."""
    target = machine(0.01)
    size = len(oracle_noise.family(CIRCUITS["long"], ROWS, target)[0])
    weights = np.random.default_rng(seed).dirichlet(np.full(size, 0.3))
    shots = [100, 5000, 200_000][seed % 3]
    (found,) = hear([seen(target, right(target, weights.tolist()), shots, seed)])
    assert found.verdict is not Verdict.VIOLATES, found


def test_a_right_side_is_cleared() -> None:
    target = machine(0.01)
    (found,) = hear([seen(target, right(target), 200_000)])
    assert (found.verdict, found.said, found.like, found.circuit) == (Verdict.CONFORMS, "", "", "")
    assert OVER not in {each.mutant for each in found.untold}


@pytest.mark.parametrize("mutant", [OVER, "reversed-bits", "angles-halved", "dropped-cz"])
def test_a_wrong_side_is_charged_and_named(mutant: str) -> None:
    """With the shots that are named to be needed."""
    target = machine(0.01)
    (asked,) = hear([seen(target, right(target), 2)])
    needs = {each.mutant: each.needs for each in asked.untold}
    one, found = hear(
        [
            seen(target, right(target), needs[mutant], name="acme:right"),
            seen(target, wrong(target, mutant), needs[mutant]),
        ]
    )
    assert one.verdict is Verdict.CONFORMS
    assert (found.backend, found.verdict) == ("acme:chip", Verdict.VIOLATES)
    assert found.like == mutant
    assert mutant in found.said
    assert found.circuit in CIRCUITS
    assert found.untold == ()


def test_over_rotation_shows_where_angles_are_large() -> None:
    target = machine(0.01)
    (found,) = hear([seen(target, wrong(target, OVER), 50_000)])
    assert found.circuit == "long"


@pytest.mark.parametrize("mutant", [OVER, "reversed-bits"])
def test_exact_sides(mutant: str) -> None:
    """Without noise the deviation itself is the charge, and a mutant that explains all counts is named."""
    exact = Target(name="ideal", num_qubits=2, native=("cz", "rx", "ry", "rz"))
    one, found = hear([seen(exact, right(exact), 50_000, name="acme:right"), seen(exact, wrong(exact, mutant), 50_000)])
    assert one.verdict is Verdict.CONFORMS
    assert (found.verdict, found.like) == (Verdict.VIOLATES, mutant)
    assert "expected" in found.said


def test_what_shots_do_not_tell_is_said_and_more_shots_tell_it() -> None:
    target = machine(0.01)
    (few,) = hear([seen(target, right(target), 100)])
    assert few.verdict is Verdict.CONFORMS
    needs = {each.mutant: each.needs for each in few.untold}
    assert needs[OVER] > 100
    assert [each.needs for each in few.untold if each.needs] == sorted(filter(None, needs.values()))
    (many,) = hear([seen(target, right(target), needs[OVER])])
    assert OVER not in {each.mutant for each in many.untold}


def test_what_noise_hides_is_said() -> None:
    target = machine(0.01)
    (found,) = hear([seen(target, {"long": right(target)["long"]}, 200_000)])
    hidden = {each.mutant for each in found.untold if not each.needs}
    assert "single-precision" in hidden
    assert OVER not in hidden


@pytest.mark.parametrize("target", [machine(0.01), IDEAL], ids=["machine", "ideal"])
@pytest.mark.parametrize("shots", [100, 200_000])
def test_every_mutant_is_accounted_for(target: Target, shots: int) -> None:
    """A side is told from it, named with or without a number of shots, or the mutant does nothing else here."""
    side = seen(target, right(target), shots)
    (found,) = hear([side])
    named = [each.mutant for each in found.untold]
    assert len(set(named)) == len(named)
    assert set(named) <= side.acting
    assert set(found.idle) == {mutant.name for mutant in PHYSICAL} - side.acting
    assert "cx-swapped" in found.idle
    assert "reversed-bits" not in found.idle
    for mutant in side.acting - set(named):
        assert sum(each.against.get(mutant, 0.0) for each in side.findings.values()) >= CLEARS
    # Their angles differ by too little for any number of shots to show.
    assert {each.mutant for each in found.untold if not each.needs} >= {"single-precision"}


def test_facts_go_before_evidence() -> None:
    """Such a charge holds at any level, whatever was counted, and no mutant is blamed for it."""
    wrong = fact(False, "the compiled circuit is wrong")
    (found,) = said({"a": looked(toward={OVER: 1e6}), "b": wrong, "c": looked(0.0)})
    assert (found.verdict, found.said, found.circuit, found.like) == (Verdict.VIOLATES, wrong.said, "b", "")
    assert found.idle == found.untold == ()


def test_the_level_is_shared() -> None:
    almost = Seen("acme:0", Judge(IDEAL, True, PHYSICAL), {"a": looked(ALPHA / 1.5)}, frozenset())
    assert hear([almost])[0].verdict is Verdict.VIOLATES
    assert hear([almost], ALPHA / 2)[0].verdict is Verdict.CONFORMS


def test_what_the_allowance_covers_is_undecided() -> None:
    """Angles that are rounded shift outcomes no farther than drifts do: no charge, and no clearance either."""
    target, mutant = machine(0.01), "angles-in-twelfths-of-pi"
    (asked,) = hear([seen(target, right(target), 2)])
    needs = {each.mutant: each.needs for each in asked.untold}[mutant]
    one, found = hear(
        [seen(target, right(target), needs, name="acme:right"), seen(target, wrong(target, mutant), needs)]
    )
    assert one.verdict is Verdict.CONFORMS
    assert (found.verdict, found.like) == (Verdict.UNDECIDED, mutant)
    assert "do not exclude it" in found.said
    assert mutant not in {each.mutant for each in found.untold}


def test_noise_without_figures_is_not_judged() -> None:
    target = Target(name="noisy", num_qubits=2, native=("cz", "rx", "ry", "rz"), qubits=(Qubit(), Qubit()), source="x")
    (found,) = hear([seen(target, right(target), 1000)])
    assert found.verdict is Verdict.NOT_RUN
    assert set(found.unjudged) == set(CIRCUITS)
    assert "no figures" in found.unjudged["long"]


def looked(p_value: float = 1.0, **found: Any) -> Finding:
    return Finding(said="seen", p_value=p_value, statistical=True, shots=1000, **found)


def said(*sides: Mapping[str, Finding]) -> tuple[Hearing, ...]:
    return hear([Seen(f"acme:{n}", Judge(IDEAL, True, PHYSICAL), side, frozenset()) for n, side in enumerate(sides)])


def test_evidence_adds_up_over_circuits() -> None:
    nats = CLEARS / 2 + 1
    (once,) = said({"a": looked(toward={OVER: nats}), "b": looked()})
    assert once.verdict is Verdict.CONFORMS
    (twice,) = said({"a": looked(toward={OVER: nats}), "b": looked(toward={OVER: nats + 1})})
    assert (twice.verdict, twice.like, twice.circuit) == (Verdict.VIOLATES, OVER, "b")
    (opposed,) = said({"a": looked(toward={OVER: nats}), "b": looked(toward={OVER: -nats})})
    assert opposed.verdict is Verdict.CONFORMS


def test_all_sides_share_one_level() -> None:
    almost = {"a": looked(ALPHA / 2.5), "b": looked()}
    (alone,) = said(almost)
    assert (alone.verdict, alone.circuit) == (Verdict.VIOLATES, "a")
    beside = said(almost, {"a": looked(), "b": looked()})
    assert [each.verdict for each in beside] == [Verdict.CONFORMS, Verdict.CONFORMS]


def test_clearing_adds_up_over_circuits() -> None:
    enough = {"plan": {OVER: 2000}}
    (short,) = said({"a": looked(against={OVER: CLEARS / 2}, **enough), "b": looked()})
    assert [(each.mutant, each.needs) for each in short.untold] == [(OVER, 2000)]
    (cleared,) = said({"a": looked(against={OVER: CLEARS / 2}, **enough)} | {"b": looked(against={OVER: CLEARS / 2})})
    assert cleared.untold == ()
    (leaning,) = said({"a": looked(against={OVER: 1.0}, **enough), "b": looked(against={OVER: 0.0}, plan={OVER: 1000})})
    assert (leaning.verdict, leaning.like, leaning.circuit) == (Verdict.UNDECIDED, OVER, "b")


def test_of_mutants_that_are_not_excluded_the_likeliest_is_named() -> None:
    found = looked(against={"reversed-bits": 5.0, OVER: 1.0}, plan={"reversed-bits": 10, OVER: 1000})
    (leaning,) = said({"a": found})
    assert (leaning.verdict, leaning.like) == (Verdict.UNDECIDED, OVER)


def test_what_is_not_judged_takes_no_part() -> None:
    unjudged = Finding(said="too much", p_value=1.0, judged=False)
    (some,) = said({"a": unjudged, "b": looked()})
    assert (some.verdict, some.unjudged) == (Verdict.CONFORMS, {"a": "too much"})
    (none,) = said({"a": unjudged})
    assert none.verdict is Verdict.NOT_RUN


def test_machines_are_granted_their_noise() -> None:
    """A machine that declares no noise is no simulator: it is not held to exact probabilities."""
    ideal = Opened(IDEAL)
    assert judge_of(ideal, 0).exact  # type: ignore[arg-type]
    ideal.capabilities = Capabilities(simulated=False)
    assert not judge_of(ideal, 0).exact  # type: ignore[arg-type]
    assert not judge_of(Opened(machine(0.01)), 0).exact  # type: ignore[arg-type]
