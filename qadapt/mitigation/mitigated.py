"""Mitigated: what came out of mitigated runs, and what was learnt about the errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.counts import Counts
from qadapt.jobs.runner import Run
from qadapt.mitigation.confusion import Confusion
from qadapt.mitigation.depolarising import Strength
from qadapt.provider import Provenance

Floats: TypeAlias = NDArray[np.float64]
Tiles: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Mitigated:
    """What came out of mitigated runs.

    Attributes:
        values: Estimated probabilities ``[rows, d]``, in row order; column *i* is the outcome *i* as in ``Counts``.
        errors: Their standard errors: shots, random Paulis, and what is not known for sure about readout and
            depolarising; not how far the machine is from these models. Projection only makes errors smaller.
        repetitions: Counts of each repetition without amplification, one table ``[rows, d]`` each.
        visits: Tile of each row in each repetition, ``[repetitions, rows]``.
        tiles: Physical qubits of each tile, in the order of the circuit's qubits; None where the runner had its choice.
        confusion: How the tiles are misread; None if nothing was asked about it.
        strength: Depolarising strength of the tiles without amplification; None if nothing was asked about it.
        scales: By what factors errors were amplified.
        runs: All runs: calibration of the readout, if any, then one per scale.
        provenance: Of the first run of rows, with all shots of a row and the names of what was done.
    """

    values: Floats
    errors: Floats
    repetitions: tuple[Counts, ...]
    visits: NDArray[np.intp]
    tiles: Tiles | None
    confusion: Confusion | None
    strength: Strength | None
    scales: tuple[float, ...]
    runs: tuple[Run, ...]
    provenance: Provenance

    @property
    def counts(self) -> Counts:
        """Counts of all repetitions without amplification, added up."""
        table = np.sum([each.table for each in self.repetitions], axis=0)
        return Counts((table,), sum(each.shots for each in self.repetitions))

    @property
    def executed(self) -> int:
        """How often the machine was executed in all: executions times shots, calibration and references included."""
        return sum(each.executions * each.counts.shots for each in self.runs)
