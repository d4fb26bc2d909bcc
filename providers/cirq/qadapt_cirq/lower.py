"""Lowering: a component of a circuit to one symbolic Cirq circuit, and its angles to one table for all rows.

Each distinct angle is one bare symbol in half-turns, Cirq's unit. The affine part of an angle and the change of unit
are done here in NumPy for all rows at once, because Cirq would evaluate them as a symbolic expression row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cirq
import numpy as np
import sympy  # type: ignore[import-untyped]
from numpy.typing import ArrayLike, NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Parameter
from qadapt.simulate.components import Component

NATIVE: Mapping[str, Callable[..., cirq.Gate]] = MappingProxyType(
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
        # PhasedXZGate is Z**z Z**a X**x Z**-a, and ry(t) = Z**(1/2) rx(t) Z**(-1/2).
        "u3": lambda theta, phi, lam: cirq.PhasedXZGate(
            x_exponent=theta, z_exponent=phi + lam, axis_phase_exponent=0.5 - lam
        ),
        "rphi": lambda theta, phi: cirq.PhasedXPowGate(exponent=theta, phase_exponent=phi, global_shift=-0.5),
        "prx": lambda theta, phi: cirq.PhasedXPowGate(exponent=theta, phase_exponent=phi, global_shift=-0.5),
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
"""Cirq's gate for angles in half-turns, by our name; equal up to global phase, first qubit first. Cirq has no ecr."""


@dataclass(frozen=True)
class Lowered:
    """One component in Cirq's terms.

    Attributes:
        circuit: Symbolic circuit without measurements; symbol ``a0``, ``a1``, ... is the angle of that number.
        qubits: Line qubits, in the order of the component's local qubits.
        angles: Our angle of each symbol.
    """

    circuit: cirq.FrozenCircuit
    qubits: tuple[cirq.LineQubit, ...]
    angles: tuple[Parameter, ...]


def lower(component: Component) -> Lowered:
    """Build the symbolic circuit of a component; equal angles share one symbol."""
    symbols: dict[Parameter, sympy.Symbol] = {}
    qubits = tuple(cirq.LineQubit(qubit) for qubit in component.qubits)
    operations = []
    for (name, own), angles in zip(component.gates, component.angles, strict=True):
        values = [
            symbols.setdefault(angle, sympy.Symbol(f"a{len(symbols)}"))
            if isinstance(angle, Parameter)
            else float(half_turns(angle))
            for angle in angles
        ]
        operations.append(NATIVE[name](*values)(*(qubits[qubit] for qubit in own)))
    return Lowered(cirq.FrozenCircuit(operations), qubits, tuple(symbols))


def resolvers(lowered: Lowered, bindings: Bindings) -> Iterator[cirq.ParamResolver]:
    """Yield the values of the symbols row by row; one empty resolver for a circuit without symbols."""
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
