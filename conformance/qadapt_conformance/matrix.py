"""Matrix: which rule kills which mutant."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context

import numpy as np
from pydantic import BaseModel, ConfigDict

from qadapt import Backend, Target, Work
from qadapt.provider import violations
from qadapt_conformance import oracle
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.mutant import CHIP, Mutant
from qadapt_conformance.mutants.right import right_backend
from qadapt_conformance.rule import RULES
from qadapt_conformance.spec import SPEC
from qadapt_conformance.stage import Stage
from qadapt_conformance.suite import run_suite
from qadapt_conformance.trial import look
from qadapt_conformance.verdict import RuleVerdict, Verdict

WAITING = 1.5
"""Processes per core: the suite waits for jobs for a third of its time."""


SAME = 1e-9
"""Probabilities that differ by less are the same."""


class Row(BaseModel):
    """What became of one mutant.

    Attributes:
        mutant: Its name.
        about: What is wrong with it.
        rule: The rule that must catch it.
        right: Name of the right backend that it was made of.
        applies: Whether it does anything wrong there at all; always so where it is at home.
        hidden: Whether noise hides it: in no look of its rule could counts be evidence of it, however many.
        verdicts: Verdict of every rule that was run on it.
        message: What its rule said.
        seconds: How long that took.
    """

    model_config = ConfigDict(frozen=True)

    mutant: str
    about: str
    rule: str
    right: str
    applies: bool
    hidden: bool = False
    verdicts: dict[str, Verdict]
    message: str = ""
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether its rule caught it."""
        return self.verdicts.get(self.rule) is Verdict.VIOLATES

    @property
    def killers(self) -> tuple[str, ...]:
        """All rules that caught it."""
        return tuple(rule for rule, verdict in self.verdicts.items() if verdict is Verdict.VIOLATES)


class KillMatrix(BaseModel):
    """What became of all mutants.

    Attributes:
        spec: Version of the specification.
        seed: Seed of the runs.
        quick: Whether each mutant met its own rule only.
        date: When the run ended.
        seconds: How long it took.
        versions: Versions of the packages that took part.
        rows: One per mutant, in the order of ``MUTANTS``.
    """

    model_config = ConfigDict(frozen=True)

    spec: str
    seed: int
    quick: bool
    date: datetime
    seconds: float
    versions: dict[str, str]
    rows: tuple[Row, ...]

    @property
    def survivors(self) -> tuple[Row, ...]:
        """Mutants that do something wrong, not hidden by noise, and were not caught by their rules."""
        return tuple(row for row in self.rows if row.applies and not row.hidden and not row.killed)

    @property
    def exit_code(self) -> int:
        """1 if a mutant survives, or if there was none to kill."""
        return int(bool(self.survivors) or not any(row.killed for row in self.rows))


Show = Callable[[Row, int, int], None]
"""Is told what became of a mutant, how many are done, and how many there are."""


def run_matrix(
    *,
    mutants: Collection[str] | None = None,
    right: str | None = None,
    quick: bool = False,
    seed: int = 0,
    processes: int | None = None,
    show: Show | None = None,
) -> KillMatrix:
    """Run the suite on every mutant.

    Args:
        mutants: Names of the mutants, all when omitted.
        right: Name of the right backend to make all of them of; each is made of its own home when omitted.
        quick: Whether each mutant meets its own rule only, and not all of them.
        seed: Seed of the runs.
        processes: How many run at the same time; with 1, all run in this process. Follows from the cores when omitted.
        show: Told about the progress.

    Raises:
        KeyError: A mutant is not known.
    """
    began = time.monotonic()
    known = {mutant.name: number for number, mutant in enumerate(MUTANTS)}
    if unknown := sorted(set(mutants or ()) - set(known)):
        raise KeyError(f"unknown mutants {unknown}, known are {', '.join(known)}")
    names = sorted(known if mutants is None else set(mutants), key=known.__getitem__)
    rows = []
    for row in _rows(names, partial(_row, right=right, quick=quick, seed=seed), processes):
        rows.append(row)
        if show is not None:
            show(row, len(rows), len(names))
    return KillMatrix(
        spec=SPEC,
        seed=seed,
        quick=quick,
        date=datetime.now(UTC),
        seconds=time.monotonic() - began,
        versions={name: version(name) for name in ("qadapt", "qadapt-conformance", "numpy", "scipy")},
        rows=tuple(sorted(rows, key=lambda row: known[row.mutant])),
    )


def _rows(names: Collection[str], work: Callable[[str], Row], processes: int | None) -> Iterator[Row]:
    """Yield rows as they are done."""
    if processes is None:
        processes = max(1, round(WAITING * len(os.sched_getaffinity(0))))
    processes = min(processes, len(names))
    if processes <= 1:
        yield from map(work, names)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(work, name) for name in names]):
            yield done.result()


def _row(name: str, *, right: str | None, quick: bool, seed: int) -> Row:
    """Run the suite on one mutant."""
    began = time.monotonic()
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == name)
    made_of = right or mutant.home
    inner = right_backend(made_of)
    acts = applies(mutant, inner)
    verdicts: dict[str, Verdict] = {}
    message, hidden = "", False
    if acts:
        with mutant.make(inner) as wrong:
            report = run_suite(wrong, rules=[mutant.rule] if quick else None, seed=seed, known=())
        verdicts = {each.rule: each.verdict for each in report.verdicts if not quick or each.rule == mutant.rule}
        said = report.of(mutant.rule)
        message = said.message
        caught = said.verdict is Verdict.VIOLATES
        hidden = mutant.physical and not report.ideal and not caught and not _shown(mutant, said)
    return Row(
        mutant=mutant.name,
        about=mutant.about,
        rule=mutant.rule,
        right=made_of,
        applies=acts,
        hidden=hidden,
        verdicts=verdicts,
        message=message,
        seconds=time.monotonic() - began,
    )


def _shown(mutant: Mutant, verdict: RuleVerdict) -> bool:
    return any(mutant.name in finding.toward for finding in verdict.findings)


def applies(mutant: Mutant, right: Backend) -> bool:
    """Whether a mutant does anything wrong that its rule could see on a right backend.

    Where it is at home it does. Elsewhere a capability, the couplings or the gates may be missing that it is wrong
    about, or what it does may make no difference there: cz is symmetric, and a full turn of a virtual rz is a phase.
    It applies if it changes a work of its rule into one that the machine runs and that has other outcomes.
    """
    rule = RULES[mutant.rule]
    if right.name == mutant.home:
        return True
    if rule.not_declared(right) or mutant.lacks(right) or (mutant.home == CHIP and right.target.couplings is None):
        return False
    if not mutant.physical:
        return True
    stage = Stage(right)
    look(rule, stage, 0, rehearsal=True)
    return any(_differs(mutant, work, right.target) for works in stage.submitted for work in works)


def _differs(mutant: Mutant, work: Work, target: Target) -> bool:
    changed = mutant.before(work) if mutant.before else work
    if (changed is work and mutant.after is None) or violations(changed.circuit, target):
        return False
    right = oracle.tables(work.circuit, work.bindings)
    tables = oracle.tables(changed.circuit, changed.bindings)
    wrong = [mutant.after(table) for table in tables] if mutant.after else tables
    return any(not np.allclose(a, b, rtol=0, atol=SAME) for a, b in zip(wrong, right, strict=True))
