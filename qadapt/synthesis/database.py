"""The file of the cache: what is asked of SQLite, and what is done about files that are damaged or not ours.

Readers never wait (write-ahead log); writers wait for each other at most ``TIMEOUT`` per transaction. Every connection
is short, so that nothing is shared by threads or carried into other processes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qadapt.errors import QadaptError

if TYPE_CHECKING:
    from sqlite3 import Connection

SCHEMA = 1
"""Version of the tables and of what the angles of an ansatz mean; a file has one version only."""

APPLICATION = int.from_bytes(b"qadp", "big")
"""What marks an SQLite file as ours (``PRAGMA application_id``)."""

TIMEOUT = 5.0
"""Seconds that a transaction waits for those of other processes."""

HINT = "delete the file if it is damaged, or set QADAPT_CACHE to another folder"

_ROWS = 1024  # rows per transaction
_KEYS = 512  # keys per query; SQLite before 3.32 takes at most 999
_EVICTED = 64  # rows per step of eviction
_SLACK = 16  # eviction frees one part in so many beyond the limit, so that not every call evicts
_STALE = 3600  # seconds after which a look-up renews the time of last use, so that most of them write nothing

_TABLES = (
    "CREATE TABLE IF NOT EXISTS ansaetze (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, facts TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS blocks (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, ansatz INTEGER NOT NULL,"
    " used INTEGER NOT NULL, angles BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS blocks_by_use ON blocks (used)",
)

_SETTINGS = (
    "synchronous = NORMAL",  # after a power cut the last blocks may be missing, the file is whole
    "wal_autocheckpoint = 4000",  # pages; at the default of 1000 half of the time of storing is spent there
)


@contextmanager
def opened(path: Path, *, create: bool = False) -> Iterator[Connection]:
    """Connection to a cache file.

    Raises:
        QadaptError: Whatever fails before or within the ``with`` block because of the file: it cannot be opened, read
            or written, is damaged, is not ours or of another version.
    """
    try:
        import sqlite3
    except ImportError as error:
        raise QadaptError(f"no cache of blocks: this Python has no sqlite3 ({error})") from error
    try:
        if str(path).startswith("~"):
            raise OSError("there is no such home folder")
        if create:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
        with closing(sqlite3.connect(uri, uri=True, timeout=TIMEOUT, isolation_level=None)) as connection:
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
            _prepare(connection, path)
            yield connection
    except (sqlite3.Error, OSError, UnicodeError) as error:  # the last from messages that quote a damaged file
        raise QadaptError(f"cannot use the cache of blocks {path}: {error}", hint=HINT) from error


def look_up(connection: Connection, keys: list[bytes], size: int) -> dict[bytes, bytes]:
    """Angles of ``size`` bytes by key, for the keys that are there."""
    now, stale = int(time.time()), []
    found: dict[bytes, bytes] = {}
    for start in range(0, len(keys), _KEYS):
        some = keys[start : start + _KEYS]
        rows = connection.execute(f"SELECT key, angles, used FROM blocks WHERE key IN ({_marks(some)})", some)
        for key, angles, used in rows:
            if isinstance(angles, bytes) and len(angles) == size:
                found[key] = angles
                if not isinstance(used, int) or used < now - _STALE:
                    stale.append((now, key))
    if stale:
        from sqlite3 import Error

        connection.execute("PRAGMA busy_timeout = 0")
        with suppress(Error), _transaction(connection):  # worth neither waiting for a writer nor failing
            connection.executemany("UPDATE blocks SET used = ? WHERE key = ?", stale)
    return found


def store(connection: Connection, text: str, facts: str, rows: Sequence[tuple[bytes, bytes]], limit: int) -> None:
    """Write entries of one ansatz, in place of those of the same key, and evict what exceeds a limit.

    Args:
        connection: From ``opened``.
        text: What tells the ansatz from all others.
        facts: What the summary tells of it.
        rows: Keys and angles.
        limit: Bytes that the file may have; those used longest ago go first.
    """
    for start in range(0, len(rows), _ROWS):
        with _transaction(connection):
            _insert(connection, text, facts, rows[start : start + _ROWS])
            _evict(connection, limit)


def remove(connection: Connection, older_than: float) -> int:
    """Remove the entries last used so many days ago or earlier, or for 0 all; tells how many they were."""
    with _transaction(connection):
        if older_than > 0:
            before = time.time() - older_than * 86400
            removed = connection.execute("DELETE FROM blocks WHERE used <= ?", (before,)).rowcount
        else:
            removed = connection.execute("DELETE FROM blocks").rowcount
        connection.execute("DELETE FROM ansaetze WHERE id NOT IN (SELECT ansatz FROM blocks)")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return removed


def totals(connection: Connection) -> tuple[list[tuple[str, int, int, int]], int]:
    """Facts, number of entries, bytes and time of last use per ansatz, as they are in the file; and its size."""
    rows = connection.execute(
        "SELECT facts, count(*), sum(length(key) + length(angles)), max(used)"
        " FROM blocks JOIN ansaetze ON ansaetze.id = blocks.ansatz GROUP BY ansaetze.id"
    ).fetchall()
    return rows, _pragma(connection, "page_count") * _pragma(connection, "page_size")


def _prepare(connection: Connection, path: Path) -> None:
    """Leave a connection to a file with our tables; refuse a file of somebody else or of another version."""
    with _transaction(connection, "DEFERRED"):  # all three from one moment, as another process may be making them
        application, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
        empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    if (application, version) == (APPLICATION, SCHEMA):
        return
    if application == APPLICATION:
        raise QadaptError(
            f"the cache of blocks {path} has version {version}, and this qadapt uses version {SCHEMA}",
            hint="update qadapt, or set QADAPT_CACHE to another folder",
        )
    if application or version or not empty:
        raise QadaptError(f"{path} is a database, but not a cache of blocks", hint="set QADAPT_CACHE to another folder")
    connection.execute("PRAGMA auto_vacuum = FULL")  # free pages leave the file; only before the first page is written
    connection.execute("PRAGMA journal_mode = WAL")
    with _transaction(connection):
        for table in _TABLES:
            connection.execute(table)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


@contextmanager
def _transaction(connection: Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    yield
    connection.execute("COMMIT")  # after an exception the connection is closed, which rolls back


def _insert(connection: Connection, text: str, facts: str, rows: Sequence[tuple[bytes, bytes]]) -> None:
    connection.execute("INSERT OR IGNORE INTO ansaetze (text, facts) VALUES (?, ?)", (text, facts))
    ((number,),) = connection.execute("SELECT id FROM ansaetze WHERE text = ?", (text,))
    now = int(time.time())
    connection.executemany(
        "INSERT OR REPLACE INTO blocks (key, ansatz, used, angles) VALUES (?, ?, ?, ?)",
        ((key, number, now, angles) for key, angles in rows),
    )


def _evict(connection: Connection, limit: int) -> None:
    """Remove what was used longest ago until the pages in use are within a limit of bytes, within a transaction."""

    def size() -> int:
        pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
        return pages * _pragma(connection, "page_size")

    if size() <= limit:
        return
    oldest = f"SELECT id FROM blocks ORDER BY used, id LIMIT {_EVICTED}"
    while size() > limit - limit // _SLACK:
        if not connection.execute(f"DELETE FROM blocks WHERE id IN ({oldest})").rowcount:
            break


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
