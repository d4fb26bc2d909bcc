"""The ledger: what was recorded is there after any end, whole, unchanged, without secrets, and for one worker only."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jobs_cases import HASTY, SECRET, Clock, answer, append_together, hold, plan_of, processes
from qadapt import redact
from qadapt.codec import encode_results
from qadapt.cost import Cost
from qadapt.errors import LedgerError
from qadapt.jobs import Ledger, Plan, State
from qadapt.jobs.ledger import default_path
from qadapt.jobs.payloads import keep
from qadapt.jobs.plan import encode_plan
from qadapt.jobs.records import Change
from qadapt.provider import Result

PLAN = plan_of(3, 1)
RESULTS = [tuple(map(answer, PLAN.works(number))) for number in range(3)]
COSTS = [Cost(shots=20 * n, seconds=1.5, dollars=0.25, rules=("rule, 2026-01-01",)) for n in range(3)]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "pulled" not in request.node.name:
        monkeypatch.setattr("sqlite3.connect", HASTY)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as made:
        yield made


def entered(book: Ledger, plan: Plan = PLAN, **more: Any) -> str:
    return book.add(plan, COSTS, **{"fingerprint": "f", **more})


def same(first: tuple[Result, ...], second: tuple[Result, ...]) -> bool:
    return encode_results(first) == encode_results(second)


def raw_sql(book: Ledger, *statements: str) -> list[Any]:
    database = sqlite3.connect(book.path, isolation_level=None)
    try:
        return [database.execute(statement).fetchall() for statement in statements]
    finally:
        database.close()


TEXT = st.text(max_size=8)


class Written(RuleBasedStateMachine):
    """A ledger against a model of it, opened anew at any time."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.book = Ledger(self.folder / "ledger.db")
        self.runs: dict[str, dict[int, Any]] = {}
        self.events: dict[str, list[Any]] = {}
        self.raw: dict[tuple[str, int], bytes] = {}
        self.labels: dict[str, str] = {}

    @rule(label=st.sampled_from(["", "a", "b%", "_"]), seed=st.integers(0, 2))
    def add(self, label: str, seed: int) -> None:
        run = entered(self.book, plan_of(3, 1, seed=seed), fingerprint=f"seed {seed}", label=label)
        self.runs[run] = dict.fromkeys(range(3), (State.PLANNED, 0, "", "", "", None))
        self.events[run] = []
        self.labels[run] = label

    @rule(
        data=st.data(),
        state=st.sampled_from(State),
        attempt=st.integers(0, 9),
        texts=st.tuples(TEXT, TEXT, TEXT),
        raw=st.none() | st.binary(max_size=20),
    )
    def record(self, data: st.DataObject, state: State, attempt: int, texts: Any, raw: bytes | None) -> None:
        if not self.runs:
            return
        run, number = data.draw(st.sampled_from(sorted(self.runs))), data.draw(st.integers(0, 2))
        results = RESULTS[data.draw(st.integers(0, 2))] if state is State.DONE else None
        tag, job, note = texts
        self.book.record(run, number, state, attempt=attempt, tag=tag, job=job, note=note, results=results, raw=raw)
        self.runs[run][number] = (state, attempt, tag, job, note, results)
        self.events[run].append((number, state, attempt, tag, job, note))
        if raw is not None:
            self.raw[run, number] = raw

    @rule(number=st.integers(3, 9))
    def record_nothing(self, number: int) -> None:
        for run in [*[*self.runs][:1], "nobody"]:
            with pytest.raises(LedgerError, match="no chunk"):
                self.book.record(run, number, State.DONE, results=RESULTS[0], raw=b"lost")

    @rule()
    def reopen(self) -> None:
        self.book.close()
        self.book = Ledger(self.book.path)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if self.runs and data.draw(st.integers(0, 3)) == 0:
            run = data.draw(st.sampled_from(sorted(self.runs)))
            self.book.remove([run])
            del self.runs[run], self.events[run], self.labels[run]
            self.raw = {key: raw for key, raw in self.raw.items() if key[0] != run}

    @invariant()
    def is_read_back(self) -> None:
        entries = self.book.runs()
        assert {entry.id: entry.label for entry in entries} == self.labels
        created = [entry.created for entry in entries]
        assert created == sorted(created, reverse=True)
        for run, chunks in self.runs.items():
            found = self.book.chunks(run)
            assert [chunk.number for chunk in found] == [0, 1, 2]
            assert [chunk.cost for chunk in found] == COSTS
            for chunk in found:
                *said, results = chunks[chunk.number]
                assert [chunk.state, chunk.attempt, chunk.tag, chunk.job, chunk.note] == said
                if results is not None:
                    assert same(self.book.results(run, chunk.number), results)
                else:
                    with pytest.raises(LedgerError, match="no results"):
                        self.book.results(run, chunk.number)
                if (run, chunk.number) in self.raw:
                    assert self.book.raw(run, chunk.number) == self.raw[run, chunk.number]
                else:
                    with pytest.raises(LedgerError, match="no raw answer"):
                        self.book.raw(run, chunk.number)
            events = self.book.events(run)
            assert [(e.chunk, e.state, e.attempt, e.tag, e.job, e.note) for e in events] == self.events[run]
            assert [e.time for e in events] == sorted(e.time for e in events)
        kept = {hash_ for (hash_,) in raw_sql(self.book, "SELECT hash FROM payloads")[0]}
        named = raw_sql(
            self.book,
            "SELECT plan FROM runs UNION SELECT results FROM chunks UNION SELECT raw FROM events",
        )[0]
        assert {hash_ for (hash_,) in named if hash_} <= kept

    def teardown(self) -> None:
        if hasattr(self, "book"):
            self.book.close()
            shutil.rmtree(self.folder)


