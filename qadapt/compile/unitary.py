"""Unitary: gates for any unitary of a few qubits, by Qiskit's synthesis and the two-qubit form of ``runs``.

For real rotations ``qadapt.synthesis`` has circuits of half the size or less; this is for everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from qadapt.circuit import Operation, op
from qadapt.compile.dense import matrix_of, phase_distance
from qadapt.compile.expand import expand
from qadapt.compile.runs import TOLERANCE, one_qubit, shorten, two_qubit
from qadapt.errors import BindingsError
from qadapt.gates import GATES, Complexes

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

MAX_QUBITS = 6
"""Largest unitary that is written as a circuit; six qubits take about 1,800 CZ."""

UNITARY = 1e-10
"""How far the product of a matrix and its adjoint may be from the identity, in any entry."""

_KEPT = frozenset(gate.name for gate in GATES.values() if gate.qubits == 1) | {"cz"}


def synthesise_unitary(matrix: ArrayLike) -> tuple[Operation, ...]:
    """Write a unitary as one-qubit gates and CZ, up to global phase.

    One and two qubits take the fewest CZ there are, three take at most 19 and *n* about ``(23/48) 4**n`` (Shende,
    Bullock and Markov, IEEE Trans. CAD 25, 1000 (2006)). The gates are multiplied out and compared with the matrix.

    Args:
        matrix: Unitary ``[d, d]`` with d = 2 to 64; row and column index *i* has qubit *k* in bit *k*.

    Returns:
        Gates on qubits 0 to n - 1 in the order they act.

    Raises:
        BindingsError: The matrix is not finite, not unitary or of such a shape, or no circuit within 1e-9 was found.
    """
    unitary = _checked(matrix)
    num_qubits = len(unitary).bit_length() - 1
    if num_qubits == 1:
        return (one_qubit(unitary, 0),)
    for found in _candidates(unitary, num_qubits):
        if phase_distance(matrix_of(found, num_qubits), unitary) <= TOLERANCE:
            return found
    raise BindingsError(f"no circuit within {TOLERANCE:g} of this unitary of {num_qubits} qubits was found")


def _checked(matrix: ArrayLike) -> Complexes:
    try:
        raw = np.asarray(matrix)
    except ValueError as error:
        raise BindingsError(f"unitary: {error}") from None
    if raw.dtype.kind not in "iufc":
        raise BindingsError(f"unitary: expected numbers, got {raw.dtype}")
    sides = [2**n for n in range(1, MAX_QUBITS + 1)]
    if raw.ndim != 2 or raw.shape[0] != raw.shape[1] or len(raw) not in sides:
        raise BindingsError(f"unitary: expected shape [d, d] with d of {sides}, got {list(raw.shape)}")
    unitary: Complexes = raw.astype(complex)
    if not np.isfinite(unitary).all():
        index = np.argwhere(~np.isfinite(unitary))[0].tolist()
        raise BindingsError(f"unitary: {unitary[tuple(index)]} at index {index}, expected finite numbers")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not unitary either
        distance = np.abs(unitary.conj().T @ unitary - np.eye(len(unitary))).max()
    if not distance <= UNITARY:
        raise BindingsError(
            f"the matrix is not unitary: an entry of U^+ U is {distance:.1e} off the identity",
            hint="compute it in float64",
        )
    return unitary


def _candidates(unitary: Complexes, num_qubits: int) -> Iterator[tuple[Operation, ...]]:
    """Circuits from the shortest to the safest: near the identity Qiskit's own two-qubit form is rounded."""
    if num_qubits == 2:
        yield two_qubit(unitary, _KEPT)
        return
    from qiskit import QuantumCircuit, transpile
    from qiskit.circuit.library import UnitaryGate
    from qiskit.synthesis import qs_decomposition

    circuit = QuantumCircuit(num_qubits)
    circuit.append(UnitaryGate(unitary), range(num_qubits))
    yield _shortened(transpile(circuit, basis_gates=["u", "cz"], optimization_level=3, seed_transpiler=0))
    yield _shortened(qs_decomposition(unitary))
    detour = _scrambler(num_qubits)
    rest = matrix_of(detour, num_qubits).conj().T @ unitary
    yield shorten((*_shortened(qs_decomposition(rest)), *detour), lambda _: _KEPT)


def _scrambler(num_qubits: int) -> tuple[Operation, ...]:
    """A fixed circuit without structure: what is left of any unitary behind it is far from special ones."""
    rng = np.random.default_rng(0)

    def turn(qubit: int) -> Operation:
        return op("u3", qubit, angles=rng.uniform(-np.pi, np.pi, 3).tolist())

    line = [(qubit, qubit + 1) for start in (0, 1) for qubit in range(start, num_qubits - 1, 2)]
    operations = [turn(qubit) for qubit in range(num_qubits)]
    for number in range(1 << num_qubits):
        pair = line[number % len(line)]
        operations += [op("cz", *pair), *(turn(qubit) for qubit in pair)]
    return tuple(operations)


def _shortened(circuit: QuantumCircuit) -> tuple[Operation, ...]:
    return shorten(expand(_operations(circuit), _KEPT), lambda _: _KEPT)


def _operations(circuit: QuantumCircuit) -> Iterator[Operation]:
    """Gates of a Qiskit circuit, whose qubit *k* is qubit *k*."""
    for item in circuit.data:
        name = str(item.operation.name)
        qubits = [circuit.find_bit(bit).index for bit in item.qubits]
        yield op({"u": "u3"}.get(name, name), *qubits, angles=[float(angle) for angle in item.operation.params])
