"""The plug-in of pytest, in sessions of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from qadapt import Backend, Capabilities, UnavailableError, backend
from qadapt_conformance import RULES, suite
from qadapt_conformance import session as plugged
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.plan import plan_suite

pytest_plugins = ["pytester"]

NAME = "local:statevector"

FEW = ("BITS-1", "SHOTS-1", "SHOTS-2", "JOBS-3", "DROP-1")


@pytest.fixture(autouse=True)
def few_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short specification, so that sessions are quick."""
    kept = {name: RULES[name] for name in RULES if name in FEW}
    for module in (suite, plugged):
        monkeypatch.setattr(module, "RULES", kept)


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    return pytester.path


@pytest.fixture
def session(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs pytest in the folder, and returns its exit code and what it said."""

    def run(*words: str) -> tuple[int, str]:
        done = pytester.runpytest_inprocess("-p", "no:cacheprovider", *words)
        capsys.readouterr()
        return int(done.ret), "\n".join(done.outlines + done.errlines)

    return run


def ours(*words: str) -> tuple[str, ...]:
    return ("--qadapt-backend", NAME, *words)


def report(folder: Path) -> dict[str, str]:
    text = (folder / "out" / "conformance.json").read_text(encoding="utf-8")
    return {entry["rule"]: entry["verdict"] for entry in json.loads(text)["verdicts"]}


def test_every_rule_is_an_item(session, folder: Path) -> None:  # type: ignore[no-untyped-def]
    code, said = session(*ours("--collect-only", "-q"))
    assert code == 0
    assert re.findall(rf"^{NAME}::(.+)$", said, re.MULTILINE) == [name for name in RULES if name in FEW]


def test_a_whole_run_conforms_whatever_warnings_are(session, folder: Path) -> None:  # type: ignore[no-untyped-def]
    code, said = session(*ours("-v", "-W", "error", "--qadapt-report", "out"))
    assert code == 0, said
    assert "Conforms. " in said
    assert f"{NAME}::BITS-1 PASSED" in said
    assert (folder / "out" / "report.html").exists()
    assert set(report(folder)) == set(FEW)


def test_warnings_of_the_session_decide_nothing(session, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    right = RULES["SHOTS-2"].check

    def warning(probe):  # type: ignore[no-untyped-def]
        """Warn."""
        warnings.warn("an old call", DeprecationWarning, stacklevel=1)
        yield from right(probe)

    monkeypatch.setitem(suite.RULES, "SHOTS-2", replace(RULES["SHOTS-2"], check=warning))
    assert session(*ours("-W", "error"))[0] == 0


def test_what_is_not_judged_fails(session, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def away(probe):  # type: ignore[no-untyped-def]
        """Wait."""
        yield from ()
        raise UnavailableError("the service is away", provider="acme")

    monkeypatch.setitem(suite.RULES, "SHOTS-2", replace(RULES["SHOTS-2"], check=away))
    code, said = session(*ours())
    assert code == 1
    assert "1 failed, 4 passed" in said
    assert f"[SHOTS-2] NOT RUN on {NAME}: UnavailableError: the service is away" in said
    assert "without a verdict, so that the session fails: SHOTS-2" in said


@pytest.mark.parametrize(
    "way", [("-k", "BITS-1 or SHOTS"), tuple(f"--deselect={NAME}::{n}" for n in ("DROP-1", "JOBS-3"))]
)
def test_what_is_deselected_is_not_hidden(session, folder: Path, way: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    code, said = session(*ours(*way, "--qadapt-report", "out"))
    assert code == 1
    assert " failed" not in said
    assert "Not fully judged" in said
    (line,) = re.findall(r"without a verdict, so that the session fails: (.*)", said)
    verdicts = report(folder)
    assert line == "DROP-1, JOBS-3"
    assert verdicts == dict.fromkeys(FEW, "CONFORMS") | {"DROP-1": "NOT RUN", "JOBS-3": "NOT RUN"}


def test_deselecting_all_fails_beside_tests_that_pass(session, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "test_own.py").write_text("def test_own(): pass\n", encoding="utf-8")
    code, said = session(*ours("-k", "test_own", "--qadapt-report", "out"))
    assert code == 1
    assert "1 passed" in said
    assert "Nothing conforms" in said
    assert "CONFORMS" not in report(folder).values()


def test_skipping_by_a_marker_hides_nothing(session, folder: Path) -> None:  # type: ignore[no-untyped-def]
    hook = "def pytest_collection_modifyitems(items):\n    for i in items: i.add_marker(pytest.mark.skip)\n"
    (folder / "conftest.py").write_text(f"import pytest\n{hook}", encoding="utf-8")
    code, said = session(*ours())
    assert code == 1
    assert "Nothing conforms" in said


def test_a_violation_reads_well(session, monkeypatch: pytest.MonkeyPatch, right: Backend) -> None:  # type: ignore[no-untyped-def]
    @contextmanager
    def using(name: str) -> Iterator[Backend]:
        (mutant,) = (mutant for mutant in MUTANTS if mutant.name == "lost-shot")
        with mutant.make(right) as wrong:
            yield wrong

    monkeypatch.setattr(plugged, "using", using)
    code, said = session(*ours())
    assert code == 1
    assert f"[SHOTS-1] VIOLATES on {NAME}: " in said
    assert "  rerun   : qadapt conformance run" in said
    assert "  explain : qadapt conformance explain SHOTS-1" in said
    assert "Traceback" not in said
    assert "session.py" not in said
    assert re.search(rf"^FAILED {NAME}::SHOTS-1", said, re.MULTILINE)


def test_a_rule_that_raises_is_a_failed_item(session, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def broken(probe):  # type: ignore[no-untyped-def]
        """Break."""
        yield from ()
        raise ZeroDivisionError("oops")

    monkeypatch.setitem(suite.RULES, "SHOTS-2", replace(RULES["SHOTS-2"], check=broken))
    code, said = session(*ours())
    assert code == 1
    assert "stopped by ZeroDivisionError" in said
    assert "1 failed, 4 passed" in said
    assert "INTERNALERROR" not in said


def test_a_suite_that_breaks_does_not_pass(session, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    calls = []

    def broken(*_, **__):  # type: ignore[no-untyped-def]
        calls.append(1)
        raise RuntimeError("the suite itself is broken")

    monkeypatch.setattr(plugged, "run_suite", broken)
    code, said = session(*ours())
    assert code == 1
    assert "5 failed" in said
    assert "INTERNALERROR" not in said
    assert len(calls) == 1, "nothing is submitted again"


def test_own_tests_count_too(session, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "test_own.py").write_text("def test_own(): assert 0\n", encoding="utf-8")
    code, said = session(*ours())
    assert code == 1
    assert "1 failed, 5 passed" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--qadapt-tier", "offline"], "--qadapt-tier: needs --qadapt-backend"),
        (ours("--qadapt-tier", "space"), "'space' is none of offline, simulator, hardware"),
        (ours("--qadapt-settings", "nowhere.toml"), "nowhere.toml"),
        (["--qadapt-backend", "nobody:x"], "no provider 'nobody'"),
        (ours("-n", "2"), "run them with -n 0"),
        (ours("--qadapt-budget", "much"), "--qadapt-budget: 'much' is no budget"),
        (["--qadapt-budget", "1usd"], "--qadapt-budget: needs --qadapt-backend"),
        (ours("--qadapt-settings", "c.toml"), "names local:statevector 2 times"),
    ],
)
def test_mistakes(session, folder: Path, words: list[str], said: str) -> None:  # type: ignore[no-untyped-def]
    text = f'[[backend]]\ntarget = "{NAME}"\n'
    (folder / "c.toml").write_text(text * 2, encoding="utf-8")
    code, told = session(*words)
    assert code == 4
    assert said in told
    assert "Traceback" not in told


def test_settings_count(session, folder: Path) -> None:  # type: ignore[no-untyped-def]
    exclusion = 'exclusions = [{rule = "NOPE-1", reason = "we know of this one", link = "https://a.example/1"}]'
    (folder / "c.toml").write_text(f'[[backend]]\ntarget = "{NAME}"\n{exclusion}\n', encoding="utf-8")
    code, said = session(*ours("--qadapt-settings", "c.toml"))
    assert code == 4
    assert "NOPE-1" in said


def test_a_plan_over_the_budget_is_refused(session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    ran = []
    monkeypatch.setattr(plugged, "run_suite", lambda *_, **__: ran.append(1))
    (folder / "c.toml").write_text(f'[[backend]]\ntarget = "{NAME}"\nbudget = "10shots"\n', encoding="utf-8")
    for words in (("--qadapt-budget", "10shots"), ("--qadapt-settings", "c.toml")):
        code, said = session(*ours(*words))
        assert code == 4
        assert "the run is over its budget: it takes " in said
        assert "in all " in said
    assert not ran


def test_the_budget_is_that_of_the_selected_rules(session) -> None:  # type: ignore[no-untyped-def]
    (planned,) = plan_suite(backend(NAME), rules=["JOBS-3"]).rules
    code, said = session(*ours("--qadapt-budget", f"{planned.shots}shots", "-k", "JOBS-3"))
    assert code == 1
    assert "1 passed" in said


def test_a_machine_is_shown_its_plan_and_needs_consent(session, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    class Machine(Wrapped):
        @property
        def capabilities(self) -> Capabilities:
            return self._inner.capabilities.model_copy(update={"simulated": False})

    @contextmanager
    def using(name: str) -> Iterator[Backend]:
        yield Machine(backend(name))

    monkeypatch.setattr(plugged, "using", using)
    monkeypatch.setattr(plugged, "run_suite", lambda *_, **__: pytest.fail("ran"))
    code, said = session(*ours())
    assert code == 4
    assert "in all " in said
    assert "pass --qadapt-hardware to submit them" in said


def test_without_a_backend_it_does_nothing(tmp_path: Path) -> None:
    test = """
import sys

def test_light():
    heavy = {"numpy", "scipy", "qadapt", "pydantic", "qadapt_conformance.suite"}
    assert "qadapt_conformance.plugin" in sys.modules
    assert not heavy & set(sys.modules)
"""
    (tmp_path / "test_own.py").write_text(test, encoding="utf-8")
    for words in ((), ("-n", "2")):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "conformance" not in done.stdout
