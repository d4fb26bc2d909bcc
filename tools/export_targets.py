"""Write the targets that ship with qadapt to ``qadapt/data/targets``.

    python tools/export_targets.py

Heron targets are the calibration snapshots in qiskit-ibm-runtime, read exactly as Qiskit Aer's
``NoiseModel.from_backend`` reads them; their fractional variants have no files, ``qadapt.target.fractional`` makes them
when targets are loaded. Wukong-72 is made from the sample calibration that Origin Quantum published.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from qadapt.target import Qubit, Site, Target

HERON = ("cz", "sx", "x", "rz")


def from_qiskit(
    target: Any, name: str, *, native: tuple[str, ...] = HERON, calibrated: datetime | None = None, source: str = ""
) -> Target:
    """Turn a Qiskit target into ours.

    Readout errors are the two of the measurement's properties where it has them, else its one error for both values.
    Sites without error and duration say nothing and are left out, and so is the second direction of a coupler that has
    the same numbers as the first.

    Args:
        target: ``qiskit.transpiler.Target`` with instruction and qubit properties.
        name: Name of the new target.
        native: Gates to take over.
        calibrated: Time of the calibration.
        source: Where the numbers come from.
    """
    sites: dict[str, tuple[Site, ...]] = {}
    for gate in native:
        kept: dict[tuple[int, ...], Site] = {}
        for places, properties in sorted(target[gate].items()):
            site = Site(qubits=places, error=properties.error, duration=properties.duration)
            twin = kept.get(places[::-1])
            same = twin is not None and (twin.error, twin.duration) == (site.error, site.duration)
            if not same:
                kept[places] = site
        if any(site.error or site.duration or site.error is None for site in kept.values()):
            sites[gate] = tuple(kept.values())
    qubits = tuple(_qubit(target, index) for index in range(target.num_qubits))
    return Target(
        name=name,
        num_qubits=target.num_qubits,
        native=native,
        sites=sites,
        qubits=qubits,
        calibrated=calibrated,
        source=source,
    )


def _qubit(target: Any, index: int) -> Qubit:
    relaxation = target.qubit_properties[index] if target.qubit_properties else None
    measure = target["measure"].get((index,))
    up = getattr(measure, "prob_meas1_prep0", None)
    down = getattr(measure, "prob_meas0_prep1", None)
    if up is None or down is None:
        up = down = measure.error if measure is not None and measure.error is not None else 0.0
    return Qubit(
        t1=getattr(relaxation, "t1", None),
        t2=getattr(relaxation, "t2", None),
        prob_meas1_prep0=up,
        prob_meas0_prep1=down,
    )


def heron(snapshot: str, name: str, note: str) -> Target:
    """A Heron from a snapshot in qiskit-ibm-runtime."""
    from qiskit_ibm_runtime import fake_provider

    backend = getattr(fake_provider, snapshot)()
    source = (
        f"{snapshot} of qiskit-ibm-runtime {version('qiskit-ibm-runtime')}, a snapshot of ibm_{backend.name[5:]}. "
        f"{note} Readout errors are the mean of both values, as in the snapshot's Target; delay, identity and reset "
        "instructions are left out; errors of 1 mark broken gates."
    )
    calibrated = backend.properties().last_update_date
    return from_qiskit(backend.target, name, calibrated=calibrated, source=source)


def wukong() -> Target:
    """Origin Wukong (72 qubits) from the published sample calibration."""
    rows, columns = 12, 6
    number = rows * columns
    sample = cycle(
        (
            Qubit(t1=9.25e-6, t2=1.13e-6, prob_meas1_prep0=0.0766, prob_meas0_prep1=0.0766),
            Qubit(t1=17.4e-6, t2=1.84e-6, prob_meas1_prep0=0.0583, prob_meas0_prep1=0.0583),
        )
    )
    pulses = cycle((0.005, 0.0027))
    couplers = sorted(
        [(q, q + 1) for q in range(number) if q % columns < columns - 1]
        + [(q, q + columns) for q in range(number - columns)]
    )
    errors = cycle((0.0169, 0.0481, 0.0411, 0.036))
    return Target(
        name="wukong-72",
        num_qubits=number,
        native=("cz", "rphi"),
        sites={
            "cz": tuple(Site(qubits=pair, error=e, duration=40e-9) for pair, e in zip(couplers, errors, strict=False)),
            "rphi": tuple(
                Site(qubits=(qubit,), error=e, duration=30e-9) for qubit, e in zip(range(number), pulses, strict=False)
            ),
        },
        qubits=tuple(islice(sample, number)),
        sample=True,
        source=(
            "Not a calibration of one machine. Published values of Origin Wukong (72 qubits, 126 couplers: a 12 x 6 "
            "grid, qubit = 6 * row + column) from the sample in Origin Quantum's pyqpanda3 tutorial 'Quantum Cloud "
            "Service', repeated cyclically over all qubits and couplers: one-qubit fidelity 0.995 and 0.9973, readout "
            "fidelity 0.9234 and 0.9417 (taken for both values, none is published per value), T1 9.25 and 17.4 us, T2 "
            "1.13 and 1.84 us (even and odd qubits); CZ fidelity 0.9831, 0.9519, 0.9589, 0.964 (couplers in order). "
            "RPhi takes 30 ns, as in the tutorial's example job. Assumption: CZ takes 40 ns; its duration is not "
            "published. With these T2 values relaxation alone exceeds the published RPhi error and the lowest CZ "
            "error: the simulated gates are worse than published."
        ),
    )


def main() -> None:
    """Write all targets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).parents[1] / "qadapt" / "data" / "targets"
    parser.add_argument("--out", type=Path, default=default, help="folder to write to")
    out = parser.parse_args().out
    targets = (
        heron("FakeKingston", "heron-r2", "Chosen as the latest Heron r2 snapshot."),
        heron(
            "FakeBoston",
            "heron-r3",
            "Chosen from the three Heron r3 snapshots of the same day because it has the fewest broken couplers (one "
            "of 176; FakeAachen two, FakePittsburgh five) and the lowest median cz error.",
        ),
        wukong(),
    )
    for target in targets:
        (out / f"{target.name}.json").write_text(target.to_json() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
