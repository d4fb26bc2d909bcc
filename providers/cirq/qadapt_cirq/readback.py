"""Reading back: circuits of Cirq with the values of one row, as gates and registers of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from math import pi
from typing import TYPE_CHECKING, Any, TypeAlias

from qadapt.circuit import Circuit, Operation, op
from qadapt.errors import NotSupportedError
from qadapt.simulate.components import Component
from qadapt_cirq.lower import KEY

if TYPE_CHECKING:
    import cirq

Written: TypeAlias = Iterator[tuple[str, tuple[int, ...], tuple[float, ...]]]
"""Gates of ours: name, which of the gate's qubits, and angles in radians."""


def component(circuit: cirq.AbstractCircuit, values: cirq.ParamResolver, own: Component) -> Component:
    """A component as its circuit without measurements has it; it reads what it reads."""
    operations = list(_operations(circuit, values, {_line(qubit): qubit for qubit in own.qubits}))
    place = {qubit: number for number, qubit in enumerate(own.qubits)}
    return Component(
        qubits=own.qubits,
        gates=tuple((o.gate, tuple(place[qubit] for qubit in o.qubits)) for o in operations),
        angles=tuple(o.angles for o in operations),
        reads=own.reads,
    )


def whole(circuit: cirq.AbstractCircuit, values: cirq.ParamResolver, qubits: Sequence[cirq.Qid]) -> Circuit:
    """A circuit with its measurements.

    Args:
        circuit: As ``lower.lower_circuit`` makes it.
        values: Values of its symbols in one row.
        qubits: Cirq's qubit for each of the target's.

    Raises:
        NotSupportedError: It holds an operation that a circuit has no form for.
    """
    import cirq

    place = {qubit: number for number, qubit in enumerate(qubits)}
    measured = {
        cirq.measurement_key_name(operation): [place[qubit] for qubit in operation.qubits]
        for operation in circuit.all_operations()
        if isinstance(operation.gate, cirq.MeasurementGate)
    }
    registers = [measured[KEY.format(number)] for number in range(len(measured))]
    operations = tuple(_operations(circuit, values, place))
    return Circuit(num_qubits=len(qubits), operations=operations, measured=registers)


def _line(qubit: int) -> cirq.Qid:
    import cirq

    return cirq.LineQubit(qubit)


def _operations(
    circuit: cirq.AbstractCircuit, values: cirq.ParamResolver, place: Mapping[cirq.Qid, int]
) -> Iterator[Operation]:
    import cirq

    for operation in cirq.resolve_parameters(circuit, values).all_operations():
        gate = operation.gate
        if isinstance(gate, cirq.MeasurementGate) and not any(gate.full_invert_mask()) and not gate.confusion_map:
            continue
        qubits = [place[qubit] for qubit in operation.qubits]
        for name, own, angles in _written(gate):
            yield op(name, *(qubits[number] for number in own), angles=angles)


def _written(gate: Any) -> Written:
    """Gates of ours that do the same as one of Cirq's, up to global phase.

    Raises:
        NotSupportedError: There are none here.
    """
    import cirq

    if isinstance(gate, cirq.PhasedXZGate):
        yield "rphi", (0,), (pi * gate.x_exponent, pi * gate.axis_phase_exponent)
        yield "rz", (0,), (pi * gate.z_exponent,)
        return
    if isinstance(gate, cirq.ControlledGate) and gate.control_values == cirq.ProductOfSums(((1,),)):
        inner = gate.sub_gate
        axis = next((axis for kind, axis in _axes() if isinstance(inner, kind)), None)
        if axis is not None:
            # exp(i pi t (1/2 + s)) R(pi t), whose phase the control turns into one of its own.
            yield "p", (0,), (pi * inner.exponent * (0.5 + inner.global_shift),)
            yield f"cr{axis}", (0, 1), (pi * inner.exponent,)
            return
        if inner == cirq.H:
            yield "ch", (0, 1), ()
            return
    for kind, write in _powers().items():
        if type(gate) in (kind, *kind.__subclasses__()):
            yield from write(gate.exponent)
            return
    fixed = next((name for name, known in _fixed().items() if gate == known), None)
    if fixed is None:
        raise NotSupportedError(f"{gate!r} has no form in a circuit", capability="lowered")
    yield fixed, tuple(range(cirq.num_qubits(gate))), ()


def _axes() -> Iterable[tuple[type, str]]:
    import cirq

    return ((cirq.XPowGate, "x"), (cirq.YPowGate, "y"), (cirq.ZPowGate, "z"))


@cache
def _powers() -> Mapping[type, Callable[[float], Written]]:
    """From an exponent in half-turns to gates, by the class of Cirq's gate."""
    import cirq

    def rotation(name: str, *qubits: int) -> Callable[[float], Written]:
        return lambda t: iter([(name, qubits, (pi * t,))])

    def iswap(t: float) -> Written:
        # exp(i pi t (XX + YY) / 4)
        return iter([("rxx", (0, 1), (-pi * t / 2,)), ("ryy", (0, 1), (-pi * t / 2,))])

    return {
        cirq.XPowGate: rotation("rx", 0),
        cirq.YPowGate: rotation("ry", 0),
        cirq.ZPowGate: rotation("rz", 0),
        cirq.CZPowGate: rotation("cp", 0, 1),
        cirq.XXPowGate: rotation("rxx", 0, 1),
        cirq.YYPowGate: rotation("ryy", 0, 1),
        cirq.ZZPowGate: rotation("rzz", 0, 1),
        cirq.ISwapPowGate: iswap,
    }


@cache
def _fixed() -> Mapping[str, cirq.Gate]:
    """Gates that are looked for as they are."""
    import cirq

    return {
        "id": cirq.I,
        "h": cirq.H,
        "cx": cirq.CNOT,
        "swap": cirq.SWAP,
        "ccx": cirq.CCX,
        "cswap": cirq.CSWAP,
    }
