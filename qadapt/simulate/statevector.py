"""Statevector: exact amplitudes and outcome distributions of ideal circuits, for all rows at once.

Every gate of the gate table is simulated. Circuits of real gates (ry, x, z, h, cx, cz, swap, ...) are simulated in real
arithmetic. Angles that are shared between rows (see ``Bindings``) are computed once: gates on shared angles are
multiplied out for the shared rows and applied to the others by one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import NotSupportedError
from qadapt.simulate import engine
from qadapt.simulate.arrays import NUMPY, Array, arrays
from qadapt.simulate.components import Component
from qadapt.simulate.maps import Map, Slots, amplitude, gate_map, merged, turns

MAX_QUBITS = 24
"""Most qubits that may be connected by gates, and most qubits of a state that is asked for as a whole."""


def probabilities(circuit: Circuit, bindings: Bindings, *, device: str = NUMPY) -> tuple[NDArray[np.float64], ...]:
    """Outcome distribution of every register for every row.

    Args:
        circuit: Any circuit of the gate table; fences have no effect.
        bindings: Values of its parameters.
        device: ``"numpy"``, or the name of a torch device to compute on, as in ``"cpu"`` or ``"cuda"``.

    Returns:
        For each register float64 ``[rows, 2**width]``. Column *i* is the outcome with integer value *i*, bit *k* of it
        is the register's *k*-th qubit; row *i* is bindings row *i*.

    Raises:
        BindingsError: Missing or extra parameters.
        NotSupportedError: More than ``MAX_QUBITS`` qubits are connected by gates, or there is no such device.
        MissingExtraError: A torch device without torch.
    """
    bindings.check(circuit.parameters)
    groups = _measured(engine.Same(circuit))
    return engine.read(groups, [len(register) for register in circuit.measured], bindings, arrays(device))


def amplitudes(circuit: Circuit, bindings: Bindings, *, device: str = NUMPY) -> NDArray[np.complex128]:
    """Final state of the whole circuit for every row; measurements are left out.

    Returns:
        complex128 ``[rows, 2**num_qubits]``; index *i* has qubit *k* in bit *k*. The global phase is that of the gate
        table's matrices.

    Raises:
        BindingsError: Missing or extra parameters.
        NotSupportedError: More than ``MAX_QUBITS`` qubits, or there is no such device.
        MissingExtraError: A torch device without torch.
    """
    bindings.check(circuit.parameters)
    if circuit.num_qubits > MAX_QUBITS:
        raise NotSupportedError(
            f"a state of {circuit.num_qubits} qubits, at most {MAX_QUBITS} fit into one array", capability="num_qubits"
        )
    (state,) = engine.read(_whole(engine.Same(circuit)), [circuit.num_qubits], bindings, arrays(device))
    out: NDArray[np.complex128] = state.astype(np.complex128, copy=False)
    return out


@lru_cache(maxsize=32)
def _measured(circuit: engine.Same[Circuit]) -> tuple[engine.Group, ...]:
    return engine.prepare(circuit.value, circuit.value.measured, _BORN)


@lru_cache(maxsize=32)
def _whole(circuit: engine.Same[Circuit]) -> tuple[engine.Group, ...]:
    return engine.prepare(circuit.value, [range(circuit.value.num_qubits)], _STATE)


def _maps(tiles: Sequence[Component], slots: Slots) -> list[Map]:
    # A qubit without gates still needs its vector.
    gates = tiles[0].gates or (("id", (0,)),)
    angles = list(zip(*(tile.angles for tile in tiles), strict=True)) or [((),) * len(tiles)]
    return [gate_map(turn, slots, amplitude) for turn in merged(turns(gates, angles))]


def _born(state: Array) -> Array:
    """Squared moduli."""
    if "complex" in str(state.dtype):
        weights = state.real**2
        weights += state.imag**2
        return weights
    state *= state
    return state


_ORIGIN = np.array([1.0, 0.0])
_BORN = engine.Picture("statevector", 2, _ORIGIN, _maps, _born)
_STATE = engine.Picture("statevector", 2, _ORIGIN, _maps, lambda state: state)
