"""Prune: forget runs that nobody needs, and never one that a vendor may still be working on unless it is named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack, closing

from qadapt.errors import LedgerError
from qadapt.jobs.ledger import Ledger
from qadapt.jobs.records import Entry, State

_WEIGHT = """
    WITH gone AS (SELECT value FROM json_each(:runs)),
    kept AS (
        SELECT plan AS hash FROM runs WHERE id NOT IN gone
        UNION SELECT results FROM chunks WHERE run NOT IN gone AND results IS NOT NULL
        UNION SELECT raw FROM events WHERE run NOT IN gone AND raw IS NOT NULL
    )
    SELECT coalesce(sum(length(data)), 0) FROM payloads WHERE hash NOT IN kept
"""


def prunable(ledger: Ledger, *, before: float) -> list[Entry]:
    """Runs all of whose chunks are done, the last change of them before a time in seconds since 1970."""
    return [
        entry
        for entry in ledger.runs()
        if (chunks := ledger.chunks(entry.id))
        and all(chunk.state is State.DONE and chunk.changed < before for chunk in chunks)
    ]


def weight(ledger: Ledger, runs: Sequence[str]) -> int:
    """Bytes of the payloads that only these runs have: what ``remove`` would say, without removing anything.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{ledger.path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            (size,) = database.execute(_WEIGHT, {"runs": json.dumps(list(runs))}).fetchone()
    except sqlite3.Error as error:
        raise LedgerError(f"{ledger.path}: {error}") from error
    return int(size)


def prune(ledger: Ledger, runs: Sequence[str]) -> int:
    """Forget runs by their ids; returns the bytes of their payloads.

    Raises:
        LedgerError: Another process works on one of them; nothing is forgotten then.
    """
    with ExitStack() as held:
        for run in runs:
            held.enter_context(ledger.working(run))
        return ledger.remove(runs)
