"""IBM programs: what was posted, run without noise, and answered in IBM's own schema models.

Circuits are run gate by gate as they were posted, by ``qadapt.simulate``; programs that it cannot run (delays,
twirling) by Aer, through IBM's own local mode. Results follow from what was posted alone, so the same job gives the
same shots in every process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qadapt import Bindings, Circuit, Operation, Parameter, op
from qadapt.circuit import Angle
from qadapt.simulate.components import split
from qadapt.simulate.statevector import probabilities

Bits = NDArray[np.bool_]
Items = list[dict[str, Bits]]
"""Shots ``[..., shots, bits]`` of every register of every circuit."""


def run(params: Mapping[str, Any], alter: Callable[[Items], Items] | None = None, salt: str = "") -> str:
    """Run a posted program and answer in IBM's own schema.

    Args:
        params: What was posted.
        alter: Changes the shots before they are written.
        salt: Equal programs give equal shots if this is equal, too.
    """
    from ibm_quantum_schemas.common import CompressedTensorModel
    from ibm_quantum_schemas.executor import version_2_0 as schema
    from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import (
        passthrough_data_to_2_0,
        quantum_program_from_2_0,
    )

    program, _ = quantum_program_from_2_0(schema.ParamsModel.model_validate(params))
    items = shots_of(program, salt)
    if alter is not None:
        items = alter(items)
    model = schema.QuantumProgramResultModel(
        data=[
            schema.QuantumProgramResultItemModel(
                results={name: CompressedTensorModel.from_numpy(bits) for name, bits in item.items()},
                metadata=schema.ItemMetadataModel(),
            )
            for item in items
        ],
        metadata=schema.MetadataModel(chunk_timing=[]),
        passthrough_data=passthrough_data_to_2_0(program.passthrough_data),
        semantic_role=program._semantic_role,
    )
    return str(model.model_dump_json())


def shots_of(program: Any, salt: str = "") -> Items:
    """Shots ``[..., shots, bits]`` of every register of every circuit of a program."""
    from samplomatic.quantum_program import CircuitItem

    if all(isinstance(item, CircuitItem) for item in program.items):
        read = [_read(item.circuit) for item in program.items]
        if None not in read:
            pairs = zip((found for found in read if found is not None), program.items, strict=True)
            return [
                _shots(*found, item, program.shots, f"{number} {salt}") for number, (found, item) in enumerate(pairs)
            ]
    return _aer(program, salt)


def _read(posted: Any) -> tuple[Circuit, tuple[str, ...]] | None:
    """A Qiskit circuit as one of ours, a register for each of its own; None where there is more in it than gates."""
    operations: list[Operation] = []
    places: dict[Any, int] = {}
    for item in posted.data:
        name = item.operation.name
        qubits = [posted.find_bit(qubit).index for qubit in item.qubits]
        if name == "measure":
            places[item.clbits[0]] = qubits[0]
        elif any(qubit in places.values() for qubit in qubits) and name != "barrier":
            return None
        elif name in ("cz", "rzz", "rx", "rz", "sx", "x"):
            angles = [_angle(value) for value in item.operation.params]
            if None in angles:
                return None
            operations.append(op(name, *qubits, angles=[angle for angle in angles if angle is not None]))
        elif name != "barrier":
            return None
    names = tuple(register.name for register in posted.cregs)
    measured = [tuple(places[bit] for bit in register) for register in posted.cregs]
    return Circuit(num_qubits=posted.num_qubits, operations=operations, measured=measured), names


def _angle(value: Any) -> Angle | None:
    from qiskit.circuit import Parameter as Symbol

    if isinstance(value, Symbol):
        return Parameter(name=value.name)
    try:
        return float(value)
    except TypeError:
        return None


def _shots(circuit: Circuit, names: Sequence[str], item: Any, shots: int, salt: str) -> dict[str, Bits]:
    """Shots of one circuit; its connected parts are drawn one after the other, all registers of one together."""
    values = np.asarray(item.circuit_arguments, dtype=float)
    shape = values.shape[:-1]
    parameters = tuple(symbol.name for symbol in item.circuit.parameters)
    matrix = values.reshape(-1, len(parameters)) if parameters else np.empty((int(np.prod(shape)), 0))
    content = circuit.content_hash.encode() + matrix.tobytes() + f"{shots} {salt}".encode()
    generator = np.random.default_rng(list(hashlib.sha256(content).digest()))
    rows = len(matrix)
    bindings = Bindings.of_matrix(parameters, matrix) if parameters else Bindings.of({}, shape=(rows,))
    found = [np.zeros((rows, shots, len(register)), dtype=bool) for register in circuit.measured]
    components = [component for component in split(circuit, circuit.measured) if component.reads]
    # All bits of a component are one register here: what is connected is correlated.
    together = [
        [component.qubits[qubit] for read in component.reads for qubit in read.qubits] for component in components
    ]
    whole = Circuit(num_qubits=circuit.num_qubits, operations=circuit.operations, measured=together)
    for component, table in zip(components, probabilities(whole, bindings), strict=True):
        rising = np.cumsum(table, axis=1)
        drawn = generator.random((rows, shots)) * rising[:, -1:]
        outcomes = np.stack([np.searchsorted(*pair, side="right") for pair in zip(rising, drawn, strict=True)])
        outcomes = np.minimum(outcomes, table.shape[1] - 1)
        for position, (register, bit) in enumerate((r.register, bit) for r in component.reads for bit in r.bits):
            found[register][..., bit] = (outcomes >> position) & 1
    return {name: bits.reshape(*shape, shots, -1) for name, bits in zip(names, found, strict=True)}


def _aer(program: Any, salt: str = "") -> Items:
    from qiskit_aer import AerSimulator
    from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
    from qiskit_ibm_runtime.options_models import SimulatorOptions

    for item in program.items:
        if hasattr(item, "samplex"):
            item.samplex.finalize()
    text = repr([[(item.operation.name, len(item.qubits)) for item in part.circuit.data] for part in program.items])
    seed = int.from_bytes(hashlib.sha256(f"{text} {program.shots} {salt}".encode()).digest()[:4]) >> 1
    answer = run_quantum_program(AerSimulator(), program, SimulatorOptions(seed_simulator=seed))
    return [{name: np.asarray(bits) for name, bits in item.items()} for item in answer]
