"""Noise: the channels that a target's calibration stands for, as Pauli transfer matrices.

The model is the one that Qiskit Aer derives from a device (``NoiseModel.from_backend`` at temperature 0). After every
gate comes a depolarising channel and then the thermal relaxation of each of its qubits during the gate; the strength of
the depolarising channel makes the average gate error of both together the calibrated one. Nothing happens to idle
qubits, and there is no crosstalk. Readout flips each bit independently.

A Pauli transfer matrix is the real superoperator matrix ``R_ij = tr(P_i E(P_j)) / 2**n``; it acts on the vector
``r_i = tr(P_i rho)``. Digit *k* of an index (0 to 3: I, X, Y, Z) belongs to the *k*-th qubit.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import TargetError
from qadapt.target import Target

Floats: TypeAlias = NDArray[np.float64]
Times: TypeAlias = tuple[float | None, float | None]
"""T1 and T2 of a qubit in seconds; None where the target gives none."""

PURE = np.array([1.0, 0.0, 0.0, 1.0])
"""Pauli vector of a qubit in state 0."""
_BORN = np.array([[0.5, 0.0, 0.0, 0.5], [0.5, 0.0, 0.0, -0.5]])
_TRACE = np.array([[1.0, 0.0, 0.0, 0.0]])


def relaxation(times: Times, duration: float) -> Floats:
    """Thermal relaxation of one qubit towards state 0, ``[4, 4]``.

    The excited population decays by ``exp(-duration / T1)``, coherences by ``exp(-duration / T2)``; T2 is at most 2 T1.
    An unknown T1 does not decay, an unknown T2 is 2 T1.
    """
    t1, t2 = times
    t1 = inf if t1 is None else t1
    t2 = 2 * t1 if t2 is None else min(t2, 2 * t1)
    stays, coheres = _decay(duration, t1), _decay(duration, t2)
    out = np.diag([1.0, coheres, coheres, stays])
    out[3, 0] = 1 - stays
    return out


def depolarising(strength: float, qubits: int) -> Floats:
    """The channel ``rho -> (1 - strength) rho + strength tr(rho) 1 / 2**qubits``."""
    out = np.full(4**qubits, 1 - strength)
    out[0] = 1.0
    return np.diag(out)


def average_fidelity(channel: Floats) -> float:
    """Average gate fidelity of a channel to the identity.

    ``F = (d F_pro + 1) / (d + 1)`` with the process fidelity ``F_pro = tr(R) / d**2`` (M. A. Nielsen, Phys. Lett. A
    303, 249 (2002)).
    """
    d = round(len(channel) ** 0.5)
    return float((np.trace(channel) / d + 1) / (d + 1))


@lru_cache(maxsize=65_536)
def channel(error: float | None, duration: float | None, times: tuple[Times, ...]) -> Floats | None:
    """What follows an ideal gate of a given average error and duration, ``[4**n, 4**n]``; None if nothing does.

    With ``F_relax`` the average fidelity of the relaxation and ``1 / d`` that of complete depolarisation, mixing in
    complete depolarisation with strength ``p`` gives the average fidelity ``(1 - p) F_relax + p / d``. Setting it to
    ``1 - error`` yields ``p = d (F_relax - 1 + error) / (d F_relax - 1)``. A relaxation that alone exceeds the error is
    left alone; a strength beyond ``4**n / (4**n - 1)``, at which the channel stops being physical and the error without
    relaxation is ``d / (d + 1)``, is truncated to that bound.

    Args:
        error: One minus the average gate fidelity; None or 0 for no depolarisation.
        duration: In seconds; None or 0 for no relaxation.
        times: T1 and T2 of each qubit, in the gate's order.
    """
    qubits, d = len(times), 2 ** len(times)
    relax: Floats = np.eye(1)
    for each in times:
        relax = np.asarray(np.kron(relaxation(each, duration or 0.0), relax), dtype=float)
    fidelity = average_fidelity(relax)
    strength = 0.0
    if error and error > 1 - fidelity:
        strength = min(d * (error - (1 - fidelity)) / (d * fidelity - 1), d**2 / (d**2 - 1))
    if not strength and not duration:
        return None
    out = relax @ depolarising(strength, qubits)
    out.setflags(write=False)
    return out


def gate_channel(target: Target, name: str, qubits: tuple[int, ...]) -> Floats | None:
    """What follows a gate on physical qubits of a target; None if nothing does.

    A two-qubit gate that is calibrated in one direction only has that calibration in both.
    """
    site = target.site.get((name, qubits)) or target.site.get((name, qubits[::-1]))
    if site is None:
        return None
    times = tuple((target.qubits[q].t1, target.qubits[q].t2) if target.qubits else (None, None) for q in qubits)
    return channel(site.error, site.duration, times)


def assignment(target: Target, qubit: int) -> Floats:
    """Readout of a qubit: probability of reading (row) each value given the true one (column), ``[2, 2]``."""
    if not target.qubits:
        return np.eye(2)
    up, down = target.qubits[qubit].prob_meas1_prep0, target.qubits[qubit].prob_meas0_prep1
    return np.array([[1 - up, down], [up, 1 - down]])


def readout(target: Target, qubit: int) -> Floats:
    """From a qubit's Pauli vector to the probabilities of reading 0 and 1, ``[2, 4]``."""
    out: Floats = assignment(target, qubit) @ _BORN
    return out


def traced() -> Floats:
    """From a qubit's Pauli vector to its trace, ``[1, 4]``: how a qubit that is not read leaves."""
    return _TRACE


def check_qubits(target: Target, qubits: tuple[int, ...]) -> None:
    """Refuse qubits that a target does not have.

    Raises:
        TargetError: A qubit is out of range.
    """
    beyond = sorted(qubit for qubit in qubits if qubit >= target.num_qubits)
    if beyond:
        raise TargetError(
            f"the circuit does not fit {target.name}",
            violations=[f"qubit {qubit} of {target.num_qubits}" for qubit in beyond],
        )


def _decay(duration: float, time: float) -> float:
    if time == 0.0:
        return 0.0 if duration else 1.0
    return exp(-duration / time)
