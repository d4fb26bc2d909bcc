"""Rules and specification name exactly each other, and a rule has the power that it claims."""

from __future__ import annotations

import numpy as np
import pytest

from qadapt import Backend, Capabilities, Circuit
from qadapt_conformance import RULES, Tier, run_suite
from qadapt_conformance.mutants.right import Chip
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.oracle import probabilities
from qadapt_conformance.plan import plan_suite
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


def test_every_capability_is_named_by_a_rule() -> None:
    """By what it needs or by what it covers: nothing can be declared that nothing looks at."""
    named = {name for rule in RULES.values() for name in (*rule.needs, *rule.covers)}
    assert named == set(Capabilities.model_fields)


def test_rules_are_in_tiers() -> None:
    """What is looked at offline is looked at everywhere, and a simulator is put through every rule."""
    for rule in RULES.values():
        assert Tier.SIMULATOR in rule.tiers
        assert Tier.OFFLINE not in rule.tiers or rule.tiers == set(Tier)


def test_rules_of_the_offline_tier_submit_nothing(right: Backend) -> None:
    for backend in (right, Chip(right)):
        report = run_suite(backend, tier=Tier.OFFLINE)
        assert report.jobs == 0
        assert report.exit_code == 0


def test_what_a_machine_is_put_through(right: Backend) -> None:
    """Less than 60 circuits of 4,096 shots on a chip of four native gates that is no simulator."""
    plan = plan_suite(Wrapped(Chip(right), simulated=False, exact_sampling=False), tier=Tier.HARDWARE)
    assert sum(line.shots for line in plan.rules) < 60 * 4096
    assert plan.jobs < 40


def test_what_a_backend_lacks(right: Backend) -> None:
    assert RULES["PACK-2"].not_declared(right) == "couplings, all qubits of the target couple to all"
    assert RULES["PACK-2"].not_declared(Chip(right)) == ""
    assert RULES["JOBS-7"].not_declared(right) == "capability retrieval"


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
