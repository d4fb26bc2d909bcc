"""Trial: one rule at work on one backend."""

from __future__ import annotations

from dataclasses import dataclass, field

from qadapt import AccessError, Backend, BadResultError, QadaptError, UnavailableError
from qadapt_conformance.finding import Finding
from qadapt_conformance.judge import MOST, MOST_PAID, Judge
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.probe import NotRun, Probe
from qadapt_conformance.rule import Rule
from qadapt_conformance.stage import Stage
from qadapt_conformance.verdict import Verdict


@dataclass
class Trial:
    """What came of one rule, before the run as a whole is judged.

    Attributes:
        rule: The rule.
        judge: Who compares counts; None if the rule does not run.
        findings: What it looked at.
        stopped: Verdict and reason, where something else than the findings decides.
        in_tier: Whether the tier of the run has the rule.
        bad_result: Whether counts were refused as no counts.
        unavailable: Whether the vendor did not answer.
    """

    rule: Rule
    judge: Judge | None = None
    findings: list[Finding] = field(default_factory=list)
    stopped: tuple[Verdict, str] | None = None
    in_tier: bool = True
    bad_result: bool = False
    unavailable: bool = False


def look(rule: Rule, backend: Backend, seed: int, *, rehearsal: bool = False) -> Trial:
    """Collect findings until the rule ends or something stops it; never raises.

    Rules that are to catch mutants are gone through on a stage first, to plan the shots.

    Args:
        rule: The rule.
        backend: Who is looked at.
        seed: Of the run.
        rehearsal: Whether the backend is a stage and the findings mean nothing.
    """
    mutants = tuple(mutant for mutant in MUTANTS if mutant.rule == rule.id)
    exact = backend.capabilities.simulated and backend.target.ideal
    judge = Judge(backend.target, exact, mutants, seed=seed, most=MOST if backend.capabilities.simulated else MOST_PAID)
    if any(mutant.physical for mutant in mutants) or not exact:
        _gone_through(Trial(rule, judge), Stage(backend), seed, rehearsal=True)
        judge.settle()
    trial = Trial(rule, judge)
    _gone_through(trial, backend, seed, rehearsal=rehearsal)
    return trial


def _gone_through(trial: Trial, backend: Backend, seed: int, *, rehearsal: bool) -> None:
    rule, judge = trial.rule, trial.judge
    assert judge is not None
    try:
        for finding in rule.check(Probe(backend, rule.id, seed, judge, rehearsal=rehearsal)):
            trial.findings.append(finding)
    except NotRun as reason:
        trial.stopped = Verdict.NOT_RUN, str(reason)
    except (AccessError, UnavailableError) as error:
        trial.unavailable = isinstance(error, UnavailableError)
        trial.stopped = Verdict.NOT_RUN, f"{type(error).__name__}: {error}"
    except QadaptError as error:
        trial.bad_result = isinstance(error, BadResultError)
        trial.stopped = Verdict.VIOLATES, f"stopped by {type(error).__name__}: {error}"
    except Exception as error:
        said = f"stopped by {type(error).__name__}, which is not an error of qadapt's tree: {error}"
        trial.stopped = Verdict.VIOLATES, said
    if not trial.findings and trial.stopped is None:
        trial.stopped = Verdict.NOT_RUN, "the rule looked at nothing"
