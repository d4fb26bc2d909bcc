"""Expand: gates that a target does not have, written in gates that it has, up to global phase."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import numpy as np

from qadapt.circuit import Angle, Operation, Parameter, op
from qadapt.errors import TargetError

_QUARTER = np.pi / 2
Rule = Callable[..., Iterable[Operation]]


def scaled(angle: Angle, scale: float) -> Angle:
    """An angle of a circuit times a number."""
    return angle.shifted(scale) if isinstance(angle, Parameter) else angle * scale


def _around(before: Iterable[Operation], inner: Operation, after: Iterable[Operation]) -> tuple[Operation, ...]:
    return (*before, inner, *after)


def _swap() -> tuple[Operation, ...]:
    return op("cx", 0, 1), op("cx", 1, 0), op("cx", 0, 1)


def _iswap() -> tuple[Operation, ...]:
    return op("s", 0), op("s", 1), op("h", 0), op("cx", 0, 1), op("cx", 1, 0), op("h", 1)


def _ryy(angle: Angle) -> tuple[Operation, ...]:
    turn = [op("rx", qubit, angles=[_QUARTER]) for qubit in (0, 1)]
    back = [op("rx", qubit, angles=[-_QUARTER]) for qubit in (0, 1)]
    return _around(turn, op("rzz", 0, 1, angles=[angle]), back)


def _rxx(angle: Angle) -> tuple[Operation, ...]:
    both = [op("h", 0), op("h", 1)]
    return _around(both, op("rzz", 0, 1, angles=[angle]), both)


def _rzz(angle: Angle) -> tuple[Operation, ...]:
    return op("h", 1), op("cz", 0, 1), op("rx", 1, angles=[angle]), op("cz", 0, 1), op("h", 1)


def _cp(angle: Angle) -> tuple[Operation, ...]:
    local = [op("rz", qubit, angles=[scaled(angle, 0.5)]) for qubit in (0, 1)]
    return (*local, op("rzz", 0, 1, angles=[scaled(angle, -0.5)]))


def _controlled_rotation(gate: str) -> Rule:
    """For an axis that z turns around: z r(-t/2) z r(t/2) is r(t), and without the two z it is nothing."""

    def rule(angle: Angle) -> tuple[Operation, ...]:
        half, back = scaled(angle, 0.5), scaled(angle, -0.5)
        return op("cz", 0, 1), op(gate, 1, angles=[back]), op("cz", 0, 1), op(gate, 1, angles=[half])

    return rule


def _crz(angle: Angle) -> tuple[Operation, ...]:
    return op("rz", 1, angles=[scaled(angle, 0.5)]), op("rzz", 0, 1, angles=[scaled(angle, -0.5)])


def _cz() -> tuple[Operation, ...]:
    return *(op("rz", qubit, angles=[-_QUARTER]) for qubit in (0, 1)), op("rzz", 0, 1, angles=[_QUARTER])


def _turned(gate: str, before: Iterable[Operation], after: Iterable[Operation]) -> Rule:
    """The same gate about another axis of the second qubit."""
    return lambda angle: _around(before, op(gate, 0, 1, angles=[angle]), after)


def _ecr() -> tuple[Operation, ...]:
    return op("h", 1), op("rzz", 0, 1, angles=[_QUARTER]), op("h", 1), op("x", 0)


def _ccx() -> tuple[Operation, ...]:
    """Six cx, Nielsen and Chuang, figure 4.9."""
    return (
        op("h", 2),
        op("cx", 1, 2),
        op("tdg", 2),
        op("cx", 0, 2),
        op("t", 2),
        op("cx", 1, 2),
        op("tdg", 2),
        op("cx", 0, 2),
        op("t", 1),
        op("t", 2),
        op("h", 2),
        op("cx", 0, 1),
        op("t", 0),
        op("tdg", 1),
        op("cx", 0, 1),
    )


def _rphi(theta: Angle, phi: Angle) -> tuple[Operation, ...]:
    return op("rz", 0, angles=[scaled(phi, -1)]), op("rx", 0, angles=[theta]), op("rz", 0, angles=[phi])


def _turn(gate: str, angle: float) -> Rule:
    return lambda: (op(gate, 0, angles=[angle]),)


RULES: dict[str, Rule] = {
    "cx": lambda: (op("h", 1), op("cz", 0, 1), op("h", 1)),
    "cy": lambda: (op("sdg", 1), op("cx", 0, 1), op("s", 1)),
    "ch": lambda: (op("ry", 1, angles=[-np.pi / 4]), op("cz", 0, 1), op("ry", 1, angles=[np.pi / 4])),
    "swap": _swap,
    "iswap": _iswap,
    "ecr": _ecr,
    "cp": _cp,
    "crx": _controlled_rotation("rx"),
    "cry": _controlled_rotation("ry"),
    "crz": _crz,
    "rxx": _rxx,
    "ryy": _ryy,
    "rzz": _rzz,
    "ccx": _ccx,
    "cswap": lambda: (op("cx", 2, 1), op("ccx", 0, 1, 2), op("cx", 2, 1)),
    "id": lambda: (),
    "x": _turn("rx", np.pi),
    "y": _turn("ry", np.pi),
    "z": _turn("rz", np.pi),
    "h": lambda: (op("rz", 0, angles=[np.pi]), op("ry", 0, angles=[_QUARTER])),
    "s": _turn("rz", _QUARTER),
    "sdg": _turn("rz", -_QUARTER),
    "t": _turn("rz", _QUARTER / 2),
    "tdg": _turn("rz", -_QUARTER / 2),
    "sx": _turn("rx", _QUARTER),
    "sxdg": _turn("rx", -_QUARTER),
    "p": lambda angle: (op("rz", 0, angles=[angle]),),
    "u3": lambda theta, phi, lam: tuple(
        op(gate, 0, angles=[angle]) for gate, angle in (("rz", lam), ("ry", theta), ("rz", phi))
    ),
    "rphi": _rphi,
    "prx": _rphi,
}
"""Each gate in simpler ones, on qubits 0, 1, 2 of the gate; rx, ry, rz and cz are where the rules end."""

RZZ_RULES: dict[str, Rule] = {
    "cz": _cz,
    "crx": _turned("crz", [op("h", 1)], [op("h", 1)]),
    "cry": _turned("crz", [op("rx", 1, angles=[_QUARTER])], [op("rx", 1, angles=[-_QUARTER])]),
}
"""Rules that come first where rzz is kept: one rzz in place of two cz, and cz itself where only rzz is kept."""


def expand(operations: Iterable[Operation], keep: Collection[str]) -> Iterator[Operation]:
    """Yield the operations with every gate outside ``keep`` replaced by its rule, again and again.

    Raises:
        TargetError: A gate is neither kept nor has a rule.
    """
    for operation in operations:
        if operation.is_fence or operation.gate in keep:
            yield operation
            continue
        rule = (RZZ_RULES.get(operation.gate) if "rzz" in keep else None) or RULES.get(operation.gate)
        if rule is None:
            raise TargetError(f"{operation.gate} is not native and cannot be written in {', '.join(sorted(keep))}")
        inner = (
            Operation(gate=part.gate, qubits=tuple(operation.qubits[q] for q in part.qubits), angles=part.angles)
            for part in rule(*operation.angles)
        )
        yield from expand(inner, keep)
