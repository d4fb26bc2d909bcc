"""Reading: pyQPanda3's probabilities and programs in qadapt's words; the only place where bit order is turned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Circuit, Operation, op
from qadapt.errors import NotSupportedError
from qadapt.gates import FENCE
from qadapt_origin.lower import BARRIER, NATIVE, Native

if TYPE_CHECKING:
    from pyqpanda3.core.core import DensityMatrixSimulator, QGate, QProg, QResult

_OURS = {native: name for name, native in NATIVE.items() if name != "prx"}


def pure(result: QResult, qubits: Sequence[int]) -> list[float]:
    """Exact probabilities ``[2**len(qubits)]`` after a run without measurements; bit *k* is ``qubits[k]``.

    ``get_prob_list`` has the first qubit that it is given in bit 0.
    """
    probabilities: list[float] = result.get_prob_list(list(qubits))
    return probabilities


def mixed(simulator: DensityMatrixSimulator, qubits: Sequence[int]) -> NDArray[np.float64]:
    """Exact probabilities ``[2**len(qubits)]`` of a density matrix; bit *k* is ``qubits[k]``.

    ``state_probs`` sorts the qubits that it is given, so all are asked for; it has qubit *k* of all in bit *k*.
    """
    weights = np.asarray(simulator.state_probs())
    width = weights.size.bit_length() - 1
    axes = [width - 1 - qubit for qubit in reversed(qubits)]
    rest = [axis for axis in range(width) if axis not in axes]
    table = weights.reshape((2,) * width).transpose(*axes, *rest).reshape(2 ** len(axes), -1)
    out: NDArray[np.float64] = table.sum(axis=1)
    return out


def misread(table: NDArray[np.float64], assignments: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Distribution after readout errors that are independent from bit to bit.

    Args:
        table: Distribution ``[rows, 2**bits]`` of the true outcomes.
        assignments: For each bit the probability of reading (row) each value given the true one (column), ``[2, 2]``.

    Returns:
        Distribution ``[rows, 2**bits]`` of the outcomes that are read.
    """
    for bit, assignment in enumerate(assignments):
        # Axis 2 is the bit, the last axis the bits below it.
        split = table.reshape(len(table), -1, 2, 2**bit)
        table = np.einsum("ij,rhjl->rhil", assignment, split).reshape(table.shape)
    return table


def circuit(program: QProg, num_qubits: int) -> Circuit:
    """Read a program back gate by gate, without measurements; ``prx`` comes back as its equal ``rphi``.

    Args:
        program: What ``lower`` made.
        num_qubits: Number of qubits; a program knows only those that it uses.

    Raises:
        NotSupportedError: Something that ``lower`` does not make, and that has no form in a circuit.
    """
    nodes = program.operations()  # type: ignore[no-untyped-call]  # the vendor's stub leaves it out
    return Circuit(num_qubits=num_qubits, operations=tuple(_operation(node) for node in nodes))


def _operation(node: QGate | Any) -> Operation:
    if not hasattr(node, "gate_type"):
        raise NotSupportedError(f"a {type(node).__name__} cannot be read back", capability=type(node).__name__)
    name, controls, targets = node.name(), node.control_qubits(), node.target_qubits()
    if name == BARRIER:
        return op(FENCE, *targets)
    ours = _OURS.get(Native(name, dagger=node.is_dagger(), controls=len(controls)))
    if ours is None:
        raise NotSupportedError(f"no gate is {name} with {len(controls)} controls", capability=name)
    return op(ours, *controls, *targets, angles=node.parameters())
