"""Exclusions: what ``conformance.toml`` may say, and that nothing hides behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from qadapt import Backend, Capabilities
from qadapt.jobs import Budget
from qadapt_conformance import Exclusion, SettingsError, Tier, Verdict, read_settings, run_suite
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.wrapped import Wrapped

GOOD = """
[[backend]]
target = "acme:chip"
tier = "hardware"

[[backend.exclusions]]
rule = "BITS-4"
reason = "The service sorts measured qubits."
link = "https://example.org/issues/7"

[[backend]]
target = "acme:simulator"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "conformance.toml"
    path.write_text(text, encoding="utf-8")
    return path


def exclusion(rule: str) -> Exclusion:
    return Exclusion(rule=rule, reason="The service does it so.", link="https://example.org/issues/7")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(tmp_path / "nowhere.toml")
    assert str(caught.value) == f"{tmp_path / 'nowhere.toml'}: No such file or directory"


def test_a_budget_is_read(tmp_path: Path) -> None:
    text = GOOD.replace('tier = "hardware"', 'budget = "20usd,1e6shots"')
    chip, simulator = read_settings(written(tmp_path, text))
    assert chip.budget == Budget(dollars=20, shots=1_000_000)
    assert simulator.budget is None


def test_a_file_is_read(tmp_path: Path) -> None:
    chip, simulator = read_settings(written(tmp_path, GOOD))
    assert (chip.target, chip.tier, simulator.tier) == ("acme:chip", Tier.HARDWARE, Tier.SIMULATOR)
    assert [item.rule for item in chip.exclusions] == ["BITS-4"]
    assert not simulator.exclusions


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('reason = "The service sorts measured qubits."', 'reason = "bug"', "reason"),
        ("https://example.org/issues/7", "see below", "link"),
        ("https://example.org/issues/7", "http://example.org/7", "link"),
        ("BITS-4", "BITS", "rule"),
        ('tier = "hardware"', 'tier = "all"', "tier"),
        ('target = "acme:chip"', 'target = "chip"', "target"),
        ('target = "acme:chip"', 'target = "acme:chip"\nbudget = "20 dollars"', "'20 dollars' is no budget"),
        ('target = "acme:chip"', 'target = "acme:chip"\nbudget = 20', "budget"),
        ('target = "acme:simulator"', 'target = "acme:simulator"\nskip = ["BITS-1"]', "skip"),
        ('[[backend]]\ntarget = "acme:simulator"', "[other]", "other"),
        ("[[backend]]", "[[backend]", "line 2"),
        ("BITS-4", "BITS-99", r"\[\[backend\]\] 1: .* not there: BITS-99"),
        ('tier = "hardware"', 'tier = "offline"', "the tier offline does not have what is excluded: BITS-4"),
        ('[[backend]]\ntarget = "acme:simulator"', "[[backend]]\nname = 1", r"\[\[backend\]\] 2: target"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_settings(written(tmp_path, GOOD.replace(old, new, 1)))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"conformance\.toml"):
        read_settings(tmp_path / "conformance.toml")
    (tmp_path / "conformance.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"conformance\.toml"):
        read_settings(tmp_path / "conformance.toml")


def test_a_rule_is_excluded_once(tmp_path: Path) -> None:
    again = GOOD.replace(
        '[[backend]]\ntarget = "acme:simulator"',
        GOOD[GOOD.index("[[backend.ex") : GOOD.index('[[backend]]\ntarget = "acme:s')],
    )
    with pytest.raises(SettingsError, match="BITS-4"):
        read_settings(written(tmp_path, again))


def test_what_is_excluded_runs_and_is_violated(right: Backend) -> None:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == "measured-in-qubit-order")
    with mutant.make(right) as wrong:
        report = run_suite(wrong, rules=["BITS-1", "BITS-4"], exclusions=[exclusion("BITS-4")])
    verdict = report.of("BITS-4")
    assert verdict.verdict is Verdict.EXCLUDED
    assert verdict.findings
    assert "https://example.org/issues/7" in verdict.message
    assert "[BITS-4] VIOLATES" in verdict.message
    assert report.count(Verdict.VIOLATES) == 0


def test_what_is_excluded_and_holds_is_a_failure(right: Backend) -> None:
    report = run_suite(right, rules=["BITS-1", "BITS-4"], exclusions=[exclusion("BITS-4")])
    assert report.of("BITS-4").verdict is Verdict.VIOLATES
    assert "remove the exclusion" in report.of("BITS-4").message
    assert report.exit_code == 1


def test_an_exclusion_hides_only_its_own_rule(right: Backend) -> None:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == "reversed-bits")
    with mutant.make(right) as wrong:
        report = run_suite(wrong, rules=["BITS-1", "BITS-4"], exclusions=[exclusion("BITS-4")])
    assert report.of("BITS-1").verdict is Verdict.VIOLATES
    assert report.exit_code == 1


class _Seedless(Wrapped):
    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities.model_copy(update={"seed": False})


@pytest.mark.parametrize("rule", ["NOPE-1", "SHOTS-2"])
def test_exclusions_that_match_nothing(right: Backend, rule: str) -> None:
    """A rule that is not there, and one about something that the backend does not declare."""
    with pytest.raises(SettingsError, match=rule):
        run_suite(_Seedless(right), exclusions=[exclusion(rule)])
