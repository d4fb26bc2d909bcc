"""Execution: the quantum part of forward passes on a backend, and the record of what was run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qadapt.adapters.layer import Measure
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.compile.effort import check_effort
from qadapt.jobs.runner import Run, run
from qadapt.provider import Backend, check_shots
from qadapt.readout.decode import Decoded, Readout, Setting, allocate
from qadapt.synthesis import Effort
from qadapt.synthesis.inputs import bound_of


@dataclass(frozen=True, eq=False)
class Record:
    """One run of one layer in one measurement setting.

    Attributes:
        layer: Name of the adapted layer.
        call: Number of the layer call within the execution, from 0.
        setting: Number of the read-out's measurement setting.
        circuit: The source circuit, before compilation.
        bindings: Values of its parameters, one row per slice that is not zero.
        exact: What each row is to become, ``[rows, d]``; computed from the adapter's parameters, not by a circuit.
        residual: Largest Frobenius distance of a synthesised state or block from what it is to be.
        run: Counts, provenance, and how they were executed.
        decoded: What the read-out made of all settings of the call.
    """

    layer: str
    call: int
    setting: int
    circuit: Circuit
    bindings: Bindings
    exact: NDArray[np.float64]
    residual: float
    run: Run
    decoded: Decoded


@dataclass
class Execution:
    """Where and how the quantum part of forward passes runs; collects a ``Record`` per run.

    Attributes:
        backend: Where circuits run.
        readout: What is measured and how it is decoded.
        shots: Shots per row, over all settings.
        seed: Decides the counts on backends that honour seeds: the seed of setting *s* of call *c* is drawn from
            ``SeedSequence(seed, spawn_key=(c, s))``. None leaves it to the backend.
        packed: Whether copies run side by side; None leaves it to the runner.
        spacing: Least number of idle qubits between two copies.
        effort: How much is spent on short circuits, ``fast`` or ``best``.
        approximate: Largest loss ``||V - Q|| / ||Q - 1||`` of a block; None for exact blocks.
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
        return Measure(partial(self.run, layer), self.backend.target, self.effort, self.approximate)

    def run(
        self,
        layer: str,
        circuit: Circuit,
        bindings: Bindings,
        inputs: NDArray[np.float64],
        exact: NDArray[np.float64],
        residual: float = 0.0,
    ) -> Decoded:
        """Run all rows of a circuit once per measurement setting and decode them.

        Args:
            layer: Name for the records.
            circuit: Circuit that measures all its qubits as one register.
            bindings: Values of its parameters.
            inputs: What each row prepares, ``[rows, d]``.
            exact: What each row is to become, ``[rows, d]``; goes into the records.
            residual: Largest residual of the synthesis; goes into the records.

        Raises:
            QadaptError: The circuit, bindings or shots do not fit, or the backend failed.
        """
        settings = self.readout.settings(circuit.num_qubits)
        call, self.calls = self.calls, self.calls + 1
        runs: list[tuple[Circuit, Run]] = []
        for number, (setting, shots) in enumerate(zip(settings, allocate(self.shots, settings), strict=True)):
            measured = _with(circuit, setting)
            seed = self._seed(call, number)
            done = run(
                measured, bindings, self.backend, shots=shots, seed=seed, packed=self.packed, spacing=self.spacing
            )
            runs.append((measured, done))
        decoded = self.readout.decode([done.counts for _, done in runs], inputs)
        for number, (measured, done) in enumerate(runs):
            self.records.append(Record(layer, call, number, measured, bindings, exact, residual, done, decoded))
        return decoded

    def _seed(self, call: int, setting: int) -> int | None:
        if self.seed is None:
            return None
        # 32 bits, which every vendor's seed can hold
        return int(np.random.SeedSequence(self.seed, spawn_key=(call, setting)).generate_state(1)[0])


def _with(circuit: Circuit, setting: Setting) -> Circuit:
    """Append the gates of a setting."""
    if not setting.operations:
        return circuit
    operations = (*circuit.operations, *setting.operations)
    return Circuit(num_qubits=circuit.num_qubits, operations=operations, measured=circuit.measured)
