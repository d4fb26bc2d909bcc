"""Oracle: exact outcome probabilities from plain dense matrices that are written out here and nowhere else.

Slow and obvious on purpose. It reads a circuit as data (gate names, qubits, angles, registers) and shares neither the
gate table nor a simulator with qadapt, so an error there cannot hide here. Amplitude index *i* has qubit *k* in bit
*k*. A gate's first qubit is bit 0 of its matrix index, so for two qubits the basis reads 00, 01, 10, 11 with the first
qubit on the right, and the first qubit of a controlled gate is its control.
"""

from __future__ import annotations

from cmath import exp
from collections.abc import Callable, Mapping, Sequence
from math import cos, pi, sin, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt import Bindings, Circuit, Parameter

Matrix: TypeAlias = Sequence[Sequence[complex]]

R = sqrt(0.5)


def _rx(t: float) -> Matrix:
    return [[cos(t / 2), -1j * sin(t / 2)], [-1j * sin(t / 2), cos(t / 2)]]


def _ry(t: float) -> Matrix:
    return [[cos(t / 2), -sin(t / 2)], [sin(t / 2), cos(t / 2)]]


def _rz(t: float) -> Matrix:
    return [[exp(-0.5j * t), 0], [0, exp(0.5j * t)]]


def _p(t: float) -> Matrix:
    return [[1, 0], [0, exp(1j * t)]]


def _u3(t: float, f: float, g: float) -> Matrix:
    """OpenQASM 2's U(t, f, g)."""
    return [[cos(t / 2), -exp(1j * g) * sin(t / 2)], [exp(1j * f) * sin(t / 2), exp(1j * (f + g)) * cos(t / 2)]]


def _around(t: float, f: float) -> Matrix:
    """exp(-i t (X cos f + Y sin f) / 2)."""
    return [[cos(t / 2), -1j * exp(-1j * f) * sin(t / 2)], [-1j * exp(1j * f) * sin(t / 2), cos(t / 2)]]


def _controlled(u: Matrix) -> Matrix:
    return [[1, 0, 0, 0], [0, u[0][0], 0, u[0][1]], [0, 0, 1, 0], [0, u[1][0], 0, u[1][1]]]


def _rxx(t: float) -> Matrix:
    c, s = cos(t / 2), -1j * sin(t / 2)
    return [[c, 0, 0, s], [0, c, s, 0], [0, s, c, 0], [s, 0, 0, c]]


def _ryy(t: float) -> Matrix:
    c, s = cos(t / 2), -1j * sin(t / 2)
    return [[c, 0, 0, -s], [0, c, s, 0], [0, s, c, 0], [-s, 0, 0, c]]


def _rzz(t: float) -> Matrix:
    a, b = exp(-0.5j * t), exp(0.5j * t)
    return [[a, 0, 0, 0], [0, b, 0, 0], [0, 0, b, 0], [0, 0, 0, a]]


def _swapped(first: int, second: int) -> Matrix:
    """The identity on three qubits with two basis states exchanged."""
    rows = [[1 if i == j else 0 for j in range(8)] for i in range(8)]
    rows[first], rows[second] = rows[second], rows[first]
    return rows


_X: Matrix = [[0, 1], [1, 0]]
_Y: Matrix = [[0, -1j], [1j, 0]]
_Z: Matrix = [[1, 0], [0, -1]]
_H: Matrix = [[R, R], [R, -R]]

