"""The cache of blocks: what goes in comes out, to many processes at once, and nothing that a file can be is fatal."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.errors import BindingsError, QadaptError
from qadapt.synthesis import cache as module
from qadapt.synthesis import database
from qadapt.synthesis.ansatz import Ansatz, brick_wall
from qadapt.synthesis.arrays import Floats
from qadapt.synthesis.cache import Cache, Holding, Summary, default_path
from qadapt.synthesis.database import APPLICATION, SCHEMA

LINE = brick_wall(3, 14)
HOUR = 3600
NOON = 1_775_000_000


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "folder" / "blocks.db", limit=1 << 24)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the cache takes for the time; tests set ``now``."""
    made = SimpleNamespace(now=NOON)
    monkeypatch.setattr(database, "time", SimpleNamespace(time=lambda: made.now))
    return made


def drawn(ansatz: Ansatz, rows: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Blocks and angles; that they do not belong together is nothing that a cache could know."""
    rng = np.random.default_rng(seed)
    dim = 1 << ansatz.num_qubits
    return rng.normal(size=(rows, dim, dim)), rng.normal(size=(rows, ansatz.size))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert {record.name for record in caplog.records} <= {"qadapt.synthesis.cache"}
    assert {record.levelno for record in caplog.records} <= {logging.WARNING}
    return caplog.messages


def connected(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, isolation_level=None))


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start Python with these words after ``-c code``."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@st.composite
def ansaetze(draw: st.DrawFn) -> Ansatz:
    num_qubits = draw(st.integers(1, 3))
    pairs = [(a, b) for a in range(num_qubits) for b in range(num_qubits) if a != b]
    return Ansatz(num_qubits, tuple(draw(st.lists(st.sampled_from(pairs), max_size=6))) if pairs else ())


@given(
    ansaetze(),
    st.lists(st.integers(0, 30), max_size=20),
    st.lists(st.integers(0, 30), max_size=20),
    st.integers(0, 2**32),
)
def test_what_was_put_is_found_and_nothing_else(ansatz: Ansatz, put: list[int], asked: list[int], seed: int) -> None:
    blocks, angles = drawn(ansatz, 31, seed)
    with TemporaryDirectory() as folder:
        cache = Cache(Path(folder, "blocks.db"))
        cache.put(ansatz, blocks[put], angles[put])
        there, found = cache.get(ansatz, blocks[asked])
    assert there.dtype == bool
    assert there.tolist() == [row in put for row in asked]
    assert np.array_equal(found, np.where(there[:, None], angles[asked], 0))


def test_many_rows_are_found_across_transactions_and_queries(cache: Cache) -> None:
    blocks, angles = drawn(brick_wall(2, 2), 2500)
    cache.put(brick_wall(2, 2), blocks, angles)
    there, found = cache.get(brick_wall(2, 2), blocks[::-1])
    assert there.all()
    assert np.array_equal(found, angles[::-1])


MINE = Ansatz(3, ((0, 1), (1, 2), (1, 2), (0, 1)), flips=(0, 3))


@pytest.mark.parametrize(
    "other",
    [
        Ansatz(3, MINE.edges),
        Ansatz(3, MINE.edges, flips=(1, 2)),
        Ansatz(3, MINE.edges, flips=(0, 3), free=True),
        Ansatz(3, ((1, 0), *MINE.edges[1:]), flips=(0, 3)),
        Ansatz(3, MINE.edges * 2, flips=(0, 3)),
    ],
)
def test_another_ansatz_has_other_entries(other: Ansatz, cache: Cache) -> None:
    blocks, angles = drawn(MINE, 4)
    cache.put(MINE, blocks, angles)
    assert not cache.get(other, blocks)[0].any()
    cache.put(other, blocks, np.full((4, other.size), 2.0))
    assert np.array_equal(cache.get(MINE, blocks)[1], angles)
    assert np.array_equal(cache.get(other, blocks)[1], np.full((4, other.size), 2.0))


def test_another_version_has_other_keys(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    block = drawn(LINE, 1)[0]
    before = module._keys(LINE, block)
    monkeypatch.setattr(module, "SCHEMA", SCHEMA + 1)
    assert module._keys(LINE, block) != before


def test_only_equal_blocks_are_found(cache: Cache) -> None:
    blocks, angles = drawn(LINE, 64)
    cache.put(LINE, blocks, angles)
    for entry in range(64):
        blocks[entry, entry // 8, entry % 8] = np.nextafter(blocks[entry, entry // 8, entry % 8], np.inf)
    assert not cache.get(LINE, blocks)[0].any()


def test_equal_blocks_are_found_however_they_are_stored(cache: Cache) -> None:
    blocks, angles = drawn(LINE, 8)
    blocks[:, :4] = 0.0
    cache.put(LINE, blocks, angles)
    signed = blocks.copy()
    signed[:, :4] = -0.0
    for same in (signed, blocks.astype(">f8"), np.asfortranarray(blocks), np.repeat(blocks, 2, axis=0)[::2]):
        there, found = cache.get(LINE, same)
        assert there.all()
        assert np.array_equal(found, angles)
    assert np.signbit(signed[0, 0, 0]), "the caller's array is left as it was"


def test_a_later_put_replaces_an_earlier_one(cache: Cache) -> None:
    blocks, angles = drawn(LINE, 5)
    cache.put(LINE, blocks, angles)
    cache.put(LINE, blocks[1:3], -angles[1:3])
    assert np.array_equal(cache.get(LINE, blocks)[1], angles * [[1], [-1], [-1], [1], [1]])
    assert cache.summary().entries == 5


def test_the_angles_found_are_the_callers_to_change(cache: Cache) -> None:
    blocks, angles = drawn(LINE, 2)
    cache.put(LINE, blocks, angles)
    cache.get(LINE, blocks)[1][:] = 7
    assert np.array_equal(cache.get(LINE, blocks)[1], angles)


def test_no_rows_are_no_work(cache: Cache) -> None:
    blocks, angles = drawn(LINE, 0)
    cache.put(LINE, blocks, angles)
    there, found = cache.get(LINE, blocks)
    assert (there.shape, found.shape) == ((0,), (0, LINE.size))
    assert not cache.path.parent.exists()


def test_nothing_is_made_before_the_first_put(cache: Cache) -> None:
    assert not cache.get(LINE, drawn(LINE, 3)[0])[0].any()
    assert cache.summary() == Summary()
    assert cache.clear() == 0
    assert not cache.path.parent.exists()
    cache.put(LINE, *drawn(LINE, 3))
    assert os.listdir(cache.path.parent) == ["blocks.db"], "no log is left behind"


@pytest.mark.parametrize("shape", [(8, 8), (2, 8, 4), (2, 4, 4), (2, 64)])
def test_blocks_of_another_shape_are_refused(shape: tuple[int, ...], cache: Cache) -> None:
    with pytest.raises(BindingsError, match="expected blocks of shape"):
        cache.get(LINE, np.zeros(shape))
    with pytest.raises(BindingsError, match="expected blocks of shape"):
        cache.put(LINE, np.zeros(shape), np.zeros((2, LINE.size)))


@pytest.mark.parametrize("shape", [(2, 30), (3, 31), (31,)])
def test_angles_of_another_shape_are_refused(shape: tuple[int, ...], cache: Cache) -> None:
    with pytest.raises(BindingsError, match="expected angles of shape"):
        cache.put(LINE, np.zeros((2, 8, 8)), np.zeros(shape))


# Where it is, and how large.


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"QADAPT_CACHE": "/a/b"}, "/a/b/blocks.db"),
        ({"QADAPT_CACHE": "/a/b", "XDG_CACHE_HOME": "/x"}, "/a/b/blocks.db"),
        ({"QADAPT_CACHE": "~/b"}, "/home/ann/b/blocks.db"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/qadapt/blocks.db"),
        ({"QADAPT_CACHE": "", "XDG_CACHE_HOME": "/x"}, "/x/qadapt/blocks.db"),
        ({"XDG_CACHE_HOME": "x"}, "/home/ann/.cache/qadapt/blocks.db"),
        ({}, "/home/ann/.cache/qadapt/blocks.db"),
    ],
)
def test_the_environment_says_where_it_is(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    for name in ("QADAPT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert default_path() == Path(expected)
    assert Cache().path == Path(expected)
    assert Cache(Path("/other/file")).path == Path("/other/file")


@pytest.mark.parametrize(("text", "expected"), [("3", 3 << 20), ("0.5", 1 << 19), ("0", 0), ("", 256 << 20)])
def test_the_environment_says_how_large_it_may_be(text: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QADAPT_CACHE_MB", text)
    assert Cache().limit == expected
    assert Cache(limit=12345).limit == 12345


@pytest.mark.parametrize("text", ["much", "nan", "inf", "-1"])
def test_a_limit_that_is_no_number_is_told_once(
    text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_told", set())
    monkeypatch.setenv("QADAPT_CACHE_MB", text)
    assert [Cache().limit, Cache().limit] == [256 << 20] * 2
    (said,) = warnings(caplog)
    assert f"QADAPT_CACHE_MB is {text!r}" in said


def test_without_room_nothing_is_kept(cache: Cache) -> None:
    none = Cache(cache.path, limit=0)
    blocks, angles = drawn(LINE, 2)
    none.put(LINE, blocks, angles)
    assert not cache.path.exists()
    cache.put(LINE, blocks, angles)
    assert not none.get(LINE, blocks)[0].any()


def test_the_file_stays_within_the_limit(tmp_path: Path, clock: SimpleNamespace) -> None:
    cache = Cache(tmp_path / "blocks.db", limit=400_000)
    blocks, angles = drawn(LINE, 4000)
    for start in range(0, 4000, 250):
        rows = slice(start, start + 250)
        cache.put(LINE, blocks[rows], angles[rows])
        clock.now += 1
        assert cache.path.stat().st_size <= 400_000
        assert cache.summary().bytes == cache.path.stat().st_size
        assert cache.get(LINE, blocks[rows])[0].all(), "the newest stay"
    there = cache.get(LINE, blocks)[0]
    kept = int(there.sum())
    assert not there[: 4000 - kept].any(), "the oldest go first"
    assert 400_000 / 378 * 0.8 < kept < 400_000 / 300, "and no more of them than needed, give or take a part"


def test_one_put_beyond_the_limit_keeps_the_end_of_it(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "blocks.db", limit=300_000)
    blocks, angles = drawn(LINE, 3000)
    cache.put(LINE, blocks, angles)
    there = cache.get(LINE, blocks)[0]
    assert there[-500:].all()
    assert not there[:1500].any()
    assert cache.path.stat().st_size <= 300_000


def test_a_limit_below_an_empty_file_keeps_nothing_and_ends(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "blocks.db", limit=1)
    blocks, angles = drawn(LINE, 200)
    cache.put(LINE, blocks, angles)
    assert not cache.get(LINE, blocks)[0].any()
    assert cache.path.stat().st_size < 40_000


def test_what_is_looked_up_stays_longer(tmp_path: Path, clock: SimpleNamespace) -> None:
    cache = Cache(tmp_path / "blocks.db", limit=400_000)
    blocks, angles = drawn(LINE, 1300)
    cache.put(LINE, blocks[:700], angles[:700])
    clock.now += 2 * HOUR
    assert cache.get(LINE, blocks[:100])[0].all()
    clock.now += 1
    cache.put(LINE, blocks[700:], angles[700:])
    there = cache.get(LINE, blocks)[0]
    assert there[:100].all()
    assert not there[100:400].any()


def test_looking_up_writes_only_once_in_an_hour(cache: Cache, clock: SimpleNamespace) -> None:
    blocks, angles = drawn(LINE, 3)
    cache.put(LINE, blocks, angles)

    def used() -> list[int]:
        cache.get(LINE, blocks[:2])
        with connected(cache.path) as connection:
            return [used for (used,) in connection.execute("SELECT used FROM blocks ORDER BY id")]

    assert used() == [NOON] * 3
    clock.now = NOON + HOUR
    assert used() == [NOON] * 3
    clock.now = NOON + HOUR + 1
    assert used() == [NOON + HOUR + 1, NOON + HOUR + 1, NOON]


# What is there.


def test_the_summary_counts(cache: Cache, clock: SimpleNamespace) -> None:
    small, free = brick_wall(2, 2), Ansatz(3, ((0, 1), (1, 2), (0, 1)), flips=(0, 2), free=True)
    later = datetime.fromtimestamp(NOON + 60, UTC)
    cache.put(LINE, *drawn(LINE, 10))
    clock.now += 60
    cache.put(free, *drawn(free, 1))
    cache.put(small, *drawn(small, 3))
    cache.put(LINE, *drawn(LINE, 4, seed=1))
    found = cache.summary()
    assert found == Summary(
        (
            Holding("ry", 2, small.edges, (("cz", 2),), 3, 3 * (32 + 8 * small.size), later),
            Holding("ry", 3, LINE.edges, (("cz", 14),), 14, 14 * (32 + 8 * LINE.size), later),
            Holding("rzz", 3, free.edges, (("cz", 2), ("rzz", 1)), 1, 32 + 8 * free.size, later),
        ),
        cache.path.stat().st_size,
    )
    assert found.entries == 18
    assert [holding.entangling for holding in found.holdings] == [2, 14, 3]


def test_clear_removes_all_and_gives_the_room_back(cache: Cache) -> None:
    blocks, angles = drawn(LINE, 3000)
    cache.put(LINE, blocks, angles)
    assert cache.path.stat().st_size > 900_000
    assert cache.clear() == 3000
    assert cache.path.stat().st_size < 40_000
    assert not cache.get(LINE, blocks)[0].any()
    assert cache.summary().holdings == ()
    with connected(cache.path) as connection:
        assert connection.execute("SELECT count(*) FROM ansaetze").fetchone() == (0,)
    assert cache.clear() == 0
    cache.put(LINE, blocks[:2], angles[:2])
    assert cache.get(LINE, blocks)[0].sum() == 2


def test_clear_removes_what_was_not_used_for_days(cache: Cache, clock: SimpleNamespace) -> None:
    blocks, angles = drawn(LINE, 6)
    for start in (0, 2, 4):
        cache.put(LINE, blocks[start : start + 2], angles[start : start + 2])
        clock.now += 24 * HOUR
    assert cache.clear(older_than=3.5) == 0
    assert cache.clear(older_than=2) == 4
    assert cache.get(LINE, blocks)[0].tolist() == [False] * 4 + [True] * 2


# What a file can be.


def text(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)


def short(path: Path) -> None:
    path.write_bytes(b"mine")


def folder(path: Path) -> None:
    path.mkdir()


def other_database(path: Path) -> None:
    with connected(path) as connection:
        connection.execute("CREATE TABLE blocks (key, angles, used)")


def other_application(path: Path) -> None:
    with connected(path) as connection:
        connection.execute("PRAGMA application_id = 1234567")


def newer_version(path: Path) -> None:
    Cache(path).put(LINE, *drawn(LINE, 2))
    with connected(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")


def without_tables(path: Path) -> None:
    with connected(path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


def truncated(path: Path) -> None:
    Cache(path).put(LINE, *drawn(LINE, 100))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    Cache(path).put(LINE, *drawn(LINE, 100))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


def rewritten(path: Path) -> None:
    """SQLite's complaint about it quotes what cannot be decoded."""
    Cache(path).put(LINE, *drawn(LINE, 1))
    with connected(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET name = CAST(x'ff' AS TEXT), sql = 'CREATE' WHERE name = 'blocks'")


BAD: Sequence[Callable[[Path], None]] = (
    *(text, short, folder, other_database, other_application, newer_version),
    *(without_tables, truncated, overwritten, rewritten),
)


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_bad_file_finds_nothing_stores_nothing_and_says_so_once(
    make: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "blocks.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    blocks, angles = drawn(LINE, 2)
    for cache in (Cache(path), Cache(path)):
        there, found = cache.get(LINE, blocks)
        assert not there.any()
        assert not found.any()
        cache.put(LINE, blocks, angles)
    (said,) = warnings(caplog)
    assert str(path) in said
    assert "QADAPT_CACHE" in said
    assert sorted(os.listdir(tmp_path)) == ["blocks.db"]
    assert (path.read_bytes() if path.is_file() else b"") == before
    for call in (cache.summary, cache.clear):
        with pytest.raises(QadaptError, match=r"blocks\.db"):
            call()


def test_a_newer_version_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    newer_version(tmp_path / "blocks.db")
    Cache(tmp_path / "blocks.db").get(LINE, drawn(LINE, 1)[0])
    assert f"has version {SCHEMA + 1}, and this qadapt uses version {SCHEMA}" in warnings(caplog)[0]


def test_an_empty_file_becomes_a_cache(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = Cache(tmp_path / "blocks.db")
    cache.path.touch()
    blocks, angles = drawn(LINE, 2)
    assert not cache.get(LINE, blocks)[0].any()
    cache.put(LINE, blocks, angles)
    assert np.array_equal(cache.get(LINE, blocks)[1], angles)
    assert not warnings(caplog)


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_is_never_fatal(seed: int, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "blocks.db", limit=120_000)
    blocks, angles = drawn(LINE, 300)
    cache.put(LINE, blocks, angles)
    rng = np.random.default_rng(seed)
    content = np.frombuffer(cache.path.read_bytes(), np.uint8).copy()
    for _ in range(20):
        at, length = int(rng.integers(len(content))), int(2 ** rng.integers(10))
        content[at : at + length] = rng.integers(256, size=len(content[at : at + length]))
    cache.path.write_bytes(content.tobytes())
    for _ in range(2):
        there, found = cache.get(LINE, blocks)
        assert np.isfinite(found).all()
        assert not found[~there].any()
        cache.put(LINE, blocks, angles)


@pytest.mark.parametrize(
    "wrong",
    [
        np.full(LINE.size, np.nan).tobytes(),
        np.r_[np.zeros(LINE.size - 1), np.inf].tobytes(),
        b"",
        bytes(8 * LINE.size - 1),
        bytes(8 * LINE.size + 8),
        "x" * (8 * LINE.size),
        7,
    ],
    ids=["nan", "inf", "empty", "short", "long", "text", "number"],
)
def test_entries_that_cannot_be_angles_are_absent(wrong: object, cache: Cache) -> None:
    blocks, angles = drawn(LINE, 3)
    cache.put(LINE, blocks, angles)
    with connected(cache.path) as connection:
        connection.execute("UPDATE blocks SET angles = ? WHERE id = 2", (wrong,))
    there, found = cache.get(LINE, blocks)
    assert there.tolist() == [True, False, True]
    assert np.array_equal(found, angles * there[:, None])
    cache.put(LINE, blocks, angles)
    assert cache.get(LINE, blocks)[0].all(), "and can be replaced"


def test_angles_that_are_not_finite_are_not_stored(cache: Cache) -> None:
    blocks, angles = drawn(LINE, 3)
    angles[1, 4] = np.nan
    cache.put(LINE, blocks, angles)
    assert cache.get(LINE, blocks)[0].tolist() == [True, False, True]
    assert cache.summary().entries == 2


@pytest.mark.parametrize(
    "facts",
    ["'['", "x'ff'", "'[]'", "'7'", """'["ry", "x", [], []]'""", """'["ry", 1, [[0]], []]'""", "'{}'"],
)
def test_a_summary_of_nonsense_is_an_error_of_ours(facts: str, cache: Cache) -> None:
    cache.put(LINE, *drawn(LINE, 1))
    with connected(cache.path) as connection:
        connection.execute(f"UPDATE ansaetze SET facts = {facts}")
    with pytest.raises(QadaptError, match="damaged"):
        cache.summary()


def test_a_folder_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # Below a regular file, because root may write into a read-only folder.
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "folder" / "blocks.db")
    blocks, angles = drawn(LINE, 2)
    assert not cache.get(LINE, blocks)[0].any()
    for _ in range(2):
        cache.put(LINE, blocks, angles)
    assert len(warnings(caplog)) == 1


def test_without_a_home_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("QADAPT_CACHE", "~no such user/folder")
    monkeypatch.chdir(tmp_path)
    blocks, angles = drawn(LINE, 2)
    Cache().put(LINE, blocks, angles)
    assert not Cache().get(LINE, blocks)[0].any()
    assert os.listdir(tmp_path) == []
    assert "no such home" in warnings(caplog)[0]


def test_without_sqlite_nothing_is_kept(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache.path.parent.mkdir()
    cache.path.touch()
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    blocks, angles = drawn(LINE, 2)
    cache.put(LINE, blocks, angles)
    assert not cache.get(LINE, blocks)[0].any()
    assert "no sqlite3" in warnings(caplog)[0]


def test_an_odd_path_is_a_path(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "50% ä?mode=ro#1" / "b c.db")
    blocks, angles = drawn(LINE, 2)
    cache.put(LINE, blocks, angles)
    assert cache.get(LINE, blocks)[0].all()
    assert cache.path.is_file()


# Others at the same time.


def test_a_writer_that_does_not_end_holds_nobody_up(
    cache: Cache, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocks, angles = drawn(LINE, 2)
    cache.put(LINE, blocks[:1], angles[:1])
    clock.now += 2 * HOUR
    with connected(cache.path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        start = time.perf_counter()
        assert cache.get(LINE, blocks)[0].tolist() == [True, False]
        assert time.perf_counter() - start < database.TIMEOUT / 2, "not even to note the time of use"
        assert not warnings(caplog)
        monkeypatch.setattr(database, "TIMEOUT", 0.01)
        cache.put(LINE, blocks[1:], angles[1:])
        assert "locked" in warnings(caplog)[0]
        connection.execute("ROLLBACK")
    cache.put(LINE, blocks[1:], angles[1:])
    assert cache.get(LINE, blocks)[0].all()


def test_a_reader_that_does_not_end_holds_nobody_up(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    blocks, angles = drawn(LINE, 2)
    cache.put(LINE, blocks[:1], angles[:1])
    with connected(cache.path) as connection:
        connection.execute("BEGIN")
        assert connection.execute("SELECT count(*) FROM blocks").fetchone() == (1,)
        cache.put(LINE, blocks, angles)
        assert cache.get(LINE, blocks)[0].all()
    assert not warnings(caplog)


def test_a_file_that_another_process_is_making_is_not_taken_for_foreign(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocks, angles = drawn(LINE, 2)
    read = database._pragma

    def interrupted(connection: sqlite3.Connection, name: str) -> int:
        value = read(connection, name)
        monkeypatch.setattr(database, "_pragma", read)
        with monkeypatch.context() as patch:
            patch.setattr(database, "TIMEOUT", 0.01)
            Cache(cache.path.parent / "." / "blocks.db").put(LINE, blocks[:1], angles[:1])
        return value

    monkeypatch.setattr(database, "_pragma", interrupted)
    cache.put(LINE, blocks[1:], angles[1:])
    assert cache.get(LINE, blocks[1:])[0].all()
    assert all("locked" in said for said in warnings(caplog)), "that the other one waits in vain is another matter"


WORKER = """
import logging, sys
import numpy as np
from pathlib import Path
from qadapt.synthesis.ansatz import brick_wall
from qadapt.synthesis.cache import Cache

logging.basicConfig()
path, number = Path(sys.argv[1]), int(sys.argv[2])
ansatz, cache = brick_wall(2, 2), Cache(path)
rng = np.random.default_rng(0)
blocks = rng.normal(size=(600, 4, 4))
angles = np.concatenate([blocks.reshape(600, 16)[:, :6]])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(12):
    rows = (np.arange(150) + 90 * number + 40 * turn) % 600
    cache.put(ansatz, blocks[rows], angles[rows])
    assert cache.get(ansatz, blocks[rows])[0].all()
    there, found = cache.get(ansatz, blocks)
    assert np.array_equal(found[there], angles[there])
    cache.summary()
"""


@pytest.mark.parametrize("made", [False, True], ids=["new file", "file that is there"])
def test_processes_share_it(made: bool, tmp_path: Path) -> None:
    cache, ansatz = Cache(tmp_path / "folder" / "blocks.db"), brick_wall(2, 2)
    if made:
        cache.put(LINE, *drawn(LINE, 1))
    command = [sys.executable, "-c", WORKER, str(cache.path)]
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen([*command, str(number)], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for number in range(4)
    ]
    for worker in workers:  # the first put is made by all of them at once
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.communicate() == ("", ""), "neither a warning nor an error"
        assert worker.returncode == 0
    blocks = np.random.default_rng(0).normal(size=(600, 4, 4))
    there, found = cache.get(ansatz, blocks)
    assert there.all()
    assert np.array_equal(found, blocks.reshape(600, 16)[:, :6])
    assert cache.summary().entries == 600 + made
    with connected(cache.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_threads_share_it(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    blocks, angles = drawn(LINE, 400)

    def work(number: int) -> bool:
        rows = slice(50 * number, 50 * number + 50)
        cache.put(LINE, blocks[rows], angles[rows])
        return bool(cache.get(LINE, blocks[rows])[0].all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert np.array_equal(cache.get(LINE, blocks)[1], angles)
    assert not warnings(caplog)


KILLED = """
import os, signal, sys
import numpy as np
from pathlib import Path
from qadapt.synthesis import cache, database
from qadapt.synthesis.ansatz import brick_wall

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(database, sys.argv[2], die)
rng = np.random.default_rng(0)
cache.Cache(Path(sys.argv[1])).put(brick_wall(3, 14), rng.normal(size=(2000, 8, 8)), rng.normal(size=(2000, 31)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("within", ["_insert", "_evict"])
@pytest.mark.parametrize("made", [False, True], ids=["new file", "file that is there"])
def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_file(
    within: str, made: bool, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    blocks, angles = drawn(LINE, 2000)
    if made:
        cache.put(LINE, blocks[-1:], angles[-1:])
    worker = run(KILLED, cache.path, within)
    assert worker.communicate() == ("", "")
    assert worker.returncode == -9
    there, found = cache.get(LINE, blocks)
    assert there.tolist() == [False] * 1999 + [made]
    assert np.array_equal(found[there], angles[there])
    cache.put(LINE, blocks, angles)
    assert cache.get(LINE, blocks)[0].all()
    assert not warnings(caplog)
    assert os.listdir(cache.path.parent) == ["blocks.db"]


FULL = """
import logging, resource, sys
import numpy as np
from pathlib import Path
from qadapt.synthesis.cache import Cache
from qadapt.synthesis.ansatz import brick_wall

logging.basicConfig()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
rng = np.random.default_rng(0)
cache, blocks, angles = Cache(Path(sys.argv[1])), rng.normal(size=(2000, 8, 8)), rng.normal(size=(2000, 31))
cache.put(brick_wall(3, 14), blocks, angles)
cache.put(brick_wall(3, 14), blocks, angles)
there, found = cache.get(brick_wall(3, 14), blocks)
assert (found[there] == angles[there]).all()
print(there.sum())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of resources")
@pytest.mark.parametrize("room", [0, 20_000, 200_000, 500_000])
def test_a_disk_that_is_full_is_not_fatal(room: int, cache: Cache) -> None:
    worker = run(FULL, cache.path, room)
    said, complained = worker.communicate()
    assert worker.returncode == 0, complained
    assert complained.count("WARNING:qadapt.synthesis.cache:") == len(complained.splitlines()) == 1
    assert int(said) in (0, 1024), "whole transactions"
    blocks, angles = drawn(LINE, 2000)
    assert cache.get(LINE, blocks)[0].sum() == int(said)
    cache.put(LINE, blocks, angles)
    assert np.array_equal(cache.get(LINE, blocks)[1], angles), "once there is room again"


def test_sqlite_is_imported_when_it_is_needed() -> None:
    code = "import sys, qadapt, qadapt.synthesis.cache as c; c.Cache(); print('sqlite3' in sys.modules)"
    assert run(code).communicate() == ("False\n", "")


def test_the_tests_have_a_cache_of_their_own() -> None:
    assert not default_path().is_relative_to(Path.home() / ".cache")
    assert not default_path().exists()
