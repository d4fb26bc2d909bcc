"""Plug-in of pytest: ``pytest --qadapt-backend acme:chip`` has every rule as a test item.

Without that option it does nothing, and imports nothing but pytest.
"""

from __future__ import annotations

from pathlib import Path

import pytest

OPTIONS = ("tier", "settings", "report", "budget", "hardware")
"""Options that mean nothing without a backend."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("qadapt", "qadapt conformance")
    group.addoption("--qadapt-backend", metavar="NAME", help="Run the conformance suite on this backend.")
    group.addoption("--qadapt-tier", metavar="TIER", help="How much of it: offline, simulator or hardware.")
    group.addoption("--qadapt-settings", metavar="FILE", type=Path, help="A conformance.toml with exclusions.")
    group.addoption("--qadapt-report", metavar="DIR", type=Path, help="Write the report there.")
    group.addoption(
        "--qadapt-budget", metavar="LIMITS", help="Refuse a plan of more than that, as 20usd,300s,1e6shots."
    )
    group.addoption("--qadapt-hardware", action="store_true", help="Submit jobs to a backend that is a machine.")


def pytest_configure(config: pytest.Config) -> None:
    """Take part, if a backend is named.

    Raises:
        UsageError: Options do not go together.
    """
    if config.getoption("--qadapt-backend") is None:
        alone = [f"--qadapt-{name}" for name in OPTIONS if config.getoption(f"--qadapt-{name}")]
        if alone:
            raise pytest.UsageError(f"{', '.join(alone)}: needs --qadapt-backend")
        return
    if config.getoption("dist", "no") != "no" or config.getoption("numprocesses", None):
        raise pytest.UsageError("--qadapt-backend: the rules of a run are judged together; run them with -n 0")
    from qadapt_conformance.session import Session

    config.pluginmanager.register(Session(config), "qadapt-conformance-session")
