"""Suite: run rules on a backend and give verdicts."""

from __future__ import annotations

import platform
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import version

from pydantic import BaseModel, ConfigDict

from qadapt import AccessError, Backend, BadResultError, Capabilities, QadaptError, UnavailableError
from qadapt_conformance import rules as _rules  # noqa: F401 - fills RULES
from qadapt_conformance.finding import Finding
from qadapt_conformance.probe import NotRun, Probe
from qadapt_conformance.rule import RULES, Rule
from qadapt_conformance.statistics import ALPHA, holm

TOTALS = "SHOTS-1"
"""The rule about totals: core refuses counts that break it, so its violation would look like a violation of all."""


class Verdict(StrEnum):
    """What can be said about one rule on one backend."""

    CONFORMS = "CONFORMS"
    VIOLATES = "VIOLATES"
    NOT_DECLARED = "NOT DECLARED"
    NOT_RUN = "NOT RUN"


class RuleVerdict(BaseModel):
    """The verdict on one rule.

    Attributes:
        rule: Id of the rule.
        title: What it demands.
        verdict: What can be said.
        message: Why, for every verdict but CONFORMS.
        looks: Findings that the rule made.
        p_value: Smallest bound among its statistical findings; None without any.
    """

    model_config = ConfigDict(frozen=True)

    rule: str
    title: str
    verdict: Verdict
    message: str = ""
    looks: int = 0
    p_value: float | None = None


class Report(BaseModel):
    """Verdicts on every rule, the unjudged ones included.

    Attributes:
        backend: Full name of the backend.
        target_hash: Content hash of its target.
        capabilities: What it declares.
        seed: Seed of the run; with it the run repeats on a backend that declares seeds.
        alpha: Family-wise false-alarm rate of the run.
        versions: Versions of the packages that took part.
        verdicts: One per rule, in the order of the specification.
    """

    model_config = ConfigDict(frozen=True)

    backend: str
    target_hash: str
    capabilities: Capabilities
    seed: int
    alpha: float
    versions: dict[str, str]
    verdicts: tuple[RuleVerdict, ...]

    def count(self, verdict: Verdict) -> int:
        """Number of rules with a verdict."""
        return sum(entry.verdict == verdict for entry in self.verdicts)

    def of(self, rule: str) -> RuleVerdict:
        """The verdict on one rule."""
        return next(entry for entry in self.verdicts if entry.rule == rule)

    @property
    def exit_code(self) -> int:
        """0 if every rule that applies conforms, 1 if one is violated, 3 if nothing is but something was not judged."""
        if self.count(Verdict.VIOLATES):
            return 1
        return 3 if self.count(Verdict.NOT_RUN) or not self.count(Verdict.CONFORMS) else 0


@dataclass
class _Trial:
    """What came of one rule before the run as a whole is judged."""

    rule: Rule
    findings: list[Finding] = field(default_factory=list)
    stopped: tuple[Verdict, str] | None = None
    bad_result: bool = False


def run_suite(backend: Backend, *, rules: Collection[str] | None = None, seed: int = 0) -> Report:
    """Run rules on a backend.

    Args:
        backend: Any object with the four verbs; it need not be installed as a provider.
        rules: Ids of the rules to run, all when omitted; the others are reported as not run.
        seed: Decides the seeds of all works.

    Raises:
        KeyError: A rule is not known.
    """
    unknown = set(rules or ()) - set(RULES)
    if unknown:
        raise KeyError(f"unknown rules {sorted(unknown)}, known are {', '.join(RULES)}")
    trials = [_trial(rule, backend, seed, rules) for rule in RULES.values()]
    _stop_cascade(trials)
    chances = [finding for trial in trials for finding in trial.findings if finding.statistical]
    rejected = holm([finding.p_value for finding in chances])
    wrong = {id(finding) for finding, bad in zip(chances, rejected, strict=True) if bad}
    return Report(
        backend=backend.name,
        target_hash=backend.target.content_hash,
        capabilities=backend.capabilities,
        seed=seed,
        alpha=ALPHA,
        versions={name: version(name) for name in ("qadapt", "qadapt-conformance", "numpy")}
        | {"python": platform.python_version()},
        verdicts=tuple(_judge(trial, wrong, backend.name) for trial in trials),
    )


