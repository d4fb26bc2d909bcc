"""``qadapt jobs`` and recorded runs of ``qadapt run``: from a plug that is pulled to counts, and what it costs."""

from __future__ import annotations

import io
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from cli_tools import Acme, Outcome, call, install
from clouds.folder import RULE, Folder, FolderBackend
from qadapt.circuit import Circuit, op
from qadapt.cli import jobs
from qadapt.cli.options import read_policy
from qadapt.cli.standing import Standing
from qadapt.jobs import Ledger, State
from qadapt.jobs.flight import Flight
from qadapt.jobs.ledger import default_path
from qadapt.local import LocalProvider

CIRCUIT = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["t"]), op("cz", 0, 1)], measured=[0, 1])
ROWS = ["--set", "t=0,0.5,1,1.5,2"]
PATIENCE = 60.0
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


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    folder = tmp_path / "vendor"
    folder.mkdir()
    install(monkeypatch, folder=lambda: Folder(folder), local=LocalProvider, acme=Acme)
    (tmp_path / "circuit.json").write_text(CIRCUIT.to_json())
    return Bench(folder, str(tmp_path / "circuit.json"), capsys)


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


@pytest.fixture
def undisturbed(bench: Bench) -> list[Any]:
    """Counts of the run, from a ledger of its own."""
    found = counts(bench.json(*bench.words("--ledger", "none")))
    for file in bench.folder.iterdir():
        file.unlink()
    return found


# --- running -----------------------------------------------------------------------------------------------------


def test_a_run_is_recorded_and_listed(bench: Bench) -> None:
    outcome = bench.run("--label", "first [red]try")
    assert outcome.code == 0
    assert outcome.err == f"folder:box: measured, 10 shots per row, bit 0 is rightmost, run {bench.id}\n"
    assert bench.sent() == ["0-0", "1-0", "2-0"]
    header, line = bench("jobs", "list").out.splitlines()
    cells = re.split(r"\s{2,}", line)
    assert re.split(r"\s{2,}", header) == ["run", "label", "backend", "started (UTC)", "done", "state", "cost so far"]
    assert cells[:3] + cells[4:] == [
        bench.id,
        "first [red]try",
        "folder:box",
        "3/3",
        "finished",
        "50 shots, 6 s, $2.00",
    ]
    (found,) = bench.json("jobs", "list")
    assert found["run"] == bench.id
    assert found["label"] == "first [red]try"
    assert found["finished"] is True
    assert found["states"] == {"done": 3}
    assert (found["rows"], found["shots"], found["chunks"]) == (5, 10, 3)
    assert found["spent"] == {"shots": 50, "seconds": 6.0, "dollars": 2.0, "rules": [RULE]}


def test_json_of_a_run_names_it(bench: Bench) -> None:
    assert bench.json(*bench.words())["run"] == bench.id
    assert bench.json(*bench.words("--ledger", "none"))["run"] is None


