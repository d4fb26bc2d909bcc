"""Prediction: what a target's calibration lets one expect of a native circuit, before it runs.

A calibrated gate error ``e`` is one minus the average gate fidelity. The process infidelity of a gate on a space of
dimension ``d`` is ``e (d + 1) / d`` (M. A. Nielsen, Phys. Lett. A 303, 249 (2002)): 1.25 e for two qubits and 1.5 e for
one. Process fidelities of gates that follow one another multiply as far as their errors do not interfere, so

    F = prod (1 - 1.25 e) over entangling gates * prod (1 - 1.5 e) over one-qubit gates,

and reading every measured qubit right has the probability ``prod (1 - readout error)``. Idle qubits and crosstalk are
in no calibration and not in the prediction. For 14 CZ on three qubits of the bundled Herons, F is within 0.003 of the
process fidelity of the emulator's channel. It is too high where a calibration contradicts itself: where qubits relax
more during a gate than the gate's error allows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod

from qadapt.circuit import Circuit, Operation
from qadapt.errors import TargetError
from qadapt.gates import GATES
from qadapt.target import Site, Target


@dataclass(frozen=True)
class Part:
    """What is expected of qubits that gates or a register connect; a tile of a packed circuit is one.

    Attributes:
        qubits: Physical qubits, sorted.
        process: Process fidelity of the gates on them.
        readout: Probability that all of them that are measured are read right.
    """

    qubits: tuple[int, ...]
    process: float
    readout: float


@dataclass(frozen=True)
class Prediction:
    """What is expected of a native circuit.

    Attributes:
        parts: Its independent parts, in the order of their first qubits; qubits without a gate that are not measured
            are in none.
        gates: How many gates it has of each name.
        entangling: Gates on two or more qubits.
        pulses: One-qubit gates, those about z left out that cost neither time nor fidelity.
        depth: Longest chain of gates that follow one another on shared qubits.
        entangling_depth: The same for entangling gates alone.
        duration: Longest chain of gates in seconds, fences waited for, readout left out; None where the target does not
            give the duration of a gate.
        uncalibrated: Gates whose error the target does not know; they count as perfect.
    """

    parts: tuple[Part, ...]
    gates: Mapping[str, int]
    entangling: int
    pulses: int
    depth: int
    entangling_depth: int
    duration: float | None
    uncalibrated: int

    @property
    def process(self) -> float:
        """Process fidelity of the whole circuit."""
        return prod(part.process for part in self.parts)

    @property
    def readout(self) -> float:
        """Probability that every measured qubit is read right."""
        return prod(part.readout for part in self.parts)


def process_fidelity(error: float, num_qubits: int) -> float:
    """Process fidelity of a gate from its average gate error; 0 where the error is so large that it would be less."""
    dimension = 1 << num_qubits
    return max(0.0, 1 - error * (dimension + 1) / dimension)


def predict(circuit: Circuit, target: Target) -> Prediction:
    """Predict how well a native circuit runs on a target.

    Args:
        circuit: Native gates on physical qubits, packed or not; its parameters need no values.
        target: The machine. A gate whose sites it does not list is perfect, as the target says; one that is listed
            with an unknown error is counted in ``uncalibrated``.

    Raises:
        TargetError: The circuit has gates or qubits that the target does not have.
    """
    wrong = [
        f"{name} on {qubits}"
        for name, qubits in dict.fromkeys((operation.gate, operation.qubits) for operation in circuit.gates())
        if name not in target.native
        or max(qubits) >= target.num_qubits
        or (name in target.sites and _site(target, name, qubits) is None)
    ]
    wrong += [f"measured qubit {qubit}" for qubit in circuit.bits if qubit >= target.num_qubits]
    if wrong:
        raise TargetError(f"nothing can be predicted: the circuit does not fit {target.name}", violations=wrong)
    gates = tuple(circuit.gates())
    entangling = [operation for operation in gates if len(operation.qubits) > 1]
    return Prediction(
        parts=_parts(circuit, target),
        gates=dict(sorted(Counter(operation.gate for operation in gates).items())),
        entangling=len(entangling),
        pulses=sum(len(operation.qubits) == 1 and not virtual(target, operation) for operation in gates),
        depth=round(_longest(gates, lambda _: 1)),
        entangling_depth=round(_longest(entangling, lambda _: 1)),
        duration=_duration(circuit, target),
        uncalibrated=sum(_unknown(target, operation) for operation in gates),
    )


def depth(circuit: Circuit) -> int:
    """Longest chain of gates that follow one another on shared qubits; fences are not counted."""
    return round(_longest(circuit.gates(), lambda _: 1))


def virtual(target: Target, operation: Operation) -> bool:
    """Whether a gate is a turn about z that the machine keeps count of instead of executing."""
    site = _site(target, operation.gate, operation.qubits)
    return GATES[operation.gate].axis == "z" and (site is None or not (site.error or site.duration))


def _site(target: Target, name: str, qubits: tuple[int, ...]) -> Site | None:
    return target.site.get((name, qubits)) or target.site.get((name, qubits[::-1]))


def _unknown(target: Target, operation: Operation) -> bool:
    site = _site(target, operation.gate, operation.qubits)
    return site is not None and site.error is None and not virtual(target, operation)


def _parts(circuit: Circuit, target: Target) -> tuple[Part, ...]:
    """Split the qubits by gates and registers, and multiply up what happens in each part."""
    root = {qubit: qubit for operation in circuit.gates() for qubit in operation.qubits}
    root |= {qubit: qubit for qubit in circuit.bits}

    def find(qubit: int) -> int:
        while root[qubit] != qubit:
            root[qubit] = qubit = root[root[qubit]]
        return qubit

    for joined in (*(operation.qubits for operation in circuit.gates()), *circuit.measured):
        for qubit in joined[1:]:
            low, high = sorted((find(joined[0]), find(qubit)))
            root[high] = low
    process = {find(qubit): 1.0 for qubit in sorted(root)}
    readout = dict(process)
    for operation in circuit.gates():
        error = target.gate_error(operation.gate, operation.qubits)
        process[find(operation.qubits[0])] *= process_fidelity(error, len(operation.qubits))
    for qubit in circuit.bits:
        readout[find(qubit)] *= 1 - target.readout_error(qubit)
    members: dict[int, list[int]] = {home: [] for home in process}
    for qubit in sorted(root):
        members[find(qubit)].append(qubit)
    return tuple(Part(tuple(qubits), process[home], readout[home]) for home, qubits in members.items())


def _duration(circuit: Circuit, target: Target) -> float | None:
    """Longest chain in seconds; a fence makes its qubits wait for one another."""
    seconds: dict[tuple[str, tuple[int, ...]], float] = {}
    for operation in circuit.gates():
        site = _site(target, operation.gate, operation.qubits)
        known = 0.0 if virtual(target, operation) else site.duration if site else None
        if known is None:
            return None
        seconds[operation.gate, operation.qubits] = known
    return _longest(circuit.operations, lambda operation: seconds.get((operation.gate, operation.qubits), 0.0))


def _longest(operations: Iterable[Operation], weigh: Callable[[Operation], float]) -> float:
    """Largest sum of weights along a chain of operations that follow one another on shared qubits."""
    ends: dict[int, float] = {}
    for operation in operations:
        end = weigh(operation) + max((ends.get(qubit, 0.0) for qubit in operation.qubits), default=0.0)
        ends |= dict.fromkeys(operation.qubits, end)
    return max(ends.values(), default=0.0)
