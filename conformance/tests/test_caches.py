"""What a mutant of qadapt's own code leaves in caches reaches nobody, and it gets nothing from them."""

from __future__ import annotations

from functools import lru_cache

import pytest

from qadapt_conformance import Verdict, caches, run_suite
from qadapt_conformance.caches import forget
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.right import right_backend

KNOWN = {mutant.name: mutant for mutant in MUTANTS}
NAMES = ("dead-qubits-live", "blocks-transposed")
RULES = ("PACK-2", "PACK-3", "ADAPT-1")


def violated() -> set[str]:
    report = run_suite(right_backend("local:chip"), rules=RULES)
    return {entry.rule for entry in report.verdicts if entry.verdict is Verdict.VIOLATES}


@pytest.mark.parametrize("name", NAMES)
def test_a_right_backend_after_a_mutant(name: str) -> None:
    """The mutant comes first, when nothing is kept yet."""
    forget()
    with KNOWN[name].make(right_backend("local:chip")) as wrong:
        run_suite(wrong, rules=RULES)
    assert violated() == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_mutant_after_a_right_backend(name: str) -> None:
    assert violated() == set()
    mutant = KNOWN[name]
    with mutant.make(right_backend("local:chip")) as wrong:
        report = run_suite(wrong, rules=[mutant.rule])
    assert report.of(mutant.rule).verdict is Verdict.VIOLATES


def test_every_cached_function_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = lru_cache(lambda x: x)
    monkeypatch.setattr(caches, "kept", kept, raising=False)
    kept(1)
    forget()
    assert kept.cache_info().currsize == 0
