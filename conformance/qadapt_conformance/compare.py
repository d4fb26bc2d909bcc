"""Compare: the same adapter circuits on several backends, and whether their outputs match.

Two sides match where they are no farther apart than what the noise of both explains (``matching``), and the counts of
neither say that it ran other circuits (``hearing``). The second question is the sharper one: a distance that noise
may make hides an angle that is 2 % too large, and its likelihood shows it.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import combinations
from math import hypot
from zlib import crc32

import numpy as np
from pydantic import BaseModel, ConfigDict

from qadapt import Backend, Provenance, Run, run
from qadapt.compile import compile_circuit
from qadapt_conformance.case import Adapter, Case, Floats, cases
from qadapt_conformance.comparison import Comparison, granted
from qadapt_conformance.finding import Finding
from qadapt_conformance.hearing import Hearing, Seen, hear, judge_of
from qadapt_conformance.judge import Judge
from qadapt_conformance.matching import Match, match
from qadapt_conformance.spec import SPEC
from qadapt_conformance.statistics import ALPHA, total_variation
from qadapt_conformance.verdict import Verdict

SHOTS = 2**16

EXACT = "exact"
"""What stands for the closed form beside the backends."""

Show = Callable[[str, str], None]
"""Is told which circuit begins on which backend."""


class Side(BaseModel):
    """One backend and what it did to the counts.

    Attributes:
        backend: Full name.
        target_hash: Content hash of its target.
        simulated: Whether a simulator made the counts.
        noise: What the noise stands for; None without any or on a machine.
        calibrated: When the target was calibrated, if it says so.
        applied: What was done to circuits or counts beyond running and counting, in words.
        versions: Packages that took part.
    """

    model_config = ConfigDict(frozen=True)

    backend: str
    target_hash: str
    simulated: bool
    noise: str | None
    calibrated: datetime | None
    applied: tuple[str, ...]
    versions: dict[str, str]


class LayerError(BaseModel):
    """How far the values of a layer are from the exact ones.

    Attributes:
        backend: Full name.
        error: ``|v - y| / |y|`` over all rows; v are the decoded values with the signs of the exact ones.
        shots: What shots alone would add, root mean square.
    """

    model_config = ConfigDict(frozen=True)

    backend: str
    error: float
    shots: float


class CircuitMatch(BaseModel):
    """One circuit on all backends.

    Attributes:
        name: Which adapter, and its size.
        rows: Rows that were run.
        shots: Shots per row.
        gates: Two-qubit gates of the native circuit, by backend.
        matches: Every backend with the closed form, then every pair of backends.
        layer: Error of the layer on every backend.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    rows: int
    shots: int
    gates: dict[str, int]
    matches: tuple[Match, ...]
    layer: tuple[LayerError, ...]


class MatchReport(BaseModel):
    """The same adapter on several backends.

    Attributes:
        adapter: Which one.
        spec: Version of the specification.
        alpha: Probability that a single interval is wrong on one side, at most, and that any right side is charged.
        date: When the comparison ended.
        seed: Those of all runs follow from it.
        sides: The backends.
        hearings: What the counts of each of them say about which circuits it ran.
        circuits: What was run.
        versions: Versions of our own packages.
    """

    model_config = ConfigDict(frozen=True)

    adapter: Adapter
    spec: str
    alpha: float
    date: datetime
    seed: int
    sides: tuple[Side, ...]
    hearings: tuple[Hearing, ...]
    circuits: tuple[CircuitMatch, ...]
    versions: dict[str, str]

    def verdict(self, first: str, second: str) -> Verdict:
        """What can be said of two sides: the worst of their distances, circuit by circuit, and of their hearings.

        A circuit on which noise explains any distance takes no part, unless there are no others.
        """
        pair = {first, second}
        matches = [each for circuit in self.circuits for each in circuit.matches if {each.first, each.second} == pair]
        bounded = [each.verdict for each in matches if each.margin is not None] or [Verdict.UNDECIDED]
        found = {*bounded, *(each.verdict for each in self.hearings if each.backend in pair)}
        for verdict in (Verdict.VIOLATES, Verdict.UNDECIDED):
            if verdict in found:
                return verdict
        return Verdict.CONFORMS

    @property
    def exit_code(self) -> int:
        """0 if all sides match, 1 if two surely do not, 3 if something is undecided."""
        found = {self.verdict(*pair) for pair in combinations([EXACT, *(side.backend for side in self.sides)], 2)}
        if Verdict.VIOLATES in found:
            return 1
        return 3 if Verdict.UNDECIDED in found else 0


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
        seen.append(Seen(backend.name, judge, {each.case.name: each.finding for each in ran[backend.name]}))
    return MatchReport(
        adapter=Adapter(adapter),
        spec=SPEC,
        alpha=ALPHA,
        date=datetime.now(UTC),
        seed=seed,
        sides=tuple(_side(backend, ran[backend.name]) for backend in backends),
        hearings=hear(seen),
        circuits=tuple(_circuit(names, [ran[name][number] for name in names]) for number in range(len(ran[names[0]]))),
        versions={name: version(name) for name in ("qadapt", "qadapt-conformance")}
        | {"python": platform.python_version()},
    )


def _run(case: Case, backend: Backend, judge: Judge, shots: int, seed: int) -> _Ran:
    """Run a case on the qubits that it is compiled to, of which the noise is known."""
    shots = min(shots, backend.capabilities.max_shots)
    # Sides and cases draw independently of each other, and of how their shots are dealt.
    drawn = int(np.random.default_rng([seed, crc32(f"{backend.name} {case.name}".encode())]).integers(2**31))
    own = drawn if backend.capabilities.seed else None
    ran = run(case.circuit, case.bindings, backend, shots=shots, seed=own, packed=False, ledger="none")
    compiled = compile_circuit(case.circuit, backend.target)
    native = judge.compare(compiled.circuit, compiled.bind(case.bindings))
    (finding,) = judge.looks(native, ran.counts)
    return _Ran(case, ran, native, finding)


def _circuit(names: Sequence[str], ran: Sequence[_Ran]) -> CircuitMatch:
    sides = list(zip(names, ran, strict=True))
    tables = {name: each.run.counts.table for name, each in sides}
    exact = [
        match((name, EXACT), tables[name], each.case.exact, _margin(each.native.noisy(0), each.case.exact, each))
        for name, each in sides
    ]
    pairs = [
        match((one, other), tables[one], tables[other], _margin(a.native.noisy(0), b.native.noisy(0), a, b))
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


def _margin(first: Floats, second: Floats, *sides: _Ran) -> float | None:
    """What the noise of the sides explains; the expected distance is known, coherent errors are not."""
    distance = float(total_variation(first, second).mean())
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
