"""The command: exit codes, texts, files, and its place in ``qadapt``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NamedTuple

import pytest

import qadapt.cli
from qadapt import Backend, Cost, UnavailableError
from qadapt_conformance import RULES, Report, Tier, cli
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.plan import plan_suite
from qadapt_conformance.reports import FILES


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def run(*words: str, main=qadapt.cli.main) -> Outcome:  # type: ignore[no-untyped-def]
        with pytest.raises(SystemExit) as left:
            main(["conformance", *words] if main is qadapt.cli.main else words)
        return Outcome(int(left.value.code or 0), *capsys.readouterr())

    return run


def stand_in(monkeypatch: pytest.MonkeyPatch, *backends: Backend) -> list[str]:
    """Let names lead to backends, in turn; returns those that were closed."""
    closed: list[str] = []
    left = list(backends)

    @contextmanager
    def using(name: str) -> Iterator[Backend]:
        yield left.pop(0)
        closed.append(name)

    monkeypatch.setattr(cli, "using", using)
    return closed


class Machine(Wrapped):
    @property
    def capabilities(self):  # type: ignore[no-untyped-def]
        return self._inner.capabilities.model_copy(update={"simulated": False})

    def submit(self, work, *, tag: str) -> str:  # type: ignore[no-untyped-def]
        Machine.submits += 1
        return super().submit(work, tag=tag)

    submits = 0


BACKEND = ("run", "--backend", "local:statevector")


def test_list(call) -> None:  # type: ignore[no-untyped-def]
    outcome = call("list")
    assert [line.split()[0] for line in outcome.out.splitlines()] == list(RULES)
    assert outcome.code == 0


def test_explain(call) -> None:  # type: ignore[no-untyped-def]
    outcome = call("explain", "bits-4")
    assert outcome.code == 0
    assert outcome.out.startswith("BITS-4\n")
    assert "**Why.**" in outcome.out
    assert "ROWS" not in outcome.out
    assert call("explain", "BITS-99").code == 2
    assert call("explain", "BITS-4", "BITS-99").code == 2


def test_explain_several(call) -> None:  # type: ignore[no-untyped-def]
    both = call("explain", "rows-1", "BITS-4")
    assert both.out == call("explain", "ROWS-1").out + "\n" + call("explain", "BITS-4").out


def test_explain_on_a_terminal_has_no_marks(call, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    outcome = call("explain", "BITS-4", "ROWS-1")
    assert "**" not in outcome.out
    assert "Why." in outcome.out
    assert outcome.out.index("BITS-4") < outcome.out.index("ROWS-1")


def test_a_run_of_all_conforms_and_writes_its_reports(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "a" / "b"
    outcome = call(*BACKEND, "--report", str(folder))
    assert outcome.code == 0
    assert outcome.out.splitlines()[0].startswith("local:statevector: simulator without noise")
    assert outcome.out.splitlines()[-1].startswith("Conforms: ")
    assert {file.name for file in folder.iterdir()} == set(FILES)
    for file in folder.iterdir():
        assert file.read_text(encoding="utf-8").strip()
    assert "Conforms" in (folder / "report.html").read_text(encoding="utf-8")


def test_one_rule_as_json(call) -> None:  # type: ignore[no-untyped-def]
    outcome = call(*BACKEND, "--rule", "bits-1", "--seed", "5", "--json")
    assert outcome.code == 3
    report = Report.model_validate_json(outcome.out)
    assert (report.backend, report.seed, report.tier) == ("local:statevector", 5, Tier.SIMULATOR)
    assert [entry.rule for entry in report.verdicts] == list(RULES)
    assert [entry.rule for entry in report.verdicts if entry.findings] == ["BITS-1"]


def test_the_tier_counts(call) -> None:  # type: ignore[no-untyped-def]
    outcome = call(*BACKEND, "--rule", "BITS-1", "--tier", "offline", "--json")
    report = Report.model_validate_json(outcome.out)
    assert (report.tier, report.jobs) == (Tier.OFFLINE, 0)


def test_violation(call, right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    (swapped,) = (mutant for mutant in MUTANTS if mutant.name == "cx-swapped")
    with swapped.make(right) as wrong:
        stand_in(monkeypatch, wrong)
        outcome = call(*BACKEND, "--rule", "GATES-1")
    assert outcome.code == 1
    assert "[GATES-1] VIOLATES on local:statevector: outcome " in outcome.out
    assert "cx(0,1)" in outcome.out
    assert outcome.out.splitlines()[-1] == "Violates the specification: 1 rule is violated."


def test_a_machine_needs_consent(call, right: Backend, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    stand_in(monkeypatch, *(Machine(right) for _ in range(3)))
    monkeypatch.setattr(Machine, "submits", 0)
    words = (*BACKEND, "--rule", "JOBS-3")
    refused = call(*words)
    assert refused.code == 2
    assert "--hardware" in refused.err
    assert Machine.submits == 0
    planned = plan_suite(right, rules=["JOBS-3"])
    assert f"in all {planned.jobs} jobs, {planned.cost.shots:,} shots" in refused.out
    assert call(*words, "--tier", "offline").code == 1  # nothing is submitted, and nothing conforms
    assert Machine.submits == 0
    assert call(*words, "--hardware").code == 3
    assert Machine.submits > 0


class Dear(Wrapped):
    """A cent a submit."""

    submits = 0

    def submit(self, work, *, tag: str) -> str:  # type: ignore[no-untyped-def]
        self.submits += 1
        return super().submit(work, tag=tag)

    def cost(self, work) -> Cost:  # type: ignore[no-untyped-def]
        return Cost(shots=sum(item.bindings.rows * item.shots for item in work), dollars=0.01)


def test_a_plan_over_the_budget_is_refused(
    call, right: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    dear = Dear(right)
    planned = plan_suite(dear, rules=["BITS-1"])
    dollars = planned.jobs / 100
    stand_in(monkeypatch, *[dear] * 7)
    words = (*BACKEND, "--rule", "BITS-1", "--budget")
    refused = call(*words, f"{dollars - 0.005:g}usd")
    assert refused.code == 2
    assert f"error[budget]: the run is over its budget: it takes {dollars:g} US dollars" in refused.err
    assert f"in all {planned.jobs} jobs" in refused.out
    assert call(*words, f"{planned.cost.shots - 1}shots", "--json").code == 2
    assert dear.submits == 0
    assert call(*words, "1usd", "--tier", "offline").code == 1  # nothing is submitted, so nothing is over
    assert call(*words, f"{dollars + 0.005:g}usd").code == 3
    assert dear.submits == planned.jobs
    file = settings(tmp_path / "c.toml", 'target = "local:statevector"\nbudget = "0usd"')
    from_file = ("run", "--settings", file, "--rule", "BITS-1")
    assert "error[budget]" in call(*from_file).err
    assert dear.submits == planned.jobs
    assert call(*from_file, "--budget", "10usd").code == 3  # what is said last counts


def test_what_nobody_can_price_is_over_the_budget_of_a_machine(
    call, right: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    stand_in(monkeypatch, Machine(right), right)
    monkeypatch.setattr(Machine, "submits", 0)
    words = (*BACKEND, "--rule", "JOBS-3", "--budget", "5usd")
    refused = call(*words, "--hardware")
    assert refused.code == 2
    assert "nobody says how many US dollars it takes" in refused.err
    assert Machine.submits == 0
    assert call(*words).code == 3  # a simulator takes no money


def test_a_rerun_names_the_settings(call, right: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    (lost,) = (mutant for mutant in MUTANTS if mutant.name == "lost-shot")
    file = settings(tmp_path / "c.toml", 'target = "local:statevector"\ntier = "hardware"')
    with lost.make(right) as wrong:
        stand_in(monkeypatch, wrong)
        said = call("run", "--settings", file, "--rule", "SHOTS-1").out
    assert f"run --backend local:statevector --rule SHOTS-1 --settings {file} --tier hardware\n" in said
    assert "  explain : qadapt conformance explain SHOTS-1\n" in said
    assert "rules not selected" in said


def settings(path: Path, *tables: str) -> str:
    path.write_text("".join(f"[[backend]]\n{table}\n" for table in tables), encoding="utf-8")
    return str(path)


def test_settings_name_backends_and_the_worst_counts(  # type: ignore[no-untyped-def]
    call, right: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings(tmp_path / "c.toml", 'target = "a:x/y"', 'target = "b:z"', 'target = "a:x/y"')
    (lost,) = (mutant for mutant in MUTANTS if mutant.name == "lost-shot")
    with lost.make(right) as wrong:
        closed = stand_in(monkeypatch, right, wrong, right)
        outcome = call("run", "--settings", file, "--rule", "SHOTS-1", "--report", str(tmp_path / "out"))
    assert outcome.code == 1
    assert closed == ["a:x/y", "b:z", "a:x/y"]
    assert {folder.name for folder in (tmp_path / "out").iterdir()} == {"a-x-y", "b-z", "a-x-y-3"}
    found = json.loads((tmp_path / "out" / "b-z" / "conformance.json").read_text(encoding="utf-8"))
    assert found["exit_code"] == 1


def test_a_backend_that_does_not_open_does_not_hide_the_others(  # type: ignore[no-untyped-def]
    call, right: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings(tmp_path / "c.toml", 'target = "a:x"', 'target = "b:z"')

    @contextmanager
    def using(name: str) -> Iterator[Backend]:
        if name == "a:x":
            raise UnavailableError("a:x is away", provider="a")
        yield right

    monkeypatch.setattr(cli, "using", using)
    outcome = call("run", "--settings", file, "--rule", "SHOTS-1")
    assert outcome.code == 2
    assert "a:x is away" in outcome.err
    assert "CONFORMS      SHOTS-1" in outcome.out


def test_exclusions_of_the_settings(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    exclusion = 'exclusions = [{rule = "RULE", reason = "we know of this one", link = "https://a.example/1"}]'
    file = settings(tmp_path / "c.toml", f'target = "local:statevector"\n{exclusion.replace("RULE", "SHOTS-1")}')
    words = ("run", "--settings", file, "--rule", "SHOTS-1", "--backend")
    outcome = call(*words, "local:statevector")
    assert outcome.code == 1
    assert "remove the exclusion" in outcome.out
    assert call(*words, "other:one").code == 2
    settings(tmp_path / "c.toml", f'target = "local:statevector"\n{exclusion.replace("RULE", "NOPE-1")}')
    outcome = call(*words, "local:statevector")
    assert outcome.code == 2
    assert "NOPE-1" in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "name a backend"),
        (["run", "--backend", "statevector"], "not a backend name"),
        (["run", "--backend", "local:nowhere"], "nowhere"),
        (["run", "--backend", "nobody:x"], "no provider 'nobody'"),
        ([*BACKEND, "--rule", "NOPE-1"], "no rule NOPE-1"),
        ([*BACKEND, "--seed", "-1"], "seed"),
        ([*BACKEND, "--tier", "space"], "space"),
        ([*BACKEND, "--settings", "/nowhere.toml"], "/nowhere.toml: No such file or directory"),
        ([*BACKEND, "--budget", "20"], "error[budget]: '20' is no budget"),
        ([*BACKEND, "--report", "/dev/null/x"], "--report"),
        ([*BACKEND, "extra"], "extra"),
    ],
)
@pytest.mark.parametrize("main", [qadapt.cli.main, cli.main])
def test_mistakes(words: list[str], said: str, main, call) -> None:  # type: ignore[no-untyped-def]
    outcome = call(*words, main=main)
    assert outcome.code == 2
    assert said in " ".join(outcome.err.replace("│", " ").split())
    assert "Traceback" not in outcome.err


def test_the_script_is_the_same(call) -> None:  # type: ignore[no-untyped-def]
    assert call("list", main=cli.main) == call("list")


def test_qadapt_lists_it_without_importing_it() -> None:
    code = """
