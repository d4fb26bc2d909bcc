"""Names: target and capabilities are complete and true, and what is declared is delivered.

What follows from a target's data is worked out here once more, from the data alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isfinite

import numpy as np

from qadapt import GATES, Bindings, Capabilities, Circuit, NotSupportedError, Parameter, Target, Work, op
from qadapt.jobs import wait
from qadapt.provider import Limiting
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import EVERYWHERE, rule

DEAD = 0.5
"""Error rate from which on a place cannot be used."""

LIMITS = ("max_shots", "max_rows", "max_works", "max_executions", "max_jobs")

TRIED: Mapping[str, int] = {"max_shots": 1_000_000, "max_rows": 256, "max_works": 64, "max_jobs": 8}
"""Largest size of each kind that is tried; a larger limit is believed."""

REFUSED = 100_000
"""Most rows that are bound to go beyond ``max_executions``; a limit that takes more is believed."""


@rule("NAMES-1", qubits=0, tiers=EVERYWHERE)
def full_name(probe: Probe) -> Iterator[Finding]:
    """The backend's name is provider:target, and the target has the same name."""
    name = probe.backend.name
    provider, colon, target = name.partition(":")
    plain = bool(provider and colon and target) and name.isprintable() and not any(map(str.isspace, name))
    yield fact(plain, f"the backend's name is {name!r}, expected provider:target")
    yield fact(target == probe.target.name, f"the target of {name!r} is called {probe.target.name!r}")


@rule("NAMES-2", qubits=0, tiers=EVERYWHERE)
def plain_data(probe: Probe) -> Iterator[Finding]:
    """Target and capabilities survive JSON, and the target's content hash is stable."""
    target, again = probe.target, Target.from_json(probe.target.to_json())
    lost = [name for name in Target.model_fields if getattr(target, name) != getattr(again, name)]
    yield fact(not lost, f"of the target, JSON does not give back {lost}")
    yield fact(again.content_hash == target.content_hash, "the content hash is another one after JSON")
    second = probe.backend.target
    yield fact(second.content_hash == target.content_hash, "the target read twice has two content hashes")
    capabilities = probe.capabilities
    kept = Capabilities.model_validate_json(capabilities.model_dump_json()) == capabilities
    yield fact(kept, "JSON does not give back the capabilities")
    yield fact(probe.backend.capabilities == capabilities, "the capabilities read twice are not the same")


def _live(target: Target) -> set[int]:
    """Qubits that have a site of every listed one-qubit gate, with errors below ``DEAD``, and a readout likewise."""
    live = set(range(target.num_qubits))
    for name, sites in target.sites.items():
        if name in GATES and GATES[name].qubits == 1:
            live &= {site.qubits[0] for site in sites if site.error is None or site.error < DEAD}
            live -= {site.qubits[0] for site in sites if site.error is not None and site.error >= DEAD}
    broken = {n for n, q in enumerate(target.qubits) if max(q.prob_meas1_prep0, q.prob_meas0_prep1) >= DEAD}
    return live - broken


def _pairs(target: Target, name: str, live: set[int]) -> dict[tuple[int, int], float]:
    """Error of each live pair ``(low, high)`` of one listed entangling gate, the better of both orders."""
    found = dict[tuple[int, int], float]()
    for site in target.sites[name]:
        if site.error is not None and site.error < DEAD and live.issuperset(site.qubits):
            low, high = sorted(site.qubits)
            found[low, high] = min(site.error, found.get((low, high), 1.0))
    return found


@rule("NAMES-3", qubits=0, tiers=EVERYWHERE)
def native_gates_exist(probe: Probe) -> Iterator[Finding]:
    """Every native gate is in the gate table, is named once, and has a place where it works."""
    target, live = probe.target, _live(probe.target)
    unknown = [name for name in target.native if name not in GATES]
    yield fact(not unknown, f"native gates {unknown} are not in the gate table")
    yield fact(len(set(target.native)) == len(target.native), f"native gates {target.native} name a gate twice")
    for size in (1, 2):
        some = any(GATES[name].qubits == size for name in target.native if name in GATES)
        yield fact(some or target.num_qubits < size, f"no native gate on {size} qubits among {target.native}")
    yield fact(bool(live), f"{len(live)} of {target.num_qubits} qubits work")
    for name in target.native:
        if name not in GATES:
            continue
        size, places = GATES[name].qubits, len(live)
        if name not in target.sites:
            places = int(len(live) >= size or target.num_qubits < size)
        elif size == 2:
            places = len(_pairs(target, name, live))
        yield fact(places > 0, f"native gate {name} has no place where it works")


