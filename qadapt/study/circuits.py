"""Circuits: what a compiler makes of the rows of a layer, and the exact distributions of their outcomes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.adapters.layer import Request
from qadapt.adapters.sampling import turned
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.compile import pack
from qadapt.errors import NotSupportedError
from qadapt.interchange import from_qiskit
from qadapt.mitigation.confusion import calibrated as misread
from qadapt.mitigation.depolarising import predicted
from qadapt.readout import IDEAL, Noise
from qadapt.readout.noise import calibrated
from qadapt.simulate import density
from qadapt.study.grid import Compiler, Source
from qadapt.study.noise import quiet_preparation, scaled
from qadapt.synthesis import Effort
from qadapt.target import Target

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Distributions:
    """What a machine does with the rows of a layer.

    Attributes:
        tables: Probabilities ``[settings, rows, d]``.
        noise: What its calibration says of them.
        entangling: Entangling gates per row, mean.
    """

    tables: Floats
    noise: Noise
    entangling: float


@dataclass(frozen=True, eq=False)
class Machine:
    """A target with scaled errors, for which circuits are made as for the target itself.

    Attributes:
        target: The machine; all choices of compilers follow its calibration.
        scale: Factor on its errors.
        off: Sources of error that are switched off.
        compiler: Whose circuits run.
        effort: Effort of qadapt's compile.
    """

    target: Target
    scale: float
    off: Collection[Source]
    compiler: Compiler
    effort: Effort

    def distributions(self, request: Request, matrices: Floats, settings: Floats) -> Distributions:
        """Exact distributions of all rows in all settings.

        Args:
            request: The rows of a layer.
            matrices: Its blocks, ``[blocks, d, d]``.
            settings: Settings of the read-out, ``[settings, qubits]``.

        Raises:
            QadaptError: The circuits do not fit the target.
        """
        noisy = scaled(self.target, self.scale, self.off)
        made = self._by_qadapt if self.compiler == "qadapt" else self._by_qiskit
        return made(request, matrices, settings, noisy)

    def _by_qadapt(self, request: Request, matrices: Floats, settings: Floats, noisy: Target) -> Distributions:
        """One packed circuit; row *i* of all settings together runs on tile ``i % tiles``."""
        rows, dim = request.inputs.shape
        circuit, bindings = turned(request.circuit, request.bindings, settings)
        packed = pack(circuit, self.target, copies=rows, effort=self.effort)
        found = self._simulated(packed.circuit, packed.bind(bindings), noisy)
        tables = found.reshape(-1, dim)[: len(settings) * rows].reshape(len(settings), rows, dim)
        noise = calibrated(noisy, packed.circuit, len(packed.tiles), len(settings), rows)
        return Distributions(tables, noise, packed.circuit.count() / len(packed.tiles))

    def _by_qiskit(self, request: Request, matrices: Floats, settings: Floats, noisy: Target) -> Distributions:
        """A circuit of its own for each row, on tile ``i % tiles`` of qadapt's."""
        rows, dim = request.inputs.shape
        tiles = pack(request.circuit, self.target, copies=rows, effort=self.effort).tiles
        of_rows = np.zeros(rows, dtype=np.intp) if request.live is None else np.nonzero(request.live)[0]
        tables = np.empty((len(settings), rows, dim))
        strengths, confusion, entangling = np.empty(rows), np.empty((rows, dim, dim)), 0
        turns = tuple(map(tuple, settings.tolist()))
        for row, state in enumerate(request.inputs):
            tile = tiles[row % len(tiles)]
            block = np.ascontiguousarray(matrices[of_rows[row]])
            circuits = transpiled(np.ascontiguousarray(state).tobytes(), block.tobytes(), self.target, tile, turns)
            for setting, circuit in enumerate(circuits):
                tables[setting, row] = self._simulated(circuit, Bindings.of({}), noisy).reshape(dim)
            strengths[row] = predicted(circuits[0], circuits[0].measured, noisy).values[0]
            confusion[row] = misread(noisy, circuits[0].measured).matrices[0]
            entangling += circuits[0].count()
        place = np.broadcast_to(np.arange(rows), (len(settings), rows))
        noise = Noise(strengths, confusion, place, fitted=bool(strengths.any())) if noisy.qubits else IDEAL
        return Distributions(tables, noise, entangling / rows)

    def _simulated(self, circuit: Circuit, bindings: Bindings, noisy: Target) -> Floats:
        """Probabilities ``[executions, tiles, d]``."""
        if "preparation" in self.off:
            circuit = quiet_preparation(circuit, noisy)
        return np.stack(density.probabilities(circuit, bindings, noisy), axis=1)


