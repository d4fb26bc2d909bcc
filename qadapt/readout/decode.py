"""Decode: the read-outs that look at the computational basis only.

Their error bars are one standard deviation of multinomial shot noise and nothing else: neither device noise nor the
bias of a wrong sign is in them. They use the frequency ``(n + 1/2) / (N + 1)`` (Jeffreys) in place of ``n / N``, so
that a component that was never or always seen does not claim to be known exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.counts import Counts
from qadapt.errors import BindingsError
from qadapt.readout.interface import Decoded, Quantity, inputs_of, table_of, tables_of
from qadapt.readout.noise import Noise
from qadapt.readout.settings import computational

Floats: TypeAlias = NDArray[np.float64]
Qubits: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class InputSign:
    """Magnitudes from counts, signs from the input (arXiv 2605.05914): ``y_i = sign(x_i) sqrt(n_i / N)``.

    Counts in the computational basis carry no signs, so the output is given those of the input. That is right as long
    as the circuit turns no component through zero, which holds near the identity only.
    """

    name: str = "input-sign"
    quantity: Quantity = "amplitudes"

    def settings(self, num_qubits: int) -> Floats:
        """Return the computational basis."""
        return computational(num_qubits)

    def decode(self, counts: Sequence[Counts], inputs: Floats, noise: Noise | None = None) -> Decoded:
        """Return signed magnitudes, see ``input_sign``; the noise is not used."""
        tables_of(counts, 1)
        return input_sign(counts[0].table, counts[0].shots, inputs)

    def limit(self, outputs: Any, inputs: Any) -> Any:
        """Return ``sign(x) |y|``; it has the norm of ``y`` but is not linear in ``x``."""
        return abs(outputs) * (2 * (inputs >= 0) - 1)


@dataclass(frozen=True)
class Probabilities:
    """Frequencies of the outcomes, ``p_i = n_i / N``."""

    name: str = "probabilities"
    quantity: Quantity = "probabilities"

    def settings(self, num_qubits: int) -> Floats:
        """Return the computational basis."""
        return computational(num_qubits)

    def decode(self, counts: Sequence[Counts], inputs: Floats, noise: Noise | None = None) -> Decoded:
        """Return frequencies, see ``probabilities``; inputs and noise are not used."""
        tables_of(counts, 1)
        return probabilities(counts[0].table, counts[0].shots)

    def limit(self, outputs: Any, inputs: Any) -> Any:
        """Return ``y^2``."""
        return outputs * outputs


@dataclass(frozen=True)
class Expectations:
    """Expectations of products of Z, ``<Z_a Z_b ...>``.

    Attributes:
        strings: Qubits of each product, in the order of the values; None for Z of every qubit, from qubit 0 up.
        name: Name in configurations and reports.
    """

    strings: tuple[Qubits, ...] | None = None
    name: str = "expectations"
    quantity: Quantity = "expectations"

    def settings(self, num_qubits: int) -> Floats:
        """Return the computational basis."""
        return computational(num_qubits)

    def decode(self, counts: Sequence[Counts], inputs: Floats, noise: Noise | None = None) -> Decoded:
        """Return expectations, see ``expectations``; inputs and noise are not used."""
        tables_of(counts, 1)
        return expectations(counts[0].table, counts[0].shots, self.strings)

    def limit(self, outputs: Any, inputs: Any) -> Any:
        """Return the expectations of the state ``y``, ``[..., strings]``."""
        table = parities(outputs.shape[-1], self.strings)
        made = outputs.new_tensor(table) if hasattr(outputs, "new_tensor") else table
        return (outputs * outputs) @ made


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
    table = table_of(counts, shots)
    signs = inputs_of(inputs, table.shape)
    values = np.where(signs < 0, -1.0, 1.0) * np.sqrt(table / shots)
    return Decoded(values, np.sqrt((1 - _smooth(table, shots)) / (4 * shots)), {"readout": "input-sign"})


def probabilities(counts: ArrayLike, shots: int) -> Decoded:
    """Decode frequencies with binomial standard errors ``sqrt(p (1 - p) / N)``.

    Args:
        counts: Whole numbers ``[rows, d]``; every row adds up to ``shots``.
        shots: Shots per row.

    Raises:
        BindingsError: Counts that do not add up.
    """
    table = table_of(counts, shots)
    smooth = _smooth(table, shots)
    return Decoded(table / shots, np.sqrt(smooth * (1 - smooth) / shots), {"readout": "probabilities"})


def expectations(counts: ArrayLike, shots: int, strings: Sequence[Sequence[int]] | None = None) -> Decoded:
    """Decode expectations of products of Z with standard errors ``sqrt((1 - E^2) / N)``.

    All strings come from the same counts, so that their errors are correlated; each is that of its own value.

    Args:
        counts: Whole numbers ``[rows, d]``; every row adds up to ``shots``.
        shots: Shots per row.
        strings: Qubits of each product; Z of every qubit when omitted.

    Returns:
        Values and errors ``[rows, strings]``.

    Raises:
        BindingsError: Counts that do not add up, or strings that are none.
    """
    table = table_of(counts, shots)
    signs = parities(table.shape[1], strings)
    even = _smooth(table @ (signs > 0).astype(np.int64), shots)
    done = {"readout": "expectations", "strings": None if strings is None else [list(each) for each in strings]}
    return Decoded(table @ signs / shots, 2 * np.sqrt(even * (1 - even) / shots), done)


def parities(outcomes: int, strings: Sequence[Sequence[int]] | None = None) -> Floats:
    """Value of each product of Z, 1 or -1, in each outcome, ``[outcomes, strings]``.

    Raises:
        BindingsError: There is no string, or one has no qubit, one twice, or one that is not there.
    """
    num_qubits = outcomes.bit_length() - 1
    chosen = [(qubit,) for qubit in range(num_qubits)] if strings is None else [tuple(each) for each in strings]
    for each in chosen:
        good = all(isinstance(qubit, int | np.integer) and 0 <= qubit < num_qubits for qubit in each)
        if not each or not good or len(set(each)) != len(each):
            raise BindingsError(f"a Z string names different qubits below {num_qubits}, not {each!r}")
    if not chosen:
        raise BindingsError("expectations of no strings")
    masks = np.array([sum(1 << int(qubit) for qubit in each) for each in chosen])
    odd = np.bitwise_count(np.arange(outcomes)[:, None] & masks) % 2
    signs: Floats = 1.0 - 2.0 * odd
    return signs


def _smooth(table: NDArray[np.int64], shots: int) -> Floats:
    smooth: Floats = (table + 0.5) / (shots + 1)
    return smooth
