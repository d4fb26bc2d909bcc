"""Reading back: what Aer is handed, and what would be posted to the service, as circuits of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qadapt.circuit import Circuit
from qadapt.errors import NotSupportedError
from qadapt.interchange import from_qiskit
from qadapt.simulate.components import Component, Read

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter as Symbol


def bound(circuit: QuantumCircuit, values: Mapping[Symbol, Sequence[float]], row: int) -> Circuit:
    """A circuit of Qiskit with one row of the values of its parameters."""
    return from_qiskit(circuit.assign_parameters({symbol: column[row] for symbol, column in values.items()}))


def read_back(found: Circuit, component: Component) -> Component:
    """A component as it was found on physical qubits; its one register holds the reads, one after the other."""
    (register,) = found.measured
    reads, start = [], 0
    for read in component.reads:
        stop = start + len(read.bits)
        reads.append(Read(read.register, read.bits, register[start:stop]))
        start = stop
    return Component(
        qubits=tuple(range(found.num_qubits)),
        gates=tuple((operation.gate, operation.qubits) for operation in found.operations if not operation.is_fence),
        angles=tuple(operation.angles for operation in found.operations if not operation.is_fence),
        reads=tuple(reads),
    )


def posted(inputs: Mapping[str, Any], row: int) -> Circuit:
    """One row of a job of one work, from what its post says.

    Args:
        inputs: JSON of the program's inputs.
        row: Row of the work: of its one PUB, or of one PUB per row if there is nothing to bind.

    Raises:
        NotSupportedError: Each row is several random circuits (twirling), or has delays (decoupling).
    """
    from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS
    from samplomatic.quantum_program import CircuitItem

    converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS[inputs["schema_version"]]
    program, _ = converter.decoder(converter.model.model_validate(inputs))
    if not all(isinstance(item, CircuitItem) for item in program.items):
        raise NotSupportedError("twirled circuits are drawn by the service, row by row", capability="lowered")
    item = program.items[row if len(program.items) > 1 else 0]
    symbols = item.circuit.parameters
    if not symbols:
        return from_qiskit(item.circuit)
    table = item.circuit_arguments.reshape(-1, len(symbols))
    # The service takes a column for the parameter of its number, in the order in which the circuit gives them.
    return from_qiskit(item.circuit.assign_parameters(dict(zip(symbols, table[row].tolist(), strict=True))))
