"""Suite: run rules on a backend and give verdicts."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from math import exp, log

from qadapt import Backend
from qadapt_conformance import rules as _rules  # noqa: F401 - fills RULES
from qadapt_conformance.exclusion import Exclusion, SettingsError, check_exclusions
from qadapt_conformance.finding import Finding
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.mutant import Mutant
from qadapt_conformance.report import Report
from qadapt_conformance.rule import EVERYWHERE, RULES, Rule
from qadapt_conformance.spec import SPEC
from qadapt_conformance.statistics import ALPHA, holm
from qadapt_conformance.tier import Tier
from qadapt_conformance.tracked import Tracked
from qadapt_conformance.trial import Trial, look
from qadapt_conformance.verdict import RuleVerdict, Verdict

TOTALS = "SHOTS-1"
"""The rule about totals: core refuses counts that break it, so its violation would look like a violation of all."""

NATS = -log(ALPHA)
"""Evidence that tells a backend from a mutant; the mutant itself would give it with probability ALPHA at most."""

AWAY = 2
"""Rules that find the vendor away before no further one asks it."""

Show = Callable[[Rule, int, int], None]
"""Is told which rule begins, how many went before, and how many there are."""


def run_suite(
    backend: Backend,
    *,
    rules: Collection[str] | None = None,
    tier: Tier = Tier.SIMULATOR,
    exclusions: Sequence[Exclusion] = (),
    seed: int = 0,
    known: Sequence[Mutant] = MUTANTS,
    show: Show | None = None,
) -> Report:
    """Run rules on a backend.

    No job is left open: those that a rule leaves unfinished are cancelled.

    Args:
        backend: Any object with the four verbs; it need not be installed as a provider.
        rules: Ids of the rules to run, all when omitted; the others are reported as not run.
        tier: How much of the suite is run.
        exclusions: Rules that may be violated; they run all the same.
        seed: Decides the seeds of all works.
        known: Mutants that a violation may be said to look like.
        show: Told about the progress.

    Raises:
        KeyError: A rule is not known.
        SettingsError: An exclusion is of no rule that applies here.
    """
    unknown = set(rules or ()) - set(RULES)
    if unknown:
        raise KeyError(f"unknown rules {sorted(unknown)}, known are {', '.join(RULES)}")
    check_exclusions(exclusions)
    began = time.monotonic()
    trials: list[Trial] = []
    with Tracked(backend) as tracked:
        for number, rule in enumerate(RULES.values()):
            if show is not None:
                show(rule, number, len(RULES))
            away = [trial.rule.id for trial in trials if trial.unavailable]
            trials.append(_trial(rule, tracked, tier, seed, rules, " and ".join(away) if len(away) >= AWAY else ""))
    _check_matches(exclusions, trials)
    _stop_cascade(trials)
    _add_evidence(trials)
    chances = [finding for trial in trials for finding in trial.findings if finding.statistical]
    rejected = holm([finding.p_value for finding in chances])
    wrong = {id(finding) for finding, bad in zip(chances, rejected, strict=True) if bad}
    excluded = {exclusion.rule: exclusion for exclusion in exclusions}
    return Report(
        backend=backend.name,
        target_hash=backend.target.content_hash,
        calibrated=backend.target.calibrated,
        ideal=backend.target.ideal,
        capabilities=backend.capabilities,
        tier=tier,
        spec=SPEC,
        seed=seed,
        alpha=ALPHA,
        date=datetime.now(UTC),
        seconds=time.monotonic() - began,
        jobs=tracked.made,
        cost=tracked.spent,
        versions={name: version(name) for name in ("qadapt", "qadapt-conformance", "numpy", "scipy")}
        | {"python": platform.python_version()},
        verdicts=tuple(_judged(trial, wrong, backend.name, excluded.get(trial.rule.id), known) for trial in trials),
    )


def _trial(rule: Rule, backend: Backend, tier: Tier, seed: int, selected: Collection[str] | None, gone: str) -> Trial:
    """Try a rule, unless it is not part of the run, or the vendor was gone when another one was tried."""
    if tier not in rule.tiers:
        return Trial(rule, stopped=(Verdict.NOT_RUN, f"not in tier {tier}"), in_tier=False)
    if selected is not None and rule.id not in selected:
        return Trial(rule, stopped=(Verdict.NOT_RUN, "not selected"))
    if missing := rule.not_declared(backend):
        return Trial(rule, stopped=(Verdict.NOT_DECLARED, f"needs {missing}"))
    if gone and rule.tiers != EVERYWHERE:
        return Trial(rule, stopped=(Verdict.NOT_RUN, f"the vendor did not answer, see {gone}"))
    return look(rule, backend, seed)


def _check_matches(exclusions: Sequence[Exclusion], trials: Sequence[Trial]) -> None:
    """Refuse exclusions that exclude nothing.

    Raises:
        SettingsError: There is one.
    """
    applying = {trial.rule.id for trial in trials if not (trial.stopped and trial.stopped[0] is Verdict.NOT_DECLARED)}
    if wrong := sorted({exclusion.rule for exclusion in exclusions} - applying):
        raise SettingsError(f"exclusions of rules that do not apply: {', '.join(wrong)}")


def _stop_cascade(trials: Sequence[Trial]) -> None:
    """Where the totals themselves are wrong, do not blame every rule that needs counts."""
    totals = next(trial for trial in trials if trial.rule.id == TOTALS)
    if any(finding.p_value == 0 for finding in totals.findings):
        for trial in trials:
            if trial.bad_result and trial is not totals:
                trial.stopped = Verdict.NOT_RUN, f"its counts were refused, see {TOTALS}"


def _add_evidence(trials: Sequence[Trial]) -> None:
    """Let the evidence of all looks for one mutant count as one more look: e-values of separate draws multiply."""
    for trial in trials:
        toward = Counter[str]()
        for finding in trial.findings:
            toward.update(finding.toward)
        for name, nats in toward.items():
            said = f"the counts of all looks fit mutant `{name}` better than the circuits, by {nats:.3g} nats"
            trial.findings.append(Finding(said=said, p_value=min(1.0, exp(-max(nats, 0.0))), statistical=True))


def _judged(
    trial: Trial, wrong: set[int], backend: str, exclusion: Exclusion | None, known: Sequence[Mutant]
) -> RuleVerdict:
    """The verdict on one rule; what is excluded must not hold."""
    verdict, message, needs = _verdict(trial, wrong, backend, known)
    if exclusion is not None:
        if verdict is Verdict.CONFORMS:
            message = (
                f"[{trial.rule.id}] is excluded ({exclusion.reason}), and {backend} conforms: remove the exclusion"
            )
            verdict = Verdict.VIOLATES
        elif verdict is Verdict.VIOLATES:
            verdict = Verdict.EXCLUDED
            message = f"{exclusion.reason} ({exclusion.link})\n{message}"
    return RuleVerdict(
        rule=trial.rule.id,
        title=trial.rule.title,
        verdict=verdict,
        message=message,
        needs=needs,
        in_tier=trial.in_tier,
        findings=tuple(trial.findings),
        exclusion=exclusion,
    )


def _verdict(trial: Trial, wrong: set[int], backend: str, known: Sequence[Mutant]) -> tuple[Verdict, str, int]:
    """Verdict, message, and the shots per row that it lacks."""
    bad = [f for f in trial.findings if (id(f) in wrong if f.statistical else f.p_value == 0)]
    if bad:
        return Verdict.VIOLATES, _reads(trial, bad, backend, known), 0
    if trial.stopped:
        verdict, message = trial.stopped
        if verdict is Verdict.VIOLATES:
            message = _reads(trial, [Finding(said=message, p_value=0.0)], backend, known)
        return verdict, message, 0
    verdict, message, needs = _decided(trial)
    return verdict, _as_far_as_it_shows(trial) if verdict is Verdict.CONFORMS else message, needs


def _as_far_as_it_shows(trial: Trial) -> str:
    """What noise keeps from being judged of a rule that holds."""
    counted = [finding for finding in trial.findings if finding.statistical or not finding.judged]
    unjudged = [finding for finding in counted if not finding.judged]
    said = [f"{len(unjudged)} of {len(counted)} looks are not judged: {unjudged[0].said}"] if unjudged else []
    if trial.judge is not None and (hidden := trial.judge.hidden):
        said.append(f"noise hides what would tell the backend from {', '.join(f'`{name}`' for name in hidden)}")
    return "; ".join(said)


def _decided(trial: Trial) -> tuple[Verdict, str, int]:
    """Whether the looks together tell the backend from every mutant that the rule is to catch."""
    unjudged = [finding for finding in trial.findings if not finding.judged]
    # Facts that stand beside counts, as about how they were compiled, are no reason to trust counts nobody looked at.
    if unjudged and not any(finding.judged and finding.statistical for finding in trial.findings):
        return Verdict.NOT_RUN, unjudged[0].said, 0
    if unsure := [finding for finding in trial.findings if not finding.within]:
        shots = max(finding.shots or 0 for finding in unsure)
        return Verdict.UNDECIDED, f"needs more than {shots} shots per row to bound how far it is off", 2 * shots
    against, plans = Counter[str](), dict[str, list[int]]()
    for finding in trial.findings:
        against.update(finding.against)
        for name, shots in finding.plan.items():
            plans.setdefault(name, []).extend([shots] * bool(shots))
    # A mutant that does the same in all looks is none on this backend.
    open_ends = {name: min(plans[name]) for name, nats in against.items() if nats < NATS and plans.get(name)}
    if open_ends:
        name = max(open_ends, key=open_ends.__getitem__)
        said = f"needs {open_ends[name]} shots per row to tell the backend from mutant `{name}`"
        return Verdict.UNDECIDED, said, open_ends[name]
    return Verdict.CONFORMS, "", 0


def _reads(trial: Trial, bad: list[Finding], backend: str, known: Sequence[Mutant]) -> str:
    """Write a violation: what came, what should have come, and where."""
    rule, first = trial.rule, min(bad, key=lambda finding: finding.p_value)
    like = trial.judge.like(first, known) if trial.judge is not None else ""
    lines = [f"[{rule.id}] VIOLATES on {backend}: {first.said}{f'; looks like mutant `{like}`' * bool(like)}"]
    lines += [f"  circuit : {first.circuit}"] * bool(first.circuit)
    lines += [f"  row     : {first.row}"] * bool(first.row)
    lines += [f"  more    : {len(bad) - 1} other findings of this rule are wrong"] * (len(bad) > 1)
    return "\n".join(lines)
