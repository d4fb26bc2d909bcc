"""Certificate: whether the overlap with the input gives the sign of a block's output, for every input.

Counts tell a real vector from its negative in no setting. The output ``Q x`` is therefore turned to have a positive
overlap with ``x``, and ``x . Q x`` is positive for every ``x`` if and only if the symmetric part of Q is positive
definite. For a Cayley block ``Q = (I - K/2)(I + K/2)^-1`` the eigenvalues of that part are
``(1 - k^2/4) / (1 + k^2/4)`` with ``k`` the singular values of K, so that the condition is ``||K||_2 < 2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.errors import BindingsError

Floats: TypeAlias = NDArray[np.float64]

ROUNDING = 1e-12
"""Margins up to this are taken for zero."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is known of the global sign of blocks before anything is run.

    Attributes:
        margins: Least overlap ``x . Q x`` over all unit vectors, ``[blocks]``: -1 to 1. With margin *m* and N shots the
            measured overlap is at least ``2 m sqrt(N)`` standard errors from zero.
    """

    margins: Floats

    @property
    def holds(self) -> NDArray[np.bool_]:
        """Whether the sign of the overlap is right for every input, ``[blocks]``."""
        held: NDArray[np.bool_] = self.margins > ROUNDING
        return held


def certificate(blocks: ArrayLike) -> Certificate:
    """Certificate of real blocks ``[blocks, d, d]``.

    Raises:
        BindingsError: They are not finite real square matrices.
    """
    matrices = np.asarray(blocks)
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2] or matrices.dtype.kind not in "iuf":
        raise BindingsError(f"blocks are {matrices.dtype} {list(matrices.shape)}, expected real numbers [blocks, d, d]")
    if not np.isfinite(matrices).all():
        raise BindingsError("blocks hold values that are not finite")
    symmetric = (matrices + matrices.swapaxes(1, 2)) / 2
    return Certificate(np.linalg.eigvalsh(symmetric).min(axis=1, initial=np.inf))
