"""Pictures: counts beside what was expected of them, as SVG that scales with the page."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log10

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from qadapt_conformance.finding import Picture
from qadapt_conformance.reports.markup import Markup, element, join

LEVEL = 0.999
"""Probability with which an interval of one outcome holds its true value, at least."""

FAINT = 1e-6
"""Probability below which an outcome that was not seen is left out."""

WHOLE = 64
"""Most outcomes that are all shown."""

LARGEST = 32
"""Outcomes that are shown where there are more; those that deviate most."""

PANEL = 16
"""Outcomes in one panel; panels stand beside each other where there is room."""

ROW, HEAD, FOOT = 20, 20, 22
"""Heights in pixels."""

LEFT, RIGHT = 21.0, 69.0
"""Where the bars begin and end, in percent of the width."""


@dataclass(frozen=True)
class Bar:
    """One outcome.

    Attributes:
        outcome: The integer that was read.
        seen: Share of the shots.
        low: Least probability that goes with it.
        high: Largest one.
        expected: Probability that was expected.
        slack: How far noise may move it.
    """

    outcome: int
    seen: float
    low: float
    high: float
    expected: float
    slack: float = 0.0

    @property
    def off(self) -> bool:
        """Whether all that noise may make of the expected probability lies outside of the interval."""
        return self.expected + self.slack < self.low or self.expected - self.slack > self.high


def interval(
    counts: NDArray[np.int64], shots: int, level: float = LEVEL
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact binomial intervals (Clopper and Pearson, Biometrika 26, 404, 1934).

    Args:
        counts: How often each outcome was seen ``[outcomes]``.
        shots: Shots in all; without any, every probability is possible.
        level: Probability with which an interval holds the true value, at least.

    Returns:
        Lower and upper ends ``[outcomes]``.
    """
    if shots == 0:
        return np.zeros(len(counts)), np.ones(len(counts))
    tail = (1 - level) / 2
    rest = shots - counts
    low = np.where(counts == 0, 0.0, betaincinv(np.maximum(counts, 1), rest + 1, tail))
    high = np.where(rest == 0, 1.0, betaincinv(counts + 1, np.maximum(rest, 1), 1 - tail))
    return low, high


def bars(picture: Picture, slack: float = 0.0) -> list[Bar]:
    """What to draw of a picture, where noise may move each probability by ``slack``.

    Of the outcomes that were seen or expected, up to ``WHOLE`` are drawn in their order; of more, the ``LARGEST`` that
    deviate most, in units of the standard error, the worst first.
    """
    counts, expected = np.array(picture.seen, np.int64), np.array(picture.expected, np.float64)
    shots = int(counts.sum())
    seen = counts / max(shots, 1)
    low, high = interval(counts, shots)
    chosen = np.flatnonzero((counts > 0) | (expected >= FAINT))
    if len(chosen) > WHOLE:
        # One shot more in the variance keeps impossible outcomes finite and still first.
        error = np.sqrt((expected * (1 - expected) + 1 / max(shots, 1)) / max(shots, 1))
        chosen = chosen[np.argsort(-(np.abs(seen - expected) / error)[chosen], kind="stable")[:LARGEST]]
    return [Bar(int(i), float(seen[i]), float(low[i]), float(high[i]), float(expected[i]), slack) for i in chosen]


def draw(picture: Picture, *, slack: float = 0.0, margin: float | None = None) -> Markup:
    """A figure of a picture: bars for what was seen with their intervals, marks for what was expected.

    Args:
        picture: What was seen and expected.
        slack: How far noise may move a probability until its bar is painted as wrong; infinite where none is.
        margin: Distance that noise explains, to be drawn around what is expected; None for no such band.
    """
    shown = bars(picture, slack)
    top = ceiling(max(max(bar.high, bar.expected) for bar in shown))
    panels = [shown[first : first + PANEL] for first in range(0, len(shown), PANEL)]
    wide = max(1, (len(picture.seen) - 1).bit_length())
    off = any(bar.off for bar in shown)
    return element(
        "figure",
        element("div", *(_panel(panel, top, wide, margin) for panel in panels), class_="panels"),
        element(
            "figcaption",
            element("span", "seen", class_="key seen"),
            element("span", "seen, outside", class_="key off") if off else None,
            element("span", f"{100 * LEVEL:g} % interval", class_="key whisker"),
            element("span", "expected without noise" if slack else "expected", class_="key expected"),
            element("span", "noise explains", class_="key band") if margin is not None else None,
            element("span", _caption(picture, shown)),
        ),
        class_="picture",
    )


