"""``qadapt jobs``: from a ledger of runs that stopped to counts: list, resume, settle and cancel."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from cli_bench import ROWS, Bench, answer, counts, doubtful, halted, intended, interrupted
from qadapt.cli import jobs
from qadapt.jobs import Ledger, State
from qadapt.jobs.ledger import default_path


def test_an_empty_ledger(bench: Bench) -> None:
    assert bench("jobs", "list").out == f"No runs in {default_path()}.\n"
    assert bench.json("jobs", "list") == []
    for words in (
        ["prune"],
        ["show", "x"],
        ["export", "x"],
        ["resume", "x"],
        ["cancel", "x"],
        ["settle", "x", "0", "--lost"],
    ):
        outcome = bench("jobs", *words)
        assert (outcome.code, outcome.err.splitlines()[0]) == (2, f"error[ledger]: there is no ledger {default_path()}")
    assert not default_path().parent.exists(), "nothing is made by looking"
    Ledger().close()
    assert bench("jobs", "list").out == f"No runs in {default_path()}.\n"
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


def test_a_finished_run_is_shown(bench: Bench, undisturbed: list[Any]) -> None:
    first = bench.run()
    again = bench("jobs", "resume", bench.id)
    assert again.code == 0
    assert len(bench.sent()) == 3
    shares = [line.split()[-3:] for line in first.out.splitlines()]
    assert [line.split()[-3:] for line in again.out.splitlines()] == shares
    assert again.out == first.out, "with the values of every row"
    assert counts(bench.json("jobs", "resume", bench.id)) == undisturbed


def test_what_resume_has_shown_is_handed_out(bench: Bench) -> None:
    halted(bench)
    name = bench.id
    assert bench("jobs", "resume", name).code == 0
    assert bench.json(*bench.words())["run"] != name
    assert len(bench.sent()) == 6


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
