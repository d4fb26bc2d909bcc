"""bqskit as a peer of synthesis: by numerical search like us, in a process that is stopped at a limit."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from benchmarks.heron import Native, placed
from benchmarks.peers import pulses
from benchmarks.tasks import Task
from qadapt.circuit import op

START = 120.0
"""Seconds for its imports and servers."""


def installed() -> bool:
    """Whether bqskit can be imported."""
    return find_spec("bqskit") is not None


class Worker:
    """One running process of bqskit."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._read(START)

    def compile(self, task: Task, level: int, limit: float) -> tuple[float, Native] | None:
        """Wall seconds and circuit of a state or a block; None where it did not answer within ``limit`` seconds.

        After that the worker is of no more use.
        """
        wanted = {"state": task.state.tolist()} if task.kind == "S" else {"block": task.block.tolist()}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"level": level, **wanted}) + "\n")
        self._process.stdin.flush()
        found = self._read(limit)
        if found is None:
            return None
        highest = task.num_qubits - 1  # its first qubit is the highest bit
        operations = [
            op(name, *(highest - qubit for qubit in qubits), angles=angles) for name, qubits, angles in found["gates"]
        ]
        return found["seconds"], placed(pulses(task.num_qubits, operations), task.ideal)

    def _read(self, limit: float) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], limit)[0]:
            return None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"bqskit ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def worker() -> Iterator[Worker]:
    """Start a process of bqskit; it ends with the block, and so do the servers that it has started."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.numerical_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # so that the whole group can be stopped
    )
    try:
        yield Worker(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
