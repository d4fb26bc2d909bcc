"""Adapters: the circuits that qadapt is made for, with their exact values in closed form.

A Cayley block rotates a unit vector x by ``Q = (1 - K / 2) (1 + K / 2)^-1``: a state is prepared whose amplitudes are
the components of x, a fence closes it, a block applies Q, and all qubits are measured. Outcome *i* then has the
probability ``(Q x)_i**2``, whatever skeleton and angles the synthesis chose for the target.

A QTHA circuit encodes activations as rotations about y and entangles the qubits in two rings of controlled rotations
with a layer of trained rotations after each, and its values are the expectations of Z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt import FENCE, Bindings, Circuit, Operation, Target, op
from qadapt.compile.choice import synthesise_for
from qadapt.synthesis import Synthesis, synthesise_states
from qadapt_conformance import oracle

Floats: TypeAlias = NDArray[np.float64]

ROWS = {2: 3, 4: 3, 8: 4, 16: 2}
"""Vectors that are rotated, by block size."""


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of one Cayley circuit.

    Attributes:
        circuit: Prepares and rotates.
        bindings: Its angles.
        inputs: Unit vectors x, ``[rows, d]``.
        outputs: ``Q x`` in closed form, ``[rows, d]``.
    """

    circuit: Circuit
    bindings: Bindings
    inputs: Floats
    outputs: Floats


def cayley_block(target: Target, dim: int, strength: float = 1.0) -> Block:
    """Rotate some vectors by some blocks of one size.

    Args:
        target: The machine; it decides on skeletons.
        dim: Block size, 2 to 16.
        strength: Standard deviation of the entries of K.
    """
    return fitted(synthesise_for, target, dim, strength)


@lru_cache(maxsize=256)
def fitted(synthesise: Callable[..., Synthesis], target: Target, dim: int, strength: float) -> Block:
    """The block of one synthesis, made once, read only: fitting it takes longer than running it."""
    draw = np.random.default_rng(1000 + dim)
    rows = ROWS[dim]
    upper = np.triu(strength * draw.normal(size=(rows, dim, dim)), 1)
    rotations = oracle.cayley(upper - upper.transpose(0, 2, 1))
    # No component is small: a sign would hang on it.
    inputs = draw.choice([-1.0, 1.0], (rows, dim)) * draw.uniform(0.6, 1.4, (rows, dim))
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    blocks = synthesise(rotations, target)
    states = synthesise_states(inputs, couplings=blocks.ansatz.couplings or None)
    qubits = range(dim.bit_length() - 1)
    operations = (*states.ansatz.operations("x"), op(FENCE, *qubits), *blocks.ansatz.operations("k"))
    circuit = Circuit(num_qubits=len(qubits), operations=operations, measured=qubits)
    columns = {f"x{number}": column for number, column in enumerate(states.angles.T)}
    columns |= {f"k{number}": column for number, column in enumerate(blocks.angles.T)}
    bindings = Bindings.of({name: columns[name] for name in circuit.parameters}, shape=(rows,))
    outputs = np.einsum("rij,rj->ri", rotations, inputs)
    for table in (inputs, outputs):
        table.flags.writeable = False
    return Block(circuit, bindings, inputs, outputs)


def qtha(qubits: int) -> Circuit:
    """One layer of QTHA: activations ``h``, rings of controlled rotations ``c`` and trained rotations ``t``."""
    ring = range(qubits)
    operations: list[Operation] = [op("ry", q, angles=[f"h{q}"]) for q in ring]
    for number, step in enumerate((1, -1)):
        operations += [op("crz", q, (q + step) % qubits, angles=[f"c{qubits * number + q}"]) for q in ring]
        operations += [op("ry", q, angles=[f"t{qubits * number + q}"]) for q in ring]
    return Circuit(num_qubits=qubits, operations=operations, measured=ring)


def ring_layers(qubits: int) -> Circuit:
    """Activations ``h``, then a ring of cx and rotations about all three axes: the shape of earlier such layers."""
    ring = range(qubits)
    operations: list[Operation] = [op("ry", q, angles=[f"h{q}"]) for q in ring]
    operations += [op("cx", q, (q + 1) % qubits) for q in ring]
    operations += [op(name, q, angles=[f"{name}{q}"]) for q in ring for name in ("rx", "ry", "rz")]
    operations += [op("cz", q, (q + 1) % qubits) for q in ring]
    operations += [op("ry", q, angles=[0.4 + 0.3 * q]) for q in ring]
    return Circuit(num_qubits=qubits, operations=operations, measured=ring)
