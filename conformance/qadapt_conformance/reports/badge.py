"""Badge: one line of SVG for a README, with what it stands for in it."""

from __future__ import annotations

from qadapt_conformance.report import Report
from qadapt_conformance.reports.markup import Markup, element
from qadapt_conformance.reports.summary import headline
from qadapt_conformance.verdict import Verdict

LABEL = "qadapt conformance"

COLOURS = {Verdict.CONFORMS: "#2e6b34", Verdict.VIOLATES: "#b3261e", Verdict.UNDECIDED: "#7a5300"}
"""Background by the verdict that decides; each has a contrast of more than 5 with white."""

OTHER = "#4d5660"

ADVANCE, PADDING, HEIGHT = 6.7, 8, 20
"""Pixels that a letter of 11 pixels takes, those beside the text, and those in height."""


def badge(report: Report) -> str:
    """Draw a badge: outcome, tier, version of the specification, date (UTC) and number of exclusions."""
    outcome = headline(report)
    excluded = report.count(Verdict.EXCLUDED)
    word = {Verdict.CONFORMS: "conforms", Verdict.VIOLATES: "violates", Verdict.UNDECIDED: "not fully judged"}
    parts = (
        word.get(outcome.verdict, "nothing conforms"),
        report.tier.value,
        f"spec {report.spec}",
        f"{report.date:%Y-%m-%d}",
        f"{excluded} exclusion{'s' * (excluded != 1)}",
    )
    said = " · ".join(parts)
    left, right = (round(ADVANCE * len(text)) + 2 * PADDING for text in (LABEL, said))
    drawn = element(
        "svg",
        element("title", f"{LABEL} of {report.backend}: {said}"),
        element("rect", width=left, height=HEIGHT, fill="#31363b"),
        element("rect", x=left, width=right, height=HEIGHT, fill=COLOURS.get(outcome.verdict, OTHER)),
        element("g", _text(LABEL, 0, left), _text(said, left, right), fill="#fff", font_size=11),
        xmlns="http://www.w3.org/2000/svg",
        width=left + right,
        height=HEIGHT,
        role="img",
        aria_label=f"{LABEL}: {said}",
        font_family="Verdana, DejaVu Sans, Geneva, sans-serif",
    )
    return f"{drawn}\n"


def _text(said: str, left: int, width: int) -> Markup:
    # The length is given, so that the text fits whatever font is there.
    return element(
        "text", said, x=left + PADDING, y=14, textLength=width - 2 * PADDING, lengthAdjust="spacingAndGlyphs"
    )
