"""Mixture: the noise of a machine as weights over a few distributions, fitted by maximum likelihood.

A family is an array ``[components, rows, outcomes]`` of distributions C; its members are ``sum_j w_j C_j`` with weights
w of the simplex that all rows share. The log-likelihood ``L(w) = sum_i n_i log (wC)_i`` is concave, so there is one
maximum, and any w comes with a certificate: by concavity ``L(v) - L(w) <= sum_j v_j (g_j - N)`` with the gradient
``g_j = sum_i n_i C_ji / (wC)_i`` and ``sum_j w_j g_j = N``, so the supremum is at most ``L(w) + max_j g_j - N`` (B. G.
Lindsay, The geometry of mixture likelihoods, Ann. Statist. 11 (1983) 86).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from qadapt_conformance.statistics.exact import IMPOSSIBLE

TOLERANCE = 1e-6
"""Distance from the supremum of the log-likelihood at which a fit ends, in nats."""

_STEPS = 200
_HALVINGS = 40
_FLAT = 1e-13
_RIDGE = 1e-12


@dataclass(frozen=True)
class Fit:
    """The best member of a family.

    Attributes:
        weights: ``[components]``, of the simplex.
        log_likelihood: Of the counts under these weights, in nats, without the multinomial coefficients; minus infinity
            where no member of the family gives what occurred.
        gap: The certificate: the supremum over the family exceeds ``log_likelihood`` by at most this much.
    """

    weights: NDArray[np.float64]
    log_likelihood: float
    gap: float

    @property
    def supremum(self) -> float:
        """Upper bound on the log-likelihood of every member of the family."""
        return self.log_likelihood + self.gap


def mix(weights: NDArray[np.float64], components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the member ``[rows, outcomes]`` of a family with the given weights ``[components]``."""
    mixed: NDArray[np.float64] = np.tensordot(weights, _possible(components), axes=1)
    return mixed


def log_likelihood(counts: NDArray[np.int64] | NDArray[np.float64], probabilities: NDArray[np.float64]) -> float:
    """Log-likelihood ``sum n log p`` in nats, without the multinomial coefficients.

    Args:
        counts: Of any shape; may be expected counts, which are no integers.
        probabilities: Of the same shape.

    Returns:
        Minus infinity where something occurred that has probability zero.
    """
    seen = counts > 0
    if (probabilities[seen] <= IMPOSSIBLE).any():
        return -inf
    return float(counts[seen] @ np.log(probabilities[seen]))


def fit(
    counts: NDArray[np.int64] | NDArray[np.float64],
    components: NDArray[np.float64],
    *,
    tolerance: float = TOLERANCE,
) -> Fit:
    """Maximise the likelihood over the weights of a family.

    Sequential quadratic programming with an active set and a line search (Y. Kim, P. Carbonetto, M. Stephens, M.
    Anitescu, A fast algorithm for maximum likelihood estimation of mixture proportions using sequential quadratic
    programming, J. Comput. Graph. Stat. 29 (2020) 261), until the certificate is within the tolerance. A fit that ends
    earlier, as rounding errors may demand, says so by its ``gap``.

    Args:
        counts: ``[rows, outcomes]``; may be expected counts, which are no integers.
        components: ``[components, rows, outcomes]``.
        tolerance: In nats.

    Raises:
        ValueError: The shapes do not fit each other.
    """
    if components.ndim != 3 or components.shape[1:] != counts.shape or not len(components):
        raise ValueError(f"components of shape {components.shape} do not fit counts of shape {counts.shape}")
    seen = counts > 0
    numbers = counts[seen].astype(float)
    total = float(numbers.sum())
    cells = np.ascontiguousarray(_possible(components)[:, seen].T)
    weights = np.full(len(components), 1 / len(components))
    if not total:
        return Fit(weights, 0.0, 0.0)
    if not cells.any(axis=1).all():
        return Fit(weights, -inf, 0.0)
    shares = numbers / total
    at = _look(cells, shares, weights)
    for _ in range(_STEPS):
        if total * at.excess <= tolerance:
            break
        moved = next(filter(None, (_towards(cells, shares, at, goal) for goal in _goals(cells, shares, at))), None)
        if moved is None:
            break
        at = moved
    return Fit(at.weights, float(numbers @ np.log(at.mixed)), total * at.excess)


class _Look(NamedTuple):
    """One point of the search: a member's cells, ``L / N``, its gradient, and the certificate per shot."""

    weights: NDArray[np.float64]
    mixed: NDArray[np.float64]
    value: float
    gradient: NDArray[np.float64]
    excess: float


def _look(cells: NDArray[np.float64], shares: NDArray[np.float64], weights: NDArray[np.float64]) -> _Look:
    mixed = cells @ weights
    gradient = cells.T @ (shares / mixed)
    return _Look(weights, mixed, float(shares @ np.log(mixed)), gradient, max(0.0, float(gradient.max()) - 1))


def _goals(cells: NDArray[np.float64], shares: NDArray[np.float64], at: _Look) -> Iterator[NDArray[np.float64]]:
    """Weights to go towards: Newton's, unless rounding errors spoil them, then the steepest component alone."""
    with suppress(np.linalg.LinAlgError, RuntimeError):
        yield _newton(cells, shares, at)
    yield np.eye(len(at.weights))[at.gradient.argmax()]


def _newton(cells: NDArray[np.float64], shares: NDArray[np.float64], at: _Look) -> NDArray[np.float64]:
    """Maximise the quadratic model of ``L(w) / N - sum w`` over weights that are not negative, then normalise.

    With the Hessian -H and ``H w = gradient`` the model is ``v (2 gradient - 1) - v H v / 2``, a non-negative least
    squares problem for H's Cholesky factor. A little ridge keeps components that nearly agree apart.
    """
    scaled = cells * (np.sqrt(shares) / at.mixed)[:, None]
    hessian = scaled.T @ scaled
    ridge = _RIDGE * np.trace(hessian) / len(hessian)
    factor = np.linalg.cholesky(hessian + ridge * np.eye(len(hessian)))
    moved, _ = nnls(factor.T, np.linalg.solve(factor, 2 * at.gradient - 1 + ridge * at.weights))
    total = float(moved.sum())
    return moved / total if total else moved + 1 / len(moved)


def _towards(
    cells: NDArray[np.float64], shares: NDArray[np.float64], at: _Look, goal: NDArray[np.float64]
) -> _Look | None:
    """Go towards other weights as far as the likelihood grows; None if it does not.

    Close to the maximum it is flat to rounding errors, and the certificate, which is not, decides.
    """
    length = 1.0
    for _ in range(_HALVINGS):
        tried = (1 - length) * at.weights + length * goal
        tried /= tried.sum()
        if (cells @ tried).min() > 0:
            seen = _look(cells, shares, tried)
            if seen.value > at.value or (seen.value > at.value - _FLAT and seen.excess < at.excess / 2):
                return seen
        length /= 2
    return None


def _possible(components: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(components > IMPOSSIBLE, components, 0.0)
