"""Noise: what a target's calibration stands for, as a pyQPanda3 noise model.

Which channel follows a gate is decided in ``qadapt.simulate.noise``: depolarisation up to the calibrated error, then
relaxation. Here it is written as Kraus operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Circuit
from qadapt.gates import gate
from qadapt.simulate.noise import gate_channel
from qadapt.target import Target
from qadapt_origin.errors import sdk
from qadapt_origin.lower import NATIVE

if TYPE_CHECKING:
    from pyqpanda3.core.core import NoiseModel

_NEGLIGIBLE = 1e-15
"""Weight of Kraus operators that are rounding errors."""


def noise_model(circuit: Circuit, qubits: Sequence[int], target: Target) -> NoiseModel:
    """Noise of every gate of a circuit.

    pyQPanda3 keeps one error per gate type and set of qubits, and lets it act on the qubits in the gate's order. So
    each gate must come with a pair of qubits in one order only, as in what ``lower.local`` makes.

    Args:
        circuit: Gates to be followed by noise.
        qubits: Physical qubit of each of its qubits.
        target: Whose calibration is used.
    """
    model: NoiseModel = sdk().NoiseModel()
    kinds, error = sdk().GateType, sdk().QuantumError
    for name, own in dict.fromkeys((operation.gate, operation.qubits) for operation in circuit.gates()):
        channel = gate_channel(target, name, tuple(qubits[qubit] for qubit in own))
        if channel is not None:
            operators = kraus(channel.tobytes(), len(own)).reshape(-1, 4 ** len(own))
            model.add_quantum_error(error(operators.tolist()), getattr(kinds, NATIVE[name].name), list(own))
    return model


@lru_cache(maxsize=4096)
def kraus(channel: bytes, qubits: int) -> NDArray[np.complex128]:
    """Fewest Kraus operators of a channel: eigenvectors of its Choi matrix (M.-D. Choi, Linear Algebra Appl. 10, 1975).

    Vendor channels, composed one after the other, would have up to 102 operators and take twice the time.

    Args:
        channel: Pauli transfer matrix ``[4**qubits, 4**qubits]``, float64, digit *k* of an index for the *k*-th qubit.
        qubits: Number of qubits.

    Returns:
        Operators ``[at most 4**qubits, 2**qubits, 2**qubits]``, the first qubit in bit 0 of both indices.
    """
    size = 2**qubits
    single = np.stack([gate(name).matrix() for name in ("id", "x", "y", "z")])
    # The last digit runs fastest and is the first qubit, which kron puts last.
    paulis = np.stack([_kron(digits) for digits in product(single, repeat=qubits)])
    transfer = np.frombuffer(channel).reshape(size**2, size**2)
    # E(rho) = sum_pq R_pq P_p tr(P_q rho) / d, and <o| E(|i><j|) |u> = sum_k K[o, i] K*[u, j].
    acted = np.tensordot(paulis, transfer, axes=(0, 0))
    choi = np.einsum("ouq,qji->oiuj", acted, paulis).reshape(size**2, size**2) / size
    weights, modes = np.linalg.eigh(choi)
    kept = weights > _NEGLIGIBLE
    operators: NDArray[np.complex128] = (modes[:, kept] * np.sqrt(weights[kept])).T.reshape(-1, size, size)
    operators.setflags(write=False)
    return operators


def _kron(factors: Sequence[NDArray[np.complex128]]) -> NDArray[np.complex128]:
    out: NDArray[np.complex128] = np.eye(1, dtype=complex)
    for factor in factors:
        out = np.asarray(np.kron(out, factor), dtype=complex)
    return out
