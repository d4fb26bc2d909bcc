"""Exact and noisy distributions of many rows of the adapter circuit, against the simulators of the peers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.layer import BLOCKS, TOKENS, bindings, blocks, circuit, vectors
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
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector
    from qiskit_aer import AerSimulator

    parameters = ParameterVector("p", 8)
    made = QuantumCircuit(2)
    for layer in range(4):
        if layer:
            made.cz(0, 1)
        made.ry(parameters[2 * layer], 0)
        made.ry(parameters[2 * layer + 1], 1)
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
    theirs, shots_apart = _aer_noisy(_merged(matrices, states), compiled.layout, table)
    assert shots_apart < 0.02, f"the two sides compute different things: {shots_apart}"
    title = f"noisy distributions of {NOISY_ROWS} rows on a Heron pair"
    note = f"extrapolated from {AER_ROWS} rows of 256 shots"
    yield Comparison(title, ours, "Aer parameter_binds, noise of the used qubits only", theirs, 40, note)


def _aer_noisy(angles: NDArray[np.float64], pair: tuple[int, ...], table: NDArray[np.float64]) -> tuple[float, float]:
    """CPU seconds for all rows, and the mean frequency difference to our table over the sampled rows."""
    from qiskit import QuantumCircuit, transpile
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
    for qubits, error in full._local_readout_errors.items():
        if set(qubits) <= set(pair):
            noise.add_readout_error(error, list(qubits))
    parameters = ParameterVector("p", 8)
    made = QuantumCircuit(2, 2)
    for layer in range(4):
        if layer:
            made.cz(0, 1)
        made.ry(parameters[2 * layer], 0)
        made.ry(parameters[2 * layer + 1], 1)
    made.measure([0, 1], [0, 1])
    native = transpile(made, target=machine.target, initial_layout=list(pair), optimization_level=1)
    binds = [{parameter: angles[:AER_ROWS, parameter.index].tolist() for parameter in native.parameters}]
    simulator = AerSimulator(method="density_matrix", noise_model=noise, max_parallel_threads=1)
    shots = 256

    def work() -> object:
        return simulator.run(native, parameter_binds=binds, shots=shots, seed_simulator=1).result()

    seconds = cpu_seconds(work, repeats=1, warm=False) * len(angles) / AER_ROWS
    counts = work().get_counts()  # type: ignore[attr-defined]
    frequencies = np.array([[row.get(f"{outcome:02b}", 0) / shots for outcome in range(4)] for row in counts])
    return seconds, float(np.abs((frequencies - table[:AER_ROWS]).mean(axis=0)).max())
