"""Fuse: constant gates and channels between two free angles as one channel, computed once for all rows.

Cirq works out the Kraus operators of every channel anew for every row, which takes most of the time of a noisy run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import cirq

Complexes: TypeAlias = NDArray[np.complex128]

WIDEST = 2
"""Most qubits of a fused channel; its matrix has 16 ** qubits entries."""


@dataclass
class _Block:
    """Channels on a few qubits, multiplied: ``[4**n, 4**n]`` on the entries of a density matrix, row by row."""

    qubits: tuple[cirq.Qid, ...]
    matrix: Complexes


def fused(operations: Iterable[cirq.Operation]) -> Iterator[cirq.Operation]:
    """Yield operations that do the same as the given ones, with every run of constant ones on few qubits as one."""
    import cirq

    blocks: dict[cirq.Qid, _Block] = {}

    def flush(qubits: Iterable[cirq.Qid]) -> Iterator[cirq.Operation]:
        for block in {id(blocks[qubit]): blocks[qubit] for qubit in qubits if qubit in blocks}.values():
            for qubit in block.qubits:
                del blocks[qubit]
            yield _channel()(block.matrix).on(*block.qubits)

    for operation in operations:
        if cirq.is_parameterized(operation) or len(operation.qubits) > WIDEST or not operation.qubits:
            yield from flush(operation.qubits)
            yield operation
            continue
        met = {id(blocks[qubit]): blocks[qubit] for qubit in operation.qubits if qubit in blocks}
        own = tuple(dict.fromkeys((*(qubit for block in met.values() for qubit in block.qubits), *operation.qubits)))
        if len(own) > WIDEST:
            yield from flush(operation.qubits)
            met, own = {}, operation.qubits
        matrix = np.eye(4 ** len(own), dtype=complex)
        for block in met.values():
            matrix = _widened(block.matrix, block.qubits, own) @ matrix
        merged = _Block(own, _widened(_superoperator(operation), operation.qubits, own) @ matrix)
        blocks.update(dict.fromkeys(own, merged))
    yield from flush(list(blocks))


def _superoperator(operation: cirq.Operation) -> Complexes:
    """Matrix of a channel on the entries of a density matrix, row by row."""
    import cirq

    kraus = np.stack(cirq.kraus(operation)).astype(complex)
    size = kraus.shape[-1] ** 2
    matrix: Complexes = np.einsum("kab,kcd->acbd", kraus, kraus.conj()).reshape(size, size)
    return matrix


def _widened(matrix: Complexes, qubits: tuple[cirq.Qid, ...], own: tuple[cirq.Qid, ...]) -> Complexes:
    """The same channel on more qubits, or on the same ones in another order."""
    n, extra = len(own), len(own) - len(qubits)
    order = [*qubits, *(qubit for qubit in own if qubit not in qubits)]
    inside = matrix.reshape((2,) * (4 * len(qubits)))
    outside = np.eye(4**extra, dtype=complex).reshape((2,) * (4 * extra))
    product = np.multiply.outer(inside, outside)
    # Axes of the product: four groups (out row, out column, in row, in column) of the inner qubits, then of the others.
    k = len(qubits)
    axes = [
        group * k + order.index(qubit) if order.index(qubit) < k else 4 * k + group * extra + order.index(qubit) - k
        for group in range(4)
        for qubit in own
    ]
    widened: Complexes = product.transpose(axes).reshape(4**n, 4**n)
    return widened


@cache
def _channel() -> Any:
    """Cirq's gate for a fused channel; made here because its base class is Cirq's."""
    import cirq

    class Channel(cirq.Gate):  # type: ignore[misc]
        """A channel given by its matrix."""

        def __init__(self, matrix: Complexes) -> None:
            self._count: int = (matrix.shape[0].bit_length() - 1) // 2
            self._tensor = matrix.reshape((2,) * (4 * self._count))

        def _num_qubits_(self) -> int:
            return self._count

        def _apply_channel_(self, args: Any) -> Any:
            axes = [*args.left_axes, *args.right_axes]
            given = range(len(axes), 2 * len(axes))
            return np.moveaxis(
                np.tensordot(self._tensor, args.target_tensor, axes=(given, axes)), range(len(axes)), axes
            )

    return Channel
