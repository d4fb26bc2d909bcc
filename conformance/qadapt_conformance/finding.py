"""Finding: one thing that a rule looked at, and how it reads."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from qadapt import Bindings, Circuit, Parameter

SHOWN = 300
"""Longest text of a circuit that is shown whole, in characters."""


class Picture(BaseModel):
    """Counts of one row beside what was expected of them.

    Attributes:
        seen: Shots per outcome.
        expected: Probability per outcome.
    """

    model_config = ConfigDict(frozen=True)

    seen: tuple[int, ...]
    expected: tuple[float, ...]


class Finding(BaseModel):
    """One look at a backend.

    Attributes:
        said: What came and what should have come, in one line.
        p_value: Bound on the probability that a right backend looks at least this wrong; exactly 0 or 1 for facts.
        statistical: Whether chance took part, so that the verdict is for the whole run to make.
        judged: Whether the look says anything; not where noise is expected to drown the circuit.
        circuit: The circuit, for people.
        circuit_hash: Content hash of the circuit that was compared.
        row: The row that deviates most, for people.
        shots: Shots per row; None where nothing was counted.
        distance: Total variation distance between what was counted and what the circuit says, mean over the rows.
        margin: Distance that the noise of the target explains, and shots; None on targets without noise.
        within: Whether the distance is surely within the margin.
        against: Evidence against each mutant that the rule is to catch, in nats: logarithm of an e-value.
        toward: Evidence against the backend and for each of them, in nats, likewise.
        plan: Shots per row that would tell the backend from each of them in this look; 0 where they do the same.
        picture: The row that deviates most.
    """

    model_config = ConfigDict(frozen=True)

    said: str
    p_value: float
    statistical: bool = False
    judged: bool = True
    circuit: str = ""
    circuit_hash: str = ""
    row: str = ""
    shots: int | None = None
    distance: float | None = None
    margin: float | None = None
    within: bool = True
    against: dict[str, float] = {}
    toward: dict[str, float] = {}
    plan: dict[str, int] = {}
    picture: Picture | None = None


def fact(holds: bool, said: str, circuit: Circuit | None = None) -> Finding:
    """Make a finding in which chance takes no part.

    Args:
        holds: Whether it is as it should be.
        said: What came and what should have come.
        circuit: The circuit that was run, where there was one.
    """
    if circuit is None:
        return Finding(said=said, p_value=float(holds))
    return Finding(said=said, p_value=float(holds), circuit=describe(circuit), circuit_hash=circuit.content_hash)


def describe(circuit: Circuit) -> str:
    """Write a circuit in one line, as in ``h(0); crz(0,1) 0.9; rx(1) 0.5*a+0.1; measure 0,1 | 2``."""
    steps = []
    for operation in circuit.operations:
        angles = ", ".join(_angle(angle) for angle in operation.angles)
        steps.append(f"{operation.gate}({','.join(map(str, operation.qubits))}){' ' * bool(angles)}{angles}")
    registers = " | ".join(",".join(map(str, register)) for register in circuit.measured)
    return f"{_cut('; '.join(steps))}; measure {registers}".removeprefix("; ")


def describe_row(bindings: Bindings, row: int) -> str:
    """Write the values of one row in one line."""
    if bindings.rows == 1 and not bindings.names:
        return ""
    values = ", ".join(f"{name}={bindings.column(name)[row]:.6g}" for name in bindings.names)
    return _cut(f"{row} of {bindings.rows}{': ' * bool(values)}{values}")


def _angle(angle: float | Parameter) -> str:
    if not isinstance(angle, Parameter):
        return f"{angle:.6g}"
    scaled = angle.name if angle.scale == 1 else f"{angle.scale:.6g}*{angle.name}"
    return f"{scaled}{angle.offset:+.6g}" if angle.offset else scaled


def _cut(text: str) -> str:
    half = SHOWN // 2
    return text if len(text) <= SHOWN else f"{text[:half]} ... {text[-half:]}"
