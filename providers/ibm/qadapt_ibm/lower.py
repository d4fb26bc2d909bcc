"""Lowering: gates on physical qubits and bindings to one parametrised Qiskit circuit and an array of values.

The circuit is built once for all rows. Every distinct angle becomes a Qiskit parameter of its own: Aer and the service
receive plain columns of numbers and evaluate no expressions. Columns are kept by parameter, never by position, since
Qiskit sorts the parameters of a circuit by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Angle, Circuit, Parameter
from qadapt.gates import FENCE
from qadapt.simulate.components import Component
from qadapt.target import Target

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter as Symbol

Gates: TypeAlias = Iterable[tuple[str, tuple[int, ...], tuple[Angle, ...]]]
Directions: TypeAlias = Mapping[str, AbstractSet[tuple[int, int]]]


@dataclass(frozen=True, eq=False)
class Lowered:
    """A circuit in the words of Qiskit.

    Attributes:
        circuit: On physical qubits, with measurements.
        symbols: The angle that each Qiskit parameter stands for.
    """

    circuit: QuantumCircuit
    symbols: Mapping[Symbol, Parameter]

    def values(self, bindings: Bindings) -> dict[Symbol, list[float]]:
        """Values of each Qiskit parameter, one per row, in radians."""
        return {symbol: _values(angle, bindings).tolist() for symbol, angle in self.symbols.items()}

    def array(self, bindings: Bindings) -> NDArray[np.float64]:
        """Values ``[rows, parameters]`` in the order of ``circuit.parameters``, in radians."""
        columns = [_values(self.symbols[symbol], bindings) for symbol in self.circuit.parameters]
        return np.stack(columns, axis=1) if columns else np.empty((bindings.rows, 0))


def directions(target: Target) -> Directions:
    """Ordered pairs of qubits that the machine lists for each entangling gate."""
    return {
        gate: frozenset((site.qubits[0], site.qubits[1]) for site in target.sites[gate])
        for gate in ("cz", "rzz")
        if gate in target.sites
    }


def component_gates(component: Component) -> Gates:
    """Gates of a component on the circuit's qubits."""
    for (name, qubits), angles in zip(component.gates, component.angles, strict=True):
        yield name, tuple(component.qubits[qubit] for qubit in qubits), angles


def circuit_gates(circuit: Circuit) -> Gates:
    """Gates and fences of a circuit."""
    return ((operation.gate, operation.qubits, operation.angles) for operation in circuit.operations)


def lower(
    gates: Gates,
    registers: Sequence[tuple[str, Sequence[int]]],
    num_qubits: int,
    directed: Directions,
) -> Lowered:
    """Build a circuit that ends in measurements.

    Args:
        gates: Native gates and fences on physical qubits, in order; fences become barriers.
        registers: Name and qubits of each classical register; bit *k* of it gets its *k*-th qubit.
        num_qubits: Qubits of the machine.
        directed: Pairs that the machine lists for cz and for rzz. One on the other order, which is the same gate, is
            turned, since the machine's errors are listed by ordered pair.
    """
    from qiskit import ClassicalRegister, QuantumCircuit
    from qiskit.circuit import Parameter as Symbol
    from qiskit.circuit.library import CZGate, RXGate, RZGate, RZZGate, SXGate, XGate

    made = {"cz": CZGate, "rzz": RZZGate, "rx": RXGate, "rz": RZGate, "sx": SXGate, "x": XGate}
    circuit = QuantumCircuit(num_qubits)
    symbols: dict[Parameter, Symbol] = {}

    def value(angle: Angle) -> Symbol | float:
        if not isinstance(angle, Parameter):
            return angle
        return symbols.setdefault(angle, Symbol(f"angle{len(symbols):06d}"))

    for name, qubits, angles in gates:
        if name == FENCE:
            circuit.barrier(qubits)
        else:
            turned = len(qubits) == 2 and qubits not in directed[name]
            circuit.append(made[name](*map(value, angles)), qubits[::-1] if turned else qubits)
    for label, measured in registers:
        bits = ClassicalRegister(len(measured), label)
        circuit.add_register(bits)
        circuit.measure(measured, bits)
    return Lowered(circuit, {symbol: angle for angle, symbol in symbols.items()})


def _values(angle: Parameter, bindings: Bindings) -> NDArray[np.float64]:
    return angle.scale * bindings.column(angle.name) + angle.offset
