"""Acme's SDK: the client of a vendor that does not exist, for the provider that docs/add_a_provider.md shows.

It behaves as vendors do: jobs by id, labels that can be searched for, bits with the first measured qubit on the left,
exceptions of its own, and no look at what it is sent. Its machine is a simulator.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import numpy as np

from qadapt import GATES

__version__ = "1.0"


class OfflineError(Exception):
    """The service does not answer."""


class DeniedError(Exception):
    """The key is wrong."""


class NoSuchJobError(Exception):
    """Nobody knows the job."""


class RefusedError(Exception):
    """The service has seen the program and does not take it."""


class _Service:
    """The vendor's side, one for all clients of this process."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.numbers = count(1)
        self.online = True
        self.takes = True


SERVICE = _Service()
KEY = "acme-key-1234"


class Client:
    """What Acme's users work with."""

    def __init__(self, key: str) -> None:
        if key != KEY:
            raise DeniedError(f"unknown key {key}")

    def send(self, program: dict[str, Any], *, shots: int, label: str, metadata: dict[str, Any]) -> str:
        """Queue a program: ``qubits``, ``gates`` (name, qubits, angles by column or value), ``angles``, ``measure``."""
        self._check()
        if not SERVICE.takes:
            raise RefusedError("422: this program is not for our machine")
        name = f"acme-{next(SERVICE.numbers)}"
        body = {"program": json.loads(json.dumps(program)), "shots": shots, "label": label, "metadata": metadata}
        SERVICE.jobs[name] = {**body, "state": "QUEUED"}
        return name

    def job(self, name: str) -> dict[str, Any]:
        """State of a job, and once it is ``READY`` its samples ``[rows, shots, bits]``."""
        self._check()
        if name not in SERVICE.jobs:
            raise NoSuchJobError(name)
        job = SERVICE.jobs[name]
        answer = {"state": job["state"], "metadata": job["metadata"]}
        if job["state"] == "READY":
            answer["samples"] = _run(name, job["program"], job["shots"])
        elif job["state"] == "QUEUED":
            job["state"] = "READY"
        return answer

    def stop(self, name: str) -> None:
        """Stop a job that is not ready."""
        if self.job(name)["state"] == "QUEUED":
            SERVICE.jobs[name]["state"] = "STOPPED"

    def search(self, label: str) -> list[str]:
        """Jobs of a label."""
        self._check()
        return [name for name, job in SERVICE.jobs.items() if job["label"] == label]

    def _check(self) -> None:
        if not SERVICE.online:
            raise OfflineError("no answer")


def _run(name: str, program: dict[str, Any], shots: int) -> np.ndarray:
    """Samples of a job, the same whenever it is asked for."""
    generator = np.random.default_rng(list(name.encode()))
    wires, rows = program["qubits"], np.array(program["angles"])
    states = np.zeros((len(rows), *(2,) * wires), dtype=complex)
    states.reshape(len(rows), -1)[:, 0] = 1
    for name, qubits, angles in program["gates"]:
        values = [
            rows[:, angle["column"]] if isinstance(angle, dict) else np.full(len(rows), angle) for angle in angles
        ]
        # Our matrices have the first qubit in bit 0; axis 1 + k of the states is qubit k.
        matrix = GATES[name].matrix(*values).reshape(-1, *(2,) * (2 * len(qubits)))
        axes = [1 + qubit for qubit in reversed(qubits)]
        moved = np.moveaxis(states, axes, range(1, 1 + len(axes)))
        acted = matrix.reshape(len(matrix), 2 ** len(qubits), -1) @ moved.reshape(len(rows), 2 ** len(qubits), -1)
        states = np.moveaxis(acted.reshape(moved.shape), range(1, 1 + len(axes)), axes)
    measured = program["measure"]
    weights = np.moveaxis(np.abs(states) ** 2, [1 + qubit for qubit in measured], range(1, 1 + len(measured)))
    table = weights.reshape(len(rows), 2 ** len(measured), -1).sum(axis=2)
    drawn = np.stack([generator.choice(table.shape[1], size=shots, p=row / row.sum()) for row in table])
    return (drawn[..., None] >> np.arange(len(measured) - 1, -1, -1)) & 1
