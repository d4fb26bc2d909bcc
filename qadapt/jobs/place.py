"""Place: where runs are recorded, as callers name it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from qadapt.errors import LedgerError
from qadapt.jobs.ledger import Ledger
from qadapt.provider import Backend

Place: TypeAlias = Ledger | str | os.PathLike[str]
"""A ledger, which stays the caller's to close, or the path of its file."""


@contextmanager
def recorded(place: Place | None) -> Iterator[Ledger]:
    """The ledger of runs that are there; the default one where none is named. Nothing is made.

    Raises:
        LedgerError: There is no such ledger, or it cannot be opened.
    """
    if isinstance(place, Ledger):
        yield place
        return
    with Ledger(None if place is None else _path(place, "a Ledger or a path"), make=False) as book:
        yield book


@contextmanager
def recording(place: Place, backend: Backend) -> Iterator[Ledger | None]:
    """The ledger for a new run; made if it is not there, without the folders of a path.

    Args:
        place: ``auto`` is the default ledger for backends whose jobs outlive this process, and none for simulators;
            ``none`` is none.
        backend: Where the run goes.

    Raises:
        LedgerError: It cannot be opened.
    """
    if isinstance(place, Ledger):
        yield place
    elif place == "none" or (place == "auto" and not backend.capabilities.retrieval):
        yield None
    else:
        with Ledger(None if place == "auto" else _path(place, "a Ledger, a path, 'auto' or 'none'")) as book:
            yield book


def _path(place: object, expected: str) -> str | os.PathLike[str]:
    if not isinstance(place, str | os.PathLike) or not os.fspath(place):
        raise LedgerError(f"ledger is {place!r}, expected {expected}")
    return place
