"""Sample: made-up capabilities of a machine like IQM's, in the form in which AWS sends them; no account is needed.

Twenty qubits on a grid, labels from 1, native prx and cz. The numbers are nobody's calibration; fidelities vary from
qubit to qubit by a fixed rule, so that placement has something to choose.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from qadapt_braket.properties import PROGRAM, PROGRAM_SET, Device, read

NAME = "iqm-garnet-sample"
ROWS, COLUMNS = 4, 5
_SOURCE = "Made up by qadapt: an IQM-like grid of 20 qubits with plausible numbers, nobody's calibration."


@cache
def device() -> Device:
    """The sample in our terms."""
    document = capabilities()
    return read(document, name=NAME, source=_SOURCE, text=json.dumps(document), sample=True)


def capabilities(rows: int = ROWS, columns: int = COLUMNS) -> dict[str, Any]:
    """Capabilities as the service sends them, by AWS's schema of an IQM machine."""
    labels = range(1, rows * columns + 1)
    edges = [(label, label + 1) for label in labels if label % columns] + [
        (label, label + columns) for label in labels if label + columns <= labels[-1]
    ]
    graph: dict[str, list[str]] = {str(label): [] for label in labels}
    for first, second in edges:
        graph[str(first)].append(str(second))
        graph[str(second)].append(str(first))
    schema = "braket.device_schema"
    return {
        "braketSchemaHeader": {"name": f"{schema}.iqm.iqm_device_capabilities", "version": "1"},
        "service": {
            "braketSchemaHeader": {"name": f"{schema}.device_service_properties", "version": "1"},
            "executionWindows": [
                {"executionDay": "Everyday", "windowStartHour": "00:00:00", "windowEndHour": "23:59:59"}
            ],
            "shotsRange": [1, 20_000],
        },
        "action": _action(),
        "deviceParameters": {},
        "paradigm": {
            "braketSchemaHeader": {"name": f"{schema}.gate_model_qpu_paradigm_properties", "version": "1"},
            "connectivity": {"fullyConnected": False, "connectivityGraph": graph},
            "qubitCount": len(labels),
            "nativeGateSet": ["cz", "prx"],
        },
        "provider": {
            "braketSchemaHeader": {"name": f"{schema}.iqm.iqm_provider_properties", "version": "1"},
            "properties": {},
        },
        "standardized": {
            "braketSchemaHeader": {
                "name": f"{schema}.standardized_gate_model_qpu_device_properties",
                "version": "1",
            },
            "oneQubitProperties": {str(label): _one_qubit(label) for label in labels},
            "twoQubitProperties": {f"{first}-{second}": _two_qubits(first, second) for first, second in edges},
        },
    }


def _action() -> dict[str, Any]:
    return {
        PROGRAM: {
            "actionType": PROGRAM,
            "version": ["1"],
            "supportedOperations": ["cz", "prx"],
            "supportedModifiers": [],
            "supportedPragmas": ["verbatim", "braket_result_type_probability"],
            "forbiddenPragmas": [],
            "maximumQubitArrays": 1,
            "maximumClassicalArrays": 1,
            "forbiddenArrayOperations": [],
            "requiresAllQubitsMeasurement": False,
            "requiresContiguousQubitIndices": True,
            "supportPhysicalQubits": True,
            "supportsPartialVerbatimBox": False,
            "supportsUnassignedMeasurements": True,
            "disabledQubitRewiringSupported": True,
            "supportedResultTypes": [
                {"name": "Probability", "observables": None, "minShots": 1, "maxShots": 20_000},
            ],
        },
        PROGRAM_SET: {
            "actionType": PROGRAM_SET,
            "version": ["1"],
            "maximumExecutables": 100,
            "maximumTotalShots": 200_000,
        },
    }


def _one_qubit(label: int) -> dict[str, Any]:
    return {
        "T1": {"value": 3e-5 + 1e-6 * (label * 7 % 11), "standardError": None, "unit": "S"},
        "T2": {"value": 8e-6 + 1e-6 * (label * 5 % 7), "standardError": None, "unit": "S"},
        "oneQubitFidelity": [
            _fidelity("SIMULTANEOUS_RANDOMIZED_BENCHMARKING", 0.9985 + 0.0001 * (label * 3 % 8)),
            _fidelity("READOUT", 0.965 + 0.002 * (label * 7 % 10)),
        ],
    }


def _two_qubits(first: int, second: int) -> dict[str, Any]:
    found = _fidelity("INTERLEAVED_RANDOMIZED_BENCHMARKING", 0.988 + 0.001 * ((first * 3 + second) % 7))
    return {"twoQubitGateFidelity": [{"direction": None, "gateName": "CZ", **found}]}


def _fidelity(kind: str, value: float) -> dict[str, Any]:
    return {
        "fidelityType": {"name": kind, "description": None},
        "fidelity": round(value, 6),
        "standardError": None,
    }
