"""Reading back: OpenQASM programs as Braket reads them, and the action of a quantum task, as circuits of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from qadapt.circuit import Circuit, Operation, op
from qadapt.errors import CircuitError, NotSupportedError
from qadapt.simulate.components import Component, Read
from qadapt_braket.lower import NATIVE

if TYPE_CHECKING:
    from braket.circuits import Circuit as BraketCircuit

_OURS: Mapping[str, str] = {theirs: ours for ours, theirs in NATIVE.items()}


def component(source: str, inputs: Mapping[str, float], own: Component, labels: Sequence[int]) -> Component:
    """A component as its program has it, with the values of one row for its inputs; noise is left out.

    Args:
        source: OpenQASM with the probabilities of each read, as ``lower`` and the emulator write it.
        inputs: Values by name.
        own: What it was made of: says which bits of which registers it reads.
        labels: Braket's label of each qubit of the target.
    """
    from braket.circuits import Circuit as BraketCircuit

    found = BraketCircuit.from_ir(source, inputs=dict(inputs))
    place = {label: qubit for qubit, label in enumerate(labels)}
    operations, _ = _read(found, place)
    reads = []
    for read, saved in zip(own.reads, found.result_types, strict=True):
        targets = [place[int(label)] for label in saved.target]
        # Probabilities come for qubits in ascending order; which bit is whose follows from the qubits that are read.
        rising = sorted(own.qubits[qubit] for qubit in read.qubits)
        ours = (rising.index(own.qubits[qubit]) for qubit in read.qubits)
        reads.append(Read(read.register, read.bits, tuple(targets[rank] for rank in ours)))
    return replace(
        own,
        qubits=tuple(range(len(labels))),
        gates=tuple((operation.gate, operation.qubits) for operation in operations),
        angles=tuple(operation.angles for operation in operations),
        reads=tuple(reads),
    )


def posted(action: str, row: int, widths: Sequence[int], labels: Sequence[int]) -> Circuit:
    """One row of a quantum task.

    Args:
        action: JSON of a program or of a program set: one program with a list of values for each input, or one per row.
        row: Row of the work.
        widths: Bits of each register; the task's bits are those of the registers, one after the other.
        labels: Braket's label of each qubit of the target.
    """
    from braket.circuits import Circuit as BraketCircuit

    said = json.loads(action)
    programs = said.get("programs", [said])
    program = programs[row if len(programs) > 1 else 0]
    inputs = program.get("inputs") or {}
    values = {name: column[row] if isinstance(column, list) else column for name, column in inputs.items()}
    found = BraketCircuit.from_ir(program["source"], inputs=values)
    operations, measured = _read(found, {label: qubit for qubit, label in enumerate(labels)})
    if sorted(measured) != list(range(sum(widths))):
        raise CircuitError(f"bits {sorted(measured)} are measured, expected {sum(widths)} from 0 on")
    bits = iter([measured[bit] for bit in sorted(measured)])
    registers = [list(islice(bits, width)) for width in widths]
    return Circuit(num_qubits=len(labels), operations=tuple(operations), measured=registers)


def _read(found: BraketCircuit, place: Mapping[int, int]) -> tuple[list[Operation], dict[int, int]]:
    """Gates in order, and the qubit of each bit that is measured."""
    from braket.circuits import Noise
    from braket.circuits.compiler_directive import CompilerDirective
    from braket.circuits.measure import Measure

    operations: list[Operation] = []
    measured: dict[int, int] = {}
    for instruction in found.instructions:
        operator = instruction.operator
        qubits = [place[int(label)] for label in instruction.target]
        if isinstance(operator, Measure):
            measured[int(operator._target_index)] = qubits[0]
        elif not isinstance(operator, (CompilerDirective, Noise)):
            operations.append(_gate(instruction, qubits))
    return operations, measured


def _gate(instruction: Any, qubits: Sequence[int]) -> Operation:
    operator = instruction.operator
    name = _OURS.get(operator.name)
    if name is None or instruction.control or instruction.power != 1:
        raise NotSupportedError(f"{instruction} has no form in a circuit", capability="lowered")
    return op(name, *qubits, angles=[float(angle) for angle in getattr(operator, "parameters", ())])
