"""Entries: providers by entry point, loaded only when named, in the process that asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from qadapt.errors import MissingExtraError, ProviderError, QadaptError, TargetError
from qadapt.provider import Provider, Requirements, Requiring
from qadapt.redact import conceal

GROUP = "qadapt.providers"
"""Entry point group; each entry is a callable without arguments that returns a Provider."""


def installed() -> Mapping[str, EntryPoint]:
    """Installed providers by name, none of them imported."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def find(name: str, among: Mapping[str, EntryPoint]) -> EntryPoint:
    """The entry of a provider.

    Raises:
        TargetError: There is none of this name, and one that is spelt much like it.
        MissingExtraError: There is none.
    """
    entry = among.get(name)
    if entry is None:
        said = f"no provider {name!r} is installed; installed are {', '.join(among)}"
        if close := get_close_matches(name, among, n=1):
            raise TargetError(said, hint=f"did you mean {close[0]!r}?")
        # Never a package name made from what was typed: a typo would send the user to somebody else's package.
        raise MissingExtraError(said, hint="install the package of that provider")
    return entry


def load(entry: EntryPoint) -> Provider:
    """Make a provider, and conceal the secrets that it says it reads from the environment.

    Raises:
        MissingExtraError: A package that it needs is missing.
        ProviderError: Its entry point leads nowhere, or making it fails.
    """
    name = entry.name
    try:
        made: Provider = entry.load()()
        conceal_secrets(made.requirements() if isinstance(made, Requiring) else Requirements())
    except ImportError as error:
        hint = f"pip install qadapt-{name}"
        raise MissingExtraError(f"provider {name!r} cannot be imported: {error}", hint=hint) from error
    except QadaptError:
        raise
    except Exception as error:
        message = f"provider {name!r} cannot be loaded: {type(error).__name__}: {error}"
        raise ProviderError(message, provider=name) from error
    return made


def conceal_secrets(requirements: Requirements) -> None:
    """Keep the values of a provider's secret environment variables out of messages, logs and files."""
    conceal(*(os.environ.get(variable) for variable in requirements.secrets))
