"""Identity: what a run's jobs depend on beside the name of their backend, and whether it is still the same."""

from __future__ import annotations

import json

from qadapt.errors import LedgerError
from qadapt.jobs.records import Entry
from qadapt.provider import Backend, Identified


def identity(backend: Backend) -> str:
    """Account and options of a backend, as JSON with sorted keys; an empty object for one that has none."""
    return json.dumps(dict(backend.identity()) if isinstance(backend, Identified) else {}, sort_keys=True)


def check_identity(entry: Entry, backend: Backend) -> None:
    """Refuse a backend that would not find a run's jobs, or would run the rest of them in another way.

    Raises:
        LedgerError: It has another name, or belongs to another account or other options.
    """
    if backend.name != entry.backend:
        raise LedgerError(f"run {entry.id} is of {entry.backend}, not of {backend.name}")
    was, now = json.loads(entry.identity), json.loads(identity(backend))
    differ = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
    if differ:
        said = "; ".join(f"{name} was {was.get(name)!r} and is {now.get(name)!r}" for name in differ)
        hint = "set it as it was; a run is finished as it was begun, and only its own account knows its jobs"
        raise LedgerError(f"run {entry.id} of {entry.backend}: {said}", hint=hint)
