"""Badge: what it stands for is in it, and in the right colour."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from qadapt_conformance import RULES, Report, Tier, Verdict
from qadapt_conformance.reports.badge import COLOURS, OTHER, badge

SVG = "{http://www.w3.org/2000/svg}"


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("changes", "word", "colour"),
    [
        ({}, "conforms", COLOURS[Verdict.CONFORMS]),
        ({"BITS-1": {"verdict": Verdict.VIOLATES}}, "violates", COLOURS[Verdict.VIOLATES]),
        ({"BITS-1": {"verdict": Verdict.NOT_RUN}}, "not fully judged", COLOURS[Verdict.UNDECIDED]),
        ({name: {"verdict": Verdict.NOT_DECLARED} for name in RULES}, "nothing conforms", OTHER),
    ],
)
def test_outcomes(written, changes, word: str, colour: str) -> None:  # type: ignore[no-untyped-def]
    drawn = ElementTree.fromstring(badge(written(changes, tier=Tier.HARDWARE)))
    said = [text.text for text in drawn.iter(f"{SVG}text")]
    assert said == ["qadapt conformance", f"{word} · hardware · spec 1.0 · 2026-03-04 · 0 exclusions"]
    assert [box.attrib["fill"] for box in drawn.iter(f"{SVG}rect")][1] == colour


@pytest.mark.parametrize("colour", [*COLOURS.values(), OTHER])
def test_white_can_be_read_on_it(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) > 5


def test_exclusions_are_counted_and_text_is_escaped(mixed: Report) -> None:
    drawn = ElementTree.fromstring(badge(mixed))
    assert [text.text for text in drawn.iter(f"{SVG}text")][1].endswith("· 1 exclusion")  # type: ignore[union-attr]
    title = drawn.find(f"{SVG}title")
    assert title is not None
    assert "acme:<script>" in (title.text or "")
    width = float(drawn.attrib["width"])
    assert sum(float(box.attrib["width"]) for box in drawn.iter(f"{SVG}rect")) == width
