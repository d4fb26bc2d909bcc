"""Lowering: a component of a circuit to one OpenQASM program with inputs, and its angles to one table for all rows.

The program names physical qubits, as a compiled circuit does, and each distinct angle is one input of a name that no
gate, constant or keyword of OpenQASM has; our own names (``t``, ``pi``, ``a[10]``) may clash or not be allowed there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import pi
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from qadapt.bindings import Bindings
from qadapt.circuit import Angle, Parameter
from qadapt.simulate.components import Component

if TYPE_CHECKING:
    from braket.circuits import Circuit, FreeParameter
    from braket.ir.openqasm import Program

NATIVE: Mapping[str, str] = MappingProxyType(
    {
        "id": "I",
        "x": "X",
        "y": "Y",
        "z": "Z",
        "h": "H",
        "s": "S",
        "sdg": "Si",
        "t": "T",
        "tdg": "Ti",
        "sx": "V",
        "sxdg": "Vi",
        "rx": "Rx",
        "ry": "Ry",
        "rz": "Rz",
        "p": "PhaseShift",
        "u3": "U",
        "rphi": "PRx",
        "prx": "PRx",
        "cx": "CNot",
        "cy": "CY",
        "cz": "CZ",
        "swap": "Swap",
        "iswap": "ISwap",
        "ecr": "ECR",
        "cp": "CPhaseShift",
        "rxx": "XX",
        "ryy": "YY",
        "rzz": "ZZ",
        "ccx": "CCNot",
        "cswap": "CSwap",
    }
)
"""Braket's gate, an attribute of ``braket.circuits.Gate``, for angles in radians, by our name; equal up to global
phase, first qubit first.

The controlled gates ch, crx, cry and crz are none of Braket's: it writes them with the modifier ``ctrl @``, which no
device takes and which the local simulators warn about in every run.
"""


@dataclass(frozen=True)
class Lowered:
    """One component in Braket's terms.

    Attributes:
        circuit: Circuit with one free parameter per distinct angle, and for each read the probabilities of its qubits
            in ascending order.
        program: The same as OpenQASM; input ``a0``, ``a1``, ... is the angle of that number.
        angles: Our angle of each input.
    """

    circuit: Circuit
    program: Program
    angles: tuple[Parameter, ...]


Placed: TypeAlias = tuple[str, tuple[Angle, ...], tuple[int, ...]]
"""A gate: our name, its angles, and Braket's labels of its qubits."""

_AS_RX: Mapping[str, float] = MappingProxyType({"sx": pi / 2, "x": pi})


def gates_of(component: Component, labels: Sequence[int] | None = None) -> list[Placed]:
    """Gates of a component on Braket's labels; without labels a qubit is its own label."""
    own = component.qubits if labels is None else tuple(labels[qubit] for qubit in component.qubits)
    return [
        (name, angles, tuple(own[qubit] for qubit in qubits))
        for (name, qubits), angles in zip(component.gates, component.angles, strict=True)
    ]


def build(gates: Iterable[Placed], inputs: dict[Parameter, FreeParameter], *, as_rx: bool = False) -> Circuit:
    """Make Braket's circuit of some gates.

    Args:
        gates: In the order they act.
        inputs: Inputs so far by angle; new angles are added.
        as_rx: Write sx and x as rx of a quarter and a half turn, for machines whose native gate is rx.
    """
    from braket.circuits import Circuit, FreeParameter, Gate, Instruction

    circuit = Circuit()
    for name, angles, qubits in gates:
        values = [
            inputs.setdefault(angle, FreeParameter(f"a{len(inputs)}")) if isinstance(angle, Parameter) else float(angle)
            for angle in angles
        ]
        if as_rx and name in _AS_RX:
            name, values = "rx", [_AS_RX[name]]
        circuit.add_instruction(Instruction(getattr(Gate, NATIVE[name])(*values), qubits))
    return circuit


def openqasm(circuit: Circuit) -> Program:
    """Write a circuit as a program on physical qubits, the same text in every process.

    The SDK keeps a circuit's inputs in a set, so the order in which it declares them differs from process to process.
    """
    from braket.circuits.serialization import IRType, OpenQASMSerializationProperties, QubitReferenceType
    from braket.ir.openqasm import Program

    physical = OpenQASMSerializationProperties(qubit_reference_type=QubitReferenceType.PHYSICAL)
    lines = circuit.to_ir(IRType.OPENQASM, serialization_properties=physical).source.splitlines()
    inputs = sorted((line for line in lines if line.startswith("input ")), key=lambda line: (len(line), line))
    rest = [line for line in lines if not line.startswith("input ")]
    return Program(source="\n".join([rest[0], *inputs, *rest[1:]]))


def lower(component: Component) -> Lowered:
    """Build the program of a component; equal angles share one input."""
    from braket.circuits import ResultType

    inputs: dict[Parameter, FreeParameter] = {}
    circuit = build(gates_of(component), inputs)
    for read in component.reads:
        # For targets that are not in ascending order the local simulators turn the bits the wrong way when the order is
        # not its own inverse, unlike a run with shots (amazon-braket-default-simulator 1.41).
        circuit.add_result_type(ResultType.Probability(sorted(component.qubits[qubit] for qubit in read.qubits)))
    return Lowered(circuit, openqasm(circuit), tuple(inputs))


def columns_of_inputs(angles: Sequence[Parameter], bindings: Bindings) -> dict[str, list[float]]:
    """Values of every input, one per row."""
    table = bindings.angles(tuple(angles))
    return {f"a{index}": column for index, column in enumerate(table.T.tolist())}


def rows_of_inputs(lowered: Lowered, bindings: Bindings) -> list[dict[str, float]]:
    """Values of the inputs row by row; one empty row for a program without inputs."""
    if not lowered.angles:
        return [{}]
    names = [f"a{index}" for index in range(len(lowered.angles))]
    # Braket takes Python's float and refuses NumPy's float32.
    return [dict(zip(names, row, strict=True)) for row in bindings.angles(lowered.angles).tolist()]
