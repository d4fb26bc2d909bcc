"""Interface: what a read-out measures, what it makes of the counts, and how it is found by name.

All read-outs stand behind the ``Readout`` protocol; ``register`` adds one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.counts import Counts
from qadapt.errors import BindingsError, NotSupportedError, QadaptError
from qadapt.readout.noise import Noise

Floats: TypeAlias = NDArray[np.float64]
Quantity: TypeAlias = Literal["amplitudes", "probabilities", "expectations"]


@dataclass(frozen=True, eq=False)
class Decoded:
    """Values and their standard errors, float64 ``[rows, values]`` each; row *i* answers bindings row *i*.

    Attributes:
        values: What the read-out estimates.
        errors: One standard deviation of each value.
        done: What was done to get there, by name: numbers, texts and lists of them, as JSON can hold them.
        doubtful: Whether the sign of the whole vector is in doubt, ``[rows]``; None where the read-out does not judge.
    """

    values: Floats
    errors: Floats
    done: Mapping[str, Any] = field(default_factory=dict)
    doubtful: NDArray[np.bool_] | None = None


@runtime_checkable
class Readout(Protocol):
    """A way to turn counts into values."""

    @property
    def name(self) -> str:
        """Name in configurations and reports."""

    @property
    def quantity(self) -> Quantity:
        """What the values estimate; ``amplitudes`` are those of a real unit vector."""

    def settings(self, num_qubits: int) -> Floats:
        """Measurement settings that ``decode`` needs, ``[settings, qubits]``.

        Each is one angle per qubit, in radians: the RY that turns the qubit before it is measured. 0 is the
        computational basis. All settings get the same number of shots; one that is listed twice gets twice as many.
        """

    def decode(self, counts: Sequence[Counts], inputs: Floats, noise: Noise | None = None) -> Decoded:
        """Turn counts into values.

        Args:
            counts: One per setting, each of one register ``[rows, d]``; bit *k* of an outcome is qubit *k*.
            inputs: The vectors that were prepared, ``[rows, d]``.
            noise: What is known of the noise in the counts; ideal when omitted.

        Raises:
            BindingsError: Counts, inputs and noise that do not fit each other or the settings.
        """

    def limit(self, outputs: Any, inputs: Any) -> Any:
        """Values that ``decode`` tends to as the shots grow, from the exact real output vectors ``[..., d]``.

        Arrays and tensors both pass; on tensors the result can be differentiated.
        """


_READOUTS: dict[str, Readout] = {}


def register(made: Readout) -> None:
    """Add a read-out under its name.

    Raises:
        QadaptError: Another read-out has this name.
    """
    if _READOUTS.setdefault(made.name, made) != made:
        raise QadaptError(f"there is a read-out {made.name!r} already: {_READOUTS[made.name]!r}")


def readouts() -> Mapping[str, Readout]:
    """Registered read-outs by name; a read-only view."""
    return MappingProxyType(_READOUTS)


def readout(name: str) -> Readout:
    """Look a read-out up by name.

    Raises:
        NotSupportedError: No read-out has this name.
    """
    try:
        return _READOUTS[name]
    except KeyError:
        known = ", ".join(sorted(_READOUTS))
        raise NotSupportedError(f"no read-out {name!r}; there are {known}", capability="readout") from None


def table_of(counts: ArrayLike, shots: int) -> NDArray[np.int64]:
    """Counts as an array ``[rows, d]``.

    Raises:
        BindingsError: They are not whole numbers that add up to ``shots`` in every row, or d is not a power of two.
    """
    table = np.asarray(counts)
    if table.ndim != 2 or table.dtype.kind not in "iu":
        raise BindingsError(f"counts are {table.dtype} {list(table.shape)}, expected whole numbers [rows, d]")
    if (table < 0).any() or (table.sum(axis=1) != shots).any() or shots < 1:
        raise BindingsError(f"counts are not whole numbers that add up to {shots}, at least 1, in every row")
    if table.shape[1] < 2 or table.shape[1] & (table.shape[1] - 1):
        raise BindingsError(f"counts of {table.shape[1]} outcomes, expected a power of two")
    return table


def tables_of(counts: Sequence[Counts], settings: int) -> list[NDArray[np.int64]]:
    """Tables ``[rows, d]`` of the counts of each setting.

    Raises:
        BindingsError: Another number of settings, several registers, tables of different shapes, or counts that do
            not add up.
    """
    if len(counts) != settings:
        raise BindingsError(f"counts of {len(counts)} settings, expected {settings}")
    if any(len(each.registers) != 1 for each in counts):
        raise BindingsError(f"counts of {[len(each.registers) for each in counts]} registers, expected one per setting")
    tables = [table_of(each.table, each.shots) for each in counts]
    if len({table.shape for table in tables}) != 1:
        raise BindingsError(f"counts of the settings differ in shape: {[list(table.shape) for table in tables]}")
    return tables


def inputs_of(inputs: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Inputs as float64 ``[rows, d]``.

    Raises:
        BindingsError: They are of another shape than the counts, or not finite.
    """
    array = np.asarray(inputs, dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise BindingsError(f"inputs of shape {array.shape} for counts of shape {shape}; both finite and alike")
    return array
