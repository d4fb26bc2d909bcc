"""qadapt-conformance: does a backend compute what the circuit says, and hand the answer back in the right place?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qadapt_conformance.exclusion import Exclusion, Settings, SettingsError, read_settings
    from qadapt_conformance.report import Report
    from qadapt_conformance.rule import RULES, Rule
    from qadapt_conformance.suite import run_suite
    from qadapt_conformance.tier import Tier
    from qadapt_conformance.verdict import RuleVerdict, Verdict

__version__ = "0.1.0"

__all__ = [
    "RULES",
    "Exclusion",
    "Report",
    "Rule",
    "RuleVerdict",
    "Settings",
    "SettingsError",
    "Tier",
    "Verdict",
    "read_settings",
    "run_suite",
]


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: pytest imports this package in every session, for its plug-in. It is the suite that
    # registers the rules.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "exclusion" if name in ("Settings", "read_settings") else "suite"
    return getattr(import_module(f"{__name__}.{home}"), name)
