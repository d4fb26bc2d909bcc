"""Badge: one line of SVG for a README, with what it stands for in it."""

from __future__ import annotations

from qadapt.cli.console import several
from qadapt_conformance.report import Report
from qadapt_conformance.reports.markup import Markup, element
from qadapt_conformance.reports.summary import headline
from qadapt_conformance.tier import Tier
from qadapt_conformance.verdict import Verdict

LABEL = "qadapt conformance"

GREEN, AMBER, BLUE, RED, BROWN, GREY = (
    ("#2e6b34", "#fff"),
    ("#ffb300", "#1b2128"),
    ("#1f5a9a", "#fff"),
    ("#b3261e", "#fff"),
    ("#7a5300", "#fff"),
    ("#4d5660", "#fff"),
)
"""Background and text; each pair has a contrast of more than 5."""

ADVANCE, PADDING, HEIGHT = 6.7, 8, 20
"""Pixels that a letter of 11 pixels takes, those beside the text, and those in height."""


def badge(report: Report) -> str:
    """Draw a badge: outcome, tier, version of the specification, date (UTC) and number of exclusions."""
    word, (fill, ink) = _outcome(report)
    tier, excluded = f"{report.tier} tier", several(report.count(Verdict.EXCLUDED), "exclusion")
    parts = [word, tier, f"spec {report.spec}", f"{report.date:%Y-%m-%d}", excluded]
    # What the first words say already is not said again.
    parts[1:] = [part for part in parts[1:] if part not in word]
    said = " · ".join(parts)
    left, right = (round(ADVANCE * len(text)) + 2 * PADDING for text in (LABEL, said))
    drawn = element(
        "svg",
        element("title", f"{LABEL} of {report.backend}: {said}"),
        element("rect", width=left, height=HEIGHT, fill="#31363b"),
        element("rect", x=left, width=right, height=HEIGHT, fill=fill),
        element("g", _text(LABEL, 0, left, "#fff"), _text(said, left, right, ink), font_size=11),
        xmlns="http://www.w3.org/2000/svg",
        width=left + right,
        height=HEIGHT,
        role="img",
        aria_label=f"{LABEL}: {said}",
        font_family="Verdana, DejaVu Sans, Geneva, sans-serif",
    )
    return f"{drawn}\n"


def _outcome(report: Report) -> tuple[str, tuple[str, str]]:
    """Green stands for a backend of which nothing that was submitted is known to be wrong, and for nothing else."""
    verdict, excluded = headline(report).verdict, report.count(Verdict.EXCLUDED)
    others = {Verdict.VIOLATES: ("violates", RED), Verdict.UNDECIDED: ("not fully judged", BROWN)}
    if verdict is not Verdict.CONFORMS:
        return others.get(verdict, ("nothing conforms", GREY))
    offline = report.tier is Tier.OFFLINE
    word = "offline tier conforms" if offline else "conforms"
    if excluded:
        return f"{word} with {several(excluded, 'exclusion')}", AMBER
    return word, BLUE if offline else GREEN


def _text(said: str, left: int, width: int, ink: str) -> Markup:
    # The length is given, so that the text fits whatever font is there.
    size = {"textLength": width - 2 * PADDING, "lengthAdjust": "spacingAndGlyphs"}
    return element("text", said, x=left + PADDING, y=14, fill=ink, **size)
