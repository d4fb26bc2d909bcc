"""The circuit of a Cayley block, and how slices of activations become its rows.

One template serves a whole layer: a state ansatz prepares the unit vector of a slice, a fence closes it, a block ansatz
applies the rotation, and all qubits are measured as one register. Amplitude and outcome index *i* is component *i* of
the slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.gates import FENCE
from qadapt.synthesis import Ansatz

Floats = NDArray[np.float64]

STATE, BLOCK = "x", "k"
"""Prefixes of the parameters that prepare a slice and that rotate it."""


@dataclass(frozen=True, eq=False)
class Slices:
    """Activations cut into slices of one block each, zero slices left out of the rows.

    Attributes:
        norms: Euclidean norms ``[blocks, tokens]``.
        live: Which slices are not zero, ``[blocks, tokens]``.
        units: Unit vectors of the live slices, ``[rows, d]``, blocks outside and tokens inside.
    """

    norms: Floats
    live: NDArray[np.bool_]
    units: Floats


def split(values: Floats) -> Slices:
    """Cut activations ``[tokens, blocks, d]`` into unit vectors and norms.

    A slice is zero only if every component is; the scale is taken out first, so that squares neither under- nor
    overflow.
    """
    slices = values.transpose(1, 0, 2)
    scales = np.abs(slices).max(axis=2)
    live = scales > 0
    safe = slices / np.where(live, scales, 1.0)[..., None]
    lengths = np.sqrt(np.square(safe).sum(axis=2))
    units = safe[live] / lengths[live][:, None]
    return Slices(scales * lengths, live, units)


def join(slices: Slices, values: Floats) -> Floats:
    """Put decoded unit vectors ``[rows, d]`` back in place, times their norms: ``[tokens, blocks, d]``.

    Zero slices stay zero.
    """
    out = np.zeros((*slices.live.shape, values.shape[1]))
    out[slices.live] = values * slices.norms[slices.live][:, None]
    return out.transpose(1, 0, 2)


def template(states: Ansatz, blocks: Ansatz) -> Circuit:
    """Circuit that prepares a slice (parameters ``x0``, ``x1``, ...) and rotates it (``k0``, ``k1``, ...).

    The fence between the two keeps every pass from computing ``Q x`` classically and preparing that.
    """
    qubits = range(states.num_qubits)
    fence = op(FENCE, *qubits)
    operations = (*states.operations(STATE), fence, *blocks.operations(BLOCK))
    return Circuit(num_qubits=len(qubits), operations=operations, measured=(tuple(qubits),))


def interferometer(states: Ansatz, blocks: Ansatz) -> Circuit:
    """Circuit that makes a slice interfere with its rotation; the ancilla is the last qubit.

    Args:
        states: Ansatz of the slices.
        blocks: Ansatz of the blocks under the ancilla's control, on one qubit more.
    """
    qubits, ancilla = range(blocks.num_qubits), states.num_qubits
    split, joined = (op("ry", ancilla, angles=[sign * pi / 2]) for sign in (1, -1))
    operations = (*states.operations(STATE), split, op(FENCE, *qubits), *blocks.operations(BLOCK), joined)
    return Circuit(num_qubits=len(qubits), operations=operations, measured=(tuple(qubits),))


def bind(slices: Slices, states: Floats, blocks: Floats) -> Bindings:
    """Values of the template's parameters, one row per live slice.

    Without zero slices the rows are a grid ``[blocks, tokens]`` and block angles are shared along the tokens.

    Args:
        slices: The slices.
        states: Angles of the live slices, ``[rows, angles]``.
        blocks: Angles of the blocks, ``[blocks, angles]``.
    """
    shape: tuple[int, ...] = slices.live.shape
    shared = blocks[:, None, :]
    if not slices.live.all():
        shape = (len(states),)
        shared = blocks[np.nonzero(slices.live)[0]]
    prepared = states.reshape(*shape, -1)
    columns = {f"{STATE}{i}": prepared[..., i] for i in range(prepared.shape[-1])}
    columns |= {f"{BLOCK}{i}": shared[..., i] for i in range(shared.shape[-1])}
    return Bindings.of(columns, shape=shape)
