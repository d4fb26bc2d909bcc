"""Execution: the quantum part of forward passes on a backend, and the record of what was run."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qadapt.adapters.layer import Interference, Measure, Request
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.compile.effort import check_effort
from qadapt.counts import Counts
from qadapt.jobs.runner import Run, run
from qadapt.provider import Backend, check_shots
from qadapt.readout import Certificate, Decoded, Noise, Readout
from qadapt.readout.ancilla import DECIDED, evidence
from qadapt.readout.noise import calibrated
from qadapt.readout.settings import shots_each
from qadapt.synthesis import Effort
from qadapt.synthesis.inputs import bound_of

_log = logging.getLogger(__name__)

TURN = "m"
"""Prefix of the parameters that turn a qubit before it is measured."""


@dataclass(frozen=True, eq=False)
class Record:
    """One call of one layer: all rows in all measurement settings.

    Attributes:
        layer: Name of the adapted layer.
        call: Number of the layer call within the execution, from 0.
        settings: The read-out's measurement settings, ``[settings, qubits]``.
        circuit: The source circuit, before compilation, with the settings' turns.
        bindings: Values of its parameters: settings outside, and in each one row per slice that is not zero.
        exact: What each slice is to become, ``[rows, d]``; computed from the adapter's parameters, not by a circuit.
        residual: Largest Frobenius distance of a synthesised state or block from what it is to be.
        run: Counts, provenance, and how they were executed.
        decoded: What the read-out made of all settings of the call.
        certificate: What is known of the global signs of the blocks; None where the read-out does not need it.
        interference: The run that measured global signs; None where there was none.
    """

    layer: str
    call: int
    settings: NDArray[np.float64]
    circuit: Circuit
    bindings: Bindings
    exact: NDArray[np.float64]
    residual: float
    run: Run
    decoded: Decoded
    certificate: Certificate | None = None
    interference: Run | None = None


@dataclass
class Execution:
    """Where and how the quantum part of forward passes runs; collects a ``Record`` per call.

    Attributes:
        backend: Where circuits run.
        readout: What is measured and how it is decoded.
        shots: Shots per row, over all settings, which get equal parts of it. Where global signs are measured with an
            ancilla, one such part comes on top.
        seed: Decides the counts on backends that honour seeds: the seed of call *c* is drawn from
            ``SeedSequence(seed, spawn_key=(c, 0))``, with 1 in place of 0 for its ancilla. None leaves it to the
            backend.
        packed: Whether copies run side by side; None leaves it to the runner.
        spacing: Least number of idle qubits between two copies.
        effort: How much is spent on short circuits, ``fast`` or ``best``.
        approximate: Largest loss ``||V - Q|| / ||Q - 1||`` of a block; None for exact blocks.
        noise: What the read-out is told of the noise; what the target's calibration predicts when omitted.
        records: What was run, in order. They hold every count and angle, so a long evaluation opens one execution per
            batch and keeps what it needs.
        calls: Layer calls so far.
    """

    backend: Backend
    readout: Readout
    shots: int
    seed: int | None = None
    packed: bool | None = None
    spacing: int = 0
    effort: Effort = "fast"
    approximate: float | None = None
    noise: Noise | None = None
    records: list[Record] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        """Refuse shots and seeds that are not whole numbers in range."""
        check_shots(self.shots, self.seed)
        check_effort(self.effort)
        if self.approximate is not None:
            bound_of(self.approximate)

    def measure(self, layer: str) -> Measure:
        """How a layer of that name is run here."""
        return Measure(partial(self.run, layer), self.backend.target, self.effort, self.approximate, self.readout)

    def run(self, layer: str, request: Request) -> Decoded:
        """Run all rows of a circuit in all measurement settings and decode them.

        The settings are angles of one circuit, which is compiled once and runs as one.

        Args:
            layer: Name for the records.
            request: What is to be run.

        Raises:
            QadaptError: The circuit, bindings or shots do not fit, or the backend failed.
        """
        settings = self.readout.settings(request.circuit.num_qubits)
        shots, rows = shots_each(self.shots, len(settings)), len(request.inputs)
        call, self.calls = self.calls, self.calls + 1
        circuit, bindings = turned(request.circuit, request.bindings, settings)
        done = self._run(circuit, bindings, shots, call)
        tables = done.counts.table.reshape(len(settings), rows, -1)
        noise = self._noise(done, len(settings), rows) if self.noise is None else self.noise
        decoded = self.readout.decode([Counts((table,), shots) for table in tables], request.inputs, noise)
        signs = None
        if request.interference is not None:
            signs = self._run(request.interference.circuit, request.interference.bindings, shots, call, 1)
            decoded = _signed(decoded, request.inputs, request.interference, signs)
        elif request.certificate is not None and not request.certificate.holds.all():
            self._warn(layer, request.certificate)
        self.records.append(
            Record(
                layer=layer,
                call=call,
                settings=settings,
                circuit=circuit,
                bindings=bindings,
                exact=request.exact,
                residual=request.residual,
                run=done,
                decoded=decoded,
                certificate=request.certificate,
                interference=signs,
            )
        )
        return decoded

    def _run(self, circuit: Circuit, bindings: Bindings, shots: int, call: int, part: int = 0) -> Run:
        seed = self._seed(call, part)
        return run(circuit, bindings, self.backend, shots=shots, seed=seed, packed=self.packed, spacing=self.spacing)

    def _noise(self, done: Run, settings: int, rows: int) -> Noise:
        """What the calibration predicts; a readout that the vendor has corrected already is taken for perfect."""
        noise = calibrated(self.backend.target, done.circuit, done.tiles, settings, rows)
        return replace(noise, confusion=None) if done.provenance.readout_correction else noise

    def _warn(self, layer: str, certificate: Certificate) -> None:
        """Say once per layer that global signs may be wrong."""
        if layer not in {record.layer for record in self.records}:
            open_blocks = np.flatnonzero(~certificate.holds)
            _log.warning(
                "%s: %d of %d blocks can turn an input by a right angle or more, where the overlap with it does not "
                "give the sign of the output (blocks %s); the read-out signed-ancilla measures it",
                *(layer, len(open_blocks), len(certificate.holds), ", ".join(map(str, open_blocks[:10]))),
            )

    def _seed(self, call: int, part: int) -> int | None:
        if self.seed is None:
            return None
        # 32 bits, which every vendor's seed can hold
        return int(np.random.SeedSequence(self.seed, spawn_key=(call, part)).generate_state(1)[0])


def turned(circuit: Circuit, bindings: Bindings, settings: NDArray[np.float64]) -> tuple[Circuit, Bindings]:
    """Add measurement settings to a circuit: a turn of each qubit, and rows with the settings outside.

    A read-out of the computational basis alone leaves both as they are.
    """
    if len(settings) == 1 and not settings.any():
        return circuit, bindings
    turns = [op("ry", qubit, angles=[f"{TURN}{qubit}"]) for qubit in range(circuit.num_qubits)]
    operations = (*circuit.operations, *turns)
    shape = (len(settings), *bindings.shape)
    angles = {f"{TURN}{q}": settings[:, q].reshape(-1, *[1] * len(bindings.shape)) for q in range(len(turns))}
    made = Circuit(num_qubits=circuit.num_qubits, operations=operations, measured=circuit.measured)
    return made, Bindings.of({**bindings.columns, **angles}, shape=shape)


def _signed(decoded: Decoded, inputs: NDArray[np.float64], interference: Interference, run: Run) -> Decoded:
    """Give some rows the global signs that were measured."""
    rows, values = interference.rows, decoded.values.copy()
    found = evidence(values[rows], inputs[rows], run.counts)
    values[rows] *= np.where(found < 0, -1.0, 1.0)[:, None]
    doubtful = np.zeros(len(values), dtype=bool) if decoded.doubtful is None else decoded.doubtful.copy()
    doubtful[rows] = np.abs(found) < DECIDED
    done = {"global_sign": "ancilla where no certificate holds", "signs_measured": len(rows)}
    return replace(decoded, values=values, done={**decoded.done, **done}, doubtful=doubtful)
