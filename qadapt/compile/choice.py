"""Choice: the skeleton and the shape of tile on which a target runs blocks best.

A block may run on qubits in a line, a star, a ring or a fork, with CZ alone or with RZZ of free angles. How good each
is follows from its skeleton and the target's calibration before any angle is known: the predicted process fidelity of
the compiled circuit on its best tile. Only skeletons that reach every block are compared, or, for inexact blocks, reach
them within a bound on the loss ``||V - Q|| / ||Q - 1||``. Fidelity alone would take the empty circuit for a block near
the identity, and with it throw away what the adapter does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from qadapt.circuit import Circuit
from qadapt.compile.compiled import compile_circuit
from qadapt.compile.place import Pattern, place
from qadapt.compile.prediction import predict
from qadapt.errors import TargetError
from qadapt.synthesis import Ansatz, Cache, Effort, Synthesis, ladder, synthesise_blocks
from qadapt.synthesis.inputs import matrices_of
from qadapt.synthesis.skeletons import MAGIC, Couplings, line
from qadapt.target import Target

SHAPES: Mapping[int, tuple[Couplings, ...]] = MappingProxyType(
    {
        1: ((),),
        2: (line(2),),
        3: (line(3), ((0, 1), (1, 2), (0, 2))),
        4: (line(4), ((0, 1), (0, 2), (1, 3), (2, 3)), ((0, 1), (1, 2), (1, 3))),
        5: (line(5), ((0, 1), (1, 2), (2, 3), (1, 4)), ((0, 1), (0, 2), (0, 3), (0, 4))),
    }
)
"""Couplings of the tiles that are considered: line, triangle; line, ring, star; line, fork, star."""


@lru_cache(maxsize=64)
def skeletons(num_qubits: int, target: Target, *, effort: Effort = "fast") -> tuple[Ansatz, ...]:
    """Ansaetze for blocks on a target, in the order in which they are tried.

    All are of one shape and one kind of entangling gate: those whose first ansatz has the highest predicted process
    fidelity. On a target that couples all to all without errors that is CZ on a line.

    Args:
        num_qubits: Qubits of a block.
        target: The machine.
        effort: ``fast`` has edges to spare, ``best`` begins with the fewest that are enough.

    Raises:
        TargetError: No shape of so many qubits fits the target.
    """
    if num_qubits not in SHAPES:
        raise TargetError(f"blocks have 1 to {max(SHAPES)} qubits, not {num_qubits}")
    if target.couplings is None:
        return ladder(num_qubits, effort=effort)
    candidates = [
        rungs
        for couplings in SHAPES[num_qubits]
        if place(Pattern(num_qubits, tuple((pair, 1) for pair in couplings), frozenset()), target) is not None
        for rungs in _candidates(num_qubits, couplings, {"cz", "rzz"} <= set(target.native), effort)
    ]
    if not candidates:
        raise TargetError(f"{target.name} has no line, ring, star or fork of {num_qubits} live coupled qubits")
    return max(candidates, key=lambda rungs: round(_fidelity(rungs[0], target), 12))


def _candidates(num_qubits: int, couplings: Couplings, free: bool, effort: Effort) -> Iterator[tuple[Ansatz, ...]]:
    """Ladders on some couplings: with CZ, and where they are native with RZZ; on two qubits both forms of two CZ."""
    yield ladder(num_qubits, couplings=couplings or None, effort=effort)
    if num_qubits == 2:
        yield (MAGIC,)
    elif num_qubits > 2 and free:
        yield ladder(num_qubits, couplings=couplings, free=True, effort=effort)


def synthesise_for(
    matrices: ArrayLike,
    target: Target,
    *,
    effort: Effort = "fast",
    approximate: float | bool | None = None,
    warm: Synthesis | None = None,
    seed: int = 0,
    cache: Cache | None = None,
    progress: Callable[[Ansatz, int], object] | None = None,
) -> Synthesis:
    """Find angles of blocks with the skeleton that suits a target best.

    Args:
        matrices: Blocks ``[rows, d, d]``.
        target: The machine.
        effort: ``fast`` or ``best``.
        approximate: Largest loss of an inexact block; exact when omitted.
        warm: What was found for earlier, similar blocks; used where it has the same rows and ansatz.
        seed: Seed of the random starts.
        cache: Where exact angles of large blocks are looked up and kept.
        progress: Called with the ansatz that is being tried and the number of rows closed since the last call.

    Raises:
        BindingsError: The matrices cannot be synthesised.
        TargetError: No tile for them fits the target.
    """
    checked = matrices_of(matrices)
    ansaetze = skeletons(checked.shape[1].bit_length() - 1, target, effort=effort)
    reflections = bool(len(checked)) and np.linalg.det(checked[0]) < 0
    same = warm is not None and warm.ansatz in ansaetze and len(warm.angles) == len(checked)
    return synthesise_blocks(
        checked,
        ansaetze=None if checked.shape[1] == 4 and reflections else ansaetze,
        effort=effort,
        approximate=approximate,
        warm=warm.angles if warm is not None and same else None,
        seed=seed,
        cache=cache,
        progress=progress,
    )


def _fidelity(ansatz: Ansatz, target: Target) -> float:
    """Predicted process fidelity of an ansatz on its best tile."""
    circuit = Circuit(
        num_qubits=ansatz.num_qubits, operations=ansatz.operations("k"), measured=range(ansatz.num_qubits)
    )
    return predict(compile_circuit(circuit, target).circuit, target).process
