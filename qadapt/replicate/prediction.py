"""Prediction: the distribution that a target should give for an adapter's circuits, and the ideal one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.compile import compile_circuit, pack
from qadapt.simulate import density, statevector
from qadapt.target import Target


def ideal(circuit: Circuit, bindings: Bindings) -> NDArray[np.float64]:
    """Exact outcome distribution ``[rows, outcomes]`` of a circuit with one register."""
    (table,) = statevector.probabilities(circuit, bindings)
    return table


def predicted(circuit: Circuit, bindings: Bindings, target: Target, *, tiles: int) -> NDArray[np.float64]:
    """Outcome distribution ``[rows, outcomes]`` with the target's calibrated noise, each row on the tile it ran on.

    Args:
        circuit: Circuit with one register.
        bindings: Its values.
        target: The machine.
        tiles: Copies side by side, as the run reported them.
    """
    if target.ideal:
        return ideal(circuit, bindings)
    if tiles == 1:
        compiled = compile_circuit(circuit, target)
        (table,) = density.probabilities(compiled.circuit, compiled.bind(bindings), target)
        return table
    packed = pack(circuit, target, copies=tiles)
    tables = density.probabilities(packed.circuit, packed.bind(bindings), target)
    return np.stack(tables, axis=1).reshape(-1, tables[0].shape[1])[: bindings.rows]
