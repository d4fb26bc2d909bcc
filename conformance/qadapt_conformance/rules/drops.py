"""Drops: what a backend cannot carry it refuses and names, and what it accepts it carries out whole."""

from __future__ import annotations

from collections.abc import Iterator

from qadapt import GATES, Bindings, Circuit, TargetError, Work, op
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import SUBMITTING, rule
from qadapt_conformance.rules.refusals import Door, answer, refused


@rule("DROP-1", tiers=SUBMITTING)
def foreign_gates(probe: Probe) -> Iterator[Finding]:
    """A gate that the backend does not have is refused by name, and all of them at once."""
    door, native = Door(probe), set(probe.target.native)
    foreign = [gate for gate in GATES.values() if gate.name not in native]
    operations = [op(gate.name, *range(gate.qubits), angles=[0.1] * len(gate.parameters)) for gate in foreign]
    for operation in operations:
        circuit = Circuit(num_qubits=3, operations=[operation], measured=[0])
        work = Work(circuit, Bindings.of({}), probe.shots(10))
        yield refused(f"{operation.gate}, not native,", door.submit(work), TargetError)
    if foreign:
        every = Circuit(num_qubits=3, operations=operations, measured=[0])
        listed = " ".join(getattr(answer(door.submit(Work(every, Bindings.of({}), probe.shots(10)))), "violations", ()))
        unnamed = [gate.name for gate in foreign if f"{gate.name} " not in f"{listed} "]
        yield fact(not unnamed, f"refused without being named: {unnamed}")
    yield from door.still_free()


EVERY_ONE_COUNTS = (
    op("h", 0),
    op("ry", 1, angles=[1.0]),
    op("ry", 2, angles=[2.0]),
    op("t", 0),
    op("rz", 1, angles=[0.9]),
    op("cz", 0, 1),
    op("p", 1, angles=[-1.2]),
    op("crz", 1, 2, angles=[1.7]),
    op("rx", 2, angles=[0.8]),
    op("fence", 0, 1, 2),
    op("cp", 2, 0, angles=[1.4]),
    op("rzz", 0, 1, angles=[0.7]),
    op("s", 0),
    op("x", 1),
    op("ry", 0, angles=[1.1]),
    op("sx", 1),
    op("rz", 2, angles=[0.8]),
    op("ry", 2, angles=[0.9]),
)
"""A circuit from which no gate can be left out without changing the outcome by more than shots would."""


@rule("DROP-2", qubits=3)
def every_operation_acts(probe: Probe) -> Iterator[Finding]:
    """No operation is left out: not a diagonal one, not the first, not the last."""
    yield from probe.agrees(Circuit(num_qubits=1, operations=[op("x", 0)], measured=[0]), shots=100)
    yield from probe.agrees(Circuit(num_qubits=3, operations=EVERY_ONE_COUNTS, measured=[0, 1, 2]), shots=8192)
