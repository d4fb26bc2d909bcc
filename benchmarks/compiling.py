"""Compile and bind a whole layer for a Heron chip: per circuit, and against one packed parametrised template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.layer import BLOCKS, TOKENS, bindings, blocks, circuit, qiskit_circuit, vectors
from benchmarks.timing import Comparison, cpu_seconds
from qadapt.compile import pack
from qadapt.synthesis import synthesise_blocks, synthesise_states
from qadapt.target import bundled_targets

SAMPLE = 32
ROWS = BLOCKS * TOKENS


def comparisons() -> Iterator[Comparison]:
    """Yield the comparisons of this page."""
    target = bundled_targets()["heron-r2"]
    matrices, states, template = blocks(), vectors(), circuit()

    def ours() -> None:
        packed = pack(template, target)
        packed.bind(bindings(matrices, states)).array(packed.circuit.parameters)

    seconds = cpu_seconds(ours)
    angles = _ry_angles(matrices, states)
    tiles = pack(template, target).tiles
    title = f"compile and bind {BLOCKS} blocks x {TOKENS} tokens for Heron"
    note = f"extrapolated from {SAMPLE} circuits"
    yield Comparison(title, seconds, "qiskit transpile(list), level 3", _qiskit_each(angles), 1000, note)
    yield Comparison(title, seconds, "pytket, IBM default pass, level 2", _pytket_each(angles), 1000, note)
    yield Comparison(
        title, seconds, "qiskit, one packed template + array", _qiskit_template(matrices, states, tiles), 1.0
    )


def _ry_angles(matrices: NDArray[np.float64], states: NDArray[np.float64]) -> NDArray[np.float64]:
    """The eight RY angles of every row, preparation and block merged, ``[rows, 8]``; no compiler is involved."""
    x, k = synthesise_states(states).angles, np.repeat(synthesise_blocks(matrices).angles, TOKENS, axis=0)
    return np.concatenate([x[:, :2], x[:, 2:] + k[:, :2], k[:, 2:]], axis=1)


def _qiskit_each(angles: NDArray[np.float64]) -> float:
    from qiskit import transpile
    from qiskit_ibm_runtime.fake_provider import FakeKingston

    machine = FakeKingston().target
    circuits = []
    for row in angles[:SAMPLE]:
        made = qiskit_circuit(row, bits=2)
        made.measure([0, 1], [0, 1])
        circuits.append(made)

    def work() -> None:
        transpile(circuits, target=machine, optimization_level=3, seed_transpiler=1, num_processes=1)

    return cpu_seconds(work, repeats=3) * ROWS / SAMPLE


def _pytket_each(angles: NDArray[np.float64]) -> float:
    from pytket.architecture import Architecture
    from pytket.circuit import Circuit, OpType
    from pytket.passes import AutoRebase, DefaultMappingPass, FullPeepholeOptimise, SequencePass

    target = bundled_targets()["heron-r2"]
    chip = Architecture(sorted(target.couplings or {}))
    passes = SequencePass(
        [FullPeepholeOptimise(), DefaultMappingPass(chip), AutoRebase({OpType.CZ, OpType.SX, OpType.X, OpType.Rz})]
    )

    def work() -> None:
        for row in angles[:SAMPLE] / np.pi:
            made = Circuit(2, 2)
            for layer in range(4):
                if layer:
                    made.CZ(0, 1)
                made.Ry(row[2 * layer], 0).Ry(row[2 * layer + 1], 1)
            passes.apply(made.measure_all())

    return cpu_seconds(work, repeats=3) * ROWS / SAMPLE


def _qiskit_template(
    matrices: NDArray[np.float64], states: NDArray[np.float64], tiles: Sequence[tuple[int, ...]]
) -> float:
    """Qiskit at its best: the pairs given, one transpile of the packed template, the angles as one array."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector
    from qiskit.primitives.containers.sampler_pub import SamplerPub
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_ibm_runtime.fake_provider import FakeKingston

    machine = FakeKingston().target
    layout = [qubit for tile in tiles for qubit in tile]
    passes = generate_preset_pass_manager(
        optimization_level=1, target=machine, seed_transpiler=1, initial_layout=layout
    )

    def work() -> None:
        parameters = ParameterVector("p", 8 * len(tiles))
        made = QuantumCircuit(2 * len(tiles), 2 * len(tiles))
        for tile in range(len(tiles)):
            for layer in range(4):
                if layer:
                    made.cz(2 * tile, 2 * tile + 1)
                made.ry(parameters[8 * tile + 2 * layer], 2 * tile)
                made.ry(parameters[8 * tile + 2 * layer + 1], 2 * tile + 1)
        made.measure(range(2 * len(tiles)), range(2 * len(tiles)))
        native = passes.run(made)
        columns = np.array([parameter.index for parameter in native.parameters])
        rows = _ry_angles(matrices, states)
        spare = -len(rows) % len(tiles)
        padded = np.concatenate([rows, np.repeat(rows[-1:], spare, axis=0)]).reshape(-1, 8 * len(tiles))
        SamplerPub.coerce((native, padded[:, columns]))

    return cpu_seconds(work)
