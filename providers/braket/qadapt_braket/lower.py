"""Lowering: a component of a circuit to one OpenQASM program with inputs, and its angles to one table for all rows.

The program names physical qubits, as a compiled circuit does, and each distinct angle is one input of a name that no
gate, constant or keyword of OpenQASM has; our own names (``t``, ``pi``, ``a[10]``) may clash or not be allowed there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from braket.circuits import Circuit, FreeParameter, Gate, Instruction, ResultType
from braket.circuits.serialization import IRType, OpenQASMSerializationProperties, QubitReferenceType
from braket.ir.openqasm import Program

from qadapt.bindings import Bindings
from qadapt.circuit import Parameter
from qadapt.simulate.components import Component

NATIVE: Mapping[str, Callable[..., Gate]] = MappingProxyType(
    {
        "id": Gate.I,
        "x": Gate.X,
        "y": Gate.Y,
        "z": Gate.Z,
        "h": Gate.H,
        "s": Gate.S,
        "sdg": Gate.Si,
        "t": Gate.T,
        "tdg": Gate.Ti,
        "sx": Gate.V,
        "sxdg": Gate.Vi,
        "rx": Gate.Rx,
        "ry": Gate.Ry,
        "rz": Gate.Rz,
        "p": Gate.PhaseShift,
        "u3": Gate.U,
        "rphi": Gate.PRx,
        "prx": Gate.PRx,
        "cx": Gate.CNot,
        "cy": Gate.CY,
        "cz": Gate.CZ,
        "swap": Gate.Swap,
        "iswap": Gate.ISwap,
        "ecr": Gate.ECR,
        "cp": Gate.CPhaseShift,
        "rxx": Gate.XX,
        "ryy": Gate.YY,
        "rzz": Gate.ZZ,
        "ccx": Gate.CCNot,
        "cswap": Gate.CSwap,
    }
)
"""Braket's gate for angles in radians, by our name; equal up to global phase, first qubit first.

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


def lower(component: Component) -> Lowered:
    """Build the program of a component; equal angles share one input."""
    inputs: dict[Parameter, FreeParameter] = {}
    circuit = Circuit()
    for (name, own), angles in zip(component.gates, component.angles, strict=True):
        values = [
            inputs.setdefault(angle, FreeParameter(f"a{len(inputs)}")) if isinstance(angle, Parameter) else float(angle)
            for angle in angles
        ]
        circuit.add_instruction(Instruction(NATIVE[name](*values), [component.qubits[qubit] for qubit in own]))
    for read in component.reads:
        # For targets that are not in ascending order the local simulators turn the bits the wrong way when the order is
        # not its own inverse, unlike a run with shots (amazon-braket-default-simulator 1.41).
        circuit.add_result_type(ResultType.Probability(sorted(component.qubits[qubit] for qubit in read.qubits)))
    physical = OpenQASMSerializationProperties(qubit_reference_type=QubitReferenceType.PHYSICAL)
    program = circuit.to_ir(IRType.OPENQASM, serialization_properties=physical)
    return Lowered(circuit, program, tuple(inputs))


def rows_of_inputs(lowered: Lowered, bindings: Bindings) -> list[dict[str, float]]:
    """Values of the inputs row by row; one empty row for a program without inputs."""
    if not lowered.angles:
        return [{}]
    names = [f"a{index}" for index in range(len(lowered.angles))]
    # Braket takes Python's float and refuses NumPy's float32.
    return [dict(zip(names, row, strict=True)) for row in bindings.angles(lowered.angles).tolist()]
