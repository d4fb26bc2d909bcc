"""Lowering: our circuits to symbolic Cirq circuits, and their angles to one table for all rows.

Each distinct angle is one bare symbol in half-turns, Cirq's unit. The affine part of an angle and the change of unit
are done here in NumPy for all rows at once, because Cirq would evaluate them as a symbolic expression row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Angle, Circuit, Parameter
from qadapt.gates import GATES
from qadapt.simulate.components import Component

if TYPE_CHECKING:
    import cirq

NATIVE = tuple(name for name in GATES if name != "ecr")
"""Gates of ours that Cirq has; it has no ecr."""

KEY = "m{}"
"""Measurement key of a register, by its number."""


@cache
def gates() -> Mapping[str, Callable[..., cirq.Gate]]:
    """Cirq's gate for angles in half-turns, by our name; equal up to global phase, first qubit first."""
    import cirq

    # PhasedXZGate(x, z, a) is Z**z Z**a X**x Z**-a. Google's noise models know this gate alone: on any other rotation
    # in the plane they act in part (willow_pink) or not at all (rainbow, weber).
    def in_plane(theta: float, phi: float) -> cirq.Gate:
        return cirq.PhasedXZGate(x_exponent=theta, z_exponent=0.0, axis_phase_exponent=phi)

    return MappingProxyType(
        {
            "id": lambda: cirq.I,
            "x": lambda: cirq.X,
            "y": lambda: cirq.Y,
            "z": lambda: cirq.Z,
            "h": lambda: cirq.H,
            "s": lambda: cirq.S,
            "sdg": lambda: cirq.S**-1,
            "t": lambda: cirq.T,
            "tdg": lambda: cirq.T**-1,
            "sx": lambda: cirq.X**0.5,
            "sxdg": lambda: cirq.X**-0.5,
            # A global shift of -1/2 makes P**t the rotation exp(-i pi t P / 2); without it the gate has another phase,
            # which a control would turn into a relative one.
            "rx": lambda theta: cirq.XPowGate(exponent=theta, global_shift=-0.5),
            "ry": lambda theta: cirq.YPowGate(exponent=theta, global_shift=-0.5),
            "rz": lambda theta: cirq.ZPowGate(exponent=theta, global_shift=-0.5),
            "p": lambda theta: cirq.ZPowGate(exponent=theta),
            # ry(t) = Z**(1/2) rx(t) Z**(-1/2).
            "u3": lambda theta, phi, lam: cirq.PhasedXZGate(
                x_exponent=theta, z_exponent=phi + lam, axis_phase_exponent=0.5 - lam
            ),
            "rphi": in_plane,
            "prx": in_plane,
            "cx": lambda: cirq.CNOT,
            "cy": lambda: cirq.ControlledGate(cirq.Y),
            "cz": lambda: cirq.CZ,
            "ch": lambda: cirq.ControlledGate(cirq.H),
            "swap": lambda: cirq.SWAP,
            "iswap": lambda: cirq.ISWAP,
            "cp": lambda theta: cirq.CZPowGate(exponent=theta),
            "crx": lambda theta: cirq.ControlledGate(cirq.XPowGate(exponent=theta, global_shift=-0.5)),
            "cry": lambda theta: cirq.ControlledGate(cirq.YPowGate(exponent=theta, global_shift=-0.5)),
            "crz": lambda theta: cirq.ControlledGate(cirq.ZPowGate(exponent=theta, global_shift=-0.5)),
            "rxx": lambda theta: cirq.XXPowGate(exponent=theta, global_shift=-0.5),
            "ryy": lambda theta: cirq.YYPowGate(exponent=theta, global_shift=-0.5),
            "rzz": lambda theta: cirq.ZZPowGate(exponent=theta, global_shift=-0.5),
            "ccx": lambda: cirq.CCX,
            "cswap": lambda: cirq.CSWAP,
        }
    )


