"""Rules and specification name exactly each other, and a rule has the power that it claims."""

from __future__ import annotations

import numpy as np
import pytest

from qadapt import Capabilities, Circuit
from qadapt_conformance import RULES
from qadapt_conformance.oracle import probabilities
from qadapt_conformance.rules.drops import EVERY_ONE_COUNTS
from qadapt_conformance.spec import sections
from qadapt_conformance.statistics import ALPHA, tail


def test_specification_and_rules_name_each_other() -> None:
    assert list(sections()) == list(RULES)


@pytest.mark.parametrize("name", list(RULES))
def test_every_rule_says_what_why_and_how_to_mend(name: str) -> None:
    text = sections()[name]
    what, why = text.split("**Why.**")
    assert what.strip()
    assert "**Fix.**" in why
    assert RULES[name].title


def test_ids_are_numbered_without_gaps() -> None:
    chapters: dict[str, list[int]] = {}
    for name in RULES:
        chapter, number = name.rsplit("-", 1)
        chapters.setdefault(chapter, []).append(int(number))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in chapters.values())


def test_rules_need_capabilities_that_exist() -> None:
    known = {name for name, info in Capabilities.model_fields.items() if info.annotation is bool}
    assert all(set(rule.needs) <= known for rule in RULES.values())


def test_every_operation_of_drop_2_counts() -> None:
    """Leaving any gate out moves 8192 shots so far that a run of 1000 comparisons calls it, with room to spare."""
    shots, needed = 8192, ALPHA / 1000

    def exact(operations: tuple[object, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return probabilities(Circuit(num_qubits=3, operations=operations, measured=[0, 1, 2]))[0]

    whole = exact(EVERY_ONE_COUNTS)
    for number, operation in enumerate(EVERY_ONE_COUNTS):
        if not operation.is_fence:
            left = exact(EVERY_ONE_COUNTS[:number] + EVERY_ONE_COUNTS[number + 1 :])
            divergence = shots * float(np.sum(left * np.log(left / whole)))
            assert 2 * tail(divergence / 4, 7) < needed, operation
