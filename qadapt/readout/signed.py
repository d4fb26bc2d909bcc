"""Signed: a real vector with its signs, from counts in a few real settings, at the limit that physics sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.counts import Counts
from qadapt.errors import BindingsError
from qadapt.readout.interface import Decoded, Quantity, inputs_of, tables_of
from qadapt.readout.likelihood import Likelihood
from qadapt.readout.noise import IDEAL, Noise
from qadapt.readout.settings import interfering
from qadapt.readout.signs import clusters, starts, unread

Floats: TypeAlias = NDArray[np.float64]

DIMS = (2, 4, 8, 16, 32)
"""Lengths of vectors that can be read."""
CELLS = 2**17
"""Most counts that are worked on at once: what is computed from them should stay in a processor cache."""
FITTED = 1024
"""Most rows that the noise is fitted to."""
STEPS = 10
"""Most steps of that fit."""
SETTLED = 0.1
"""Step of that fit, in standard errors, with which it ends."""
FAR, RETRIES = 6.0, 4
"""Rows whose log-likelihood is so many standard deviations too small are tried so many times again."""
DOUBTFUL = 4.0
"""An overlap with the input within so many standard errors of zero leaves the global sign in doubt."""


@dataclass(frozen=True)
class Signed:
    """The real unit vector that is most likely given the counts of all settings, with its signs.

    Settings are those of ``qadapt.readout.settings.interfering``: ``n + 2`` of them, 2 for one qubit. Counts tell a
    vector from its negative in no setting; the sign of all is that of the overlap with the input, which is right for
    every input if the symmetric part of the block is positive definite (``qadapt.readout.certificate``).

    Attributes:
        name: Name in configurations and reports.
        ancilla: Whether an adapter is to measure the global sign with an ancilla where there is no such certificate.
    """

    name: str = "signed"
    ancilla: bool = False
    quantity: Quantity = "amplitudes"

    def settings(self, num_qubits: int) -> Floats:
        """Return the computational basis, a quarter turn of each qubit, and of all."""
        return interfering(num_qubits)

    def decode(self, counts: Sequence[Counts], inputs: Floats, noise: Noise | None = None) -> Decoded:
        """Return the vectors of largest likelihood, see ``decode``."""
        return decode(counts, inputs, IDEAL if noise is None else noise)

    def limit(self, outputs: Any, inputs: Any) -> Any:
        """Return ``y``, turned to have an overlap with ``x`` that is not negative unless an ancilla finds its sign."""
        if self.ancilla:
            return outputs
        return outputs * (2 * ((outputs * inputs).sum(-1) >= 0) - 1)[..., None]


def decode(counts: Sequence[Counts], inputs: Floats, noise: Noise = IDEAL) -> Decoded:
    """Decode unit vectors by joint maximum likelihood over the settings of ``interfering``.

    Settings may be taken several times, all of them in one repetition after the other; repetitions may differ in their
    shots and in the tiles of their rows, which the likelihood takes as they are.

    Standard errors are those of the Cramer-Rao bound: roots of the diagonal of the inverse Fisher information along the
    sphere, at the estimate. They hold the error of a fitted noise strength, not that of a wrong global sign: the sign
    of a row is ``doubtful`` if its overlap with the input is within ``DOUBTFUL`` standard errors of zero.

    Args:
        counts: One per setting and repetition, settings inside.
        inputs: The vectors that were prepared, ``[rows, d]``; only the sign of the overlap with them is used.
        noise: Noise in the counts, with a tile for every row in each of them.

    Raises:
        BindingsError: Counts, inputs and noise that do not fit each other or the settings.
    """
    dim = counts[0].registers[0].shape[-1] if counts and counts[0].registers else 0
    if dim not in DIMS:
        raise BindingsError(f"counts of {dim} outcomes, expected one of {DIMS}")
    settings = interfering(dim.bit_length() - 1)
    repetitions = max(1, len(counts) // len(settings))
    tables = tables_of(counts, repetitions * len(settings))
    units = inputs_of(inputs, tables[0].shape)
    whole = Likelihood.of(counts, np.tile(settings, (repetitions, 1)), noise.fits(len(tables), *units.shape))
    factor, spread = 1.0, 0.0
    if noise.fitted and len(units):
        factor, spread = _fitted(whole, noise)
        whole = replace(whole, strengths=noise.scaled(factor)[whole.tiles])
    values, errors, overlaps = np.empty(units.shape), np.empty(units.shape), np.empty((2, len(units)))
    for part in _parts(whole):
        values[part], errors[part], overlaps[:, part] = _decoded(whole.rows(part), units[part], spread)
    done = {
        "readout": "maximum likelihood",
        "settings": settings.tolist(),
        "repetitions": repetitions,
        "shots": [each.shots for each in counts],
        "depolarising": float(whole.strengths.mean()) if len(units) else 0.0,
        "fitted_factor": factor if noise.fitted else None,
        "fitted_factor_error": spread if noise.fitted else None,
        "confusion": noise.confusion is not None,
        "global_sign": "overlap with the input",
    }
    return Decoded(values, errors, done, doubtful=overlaps[0] < DOUBTFUL * overlaps[1])


def estimate(like: Likelihood) -> Floats:
    """Unit vectors ``[rows, d]`` of largest likelihood, up to the sign of each.

    A row that explains its counts worse than chance alone can may be in a wrong basin; it climbs again from where a
    change of signs helps most.
    """
    proposals = starts(_gathered(like))
    _, first = next(proposals)
    vectors, values = like.ascend(first)
    for rows, proposed in proposals:
        _climb(like, rows, proposed, vectors, values)
    free = (len(like.shots) - 1) * (vectors.shape[1] - 1)
    rows = np.flatnonzero(like.best() - values > free / 2 + FAR * sqrt(free / 2))
    if len(rows):
        some, changes = like.rows(rows), clusters(vectors.shape[1])
        heights = np.stack([some.value(vectors[rows] * change) for change in changes], axis=1)
        for choice in np.argsort(-heights, axis=1)[:, :RETRIES].T:
            _climb(like, rows, vectors[rows] * changes[choice], vectors, values)
    return vectors


def _gathered(like: Likelihood) -> Likelihood:
    """The same with the repetitions of a setting added up, misreading taken back: good enough to start from."""
    rows, taken, dim = like.counts.shape
    settings = len(interfering(dim.bit_length() - 1))
    if taken == settings:
        return like
    counts = unread(like).reshape(rows, -1, settings, dim).sum(axis=1)
    shots = like.shots.reshape(-1, settings)
    lost = (like.strengths.reshape(rows, -1, settings) * shots).sum(axis=1) / shots.sum(axis=0)
    tiles = like.tiles[:, :settings]
    return Likelihood(counts, shots.sum(axis=0), like.bases[:settings], lost, None, tiles)


def _climb(like: Likelihood, rows: NDArray[np.intp], begin: Floats, vectors: Floats, values: Floats) -> None:
    """Climb in some rows from other vectors, and keep what is better."""
    reached, heights = like.rows(rows).ascend(begin)
    better = heights > values[rows]
    vectors[rows[better]], values[rows[better]] = reached[better], heights[better]


def _decoded(like: Likelihood, units: Floats, spread: float) -> tuple[Floats, Floats, Floats]:
    """Values and errors ``[rows, d]``, and overlaps with the inputs and their errors ``[2, rows]``."""
    vectors = estimate(like)
    overlaps = np.einsum("ri,ri->r", vectors, units)
    vectors *= np.where(overlaps < 0, -1.0, 1.0)[:, None]
    local = like.near(vectors)
    covariance = np.linalg.inv(local.information)
    # Across the sphere nothing varies; 1 / 4N stands there only to make the information invertible.
    covariance -= vectors[:, :, None] * vectors[:, None, :] / (4 * like.shots.sum())
    if spread:
        pulled = np.einsum("rij,rj->ri", covariance, local.mixed) * spread
        covariance += pulled[:, :, None] * pulled[:, None, :]
    variances = np.einsum("rii->ri", covariance)
    of_overlaps = np.einsum("rij,ri,rj->r", covariance, units, units)
    errors, doubts = np.sqrt(np.clip(variances, 0, None)), np.sqrt(np.clip(of_overlaps, 0, None))
    return vectors, errors, np.stack([np.abs(overlaps), doubts])


def _fitted(counts: Likelihood, noise: Noise) -> tuple[float, float]:
    """Factor of the noise's strengths that is most likely, and the standard error of its logarithm.

    A calibration is taken to be right within a factor of e: one normal observation of ``log factor = 0`` with variance
    1 stands beside the counts, which matters only where they say little.
    """
    number = len(counts.counts)
    chosen = counts.rows(np.unique(np.linspace(0, number - 1, min(number, FITTED)).astype(np.intp)))
    parts = [chosen.rows(part) for part in _parts(chosen)]
    vectors = [estimate(part) for part in parts]
    log, spread = 0.0, 1.0
    for _ in range(STEPS):
        score, information = -log, 1.0
        for place, part in enumerate(parts):
            like = replace(part, strengths=noise.scaled(exp(log))[part.tiles])
            vectors[place], _ = like.ascend(vectors[place])
            local = like.near(vectors[place])
            explained = np.linalg.solve(local.information, local.mixed[..., None])[..., 0]
            score += local.strength_score.sum()
            information += (local.strength_information - (explained * local.mixed).sum(axis=1)).sum()
        spread = float(information) ** -0.5
        step = float(np.clip(score / information, -1, 1))
        log += step
        if abs(step) < SETTLED * spread:
            break
    return exp(log), spread


def _parts(like: Likelihood) -> Iterator[slice]:
    """Slices of rows that are worked on at once."""
    rows, settings, dim = like.counts.shape
    step = max(1, CELLS // (settings * dim))
    return (slice(start, start + step) for start in range(0, rows, step))
