"""Report: what a compiled circuit costs and how well it is expected to run, as data and as columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, TypeAlias

from qadapt.circuit import MAX_REGISTER_BITS, Circuit
from qadapt.cli.matrix import Source
from qadapt.compile import Compiled, pack
from qadapt.compile.prediction import predict
from qadapt.errors import CircuitError, TargetError
from qadapt.synthesis import Effort

Document: TypeAlias = Mapping[str, Any]
Cell: TypeAlias = Callable[[Document], object]


def document(backend: str, source: Source, compiled: Compiled) -> dict[str, Any]:
    """Everything about one compiled circuit, JSON-able.

    Readout is that of the measured qubits; of a circuit that measures nothing, that of all its qubits at the end.
    """
    native, target = compiled.circuit, compiled.target
    expected = predict(_measured(native, compiled.final), target)
    return {
        "backend": backend,
        "target": target.name,
        "calibrated": target.calibrated.isoformat() if target.calibrated else None,
        "sample": target.sample,
        "layout": list(compiled.layout),
        "final": list(compiled.final),
        "measured": [list(register) for register in native.measured],
        "gates": dict(expected.gates),
        "entangling": expected.entangling,
        "pulses": expected.pulses,
        "depth": expected.depth,
        "entangling_depth": expected.entangling_depth,
        "duration": expected.duration,
        "process_fidelity": expected.process,
        "readout_fidelity": expected.readout,
        "uncalibrated": expected.uncalibrated,
        "parameters": len(native.parameters),
        "rows": source.rows,
        "residual": source.residual,
        "loss": source.loss,
        "hash": native.content_hash,
    }


def tiles(source: Source, compiled: Compiled, *, seed: int, effort: Effort) -> dict[str, Any] | None:
    """What packing the circuit gives, JSON-able; None if it does not pack on the target."""
    circuit, target = compiled.source, compiled.target
    try:
        packed = pack(_measured(circuit, range(circuit.num_qubits)), target, seed=seed, effort=effort)
    except (CircuitError, TargetError):
        return None
    parts = predict(packed.circuit, target).parts
    return {
        "count": len(packed.tiles),
        "executions": None if source.rows is None else packed.executions(source.rows),
        "process_fidelity": _spread([part.process for part in parts]),
        "readout_fidelity": _spread([part.readout for part in parts]),
    }


def _measured(circuit: Circuit, qubits: Sequence[int]) -> Circuit:
    """The circuit with all its qubits read at the end, if it measures nothing."""
    if circuit.measured:
        return circuit
    cuts = range(0, len(qubits), MAX_REGISTER_BITS)
    registers = tuple(tuple(qubits[start : start + MAX_REGISTER_BITS]) for start in cuts)
    return Circuit(num_qubits=circuit.num_qubits, operations=circuit.operations, measured=registers)


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"mean": fmean(values), "worst": min(values)}


def short(documents: Sequence[Document]) -> list[list[object]]:
    """Rows of the short table: a name, then a cell per document."""
    names: dict[str, Cell] = {
        "target": lambda d: d["target"],
        "layout": _layout,
        "measured": lambda d: " | ".join(" ".join(map(str, register)) for register in d["measured"]) or "nothing",
        "gates": lambda d: ", ".join(f"{count} {name}" for name, count in d["gates"].items()) or "none",
        "entangling": lambda d: d["entangling"],
        "depth": lambda d: d["depth"],
        "process fidelity": lambda d: _share(d["process_fidelity"]),
        "readout fidelity": lambda d: _share(d["readout_fidelity"]),
        "parameters": lambda d: d["parameters"],
        "hash": lambda d: d["hash"],
    }
    return [[name, *(cell(each) for each in documents)] for name, cell in names.items()]


def full(documents: Sequence[Document]) -> list[list[object]]:
    """Rows of the report: a name, then a cell per document; a row that says nothing about any of them is left out."""
    names: dict[str, Cell] = {
        "target": lambda d: d["target"],
        "calibrated": lambda d: f"{(d['calibrated'] or '-')[:10]}{' (sample)' if d['sample'] else ''}",
        "layout": _layout,
        "ends on": lambda d: " ".join(map(str, d["final"])) if d["final"] != d["layout"] else None,
        "entangling gates": lambda d: d["entangling"],
        "one-qubit pulses": lambda d: d["pulses"],
        "depth": lambda d: d["depth"],
        "entangling depth": lambda d: d["entangling_depth"],
        "duration": lambda d: "-" if d["duration"] is None else f"{d['duration'] * 1e6:.3g} µs",
        "process fidelity": lambda d: _share(d["process_fidelity"]),
        "readout fidelity": lambda d: _share(d["readout_fidelity"]),
        "uncalibrated gates": lambda d: d["uncalibrated"] or None,
        "parameters": lambda d: d["parameters"],
        "matrices": lambda d: d["rows"],
        "residual, worst": lambda d: None if d["residual"] is None else f"{d['residual']:.1e}",
        "loss, worst": lambda d: None if d["loss"] is None else f"{d['loss']:.3f}",
        "tiles": lambda d: d["tiles"] and d["tiles"]["count"],
        "executions": lambda d: d["tiles"] and d["tiles"]["executions"],
        "tile process": lambda d: d["tiles"] and _pair(d["tiles"]["process_fidelity"]),
        "tile readout": lambda d: d["tiles"] and _pair(d["tiles"]["readout_fidelity"]),
    }
    rows = [[name, *(cell(each) for each in documents)] for name, cell in names.items()]
    return [["-" if cell is None else cell for cell in row] for row in rows if any(c is not None for c in row[1:])]


def _layout(document: Document) -> str:
    return ", ".join(f"{qubit}→{physical}" for qubit, physical in enumerate(document["layout"]))


def _share(value: float) -> str:
    return f"{value:.4f}"


def _pair(spread: Mapping[str, float]) -> str:
    return f"{_share(spread['mean'])} mean, {_share(spread['worst'])} worst"
