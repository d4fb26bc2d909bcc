"""Kill test: runs over loopback clouds whose process is killed at random moments lose nothing and pay nothing twice.

``benchmarks/kills.py`` does the same with 200 chunks and 100 kills per vendor; here there are as many as a test run has
time for. Seeds fix how long each process lives, not what it has reached by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clouds.ibm import MACHINE, IBMCloud
from clouds.origin import Served
from killing import SHOTS, Outcome, Target, killed

ROWS, KILLS = 40, 8
IBM = ("qiskit_ibm_runtime.executor_sampler", "qadapt_ibm.service")
ORIGIN = ("qadapt.isolate", "qadapt_origin.provider")
"""What clients of each vendor find imported."""


@pytest.fixture(scope="module")
def origin() -> Iterator[Served]:
    with Served() as cloud:
        # Long enough that processes die while they wait for the answer.
        cloud.slow("submit", 0.05)
        yield cloud


def test_ibm_has_every_job_once(tmp_path: Path) -> None:
    with IBMCloud(["Queued"]) as cloud:
        cloud.latency[r"/jobs$"] = 0.05
        environment = {**cloud.environment, "QADAPT_HOME": str(tmp_path)}
        first, second = (Target(f"ibm:{MACHINE}", environment, tmp_path / name, ROWS) for name in ("a", "b"))
        whole = killed(first, kills=0, most=0.0, seed=1, preload=IBM)
        assert sum(cloud.created().values()) == ROWS
        outcome = killed(second, kills=KILLS, most=0.5, seed=1, preload=IBM)
        assert sum(cloud.created().values()) == 2 * ROWS
        assert set(cloud.created().values()) == {1}
    assert outcome.doubts == 0
    _same(outcome, whole)


def test_origin_has_every_job_once_but_for_those_in_doubt(tmp_path: Path, origin: Served) -> None:
    environment = {"QADAPT_HOME": str(tmp_path), "ORIGIN_URL": origin.url, "ORIGIN_API_KEY": origin.key}
    first, second = (Target("origin:WK_SMALL", environment, tmp_path / name, ROWS) for name in ("a", "b"))
    whole = killed(first, kills=0, most=0.0, seed=1, preload=ORIGIN)
    assert len(origin.jobs) == ROWS
    # Half of the kills are power cuts: the worker, which would have left a receipt, dies too.
    outcome = killed(second, kills=KILLS, most=0.3, seed=1, group=0.5, preload=ORIGIN)
    assert 0 <= len(origin.jobs) - 2 * ROWS <= outcome.doubts
    _same(outcome, whole)


def _same(outcome: Outcome, whole: Outcome) -> None:
    assert whole.table.shape == (ROWS, 2)
    assert (whole.table.sum(axis=1) == SHOTS).all()
    assert len(np.unique(whole.table, axis=0)) > 5  # rows can be told apart
    np.testing.assert_array_equal(outcome.table, whole.table)
