"""Hearing: what the counts of each side of a comparison say about which circuits it ran.

A side is judged by itself, as a rule would do it (``judge``, ADR 0012): its counts against what its own target may
give, which are exact probabilities or the mixtures of its calibration, and against what every physical mutant would
give instead. Draws of different circuits are independent, so the evidence for a mutant adds up over them. The p-values
of all looks at all sides go through Holm's procedure together: with a probability of at most its level any side that is
right, up to its calibration and the allowance of ``comparison.OFF``, is charged with anything. What is no matter of
chance, as a native circuit that is wrong by itself, goes before all evidence.

The other way round, a side is cleared of a mutant by evidence that the mutant itself gives with a probability of at
most ``ALPHA``. Of the mutants that a side is not cleared of, those for which the shots were too few, and those that no
plan tells from it, are said and held against nobody; nor are those that do nothing else in any of its circuits. Where
the shots would have cleared nearly every right machine, the counts lie between the circuits and the mutant, which is
too little for a charge and too much to conform: UNDECIDED.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log

from pydantic import BaseModel, ConfigDict

from qadapt import Backend
from qadapt_conformance.finding import Finding
from qadapt_conformance.judge import Judge
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.statistics import ALPHA, holm, p_value
from qadapt_conformance.verdict import Verdict

CLEARS = -log(ALPHA)
"""Evidence against a mutant that clears a side of it, in nats."""

PHYSICAL = tuple(mutant for mutant in MUTANTS if mutant.physical)
"""Whom a side is told from."""


class Untold(BaseModel):
    """A mutant that a side is not told from.

    Attributes:
        mutant: Its name.
        needs: Shots per row that would tell, by plan; 0 where there is no plan: noise hides it, or it differs by less
            than counts can show.
    """

    model_config = ConfigDict(frozen=True)

    mutant: str
    needs: int


class Hearing(BaseModel):
    """What the counts of one side say about which circuits it ran.

    Attributes:
        backend: Full name.
        verdict: VIOLATES if they surely are not what its target may give, or its native circuits are wrong, UNDECIDED
            if they lean towards a mutant, NOT RUN if noise drowns all circuits or is not known, else CONFORMS.
        said: What speaks against the side.
        like: Name of the mutant that it looks like; empty if it looks like none.
        circuit: Name of the circuit where that shows most; of the first where it is a fact.
        untold: Mutants that it is not told from, for want of shots or of a plan; none where it is surely wrong.
        idle: Physical mutants that give nothing else in any of its circuits; none where it is surely wrong.
        unjudged: Why circuits were not judged, by their names.
    """

    model_config = ConfigDict(frozen=True)

    backend: str
    verdict: Verdict
    said: str = ""
    like: str = ""
    circuit: str = ""
    untold: tuple[Untold, ...] = ()
    idle: tuple[str, ...] = ()
    unjudged: dict[str, str] = {}


@dataclass(frozen=True, eq=False)
class Seen:
    """What a judge found of one side.

    Attributes:
        backend: Full name of the side.
        judge: Its judge.
        findings: By the name of the circuit, one each.
        acting: Mutants that would give something else in some circuit.
    """

    backend: str
    judge: Judge
    findings: Mapping[str, Finding]
    acting: frozenset[str]


@dataclass(frozen=True)
class _Charge:
    """One look that may speak against a side; facts go before evidence for a mutant, and that before a deviation."""

    p_value: float
    said: str
    circuit: str
    nats: float = 0.0
    like: str = ""


def judge_of(backend: Backend, seed: int) -> Judge:
    """Make the judge of a side; the seed decides how its shots are dealt into halves."""
    exact = backend.capabilities.simulated and backend.target.ideal
    return Judge(backend.target, exact, PHYSICAL, seed=seed)


def hear(sides: Sequence[Seen], level: float = ALPHA) -> tuple[Hearing, ...]:
    """Say of every side what speaks against it.

    Args:
        sides: All sides of a comparison.
        level: Probability that any right one is charged, at most.
    """
    charges = [(side, charge) for side in sides for charge in _charges(side)]
    rejected = holm([charge.p_value for _, charge in charges], level)
    proven = [each for each, surely in zip(charges, rejected, strict=True) if surely]
    return tuple(_hearing(side, [charge for whose, charge in proven if whose is side]) for side in sides)


def _charges(side: Seen) -> Iterator[_Charge]:
    """Every circuit by itself, and every mutant over all circuits."""
    judged = {name: finding for name, finding in side.findings.items() if finding.judged}
    for name, finding in judged.items():
        yield _Charge(finding.p_value, finding.said, name, 0.0 if finding.statistical else inf)
    for mutant, nats in _added(finding.toward for finding in judged.values()).items():
        name = max(judged, key=lambda each: judged[each].toward.get(mutant, 0.0))
        said = f"the counts of all circuits fit mutant `{mutant}` better than the circuits, by {nats:.3g} nats"
        yield _Charge(p_value(nats), said, name, nats, mutant)


def _hearing(side: Seen, proven: Sequence[_Charge]) -> Hearing:
    unjudged = {name: finding.said for name, finding in side.findings.items() if not finding.judged}
    untold, leaning = _untold(side)
    if proven:
        worst = min(proven, key=lambda charge: (-charge.nats, charge.p_value))
        verdict, said, circuit = Verdict.VIOLATES, worst.said, worst.circuit
        like = worst.like or side.judge.like(side.findings[circuit], PHYSICAL)
    elif leaning:
        like = min(leaning, key=leaning.__getitem__)
        circuit = min(side.findings, key=lambda name: side.findings[name].against.get(like, 0.0))
        verdict = Verdict.UNDECIDED
        said = f"as many shots clear a right machine of mutant `{like}`, and these counts do not exclude it"
    else:
        verdict = Verdict.NOT_RUN if len(unjudged) == len(side.findings) else Verdict.CONFORMS
        said = like = circuit = ""
    return Hearing(
        backend=side.backend,
        verdict=verdict,
        said=said,
        like=like,
        circuit=circuit,
        untold=() if proven else untold,
        idle=() if proven else tuple(sorted(mutant.name for mutant in PHYSICAL if mutant.name not in side.acting)),
        unjudged=unjudged,
    )


def _untold(side: Seen) -> tuple[tuple[Untold, ...], dict[str, float]]:
    """Mutants for which shots do not suffice or are not planned, and the evidence against those for which they do."""
    findings = side.findings.values()
    against = _added(finding.against for finding in findings)
    untold, leaning = [], {}
    for mutant, nats in against.items():
        plans = [(finding.plan[mutant], finding.shots or 0) for finding in findings if finding.plan.get(mutant)]
        if nats >= CLEARS or not plans:
            continue
        if any(shots >= needed for needed, shots in plans):
            leaning[mutant] = nats
        else:
            untold.append(Untold(mutant=mutant, needs=min(needed for needed, _ in plans)))
    known = {each.mutant for each in untold} | set(leaning)
    unplanned = sorted(name for name in side.acting - known if against.get(name, 0.0) < CLEARS)
    few = sorted(untold, key=lambda each: each.needs)
    return (*few, *(Untold(mutant=name, needs=0) for name in unplanned)), leaning


def _added(parts: Iterator[Mapping[str, float]]) -> Mapping[str, float]:
    total = Counter[str]()
    for part in parts:
        total.update(part)
    return total
