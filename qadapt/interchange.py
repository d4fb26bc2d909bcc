"""Interchange: circuits from OpenQASM 2 and 3, and from Qiskit.

Qubit *k* of the source is qubit *k* of the circuit. Each classical register becomes one measured register, in the order
of declaration, whose bit *k* is the *k*-th bit of the classical register; a bit that stands alone is a register of its
own. Barriers become fences. Gates outside the gate table are replaced by Qiskit's own definitions of them.

Nothing is dropped silently, except the global phase (which is not observable) and names. What a circuit cannot hold is
refused by name: mid-circuit measurement, reset, control flow, delays, opaque gates, pinned physical qubits, and
classical registers that are measured in part. A program that measures nothing gives a circuit that measures nothing,
whatever classical bits it declares; in a program that measures, every classical bit has to receive exactly one outcome.
Input parameters keep their names and may enter an angle as ``scale * parameter + offset``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from qadapt.circuit import Angle, Circuit, Operation, Parameter, op
from qadapt.errors import CircuitError, NotSupportedError, QadaptError
from qadapt.gates import FENCE

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

Kind: TypeAlias = Literal["json", "qasm2", "qasm3"]

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_VERSION = re.compile(r"\s*OPENQASM\s+([0-9]+)(?:\.[0-9]+)?\s*;")
_SIZE = re.compile(r"\[\s*([0-9][0-9_]*)\s*\]")
_LARGEST = 4096
"""Largest register size or index handed to an importer, which would otherwise allocate it."""


def read_circuit(text: str, kind: Kind | None = None) -> Circuit:
    """Read a circuit from text: canonical JSON, OpenQASM 2 or OpenQASM 3.

    Args:
        text: The whole text.
        kind: How to read it; told from its beginning when omitted.

    Raises:
        CircuitError: The text cannot be told apart or read, or is not a circuit.
        NotSupportedError: The program uses something that a circuit has no form for.
    """
    kind = kind or _kind(text)
    return Circuit.from_json(text) if kind == "json" else _from_program(text, kind)


def from_qasm(text: str) -> Circuit:
    """Read an OpenQASM 2 or OpenQASM 3 program, told apart by its version line.

    Raises:
        CircuitError: There is no version line, the program cannot be parsed, or it is not a circuit.
        NotSupportedError: The program uses something that a circuit has no form for.
    """
    kind = _kind(text)
    if kind == "json":
        raise CircuitError("this is JSON, not OpenQASM", hint="read it with Circuit.from_json")
    return _from_program(text, kind)


def from_qiskit(circuit: QuantumCircuit) -> Circuit:
    """Convert a Qiskit circuit.

    Raises:
        CircuitError: A gate cannot be decomposed, an angle is not affine in one parameter, a bit is left unmeasured, or
            a parameter has no effect.
        NotSupportedError: Mid-circuit measurement, reset, control flow, delays, classical variables.
    """
    if circuit.num_vars or circuit.num_stretches:
        raise NotSupportedError("the circuit has classical variables", capability="classical_variables")
    importer = _Importer()
    importer.add(circuit, tuple(range(circuit.num_qubits)), tuple(range(circuit.num_clbits)))
    converted = Circuit(
        num_qubits=circuit.num_qubits,
        operations=tuple(importer.operations),
        measured=_registers(circuit, importer.outcomes),
    )
    if lost := sorted({parameter.name for parameter in circuit.parameters} - set(converted.parameters)):
        raise CircuitError(f"no gate depends on the parameters {lost}", hint="remove their declarations")
    return converted


def _kind(text: str) -> Kind:
    bare = _COMMENT.sub(" ", text.removeprefix("\ufeff"))
    if bare.lstrip().startswith("{"):
        return "json"
    version = _VERSION.match(bare)
    number = version.group(1) if version else None
    if number not in ("2", "3"):
        found = f"OPENQASM {number}" if number else repr(bare.strip()[:40])
        raise CircuitError(
            f"neither circuit JSON nor OpenQASM 2 or 3, the text begins with {found}",
            hint="begin a program with OPENQASM 2.0; or OPENQASM 3.0;",
        )
    return "qasm2" if number == "2" else "qasm3"


def _from_program(text: str, kind: Literal["qasm2", "qasm3"]) -> Circuit:
    text = text.removeprefix("\ufeff")
    bare = _COMMENT.sub(" ", text)
    for size in _SIZE.findall(bare):
        if int(size) > _LARGEST:
            raise CircuitError(f"register size or index {size}, at most {_LARGEST} qubits are read")
    loads, label = (_loads2, "OpenQASM 2") if kind == "qasm2" else (_loads3, "OpenQASM 3")
    try:
        program = loads(text, bare)
    except QadaptError:
        raise
    except Exception as error:
        raise CircuitError(f"cannot read {label}: {_words(error)}") from error
    return from_qiskit(program)


def _loads2(text: str, bare: str) -> QuantumCircuit:
    """Parse OpenQASM 2 with the gates that Qiskit's ``qelib1.inc`` has beyond the paper's.

    A gate that the program defines itself keeps its own definition, even under the name of a standard gate.
    """
    from qiskit import qasm2

    defined = set(re.findall(r"\b(?:gate|opaque)\s+(\w+)", bare))
    extra = [gate for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS if gate.builtin and gate.name not in defined]
    return qasm2.loads(text, include_path=(), custom_instructions=extra, custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL)


def _loads3(text: str, bare: str) -> QuantumCircuit:
    from qiskit import qasm3

    if pinned := re.search(r"\$[0-9]+", bare):
        raise CircuitError(
            f"physical qubit {pinned.group()}: a circuit is not pinned to a machine",
            hint="declare qubit[n] q; and give the layout to the compiler",
        )
    return qasm3.loads(text)


def _words(error: Exception) -> str:
    return str(error).strip().strip("'\"") or type(error).__name__


class _Importer:
    """Collects operations and outcomes while it walks through a circuit and the definitions inside it."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.outcomes: dict[int, int] = {}
        self.done: set[int] = set()

    def add(self, circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int]) -> None:
        """Append a circuit whose qubit and bit *k* are ``qubits[k]`` and ``clbits[k]`` of the outermost one."""
        place = {bit: qubits[index] for index, bit in enumerate(circuit.qubits)}
        store = {bit: clbits[index] for index, bit in enumerate(circuit.clbits)}
        for item in circuit.data:
            self.instruction(
                item.operation, tuple(place[bit] for bit in item.qubits), tuple(store[bit] for bit in item.clbits)
            )

    def instruction(self, operation: Any, qubits: tuple[int, ...], clbits: tuple[int, ...]) -> None:
        from qiskit.circuit import Barrier, Measure

        name = str(operation.name)
        if isinstance(operation, Barrier):
            self.operations.append(op(FENCE, *qubits))
            return
        if late := sorted(self.done.intersection(qubits)):
            raise NotSupportedError(
                f"{name} on {qubits} after qubits {late} were measured", capability="mid_circuit_measurement"
            )
        if isinstance(operation, Measure):
            self.measure(qubits[0], clbits[0])
        elif (entry := _table_gate(operation)) is not None:
            angles = [_angle(value, f"{name} on {qubits}") for value in operation.params]
            self.operations.append(op(entry, *qubits, angles=angles))
        else:
            self.add(_definition(operation, qubits), qubits, clbits)

    def measure(self, qubit: int, clbit: int) -> None:
        if clbit in self.outcomes:
            raise CircuitError(
                f"repeated measurement: qubits {self.outcomes[clbit]} and {qubit} are both measured into bit {clbit}"
            )
        self.outcomes[clbit] = qubit
        self.done.add(qubit)


