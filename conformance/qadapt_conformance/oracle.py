"""Oracle: exact outcome probabilities from plain dense matrices that are written out here and nowhere else.

Slow and obvious on purpose. It reads a circuit as data (gate names, qubits, angles, registers) and shares neither the
gate table nor a simulator with qadapt, so an error there cannot hide here. Amplitude index *i* has qubit *k* in bit
*k*. A gate's first qubit is bit 0 of its matrix index, so for two qubits the basis reads 00, 01, 10, 11 with the first
qubit on the right, and the first qubit of a controlled gate is its control.
"""

from __future__ import annotations

from cmath import exp
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import cos, pi, sin, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt import Bindings, Circuit, Operation, Parameter

Matrix: TypeAlias = Sequence[Sequence[complex]]
Floats: TypeAlias = NDArray[np.float64]

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


def tables(circuit: Circuit, bindings: Bindings) -> list[Floats]:
    """Exact probabilities of every register's outcomes.

    Args:
        circuit: Any circuit; what it costs depends on how many qubits its gates connect, not on how many it has.
        bindings: Values of its parameters, in radians.

    Returns:
        One array ``[rows, 2**bits]`` per register, row *i* for bindings row *i*; index bit *k* is the register's *k*-th
        qubit.
    """
    columns = {name: bindings.column(name) for name in circuit.parameters}
    of = {qubit: group for group in groups(circuit) for qubit in group}
    likely = {group: np.abs(amplitudes(circuit, columns, qubits=group)) ** 2 for group in set(of.values())}
    out = []
    for register in circuit.measured:
        table = np.ones((bindings.rows, 2 ** len(register)))
        outcomes = np.arange(2 ** len(register))
        for group in dict.fromkeys(of[qubit] for qubit in register):
            bits = [(bit, group.index(qubit)) for bit, qubit in enumerate(register) if qubit in group]
            index = np.arange(2 ** len(group))
            marginal = np.zeros((bindings.rows, 2 ** len(bits)))
            seen = sum((index >> place & 1) << number for number, (_, place) in enumerate(bits))
            for outcome in range(2 ** len(bits)):
                marginal[:, outcome] = likely[group][:, seen == outcome].sum(axis=1)
            table *= marginal[:, sum((outcomes >> bit & 1) << number for number, (bit, _) in enumerate(bits))]
        out.append(table)
    return out


def probabilities(circuit: Circuit, values: Mapping[str, float] | None = None) -> list[Floats]:
    """Exact probabilities of every register's outcomes ``[2**bits]`` for one set of parameter values."""
    return [table[0] for table in tables(circuit, Bindings.of(values or {}))]


def touched(circuit: Circuit) -> list[int]:
    """Qubits that an operation or a register names, in order."""
    return sorted({qubit for operation in circuit.operations for qubit in operation.qubits} | set(circuit.bits))


def groups(circuit: Circuit) -> list[tuple[int, ...]]:
    """Qubits that gates connect, or that are measured alone; those that nothing names stay in 0 and are left out."""
    group = {qubit: {qubit} for qubit in circuit.bits}
    for operation in circuit.gates():
        joined = set(operation.qubits).union(*(group.get(qubit, ()) for qubit in operation.qubits))
        group.update(dict.fromkeys(joined, joined))
    return sorted({tuple(sorted(qubits)) for qubits in group.values()})


def amplitudes(
    circuit: Circuit, values: Mapping[str, ArrayLike], *, qubits: Sequence[int], start: int = 0
) -> NDArray[np.complex128]:
    """Amplitudes ``[rows, 2**qubits]`` after the gates of a circuit that act on some qubits and no others; read only.

    Args:
        circuit: Any circuit; its measurements are left out.
        values: Values of its parameters, in radians: numbers, or one per row.
        qubits: Bit *k* of an index is the *k*-th of them.
        start: Index of the basis state that they begin in.
    """
    gates = tuple(operation for operation in circuit.gates() if not set(qubits).isdisjoint(operation.qubits))
    columns = tuple((name, np.asarray(value, dtype=float).tobytes()) for name, value in values.items())
    return _amplitudes(gates, columns, tuple(qubits), start)


@lru_cache(maxsize=1024)
def _amplitudes(
    gates: tuple[Operation, ...], columns: tuple[tuple[str, bytes], ...], qubits: tuple[int, ...], start: int
) -> NDArray[np.complex128]:
    """Amplitudes, once for all who ask: a rule is gone through before it is run, and on every backend."""
    values = {name: np.frombuffer(column) for name, column in columns}
    state = np.zeros((max(map(np.size, values.values()), default=1), 2 ** len(qubits)), dtype=complex)
    state[:, start] = 1
    for operation in gates:
        places = [qubits.index(qubit) for qubit in operation.qubits]
        state = _applied(_matrices(operation, values), places, state)
    state.flags.writeable = False
    return state


def _matrices(operation: Operation, values: Mapping[str, ArrayLike]) -> NDArray[np.complex128]:
    """Matrix of a gate for every row, or a single one that all rows share."""
    angles = [
        angle.scale * np.asarray(values[angle.name], dtype=float) + angle.offset
        if isinstance(angle, Parameter)
        else np.array(angle)
        for angle in operation.angles
    ]
    rows = np.stack(np.broadcast_arrays(*angles), axis=-1).reshape(-1, len(angles)).tolist() if angles else [()]
    return np.array([MATRICES[operation.gate](*row) for row in rows], dtype=complex)


def _applied(
    matrices: NDArray[np.complex128], qubits: Sequence[int], state: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Multiply a gate's matrices into states: each set of amplitudes that differ in the gate's bits alone by itself."""
    steps = [sum((row >> bit & 1) << qubit for bit, qubit in enumerate(qubits)) for row in range(2 ** len(qubits))]
    index = np.arange(state.shape[1])
    rest = index[index & steps[-1] == 0]
    out = np.empty_like(state)
    for row, to in enumerate(steps):
        out[:, rest + to] = sum(
            matrices[:, row, column, None] * state[:, rest + step] for column, step in enumerate(steps)
        )
    return out


def unitary(circuit: Circuit, values: Mapping[str, float] | None = None) -> NDArray[np.complex128]:
    """Matrix of a circuit's gates on all of its qubits; index bit *k* is qubit *k*."""
    qubits = range(circuit.num_qubits)
    columns = [amplitudes(circuit, values or {}, qubits=qubits, start=start)[0] for start in range(2 ** len(qubits))]
    return np.array(columns).T


def cayley(skew: Floats) -> Floats:
    """Cayley transforms ``(1 - K / 2) (1 + K / 2)^-1`` of skew-symmetric matrices ``[..., d, d]``: rotations."""
    one = np.eye(skew.shape[-1])
    rotations: Floats = (one - skew / 2) @ np.linalg.inv(one + skew / 2)
    return rotations
