"""Summary: what a report says in a word, in a sentence, and in lines for a terminal."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from qadapt.cli.console import several
from qadapt_conformance.finding import Finding
from qadapt_conformance.report import Report
from qadapt_conformance.tier import Tier
from qadapt_conformance.verdict import RuleVerdict, Verdict

TIERS = {
    Tier.OFFLINE: "Nothing was submitted: only compiling, lowering and declarations were looked at.",
    Tier.SIMULATOR: "Its tier has every rule of the specification.",
    Tier.HARDWARE: "Its tier has what can be looked at offline, and the rules that need few circuits.",
}
"""What a tier has, in a sentence."""


UNSELECTED = "not selected"
"""Why a rule is not run where others were asked for."""


class Headline(NamedTuple):
    """The outcome of a run.

    Attributes:
        verdict: The verdict that decides it.
        word: The outcome in a few words.
        said: Why, in a sentence.
    """

    verdict: Verdict
    word: str
    said: str


def headline(report: Report) -> Headline:
    """What a run says as a whole; it conforms exactly if the exit code is 0."""
    conforming, violated = report.count(Verdict.CONFORMS), report.count(Verdict.VIOLATES)
    if violated:
        return Headline(Verdict.VIOLATES, "Violates the specification", f"{rules(violated)} violated.")
    if not conforming:
        return Headline(Verdict.NOT_RUN, "Nothing conforms", "Not one rule was judged and found to hold.")
    if report.left:
        said = f"{rules(conforming)} kept, but {rules(len(report.left))} left without a verdict."
        return Headline(Verdict.UNDECIDED, "Not fully judged", said)
    known = [(Verdict.EXCLUDED, "known to be violated and excluded"), (Verdict.NOT_DECLARED, "not declared")]
    more = [f"{rules(report.count(verdict))} {said}" for verdict, said in known if report.count(verdict)]
    word = "The offline tier conforms" if report.tier is Tier.OFFLINE else "Conforms"
    if excluded := report.count(Verdict.EXCLUDED):
        word += f", with {several(excluded, 'exclusion')}"
    return Headline(Verdict.CONFORMS, word, f"{', '.join([f'{rules(conforming)} kept', *more])}.")


def rules(count: int) -> str:
    """A number of rules with its verb."""
    return f"{count} rule is" if count == 1 else f"{count} rules are"


def rerun(report: Report, entry: RuleVerdict) -> str:
    """The command that judges one rule again as in this run; on a machine the user's consent comes on top."""
    words = ["qadapt", "conformance", "run", "--backend", report.backend, "--rule", entry.rule]
    words += ["--settings", report.settings] * bool(report.settings)
    words += ["--tier", report.tier] * (report.tier is not Tier.SIMULATOR or bool(report.settings))
    words += ["--seed", str(report.seed)] * bool(report.seed)
    return shlex.join(words)


def told(report: Report, entry: RuleVerdict) -> str:
    """The message of a rule that is violated, with the commands that show more."""
    more = {"rerun": rerun(report, entry), "explain": explain(entry.rule)}
    return "\n".join([entry.message, *(f"  {name:8}: {command}" for name, command in more.items())])


def explain(rule: str) -> str:
    """The command that says why a rule is there and how to keep it."""
    return f"qadapt conformance explain {rule}"


def said(entry: RuleVerdict) -> str:
    """The first thing that a message says, without the rule and the backend that it names."""
    first = next((line for line in entry.message.splitlines() if line.startswith("[")), entry.message)
    return re.sub(r"^\[[A-Z]+-[0-9]+\] (VIOLATES on .*?: (?=\S))?", "", first, count=1)


def leading(entry: RuleVerdict) -> Finding | None:
    """The finding that a message tells; None if it tells something else."""
    told = (finding for finding in entry.findings if finding.said and finding.said in entry.message)
    return min(told, key=lambda finding: finding.p_value, default=None)


def pictured(entry: RuleVerdict) -> Finding | None:
    """The finding to look at: the leading one, else the least likely one with a picture."""
    told = leading(entry)
    if told is not None and told.picture is not None:
        return told
    seen = (finding for finding in entry.findings if finding.picture is not None)
    return min(seen, key=lambda finding: finding.p_value, default=None)


def shown_in_part(entry: RuleVerdict) -> bool:
    """Whether noise hides some of what a rule that holds is to see."""
    return entry.verdict is Verdict.CONFORMS and bool(entry.message)


def unselected(entry: RuleVerdict) -> bool:
    """Whether a rule was not run because others were asked for."""
    return entry.verdict is Verdict.NOT_RUN and entry.message == UNSELECTED


def untested(report: Report) -> Mapping[tuple[Verdict, bool, str], list[RuleVerdict]]:
    """Rules that were not judged, by verdict, whether the tier has them, and reason."""
    found: dict[tuple[Verdict, bool, str], list[RuleVerdict]] = {}
    for entry in report.verdicts:
        if entry.verdict in (Verdict.NOT_RUN, Verdict.NOT_DECLARED):
            found.setdefault((entry.verdict, entry.in_tier, entry.message), []).append(entry)
    return found


def probability(value: float | None) -> str:
    """A p-value for people; an en dash where there is none."""
    if value is None:
        return "–"
    if 0 < value < 1e-300 or value == 0:
        return "< 1e-300"
    return f"{value:.2g}"


@cache
def chapters() -> Mapping[str, str]:
    """Title of the chapter by id of a rule, from the headings of the specification."""
    text = (files("qadapt_conformance") / "spec.md").read_text(encoding="utf-8")
    found, chapter = {}, ""
    for level, title in re.findall(r"^(##|###) (.+)$", text, re.MULTILINE):
        if level == "##":
            chapter = title
        else:
            found[title] = chapter
    return found


def lines(report: Report) -> str:
    """Every verdict in a line, then reasons, then violations in full, then the counts and the outcome."""
    outcome = headline(report)
    undecided = [f"UNDECIDED: {e.rule} {e.message}" for e in report.verdicts if e.verdict is Verdict.UNDECIDED]
    skipped = sum(map(unselected, report.verdicts))
    parts = (
        [f"{entry.verdict:12}  {entry.rule:9} {entry.title}" for entry in report.verdicts if not unselected(entry)],
        [
            f"{verdict}: {message} ({', '.join(entry.rule for entry in entries)})"
            for (verdict, _, message), entries in untested(report).items()
            if message != UNSELECTED
        ]
        + undecided
        + [f"{e.verdict}, as far as it shows: {e.rule} {e.message}" for e in report.verdicts if shown_in_part(e)]
        + [f"{Verdict.NOT_RUN}: {several(skipped, 'rule')} not selected"] * bool(skipped),
        [told(report, entry) for entry in report.verdicts if entry.verdict in (Verdict.VIOLATES, Verdict.EXCLUDED)],
        [", ".join(f"{report.count(verdict)} {verdict}" for verdict in Verdict)],
        [f"{outcome.word}: {outcome.said}"],
    )
    return "\n\n".join("\n".join(part) for part in parts if part)