MATRICES: Mapping[str, Callable[..., Matrix]] = {
    "id": lambda: [[1, 0], [0, 1]],
    "x": lambda: _X,
    "y": lambda: _Y,
    "z": lambda: _Z,
    "h": lambda: _H,
    "s": lambda: [[1, 0], [0, 1j]],
    "sdg": lambda: [[1, 0], [0, -1j]],
    "t": lambda: [[1, 0], [0, exp(0.25j * pi)]],
    "tdg": lambda: [[1, 0], [0, exp(-0.25j * pi)]],
    "sx": lambda: [[0.5 + 0.5j, 0.5 - 0.5j], [0.5 - 0.5j, 0.5 + 0.5j]],
    "sxdg": lambda: [[0.5 - 0.5j, 0.5 + 0.5j], [0.5 + 0.5j, 0.5 - 0.5j]],
    "rx": _rx,
    "ry": _ry,
    "rz": _rz,
    "p": _p,
    "u3": _u3,
    "rphi": _around,
    "prx": _around,
    "cx": lambda: _controlled(_X),
    "cy": lambda: _controlled(_Y),
    "cz": lambda: _controlled(_Z),
    "ch": lambda: _controlled(_H),
    "swap": lambda: [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]],
    "iswap": lambda: [[1, 0, 0, 0], [0, 0, 1j, 0], [0, 1j, 0, 0], [0, 0, 0, 1]],
    # (IX - XY) / sqrt 2 in Qiskit's order of factors, the first qubit on the right.
    "ecr": lambda: [[0, R, 0, 1j * R], [R, 0, -1j * R, 0], [0, 1j * R, 0, R], [-1j * R, 0, R, 0]],
    "cp": lambda t: _controlled(_p(t)),
    "crx": lambda t: _controlled(_rx(t)),
    "cry": lambda t: _controlled(_ry(t)),
    "crz": lambda t: _controlled(_rz(t)),
    "rxx": _rxx,
    "ryy": _ryy,
    "rzz": _rzz,
    "ccx": lambda: _swapped(3, 7),
    "cswap": lambda: _swapped(3, 5),
}
"""Every gate's matrix as a function of its angles in radians."""


def probabilities(circuit: Circuit, values: Mapping[str, float] | None = None) -> list[NDArray[np.float64]]:
    """Exact probabilities of every register's outcomes for one set of parameter values.

    Args:
        circuit: Any circuit; qubits that no operation and no register names stay in 0 and cost nothing.
        values: Value of each parameter, in radians.

    Returns:
        One array ``[2**bits]`` per register; index bit *k* is the register's *k*-th qubit.
    """
    used = sorted({qubit for operation in circuit.operations for qubit in operation.qubits} | set(circuit.bits))
    place = {qubit: position for position, qubit in enumerate(used)}
    state = [1 + 0j] + [0j] * (2 ** len(used) - 1)
    for operation in circuit.gates():
        angles = [
            angle.scale * (values or {})[angle.name] + angle.offset if isinstance(angle, Parameter) else angle
            for angle in operation.angles
        ]
        state = _applied(MATRICES[operation.gate](*angles), [place[qubit] for qubit in operation.qubits], state)
    out = []
    for register in circuit.measured:
        table = np.zeros(2 ** len(register))
        for index, amplitude in enumerate(state):
            outcome = sum((index >> place[qubit] & 1) << bit for bit, qubit in enumerate(register))
            table[outcome] += abs(amplitude) ** 2
        out.append(table)
    return out


def _applied(matrix: Matrix, qubits: Sequence[int], state: Sequence[complex]) -> list[complex]:
    """Multiply a gate's matrix into a state, one amplitude after the other."""
    out = [0j] * len(state)
    for index, amplitude in enumerate(state):
        if amplitude == 0:
            continue
        column = sum((index >> qubit & 1) << bit for bit, qubit in enumerate(qubits))
        rest = index
        for qubit in qubits:
            rest &= ~(1 << qubit)
        for row in range(2 ** len(qubits)):
            to = rest | sum((row >> bit & 1) << qubit for bit, qubit in enumerate(qubits))
            out[to] += matrix[row][column] * amplitude
    return out


def tables(circuit: Circuit, bindings: Bindings) -> list[NDArray[np.float64]]:
    """Exact probabilities of every register, ``[rows, 2**bits]``, row *i* for bindings row *i*."""
    columns = {name: bindings.column(name) for name in circuit.parameters}
    rows = [
        probabilities(circuit, {name: float(column[row]) for name, column in columns.items()})
        for row in range(bindings.rows)
    ]
    return [np.stack(register) for register in zip(*rows, strict=True)]
