"""Cost: QPU time by IBM's published formula.

``2 s + (rep_delay + circuit length) * executions`` for every job, where the circuit length includes the reset before it
(https://quantum.cloud.ibm.com/docs/guides/estimate-job-run-time, a copy without a date, read in November 2026). IBM
calls it an approximation: a job that is cut into parts takes the 2 s for each, and error suppression makes circuits
longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qadapt.circuit import Circuit
from qadapt.cost import Cost
from qadapt.gates import FENCE
from qadapt.provider import Work
from qadapt.target import Target
from qadapt_ibm.options import Options

if TYPE_CHECKING:
    from qiskit_ibm_runtime import IBMBackend

OVERHEAD = 2.0
"""Seconds of every job before its first shot."""

DEFAULT_REP_DELAY = 250e-6
"""Seconds between two shots where neither user nor machine say; IBM's default on most machines."""

RULE = (
    "IBM QPU time: 2 s per job + (rep_delay + circuit length) per execution "
    "(quantum.cloud.ibm.com/docs/guides/estimate-job-run-time, undated copy, read 2026-11)"
)
SESSION = (
    "IBM sessions are charged from their first job until they are closed, which does not follow from the jobs: no "
    "estimate (quantum.cloud.ibm.com/docs/guides/estimate-job-run-time, undated copy, read 2026-11)"
)
PRICE = "price of a minute as given in the options"


@dataclass(frozen=True)
class Timing:
    """Durations in seconds that a target does not hold.

    Attributes:
        measure: Measurement of each qubit; a qubit that is not there is measured in no time.
        reset: Reset of a qubit.
        rep_delay: The machine's own delay between two shots.
    """

    measure: Mapping[int, float]
    reset: float = 0.0
    rep_delay: float = DEFAULT_REP_DELAY


def timing(machine: IBMBackend) -> Timing:
    """Durations of a machine of the service, as far as it lists them."""
    listed = machine.target
    found = {
        name: {qubits[0]: item.duration for qubits, item in listed[name].items() if item is not None and item.duration}
        for name in ("measure", "reset")
        if name in listed.operation_names
    }
    # Configurations name the delay in microseconds; the client turns that into seconds.
    own = getattr(machine, "default_rep_delay", None)
    return Timing(
        found.get("measure", {}),
        max(found.get("reset", {}).values(), default=0.0),
        DEFAULT_REP_DELAY if own is None else float(own),
    )


def length(circuit: Circuit, target: Target, timing: Timing) -> float:
    """Seconds from the first gate to the last measurement, everything as early as possible."""
    busy: dict[int, float] = {}
    for operation in circuit.operations:
        start = max(busy.get(qubit, 0.0) for qubit in operation.qubits)
        end = start + (0.0 if operation.gate == FENCE else _duration(target, operation.gate, operation.qubits))
        busy.update(dict.fromkeys(operation.qubits, end))
    return max(busy.get(qubit, 0.0) + timing.measure.get(qubit, 0.0) for qubit in circuit.bits)


def _duration(target: Target, gate: str, qubits: tuple[int, ...]) -> float:
    site = target.site.get((gate, qubits)) or target.site.get((gate, qubits[::-1]))
    return (site.duration or 0.0) if site else 0.0


def cost(works: Sequence[Work], target: Target, timing: Timing, options: Options) -> Cost:
    """Estimate of one job; in a session of its executions alone."""
    executions = [work.bindings.rows * work.shots for work in works]
    if options.mode == "session":
        return Cost(shots=sum(executions), rules=(SESSION,))
    delay = timing.rep_delay if options.rep_delay is None else options.rep_delay
    start = timing.reset if options.init_qubits else 0.0
    seconds = OVERHEAD + sum(
        number * (delay + start + length(work.circuit, target, timing))
        for number, work in zip(executions, works, strict=True)
    )
    price = options.dollars_per_minute
    rules = (RULE,) if price is None else (RULE, PRICE)
    dollars = None if price is None else price * seconds / 60
    return Cost(shots=sum(executions), seconds=seconds, dollars=dollars, rules=rules)