def test_simulators_are_recorded_when_a_ledger_is_named(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "mine.db"
    words = ["run", bench.circuit, *ROWS, "--backend", "local:statevector", "--label", "x"]
    assert "the label is not kept; --ledger FILE records it" in bench(*words).err
    assert bench(*words, "--ledger", str(file)).code == 0
    assert not default_path().exists()
    (found,) = bench.json("jobs", "list", "--ledger", str(file))
    assert (found["backend"], found["label"]) == ("local:statevector", "x")
    assert bench("jobs", "resume", "x", "--ledger", str(file)).code == 0


def test_an_interrupted_run_says_how_to_go_on_and_goes_on(bench: Bench, undisturbed: list[Any]) -> None:
    outcome = halted(bench)
    assert outcome.out == ""
    assert outcome.err.splitlines() == [
        "interrupted",
        f"run {bench.id}: 0 of 3 chunks done, 3 submitted; go on with: qadapt jobs resume {bench.id}",
    ]
    found = bench.json("jobs", "resume", bench.id)
    assert counts(found) == undisturbed
    assert bench.sent() == ["0-0", "1-0", "2-0"], "nothing is sent twice"


def test_the_same_command_goes_on_as_well(bench: Bench, undisturbed: list[Any]) -> None:
    halted(bench)
    name = bench.id
    found = bench.json(*bench.words())
    assert (found["run"], counts(found)) == (name, undisturbed)
    assert len(bench.sent()) == 3


def test_the_command_to_go_on_names_the_ledger(bench: Bench, tmp_path: Path) -> None:
    file = str(tmp_path / "mine.db")
    outcome = halted(bench, "--ledger", file)
    command = outcome.err.split("go on with: qadapt ")[1].split()
    assert command[-2:] == ["--ledger", file]
    assert bench(*command).code == 0


def test_an_interrupted_run_without_a_ledger_just_ends(bench: Bench) -> None:
    outcome = halted(bench, "--ledger", "none")
    assert (outcome.out, outcome.err) == ("", "")


@pytest.mark.parametrize("command", ["run", "resume"])
def test_cancel_on_interrupt(command: str, bench: Bench) -> None:
    bench.put("hold")
    if command == "run":
        outcome = halted(bench, "--cancel-on-interrupt")
    else:
        halted(bench)
        with interrupted():
            outcome = bench("jobs", "resume", bench.id, "--cancel-on-interrupt")
        assert outcome.code == 130
    assert outcome.err.startswith("interrupted\n")
    assert {path.stem for path in bench.folder.glob("*.cancelled")} == {"1", "2", "3"}
    assert "go on with" in outcome.err


def test_an_error_says_how_to_go_on(bench: Bench) -> None:
    bench.put("deny")
    outcome = bench.run()
    assert outcome.code == 2
    note, *error = outcome.err.splitlines()
    assert note == f"run {bench.id}: 0 of 3 chunks done, 3 submitted; go on with: qadapt jobs resume {bench.id}"
    assert error == ["error[access]: the token has expired"]
    bench.take("deny")
    assert bench("jobs", "resume", bench.id[:5]).code == 0


def test_jobs_at_once(bench: Bench) -> None:
    bench.put("hold")
    halted(bench, "--jobs", "2")
    assert bench.states() == ["submitted", "submitted", "planned"]
    with interrupted():
        assert bench("jobs", "resume", bench.id, "--jobs", "1").code == 130
    assert len(bench.sent()) == 2


def test_deadline(bench: Bench) -> None:
    bench.put("no-find")
    bench.put("hang", "1")
    started = time.monotonic()
    outcome = bench.run("--deadline", "0.1", "--jobs", "1")
    bench.take("hang")
    assert outcome.code == 2
    assert bench.states() == ["in doubt", "done", "done"]
    assert time.monotonic() - started < jobs.DEADLINE / 2


# --- looking -----------------------------------------------------------------------------------------------------


def test_an_empty_ledger(bench: Bench) -> None:
    assert bench("jobs", "list").out == f"No runs in {default_path()}.\n"
    assert bench.json("jobs", "list") == []
    assert bench("jobs", "prune").out == "No finished run is older than 90 days.\n"


@pytest.mark.parametrize(
    "words",
    [["show", "x"], ["resume", "x"], ["cancel", "x"], ["export", "x"], ["prune", "x"], ["settle", "x", "0", "--lost"]],
)
@pytest.mark.parametrize("file", [None, "no.db"])
def test_an_unknown_run_or_ledger_is_told(words: list[str], file: str | None, bench: Bench) -> None:
    bench.run()
    outcome = bench("jobs", *words, *(["--ledger", file] if file else []))
    assert (outcome.code, outcome.out) == (2, "")
    said, hint = outcome.err.splitlines()
    assert said == (
        "error[ledger]: there is no ledger no.db" if file else f"error[ledger]: no run 'x' in {default_path()}"
    )
    assert hint.startswith("hint: qadapt ")


def test_a_file_that_is_no_ledger_is_told(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "diary").write_text("Dear diary, " * 100)
    outcome = bench("jobs", "list", "--ledger", str(tmp_path / "diary"))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"error[ledger]: {tmp_path / 'diary'}: file is not a database\n")


def test_an_ambiguous_id_is_told(bench: Bench) -> None:
    for _ in range(17):  # two of them begin with the same hexadecimal digit
        bench.run("--shots", "1")
    with Ledger() as book:
        first = [entry.id[0] for entry in book.runs()]
    digit = next(digit for digit in first if first.count(digit) > 1)
    outcome = bench("jobs", "show", digit)
    assert outcome.code == 2
    assert outcome.err.startswith(f"error[ledger]: {first.count(digit)} runs {digit!r} in ")


def test_list_shows_the_latest_and_filters(bench: Bench) -> None:
    bench.run("--label", "whole")
    halted(bench, "--shots", "11", "--label", "half")
    with Ledger() as book:
        plan, chunk = book.plan(bench.id), book.chunks(bench.id)
        for number in range(20):
            book.add(plan, [each.cost for each in chunk], fingerprint="0", label=f"more {number}")
    outcome = bench("jobs", "list")
    lines = outcome.out.splitlines()[1:]
    assert len(lines) == jobs.SHOWN
    assert "more 19" in lines[0]
    assert outcome.err == "the latest 20 of 22 runs; --all shows all\n"
    assert len(bench.json("jobs", "list", "--all")) == 22

    def labels(*words: str) -> list[str]:
        return [run["label"] for run in bench.json("jobs", "list", "--all", *words)]

    assert labels("--state", "finished") == ["whole"]
    assert labels("--state", "submitted") == ["half"]
    assert len(labels("--state", "unfinished")) == 21
    assert len(labels("--state", "planned")) == 20
    assert labels("--state", "in-doubt") == []
    assert len(labels("--backend", "folder")) == len(labels("--backend", "folder:box")) == 22
    assert labels("--backend", "fold") == labels("--backend", "folder:bo") == []
    assert bench("jobs", "list", "--state", "failed").out == f"No such runs in {default_path()}.\n"
    assert bench("jobs", "list", "--state", "lost").code == 2


