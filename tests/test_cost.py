"""Cost: sums of estimates, and what an estimate may be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qadapt.cost import NOTHING, Cost

MONEY = st.none() | st.integers(0, 10**9).map(lambda cents: cents / 4)
COSTS = st.builds(
    Cost,
    shots=st.integers(0, 10**15),
    seconds=MONEY,
    dollars=MONEY,
    rules=st.lists(st.sampled_from("abc")).map(tuple),
)


@given(COSTS, COSTS, COSTS)
def test_costs_add_up(first: Cost, second: Cost, third: Cost) -> None:
    total = first + second
    assert total.shots == first.shots + second.shots
    for name in ("seconds", "dollars"):
        values = getattr(first, name), getattr(second, name)
        assert getattr(total, name) == (None if None in values else sum(values))
    assert list(total.rules) == list(dict.fromkeys(first.rules + second.rules))
    assert (first + second) + third == first + (second + third)
    assert sum([second, third], first) == first + second + third


@given(COSTS)
def test_no_cost_changes_nothing(cost: Cost) -> None:
    for total in (cost + NOTHING, NOTHING + cost):
        assert total == cost.model_copy(update={"rules": tuple(dict.fromkeys(cost.rules))})


@given(COSTS)
def test_a_cost_survives_json(cost: Cost) -> None:
    assert Cost.model_validate_json(cost.model_dump_json()) == cost


def test_unknown_is_not_nothing() -> None:
    assert Cost().dollars is None
    assert Cost(dollars=0.0) != Cost()
    assert (Cost(dollars=0.0) + Cost()).dollars is None


@pytest.mark.parametrize(
    "fields",
    [
        {"shots": -1},
        {"seconds": -0.1},
        {"dollars": -1},
        {"dollars": math.nan},
        {"seconds": math.inf},
        {"euros": 1},
    ],
)
def test_what_no_cost_can_be_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Cost(**fields)  # type: ignore[arg-type]


def test_only_costs_are_added() -> None:
    with pytest.raises(TypeError):
        Cost() + 1  # type: ignore[operator]
