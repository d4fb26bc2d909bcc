"""Registry: providers and backends by name, in this process or isolated, loaded only when named."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint

from qadapt import entries
from qadapt.deadline import remaining, within
from qadapt.entries import GROUP, installed
from qadapt.errors import TargetError, UnavailableError
from qadapt.isolate import IsolatedProvider
from qadapt.isolate.settings import Settings, variable, wanted
from qadapt.provider import Backend, Closing, Provider, Requirements, Requiring

__all__ = ["GROUP", "OPENING", "backend", "installed", "known", "place", "provider", "using"]

OPENING = 180.0
"""Seconds that opening a backend may take, the import of the vendor's package and the sign-in included."""


_PYTHON = re.compile(variable("(.+)", "PYTHON"))


def known() -> Mapping[str, EntryPoint | None]:
    """Providers that can be named, none of them imported: installed ones, and those with an interpreter of their own.

    Of the latter, which may be installed only there, nothing but the name is known here: that of
    ``QADAPT_<NAME>_PYTHON``, in lower case, with ``-`` for ``_``.
    """
    here = installed()
    names = {variable(name, "PYTHON"): name for name in here}
    elsewhere = {
        names.get(match[0]) or match[1].lower().replace("_", "-")
        for said, value in os.environ.items()
        if value and (match := _PYTHON.fullmatch(said))
    }
    return {name: None if name in elsewhere else here[name] for name in sorted({*here, *elsewhere})}


def place(name: str) -> str:
    """Where a provider runs, in words: in this process, in a worker process, or by which other interpreter.

    Raises:
        QadaptError: As ``provider``.
    """
    made = provider(name)
    return Settings.of(name).python or ("worker process" if isinstance(made, IsolatedProvider) else "this process")


@cache
def provider(name: str) -> Provider:
    """Load a provider by name.

    It is isolated, that is all its calls are made in worker processes, if it asks for that (``isolated = True``) or the
    user does (``QADAPT_<NAME>_ISOLATE=1``; ``0`` keeps it in this process). With ``QADAPT_<NAME>_PYTHON``, the
    interpreter of another environment, nothing of it is looked for in this one.

    Raises:
        TargetError: No such provider is installed, and one that is spelt much like it.
        MissingExtraError: No such provider is installed, or a package that it needs is missing.
        ProviderError: Its entry point leads nowhere, making it fails, or a setting means nothing.
    """
    choice = wanted(name)
    if Settings.of(name).python:
        return IsolatedProvider(name)
    made = entries.load(entries.find(name, installed()))
    if choice if choice is not None else getattr(made, "isolated", False) is True:
        return IsolatedProvider(name, made.requirements if isinstance(made, Requiring) else Requirements)
    return made


def backend(name: str) -> Backend:
    """Open a backend by its full name, ``provider:target``, as in ``local:statevector``.

    Both the load of the provider and what it does to open the target end within ``OPENING`` seconds, or what is left of
    an earlier deadline. A vendor that hangs is left behind on its thread.

    Raises:
        TargetError: The name has no colon, names a provider wrongly, or the provider has no such target.
        MissingExtraError: The provider is not installed.
        AccessError: The target cannot be opened with the credentials at hand.
        UnavailableError: The vendor cannot be reached, or opening did not end in time; never ``doubtful``.
    """
    vendor, colon, target = name.partition(":")
    if not (vendor and colon and target):
        raise TargetError(f"{name!r} is not a backend name", hint="write provider:target, as in local:statevector")
    try:
        return within(
            remaining(OPENING), lambda: provider(vendor).open(target), what=f"opening {name}", provider=vendor
        )
    except UnavailableError as error:
        error.doubtful = False  # nothing was sent that could run
        raise


@contextmanager
def using(backend_or_name: Backend | str) -> Iterator[Backend]:
    """A backend while the body runs: one that is named is opened and closed, one that is open stays the caller's.

    Raises:
        QadaptError: As ``backend``.
    """
    if not isinstance(backend_or_name, str):
        yield backend_or_name
        return
    opened = backend(backend_or_name)
    try:
        yield opened
    finally:
        if isinstance(opened, Closing):
            opened.close()
