"""Provenance: what was done to a result is in the result, and it is true."""

from __future__ import annotations

from collections.abc import Iterator

from qadapt import Circuit, Provenance, Work, op
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import rule


def _ran(probe: Probe, seed: int | None) -> tuple[Work, Provenance]:
    size = min(2, len(probe.target.live_qubits))
    circuit = Circuit(num_qubits=size, operations=[op("ry", 0, angles=["t"])], measured=list(range(size))[::-1])
    work = probe.work(circuit, {"t": [0.4, 1.9]}, shots=50, seed=seed)
    (result,) = probe.execute([work])
    return work, result.provenance


@rule("PROV-1")
def says_what_ran(probe: Probe) -> Iterator[Finding]:
    """The result names the backend, the circuit that ran, its qubits and its shots."""
    work, said = _ran(probe, probe.seed())
    for what, got, want in (
        ("backend", said.backend, probe.backend.name),
        ("circuit_hash", said.circuit_hash, work.circuit.content_hash),
        ("shots", said.shots, work.shots),
    ):
        yield fact(got == want, f"provenance says {what} {got!r}, expected {want!r}", work.circuit)
    moved = said.vendor_mapping or said.qubits == work.circuit.measured
    yield fact(moved, f"provenance says qubits {said.qubits}, measured were {work.circuit.measured}", work.circuit)


@rule("PROV-2")
def says_which_seed(probe: Probe) -> Iterator[Finding]:
    """The seed in the result is the one that decided the counts, and None where none did."""
    work, said = _ran(probe, 4711)
    want = 4711 if probe.capabilities.seed else None
    yield fact(said.seed == want, f"provenance says seed {said.seed}, expected {want}", work.circuit)


@rule("PROV-3")
def says_what_it_is(probe: Probe) -> Iterator[Finding]:
    """The result says whether a simulator made it, with which noise, by which versions and calibration."""
    _, said = _ran(probe, probe.seed())
    declared = probe.capabilities.simulated
    yield fact(said.simulated == declared, f"provenance says simulated={said.simulated}, declared is {declared}")
    noisy = declared and not probe.target.ideal
    yield fact(
        (said.noise is not None) == noisy, f"provenance says noise {said.noise!r}, the target is ideal: {not noisy}"
    )
    yield fact(bool(said.versions), "provenance names no versions of the packages that took part")
    dated = probe.target.calibrated is None or said.calibrated is not None
    yield fact(dated, f"the target was calibrated {probe.target.calibrated}, provenance says {said.calibrated}")
