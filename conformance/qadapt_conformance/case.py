"""Case: a circuit of an adapter, with its exact outcomes and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt import Bindings, Circuit, Target
from qadapt_conformance import oracle
from qadapt_conformance.adapters import Block, cayley_block, qtha

Floats: TypeAlias = NDArray[np.float64]


class Adapter(StrEnum):
    """Whose circuits are compared."""

    CAYLEY = "cayley"
    QTHA = "qtha"


DIMS = (2, 4, 8)
QUBITS = (2, 3)
"""Sizes of the circuits of each adapter."""


@dataclass(frozen=True, eq=False)
class Case:
    """One circuit for one target.

    Attributes:
        name: Which adapter, and its size.
        circuit: Measures one register.
        bindings: Its parameter values.
        exact: Outcomes in closed form, ``[rows, outcomes]``; the same for all targets.
        decode: From shares ``[rows, outcomes]`` to the values of the layer, with the signs of the exact ones.
    """

    name: str
    circuit: Circuit
    bindings: Bindings
    exact: Floats
    decode: Callable[[Floats], Floats]


def cases(adapter: Adapter, target: Target) -> Iterator[Case]:
    """Make the circuits of an adapter, from small to large; a target decides on skeletons of Cayley blocks."""
    if adapter is Adapter.CAYLEY:
        for dim in DIMS:
            yield _cayley(cayley_block(target, dim))
    else:
        for qubits in QUBITS:
            yield _qtha(qubits)


def _cayley(block: Block) -> Case:
    signs = np.where(block.outputs < 0, -1.0, 1.0)
    name = f"cayley {block.outputs.shape[1]}"
    return Case(name, block.circuit, block.bindings, block.outputs**2, lambda shares: signs * np.sqrt(shares))


def _qtha(qubits: int) -> Case:
    circuit = qtha(qubits)
    draw = np.random.default_rng(qubits).uniform(-3, 3, (len(circuit.parameters), 6))
    bindings = Bindings.of(dict(zip(circuit.parameters, draw, strict=True)))
    (exact,) = oracle.tables(circuit, bindings)
    signs = 1 - 2 * (np.arange(exact.shape[1])[:, None] >> np.arange(qubits) & 1)
    return Case(f"qtha {qubits}", circuit, bindings, exact, lambda shares: shares @ signs)
