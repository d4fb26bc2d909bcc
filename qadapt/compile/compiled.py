"""Compiled: a circuit in native gates on physical qubits, and how its angles follow from the source's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Angle, Circuit, Operation, Parameter
from qadapt.compile import fold
from qadapt.compile.affine import Affine, values
from qadapt.compile.effort import check_effort
from qadapt.compile.expand import expand
from qadapt.compile.native import NativeSet, Pulse, native_set
from qadapt.compile.skeleton import Skeleton, Slot, skeleton
from qadapt.compile.slots import Euler, Rotation, constant_euler, euler_angles, matrices, symbolic
from qadapt.provider import check_angles, violations
from qadapt.synthesis import Effort
from qadapt.target import Target


@dataclass(frozen=True, eq=False)
class Compiled:
    """A circuit compiled once, whose native angles are computed for all rows at once.

    Attributes:
        source: The circuit that was compiled.
        circuit: Native gates on physical qubits; its parameters are native angles.
        target: The machine it was compiled for.
        layout: Physical qubit of each source qubit at the start.
        final: Physical qubit of each source qubit at the end.
        angles: Native angles by parameter name, affine in the source's parameters and in the columns that folds and
            slots derive from them.
        slots: Slots without a symbolic form, by the name under which their Euler angles are columns.
        folds: Source angles of rzz that are folded row by row, by the name of their columns.
    """

    source: Circuit
    circuit: Circuit
    target: Target
    layout: tuple[int, ...]
    final: tuple[int, ...]
    angles: Mapping[str, Affine]
    slots: Mapping[str, tuple[Rotation, ...]]
    folds: Mapping[str, Affine]

    def native_angles(self, bindings: Bindings) -> NDArray[np.float64]:
        """Native angles of every row, ``[rows, parameters of circuit]``, in radians.

        Raises:
            BindingsError: The bindings do not match the source's parameters, or give an angle that is not finite.
        """
        check_angles(self.source, bindings.check(self.source.parameters))
        columns: dict[str, NDArray[np.float64]] = dict(bindings.columns)
        for name, angle in self.folds.items():
            columns |= fold.columns(name, angle.value(columns))
        for name, factors in self.slots.items():
            eulers = euler_angles(matrices(factors, partial(Affine.value, columns=columns)))
            columns |= {_part(name, part): eulers[..., number] for number, part in enumerate(_PARTS)}
        return values(self.angles.values(), columns, bindings.shape)

    def bind(self, bindings: Bindings) -> Bindings:
        """Bindings of the native circuit for bindings of the source, row by row."""
        if self.circuit is self.source:
            check_angles(self.source, bindings.check(self.source.parameters))
            return bindings
        return Bindings.of_matrix(tuple(self.angles), self.native_angles(bindings))


_PARTS = ("lam", "theta", "phi")


def _part(slot: str, part: str) -> str:
    """Column of one Euler angle of a slot, by a name that no parameter of a circuit can have."""
    return f"{slot}:{part}"


def compile_circuit(
    circuit: Circuit, target: Target, *, seed: int = 0, layout: Sequence[int] | None = None, effort: Effort = "fast"
) -> Compiled:
    """Compile a circuit to native gates on the best qubits of a target.

    A circuit that measures something starts in |0..0> and ends with its measurements, which saves rotations about z at
    both ends; one that measures nothing is kept as a unitary, up to global phase.

    Args:
        circuit: Any circuit of the gate table.
        target: The machine. On one without couplings, gates that it has pass through unchanged.
        seed: Seed of the router, used only where the circuit does not fit the couplings.
        layout: Physical qubit of each source qubit; chosen by the target's errors when omitted.
        effort: ``best`` writes stretches of constant gates on two qubits again with the fewest entangling gates, and
            routes several times.

    Raises:
        TargetError: The circuit does not fit the target, or there is no such effort.
    """
    check_effort(effort)
    if target.couplings is None and layout is None and (passed := _passed(circuit, target)):
        return passed
    chosen = None if layout is None else tuple(layout)
    placed = skeleton(circuit, target, seed=seed, layout=chosen, effort=effort)
    return _emit(circuit, target, placed, native_set(target))


def _passed(circuit: Circuit, target: Target) -> Compiled | None:
    """Keep a circuit for a machine without couplings that has its gates or the gates they expand to, at any angle."""
    native = set(target.native)
    if target.ranges or not {"rx", "ry", "rz", "cz"} <= native:
        return None
    if not {operation.gate for operation in circuit.gates()} <= native:
        operations = tuple(expand(circuit.operations, native))
        passed = Circuit(num_qubits=circuit.num_qubits, operations=operations, measured=circuit.measured)
    else:
        passed = circuit
    if any(qubit not in set(target.live_qubits) for qubit in range(circuit.num_qubits)):
        return None
    qubits = tuple(range(circuit.num_qubits))
    angles = {name: Affine(0.0, {name: 1.0}) for name in passed.parameters}
    return Compiled(circuit, passed, target, qubits, qubits, angles, {}, {})


class _Emitter:
    """Writes pulses while it keeps the frame of every qubit."""

    def __init__(self, native: NativeSet, experiment: bool) -> None:
        self.native = native
        self.experiment = experiment
        self.operations: list[Operation] = []
        self.angles: dict[str, Affine] = {}
        self.slots: dict[str, tuple[Rotation, ...]] = {}
        self.frames: dict[int, Affine] = {}

    def slot(self, slot: Slot) -> None:
        euler = symbolic(slot.factors)
        if euler is None and all(factor.angle.constant for factor in slot.factors):
            euler = constant_euler(slot.factors)
        if euler is None:
            name = f"slot{len(self.slots)}"
            self.slots[name] = slot.factors
            euler = Euler(*(Affine(0.0, {_part(name, part): 1.0}) for part in _PARTS))
        if slot.opening and self.experiment:
            euler = Euler(self.native.opening, euler.theta, euler.phi)
        pulses, self.frames[slot.qubit] = self.native.slot(euler, self.frames.get(slot.qubit, Affine()))
        self.pulses(slot.qubit, pulses)

    def step(self, step: Operation) -> None:
        """An entangling gate, which the frames pass, or a fence."""
        self.operations.append(step.moved(step.qubits, tuple(self.angle(Affine.of(angle)) for angle in step.angles)))

    def pulses(self, qubit: int, pulses: Sequence[Pulse]) -> None:
        for pulse in pulses:
            angles = tuple(self.angle(angle) for angle in pulse.angles)
            self.operations.append(Operation(gate=pulse.gate, qubits=(qubit,), angles=angles))

    def angle(self, angle: Affine) -> Angle:
        if angle.constant:
            return angle.offset
        name = f"a{len(self.angles)}"
        self.angles[name] = angle
        return Parameter(name=name)

    def finish(self, measured: set[int]) -> None:
        for qubit, frame in sorted(self.frames.items()):
            if not (self.experiment and qubit in measured):
                self.pulses(qubit, self.native.frame(frame))


def _emit(circuit: Circuit, target: Target, placed: Skeleton, native: NativeSet) -> Compiled:
    emitter = _Emitter(native, experiment=bool(circuit.measured))
    for step in placed.steps:
        if isinstance(step, Slot):
            emitter.slot(step)
        else:
            emitter.step(step)
    emitter.finish({qubit for register in placed.measured for qubit in register})
    compiled = Circuit(num_qubits=target.num_qubits, operations=tuple(emitter.operations), measured=placed.measured)
    assert not (circuit.measured and violations(compiled, target)), "a compile left the target"
    return Compiled(circuit, compiled, target, placed.first, placed.last, emitter.angles, emitter.slots, placed.folds)