@dataclass(frozen=True)
class Lowered:
    """A circuit, or one component of one, in Cirq's terms.

    Attributes:
        circuit: Symbolic circuit; symbol ``a0``, ``a1``, ... is the angle of that number.
        qubits: Cirq's qubits, in the order of ours.
        angles: Our angle of each symbol.
    """

    circuit: cirq.FrozenCircuit
    qubits: tuple[cirq.Qid, ...]
    angles: tuple[Parameter, ...]


def lower(component: Component) -> Lowered:
    """Build the symbolic circuit of a component, without measurements; equal angles share one symbol."""
    import cirq

    qubits = tuple(cirq.LineQubit(qubit) for qubit in component.qubits)
    numbers: dict[Parameter, int] = {}
    pairs = zip(component.gates, component.angles, strict=True)
    operations = _operations(((name, own, angles) for (name, own), angles in pairs), qubits, numbers)
    return Lowered(cirq.FrozenCircuit(operations), qubits, tuple(numbers))


def lower_circuit(
    circuit: Circuit,
    qubits: Sequence[cirq.Qid],
    expand: Mapping[str, Callable[..., Iterable[cirq.Operation]]] = MappingProxyType({}),
) -> Lowered:
    """Build the symbolic circuit of a whole circuit with its measurements, all in the last moment.

    Args:
        circuit: The circuit; fences are left out, since Cirq moves no gate.
        qubits: Cirq's qubit for each of ours.
        expand: Operations to write for a gate of ours on given qubits, where it is not one of Cirq's.
    """
    import cirq

    numbers: dict[Parameter, int] = {}
    operations = ((operation.gate, operation.qubits, operation.angles) for operation in circuit.gates())
    built = cirq.Circuit(_operations(operations, qubits, numbers, expand))
    built.append(
        cirq.Moment(
            cirq.measure(*(qubits[qubit] for qubit in register), key=KEY.format(number))
            for number, register in enumerate(circuit.measured)
        )
    )
    return Lowered(built.freeze(), tuple(qubits), tuple(numbers))


def _operations(
    operations: Iterable[tuple[str, tuple[int, ...], tuple[Angle, ...]]],
    qubits: Sequence[cirq.Qid],
    numbers: dict[Parameter, int],
    expand: Mapping[str, Callable[..., Iterable[cirq.Operation]]] = MappingProxyType({}),
) -> Iterator[cirq.Operation]:
    """Yield Cirq's operations and number the angles that are met on the way."""
    import sympy  # type: ignore[import-untyped]

    table = gates()
    for name, own, angles in operations:
        values = [
            sympy.Symbol(f"a{numbers.setdefault(angle, len(numbers))}")
            if isinstance(angle, Parameter)
            else float(half_turns(angle))
            for angle in angles
        ]
        places = [qubits[qubit] for qubit in own]
        if name in expand:
            yield from expand[name](*places)
        else:
            yield table[name](*values)(*places)


def resolvers(lowered: Lowered, bindings: Bindings) -> Iterator[cirq.ParamResolver]:
    """Yield the values of the symbols row by row; one empty resolver for a circuit without symbols."""
    import cirq

    if not lowered.angles:
        yield cirq.ParamResolver({})
        return
    names = [f"a{index}" for index in range(len(lowered.angles))]
    for row in half_turns(bindings.angles(lowered.angles)).tolist():
        yield cirq.ParamResolver(dict(zip(names, row, strict=True)))


def half_turns(angles: ArrayLike) -> NDArray[np.float64]:
    """Turn radians into half-turns in [-2, 2].

    Every gate has period 4 pi in each angle up to global phase. Reducing first keeps the error of the division by pi at
    rounding level also for large angles.
    """
    half = np.asarray(angles, dtype=float) / 2
    reduced: NDArray[np.float64] = 2 / np.pi * np.arctan2(np.sin(half), np.cos(half))
    return reduced
