"""Amplification: entangling gates repeated with their inverses, so that their errors grow by a known factor.

A cz becomes ``cz cz cz``, an rzz of an angle *t* ``rzz(t) rzz(-t) rzz(t)``, with fences between them, so that no
optimiser takes them away again. A scale that is no odd number is reached by repeating a part of the gates, spread
evenly (T. Giurgica-Tiron et al., arXiv 2005.10921). One-qubit gates and readout stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from qadapt.circuit import Circuit, Operation, op
from qadapt.compile.expand import expand, scaled
from qadapt.compile.skeleton import kept
from qadapt.errors import TargetError
from qadapt.target import Target


def amplified(circuit: Circuit, target: Target, scale: float) -> tuple[Circuit, float]:
    """Repeat entangling gates of a circuit.

    Args:
        circuit: Any circuit; gates that the target's skeletons do not keep are written in those that they do.
        target: The machine.
        scale: Wanted factor, at least 1; 1 leaves the circuit as it is.

    Returns:
        The circuit, and the factor by which the number of its entangling gates has grown.

    Raises:
        TargetError: There is no entangling gate to repeat.
    """
    if scale == 1:
        return circuit, 1.0
    operations = tuple(expand(circuit.operations, kept(target)))
    total = sum(_entangles(operation) for operation in operations)
    if not total:
        raise TargetError("the circuit has no entangling gate whose errors could be amplified")
    pairs = round(total * (scale - 1) / 2)
    written: list[Operation] = []
    number = 0
    for operation in operations:
        written.append(operation)
        if _entangles(operation):
            # Pairs that belong to the gates up to this one, less those of the gates before it.
            up_to, before = ((2 * done * pairs + total) // (2 * total) for done in (number + 1, number))
            written += _pairs(operation, up_to - before)
            number += 1
    made = Circuit(num_qubits=circuit.num_qubits, operations=written, measured=circuit.measured)
    return made, made.count() / total


def _entangles(operation: Operation) -> bool:
    return not operation.is_fence and len(operation.qubits) == 2


def _pairs(operation: Operation, number: int) -> Iterator[Operation]:
    """So many pairs of inverse and gate, each behind a fence."""
    fence = op("fence", *operation.qubits)
    inverse = operation.moved(operation.qubits, tuple(scaled(angle, -1) for angle in operation.angles))
    for _ in range(number):
        yield from (fence, inverse, fence, operation)
