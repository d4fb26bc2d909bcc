"""Lowering: a connected component and its bindings to one parametrised Qiskit circuit and an array of values.

The circuit is built once for all rows. Every distinct angle becomes a Qiskit parameter of its own, so that Aer receives
plain columns of numbers and evaluates no expressions, which it would do row by row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from qadapt.bindings import Bindings
from qadapt.circuit import Angle, Parameter
from qadapt.gates import gate
from qadapt.simulate.components import Component

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate
    from qiskit.circuit import Parameter as Symbol


@dataclass(frozen=True)
class Step:
    """One Qiskit gate of what a gate of the table becomes.

    Attributes:
        kind: Qiskit's class.
        scales: Factor of each of the table gate's angles.
        qubits: Which of the table gate's qubits it acts on, in order; None for all.
    """

    kind: str
    scales: tuple[float, ...] = ()
    qubits: tuple[int, ...] | None = None


_T = (1.0,)
_HALF = (0.5,)
_BACK = (-0.5,)

NATIVE: Mapping[str, tuple[Step, ...]] = MappingProxyType(
    {
        "id": (Step("IGate"),),
        "x": (Step("XGate"),),
        "y": (Step("YGate"),),
        "z": (Step("ZGate"),),
        "h": (Step("HGate"),),
        "s": (Step("SGate"),),
        "sdg": (Step("SdgGate"),),
        "t": (Step("TGate"),),
        "tdg": (Step("TdgGate"),),
        "sx": (Step("SXGate"),),
        "sxdg": (Step("SXdgGate"),),
        "rx": (Step("RXGate", _T),),
        "ry": (Step("RYGate", _T),),
        "rz": (Step("RZGate", _T),),
        "p": (Step("PhaseGate", _T),),
        "u3": (Step("UGate", (1.0, 1.0, 1.0)),),
        "rphi": (Step("RGate", (1.0, 1.0)),),
        "prx": (Step("RGate", (1.0, 1.0)),),
        "cx": (Step("CXGate"),),
        "cy": (Step("CYGate"),),
        "cz": (Step("CZGate"),),
        "ch": (Step("UnitaryGate"),),
        "swap": (Step("SwapGate"),),
        "iswap": (Step("UnitaryGate"),),
        "ecr": (Step("ECRGate"),),
        "cp": (Step("RZGate", _HALF, (0,)), Step("RZGate", _HALF, (1,)), Step("RZZGate", _BACK)),
        "crx": (Step("RXGate", _HALF, (1,)), Step("RZXGate", _BACK)),
        "cry": (
            Step("SdgGate", (), (1,)),
            Step("RXGate", _HALF, (1,)),
            Step("RZXGate", _BACK),
            Step("SGate", (), (1,)),
        ),
        "crz": (Step("RZGate", _HALF, (1,)), Step("RZZGate", _BACK)),
        "rxx": (Step("RXXGate", _T),),
        "ryy": (Step("RYYGate", _T),),
        "rzz": (Step("RZZGate", _T),),
        "ccx": (Step("CCXGate"),),
        "cswap": (Step("CSwapGate"),),
    }
)
"""Every gate of the table in Qiskit's gates, equal up to global phase, angles and qubits in the same order.

Aer has no ch and no iswap and takes their matrices. It asks ``Instruction.is_parameterized`` which gates to bind, and
Qiskit's controlled gates, whose angles are kept by the gate they control, say no: Aer runs a parametric cp, crx, cry or
crz with angle 0 and says nothing. So these are written as ``exp(-i t P (1 - Z) / 4)``: a rotation of the target and one
of the pair, which commute.
"""


@dataclass(frozen=True, eq=False)
class Lowered:
    """A component in the words of Qiskit.

    Attributes:
        circuit: Its gates on qubits 0 to n - 1, its local numbering; nothing is measured or saved yet.
        symbols: The angle that each Qiskit parameter stands for.
    """

    circuit: QuantumCircuit
    symbols: Mapping[Symbol, Parameter]

    def values(self, bindings: Bindings) -> dict[Symbol, list[float]]:
        """Values of the Qiskit parameters, one per row, in radians."""
        return {
            symbol: (angle.scale * bindings.column(angle.name) + angle.offset).tolist()
            for symbol, angle in self.symbols.items()
        }


def lower(component: Component) -> Lowered:
    """Build the circuit of a component; angles are kept as parameters."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter as Symbol

    circuit = QuantumCircuit(len(component.qubits))
    symbols: dict[Parameter, Symbol] = {}

    def value(angle: Angle, scale: float) -> Symbol | float:
        if not isinstance(angle, Parameter):
            return scale * angle
        return symbols.setdefault(angle.shifted(scale), Symbol(f"angle{len(symbols)}"))

    for (name, qubits), angles in zip(component.gates, component.angles, strict=True):
        for step in NATIVE[name]:
            values = map(value, angles, step.scales)
            places = qubits if step.qubits is None else tuple(qubits[k] for k in step.qubits)
            circuit.append(_gate(step, name, *values), places)
    return Lowered(circuit, {symbol: angle for angle, symbol in symbols.items()})


def save(lowered: Lowered, component: Component) -> QuantumCircuit:
    """Copy the circuit and let it save the probabilities of every register part, under the number of the register."""
    from qiskit_aer.library import SaveProbabilities

    circuit = lowered.circuit.copy()
    for read in component.reads:
        circuit.append(SaveProbabilities(len(read.qubits), label=str(read.register)), read.qubits)
    return circuit


def _gate(step: Step, name: str, *angles: Symbol | float) -> Gate:
    if step.kind == "UnitaryGate":
        return _class(step.kind)(gate(name).matrix(), label=name)
    return _class(step.kind)(*angles)


@cache
def _class(kind: str) -> type[Gate]:
    from qiskit.circuit import library

    found: type[Gate] = getattr(library, kind)
    return found
