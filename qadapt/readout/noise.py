"""Noise: what stands between a state and its counts, as the likelihood of a read-out sees it.

The model of a tile is ``p = C ((1 - s) |a|^2 + s / d)``: outcomes ``|a|^2`` of the pure state, mixed with uniform ones
by a depolarising strength ``s``, and read through a confusion matrix ``C``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt.circuit import Circuit
from qadapt.errors import BindingsError
from qadapt.mitigation.confusion import Confusion
from qadapt.mitigation.confusion import calibrated as misread
from qadapt.mitigation.depolarising import STRONGEST, predicted
from qadapt.mitigation.mitigated import Mitigated
from qadapt.mitigation.mitigation import Mitigation
from qadapt.target import Target

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Noise:
    """Noise of every tile, and which rows ran where.

    Attributes:
        strengths: Depolarising strength of each tile, ``[tiles]``, 0 to ``STRONGEST``.
        confusion: Probability of each outcome (row) given the true one (column), ``[tiles, d, d]``; None for perfect
            readout. ``tensored`` makes it from qubits.
        tiles: Tile of every row in every setting, whole numbers ``[settings, rows]``; None where there is one tile.
        fitted: Whether the strengths are known only up to a common factor, which is fitted to all counts together.

    Raises:
        BindingsError: An array has another shape or holds other values.
    """

    strengths: Floats
    confusion: Floats | None = None
    tiles: NDArray[np.intp] | None = None
    fitted: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no noise."""
        strengths = np.asarray(self.strengths, dtype=np.float64)
        if strengths.ndim != 1 or not len(strengths) or not ((strengths >= 0) & (strengths <= STRONGEST)).all():
            raise BindingsError(f"strengths {self.strengths!r}: expected numbers from 0 to {STRONGEST}, one per tile")
        object.__setattr__(self, "strengths", strengths)
        if self.confusion is not None:
            object.__setattr__(self, "confusion", _stochastic(self.confusion, len(strengths)))
        if self.tiles is None:
            if len(strengths) != 1:
                raise BindingsError(f"noise of {len(strengths)} tiles does not say which rows ran where")
        elif not (
            np.ndim(self.tiles) == 2
            and np.asarray(self.tiles).dtype.kind in "iu"
            and ((self.tiles >= 0) & (self.tiles < len(strengths))).all()
        ):
            raise BindingsError(f"tiles are whole numbers [settings, rows] below {len(strengths)}")

    def fits(self, settings: int, rows: int, dim: int) -> Noise:
        """Return this noise if it is one of so many settings, rows and outcomes.

        Raises:
            BindingsError: It is not.
        """
        if self.tiles is not None and self.tiles.shape != (settings, rows):
            raise BindingsError(f"noise of tiles {list(self.tiles.shape)} for {settings} settings of {rows} rows")
        if self.confusion is not None and self.confusion.shape[1] != dim:
            raise BindingsError(f"confusion of {self.confusion.shape[1]} outcomes for counts of {dim}")
        return self

    def rows(self, which: NDArray[np.intp]) -> Noise:
        """The same for some rows, by number."""
        return self if self.tiles is None else replace(self, tiles=self.tiles[:, which])

    def of_rows(self, settings: int, rows: int) -> NDArray[np.intp]:
        """Tile of every row in every setting, ``[rows, settings]``."""
        return np.zeros((rows, settings), dtype=np.intp) if self.tiles is None else self.tiles.T

    def scaled(self, factor: float) -> Floats:
        """Strengths times a factor, ``[tiles]``, at most ``STRONGEST``."""
        return np.minimum(self.strengths * factor, STRONGEST)


IDEAL = Noise(np.zeros(1))
"""No noise: only the shots are random."""


def depolarising(strength: float, *, fitted: bool = False) -> Noise:
    """Depolarising noise of one strength in all rows; ``BindingsError`` for a strength out of range."""
    return Noise(np.array([strength]), fitted=fitted)


def tensored(qubits: ArrayLike) -> Floats:
    """Confusion matrices ``[tiles, d, d]`` of qubits that are misread independently.

    Args:
        qubits: Probability of reading (row) each value given the true one (column), ``[tiles, n, 2, 2]``; bit *k* of
            an outcome is qubit *k*.
    """
    return Confusion(tuple(np.moveaxis(np.asarray(qubits, dtype=np.float64), 1, 0))).matrices