@rule("NAMES-4", qubits=0, tiers=EVERYWHERE)
def sites_fit_together(probe: Probe) -> Iterator[Finding]:
    """Sites and ranges belong to native gates and lie on the chip, and live qubits and couplings follow from them."""
    target, live = probe.target, _live(probe.target)
    wrong = [f"{name}, not native" for name in {*target.sites, *target.ranges} - set(target.native)]
    for name, sites in target.sites.items():
        size = GATES[name].qubits if name in GATES else 0
        seen = dict[tuple[int, ...], float | None]()
        for site in sites:
            qubits = site.qubits
            inside = all(0 <= qubit < target.num_qubits for qubit in qubits)
            if not inside or len(qubits) != size or len(set(qubits)) != size:
                wrong.append(f"{name} on {qubits} of {target.num_qubits}")
            if qubits in seen:
                wrong.append(f"{name} on {qubits} twice")
            seen[qubits] = site.error
    for name, bounds in target.ranges.items():
        if len(GATES[name].parameters if name in GATES else ()) != 1 or not -1e9 < bounds[0] < bounds[1] < 1e9:
            wrong.append(f"range {bounds} of {name}")
    yield fact(not wrong, f"sites and ranges that do not fit: {'; '.join(wrong[:5]) or 'none'}")
    yield fact(
        set(target.live_qubits) == live, f"live are {len(target.live_qubits)} qubits, from the sites {len(live)}"
    )
    entangling = [name for name in target.native if name in GATES and GATES[name].qubits == 2]
    if all(name in target.sites for name in entangling):
        couplings = dict[tuple[int, int], float]()
        for name in entangling:
            for pair, error in _pairs(target, name, live).items():
                couplings[pair] = min(error, couplings.get(pair, 1.0))
        said = f"there are {len(target.couplings or ())} couplings, from the sites {len(couplings)}"
        yield fact(target.couplings == couplings, said)
    else:
        yield fact(target.couplings is None, "some entangling gate acts anywhere, and there are couplings")


@rule("NAMES-5", qubits=0, tiers=EVERYWHERE)
def calibration_is_whole(probe: Probe) -> Iterator[Finding]:
    """Errors are probabilities, times are times, and whoever has either says from where and when."""
    target = probe.target
    sites = [site for listed in target.sites.values() for site in listed]
    errors = [site.error for site in sites if site.error is not None]
    errors += [error for qubit in target.qubits for error in (qubit.prob_meas1_prep0, qubit.prob_meas0_prep1)]
    bad = [error for error in errors if not 0 <= error <= 1]
    yield fact(not bad, f"errors that are no probabilities: {bad[:5]}")
    times = [site.duration for site in sites] + [time for qubit in target.qubits for time in (qubit.t1, qubit.t2)]
    late = [time for time in times if time is not None and not (isfinite(time) and 0 <= time < 3600)]
    yield fact(not late, f"durations and relaxation times that are no seconds: {late[:5]}")
    counted = len(target.qubits) in (0, target.num_qubits)
    yield fact(counted, f"calibration of {len(target.qubits)} qubits of {target.num_qubits}")
    ideal = not target.qubits and not any(errors)
    yield fact(target.ideal == ideal, f"the target is ideal: {target.ideal}, its errors say {ideal}")
    if ideal and probe.capabilities.simulated:
        yield fact(not target.sample, "a simulator without errors gives a sample calibration")
    else:
        told = bool(target.source or target.calibrated)
        yield fact(told, "a target with errors does not say where they come from, in source or calibrated")
    soon = datetime.now(UTC) + timedelta(days=1)
    when = target.calibrated
    past = when is None or (when if when.tzinfo else when.replace(tzinfo=UTC)) < soon
    yield fact(past, f"the calibration is of {when}, which is still to come")


@rule("NAMES-6", covers=LIMITS, qubits=0, tiers=EVERYWHERE)
def capabilities_agree(probe: Probe) -> Iterator[Finding]:
    """Limits are positive and can be reached, and no capability is declared without those that it needs."""
    said = probe.capabilities
    for name in LIMITS:
        most = getattr(said, name)
        whole = isinstance(most, int) and not isinstance(most, bool) and most >= 1
        yield fact(whole, f"{name} is {most!r}, expected a whole number of at least 1")
    for name in ("max_shots", "max_rows"):
        most = getattr(said, name)
        yield fact(most <= said.max_executions, f"{name} is {most}, max_executions {said.max_executions}")
    for one, other in (("exact_sampling", "seed"), ("exact_sampling", "simulated"), ("find", "retrieval")):
        fine = getattr(said, other) or not getattr(said, one)
        yield fact(fine, f"{one} is declared without {other}")