def test_show_tells_everything_about_a_run(bench: Bench) -> None:
    halted(bench, "--budget", "5usd,1e6shots", "--label", "nine")
    found = bench.json("jobs", "show", "nine", "--events")
    assert found["budget"] == {"dollars": 5.0, "shots": 1_000_000}
    assert (found["working"], found["finished"]) == (False, False)
    assert found["next"] == f"go on with: qadapt jobs resume {bench.id}"
    assert [(c["chunk"], c["state"], c["attempt"], c["job"]) for c in found["chunks"]] == [
        (number, "submitted", 0, str(number + 1)) for number in range(3)
    ]
    assert found["chunks"][2]["tag"] == f"qadapt-{bench.id}-2-0"
    assert [(e["chunk"], e["state"]) for e in found["events"]] == [
        (number, state) for number in range(3) for state in ("intended", "submitted")
    ]
    assert "events" not in bench.json("jobs", "show", "nine")
    told = bench("jobs", "show", "nine").out
    rows = {line.split()[0]: line for line in told.splitlines() if line}
    assert rows["chunks"].split(maxsplit=1)[1] == "0 of 3 done, 3 submitted"
    assert rows["budget"].split(maxsplit=1)[1] == "1e+06 shots, 5 dollars"
    assert rows["rule"].split(maxsplit=1)[1] == RULE
    assert rows["cost"].split()[3:] == ["50", "shots,", "6", "s,", "$2.00"]
    assert told.endswith(f"next: go on with: qadapt jobs resume {bench.id}\n")
    assert "intended" not in told
    assert "intended" in bench("jobs", "show", "nine", "--events").out


def test_show_knows_that_a_process_works_on_a_run(bench: Bench) -> None:
    halted(bench)
    with Ledger() as book, book.working(bench.id):
        assert bench.json("jobs", "show", bench.id)["working"] is True
        assert bench("jobs", "show", bench.id).out.endswith(f"a process works on run {bench.id} now\n")
        outcome = bench("jobs", "resume", bench.id)
        assert outcome.code == 2
        assert outcome.err.startswith(f"error[ledger]: another process works on run {bench.id}\n")
        assert "go on with" not in outcome.err
    assert bench("jobs", "resume", bench.id).code == 0


def test_show_leaves_out_what_is_done_of_many_chunks(bench: Bench) -> None:
    values = ",".join(str(value) for value in np.linspace(0, 1, 60))
    words = ["run", bench.circuit, "--backend", "folder:box", "--shots", "3", "--rows-per-job", "1", "--set"]
    bench.put("deny")
    assert bench(*words, f"t={values}").code == 2
    bench.take("deny")
    assert bench("jobs", "resume", bench.id).code == 0
    outcome = bench("jobs", "show", bench.id)
    assert "qadapt-" not in outcome.out
    assert outcome.err == "60 chunks that are done are left out; --all shows all\n"
    assert bench("jobs", "show", bench.id, "--all").out.count(f"qadapt-{bench.id}-") == 60


# --- doubt -------------------------------------------------------------------------------------------------------


def test_doubt_is_shown_before_all_else_with_how_to_settle_it(bench: Bench) -> None:
    outcome = doubtful(bench)
    assert outcome.code == 2
    note, error, _hint = outcome.err.splitlines()
    assert note == (
        f"run {bench.id}: 2 of 3 chunks done, 1 in doubt; see how to settle it: qadapt jobs show {bench.id}"
    )
    assert error.startswith("error[in-doubt]: ")
    lines = bench("jobs", "show", bench.id).out.splitlines()
    assert lines[0] == ("IN DOUBT: 1 submit whose answer was lost; folder:box cannot be asked whether it has the job.")
    assert re.fullmatch(
        rf"  chunk 1: sent [-0-9]+ [:0-9]+ UTC, tag qadapt-{bench.id}-1-0, 20 shots, 2 s, \$0.70", lines[1]
    )
    commands = [line.split(": ")[-1].strip() for line in lines[3:6]]
    assert commands == [
        f"qadapt jobs settle {bench.id} 1 --job JOB",
        f"qadapt jobs settle {bench.id} 1 --lost",
        f"qadapt jobs resume {bench.id} --resend",
    ]
    assert bench.json("jobs", "list", "--state", "in-doubt")[0]["spent"]["dollars"] == 2.0, "doubt counts as spent"