TestWritten = Written.TestCase
TestWritten.settings = settings(max_examples=12, stateful_step_count=15)


def test_a_run_is_read_back_as_it_was_entered(book):
    run = entered(book, fingerprint="abc", label="first", budget='{"dollars": 1}')
    entry = book.run(run)
    assert (entry.label, entry.fingerprint, entry.budget) == ("first", "abc", '{"dollars": 1}')
    assert (entry.backend, entry.rows, entry.shots) == (PLAN.backend, 3, 20)
    assert encode_plan(book.plan(run)) == encode_plan(PLAN)
    assert book.runs(fingerprint="abc") == [entry]
    assert book.runs(fingerprint="x") == []
    assert entry.delivered is None
    other = entered(book)
    book.deliver(run)
    assert book.run(run).delivered >= entry.created
    assert book.run(other).delivered is None


def test_runs_are_found_by_id_then_label_then_the_beginning_of_an_id(book, monkeypatch):
    ids = iter(["abc111", "abc222", "def333", "fed444"])
    monkeypatch.setattr("qadapt.jobs.ledger.uuid.uuid4", lambda: type("U", (), {"hex": next(ids)}))
    for label in ("", "abc", "100%", "abc"):
        entered(book, label=label)
    # Both have been entered within the clock's resolution, or in order.
    assert book.run("abc111").id == "abc111"
    assert book.run("def").id == "def333"
    with pytest.raises(LedgerError, match=r"2 runs 'abc' in .*: (fed444, abc222|abc222, fed444)"):
        book.run("abc")
    assert book.run("100%").id == "def333"
    with pytest.raises(LedgerError, match="2 runs 'ab'"):
        book.run("ab")
    for nobody in ("", "%", "_bc111", "x", "ABC", "abc1111"):
        with pytest.raises(LedgerError, match="no run"):
            book.run(nobody)


def test_equal_payloads_are_kept_once_and_never_change(book):
    first, second = entered(book), entered(book)
    for run in (first, second):
        book.record(run, 0, State.DONE, results=RESULTS[0], raw=b"same" * 1000)
    size = raw_sql(book, "SELECT count(*), sum(length(data)), sum(size) FROM payloads")[0][0]
    assert size[0] == 3
    assert size[1] < size[2]
    for statement in (
        "UPDATE payloads SET data = x'00'",
        "UPDATE payloads SET hash = 'x'",
        "UPDATE events SET note = ''",
        "DELETE FROM events",
    ):
        with pytest.raises(sqlite3.DatabaseError, match="immutable"):
            raw_sql(book, statement)
    book.remove([first])
    assert same(book.results(second, 0), RESULTS[0])
    assert book.remove([second]) == size[1]
    assert raw_sql(book, "SELECT count(*) FROM payloads", "SELECT count(*) FROM events") == [[(0,)], [(0,)]]


