"""Twirl: random Paulis around every entangling gate, as angles of one and the same circuit.

Before a gate *G* come Paulis *P*, behind it the *P'* with ``P' G P = G`` up to global phase, so the circuit does what
it did, and errors of *G* are averaged over the Paulis: coherent ones become stochastic (J. J. Wallman and J. Emerson,
Phys. Rev. A 94, 052325 (2016)). The Paulis are half turns about x and z by columns that hold 0 or pi; compiling gathers
them in the slots beside the gate, so every draw is another row of angles.

All 16 Paulis of two qubits go through a cz: one with x on one qubit comes out with z on the other. Through an rzz go
the 8 that commute with it, whatever its angle; an error that commutes with ZZ, as a turn too far, is not averaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Circuit, Operation, op
from qadapt.compile.expand import expand
from qadapt.compile.skeleton import kept
from qadapt.target import Target


@dataclass(frozen=True)
class Twirl:
    """A circuit with Paulis around its entangling gates.

    Attributes:
        circuit: Does what the source does, whether the parameters in ``names`` are 0 or pi.
        names: Parameters of the Paulis.
    """

    circuit: Circuit
    names: tuple[str, ...]

    def draw(self, rows: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """Draw the Paulis of so many rows: values of ``names``, ``[rows, names]``, 0 or pi."""
        return np.asarray(np.pi * generator.integers(0, 2, (rows, len(self.names))), dtype=np.float64)


def twirled(circuit: Circuit, target: Target) -> Twirl:
    """Put Paulis around every entangling gate.

    Args:
        circuit: Any circuit; gates that the target's skeletons do not keep are written in those that they do.
        target: The machine.
    """
    prefix = "twirl"
    while any(name.startswith(prefix) for name in circuit.parameters):
        prefix += "_"
    written: list[Operation] = []
    number = 0
    for operation in expand(circuit.operations, kept(target)):
        if operation.is_fence or len(operation.qubits) == 1:
            written.append(operation)
        else:
            written += _around(operation, f"{prefix}{number}")
            number += 1
    made = Circuit(num_qubits=circuit.num_qubits, operations=written, measured=circuit.measured)
    return Twirl(made, tuple(name for name in made.parameters if name.startswith(prefix)))


def _around(gate: Operation, name: str) -> Iterator[Operation]:
    """The gate between its Paulis; those of the first and second qubit are x0 z0 and x1 z1."""
    free = gate.gate == "cz"
    x = (f"{name}.x0", f"{name}.x1" if free else f"{name}.x0")
    z = (f"{name}.z0", f"{name}.z1")
    for qubit, flip, phase in zip(gate.qubits, x, z, strict=True):
        yield op("rx", qubit, angles=[flip])
        yield op("rz", qubit, angles=[phase])
    yield gate
    for place, qubit in enumerate(gate.qubits):
        yield op("rz", qubit, angles=[z[place]])
        if free:
            yield op("rz", qubit, angles=[x[1 - place]])
        yield op("rx", qubit, angles=[x[place]])
