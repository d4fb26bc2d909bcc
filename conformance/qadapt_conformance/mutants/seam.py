"""Seam: backends that answer what they should refuse, and results that lie about themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from qadapt import (
    Bindings,
    Circuit,
    NotSupportedError,
    Operation,
    QadaptError,
    Result,
    TargetError,
    Work,
)
from qadapt_conformance.lacks import noiseless
from qadapt_conformance.mutants.change import angles, patched, provenance, rewritten, seam, tables, wrapped
from qadapt_conformance.mutants.mutant import CHIP, STATEVECTOR, Table
from qadapt_conformance.mutants.wrapped import Wrapped

PLAUSIBLE = Work(Circuit(num_qubits=1, measured=[0]), Bindings.of({}), 100)
"""What is run where nothing should."""

MISREAD = 0.02
"""Rate of the readout errors that are corrected."""


class _Swallowing(Wrapped):
    """Answers whatever is refused with a plausible job instead."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        try:
            return super().submit(work, tag=tag)
        except QadaptError:
            return super().submit([PLAUSIBLE], tag=tag)


class _Leaving(Wrapped):
    """Refuses, and has made a job by then."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        try:
            return super().submit(work, tag=tag)
        except QadaptError:
            super().submit([PLAUSIBLE], tag=tag)
            raise


class _Otherwise(Wrapped):
    """Refuses with another error."""

    def __init__(self, inner: Any, error: Callable[[QadaptError], Exception]) -> None:
        super().__init__(inner)
        self._error = error

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        try:
            return super().submit(work, tag=tag)
        except QadaptError as refusal:
            raise self._error(refusal) from None


class _InPieces(Wrapped):
    """Drops the works that are too many."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        return super().submit(work[: self.capabilities.max_works], tag=tag)


def _otherwise(error: Callable[[QadaptError], Exception]) -> Any:
    return lambda inner: _Otherwise(inner, error)


def _unnamed(refusal: QadaptError) -> Exception:
    return NotSupportedError(str(refusal), capability="") if isinstance(refusal, NotSupportedError) else refusal


def _first_only(refusal: QadaptError) -> Exception:
    if isinstance(refusal, TargetError):
        refusal.violations = refusal.violations[:1]
    return refusal


def _no_reason(refusal: QadaptError) -> Exception:
    return TargetError("the circuit does not fit") if isinstance(refusal, TargetError) else refusal


def _without_extra(work: Work) -> Work:
    columns = {name: c for name, c in work.bindings.columns.items() if name in work.circuit.parameters}
    return replace(work, bindings=Bindings(columns, work.bindings.shape))


def _missing_as_zero(work: Work) -> Work:
    zero = np.zeros((1,) * len(work.bindings.shape))
    columns = dict.fromkeys(work.circuit.parameters, zero) | dict(work.bindings.columns)
    return replace(work, bindings=Bindings(columns, work.bindings.shape))


def _whole_shots(work: Work) -> Work:
    return replace(work, shots=int(work.shots)) if isinstance(work.shots, float | bool) else work


def _some_shots(work: Work) -> Work:
    few = isinstance(work.shots, int) and work.shots < 1
    return replace(work, shots=1) if few else work


def _any_seed(work: Work) -> Work:
    return replace(work, seed=None) if not isinstance(work.seed, int) or work.seed < 0 else work


class _Clipping(Wrapped):
    """Runs as many shots, or rows, as it can."""

    def __init__(self, inner: Any, rows: bool) -> None:
        def clipped(work: Work) -> Work:
            most = self.capabilities.max_rows if rows else self.capabilities.max_shots
            if rows:
                few = work.bindings.rows <= most
                return work if few else replace(work, bindings=work.bindings.slice(0, most))
            return work if not isinstance(work.shots, int) else replace(work, shots=min(work.shots, most))

        super().__init__(inner, before=clipped)