def test_a_job_that_the_user_saw_is_fetched(bench: Bench, undisturbed: list[Any]) -> None:
    doubtful(bench)
    outcome = bench("jobs", "settle", bench.id, "1", "--job", "2")
    assert (outcome.code, outcome.out) == (0, "chunk 1 is submitted as job 2\n")
    assert counts(bench.json("jobs", "resume", bench.id)) == undisturbed
    assert len(bench.sent()) == 3


def test_a_job_that_the_user_did_not_see_is_sent_again(bench: Bench, undisturbed: list[Any]) -> None:
    doubtful(bench)
    (bench.folder / f"2.qadapt-{bench.id}-1-0.job").rename(bench.folder / "away")
    outcome = bench("jobs", "settle", bench.id, "1", "--lost")
    assert (outcome.code, outcome.out) == (0, "chunk 1 is planned\n")
    assert bench.json("jobs", "show", bench.id)["spent"]["dollars"] == pytest.approx(1.3), "it was not sent"
    assert bench.states()[1] == "planned"
    found = bench.json("jobs", "resume", bench.id)
    assert counts(found)[2:4] == undisturbed[2:4]
    assert bench.states() == ["done"] * 3


def test_several_doubts_are_settled_at_once(bench: Bench) -> None:
    doubtful(bench, "1 2 3")
    assert bench.states() == ["in doubt"] * 3
    outcome = bench("jobs", "settle", bench.id, "0", "2", "--lost")
    assert outcome.out == "chunk 0 is planned\nchunk 2 is planned\n"
    assert bench.states() == ["planned", "in doubt", "planned"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["0", "--lost"], "error[ledger]: chunk 0 of run RUNID is done; only a chunk in doubt can be settled"),
        (["9", "--lost"], "error[ledger]: run RUNID has no chunk 9"),
        (["1", "--job", "3"], "error[ledger]: job 3 is that of chunk 2 of run RUNID"),
        (["1", "--job", " "], "error[ledger]: ' ' is no job id"),
        (["1", "--job", "2 "], "error[ledger]: '2 ' is no job id"),
        (["1"], "say either --job ID or --lost"),
        (["1", "--job", "2", "--lost"], "say either --job ID or --lost"),
        (["1", "2", "--job", "2"], "one job is one chunk"),
        (["one", "--lost"], "valid integer"),
    ],
)
def test_doubts_are_not_settled_by_mistake(words: list[str], said: str, bench: Bench) -> None:
    doubtful(bench)
    outcome = bench("jobs", "settle", bench.id, *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert said.replace("RUNID", bench.id) in " ".join(re.sub("[│╭╮╰╯─]", " ", outcome.err).split())
    assert "Traceback" not in outcome.err
    assert bench.states() == ["done", "in doubt", "done"]


def test_what_is_not_in_doubt_is_not_settled(bench: Bench) -> None:
    bench.put("hold")
    halted(bench, "--jobs", "2")
    with Ledger() as book:
        book.record(bench.id, 1, State.INTENDED, tag="t")
    for chunk, state in enumerate(["submitted", "intended", "planned"]):
        outcome = bench("jobs", "settle", bench.id, str(chunk), "--lost")
        said, hint = outcome.err.splitlines()
        assert said == (
            f"error[ledger]: chunk {chunk} of run {bench.id} is {state}; only a chunk in doubt can be settled"
        )
        assert hint == f"hint: qadapt jobs resume {bench.id} asks the vendor about every other one"
    with Ledger() as book, book.working(bench.id):
        assert "another process works on run" in bench("jobs", "settle", bench.id, "1", "--lost").err


def test_a_submit_in_doubt_is_dated_by_its_latest_try(bench: Bench) -> None:
    doubtful(bench)
    with Ledger() as book:
        standing = Standing.of(book, book.runs()[0])
    (chunk,) = standing.doubt
    (tried,) = [e.time for e in standing.events if (e.chunk, e.state) == (1, State.INTENDED)]
    assert standing.sent(chunk) == tried < chunk.changed
    assert Standing(standing.entry, standing.chunks, []).sent(chunk) == chunk.changed


def test_what_is_held_is_not_sent_by_resume(bench: Bench) -> None:
    doubtful(bench)
    outcome = bench("jobs", "resume", bench.id)
    assert outcome.code == 2
    assert "error[in-doubt]" in outcome.err
    assert len(bench.sent()) == 3


def test_resend_says_what_it_may_cost(bench: Bench, undisturbed: list[Any]) -> None:
    doubtful(bench)
    outcome = bench("jobs", "resume", bench.id, "--resend", "--yes", "--json")
    assert outcome.code == 0
    assert counts(json.loads(outcome.out)) == undisturbed
    assert outcome.err == (
        "1 chunk may be at the vendor already; what cannot be found there is sent again and may run and be charged "
        "twice: at most 20 shots, 2 s, $0.70 more\n"
    )
    assert bench.sent() == ["0-0", "1-0", "2-0", "1-1"]


@pytest.mark.parametrize(("typed", "code", "jobs_made"), [("y\n", 0, 4), ("n\n", 1, 3), ("\n", 1, 3)])
def test_resend_asks_on_a_terminal(
    typed: str, code: int, jobs_made: int, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubtful(bench)
    answer(monkeypatch, typed)
    assert bench("jobs", "resume", bench.id, "--resend").code == code
    assert len(bench.sent()) == jobs_made


def test_resend_does_not_ask_for_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    doubtful(bench)
    answer(monkeypatch, "")
    outcome = bench("jobs", "resume", bench.id, "--resend", "--yes")
    assert (outcome.code, len(bench.sent())) == (0, 4)
    outcome = bench("jobs", "resume", bench.id, "--resend")
    assert outcome.code == 0
    assert "twice" not in outcome.err


def test_a_stated_policy_sends_again(bench: Bench, undisturbed: list[Any]) -> None:
    bench.put("no-find")
    bench.put("lose", "2")
    assert counts(bench.json(*bench.words("--in-doubt", "resend"))) == undisturbed
    assert sorted(bench.sent()) == ["0-0", "1-0", "1-1", "2-0"]
    assert bench.run("--in-doubt", "maybe").code == 2


def test_a_lost_answer_is_found_by_its_tag(bench: Bench, undisturbed: list[Any]) -> None:
    bench.put("lose", "2")
    assert counts(bench.json(*bench.words())) == undisturbed
    assert len(bench.sent()) == 3


# --- resuming ----------------------------------------------------------------------------------------------------


def test_a_finished_run_is_shown(bench: Bench, undisturbed: list[Any]) -> None:
    first = bench.run()
    again = bench("jobs", "resume", bench.id)
    assert again.code == 0
    assert len(bench.sent()) == 3
    shares = [line.split()[-3:] for line in first.out.splitlines()]
    assert [line.split()[-3:] for line in again.out.splitlines()] == shares
    assert counts(bench.json("jobs", "resume", bench.id)) == undisturbed


def test_errors_of_several_runs(bench: Bench, undisturbed: list[Any]) -> None:
    doubtful(bench)
    bad = bench.id
    bench.take("no-find")
    halted(bench, "--label", "good", "--shots", "11")
    bench.put("no-find")
    outcome = bench("jobs", "resume", bad, "good", bad)
    assert outcome.code == 2
    assert outcome.err.count("error[in-doubt]") == 1
    assert len(outcome.out.splitlines()) > 5, "the good one is shown"
    outcome = bench("jobs", "resume", bad, "good", "--json")
    (found,) = json.loads(outcome.out)
    assert (found["label"], outcome.code) == ("good", 2)


def test_an_unknown_run_stops_all_before_anything_is_sent(bench: Bench) -> None:
    halted(bench, "--jobs", "1")
    assert bench("jobs", "resume", bench.id, "nobody").code == 2
    assert len(bench.sent()) == 1


# --- budgets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", ["1.99usd", "5.9s", "49shots", "20usd,5s"])
def test_a_run_over_its_budget_is_refused(budget: str, bench: Bench) -> None:
    for more in ([], ["--dry-run"]):
        outcome = bench.run("--budget", budget, *more)
        assert outcome.code == 2
        assert "error[budget]: the run is over its budget: it takes " in outcome.err
        assert bench.sent() == []
        assert bool(outcome.out) == bool(more), "a dry run shows the plan all the same"
    assert not default_path().exists() or bench.json("jobs", "list") == []


def test_what_was_refused_is_not_taken_for_a_finished_run_of_the_same(bench: Bench) -> None:
    bench.run()
    outcome = bench.run("--budget", "1usd")
    assert (outcome.code, outcome.err.splitlines()[0][:13]) == (2, "error[budget]")


@pytest.mark.parametrize("budget", ["2usd", "6s", "50shots", "2usd,6s,5e1shots"])
def test_a_run_within_its_budget_runs(budget: str, bench: Bench) -> None:
    assert bench.run("--budget", budget, "--dry-run").code == 0
    assert bench.run("--budget", budget).code == 0


@pytest.mark.parametrize(
    "budget", ["", "20eur", "usd", "1.2.3usd", "-1usd", "1usd,2usd", "1e999usd", "1e999shots", "nan"]
)
@pytest.mark.parametrize("command", ["run", "resume"])
def test_a_budget_that_is_none_is_told(budget: str, command: str, bench: Bench) -> None:
    outcome = bench.run("--budget", budget) if command == "run" else bench("jobs", "resume", "x", "--budget", budget)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines() == [
        f"error[budget]: {budget!r} is no budget",
        "hint: write 20usd, 300s, 1e6shots, or several with commas",
    ]


def test_the_budget_of_a_run_holds_when_it_is_resumed(bench: Bench) -> None:
    bench.put("hold")
    halted(bench, "--budget", "2.1usd", "--jobs", "1")
    assert bench("jobs", "cancel", bench.id).code == 0
    bench.take("hold")
    outcome = bench("jobs", "resume", bench.id)
    assert outcome.code == 2
    assert "it takes 2.7 US dollars, 2.1 are allowed" in outcome.err
    assert f"go on with: qadapt jobs resume {bench.id}" in outcome.err
    assert len(bench.sent()) == 1
    assert bench("jobs", "resume", bench.id, "--budget", "2.71usd").code == 0


# --- dry runs ----------------------------------------------------------------------------------------------------


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


# --- cancelling --------------------------------------------------------------------------------------------------


def test_cancel_stops_open_jobs_and_leaves_what_was_not_sent(bench: Bench, undisturbed: list[Any]) -> None:
    bench.put("hold")
    halted(bench, "--jobs", "2")
    outcome = bench("jobs", "cancel", bench.id)
    assert (outcome.code, outcome.out) == (0, "2 chunks cancelled: 0, 1\n")
    assert outcome.err == (
        f"run {bench.id}: 0 of 3 chunks done, 1 planned, 2 cancelled; go on with: qadapt jobs resume {bench.id}\n"
    )
    assert bench.states() == ["cancelled", "cancelled", "planned"]
    assert bench("jobs", "cancel", bench.id).out == "no jobs are open\n"
    bench.take("hold")
    assert counts(bench.json("jobs", "resume", bench.id)) == undisturbed
    assert sorted(bench.sent()) == ["0-0", "0-1", "1-0", "1-1", "2-0"]


def test_cancel_goes_past_a_job_that_cannot_be_cancelled(bench: Bench) -> None:
    bench.put("hold")
    bench.put("stubborn", "2")
    halted(bench)
    outcome = bench("jobs", "cancel", bench.id)
    assert outcome.code == 2
    assert outcome.out == "2 chunks cancelled: 0, 2\n"
    assert outcome.err.splitlines()[:2] == [
        "chunk 1 could not be cancelled",
        "error[provider]: cannot be cancelled now",
    ]
    assert bench.states() == ["cancelled", "submitted", "cancelled"]


def test_cancel_keeps_what_had_finished(bench: Bench, undisturbed: list[Any]) -> None:
    halted(bench)
    outcome = bench("jobs", "cancel", bench.id)
    assert (outcome.code, outcome.out) == (0, "3 chunks had finished; the results are kept: 0, 1, 2\n")
    assert bench.states() == ["done"] * 3
    assert counts(bench.json("jobs", "resume", bench.id)) == undisturbed
    assert len(bench.sent()) == 3


def test_cancel_does_not_believe_a_job_over_before_it_is(bench: Bench) -> None:
    bench.put("hold")
    bench.put("slow")
    halted(bench)
    outcome = bench("jobs", "cancel", bench.id, "--wait", "0")
    assert outcome.code == 2
    assert outcome.out.startswith("3 chunks asked, but not ended by the vendor yet")
    assert bench.states() == ["submitted"] * 3
    bench.take("slow")
    assert bench("jobs", "cancel", bench.id).code == 0
    assert bench.states() == ["cancelled"] * 3


def intended(bench: Bench) -> None:
    """A run whose process was killed in its second submit, after the job was made."""
    halted(bench)
    with Ledger() as book:
        book.record(bench.id, 1, State.INTENDED, tag=f"qadapt-{bench.id}-1-0")


def test_cancel_looks_for_what_may_have_been_sent(bench: Bench) -> None:
    bench.put("hold")
    intended(bench)
    assert bench("jobs", "cancel", bench.id).out == "3 chunks cancelled: 0, 1, 2\n"
    assert (bench.folder / "2.cancelled").exists()


def test_cancel_leaves_doubt(bench: Bench) -> None:
    bench.put("hold")
    bench.put("no-find")
    intended(bench)
    outcome = bench("jobs", "cancel", bench.id)
    assert outcome.code == 2
    assert outcome.out.splitlines() == [
        "2 chunks cancelled: 0, 2",
        "1 chunk in doubt: nobody can say whether there is a job: 1",
    ]
    assert bench.states() == ["cancelled", "in doubt", "cancelled"]


def test_cancel_of_what_had_not_arrived(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.put("hold")
    intended(bench)
    (bench.folder / f"2.qadapt-{bench.id}-1-0.job").unlink()
    later = time.time() + 3600  # the vendor has had the time to settle
    monkeypatch.setattr("qadapt.jobs.calls.time.time", lambda: later)
    outcome = bench("jobs", "cancel", bench.id)
    assert (outcome.code, "1 chunk had not arrived; nothing was to cancel: 1" in outcome.out) == (0, True)
    assert bench.states() == ["cancelled", "planned", "cancelled"]


def test_a_vendor_that_cannot_cancel(bench: Bench) -> None:
    bench.put("no-cancel")
    halted(bench)
    outcome = bench("jobs", "cancel", bench.id)
    assert outcome.code == 2
    assert outcome.err == "error[not-supported]: folder:box cannot cancel jobs\n"
    assert bench.states() == ["submitted"] * 3


def test_expired_credentials_leave_jobs_open(bench: Bench) -> None:
    halted(bench)
    bench.put("deny")
    outcome = bench("jobs", "cancel", bench.id)
    assert (outcome.code, outcome.err.count("error[access]: the token has expired")) == (2, 3)
    assert bench.states() == ["submitted"] * 3


def test_jobs_of_a_simulator_ended_with_their_process(bench: Bench, tmp_path: Path) -> None:
    file = str(tmp_path / "mine.db")
    with interrupted():
        assert bench("run", bench.circuit, *ROWS, "--backend", "acme:exact", "--ledger", file).code == 130
    with Ledger(file) as book:
        (entry,) = book.runs()
    # An interrupt cancels what nobody could fetch later; here the process was killed instead.
    with Ledger(file) as book:
        book.record(entry.id, 0, State.SUBMITTED, tag="t", job="j")
    assert bench("jobs", "cancel", entry.id, "--ledger", file).out == "1 chunk cancelled: 0\n"
    assert bench("jobs", "resume", entry.id, "--ledger", file).code == 0


# --- exporting ---------------------------------------------------------------------------------------------------


def partly(bench: Bench) -> None:
    """A run with its first and last chunk done, and the second in doubt."""
    doubtful(bench)
    assert bench.states() == ["done", "in doubt", "done"]


def test_export_of_a_finished_run(bench: Bench, undisturbed: list[Any], tmp_path: Path) -> None:
    bench.run("--label", "mine")
    file = tmp_path / "new" / "counts.json"
    outcome = bench("jobs", "export", "mine", "-o", str(file))
    assert (outcome.code, outcome.out, outcome.err) == (0, "", f"5 of 5 rows in {file}\n")
    found = json.loads(file.read_text())
    assert counts(found) == undisturbed
    assert found == json.loads(bench("jobs", "export", "mine").out)
    assert found == bench.json("jobs", "resume", "mine")
    assert (found["run"], found["label"], found["shots"], found["bits"]) == (bench.id, "mine", 10, [2])
    assert found["provenance"]["backend"] == "folder:box"


def test_export_of_an_unfinished_run(bench: Bench, undisturbed: list[Any], tmp_path: Path) -> None:
    partly(bench)
    found = json.loads(bench("jobs", "export", bench.id).out)
    assert counts(found) == [*undisturbed[:2], None, None, undisturbed[4]]
    assert found["there"] == 3
    file = tmp_path / "counts.npz"
    assert bench("jobs", "export", bench.id, "-o", str(file)).err == f"3 of 5 rows in {file}\n"
    with np.load(file, allow_pickle=False) as arrays:
        assert arrays["there"].tolist() == [True, True, False, False, True]
        assert arrays["counts"].shape == (5, 4)
        assert arrays["counts"].sum(axis=1).tolist() == [10, 10, 0, 0, 10]
        rows = [[[[int(k), int(row[k])] for k in np.flatnonzero(row)]] for row in arrays["counts"]]
        assert rows[0] == undisturbed[0]
        assert rows[4] == undisturbed[4]
        said = json.loads(str(arrays["metadata"]))
    assert (said["run"], said["there"], said["provenance"]["shots"]) == (bench.id, 3, 10)


def test_export_of_nothing_yet(bench: Bench, tmp_path: Path) -> None:
    halted(bench)
    found = json.loads(bench("jobs", "export", bench.id).out)
    assert (found["there"], found["bits"], found["provenance"], counts(found)) == (0, None, None, [None] * 5)
    file = tmp_path / "counts.npz"
    assert bench("jobs", "export", bench.id, "-o", str(file)).code == 0
    with np.load(file) as arrays:
        assert sorted(arrays.files) == ["metadata", "there"]


def test_several_registers_are_several_arrays(bench: Bench, tmp_path: Path) -> None:
    both = Circuit(num_qubits=3, operations=[op("ry", 0, angles=["t"])], measured=[[0], [2, 1]])
    Path(bench.circuit).write_text(both.to_json())
    bench.run()
    file = tmp_path / "counts.npz"
    assert bench("jobs", "export", bench.id, "-o", str(file)).code == 0
    with np.load(file) as arrays:
        assert (arrays["counts_0"].shape, arrays["counts_1"].shape) == ((5, 2), (5, 4))
    lines = bench("jobs", "resume", bench.id).out.splitlines()
    assert lines[0].split() == ["row", "register", "outcome", "count", "share"]


def test_raw_answers_are_written_as_they_came(bench: Bench, tmp_path: Path) -> None:
    partly(bench)
    folder = tmp_path / "raw"
    outcome = bench("jobs", "export", bench.id, "--raw", str(folder))
    assert (outcome.code, outcome.out, outcome.err) == (0, "", f"2 raw answers in {folder}\n")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        f"{bench.id}-00000.json": b'{"job": "1"}',
        f"{bench.id}-00002.json": b'{"job": "3"}',
    }
    both = bench("jobs", "export", bench.id, "--raw", str(folder), "-o", str(tmp_path / "c.json"))
    assert (both.code, (tmp_path / "c.json").exists()) == (0, True)


def test_a_damaged_raw_answer_is_told(bench: Bench, tmp_path: Path) -> None:
    bench.run()
    with closing(sqlite3.connect(default_path())) as database, database:
        database.execute("DROP TRIGGER payloads_are_immutable")
        database.execute("UPDATE payloads SET data = x'00' WHERE hash IN (SELECT raw FROM events WHERE chunk = 1)")
    outcome = bench("jobs", "export", bench.id, "--raw", str(tmp_path / "raw"))
    assert outcome.code == 2
    assert f"error[ledger]: the raw answer of chunk 1 of run {bench.id!r} in {default_path()} is damaged" in outcome.err
    assert bench("jobs", "export", bench.id).code == 0


def test_a_place_that_cannot_be_written_is_told(bench: Bench, tmp_path: Path) -> None:
    bench.run()
    outcome = bench("jobs", "export", bench.id, "-o", str(tmp_path))
    assert outcome.code == 2
    assert outcome.err == f"error[ledger]: cannot write {tmp_path}: Is a directory\n"


# --- pruning -----------------------------------------------------------------------------------------------------


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


# --- pulled plugs ------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_run_whose_process_was_stopped_is_finished_by_resume(
    blow: signal.Signals, bench: Bench, undisturbed: list[Any]
) -> None:
    bench.put("hold")
    process = started(bench, lambda: all_submitted(bench))
    process.send_signal(blow)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == (130 if blow is signal.SIGINT else -signal.SIGKILL)
    assert out == ""
    if blow is signal.SIGINT:
        assert err.splitlines() == [
            "interrupted",
            f"run {bench.id}: 0 of 3 chunks done, 3 submitted; go on with: qadapt jobs resume {bench.id}",
        ]
    bench.take("hold")
    assert counts(bench.json("jobs", "resume", bench.id)) == undisturbed
    assert bench.sent() == ["0-0", "1-0", "2-0"]


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("find", [True, False])
def test_a_run_stopped_in_the_middle_of_a_submit(
    blow: signal.Signals, find: bool, bench: Bench, undisturbed: list[Any]
) -> None:
    bench.put("hold")
    bench.put("hang", "2")
    if not find:
        bench.put("no-find")
    process = started(bench, lambda: len(bench.sent()) == 2)
    process.send_signal(blow)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == (130 if blow is signal.SIGINT else -signal.SIGKILL)
    assert bench.states() == ["submitted", "intended", "planned"]
    bench.take("hold")
    bench.take("hang")
    if not find:
        outcome = bench("jobs", "resume", bench.id)
        assert (outcome.code, bench.states()) == (2, ["done", "in doubt", "done"])
        assert bench("jobs", "settle", bench.id, "1", "--job", "2").code == 0
    assert counts(bench.json("jobs", "resume", bench.id)) == undisturbed
    assert bench.sent() == ["0-0", "1-0", "2-0"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        *((["--deadline", number], "--deadline") for number in ("inf", "nan", "0", "-1", "soon")),
        *((["--jobs", number], "--jobs") for number in ("0", "-1", "1.5")),
    ],
)
@pytest.mark.parametrize("command", ["run", "resume"])
def test_numbers_that_mean_nothing_are_refused_in_words(
    bench: Bench, command: str, words: list[str], option: str
) -> None:
    outcome = bench.run(*words) if command == "run" else bench("jobs", "resume", "x", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert re.search(f"Invalid value for '?{option}", outcome.err)
    assert "Traceback" not in outcome.err
    assert not bench.sent()


def test_an_option_is_named_as_it_is_typed() -> None:
    for field, option in (("rows", "--rows-per-job"), ("jobs", "--jobs"), ("in_doubt", "--in-doubt")):
        values: dict[str, Any] = {"jobs": None, "deadline": 1.0, "in_doubt": "hold", "cancel": False, field: 0}
        with pytest.raises(typer.BadParameter) as caught:
            read_policy(**values)
        assert caught.value.param_hint == option
