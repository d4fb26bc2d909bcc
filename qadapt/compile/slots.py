"""Slots: the one-qubit gates between two entangling gates, as one rotation ``rz(phi) ry(theta) rz(lam)``.

Most slots of adapter circuits stay symbolic: constant quarter turns, which map axes to axes, are moved out of the way,
equal axes are added up, and what then reads z, x-or-y, z has affine Euler angles. Every other slot is a batch of 2x2
matrices ``[rows, 2, 2]`` whose Euler angles are computed for all rows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Operation
from qadapt.compile.affine import Affine
from qadapt.gates import GATES, Axis

QUARTER = np.pi / 2


@dataclass(frozen=True)
class Rotation:
    """A rotation by an affine angle about one axis."""

    axis: Axis
    angle: Affine


@dataclass(frozen=True)
class Euler:
    """The unitary ``rz(phi) ry(theta) rz(lam)``, the rightmost factor acting first; global phase is dropped."""

    lam: Affine
    theta: Affine
    phi: Affine


_FIXED: dict[str, tuple[tuple[Axis, float], ...]] = {
    "id": (),
    "x": (("x", np.pi),),
    "y": (("y", np.pi),),
    "z": (("z", np.pi),),
    "h": (("z", np.pi), ("y", QUARTER)),
    "s": (("z", QUARTER),),
    "sdg": (("z", -QUARTER),),
    "t": (("z", QUARTER / 2),),
    "tdg": (("z", -QUARTER / 2),),
    "sx": (("x", QUARTER),),
    "sxdg": (("x", -QUARTER),),
}
_ANGLED: dict[str, Callable[..., tuple[Rotation, ...]]] = {
    "u3": lambda theta, phi, lam: (Rotation("z", lam), Rotation("y", theta), Rotation("z", phi)),
    "rphi": lambda theta, phi: (Rotation("z", -phi), Rotation("x", theta), Rotation("z", phi)),
    "prx": lambda theta, phi: (Rotation("z", -phi), Rotation("x", theta), Rotation("z", phi)),
}


def rotations(operation: Operation) -> tuple[Rotation, ...]:
    """Write any one-qubit gate of the gate table as rotations in the order they act, up to global phase."""
    angles = [Affine.of(angle) for angle in operation.angles]
    axis = GATES[operation.gate].axis
    if axis is not None:
        return (Rotation(axis, angles[0]),)
    if operation.gate in _FIXED:
        return tuple(Rotation(axis, Affine(angle)) for axis, angle in _FIXED[operation.gate])
    return _ANGLED[operation.gate](*angles)


Turn: TypeAlias = tuple[tuple[Axis, int], ...]
"""A product of constant quarter turns, up to global phase: what becomes of rotations that are moved in front of it.

