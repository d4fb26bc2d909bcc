"""``qadapt jobs prune``: runs that nobody needs are forgotten, and never one that somebody may need."""

from __future__ import annotations

import json
import re
import time

import pytest

from cli_bench import Bench, answer, counts, doubtful, halted
from qadapt.jobs import Ledger


def aged(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """So many days pass for the command."""
    later = time.time() + days * 86400
    monkeypatch.setattr("qadapt.cli.upkeep.time", type("Clock", (), {"time": staticmethod(lambda: later)}))


def test_prune_forgets_old_finished_runs_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    doubtful(bench)
    halted(bench, "--shots", "11")
    bench.run("--shots", "12", "--label", "done")
    assert bench("jobs", "prune").out == "No finished run is older than 90 days.\n"
    aged(monkeypatch, 91)
    assert bench("jobs", "prune", "--days", "92").out == "No finished run is older than 92 days.\n"
    dry = bench("jobs", "prune", "--dry-run")
    assert "done" in dry.out
    size = re.fullmatch(r"dry run: 1 run, (.*), would be forgotten\n", dry.err)
    assert size
    assert len(bench.json("jobs", "list")) == 3
    outcome = bench("jobs", "prune", "--yes")
    assert outcome.out == f"Forgot 1 run, {size[1]}.\n"
    assert [run["finished"] for run in bench.json("jobs", "list")] == [False, False]


def test_what_two_runs_share_stays(bench: Bench) -> None:
    bench.run()
    bench.run("--label", "twin")
    dry = bench("jobs", "prune", "twin", "--dry-run").err
    assert bench("jobs", "prune", "twin", "--yes").out == f"Forgot 1 run, {dry.split(', ')[1]}.\n"
    assert counts(json.loads(bench("jobs", "export", bench.id).out))[0] is not None


@pytest.mark.parametrize("which", ["doubt", "open"])
def test_unfinished_runs_go_only_by_name_and_force(which: str, bench: Bench) -> None:
    if which == "doubt":
        doubtful(bench)
    else:
        halted(bench)
    outcome = bench("jobs", "prune", bench.id, "--yes")
    assert outcome.code == 2
    assert outcome.err.startswith(f"error[ledger]: run {bench.id} is not finished: ")
    assert "hint: --force" in outcome.err
    assert "only named runs can be forced" in bench("jobs", "prune", "--force").err
    assert len(bench.json("jobs", "list")) == 1
    assert bench("jobs", "prune", bench.id, "--force", "--yes").code == 0
    assert bench.json("jobs", "list") == []


def test_a_run_that_somebody_works_on_stays(bench: Bench) -> None:
    bench.run("--label", "mine")
    halted(bench, "--shots", "11", "--label", "theirs")
    with Ledger() as book, book.working(bench.id):
        outcome = bench("jobs", "prune", "mine", "theirs", "--force", "--yes")
    assert outcome.code == 2
    assert "another process works on run" in outcome.err
    assert len(bench.json("jobs", "list")) == 2


@pytest.mark.parametrize(("words", "typed", "left"), [([], "n\n", 1), ([], "y\n", 0), (["--yes"], "", 0)])
def test_prune_asks_on_a_terminal(
    words: list[str], typed: str, left: int, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run()
    answer(monkeypatch, typed)
    assert bench("jobs", "prune", bench.id, *words).code == (1 if left else 0)
    assert len(bench.json("jobs", "list")) == left
