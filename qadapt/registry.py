"""Registry: providers by entry point, loaded only when named."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from qadapt.errors import MissingExtraError, ProviderError, QadaptError, TargetError
from qadapt.provider import Backend, Provider

GROUP = "qadapt.providers"
"""Entry point group; each entry is a callable without arguments that returns a Provider."""


def installed() -> Mapping[str, EntryPoint]:
    """Installed providers by name, none of them imported."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


@cache
def provider(name: str) -> Provider:
    """Load a provider by name.

    Raises:
        MissingExtraError: No such provider is installed, or a package that it needs is missing.
        ProviderError: Its entry point leads nowhere, or making it fails.
    """
    entry = installed().get(name)
    if entry is None:
        # Never a package name made from what was typed: a typo would send the user to somebody else's package.
        close = get_close_matches(name, installed(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else "install the package of that provider"
        raise MissingExtraError(f"no provider {name!r} is installed; installed are {', '.join(installed())}", hint=hint)
    try:
        made: Provider = entry.load()()
    except ImportError as error:
        hint = f"pip install qadapt-{name}"
        raise MissingExtraError(f"provider {name!r} cannot be imported: {error}", hint=hint) from error
    except QadaptError:
        raise
    except Exception as error:
        message = f"provider {name!r} cannot be loaded: {type(error).__name__}: {error}"
        raise ProviderError(message, provider=name) from error
    return made


def backend(name: str) -> Backend:
    """Open a backend by its full name, ``provider:target``, as in ``local:statevector``.

    Raises:
        TargetError: The name has no colon, or the provider has no such target.
        MissingExtraError: The provider is not installed.
        AccessError: The target cannot be opened with the credentials at hand.
    """
    vendor, colon, target = name.partition(":")
    if not (vendor and colon and target):
        raise TargetError(f"{name!r} is not a backend name", hint="write provider:target, as in local:statevector")
    return provider(vendor).open(target)
