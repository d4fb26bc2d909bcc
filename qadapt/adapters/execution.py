"""Execution: the quantum part of forward passes on a backend, and the record of what was run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qadapt.adapters.allocation import Allocation
from qadapt.adapters.layer import Interference, Measure, Request
from qadapt.adapters.precision import Precision, reached
from qadapt.adapters.sampling import Sample, Sampler, decoded, turned
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.compile.effort import check_effort
from qadapt.errors import AdapterError
from qadapt.jobs.runner import Run, run
from qadapt.mitigation import Mitigation
from qadapt.provider import Backend, check_shots
from qadapt.readout import Certificate, Decoded, Noise, Readout
from qadapt.readout.ancilla import DECIDED, evidence
from qadapt.readout.settings import shots_each
from qadapt.synthesis import Effort
from qadapt.synthesis.inputs import bound_of

_log = logging.getLogger(__name__)


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
        run: Counts, provenance, and how they were executed; of the first sample, where there are several.
        decoded: What the read-out made of all settings of the call.
        certificate: What is known of the global signs of the blocks; None where the read-out does not need it.
        interference: The run that measured global signs; None where there was none.
        samples: All that was run for the rows, with mitigation and in classes and rounds; in the order it was run.
        rounds: In how many rounds; 1 unless a precision was asked for.
        error: Standard error that was reached, in the terms of the precision that was asked for; None where none was.
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
    samples: tuple[Sample, ...] = ()
    rounds: int = 1
    error: float | None = None

    @property
    def shots(self) -> NDArray[np.int64]:
        """Shots of every row over all that was run, without readout calibration, references and ancilla, ``[rows]``."""
        return _shots(self.samples, len(self.exact))

    @property
    def executed(self) -> int:
        """How often the machine was executed: executions times shots, all that is beside the rows included."""
        plainly = [sample.run for sample in self.samples if sample.mitigated is None]
        runs = [*plainly, *([] if self.interference is None else [self.interference])]
        mitigated = sum(sample.mitigated.executed for sample in self.samples if sample.mitigated is not None)
        return mitigated + sum(each.executions * each.counts.shots for each in runs)


@dataclass
class Execution:
    """Where and how the quantum part of forward passes runs; collects a ``Record`` per call.

    Attributes:
        backend: Where circuits run.
        readout: What is measured and how it is decoded.
        shots: Shots per row, over all settings, which get equal parts of it. Where global signs are measured with an
            ancilla, one such part comes on top. With a precision these are the most, on average over the rows.
        seed: Decides the counts on backends that honour seeds: the seed of call *c* is drawn from
            ``SeedSequence(seed, spawn_key=(c, 0))``, with 1 in place of 0 for its ancilla. None leaves it to the
            backend.
        packed: Whether copies run side by side; None leaves it to the runner.
        spacing: Least number of idle qubits between two copies.
        effort: How much is spent on short circuits, ``fast`` or ``best``.
        approximate: Largest loss ``||V - Q|| / ||Q - 1||`` of a block; None for exact blocks.
        noise: What the read-out is told of the noise; when omitted what mitigation has measured, and what the target's
            calibration predicts where it has not.
        mitigation: What is done against errors; None to run rows plainly. Its shots are those of a setting.
        allocation: Shots of every row, in place of ``shots`` for each; None for the same for all.
        precision: Standard error at which a layer has shots enough; None to spend them all.
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
    mitigation: Mitigation | None = None
    allocation: Allocation | None = None
    precision: Precision | None = None
    records: list[Record] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        """Refuse shots and seeds that are not whole numbers in range."""
        check_shots(self.shots, self.seed)
        check_effort(self.effort)
        if self.approximate is not None:
            bound_of(self.approximate)
        if self.allocation is not None and self.precision is not None:
            raise AdapterError("shots are allocated beforehand or spent as a precision asks for, not both")
        self._sampler = Sampler(self.backend, self.readout, self.mitigation, self.packed, self.spacing, self.noise)
        self._of_layer = Counter[str]()

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
        call, self.calls = self.calls, self.calls + 1
        circuit, bindings = turned(request.circuit, request.bindings, settings)
        spent = self._spent(layer, request, circuit, bindings, call)
        decoded = spent.decoded
        signs = None
        self._of_layer[layer] += 1
        if request.interference is not None:
            shots = shots_each(self.shots, len(settings))
            signs = self._run(request.interference.circuit, request.interference.bindings, shots, call)
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
                run=spent.samples[0].run,
                decoded=decoded,
                certificate=request.certificate,
                interference=signs,
                samples=spent.samples,
                rounds=spent.rounds,
                error=spent.error,
            )
        )
        return decoded

    def _run(self, circuit: Circuit, bindings: Bindings, shots: int, call: int) -> Run:
        seed = self._seed(call, 1)
        return run(circuit, bindings, self.backend, shots=shots, seed=seed, packed=self.packed, spacing=self.spacing)

    def _spent(self, layer: str, request: Request, circuit: Circuit, bindings: Bindings, call: int) -> _Spent:
        """Run the rows in all settings, in classes of equal shots and in rounds where that is asked for."""
        number, dim = request.inputs.shape
        live = np.ones((1, number), dtype=bool) if request.live is None else request.live
        norms = np.ones(number) if request.norms is None else request.norms
        asked, seen = self.precision, self._of_layer[layer]
        shots = np.full(number, self.shots if asked is None else min(self.shots, asked.first))
        if self.allocation is not None:
            shots = self.allocation.rows(layer, seen, live)
        weights, target = (norms, 0.0) if asked is None else asked.goal(layer, seen, live, norms, dim)
        samples: list[Sample] = []
        least = len(self.readout.settings(circuit.num_qubits)) * self._sampler.parts
        rounds = 0
        while True:
            rounds += 1
            for each in np.unique(shots[shots > 0])[::-1]:
                rows = np.flatnonzero(shots == each)
                # part 1 is that of the ancilla
                seed = self._seed(call, len(samples) + bool(samples))
                samples.append(self._sampler.sample(circuit, bindings, rows, int(each), seed))
            found = decoded(self.readout, samples, request.inputs)
            if asked is None:
                return _Spent(tuple(samples), found)
            errors, spent = np.linalg.norm(found.errors, axis=1), _shots(samples, number)
            left = self.shots * number - int(spent.sum())
            shots = asked.more(weights, target, errors, spent, least, left)
            if not shots.any():
                return _Spent(tuple(samples), found, rounds, reached(weights, errors))

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


@dataclass(frozen=True, eq=False)
class _Spent:
    """What the shots of one call brought."""

    samples: tuple[Sample, ...]
    decoded: Decoded
    rounds: int = 1
    error: float | None = None


def _shots(samples: Sequence[Sample], rows: int) -> NDArray[np.int64]:
    """Shots of every row over all samples, ``[rows]``."""
    out = np.zeros(rows, dtype=np.int64)
    for sample in samples:
        out[sample.rows] += sample.shots
    return out


def _signed(decoded: Decoded, inputs: NDArray[np.float64], interference: Interference, run: Run) -> Decoded:
    """Give some rows the global signs that were measured."""
    rows, values = interference.rows, decoded.values.copy()
    found = evidence(values[rows], inputs[rows], run.counts)
    values[rows] *= np.where(found < 0, -1.0, 1.0)[:, None]
    doubtful = np.zeros(len(values), dtype=bool) if decoded.doubtful is None else decoded.doubtful.copy()
    doubtful[rows] = np.abs(found) < DECIDED
    done = {"global_sign": "ancilla where no certificate holds", "signs_measured": len(rows)}
    return replace(decoded, values=values, done={**decoded.done, **done}, doubtful=doubtful)