import sys, qadapt.cli
try:
    qadapt.cli.main(["--help"])
except SystemExit:
    sys.exit("imported" if "qadapt_conformance" in sys.modules else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.replace("│", " ").split())
    assert "conformance Does a backend compute what the circuit says, and hand the answer back" in words


@pytest.mark.parametrize("words", [["--version"], ["providers", "--help"]])
def test_other_commands_do_not_look_for_it(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qadapt.cli.lazy.entry_points", lambda **_: pytest.fail("looked"))
    with pytest.raises(SystemExit) as left:
        qadapt.cli.main(words)
    assert not left.value.code


def test_without_the_package_it_says_how_to_get_it(call, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("qadapt.cli.lazy.entry_points", lambda **_: [])
    outcome = call("list")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == "hint: pip install qadapt-conformance"


def test_a_command_that_cannot_be_imported(call, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    broken = EntryPoint("conformance", "qadapt_conformance.nowhere:app", "qadapt.commands")
    taken = EntryPoint("run", "qadapt_conformance.nowhere:app", "qadapt.commands")
    monkeypatch.setattr("qadapt.cli.lazy.entry_points", lambda **_: [broken, taken])
    outcome = call("list")
    assert outcome.code == 2
    assert "error[missing-extra]: the command 'conformance' cannot be imported" in outcome.err
    with pytest.raises(SystemExit) as left:
        qadapt.cli.main(["run", "--help"])
    assert not left.value.code
