"""Waves: cosines and sines of all angles of one block of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.simulate.arrays import Array, Arrays
from qadapt.simulate.maps import Sum, Tiled, Wave

Floats: TypeAlias = NDArray[np.float64]

_ALL = slice(None)


class AngleWaves:
    """Cosines and sines of the angles of one block, each computed once."""

    def __init__(self, slots: Sequence[Tiled], bindings: Bindings, block: tuple[slice, ...], arrays: Arrays) -> None:
        self._slots, self._bindings, self._block, self._arrays = slots, bindings, block, arrays
        self._known: dict[Wave, Array] = {}

    def __call__(self, wave: Wave) -> Array:
        """Values of one wave, ``[tiles, *block]`` with length 1 along axes on which it does not depend."""
        if wave not in self._known:
            cosine, sine = self._pair(wave.slot, wave.harmonic)
            self._known[wave._replace(sine=False)] = cosine
            self._known[wave._replace(sine=True)] = sine
        return self._known[wave]

    def _pair(self, slot: int, harmonic: int) -> tuple[Array, Array]:
        """Cosine and sine of ``harmonic * angle / 2`` from the tangent of half of it, the fastest function.

        ``sin x = 2 t / (1 + t^2)`` and ``cos x = 2 / (1 + t^2) - 1`` with ``t = tan(x / 2)``, good to 1e-15 for every
        x: near its poles the tangent is about 1e16 and its square is still finite.
        """
        parts = [self._angle(angle, harmonic / 4) for angle in self._slots[slot]]
        values = parts[0][None] if len(parts) == 1 else np.stack(np.broadcast_arrays(*parts))
        tangent = self._arrays.module.tan(self._arrays.put(values))
        cosine = tangent * tangent
        cosine += 1
        cosine = 2 / cosine
        tangent *= cosine
        cosine -= 1
        return cosine, tangent

    def _angle(self, angle: Sum, factor: float) -> Floats:
        """Values of ``factor * angle`` in this block."""
        total: Floats | None = None
        for name, scale in angle.terms:
            column = self._bindings.columns[name]
            part = column[tuple(s if size > 1 else _ALL for s, size in zip(self._block, column.shape, strict=True))]
            scaled = part * (scale * factor)
            total = scaled if total is None else total + scaled
        if total is None:
            return np.full((1,) * len(self._block), angle.offset * factor)
        if angle.offset:
            total += angle.offset * factor
        return total
