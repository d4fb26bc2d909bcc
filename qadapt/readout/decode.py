"""Read-outs: what to measure, and how counts become values with error bars.

A read-out says which measurement settings it needs and turns the counts of those settings into values. All of them
stand behind the ``Readout`` protocol and are found by name; ``register`` adds one.

Error bars are one standard deviation of multinomial shot noise and nothing else: neither device noise nor the bias of
a wrong sign is in them. They use the frequency ``(n + 1/2) / (N + 1)`` (Jeffreys) in place of ``n / N``, so that a
component that was never or always seen does not claim to be known exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.circuit import Operation
from qadapt.counts import Counts
from qadapt.errors import BindingsError, NotSupportedError, QadaptError

Floats: TypeAlias = NDArray[np.float64]
Quantity: TypeAlias = Literal["amplitudes", "probabilities", "expectations"]


@dataclass(frozen=True)
class Setting:
    """One way to measure the same circuit.

    Attributes:
        operations: Gates appended before the measurement; none for the computational basis.
        share: Part of the shots that is spent on it; the shares of a read-out add up to one.
    """

    operations: tuple[Operation, ...] = ()
    share: float = 1.0


@dataclass(frozen=True, eq=False)
class Decoded:
    """Values and their standard errors, float64 ``[rows, d]`` each; row *i* answers bindings row *i*."""

    values: Floats
    errors: Floats


@runtime_checkable
class Readout(Protocol):
    """A way to turn counts into values."""

    @property
    def name(self) -> str:
        """Name in configurations and reports."""

    @property
    def quantity(self) -> Quantity:
        """What the values estimate; ``amplitudes`` are those of a real unit vector."""

    def settings(self, num_qubits: int) -> tuple[Setting, ...]:
        """Measurement settings that ``decode`` needs, in order."""

    def decode(self, counts: Sequence[Counts], inputs: Floats) -> Decoded:
        """Turn counts into values.

        Args:
            counts: One per setting, each of one register ``[rows, d]``; bit *k* of an outcome is qubit *k*.
            inputs: The vectors that were prepared, ``[rows, d]``.

        Raises:
            BindingsError: Counts and inputs that do not fit each other or the settings.
        """

    def limit(self, outputs: Any, inputs: Any) -> Any:
        """Values that ``decode`` tends to as the shots grow, from the exact real output vectors ``[..., d]``.

        Arrays and tensors both pass; on tensors the result can be differentiated.
        """


@dataclass(frozen=True)
class InputSign:
    """Magnitudes from counts, signs from the input (arXiv 2605.05914): ``y_i = sign(x_i) sqrt(n_i / N)``.

    Counts in the computational basis carry no signs, so the output is given those of the input. That is right as long
    as the circuit turns no component through zero, which holds near the identity only.
    """

    name: str = "input-sign"
    quantity: Quantity = "amplitudes"

    def settings(self, num_qubits: int) -> tuple[Setting, ...]:
        """Return the computational basis, which gets all shots."""
        return (Setting(),)

    def decode(self, counts: Sequence[Counts], inputs: Floats) -> Decoded:
        """Return signed magnitudes, see ``input_sign``."""
        (only,) = _of_settings(counts, 1)
        return input_sign(only.table, only.shots, inputs)

    def limit(self, outputs: Any, inputs: Any) -> Any:
        """Return ``sign(x) |y|``; it has the norm of ``y`` but is not linear in ``x``."""
        return abs(outputs) * (2 * (inputs >= 0) - 1)


@dataclass(frozen=True)
class Probabilities:
    """Frequencies of the outcomes, ``p_i = n_i / N``."""

    name: str = "probabilities"
    quantity: Quantity = "probabilities"

    def settings(self, num_qubits: int) -> tuple[Setting, ...]:
        """Return the computational basis, which gets all shots."""
        return (Setting(),)

    def decode(self, counts: Sequence[Counts], inputs: Floats) -> Decoded:
        """Return frequencies, see ``probabilities``; the inputs are not used."""
        (only,) = _of_settings(counts, 1)
        return probabilities(only.table, only.shots)

    def limit(self, outputs: Any, inputs: Any) -> Any:
        """Return ``y^2``."""
        return outputs * outputs


def input_sign(counts: ArrayLike, shots: int, inputs: ArrayLike) -> Decoded:
    """Decode magnitudes from counts and signs from the input.

    A zero input component counts as positive, so the decoded vector always has norm 1. The standard error is
    ``sqrt((1 - p) / (4 N))`` (delta method on ``sqrt(p)``); a component without counts has value 0 and error
    ``1 / (2 sqrt(N))``, which is the amplitude that 1/4 of a count would stand for.

    Args:
        counts: Whole numbers ``[rows, d]`` in the computational basis; every row adds up to ``shots``.
        shots: Shots per row.
        inputs: The vectors that were prepared, ``[rows, d]``; only their signs are used.

    Raises:
        BindingsError: Counts that do not add up, or inputs of another shape or not finite.
    """
    table = _table(counts, shots)
    signs = np.asarray(inputs, dtype=float)
    if signs.shape != table.shape or not np.isfinite(signs).all():
        raise BindingsError(f"inputs of shape {signs.shape} for counts of shape {table.shape}; both finite and alike")
    values = np.where(signs < 0, -1.0, 1.0) * np.sqrt(table / shots)
    return Decoded(values, np.sqrt((1 - _smooth(table, shots)) / (4 * shots)))


def probabilities(counts: ArrayLike, shots: int) -> Decoded:
    """Decode frequencies with binomial standard errors ``sqrt(p (1 - p) / N)``.

    Args:
        counts: Whole numbers ``[rows, d]``; every row adds up to ``shots``.
        shots: Shots per row.

    Raises:
        BindingsError: Counts that do not add up.
    """
    table = _table(counts, shots)
    smooth = _smooth(table, shots)
    return Decoded(table / shots, np.sqrt(smooth * (1 - smooth) / shots))


def allocate(shots: int, settings: Sequence[Setting]) -> tuple[int, ...]:
    """Split shots over settings by their shares; every setting gets at least one, and they add up to ``shots``.

    Raises:
        BindingsError: ``shots`` is not a whole number of at least the number of settings.
    """
    if isinstance(shots, bool) or not isinstance(shots, int) or shots < len(settings):
        raise BindingsError(f"shots is {shots!r}, expected a whole number of at least {len(settings)}")
    shares = np.array([setting.share for setting in settings])
    edges = np.round((shots - len(settings)) * np.cumsum(shares) / shares.sum()).astype(int)
    return tuple(int(part) + 1 for part in np.diff(edges, prepend=0))


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


def _of_settings(counts: Sequence[Counts], number: int) -> Sequence[Counts]:
    if len(counts) != number:
        raise BindingsError(f"counts of {len(counts)} settings, expected {number}")
    return counts


def _table(counts: ArrayLike, shots: int) -> NDArray[np.int64]:
    table = np.asarray(counts)
    if table.ndim != 2 or table.dtype.kind not in "iu":
        raise BindingsError(f"counts are {table.dtype} {list(table.shape)}, expected whole numbers [rows, d]")
    if (table < 0).any() or (table.sum(axis=1) != shots).any():
        raise BindingsError(f"counts are not whole numbers that add up to {shots} in every row")
    return table


def _smooth(table: NDArray[np.int64], shots: int) -> Floats:
    smooth: Floats = (table + 0.5) / (shots + 1)
    return smooth


for _made in (InputSign(), Probabilities()):
    register(_made)