def test_several_changes_are_written_together_in_order_or_not_at_all(book):
    run = entered(book)
    book.write(run, Change(0, State.INTENDED, 1, "t"), Change(1, State.DONE, results=RESULTS[0], raw=b"r"))
    book.write(run, Change(0, State.SUBMITTED, 1, "t", "j", "n"), Change(2, State.INTENDED), durable=False)
    said = [(0, State.INTENDED), (1, State.DONE), (0, State.SUBMITTED), (2, State.INTENDED)]
    assert [(event.chunk, event.state) for event in book.events(run)] == said
    assert [chunk.state for chunk in book.chunks(run)] == [State.SUBMITTED, State.DONE, State.INTENDED]
    first = book.chunks(run)[0]
    assert (first.attempt, first.tag, first.job, first.note) == (1, "t", "j", "n")
    for raw in (None, b"lost"):
        with pytest.raises(LedgerError, match="no chunk"):
            book.write(run, Change(1, State.FAILED, raw=raw), Change(3, State.INTENDED))
    assert len(book.events(run)) == 4
    assert book.chunks(run)[1].state is State.DONE


@pytest.mark.parametrize("durable", [True, False])
def test_a_change_stays_when_the_plug_is_pulled_unless_it_may_come_with_the_next_one(tmp_path, monkeypatch, durable):
    """1 is NORMAL, with which SQLite does not wait in this mode, and 2 FULL."""
    seen = []
    with Ledger(tmp_path / "l.db") as book:
        run = entered(book)

        def keeping(database, data):
            seen.append(database.execute("PRAGMA synchronous").fetchone()[0])
            return keep(database, data)

        monkeypatch.setattr("qadapt.jobs.ledger.keep", keeping)
        book.write(run, Change(0, State.FAILED, raw=b"r"), durable=durable)
        with pytest.raises(LedgerError):
            book.write(run, Change(7, State.FAILED, raw=b"r"), durable=durable)
        assert seen == [2 if durable else 1] * 2
        assert book._database.execute("PRAGMA synchronous").fetchone() == (2,)
        entered(book)
        assert seen[2:] == [1]


def test_raw_answers_of_failed_attempts_stay(book):
    run = entered(book)
    book.record(run, 0, State.FAILED, raw=b"wrong")
    book.record(run, 0, State.INTENDED, attempt=1)
    assert book.raw(run, 0) == b"wrong"
    book.record(run, 0, State.DONE, attempt=1, results=RESULTS[0], raw=b"right")
    assert book.raw(run, 0) == b"right"
    other = entered(book)
    assert book.remove([other]) == 0
    assert len(raw_sql(book, "SELECT hash FROM payloads")[0]) == 4


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[:-3],
    "empty": lambda data: b"",
    "garbage": lambda data: b"garbage",
    "other": lambda data: zlib.compress(b"something else"),
    "one bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_payloads_are_errors_of_the_ledger(book, damage):
    run = entered(book)
    book.record(run, 0, State.DONE, results=RESULTS[0], raw=b"raw")
    database = sqlite3.connect(book.path, isolation_level=None)
    database.execute("DROP TRIGGER payloads_are_immutable")
    database.create_function("spoil", 1, DAMAGE[damage])
    database.execute("UPDATE payloads SET data = spoil(data)")
    database.close()
    for read in (lambda: book.plan(run), lambda: book.results(run, 0), lambda: book.raw(run, 0)):
        with pytest.raises(LedgerError, match="damaged"):
            read()


def test_payloads_of_another_kind_and_damaged_rows_are_errors_of_the_ledger(book):
    run = entered(book)
    book.record(run, 0, State.DONE, results=RESULTS[0], raw=b"raw")
    raw_sql(book, "UPDATE chunks SET results = (SELECT plan FROM runs) WHERE number = 0")
    with pytest.raises(LedgerError, match="damaged"):
        book.results(run, 0)
    raw_sql(book, "UPDATE runs SET plan = (SELECT raw FROM events WHERE raw IS NOT NULL)")
    with pytest.raises(LedgerError, match="damaged"):
        book.plan(run)
    for column in ("state", "cost"):
        raw_sql(book, f"UPDATE chunks SET {column} = 'nonsense'")
        with pytest.raises(LedgerError, match="damaged"):
            book.chunks(run)
    for nobody in (lambda: book.plan("x"), lambda: book.results("x", 0), lambda: book.results(run, 7)):
        with pytest.raises(LedgerError, match="no "):
            nobody()


