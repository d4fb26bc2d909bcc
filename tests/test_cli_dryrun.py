"""``qadapt run --dry-run``: what would be sent, what it would cost, and that nothing is sent."""

from __future__ import annotations

import re

import pytest

from cli_bench import ROWS, Bench, halted
from clouds.folder import RULE, Folder, FolderBackend
from qadapt.jobs.ledger import default_path


def test_a_dry_run_says_what_would_be_sent(bench: Bench) -> None:
    outcome = bench.run("--dry-run", "--jobs", "2", "--budget", "2usd")
    assert outcome.code == 0
    rows = [re.split(r"\s{2,}", line.strip()) for line in outcome.out.splitlines()]
    assert rows == [
        ["backend", "folder:box"],
        ["rows", "5"],
        ["shots", "10 per row"],
        ["tiles", "not packed"],
        ["entangling gates", "1"],
        ["depth", "2"],
        ["executions", "5, of 10 shots each"],
        ["chunks to send", "3 of 3"],
        ["jobs at once", "2"],
        ["shots in all", "50"],
        ["machine time", "6 s"],
        ["price", "$2.00"],
        ["rule", RULE],
    ]
    assert outcome.err == "dry run: nothing was sent\n"
    assert bench.sent() == []
    assert not default_path().exists()


def test_a_dry_run_on_a_simulator_is_packed_and_free(bench: Bench) -> None:
    words = ["run", bench.circuit, *ROWS, "--backend", "local:emulator/heron-r2", "--dry-run"]
    found = bench.json(*words)
    assert found["tiles"] == 5
    assert (found["executions"], found["chunks"], found["entangling"]) == (1, 1, 5)
    out = bench(*words, "--budget", "0usd").out
    assert re.search(r"entangling gates +5, 1 per tile", out)
    assert re.search(r"price +none, it is simulated", out)


def test_a_dry_run_of_what_would_be_taken_up(bench: Bench) -> None:
    bench.put("hold")
    halted(bench, "--jobs", "1")
    outcome = bench.run("--dry-run")
    assert re.search(r"chunks to send +2 of 3", outcome.out)
    assert re.search(r"price +\$1.30", outcome.out)
    assert outcome.err.startswith(f"the same run is unfinished and would be taken up: run {bench.id}: 0 of 3")
    assert bench.run("--dry-run", "--budget", "1.99usd").code == 2, "with what it has used"
    assert bench.run("--dry-run", "--budget", "2usd").code == 0
    assert bench.json(*bench.words("--dry-run"))["run"] == bench.id
    assert bench.json(*bench.words("--dry-run", "--shots", "3"))["run"] is None
    bench.take("hold")
    bench.run()
    found = bench.json(*bench.words("--dry-run"))
    assert (found["run"], found["to_send"]) == (None, 3), "a finished run is not taken up"


def test_a_dry_run_says_what_nobody_knows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(FolderBackend):
        cost = None  # type: ignore[assignment]

    monkeypatch.setattr(Folder, "open", lambda self, _: Silent(self.folder))
    out = bench.run("--dry-run").out
    assert re.search(r"machine time +the vendor says nothing", out)
    outcome = bench.run("--dry-run", "--budget", "9usd")
    assert outcome.code == 2
    assert "nobody says how many US dollars it takes" in outcome.err
    assert "hint: limit something else than US dollars, as shots\n" in outcome.err
