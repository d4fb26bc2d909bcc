"""Ancilla: the global sign of an output, measured where no certificate gives it.

An ancilla in an equal superposition controls the block on the prepared input and is turned back, which makes ``x`` and
``y = Q x`` interfere: outcome *i* beside ancilla 0 has the probability ``(x_i + y_i)^2 / 4``, beside ancilla 1
``(x_i - y_i)^2 / 4``. The vector is known but for its sign, so that these counts decide between two hypotheses.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.counts import Counts
from qadapt.errors import BindingsError
from qadapt.readout.interface import inputs_of, tables_of

Floats: TypeAlias = NDArray[np.float64]

LOST = 0.05
"""Depolarising strength that the hypotheses allow for, so that no single count decides alone."""

DECIDED = 8.0
"""Evidence in nats from which a sign is not doubtful; as likely to mislead as four standard errors."""


def controlled(blocks: Floats) -> Floats:
    """Blocks ``[blocks, d, d]`` under the control of one more, highest qubit, ``[blocks, 2 d, 2 d]``."""
    number, dim, _ = blocks.shape
    out = np.zeros((number, 2 * dim, 2 * dim))
    out[:, :dim, :dim], out[:, dim:, dim:] = np.eye(dim), blocks
    return out


def evidence(values: ArrayLike, inputs: ArrayLike, counts: Counts) -> Floats:
    """Log-likelihood of the sign that decoded vectors have, less that of the other one, in nats, ``[rows]``.

    Args:
        values: Decoded unit vectors ``[rows, d]``.
        inputs: Unit vectors that were prepared, ``[rows, d]``.
        counts: Of one register ``[rows, 2 d]``, whose highest bit is the ancilla.

    Raises:
        BindingsError: Arrays that do not fit each other.
    """
    (table,) = tables_of([counts], 1)
    rows, width = table.shape
    found, given = (inputs_of(array, (rows, width // 2)) for array in (values, inputs))
    if width < 4:
        raise BindingsError(f"counts of {width} outcomes have no ancilla beside a qubit")
    same, turned = (np.log((1 - LOST) * np.square(given + sign * found) / 4 + LOST / width) for sign in (1, -1))
    ahead = table[:, : width // 2] - table[:, width // 2 :]
    out: Floats = np.einsum("rk,rk->r", ahead.astype(np.float64), same - turned)
    return out
