"""Database: SQLite files that several processes change, and that keep what they were told when the plug is pulled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Connection

WAIT = 30.0
"""Seconds that a process waits for another one's change."""

LOG_PAGES = 16_384
"""Pages of 4 KiB that the write-ahead log grows to before it is copied into the file: 64 MiB."""

PAUSE = 0.01
"""Seconds between two tries where SQLite does not wait by itself."""


def connect(path: Path) -> Connection:
    """Open a file, or make one; only this user may read it.

    Raises:
        sqlite3.Error: It cannot be opened.
        OSError: It cannot be made this user's own.
    """
    import sqlite3

    database = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
    try:
        path.chmod(0o600)
        _write_ahead(database)
        # The plug may be pulled: a commit is on the disk when it returns.
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        # The log is copied into the file when the last process closes it, not in the middle of a submit.
        database.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def transaction(database: Connection, *, durable: bool = True) -> Iterator[None]:
    """Do what is inside as one change, or not at all; waits for other processes first.

    Args:
        database: What is changed.
        durable: Whether it is on the disk when this returns. Otherwise it is there with the next change that is, and
            until then a crash of the process does not take it back, but a crash of the machine may.
    """
    if not durable:
        database.execute("PRAGMA synchronous = NORMAL")
        try:
            with transaction(database):
                yield
        finally:
            database.execute("PRAGMA synchronous = FULL")
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # not after a full disk, for one
            database.execute("ROLLBACK")
        raise


def _write_ahead(database: Connection) -> None:
    """Switch a file to a write-ahead log; SQLite itself does not wait for other processes that read it just now."""
    import sqlite3

    end = time.monotonic() + WAIT
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(PAUSE)
