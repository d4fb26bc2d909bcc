"""The loopback cloud of IBM runs what was posted, the same way every time, as IBM's own local mode does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter as Symbol
from qiskit_ibm_runtime.options_models.executor import ExecutorOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import quantum_program_to_2_0

from clouds import ibm, ibm_program
from clouds.ibm import IBMCloud


def entangled() -> QuantumCircuit:
    """Two registers that are correlated, one that is not, angles in an order that is not that of their names."""
    z, a = Symbol("z"), Symbol("a")
    circuit = QuantumCircuit(6, 0)
    circuit.sx(0)
    circuit.rz(z, 0)
    circuit.sx(0)
    circuit.sx(1)
    circuit.cz(0, 1)
    circuit.barrier(0, 1)
    circuit.rzz(a, 0, 1)
    circuit.rx(a, 4)
    circuit.sx(1)
    for name, qubits in (("left", [1]), ("right", [0, 5]), ("alone", [4])):
        register = ClassicalRegister(len(qubits), name)
        circuit.add_register(register)
        circuit.measure(qubits, register)
    return circuit


def program(shots: int, *circuits: tuple[QuantumCircuit, Any]) -> QuantumProgram:
    made = QuantumProgram(shots=shots)
    for circuit, values in circuits:
        made.append_circuit_item(circuit, circuit_arguments=values)
    return made


def test_joint_distributions_are_those_of_aer() -> None:
    """All registers together, row by row.

    The total variation of two samples of 40,000 shots in 16 outcomes is 0.014 on average at most, and 0.021 above that
    with a probability below 1e-7 (bounded differences).
    """
    values = np.random.default_rng(1).uniform(0, np.pi / 2, (3, 2))
    posted = program(40_000, (entangled(), values))

    def joint(items: Any) -> Any:
        bits = np.concatenate([items[0][name] for name in ("left", "right", "alone")], axis=-1)
        outcomes = bits @ (1 << np.arange(4))
        return np.stack([np.bincount(row, minlength=16) / row.size for row in outcomes])

    ours, aers = joint(ibm_program.shots_of(posted)), joint(ibm_program._aer(posted))
    assert (np.abs(ours - aers).sum(axis=1) / 2 < 0.035).all()
    assert (ours[:, 4:8] == 0).all()  # nothing happens to qubit 5
    # Left and right are correlated: their joint distribution is not the product of its margins.
    table = ours.reshape(3, 2, 2, 2, 2).sum(axis=(1, 2))
    margins = table.sum(axis=1, keepdims=True) * table.sum(axis=2, keepdims=True)
    assert (np.abs(table - margins).max(axis=(1, 2)) > 0.05).any()


def test_the_same_job_gives_the_same_shots_in_every_process() -> None:
    code = "import json, sys\nfrom clouds import ibm_program\nsys.stdout.write(ibm_program.run(json.load(sys.stdin)))\n"

    def posted(offset: float) -> str:
        values = np.array([[0.1, 0.2 + offset]])
        made = program(50, (entangled(), values), (entangled(), values))
        return str(quantum_program_to_2_0(made, ExecutorOptions()).model_dump_json())

    first, again, other = posted(0.0), posted(0.0), posted(1e-3)
    assert first != again  # the circuits have new names for their angles each time, which must not matter
    environment = {**os.environ, "PYTHONPATH": str(Path(ibm.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], input=again, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == ibm_program.run(json.loads(first)), done.stderr
    assert ibm_program.run(json.loads(other)) != done.stdout


def test_equal_circuits_of_a_job_have_shots_of_their_own() -> None:
    values = np.array([[0.4, 0.9]])
    first, second = ibm_program.shots_of(program(200, (entangled(), values), (entangled(), values)))
    assert any((first[name] != second[name]).any() for name in first)


def test_what_it_cannot_run_itself_goes_to_aer() -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.delay(100, 0)
    circuit.h(0)
    circuit.measure(0, 0)
    (item,) = ibm_program.shots_of(program(100, (circuit, None)))
    assert item["c"].shape == (100, 1)
    reset = QuantumCircuit(1, 1)
    reset.x(0)
    reset.measure(0, 0)
    reset.x(0)
    assert ibm_program._read(reset) is None


def test_what_nobody_can_run_fails() -> None:
    with IBMCloud(qubits=4) as cloud:
        cloud.jobs["job0"] = ibm.Job("job0", {"program_id": "executor", "params": {"nonsense": 1}}, [])
        reply = cloud._results(None, "job0")  # type: ignore[arg-type]
        assert cloud.jobs["job0"].state == "Failed"
        assert "ValidationError" in reply.data.decode()


def test_it_lists_by_pages() -> None:
    from clouds.server import Request

    with IBMCloud(qubits=4) as cloud:
        for number in range(7):
            tags = ["all", f"t{number % 2}"]
            cloud.jobs[f"job{number}"] = ibm.Job(f"job{number}", {"program_id": "executor", "tags": tags}, [])

        def page(query: str) -> tuple[list[str], int]:
            body = cloud._list(Request("GET", "/jobs", query, {}, b"")).body
            return [job["id"] for job in body["jobs"]], body["count"]

        assert page("tags=all&limit=2&offset=1") == (["job5", "job4"], 7)
        assert page("tags=all&tags=t1") == (["job5", "job3", "job1"], 3)
        assert page("tags=none") == ([], 0)


@pytest.mark.parametrize("qubits", [4, 156])
def test_the_machine_has_the_size_that_is_asked_for(qubits: int) -> None:
    configuration, properties = ibm._machine(qubits)
    for text in (configuration[True], configuration[False]):
        assert json.loads(text)["n_qubits"] == qubits
        assert max(max(pair) for pair in json.loads(text)["coupling_map"]) == qubits - 1
    assert len(json.loads(properties)["qubits"]) == qubits
