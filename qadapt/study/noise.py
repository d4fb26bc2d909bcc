"""Noise: a machine with all its errors larger or smaller, or without some of them."""

from __future__ import annotations

from collections.abc import Collection
from math import nextafter, pi

from qadapt.circuit import Circuit, Operation
from qadapt.errors import NotSupportedError
from qadapt.gates import GATES
from qadapt.study.grid import Source
from qadapt.target import DEAD, Qubit, Site, Target

LARGEST = nextafter(DEAD, 0.0)
"""Largest error that scaling makes: what works still works, so that circuits and tiles are those of the machine."""


def scaled(target: Target, scale: float, off: Collection[Source] = ()) -> Target:
    """A machine whose errors are multiplied by a factor.

    Gate and readout errors are multiplied, at most to ``LARGEST``; so is the time that qubits relax during a gate. What
    is dead stays as it is.

    Args:
        target: The machine.
        scale: The factor; 0 for a machine without errors.
        off: Sources whose factor is 0: ``entangling``, ``single`` (one-qubit gates) and ``readout``. Others are no
            matter of the machine.
    """
    factors = {source: 0.0 if source in off else scale for source in ("entangling", "single", "readout")}
    sites = {
        name: tuple(_site(site, factors["entangling" if GATES[name].qubits > 1 else "single"]) for site in each)
        for name, each in target.sites.items()
    }
    qubits = tuple(_qubit(qubit, factors["readout"]) for qubit in target.qubits)
    fields = {field: getattr(target, field) for field in Target.model_fields}
    return Target(**fields | {"sites": sites, "qubits": qubits})


def quiet_preparation(circuit: Circuit, target: Target) -> Circuit:
    """The same circuit with gates in front of the first fence of each qubit written as equal ones without errors.

    A gate for which a target has no calibration is ideal to the simulator, so ``cz`` becomes ``cp`` of a half turn and
    pulses become ``prx``; up to a global phase nothing else changes. One-qubit gates that the compiler has merged
    across the fence count as what it took them for.

    Raises:
        NotSupportedError: A gate has no such equal.
    """
    behind: set[int] = set()
    operations = []
    for operation in circuit.operations:
        if operation.is_fence:
            behind.update(operation.qubits)
        elif behind.isdisjoint(operation.qubits) and operation.gate in target.sites:
            operation = _quiet(operation, target)
        operations.append(operation)
    return Circuit(num_qubits=circuit.num_qubits, operations=operations, measured=circuit.measured)


def _site(site: Site, factor: float) -> Site:
    if site.error is not None and site.error >= DEAD:
        return site
    error = None if site.error is None else min(site.error * factor, LARGEST)
    duration = site.duration * factor if site.duration and factor else None
    return Site(qubits=site.qubits, error=error, duration=duration)


def _qubit(qubit: Qubit, factor: float) -> Qubit:
    up, down = (
        each if each >= DEAD else min(each * factor, LARGEST)
        for each in (qubit.prob_meas1_prep0, qubit.prob_meas0_prep1)
    )
    return Qubit(t1=qubit.t1, t2=qubit.t2, prob_meas1_prep0=up, prob_meas0_prep1=down)


def _quiet(operation: Operation, target: Target) -> Operation:
    name, angles = operation.gate, operation.angles
    equal = {
        "cz": ("cp", (pi,)),
        "sx": ("prx", (pi / 2, 0.0)),
        "x": ("prx", (pi, 0.0)),
        "rx": ("prx", (*angles, 0.0)),
        "rphi": ("prx", angles),
    }.get(name)
    if equal is None or equal[0] in target.sites:
        raise NotSupportedError(f"{name} of {target.name} has no equal without errors", capability="parts")
    return Operation(gate=equal[0], qubits=operation.qubits, angles=equal[1])
