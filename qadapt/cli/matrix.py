"""Matrix: circuits from files of orthogonal or unitary matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Circuit, Operation, Parameter
from qadapt.compile.choice import synthesise_for
from qadapt.errors import BindingsError
from qadapt.synthesis import Ansatz, Cache, Effort
from qadapt.synthesis.inputs import some
from qadapt.target import Target

if TYPE_CHECKING:
    from rich.progress import TaskID

SUFFIX = ".npy"
_LARGEST = 32
"""Side of the largest real block that has a circuit of its own; larger matrices are unitaries like any other."""


@dataclass(frozen=True)
class Source:
    """What is compiled.

    Attributes:
        circuit: The circuit.
        rows: How many matrices it stands for; None if it was given as a circuit.
        residual: Largest Frobenius distance between a matrix and what the circuit does, the global phase left out.
        loss: Largest residual as a share of the matrix's own distance from the identity; None where that was not asked.
        notes: What people should know of the way to the circuit.
    """

    circuit: Circuit
    rows: int | None = None
    residual: float | None = None
    loss: float | None = None
    notes: tuple[str, ...] = ()


def read_matrices(file: str) -> NDArray[Any]:
    """Read a NumPy file.

    Raises:
        BindingsError: The file cannot be read, or holds no array of numbers ``[d, d]`` or ``[rows, d, d]``.
    """
    try:
        array = np.load(file, allow_pickle=False)
    except OSError as error:
        raise BindingsError(f"cannot read {file}: {error.strerror or error}") from None
    except (ValueError, EOFError):
        raise BindingsError(f"{file} is no NumPy file of numbers", hint="write it with numpy.save") from None
    shape = list(array.shape) if isinstance(array, np.ndarray) else []
    if not shape or array.dtype.kind not in "iufc" or array.ndim not in (2, 3) or not array.size:
        what = f"an array {shape} of {array.dtype}" if shape else "no array"
        raise BindingsError(f"{file} holds {what}, expected numbers of shape [d, d] or [rows, d, d]")
    return np.asarray(array)


def circuit_of(matrices: NDArray[Any], target: Target, effort: Effort, approximate: float | None = None) -> Source:
    """Circuit of a matrix ``[d, d]``, or the one with parameters that all matrices ``[rows, d, d]`` share.

    Rotations are synthesised as real blocks. A single matrix that is none, complex or of determinant -1, is synthesised
    as a unitary.

    Args:
        matrices: The matrices.
        target: The machine that the skeleton is chosen for.
        effort: How much is spent on a short circuit.
        approximate: Largest loss of inexact circuits; exact ones when omitted.

    Raises:
        BindingsError: The matrices are not orthogonal or unitary, or have no circuit.
        TargetError: No tile for them fits the target.
    """
    single = matrices.ndim == 2
    real = not np.iscomplexobj(matrices) or not matrices.imag.any()
    if single and not (real and _rotation(matrices.real)):
        if approximate is not None:
            raise BindingsError("only rotations (real, determinant +1) can be approximated within a loss")
        return _unitary(matrices)
    if not real:
        raise BindingsError(
            f"{len(matrices)} complex matrices have no circuit in common", hint="compile one matrix [d, d] at a time"
        )
    rows = matrices.real[None] if single else matrices.real
    with _bar(len(rows)) as progress:
        synthesis = synthesise_for(
            rows, target, effort=effort, approximate=approximate, cache=Cache(), progress=progress
        )
    operations = synthesis.ansatz.operations("a")
    if single:
        values = dict(zip((p.name for o in operations for p in o.parameters), synthesis.angles[0], strict=True))
        operations = tuple(_bound(operation, values) for operation in operations)
    circuit = Circuit(num_qubits=synthesis.ansatz.num_qubits, operations=operations)
    notes = tuple(
        f"{len(attempt.ansatz.edges)} entangling gates are too few or too near a critical value for rows "
        f"{some(np.array(attempt.unsolved))}; taking {len(synthesis.ansatz.edges)} for all"
        for attempt in synthesis.attempts
    )
    loss = None if approximate is None else float(synthesis.loss.max())
    return Source(circuit, len(rows), float(synthesis.residual.max()), loss, notes)


@contextmanager
def _bar(rows: int) -> Iterator[Callable[[Ansatz, int], None]]:
    """A progress bar on stderr that begins anew with every ansatz that is tried, and is gone at the end."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, *times, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[Ansatz, TaskID] = {}

        def advance(ansatz: Ansatz, done: int) -> None:
            if ansatz not in tasks:
                while tasks:
                    bar.remove_task(tasks.popitem()[1])
                tasks[ansatz] = bar.add_task(f"blocks with {len(ansatz.edges)} entangling gates", total=rows)
            bar.advance(tasks[ansatz], done)

        yield advance


def _rotation(matrix: NDArray[Any]) -> bool:
    """Whether a matrix is for ``synthesise_blocks`` to accept or to refuse."""
    if matrix.shape[0] != matrix.shape[1] or len(matrix) > _LARGEST or not np.isfinite(matrix).all():
        return len(matrix) <= _LARGEST
    with np.errstate(all="ignore"):  # a determinant that overflows is no rotation's
        return len(matrix) == 4 or bool(np.linalg.det(matrix) > 0)


def _unitary(matrix: NDArray[Any]) -> Source:
    from qadapt.compile.dense import matrix_of
    from qadapt.compile.unitary import synthesise_unitary

    operations = synthesise_unitary(matrix)
    num_qubits = len(matrix).bit_length() - 1
    made = matrix_of(operations, num_qubits)
    overlap = np.vdot(made, matrix)
    residual = float(np.linalg.norm(made * (overlap / abs(overlap)) - matrix))
    return Source(Circuit(num_qubits=num_qubits, operations=operations), 1, residual)


def _bound(operation: Operation, values: dict[str, float]) -> Operation:
    """An operation with the values of its parameters."""
    angles = tuple(
        float(angle.scale * values[angle.name] + angle.offset) if isinstance(angle, Parameter) else angle
        for angle in operation.angles
    )
    return Operation(gate=operation.gate, qubits=operation.qubits, angles=angles)
