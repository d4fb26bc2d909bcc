"""Limits: what one job may hold by IBM's published rules, checked before anything is sent.

The rules are those of https://quantum.cloud.ibm.com/docs/guides/job-limits, from a copy without a date, read in
November 2026. IBM publishes no limit of the size of a job in bytes, so none is checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from qadapt.circuit import Circuit
from qadapt.errors import NotSupportedError
from qadapt.gates import FENCE
from qadapt.provider import Work
from qadapt_ibm.options import Options

MAX_EXECUTIONS = 10_000_000
"""Rows times shots of one job."""

MAX_INSTRUCTIONS = 26_800_000
"""Instructions of the control system for one qubit in one job."""

MAX_ENTANGLING = 5_000_000
"""Two-qubit gates of one circuit."""

INSTRUCTIONS: Mapping[str, int] = MappingProxyType({"rz": 1, "sx": 2, "x": 2, "cz": 5, "measure": 10, "init": 50})
"""Instructions of the control system for each operation. IBM gives none for fractional gates: rx counts as sx, rzz as
cz."""

_ALIKE = {"rx": "sx", "rzz": "cz"}
_PULSES = {None: 0, "XX": 2, "XpXm": 2, "XY4": 4}


def instructions(circuit: Circuit, options: Options) -> int:
    """Instructions of one execution of a circuit on its busiest qubit.

    Dynamical decoupling adds a sequence of pulses, each after a delay of one instruction, wherever a qubit idles; here
    before and after every operation, which is an upper bound.
    """
    counts: Counter[int] = Counter()
    steps: Counter[int] = Counter()
    for operation in circuit.operations:
        for qubit in operation.qubits:
            steps[qubit] += 1
            if operation.gate != FENCE:
                counts[qubit] += INSTRUCTIONS[_ALIKE.get(operation.gate, operation.gate)]
    for qubit in circuit.bits:
        counts[qubit] += INSTRUCTIONS["measure"]
    pulses = _PULSES[options.dynamical_decoupling]
    window = pulses * INSTRUCTIONS["x"] + pulses + 1 if pulses else 0
    init = INSTRUCTIONS["init"] if options.init_qubits else 0
    return max(init + counts[qubit] + window * (steps[qubit] + 1) for qubit in counts)


def most_rows(circuit: Circuit, shots: int, options: Options, max_rows: int) -> int:
    """Most rows of a circuit that one job may hold, at least 1."""
    per_row = instructions(circuit, options) * options.circuits(shots)
    return max(1, min(max_rows, MAX_EXECUTIONS // shots, MAX_INSTRUCTIONS // per_row))


def check_job(works: Sequence[Work], options: Options) -> None:
    """Refuse works that do not fit into one job.

    Raises:
        NotSupportedError: Works of different shots, shots that the randomizations do not divide, or more instructions
            or gates than a job may hold.
    """
    if len(shots := {work.shots for work in works}) > 1:
        raise NotSupportedError(
            f"works of {sorted(shots)} shots in one submit, IBM's Sampler takes one number",
            capability="mixed_shots",
            hint="submit works of equal shots together",
        )
    (number,) = shots
    circuits = options.circuits(number)
    if number % circuits:
        raise NotSupportedError(
            f"{number} shots cannot be shared by {circuits} randomizations",
            capability="randomizations",
            hint="choose a divisor of the shots, or leave the number to qadapt",
        )
    # IBM says that this limit is one of the job, and does not say whether rows count once or each; here each does.
    needed = sum(instructions(work.circuit, options) * work.bindings.rows * circuits for work in works)
    if needed > MAX_INSTRUCTIONS:
        raise NotSupportedError(
            f"{needed} control instructions on one qubit, a job may hold {MAX_INSTRUCTIONS}",
            capability="max_instructions",
            hint="submit fewer rows at once",
        )
    entangling = max(sum(len(gate.qubits) == 2 for gate in work.circuit.gates()) for work in works)
    if entangling > MAX_ENTANGLING:
        raise NotSupportedError(
            f"{entangling} two-qubit gates in a circuit, at most {MAX_ENTANGLING}", capability="max_entangling"
        )
