"""Chip: Origin's chip information as a target."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from qadapt.errors import TargetError
from qadapt.target import Qubit, Site, Target

MICRO, NANO = 1e-6, 1e-9
"""Units of relaxation times and of gate durations, in seconds."""

_NATIVE = {"RPHI": "rphi", "CZ": "cz"}
"""Origin's native gates in upper case, and ours; RPhi(theta, phi) takes the same angles as rphi."""


def target(info: Any, name: str) -> Target:
    """Read chip information.

    Qubits that are not available have no sites, so they are dead. Couplers of fidelity 0 are left out, and so are those
    of missing qubits, which Origin lists all the same; of two entries for one coupler the worse counts. The one readout
    fidelity of a qubit is taken for both outcomes. Times are in microseconds (T1, T2) and nanoseconds (gates).

    Args:
        info: pyQPanda3's ``ChipInfo``.
        name: Name of the target.

    Raises:
        TargetError: The chip has other native gates than RPhi and CZ.
    """
    gates = {str(gate).upper() for gate in info.get_basic_gates()}
    if not _NATIVE.keys() <= gates:
        raise TargetError(
            f"{name} has the native gates {', '.join(sorted(gates)) or 'none'}, qadapt needs RPhi and CZ",
            hint="superconducting chips have them",
        )
    size = int(info.qubits_num())
    params = {_number(item.get_qubit_id()): item for item in info.single_qubit_info()}
    available = {int(qubit) for qubit in info.available_qubits() if 0 <= qubit < size} & params.keys()
    return Target(
        name=name,
        num_qubits=size,
        native=tuple(sorted(_NATIVE.values())),
        sites={
            "cz": tuple(_couplers(info, available)),
            "rphi": tuple(
                Site(
                    qubits=(qubit,),
                    error=_error(params[qubit].get_single_gate_fidelity()),
                    duration=_positive(info.get_single_gate_timing(), NANO),
                )
                for qubit in sorted(available)
            ),
        },
        qubits=tuple(_qubit(params[qubit]) if qubit in available else Qubit() for qubit in range(size)),
        source=f"chip information of {info.chip_id()} from Origin's cloud",
    )


def _couplers(info: Any, available: set[int]) -> Iterable[Site]:
    worst: dict[tuple[int, int], float] = {}
    for item in info.double_qubits_info():
        low, high = sorted(int(qubit) for qubit in item.get_qubits())
        fidelity = float(item.get_fidelity())
        kept = fidelity if isfinite(fidelity) and 0 < fidelity <= 1 else 0.0
        worst[low, high] = min(kept, worst.get((low, high), 1.0))
    duration = _positive(info.get_double_gate_timing(), NANO)
    return (
        Site(qubits=pair, error=1 - fidelity, duration=duration)
        for pair, fidelity in sorted(worst.items())
        if fidelity > 0 and pair[0] != pair[1] and available.issuperset(pair)
    )


def _qubit(item: Any) -> Qubit:
    misread = _error(item.get_readout_fidelity())
    return Qubit(
        t1=_positive(item.get_t1(), MICRO),
        t2=_positive(item.get_t2(), MICRO),
        prob_meas1_prep0=misread,
        prob_meas0_prep1=misread,
    )


def _error(fidelity: float) -> float:
    """One minus a fidelity; 1 for what is none, so that what it belongs to counts as dead."""
    return 1 - float(fidelity) if isfinite(fidelity) and 0 <= fidelity <= 1 else 1.0


def _positive(value: float, unit: float) -> float | None:
    return float(value) * unit if isfinite(value) and value > 0 else None


def _number(text: str) -> int:
    """A qubit's number; -1, which no qubit has, for what is none."""
    return int(text) if text.isdecimal() else -1
