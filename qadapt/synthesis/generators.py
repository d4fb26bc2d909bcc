"""Generators: an ansatz as a product of rotations about fixed real generators, all fixed gates moved to the end.

Moving every CZ and every fixed rotation of an ansatz behind its free rotations conjugates each generator ``-i P`` of a
free rotation by Clifford gates. What comes out is ``-i`` times a signed Pauli string, and because the ansatz keeps a
real structure it is a real skew signed permutation *G*. The ansatz is then, up to global phase,

    V = C exp(t_p G_p / 2) ... exp(t_1 G_1 / 2),        exp(t G / 2) = cos(t/2) + sin(t/2) G,

with a constant real *C*. RY, U3 and RZZ ansaetze are all of this one form, so one real solver serves them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qadapt.gates import GATES
from qadapt.synthesis.ansatz import Ansatz
from qadapt.synthesis.arrays import Complexes, Floats
from qadapt.synthesis.structure import Step

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Generators:
    """Real generators of an ansatz of *p* angles on vectors of *d* components.

    Attributes:
        images: ``[p, d]``; row *i* of ``G v`` is ``signs[i]`` times row ``images[i]`` of *v*.
        signs: ``[p, d]``, each 1 or -1.
        low: ``[p, d/2]``, the rows *i* with ``i < images[i]``; with their images they are all rows.
        groups: Angles in the order they act, cut into groups whose generators commute with one another.
        closing: The matrix *C*, ``[d, d]``.
    """

    images: Indices
    signs: Floats
    low: Indices
    groups: tuple[tuple[int, ...], ...]
    closing: Floats


@lru_cache(maxsize=256)
def generators(ansatz: Ansatz) -> Generators:
    """Move the fixed gates of an ansatz to its end."""
    dim = 1 << ansatz.num_qubits
    fixed: Complexes = np.eye(dim, dtype=complex)
    found: list[Floats] = []
    for step in ansatz.steps:
        if step.angle is None:
            fixed = _matrix(step, ansatz.num_qubits) @ fixed
        else:
            string = _matrix(Step(step.gate, step.qubits, turn=np.pi), ansatz.num_qubits)  # -i P
            found.append(np.rint((fixed.conj().T @ string @ fixed).real))
    stacked = np.array(found).reshape(-1, dim, dim)
    images = np.abs(stacked).argmax(axis=2)
    low = np.nonzero(np.arange(dim) < images)[1].reshape(len(stacked), dim // 2)
    signs = np.take_along_axis(stacked, images[:, :, None], axis=2)[:, :, 0]
    largest = fixed.ravel()[np.abs(fixed).argmax()]
    closing = (fixed * (largest.conj() / abs(largest))).real
    return Generators(images, signs, low, _groups(stacked), closing)


def _matrix(step: Step, num_qubits: int) -> Complexes:
    """Matrix of a fixed gate on all qubits."""
    small = GATES[step.gate].matrix(*([] if step.turn is None else [np.array(step.turn)]))
    if len(step.qubits) == 1:
        (qubit,) = step.qubits
        low, high = np.eye(1 << qubit), np.eye(1 << (num_qubits - 1 - qubit))
        return np.asarray(np.kron(high, np.kron(small, low)), dtype=np.complex128)
    bits = [np.arange(1 << num_qubits) >> qubit & 1 for qubit in step.qubits]
    diagonal: Complexes = small.diagonal()[bits[0] + 2 * bits[1]]
    return np.diag(diagonal)


def _groups(stacked: Floats) -> tuple[tuple[int, ...], ...]:
    """Cut the generators, in their order, into groups that commute."""
    groups: list[list[int]] = [[]]
    for number, generator in enumerate(stacked):
        if all(np.array_equal(generator @ stacked[other], stacked[other] @ generator) for other in groups[-1]):
            groups[-1].append(number)
        else:
            groups.append([number])
    return tuple(tuple(group) for group in groups)
