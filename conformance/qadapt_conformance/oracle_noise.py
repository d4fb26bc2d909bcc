"""Noise oracle: exact outcome probabilities under a target's calibration, from plain dense density matrices.

Written out here and nowhere else, like ``oracle``; a target is read as data only. The model is the one that core's
emulators document, which Qiskit Aer derives from a device at temperature 0. After every gate that has a site, in either
order of its qubits, come

1. a depolarising channel ``rho -> (1 - p) rho + p tr(rho) 1 / d`` on the gate's qubits, with the p that makes the
   average gate error of steps 1 and 2 together the calibrated one, and
2. for each qubit amplitude and phase damping during the gate: the excited population decays by ``exp(-t / T1)``,
   coherences by ``exp(-t / T2)`` with T2 at most 2 T1.

The average fidelity of a channel is ``(d F + 1) / (d + 1)`` with its process fidelity F (M. A. Nielsen, Phys. Lett. A
303 (2002) 249); F of the damping is a product over qubits of ``(1 + 2 exp(-t / T2) + exp(-t / T1)) / 4``. A damping
that alone exceeds the error stays as it is, and p never exceeds ``d**2 / (d**2 - 1)``. Idle qubits keep their state.
Readout flips each bit independently.

A calibrated error says how much a gate is off, not which way. The coherent errors that entangling gates of all kinds
show are phases, of either qubit or of both together (cirq-google's devices are characterised by them); a family allows
for each of them at the full size of the calibrated error, in either direction.
"""

from __future__ import annotations

from functools import lru_cache
from math import asin, exp, inf, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt import Bindings, Circuit, NotSupportedError, Operation, Parameter, Site, Target
from qadapt_conformance import oracle

Floats: TypeAlias = NDArray[np.float64]
Complexes: TypeAlias = NDArray[np.complex128]

MAX_QUBITS = 6
"""Most qubits that gates may connect where gates are noisy."""

SCALES = ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (2.0, 2.0))
"""Scales of gate noise and of readout errors of a family's first components."""

TURNS = tuple((bits, sign) for bits in (0b01, 0b10, 0b11) for sign in (1, -1))
"""Phases after entangling gates of the next components: on which of the gate's qubits (both: ZZ), and the direction."""

_ENTRIES = 2**20


def tables(
    circuit: Circuit, bindings: Bindings, target: Target, *, gates: float = 1.0, readout: float = 1.0
) -> list[Floats]:
    """Exact probabilities of every register under gate noise and readout errors.

    Args:
        circuit: Native circuit whose qubits are the target's; a gate without a site is ideal.
        bindings: Its parameters, in radians.
        target: Gives the noise.
        gates: Scale of gate noise: errors and durations are multiplied by it.
        readout: Scale of readout errors, which end at a half unless they are larger to begin with.

    Returns:
        One array ``[rows, 2**bits]`` per register; index bit *k* is the register's *k*-th qubit, row *i* is bindings
        row *i*.

    Raises:
        NotSupportedError: Gates connect more than ``MAX_QUBITS`` qubits.
    """
    return [
        confused(table, register, target, readout)
        for table, register in zip(_read(circuit, bindings, target, gates), circuit.measured, strict=True)
    ]


def family(circuit: Circuit, bindings: Bindings, target: Target) -> list[Floats]:
    """Return what a machine may do that runs the circuit, well or badly: the components of a mixture per register.

    Args:
        circuit: Native circuit whose qubits are the target's.
        bindings: Its parameters, in radians.
        target: Gives the noise.

    Returns:
        One array ``[components, rows, 2**bits]`` per register. The components are those of ``SCALES``, of ``TURNS``
        with noise and readout errors as calibrated, and the uniform distribution; where gates connect more than
        ``MAX_QUBITS`` qubits, those without gate noise and the uniform one, three in all.
    """
    scales: tuple[tuple[float, float], ...] = SCALES
    turned: list[list[Floats]] = []
    if max(map(len, _groups(circuit)), default=0) <= MAX_QUBITS:
        read = {scale: _read(circuit, bindings, target, scale) for scale in {gates for gates, _ in scales}}
        if any(len(operation.qubits) == 2 for operation in circuit.gates()):
            turned = [_read(circuit, bindings, target, 1.0, turn) for turn in TURNS]
    else:
        scales = SCALES[:2]
        read = {0.0: oracle.tables(circuit, bindings)}
    out = []
    for number, register in enumerate(circuit.measured):
        parts = [confused(read[gates][number], register, target, readout) for gates, readout in scales]
        parts += [confused(each[number], register, target) for each in turned]
        out.append(np.stack([*parts, np.full_like(parts[0], 1 / parts[0].shape[1])]))
    return out


def expected(components: Floats) -> Floats:
    """Pick what the calibration promises from a family, ``[rows, outcomes]``: scales of 1 as far as they are known."""
    found: Floats = components[2 if len(components) > 3 else 1]
    return found