@lru_cache(maxsize=4096)
def transpiled(
    state: bytes, block: bytes, target: Target, tile: tuple[int, ...], settings: tuple[tuple[float, ...], ...]
) -> tuple[Circuit, ...]:
    """Circuits of one row by Qiskit's transpiler at level 3, one per setting.

    The transpiler sees the qubits of the tile and their calibration, and nothing else. State preparation, a barrier
    and the block are Qiskit's own; the turns of a setting are parameters while it works, and are merged with the
    pulses beside them afterwards by its own pass.

    Args:
        state: The unit vector, float64 ``[d]``.
        block: The orthogonal matrix, float64 ``[d, d]``.
        target: The machine.
        tile: Physical qubits.
        settings: Angle of each qubit in each setting.

    Raises:
        NotSupportedError: The target has other native gates than cz, sx, x and rz.
    """
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector
    from qiskit.circuit.library import StatePreparation, UnitaryGate
    from qiskit.transpiler import PassManager, generate_preset_pass_manager
    from qiskit.transpiler.passes import Optimize1qGatesDecomposition

    vector, qubits = np.frombuffer(state), range(len(tile))
    made = QuantumCircuit(len(tile), len(tile))
    made.append(StatePreparation(vector), qubits)
    made.barrier()
    made.append(UnitaryGate(np.frombuffer(block).reshape(len(vector), -1)), qubits)
    turns = ParameterVector("turn", len(tile))
    plain = not any(any(angles) for angles in settings)
    if not plain:
        for qubit in qubits:
            made.ry(turns[qubit], qubit)
    made.measure(qubits, qubits)
    seen = _seen(target, tile)
    done = generate_preset_pass_manager(optimization_level=3, target=seen, seed_transpiler=0).run(made)
    merge = PassManager([Optimize1qGatesDecomposition(target=seen)])
    if plain:
        return (_placed(from_qiskit(done), target, tile),)
    bound = [merge.run(done.assign_parameters(dict(zip(turns, each, strict=True)))) for each in settings]
    return tuple(_placed(from_qiskit(each), target, tile) for each in bound)


@lru_cache(maxsize=256)
def _seen(target: Target, tile: tuple[int, ...]) -> Any:
    """What Qiskit is told of a tile: native gates on its qubits with their errors and durations."""
    from qiskit.circuit import Measure, Parameter
    from qiskit.circuit.library import CZGate, RZGate, SXGate, XGate
    from qiskit.transpiler import InstructionProperties
    from qiskit.transpiler import Target as Seen

    gates = {"cz": CZGate(), "sx": SXGate(), "x": XGate(), "rz": RZGate(Parameter("t"))}
    if missing := gates.keys() - set(target.native):
        raise NotSupportedError(f"{target.name} has no {', '.join(sorted(missing))}", capability="compiler qiskit")
    seen, own = Seen(num_qubits=len(tile)), {qubit: place for place, qubit in enumerate(tile)}
    for name, gate in gates.items():
        if name not in target.sites:
            seen.add_instruction(gate, {(place,): None for place in own.values()})
            continue
        sites = {
            tuple(own[qubit] for qubit in site.qubits): InstructionProperties(site.duration, site.error)
            for site in target.sites[name]
            if own.keys() >= set(site.qubits) and (len(site.qubits) == 1 or target.couples(name, site.qubits))
        }
        if sites:
            seen.add_instruction(gate, sites)
    errors = {(own[qubit],): InstructionProperties(error=target.readout_error(qubit)) for qubit in tile}
    seen.add_instruction(Measure(), errors)
    return seen


def _placed(circuit: Circuit, target: Target, tile: tuple[int, ...]) -> Circuit:
    """Put a circuit on the qubits of a tile on the chip."""
    moved = tuple(each.moved(tuple(tile[qubit] for qubit in each.qubits), each.angles) for each in circuit.operations)
    measured = tuple(tuple(tile[bit] for bit in register) for register in circuit.measured)
    return Circuit(num_qubits=target.num_qubits, operations=moved, measured=measured)
