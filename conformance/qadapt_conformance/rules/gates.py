"""Gates: each does what its matrix says, in amplitude and in phase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt import GATES, Circuit, Operation, Work, compile_circuit, op
from qadapt_conformance.finding import Finding
from qadapt_conformance.probe import Probe, bind
from qadapt_conformance.rule import SUBMITTING, rule

Floats: TypeAlias = NDArray[np.float64]

ANGLES = np.array([0.7, -2.1, 2.9, -0.35, 5.1, 1.6])

INVERSES = {"s": "sdg", "sdg": "s", "t": "tdg", "tdg": "t", "sx": "sxdg", "sxdg": "sx"}
"""Names of the inverses of gates without angles that are not their own inverse."""


def _turned(qubits: Sequence[int], angles: Floats) -> list[Operation]:
    """A rotation about a generic axis on every qubit; angles [qubits, 2]."""
    out = []
    for qubit, (first, second) in zip(qubits, angles, strict=True):
        out += [op("ry", qubit, angles=[float(first)]), op("rz", qubit, angles=[float(second)])]
    return out


def _taken(probe: Probe, name: str, angles: Floats) -> Floats:
    """The angles, brought into the range of a native gate that has one."""
    if name not in probe.target.ranges:
        return angles
    low, high = probe.target.ranges[name]
    return low + (high - low) * (angles % 1.0)


def _site(probe: Probe, name: str) -> tuple[int, ...] | None:
    """Live qubits on which a native gate is declared; None where it acts anywhere; () where it has no live place."""
    target = probe.target
    couplings, live = target.couplings, set(target.live_qubits)
    for site in target.sites.get(name, ()):
        pair = (min(site.qubits), max(site.qubits))
        if live.issuperset(site.qubits) and (len(site.qubits) != 2 or couplings is None or pair in couplings):
            return site.qubits
    return () if name in target.sites else None


def sandwich(probe: Probe, name: str, angles: Sequence[float | str], setting: int) -> Work | None:
    """Put one native gate, untouched, between compiled generic rotations.

    Args:
        probe: The backend.
        name: A native gate.
        angles: Its angles; text is a parameter, bound to several rows.
        setting: Chooses the rotations.

    Returns:
        The work, or None if the target has no live place for the gate.
    """
    site = _site(probe, name)
    size = GATES[name].qubits
    if site == () or len(probe.target.live_qubits) < size:
        return None
    draw = np.random.default_rng(100 + setting).uniform(0.4, 2.7, (2, size, 2))
    sides = [
        compile_circuit(Circuit(num_qubits=size, operations=_turned(range(size), side)), probe.target, layout=site)
        for side in draw
    ]
    # The last rotation about z would be invisible: measure behind one more about y.
    last = Circuit(num_qubits=size, operations=[op("ry", qubit, angles=[0.8 + 0.3 * qubit]) for qubit in range(size)])
    ends = compile_circuit(last, probe.target, layout=site)
    qubits = sides[0].layout
    fitted = [angle if isinstance(angle, str) else float(_taken(probe, name, np.array(angle))) for angle in angles]
    circuit = Circuit(
        num_qubits=sides[0].circuit.num_qubits,
        operations=[
            *sides[0].circuit.operations,
            op(name, *qubits, angles=fitted),
            *sides[1].circuit.operations,
            *ends.circuit.operations,
        ],
        measured=[list(qubits)],
    )
    named = [angle for angle in angles if isinstance(angle, str)]
    rows = {angle: _taken(probe, name, np.roll(ANGLES, shift)) for shift, angle in enumerate(named)}
    return Work(circuit, bind(rows), probe.shots(), probe.seed())


@rule("GATES-1", tiers=SUBMITTING)
def native_gates(probe: Probe) -> Iterator[Finding]:
    """Every native gate of the target does what its matrix says."""
    works = []
    for name in probe.target.native:
        names = [f"angle{number}" for number in range(len(GATES[name].parameters))]
        for setting in range(2):
            works.append(sandwich(probe, name, names, setting))
            if names:
                works.append(sandwich(probe, name, [0.9, -1.7, 2.3][: len(names)], setting))
    yield from probe.work_agrees([work for work in works if work is not None])


@rule("GATES-2")
def core_gates(probe: Probe) -> Iterator[Finding]:
    """Every gate of the gate table can be run, native or compiled."""
    for gate in GATES.values():
        qubits = range(gate.qubits)
        if len(probe.target.live_qubits) < gate.qubits:
            continue
        names = [f"angle{number}" for number in range(len(gate.parameters))]
        first, second = np.random.default_rng(7).uniform(0.4, 2.7, (2, gate.qubits, 2))
        ends = [op("ry", qubit, angles=[0.8 + 0.3 * qubit]) for qubit in qubits]
        operations = [*_turned(qubits, first), op(gate.name, *qubits, angles=names), *_turned(qubits, second), *ends]
        rows = {name: np.roll(ANGLES, shift) for shift, name in enumerate(names)}
        yield from probe.agrees(Circuit(num_qubits=gate.qubits, operations=operations, measured=[list(qubits)]), rows)


def scrambled(seed: int, length: int = 24) -> list[Operation]:
    """A random sequence of gates on three qubits."""
    draw = np.random.default_rng(seed)
    out = []
    for _ in range(length):
        name = str(draw.choice(["h", "s", "tdg", "sx", "rx", "ry", "rz", "p", "cx", "cz", "crx", "rzz", "swap"]))
        gate = GATES[name]
        qubits = draw.permutation(3)[: gate.qubits].tolist()
        out.append(op(name, *qubits, angles=draw.uniform(-3, 3, len(gate.parameters)).tolist()))
    return out


def inverted(operations: Sequence[Operation]) -> list[Operation]:
    """Undo a sequence of gates."""
    return [
        op(INVERSES.get(o.gate, o.gate), *o.qubits, angles=[-a for a in o.angles if isinstance(a, float)])
        for o in reversed(operations)
    ]


@rule("GATES-3", qubits=3)
def sequences(probe: Probe) -> Iterator[Finding]:
    """Operations act in the order of the circuit, and a circuit followed by its inverse does nothing."""
    for seed in range(4):
        operations = scrambled(seed, length=24 if probe.exact else 8)
        yield from probe.agrees(Circuit(num_qubits=3, operations=operations, measured=[0, 1, 2]))
        mirror = [op("x", 1), *operations, op("fence", 0, 1, 2), *inverted(operations)]
        yield from probe.agrees(Circuit(num_qubits=3, operations=mirror, measured=[0, 1, 2]))


@rule("GATES-4", qubits=3)
def fences(probe: Probe) -> Iterator[Finding]:
    """A fence changes nothing, on however many qubits."""
    operations = scrambled(9, length=12)
    fenced = [op("fence", 0, 1, 2)]
    for number, operation in enumerate(operations):
        fenced += [operation, op("fence", *range(1 + number % 3))]
    yield from probe.agrees(Circuit(num_qubits=3, operations=fenced, measured=[0, 1, 2]))
