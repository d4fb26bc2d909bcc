"""``qadapt jobs show``: how far a run is, what it has cost, and what to do next."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cli_bench import Bench, doubtful, halted
from clouds.folder import RULE
from qadapt.cli.standing import Standing, command, short
from qadapt.jobs import Ledger, State


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
    for number in range(3):
        assert [e["state"] for e in found["events"] if e["chunk"] == number] == ["intended", "submitted"]
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


def test_a_submit_in_doubt_is_dated_by_its_latest_try(bench: Bench) -> None:
    doubtful(bench)
    with Ledger() as book:
        standing = Standing.of(book, book.runs()[0])
    (chunk,) = standing.doubt
    (tried,) = [e.time for e in standing.events if (e.chunk, e.state) == (1, State.INTENDED)]
    assert standing.sent(chunk) == tried < chunk.changed
    assert Standing(standing.entry, standing.chunks, []).sent(chunk) == chunk.changed


def test_long_job_ids_are_short_in_tables_and_whole_in_json(bench: Bench) -> None:
    task, uuid = "5F0A" * 8, "48ea9c54-a549-4249-9a2d-2ec9135e6b7d"
    ids = [
        f"{task}/200x1000/{'9c41' * 16}/{'.'.join(map(str, range(60)))}",
        f"arn:aws:some:eu-north-1:000000000000:quantum-task/{uuid}",
        "x" * 69,
    ]
    halted(bench)
    with Ledger() as book:
        for chunk, job in enumerate(ids):
            book.record(bench.id, chunk, State.SUBMITTED, job=job)
    for words in ([], ["--events"]):
        outcome = bench("jobs", "show", bench.id, *words)
        assert all(part in outcome.out for part in (f" {task}…", f"{uuid} ", f" {'x' * 69} "))
        assert not any(job in outcome.out for job in ids[:2])
    assert [chunk["job"] for chunk in bench.json("jobs", "show", bench.id)["chunks"]] == ids


@given(st.text(alphabet="0123456789abcdef/:-", min_size=60, max_size=80))
def test_short_is_short_and_has_both_ends(job: str) -> None:
    told = short(job)
    assert len(told) <= 69
    assert told == job or (told[:32], told[32], told[33:]) == (job[:32], "…", job[-36:])
    assert (told == job) == (len(job) <= 69)


def test_a_path_in_a_command_can_be_typed() -> None:
    assert command("resume", "x", file=Path("my runs.db")) == "qadapt jobs resume x --ledger 'my runs.db'"
