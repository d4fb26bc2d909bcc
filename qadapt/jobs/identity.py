"""Identity: what a run's jobs depend on beside the name of their backend, and whether it is still the same."""

from __future__ import annotations

import json

from qadapt.deadline import within
from qadapt.errors import LedgerError
from qadapt.jobs.records import Entry
from qadapt.provider import Backend, Identified


def identity(backend: Backend, deadline: float) -> str:
    """Account and options of a backend, as JSON with sorted keys; an empty object for one that has none.

    Args:
        backend: Whose they are; the first time it may ask its vendor.
        deadline: Seconds that this may take.

    Raises:
        ProviderError: The vendor does not say whose account it is.
    """
    if not isinstance(backend, Identified):
        return "{}"
    said = within(deadline, backend.identity, what=f"identity of {backend.name}", provider=backend.name)
    return json.dumps(dict(said), sort_keys=True)


def check_identity(entry: Entry, backend: Backend, deadline: float) -> None:
    """Refuse a backend that would not find a run's jobs, or would run the rest of them in another way.

    Raises:
        LedgerError: It has another name, or belongs to another account or other options.
        ProviderError: The vendor does not say whose account it is.
    """
    if backend.name != entry.backend:
        raise LedgerError(f"run {entry.id} is of {entry.backend}, not of {backend.name}")
    was, now = json.loads(entry.identity), json.loads(identity(backend, deadline))
    differ = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
    if differ:
        said = "; ".join(f"{name} was {was.get(name)!r} and is {now.get(name)!r}" for name in differ)
        hint = "set it as it was; a run is finished as it was begun, and only its own account knows its jobs"
        raise LedgerError(f"run {entry.id} of {entry.backend}: {said}", hint=hint)