class _Fitting(Wrapped):
    """Leaves out what does not fit the target: foreign gates, or operations on qubits that are not there or coupled."""

    def __init__(self, inner: Any, foreign: bool) -> None:
        def fits(operation: Operation) -> bool:
            if operation.is_fence:
                return True
            if foreign:
                return operation.gate in self.target.native
            there = all(qubit < self.target.num_qubits for qubit in operation.qubits)
            pair, couplings = (min(operation.qubits), max(operation.qubits)), self.target.couplings
            return there and (len(operation.qubits) != 2 or couplings is None or pair in couplings)

        def fitting(work: Work) -> Work:
            kept = tuple(o for o in work.circuit.operations if fits(o))
            live = [tuple(q for q in r if foreign or q < self.target.num_qubits) for r in work.circuit.measured]
            new = tuple(register for register in live if register)
            same = kept == work.circuit.operations and new == work.circuit.measured
            return work if same else rewritten(work, kept, new)

        super().__init__(inner, before=fitting)


def _measuring(work: Work) -> Work:
    everything = [range(min(work.circuit.num_qubits, 2))]
    return work if work.circuit.measured else rewritten(work, measured=everything)


def _finite(work: Work) -> Work:
    columns = {name: np.nan_to_num(c, posinf=0.0, neginf=0.0) for name, c in work.bindings.columns.items()}
    return replace(work, bindings=Bindings(columns, work.bindings.shape))


def _unchecked(name: str, value: Any) -> Any:
    """A column as it comes."""
    return np.asarray(value, dtype=np.float64)


REFUSALS = (
    seam("errors-swallowed", "REFUSE-1", "What is refused is answered with a plausible job.", _Swallowing),
    seam("refused-job-left", "REFUSE-1", "A submit that is refused has made a job.", _Leaving),
    seam(
        "vendor-error",
        "REFUSE-1",
        "Refusals are exceptions of the vendor's.",
        _otherwise(lambda refusal: ValueError(str(refusal))),
    ),
    seam(
        "extra-parameters-ignored",
        "REFUSE-1",
        "Parameters that the circuit does not have are ignored, as by Cirq.",
        wrapped(before=_without_extra),
    ),
    seam("missing-parameters-zero", "REFUSE-1", "Missing parameters are 0.", wrapped(before=_missing_as_zero)),
    seam("shots-truncated", "REFUSE-2", "1.5 shots are one shot, as for Aer.", wrapped(before=_whole_shots)),
    seam("no-shots-answered", "REFUSE-2", "For no shots at all one is run.", wrapped(before=_some_shots)),
    seam("bad-seed-ignored", "REFUSE-2", "A seed that is none is taken for no seed.", wrapped(before=_any_seed)),
    seam(
        "shots-clipped",
        "REFUSE-3",
        "Shots are clipped to the limit (Qiskit/qiskit#3606).",
        lambda inner: _Clipping(inner, rows=False),
    ),
    seam("rows-clipped", "REFUSE-3", "Rows beyond the limit are left out.", lambda inner: _Clipping(inner, rows=True)),
    seam("works-clipped", "REFUSE-3", "Works beyond the limit are left out.", _InPieces),
    seam("limit-unnamed", "REFUSE-3", "A refusal does not say which limit it is.", _otherwise(_unnamed)),
    seam("first-misfit-only", "REFUSE-4", "Of all misfits the first is listed.", _otherwise(_first_only)),
    seam("everything-measured", "REFUSE-4", "Where nothing is measured, everything is.", wrapped(before=_measuring)),
    seam(
        "misfits-left-out",
        "REFUSE-4",
        "Operations on qubits that are not there or not coupled are left out.",
        lambda inner: _Fitting(inner, foreign=False),
        home=CHIP,
    ),
    patched(
        "repeated-qubits",
        "REFUSE-5",
        "qadapt itself takes any operation, as pyqpanda3 takes CNOT(0, 0).",
        (import_module("qadapt.circuit"), "_problem", lambda operation, num_qubits: ""),
        home=STATEVECTOR,
    ),
    patched(
        "values-unchecked",
        "FINITE-1",
        "qadapt itself takes any values.",
        (import_module("qadapt.bindings"), "_column", _unchecked),
        home=STATEVECTOR,
    ),
    seam("nan-accepted", "FINITE-2", "NaN is run as 0.", wrapped(before=_finite)),
    seam(
        "overflow-accepted",
        "FINITE-2",
        "An angle that overflows is run as 0.",
        wrapped(before=angles(lambda a: np.nan_to_num(a, posinf=0.0, neginf=0.0))),
    ),
    seam(
        "foreign-gates-left-out",
        "DROP-1",
        "Gates that are not known are left out (qBraid/qBraid#1269).",
        lambda inner: _Fitting(inner, foreign=True),
        home=CHIP,
    ),
    seam(
        "foreign-gates-unnamed",
        "DROP-1",
        "A refusal does not say which gates are not known.",
        _otherwise(_no_reason),
        home=CHIP,
    ),
)


