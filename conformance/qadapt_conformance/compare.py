"""Compare: the same adapter circuits on several backends, and whether their outputs match.

Every side is asked two questions. How far apart are its counts from the closed form, and from those of the others
(``matching``)? Do they say that it ran other circuits than its own native ones (``hearing``)? The second question is
the sharper one: a distance that noise may make hides an angle that is 2 % too large, and its likelihood shows it. The
native circuits themselves come from a synthesis and a compiler that may be wrong, too: where one does not give the
outcomes of the closed form, that is held against its side, whatever the counts are.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import combinations
from math import comb, hypot, inf
from zlib import crc32

import numpy as np

from qadapt import Backend, Provenance, Run, run
from qadapt.compile import compile_circuit
from qadapt_conformance.agreement import EXACT, CircuitMatch, LayerError, MatchReport, Side
from qadapt_conformance.case import Adapter, Case, cases
from qadapt_conformance.comparison import Comparison, granted
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.hearing import Seen, hear, judge_of
from qadapt_conformance.judge import Judge
from qadapt_conformance.matching import match
from qadapt_conformance.plan import Plan, planned, price
from qadapt_conformance.spec import SPEC
from qadapt_conformance.stage import Stage
from qadapt_conformance.statistics import ALPHA

SHOTS = 2**16

SAME = 1e-6
"""Most that an outcome's exact probability may be off in a compiled circuit: right ones are off by about 1e-12."""

Show = Callable[[str, str], None]
"""Is told which circuit begins on which backend."""


@dataclass(frozen=True, eq=False)
class _Ran:
    """What came of a case on a backend, the native circuit that ran with what is to be expected, and what that says."""

    case: Case
    run: Run
    native: Comparison
    finding: Finding


def compare(
    backends: Sequence[Backend],
    *,
    adapter: Adapter = Adapter.CAYLEY,
    shots: int = SHOTS,
    seed: int = 0,
    show: Show | None = None,
) -> MatchReport:
    """Run the same adapter circuits on several backends and compare everything with everything.

    Args:
        backends: At least two, with different names.
        adapter: Whose circuits.
        shots: Shots per row.
        seed: Decides the seeds of all runs, for backends that declare seeds.
        show: Told about the progress.

    Raises:
        ValueError: Fewer than two backends, or two of one name.
        QadaptError: A backend failed.
    """
    names = [backend.name for backend in backends]
    if len(set(names)) != len(names) or len(names) < 2:
        raise ValueError(f"expected two or more different backends, got {', '.join(names) or 'none'}")
    ran: dict[str, list[_Ran]] = {name: [] for name in names}
    seen = []
    for backend in backends:
        judge = judge_of(backend, seed)
        for case in cases(Adapter(adapter), backend.target):
            if show is not None:
                show(case.name, backend.name)
            ran[backend.name].append(_run(case, backend, judge, shots, seed))
        seen.append(_seen(backend.name, judge, ran[backend.name]))
    circuits = list(zip(*ran.values(), strict=True))
    # The interval of each side with the closed form and of every two sides, on every circuit.
    level = ALPHA / 2 / (len(circuits) * comb(len(names) + 1, 2))
    return MatchReport(
        adapter=Adapter(adapter),
        spec=SPEC,
        alpha=ALPHA,
        date=datetime.now(UTC),
        seed=seed,
        sides=tuple(_side(backend, ran[backend.name]) for backend in backends),
        hearings=hear(seen, ALPHA / 2),
        circuits=tuple(_circuit(names, each, level) for each in circuits),
        versions={name: version(name) for name in ("qadapt", "qadapt-conformance")}
        | {"python": platform.python_version()},
    )


def plan_compare(backend: Backend, *, adapter: Adapter = Adapter.CAYLEY, shots: int = SHOTS, seed: int = 0) -> Plan:
    """Go through the part of one backend in a comparison without submitting anything.

    Args:
        backend: Whose target, capabilities and prices count.
        adapter: Whose circuits.
        shots: Shots per row.
        seed: Of the comparison.
    """
    stage, lines = Stage(backend), []
    for case in cases(Adapter(adapter), backend.target):
        begun = len(stage.submitted)
        _counted(case, stage, shots, seed)
        lines.append(planned(case.name, "", stage.submitted[begun:]))
    return Plan(backend=backend.name, tier=None, rules=tuple(lines), cost=price(backend, stage.submitted))


