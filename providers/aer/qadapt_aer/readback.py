"""Reading back: the circuit that Aer is handed for a component and a row, as a component again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qadapt.interchange import from_qiskit
from qadapt.simulate.components import Component, Read

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate
    from qiskit.circuit import Parameter as Symbol

SAME = 1e-12
"""Entries of equal matrices may differ by this much."""


def read_back(
    sent: QuantumCircuit, values: Mapping[Symbol, Sequence[float]], row: int, component: Component
) -> Component:
    """Read a circuit that saves probabilities.

    Args:
        sent: As ``lower.save`` makes it.
        values: Values of its parameters, one per row.
        row: The row that is read; any for a circuit without parameters.
        component: What it was made of: says which physical qubits it is on, and which bits of a register it reads.

    Raises:
        CircuitError: It holds something that is no gate.
    """
    from qiskit import QuantumCircuit
    from qiskit.circuit.library import UnitaryGate
    from qiskit_aer.library import SaveProbabilities

    bound = sent.assign_parameters({symbol: column[row] for symbol, column in values.items()})
    gates = QuantumCircuit(bound.num_qubits)
    saved: dict[int, tuple[int, ...]] = {}
    for item in bound.data:
        operation = item.operation
        qubits = tuple(bound.find_bit(qubit).index for qubit in item.qubits)
        if isinstance(operation, SaveProbabilities):
            saved[int(operation.label)] = qubits
        else:
            gates.append(_named(operation) if isinstance(operation, UnitaryGate) else operation, qubits)
    operations = from_qiskit(gates).operations
    return Component(
        qubits=component.qubits,
        gates=tuple((operation.gate, operation.qubits) for operation in operations),
        angles=tuple(operation.angles for operation in operations),
        reads=tuple(Read(read.register, read.bits, saved[read.register]) for read in component.reads),
    )


def _named(unitary: Gate) -> Gate:
    """The gate that a matrix is of, as far as gates are sent as matrices; the matrix itself where it is of none."""
    from qiskit.circuit.library import CHGate, iSwapGate

    matrix = unitary.to_matrix()
    known = (gate for gate in (CHGate(), iSwapGate()) if gate.num_qubits == unitary.num_qubits)
    return next((gate for gate in known if np.allclose(gate.to_matrix(), matrix, rtol=0, atol=SAME)), unitary)
