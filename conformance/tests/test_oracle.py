"""The oracle against closed forms, against Qiskit and Cirq, and against the gate table that it does not use."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin
from pathlib import Path

import cirq
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qadapt import GATES, Bindings, Circuit, Parameter, op
from qadapt_conformance import oracle
from qadapt_conformance.oracle import MATRICES, amplitudes, cayley, groups, probabilities, tables, unitary

ANGLES = (0.7, -2.3, 1.9)


def test_has_every_gate() -> None:
    assert set(MATRICES) == set(GATES)


@pytest.mark.parametrize("name", sorted(GATES))
def test_matrix_equals_the_gate_table(name: str) -> None:
    gate = GATES[name]
    angles = ANGLES[: len(gate.parameters)]
    ours, theirs = np.array(MATRICES[name](*angles)), gate.matrix(*(np.array(angle) for angle in angles))
    assert np.allclose(ours @ ours.conj().T, np.eye(2**gate.qubits), atol=1e-14)
    assert np.allclose(ours, theirs, atol=1e-14)


def test_shares_no_code_with_what_it_judges() -> None:
    source = Path(oracle.__file__).read_text(encoding="utf-8")
    imports = [line for line in source.splitlines() if line.startswith(("from qadapt", "import qadapt"))]
    assert imports == ["from qadapt import Bindings, Circuit, Operation, Parameter"]


def test_rotation_in_closed_form() -> None:
    circuit = Circuit(num_qubits=1, operations=[op("rx", 0, angles=[0.8])], measured=[0])
    assert np.allclose(probabilities(circuit)[0], [cos(0.4) ** 2, sin(0.4) ** 2])


def test_first_qubit_controls_and_bits_follow_the_register() -> None:
    operations = [op("x", 2), op("cx", 2, 0)]
    assert probabilities(Circuit(num_qubits=4, operations=operations, measured=[0, 1, 2]))[0].argmax() == 0b101
    assert probabilities(Circuit(num_qubits=4, operations=operations, measured=[1, 2, 0]))[0].argmax() == 0b110
    tables_ = probabilities(Circuit(num_qubits=4, operations=operations, measured=[[1], [0, 3]]))
    assert [int(table.argmax()) for table in tables_] == [0, 1]


def test_phase_is_seen_by_interference() -> None:
    circuit = Circuit(num_qubits=1, operations=[op("h", 0), op("s", 0), op("sx", 0)], measured=[0])
    assert np.allclose(probabilities(circuit)[0], [1, 0], atol=1e-15)


def test_rows_and_affine_parameters() -> None:
    angle = Parameter(name="a", scale=2.0, offset=0.3)
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=[angle])], measured=[0])
    values = np.array([[0.1], [1.0]]) * np.ones((2, 3))
    (table,) = tables(circuit, Bindings.of({"a": values}))
    assert table.shape == (6, 2)
    assert np.allclose(table[:, 1], np.sin((2 * values.ravel() + 0.3) / 2) ** 2)


def test_far_qubits_cost_nothing() -> None:
    circuit = Circuit(num_qubits=150, operations=[op("cx", 140, 3), op("x", 77)], measured=[77, 3, 140])
    assert probabilities(circuit)[0].argmax() == 1


def _random(seed: int, names: list[str], qubits: int = 4, length: int = 30) -> Circuit:
    """A random circuit of some gates, measured in two registers that are not in order."""
    draw = np.random.default_rng(seed)
    operations = []
    for _ in range(length):
        gate = GATES[str(draw.choice(names))]
        places = draw.permutation(qubits)[: gate.qubits].tolist()
        operations.append(op(gate.name, *places, angles=draw.uniform(-7, 7, len(gate.parameters)).tolist()))
    return Circuit(num_qubits=qubits, operations=operations, measured=[[2], [3, 0]])


def _marginals(likely: np.ndarray[tuple[int], np.dtype[np.float64]], circuit: Circuit) -> list[list[float]]:
    """Probabilities of each register from those of all qubits; index bit *k* is qubit *k*."""
    out = []
    for register in circuit.measured:
        table = [0.0] * 2 ** len(register)
        for index, weight in enumerate(likely):
            table[sum((index >> qubit & 1) << bit for bit, qubit in enumerate(register))] += float(weight)
        out.append(table)
    return out


QISKIT = {"rphi": "r", "prx": "r", "u3": "u"}
"""Methods of Qiskit's circuits that are called otherwise than our gates."""


def _qiskit(circuit: Circuit) -> QuantumCircuit:
    made = QuantumCircuit(circuit.num_qubits)
    for o in circuit.gates():
        getattr(made, QISKIT.get(o.gate, o.gate))(*o.angles, *o.qubits)
    return made


@pytest.mark.parametrize("name", sorted(GATES))
def test_every_matrix_equals_qiskits(name: str) -> None:
    gate = GATES[name]
    circuit = Circuit(
        num_qubits=gate.qubits,
        operations=[op(name, *range(gate.qubits), angles=ANGLES[: len(gate.parameters)])],
    )
    assert np.allclose(unitary(circuit), Operator(_qiskit(circuit)).data, atol=1e-13)


