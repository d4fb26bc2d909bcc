"""Badge: what it stands for is in it, and in the right colour."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from qadapt_conformance import RULES, Report, Tier, Verdict
from qadapt_conformance.reports.badge import AMBER, BLUE, BROWN, GREEN, GREY, RED, badge

SVG = "{http://www.w3.org/2000/svg}"


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


EXCLUDED = {"JOBS-5": {"verdict": Verdict.EXCLUDED}}


@pytest.mark.parametrize(
    ("changes", "tier", "said", "colours"),
    [
        ({}, Tier.HARDWARE, "conforms · hardware tier · spec 1.0 · 2026-03-04 · 0 exclusions", GREEN),
        ({}, Tier.OFFLINE, "offline tier conforms · spec 1.0 · 2026-03-04 · 0 exclusions", BLUE),
        (EXCLUDED, Tier.SIMULATOR, "conforms with 1 exclusion · simulator tier · spec 1.0 · 2026-03-04", AMBER),
        (EXCLUDED, Tier.OFFLINE, "offline tier conforms with 1 exclusion · spec 1.0 · 2026-03-04", AMBER),
        (
            EXCLUDED | {"BITS-1": {"verdict": Verdict.VIOLATES}},
            Tier.OFFLINE,
            "violates · offline tier · spec 1.0 · 2026-03-04 · 1 exclusion",
            RED,
        ),
        (
            {"BITS-1": {"verdict": Verdict.NOT_RUN}},
            Tier.SIMULATOR,
            "not fully judged · simulator tier · spec 1.0 · 2026-03-04 · 0 exclusions",
            BROWN,
        ),
        (
            {name: {"verdict": Verdict.NOT_DECLARED} for name in RULES},
            Tier.SIMULATOR,
            "nothing conforms · simulator tier · spec 1.0 · 2026-03-04 · 0 exclusions",
            GREY,
        ),
    ],
)
def test_outcomes(written, changes, tier: Tier, said: str, colours: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    drawn = ElementTree.fromstring(badge(written(changes, tier=tier)))
    texts = list(drawn.iter(f"{SVG}text"))
    assert [text.text for text in texts] == ["qadapt conformance", said]
    assert ([box.attrib["fill"] for box in drawn.iter(f"{SVG}rect")][1], texts[1].attrib["fill"]) == colours


@pytest.mark.parametrize(("fill", "ink"), [GREEN, AMBER, BLUE, RED, BROWN, GREY])
def test_the_text_can_be_read(fill: str, ink: str) -> None:
    light, dark = sorted([luminance(fill), luminance("#ffffff" if ink == "#fff" else ink)], reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 5


def test_exclusions_are_counted_and_text_is_escaped(mixed: Report) -> None:
    drawn = ElementTree.fromstring(badge(mixed))
    assert [text.text for text in drawn.iter(f"{SVG}text")][1].endswith("· 1 exclusion")  # type: ignore[union-attr]
    title = drawn.find(f"{SVG}title")
    assert title is not None
    assert "acme:<script>" in (title.text or "")
    width = float(drawn.attrib["width"])
    assert sum(float(box.attrib["width"]) for box in drawn.iter(f"{SVG}rect")) == width
