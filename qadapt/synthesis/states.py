"""Real states: angles that prepare unit vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qadapt.synthesis.ansatz import SCHMIDT, STATES, Ansatz, Synthesis
from qadapt.synthesis.arrays import Floats, lengths
from qadapt.synthesis.closed import state1, state2, state3, state4
from qadapt.synthesis.inputs import TOLERANCE, vectors_of, verified
from qadapt.synthesis.lm import fit, random_starts

_CLOSED = {1: state1, 2: state2, 3: state3}
_TRIES, _EVALUATIONS = 8, 100


def synthesise_states(vectors: ArrayLike, *, seed: int = 0) -> Synthesis:
    """Find angles that prepare real unit vectors, with one skeleton on a line for all rows.

    Vectors of 2, 4 and 8 components take 0, 1 and 3 CZ in closed form. Vectors of 16 take 7 CZ by least squares; if a
    row defeats that, which takes Schmidt coefficients of very different size, all rows take 9 CZ in closed form.

    Args:
        vectors: Unit vectors ``[rows, d]`` with d = 2, 4, 8 or 16; component *i* belongs to the outcome whose bit *k*
            is qubit *k*.
        seed: Seed of the starts of the least squares.

    Raises:
        BindingsError: The vectors are not real, finite, of unit norm or of such a shape.
    """
    targets = vectors_of(vectors)
    num_qubits = targets.shape[1].bit_length() - 1
    if num_qubits in _CLOSED:
        return verified(_synthesis(STATES[num_qubits], _CLOSED[num_qubits](targets), targets))
    found = _synthesis(STATES[num_qubits], _searched(STATES[num_qubits], targets, seed), targets)
    if (found.residual > TOLERANCE).any():
        found = _synthesis(SCHMIDT, state4(targets), targets)
    return verified(found)


def _synthesis(ansatz: Ansatz, angles: Floats, targets: Floats) -> Synthesis:
    return Synthesis(ansatz, angles, lengths(ansatz.state(angles) - targets))


def _searched(ansatz: Ansatz, targets: Floats, seed: int) -> Floats:
    """Angles ``[rows, size]`` by least squares; the best found for rows that were not solved."""
    starts = random_starts(ansatz, _TRIES, seed)
    order = np.broadcast_to(np.arange(_TRIES), (len(targets), _TRIES))
    return fit(ansatz, targets, starts, order, evaluations=_EVALUATIONS)[0]