def _coin(probe: Probe, rows: int = 1, shots: int = 1) -> Work:
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["t"])], measured=[0])
    work = probe.work(circuit, {"t": 0.7}, shots=shots, seed=probe.seed())
    values = {name: work.bindings.column(name)[0] for name in work.bindings.names}
    return replace(work, bindings=Bindings.of(values, shape=(rows,)))


def _size(probe: Probe, limit: str) -> int:
    """As much of a limit as is tried in one submit."""
    size = min(getattr(probe.capabilities, limit), TRIED[limit], probe.capabilities.max_executions)
    backend = probe.backend
    if limit in ("max_rows", "max_works") and isinstance(backend, Limiting):
        size = min(size, backend.most_rows(_coin(probe).circuit, 1))
    return int(size)


@rule("NAMES-7", covers=LIMITS)
def limits_are_reached(probe: Probe) -> Iterator[Finding]:
    """As many shots, rows, works and jobs as declared are delivered, and not more executions than declared."""
    most = probe.capabilities
    sizes = {limit: _size(probe, limit) for limit in TRIED}
    for limit, works in (
        ("max_shots", [_coin(probe, shots=sizes["max_shots"])]),
        ("max_rows", [_coin(probe, rows=sizes["max_rows"])]),
        ("max_works", [_coin(probe) for _ in range(sizes["max_works"])]),
    ):
        results = wait(probe.backend, probe.backend.submit(works, tag=probe.tag()))
        got = [(result.counts.rows, int(result.counts.registers[0][0].sum())) for result in results]
        want = [(work.bindings.rows, work.shots) for work in works]
        said = f"{limit} is {getattr(most, limit)}, tried with {sizes[limit]}: rows and shots of the works"
        yield fact(got == want, f"{said} {got[:3]}, expected {want[:3]}")
    works = [_coin(probe, shots=number + 1) for number in range(sizes["max_jobs"])]
    jobs = [probe.backend.submit([work], tag=probe.tag()) for work in works]
    shots = [int(wait(probe.backend, job)[0].counts.registers[0][0].sum()) for job in jobs]
    asked = [work.shots for work in works]
    yield fact(shots == asked, f"{len(jobs)} jobs open at once gave shots {shots}, expected {asked}")
    yield from _too_many_executions(probe)


def _too_many_executions(probe: Probe) -> Iterator[Finding]:
    """Ask for more executions than declared, where the other limits leave room for that in few enough rows."""
    most = probe.capabilities
    rows = most.max_executions // most.max_shots + 1
    if rows > min(REFUSED, most.max_rows * most.max_works):
        return
    work = _coin(probe, shots=most.max_shots)
    parts = [min(most.max_rows, rows - start) for start in range(0, rows, most.max_rows)]
    works = [replace(work, bindings=Bindings.of(_shared(work), shape=(part,))) for part in parts]
    attempt = f"{rows} rows of {most.max_shots} shots, more than max_executions={most.max_executions},"
    try:
        probe.backend.submit(works, tag=probe.tag())
    except NotSupportedError as error:
        named = error.capability == "max_executions"
        yield fact(named, f"{attempt} are refused for capability {error.capability!r}")
    else:
        yield fact(False, f"{attempt} were accepted, expected NotSupportedError")


def _shared(work: Work) -> dict[str, float]:
    return {name: float(work.bindings.column(name)[0]) for name in work.bindings.names}


@rule("NAMES-8", needs=("native_parameters",))
def native_parameters(probe: Probe) -> Iterator[Finding]:
    """A backend that declares native parameters takes many rows of affine, shared parameters in one work."""
    most = probe.capabilities.max_rows
    yield fact(most > 1, f"native_parameters is declared with max_rows={most}")
    a, b = Parameter(name="a"), Parameter(name="b")
    turns = [op("ry", 0, angles=[a]), op("rz", 0, angles=[b.shifted(2.0, 0.3)]), op("ry", 0, angles=[a.shifted(-0.5)])]
    circuit = Circuit(num_qubits=1, operations=[*turns, op("rx", 0, angles=[b])], measured=[0])
    values = np.random.default_rng(8).uniform(-3, 3, (2, min(most, 128)))
    work = probe.work(circuit, {"a": values[0], "b": values[1]}, shots=probe.shots(1024), seed=probe.seed())
    yield from probe.work_agrees([work])
