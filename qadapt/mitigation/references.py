"""References: rows of a circuit whose outcomes are known exactly, to see what becomes of them on a machine.

They are rows of the very circuit, with angles of whole quarter turns, for which the outcome is (nearly) always the same
one: same gates, same qubits, same run, other angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import TargetError
from qadapt.simulate import statevector

CANDIDATES, AMPLITUDES = 1024, 2**22
"""Most rows that are tried, and most amplitudes of all of them together."""
SHARP = 0.9
"""Least share of the largest possible contrast ``1 - 1 / d`` that a reference has."""


@dataclass(frozen=True, eq=False)
class References:
    """Rows of known outcome.

    Attributes:
        angles: Values of the circuit's parameters, ``[references, parameters]``.
        exact: Probabilities of the outcomes, ``[references, d]``.
    """

    angles: NDArray[np.float64]
    exact: NDArray[np.float64]

    @property
    def signal(self) -> NDArray[np.float64]:
        """What depolarising shrinks: probabilities less those of uniform outcomes, ``[references, d]``."""
        signal: NDArray[np.float64] = self.exact - 1 / self.exact.shape[1]
        return signal


def references(circuit: Circuit, number: int, seed: int = 0) -> References:
    """Find rows of known outcome among random ones, with outcomes as different as there are.

    Args:
        circuit: The source circuit, of few enough qubits to be simulated.
        number: How many; rows are repeated if fewer are found.
        seed: Seed of the search.

    Raises:
        TargetError: None was found, as where the circuit has no parameters or angles that are no quarter turns.
    """
    generator = np.random.default_rng(seed)
    names = circuit.parameters
    tried = max(1, min(CANDIDATES, AMPLITUDES >> circuit.num_qubits)) if names else 1
    angles = np.pi / 2 * generator.integers(0, 4, (tried, len(names))).astype(float)
    bindings = Bindings.rows_of(names, angles) if names else Bindings.of({})
    (exact,) = statevector.probabilities(circuit, bindings)
    contrast = (exact**2).sum(axis=1) - 1 / exact.shape[1]
    sharp = np.flatnonzero(contrast > SHARP * (1 - 1 / exact.shape[1]))
    if not sharp.size:
        raise TargetError(
            "no angles of the circuit are known to have a sharp outcome",
            hint="take the strength of the depolarising from the calibration",
        )
    # By turns one of each outcome.
    outcomes = exact[sharp].argmax(axis=1)
    turn = np.array([np.count_nonzero(outcomes[:place] == outcome) for place, outcome in enumerate(outcomes)])
    chosen = np.resize(sharp[np.argsort(turn, kind="stable")], number)
    return References(angles[chosen], exact[chosen])
