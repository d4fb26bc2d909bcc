"""Bits: which bit of an outcome answers which qubit."""

from __future__ import annotations

from collections.abc import Iterator
from math import asin, sqrt

from qadapt import Circuit, CircuitError, Operation, op
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import SUBMITTING, rule

ODDS = (0.15, 0.35, 0.6, 0.85, 0.27)
"""Probability of a one, qubit by qubit: all different, so that no exchange of two qubits goes unseen."""


def biased(qubits: int) -> list[Operation]:
    """One rotation per qubit that makes a one as likely as ``ODDS`` says."""
    return [op("ry", qubit, angles=[2 * asin(sqrt(ODDS[qubit]))]) for qubit in range(qubits)]


@rule("BITS-1", qubits=4, tiers=SUBMITTING)
def outcomes_are_integers(probe: Probe) -> Iterator[Finding]:
    """A register's outcome is an integer whose bit k is the k-th measured qubit."""
    for qubit in range(4):
        yield from probe.agrees(Circuit(num_qubits=4, operations=[op("x", qubit)], measured=[0, 1, 2, 3]), shots=100)
    yield from probe.agrees(Circuit(num_qubits=4, operations=biased(4), measured=[0, 1, 2, 3]))


@rule("BITS-2", qubits=3)
def amplitude_index(probe: Probe) -> Iterator[Finding]:
    """Amplitude index i has qubit k in bit k, through entangling gates too."""
    yield from probe.agrees(Circuit(num_qubits=2, operations=[*biased(2), op("cx", 1, 0)], measured=[0, 1]))
    operations = [*biased(3), op("cx", 0, 1), op("ry", 1, angles=[0.8]), op("cx", 2, 0), op("crx", 1, 2, angles=[1.9])]
    yield from probe.agrees(Circuit(num_qubits=3, operations=operations, measured=[0, 1, 2]))


@rule("BITS-3", qubits=5)
def idle_qubits_count(probe: Probe) -> Iterator[Finding]:
    """Qubits without a gate keep their place and read 0."""
    for qubit in (3, 0, 4):
        circuit = Circuit(num_qubits=5, operations=[op("x", qubit)], measured=[0, 1, 2, 3, 4])
        yield from probe.agrees(circuit, shots=100)
    yield from probe.agrees(Circuit(num_qubits=5, operations=[op("x", 3)], measured=[1, 3]), shots=100)
    yield from probe.agrees(Circuit(num_qubits=5, measured=[4, 2]), shots=100)


@rule("BITS-4", qubits=4, tiers=SUBMITTING)
def permuted_measurement(probe: Probe) -> Iterator[Finding]:
    """The order of the measured qubits is the order of the bits."""
    for order in ([2, 0, 3, 1], [3, 2, 1, 0], [1, 2, 3, 0]):
        yield from probe.agrees(Circuit(num_qubits=4, operations=biased(4), measured=order))


@rule("BITS-5", qubits=4)
def measured_subset(probe: Probe) -> Iterator[Finding]:
    """Measuring some of the qubits gives their marginal distribution, whatever the others do."""
    operations = [*biased(4), op("cx", 3, 0), op("ry", 0, angles=[0.7]), op("cx", 2, 1)]
    for measured in ([3, 1], [0], [1, 2, 0]):
        yield from probe.agrees(Circuit(num_qubits=4, operations=operations, measured=measured))


@rule("BITS-6", qubits=6)
def more_than_ten_bits(probe: Probe) -> Iterator[Finding]:
    """Bits and qubits are numbers, also from the tenth on."""
    wide = min(12, len(probe.target.live_qubits))
    for ones in ([2, wide - 2], [1, wide - 1], [wide - 2, wide - 1]):
        operations = [op("x", qubit) for qubit in ones]
        circuit = Circuit(num_qubits=wide, operations=operations, measured=list(range(wide)))
        yield from probe.agrees(circuit, shots=100)


@rule("BITS-7", qubits=5)
def registers_kept_apart(probe: Probe) -> Iterator[Finding]:
    """Every register has a table of its own, in the order of the circuit, of at most 20 bits."""
    operations = [*biased(5), op("cx", 0, 4)]
    for registers in ([[2], [3, 0], [1]], [[4, 2, 0], [1, 3]]):
        yield from probe.agrees(Circuit(num_qubits=5, operations=operations, measured=registers))
    try:
        Circuit(num_qubits=21, measured=list(range(21)))
    except CircuitError:
        refused = True
    else:
        refused = False
    yield fact(refused, "a register of 21 bits is refused with CircuitError")
