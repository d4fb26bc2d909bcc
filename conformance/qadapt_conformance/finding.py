"""Finding: one thing that a rule looked at, and how it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qadapt import Bindings, Circuit, Counts, Parameter
from qadapt_conformance.statistics import IMPOSSIBLE, divergences, surprise

SHOWN = 300
"""Longest text of a circuit that is shown whole, in characters."""


@dataclass(frozen=True)
class Finding:
    """One look at a backend.

    Attributes:
        said: What came and what should have come, in one line.
        p_value: Bound on the probability that a right backend looks at least this wrong; exactly 0 or 1 for facts.
        statistical: Whether chance took part, so that the verdict is for the whole run to make.
        circuit: The circuit, for people.
        row: The row that deviates most, for people.
    """

    said: str
    p_value: float
    statistical: bool = False
    circuit: str = ""
    row: str = ""


def fact(holds: bool, said: str, circuit: Circuit | None = None) -> Finding:
    """Make a finding in which chance takes no part.

    Args:
        holds: Whether it is as it should be.
        said: What came and what should have come.
        circuit: The circuit that was run, where there was one.
    """
    return Finding(said, float(holds), circuit=describe(circuit) if circuit else "")


def agreement(
    circuit: Circuit, bindings: Bindings, counts: Counts, expected: Sequence[NDArray[np.float64]]
) -> Iterator[Finding]:
    """Compare counts with exact probabilities, one finding per register.

    Args:
        circuit: What was run, for people.
        bindings: Its parameter values.
        counts: What came back.
        expected: ``[rows, 2**bits]`` per register.
    """
    shapes, wanted = [table.shape for table in counts.registers], [table.shape for table in expected]
    if shapes != wanted:
        yield fact(False, f"count tables of shapes {shapes}, expected {wanted}", circuit)
        return
    for number, (table, exact) in enumerate(zip(counts.registers, expected, strict=True)):
        total, freedom = divergences(table, exact)
        row = int(np.argmax(total - freedom))
        shots = int(table[row].sum())
        gap = table[row] - shots * exact[row]
        impossible = (exact[row] <= IMPOSSIBLE) & (table[row] > 0)
        outcome = int(np.argmax(np.where(impossible, np.inf, np.abs(gap))))
        p_value = surprise(table, exact)
        register = f" of register {number}" if len(expected) > 1 else ""
        odds = "p < 1e-300" if p_value < 1e-300 else f"p <= {p_value:.1e}"
        yield Finding(
            f"outcome {outcome}{register} seen {table[row, outcome] / max(shots, 1):.3f}, "
            f"expected {exact[row, outcome]:.3f} ({shots} shots, {odds})",
            p_value,
            statistical=True,
            circuit=describe(circuit),
            row=_row(bindings, row),
        )


def _row(bindings: Bindings, row: int) -> str:
    if bindings.rows == 1 and not bindings.names:
        return ""
    values = ", ".join(f"{name}={bindings.column(name)[row]:.6g}" for name in bindings.names)
    return _cut(f"{row} of {bindings.rows}{': ' * bool(values)}{values}")


def describe(circuit: Circuit) -> str:
    """Write a circuit in one line, as in ``h(0); crz(0,1) 0.9; rx(1) 0.5*a+0.1; measure 0,1 | 2``."""
    steps = []
    for operation in circuit.operations:
        angles = ", ".join(_angle(angle) for angle in operation.angles)
        steps.append(f"{operation.gate}({','.join(map(str, operation.qubits))}){' ' * bool(angles)}{angles}")
    registers = " | ".join(",".join(map(str, register)) for register in circuit.measured)
    return f"{_cut('; '.join(steps))}; measure {registers}".removeprefix("; ")


def _angle(angle: float | Parameter) -> str:
    if not isinstance(angle, Parameter):
        return f"{angle:.6g}"
    scaled = angle.name if angle.scale == 1 else f"{angle.scale:.6g}*{angle.name}"
    return f"{scaled}{angle.offset:+.6g}" if angle.offset else scaled


def _cut(text: str) -> str:
    half = SHOWN // 2
    return text if len(text) <= SHOWN else f"{text[:half]} ... {text[-half:]}"
