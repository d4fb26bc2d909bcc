"""The schema: migrations that several processes may make at once, and changes that are whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from jobs_cases import open_together, processes
from qadapt.errors import LedgerError
from qadapt.jobs import Ledger, schema
from qadapt.jobs.schema import MIGRATIONS, migrate, transaction


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    yield made
    made.close()


def tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_every_statement_of_a_migration_is_made_and_the_version_is_written(database):
    migrate(database)
    assert {"payloads", "runs", "chunks", "events"} <= tables(database)
    assert database.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone() == (5,)
    assert database.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    before = database.execute("SELECT sql FROM sqlite_master").fetchall()
    migrate(database)
    assert database.execute("SELECT sql FROM sqlite_master").fetchall() == before


def test_only_the_migrations_that_are_missing_are_made(database, monkeypatch):
    migrate(database)
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE more (a);\nCREATE TABLE most (a);"))
    migrate(database)
    assert {"more", "most"} <= tables(database)
    assert database.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)


def test_a_migration_that_fails_leaves_the_file_as_it_was(database, monkeypatch):
    migrate(database)
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE more (a);\nCREATE TABLE runs (a);"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(database)
    assert "more" not in tables(database)
    assert database.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_a_file_of_a_newer_qadapt_or_of_something_else_is_refused_and_left_alone(database):
    database.execute("CREATE TABLE recipes (a)")
    with pytest.raises(LedgerError, match="something else"):
        migrate(database)
    assert tables(database) == {"recipes"}
    database.execute("DROP TABLE recipes")
    database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(LedgerError, match="update qadapt"):
        migrate(database)
    assert not tables(database)
    assert not database.in_transaction


@pytest.mark.parametrize("kind", [KeyboardInterrupt, sqlite3.IntegrityError, ValueError])
def test_a_transaction_is_made_whole_or_not_at_all(database, kind):
    database.execute("CREATE TABLE numbers (n)")

    def fail() -> None:
        with transaction(database):
            database.execute("INSERT INTO numbers VALUES (1)")
            raise kind

    with pytest.raises(kind):
        fail()
    assert database.execute("SELECT count(*) FROM numbers").fetchone() == (0,)
    with transaction(database):
        database.execute("INSERT INTO numbers VALUES (1)")
    assert not database.in_transaction
    assert database.execute("SELECT count(*) FROM numbers").fetchone() == (1,)


def test_a_commit_that_fails_is_taken_back(database):
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("CREATE TABLE a (n PRIMARY KEY)")
    database.execute("CREATE TABLE b (n REFERENCES a (n) DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(sqlite3.IntegrityError), transaction(database):
        database.execute("INSERT INTO b VALUES (1)")
    assert not database.in_transaction
    assert database.execute("SELECT count(*) FROM b").fetchone() == (0,)


def test_what_sqlite_took_back_by_itself_keeps_its_own_message(database):
    database.execute("CREATE TABLE numbers (n UNIQUE ON CONFLICT ROLLBACK)")
    database.execute("INSERT INTO numbers VALUES (1)")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"), transaction(database):
        database.execute("INSERT INTO numbers VALUES (1)")


def test_four_processes_may_make_the_file_at_once(tmp_path):
    context = processes()
    for attempt in range(5):
        path, barrier, answers = tmp_path / f"{attempt}.db", context.Barrier(4), context.SimpleQueue()
        made = [context.Process(target=open_together, args=(str(path), barrier, answers)) for _ in range(4)]
        for process in made:
            process.start()
        for process in made:
            process.join(60)
        assert [process.exitcode for process in made] == [0] * 4
        assert [answers.get() for _ in made] == [(len(MIGRATIONS), 0)] * 4
        with Ledger(path) as book:
            assert book.runs() == []
