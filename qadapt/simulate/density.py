"""Density: exact outcome distributions of native circuits under a target's noise and readout errors, for all rows.

States are Pauli vectors ``r_i = tr(P_i rho)``: real numbers on which ideal gates and channels alike are real matrices,
rz turns two of four components, and reading a qubit is a 2 x 4 matrix. Everything between two variable angles is one
constant matrix, computed once per circuit and target. The tiles of a packed circuit are simulated in one batch, each
with the channels of its own qubits. The noise model is that of ``noise``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.simulate import engine, noise
from qadapt.simulate.arrays import NUMPY, arrays
from qadapt.simulate.components import Component
from qadapt.simulate.maps import Map, Slots, gate_map, pauli, turns
from qadapt.target import Target

MAX_QUBITS = 12
"""Most qubits that may be connected by gates."""


def probabilities(
    circuit: Circuit, bindings: Bindings, target: Target, *, device: str = NUMPY
) -> tuple[NDArray[np.float64], ...]:
    """Outcome distribution of every register for every row, with noise and readout errors.

    Args:
        circuit: Native circuit whose qubits are the target's physical qubits. A gate for which the target has no
            calibration at its place is ideal.
        bindings: Values of its parameters.
        target: Gives the noise.
        device: ``"numpy"``, or the name of a torch device to compute on.

    Returns:
        For each register float64 ``[rows, 2**width]``. Column *i* is the outcome with integer value *i*, bit *k* of it
        is the register's *k*-th qubit; row *i* is bindings row *i*.

    Raises:
        BindingsError: Missing or extra parameters.
        TargetError: The circuit uses a qubit that the target does not have.
        NotSupportedError: More than ``MAX_QUBITS`` qubits are connected by gates, or there is no such device.
        MissingExtraError: A torch device without torch.
    """
    bindings.check(circuit.parameters)
    groups = _groups(engine.Same(circuit), engine.Same(target))
    return engine.read(groups, [len(register) for register in circuit.measured], bindings, arrays(device))


@lru_cache(maxsize=32)
def _groups(circuit: engine.Same[Circuit], target: engine.Same[Target]) -> tuple[engine.Group, ...]:
    noisy = target.value
    used = {qubit for operation in circuit.value.gates() for qubit in operation.qubits}
    noise.check_qubits(noisy, tuple(used.union(circuit.value.bits)))

    def maps(tiles: Sequence[Component], slots: Slots) -> list[Map]:
        return [*_gates(tiles, slots, noisy), *_readout(tiles, noisy)]

    picture = engine.Picture("density", 4, noise.PURE, maps, lambda weights: weights.clip(min=0.0))
    return engine.prepare(circuit.value, circuit.value.measured, picture)


def _gates(tiles: Sequence[Component], slots: Slots, target: Target) -> list[Map]:
    """Ideal gates, each followed by the channels of all tiles."""
    out: list[Map] = []
    angles = zip(*(tile.angles for tile in tiles), strict=True)
    for (name, qubits), each in zip(tiles[0].gates, angles, strict=True):
        out += [gate_map(turn, slots, pauli) for turn in turns([(name, qubits)], [each])]
        channels = [noise.gate_channel(target, name, tuple(tile.qubits[q] for q in qubits)) for tile in tiles]
        if any(channel is not None for channel in channels):
            identity = np.eye(4 ** len(qubits))
            matrices = np.stack([identity if channel is None else channel for channel in channels])
            dimensions = (4,) * len(qubits)
            out.append(Map(qubits, {None: matrices}, dimensions, dimensions))
    return out


def _readout(tiles: Sequence[Component], target: Target) -> list[Map]:
    """Read the measured qubits, trace the others out."""
    measured = {qubit for read in tiles[0].reads for qubit in read.qubits}
    out = []
    for local in range(len(tiles[0].qubits)):
        if local in measured:
            matrices = np.stack([noise.readout(target, tile.qubits[local]) for tile in tiles])
        else:
            matrices = noise.traced()[None]
        out.append(Map((local,), {None: matrices}, (4,), (matrices.shape[1],)))
    return out