def _definition(operation: Any, qubits: tuple[int, ...]) -> QuantumCircuit:
    """What an instruction outside the gate table is made of."""
    place = f"{operation.name} on {qubits}"
    for kind, capability in _unsupported().items():
        if isinstance(operation, kind):
            raise NotSupportedError(
                f"{place}: a circuit holds gates, fences and final measurements", capability=capability
            )
    try:
        definition = operation.definition if hasattr(operation, "definition") else _synthesised(operation)
    except Exception as error:
        raise CircuitError(f"{place} cannot be decomposed: {_words(error)}") from error
    if definition is None:
        raise CircuitError(f"{place} is opaque: it has no definition")
    return definition


def _synthesised(operation: Any) -> QuantumCircuit:
    """Gates of an abstract operation (a modified gate, a Clifford), through Qiskit's synthesis."""
    from qiskit import QuantumCircuit, transpile

    circuit = QuantumCircuit(operation.num_qubits, operation.num_clbits)
    circuit.append(operation, range(operation.num_qubits), range(operation.num_clbits))
    return transpile(circuit, basis_gates=["u", "cx"], optimization_level=0)


@cache
def _unsupported() -> Mapping[type, str]:
    """Capability that each instruction without a unitary would need."""
    from qiskit import circuit

    return {
        circuit.Reset: "reset",
        circuit.Delay: "delay",
        circuit.Store: "classical_variables",
        circuit.ControlFlowOp: "control_flow",
        circuit.BreakLoopOp: "control_flow",
        circuit.ContinueLoopOp: "control_flow",
    }


