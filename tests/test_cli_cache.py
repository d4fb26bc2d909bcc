"""``qadapt cache``: what is kept, in words and as JSON, and how it goes."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cli_tools import call
from qadapt.cli.cache import amount, skeleton
from qadapt.synthesis import database
from qadapt.synthesis.ansatz import Ansatz, brick_wall
from qadapt.synthesis.cache import Cache, Holding, default_path

LINE = brick_wall(3, 14)
STAR = Ansatz(4, ((0, 1), (2, 1), (1, 3), (1, 0)))
NOON = 1_775_000_000  # 2026-03-31 23:33:20 UTC


def put(ansatz: Ansatz, rows: int) -> None:
    rng = np.random.default_rng(0)
    dim = 1 << ansatz.num_qubits
    Cache().put(ansatz, rng.normal(size=(rows, dim, dim)), rng.normal(size=(rows, ansatz.size)))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=NOON)
    monkeypatch.setattr(database, "time", SimpleNamespace(time=lambda: made.now))
    return made


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What the user types."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_path_prints_the_file_and_makes_none(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = call(capsys, "cache", "path")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{default_path()}\n", "")
    assert not default_path().exists()


def test_an_empty_cache_is_said_to_be_empty(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = call(capsys, "cache", "list")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == "The cache is empty: blocks are kept as they are synthesised."
    assert [line.split(maxsplit=1) for line in lines[1:]] == [
        ["path", str(default_path())],
        ["total", "0 blocks, 0 B on disk"],
        ["limit", "256.0 MiB"],
    ]
    assert call(capsys, "cache", "clear").out == "The cache is empty: there is nothing to remove.\n"
    assert not default_path().exists()


def test_list_tells_skeletons_sizes_and_times(capsys: pytest.CaptureFixture[str], clock: SimpleNamespace) -> None:
    put(LINE, 1200)
    clock.now += 60
    put(STAR, 1)
    outcome = call(capsys, "cache", "list")
    assert (outcome.code, outcome.err) == (0, "")
    lines = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in outcome.out.splitlines()]
    assert lines[:4] == [
        ["skeleton", "couplings", "blocks", "size", "last used (UTC)"],
        ["3 qubits, 14 CZ, RY", "0-1 1-2", "1,200", "328.1 KiB", "2026-03-31 23:33"],
        ["4 qubits, 4 CZ, RY", "0-1 1-2 1-3", "1", "128 B", "2026-03-31 23:34"],
        [],
    ]
    assert lines[4:] == [
        ["path", str(default_path())],
        ["total", f"1,201 blocks, {amount(default_path().stat().st_size)} on disk"],
        ["limit", "256.0 MiB"],
    ]


def test_list_as_json(
    capsys: pytest.CaptureFixture[str], clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QADAPT_CACHE_MB", "2")
    put(STAR, 7)
    outcome = call(capsys, "cache", "list", "--json")
    assert json.loads(outcome.out) == {
        "path": str(default_path()),
        "entries": 7,
        "bytes": default_path().stat().st_size,
        "limit": 2 << 20,
        "skeletons": [
            {
                "family": "ry",
                "num_qubits": 4,
                "entangling": 4,
                "gates": {"cz": 4},
                "edges": [[0, 1], [2, 1], [1, 3], [1, 0]],
                "entries": 7,
                "bytes": 7 * (32 + 8 * STAR.size),
                "used": "2026-03-31T23:33:20+00:00",
            }
        ],
    }


def test_an_empty_cache_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(call(capsys, "cache", "list", "--json").out)
    assert (found["entries"], found["bytes"], found["skeletons"]) == (0, 0, [])


def test_a_cache_without_room_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QADAPT_CACHE_MB", "0")
    assert call(capsys, "cache", "list").out.splitlines()[-1].split(maxsplit=1) == ["limit", "0, nothing is kept"]


@pytest.mark.parametrize("flag", ["--yes", "-y"])
def test_clear_does_not_ask_when_told(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(LINE, 1200)
    outcome = call(capsys, "cache", "clear", flag)
    assert (outcome.code, outcome.out) == (0, f"Removed 1,200 blocks from {default_path()}.\n")
    assert Cache().summary().entries == 0


@pytest.mark.parametrize(("typed", "code", "left"), [("y\n", 0, 0), ("n\n", 1, 1), ("\n", 1, 1), ("", 1, 1)])
def test_clear_asks(
    typed: str, code: int, left: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(LINE, 1)
    answer(monkeypatch, typed)
    outcome = call(capsys, "cache", "clear")
    assert outcome.out.startswith(f"Remove 1 block from {default_path()}? [y/N]: ")
    assert outcome.code == code
    assert ("Removed 1 block from" in outcome.out) == (code == 0)
    assert Cache().summary().entries == left


def test_clear_removes_what_is_old(
    capsys: pytest.CaptureFixture[str], clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(LINE, 3)
    clock.now += 10 * 86400
    put(STAR, 2)
    answer(monkeypatch, "y\n")
    outcome = call(capsys, "cache", "clear", "--older-than", "5")
    assert "Remove what was not used for 5 days of 5 blocks from" in outcome.out
    assert "Removed 3 blocks from" in outcome.out
    assert [holding.num_qubits for holding in Cache().summary().holdings] == [4]
    assert call(capsys, "cache", "clear", "--older-than", "-1").code == 2


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["clear"], ["clear", "-y"]])
def test_a_file_of_somebody_else_is_named_and_left(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QADAPT_CACHE", str(tmp_path))
    default_path().write_text("Dear diary")
    outcome = call(capsys, "cache", *command)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"error[qadapt]: cannot use the cache of blocks {default_path()}: ")
    assert "\nhint: delete the file if it is damaged" in outcome.err
    assert default_path().read_text() == "Dear diary"


@pytest.mark.parametrize(
    ("family", "num_qubits", "gates", "words"),
    [
        ("ry", 3, {"cz": 14}, "3 qubits, 14 CZ, RY"),
        ("u3", 3, {"cz": 10}, "3 qubits, 10 CZ, U3"),
        ("rzz", 3, {"cz": 4, "rzz": 5}, "3 qubits, 4 CZ + 5 RZZ, U3"),
        ("ry", 1, {}, "1 qubit, no entangling gates, RY"),
        ("xy", 2, {"iswap": 5}, "2 qubits, 5 ISWAP, xy"),
    ],
)
def test_a_skeleton_in_words(family: str, num_qubits: int, gates: dict[str, int], words: str) -> None:
    assert skeleton(Holding(family, num_qubits, (), tuple(gates.items()), 1, 1, datetime.now(UTC))) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536 << 10, "1.5 MiB"),
        (256 << 20, "256.0 MiB"),
        (5 << 30, "5.0 GiB"),
    ],
)
def test_an_amount_in_words(count: int, words: str) -> None:
    assert amount(count) == words
