"""Killing: a run in processes of its own that are killed at random moments, one after the other, until it is done.

A client is forked from a server that has imported everything already, tells when it is ready to start, and is killed
some random time later; the next one makes the same call and so takes up the run from the ledger. The cloud lives in the
process that kills.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import qadapt
from qadapt import Bindings, Circuit, op, run
from qadapt.jobs import Ledger, Policy, State, partial_results
from qadapt.jobs.inquiry import FOUND, NOT_ARRIVED

SHOTS = 20
POLICY = Policy(rows=1, settle=0.15, backoff=0.05, longest_backoff=0.5, deadline=20.0, in_doubt="resend")
"""One execution per job. What was sent is at the cloud at once, so clients live long enough to be sure of what is not.
Where a submit is in doubt it is sent again: the policy says so, and the ledger shows it."""


@dataclass(frozen=True)
class Target:
    """Whom a client talks to, as it crosses the process boundary.

    Attributes:
        backend: Name of the backend.
        environment: What leads its client to the cloud.
        ledger: The ledger file.
        rows: Rows of the run, one chunk each.
    """

    backend: str
    environment: Mapping[str, str]
    ledger: Path
    rows: int


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        table: Its counts, ``[rows, 2]``.
        kills: Clients that were killed.
        doubts: Submits that the ledger showed as in doubt.
        found: Submits whose answer was lost with their client, and that were found by their tags.
        missing: Submits that had not arrived when their client was killed.
        seconds: Time from the first client to the last.
    """

    table: NDArray[np.int64]
    kills: int
    doubts: int
    found: int
    missing: int
    seconds: float


def work(rows: int) -> tuple[Circuit, Bindings]:
    """A small circuit and its rows, all of them different."""
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["t"])], measured=[0])
    return circuit, Bindings.of({"t": np.linspace(0.1, 3.0, rows)})


def client(target: Target, ready: Connection) -> None:
    """Make the call that every client makes."""
    os.setpgrp()
    os.environ.update(target.environment)
    backend = qadapt.backend(target.backend)
    ready.send(True)
    with Ledger(target.ledger) as ledger:
        run(*work(target.rows), backend, shots=SHOTS, packed=False, policy=POLICY, ledger=ledger)


def killed(
    target: Target, *, kills: int, most: float, seed: int, group: float = 0.0, preload: Sequence[str] = ()
) -> Outcome:
    """Run, killing the client again and again.

    Args:
        target: Whom the clients talk to.
        kills: How often; a run that is done earlier raises.
        most: Most seconds from the moment a client is ready to its end.
        seed: Decides the moments.
        group: Share of the kills that take the client's workers with it, as a power cut does.
        preload: Modules that clients find imported.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killing", *preload])
    generator = np.random.default_rng(seed)
    start = time.monotonic()
    for number in range(kills + 1):
        ours, theirs = context.Pipe()
        process = context.Process(target=client, args=(target, theirs))
        process.start()
        theirs.close()
        try:
            ours.recv()
        except EOFError:
            raise AssertionError(f"client {number} ended with {_exit(process)} before it was ready") from None
        if number < kills:
            process.join(generator.uniform(0.0, most))
            assert process.is_alive(), f"client {number} ended with {_exit(process)} before it could be killed"
            assert process.pid is not None
            if generator.random() < group:
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
        assert _exit(process) == (-signal.SIGKILL if number < kills else 0)
    seconds = time.monotonic() - start
    with Ledger(target.ledger) as ledger:
        (entry,) = ledger.runs()
        events = ledger.events(entry.id)
        there = partial_results(entry.id, ledger=ledger)
    assert there.counts is not None
    assert there.there.all()
    notes = Counter(event.note for event in events)
    doubts = sum(event.state is State.IN_DOUBT for event in events)
    return Outcome(there.counts.table, kills, doubts, notes[FOUND], notes[NOT_ARRIVED], seconds)


def _exit(process: BaseProcess) -> int | None:
    process.join(300)
    return process.exitcode
