"""Ledger: every run, what was sent for it, and what came back, in one SQLite file that outlives any crash.

What is about to be sent is written before it is sent, durably, so that after a crash nothing is unknown but the fate of
the submits that were under way. State changes are appended and never changed; plans, results and the vendors' raw
answers are kept by their hash, compressed, and never changed either.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from qadapt.codec import decode_results, encode_results
from qadapt.cost import Cost
from qadapt.errors import LedgerError
from qadapt.home import home
from qadapt.jobs.database import WAIT, connect, transaction
from qadapt.jobs.payloads import keep, load, without_secrets
from qadapt.jobs.plan import Plan, decode_plan, encode_plan
from qadapt.jobs.records import Change, Chunk, Entry, Event, State
from qadapt.jobs.schema import migrate
from qadapt.provider import Result
from qadapt.redact import redacted

T = TypeVar("T")


class Ledger:
    """A ledger file; the default one is ``ledger.db`` in qadapt's data folder, or what ``QADAPT_LEDGER`` names.

    An object belongs to one thread; any number of processes may have the same file open.

    Args:
        path: The file.
        make: Make the file if it is not there; the folder only for the default one.

    Raises:
        LedgerError: The file is not there, cannot be opened, is no ledger, or was written by a newer qadapt.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, make: bool = True) -> None:
        self.path = default_path() if path is None else Path(path)
        if not make and not self.path.exists():
            raise LedgerError(f"there is no ledger {self.path}", hint="qadapt run makes one, where --ledger says")
        if path is not None and not self.path.parent.is_dir():
            raise LedgerError(f"there is no folder {self.path.parent} for the ledger", hint="make it, or name another")
        with self._ours():
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = connect(self.path)
            try:
                migrate(self._database)
            except BaseException:
                self._database.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(
        self,
        plan: Plan,
        costs: Sequence[Cost],
        *,
        fingerprint: str,
        label: str = "",
        budget: str = "{}",
        identity: str = "{}",
    ) -> str:
        """Enter a run with all its chunks, planned; returns its id.

        It is on the disk with the first change of a chunk: before that nothing is sent, and nothing can be lost.

        Args:
            plan: What it will send.
            costs: Estimate of each chunk.
            fingerprint: Equal for runs that ask for the same.
            label: Name for people.
            budget: What it may cost, as JSON.
            identity: Account and options that its jobs depend on, as JSON.
        """
        run, now, message = uuid.uuid4().hex[:12], time.time(), encode_plan(plan)
        with self._change(durable=False):
            payload = keep(self._database, message)
            self._database.execute(
                "INSERT INTO runs (id, created, label, fingerprint, backend, identity, rows, shots, plan, budget)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(run, now, redacted(label), fingerprint, plan.backend, redacted(identity)),
                    *(plan.rows, plan.work.shots, payload, budget),
                ),
            )
            self._database.executemany(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, 0, '', '', '', ?, NULL)",
                [(run, number, State.PLANNED, now, cost.model_dump_json()) for number, cost in enumerate(costs)],
            )
        return run

    def record(
        self,
        run: str,
        chunk: int,
        state: State,
        *,
        attempt: int = 0,
        tag: str = "",
        job: str = "",
        note: str = "",
        results: tuple[Result, ...] | None = None,
        raw: bytes | None = None,
    ) -> None:
        """Write down one change of a chunk's state, see ``Change``; it is on the disk when this returns.

        Raises:
            LedgerError: There is no such chunk.
        """
        self.write(run, Change(chunk, state, attempt, tag, job, note, results, raw))

    def write(self, run: str, *changes: Change, durable: bool = True) -> None:
        """Write down changes of the states of a run's chunks, in this order and all or none.

        Args:
            run: Id of the run.
            changes: What is known now.
            durable: Whether they are on the disk when this returns; otherwise they are with the next change that is.

        Raises:
            LedgerError: There is no such chunk.
        """
        # One statement is a transaction by itself, and keeps the interpreter's lock from the other threads but once.
        alone = durable and all(change.results is None and change.raw is None for change in changes)
        now, values = time.time(), list[Any]()
        with self._ours() if alone else self._change(durable=durable):
            for change in changes:
                answer = None if change.raw is None else keep(self._database, without_secrets(change.raw))
                said = redacted(change.tag), redacted(change.job), redacted(change.note)
                values += [now, run, change.chunk, change.state, change.attempt, *said, answer]
            self._database.execute(f"{_EVENTS} {', '.join([_EVENT] * len(changes))}", values)
            for change in changes:
                if change.results is not None:
                    kept = keep(self._database, encode_results(change.results))
                    where = "WHERE run = ? AND number = ?"
                    self._database.execute(f"UPDATE chunks SET results = ? {where}", (kept, run, change.chunk))

    def deliver(self, run: str) -> None:
        """Write down that the counts of a run are handed out now: who asks for the same again wants new ones."""
        with self._change():
            self._database.execute("UPDATE runs SET delivered = ? WHERE id = ?", (time.time(), run))

    def runs(self, *, fingerprint: str | None = None) -> list[Entry]:
        """All runs, or those of one fingerprint, the latest first."""
        where, values = ("WHERE fingerprint = ?", (fingerprint,)) if fingerprint else ("", ())
        return self._all(Entry, f"{_RUNS} {where} ORDER BY created DESC, id", values)

    def run(self, name: str) -> Entry:
        """The run of an id, the only one of a label, or the only one whose id starts with ``name``, in this order.

        Raises:
            LedgerError: There is none, or several.
        """
        found: list[Entry] = []
        for where in (
            "WHERE id = ?1",
            "WHERE label = ?1 ORDER BY created DESC",
            "WHERE substr(id, 1, length(?1)) = ?1",
        ):
            found = found or (self._all(Entry, f"{_RUNS} {where}", (redacted(name),)) if name else [])
        if len(found) != 1:
            said = ", ".join(entry.id for entry in found)
            if not said:
                raise LedgerError(f"no run {name!r} in {self.path}", hint="qadapt jobs list shows them")
            raise LedgerError(f"{len(found)} runs {name!r} in {self.path}: {said}", hint="name one by its id")
        return found[0]

    def chunks(self, run: str) -> list[Chunk]:
        """Chunks of a run, in order."""
        query = "SELECT run, number, state, changed, attempt, tag, job, note, cost FROM chunks WHERE run = ?"
        return self._all(_chunk, f"{query} ORDER BY number", (run,))

    def events(self, run: str) -> list[Event]:
        """Every change of the states of a run's chunks, in order."""
        query = "SELECT time, chunk, state, attempt, tag, job, note FROM events WHERE run = ? ORDER BY id"
        return self._all(lambda *row: Event(row[0], row[1], State(row[2]), *row[3:]), query, (run,))

    def plan(self, run: str) -> Plan:
        """What a run sends.

        Raises:
            LedgerError: There is no such run, or its plan is damaged.
        """
        return self._read(decode_plan, "SELECT plan FROM runs WHERE id = ?", (run,), f"plan of run {run!r}")

    def results(self, run: str, chunk: int) -> tuple[Result, ...]:
        """Results of a chunk that is done.

        Raises:
            LedgerError: There are none, or they are damaged.
        """
        what = f"results of chunk {chunk} of run {run!r}"
        query = "SELECT results FROM chunks WHERE run = ? AND number = ?"
        return self._read(decode_results, query, (run, chunk), what)

    def raw(self, run: str, chunk: int) -> bytes:
        """The vendor's latest answer about a chunk, as it came but for secrets.

        Raises:
            LedgerError: There is none, or it is damaged.
        """
        query = "SELECT raw FROM events WHERE run = ? AND chunk = ? AND raw IS NOT NULL ORDER BY id DESC LIMIT 1"
        return self._read(bytes, query, (run, chunk), f"raw answer of chunk {chunk} of run {run!r}")

    @contextmanager
    def entering(self) -> Iterator[None]:
        """Let no other process enter a run while the body looks for one and enters its own.

        Raises:
            LedgerError: Another process has been at it for ``WAIT`` seconds.
        """
        from filelock import FileLock, Timeout

        path = self._lock("entering")
        with self._ours():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            lock = FileLock(path, timeout=WAIT)
            try:
                lock.acquire()
            except Timeout:
                raise LedgerError(f"another process keeps {self.path} from new runs") from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def working(self, run: str) -> Iterator[None]:
        """Keep a run for this process while the body runs; a process that dies gives it free.

        Raises:
            LedgerError: Another process works on it.
        """
        from filelock import FileLock, Timeout

        path = self._lock(run)
        lock = FileLock(path, timeout=0)
        with self._ours():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                message = f"another process works on run {run}"
                raise LedgerError(message, hint=f"qadapt jobs show {run} shows how far it is") from None
        try:
            yield
        finally:
            lock.release()

    def remove(self, runs: Sequence[str]) -> int:
        """Forget runs and every payload that only they had; returns the bytes of the payloads.

        Whoever calls is working on them.
        """
        with self._change():
            self._database.executemany("DELETE FROM runs WHERE id = ?", [(run,) for run in runs])
            unused = (
                "hash NOT IN (SELECT plan FROM runs UNION SELECT results FROM chunks WHERE results IS NOT NULL"
                " UNION SELECT raw FROM events WHERE raw IS NOT NULL)"
            )
            (size,) = self._database.execute(
                f"SELECT coalesce(sum(length(data)), 0) FROM payloads WHERE {unused}"
            ).fetchone()
            self._database.execute(f"DELETE FROM payloads WHERE {unused}")
        with self._ours():
            for run in runs:
                self._lock(run).unlink(missing_ok=True)
            self._database.execute("VACUUM")
        return int(size)

    def _lock(self, run: str) -> Path:
        return self.path.with_name(f"{self.path.name}.locks") / run

    def _read(self, make: Callable[[bytes], T], query: str, values: tuple[Any, ...], what: str) -> T:
        with self._ours():
            row = self._database.execute(query, values).fetchone()
            try:
                data = load(self._database, row[0]) if row and row[0] else None
                if data is not None:
                    return make(data)
            except ValueError as error:
                raise LedgerError(f"the {what} in {self.path} is damaged: {error}") from error
        raise LedgerError(f"no {what} in {self.path}")

    def _all(self, make: Callable[..., T], query: str, values: tuple[Any, ...]) -> list[T]:
        with self._ours():
            rows = self._database.execute(query, values).fetchall()
        try:
            return [make(*row) for row in rows]
        except (TypeError, ValueError) as error:
            raise LedgerError(f"{self.path} is damaged: {error}") from error

    @contextmanager
    def _change(self, *, durable: bool = True) -> Iterator[None]:
        with self._ours(), transaction(self._database, durable=durable):
            yield

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Raise what SQLite and the file system say as an error of our tree."""
        from sqlite3 import Error

        try:
            yield
        except (Error, OSError, OverflowError, UnicodeError) as error:
            raise LedgerError(f"{self.path}: {error}", hint="QADAPT_LEDGER names another ledger") from error


_EVENTS = "INSERT INTO events (time, run, chunk, state, attempt, tag, job, note, raw) VALUES"
_EVENT = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"

_RUNS = "SELECT id, created, label, fingerprint, backend, rows, shots, budget, identity, delivered FROM runs"


def _chunk(run: str, number: int, state: str, changed: float, *rest: Any) -> Chunk:
    attempt, tag, job, note, cost = rest
    return Chunk(run, number, State(state), changed, attempt, tag, job, note, Cost.model_validate_json(cost))


def default_path() -> Path:
    """The ledger that is used where none is named."""
    named = os.environ.get("QADAPT_LEDGER")
    return Path(named) if named else home() / "ledger.db"
