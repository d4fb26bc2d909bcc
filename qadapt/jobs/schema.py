"""Schema: the tables of the ledger, as the migrations that made them.

Migrations are only ever added. A ledger knows how many it has seen (``user_version``); one that has seen more than this
qadapt knows is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qadapt.errors import LedgerError
from qadapt.jobs.database import transaction

if TYPE_CHECKING:
    from sqlite3 import Connection

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE payloads (
        hash TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        data BLOB NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        created REAL NOT NULL,
        label TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        backend TEXT NOT NULL,
        identity TEXT NOT NULL,
        rows INTEGER NOT NULL,
        shots INTEGER NOT NULL,
        plan TEXT NOT NULL,
        budget TEXT NOT NULL,
        delivered REAL
    ) WITHOUT ROWID;
    CREATE INDEX runs_by_fingerprint ON runs (fingerprint);

    CREATE TABLE chunks (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        state TEXT NOT NULL,
        changed REAL NOT NULL,
        attempt INTEGER NOT NULL,
        tag TEXT NOT NULL,
        job TEXT NOT NULL,
        note TEXT NOT NULL,
        cost TEXT NOT NULL,
        results TEXT,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID;

    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time REAL NOT NULL,
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        chunk INTEGER NOT NULL,
        state TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        tag TEXT NOT NULL,
        job TEXT NOT NULL,
        note TEXT NOT NULL,
        raw TEXT
    );
    CREATE INDEX events_by_chunk ON events (run, chunk);

    CREATE TRIGGER payloads_are_immutable BEFORE UPDATE ON payloads
        BEGIN SELECT RAISE(ABORT, 'payloads are immutable'); END;
    CREATE TRIGGER events_are_immutable BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are immutable'); END;
    CREATE TRIGGER events_end_with_their_run BEFORE DELETE ON events
        WHEN EXISTS (SELECT 1 FROM runs WHERE id = OLD.run)
        BEGIN SELECT RAISE(ABORT, 'events are immutable'); END;
    """,
    """
    CREATE TRIGGER events_are_of_a_chunk BEFORE INSERT ON events
        WHEN NOT EXISTS (SELECT 1 FROM chunks WHERE run = NEW.run AND number = NEW.chunk)
        BEGIN SELECT RAISE(ABORT, 'there is no chunk of this run and number'); END;
    CREATE TRIGGER chunks_are_as_their_last_event_says AFTER INSERT ON events
        BEGIN
            UPDATE chunks SET state = NEW.state, changed = NEW.time, attempt = NEW.attempt, tag = NEW.tag,
                job = NEW.job, note = NEW.note, results = NULL
            WHERE run = NEW.run AND number = NEW.chunk;
        END;
    """,
)
"""SQL from each version of the schema to the next; the first makes the tables of version 1.

Columns that hold a payload's hash are no foreign keys: SQLite would search all of them for each payload that goes.
"""


def migrate(database: Connection) -> None:
    """Bring a file to the newest version; several processes may do so at once.

    Raises:
        LedgerError: The file was written by a newer qadapt, or is of something else.
    """
    if _version(database) == len(MIGRATIONS):
        return
    with transaction(database):
        version = _version(database)  # another process may have been quicker
        if version > len(MIGRATIONS):
            raise LedgerError(
                f"the ledger has version {version}, this qadapt knows versions up to {len(MIGRATIONS)}",
                hint="update qadapt, or name another ledger",
            )
        if version == 0 and database.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
            raise LedgerError("the file is a database of something else", hint="name another ledger")
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(database: Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def _statements(script: str) -> Iterator[str]:
    """Statements of a script one by one: ``executescript`` would commit the transaction that it is in."""
    from sqlite3 import complete_statement

    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if complete_statement(statement):
            yield statement
            statement = ""