def _counted(case: Case, backend: Backend, shots: int, seed: int) -> Run:
    """Run a case on the qubits that it is compiled to, of which the noise is known."""
    shots = min(shots, backend.capabilities.max_shots)
    # Sides and cases draw independently of each other, and of how their shots are dealt.
    drawn = int(np.random.default_rng([seed, crc32(f"{backend.name} {case.name}".encode())]).integers(2**31))
    own = drawn if backend.capabilities.seed else None
    return run(case.circuit, case.bindings, backend, shots=shots, seed=own, packed=False, ledger="none")


def _run(case: Case, backend: Backend, judge: Judge, shots: int, seed: int) -> _Ran:
    ran = _counted(case, backend, shots, seed)
    compiled = compile_circuit(case.circuit, backend.target)
    native = judge.compare(compiled.circuit, compiled.bind(case.bindings))
    finding = _miscompiled(case, native)
    if finding is None:
        (finding,) = judge.looks(native, ran.counts)
    return _Ran(case, ran, native, finding)


def _miscompiled(case: Case, native: Comparison) -> Finding | None:
    """Say that a native circuit is not that of the case, whatever a backend makes of it."""
    (exact,) = native.expected
    off = float(np.abs(exact - case.exact).max()) if exact.shape == case.exact.shape else inf
    if off <= SAME:
        return None
    return fact(
        False, f"the compiled circuit gives other outcomes than the closed form, by up to {off:.2g}", native.circuit
    )


def _seen(name: str, judge: Judge, ran: Sequence[_Ran]) -> Seen:
    acting = frozenset(mutant for each in ran for mutant in each.native.others)
    return Seen(name, judge, {each.case.name: each.finding for each in ran}, acting)


def _circuit(names: Sequence[str], ran: Sequence[_Ran], level: float) -> CircuitMatch:
    sides = list(zip(names, ran, strict=True))
    tables = {name: each.run.counts.table for name, each in sides}
    exact = [match((name, EXACT), tables[name], each.case.exact, _margin(each), level) for name, each in sides]
    pairs = [
        match((one, other), tables[one], tables[other], _margin(a, b), level)
        for (one, a), (other, b) in combinations(sides, 2)
    ]
    return CircuitMatch(
        name=ran[0].case.name,
        rows=len(ran[0].case.exact),
        shots=min(each.run.counts.shots for each in ran),
        gates={name: sum(len(o.qubits) == 2 for o in each.run.circuit.gates()) for name, each in sides},
        matches=(*exact, *pairs),
        layer=tuple(_layer(name, each) for name, each in sides),
    )


def _margin(*sides: _Ran) -> float | None:
    """What the noise of the sides explains: how far it moves each from its own native circuit, and coherent errors.

    How far apart the native circuits are by themselves takes no part, or a wrong one would explain itself.
    """
    distance = sum(side.native.noise(0) for side in sides)
    return granted(distance, hypot(*(side.native.coherent for side in sides)))


def _layer(name: str, ran: _Ran) -> LayerError:
    counts, exact, decode = ran.run.counts, ran.case.exact, ran.case.decode
    truth, values = decode(exact), decode(counts.table / counts.shots)
    scale = float(np.linalg.norm(truth))
    # What multinomial shots alone would do, from the exact distribution.
    draw = np.random.default_rng(0).multinomial(
        counts.shots, exact / exact.sum(axis=1, keepdims=True), (64, len(exact))
    )
    alone = np.sqrt(np.mean([np.square(decode(table / counts.shots) - truth).sum() for table in draw]))
    return LayerError(backend=name, error=float(np.linalg.norm(values - truth)) / scale, shots=float(alone) / scale)


def _side(backend: Backend, ran: Sequence[_Ran]) -> Side:
    said = ran[0].run.provenance
    return Side(
        backend=backend.name,
        target_hash=backend.target.content_hash,
        simulated=said.simulated,
        noise=said.noise,
        calibrated=said.calibrated or backend.target.calibrated,
        applied=tuple(_applied(said)),
        versions=dict(said.versions),
    )


def _applied(said: Provenance) -> Iterator[str]:
    if said.readout_correction:
        yield "readout correction"
    if said.vendor_mapping:
        yield "vendor mapping"
    if said.vendor_optimisation:
        yield "vendor optimisation"
    yield from said.mitigation
