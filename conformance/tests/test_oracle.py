"""The oracle against closed forms, and against the gate table that it does not use."""

from __future__ import annotations

from math import cos, sin
from pathlib import Path

import numpy as np
import pytest

from qadapt import GATES, Bindings, Circuit, Parameter, op
from qadapt_conformance import oracle
from qadapt_conformance.oracle import MATRICES, probabilities, tables

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
    assert imports == ["from qadapt import Bindings, Circuit, Parameter"]


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
