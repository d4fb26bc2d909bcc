"""Session: the rules as items of a pytest session, judged together by one run of the suite."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from qadapt import Backend, BudgetError, QadaptError
from qadapt.jobs import Budget
from qadapt.registry import using
from qadapt_conformance.exclusion import Settings, SettingsError
from qadapt_conformance.opening import check_budget, choose, paying, plan_lines, refusal
from qadapt_conformance.plan import plan_suite
from qadapt_conformance.report import Report
from qadapt_conformance.reports import write_reports
from qadapt_conformance.reports.summary import headline, told
from qadapt_conformance.rule import RULES
from qadapt_conformance.suite import run_suite
from qadapt_conformance.tier import Tier
from qadapt_conformance.verdict import Verdict


class NotKeptError(Exception):
    """A rule is violated, or was not judged."""


class RuleItem(pytest.Item):
    """One rule; its outcome is its verdict in the run of all that are selected."""

    def __init__(self, *, run: Session, **options: Any) -> None:
        super().__init__(**options)
        self.run = run

    def runtest(self) -> None:
        """Fail or skip by the verdict.

        Raises:
            NotKeptError: The rule is violated, or the tier has it and it was not judged.
        """
        report = self.run.report
        entry = report.of(self.name)
        if entry.verdict is Verdict.VIOLATES:
            raise NotKeptError(told(report, entry))
        if entry in report.left:
            raise NotKeptError(f"[{entry.rule}] {entry.verdict} on {report.backend}: {entry.message}")
        if entry.verdict is not Verdict.CONFORMS:
            pytest.skip(f"[{entry.rule}] {entry.verdict}: {entry.message.splitlines()[0]}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The message of a verdict, without a traceback through the suite."""
        if isinstance(excinfo.value, NotKeptError | QadaptError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The backend and the rule instead of a file and a line."""
        return self.path, 0, self.nodeid


class Suite(pytest.Collector):
    """All rules."""

    def __init__(self, *, run: Session, **options: Any) -> None:
        super().__init__(**options)
        self.run = run

    def collect(self) -> Iterator[pytest.Item]:
        """One item per rule, in the order of the specification."""
        for name in RULES:
            yield RuleItem.from_parent(self, name=name, run=self.run)


class Session:
    """What the plug-in does in a session with a backend.

    The selected rules run once, as the first item is asked for; what is deselected is in the report as not run, and
    makes the session fail.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._settings = self._chosen()
        self._stack = ExitStack()
        self._backend: Backend | None = None
        self._selected: set[str] | None = None

    @property
    def report(self) -> Report:
        """The report on the selected rules; asking for it runs them, once.

        Raises:
            Exit: The settings are not right.
            Exception: The suite itself is broken.
        """
        if isinstance(self._tried, Exception):
            raise self._tried
        return self._tried

    @cached_property
    def _tried(self) -> Report | Exception:
        assert self._backend is not None
        assert self._selected is not None
        chosen, tier, exclusions = self._selected, self._settings.tier, self._settings.exclusions
        try:
            with warnings.catch_warnings():
                # What the session makes of warnings does not decide what a backend computes.
                warnings.simplefilter("default")
                found = run_suite(self._backend, rules=chosen, tier=tier, exclusions=exclusions)
            file = self._config.getoption("--qadapt-settings")
            return found if file is None else found.model_copy(update={"settings": str(file)})
        except SettingsError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        except Exception as error:
            return error  # for every item, without another run

    def pytest_sessionstart(self) -> None:
        """Open the backend.

        Raises:
            UsageError: It cannot be opened.
        """
        if self._config.option.collectonly:
            return
        try:
            self._backend = self._stack.enter_context(using(self._settings.target))
        except QadaptError as error:
            raise pytest.UsageError(f"--qadapt-backend: {error}") from None

    def pytest_report_header(self) -> str:
        """What is judged."""
        return f"qadapt conformance: {self._settings.target}, tier {self._settings.tier}, {len(RULES)} rules"

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add the rules to whatever else the session collects."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            name = self._settings.target
            report.result.append(Suite.from_parent(collector, name=name, nodeid=name, run=self))
        return report

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which rules are left after all that deselects, and show what a machine would be asked for.

        Raises:
            UsageError: That is over the budget, or the backend is a machine that nobody allowed to be used.
        """
        self._selected = {item.name for item in session.items if isinstance(item, RuleItem)}
        backend, wanted = self._backend, self._settings
        if backend is None:
            return
        if paying(backend, wanted):
            plan = plan_suite(backend, rules=self._selected, tier=wanted.tier)
            self._write(plan_lines(plan))
            try:
                check_budget(backend, wanted, plan)
            except BudgetError as error:
                raise pytest.UsageError(str(error)) from None
        if why := refusal(backend, wanted.tier, self._config.getoption("--qadapt-hardware"), "--qadapt-hardware"):
            raise pytest.UsageError(why)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the report; whatever became of the items, only a report that conforms lets the session succeed."""
        report = self._outcome(exitstatus)
        if isinstance(report, Exception) or (report is not None and report.exit_code):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if isinstance(report, Report) and (folder := self._config.getoption("--qadapt-report")) is not None:
            write_reports(report, folder)
        self._stack.close()

    def pytest_terminal_summary(self) -> None:
        """Say what came of the run as a whole, and what it has not shown."""
        report = self.__dict__.get("_tried")
        if not isinstance(report, Report):
            return
        outcome = headline(report)
        self._write(f"qadapt conformance of {report.backend}: {outcome.word}. {outcome.said}")
        if report.left:
            rules = ", ".join(entry.rule for entry in report.left)
            self._write(f"without a verdict, so that the session fails: {rules}")

    def _outcome(self, exitstatus: int) -> Report | Exception | None:
        """What came of the run; where every rule was deselected or skipped before it began, a report that says so."""
        quiet = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if "_tried" not in self.__dict__:
            if not quiet or self._backend is None:
                return None
            self._selected = set()
        return self._tried

    def _chosen(self) -> Settings:
        """What the options say.

        Raises:
            UsageError: They say something that is not so.
        """
        tier, file = self._config.getoption("--qadapt-tier"), self._config.getoption("--qadapt-settings")
        if tier is not None and tier not in list(Tier):
            raise pytest.UsageError(f"--qadapt-tier: {tier!r} is none of {', '.join(Tier)}")
        try:
            budget = Budget.of(self._config.getoption("--qadapt-budget"))
            found = choose(self._config.getoption("--qadapt-backend"), file, Tier(tier) if tier else None, budget)
        except BudgetError as error:
            raise pytest.UsageError(f"--qadapt-budget: {error}") from None
        except SettingsError as error:
            raise pytest.UsageError(f"--qadapt-settings: {error}") from None
        if len(found) > 1:
            raise pytest.UsageError(f"--qadapt-settings: {file} names {found[0].target} {len(found)} times")
        return found[0]

    def _write(self, text: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(text)
