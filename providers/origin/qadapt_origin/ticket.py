"""Ticket: a task id of Origin's cloud together with all that is needed to read its result in another process.

The cloud answers one number per shot, so whoever reads it must know which bits belong to which register. A job id is
``TASK/ROWSxSHOTS/HASH/QUBITS``, as in ``5F0A/200x1000/9c41/0.6-8``; ``-`` parts registers, ``.`` their qubits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qadapt.provider import Work

_TASK = r"[A-Za-z0-9_.:-]{1,128}"
_JOB = re.compile(rf"({_TASK})/([1-9]\d*)x([1-9]\d*)/([0-9a-f]+)/(\d+(?:[.-]\d+)*)")


@dataclass(frozen=True)
class Ticket:
    """What was submitted.

    Attributes:
        task: Origin's id of the task.
        rows: Number of circuits.
        shots: Shots per circuit.
        circuit_hash: Content hash of the circuit.
        qubits: Measured physical qubits, register by register; they are the classical bits in this order.
    """

    task: str
    rows: int
    shots: int
    circuit_hash: str
    qubits: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, task: str, work: Work) -> Ticket:
        """The ticket of a submitted work."""
        circuit = work.circuit
        return cls(task, work.bindings.rows, work.shots, circuit.content_hash, circuit.measured)

    @classmethod
    def read(cls, job_id: str) -> Ticket | None:
        """Read a job id; None if it is not one of ours."""
        match = _JOB.fullmatch(job_id)
        if match is None:
            return None
        task, rows, shots, circuit_hash, qubits = match.groups()
        registers = tuple(tuple(map(int, register.split("."))) for register in qubits.split("-"))
        return cls(task, int(rows), int(shots), circuit_hash, registers)

    @property
    def job_id(self) -> str:
        """The job id that ``read`` reads."""
        qubits = "-".join(".".join(map(str, register)) for register in self.qubits)
        return f"{self.task}/{self.rows}x{self.shots}/{self.circuit_hash}/{qubits}"

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of each register."""
        return tuple(len(register) for register in self.qubits)


def task(job_id: str) -> str | None:
    """Origin's id in a job id, or a bare one as it is; None if it can be neither."""
    found = job_id.partition("/")[0]
    return found if re.fullmatch(_TASK, found) else None
