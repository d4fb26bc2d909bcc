"""Choice: the skeleton and the shape of tile on which a target runs blocks best.

A block may run on qubits in a line, a star, a ring or a fork, with CZ alone or with RZZ of free angles. How good each
is follows from its skeleton and the target's calibration before any angle is known: the predicted process fidelity of
the compiled circuit on its best tile. Only skeletons that reach every block are compared, or, for inexact blocks, reach
them within a bound on the loss ``||V - Q|| / ||Q - 1||``. Fidelity alone would take the empty circuit for a block near
the identity, and with it throw away what the adapter does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

from numpy.typing import ArrayLike

from qadapt.circuit import Circuit
from qadapt.compile.compiled import compile_circuit
from qadapt.compile.place import Pattern, place
from qadapt.compile.prediction import predict
from qadapt.errors import TargetError
from qadapt.synthesis import Ansatz, Cache, Effort, Synthesis, ladder, synthesise_blocks
from qadapt.synthesis.inputs import matrices_of
from qadapt.synthesis.skeletons import Couplings, line
from qadapt.target import Target

SHAPES: Mapping[int, tuple[Couplings, ...]] = MappingProxyType(
    {
        1: ((),),
        2: (line(2),),
        3: (line(3), ((0, 1), (1, 2), (0, 2))),
        4: (line(4), ((0, 1), (0, 2), (1, 3), (2, 3)), ((0, 1), (1, 2), (1, 3))),
        5: (line(5), ((0, 1), (1, 2), (2, 3), (1, 4))),
    }
)
"""Couplings of the tiles that are considered, by number of qubits: line, triangle; line, ring, star; line, fork."""


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
    kinds = (False, True) if {"cz", "rzz"} <= set(target.native) and num_qubits > 2 else (False,)
    best: tuple[float, tuple[Ansatz, ...]] | None = None
    for couplings in SHAPES[num_qubits]:
        if place(Pattern(num_qubits, tuple((pair, 1) for pair in couplings), frozenset()), target) is None:
            continue
        for free in kinds:
            rungs = ladder(num_qubits, couplings=couplings or None, free=free, effort=effort)
            fidelity = _fidelity(rungs[0], target)
            if best is None or fidelity > best[0]:
                best = fidelity, rungs
    if best is None:
        raise TargetError(f"no connected {num_qubits} live qubits of {target.name} make a tile")
    return best[1]


def synthesise_for(
    matrices: ArrayLike,
    target: Target,
    *,
    effort: Effort = "fast",
    approximate: float | None = None,
    warm: Synthesis | None = None,
    seed: int = 0,
    cache: Cache | None = None,
    progress: Callable[[int], object] | None = None,
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
        progress: Called with the number of rows that were closed since the last call.

    Raises:
        BindingsError: The matrices cannot be synthesised.
        TargetError: No tile for them fits the target.
    """
    checked = matrices_of(matrices)
    ansaetze = skeletons(checked.shape[1].bit_length() - 1, target, effort=effort)
    same = warm is not None and warm.ansatz in ansaetze and len(warm.angles) == len(checked)
    return synthesise_blocks(
        checked,
        ansaetze=ansaetze if ansaetze[0].num_qubits > 2 else None,
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
