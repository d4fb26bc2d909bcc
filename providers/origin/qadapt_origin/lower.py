"""Lowering: a circuit and its bindings to one pyQPanda3 program per row, gate by gate through the API.

No text format is used: pyQPanda3's OpenQASM reader drops subtrahends in angle expressions, and OriginIR rounds angles.
Nor are its variational circuits (``VQCircuit``), which take an array of rows: they hold one circuit per row all the
same, bind and run no faster than programs are built and run here (20 against 19 microseconds per row for 6 angles on 2
qubits, 158 against 113 for 44 angles on 4), and do not take RPHI.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter
from qadapt.provider import check_angles
from qadapt.simulate.components import Component
from qadapt_origin.errors import sdk

if TYPE_CHECKING:
    from pyqpanda3.core.core import QGate, QProg


@dataclass(frozen=True)
class Native:
    """A gate of the gate table as one pyQPanda3 gate object with the same angles.

    Attributes:
        name: pyQPanda3's name of the gate, and of the function that makes it.
        dagger: It is the inverse of that gate.
        controls: Number of leading qubits that control it.
    """

    name: str
    dagger: bool = False
    controls: int = 0


NATIVE: Mapping[str, Native] = MappingProxyType(
    {
        "id": Native("I"),
        "x": Native("X"),
        "y": Native("Y"),
        "z": Native("Z"),
        "h": Native("H"),
        "s": Native("S"),
        "sdg": Native("S", dagger=True),
        "t": Native("T"),
        "tdg": Native("T", dagger=True),
        "sx": Native("X1"),
        "sxdg": Native("X1", dagger=True),
        "rx": Native("RX"),
        "ry": Native("RY"),
        "rz": Native("RZ"),
        "p": Native("P"),
        "u3": Native("U3"),
        "rphi": Native("RPHI"),
        "prx": Native("RPHI"),
        "cx": Native("CNOT"),
        "cy": Native("Y", controls=1),
        "cz": Native("CZ"),
        "ch": Native("H", controls=1),
        "swap": Native("SWAP"),
        "iswap": Native("ISWAP"),
        "cp": Native("CP"),
        "crx": Native("RX", controls=1),
        "cry": Native("RY", controls=1),
        "crz": Native("RZ", controls=1),
        "rxx": Native("RXX"),
        "ryy": Native("RYY"),
        "rzz": Native("RZZ"),
        "ccx": Native("X", controls=2),
        "cswap": Native("SWAP", controls=1),
    }
)
"""Every gate that pyQPanda3 has as one gate object, by our name; equal up to global phase. It has no ecr."""

BARRIER = "BARRIER"
"""pyQPanda3's name of a fence."""

Maker: TypeAlias = "Callable[[list[float]], QGate]"


def local(component: Component) -> Circuit:
    """Circuit of a component on its local qubits, without registers; cz lists its lower qubit first.

    Noise models know pairs of qubits without order, see ``noise.noise_model``.
    """
    operations = (
        Operation(gate=name, qubits=tuple(sorted(qubits)) if name == "cz" else qubits, angles=angles)
        for (name, qubits), angles in zip(component.gates, component.angles, strict=True)
    )
    return Circuit(num_qubits=len(component.qubits), operations=tuple(operations))


def lower(circuit: Circuit, bindings: Bindings) -> Iterator[QProg]:
    """Yield one measurement-free program per row, in order.

    Qubit *k* is the program's qubit *k*; amplitude index *i* has it in bit *k* on both sides. Fences become barriers.

    Args:
        circuit: Gates of ``NATIVE`` only; registers are not looked at.
        bindings: Values of at least the circuit's parameters.

    Raises:
        BindingsError: An angle is not finite.
    """
    check_angles(circuit, bindings)
    program, angles = sdk().QProg, _angles(circuit, bindings)
    ready: dict[Operation, QGate] = {}
    steps: list[tuple[QGate | None, Maker]] = []
    start = 0
    for operation in circuit.operations:
        stop = start + len(operation.angles)
        make = _maker(operation, start, stop)
        if not operation.parameters and operation not in ready:
            ready[operation] = make(angles[0].tolist())
        steps.append((ready.get(operation), make))
        start = stop
    for row in angles:
        values, made = row.tolist(), program(circuit.num_qubits)
        for gate, make in steps:
            made.append(make(values) if gate is None else gate)
        yield made


def _angles(circuit: Circuit, bindings: Bindings) -> NDArray[np.float64]:
    """Angles of all operations in order, ``[rows, angles]`` in radians."""
    angles = [angle for operation in circuit.operations for angle in operation.angles]
    table = np.empty((bindings.rows, len(angles)))
    for index, angle in enumerate(angles):
        if isinstance(angle, Parameter):
            table[:, index] = angle.scale * bindings.column(angle.name) + angle.offset
        else:
            table[:, index] = angle
    return table


def _maker(operation: Operation, start: int, stop: int) -> Maker:
    """From one row of angles to the vendor's gate of one operation."""
    qubits = operation.qubits
    if operation.is_fence:
        barrier = getattr(sdk(), BARRIER)
        return lambda _: barrier(list(qubits))
    native = NATIVE[operation.gate]
    factory = getattr(sdk(), native.name)
    controls, targets = list(qubits[: native.controls]), qubits[native.controls :]
    if not (controls or native.dagger):
        return lambda row: factory(*targets, *row[start:stop])

    def make(row: list[float]) -> QGate:
        gate: QGate = factory(*targets, *row[start:stop])
        gate = gate.dagger() if native.dagger else gate
        return gate.control(controls) if controls else gate

    return make
