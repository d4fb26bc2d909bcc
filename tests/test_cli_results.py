"""``qadapt jobs export``: what was asked for and what came of it, as JSON, arrays and raw answers."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from cli_bench import CIRCUIT, ROWS, Bench, counts, halted, partly
from qadapt.circuit import Circuit, op
from qadapt.jobs import Ledger
from qadapt.jobs.ledger import default_path


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
    assert Circuit(**found["circuit"]) == CIRCUIT
    assert found["circuit_hash"] == CIRCUIT.content_hash
    assert [row["bindings"] for row in found["rows"]] == [{"t": value} for value in (0, 0.5, 1, 1.5, 2)]
    options = {name: found[name] for name in ("seed", "packed", "spacing", "rows_per_job")}
    assert options == {"seed": 4, "packed": None, "spacing": 0, "rows_per_job": 2}


def test_an_export_is_enough_to_run_it_again(bench: Bench, undisturbed: list[Any], tmp_path: Path) -> None:
    """With its values in the rows and on a machine whose native angles are other ones."""
    bench.run()
    found = json.loads(bench("jobs", "export", bench.id).out)
    (tmp_path / "again.json").write_text(json.dumps(found["circuit"]))
    values = ",".join(str(row["bindings"]["t"]) for row in found["rows"])
    words = ["--backend", found["backend"], "--shots", str(found["shots"]), "--seed", str(found["seed"])]
    words += ["--rows-per-job", str(found["rows_per_job"]), "--set", f"t={values}"]
    again = bench.json("run", str(tmp_path / "again.json"), *words)
    assert (again["run"] == found["run"], counts(again)) == (False, undisturbed)
    assert again["circuit_hash"] == found["circuit_hash"]


def test_values_of_an_export_are_those_that_were_given_wherever_it_ran(bench: Bench, tmp_path: Path) -> None:
    file, out = str(tmp_path / "mine.db"), tmp_path / "counts.npz"
    given = Circuit(num_qubits=2, operations=[op("rz", 1, angles=["b"]), *CIRCUIT.operations], measured=[0, 1])
    Path(bench.circuit).write_text(given.to_json())
    words = ["run", bench.circuit, *ROWS, "--set", "b=0.25", "--backend", "local:emulator/heron-r2", "--seed", "1"]
    assert bench(*words, "--ledger", file).code == 0
    with Ledger(file) as book:
        name = book.runs()[0].id
        assert book.plan(name).tiles == 5
    found = json.loads(bench("jobs", "export", name, "--ledger", file).out)
    assert [row["bindings"] for row in found["rows"]] == [{"b": 0.25, "t": value} for value in (0, 0.5, 1, 1.5, 2)]
    assert bench("jobs", "export", name, "-o", str(out), "--ledger", file).code == 0
    with np.load(out, allow_pickle=False) as arrays:
        assert json.loads(str(arrays["metadata"]))["parameters"] == ["b", "t"]
        assert arrays["bindings"].tolist() == [[0.25, value] for value in (0, 0.5, 1, 1.5, 2)]


def test_a_circuit_without_parameters_is_exported(bench: Bench) -> None:
    Path(bench.circuit).write_text(Circuit(num_qubits=1, measured=[0]).to_json())
    assert bench("run", bench.circuit, "--backend", "folder:box", "--shots", "7").code == 0
    found = json.loads(bench("jobs", "export", bench.id).out)
    assert found["rows"] == [{"bindings": {}, "counts": [[[0, 7]]]}]


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
        assert sorted(arrays.files) == ["bindings", "metadata", "there"]
        assert arrays["bindings"].shape == (5, 1)


def test_several_registers_are_several_arrays(bench: Bench, tmp_path: Path) -> None:
    both = Circuit(num_qubits=3, operations=[op("ry", 0, angles=["t"])], measured=[[0], [2, 1]])
    Path(bench.circuit).write_text(both.to_json())
    bench.run()
    file = tmp_path / "counts.npz"
    assert bench("jobs", "export", bench.id, "-o", str(file)).code == 0
    with np.load(file) as arrays:
        assert (arrays["counts_0"].shape, arrays["counts_1"].shape) == ((5, 2), (5, 4))
    lines = bench("jobs", "resume", bench.id).out.splitlines()
    assert lines[0].split() == ["row", "t", "register", "outcome", "count", "share"]


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
