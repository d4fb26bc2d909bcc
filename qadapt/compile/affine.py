"""Affine: an angle as a weighted sum of columns plus a constant; the arithmetic of symbolic slots."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Parameter

TAU = 2 * np.pi
_CLOSE = 1e-12


@dataclass(frozen=True)
class Affine:
    """An angle in radians, ``offset + sum(weight * column)``."""

    offset: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, angle: float | Parameter) -> Affine:
        """Take an angle of a circuit."""
        if isinstance(angle, Parameter):
            return cls(angle.offset, {angle.name: angle.scale} if angle.scale else {})
        return cls(float(angle))

    def __add__(self, other: Affine | float) -> Affine:
        if not isinstance(other, Affine):
            return Affine(self.offset + other, self.terms)
        terms = dict(self.terms)
        for name, weight in other.terms.items():
            terms[name] = terms.get(name, 0.0) + weight
        return Affine(self.offset + other.offset, {name: weight for name, weight in terms.items() if weight})

    def __neg__(self) -> Affine:
        return Affine(-self.offset, {name: -weight for name, weight in self.terms.items()})

    def __sub__(self, other: Affine | float) -> Affine:
        return self + (-other)

    def value(self, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Angles at the broadcast shape of the columns that take part."""
        total = np.array(self.offset)
        for name, weight in self.terms.items():
            total = total + (columns[name] if weight == 1 else weight * columns[name])
        return total

    @property
    def constant(self) -> bool:
        """Whether no column takes part."""
        return not self.terms

    def turns(self, angle: float) -> bool:
        """Whether this is the constant ``angle`` up to full turns, which change the global phase only."""
        if self.terms:
            return False
        rest = (self.offset - angle) % TAU
        return min(rest, TAU - rest) < _CLOSE


def values(
    angles: Collection[Affine], columns: Mapping[str, NDArray[np.float64]], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Angles of every row, ``[rows, angles]``, row *i* for element *i* of the row shape in C order."""
    out = np.empty((*shape, len(angles)))
    for number, angle in enumerate(angles):
        out[..., number] = angle.value(columns)  # a shared column is summed up before it is spread over the rows
    return out.reshape(prod(shape), len(angles))
