"""For the tests of ``qadapt run`` and ``qadapt jobs``: a vendor, a circuit, and runs that stopped half way."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli_tools import Acme, Outcome, call, install
from clouds.folder import Folder, FolderBackend
from qadapt.circuit import Circuit, op
from qadapt.jobs import Ledger, State
from qadapt.jobs.flight import Flight
from qadapt.jobs.ledger import default_path
from qadapt.local import LocalProvider

CIRCUIT = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["t"]), op("cz", 0, 1)], measured=[0, 1])
ROWS = ["--set", "t=0,0.5,1,1.5,2"]
PATIENCE = 180.0
"""Seconds after which a test gives up on another process."""


@dataclass
class Bench:
    """A vendor, a circuit, and a command line."""

    folder: Path
    circuit: str
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Outcome:
        return call(self.capsys, *words)

    def words(self, *more: str) -> list[str]:
        """A run of five rows in three chunks."""
        named = ["--backend", "folder:box", "--shots", "10", "--seed", "4", "--rows-per-job", "2"]
        return ["run", self.circuit, *named, *ROWS, *more]

    def run(self, *more: str) -> Outcome:
        return self(*self.words(*more))

    def json(self, *words: str) -> Any:
        outcome = self(*words, "--json")
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out)

    def sent(self) -> list[str]:
        """Chunk and attempt of every job that was made, as in "0-0"."""
        return [tag.split("-", 2)[2] for tag in FolderBackend(self.folder).tags()]

    def put(self, file: str, text: str = "") -> None:
        (self.folder / file).write_text(text)

    def take(self, file: str) -> None:
        (self.folder / file).unlink()

    @property
    def id(self) -> str:
        """The latest run."""
        with Ledger() as book:
            return book.runs()[0].id

    def states(self) -> list[str]:
        with Ledger() as book:
            return [str(chunk.state) for chunk in book.chunks(book.runs()[0].id)]


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """A bench in an empty folder, with the vendor installed."""
    vendor = folder / "vendor"
    vendor.mkdir()
    install(monkeypatch, folder=lambda: Folder(vendor), local=LocalProvider, acme=Acme)
    (folder / "circuit.json").write_text(CIRCUIT.to_json())
    return Bench(vendor, str(folder / "circuit.json"), capsys)


@contextmanager
def interrupted() -> Iterator[None]:
    """Ctrl-C as soon as a run waits for its open jobs."""

    def interrupt(_: Flight) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flight, "_wait", interrupt)
        yield


def halted(bench: Bench, *more: str) -> Outcome:
    """A run that was interrupted with its three jobs open."""
    with interrupted():
        outcome = bench.run(*more)
    assert outcome.code == 130
    return outcome


def doubtful(bench: Bench, lost: str = "2") -> Outcome:
    """A run with a chunk in doubt."""
    bench.put("no-find")
    bench.put("lose", lost)
    outcome = bench.run()
    bench.take("lose")
    return outcome


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Somebody types, at a terminal or through a pipe."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def counts(document: Any) -> list[Any]:
    return [row["counts"] for row in document["rows"]]


def intended(bench: Bench) -> None:
    """A run whose process was killed in its second submit, after the job was made."""
    halted(bench)
    with Ledger() as book:
        book.record(bench.id, 1, State.INTENDED, tag=f"qadapt-{bench.id}-1-0")


def partly(bench: Bench) -> None:
    """A run with its first and last chunk done, and the second in doubt."""
    doubtful(bench)
    assert bench.states() == ["done", "in doubt", "done"]


def started(bench: Bench, until: Callable[[], bool]) -> subprocess.Popen[str]:
    """Start the run in another process and wait for something to have happened."""
    script = Path(__file__).parent / "clouds" / "folder.py"
    words = [sys.executable, str(script), str(bench.folder), *bench.words()]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + PATIENCE
    while not until():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    return process


def all_submitted(bench: Bench) -> bool:
    return len(bench.sent()) == 3 and default_path().exists() and bench.states() == ["submitted"] * 3
