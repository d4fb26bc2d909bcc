"""The loopback cloud for Braket: its simulator against AWS's, its documents against AWS's schemas, its refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from braket.default_simulator import StateVectorSimulator
from braket.device_schema.iqm import IqmDeviceCapabilities
from braket.ir.openqasm import Program, ProgramSet
from braket.schema_common.schema_base import BraketSchemaBase
from braket.task_result import GateModelTaskResult, ProgramSetTaskResult
from braket.tasks import GateModelQuantumTaskResult
from braket.tasks.program_set_quantum_task_result import ProgramSetQuantumTaskResult

from clouds.braket import GARNET, BraketCloud, RefusedError, Script, Task, circuit_of, machine, shots_of, written
from oracles import unitary
from qadapt.bindings import Bindings

SOURCE = """OPENQASM 3.0;
input float a0;
bit[3] b;
#pragma braket verbatim
box{
prx(a0, 0.4) $7;
prx(1.3, a0) $2;
cz $7, $2;
prx(-0.7, 0.2) $2;
prx(0.9, 0.1) $12;
}
b[0] = measure $7;
b[1] = measure $12;
b[2] = measure $2;"""
FLIPPED = """OPENQASM 3.0;
bit[2] b;
#pragma braket verbatim
box{
prx(3.141592653589793, 0.0) $2;
}
b[0] = measure $7;
b[1] = measure $2;"""


def task(action, shots):
    """A task that was created."""
    asked = {"action": action, "shots": shots, "deviceArn": GARNET, "outputS3KeyPrefix": "p", "outputS3Bucket": "b"}
    return Task("arn:aws:braket:eu-north-1:0:quantum-task/x", asked, [], "COMPLETED", "", None)


def aws_probabilities(source, labels, value):
    """Probabilities by AWS's own simulator, big-endian over labels in ascending order."""
    lines = [line for line in source.splitlines() if "measure" not in line and not line.startswith("bit")]
    lines.append("#pragma braket result probability " + ", ".join(f"${label}" for label in sorted(labels)))
    result = StateVectorSimulator().run_openqasm(Program(source="\n".join(lines), inputs={"a0": value}), shots=0)
    return np.asarray(result.resultTypes[0].value)


@pytest.mark.parametrize("value", [0.0, 0.8, -2.2])
def test_circuits_are_read_as_aws_reads_them(value):
    whole, labels, measured = circuit_of(SOURCE)
    assert labels == [2, 7, 12]
    assert measured == [7, 12, 2]
    ours = np.abs(unitary(whole, Bindings.of({"a0": value}), 0)[:, 0]) ** 2
    big_endian = ours.reshape(2, 2, 2).transpose(2, 1, 0).reshape(-1)
    np.testing.assert_allclose(big_endian, aws_probabilities(SOURCE, labels, value), atol=1e-12)


def test_sampled_frequencies_are_those_of_aws():
    """Binomial counts of 8 outcomes stay within 6.5 standard deviations: false alarms below 1e-9."""
    bits, labels = shots_of(Program(source=SOURCE, inputs={"a0": [0.8, -2.2]}), 40_000, 3)
    assert labels == [12, 7, 2]
    for row, value in enumerate((0.8, -2.2)):
        index = bits[row] @ [1, 2, 4]
        exact = aws_probabilities(SOURCE, labels, value)
        seen = np.bincount(index, minlength=8)
        assert (np.abs(seen - 40_000 * exact) < 6.5 * np.sqrt(40_000 * exact * (1 - exact)) + 1).all()


def test_results_of_a_program_are_what_aws_reads():
    program = Program(source=FLIPPED)
    ((key, document),) = written(task(program.json(), 20), Script())
    assert key == "p/x/results.json"
    parsed = BraketSchemaBase.parse_raw_schema(json.dumps(document))
    assert isinstance(parsed, GateModelTaskResult)
    result = GateModelQuantumTaskResult.from_object(parsed)
    assert result.measured_qubits == [7, 2]
    assert dict(result.measurement_counts) == {"01": 20}


def test_results_of_a_program_set_are_what_aws_reads():
    programs = ProgramSet(programs=[Program(source=FLIPPED), Program(source=SOURCE, inputs={"a0": [0.1, 0.2]})])
    ((_, document),) = written(task(programs.json(), 60), Script())
    parsed = BraketSchemaBase.parse_raw_schema(json.dumps(document))
    assert isinstance(parsed, ProgramSetTaskResult)
    result = ProgramSetQuantumTaskResult.from_object(parsed)
    assert result.num_executables == 3
    assert dict(result.entries[0][0].counts) == {"01": 20}
    assert [entry.inputs for entry in result.entries[1].entries] == [{"a0": 0.1}, {"a0": 0.2}]


def test_a_tree_of_results_is_what_aws_reads():
    programs = ProgramSet(programs=[Program(source=FLIPPED), Program(source=SOURCE, inputs={"a0": [0.1, 0.2]})])
    files = dict(written(task(programs.json(), 60), Script(spread=True)))
    for name, document in files.items():
        if "metadata" not in name or document:
            assert BraketSchemaBase.parse_raw_schema(json.dumps(document)), name
    assert files["p/x/results.json"]["programResults"] == ["programs/0/results.json", "programs/1/results.json"]


def test_counts_follow_from_the_content():
    program = ProgramSet(programs=[Program(source=SOURCE, inputs={"a0": [0.1, 0.2]})]).json()
    assert written(task(program, 60), Script()) == written(task(program, 60), Script())
    assert written(task(program, 60), Script()) != written(task(program.replace("0.2]", "0.21]"), 60), Script())


def test_the_machine_is_of_awss_schema():
    found = IqmDeviceCapabilities.parse_raw(json.dumps(machine()))
    assert found.paradigm.qubitCount == 20
    assert {"braket.ir.openqasm.program", "braket.ir.openqasm.program_set"} == {key.value for key in found.action}


FIXED = json.dumps({"paradigmParameters": {"disableQubitRewiring": True}})
SET = ProgramSet(programs=[Program(source=FLIPPED)] * 3).json()


@pytest.mark.parametrize(
    ("action", "shots", "parameters", "message"),
    [
        (Program(source=FLIPPED).json(), 10, "{}", "rewired"),
        (Program(source=FLIPPED).json(), 20_001, FIXED, "shots"),
        (Program(source=FLIPPED.replace("$2", "$21")).json(), 10, FIXED, "21"),
        (Program(source=FLIPPED.replace("prx(3.141592653589793, 0.0)", "rx(1.0)")).json(), 10, FIXED, "rx"),
        (Program(source=FLIPPED.replace("#pragma braket verbatim\n", "")).json(), 10, FIXED, "verbatim"),
        (Program(source=FLIPPED.replace("prx(3.141592653589793, 0.0) $2", "cz $1, $3")).json(), 10, FIXED, "cz"),
        (SET, 31, None, "31 shots"),
        (ProgramSet(programs=[Program(source=FLIPPED)] * 101).json(), 101, None, "101 executables"),
    ],
)
def test_what_the_service_refuses(action, shots, parameters, message):
    asked = {"action": action, "shots": shots, "deviceParameters": parameters, "deviceArn": GARNET}
    with BraketCloud() as cloud, pytest.raises(RefusedError, match=message):
        cloud._create({**asked, "clientToken": "t", "outputS3Bucket": "amazon-braket-mine", "outputS3KeyPrefix": "p"})
