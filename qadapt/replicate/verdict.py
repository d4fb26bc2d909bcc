"""Verdict: do counts agree with what a target should have produced, given its shots and its calibrated noise?"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

SIGMAS = 6.0
"""One-sided false-alarm rate 1e-9 for the sum over many rows, which is normal to good accuracy."""
REPLICATES = 128


class Agreement(BaseModel):
    """How far counts are from a predicted distribution, in mean total variation distance over the rows.

    Attributes:
        distance: Seen distance to the prediction.
        expected: Distance that shots alone cause if the prediction is right.
        deviation: Standard deviation of that distance.
        noise: Distance of the prediction to the ideal distribution; 0 for ideal targets.
        margin: What is allowed on top because calibration does not describe a real machine exactly.
        verdict: ``match`` if ``distance <= expected + 6 deviation + margin``.
    """

    model_config = ConfigDict(frozen=True)

    distance: float
    expected: float
    deviation: float
    noise: float
    margin: float
    verdict: Literal["match", "differs"]


def agreement(
    counts: NDArray[np.int64],
    predicted: NDArray[np.float64],
    ideal: NDArray[np.float64],
    *,
    simulated: bool,
    seed: int,
) -> Agreement:
    """Compare counts with a prediction by a parametric bootstrap of the mean total variation distance.

    The null distribution is drawn from the prediction itself with the same shots, so no approximation for rare
    outcomes enters. On a real machine the prediction is its calibration, which the machine may miss; there the noise
    may be twice as large as calibrated.

    Args:
        counts: Counts ``[rows, outcomes]``, the same shots in every row.
        predicted: Probabilities that the target should have, noise included, ``[rows, outcomes]``.
        ideal: Probabilities without noise, ``[rows, outcomes]``.
        simulated: Whether the counts come from a simulator, for which the prediction is exact.
        seed: Seed of the bootstrap.
    """
    shots = int(counts[0].sum())
    generator = np.random.default_rng(seed)
    predicted, ideal = (
        np.clip(p, 0, None) / np.clip(p, 0, None).sum(axis=1, keepdims=True) for p in (predicted, ideal)
    )

    def distance(frequencies: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
        return float(0.5 * np.abs(frequencies - reference).sum(axis=1).mean())

    null = [distance(generator.multinomial(shots, predicted) / shots, predicted) for _ in range(REPLICATES)]
    seen, expected, deviation = distance(counts / shots, predicted), float(np.mean(null)), float(np.std(null, ddof=1))
    noise = distance(predicted, ideal)
    margin = 0.0 if simulated else noise
    verdict: Literal["match", "differs"] = "match" if seen <= expected + SIGMAS * deviation + margin else "differs"
    return Agreement(distance=seen, expected=expected, deviation=deviation, noise=noise, margin=margin, verdict=verdict)
