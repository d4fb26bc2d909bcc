"""Exact and noisy distributions of many rows of the adapter circuit, against the simulators of the peers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.layer import BLOCKS, TOKENS, bindings, blocks, circuit, qiskit_circuit, vectors
from benchmarks.timing import Comparison, cpu_seconds
from qadapt.compile import compile_circuit
from qadapt.simulate import density, statevector
from qadapt.synthesis import synthesise_blocks, synthesise_states
from qadapt.target import bundled_targets

ROWS = BLOCKS * TOKENS
NOISY_ROWS = 10_000
AER_ROWS = 1_000
"""Aer's times are linear in the rows; it is given a tenth of them or less and scaled up."""


def comparisons() -> Iterator[Comparison]:
    """Yield the comparisons of this page."""
    yield from _exact()
    yield from _noisy()


def _merged(matrices: NDArray[np.float64], states: NDArray[np.float64]) -> NDArray[np.float64]:
    """RY angles of every row, preparation and block merged, ``[rows, 8]``."""
    x = synthesise_states(states).angles
    k = np.repeat(synthesise_blocks(matrices).angles, len(states) // len(matrices), axis=0)
    return np.concatenate([x[:, :2], x[:, 2:] + k[:, :2], k[:, 2:]], axis=1)


def _exact() -> Iterator[Comparison]:
    matrices, states, template = blocks(), vectors(), circuit()
    bound = bindings(matrices, states)
    (table,) = statevector.probabilities(template, bound)
    inputs = states.reshape(BLOCKS, TOKENS, 4)

    def product() -> NDArray[np.float64]:
        """Blocks and rows in, rows out, as on our side; the copy makes the product more than twice as fast."""
        return np.square(inputs @ matrices.swapaxes(1, 2).copy())

    assert np.abs(table - product().reshape(ROWS, 4)).max() < 1e-12, "the two sides compute different things"
    ours = cpu_seconds(lambda: statevector.probabilities(template, bound), repeats=31)
    title = f"exact distributions of {BLOCKS} blocks x {TOKENS} tokens"
    yield Comparison(
        title, ours, "numpy batched matrix product, squared (floor)", cpu_seconds(product, repeats=31), 0.1
    )
    angles = _merged(matrices, states)
    yield Comparison(title, ours, "PennyLane default.qubit, broadcast gates", _pennylane_gates(angles), 1.0)
    yield Comparison(
        title,
        ours,
        "PennyLane default.qubit, broadcast StatePrep + QubitUnitary",
        _pennylane_blocks(matrices, states),
        1.0,
    )
    note = f"extrapolated from {AER_ROWS} rows"
    yield Comparison(title, ours, "Aer statevector, runtime parameter binding", _aer(angles), 1.0, note)


def _pennylane_gates(angles: NDArray[np.float64]) -> float:
    import pennylane as qml

    device = qml.device("default.qubit", wires=2)

    @qml.qnode(device)
    def node(values: NDArray[np.float64]) -> object:
        for layer in range(4):
            if layer:
                qml.CZ([0, 1])
            qml.RY(values[2 * layer], 0)
            qml.RY(values[2 * layer + 1], 1)
        return qml.probs(wires=[0, 1])

    columns = angles.T.copy()
    return cpu_seconds(lambda: node(columns))


def _pennylane_blocks(matrices: NDArray[np.float64], states: NDArray[np.float64]) -> float:
    import pennylane as qml

    device = qml.device("default.qubit", wires=2)
    repeated = np.repeat(matrices, TOKENS, axis=0)

    @qml.qnode(device)
    def node() -> object:
        qml.StatePrep(states, [0, 1])
        qml.QubitUnitary(repeated, [0, 1])
        return qml.probs(wires=[0, 1])

    return cpu_seconds(node)


def _aer(angles: NDArray[np.float64]) -> float:
    from qiskit.circuit import ParameterVector
    from qiskit_aer import AerSimulator

    parameters = ParameterVector("p", 8)
    made = qiskit_circuit(parameters)
    made.save_probabilities()
    binds = [{parameter: angles[:AER_ROWS, i].tolist() for i, parameter in enumerate(parameters)}]
    simulator = AerSimulator(
        method="statevector", runtime_parameter_bind_enable=True, max_parallel_threads=1, fusion_enable=False
    )
    seconds = cpu_seconds(lambda: simulator.run(made, parameter_binds=binds, shots=1).result(), repeats=3)
    return seconds * ROWS / AER_ROWS


def _noisy() -> Iterator[Comparison]:
    target = bundled_targets()["heron-r2"]
    template = circuit()
    matrices = blocks(NOISY_ROWS // 10)
    states = vectors(NOISY_ROWS)
    compiled = compile_circuit(template, target)
    bound = compiled.bind(bindings(matrices, states))
    ours = cpu_seconds(lambda: density.probabilities(compiled.circuit, bound, target))
    (table,) = density.probabilities(compiled.circuit, bound, target)
    theirs, distributions = _aer_noisy(_merged(matrices, states), compiled.layout)
    apart = float(np.abs(distributions - table[:AER_ROWS]).max())
    assert apart < 1e-6, f"the two sides compute different things: {apart}"
    title = f"noisy distributions of {NOISY_ROWS} rows on a Heron pair"
    note = f"extrapolated from {AER_ROWS} rows; exact probabilities, runtime parameter binding"
    yield Comparison(title, ours, "Aer parameter_binds, noise of the used qubits only", theirs, 40, note)


def _aer_noisy(angles: NDArray[np.float64], pair: tuple[int, ...]) -> tuple[float, NDArray[np.float64]]:
    """CPU seconds for all rows, and the distributions of the rows that were run, readout errors included."""
    from qiskit import transpile
    from qiskit.circuit import ParameterVector
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel
    from qiskit_ibm_runtime.fake_provider import FakeKingston

    machine = FakeKingston()
    full = NoiseModel.from_backend(machine)
    noise = NoiseModel(basis_gates=full.basis_gates)
    for name, errors in full._local_quantum_errors.items():
        for qubits, error in errors.items():
            if set(qubits) <= set(pair):
                noise.add_quantum_error(error, name, list(qubits))
    parameters = ParameterVector("p", 8)
    made = qiskit_circuit(parameters)
    native = transpile(made, target=machine.target, initial_layout=list(pair), optimization_level=1)
    native.save_probabilities(list(pair))
    binds = [{parameter: angles[:AER_ROWS, parameter.index].tolist() for parameter in native.parameters}]
    simulator = AerSimulator(
        method="density_matrix", noise_model=noise, max_parallel_threads=1, runtime_parameter_bind_enable=True
    )

    def work() -> Any:
        return simulator.run(native, parameter_binds=binds, shots=1).result()

    seconds = cpu_seconds(work, repeats=3) * len(angles) / AER_ROWS
    result = work()
    true = np.array([result.data(row)["probabilities"] for row in range(AER_ROWS)]).reshape(-1, 2, 2)
    readouts = [np.array(full._local_readout_errors[(qubit,)].probabilities) for qubit in pair]
    return seconds, np.einsum("nba,ac,bd->ndc", true, *readouts).reshape(-1, 4)
