"""``qadapt compile``: efforts, matrices, several backends, and the report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from cli_tools import CHIP, EXACT, Acme, call, install
from oracles import adapter_circuit, phase_distance, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.cli import matrix
from qadapt.cli.drawing import LONGEST, draw
from qadapt.compile import pack
from qadapt.compile.prediction import predict
from qadapt.gates import GATES
from qadapt.provider import Backend
from qadapt.synthesis import brick_wall
from qadapt.target import Qubit, Site, Target

PAIRS = Target(
    name="pairs",
    num_qubits=6,
    native=("sx", "rz", "cz"),
    sites={
        "cz": [Site(qubits=(q, q + 1), error=0.01 * (q + 1), duration=1e-7) for q in range(5)],
        "sx": [Site(qubits=(q,), error=0.0, duration=1e-8) for q in range(6)],
    },
    qubits=[Qubit(prob_meas1_prep0=0.01 * q, prob_meas0_prep1=0.01 * q) for q in range(6)],
)


class More(Acme):
    """The test provider with a longer chip."""

    def targets(self) -> dict[str, Target]:
        return {**super().targets(), PAIRS.name: PAIRS}

    def open(self, target: str) -> Backend:
        return super().open(target)


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, acme=More)


def rotation(seed: int, size: int, rows: int | None = None):
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(rows or 1, size, size)))[0]
    q[:, 0] *= np.linalg.det(q)[:, None]
    return q if rows else q[0]


def saved(folder: Path, matrices) -> str:
    np.save(folder / "blocks.npy", matrices)
    return str(folder / "blocks.npy")


def written(folder: Path, *operations, num_qubits: int = 2, measured=(0, 1)) -> str:
    circuit = Circuit(num_qubits=num_qubits, operations=operations, measured=measured)
    (folder / "circuit.json").write_text(circuit.to_json())
    return str(folder / "circuit.json")


def reported(capsys, file: str, *backends: str, effort: str = "fast"):
    words = [word for backend in backends for word in ("--backend", backend)]
    outcome = call(capsys, "compile", file, *words, "--report", "--json", "--effort", effort)
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert found["effort"] == effort
    assert [each["backend"] for each in found["backends"]] == list(backends)
    return found["backends"]


def cells(table: str) -> dict[str, list[str]]:
    """Cells of each row of a table by the first one."""
    rows = [re.split(r"\s{2,}", line.rstrip()) for line in table.splitlines()]
    return {name: rest for name, *rest in rows}


def native_matrix(native: Circuit, num_qubits: int, layout, final):
    big = unitary(native, Bindings.of({}), 0)
    index = np.arange(2**num_qubits)

    def at(places):
        return sum(((index >> qubit) & 1) << places[qubit] for qubit in range(num_qubits))

    return big[np.ix_(at(final), at(layout))]


def test_a_report_says_what_prediction_and_packing_say(tmp_path, capsys):
    circuit = adapter_circuit(2, ((0, 1),) * 3)
    (tmp_path / "block.json").write_text(circuit.to_json())
    (found,) = reported(capsys, str(tmp_path / "block.json"), "acme:pairs")
    text = call(capsys, "compile", str(tmp_path / "block.json"), "--backend", "acme:pairs", "--json").out
    native = Circuit.from_json(text)
    expected = predict(native, PAIRS)
    assert found["process_fidelity"] == expected.process
    assert found["readout_fidelity"] == expected.readout == pytest.approx(0.99)
    assert (found["entangling"], found["pulses"]) == (3, 16)
    assert (found["depth"], found["entangling_depth"]) == (expected.depth, 3)
    assert found["duration"] == pytest.approx(3e-7 + 8e-8)
    assert (found["parameters"], found["rows"], found["residual"]) == (8, None, None)
    assert found["gates"] == {"cz": 3, "rz": 8, "sx": 16}
    assert found["hash"] == native.content_hash
    tiles = predict(pack(circuit, PAIRS).circuit, PAIRS).parts
    assert len(tiles) == 3
    assert found["tiles"]["count"] == 3
    assert found["tiles"]["executions"] is None
    assert found["tiles"]["process_fidelity"]["mean"] == pytest.approx(sum(tile.process for tile in tiles) / 3)
    assert found["tiles"]["process_fidelity"]["worst"] == min(tile.process for tile in tiles)


def test_backends_stand_side_by_side(tmp_path, capsys):
    file = written(tmp_path, op("h", 0), op("cx", 0, 1))
    exact, chip = reported(capsys, file, "acme:exact", "acme:chip")
    assert (exact["target"], chip["target"]) == ("exact", "chip")
    assert (exact["process_fidelity"], exact["tiles"], exact["duration"]) == (1, None, None)
    assert chip["process_fidelity"] == pytest.approx(1 - 0.0125)
    assert (chip["calibrated"], chip["sample"]) == ("2026-04-01T12:30:00+00:00", True)
    both = call(capsys, "compile", file, "--backend", "acme:exact", "--backend", "acme:chip").out.splitlines()
    assert both[0].split() == ["acme:exact", "acme:chip"]
    assert next(line.split() for line in both if line.startswith("process")) == [
        "process",
        "fidelity",
        "1.0000",
        "0.9875",
    ]


def test_the_report_for_people(tmp_path, capsys):
    file = written(tmp_path, op("h", 0), op("cx", 0, 1))
    outcome = call(capsys, "compile", file, "--backend", "acme:exact", "--backend", "acme:chip", "--report")
    table, *drawings = outcome.out.split("\n\n")
    rows = cells(table)
    assert rows[""] == ["acme:exact", "acme:chip"]
    assert rows["entangling gates"] == ["1", "1"]
    assert rows["process fidelity"] == ["1.0000", "0.9875"]
    assert rows["duration"] == ["-", "-"]
    assert rows["calibrated"] == ["-", "2026-04-01 (sample)"]
    assert rows["tiles"] == ["-", "1"]
    assert "executions" not in rows, "nothing is known of rows"
    assert "residual, worst" not in rows
    assert [drawing.splitlines()[0] for drawing in drawings] == ["acme:exact", "acme:chip"]
    assert "q0:" in drawings[0]
    assert "┤ H ├" in drawings[0]
    assert "√X" in drawings[1]


@pytest.mark.parametrize("size", [2, 4, 8])
@pytest.mark.parametrize("effort", ["fast", "best"])
def test_a_rotation_becomes_its_circuit(size, effort, tmp_path, capsys):
    matrix = rotation(size, size)
    file = saved(tmp_path, matrix)
    (found,) = reported(capsys, file, "acme:pairs", effort=effort)
    text = call(capsys, "compile", file, "--backend", "acme:pairs", "--effort", effort, "--json").out
    native = Circuit.from_json(text)
    assert native.content_hash == found["hash"]
    assert native.parameters == native.measured == ()
    got = native_matrix(native, size.bit_length() - 1, found["layout"], found["final"])
    assert phase_distance(got, matrix) < 1e-8
    assert found["residual"] < 1e-9
    assert found["rows"] == 1
    assert found["entangling"] <= {2: 0, 4: 2, 8: 14}[size]


def test_many_rotations_become_one_circuit_with_parameters(tmp_path, capsys):
    (found,) = reported(capsys, saved(tmp_path, rotation(0, 4, rows=7)), "acme:pairs")
    assert (found["parameters"], found["rows"], found["entangling"]) == (6, 7, 2)
    assert found["tiles"]["executions"] == 3
    table = call(capsys, "compile", str(tmp_path / "blocks.npy"), "--backend", "acme:pairs", "--report").out
    rows = cells(table.split("\n\n")[0])
    assert (rows["matrices"], rows["executions"], rows["parameters"]) == (["7"], ["3"], ["6"])
    assert float(rows["residual, worst"][0]) < 1e-9


@pytest.mark.parametrize("kind", ["complex", "determinant -1", "side 4, determinant -1", "complex dtype"])
def test_other_matrices_become_circuits_too(kind, tmp_path, capsys):
    rng = np.random.default_rng(1)
    matrix = np.linalg.qr(rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8)))[0]
    if kind == "determinant -1":
        matrix = rotation(1, 8)[::-1] * ([-1] + [1] * 7)
        matrix[0] *= -np.linalg.det(matrix)
    if kind == "side 4, determinant -1":
        matrix = rotation(1, 4) * [-1, 1, 1, 1]
    if kind == "complex dtype":
        matrix = rotation(1, 8).astype(complex)
    file = saved(tmp_path, matrix)
    (found,) = reported(capsys, file, "acme:pairs", effort="best")
    native = Circuit.from_json(
        call(capsys, "compile", file, "--backend", "acme:pairs", "--effort", "best", "--json").out
    )
    got = native_matrix(native, len(matrix).bit_length() - 1, found["layout"], found["final"])
    assert phase_distance(got, matrix) < 1e-9
    assert found["residual"] < 1e-9
    assert found["entangling"] <= {"side 4, determinant -1": 3, "complex dtype": 14}.get(kind, 34)


def test_best_effort_saves_what_fast_does_not(tmp_path, capsys):
    file = written(tmp_path, op("swap", 0, 1), op("cx", 0, 1), op("h", 0))
    (fast,), (best,) = (reported(capsys, file, "acme:chip", effort=effort) for effort in ("fast", "best"))
    assert (fast["entangling"], best["entangling"]) == (4, 2)
    assert best["process_fidelity"] > fast["process_fidelity"]


@pytest.mark.parametrize(("measured", "read"), [((), (0, 1)), ((0, 1), (0, 1)), ((1,), (1,))])
def test_readout_is_that_of_the_measured_qubits_or_of_all(measured, read, tmp_path, capsys):
    file = written(tmp_path, op("cz", 0, 1), op("sx", 1), measured=measured)
    (found,) = reported(capsys, file, "acme:pairs")
    assert [qubit for register in found["measured"] for qubit in register] == [found["final"][q] for q in measured]
    expected = np.prod([1 - PAIRS.readout_error(found["final"][qubit]) for qubit in read])
    assert found["readout_fidelity"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "error[bindings]: FILE is no NumPy file of numbers"),
        (b"import numpy", "is no NumPy file of numbers"),
        (np.array(["a"]), "holds an array [1] of <U1, expected numbers of shape [d, d] or [rows, d, d]"),
        (np.zeros((0, 2, 2)), "holds an array [0, 2, 2]"),
        (np.float64(1), "no array"),
        (np.ones(4), "holds an array [4] of float64"),
        (np.ones((2, 4)), "got [1, 2, 4]"),
        (np.ones((3, 3)), "got [3, 3]"),
        (np.ones((4, 4)), "row 0 is not orthogonal"),
        (np.eye(4) * np.nan, "matrices: nan at index [0, 0, 0]"),
        (np.eye(4) * np.array([1j, 1, 1, 0]), "not unitary"),
        (np.stack([np.eye(2) * 1j] * 2), "2 complex matrices have no circuit in common"),
        (np.stack([np.eye(8)[[1, 0, 2, 3, 4, 5, 6, 7]]] * 2), "has determinant -1"),
        (np.eye(128), "expected shape [d, d]"),
    ],
)
def test_matrix_mistakes_are_told(content, said, tmp_path, capsys):
    file = tmp_path / "x.npy"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.save(file, content)
    outcome = call(capsys, "compile", str(file), "--backend", "acme:pairs")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error[bindings]: ")
    assert said.replace("FILE", str(file)) in outcome.err
    assert "Traceback" not in outcome.err
    assert "pickle" not in outcome.err


def test_other_mistakes_are_told(tmp_path, capsys):
    outcome = call(capsys, "compile", str(tmp_path / "no.npy"), "--backend", "acme:pairs")
    assert (outcome.code, outcome.err) == (
        2,
        f"error[bindings]: cannot read {tmp_path / 'no.npy'}: No such file or directory\n",
    )
    file = written(tmp_path, op("cz", 0, 1))
    both = ["--backend", "acme:exact", "--backend", "acme:chip"]
    for words in (["--json"], ["-o", str(tmp_path / "out.json")], ["-o", str(tmp_path / "out.json"), "--report"]):
        outcome = call(capsys, "compile", file, *both, *words)
        assert (outcome.code, outcome.out) == (2, "")
        assert "2 backends give 2 circuits" in outcome.err
    assert not (tmp_path / "out.json").exists()
    outcome = call(capsys, "compile", file, "--backend", "acme:exact", "--effort", "most")
    assert outcome.code == 2
    assert "most" in outcome.err


def test_a_report_can_be_written_beside_the_circuit(tmp_path, capsys):
    file = written(tmp_path, op("cz", 0, 1))
    outcome = call(capsys, "compile", file, "--backend", "acme:chip", "--report", "-o", str(tmp_path / "out.json"))
    assert outcome.code == 0
    assert Circuit.from_json((tmp_path / "out.json").read_text()).count("cz") == 1


def test_every_gate_can_be_drawn():
    operations = [
        op(
            gate.name,
            *range(gate.qubits),
            angles=[0.5, Parameter(name="t", scale=2, offset=1), "u[0]"][: len(gate.parameters)],
        )
        for gate in GATES.values()
    ]
    circuit = Circuit(num_qubits=9, operations=[*operations, op("fence", 0, 1, 8)], measured=[[2, 0], [1]])
    text = draw(circuit, width=100)
    assert max(map(len, text.splitlines())) <= 100
    wires = {line.split(":")[0].strip("« ") for line in text.splitlines() if ":" in line}
    assert wires == {"q0", "q1", "q2", "c0", "c1"}
    assert "1 + 2*t" in text
    assert "░" in text
    assert "┤M├" in text


def test_nothing_and_too_much_are_not_drawn():
    assert draw(Circuit(num_qubits=3)) == "no gates"
    long = Circuit(num_qubits=1, operations=[op("x", 0)] * (LONGEST + 1))
    assert "too many to draw" in draw(long)


def test_the_drawing_keeps_to_the_console(monkeypatch):
    circuit = Circuit(num_qubits=1, operations=[op("rx", 0, angles=[0.1 * k]) for k in range(40)])
    for columns in (60, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert columns - 20 < max(map(len, draw(circuit).splitlines())) <= columns


def test_exact_and_chip_are_what_the_tests_think():
    assert EXACT.couplings is None
    assert CHIP.couplings == {(0, 1): 0.1, (1, 2): 0.01}


def test_a_loss_saves_gates_and_is_kept(tmp_path, capsys):
    file = saved(tmp_path, rotation(5, 8, rows=6))
    (exact,) = reported(capsys, file, "acme:pairs")
    assert (exact["entangling"], exact["loss"]) == (11, None)
    outcome = call(capsys, "compile", file, "--backend", "acme:pairs", "--approximate", "0.5", "--report", "--json")
    (found,) = json.loads(outcome.out)["backends"]
    assert found["entangling"] < 10
    assert 1e-3 < found["loss"] <= 0.5


@pytest.mark.parametrize("kind", ["circuit", "reflection"])
def test_only_rotations_can_be_approximated(kind, tmp_path, capsys):
    file = written(tmp_path, op("h", 0)) if kind == "circuit" else saved(tmp_path, np.diag([1.0] * 7 + [-1]))
    outcome = call(capsys, "compile", file, "--backend", "acme:pairs", "--approximate", "0.1")
    assert outcome.code == 2
    assert "approximated" in outcome.err


def test_the_bar_follows_any_number_of_skeletons():
    with matrix._bar(10) as advance:
        for count in (4, 5, 6, 4):
            advance(brick_wall(3, count), 3)
