"""Extrapolation: results at amplified errors taken to zero errors, with their variances.

Linear: a least-squares line. Richardson: the polynomial through all points (L. F. Richardson, Phil. Trans. R. Soc. A
226, 299 (1927); K. Temme, S. Bravyi and J. M. Gambetta, Phys. Rev. Lett. 119, 180509 (2017)). Exponential: every value
decays to a known centre, ``c + a_i exp(-k scale)``, at one rate *k* for all values of a group of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.mitigation.mitigation import Method

Floats: TypeAlias = NDArray[np.float64]

RATES = np.linspace(-0.2, 2.0, 881)
"""Rates that are tried: from a little growth, which shot noise may feign, to a loss of 86 % at scale 1."""


def extrapolated(
    scales: Sequence[float],
    values: Floats,
    variances: Floats,
    method: Method,
    *,
    centre: float = 0.0,
    groups: NDArray[np.intp] | None = None,
) -> tuple[Floats, Floats]:
    """Take results to zero errors.

    Args:
        scales: Factors by which errors were amplified, ascending.
        values: ``[scales, rows, values]``.
        variances: Of the values, which are independent between scales.
        method: ``linear``, ``richardson`` or ``exponential``.
        centre: What values decay to: ``1 / d`` for probabilities, 0 for expectations of Z strings.
        groups: Number of the group of each row, from 0, ``[rows]``; rows of one group, as those of one tile, decay at
            one rate. All of them are one group when omitted.

    Returns:
        Values and variances at scale 0, ``[rows, values]``.
    """
    if method == "exponential":
        groups = np.zeros(values.shape[1], dtype=np.intp) if groups is None else groups
        out, spread = _exponential(np.asarray(scales, dtype=float), values - centre, variances, groups)
        return out + centre, spread
    weights = weights_of(scales, method)
    return np.tensordot(weights, values, axes=1), np.tensordot(weights**2, variances, axes=1)


def weights_of(scales: Sequence[float], method: Method) -> Floats:
    """Weights ``[scales]`` of the results of a linear or Richardson extrapolation; they add up to 1."""
    points = np.asarray(scales, dtype=float)
    degree = 1 if method == "linear" else len(points) - 1
    powers = np.vander(points, min(degree, len(points) - 1) + 1, increasing=True)
    weights: Floats = np.linalg.pinv(powers)[0]
    return weights


def _exponential(scales: Floats, values: Floats, variances: Floats, groups: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Least squares in rate and amplitudes; the amplitudes of a rate are known in closed form.

    What a rate leaves unexplained is ``tr M - e' M e / e' e`` with ``e = exp(-rate scales)`` and the products *M* of
    the values at all pairs of scales, from which the squares of the shot noise are taken out.
    """
    number = int(groups.max()) + 1
    products = np.zeros((number, len(scales), len(scales)))
    np.add.at(products, groups, np.einsum("srv,trv->rst", values, values))
    noise = np.zeros((number, len(scales)))
    np.add.at(noise, groups, variances.sum(axis=-1).T)
    index = np.arange(len(scales))
    products[:, index, index] -= noise
    decays = np.exp(-np.outer(RATES, scales))
    norms = (decays**2).sum(axis=1)
    explained = np.einsum("rs,gst,rt->gr", decays, products, decays) / norms
    best = explained.argmax(axis=1)
    decay, norm = decays[best], norms[best]
    weights = (decay / norm[:, None])[groups].T[..., None]  # [scales, rows, 1]
    out = (weights * values).sum(axis=0)
    spread = (weights**2 * variances).sum(axis=0)
    # The rate's own variance: its information is that of all values of the group, less what the amplitudes take.
    mean = (decay**2 * scales).sum(axis=1) / norm
    about = (decay**2 * (scales - mean[:, None]) ** 2).sum(axis=1)
    counted = np.bincount(groups, minlength=number) * values.shape[-1] * len(scales)
    power = np.bincount(groups, weights=(out**2).sum(axis=1), minlength=number)
    power -= np.bincount(groups, weights=spread.sum(axis=1), minlength=number)
    information = np.maximum(power, 1e-300) * about / np.maximum(noise.sum(axis=1) / counted, 1e-300)
    rate = np.minimum(1 / np.maximum(information, 1e-300), (RATES[-1] - RATES[0]) ** 2 / 12)
    return out, spread + out**2 * (mean**2 * rate)[groups][:, None]