@pytest.mark.parametrize("seed", range(5))
def test_random_circuits_equal_qiskits(seed: int) -> None:
    circuit = _random(seed, sorted(GATES))
    likely = np.abs(Statevector(_qiskit(circuit)).data) ** 2
    for ours, theirs in zip(probabilities(circuit), _marginals(likely, circuit), strict=True):
        assert np.allclose(ours, theirs, atol=1e-13)


CIRQ: dict[str, Callable[..., cirq.Gate]] = {
    "h": lambda: cirq.H,
    "s": lambda: cirq.S,
    "tdg": lambda: cirq.T**-1,
    "rx": cirq.rx,
    "ry": cirq.ry,
    "rz": cirq.rz,
    "prx": lambda t, f: cirq.PhasedXPowGate(phase_exponent=f / pi, exponent=t / pi),
    "cx": lambda: cirq.CNOT,
    "cz": lambda: cirq.CZ,
    "iswap": lambda: cirq.ISWAP,
    "crz": lambda t: cirq.ControlledGate(cirq.rz(t)),
    "cry": lambda t: cirq.ControlledGate(cirq.ry(t)),
    "rzz": lambda t: cirq.ZZPowGate(exponent=t / pi),
    "rxx": lambda t: cirq.XXPowGate(exponent=t / pi),
    "ccx": lambda: cirq.TOFFOLI,
    "cswap": lambda: cirq.FREDKIN,
}


@pytest.mark.parametrize("seed", range(5))
def test_random_circuits_equal_cirqs(seed: int) -> None:
    circuit = _random(seed, sorted(CIRQ))
    # Cirq's first qubit is the high bit of an index.
    lines = cirq.LineQubit.range(circuit.num_qubits)[::-1]
    made = cirq.Circuit(CIRQ[o.gate](*o.angles)(*(lines[qubit] for qubit in o.qubits)) for o in circuit.gates())
    state = cirq.Simulator(dtype=np.complex128).simulate(made, qubit_order=lines[::-1]).final_state_vector
    for ours, theirs in zip(probabilities(circuit), _marginals(np.abs(state) ** 2, circuit), strict=True):
        assert np.allclose(ours, theirs, atol=1e-7)


def test_groups_that_no_gate_joins_cost_nothing() -> None:
    """A chip full of packed pairs, with registers within groups and across them."""
    operations = [o for q in range(0, 156, 2) for o in (op("ry", q, angles=["t"]), op("cx", q, q + 1))]
    registers = [[3, 2], [4, 7, 5], [155]]
    circuit = Circuit(num_qubits=156, operations=operations, measured=registers)
    pair, across, last = tables(circuit, Bindings.of({"t": [0.4, 2.0]}))
    one = np.sin(np.array([0.4, 2.0]) / 2) ** 2
    assert len(groups(circuit)) == 78
    assert np.allclose(pair, np.stack([1 - one, 0 * one, 0 * one, one], axis=1))
    assert np.allclose(across[:, 0b101], one * (1 - one))
    assert np.allclose(across[:, 0b010], one * (1 - one))
    assert np.allclose(across.sum(axis=1), 1)
    assert np.allclose(last[:, 1], one)


def test_amplitudes_from_any_basis_state() -> None:
    circuit = Circuit(num_qubits=3, operations=[op("cx", 2, 0), op("x", 1)])
    matrix = unitary(circuit)
    for start in range(8):
        (state,) = amplitudes(circuit, {}, qubits=[0, 1, 2], start=start)
        assert np.allclose(state, matrix[:, start])
        assert int(np.abs(state).argmax()) == start ^ (start >> 2 & 1) ^ 2
    (turned,) = amplitudes(circuit, {}, qubits=[2, 0, 1], start=0b001)
    assert int(np.abs(turned).argmax()) == 0b111


@pytest.mark.parametrize("dim", [2, 4, 8, 16])
def test_cayley_transforms(dim: int) -> None:
    """Rotations with K as their generator to first order, and by the half angle for two dimensions."""
    upper = np.triu(np.random.default_rng(dim).normal(size=(3, dim, dim)), 1)
    skew = upper - upper.transpose(0, 2, 1)
    made = cayley(skew)
    assert np.allclose(made @ made.transpose(0, 2, 1), np.eye(dim))
    assert np.allclose(np.linalg.det(made), 1)
    assert np.allclose(cayley(1e-6 * skew), np.eye(dim) - 1e-6 * skew, atol=1e-10)
    assert np.allclose((np.eye(dim) + skew / 2) @ made, np.eye(dim) - skew / 2)
    if dim == 2:
        angle = 2 * np.arctan(skew[:, 0, 1] / 2)
        assert np.allclose(made[:, 0, 0], np.cos(angle))
        assert np.allclose(made[:, 0, 1], -np.sin(angle))
