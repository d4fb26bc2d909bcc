"""For the tests of synthesis: ansaetze of every structure, random and special targets, and dense matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from oracles import unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.synthesis import Ansatz

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


@st.composite
def ansaetze(draw: st.DrawFn, *, max_qubits: int = 4, max_size: int = 10) -> Ansatz:
    """Any edges at all, in any direction, flipped or kept as it comes, with the way out at the end."""
    n = draw(st.integers(1, max_qubits))
    if n == 1:
        return Ansatz(1, free=draw(st.booleans()))
    edges, flips, inside = [], [], set[int]()
    for _ in range(draw(st.integers(0, max_size))):
        first, second = draw(st.permutations(range(n)))[:2]
        if {first, second} <= inside or draw(st.sampled_from([True, False, False])):
            flips.append(len(edges))
            inside ^= {first, second}
        edges.append((first, second))
    while inside:
        flips.append(len(edges))
        edges.append((inside.pop(), inside.pop()))
    return Ansatz(n, tuple(edges), tuple(flips), draw(st.booleans()))


def dense(ansatz: Ansatz, angles: Floats) -> Complexes:
    """Matrices ``[rows, d, d]`` of angles ``[rows, size]`` by plain products of the gate table's matrices."""
    circuit = Circuit(num_qubits=ansatz.num_qubits, operations=ansatz.operations("a"))
    bindings = Bindings.rows_of([f"a{i}" for i in range(ansatz.size)], angles)
    return np.array([unitary(circuit, bindings, row) for row in range(len(angles))])


def in_phase(matrices: Complexes, targets: Floats) -> Complexes:
    """Matrices or vectors ``[rows, ...]``, each turned by the global phase that brings it nearest to its target."""
    axes = tuple(range(1, targets.ndim))
    overlap = np.sum(matrices.conj() * targets, axis=axes, keepdims=True)
    return matrices * overlap / np.abs(overlap)


def unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def random_vectors(d: int, rows: int, seed: int = 0) -> Floats:
    return unit(np.random.default_rng(seed).normal(size=(rows, d)))


def haar(d: int, rows: int, seed: int = 0) -> Floats:
    """Rotations ``[rows, d, d]`` of SO(d), uniformly distributed."""
    blocks, triangles = np.linalg.qr(np.random.default_rng(seed).normal(size=(rows, d, d)))
    blocks = blocks * np.sign(np.diagonal(triangles, axis1=1, axis2=2))[:, None]
    blocks[:, :, 0] *= np.sign(np.linalg.det(blocks))[:, None]
    return blocks


def cayley(d: int, rows: int, norm: float, seed: int = 0) -> Floats:
    """Cayley transforms ``[rows, d, d]`` of random skew matrices of this spectral norm."""
    generator = np.random.default_rng(seed).normal(size=(rows, d, d))
    skew = generator - generator.swapaxes(1, 2)
    skew *= norm / np.linalg.norm(skew, 2, axis=(1, 2))[:, None, None]
    return np.linalg.solve(np.eye(d) + skew, np.eye(d) - skew)


def special_vectors(d: int) -> Floats:
    """Basis, GHZ, W, uniform, Bell pairs, products, signs, two-component; each also with the sign flipped."""
    n, identity, rng = d.bit_length() - 1, np.eye(d), np.random.default_rng(1)
    rows = [*identity, np.ones(d), identity[0] + identity[-1], identity[0] - identity[-1]]
    rows.append(identity[[1 << qubit for qubit in range(n)]].sum(axis=0))
    rows += list(rng.choice([-1.0, 1.0], (8, d)))
    for _ in range(8):
        product, pairs = np.ones(1), np.ones(1)
        for _ in range(n):
            product = np.kron(rng.normal(size=2), product)
        while len(pairs) < d:
            pairs = np.kron(rng.permutation([1.0, 0.0, 0.0, 1.0])[: d // len(pairs)], pairs)
        rows += [product, pairs + (not pairs.any()), identity[rng.integers(d)] + 2 * identity[rng.integers(d)]]
    stacked = np.array(rows)
    return unit(np.concatenate([stacked, -stacked]))


def _rotated(matrix: Floats) -> Floats:
    """The matrix, with its first row negated if its determinant is negative."""
    out = np.array(matrix, dtype=float)
    out[0] *= np.sign(np.linalg.det(out))
    return out


def special_blocks(d: int) -> dict[str, Floats]:
    """Rotations ``[rows, d, d]`` by the name of what is special about them."""
    rng, identity, half = np.random.default_rng(2), np.eye(d), max(1, d // 2)
    hadamard = np.ones((1, 1))
    while len(hadamard) < d:
        hadamard = np.kron(hadamard, [[1, 1], [1, -1]]) / np.sqrt(2)
    one = haar(2, 8, seed=3)

    def two_blocks() -> Floats:
        out = np.zeros((d, d))
        out[:half, :half], out[half:, half:] = haar(half, 1, int(rng.integers(99)))[0], haar(half, 1, 7)[0]
        return out

    def one_plane() -> Floats:
        out, plane = np.eye(d), rng.permutation(d)[:2]
        out[np.ix_(plane, plane)] = one[rng.integers(8)]
        return out

    def two_reflections() -> Floats:
        first, second = unit(rng.normal(size=(2, d)))
        return (identity - 2 * np.outer(first, first)) @ (identity - 2 * np.outer(second, second))

    def signs() -> Floats:
        return rng.choice([-1.0, 1.0], d)

    def local() -> Floats:
        out = np.ones((1, 1))
        while len(out) < d:
            out = np.kron(out, one[rng.integers(8)])
        return out

    return {
        name: np.array(rows)
        for name, rows in {
            "plus and minus one": [identity, -identity],
            "diagonals": [_rotated(np.diag(signs())) for _ in range(6)],
            "permutations": [_rotated(identity[rng.permutation(d)]) for _ in range(6)],
            "signed permutations": [_rotated(identity[rng.permutation(d)] * signs()) for _ in range(6)],
            "two blocks": [two_blocks() for _ in range(4)],
            "one plane": [one_plane() for _ in range(4)],
            "two reflections": [two_reflections() for _ in range(6)],
            "hadamard": [_rotated(hadamard), _rotated(hadamard[rng.permutation(d)]), _rotated(hadamard * signs())],
            "one-qubit rotations": [local() for _ in range(4)],
            "one rotation": [np.kron(one[0], np.eye(half)), np.kron(np.eye(half), one[1])],
        }.items()
    }