def _trial(rule: Rule, backend: Backend, seed: int, selected: Collection[str] | None) -> _Trial:
    trial = _Trial(rule)
    if selected is not None and rule.id not in selected:
        trial.stopped = Verdict.NOT_RUN, "not selected"
    elif missing := rule.not_declared(backend):
        trial.stopped = Verdict.NOT_DECLARED, f"needs {missing}"
    elif reason := rule.not_judged(backend):
        trial.stopped = Verdict.NOT_RUN, reason
    else:
        _look(trial, backend, seed)
    return trial


def _stop_cascade(trials: list[_Trial]) -> None:
    """Where the totals themselves are wrong, do not blame every rule that needs counts."""
    totals = next(trial for trial in trials if trial.rule.id == TOTALS)
    if any(finding.p_value == 0 for finding in totals.findings):
        for trial in trials:
            if trial.bad_result and trial is not totals:
                trial.stopped = Verdict.NOT_RUN, f"its counts were refused, see {TOTALS}"


def _look(trial: _Trial, backend: Backend, seed: int) -> None:
    """Collect findings until the rule ends or something stops it."""
    try:
        for finding in trial.rule.check(Probe(backend, trial.rule.id, seed)):
            trial.findings.append(finding)
    except NotRun as reason:
        trial.stopped = Verdict.NOT_RUN, str(reason)
    except (AccessError, UnavailableError) as error:
        trial.stopped = Verdict.NOT_RUN, f"{type(error).__name__}: {error}"
    except QadaptError as error:
        trial.bad_result = isinstance(error, BadResultError)
        trial.stopped = Verdict.VIOLATES, f"stopped by {type(error).__name__}: {error}"
    except Exception as error:
        said = f"stopped by {type(error).__name__}, which is not an error of qadapt's tree: {error}"
        trial.stopped = Verdict.VIOLATES, said
    if not trial.findings and trial.stopped is None:
        trial.stopped = Verdict.NOT_RUN, "the rule looked at nothing"


def _judge(trial: _Trial, wrong: set[int], backend: str) -> RuleVerdict:
    bad = [f for f in trial.findings if (id(f) in wrong if f.statistical else f.p_value == 0)]
    verdict, message = Verdict.CONFORMS, ""
    if bad:
        verdict, message = Verdict.VIOLATES, _reads(trial.rule, bad, backend)
    elif trial.stopped:
        verdict, message = trial.stopped
        if verdict is Verdict.VIOLATES:
            message = _reads(trial.rule, [Finding(message, 0.0)], backend)
    chances = [f.p_value for f in trial.findings if f.statistical]
    return RuleVerdict(
        rule=trial.rule.id,
        title=trial.rule.title,
        verdict=verdict,
        message=message,
        looks=len(trial.findings),
        p_value=min(chances, default=None),
    )


def _reads(rule: Rule, bad: list[Finding], backend: str) -> str:
    """Write a violation: what came, what should have come, where, and how to see it again."""
    first = min(bad, key=lambda finding: finding.p_value)
    lines = [f"[{rule.id}] VIOLATES on {backend}: {first.said}"]
    lines += [f"  circuit : {first.circuit}"] * bool(first.circuit)
    lines += [f"  row     : {first.row}"] * bool(first.row)
    lines += [f"  more    : {len(bad) - 1} other findings of this rule are wrong"] * (len(bad) > 1)
    lines += [f"  rerun   : qadapt-conformance --backend {backend} --rule {rule.id}"]
    lines += [f"  spec    : docs/spec.md#{rule.id.lower()}"]
    return "\n".join(lines)
