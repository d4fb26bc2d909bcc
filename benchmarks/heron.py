"""Circuits on a Heron chip, whichever compiler made them: counts, depth, placement, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Circuit, Parameter
from qadapt.compile.place import Pattern, place
from qadapt.gates import GATES
from qadapt.target import bundled_targets

Complexes: TypeAlias = NDArray[np.complex128]
TARGET = bundled_targets()["heron-r2"]
"""The calibration snapshot that qiskit-ibm-runtime ships as FakeKingston: native cz, sx, x and rz."""


@dataclass(frozen=True, eq=False)
class Native:
    """A compiled circuit: native gates and fences on physical qubits, all angles bound.

    Attributes:
        circuit: The gates.
        first: Physical qubit of each logical qubit at the start; every other qubit starts in zero.
        last: Physical qubit of each logical qubit at the end.
    """

    circuit: Circuit
    first: tuple[int, ...]
    last: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what is not native."""
        for operation in self.circuit.gates():
            where = tuple(sorted(operation.qubits))
            assert operation.gate in TARGET.native, f"{operation.gate} is not native"
            assert len(where) == 1 or where in (TARGET.couplings or {}), f"no live coupling {where}"
            assert not operation.parameters, "an angle is not bound"

    @property
    def entangling(self) -> int:
        """Number of cz."""
        return self.circuit.count()

    @property
    def depth(self) -> int:
        """Most cz, sx and x in a row; rz takes no time. A fence lets its qubits wait for each other."""
        at = dict.fromkeys(range(self.circuit.num_qubits), 0)
        for operation in self.circuit.operations:
            if operation.gate != "rz":
                latest = max(at[qubit] for qubit in operation.qubits) + (not operation.is_fence)
                at.update(dict.fromkeys(operation.qubits, latest))
        return max(at.values())

    @cached_property
    def used(self) -> tuple[int, ...]:
        """Physical qubits that a gate acts on or that carry a logical qubit: these first, in logical order."""
        gates = {qubit for operation in self.circuit.gates() for qubit in operation.qubits}
        return (*self.first, *sorted((gates | set(self.last)) - set(self.first)))

    def action(self, columns: int) -> Complexes:
        """What the circuit does to the first ``columns`` logical basis states, ``[2**n, columns]``.

        Qubits that carry no logical qubit are projected on zero.
        """
        local = {qubit: number for number, qubit in enumerate(self.used)}
        state = np.zeros((1 << len(local), columns), dtype=complex)
        state[range(columns), range(columns)] = 1
        for operation in self.circuit.gates():
            matrix = GATES[operation.gate].matrix(*(float(_bound(angle)) for angle in operation.angles))
            state = _applied(state, matrix, [local[qubit] for qubit in operation.qubits])
        return state[_indices([local[qubit] for qubit in self.last])]

    def error(self, ideal: NDArray[np.float64]) -> float:
        """Largest entry of the difference to the columns ``[d, columns]`` that are wanted, up to a global phase."""
        return _distance(self.action(ideal.shape[1]), ideal)


def placed(circuit: Circuit, ideal: NDArray[np.float64]) -> Native:
    """Put a circuit on logical qubits on the best qubits of the chip.

    For tools that report no layout: which qubit of the circuit carries which logical qubit at the start and at the end
    is found by comparing the circuit with what it has to do, ``ideal`` of ``[d, columns]``.
    """
    layout = place(Pattern.of(circuit.num_qubits, circuit.operations, ()), TARGET)
    assert layout is not None, "the circuit needs routing"
    moved = tuple(o.moved(tuple(layout[qubit] for qubit in o.qubits), o.angles) for o in circuit.operations)
    made = Circuit(num_qubits=TARGET.num_qubits, operations=moved)
    columns = ideal.shape[1]
    action = Native(made, layout, layout).action(columns)
    orders = list(permutations(range(circuit.num_qubits)))
    # A preparation starts from all qubits in zero, which no order changes.
    starts = orders if columns > 1 else orders[:1]
    found = min(
        ((first, last) for first in starts for last in orders),
        key=lambda pair: _distance(action[_indices(pair[1])][:, _indices(pair[0])[:columns]], ideal),
    )
    first, last = (tuple(layout[qubit] for qubit in order) for order in found)
    return Native(made, first, last)


def _distance(action: Complexes, ideal: NDArray[np.float64]) -> float:
    overlap = np.vdot(ideal, action)
    phase = overlap / abs(overlap) if overlap else 1
    return float(np.abs(action - phase * ideal).max())


def _indices(order: tuple[int, ...] | list[int]) -> NDArray[np.int64]:
    """For each logical basis state the index in which bit ``order[k]`` is its bit *k*, all others zero."""
    logical = np.arange(1 << len(order))
    out: NDArray[np.int64] = sum(((logical >> k) & 1) << bit for k, bit in enumerate(order)) + 0 * logical
    return out


def _applied(state: Complexes, matrix: Complexes, qubits: list[int]) -> Complexes:
    """A gate on some local qubits of states ``[2**m, columns]``; the first qubit is the lowest bit of the gate."""
    dim, columns = state.shape
    total = dim.bit_length() - 1
    axes = [total - 1 - qubit for qubit in reversed(qubits)]
    tensor = np.moveaxis(state.reshape(*(2,) * total, columns), axes, range(len(axes)))
    turned = (matrix @ tensor.reshape(len(matrix), -1)).reshape(tensor.shape)
    return np.ascontiguousarray(np.moveaxis(turned, range(len(axes)), axes)).reshape(dim, columns)


def _bound(angle: float | Parameter) -> float:
    assert not isinstance(angle, Parameter)
    return angle