def test_what_is_no_ledger_is_refused(tmp_path, book):
    for number, text in enumerate([b"not a database" * 100, b"SQLite format 3\0" + b"x" * 200]):
        path = tmp_path / f"{number}.db"
        path.write_bytes(text)
        with pytest.raises(LedgerError, match=path.name):
            Ledger(path)
        assert path.read_bytes() == text
    with pytest.raises(LedgerError, match="QADAPT_LEDGER"):
        Ledger(tmp_path)
    for nowhere in (book.path / "ledger.db", Path("/proc/nobody/ledger.db"), tmp_path / "no" / "ledger.db"):
        with pytest.raises(LedgerError, match=r"^there is no folder "):
            Ledger(nowhere)
    for nothing in (tmp_path / "no.db", tmp_path / "no" / "ledger.db"):
        with pytest.raises(LedgerError, match=f"^there is no ledger {nothing}"):
            Ledger(nothing, make=False)
    assert not any(tmp_path.glob("no*"))
    Ledger(book.path, make=False).close()
    raw_sql(book, "PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match="version 99"):
        Ledger(book.path)


def test_nobody_else_can_read_it(tmp_path, monkeypatch):
    before = os.umask(0)
    try:
        monkeypatch.setenv("QADAPT_HOME", str(tmp_path / "new" / "folder"))
        with Ledger() as book:
            run = entered(book)
            files = {path.name: path.stat().st_mode & 0o777 for path in book.path.parent.iterdir()}
            assert files == dict.fromkeys(["ledger.db", "ledger.db-wal", "ledger.db-shm"], 0o600)
            assert book.path.parent.stat().st_mode & 0o777 == 0o700
            with book.working(run):
                assert (book.path.parent / "ledger.db.locks").stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)


def test_a_commit_stays_when_the_plug_is_pulled(book):
    pragmas = [book._database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]
    assert book._database.execute("PRAGMA foreign_keys").fetchone() == (1,)


@pytest.mark.parametrize(("code", "times", "opens"), [("BUSY", 5, True), ("BUSY", 10**6, False), ("IOERR", 1, False)])
def test_a_file_that_others_make_at_the_same_time_is_waited_for(tmp_path, monkeypatch, code, times, opens):
    """SQLite does not wait by itself when a file gets its write-ahead log; which is rare, so this plays it."""
    said = 0

    class Busy(sqlite3.Connection):
        def execute(self, statement, *values):
            nonlocal said
            if "journal_mode" in statement and said < times:
                said += 1
                error = sqlite3.OperationalError("it is locked")
                error.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{code}")
                raise error
            return super().execute(statement, *values)

    clock = Clock()
    monkeypatch.setattr("qadapt.jobs.database.time", clock)
    monkeypatch.setattr("sqlite3.connect", partial(sqlite3.connect, factory=Busy))
    start = clock.now
    if opens:
        with Ledger(tmp_path / "ledger.db") as book:
            assert book.runs() == []
    else:
        with pytest.raises(LedgerError, match="it is locked"):
            Ledger(tmp_path / "ledger.db")
    waited = clock.now - start
    assert waited == pytest.approx({5: 0.05, 1: 0.0}.get(times, 30), abs=0.02)


def test_a_full_disk_is_an_error_and_leaves_nothing_half_written(book):
    run = entered(book)
    book.record(run, 0, State.INTENDED, tag="t")
    pages = book._database.execute("PRAGMA page_count").fetchone()[0]
    book._database.execute(f"PRAGMA max_page_count = {pages + 2}")
    before = book.chunks(run), book.events(run), raw_sql(book, "SELECT hash FROM payloads")
    noise = np.random.default_rng(1).bytes(100_000)
    for _ in range(2):
        with pytest.raises(LedgerError, match="full"):
            book.record(run, 0, State.DONE, results=RESULTS[0], raw=noise)
        with pytest.raises(LedgerError, match="full"):
            book.add(plan_of(20_000, 1), [Cost()] * 20_000, fingerprint="f")
        assert (book.chunks(run), book.events(run), raw_sql(book, "SELECT hash FROM payloads")) == before
        assert len(book.runs()) == 1
    book._database.execute("PRAGMA max_page_count = 1000000")
    book.record(run, 0, State.DONE, results=RESULTS[0], raw=noise)
    assert book.raw(run, 0) == noise


