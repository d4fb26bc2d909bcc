"""Real states: angles that prepare unit vectors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from qadapt.synthesis.ansatz import Ansatz, Attempt, Synthesis
from qadapt.synthesis.arrays import Floats, distances
from qadapt.synthesis.closed import ring4, state1, state2, state3, state4
from qadapt.synthesis.inputs import TOLERANCE, some, vectors_of, verified
from qadapt.synthesis.lm import fit, random_starts
from qadapt.synthesis.skeletons import STATES, Couplings, state_ladder

_CLOSED: Mapping[Ansatz, Callable[[Floats], Floats]] = MappingProxyType(
    {STATES[1][0]: state1, STATES[2][0]: state2, STATES[3][0]: state3, STATES[4][0]: ring4, STATES[4][3]: state4}
)
_TRIES, _EVALUATIONS = 8, 100

_log = logging.getLogger(__name__)


def synthesise_states(vectors: ArrayLike, *, couplings: Couplings | None = None, seed: int = 0) -> Synthesis:
    """Find angles that prepare real unit vectors, with one skeleton for all rows.

    Vectors of 2, 4 and 8 components take 0, 1 and 3 CZ in closed form. Vectors of 16 take 7 CZ, in closed form where
    the qubits are coupled as the ring 0-1-3-2 and by least squares on a line or a star; vectors of 32 take 14. Rows
    that least squares does not reach (Schmidt coefficients of very different size) move all rows to a longer skeleton,
    on a line of four qubits one of 9 CZ in closed form; the result's ``attempts`` name them.

    Args:
        vectors: Unit vectors ``[rows, d]`` with d = 2, 4, 8, 16 or 32; component *i* belongs to the outcome whose bit
            *k* is qubit *k*.
        couplings: Pairs that may be entangled; a line 0-1-2-... when omitted.
        seed: Seed of the starts of the least squares.

    Raises:
        BindingsError: The vectors are not real, finite, of unit norm or of such a shape, or a row is not reached.
        CircuitError: The couplings do not connect the qubits.
    """
    targets = vectors_of(vectors)
    chosen = state_ladder(targets.shape[1].bit_length() - 1, couplings)
    attempts: list[Attempt] = []
    hard, every = np.arange(0), np.arange(len(targets))
    for ansatz in chosen:
        for rows in (hard, every):  # what defeated the skeleton before goes first
            angles = _angles(ansatz, targets[rows], seed)
            residual = distances(ansatz.state(angles), targets[rows])
            bad = rows[~(residual <= TOLERANCE)]
            if bad.size and ansatz is not chosen[-1]:
                break
        else:
            break
        hard = bad
        attempts.append(Attempt(ansatz, tuple(bad.tolist())))
        _log.warning("%d CZ do not prepare rows %s; taking more for all", len(ansatz.edges), some(bad))
    return verified(Synthesis(ansatz, angles, residual, residual, np.full(len(targets), TOLERANCE), tuple(attempts)))


def _angles(ansatz: Ansatz, targets: Floats, seed: int) -> Floats:
    """Angles ``[rows, size]`` in closed form, or the best that least squares finds."""
    if ansatz in _CLOSED:
        return _CLOSED[ansatz](targets)
    starts = random_starts(ansatz, _TRIES, seed)
    order = np.broadcast_to(np.arange(_TRIES), (len(targets), _TRIES))
    return fit(ansatz, targets, starts, order, evaluations=_EVALUATIONS)[0]