def calibrated(target: Target, circuit: Circuit, tiles: int, settings: int, rows: int) -> Noise:
    """Noise that a target's calibration predicts of a run.

    Readout confusion is that of the calibration, the depolarising strength of a tile that of its predicted process
    fidelity. How far the machine is from its calibration is left to a factor that is fitted.

    Args:
        target: The machine.
        circuit: The native circuit that was executed, one register per tile.
        tiles: Copies of the source in it.
        settings: Number of settings; settings outside and rows inside, row *i* of all on tile ``i % tiles``.
        rows: Rows of one setting.
    """
    if _unknown(target):
        return IDEAL
    place = np.arange(settings * rows, dtype=np.intp).reshape(settings, rows) % tiles
    registers = circuit.measured[: int(place.max()) + 1]
    strengths = predicted(circuit, registers, target).values
    matrices = misread(target, registers).matrices
    return Noise(strengths, matrices, place, fitted=bool(strengths.any()))


def measured(found: Mitigated, asked: Mitigation, target: Target, rows: int) -> Noise:
    """Noise that mitigated runs have measured, and that a target's calibration predicts where they have not.

    Args:
        found: What came out of the runs, at one scale; its rows are settings outside and rows inside.
        asked: What was asked for. A strength that was not measured with references is known up to a factor only.
        target: The machine.
        rows: Rows of one setting.

    Returns:
        Noise of every repetition of every setting, settings inside.
    """
    done, known = found.runs[-1], not _unknown(target)
    width = 1 if found.tiles is None else len(found.tiles)
    registers = done.circuit.measured[:width]
    referred = asked.depolarising == "references" and found.strength is not None
    strengths = np.zeros(width)
    if found.strength is not None and referred:
        strengths = found.strength.values.clip(0, STRONGEST)
    elif known:
        strengths = predicted(done.circuit, registers, target).values
    confusion = found.confusion
    if confusion is None or asked.readout == "calibration":
        corrected = done.provenance.readout_correction or not known
        confusion = None if corrected else misread(target, registers)
    matrices = None if confusion is None else confusion.matrices
    return Noise(strengths, matrices, found.visits.reshape(-1, rows), fitted=not referred and bool(strengths.any()))


def joined(noises: Sequence[Noise], settings: Sequence[int], rows: int, dim: int) -> Noise:
    """Noise of several runs of the same rows, one after the other along their settings.

    Args:
        noises: That of each run.
        settings: Number of settings of each.
        rows: Number of rows.
        dim: Number of outcomes.
    """
    if len(noises) == 1:
        return noises[0]
    first = np.cumsum([0, *(len(noise.strengths) for noise in noises)])[:-1]
    tiles = [n.of_rows(s, rows).T + start for n, s, start in zip(noises, settings, first, strict=True)]
    confusion = None
    if any(noise.confusion is not None for noise in noises):
        plain = [np.broadcast_to(np.eye(dim), (len(noise.strengths), dim, dim)) for noise in noises]
        read = [noise.confusion for noise in noises]
        confusion = np.concatenate([p if c is None else c for p, c in zip(plain, read, strict=True)])
    strengths = np.concatenate([noise.strengths for noise in noises])
    return Noise(strengths, confusion, np.concatenate(tiles), fitted=any(noise.fitted for noise in noises))


def _unknown(target: Target) -> bool:
    """Whether a target has no calibration."""
    return not target.qubits and all(site.error is None for sites in target.sites.values() for site in sites)


def _stochastic(confusion: Floats, tiles: int) -> Floats:
    array = np.asarray(confusion, dtype=np.float64)
    if array.ndim != 3 or len(array) != tiles or array.shape[1] != array.shape[2]:
        raise BindingsError(f"confusion of shape {list(array.shape)}, expected [tiles, d, d] of {tiles} tiles")
    if not (array >= 0).all() or np.abs(array.sum(axis=1) - 1).max() > 1e-9:
        raise BindingsError("a confusion matrix has non-negative columns that add up to one")
    return array
