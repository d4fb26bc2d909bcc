"""Process fidelity of a compiled block on a noisy Heron chip: under qadapt's emulator, and under Aer's noise model.

Both sides end in a Pauli transfer matrix ``R_ij = tr(P_i E(P_j)) / 2**m`` of the used qubits (digit *k* of an index, 0
to 3 for I, X, Y, Z, is the *k*-th of them), and ``F = tr(R_ideal^T R) / d**2`` is that of the channel from the logical
qubits at the start to those at the end. Readout errors are not in it.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.heron import TARGET, Native
from benchmarks.tasks import Floats
from qadapt.gates import GATES
from qadapt.simulate.maps import pauli
from qadapt.simulate.noise import PURE, gate_channel


def emulated(native: Native, block: Floats) -> float:
    """Process fidelity of a circuit to a block ``[d, d]`` with the noise of ``local:emulator/heron-r2``."""
    place = {qubit: number for number, qubit in enumerate(native.used)}
    total = len(place)
    state = np.eye(4**total)
    waiting = [np.eye(4) for _ in place]  # one-qubit maps that the next cz takes with it
    for operation in native.circuit.gates():
        angles = tuple(float(angle) for angle in operation.angles)  # type: ignore[arg-type]
        one = _noisy(operation.gate, operation.qubits, angles)
        local = [place[qubit] for qubit in operation.qubits]
        if len(local) == 1:
            waiting[local[0]] = one @ waiting[local[0]]
            continue
        state = _applied(state, one @ np.kron(waiting[local[1]], waiting[local[0]]), local, total)
        for qubit in local:
            waiting[qubit] = np.eye(4)
    for qubit, one in enumerate(waiting):
        state = _applied(state, one, [qubit], total)
    return _fidelity(state, native, block)


def aer(native: Native, block: Floats) -> float:
    """Process fidelity of a circuit to a block ``[d, d]`` in Aer, with ``NoiseModel.from_backend(FakeKingston())``."""
    from qiskit_aer import AerSimulator

    circuit, model = restricted(native)
    circuit.save_superop()
    simulator = AerSimulator(method="superop", noise_model=model, max_parallel_threads=1)
    found = np.asarray(simulator.run(circuit).result().data(0)["superop"])
    paulis = _paulis(len(native.used))
    # The superoperator acts on matrices whose columns are stacked.
    stacked = paulis.swapaxes(1, 2).reshape(len(paulis), -1).T
    transfer = (stacked.conj().T @ found @ stacked).real / (1 << len(native.used))
    return _fidelity(transfer, native, block)


def restricted(native: Native) -> tuple[Any, Any]:
    """A circuit for Qiskit on its used qubits only, and Aer's noise model of those."""
    from qiskit import QuantumCircuit
    from qiskit_aer.noise import NoiseModel

    local = {qubit: number for number, qubit in enumerate(native.used)}
    full = _aer_noise()
    model = NoiseModel(basis_gates=["cz", "rz", "sx", "x"])
    for name in ("cz", "sx", "x"):
        for qubits, error in full._local_quantum_errors[name].items():
            if local.keys() >= set(qubits):
                model.add_quantum_error(error, name, [local[qubit] for qubit in qubits])
    made = QuantumCircuit(len(local))
    for operation in native.circuit.gates():
        where = operation.qubits
        if operation.gate == "cz" and where not in full._local_quantum_errors["cz"]:
            where = where[::-1]  # calibrated in one direction only; the gate is the same
        getattr(made, operation.gate)(*operation.angles, *(local[qubit] for qubit in where))
    return made, model


@cache
def _aer_noise() -> Any:
    from qiskit_aer.noise import NoiseModel
    from qiskit_ibm_runtime.fake_provider import FakeKingston

    return NoiseModel.from_backend(FakeKingston())


@cache
def _noisy(name: str, qubits: tuple[int, ...], angles: tuple[float, ...]) -> Floats:
    """Pauli transfer matrix of a gate with the channel that follows it."""
    ideal: Floats = pauli(GATES[name].matrix(*angles))
    channel = gate_channel(TARGET, name, qubits)
    return ideal if channel is None else channel @ ideal


def _applied(state: Floats, matrix: Floats, local: list[int], total: int) -> Floats:
    """A map on some qubits of Pauli vectors ``[4**total, columns]``; the first qubit is its lowest digit."""
    axes = [total - 1 - qubit for qubit in reversed(local)]
    tensor = np.moveaxis(state.reshape(*(4,) * total, -1), axes, range(len(axes)))
    turned = (matrix @ tensor.reshape(len(matrix), -1)).reshape(tensor.shape)
    return np.moveaxis(turned, range(len(axes)), axes).reshape(state.shape)


def _fidelity(transfer: Floats, native: Native, block: Floats) -> float:
    """Process fidelity of the transfer matrix of the used qubits to a block on the logical ones.

    Every other qubit starts in zero, and is traced out at the end: what is left of it is the component of I.
    """
    logical, total = len(native.first), len(native.used)
    tensor = transfer.reshape((4,) * (2 * total))  # the highest qubit comes first, at the end and then at the start
    tensor = tensor[tuple(slice(None) if qubit in native.last else 0 for qubit in reversed(native.used))]
    for _ in range(total - logical):  # the logical qubits are the lowest ones at the start
        tensor = np.tensordot(tensor, PURE, axes=([logical], [0]))
    ends = [qubit for qubit in reversed(native.used) if qubit in native.last]
    order = [ends.index(qubit) for qubit in reversed(native.last)]
    tensor = tensor.transpose(*order, *range(logical, 2 * logical))
    ideal = pauli(block.astype(complex))
    return float(np.vdot(ideal, tensor.reshape(ideal.shape))) / len(ideal)


@cache
def _paulis(qubits: int) -> NDArray[np.complex128]:
    """Pauli products ``[4**qubits, 2**qubits, 2**qubits]``; digit *k* of the index is qubit *k*."""
    x, y, z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
    out = []
    for digits in product((np.eye(2), x, y, z), repeat=qubits):
        matrix = np.eye(1, dtype=complex)
        for digit in digits:
            matrix = np.kron(matrix, digit)
        out.append(matrix)
    return np.array(out)
