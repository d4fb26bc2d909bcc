"""Options that several commands have: words that mean nothing are refused in words."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer

from cli_bench import Bench
from qadapt.cli.options import read_policy


@pytest.mark.parametrize(
    ("words", "option"),
    [
        *((["--deadline", number], "--deadline") for number in ("inf", "nan", "0", "-1", "soon")),
        *((["--jobs", number], "--jobs") for number in ("0", "-1", "1.5")),
    ],
)
@pytest.mark.parametrize("command", ["run", "resume"])
def test_numbers_that_mean_nothing_are_refused_in_words(
    bench: Bench, command: str, words: list[str], option: str
) -> None:
    outcome = bench.run(*words) if command == "run" else bench("jobs", "resume", "x", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert re.search(f"Invalid value for '?{option}", outcome.err)
    assert "Traceback" not in outcome.err
    assert not bench.sent()


@pytest.mark.parametrize(
    "budget", ["", "20eur", "usd", "1.2.3usd", "-1usd", "1usd,2usd", "1e999usd", "1e999shots", "nan"]
)
@pytest.mark.parametrize("command", ["run", "resume"])
def test_a_budget_that_is_none_is_told(budget: str, command: str, bench: Bench) -> None:
    outcome = bench.run("--budget", budget) if command == "run" else bench("jobs", "resume", "x", "--budget", budget)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines() == [
        f"error[budget]: {budget!r} is no budget",
        "hint: write 20usd, 300s, 1e6shots, or several with commas",
    ]


def test_an_option_is_named_as_it_is_typed() -> None:
    for field, option in (("rows", "--rows-per-job"), ("jobs", "--jobs"), ("in_doubt", "--in-doubt")):
        values: dict[str, Any] = {"jobs": None, "deadline": 1.0, "in_doubt": "hold", "cancel": False, field: 0}
        with pytest.raises(typer.BadParameter) as caught:
            read_policy(**values)
        assert caught.value.param_hint == option
