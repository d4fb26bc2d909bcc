"""Crash test: a run whose worker segfaults, aborts, hangs, eats memory, leaves or sends garbage 50 times completes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isolate_cases import KINDS, NAME, cloud_in, install, jobs, wish
from qadapt import Bindings, Circuit, op, run
from qadapt.isolate import IsolatedProvider
from qadapt.jobs import Ledger, Policy, Progress, State

CRASHES, ROWS = 50, 60
CIRCUIT = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["w"]), op("cx", 0, 1)], measured=[0, 1])
BINDINGS = Bindings.of({"w": np.linspace(0.1, 3.0, ROWS)})
POLICY = Policy(rows=1, jobs=3, deadline=2.0, attempts=20, backoff=0.01, longest_backoff=0.05, settle=0.05)


def test_a_run_completes_through_fifty_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    cloud = cloud_in(tmp_path, monkeypatch)
    generator = np.random.default_rng(3)
    # Hangs cost their deadline each, so there are fewer of them.
    others = [kind for kind in KINDS if kind != "hang"]
    kinds = generator.permutation(["hang"] * 5 + others * ((CRASHES - 5) // len(others))).tolist()
    assert len(kinds) == CRASHES

    def harm(progress: Progress) -> None:
        """Let a later call go wrong, as soon as the last crash has happened."""
        if kinds and not (cloud / "wish").exists():
            unsent = progress.done + progress.jobs < progress.total
            wish(cloud, str(generator.choice(["submit", "after", "fetch"] if unsent else ["fetch"])), kinds.pop())

    backend = IsolatedProvider(NAME).open("full")
    try:
        with Ledger(tmp_path / "ledger.db") as ledger:
            done = run(CIRCUIT, BINDINGS, backend, shots=100, seed=5, policy=POLICY, ledger=ledger, progress=harm)
            assert done.id is not None
            states = [event.state for event in ledger.events(done.id)]
    finally:
        backend.close()
    assert not kinds
    assert not (cloud / "wish").exists(), "the last crash has not happened"
    assert jobs(cloud) == ROWS
    assert State.IN_DOUBT not in states
    whole = run(CIRCUIT, BINDINGS, "local:statevector", shots=100, seed=5, policy=POLICY)
    np.testing.assert_array_equal(done.counts.table, whole.counts.table)
