"""The error tree is the one that its module draws, and errors survive a process boundary whole."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from qadapt import errors
from qadapt.errors import (
    AccessError,
    AdapterError,
    BadResultError,
    BindingsError,
    BudgetError,
    CircuitError,
    InDoubtError,
    JobFailedError,
    LedgerError,
    MissingExtraError,
    NotSupportedError,
    ProviderError,
    QadaptError,
    TargetError,
    UnavailableError,
)

EXAMPLES = [
    CircuitError("m", hint="h"),
    BindingsError("m"),
    TargetError("m", violations=["one", "two"], hint="h"),
    NotSupportedError("m", capability="reset", hint="h"),
    ProviderError("m", provider="acme", job_id="7", hint="h"),
    AccessError("m", provider="acme"),
    UnavailableError("m", provider="acme"),
    JobFailedError("m", provider="acme", job_id="7"),
    BadResultError("m", provider="acme"),
    AdapterError("m"),
    BudgetError("m"),
    LedgerError("m"),
    InDoubtError("m", run="r", chunks=[1, 2]),
    MissingExtraError("m"),
]


def classes() -> dict[str, type[QadaptError]]:
    found = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
    return {name: value for name, value in found.items() if issubclass(value, QadaptError)}


def test_the_drawn_tree_is_the_tree() -> None:
    drawn: dict[str, str | None] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").split("```")[1].strip().splitlines():
        match = re.search(r"[A-Z]\w+Error", line)
        assert match is not None, line
        path = [(depth, name) for depth, name in path if depth < match.start()]
        drawn[match.group()] = path[-1][1] if path else None
        path.append((match.start(), match.group()))
    actual = {name: value.__bases__[0].__name__ for name, value in classes().items()}
    assert drawn == actual | {"QadaptError": None}


def test_codes_are_distinct_words() -> None:
    codes = [value.code for value in classes().values()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", code) for code in codes)


def test_examples_cover_the_tree() -> None:
    assert {type(example) for example in EXAMPLES} == set(classes().values()) - {QadaptError}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_cross_a_process_boundary(error: QadaptError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


def test_messages_end_with_the_hint() -> None:
    assert str(CircuitError("what came", hint="what to do")) == "what came (what to do)"
    assert str(CircuitError("what came")) == "what came"


def test_a_target_error_lists_every_violation() -> None:
    error = TargetError("does not fit", violations=["first", "second"], hint="try")
    assert str(error) == "does not fit (try)\n  - first\n  - second"
    assert error.violations == ("first", "second")


def test_provider_errors_say_whose_and_which_job() -> None:
    error = JobFailedError("broken", provider="acme:chip", job_id="42")
    assert (error.provider, error.job_id) == ("acme:chip", "42")
    assert AccessError("no", provider="acme").job_id is None
