"""What the tests of this provider share."""

from __future__ import annotations

from math import exp, log
from types import SimpleNamespace

import cirq
import numpy as np
import pytest

FALSE_ALARM = 1e-9
"""False-alarm rate of one statistical look; the files of this folder have fewer than a hundred of them."""


def surprise(counts, probabilities):
    """Bound the probability that counts lie this far from the probabilities they were drawn from.

    With f the frequencies of N shots, the moment generating function of N KL(f | p) is at most that of a gamma
    distribution of shape k - 1 (R. Agrawal, IEEE Trans. Inf. Theory 66 (2020)), rows add up, and Chernoff's bound is
    ``P(sum >= g) <= exp(D - g) (g / D)**D`` for g > D, the sum of the shapes.
    """
    shots = counts.sum(axis=1, keepdims=True)
    seen = counts > 0
    frequencies = counts / shots
    ratio = np.divide(frequencies, probabilities, out=np.ones_like(frequencies), where=seen)
    distance = float((counts * np.log(ratio)).sum())
    freedom = counts.size - len(counts)
    return 1.0 if distance <= freedom else exp(freedom - distance + freedom * log(distance / freedom))


def whole(circuit, registers, qubits, model):
    """Noisy distributions of a resolved Cirq circuit as one density matrix, by Cirq alone.

    Noise is added to the circuit with its measurements, and what comes before them counts.
    """
    order = sorted(circuit.all_qubits())
    noisy = circuit.with_noise(model)
    found = next(index for index, moment in enumerate(noisy) if cirq.is_measurement(moment))
    simulator = cirq.DensityMatrixSimulator(dtype=np.complex128)
    rho = simulator.simulate(noisy[:found], qubit_order=order).final_density_matrix
    weights = rho.diagonal().real.reshape((2,) * len(order))
    tables = []
    for register in registers:
        places = [order.index(qubits[qubit]) for qubit in register]
        rest = tuple(set(range(len(order))).difference(places))
        kept = [place for place in range(len(order)) if place in places]
        marginal = weights.sum(axis=rest).transpose([kept.index(place) for place in places])
        # Index bit k is the register's k-th qubit, so its axis comes k-th from the end.
        tables.append(marginal.transpose(range(len(places) - 1, -1, -1)).reshape(-1))
    return tables


@pytest.fixture(scope="session")
def looks():
    """The statistics and the oracle, as a namespace."""
    return SimpleNamespace(FALSE_ALARM=FALSE_ALARM, surprise=surprise, whole=whole)
