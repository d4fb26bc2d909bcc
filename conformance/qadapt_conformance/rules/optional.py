"""Optional: what a circuit can say today, and what can therefore be declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from qadapt import GATES, Circuit, CircuitError, Operation, op
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import EVERYWHERE, rule
from qadapt_conformance.rules.refusals import refused


def _circuit(operation: Operation, measured: Sequence[Sequence[int]] = ((0,),)) -> Circuit:
    return Circuit(num_qubits=1, operations=[operation], measured=measured)


def _undeclared(probe: Probe, capability: str, *names: str) -> Iterator[Finding]:
    """Whether a capability is closed, as long as no circuit can ask for it."""
    known = [name for name in names if name in GATES]
    yield fact(not known, f"operations {known} are in the gate table, and no rule looks at them")
    for name in names:
        yield refused(f"a circuit with {name}", partial(_circuit, op(name, 0)), CircuitError)
    declared = getattr(probe.capabilities, capability)
    yield fact(not declared, f"{capability} is declared, and no circuit can ask for it")


@rule("OPTION-1", covers=("mid_circuit_measurement",), tiers=EVERYWHERE)
def no_mid_circuit_measurement(probe: Probe) -> Iterator[Finding]:
    """Mid-circuit measurement is not declared: measurements end a circuit, and each qubit is measured once."""
    yield from _undeclared(probe, "mid_circuit_measurement", "measure")
    yield refused("a qubit that is measured twice", partial(_circuit, op("h", 0), [[0], [0]]), CircuitError)


@rule("OPTION-2", covers=("reset",), tiers=EVERYWHERE)
def no_reset(probe: Probe) -> Iterator[Finding]:
    """Reset is not declared: qubits begin in 0, and no operation brings one back there."""
    yield from _undeclared(probe, "reset", "reset")
