"""Bit order of Aer's answers, registers put together from parts, and the refusal of answers that are none."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.library import SaveProbabilities

from qadapt.errors import BadResultError, JobFailedError
from qadapt.simulate.components import Component, Read
from qadapt_aer.read import experiments, registers, tables


def experiment(data, *, success=True, status="DONE"):
    return SimpleNamespace(success=success, status=status, data=SimpleNamespace(to_dict=lambda: data))


def answer(*results, success=True, status="COMPLETED"):
    return SimpleNamespace(success=success, status=status, results=list(results))


def component(*reads):
    return Component(qubits=(0, 1, 2), gates=(), angles=(), reads=reads)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_first_saved_qubit_is_bit_0(order):
    circuit = QuantumCircuit(3)
    for qubit, angle in enumerate((0.4, 1.1, 2.3)):
        circuit.ry(angle, qubit)
    circuit.append(SaveProbabilities(3, label="0"), order)
    result = AerSimulator(method="statevector").run(circuit, shots=1).result()
    read = component(Read(0, (0, 1, 2), order))
    (table,) = tables(read, experiments(result, 1, provider="aer:statevector"), 1)[0]
    ones = np.sin(np.array([0.4, 1.1, 2.3]) / 2) ** 2
    for outcome in range(8):
        chances = [ones[qubit] if outcome >> bit & 1 else 1 - ones[qubit] for bit, qubit in enumerate(order)]
        assert table[outcome] == pytest.approx(np.prod(chances), abs=1e-12)


def test_rows_and_registers_are_kept_apart():
    reads = component(Read(2, (0,), (1,)), Read(5, (0, 1), (2, 0)))
    data = [{"2": [0.1, 0.9], "5": [0.1, 0.2, 0.3, 0.4]}, {"2": [0.6, 0.4], "5": [0.4, 0.3, 0.2, 0.1]}]
    found = tables(reads, data, 2)
    assert found[2].tolist() == [[0.1, 0.9], [0.6, 0.4]]
    assert found[5].tolist() == [[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]]


def test_one_experiment_holds_for_all_rows():
    assert tables(component(Read(0, (0,), (0,))), [{"0": [0.1, 0.9]}], 3)[0].tolist() == [[0.1, 0.9]] * 3


def test_parts_go_to_the_bits_they_belong_to():
    low, high = component(Read(0, (1,), (0,))), component(Read(0, (0, 2), (0, 1)), Read(1, (0,), (2,)))
    parts = [{0: np.array([[0.25, 0.75]])}, {0: np.array([[0.1, 0.2, 0.3, 0.4]]), 1: np.array([[1.0, 0.0]])}]
    first, second = registers([3, 1], [low, high], parts)
    # Outcome bits are (b2 b1 b0): the part on bits 0 and 2 has b0 in its bit 0 and b2 in its bit 1.
    wanted = [parts[1][0][0, (i & 1) | (i >> 2 & 1) << 1] * parts[0][0][0, i >> 1 & 1] for i in range(8)]
    np.testing.assert_allclose(first, [wanted], rtol=0, atol=1e-15)
    assert second.tolist() == [[1.0, 0.0]]


def test_a_reported_failure_is_a_failed_job_in_its_words():
    bad = experiment({}, success=False, status="ERROR: too much memory")
    with pytest.raises(JobFailedError, match="too much memory") as caught:
        experiments(answer(experiment({}), bad, success=False), 2, provider="aer:statevector")
    assert caught.value.provider == "aer:statevector"
    with pytest.raises(JobFailedError, match="ERROR: none ran"):
        experiments(answer(success=False, status="ERROR: none ran"), 2, provider="aer:statevector")


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_another_number_of_experiments_is_refused(expected):
    with pytest.raises(BadResultError, match="2 experiments"):
        experiments(answer(experiment({}), experiment({})), expected, provider="aer:statevector")


@pytest.mark.parametrize("data", [[], [{"0": [0.5, 0.5]}] * 2, [{"0": [0.5, 0.5]}, {"0": [1.0]}, {"0": [1.0]}]])
def test_tables_of_the_wrong_shape_are_refused(data):
    with pytest.raises(ValueError, match=r"shape|array"):
        tables(component(Read(0, (0,), (0,))), data, 3)
