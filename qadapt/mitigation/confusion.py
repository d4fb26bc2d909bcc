"""Confusion: how the registers of tiles are misread, from a calibration or measured, and how that is undone.

A confusion matrix holds the probability of reading each outcome (row) given the true one (column). That of a register
is a product of factors: one of side 2 per bit where bits are misread independently, or one of side ``2**bits``. All
that is done with it goes factor by factor, so registers as wide as counts are kept take a few passes over the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import BindingsError, TargetError
from qadapt.simulate.noise import assignment
from qadapt.target import Target

Floats: TypeAlias = NDArray[np.float64]
Kind: TypeAlias = Literal["tensored", "full"]

WORST = 1e-3
"""Least singular value of a factor that is inverted; at 0 there are outcomes that are not told apart."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """How the register of each tile is misread.

    Attributes:
        factors: Confusion matrices ``[tiles, s, s]`` of side 2 or more, those of the lowest bits first.
        shots: Shots behind each measured column; None for matrices that are taken as exact.
    """

    factors: tuple[Floats, ...]
    shots: int | None = None

    @property
    def matrices(self) -> Floats:
        """Confusion matrices of whole registers, ``[tiles, d, d]``."""
        out = np.ones((len(self.factors[0]), 1, 1))
        for factor in self.factors:
            side = out.shape[1] * factor.shape[1]
            out = np.einsum("tij,tkl->tikjl", factor, out).reshape(-1, side, side)
        return out

    def check(self, tiles: int, bits: int) -> Confusion:
        """Return these matrices if they are those of so many tiles and bits; ``BindingsError`` if not."""
        wide = prod(factor.shape[1] for factor in self.factors)
        if wide != 2**bits or any(len(factor) != tiles for factor in self.factors):
            shapes = [list(factor.shape) for factor in self.factors]
            raise BindingsError(f"confusion matrices of shapes {shapes} for {tiles} tiles of {bits} bits")
        return self

    def misread(self, tables: Floats) -> Floats:
        """What is read of true probabilities ``[..., tiles, d]``."""
        return _applied(self.factors, tables)

    def undone(self, tables: Floats, shots: int) -> tuple[Floats, Floats, Floats]:
        """Estimate true probabilities from frequencies, by the inverse matrices.

        Args:
            tables: Frequencies ``[..., tiles, d]``.
            shots: Shots behind each.

        Returns:
            The unbiased estimates, which may be negative; their variances by the shots; and their variances by the
            errors of the matrices, in first order. All ``[..., tiles, d]``.

        Raises:
            TargetError: A matrix is nearly singular.
        """
        inverses = self._inverses()
        values = _applied(inverses, tables)
        # B f has the variance (B o B) q - (B q)^2 per shot, for multinomial frequencies f of probabilities q.
        smooth = smoothed(tables, shots)
        squares: list[Floats] = [inverse**2 for inverse in inverses]
        variances = _applied(squares, smooth) - _applied(inverses, smooth) ** 2
        common = np.zeros_like(values)
        if self.shots is not None:
            for place, (factor, inverse) in enumerate(zip(self.factors, inverses, strict=True)):
                # Column v of a measured factor is multinomial; its error reaches the estimate as -(B dA) p.
                spread: Floats = (inverse**2 @ factor - np.eye(factor.shape[1])) / self.shots
                common += _applied_at(place, self.factors, spread, values**2)
        return values, variances.clip(min=0) / shots, common.clip(min=0)

    def weights(self, tables: Floats) -> Floats:
        """Transposed inverse on weights ``[..., tiles, d]``: ``weights(w) . f`` is ``w . undone(f)``."""
        return _applied([inverse.swapaxes(1, 2) for inverse in self._inverses()], tables)

    def _inverses(self) -> list[Floats]:
        for factor in self.factors:
            bad = np.flatnonzero(np.linalg.svd(factor, compute_uv=False)[:, -1] < WORST)
            if bad.size:
                raise TargetError(f"tiles {bad.tolist()} are misread so often that outcomes are not told apart")
        return [np.asarray(np.linalg.inv(factor), dtype=np.float64) for factor in self.factors]


def smoothed(frequencies: Floats, shots: int) -> Floats:
    """Frequencies as if half a count more were seen of every outcome, so that none claims to be known exactly."""
    smooth: Floats = (frequencies * shots + 0.5) / (shots + 0.5 * frequencies.shape[-1])
    return smooth


def calibrated(target: Target, registers: Sequence[Sequence[int]]) -> Confusion:
    """Take a target's calibration, bits independent; ``registers`` are the measured qubits of each tile."""
    each = np.array([[assignment(target, qubit) for qubit in register] for register in registers])
    return Confusion(tuple(np.moveaxis(each, 1, 0)))


def preparation(bits: int, kind: Kind) -> tuple[Circuit, Bindings]:
    """A circuit that prepares outcomes and measures them.

    Args:
        bits: Width of the register.
        kind: ``tensored`` prepares all 0 and all 1, ``full`` every outcome, in order.
    """
    circuit = Circuit(
        num_qubits=bits,
        operations=[op("rx", bit, angles=[f"flip{bit}"]) for bit in range(bits)],
        measured=range(bits),
    )
    outcomes = np.array([0, 2**bits - 1]) if kind == "tensored" else np.arange(2**bits)
    ones = (outcomes[:, None] >> np.arange(bits)) & 1
    return circuit, Bindings.rows_of(circuit.parameters, ones * np.pi)


def measured(frequencies: Floats, shots: int, kind: Kind) -> Confusion:
    """Take what was read of prepared outcomes.

    Args:
        frequencies: ``[prepared, tiles, d]``, of the outcomes of ``preparation``.
        shots: Shots behind each.
        kind: As of ``preparation``.
    """
    if kind == "full":
        return Confusion((np.moveaxis(frequencies, 0, -1),), shots)
    bits = frequencies.shape[-1].bit_length() - 1
    outcomes = np.arange(2**bits)
    ones = np.stack([frequencies[..., outcomes >> bit & 1 == 1].sum(axis=-1) for bit in range(bits)])
    # ones[bit, prepared, tile]; rows of a factor are what is read.
    return Confusion(tuple(np.stack([1 - one.T, one.T], axis=1) for one in ones), shots)


def _applied(factors: Iterable[Floats], tables: Floats) -> Floats:
    """Matrix product of the factors with tables ``[..., tiles, d]``."""
    low = 1
    for factor in factors:
        side = factor.shape[1]
        shaped = tables.reshape(*tables.shape[:-1], -1, side, low)
        tables = np.einsum("tij,...thjl->...thil", factor, shaped).reshape(tables.shape)
        low *= side
    return tables


def _applied_at(place: int, factors: Sequence[Floats], matrix: Floats, tables: Floats) -> Floats:
    """The same with one factor replaced and all others left out."""
    low = prod(factor.shape[1] for factor in factors[:place])
    shaped = tables.reshape(*tables.shape[:-1], -1, matrix.shape[1], low)
    out: Floats = np.einsum("tij,...thjl->...thil", matrix, shaped).reshape(tables.shape)
    return out
