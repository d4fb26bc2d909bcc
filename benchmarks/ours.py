"""qadapt's side of the synthesis page: a batch of tasks of one kind, from vectors and matrices to bound circuits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.heron import TARGET, Native
from benchmarks.tasks import Floats, Kind, Task
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.compile import Compiled, compile_circuit
from qadapt.compile.choice import synthesise_for
from qadapt.gates import FENCE
from qadapt.synthesis import Effort, Synthesis, synthesise_states
from qadapt.target import Target

EFFORTS: tuple[Effort, ...] = ("fast", "best")


def blocks(matrices: Floats, effort: Effort, target: Target = TARGET) -> Synthesis:
    """Synthesise blocks ``[rows, d, d]``: the one place that says how."""
    return synthesise_for(matrices, target, effort=effort)


@dataclass(frozen=True, eq=False)
class Batch:
    """Tasks of one kind, compiled together.

    Attributes:
        seconds: CPU seconds per task, from vectors and matrices to native angles.
        compiled: The circuit of all tasks.
        angles: Its native angles, ``[tasks, parameters]``.
    """

    seconds: float
    compiled: Compiled
    angles: Floats

    def native(self, row: int) -> Native:
        """The circuit of one task."""
        values = dict(zip(self.compiled.angles, self.angles[row], strict=True))

        def bound(angle: float | Parameter) -> float:
            if isinstance(angle, Parameter):
                return float(angle.scale * values[angle.name] + angle.offset)
            return angle

        circuit = self.compiled.circuit
        operations = tuple(o.moved(o.qubits, tuple(map(bound, o.angles))) for o in circuit.operations)
        made = Circuit(num_qubits=circuit.num_qubits, operations=operations)
        return Native(made, self.compiled.layout, self.compiled.final)


def compile_batch(some: Sequence[Task], effort: Effort) -> Batch:
    """Synthesise and compile tasks of one kind.

    State and block without a fence between are a preparation of their product.
    """
    start = time.process_time()
    circuit, bound = program(some, effort)
    compiled = compile_circuit(circuit, TARGET)
    angles = compiled.native_angles(bound)
    return Batch((time.process_time() - start) / len(some), compiled, angles)


def program(some: Sequence[Task], effort: Effort, *, measured: bool = False) -> tuple[Circuit, Bindings]:
    """One circuit for all tasks, and its angles by name, one row per task."""
    kind, qubits = some[0].kind, range(some[0].num_qubits)
    parts: list[tuple[str, Synthesis]] = []
    if kind != "U":
        parts.append(("x", synthesise_states(np.array([_prepared(task, kind) for task in some]))))
    if kind in ("U", "S|U"):
        parts.append(("k", blocks(np.array([task.block for task in some]), effort)))
    operations: list[Operation] = []
    for name, found in parts:
        operations += (
            [op(FENCE, *qubits), *found.ansatz.operations(name)] if operations else found.ansatz.operations(name)
        )
    columns = {f"{name}{i}": found.angles[:, i] for name, found in parts for i in range(found.angles.shape[1])}
    circuit = Circuit(
        num_qubits=len(qubits), operations=tuple(operations), measured=(tuple(qubits),) if measured else ()
    )
    return circuit, Bindings.of(columns)


def _prepared(task: Task, kind: Kind) -> Floats:
    return task.block @ task.state if kind == "SU" else task.state
