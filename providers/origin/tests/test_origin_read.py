"""Bit order of pyQPanda3's probabilities, readout errors by bit, and arrays that are none."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt_origin.errors import sdk
from qadapt_origin.lower import lower
from qadapt_origin.read import misread, mixed, pure

ANGLES = (0.4, 1.1, 2.3)


def answer(weights: Any) -> Any:
    """A density-matrix simulator that answers these probabilities of all qubits."""
    return SimpleNamespace(state_probs=lambda: weights)


def product(qubits: tuple[int, ...]) -> list[float]:
    """Distribution of qubits that ``ry`` has turned by ANGLES; bit k is qubits[k]."""
    ones = np.sin(np.array(ANGLES) / 2) ** 2
    return [
        float(np.prod([ones[q] if outcome >> bit & 1 else 1 - ones[q] for bit, q in enumerate(qubits)]))
        for outcome in range(2 ** len(qubits))
    ]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_first_qubit_is_bit_0_of_what_the_simulators_answer(size: int) -> None:
    circuit = Circuit(num_qubits=3, operations=[op("ry", q, angles=[angle]) for q, angle in enumerate(ANGLES)])
    (program,) = lower(circuit, Bindings.of({}))
    state, density = sdk().CPUQVM(), sdk().DensityMatrixSimulator()
    state.run(program, 1)
    density.run(program)
    for qubits in permutations(range(3), size):
        np.testing.assert_allclose(pure(state.result(), qubits), product(qubits), rtol=0, atol=1e-12)
        np.testing.assert_allclose(mixed(density, qubits), product(qubits), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_mixed_takes_any_qubits_in_any_order(size: int) -> None:
    for qubits in permutations(range(4), size):
        for state in range(16):
            wanted = sum((state >> qubit & 1) << bit for bit, qubit in enumerate(qubits))
            got = mixed(answer(np.eye(16)[state].tolist()), qubits)
            assert got.tolist() == np.eye(2**size)[wanted].tolist()


def test_mixed_sums_over_the_other_qubits() -> None:
    simulator = answer([0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(mixed(simulator, [0]), [0.4, 0.6], rtol=0, atol=1e-15)
    np.testing.assert_allclose(mixed(simulator, [1]), [0.3, 0.7], rtol=0, atol=1e-15)
    np.testing.assert_allclose(mixed(simulator, [1, 0]), [0.1, 0.3, 0.2, 0.4], rtol=0, atol=1e-15)


@pytest.mark.parametrize("length", [3, 5, 12])
def test_probabilities_of_no_number_of_qubits_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="reshape"):
        mixed(answer([1.0] + [0.0] * (length - 1)), [0])


def test_each_bit_is_misread_by_its_own_assignment() -> None:
    low, high = np.array([[0.9, 0.2], [0.1, 0.8]]), np.array([[1.0, 0.3], [0.0, 0.7]])
    # Rows: true outcomes 0 to 3; columns of an assignment are the true value.
    wanted = [[low[i & 1, j & 1] * high[i >> 1, j >> 1] for i in range(4)] for j in range(4)]
    np.testing.assert_allclose(misread(np.eye(4), [low, high]), wanted, rtol=0, atol=1e-15)


def test_more_assignments_than_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        misread(np.eye(2), [np.eye(2)] * 2)
