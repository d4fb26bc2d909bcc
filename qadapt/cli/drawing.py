"""Drawing: a circuit as text, by Qiskit's drawer."""

from __future__ import annotations

import shutil

from qadapt.circuit import Angle, Circuit, Parameter

LONGEST = 2000
"""Longest circuit that is drawn; larger ones fill pages that nobody reads."""

_NAMES = {"u3": "u", "rphi": "r", "prx": "r"}
"""Gates whose method in Qiskit has another name than in the gate table."""


def draw(circuit: Circuit, *, width: int | None = None) -> str:
    """Draw the qubits of a circuit that have a gate or are measured, a wire each, named by their numbers.

    Args:
        circuit: Any circuit of the gate table.
        width: Columns after which the drawing goes on below; those of the console when omitted.
    """
    from qiskit import QuantumCircuit
    from qiskit.circuit import ClassicalRegister, QuantumRegister
    from qiskit.circuit import Parameter as Symbol

    if len(circuit.operations) > LONGEST:
        return f"{len(circuit.operations)} operations are too many to draw"
    used = sorted({qubit for operation in circuit.gates() for qubit in operation.qubits}.union(circuit.bits))
    if not used:
        return "no gates"
    wires = {qubit: QuantumRegister(1, f"q{qubit}") for qubit in used}
    registers = [ClassicalRegister(len(register), f"c{n}") for n, register in enumerate(circuit.measured)]
    drawn = QuantumCircuit(*wires.values(), *registers)
    symbols: dict[str, Symbol] = {}

    def value(angle: Angle) -> object:
        if not isinstance(angle, Parameter):
            return angle
        symbol = symbols.setdefault(angle.name, Symbol(angle.name))
        return symbol if (angle.scale, angle.offset) == (1, 0) else angle.scale * symbol + angle.offset

    for operation in circuit.operations:
        places = [wires[qubit][0] for qubit in operation.qubits if qubit in wires]
        if operation.is_fence:
            drawn.barrier(places)
        else:
            place = getattr(drawn, _NAMES.get(operation.gate, operation.gate))
            place(*(value(angle) for angle in operation.angles), *places)
    for register, bits in zip(circuit.measured, registers, strict=True):
        drawn.measure([wires[qubit][0] for qubit in register], bits)
    fold = shutil.get_terminal_size((100, 24)).columns if width is None else width
    return str(drawn.draw("text", fold=fold))
