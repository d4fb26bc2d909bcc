"""Cases for read-outs: real vectors, and counts of them in any settings through any noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qadapt.counts import Counts
from qadapt.readout import tensored
from qadapt.readout.settings import bases, interfering

Floats = NDArray[np.float64]


def unit(vectors: Floats) -> Floats:
    """Rows divided by their norms."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def vectors(rows: int, dim: int, seed: int = 0) -> Floats:
    """Gaussian unit vectors ``[rows, dim]``."""
    return unit(np.random.default_rng(seed).normal(size=(rows, dim)))


def cayley(rows: int, dim: int, scale: float, seed: int = 0) -> tuple[Floats, Floats]:
    """Cayley blocks ``[rows, dim, dim]`` and the spectral norms of their K."""
    raw = np.random.default_rng(seed).normal(size=(rows, dim, dim)) * scale
    skew = (raw - raw.swapaxes(1, 2)) / np.sqrt(2)
    identity = np.eye(dim)
    blocks = np.linalg.solve(identity + skew / 2, identity - skew / 2)
    return blocks, np.linalg.norm(skew, 2, axis=(1, 2))


def confusions(tiles: int, num_qubits: int, seed: int = 0) -> Floats:
    """Confusion matrices ``[tiles, d, d]`` of qubits that are misread in up to a tenth of the shots."""
    up, down = np.random.default_rng(seed).random((2, tiles, num_qubits)) / 10
    return tensored(np.stack([np.stack([1 - up, down], axis=-1), np.stack([up, 1 - down], axis=-1)], axis=-2))


def probabilities(outputs: Floats, strength: float = 0.0, confusion: Floats | None = None) -> Floats:
    """Outcome probabilities ``[settings, rows, d]`` in the settings of ``signed``."""
    dim = outputs.shape[1]
    pure = np.square(np.einsum("skj,rj->srk", bases(interfering(dim.bit_length() - 1)), outputs))
    mixed = (1 - strength) * pure + strength / dim
    return mixed if confusion is None else np.einsum("...kj,...j->...k", confusion, mixed)


def sampled(exact: Floats, shots: int, seed: int) -> list[Counts]:
    """Counts of every setting, each with so many shots."""
    generator = np.random.default_rng(seed)
    return [Counts((generator.multinomial(shots, unit_sum(table)),), shots) for table in exact]


def expected(exact: Floats, shots: int) -> list[Counts]:
    """Counts without randomness, rounded to whole numbers."""
    tables = [np.round(table * shots).astype(np.int64) for table in exact]
    for table in tables:
        table[np.arange(len(table)), table.argmax(axis=1)] += shots - table.sum(axis=1)
    return [Counts((table,), shots) for table in tables]


def unit_sum(table: Floats) -> Floats:
    """Rows divided by their sums: a multinomial wants sums of one to the last bit."""
    return table / table.sum(axis=-1, keepdims=True)


def distances(values: Floats, outputs: Floats) -> Floats:
    """Distance of each row, ``[rows]``."""
    out: Floats = np.linalg.norm(values - outputs, axis=1)
    return out


def joined(parts: Sequence[Sequence[Counts]]) -> list[Counts]:
    """Rows of several sets of counts after one another, setting by setting."""
    return [
        Counts((np.concatenate([each.table for each in same]),), same[0].shots) for same in zip(*parts, strict=True)
    ]