@cache
def _table() -> Mapping[type, str]:
    """Names in the gate table of Qiskit's gate classes; names alone would trust any gate called like a standard one."""
    from qiskit.circuit.library import standard_gates

    ours: Mapping[str, Sequence[str]] = {
        "id": ["IGate"], "x": ["XGate"], "y": ["YGate"], "z": ["ZGate"], "h": ["HGate"],
        "s": ["SGate"], "sdg": ["SdgGate"], "t": ["TGate"], "tdg": ["TdgGate"],
        "sx": ["SXGate"], "sxdg": ["SXdgGate"], "rx": ["RXGate"], "ry": ["RYGate"], "rz": ["RZGate"],
        "p": ["PhaseGate", "U1Gate"], "u3": ["UGate", "U3Gate"], "rphi": ["RGate"],
        "cx": ["CXGate"], "cy": ["CYGate"], "cz": ["CZGate"], "ch": ["CHGate"],
        "swap": ["SwapGate"], "iswap": ["iSwapGate"], "ecr": ["ECRGate"], "cp": ["CPhaseGate", "CU1Gate"],
        "crx": ["CRXGate"], "cry": ["CRYGate"], "crz": ["CRZGate"],
        "rxx": ["RXXGate"], "ryy": ["RYYGate"], "rzz": ["RZZGate"], "ccx": ["CCXGate"], "cswap": ["CSwapGate"],
    }  # fmt: skip
    return {getattr(standard_gates, theirs): name for name, classes in ours.items() for theirs in classes}


def _table_gate(operation: Any) -> str | None:
    """Name in the gate table of the same gate; None where there is none."""
    controls = getattr(operation, "num_ctrl_qubits", 0)
    if getattr(operation, "ctrl_state", 2**controls - 1) != 2**controls - 1:
        return None
    return _table().get(getattr(operation, "base_class", type(operation)))


def _angle(value: Any, place: str) -> Angle:
    """Turn a number or an expression into an angle.

    Raises:
        CircuitError: The value is not real, or depends on its parameters other than as ``scale * parameter + offset``.
    """
    parameters = sorted(getattr(value, "parameters", ()), key=lambda parameter: str(parameter.name))
    if not parameters:
        return _real(value.numeric() if hasattr(value, "numeric") else value, place)
    names = [parameter.name for parameter in parameters]
    try:
        slopes = [_real(value.gradient(parameter), place) for parameter in parameters]
        offset = _real(value.bind(dict.fromkeys(parameters, 0.0)).numeric(), place)
    except Exception:
        raise CircuitError(f"{place}: {value} is not affine in {names}") from None
    used = [(name, slope) for name, slope in zip(names, slopes, strict=True) if slope]
    if not used:
        return offset
    if len(used) > 1:
        raise CircuitError(
            f"{place}: {value} depends on several parameters, {names}",
            hint="an angle is scale * parameter + offset; make the combination a parameter of its own",
        )
    ((name, slope),) = used
    return Parameter(name=name, scale=slope, offset=offset)


def _real(value: Any, place: str) -> float:
    number = complex(value)
    if number.imag:
        raise CircuitError(f"{place}: angle {value} is not real")
    return number.real


def _registers(circuit: QuantumCircuit, outcomes: Mapping[int, int]) -> tuple[tuple[int, ...], ...]:
    """Measured qubits, register by register.

    Raises:
        CircuitError: Something is measured, and a bit is not or belongs to two registers.
    """
    if not outcomes:
        return ()
    index = {bit: number for number, bit in enumerate(circuit.clbits)}
    registers = {register.name: [index[bit] for bit in register] for register in circuit.cregs}
    held = [bit for bits in registers.values() for bit in bits]
    if len(set(held)) != len(held):
        raise CircuitError(f"classical registers {list(registers)} share bits")
    registers |= {f"bit {bit}": [bit] for bit in index.values() if bit not in set(held)}
    if idle := [
        f"{name}[{k}]" for name, bits in registers.items() for k, bit in enumerate(bits) if bit not in outcomes
    ]:
        raise CircuitError(
            f"bits without a measurement: {', '.join(idle)}",
            hint="measure into them, or leave them out of the program",
        )
    ordered = sorted(filter(None, registers.values()), key=lambda bits: bits[0])
    return tuple(tuple(outcomes[bit] for bit in bits) for bits in ordered)
