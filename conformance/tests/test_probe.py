"""Probe: shots in rounds, and works that the backend has room for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt import Backend, Circuit, Counts, op
from qadapt_conformance.judge import Judge
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.probe import ROUNDS, Probe, added

COIN = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["t"])], measured=[0])


def _probe(right: Backend, **limits: int) -> Probe:
    backend = Wrapped(right, **limits)
    return Probe(backend, "BITS-1", 0, Judge(backend.target, True))


@given(shots=st.integers(1, 10**7), most=st.integers(1, 10**5))
def test_rounds_make_up_the_shots(right: Backend, shots: int, most: int) -> None:
    rounds = _probe(right, max_shots=most).rounds(shots)
    assert sum(rounds) == min(shots, ROUNDS * most)
    assert all(0 < part <= most for part in rounds)
    assert all(first == most for first, _ in pairwise(rounds))


def test_counts_of_rounds_are_added(right: Backend) -> None:
    counts = _probe(right, max_shots=300).run(COIN, {"t": [0.0, np.pi / 2]}, shots=1000)
    assert counts.shots == 1000
    assert counts.registers[0][0].tolist() == [1000, 0]
    assert 400 < counts.registers[0][1, 0] < 600  # beyond six standard deviations: 1e-9
    assert len(set(counts.registers[0][1].tolist())) == 2


def test_rounds_of_another_shape_are_not_added() -> None:
    one, other = Counts((np.ones((1, 2), dtype=np.int64),), 2), Counts((np.ones((1, 4), dtype=np.int64),), 4)
    assert added([one, other]) is one
    assert added([one, one]).registers[0].tolist() == [[2, 2]]


@pytest.mark.parametrize("most", [1, 3, 100])
def test_works_hold_the_first_rows_that_there_is_room_for(right: Backend, most: int) -> None:
    work = _probe(right, max_rows=most).work(COIN, {"t": np.linspace(0, 1, 5)}, shots=7)
    assert work.bindings.rows == min(most, 5)
    name = work.bindings.names[0]
    assert np.allclose(work.bindings.column(name), np.linspace(0, 1, 5)[:most])


def test_works_at_the_seam_run_in_rounds_too(right: Backend) -> None:
    probe = _probe(right, max_shots=1000, max_rows=2)
    work = probe.work(COIN, {"t": [0.3, 0.9]}, shots=10)
    findings = list(probe.work_agrees([work]))
    assert all(finding.p_value > 1e-6 for finding in findings)
    assert findings[-1].shots == 10