def confused(table: Floats, register: tuple[int, ...], target: Target, scale: float = 1.0) -> Floats:
    """Apply the readout errors of a register's qubits to probabilities ``[rows, 2**bits]``.

    Args:
        table: Index bit *k* is the register's *k*-th qubit.
        register: Physical qubits.
        target: Gives the errors.
        scale: Of the errors, which end at a half unless they are larger to begin with.
    """
    if not target.qubits:
        return table
    for bit, qubit in enumerate(register):
        up = _scaled(target.qubits[qubit].prob_meas1_prep0, scale)
        down = _scaled(target.qubits[qubit].prob_meas0_prep1, scale)
        zero, one = np.moveaxis(table.reshape(len(table), -1, 2, 2**bit), 2, 0)
        both = [zero * (1 - up) + one * down, zero * up + one * (1 - down)]
        table = np.stack(both, axis=2).reshape(len(table), -1)
    return table


def _scaled(error: float, scale: float) -> float:
    return min(error * scale, max(error, 0.5))


def _groups(circuit: Circuit) -> list[list[int]]:
    """Qubits that gates connect, the groups of which one is read; a group's first is bit 0 of its density matrix."""
    groups = {qubit: {qubit} for qubit in circuit.bits}
    for operation in circuit.gates():
        joined = set(operation.qubits).union(*(groups.get(qubit, ()) for qubit in operation.qubits))
        groups |= dict.fromkeys(joined, joined)
    return [sorted(group) for group in {id(groups[qubit]): groups[qubit] for qubit in circuit.bits}.values()]


