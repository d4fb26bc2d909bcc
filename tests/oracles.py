"""Oracles for tests: dense matrices by plain tensor contraction, and strategies that draw circuits."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.gates import GATES
from qadapt.target import Site, Target


def unitary(circuit: Circuit, bindings: Bindings, row: int) -> NDArray[np.complex128]:
    """Matrix of a whole circuit for one row; index bit k is qubit k."""
    n = circuit.num_qubits
    matrix = np.eye(2**n, dtype=complex)
    for operation in circuit.gates():
        angles = [
            angle.scale * bindings.column(angle.name)[row] + angle.offset if isinstance(angle, Parameter) else angle
            for angle in operation.angles
        ]
        k = len(operation.qubits)
        gate = GATES[operation.gate].matrix(*angles).reshape((2,) * (2 * k))
        axes = [n - 1 - qubit for qubit in reversed(operation.qubits)]
        tensor = np.tensordot(gate, matrix.reshape((2,) * n + (-1,)), axes=(range(k, 2 * k), axes))
        matrix = np.moveaxis(tensor, range(k), axes).reshape(2**n, 2**n)
    return matrix


def register_probabilities(circuit: Circuit, bindings: Bindings, row: int) -> list[NDArray[np.float64]]:
    """Exact outcome distribution of every register for one row, from the dense matrix."""
    amplitudes = unitary(circuit, bindings, row)[:, 0]
    index = np.arange(len(amplitudes))
    out = []
    for register in circuit.measured:
        outcome = sum(((index >> qubit) & 1) << bit for bit, qubit in enumerate(register))
        out.append(np.bincount(outcome, weights=np.abs(amplitudes) ** 2, minlength=2 ** len(register)))
    return out


def phase_distance(first: NDArray[np.complex128], second: NDArray[np.complex128]) -> float:
    """Largest entry of the difference of two matrices after the best global phase."""
    overlap = np.vdot(second, first)
    phase = overlap / abs(overlap) if abs(overlap) > 1e-12 else 1.0
    return float(np.abs(first - phase * second).max())


def line(native: tuple[str, ...], length: int = 6, error: float = 0.01) -> Target:
    """A chain of qubits with one calibrated cz per neighbour pair."""
    sites = {"cz": tuple(Site(qubits=(q, q + 1), error=error) for q in range(length - 1))}
    return Target(name="line", num_qubits=length, native=native, sites=sites)


NAMES = ("b10", "b2", "B", "a[10]", "a[2]", "zz", "_t", "x.y")
"""Parameter names that any sorting would permute."""

_angle = st.floats(-10, 10, allow_nan=False)


@st.composite
def angles(draw: st.DrawFn) -> float | Parameter:
    """A number, or a named parameter with scale and offset."""
    if draw(st.booleans()):
        return draw(_angle)
    scale = draw(st.sampled_from([1.0, -1.0, 0.5, 2.0, 0.0]))
    return Parameter(name=draw(st.sampled_from(NAMES)), scale=scale, offset=draw(st.sampled_from([0.0, 0.3, np.pi])))


@st.composite
def operations(draw: st.DrawFn, num_qubits: int) -> Operation:
    """Any gate of the table that fits, or a fence."""
    qubits = draw(st.permutations(range(num_qubits)))
    fitting = [gate for gate in GATES.values() if gate.qubits <= num_qubits]
    gate = draw(st.sampled_from([*fitting, None]))
    if gate is None:
        return op("fence", *qubits)
    return op(gate.name, *qubits[: gate.qubits], angles=[draw(angles()) for _ in gate.parameters])


@st.composite
def circuits(draw: st.DrawFn, *, measured: bool, max_qubits: int = 4, max_size: int = 14) -> Circuit:
    """A random circuit over the whole gate table; measured ones end in a permuted register of all qubits."""
    n = draw(st.integers(1, max_qubits))
    inside = draw(st.lists(operations(n), max_size=max_size))
    return Circuit(num_qubits=n, operations=inside, measured=draw(st.permutations(range(n))) if measured else [])


def random_bindings(circuit: Circuit, rows: int, seed: int = 0) -> Bindings:
    """Normally distributed values for every parameter of a circuit."""
    values = np.random.default_rng(seed).normal(scale=2, size=(rows, len(circuit.parameters)))
    return Bindings.of(dict(zip(circuit.parameters, values.T, strict=True)), shape=(rows,))


def adapter_circuit(num_qubits: int, edges: tuple[tuple[int, int], ...]) -> Circuit:
    """RY on every qubit, then cz and two RY per edge, all angles named, all qubits measured."""
    inside = [op("ry", qubit, angles=[f"a{qubit}"]) for qubit in range(num_qubits)]
    for number, (low, high) in enumerate(edges):
        first = num_qubits + 2 * number
        inside += [
            op("cz", low, high),
            op("ry", low, angles=[f"a{first}"]),
            op("ry", high, angles=[f"a{first + 1}"]),
        ]
    return Circuit(num_qubits=num_qubits, operations=inside, measured=range(num_qubits))
