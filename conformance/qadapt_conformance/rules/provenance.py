"""Provenance: what was done to a result is in the result, and it is true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qadapt import Circuit, Provenance, Work, op
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.lacks import noiseless
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import SUBMITTING, rule
from qadapt_conformance.rules.bits import biased

MANY = 2**16
"""Shots per row that show a correction of readout errors of 2 %."""


def _ran(probe: Probe, seed: int | None) -> tuple[Work, Provenance]:
    size = min(2, len(probe.target.live_qubits))
    circuit = Circuit(num_qubits=size, operations=[op("ry", 0, angles=["t"])], measured=list(range(size))[::-1])
    work = probe.work(circuit, {"t": [0.4, 1.9]}, shots=50, seed=seed)
    (result,) = probe.execute([work])
    return work, result.provenance


@rule("PROV-1", tiers=SUBMITTING)
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


@rule("PROV-2", tiers=SUBMITTING)
def says_which_seed(probe: Probe) -> Iterator[Finding]:
    """The seed in the result is the one that decided the counts, and None where none did."""
    work, said = _ran(probe, 4711)
    want = 4711 if probe.capabilities.seed else None
    yield fact(said.seed == want, f"provenance says seed {said.seed}, expected {want}", work.circuit)


@rule("PROV-3", covers=("simulated",), tiers=SUBMITTING)
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


@rule("PROV-4", qubits=4, lacks=noiseless)
def says_what_was_done(probe: Probe) -> Iterator[Finding]:
    """Counts are as they were measured, unless the result says what was done to them."""
    circuit = Circuit(num_qubits=4, operations=biased(4), measured=[0, 1, 2, 3])
    work = probe.work(circuit, shots=MANY, seed=probe.seed())
    (result,) = probe.execute([replace(work, shots=min(work.shots, 100))])
    said = result.provenance
    done = ["readout correction"] * said.readout_correction + list(said.mitigation)
    if done:
        yield fact(True, f"the result says {', '.join(done)}")
    else:
        yield from probe.work_agrees([work])
