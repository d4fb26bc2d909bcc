"""Holm's procedure is Holm's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qadapt_conformance.statistics import ALPHA, holm


def test_holm() -> None:
    assert holm([]) == []
    assert holm([0.01, 0.04, 0.03, 0.005], alpha=0.05) == [True, False, False, True]
    assert holm([0.5, 0.001], alpha=0.05) == [False, True]
    assert holm([ALPHA / 2, ALPHA, 1.0]) == [False, False, False]
    assert holm([ALPHA / 3, ALPHA / 2, ALPHA]) == [True, True, True]


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(1e-6, 0.5))
def test_holm_lies_between_bonferroni_and_no_correction(p_values: list[float], alpha: float) -> None:
    for p_value, rejected in zip(p_values, holm(p_values, alpha), strict=True):
        assert rejected or p_value > alpha / len(p_values)
        assert p_value <= alpha or not rejected
