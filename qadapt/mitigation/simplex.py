"""Simplex: the nearest probabilities to estimates that may be negative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nearest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move every row to the nearest point with no negative value and sum 1, in Euclidean distance.

    For estimates with equal errors that is their maximum likelihood (J. A. Smolin, J. M. Gambetta and G. Smith,
    Phys. Rev. Lett. 108, 070502 (2012)). Rows that are probabilities stay as they are but for rounding.

    Args:
        values: ``[rows, d]``.
    """
    descending = -np.sort(-values, axis=1)
    number = np.arange(1, values.shape[1] + 1)
    # What is subtracted from all values if the `number` largest stay positive; the last one that leaves them so holds.
    shift = (np.cumsum(descending, axis=1) - 1) / number
    last = (descending > shift).cumsum(axis=1).argmax(axis=1)
    out: NDArray[np.float64] = np.maximum(values - np.take_along_axis(shift, last[:, None], axis=1), 0.0)
    return out
