"""Properties: what a device says about itself, to a target, limits and a price. Labels become our qubits here alone.

The document is the JSON of the device's capabilities as the service sends it. Fidelities are average gate fidelities.
Where a qubit has both, the one of simultaneous benchmarking counts: packed circuits use all qubits at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qadapt.errors import TargetError
from qadapt.target import Qubit, Site, Target
from qadapt_braket.cost import Price
from qadapt_braket.limits import Limits, ProgramSetLimits

PROGRAM, PROGRAM_SET = "braket.ir.openqasm.program", "braket.ir.openqasm.program_set"

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_ONE_QUBIT = ("SIMULTANEOUS_RANDOMIZED_BENCHMARKING", "RANDOMIZED_BENCHMARKING")


@dataclass(frozen=True)
class Device:
    """A device in our terms.

    Attributes:
        target: The machine; its qubit *i* is the device's qubit ``labels[i]``.
        labels: The device's label of each qubit, ascending. IQM counts from 1.
        as_rx: Its native quarter and half turns are written as rx.
        limits: What one task may hold.
        price: What it costs.
        windows: When it executes tasks, for people; tasks may be sent at any time.
        document: The capabilities, as the device sent them.
    """

    target: Target
    labels: tuple[int, ...]
    as_rx: bool
    limits: Limits
    price: Price
    windows: tuple[str, ...]
    document: str


def read(document: Mapping[str, Any], *, name: str, source: str, text: str, sample: bool = False) -> Device:
    """Read the capabilities of a gate-model machine.

    Args:
        document: The capabilities.
        name: Name of the target.
        source: Where they come from, for people.
        text: The document as it came.
        sample: Whether the numbers are a sample rather than one machine's calibration.

    Raises:
        TargetError: It is no gate-model machine, has no verbatim boxes, or its native gates cannot be compiled to.
    """
    try:
        return _device(document, name=name, source=source, text=text, sample=sample)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"the properties of {name} cannot be read: {type(error).__name__}: {error}"
        raise TargetError(message, hint="a newer qadapt-braket may know them") from error


def _device(document: Mapping[str, Any], *, name: str, source: str, text: str, sample: bool) -> Device:
    paradigm, action, service = document.get("paradigm"), document["action"], document["service"]
    if not paradigm or "nativeGateSet" not in paradigm or PROGRAM not in action:
        raise TargetError(f"{name} is not a gate-model machine with native gates")
    if "verbatim" not in (action[PROGRAM].get("supportedPragmas") or ()):
        raise TargetError(f"{name} takes no verbatim boxes, so AWS would rewrite the circuit")
    as_rx, native = _native(paradigm["nativeGateSet"], name)
    calibration = document.get("standardized") or {}
    graph = paradigm["connectivity"]
    labels = _labels(graph, calibration, int(paradigm["qubitCount"]))
    updated = service.get("updatedAt")
    calibrated = None if updated is None else datetime.fromisoformat(updated)
    if calibrated is not None and calibrated.tzinfo is None:
        calibrated = calibrated.replace(tzinfo=UTC)
    target = Target(
        name=name,
        num_qubits=len(labels),
        native=native,
        sites=_sites(native, graph, calibration, labels),
        qubits=_qubits(calibration, labels),
        calibrated=calibrated,
        sample=sample,
        source=source,
    )
    when = f"deviceCost of its properties, {calibrated.date().isoformat() if calibrated else 'without a date'}"
    return Device(target, labels, as_rx, _limits(action, service), _price(service, when), _windows(service), text)


def _native(gates: Sequence[str], name: str) -> tuple[bool, tuple[str, ...]]:
    """Native gates in our words that qadapt compiles to; rx, native at quarter and half turns only, is sx and x."""
    has = {gate.lower() for gate in gates}
    if {"cz", "prx"} <= has:
        return False, ("prx", "cz")
    if {"cz", "rx", "rz"} <= has:
        return True, ("sx", "x", "rz", "cz")
    raise TargetError(
        f"cannot compile to the native gates of {name}: {', '.join(gates)}", hint="known sets: cz, prx; cz, rx, rz"
    )


def _labels(graph: Mapping[str, Any], calibration: Mapping[str, Any], count: int) -> tuple[int, ...]:
    found = {int(label) for label in calibration.get("oneQubitProperties") or ()}
    for label, others in (graph.get("connectivityGraph") or {}).items():
        found |= {int(label), *map(int, others)}
    return tuple(sorted(found)) or tuple(range(count))


def _sites(
    native: Sequence[str], graph: Mapping[str, Any], calibration: Mapping[str, Any], labels: Sequence[int]
) -> dict[str, tuple[Site, ...]]:
    """Sites of every native gate: one-qubit gates where there is a fidelity, cz on every coupler."""
    ours = {label: qubit for qubit, label in enumerate(labels)}
    single = {
        ours[int(label)]: error
        for label, item in (calibration.get("oneQubitProperties") or {}).items()
        if (error := _error(item["oneQubitFidelity"], _ONE_QUBIT)) is not None
    }
    sites = {gate: tuple(Site(qubits=(q,), error=error) for q, error in sorted(single.items())) for gate in native[:-1]}
    # An rz is a change of frame; it takes no time and has no error of its own.
    sites |= {"rz": tuple(Site(qubits=(q,), error=0.0) for q in sorted(single))} if "rz" in native else {}
    if not single:
        sites = {}
    if graph.get("fullyConnected") and not graph.get("connectivityGraph"):
        pairs = {(first, second) for second in labels for first in labels if first < second}
    else:
        listed = graph["connectivityGraph"]
        pairs = {_pair(int(first), int(second)) for first, others in listed.items() for second in others}
    double = {
        _pair(*map(int, edge.split("-"))): item for edge, item in calibration.get("twoQubitProperties", {}).items()
    }
    sites["cz"] = tuple(
        Site(qubits=(ours[pair[0]], ours[pair[1]]), error=_gate_error(double.get(pair), "cz")) for pair in sorted(pairs)
    )
    return sites


def _pair(first: int, second: int) -> tuple[int, int]:
    return min(first, second), max(first, second)


def _error(fidelities: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> float | None:
    """One minus the fidelity of the first kind that is there."""
    found = {item["fidelityType"]["name"].upper(): float(item["fidelity"]) for item in fidelities}
    return next((round(1 - found[kind], 12) for kind in kinds if kind in found), None)


def _gate_error(item: Mapping[str, Any] | None, gate: str) -> float | None:
    fidelities = [] if item is None else item["twoQubitGateFidelity"]
    found = [float(entry["fidelity"]) for entry in fidelities if entry["gateName"].lower() == gate]
    return round(1 - max(found), 12) if found else None


def _qubits(calibration: Mapping[str, Any], labels: Sequence[int]) -> tuple[Qubit, ...]:
    """Relaxation times and readout; empty where nothing is known. Readout fidelity is the mean over both states."""
    known = calibration.get("oneQubitProperties") or {}
    if not known:
        return ()
    qubits = []
    for label in labels:
        item = known.get(str(label))
        if item is None:
            qubits.append(Qubit())
            continue
        wrong = _error(item["oneQubitFidelity"], ("READOUT",)) or 0.0
        times = {ours: _seconds(item.get(theirs)) for ours, theirs in (("t1", "T1"), ("t2", "T2"))}
        qubits.append(Qubit(prob_meas1_prep0=wrong, prob_meas0_prep1=wrong, **times))
    return tuple(qubits)


def _seconds(time: Mapping[str, Any] | None) -> float | None:
    unit = None if time is None else _SECONDS.get(str(time["unit"]).lower())
    return None if time is None or unit is None or time["value"] is None else float(time["value"]) * unit


def _limits(action: Mapping[str, Any], service: Mapping[str, Any]) -> Limits:
    least, most = (int(shots) for shots in service["shotsRange"])
    sets = action.get(PROGRAM_SET)
    if sets is None or not sets["maximumExecutables"]:
        return Limits(max(1, least), most, None)
    total = sets.get("minimumTotalShots") or 1
    return Limits(
        max(1, least),
        most,
        ProgramSetLimits(int(sets["maximumExecutables"]), int(total), int(sets["maximumTotalShots"])),
    )


def _price(service: Mapping[str, Any], source: str) -> Price:
    cost = service.get("deviceCost")
    if cost is None:
        return Price(None, "the device names none")
    if str(cost["unit"]).lower() != "shot":
        return Price(None, f"the device charges by {cost['unit']}")
    return Price(float(cost["price"]), source)


def _windows(service: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{window['executionDay']} {window['windowStartHour']} to {window['windowEndHour']} UTC"
        for window in service.get("executionWindows") or ()
    )
