"""Pictures: exact intervals, and what is drawn of many outcomes."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from qadapt_conformance.finding import Picture
from qadapt_conformance.reports.pictures import (
    LARGEST,
    LEFT,
    LEVEL,
    PANEL,
    RIGHT,
    ROW,
    WHOLE,
    bars,
    ceiling,
    draw,
    interval,
)


@given(shots=st.integers(1, 5000), data=st.data(), level=st.sampled_from([0.5, 0.95, LEVEL]))
def test_intervals_are_those_of_scipy(shots: int, data: st.DataObject, level: float) -> None:
    count = data.draw(st.integers(0, shots) | st.sampled_from([0, shots]))
    low, high = interval(np.array([count]), shots, level)
    told = binomtest(count, shots).proportion_ci(level, "exact")
    assert (low[0], high[0]) == (pytest.approx(told.low, abs=1e-12), pytest.approx(told.high, abs=1e-12))


def test_without_shots_everything_is_possible() -> None:
    low, high = interval(np.zeros(2, int), 0)
    assert (low.tolist(), high.tolist()) == ([0, 0], [1, 1])
    assert not any(bar.off for bar in bars(Picture(seen=(0, 0), expected=(0.5, 0.5))))


@given(st.floats(1e-6, 1))
def test_the_axis_ends_at_a_round_number(value: float) -> None:
    top = ceiling(value)
    assert value <= top * (1 + 1e-9)
    assert top <= max(1e-6, 2.5 * value * (1 + 1e-9))
    assert f"{top:.0e}"[0] in "125"


def flat(outcomes: int, shots: int = 64_000) -> Picture:
    return Picture(seen=(shots // outcomes,) * outcomes, expected=(1 / outcomes,) * outcomes)


@pytest.mark.parametrize("outcomes", [2, 4, WHOLE])
def test_few_outcomes_are_all_there_in_their_order(outcomes: int) -> None:
    found = bars(flat(outcomes))
    assert [bar.outcome for bar in found] == list(range(outcomes))
    assert not any(bar.off for bar in found)
    assert sum(bar.seen for bar in found) == pytest.approx(1)


def test_of_many_the_worst_come_first() -> None:
    picture = flat(4000)
    seen = list(picture.seen)
    seen[17] += 30
    seen[3000] -= 16
    found = bars(picture.model_copy(update={"seen": tuple(seen)}))
    assert len(found) == LARGEST
    assert [bar.outcome for bar in found[:2]] == [17, 3000]
    assert [bar.off for bar in found[:3]] == [True, True, False]


def test_an_impossible_outcome_is_the_worst() -> None:
    expected = np.full(128, 1 / 127)
    expected[5] = 0
    seen = np.full(128, 1000)
    seen[5], seen[9] = 40, 1300
    found = bars(Picture(seen=tuple(map(int, seen)), expected=tuple(map(float, expected))))
    assert (found[0].outcome, found[0].off) == (5, True)


def test_what_is_neither_seen_nor_expected_is_left_out() -> None:
    expected = [0.0] * 4096
    expected[0], expected[7], expected[9] = 0.5, 0.5, 1e-17
    seen = [0] * 4096
    seen[0], seen[4095] = 90, 10
    picture = Picture(seen=tuple(seen), expected=tuple(expected))
    assert [bar.outcome for bar in bars(picture)] == [0, 7, 4095]
    assert "neither seen nor expected" in draw(picture)


def numbers(drawn: ElementTree.Element, shape: str, key: str, kind: str) -> list[float]:
    return [float(e.attrib[key].rstrip("%")) for e in drawn.iter(shape) if e.attrib.get("class") == kind]


def test_the_axis_fits_what_is_drawn() -> None:
    drawn = ElementTree.fromstring(draw(Picture(seen=(100, 150, 150, 600) * 10, expected=(0.025,) * 40)))
    top = ceiling(float(interval(np.array([600]), 10_000)[1][0]))
    assert top == 0.1
    assert numbers(drawn, "line", "x1", "mark") == pytest.approx([LEFT + (RIGHT - LEFT) * 0.25] * 40)
    assert numbers(drawn, "rect", "width", "bar")[:2] == pytest.approx(
        [(RIGHT - LEFT) * s / top for s in (0.01, 0.015)]
    )


def test_lengths_are_to_scale() -> None:
    drawn = ElementTree.fromstring(draw(Picture(seen=(30, 70), expected=(0.5, 0.5))))
    assert numbers(drawn, "rect", "width", "bar") == pytest.approx([(RIGHT - LEFT) * 0.3, (RIGHT - LEFT) * 0.7])
    assert numbers(drawn, "line", "x1", "mark") == pytest.approx([(RIGHT + LEFT) / 2] * 2)
    low, high = interval(np.array([30, 70]), 100)
    ends = numbers(drawn, "line", "x1", "whisker")
    assert ends[0::3] == pytest.approx(LEFT + (RIGHT - LEFT) * low, abs=1e-3)
    assert ends[2::3] == pytest.approx(LEFT + (RIGHT - LEFT) * high, abs=1e-3)
    assert [g.attrib.get("class") for g in drawn.iter("g")] == ["off", "off"]


@given(st.floats(0, 0.6), st.integers(0, 400))
def test_what_noise_may_move_is_not_off(slack: float, count: int) -> None:
    first, second = bars(Picture(seen=(count, 400 - count), expected=(0.5, 0.5)), slack)
    for bar in (first, second):
        assert bar.off == (bar.low > 0.5 + slack or bar.high < 0.5 - slack)


def test_the_band_is_to_scale_and_ends_with_the_axis() -> None:
    drawn = ElementTree.fromstring(draw(Picture(seen=(10, 90), expected=(0.1, 0.9)), slack=0.2, margin=0.2))
    assert numbers(drawn, "rect", "x", "band") == pytest.approx([LEFT, LEFT + (RIGHT - LEFT) * 0.7], abs=1e-3)
    assert numbers(drawn, "rect", "width", "band") == pytest.approx([(RIGHT - LEFT) * 0.3] * 2, abs=1e-3)
    assert numbers(ElementTree.fromstring(draw(flat(4))), "rect", "x", "band") == []


def test_bit_0_stands_at_the_right() -> None:
    texts = [text.text for text in ElementTree.fromstring(draw(flat(8))).iter("text")]
    assert "6 110" in texts
    assert "1 001" in texts


@pytest.mark.parametrize(("outcomes", "panels"), [(4, 1), (PANEL, 1), (PANEL + 1, 2), (64, 4), (4096, 2)])
def test_panels_stay_small(outcomes: int, panels: int) -> None:
    drawn = ElementTree.fromstring(draw(flat(outcomes)))
    heights = [float(svg.attrib["height"]) for svg in drawn.iter("svg")]
    assert len(heights) == panels
    assert max(heights) <= PANEL * ROW + 50
    for text in drawn.iter("text"):
        assert 0 <= float(text.attrib["x"].rstrip("%")) <= 100


def test_what_is_not_drawn_is_said() -> None:
    picture = flat(4000)
    assert f"of which the {LARGEST} that deviate most are drawn; the others were seen 0.992, expected 0.992" in draw(
        picture
    )