def test_secrets_never_reach_the_files(book, monkeypatch):
    monkeypatch.setattr(redact, "_secrets", {})
    redact.conceal(SECRET)
    forms = set(redact._forms(SECRET))
    assert len(forms) > 2
    run = entered(book, label=f"of {SECRET}")
    for form in forms:
        raw = b"\xff\x00{'authorization': 'Bearer " + form.encode() + b"'}\xfe"
        book.record(run, 0, State.FAILED, tag=f"t {form}", job=f"j {form}", note=f"n {form}", raw=raw)
        assert book.raw(run, 0) == b"\xff\x00{'authorization': 'Bearer [secret]'}\xfe"
    assert book.run(f"of {SECRET}").id == run
    event = book.events(run)[0]
    assert (event.tag, event.job, event.note) == ("t [secret]", "j [secret]", "n [secret]")
    assert book.chunks(run)[0].note == "n [secret]"
    files = [path.read_bytes() for path in book.path.parent.iterdir() if path.is_file()]
    assert len(files) == 3
    payloads = [
        data if len(data) == size else zlib.decompress(data)
        for data, size in raw_sql(book, "SELECT data, size FROM payloads")[0]
    ]
    for form in forms:
        assert not any(form.encode() in content for content in files + payloads)


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00\x80", bytes(range(256)), "ü".encode("utf-16"), b"\xed\xa0\x80"])
def test_raw_answers_without_secrets_are_kept_byte_by_byte(book, raw, monkeypatch):
    monkeypatch.setattr(redact, "_secrets", {})
    redact.conceal("another one")
    run = entered(book)
    book.record(run, 0, State.FAILED, raw=raw)
    assert book.raw(run, 0) == raw


def test_four_processes_share_a_file(tmp_path):
    context, path, changes = processes(), tmp_path / "ledger.db", 30
    barrier, answers = context.Barrier(4), context.SimpleQueue()
    made = [context.Process(target=append_together, args=(str(path), barrier, answers, changes)) for _ in range(4)]
    for process in made:
        process.start()
    for process in made:
        process.join(60)
    assert [process.exitcode for process in made] == [0] * 4
    runs = {answers.get() for _ in made}
    with Ledger(path) as book:
        assert {entry.id for entry in book.runs(fingerprint="same")} == runs
        for run in runs:
            assert [event.attempt for event in book.events(run)] == list(range(changes))
            assert book.raw(run, 2) == f"{run} {changes - 1}".encode()
        assert raw_sql(book, "PRAGMA integrity_check")[0] == [("ok",)]


def test_one_process_works_on_a_run_and_its_death_gives_it_free(book):
    run, other = entered(book), entered(book)
    context = processes()
    answers = context.SimpleQueue()
    process = context.Process(target=hold, args=(str(book.path), run, answers))
    process.start()
    assert answers.get() == run
    with pytest.raises(LedgerError, match="another process works on run"), book.working(run):
        raise AssertionError
    with book.working(other):
        pass
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    for _ in range(2):
        with book.working(run), pytest.raises(LedgerError, match="works on run"), book.working(run):
            raise AssertionError
    with pytest.raises(KeyError), book.working(run):
        raise KeyError
    with book.working(run):
        book.remove([run])
    assert list((book.path.parent / "ledger.db.locks").iterdir()) == [book._lock(other)]


def test_locks_that_cannot_be_made_are_errors_of_the_ledger(book):
    run = entered(book)
    (book.path.parent / "ledger.db.locks").write_text("in the way")
    with pytest.raises(LedgerError), book.working(run):
        raise AssertionError


def test_a_closed_ledger_says_so(tmp_path):
    with Ledger(tmp_path / "ledger.db") as book:
        pass
    with pytest.raises(LedgerError, match="closed"):
        book.runs()


def test_the_default_ledger_is_where_the_user_says(tmp_path, monkeypatch):
    monkeypatch.setenv("QADAPT_HOME", str(tmp_path / "home"))
    assert default_path() == tmp_path / "home" / "ledger.db"
    monkeypatch.setenv("QADAPT_LEDGER", str(tmp_path / "other.db"))
    with Ledger() as book:
        assert book.path == tmp_path / "other.db"
        assert book.path.is_file()


def test_a_damaged_plan_in_the_right_wrapping_is_an_error_of_the_ledger(book):
    broken = replace(PLAN, chunks=(((0,),),))  # type: ignore[arg-type]
    run = entered(book, broken)
    with pytest.raises(LedgerError, match="damaged"):
        book.plan(run)
