"""Likelihood: what the counts of all settings together say about real vectors, and where it is largest.

In a setting with basis *B* a real unit vector *v* has amplitudes ``a = B v``, outcomes have probabilities
``p = C ((1 - s) a^2 + s / d) + f`` with depolarising strength *s* and confusion *C*, and the log-likelihood of counts
*n* is ``sum n log p`` over all settings. The floor ``f``, ``FLOOR`` counts' worth, keeps it finite where an amplitude
vanishes; it shifts an amplitude ``a`` by ``f / 2a``, far less than its error.

Without noise the Fisher information of N shots in any real basis is ``4 N`` on the sphere's tangents, the quantum limit
(S. L. Braunstein and C. M. Caves, Phys. Rev. Lett. 72, 3439 (1994)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.counts import Counts
from qadapt.readout.noise import Noise
from qadapt.readout.settings import bases

Floats: TypeAlias = NDArray[np.float64]

FLOOR = 0.1
"""Least expected counts of an outcome."""
CLOSE = 1e-4
"""Gain in log-likelihood, in nats, below which a row has arrived: 1 % of its standard error in distance."""
ROUNDS = 60
"""Most Fisher-scoring steps of a row."""
RIDGE = 1e-6
"""Smallest information that a direction is taken to have, in units of ``4 N``."""


@dataclass(frozen=True, eq=False)
class Local:
    """A likelihood near one vector per row.

    Attributes:
        value: Log-likelihood, ``[rows]``.
        score: Its gradient along the sphere, ``[rows, d]``.
        information: Expected Fisher information along the sphere, and ``4 N`` along the vector itself,
            ``[rows, d, d]``.
        strength_score: Derivative by the logarithm of a common factor of the strengths, ``[rows]``.
        strength_information: Expected information on that logarithm, ``[rows]``.
        mixed: Expected information between vector and that logarithm, along the sphere, ``[rows, d]``.
    """

    value: Floats
    score: Floats
    information: Floats
    strength_score: Floats
    strength_information: Floats
    mixed: Floats


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Counts of rows in settings, and the model that explains them.

    Attributes:
        counts: ``[rows, settings, d]``, as floats.
        shots: Shots of each setting, ``[settings]``.
        bases: Rows of the settings' rotations, ``[settings, d, d]``.
        strengths: Depolarising strengths, ``[rows, settings]``.
        confusion: Confusion matrices ``[tiles, d, d]``; None for perfect readout.
        tiles: Tile of each row and setting, ``[rows, settings]``.
    """

    counts: Floats
    shots: Floats
    bases: Floats
    strengths: Floats
    confusion: Floats | None
    tiles: NDArray[np.intp]

    @classmethod
    def of(cls, counts: Sequence[Counts], settings: Floats, noise: Noise) -> Likelihood:
        """Likelihood of the counts of each setting, of one register ``[rows, d]`` each."""
        tables = np.stack([each.table for each in counts], axis=1).astype(np.float64)
        shots = np.array([each.shots for each in counts], dtype=np.float64)
        tiles = noise.of_rows(len(counts), len(tables))
        return cls(tables, shots, bases(settings), noise.strengths[tiles], noise.confusion, tiles)

    def rows(self, which: Any) -> Likelihood:
        """The same for some rows: a slice, numbers or a mask."""
        return replace(self, counts=self.counts[which], strengths=self.strengths[which], tiles=self.tiles[which])

    def value(self, vectors: Floats) -> Floats:
        """Log-likelihood ``[rows]`` of unit vectors ``[rows, d]``, in nats, up to a constant."""
        out: Floats = np.einsum("rsk,rsk->r", self.counts, np.log(self._outcomes(self._amplitudes(vectors))))
        return out

    def best(self) -> Floats:
        """Log-likelihood ``[rows]`` that a model without restrictions could reach."""
        shares = self.counts / self.shots[:, None] + (FLOOR / self.shots)[:, None]
        out: Floats = np.einsum("rsk,rsk->r", self.counts, np.log(shares))
        return out

    def near(self, vectors: Floats) -> Local:
        """Value and derivatives at unit vectors ``[rows, d]``."""
        rows, settings, dim = self.counts.shape
        flat = (rows, settings * dim)
        amplitudes = self._amplitudes(vectors)
        outcomes = self._outcomes(amplitudes)
        pull, weight = self.counts / outcomes, self.shots[:, None] / outcomes
        slope = 2 * (1 - self.strengths)[..., None] * amplitudes
        faded = self._read(1 / dim - np.square(amplitudes)) * self.strengths[..., None]
        if self.confusion is None:
            every = self.bases.reshape(-1, dim)
            outer = (every[:, :, None] * every[:, None, :]).reshape(-1, dim * dim)
            score = (slope * pull).reshape(flat) @ every
            information = ((np.square(slope) * weight).reshape(flat) @ outer).reshape(rows, dim, dim)
            mixed = (slope * weight * faded).reshape(flat) @ every
        else:
            turned = (self.confusion[self.tiles] @ (slope[..., None] * self.bases)).reshape(*flat, dim)
            weighed = turned * weight.reshape(*flat, 1)
            score = np.einsum("rk,rki->ri", pull.reshape(flat), turned)
            information = turned.swapaxes(1, 2) @ weighed
            mixed = np.einsum("rk,rki->ri", faded.reshape(flat), weighed)
        return Local(
            value=np.einsum("rsk,rsk->r", self.counts, np.log(outcomes)),
            score=_along(score, vectors),
            information=self._on_sphere(information, vectors),
            strength_score=np.einsum("rsk,rsk->r", pull, faded),
            strength_information=np.einsum("rsk,rsk->r", weight, np.square(faded)),
            mixed=_along(mixed, vectors),
        )

    def ascend(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Climb from unit vectors ``[rows, d]`` to the next maximum by Fisher scoring; vectors and values ``[rows]``.

        A row stays where the next step would not gain, so that none ends below its start.
        """
        best, values = vectors.copy(), self.value(vectors)
        active = np.arange(len(best))
        for _ in range(ROUNDS):
            some = self.rows(active)
            local = some.near(best[active])
            step = np.linalg.solve(local.information, local.score[..., None])[..., 0]
            gain = np.einsum("ri,ri->r", step, local.score)
            tried = unit(best[active] + step)
            reached = some.value(tried)
            better = reached >= values[active]
            taken = active[better]
            best[taken], values[taken] = tried[better], reached[better]
            active = active[better & (gain > CLOSE)]
            if not len(active):
                break
        return best, values

    def _amplitudes(self, vectors: Floats) -> Floats:
        settings, dim, _ = self.bases.shape
        return (vectors @ self.bases.reshape(-1, dim).T).reshape(len(vectors), settings, dim)

    def _outcomes(self, amplitudes: Floats) -> Floats:
        strengths = self.strengths[..., None]
        mixed = (1 - strengths) * np.square(amplitudes) + strengths / amplitudes.shape[-1]
        return self._read(mixed) + (FLOOR / self.shots)[:, None]

    def _read(self, outcomes: Floats) -> Floats:
        if self.confusion is None:
            return outcomes
        read: Floats = (self.confusion[self.tiles] @ outcomes[..., None])[..., 0]
        return read

    def _on_sphere(self, information: Floats, vectors: Floats) -> Floats:
        """Information of the tangents, and ``4 N`` across, so that it can be inverted."""
        turned = np.einsum("rij,rj->ri", information, vectors)
        whole = 4 * self.shots.sum()
        across = np.einsum("ri,ri->r", turned, vectors) + whole
        outer = turned[:, :, None] * vectors[:, None, :]
        out: Floats = information - outer - outer.swapaxes(1, 2)
        out += across[:, None, None] * (vectors[:, :, None] * vectors[:, None, :])
        out += RIDGE * whole * np.eye(vectors.shape[1])
        return out


def unit(vectors: Floats) -> Floats:
    """Vectors ``[rows, d]`` divided by their norms."""
    out: Floats = vectors / np.sqrt(np.einsum("ri,ri->r", vectors, vectors))[:, None]
    return out


def _along(gradient: Floats, vectors: Floats) -> Floats:
    out: Floats = gradient - np.einsum("ri,ri->r", gradient, vectors)[:, None] * vectors
    return out
