"""Depolarising: how much of what a tile does is lost in uniform outcomes, and how that is undone.

The model of a tile is ``q = (1 - s) p + s / d`` with strength *s*: what a depolarising channel makes of probabilities
*p*, and random Pauli errors on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Circuit
from qadapt.compile.prediction import predict
from qadapt.mitigation.confusion import Confusion, smoothed
from qadapt.mitigation.references import References
from qadapt.target import Target

Floats: TypeAlias = NDArray[np.float64]

STRONGEST = 0.95
"""Largest strength that is undone: beyond, next to nothing is left of a row."""


@dataclass(frozen=True, eq=False)
class Strength:
    """Depolarising strength of each tile.

    Attributes:
        values: ``[tiles]``, at most ``STRONGEST``; an estimate may be below 0.
        errors: Standard errors, ``[tiles]``; 0 where the strength is predicted.
    """

    values: Floats
    errors: Floats

    def undone(self, values: Floats, variances: Floats, common: Floats) -> tuple[Floats, Floats, Floats]:
        """Take the uniform part out of probabilities ``[..., tiles, d]``, with variances as ``Confusion.undone``."""
        uniform, kept = 1 / values.shape[-1], 1 - self.values[:, None]
        out = uniform + (values - uniform) / kept
        by_strength = ((out - uniform) * self.errors[:, None] / kept) ** 2
        return out, variances / kept**2, common / kept**2 + by_strength


def predicted(circuit: Circuit, registers: Sequence[Sequence[int]], target: Target) -> Strength:
    """Strength that a target's calibration predicts: that of a depolarising channel of equal process fidelity *F*.

    ``s = (1 - F) d**2 / (d**2 - 1)`` for the *d* dimensions of all qubits that gates connect.

    Args:
        circuit: The native circuit.
        registers: Measured physical qubits of each tile.
        target: The machine.
    """
    home = {qubit: part for part in predict(circuit, target).parts for qubit in part.qubits}
    values = []
    for register in registers:
        parts = {home[qubit].qubits: home[qubit] for qubit in register}.values()
        lost = 1 - np.prod([part.process for part in parts])
        squared = 4.0 ** sum(len(part.qubits) for part in parts)
        values.append(min(STRONGEST, lost * squared / (squared - 1)))
    return Strength(np.array(values), np.zeros(len(values)))


def estimated(frequencies: Floats, shots: int, references: References, confusion: Confusion | None) -> Strength:
    """Strength that makes the exact outcomes of references the observed ones, by least squares.

    Args:
        frequencies: What was observed, ``[repetitions, references, tiles, d]``.
        shots: Shots behind each.
        references: What was run.
        confusion: How the tiles are misread; None for perfect readout.
    """
    signal = np.broadcast_to(references.signal[:, None], frequencies.shape[1:])
    weights = signal if confusion is None else confusion.weights(signal)
    norm = len(frequencies) * (references.signal**2).sum()
    kept = (weights * frequencies).sum(axis=(0, 1, 3)) / norm  # the signal adds up to 0, so uniform parts drop out
    smooth = smoothed(frequencies, shots)
    variance = (weights**2 * smooth).sum(axis=-1) - (weights * smooth).sum(axis=-1) ** 2
    errors = variance.sum(axis=(0, 1)).clip(min=0) / shots / norm**2
    if confusion is not None:
        # What is wrong about a confusion matrix may be wrong in one direction for all references.
        _, _, common = confusion.undone(frequencies.mean(axis=0), shots)
        errors += (np.sqrt((signal**2 * common).sum(axis=-1)).sum(axis=0) / (references.signal**2).sum()) ** 2
    return Strength(np.minimum(1 - kept, STRONGEST), np.sqrt(errors))