For a rotation about x, y and z behind the turn, the axis and the sign of the rotation before it that does the same.
"""

_AXES: tuple[Axis, ...] = ("x", "y", "z")
_NO_TURN: Turn = tuple((axis, 1) for axis in _AXES)


def _through(turn: Turn, axis: Axis, sign: int = 1) -> tuple[Axis, int]:
    """Axis and sign before a turn for those behind it."""
    image, flip = turn[_AXES.index(axis)]
    return image, sign * flip


def _signed(sign: int, angle: Affine) -> Affine:
    return angle if sign > 0 else -angle


def _before(turn: Turn, factor: Rotation) -> Rotation:
    """The rotation before a turn that does what a rotation behind it does."""
    axis, sign = _through(turn, factor.axis)
    return Rotation(axis, _signed(sign, factor.angle))


def _joined(*turns: Turn) -> Turn:
    """One turn for turns in the order they act."""
    joined = _NO_TURN
    for turn in reversed(turns):
        joined = tuple(_through(turn, *image) for image in joined)
    return joined


def _powers(axis: Axis) -> tuple[Turn, ...]:
    """None, one, two and three quarter turns about one axis.

    ``rz(-c) ry(a) rz(c)`` turns the axis by -c about z, y to x and x to -y for a quarter; x, y and z are cyclic.
    """
    one, two = (_AXES[(_AXES.index(axis) + step) % 3] for step in (1, 2))
    images: dict[Axis, tuple[Axis, int]] = {axis: (axis, 1), one: (two, -1), two: (one, 1)}
    quarter = tuple(images[each] for each in _AXES)
    return tuple(_joined(*[quarter] * count) for count in range(4))


_TURNS = {axis: _powers(axis) for axis in _AXES}


def _words() -> dict[tuple[Axis, Turn], tuple[int, int, int]]:
    """Every turn as quarter turns about z, the given one of x and y, and z; without the first where that works."""
    words: dict[tuple[Axis, Turn], tuple[int, int, int]] = {}
    for middle in _AXES[:2]:
        for first, second, third in product((0, 1, 2, -1), repeat=3):
            turn = _joined(_TURNS["z"][first], _TURNS[middle][second], _TURNS["z"][third])
            words.setdefault((middle, turn), (first, second, third))
    return words


_WORDS = _words()


def simplify(factors: Iterable[Rotation]) -> tuple[Rotation, ...]:
    """Write a slot in fewer factors, in the order they act, up to global phase; as z, x-or-y, z where it has that form.

    Which slots have it: move all constant quarter turns to the end and add up neighbours about one axis; leave out the
    first rotation if it is about z, and the last one if behind the turn it is about z; then at most one is left. Where
    none is left the middle angle is a constant quarter turn, which saves a pulse. Other slots keep their order.
    """
    merged = _merged(_ended(factors))
    gathered = _gathered(merged) if symbolic(merged) is None else None
    return merged if gathered is None else gathered


def _ended(factors: Iterable[Rotation]) -> Iterator[Rotation]:
    """Move constant quarter turns about z to the end."""
    quarters = 0
    for factor in factors:
        if factor.axis == "z" and (count := _quarters(factor.angle)) is not None:
            quarters += count
        else:
            yield _before(_TURNS["z"][quarters % 4], factor)
    yield Rotation("z", Affine(quarters * QUARTER))


def _merged(factors: Iterable[Rotation]) -> tuple[Rotation, ...]:
    """Add up neighbours about one axis and leave out what does nothing."""
    merged: list[Rotation] = []
    for factor in factors:
        if merged and merged[-1].axis == factor.axis:
            factor = Rotation(factor.axis, merged.pop().angle + factor.angle)
        if not factor.angle.turns(0.0):
            merged.append(factor)
    return tuple(merged)


def _gathered(factors: Iterable[Rotation]) -> tuple[Rotation, ...] | None:
    """Gather constant quarter turns in one, placed so that z, x-or-y, z is left; None where there is no such place."""
    free: list[Rotation] = []
    turn = _NO_TURN
    for factor in factors:
        factor = _before(turn, factor)
        if free and free[-1].axis == factor.axis:
            factor = Rotation(factor.axis, free.pop().angle + factor.angle)
        if (count := _quarters(factor.angle)) is None:
            free.append(factor)
        else:
            turn = _joined(_TURNS[factor.axis][count % 4], turn)
    start, end = [], []
    if free and free[0].axis == "z":
        start = [free.pop(0)]
    axis, sign = _through(turn, "z")
    if free and free[-1].axis == axis:
        end = [Rotation("z", _signed(sign, free.pop().angle))]
    if len(free) > 1:
        return None
    # A rotation that is left is about neither of the two axes that are z before and behind the turn. The turn is then
    # one about the same axis and one about z: its word begins in the middle, and the two middles are added up.
    middle = free[0].axis if free else "y"
    word = zip(("z", middle, "z"), _WORDS[middle, turn], strict=True)
    return _merged([*start, *free, *(Rotation(axis, Affine(count * QUARTER)) for axis, count in word), *end])


def _quarters(angle: Affine) -> int | None:
    """Number of quarter turns that a constant angle is; None for all others."""
    count = round(angle.offset / QUARTER)
    return count if angle.turns(count * QUARTER) else None


def symbolic(factors: Sequence[Rotation]) -> Euler | None:
    """Euler angles of simplified factors that read z, x-or-y, z (any of them absent); None for all others."""
    zero = Affine()
    axes = [factor.axis for factor in factors]
    middle = [index for index, axis in enumerate(axes) if axis != "z"]
    if not middle:
        return Euler(zero, zero, factors[0].angle if factors else zero)
    if len(middle) > 1 or len(factors) > 3:
        return None
    at = middle[0]
    lam = factors[at - 1].angle if at else zero
    phi = factors[at + 1].angle if at + 1 < len(factors) else zero
    if axes[at] == "x":  # rx(t) = rz(-pi/2) ry(t) rz(pi/2)
        lam, phi = lam + QUARTER, phi - QUARTER
    return Euler(lam, factors[at].angle, phi)


def matrices(factors: Sequence[Rotation], angle: Callable[[Affine], NDArray[np.float64]]) -> NDArray[np.complex128]:
    """Product of the factors, ``[..., 2, 2]`` in SU(2), at the broadcast shape of what ``angle`` evaluates them to."""
    product: NDArray[np.complex128] = np.eye(2, dtype=complex)
    for factor in factors:
        product = GATES[f"r{factor.axis}"].matrix(angle(factor.angle)) @ product
    return product


def euler_angles(unitaries: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Angles ``[..., (lam, theta, phi)]`` of SU(2) matrices ``[..., 2, 2]`` = rz(phi) ry(theta) rz(lam) up to sign."""
    low, high = unitaries[..., 1, 1], unitaries[..., 1, 0]
    theta = 2 * np.arctan2(np.abs(high), np.abs(low))
    # The angle of a vanishing entry is rounding noise; any value gives the same matrix, zero gives the same bits.
    half_sum = np.where(np.abs(low) > 1e-14, np.angle(low), 0.0)
    half_difference = np.where(np.abs(high) > 1e-14, np.angle(high), 0.0)
    return np.stack([half_sum - half_difference, theta, half_sum + half_difference], axis=-1)


def constant_euler(factors: Sequence[Rotation]) -> Euler:
    """Euler angles of factors without columns."""
    lam, theta, phi = euler_angles(matrices(factors, lambda angle: np.array(angle.offset)))
    return Euler(Affine(float(lam)), Affine(float(theta)), Affine(float(phi)))
