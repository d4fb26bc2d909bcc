"""Counts: how often each outcome was seen, row by row, and the one sampler that turns probabilities into counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import BadResultError

RESOLUTION = 2.0**-40
"""Resolution with which probabilities are drawn from; what is far below it never occurs."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Integer counts of every outcome, per row and register.

    Attributes:
        registers: One int64 table ``[rows, 2**bits]`` per measured register. Column *i* is the outcome with integer
            value *i*; bit *k* of it is the *k*-th measured bit of the register. Row *i* answers bindings row *i*.
        shots: Shots per row; every row of every table adds up to it.
    """

    registers: tuple[NDArray[np.int64], ...]
    shots: int

    @property
    def table(self) -> NDArray[np.int64]:
        """The table of the only register, ``[rows, outcomes]``.

        Raises:
            ValueError: There are several registers.
        """
        (table,) = self.registers
        return table

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.registers[0])

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Counts of the only register divided by the shots, ``[rows, outcomes]``."""
        return self.table / self.shots

    def check(self, *, rows: int, widths: Sequence[int], shots: int, provider: str) -> Counts:
        """Return these counts if they are what was asked for.

        Raises:
            BadResultError: Wrong number of registers, outcomes, rows or shots, or a negative count.
        """
        shapes, expected = [table.shape for table in self.registers], [(rows, 2**width) for width in widths]
        if shapes != expected:
            raise BadResultError(f"counts of shapes {shapes}, expected {expected}", provider=provider)
        for number, table in enumerate(self.registers):
            totals = table.sum(axis=1)
            if table.dtype != np.int64 or (table < 0).any() or (totals != shots).any() or self.shots != shots:
                raise BadResultError(
                    f"register {number}: {table.dtype} counts with row totals {totals.min()} to {totals.max()}, "
                    f"expected non-negative int64 that add up to {shots}",
                    provider=provider,
                )
        return self


def concatenate(parts: Sequence[Counts]) -> Counts:
    """Join the rows of several counts of the same registers and shots, in order."""
    registers = zip(*(part.registers for part in parts), strict=True)
    return Counts(tuple(np.concatenate(tables) for tables in registers), parts[0].shots)


def tally(samples: NDArray[np.integer | np.bool_], widths: Sequence[int], *, provider: str) -> Counts:
    """Count outcomes from single shots.

    Args:
        samples: Bits ``[rows, shots, bits]``, the registers one after the other, bit *k* of a register in its *k*-th
            place.
        widths: Bits of each register.
        provider: Who measured them, for the error.

    Raises:
        BadResultError: Another shape, or values that are not 0 and 1.
    """
    if samples.ndim != 3 or samples.shape[2] != sum(widths) or not samples.size:
        raise BadResultError(f"samples of shape {samples.shape}, expected {sum(widths)} bits", provider=provider)
    if samples.dtype.kind not in "biu" or samples.min() < 0 or samples.max() > 1:
        raise BadResultError(f"samples of {samples.dtype} are no bits", provider=provider)
    rows, shots, _ = samples.shape
    tables, start = [], 0
    for width in widths:
        outcomes = samples[..., start : start + width] @ (1 << np.arange(width, dtype=np.int64))
        flat = (np.arange(rows)[:, None] << width) | outcomes
        tables.append(np.bincount(flat.reshape(-1), minlength=rows << width).reshape(rows, 1 << width))
        start += width
    return Counts(tuple(tables), shots)


def sample(
    probabilities: Sequence[NDArray[np.float64]], shots: int, seed: int | None, *, provider: str = "local"
) -> Counts:
    """Draw counts from exact probabilities; equal seeds and probabilities give equal counts on every backend.

    Args:
        probabilities: One array ``[rows, 2**bits]`` per register, outcome order as in ``Counts``.
        shots: Shots per row.
        seed: Seed of the generator; None draws fresh entropy.
        provider: Who computed the probabilities, for the error.

    Raises:
        BadResultError: Probabilities that are not finite, negative beyond rounding, or do not add up to one.
    """
    generator = np.random.default_rng(seed)
    tables = []
    for table in probabilities:
        totals = table.sum(axis=-1, keepdims=True)
        if not np.isfinite(totals).all() or (np.abs(totals - 1) > 1e-6).any() or (table < -1e-9).any():
            raise BadResultError(
                f"not probabilities: row totals {totals.min()} to {totals.max()}, least value {table.min()}",
                provider=provider,
            )
        tables.append(_multinomial(generator, np.clip(table, 0, None), shots))
    return Counts(tuple(tables), shots)


def _multinomial(generator: np.random.Generator, table: NDArray[np.float64], shots: int) -> NDArray[np.int64]:
    """Draw every row by halving: one binomial per bit, highest first, splits the shots of every half at once.

    Simulators differ by rounding, and a generator turns that into other counts: a drawn zero shifts the random stream,
    and a binomial is mirrored where its probability crosses 1/2, which happens at every tie. Here all that is drawn
    from are conditional probabilities on a binary grid, as fine as the probability of the condition allows, and 0, 1/2
    and 1 are points of it.
    """
    rows = len(table)
    sums = [table]
    while sums[-1].shape[1] > 1:
        sums.append(sums[-1].reshape(rows, -1, 2).sum(axis=-1))
    counts = np.full((rows, 1), shots, dtype=np.int64)
    for both, halves in zip(sums[:0:-1], sums[-2::-1], strict=True):
        upper = halves.reshape(rows, -1, 2)[..., 1]
        share = np.divide(upper, both, out=np.zeros_like(upper), where=both > 0)
        step = np.exp2(np.ceil(np.log2(RESOLUTION / np.maximum(both, RESOLUTION))))
        drawn = generator.binomial(counts, np.rint(share / step) * step)
        counts = np.stack([counts - drawn, drawn], axis=-1).reshape(rows, -1)
    return counts