def _read(
    circuit: Circuit, bindings: Bindings, target: Target, scale: float, turn: tuple[int, int] | None = None
) -> list[Floats]:
    """Probabilities ``[rows, 2**bits]`` of every register with perfect readout."""
    out = [np.ones((bindings.rows, *[1] * len(register))) for register in circuit.measured]
    for group in _groups(circuit):
        if len(group) > MAX_QUBITS:
            raise NotSupportedError(
                f"gates connect {len(group)} qubits, the noise oracle takes at most {MAX_QUBITS}", capability="noise"
            )
        blocks = bindings.blocks(max(1, _ENTRIES // 4 ** len(group)))
        weights = np.concatenate([_weights(_evolved(circuit, group, block, target, scale, turn)) for block in blocks])
        for number, register in enumerate(circuit.measured):
            out[number] = out[number] * _marginal(weights, group, register)
    return [table.reshape(bindings.rows, -1) for table in out]


def _evolved(
    circuit: Circuit,
    group: list[int],
    bindings: Bindings,
    target: Target,
    scale: float,
    turn: tuple[int, int] | None,
) -> Complexes:
    """Density matrices of a group at the end, ``[rows, 2, ..., 2]``: kets first, high qubits first."""
    rho = np.zeros((bindings.rows, 4 ** len(group)), dtype=complex)
    rho[:, 0] = 1
    rho = rho.reshape(bindings.rows, *[2] * (2 * len(group)))
    for operation in circuit.gates():
        if operation.qubits[0] in group:
            whole = _noise(operation, target, scale) @ _turned(operation, target, turn)
            whole = whole @ _super(_unitaries(operation, bindings))
            rho = _applied(whole, [group.index(qubit) for qubit in operation.qubits], rho)
    return rho


def _weights(rho: Complexes) -> Floats:
    """Probabilities of a group's basis states, ``[rows, 2, ..., 2]``: high qubits first."""
    size = 2 ** (rho.ndim // 2)
    diagonal = np.diagonal(rho.reshape(len(rho), size, size), axis1=1, axis2=2).real.clip(min=0.0)
    return diagonal.reshape(rho.shape[: rho.ndim // 2 + 1])


def _marginal(weights: Floats, group: list[int], register: tuple[int, ...]) -> Floats:
    """Sum over qubits that a register does not read: ``[rows, ...]``, an axis of 2 or 1 per bit, high bits first."""
    others = tuple(len(group) - position for position, qubit in enumerate(group) if qubit not in register)
    left = [qubit for qubit in reversed(group) if qubit in register]
    bits = [qubit for qubit in reversed(register) if qubit in group]
    table: Floats = weights.sum(axis=others).transpose(0, *(1 + left.index(qubit) for qubit in bits))
    return table.reshape(len(weights), *(2 if qubit in group else 1 for qubit in reversed(register)))


def _applied(whole: Complexes, qubits: list[int], rho: Complexes) -> Complexes:
    """Apply maps ``[rows or 1, d**2, d**2]`` on matrix elements (ket, bra) of some qubits."""
    n = rho.ndim // 2
    axes = [n - qubit for qubit in reversed(qubits)] + [2 * n - qubit for qubit in reversed(qubits)]
    last = list(range(-len(axes), 0))
    moved = np.moveaxis(rho, axes, last)
    flat: Complexes = moved.reshape(len(rho), -1, 4 ** len(qubits)) @ whole.swapaxes(1, 2)
    return np.moveaxis(flat.reshape(moved.shape), last, axes)


def _unitaries(operation: Operation, bindings: Bindings) -> Complexes:
    """A gate's matrices, ``[rows, d, d]``, or ``[1, d, d]`` if all rows agree."""
    columns = [
        angle.scale * bindings.column(angle.name) + angle.offset if isinstance(angle, Parameter) else np.array([angle])
        for angle in operation.angles
    ]
    rows = bindings.rows if operation.parameters else 1
    angles = np.stack([np.broadcast_to(column, rows) for column in columns], axis=1) if columns else np.empty((1, 0))
    return np.array([oracle.MATRICES[operation.gate](*row) for row in angles.tolist()], dtype=complex)


def _super(matrices: Complexes) -> Complexes:
    """``rho -> K rho K^+`` as a matrix on the elements of rho, row by row."""
    d = matrices.shape[-1]
    product: Complexes = np.einsum("...ik,...jl->...ijkl", matrices, matrices.conj())
    return product.reshape(*matrices.shape[:-2], d * d, d * d)


def _noise(operation: Operation, target: Target, scale: float) -> Complexes:
    """What follows a gate, ``[d**2, d**2]``."""
    qubits, d = operation.qubits, 2 ** len(operation.qubits)
    out: Complexes = np.eye(d * d, dtype=complex)
    site = _site(operation, target)
    if site is None:
        return out
    error, duration = scale * (site.error or 0.0), scale * (site.duration or 0.0)
    return _channel(error, tuple(_decays(target, qubit, duration) for qubit in qubits))


@lru_cache(maxsize=4096)
def _channel(error: float, decays: tuple[tuple[float, float], ...]) -> Complexes:
    """Depolarising and damping of a gate's qubits that make up an error together, ``[d**2, d**2]``."""
    d = 2 ** len(decays)
    out: Complexes = np.eye(d * d, dtype=complex)
    process = 1.0
    for position, (stays, coheres) in enumerate(decays):
        process *= (1 + 2 * coheres + stays) / 4
        out = _damping(stays, coheres, position, len(decays)) @ out
    average = (d * process + 1) / (d + 1)
    strength, one = 0.0, np.eye(d).reshape(-1)
    if error > 1 - average:
        strength = min(d * (error - (1 - average)) / max(d * average - 1, 1e-300), d**2 / (d**2 - 1))
    whole: Complexes = out @ ((1 - strength) * np.eye(d * d) + strength / d * np.outer(one, one))
    return whole


def _site(operation: Operation, target: Target) -> Site | None:
    gate, qubits = operation.gate, operation.qubits
    return target.site.get((gate, qubits)) or target.site.get((gate, qubits[::-1]))


def _turned(operation: Operation, target: Target, turn: tuple[int, int] | None) -> Complexes:
    """A phase after an entangling gate that alone makes the calibrated error, ``[d**2, d**2]``.

    A turn by t about Z or ZZ has the process fidelity ``cos(t / 2)**2``.
    """
    d, site = 2 ** len(operation.qubits), _site(operation, target)
    if turn is None or d != 4 or site is None or not site.error:
        return np.eye(d * d, dtype=complex)
    bits, sign = turn
    angle = 2 * asin(sqrt(min(1.0, site.error * (d + 1) / d)))
    parity = [(index & bits).bit_count() % 2 for index in range(d)]
    return _super(np.diag(np.exp(-0.5j * sign * angle * (1 - 2 * np.array(parity)))))


def _decays(target: Target, qubit: int, duration: float) -> tuple[float, float]:
    """Factors of the excited population and of the coherences; times that are not known are infinite, T2 is 2 T1."""
    t1, t2 = (target.qubits[qubit].t1, target.qubits[qubit].t2) if target.qubits else (None, None)
    t1 = inf if t1 is None else t1
    t2 = 2 * t1 if t2 is None else min(t2, 2 * t1)
    stays, coheres = (exp(-duration / time) if time else float(not duration) for time in (t1, t2))
    return stays, coheres


def _damping(stays: float, coheres: float, position: int, qubits: int) -> Complexes:
    """Amplitude and phase damping of one qubit of a gate from its Kraus operators; the first qubit is bit 0."""
    kraus = np.array(
        [
            [[1, 0], [0, coheres]],
            [[0, 0], [0, sqrt(max(0.0, stays - coheres**2))]],
            [[0, sqrt(1 - stays)], [0, 0]],
        ],
        dtype=complex,
    )
    below, above = np.eye(2**position), np.eye(2 ** (qubits - 1 - position))
    whole: Complexes = _super(np.kron(np.kron(above[None], kraus), below[None]).astype(complex)).sum(axis=0)
    return whole
