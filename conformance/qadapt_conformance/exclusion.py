"""Exclusion: a rule that a backend is known to violate, with the reason and where to read more.

``conformance.toml`` holds them. An excluded rule still runs, and it is a failure if it turns out to hold; an exclusion
that matches no rule of the run is a mistake. So an exclusion can neither hide a rule nor outlive its reason.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from qadapt import BudgetError, QadaptError
from qadapt.jobs import Budget
from qadapt_conformance.rule import RULES
from qadapt_conformance.tier import Tier


class SettingsError(QadaptError):
    """``conformance.toml`` cannot be read or says something that is not so."""

    code = "conformance-settings"


class Exclusion(BaseModel):
    """One rule that may be violated.

    Attributes:
        rule: Id of the rule.
        reason: Why, in a sentence.
        link: Where to read more: an issue, a page of documentation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Annotated[str, Field(pattern=r"^[A-Z]+-[0-9]+$")]
    reason: Annotated[str, Field(min_length=10)]
    link: Annotated[str, Field(pattern=r"^https://[^\s/]+\.[^\s]+$")]


def _limits(said: object) -> object:
    """Limits from text; what is no text is refused by the type."""
    try:
        return Budget.parse(said) if isinstance(said, str) else said
    except BudgetError as error:
        raise ValueError(str(error)) from None


class Settings(BaseModel):
    """What a provider's ``conformance.toml`` says.

    Attributes:
        target: Full name of the backend.
        tier: How much of the suite it is put through.
        budget: What a run may cost, as ``20usd,300s``; None sets no limit.
        exclusions: Rules that it is known to violate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Annotated[str, Field(pattern=r"^[^:\s]+:.+$")]
    tier: Tier = Tier.SIMULATOR
    budget: Annotated[Budget | None, BeforeValidator(_limits)] = None
    exclusions: tuple[Exclusion, ...] = ()


def read_settings(path: Path) -> list[Settings]:
    """Read ``conformance.toml``: one table ``[[backend]]`` for each backend.

    Raises:
        SettingsError: The file cannot be read, or something in it is not what it should be.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from error
    except (UnicodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if set(document) != {"backend"} or not isinstance(document["backend"], list):
        raise SettingsError(f"{path}: expected tables [[backend]], got {', '.join(document) or 'nothing'}")
    found = []
    for number, table in enumerate(document["backend"], start=1):
        place = f"{path}: [[backend]] {number}"
        try:
            found.append(Settings.model_validate(table))
            check_exclusions(found[-1].exclusions, found[-1].tier)
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, line['loc']))}: {line['msg']}" for line in error.errors())
            raise SettingsError(f"{place}: {said}") from None
        except SettingsError as error:
            raise SettingsError(f"{place}: {error}") from None
    return found


def check_exclusions(exclusions: Sequence[Exclusion], tier: Tier | None = None) -> None:
    """Refuse two exclusions of one rule, and exclusions that could never exclude anything.

    Args:
        exclusions: All of a backend.
        tier: The tier that they are written for, which must have their rules.

    Raises:
        SettingsError: There is such an exclusion.
    """
    rules = [exclusion.rule for exclusion in exclusions]
    if twice := sorted({rule for rule in rules if rules.count(rule) > 1}):
        raise SettingsError(f"excluded twice: {', '.join(twice)}")
    if unknown := sorted(set(rules) - set(RULES)):
        raise SettingsError(f"exclusions of rules that are not there: {', '.join(unknown)}")
    if elsewhere := sorted(rule for rule in rules if tier is not None and tier not in RULES[rule].tiers):
        raise SettingsError(f"the tier {tier} does not have what is excluded: {', '.join(elsewhere)}")
