"""Evidence: all that a report holds on one rule, for a person who has to mend it."""

from __future__ import annotations

import re
from math import inf

from qadapt_conformance.finding import Finding
from qadapt_conformance.report import Report
from qadapt_conformance.reports.markup import Markup, element, join
from qadapt_conformance.reports.pictures import draw
from qadapt_conformance.reports.summary import explain, leading, pictured, probability, rerun, said
from qadapt_conformance.spec import sections
from qadapt_conformance.verdict import RuleVerdict, Verdict

_MARKS = {Verdict.CONFORMS: "✓", Verdict.VIOLATES: "✕", Verdict.UNDECIDED: "?", Verdict.EXCLUDED: "!"}

_INLINE = re.compile(r"\*\*(.+?)\*\*|\*(.+?)\*|`+([^`]+)`+", re.DOTALL)


def style(verdict: Verdict) -> str:
    """Class of a verdict in the style sheet."""
    return verdict.value.lower().replace(" ", "-")


def mark(verdict: Verdict) -> str:
    """The sign of a verdict, beside its word and its colour."""
    return _MARKS.get(verdict, "–")


def violation(report: Report, entry: RuleVerdict, *, shown: bool = True) -> Markup:
    """One rule with its message, circuit, picture, rerun command, and the text of the specification.

    Args:
        report: The report that has it.
        entry: The verdict on the rule.
        shown: Whether all of it is to be seen at once, and not only its title and message.
    """
    look, drawn = leading(entry) or pictured(entry), pictured(entry)
    another = drawn is not None and look is not None and drawn.circuit != look.circuit
    return element(
        "details",
        element(
            "summary",
            element("h3", element("span", entry.rule, class_="id"), " ", inline(entry.title)),
            element("p", said(entry), class_="said"),
        ),
        element(
            "div",
            _look(look, entry.needs),
            _picture(report, drawn),
            element("p", f"This picture is of: {drawn.circuit}", class_="note")
            if drawn is not None and another
            else None,
            element("p", "See it again:", class_="label"),
            element("pre", element("code", rerun(report, entry))),
            _explanation(entry.rule),
            # A link to something inside opens the details; one to the details themselves does not.
            id=entry.rule.lower(),
        ),
        open=shown,
        class_=f"rule {style(entry.verdict)}",
    )


def _look(look: Finding | None, needs: int) -> Markup:
    """What was run, and how it came out."""
    facts: dict[str, str] = {}
    if look is not None:
        facts |= {"Circuit": look.circuit, "Row": look.row}
        facts |= {"Shots per row": f"{look.shots:,}" if look.shots else ""}
        facts |= {"p-value": probability(look.p_value) if look.statistical else ""}
        facts |= {"Distance": _distance(look)}
        facts |= {"Circuit hash": look.circuit_hash}
    facts |= {"Needs": f"{needs:,} shots per row" if needs else ""}
    pairs = ((name, element("code", value)) for name, value in facts.items() if value)
    return element("dl", *(element("div", element("dt", n), element("dd", v)) for n, v in pairs), class_="look")


def _picture(report: Report, look: Finding | None) -> Markup | None:
    """Counts beside the circuit's probabilities; with noise, only what noise does not explain is painted as wrong."""
    if look is None or look.picture is None:
        return None
    if report.ideal and report.capabilities.simulated:
        return draw(look.picture)
    slack = inf if look.within or look.margin is None else look.margin
    return draw(look.picture, slack=slack, margin=look.margin)


def _distance(look: Finding) -> str:
    if look.distance is None or look.margin is None:
        return ""
    return f"{look.distance:.3f} from the circuit, mean over the rows; noise explains {look.margin:.3f}"


def _explanation(rule: str) -> Markup | None:
    """Why a rule is there and how to mend a backend, as the specification says."""
    text = sections().get(rule)
    if text is None:
        return None
    return element(
        "details",
        element("summary", "Why this rule is there, and how to fix it"),
        *(element("p", inline(part)) for part in text.split("\n\n") if part.strip()),
        element("p", "On a terminal: ", element("code", explain(rule)), class_="note"),
    )


def inline(text: str) -> Markup:
    """Text with bold, emphasis and code, as the specification and the titles of rules write them, as HTML."""
    parts: list[str] = []
    end = 0
    for found in _INLINE.finditer(text):
        bold, emphasis, code = found.groups()
        name, inner = ("strong", bold) if bold else ("em", emphasis) if emphasis else ("code", code)
        parts += [text[end : found.start()], element(name, inner)]
        end = found.end()
    return join(*parts, text[end:])