def _caption(picture: Picture, shown: list[Bar]) -> str:
    """How much was counted, and what is not drawn."""
    shots, outcomes = sum(picture.seen), len(picture.seen)
    said = f"{shots:,} shots, {outcomes:,} outcomes"
    if len(shown) == outcomes:
        return said
    seen = max(0.0, (shots > 0) - sum(bar.seen for bar in shown))
    expected = max(0.0, sum(picture.expected) - sum(bar.expected for bar in shown))
    if seen < FAINT and expected < FAINT * outcomes:
        return f"{said}, of which those that were neither seen nor expected are left out"
    return (
        f"{said}, of which the {len(shown)} that deviate most are drawn; the others were seen {seen:.3f}, "
        f"expected {expected:.3f}"
    )


def ceiling(value: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is at least a value; 1 at most."""
    if value >= 0.5:
        return 1.0
    power = 10.0 ** ceil(log10(max(value, 1e-6)) - 1)
    return next(float(step * power) for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-12))


def _panel(shown: list[Bar], top: float, wide: int, margin: float | None) -> Markup:
    """One panel, all lengths across in percent of its width."""
    bottom = HEAD + ROW * len(shown)
    ticks = [(place, top * place) for place in (0.0, 0.5, 1.0)]
    grid = (
        join(
            element("line", x1=_x(place), x2=_x(place), y1=HEAD, y2=bottom, class_="grid"),
            element("text", f"{value:.3g}", x=_x(place), y=bottom + 15, text_anchor="middle", class_="small"),
        )
        for place, value in ticks
    )
    names = (
        element("text", "outcome", x="0", y=13, class_="small"),
        element("text", "seen", x="81.5%", y=13, text_anchor="end", class_="small"),
        element("text", "expected", x="100%", y=13, text_anchor="end", class_="small"),
    )
    worst = max(shown, key=lambda bar: abs(bar.seen - bar.expected))
    return element(
        "svg",
        *grid,
        *names,
        *(_row(bar, HEAD + ROW * number, top, wide, margin) for number, bar in enumerate(shown)),
        width="100%",
        height=bottom + FOOT,
        role="img",
        aria_label=f"Counts of {len(shown)} outcomes; outcome {worst.outcome} was seen {worst.seen:.3f}, "
        f"expected {worst.expected:.3f}",
    )


def _row(bar: Bar, y: int, top: float, wide: int, margin: float | None) -> Markup:
    middle = y + ROW / 2
    # Bit k of the outcome is the k-th measured qubit, so bit 0 stands at the right.
    bits = f"{bar.outcome:0{wide}b}"
    name = f"{bar.outcome} {bits}" if 1 < wide <= 6 else str(bar.outcome)
    told = (
        f"outcome {bar.outcome} ({bits}): seen {bar.seen:.5f}, {100 * LEVEL:g} % interval {bar.low:.5f} to "
        f"{bar.high:.5f}, expected {bar.expected:.5f}"
    )
    low, high, mark = (_x(min(1.0, value / top)) for value in (bar.low, bar.high, bar.expected))
    return element(
        "g",
        element("title", told),
        _band(bar.expected, margin, y, top) if margin is not None else None,
        element("text", name, x="0", y=middle + 4),
        element(
            "rect",
            x=_x(0),
            y=y + 4,
            width=f"{(RIGHT - LEFT) * min(1.0, bar.seen / top):.3f}%",
            height=ROW - 8,
            class_="bar",
        ),
        element("line", x1=low, x2=high, y1=middle, y2=middle, class_="whisker"),
        element("line", x1=low, x2=low, y1=middle - 3, y2=middle + 3, class_="whisker"),
        element("line", x1=high, x2=high, y1=middle - 3, y2=middle + 3, class_="whisker"),
        element("line", x1=mark, x2=mark, y1=y + 1, y2=y + ROW - 1, class_="mark"),
        element("text", f"{bar.seen:.3f}", x="81.5%", y=middle + 4, text_anchor="end"),
        element("text", f"{bar.expected:.3f}", x="100%", y=middle + 4, text_anchor="end"),
        class_="off" if bar.off else None,
    )


def _band(expected: float, margin: float, y: int, top: float) -> Markup:
    low, high = (min(1.0, max(0.0, end / top)) for end in (expected - margin, expected + margin))
    width = f"{(RIGHT - LEFT) * (high - low):.3f}%"
    return element("rect", x=_x(low), y=y + 1, width=width, height=ROW - 2, class_="band")


def _x(share: float) -> str:
    return f"{LEFT + (RIGHT - LEFT) * share:.3f}%"
