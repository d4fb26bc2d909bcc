"""Orthogonal blocks: angles whose circuit is a given rotation matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qadapt.errors import BindingsError
from qadapt.synthesis.ansatz import BLOCKS, Ansatz, Synthesis
from qadapt.synthesis.arrays import Floats, lengths
from qadapt.synthesis.closed import so2, so4
from qadapt.synthesis.inputs import angles_of, matrices_of, verified
from qadapt.synthesis.lm import GOAL, fit, random_starts
from qadapt.synthesis.starts import identity_starts

_CLOSED = {BLOCKS[1]: so2, BLOCKS[2]: so4}
_TRIES = 60


def synthesise_blocks(
    matrices: ArrayLike, *, warm: ArrayLike | None = None, ansatz: Ansatz | None = None, seed: int = 0
) -> Synthesis:
    """Find angles whose circuit is a given matrix of SO(d), with one skeleton on a line for all rows.

    Blocks of side 2 and 4 take 0 and 2 CZ in closed form. Blocks of side 8 and 16 take 19 and 68 CZ by least squares:
    more than the 14 and 60 that generic blocks need, because near the identity, where adapters live, the shorter
    skeletons have no well-conditioned angles.

    Args:
        matrices: Rotations ``[rows, d, d]`` with d = 2, 4, 8 or 16; index *i* has qubit *k* in bit *k*.
        warm: Angles ``[rows, size]`` of earlier, similar blocks to start from. Closed forms do not need them.
        ansatz: Another skeleton than the default one of that size.
        seed: Seed of the random starts of the least squares.

    Raises:
        BindingsError: The matrices are not real, finite, orthogonal, of determinant +1 or of such a shape; the warm
            angles or the ansatz do not fit them; or no angles within 1e-9 were found for a row.
    """
    targets = matrices_of(matrices)
    num_qubits = targets.shape[1].bit_length() - 1
    ansatz = BLOCKS[num_qubits] if ansatz is None else ansatz
    if ansatz.num_qubits != num_qubits:
        raise BindingsError(f"blocks of side {targets.shape[1]} take {num_qubits} qubits, not {ansatz.num_qubits}")
    before = None if warm is None else angles_of(warm, ansatz, len(targets))
    angles = _CLOSED[ansatz](targets) if ansatz in _CLOSED else _searched(ansatz, targets, before, seed)
    return verified(Synthesis(ansatz, angles, lengths(ansatz.matrix(angles) - targets)))


def _searched(ansatz: Ansatz, targets: Floats, warm: Floats | None, seed: int) -> Floats:
    """Angles ``[rows, size]`` by least squares; the best found for rows that were not solved."""
    rows = len(targets)
    angles, distances = np.zeros((rows, ansatz.size)), np.full(rows, np.inf)
    if warm is not None:
        angles, distances = fit(ansatz, targets, warm, np.arange(rows)[:, None])
    hard = np.flatnonzero(distances > GOAL)
    if hard.size:
        starts = random_starts(ansatz, _TRIES, seed)
        identity = identity_starts().get(ansatz)
        if identity is not None:
            starts = np.concatenate([identity[None], starts])
        # Nearest start first: for a block near the identity that is the identity start.
        overlaps = targets[hard].reshape(hard.size, -1) @ ansatz.matrix(starts).reshape(len(starts), -1).T
        angles[hard], _ = fit(ansatz, targets[hard], starts, np.argsort(-overlaps, axis=1, kind="stable"))
    return angles
