"""Angles: radians, signs, full turns and small digits.

Probabilities alone do not show the sign of a rotation or a phase, so every angle here stands between rotations about
other axes, which turn it into a probability.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import pi

import numpy as np

from qadapt import Circuit, Operation, op
from qadapt_conformance.finding import Finding
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import rule

TURNS = np.array([-2.8, -1.3, -0.4, 0.3, 1.1, 2.2])


def _between(*inner: Operation, qubits: int) -> Circuit:
    """Operations between generic rotations of every qubit, so that no sign and no phase of theirs is hidden."""
    before, after = [], []
    for qubit in range(qubits):
        before += [op("ry", qubit, angles=[0.9 + 0.4 * qubit]), op("rz", qubit, angles=[0.6 - 0.9 * qubit])]
        after += [op("rz", qubit, angles=[-0.7 + 0.5 * qubit]), op("ry", qubit, angles=[1.2 - 0.3 * qubit])]
    return Circuit(num_qubits=qubits, operations=[*before, *inner, *after], measured=list(range(qubits)))


@rule("ANGLES-1")
def one_qubit_rotations(probe: Probe) -> Iterator[Finding]:
    """Angles are in radians and rx(t) = exp(-i t X / 2), ry and rz likewise."""
    for name in ("rx", "ry", "rz"):
        yield from probe.agrees(_between(op(name, 0, angles=["t"]), qubits=1), {"t": TURNS})
        yield from probe.agrees(_between(op(name, 0, angles=[1.1]), qubits=1))


@rule("ANGLES-2", qubits=2)
def two_qubit_rotations(probe: Probe) -> Iterator[Finding]:
    """rzz(t) = exp(-i t ZZ / 2), rxx and ryy likewise."""
    for name in ("rxx", "ryy", "rzz"):
        yield from probe.agrees(_between(op(name, 0, 1, angles=["t"]), qubits=2), {"t": TURNS})


@rule("ANGLES-3", qubits=2)
def beyond_a_full_turn(probe: Probe) -> Iterator[Finding]:
    """Angles beyond 2 pi mean what they say; controlled rotations have period 4 pi."""
    # Of an angle beyond a million 32 bits keep no digit that matters.
    values = np.concatenate([TURNS + 2 * pi, TURNS - 4 * pi, TURNS + 50 * pi, TURNS + 2**20 * pi])
    for name in ("crx", "cry", "crz"):
        yield from probe.agrees(_between(op(name, 0, 1, angles=["t"]), qubits=2), {"t": values})
        yield from probe.agrees(_between(op(name, 0, 1, angles=[1.1 + 2 * pi]), qubits=2))
    for name in ("rx", "rz", "p"):
        yield from probe.agrees(_between(op(name, 0, angles=["t"]), qubits=1), {"t": values})


@rule("ANGLES-4", qubits=2)
def digits_are_kept(probe: Probe) -> Iterator[Finding]:
    """Small angles and small digits of angles are kept."""
    # Many equal rotations, kept apart by a cz whose other qubit stays 0: an error of one of them counts as many times.
    # The angles make nearly whole or half turns, where the outcome is steepest. Noise allows for fewer.
    times, angles = (48, (0.0043, 0.2637, -1.30719)) if probe.exact else (13, (0.0043, 0.2437, -1.2145))
    for angle in angles:
        fixed = [op("ry", 0, angles=[angle]), op("cz", 0, 1)] * times
        yield from probe.agrees(Circuit(num_qubits=2, operations=[op("h", 0), *fixed], measured=[0]), shots=8192)
        free = [op("ry", 0, angles=["t"]), op("cz", 0, 1)] * times
        circuit = Circuit(num_qubits=2, operations=[op("h", 0), *free], measured=[0])
        yield from probe.agrees(circuit, {"t": angle + np.array([0.0, 0.0011, -0.0017])}, shots=8192)


@rule("ANGLES-5", qubits=2)
def phases_interfere(probe: Probe) -> Iterator[Finding]:
    """Phases of diagonal gates are seen by interference."""
    for gate in (op("p", 0, angles=["t"]), op("rz", 0, angles=["t"])):
        circuit = Circuit(num_qubits=1, operations=[op("h", 0), gate, op("sx", 0)], measured=[0])
        yield from probe.agrees(circuit, {"t": TURNS})
    for gate in (op("cp", 0, 1, angles=["t"]), op("crz", 0, 1, angles=["t"]), op("rzz", 0, 1, angles=["t"])):
        kicked = [op("h", 0), op("ry", 1, angles=[2.0]), gate, op("sx", 0), op("sx", 1)]
        yield from probe.agrees(Circuit(num_qubits=2, operations=kicked, measured=[0, 1]), {"t": TURNS})
    for name in ("s", "sdg", "t", "tdg", "z"):
        circuit = Circuit(num_qubits=1, operations=[op("h", 0), op(name, 0), op("rx", 0, angles=[1.0])], measured=[0])
        yield from probe.agrees(circuit)
