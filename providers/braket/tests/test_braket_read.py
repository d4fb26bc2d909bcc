"""Bit order and the refusal of answers that are none."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest

from qadapt.errors import BadResultError, JobFailedError
from qadapt_braket.read import outcomes, values


def test_bit_order_is_turned():
    assert outcomes([[0, 1, 2, 3]], [4, 7]).tolist() == [[0, 2, 1, 3]]
    assert outcomes([[0, 1, 2, 3]], [7, 4]).tolist() == [[0, 1, 2, 3]]
    assert outcomes(np.arange(16).reshape(2, 8), [0, 1, 2])[1].tolist() == [8, 12, 10, 14, 9, 13, 11, 15]


@pytest.mark.parametrize("qubits", list(permutations([1, 5, 6, 8])))
def test_any_order(qubits):
    ascending = sorted(qubits)
    for outcome in range(16):
        bits = {qubit: outcome >> bit & 1 for bit, qubit in enumerate(qubits)}
        row = np.zeros(16)
        row[int("".join(str(bits[qubit]) for qubit in ascending), 2)] = 1
        assert outcomes([row], qubits)[0].argmax() == outcome


def test_no_result_is_a_failed_job():
    with pytest.raises(JobFailedError, match="no result"):
        values(None, [1], provider="braket:local")


@pytest.mark.parametrize("answer", [[], [[0.5, 0.5], [1.0, 0.0]], [[1.0, 0.0, 0.0, 0.0]], [[[0.5, 0.5]]]])
def test_answers_of_the_wrong_shape_are_refused(answer):
    with pytest.raises(BadResultError):
        values(SimpleNamespace(values=answer), [1], provider="braket:local")


def test_right_answers_pass():
    got = values(SimpleNamespace(values=[[0.25, 0.75], [1.0, 0.0, 0.0, 0.0]]), [1, 2], provider="braket:local")
    assert [table.tolist() for table in got] == [[0.25, 0.75], [1.0, 0.0, 0.0, 0.0]]