def _qubits_sorted(work: Work, result: Result) -> Result:
    return provenance(qubits=tuple(tuple(sorted(register)) for register in work.circuit.measured))(work, result)


def _seed_claimed(work: Work, result: Result) -> Result:
    return provenance(seed=work.seed)(work, result)


def _simulated_denied(work: Work, result: Result) -> Result:
    return provenance(simulated=not result.provenance.simulated)(work, result)


def corrected(work: Work, result: Result) -> Result:
    """Counts as if readout errors of 2 % had been there and were corrected."""
    inverse = np.linalg.inv([[1 - MISREAD, MISREAD], [MISREAD, 1 - MISREAD]])

    def cleaned(table: Table) -> Table:
        rows, outcomes = table.shape
        for bit in range(outcomes.bit_length() - 1):
            table = np.einsum("ij,rajb->raib", inverse, table.reshape(rows, -1, 2, 2**bit))
        clipped = np.clip(table.reshape(rows, outcomes), 0, None)
        edges = np.cumsum(clipped / clipped.sum(axis=1, keepdims=True), axis=1)
        return np.diff(np.rint(edges * work.shots).astype(np.int64), axis=1, prepend=0)

    return tables(cleaned)(work, result)


PROVENANCE = (
    seam("wrong-qubits-reported", "PROV-1", "The qubits are reported in another order.", wrapped(after=_qubits_sorted)),
    seam(
        "other-circuit-reported",
        "PROV-1",
        "The hash is that of the vendor's circuit.",
        wrapped(after=provenance(circuit_hash="0" * 64)),
    ),
    seam("target-not-named", "PROV-1", "The provider alone is named.", wrapped(after=provenance(backend="local"))),
    seam(
        "shots-misreported", "PROV-1", "The default number of shots is reported.", wrapped(after=provenance(shots=1024))
    ),
    seam("seed-misreported", "PROV-2", "The result names another seed.", wrapped(after=provenance(seed=1))),
    seam(
        "seed-claimed",
        "PROV-2",
        "The result names the seed that was asked for, and seeds are not declared.",
        wrapped(before=lambda work: replace(work, seed=None), after=_seed_claimed, seed=False),
    ),
    seam("simulation-denied", "PROV-3", "A simulator is called a machine.", wrapped(after=_simulated_denied)),
    seam(
        "noise-claimed",
        "PROV-3",
        "An ideal simulator is called noisy.",
        wrapped(after=provenance(noise="thermal")),
        lacks=noiseless,
    ),
    seam("versions-left-out", "PROV-3", "No versions are named.", wrapped(after=provenance(versions={}))),
    seam(
        "counts-amended",
        "PROV-4",
        "Readout is corrected and nothing says so, the default of Origin's cloud.",
        wrapped(after=corrected),
        lacks=noiseless,  # a machine that reads better than its calibration says is right
    ),
)

SEAM = (*REFUSALS, *PROVENANCE)
