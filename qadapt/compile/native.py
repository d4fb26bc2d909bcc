"""Native gate sets: how one slot is written in each, and which entangling gates stand between slots.

Every set has cz as its entangling gate, and rzz beside it where the target has it. An rz commutes with both, so where
rz is free or absent it is not emitted after a slot but carried along the qubit as its *frame*, into the next slot or,
before a measurement, away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from qadapt.compile.affine import Affine
from qadapt.compile.fold import FOLDED
from qadapt.compile.slots import QUARTER, Euler
from qadapt.errors import TargetError
from qadapt.target import Target

ENTANGLER = "cz"


@dataclass(frozen=True)
class Pulse:
    """One native one-qubit gate with affine angles."""

    gate: str
    angles: tuple[Affine, ...] = ()


@dataclass(frozen=True)
class NativeSet:
    """How slots are written in one set of native gates.

    Attributes:
        name: Shown to people.
        needs: Native gates that a target must have.
        slot: From a slot and the frame before it to pulses and the frame after it.
        frame: Pulses that realise a frame where it cannot be dropped.
        opening: The first angle of a qubit's first slot that saves most, where it is free: it turns the state 0.
    """

    name: str
    needs: frozenset[str]
    slot: Callable[[Euler, Affine], tuple[tuple[Pulse, ...], Affine]]
    frame: Callable[[Affine], tuple[Pulse, ...]]
    opening: Affine = field(default_factory=Affine)


def _rz(angle: Affine) -> Iterator[Pulse]:
    if not angle.turns(0.0):
        yield Pulse("rz", (angle,))


def _sx_slot(has_x: bool, has_rx: bool = False) -> Callable[[Euler, Affine], tuple[tuple[Pulse, ...], Affine]]:
    """Zero, one or two sx pulses: rz(phi) ry(theta) rz(lam) = rz(phi + pi) sx rz(theta + pi) sx rz(lam).

    With rx one pulse is enough, rz(phi + pi/2) rx(theta) rz(lam - pi/2). A constant theta that x or sx turns by stays
    theirs: they are as many pulses, and the ones that a vendor calibrates at exactly this angle.
    """
    sx = Pulse("sx")

    def slot(euler: Euler, frame: Affine) -> tuple[tuple[Pulse, ...], Affine]:
        lam, theta, phi = euler.lam + frame, euler.theta, euler.phi
        if theta.turns(0.0):
            return (), lam + phi
        if has_x and theta.turns(np.pi):
            return (Pulse("x"),), phi - lam + np.pi
        if theta.turns(-QUARTER):
            lam, theta, phi = lam - np.pi, Affine(QUARTER), phi + np.pi
        if theta.turns(QUARTER):
            return (*_rz(lam - QUARTER), sx), phi + QUARTER
        if has_rx:
            lam, phi = lam - QUARTER, phi + QUARTER
            if lam.turns(np.pi):  # rx(theta) rz(pi) = rz(pi) rx(-theta) saves the rz
                lam, theta, phi = Affine(), -theta, phi + np.pi
            return (*_rz(lam), Pulse("rx", (theta,))), phi
        if lam.turns(np.pi):  # ry(theta) rz(pi) = rz(pi) ry(-theta) saves the rz
            lam, theta, phi = Affine(), -theta, phi + np.pi
        return (*_rz(lam), sx, *_rz(theta + np.pi), sx), phi + np.pi

    return slot


def _u3_slot(euler: Euler, frame: Affine) -> tuple[tuple[Pulse, ...], Affine]:
    if euler.theta.turns(0.0) and (euler.lam + euler.phi).turns(0.0):
        return (), frame
    return (Pulse("u3", (euler.theta, euler.phi, euler.lam + frame)),), Affine()


def _u3_frame(frame: Affine) -> tuple[Pulse, ...]:
    return () if frame.turns(0.0) else (Pulse("u3", (Affine(), Affine(), frame)),)


def _rphi_slot(gate: str) -> Callable[[Euler, Affine], tuple[tuple[Pulse, ...], Affine]]:
    """One pulse: rz(phi) ry(theta) rz(lam) = rz(phi + lam) r(theta, pi/2 - lam)."""

    def slot(euler: Euler, frame: Affine) -> tuple[tuple[Pulse, ...], Affine]:
        lam = euler.lam + frame
        pulses = () if euler.theta.turns(0.0) else (Pulse(gate, (euler.theta, -lam + QUARTER)),)
        return pulses, lam + euler.phi

    return slot


def _rphi_frame(gate: str) -> Callable[[Affine], tuple[Pulse, ...]]:
    """Two half turns about axes that enclose half the angle make an rz."""

    def frame(angle: Affine) -> tuple[Pulse, ...]:
        if angle.turns(0.0):
            return ()
        half = Affine(angle.offset / 2, {name: weight / 2 for name, weight in angle.terms.items()})
        return Pulse(gate, (Affine(np.pi), Affine())), Pulse(gate, (Affine(np.pi), half))

    return frame


def _rz_frame(angle: Affine) -> tuple[Pulse, ...]:
    return tuple(_rz(angle))


NATIVE_SETS = (
    NativeSet(
        "cz, sx, x, rx, rz",
        frozenset({"sx", "x", "rx", "rz"}),
        _sx_slot(has_x=True, has_rx=True),
        _rz_frame,
        opening=Affine(QUARTER),
    ),
    NativeSet("cz, sx, x, rz", frozenset({"sx", "rz", "x"}), _sx_slot(has_x=True), _rz_frame),
    NativeSet("cz, sx, rz", frozenset({"sx", "rz"}), _sx_slot(has_x=False), _rz_frame),
    NativeSet("cz, u3", frozenset({"u3"}), _u3_slot, _u3_frame),
    NativeSet("cz, rphi", frozenset({"rphi"}), _rphi_slot("rphi"), _rphi_frame("rphi")),
    NativeSet("cz, prx", frozenset({"prx"}), _rphi_slot("prx"), _rphi_frame("prx")),
)
"""Known sets, the first one that a target has is used."""


def native_set(target: Target) -> NativeSet:
    """Choose the native set of a target; gates that do not take every angle do not count.

    Raises:
        TargetError: The target has no set that qadapt can compile to.
    """
    native = set(target.native) - set(target.ranges)
    for candidate in NATIVE_SETS:
        if ENTANGLER in native and candidate.needs <= native:
            return candidate
    raise TargetError(
        f"cannot compile to the native gates of {target.name}: {', '.join(target.native)}",
        hint=f"known sets: {'; '.join(candidate.name for candidate in NATIVE_SETS)}",
    )


def entanglers(target: Target) -> frozenset[str]:
    """The entangling gates to compile to: cz, and rzz if the target's takes at least the angles that others fold to."""
    low, high = target.ranges.get("rzz", FOLDED)
    has_rzz = "rzz" in target.native and low <= FOLDED[0] and FOLDED[1] <= high
    return frozenset({ENTANGLER, "rzz"} if has_rzz else {ENTANGLER})
