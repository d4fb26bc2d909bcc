"""The peers of synthesis: how each compiles a task for a Heron chip, at the best settings that we know.

Timed is ``compile``, from vector and matrix to the circuit of the tool; ``native`` brings that into the common form.
Where a tool places circuits by calibration it has that of the chip. Those that do not (pyqpanda3 and bqskit) compile
for a bare line of qubits, whose result is put on the best line of the chip; this is better for them than their own
choice of qubits.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from benchmarks.heron import TARGET, Native, placed
from benchmarks.tasks import Task
from qadapt.circuit import Circuit, Operation, op
from qadapt.gates import FENCE
from qadapt.interchange import from_qiskit

SEED = 1


class Peer(Protocol):
    """A compiler."""

    name: str

    def answers(self, task: Task) -> bool:
        """Whether the tool takes such a task."""

    def compile(self, task: Task) -> Any:
        """Compile a task; the result is the tool's own."""

    def native(self, made: Any, task: Task) -> Native:
        """Read the tool's result."""


class Qiskit:
    """Qiskit's preset pass manager of level 3, made once; StatePreparation and UnitaryGate."""

    name = "qiskit L3"

    def answers(self, task: Task) -> bool:
        return True

    def compile(self, task: Task) -> Any:
        return qiskit_passes().run(qiskit_circuit(task))

    def native(self, made: Any, task: Task) -> Native:
        layout = made.layout
        first = layout.initial_index_layout(filter_ancillas=True)
        return Native(from_qiskit(made), tuple(first), tuple(layout.final_index_layout(filter_ancillas=True)))


class Pytket:
    """The default pass of level 2 of pytket's IBM backends, with its placement by calibration.

    Its boxes of matrices end at three qubits; a larger block is handed over as the cx and u gates of Qiskit's Shannon
    decomposition, which is part of its time (about one percent).
    """

    name = "pytket L2"

    def answers(self, task: Task) -> bool:
        return task.num_qubits < 5  # FullPeepholeOptimise takes many seconds per circuit beyond

    def compile(self, task: Task) -> Any:
        from pytket import Circuit as Tket
        from pytket.circuit import StatePreparationBox, Unitary2qBox, Unitary3qBox
        from pytket.predicates import CompilationUnit

        made = Tket(task.num_qubits)
        qubits = list(reversed(range(task.num_qubits)))  # the first qubit of a box is the highest bit
        if task.kind != "U":
            made.add_gate(StatePreparationBox(task.state), qubits)
        if task.kind == "S|U":
            made.add_barrier(qubits)
        if task.kind != "S" and task.num_qubits < 4:
            box = {2: Unitary2qBox, 3: Unitary3qBox}[task.num_qubits]
            made.add_gate(box(task.block.astype(complex)), qubits)
        elif task.kind != "S":
            made.append(_shannon(task))
        unit = CompilationUnit(made)
        (self._preparing if task.prepares else self._passes).apply(unit)
        return unit

    @cached_property
    def _preparing(self) -> Any:
        from pytket.passes import SequencePass, SimplifyInitial

        return SequencePass([self._passes, SimplifyInitial(allow_classical=False, create_all_qubits=True)])

    @cached_property
    def _passes(self) -> Any:
        from pytket.architecture import Architecture
        from pytket.circuit import Node, OpType
        from pytket.passes import (
            AutoRebase,
            CliffordSimp,
            CXMappingPass,
            DecomposeBoxes,
            FullPeepholeOptimise,
            KAKDecomposition,
            NaivePlacementPass,
            RemoveRedundancies,
            SequencePass,
            SynthesiseTket,
        )
        from pytket.placement import NoiseAwarePlacement

        couplings = TARGET.couplings or {}
        chip = Architecture(sorted(couplings))
        placement = NoiseAwarePlacement(
            chip,
            {Node(site.qubits[0]): site.error or 0.0 for site in TARGET.sites["sx"]},
            {(Node(a), Node(b)): error for pair, error in couplings.items() for a, b in (pair, pair[::-1])},
            {Node(qubit): TARGET.readout_error(qubit) for qubit in range(TARGET.num_qubits)},
        )
        return SequencePass(
            [
                DecomposeBoxes(),
                FullPeepholeOptimise(),
                CXMappingPass(chip, placement, directed_cx=False, delay_measures=False),
                NaivePlacementPass(chip),
                KAKDecomposition(allow_swaps=False),
                CliffordSimp(False),
                SynthesiseTket(),
                AutoRebase({OpType.CZ, OpType.SX, OpType.X, OpType.Rz}),
                RemoveRedundancies(),
            ]
        )

    def native(self, made: Any, task: Task) -> Native:
        operations = []
        for command in made.circuit.get_commands():
            where = tuple(node.index[0] for node in command.qubits)
            name = command.op.type.name.lower()
            angles = tuple(np.pi * float(value) for value in command.op.params) if name == "rz" else ()
            operations.append(Operation(gate=FENCE if name == "barrier" else name, qubits=where, angles=angles))
        circuit = Circuit(num_qubits=TARGET.num_qubits, operations=tuple(operations))
        # A swap that pytket has left to whoever reads the qubits.
        renamed = made.circuit.implicit_qubit_permutation()
        last = {qubit: renamed.get(node, node) for qubit, node in made.final_map.items()}
        return Native(circuit, _order(made.initial_map), _order(last))


