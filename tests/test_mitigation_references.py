"""References: known outcomes, sharp and different ones, of the very circuit."""

from __future__ import annotations

import numpy as np
import pytest

from mitigation_cases import cayley
from oracles import adapter_circuit
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import TargetError
from qadapt.mitigation.references import references
from qadapt.simulate import statevector


@pytest.mark.parametrize("dim", [4, 8])
def test_outcomes_are_known_sharp_and_different(dim):
    circuit, _, _ = cayley(20, dim)
    found = references(circuit, 4, seed=3)
    assert found.angles.shape == (4, len(circuit.parameters))
    (exact,) = statevector.probabilities(circuit, Bindings.rows_of(circuit.parameters, found.angles))
    assert np.abs(exact - found.exact).max() < 1e-12
    assert (found.exact.max(axis=1) > 0.95).all()
    assert len(set(found.exact.argmax(axis=1))) == 4
    assert np.abs(found.signal.sum(axis=1)).max() < 1e-12
    assert np.array_equal(references(circuit, 4, seed=3).angles, found.angles)


def test_rows_are_repeated_where_there_are_few():
    circuit = Circuit(num_qubits=1, operations=[op("x", 0)], measured=[0])
    assert references(circuit, 3).exact.round(12).tolist() == [[0, 1]] * 3
    assert len(references(adapter_circuit(1, ()), 40).angles) == 40


def test_a_circuit_without_sharp_outcomes_is_refused():
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=[0.8]), op("rz", 0, angles=["t"])], measured=[0])
    with pytest.raises(TargetError, match="sharp outcome"):
        references(circuit, 2)
