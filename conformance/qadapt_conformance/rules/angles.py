"""Angles: radians, signs, full turns and small digits.

Probabilities alone do not show the sign of a rotation or a phase, so every angle here stands between rotations about
other axes, which turn it into a probability.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import pi
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt import Bindings, Circuit, Operation, Target, Work, op
from qadapt_conformance.finding import Finding
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import rule

TURNS = np.array([-2.8, -1.3, -0.4, 0.3, 1.1, 2.2])

ROTATIONS = {"ry": (), "rx": (), "u3": (0.0, 0.0), "prx": (0.0,), "rphi": (0.0,)}
"""Native gates that turn by their first angle about an axis across z, and the other angles for it."""


FINE = (
    (96, (0.2645, -1.3055, 0.26), (0.26, -1.31, 0.26)),
    (48, (0.0095, -0.0092), (0.0, 0.0)),
    (20, (1.25, -1.1), (1.275, -1.122)),
    (480, (0.26449, -1.30551, 0.264), (0.264, -1.306, 0.264)),
)
"""How many turns by which angles, and what wrong angles they are told from: of two digits, dropped where small, too
large by 2 %, and of three digits. Rows on which both agree show the noise."""

Floats: TypeAlias = NDArray[np.float64]


def _between(*inner: Operation, qubits: int) -> Circuit:
    """Operations between generic rotations of every qubit, so that no sign and no phase of theirs is hidden."""
    before, after = [], []
    for qubit in range(qubits):
        before += [op("ry", qubit, angles=[0.9 + 0.4 * qubit]), op("rz", qubit, angles=[0.6 - 0.9 * qubit])]
        after += [op("rz", qubit, angles=[-0.7 + 0.5 * qubit]), op("ry", qubit, angles=[1.2 - 0.3 * qubit])]
    return Circuit(num_qubits=qubits, operations=[*before, *inner, *after], measured=list(range(qubits)))


def _repeated(target: Target, times: int) -> Circuit | None:
    """A turn of one qubit by ``s``, and many by ``t``, all in native gates; None if none of them takes any angle.

    An error of ``t`` counts as many times, and a compiler would have made one gate of them.
    """
    native = set(target.native) - set(target.ranges)
    for gate, others in ROTATIONS.items():
        if gate in native:
            qubit = _best(target, gate)
            first, turn = (op(gate, qubit, angles=[name, *others]) for name in "st")
            turns = [first, *[turn] * times]
            return Circuit(num_qubits=qubit + 1, operations=turns, measured=[qubit])
    if {"sx", "rz"} <= native:
        qubit = _best(target, "sx")
        first, turn = (op("rz", qubit, angles=[name]) for name in "st")
        turns = [first, *[turn] * times]
        return Circuit(num_qubits=qubit + 1, operations=[op("sx", qubit), *turns, op("sx", qubit)], measured=[qubit])
    return None


def _best(target: Target, gate: str) -> int:
    """The live qubit on which a gate has the smallest error."""
    sites = {qubit: target.site.get((gate, (qubit,))) for qubit in target.live_qubits}
    return min(sites, key=lambda qubit: (site.error or 0.0) if (site := sites[qubit]) else 0.0)


def _turned(probe: Probe, times: int, angles: Floats, start: Floats) -> Iterator[Finding]:
    """Compare a turn and many equal ones with the oracle, as they cross the seam."""
    circuit = _repeated(probe.target, times)
    if circuit is not None:
        values = Bindings.of({"s": start, "t": angles})
        yield from probe.work_agrees([Work(circuit, values, probe.shots(), probe.seed())])


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
    far = TURNS + 2**20 * pi
    values = np.concatenate([TURNS + 2 * pi, TURNS - 4 * pi, TURNS + 50 * pi, far])
    for name in ("crx", "cry", "crz"):
        yield from probe.agrees(_between(op(name, 0, 1, angles=["t"]), qubits=2), {"t": values})
        yield from probe.agrees(_between(op(name, 0, 1, angles=[1.1 + 2 * pi]), qubits=2))
    for name in ("rx", "rz", "p"):
        yield from probe.agrees(_between(op(name, 0, angles=["t"]), qubits=1), {"t": values})
    yield from _turned(probe, 4, far, np.full(len(far), pi / 2))  # a compiler may have folded the others


@rule("ANGLES-4", qubits=2)
def digits_are_kept(probe: Probe) -> Iterator[Finding]:
    """Small angles and small digits of angles are kept."""
    for times, right, wrong in FINE:
        # They end on different sides of a quarter turn, where the outcome is steepest; equal ones after half a turn.
        angles = np.array(right)
        end = np.where(angles == wrong, pi, pi / 2)
        yield from _turned(probe, times, angles, (end - times * (angles + wrong) / 2) % (2 * pi))
    if not probe.exact:
        return
    # The same on the way of users, kept apart by a cz whose other qubit stays 0.
    for angle in (0.0043, 0.2637, -1.30719):
        fixed = [op("ry", 0, angles=[angle]), op("cz", 0, 1)] * 48
        yield from probe.agrees(Circuit(num_qubits=2, operations=[op("h", 0), *fixed], measured=[0]), shots=8192)
        free = [op("ry", 0, angles=["t"]), op("cz", 0, 1)] * 48
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
