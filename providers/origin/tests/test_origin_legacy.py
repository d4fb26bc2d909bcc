"""pyQPanda3 against the older pyqpanda 3.8.5: the same circuits, the same distributions."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, op
from qadapt.gates import GATES
from qadapt.provider import Work
from qadapt_origin.lower import NATIVE
from qadapt_origin.provider import OriginProvider

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pyqpanda") is None,
    reason="pyqpanda 3.8.5, Origin's older SDK, is not installed; it has wheels up to Python 3.11 only",
)

MISSING = {"rphi", "prx"}
"""Gates that the older SDK has no function for."""

LEGACY = {
    "id": ("I", False, 0),
    "x": ("X", False, 0),
    "y": ("Y", False, 0),
    "z": ("Z", False, 0),
    "h": ("H", False, 0),
    "s": ("S", False, 0),
    "sdg": ("S", True, 0),
    "t": ("T", False, 0),
    "tdg": ("T", True, 0),
    "sx": ("X1", False, 0),
    "sxdg": ("X1", True, 0),
    "rx": ("RX", False, 0),
    "ry": ("RY", False, 0),
    "rz": ("RZ", False, 0),
    "p": ("U1", False, 0),
    "u3": ("U3", False, 0),
    "cx": ("CNOT", False, 0),
    "cy": ("Y", False, 1),
    "cz": ("CZ", False, 0),
    "ch": ("H", False, 1),
    "swap": ("SWAP", False, 0),
    "iswap": ("iSWAP", False, 0),
    "cp": ("CR", False, 0),
    "crx": ("RX", False, 1),
    "cry": ("RY", False, 1),
    "crz": ("RZ", False, 1),
    "rxx": ("RXX", False, 0),
    "ryy": ("RYY", False, 0),
    "rzz": ("RZZ", False, 0),
    "ccx": ("Toffoli", False, 0),
    "cswap": ("SWAP", False, 1),
}
"""The older SDK's function, whether its inverse is meant, and the number of leading qubits that control it."""

# Its own process: both SDKs load a library of the same make, and the older one crashes once it is finalized.
_RUN = """
import json, sys, pyqpanda
machine = pyqpanda.CPUQVM()
machine.init_qvm()
qubits = machine.qAlloc_many(4)
found = []
for operations in json.load(sys.stdin):
    program = pyqpanda.QProg()
    for name, inverse, controls, own, angles in operations:
        wires = [qubits[index] for index in own]
        gate = getattr(pyqpanda, name)(*wires[controls:], *angles)
        gate = gate.dagger() if inverse else gate
        program << (gate.control(wires[:controls]) if controls else gate)
    found.append(machine.prob_run_list(program, qubits))
print(json.dumps(found))
"""


def circuits() -> list[tuple[Operation, ...]]:
    """For every gate five circuits that end with it and a turn of all qubits, so that phases show too."""
    rng = np.random.default_rng(11)
    names = sorted(LEGACY)

    def gate(name: str) -> Operation:
        wires = [int(qubit) for qubit in rng.permutation(4)[: GATES[name].qubits]]
        return op(name, *wires, angles=rng.uniform(-7, 7, len(GATES[name].parameters)).tolist())

    def turns() -> list[Operation]:
        return [op("u3", qubit, angles=rng.uniform(-3, 3, 3).tolist()) for qubit in range(4)]

    return [
        (*turns(), *(gate(names[index]) for index in rng.integers(len(names), size=12)), gate(name), *turns())
        for name in names
        for _ in range(5)
    ]


def described(operation: Operation) -> list[Any]:
    name, inverse, controls = LEGACY[operation.gate]
    return [name, inverse, controls, list(operation.qubits), list(operation.angles)]


def test_every_gate_that_both_have_is_compared() -> None:
    assert set(LEGACY) == set(NATIVE) - MISSING


def test_random_circuits_have_the_same_distribution_in_both() -> None:
    made = circuits()
    text = json.dumps([[described(operation) for operation in operations] for operations in made])
    run = subprocess.run([sys.executable, "-c", _RUN], input=text, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    backend = OriginProvider().open("cpu")
    wanted = json.loads(run.stdout.splitlines()[-1])
    assert len(wanted) == 5 * len(LEGACY)
    for operations, theirs in zip(made, wanted, strict=True):
        circuit = Circuit(num_qubits=4, operations=operations, measured=range(4))
        (found,) = backend.probabilities(Work(circuit, Bindings.of({}), 1))
        np.testing.assert_allclose(found[0], theirs, rtol=0, atol=1e-9, err_msg=str(operations))
