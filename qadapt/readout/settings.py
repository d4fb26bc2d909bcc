"""Settings: the real rotations in front of the measurement, as angles and as matrices."""

from __future__ import annotations

from functools import lru_cache
from math import pi
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import BindingsError
from qadapt.gates import gate

Floats: TypeAlias = NDArray[np.float64]

QUARTER = pi / 2
"""RY angle that turns the computational basis into that of X, as a Hadamard does up to signs of outcomes."""


def computational(num_qubits: int) -> Floats:
    """The one setting that turns nothing, ``[1, qubits]``."""
    return np.zeros((1, num_qubits))


@lru_cache
def interfering(num_qubits: int) -> Floats:
    """The settings of the read-out ``signed``, ``[settings, qubits]``.

    The computational basis first, then a quarter turn of one qubit at a time, of qubit *k* in setting ``1 + k``, and
    last of all qubits at once. The single turns give the signs of products of components whose indices differ in one
    bit; all at once connect what vanishing components keep apart.
    """
    single, every = QUARTER * np.eye(num_qubits), np.full((int(num_qubits > 1), num_qubits), QUARTER)
    made = np.concatenate([computational(num_qubits), single, every])
    made.setflags(write=False)
    return made


def bases(settings: Floats) -> Floats:
    """Rows of the rotations, ``[settings, d, d]``: the amplitude of outcome *k* is row *k* times the state."""
    out = np.ones((len(settings), 1, 1))
    for qubit in range(settings.shape[1]):  # the last qubit is the highest bit
        turn = gate("ry").matrix(settings[:, qubit]).real
        size = 2 * out.shape[-1]
        out = np.einsum("sij,skl->sikjl", turn, out).reshape(-1, size, size)
    return out


def shots_each(shots: int, settings: int) -> int:
    """Shots of every setting, ``shots // settings``: what does not divide is left out.

    Raises:
        BindingsError: ``shots`` is not a whole number of at least the number of settings.
    """
    if isinstance(shots, bool) or not isinstance(shots, int) or shots < settings:
        raise BindingsError(f"shots is {shots!r}, expected a whole number of at least {settings}, one per setting")
    return shots // settings