class Pyqpanda:
    """The transpiler of pyqpanda3 at level 2; ``amplitude_encode`` and ``Oracle``."""

    name = "pyqpanda3 L2"

    def answers(self, task: Task) -> bool:
        return True

    def compile(self, task: Task) -> Any:
        sdk: Any = import_module("pyqpanda3.core")  # its stubs do not name what it exports
        transpilation: Any = import_module("pyqpanda3.transpilation")
        qubits = list(range(task.num_qubits))
        program = sdk.QProg()
        if task.kind != "U":
            encode = sdk.Encode()
            encode.amplitude_encode(qubits, task.state.tolist())
            program << encode.get_circuit()
        if task.kind == "S|U":
            program << sdk.BARRIER(qubits)
        if task.kind != "S":
            program << sdk.Oracle(qubits, task.block.astype(complex))
        config = transpilation.TranspilationExecutionConfig()
        config.seed, config.max_threads = SEED, 1
        line = [[qubit, qubit + 1] for qubit in qubits[:-1]]
        return transpilation.Transpiler().transpile(program, line, {}, 2, ["U3", "CZ"], execution_config=config)

    def native(self, made: Any, task: Task) -> Native:
        names = {"U3": "u3", "CZ": "cz", "BARRIER": FENCE}
        operations = [
            op(names[gate.name()], *gate.qubits(), angles=gate.parameters()) for gate in made.gate_operations()
        ]
        return placed(pulses(task.num_qubits, operations), task.ideal)


def qiskit_circuit(task: Task) -> Any:
    """The task for Qiskit, without measurements."""
    from qiskit import QuantumCircuit
    from qiskit.circuit.library import StatePreparation, UnitaryGate

    qubits = range(task.num_qubits)
    made = QuantumCircuit(task.num_qubits)
    if task.kind != "U":
        made.append(StatePreparation(task.state), qubits)
    if task.kind == "S|U":
        made.barrier()
    if task.kind != "S":
        made.append(UnitaryGate(task.block), qubits)
    return made


@cache
def qiskit_passes(layout: tuple[int, ...] | None = None) -> Any:
    """Qiskit's preset pass manager of level 3, which chooses the qubits itself or is given them."""
    from qiskit.transpiler import generate_preset_pass_manager

    chosen = None if layout is None else list(layout)
    return generate_preset_pass_manager(
        optimization_level=3, target=_qiskit_target(), seed_transpiler=SEED, initial_layout=chosen
    )


@cache
def _qiskit_target() -> Any:
    from qiskit_ibm_runtime.fake_provider import FakeKingston

    return FakeKingston().target


def _shannon(task: Task) -> Any:
    """The block in cx and u gates by Qiskit's quantum Shannon decomposition, as a circuit of pytket."""
    from pytket import Circuit as Tket
    from pytket.circuit import OpType
    from qiskit import transpile
    from qiskit.synthesis import qs_decomposition

    made = Tket(task.num_qubits)
    for item in (found := transpile(qs_decomposition(task.block), basis_gates=["u", "cx"], optimization_level=0)).data:
        where = [found.find_bit(qubit).index for qubit in item.qubits]
        angles = [float(value) / np.pi for value in item.operation.params]
        made.add_gate(OpType.CX if item.operation.name == "cx" else OpType.U3, angles, where)
    return made


def _order(mapping: Any) -> tuple[int, ...]:
    """Node of each qubit of a pytket circuit."""
    return tuple(mapping[qubit].index[0] for qubit in sorted(mapping, key=lambda qubit: qubit.index))


def pulses(num_qubits: int, operations: Iterable[Operation]) -> Circuit:
    """One-qubit gates as at most two sx between two cz, by Qiskit's optimisation of one-qubit runs."""
    from qiskit import QuantumCircuit
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import Optimize1qGatesDecomposition

    made = QuantumCircuit(num_qubits)
    for one in operations:
        name = {FENCE: "barrier", "u3": "u"}.get(one.gate, one.gate)
        where = [list(one.qubits)] if one.is_fence else one.qubits
        getattr(made, name)(*one.angles, *where)
    return from_qiskit(PassManager([Optimize1qGatesDecomposition(basis=["rz", "sx", "x"])]).run(made))
