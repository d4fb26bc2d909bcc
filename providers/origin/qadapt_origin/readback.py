"""Reading back: programs of pyQPanda3, and the OriginIR that its client sends, as circuits of ours."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from qadapt.circuit import Circuit, Operation, op
from qadapt.errors import CircuitError, NotSupportedError
from qadapt.gates import FENCE
from qadapt.simulate.components import Component
from qadapt_origin.lower import BARRIER, NATIVE, Native

if TYPE_CHECKING:
    from pyqpanda3.core.core import QProg

MEASUREMENT = "MeasureNode"
"""pyQPanda3's class of a measurement, which it does not export."""

_OURS: Mapping[Native, str] = {native: name for name, native in NATIVE.items()}


def component(program: QProg, own: Component) -> Component:
    """A component with the gates that a program has; its qubits are the program's, and it reads what it reads."""
    gates = list(_operations(program))
    return replace(
        own,
        gates=tuple((operation.gate, operation.qubits) for operation in gates if not operation.is_fence),
        angles=tuple(operation.angles for operation in gates if not operation.is_fence),
    )


def sent(program: QProg, widths: Sequence[int]) -> Circuit:
    """The circuit of a program with measurements, from the OriginIR that the client writes of it, with 8 decimals.

    Args:
        program: As it is handed to the client; classical bit *k* is the *k*-th bit of all registers.
        widths: Bits of each register.

    Raises:
        CircuitError: It measures other bits than there are.
        NotSupportedError: It holds something that a circuit has no form for.
    """
    compiler = importlib.import_module("pyqpanda3.intermediate_compiler")
    found = compiler.convert_originir_string_to_qprog(program.originir())
    pairs = [(int(bit.get_cbit_addr()), int(qubit.get_qubit_addr())) for qubit, bit in found.get_measure_qubits_cbits()]
    bits = sorted(bit for bit, _ in pairs)
    if bits != list(range(sum(widths))):
        raise CircuitError(f"classical bits {bits} are measured, expected {sum(widths)} from 0 on")
    qubits = iter([qubit for _, qubit in sorted(pairs)])
    registers = [list(islice(qubits, width)) for width in widths]
    return Circuit(num_qubits=found.qubits_num(), operations=tuple(_operations(found)), measured=registers)


def _operations(program: Any) -> Iterator[Operation]:
    """Gates and fences of a program, controls first."""
    for step in program.operations():
        if type(step).__name__ == MEASUREMENT:
            continue
        name, controls = step.name(), [int(qubit) for qubit in step.control_qubits()]
        qubits = [*controls, *(int(qubit) for qubit in step.target_qubits())]
        if name == BARRIER:
            yield op(FENCE, *qubits)
            continue
        native = Native(name, step.is_dagger(), len(controls))
        ours = _OURS.get(native)
        if ours is None:
            raise NotSupportedError(f"pyqpanda3's {native} has no form in a circuit", capability="lowered")
        yield op(ours, *qubits, angles=step.parameters())
