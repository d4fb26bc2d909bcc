"""Slots: the one-qubit gates between two entangling gates, as one rotation ``rz(phi) ry(theta) rz(lam)``.

Most slots of adapter circuits stay symbolic: quarter turns about z are moved to the end of the slot, equal axes are
added up, and what then reads z, x-or-y, z has affine Euler angles. Every other slot is a batch of 2x2 matrices
``[rows, 2, 2]`` whose Euler angles are computed for all rows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

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


def simplify(factors: Iterable[Rotation]) -> tuple[Rotation, ...]:
    """Move constant quarter turns about z to the end and add up neighbours about one axis."""
    moved: list[Rotation] = []
    quarters = 0
    for factor in factors:
        if factor.axis == "z":
            count = round(factor.angle.offset / QUARTER)
            if factor.angle.turns(count * QUARTER):
                quarters += count
                continue
            moved.append(factor)
        else:
            # rz(-c) ry(a) rz(c) turns the axis by -c about z: y to x and x to -y for a quarter.
            axis, angle = factor.axis, factor.angle
            for _ in range(quarters % 4):
                axis, angle = ("x", angle) if axis == "y" else ("y", -angle)
            moved.append(Rotation(axis, angle))
    moved.append(Rotation("z", Affine(quarters * QUARTER)))
    merged: list[Rotation] = []
    for factor in moved:
        if merged and merged[-1].axis == factor.axis:
            factor = Rotation(factor.axis, merged.pop().angle + factor.angle)
        if not factor.angle.turns(0.0):
            merged.append(factor)
    return tuple(merged)


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
