"""Works that the tests of the IBM service share, and how they open it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.provider import Work
from qadapt_ibm.service import ServiceBackend

QUBITS = 10
"""Qubits of the loopback cloud's machine in these tests."""

Open = Callable[..., ServiceBackend]
"""Opens a machine of the loopback cloud, as a new process would, with options."""


def turn(qubit: int, angle: str | Parameter) -> list[Operation]:
    """A rotation about x by the angle: rz(-pi/2) sx rz(pi - angle) sx rz(-pi/2), the last rz left out."""
    given = Parameter(name=angle) if isinstance(angle, str) else angle
    return [
        op("rz", qubit, angles=[-np.pi / 2]),
        op("sx", qubit),
        op("rz", qubit, angles=[given.shifted(-1.0, np.pi)]),
        op("sx", qubit),
    ]


# Names whose sorted order is another one, a register in descending order, one of a qubit alone.
CIRCUIT = Circuit(
    num_qubits=QUBITS,
    operations=(*turn(0, "t10"), *turn(1, "t2"), op("fence", 0, 1), op("x", 3)),
    measured=[(1, 0), (3,)],
)
BINDINGS = Bindings.of({"t10": [0.0, np.pi, 0.0, np.pi / 2], "t2": [0.0, 0.0, np.pi, 0.0]})
FIXED = Circuit(num_qubits=QUBITS, operations=(op("x", 5),), measured=[(5, 6)])


def work(shots: int = 10) -> list[Work]:
    return [Work(CIRCUIT, BINDINGS, shots)]
