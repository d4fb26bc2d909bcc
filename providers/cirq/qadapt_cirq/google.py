"""Google's virtual engine: devices and median calibrations that ship with cirq-google, as noisy targets.

Nothing here speaks to Google's service. A device says which circuits the machine would accept, a median calibration
what their errors were on a typical day, and cirq-google's noise model puts these errors on a circuit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from qadapt.errors import MissingExtraError, TargetError
from qadapt.target import Qubit, Site, Target
from qadapt_cirq.noisy import Expand, NoisyBackend

if TYPE_CHECKING:
    import cirq

PROCESSORS = ("rainbow", "weber", "willow_pink")
"""Processors of the virtual engine of cirq-google 1.7, by its own names."""

NS = 1e-9

PULSES = (3, 2)
"""One-qubit gates on the first and the second qubit of a cz that is written with two square roots of iswap."""


def available() -> bool:
    """Whether cirq-google is installed; does not import it."""
    return find_spec("cirq_google") is not None


def require() -> None:
    """Raise ``MissingExtraError`` where cirq-google is not installed."""
    if not available():
        raise MissingExtraError(
            "the targets of Google's virtual engine need cirq-google", hint="pip install 'qadapt-cirq[google]'"
        )


def grid(device: cirq.Device) -> tuple[cirq.Qid, ...]:
    """Cirq's qubit for each of ours: a device's grid row by row. The one place where qubits are numbered."""
    return tuple(sorted(device.metadata.qubit_set))


@cache
def device(name: str) -> Any:
    """Device of a processor, once per process."""
    require()
    from cirq_google import engine

    return engine.create_device_from_processor_id(name)


@cache
def properties(name: str) -> Any:
    """Noise properties of a processor (``GoogleNoiseProperties``), from its median calibration, once per process."""
    require()
    from cirq_google import engine

    return engine.load_device_noise_properties(name)


@cache
def noise_model(name: str) -> Any:
    """Noise model of a processor, once per process."""
    import cirq_google

    return cirq_google.NoiseModelFromGoogleNoiseProperties(properties(name))


@cache
def target(name: str) -> Target:
    """Target of a processor of the virtual engine, once per process."""
    require()
    from cirq_google import engine

    stamp = engine.load_median_device_calibration(name).timestamp
    calibrated = datetime.fromtimestamp(stamp / 1000, tz=UTC)
    source = f"Median calibration of {name} in cirq-google {version('cirq-google')}."
    return read_target(name, device(name), properties(name), calibrated=calibrated, source=source, sample=True)


def read_target(
    name: str,
    device: cirq.Device,
    properties: Any,
    *,
    calibrated: datetime | None = None,
    source: str = "",
    sample: bool = False,
) -> Target:
    """Read the target of a Google device and its noise properties.

    The error of a site is the calibrated Pauli error *e* as one minus the average gate fidelity, ``e d / (d + 1)`` for
    *d* levels (M. A. Nielsen, Phys. Lett. A 303, 249 (2002)). 1/T2 is 1/(2 T1) + 1/Tphi. Where cz has no calibration
    but iswap's square root has, cz stands for ``cz_operations`` and its error and duration are theirs.

    Args:
        name: Name of the target.
        device: Qubits and couplings.
        properties: ``cirq_google.GoogleNoiseProperties`` of the device.
        calibrated: Time of the calibration.
        source: Where the numbers come from.
        sample: Whether they are a published sample.

    Raises:
        TargetError: Neither cz nor iswap's square root is calibrated; qadapt compiles to cz alone.
    """
    import cirq

    qubits = grid(device)
    number = {qubit: index for index, qubit in enumerate(qubits)}
    error = {(key.gate_type, key.qubits): float(value) for key, value in properties.gate_pauli_errors.items()}
    times = {kind: float(value) * NS for kind, value in properties.gate_times_ns.items()}
    pairs = sorted(sorted(number[qubit] for qubit in pair) for pair in device.metadata.qubit_pairs)
    pulse = {qubit: error.get((cirq.PhasedXZGate, (qubit,)), 0.0) for qubit in qubits}
    kind = entangler(properties)
    if kind is None:
        raise TargetError(
            f"{name} has no calibrated cz or square root of iswap",
            hint="qadapt compiles to cz; a Sycamore gate it cannot write",
        )
    sites = []
    for pair in pairs:
        places = tuple(qubits[index] for index in pair)
        calibration = error.get((kind, places), error.get((kind, places[::-1])))
        if calibration is not None and kind is cirq.ISwapPowGate:
            kept = (1 - calibration) ** 2
            for qubit, count in zip(places, PULSES, strict=True):
                kept *= (1 - pulse[qubit]) ** count
            calibration = 1 - kept
        average = None if calibration is None else calibration * 4 / 5
        length = times[kind] if kind is cirq.CZPowGate else 2 * times[kind] + 3 * times[cirq.PhasedXZGate]
        sites.append(Site(qubits=tuple(pair), error=average, duration=length))
    if kind is cirq.ISwapPowGate:
        source = f"{source} cz is two square roots of iswap and five one-qubit gates.".strip()
    return Target(
        name=name,
        num_qubits=len(qubits),
        native=("cz", "rphi"),
        sites={
            "cz": tuple(sites),
            "rphi": tuple(
                Site(qubits=(index,), error=pulse[qubit] * 2 / 3, duration=times[cirq.PhasedXZGate])
                for index, qubit in enumerate(qubits)
            ),
        },
        qubits=tuple(_qubit(qubit, properties) for qubit in qubits),
        calibrated=calibrated,
        sample=sample,
        source=source,
    )


def entangler(properties: Any) -> type[cirq.Gate] | None:
    """Calibrated gate that a cz is made with: cz itself, iswap to a power, or None."""
    import cirq

    kinds = {key.gate_type for key in properties.gate_pauli_errors}
    return next((kind for kind in (cirq.CZPowGate, cirq.ISwapPowGate) if kind in kinds), None)


def _qubit(qubit: cirq.Qid, properties: Any) -> Qubit:
    t1, tphi = properties.t1_ns.get(qubit), properties.tphi_ns.get(qubit)
    zero, one = properties.readout_errors.get(qubit, (0.0, 0.0))
    return Qubit(
        t1=None if t1 is None else t1 * NS,
        t2=None if t1 is None or tphi is None else NS / (1 / (2 * t1) + 1 / tphi),
        prob_meas1_prep0=zero,
        prob_meas0_prep1=one,
    )


def cz_operations(first: cirq.Qid, second: cirq.Qid) -> Iterator[cirq.Operation]:
    """A cz, up to global phase, as two square roots of iswap between ``PULSES`` one-qubit gates.

    With R = exp(i pi (XX + YY) / 8) and X on the first qubit, R X R = X exp(i pi XX / 4); ry by pi/2 turns XX into ZZ,
    and exp(i pi ZZ / 4) is a cz but for rz by pi/2 on both qubits.
    """
    import cirq

    def turn(x: float, z: float, a: float) -> cirq.Gate:
        return cirq.PhasedXZGate(x_exponent=x, z_exponent=z, axis_phase_exponent=a)

    yield turn(0.5, 0.0, 0.5)(first)
    yield turn(0.5, 0.0, 0.5)(second)
    yield cirq.SQRT_ISWAP(first, second)
    yield turn(1.0, 0.0, 0.0)(first)
    yield cirq.SQRT_ISWAP(first, second)
    yield turn(0.5, 1.5, -0.5)(first)
    yield turn(-0.5, 0.5, 0.5)(second)


def expansions(name: str) -> Expand:
    """Operations for gates of the target that the processor has no calibrated gate for."""
    import cirq

    return {"cz": cz_operations} if entangler(properties(name)) is cirq.ISwapPowGate else {}


def virtual(name: str) -> NoisyBackend:
    """Open a processor of the virtual engine."""
    found = target(name)
    date = "unknown" if found.calibrated is None else found.calibrated.date().isoformat()
    backend = NoisyBackend(
        f"cirq:{name}",
        found,
        lambda: noise_model(name),
        grid(device(name)),
        f"cirq-google noise model of {name}, median calibration {date}",
        device=lambda: device(name),
        expand=expansions(name),
    )
    backend.packages = (*NoisyBackend.packages, "cirq-google")
    return backend


def targets() -> Mapping[str, Target]:
    """Targets of the virtual engine by name; none where cirq-google is not installed."""
    return {name: target(name) for name in PROCESSORS} if available() else {}
