"""``qadapt run`` with a ledger: what is recorded, what it costs, and plugs that are pulled."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cli_bench import PATIENCE, ROWS, Bench, all_submitted, counts, halted, interrupted, started
from clouds.folder import RULE, FolderBackend
from qadapt.cli import jobs
from qadapt.errors import UnavailableError
from qadapt.jobs import Ledger
from qadapt.jobs.ledger import default_path


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
    file = tmp_path / "mine.db"
    words = ["run", bench.circuit, *ROWS, "--backend", "local:statevector", "--label", "x"]
    assert "the label is not kept; --ledger FILE records it" in bench(*words).err
    assert bench(*words, "--ledger", str(file)).code == 0
    assert not default_path().exists()
    (found,) = bench.json("jobs", "list", "--ledger", str(file))
    assert (found["backend"], found["label"]) == ("local:statevector", "x")
    assert bench("jobs", "resume", "x", "--ledger", str(file)).code == 0
    assert counts(json.loads(bench("jobs", "export", "x", "--ledger", str(file)).out))[0] == [[[0, 1024]]]


def test_a_typo_in_a_ledgers_path_makes_no_folders(bench: Bench, tmp_path: Path) -> None:
    for more in ([], ["--dry-run"]):
        outcome = bench.run("--ledger", str(tmp_path / "typo" / "mine.db"), *more)
        assert (outcome.code == 0) == bool(more)
        assert not (tmp_path / "typo").exists()
    assert (
        f"error[ledger]: there is no folder {tmp_path / 'typo'} for the ledger"
        in bench.run("--ledger", str(tmp_path / "typo" / "mine.db")).err
    )
    assert not bench.sent()


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("command", ["run", "resume"])
def test_what_was_not_printed_is_not_paid_again(
    form: str, command: str, bench: Bench, monkeypatch: pytest.MonkeyPatch, undisturbed: list[Any]
) -> None:
    """A process that ends while it prints: the same command prints the same counts."""
    if command == "resume":
        halted(bench)
    words = ["jobs", "resume", bench.id] if command == "resume" else bench.words()
    printed = []

    def die(*_: Any, **__: Any) -> None:
        printed.append(True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(
            f"qadapt.cli.{'jobs' if command == 'resume' else 'run'}.show_{'json' if form == 'json' else 'counts'}", die
        )
        outcome = bench(*words, *(["--json"] if form == "json" else []))
        assert (outcome.code, printed) == (130, [True])
    name = bench.id
    if command == "run":
        assert f"run {name}: 3 of 3 chunks done; export its counts with: qadapt jobs export {name}" in outcome.err
    found = bench.json(*bench.words())
    assert (found["run"], counts(found), len(bench.sent())) == (name, undisturbed, 3)
    assert bench.json(*bench.words())["run"] != name, "it has been printed"


def test_a_pipe_that_breaks_loses_nothing(bench: Bench) -> None:
    """``qadapt run ... | head``, with a reader that has gone, in a process of its own."""
    read, write = os.pipe()
    os.close(read)
    script = Path(__file__).parent / "clouds" / "folder.py"
    done = subprocess.run(
        [sys.executable, str(script), str(bench.folder), *bench.words()], stdout=write, timeout=PATIENCE
    )
    os.close(write)
    assert done.returncode != 0
    name = bench.id
    assert bench.json(*bench.words())["run"] == name
    assert len(bench.sent()) == 3


def test_rows_per_job_are_rows_where_copies_run_side_by_side(bench: Bench, tmp_path: Path) -> None:
    file = str(tmp_path / "mine.db")
    words = ["run", bench.circuit, *ROWS, "--backend", "local:emulator/heron-r2", "--rows-per-job", "2", "--shots", "9"]
    assert bench(*words, "--ledger", file).code == 0
    with Ledger(file) as book:
        (entry,) = book.runs()
        plan = book.plan(entry.id)
    assert (plan.tiles, [plan.size(chunk) for chunk in range(len(plan.chunks))]) == (2, [1, 1, 1])


def test_a_vendor_that_is_down_leaves_the_command_that_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise UnavailableError("503", provider="folder")

    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr(FolderBackend, "fetch", down)
        outcome = bench.run()
    assert outcome.code == 2
    assert f"go on with: qadapt jobs resume {bench.id}\nerror[unavailable]: 503\n" in outcome.err
    assert bench("jobs", "resume", bench.id).code == 0
    assert len(bench.sent()) == 3


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
    assert bench.states()[:2] == ["submitted", "intended"]
    assert bench.states()[2] in ("planned", "intended")
    bench.take("hold")
    bench.take("hang")
    if not find:
        outcome = bench("jobs", "resume", bench.id)
        assert (outcome.code, bench.states()) == (2, ["done", "in doubt", "done"])
        assert bench("jobs", "settle", bench.id, "1", "--job", "2").code == 0
    assert counts(bench.json("jobs", "resume", bench.id)) == undisturbed
    assert bench.sent() == ["0-0", "1-0", "2-0"]
