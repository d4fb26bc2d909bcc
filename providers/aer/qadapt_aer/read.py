"""Reading: Aer's results as probabilities per register, and the one place where bit order is looked after.

``SaveProbabilities`` on qubits q0, q1, ... saves an array whose index has q0 in bit 0, which is our order too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import BadResultError, JobFailedError
from qadapt.simulate.components import Component, join

if TYPE_CHECKING:
    from qiskit.result import Result


def experiments(result: Result, expected: int, *, provider: str) -> Sequence[Mapping[str, Any]]:
    """Data of every experiment of a run, in order.

    Args:
        result: Aer reports a failure in it and raises nothing.
        expected: Number of experiments.
        provider: Name of the backend, for the errors.

    Raises:
        JobFailedError: The run or one of its experiments failed.
        BadResultError: Another number of experiments.
    """
    if not result.success:
        said = {str(item.status) for item in result.results if not item.success} or {str(result.status)}
        raise JobFailedError(f"aer: {'; '.join(sorted(said))}", provider=provider)
    if len(result.results) != expected:
        raise BadResultError(f"aer: {len(result.results)} experiments, expected {expected}", provider=provider)
    return [item.data.to_dict() for item in result.results]


def tables(component: Component, data: Sequence[Mapping[str, Any]], rows: int) -> dict[int, NDArray[np.float64]]:
    """Probabilities ``[rows, 2**bits]`` of a component's part of each register, by register number.

    Args:
        component: The component.
        data: Data of its experiments, one per row, or a single one that holds for all rows.
        rows: Number of rows.
    """
    found = {}
    for read in component.reads:
        table = np.stack([item[str(read.register)] for item in data]).astype(np.float64, copy=False)
        found[read.register] = np.broadcast_to(table, (rows, table.shape[1]))
    return found


def registers(
    widths: Sequence[int], components: Sequence[Component], parts: Sequence[Mapping[int, NDArray[np.float64]]]
) -> tuple[NDArray[np.float64], ...]:
    """Probabilities ``[rows, 2**width]`` of every register from those of the components, which are independent."""
    found: list[list[tuple[tuple[int, ...], NDArray[np.float64]]]] = [[] for _ in widths]
    for component, own in zip(components, parts, strict=True):
        for read in component.reads:
            found[read.register].append((read.bits, own[read.register]))
    return tuple(join(width, pieces) for width, pieces in zip(widths, found, strict=True))
