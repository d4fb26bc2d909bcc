"""``qadapt compile`` and ``qadapt run``, from a file to counts."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cli_tools import CHIP, Acme, call, install
from oracles import phase_distance, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.compile.prediction import depth, predict
from qadapt.provider import violations

QASM = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\nmeasure q -> c;\n'
TURN = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["t"]), op("rx", 1, angles=["u"])], measured=[1, 0])


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, acme=Acme)


@pytest.fixture
def bell(tmp_path: Path) -> str:
    (tmp_path / "bell.qasm").write_text(QASM)
    return str(tmp_path / "bell.qasm")


@pytest.fixture
def turn(tmp_path: Path) -> str:
    (tmp_path / "turn.json").write_text(TURN.to_json())
    return str(tmp_path / "turn.json")


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    outcome = call(capsys, "run", *arguments, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    found: dict[str, Any] = json.loads(outcome.out)
    return found


def test_compile_prints_the_native_circuit(bell: str, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = call(capsys, "compile", bell, "--backend", "acme:chip", "--json")
    assert outcome.code == 0
    native = Circuit.from_json(outcome.out)
    assert violations(native, CHIP) == []
    assert native.to_json() == outcome.out.strip()


def test_compile_writes_what_it_prints(bell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "native.json"
    outcome = call(capsys, "compile", bell, "--backend", "acme:chip", "-o", str(file), "--json", "--seed", "3")
    assert file.read_text() == outcome.out


def test_compile_tells_layout_counts_and_depth(bell: str, capsys: pytest.CaptureFixture[str]) -> None:
    native = Circuit.from_json(call(capsys, "compile", bell, "--backend", "acme:chip", "--json").out)
    lines = call(capsys, "compile", bell, "--backend", "acme:chip").out.splitlines()
    told = {line.split()[0]: line.split(maxsplit=1)[1].strip() for line in lines}
    assert told["target"] == "chip"
    assert told["layout"] in ("0→1, 1→2", "0→2, 1→1"), "the better of the two live couplers"
    assert told["measured"] == " ".join(map(str, native.bits))
    assert "1 cz" in told["gates"]
    assert told["entangling"] == "1"
    assert told["depth"] == str(depth(native))
    assert told["process"] == f"fidelity  {predict(native, CHIP).process:.4f}"
    assert told["readout"] == "fidelity  1.0000"
    assert told["hash"] == native.content_hash


def test_a_compiled_circuit_can_be_piped_into_run(
    bell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    native = call(capsys, "compile", bell, "--backend", "acme:chip", "--json").out
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(native.encode())))
    (row,) = document(capsys, "-", "--backend", "acme:exact", "--shots", "500")["rows"]
    assert [outcome for outcome, _ in row["counts"][0]] == [0, 3]


def test_run_gives_integers_and_provenance(bell: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, bell, "--backend", "acme:exact", "--shots", "1000", "--seed", "5")
    (row,) = found["rows"]
    ((outcomes),) = row["counts"]
    assert [outcome for outcome, _ in outcomes] == [0, 3]
    assert sum(count for _, count in outcomes) == found["shots"] == 1000
    assert row["bindings"] == {}
    assert found["registers"] == [[0, 1]]
    assert found["circuit_hash"] == Circuit.from_json(json.dumps(CIRCUIT_OF_QASM)).content_hash
    assert found["provenance"]["backend"] == "acme:exact"
    assert found["provenance"]["seed"] == 5
    assert found["provenance"]["simulated"] is True
    assert found == document(capsys, bell, "--backend", "acme:exact", "--shots", "1000", "--seed", "5")


CIRCUIT_OF_QASM = {
    "schema_version": 1,
    "num_qubits": 2,
    "operations": [{"gate": "h", "qubits": [0]}, {"gate": "cx", "qubits": [0, 1]}],
    "measured": [[0, 1]],
}


def test_exact_simulators_give_equal_counts_for_equal_seeds(
    turn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--set", "t=0.3,1.1,2.9", "--set", "u=0.7", "--seed", "11", "--shots", "5000"]
    ours = document(capsys, turn, "--backend", "acme:exact", *arguments)
    monkeypatch.undo()
    assert document(capsys, turn, "--backend", "local:statevector", *arguments)["rows"] == ours["rows"]


def test_rows_come_from_the_command_line(turn: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(
        capsys, turn, "--backend", "acme:exact", "--set", f"t=0,{np.pi},-0.0", "--set", "u=3.141592653589793"
    )
    assert [row["bindings"]["t"] for row in found["rows"]] == [0, np.pi, 0]
    # Qubit 1 is bit 0 and always turned; qubit 0 is bit 1 and turned in the second row.
    assert [row["counts"] for row in found["rows"]] == [[[[1, 1024]]], [[[3, 1024]]], [[[1, 1024]]]]


def test_rows_come_from_a_file_and_are_joined_with_the_command_line(
    turn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps({"t": [0, np.pi]}))
    found = document(capsys, turn, "--backend", "acme:exact", "--bindings", str(file), "--set", "u=0", "--shots", "7")
    assert [row["counts"] for row in found["rows"]] == [[[[0, 7]]], [[[2, 7]]]]


def test_people_see_bit_strings_with_bit_0_rightmost(turn: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "run",
        turn,
        "--backend",
        "acme:exact",
        "--set",
        "t=0,3.141592653589793",
        "--set",
        "u=0",
        "--shots",
        "10",
    ]
    outcome = call(capsys, *arguments)
    lines = [line.split() for line in outcome.out.splitlines()]
    assert lines == [
        ["row", "t", "u", "outcome", "count", "share"],
        ["0", "0", "0", "00", "10", "1.0000"],
        ["1", "3.14159", "0", "10", "10", "1.0000"],
    ]
    assert outcome.err == "acme:exact: simulated, 10 shots per row, bit 0 is rightmost, noise: none of note\n"


def test_several_registers_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "two.json"
    circuit = Circuit(num_qubits=3, operations=[op("rx", 2, angles=[np.pi])], measured=[[0, 2], [1]])
    file.write_text(circuit.to_json())
    found = document(capsys, str(file), "--backend", "acme:exact", "--shots", "4")
    assert found["registers"] == [[0, 2], [1]]
    assert found["rows"][0]["counts"] == [[[2, 4]], [[0, 4]]]
    lines = [line.split() for line in call(capsys, "run", str(file), "--backend", "acme:exact").out.splitlines()]
    assert lines[1:] == [["0", "0", "10", "1024", "1.0000"], ["0", "1", "0", "1024", "1.0000"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["BELL", "--backend", "acme"], "error[target]: 'acme' is not a backend name"),
        (["BELL", "--backend", "acme:lost"], "error[target]: acme has no target 'lost'"),
        (["BELL", "--backend", "emca:x"], "error[missing-extra]: no provider 'emca'"),
        (["/no/such/file", "--backend", "acme:exact"], "error[circuit]: cannot read /no/such/file: No such file"),
        (["FOLDER", "--backend", "acme:exact"], "error[circuit]: cannot read"),
        (["BINARY", "--backend", "acme:exact"], "it is not UTF-8 text"),
        (["EMPTY", "--backend", "acme:exact"], "error[circuit]: neither circuit JSON nor OpenQASM"),
        (["UNMEASURED", "--backend", "acme:exact"], "error[circuit]: the circuit measures nothing"),
        (["TURN", "--backend", "acme:exact"], "error[bindings]: parameters do not match the circuit: missing"),
        (["TURN", "--backend", "acme:exact", "--set", "t"], "error[bindings]: 't' sets no parameter"),
        (["TURN", "--backend", "acme:exact", "--set", "t=pi"], "'t' is 'pi', expected numbers"),
        (["TURN", "--backend", "acme:exact", "--set", "t=nan", "--set", "u=1"], "'t' is nan"),
        (["TURN", "--backend", "acme:exact", "--set", "t=1", "--set", "t=2"], "'t' is set twice"),
        (["TURN", "--backend", "acme:exact", "--set", "t=1,2", "--set", "u=1,2,3"], "shapes do not broadcast"),
        (["TURN", "--backend", "acme:exact", "--set", "t=1,", "--set", "u=1"], "expected numbers"),
        (["TURN", "--backend", "acme:exact", "--bindings", "/no/file"], "error[bindings]: cannot read /no/file"),
        (["TURN", "--backend", "acme:exact", "--bindings", "EMPTY"], "is not JSON"),
        (["TURN", "--backend", "acme:exact", "--bindings", "LIST"], "holds a JSON list"),
        (["TURN", "--backend", "acme:exact", "--bindings", "VALUES", "--set", "t=1"], "'t' is set twice"),
        (["TURN", "--backend", "acme:exact", "--bindings", "TEXT"], "error[bindings]: parameter 't' holds"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    arguments: list[str], said: str, tmp_path: Path, bell: str, turn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files: dict[str, bytes] = {
        "BINARY": b"\xff\xfe",
        "EMPTY": b"",
        "UNMEASURED": b'{"schema_version":1,"num_qubits":1}',
        "LIST": b"[1]",
        "VALUES": b'{"t":1,"u":2}',
        "TEXT": b'{"t":"one","u":2}',
    }
    places = {"BELL": bell, "TURN": turn, "FOLDER": str(tmp_path)}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        places[name] = str(tmp_path / name)
    outcome = call(capsys, "run", *(places.get(argument, argument) for argument in arguments))
    assert outcome.code == 2
    assert not outcome.out
    assert outcome.err.startswith("error[")
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_compile_mistakes_list_what_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wide.json"
    file.write_text(Circuit(num_qubits=9, operations=[op("cx", 0, 8)], measured=[0, 8]).to_json())
    outcome = call(capsys, "compile", str(file), "--backend", "acme:chip")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error[target]: ")
    outcome = call(capsys, "compile", str(file), "--backend", "acme:exact", "-o", str(tmp_path / "no" / "folder"))
    assert outcome.code == 2


def test_compile_keeps_the_unitary_of_what_measures_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "unitary.qasm"
    file.write_text('OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nh q[0];\ncx q[0], q[1];\nt q[1];\n')
    native = Circuit.from_json(call(capsys, "compile", str(file), "--backend", "acme:exact", "--json").out)
    source = Circuit(num_qubits=2, operations=[op("h", 0), op("cx", 0, 1), op("t", 1)])
    none = Bindings.of({})
    small = unitary(native, none, 0)[:4, :4]
    assert phase_distance(small, unitary(source, none, 0)) < 1e-9
