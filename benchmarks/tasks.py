"""The workload of the synthesis page: real states, orthogonal blocks, and circuits of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Kind: TypeAlias = Literal["S", "U", "S|U", "SU"]
KINDS: tuple[Kind, ...] = ("S", "U", "S|U", "SU")
"""A state from all qubits in zero; a block; the state, a fence and the block; the same without the fence."""


@dataclass(frozen=True, eq=False)
class Task:
    """What a tool compiles.

    Attributes:
        kind: Which circuit.
        state: Real unit vector ``[d]``; component *i* has qubit *k* in bit *k*.
        block: Matrix of SO(d), ``[d, d]``.
    """

    kind: Kind
    state: Floats
    block: Floats

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return len(self.state).bit_length() - 1

    @property
    def prepares(self) -> bool:
        """Whether the circuit starts from all qubits in zero, so that only its first column matters."""
        return self.kind != "U"

    @property
    def ideal(self) -> Floats:
        """What the circuit has to do to the first basis states, ``[d, 1]`` or ``[d, d]``."""
        match self.kind:
            case "S":
                return self.state[:, None]
            case "U":
                return self.block
            case _:
                return (self.block @ self.state)[:, None]


def tasks(kind: Kind, num_qubits: int, count: int, seed: int = 0) -> list[Task]:
    """Make random tasks of one kind; each number and size of a seed is the same task in every kind."""
    return [
        Task(kind, state, block)
        for state, block in zip(
            states(count, 1 << num_qubits, seed), gaussian(count, 1 << num_qubits, seed), strict=True
        )
    ]


def states(count: int, d: int, seed: int = 0) -> Floats:
    """Random real unit vectors ``[count, d]``."""
    raw = np.random.default_rng([seed, d, 0]).normal(size=(count, d))
    out: Floats = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return out


def gaussian(count: int, d: int, seed: int = 0) -> Floats:
    """Blocks ``(I - A)(I + A)^-1`` of skew A with standard normal entries, ``[count, d, d]``."""
    return _cayley(_skew(count, d, seed))


def near(count: int, d: int, seed: int = 0, *, norm: float) -> Floats:
    """Blocks ``(I - A)(I + A)^-1`` of Gaussian skew A scaled to a spectral norm, ``[count, d, d]``."""
    skew = _skew(count, d, seed)
    return _cayley(norm * skew / np.linalg.norm(skew, ord=2, axis=(1, 2), keepdims=True))


def haar(count: int, d: int, seed: int = 0) -> Floats:
    """Blocks that are uniform on SO(d), ``[count, d, d]``: QR with its signs set right."""
    q, r = np.linalg.qr(np.random.default_rng([seed, d, 2]).normal(size=(count, d, d)))
    out: Floats = q * np.sign(np.einsum("nii->ni", r))[:, None, :]
    out[:, :, 0] *= np.linalg.det(out)[:, None]
    return out


Family: TypeAlias = Callable[[int, int], Floats]
FAMILIES: Mapping[str, Family] = {
    "Haar": haar,
    **{f"|A| = {norm:g}": partial(near, norm=norm) for norm in (1.0, 0.3, 0.1)},
}
CLOSE: Mapping[str, Family] = {f"|A| = {norm:g}": partial(near, norm=norm) for norm in (1e-2, 1e-3, 1e-6)}
"""Blocks so close to the identity that short skeletons have no well-conditioned angles for them."""


def _skew(count: int, d: int, seed: int) -> Floats:
    raw = np.random.default_rng([seed, d, 1]).normal(size=(count, d, d))
    upper = np.triu(raw, 1)
    out: Floats = upper - upper.swapaxes(1, 2)
    return out


def _cayley(skew: NDArray[np.floating[Any]]) -> Floats:
    identity = np.eye(skew.shape[-1])
    out: Floats = np.linalg.solve(identity + skew, identity - skew)  # the two factors commute
    return out
