"""Probe: what a rule may do with a backend."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike

from qadapt import Backend, Bindings, Capabilities, Circuit, Counts, Result, Target, Work
from qadapt.compile import compile_circuit
from qadapt.jobs import run, wait
from qadapt_conformance import oracle
from qadapt_conformance.comparison import Comparison
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.judge import Judge, hidden

SHOTS = 4096
"""Shots per row where a rule needs no other number."""

CLOSE = 1e-9
"""Largest deviation of a compiled circuit: of a probability, or of an overlap of unitaries from 1."""

ROUNDS = 64
"""Most rounds that make up the shots of one look, where the backend takes few at once."""

Values = Mapping[str, ArrayLike] | Bindings


class NotRun(Exception):  # noqa: N818 - a verdict, not an error
    """The rule cannot be judged on this backend; the message says why."""


class Probe:
    """A backend in the hands of one rule; seeds and tags are fresh for every use and follow from the run's seed.

    Args:
        backend: Who is looked at.
        rule: Id of the rule.
        seed: Of the run.
        judge: Compares counts with what they should be.
        rehearsal: Whether the backend is a stage, on which the rule is only gone through.

    Attributes:
        rehearsal: See above.
    """

    def __init__(self, backend: Backend, rule: str, seed: int, judge: Judge, *, rehearsal: bool = False) -> None:
        self.backend = backend
        self.rehearsal = rehearsal
        self._judge = judge
        self._generator = np.random.default_rng([seed, crc32(rule.encode())])

    @property
    def target(self) -> Target:
        """The machine."""
        return self.backend.target

    @property
    def capabilities(self) -> Capabilities:
        """What it declares."""
        return self.backend.capabilities

    @property
    def exact(self) -> bool:
        """Whether counts are compared with exact probabilities; else circuits should be short."""
        return self._judge.exact

    def seed(self) -> int | None:
        """Return a new seed, or None for a backend that does not declare seeds."""
        seed = int(self._generator.integers(2**31))
        return seed if self.capabilities.seed else None

    def tag(self) -> str:
        """Return a new tag."""
        return f"conformance-{uuid.uuid4().hex}"

    def shots(self, wanted: int = SHOTS) -> int:
        """Return the shots that a rule wants, or as many as the backend gives."""
        return min(wanted, self.capabilities.max_shots)

    def rounds(self, shots: int) -> list[int]:
        """Divide shots per row into rounds that the backend takes, at most ``ROUNDS`` of them."""
        most = self.capabilities.max_shots
        full, rest = divmod(min(shots, ROUNDS * most), most)
        return [most] * full + [rest] * bool(rest)

    def run(
        self, circuit: Circuit, values: Values | None = None, *, shots: int = SHOTS, backend: Backend | None = None
    ) -> Counts:
        """Run a circuit the way a user does: compile, chunk, submit, wait, collect.

        On a target with noise it does not run side by side with copies of itself: which noise to expect depends on the
        qubits. More shots than the backend takes at once are run in several rounds.

        Args:
            circuit: The circuit.
            values: Values of its parameters.
            shots: Shots per row.
            backend: Something in front of the backend.
        """
        packed = None if self._judge.exact else False
        rounds = [
            run(
                circuit,
                bind(values),
                backend or self.backend,
                shots=part,
                seed=self.seed(),
                packed=packed,
                ledger="none",  # what a rule submits is not worth a record of the user's
            ).counts
            for part in self.rounds(shots)
        ]
        return added(rounds)

    def agrees(
        self, circuit: Circuit, values: Values | None = None, *, shots: int = SHOTS, backend: Backend | None = None
    ) -> Iterator[Finding]:
        """Run a circuit the way a user does and compare every row with the oracle; arguments as those of ``run``."""
        bindings = bind(values)
        if self._judge.exact:
            comparison = self._judge.compare(circuit, bindings)
        else:
            compiled = compile_circuit(circuit, self.target)
            comparison = self._judge.compare(compiled.circuit, compiled.bind(bindings))
            pairs = zip(comparison.expected, oracle.tables(circuit, bindings), strict=True)
            gap = max(float(np.abs(native - source).max()) for native, source in pairs)
            yield fact(gap <= CLOSE, f"compiled for the target, a probability is off by {gap:.2g}", circuit)
        if said := hidden(comparison):
            yield said
            return
        counts = self.run(circuit, bindings, shots=self._judge.shots(comparison, shots), backend=backend)
        yield from self._looks(comparison, counts)

    def planned(self, circuit: Circuit, bindings: Bindings, wanted: int = SHOTS) -> int:
        """Shots per row that comparing a native circuit with the oracle takes, at least those wanted."""
        return self.shots(self._judge.shots(self._judge.compare(circuit, bindings), wanted))

    def compared(self, circuit: Circuit, bindings: Bindings, counts: Counts) -> Iterator[Finding]:
        """Compare counts of a native circuit with the oracle, row by row."""
        yield from self._looks(self._judge.compare(circuit, bindings), counts)

    def work(
        self,
        circuit: Circuit,
        values: Values | None = None,
        *,
        shots: int = 100,
        seed: int | None = None,
    ) -> Work:
        """Compile a circuit into the work that crosses the seam.

        Args:
            circuit: The circuit.
            values: Values of its parameters; of more rows than the backend takes at once, the first ones are taken.
            shots: Shots per row, or as many as the backend gives.
            seed: Seed of the work.
        """
        compiled = compile_circuit(circuit, self.target)
        bindings = next(compiled.bind(bind(values)).blocks(self.capabilities.max_rows))
        return Work(compiled.circuit, bindings, self.shots(shots), seed)

    def execute(self, works: Sequence[Work]) -> list[Result]:
        """Submit works, in as few jobs as the backend allows, and wait for their results."""
        most = self.capabilities.max_works
        out: list[Result] = []
        for start in range(0, len(works), most):
            out += wait(self.backend, self.backend.submit(works[start : start + most], tag=self.tag()))
        return out

    def work_agrees(self, works: Sequence[Work]) -> Iterator[Finding]:
        """Execute works directly at the seam and compare each with the oracle on its native circuit.

        Works of more rows than the backend takes are cut.
        """
        most = self.capabilities.max_rows
        pieces = [replace(work, bindings=part) for work in works for part in work.bindings.blocks(most)]
        comparisons = [self._judge.compare(work.circuit, work.bindings) for work in pieces]
        planned = [
            self._judge.shots(comparison, work.shots) for work, comparison in zip(pieces, comparisons, strict=True)
        ]
        rounds = [self._rounds(work, shots) for work, shots in zip(pieces, planned, strict=True)]
        results = self.execute([work for each in rounds for work in each])
        wanted = sum(map(len, rounds))
        yield fact(len(results) == wanted, f"{len(results)} results for {wanted} works")
        left = iter(results)
        for comparison, each in zip(comparisons, rounds, strict=True):
            if got := [result.counts for _, result in zip(each, left, strict=False)]:
                yield from self._looks(comparison, added(got))

    def _rounds(self, work: Work, shots: int) -> list[Work]:
        """The same work as often as so many shots take, each with a seed of its own."""
        parts = self.rounds(shots)
        seeds = [work.seed, *(self.seed() for _ in parts[1:])] if work.seed is not None else [None] * len(parts)
        return [replace(work, shots=part, seed=seed) for part, seed in zip(parts, seeds, strict=True)]

    def _looks(self, comparison: Comparison, counts: Counts) -> Iterator[Finding]:
        if self.rehearsal:
            yield fact(True, "gone through only")
        else:
            yield from self._judge.looks(comparison, counts)


def bind(values: Values | None) -> Bindings:
    """Take values in any form; none at all are one row of nothing."""
    return values if isinstance(values, Bindings) else Bindings.of(values or {})


def added(rounds: Sequence[Counts]) -> Counts:
    """Counts of several rounds as one; those of the first alone if their tables differ in shape."""
    first, *others = rounds
    shapes = [[table.shape for table in counts.registers] for counts in rounds]
    if not others or any(shape != shapes[0] for shape in shapes):
        return first
    tables = zip(*(counts.registers for counts in rounds), strict=True)
    return Counts(tuple(sum(each[1:], each[0]) for each in tables), sum(counts.shots for counts in rounds))


def same(first: Counts, second: Counts) -> bool:
    """Whether two counts are equal number by number."""
    return len(first.registers) == len(second.registers) and all(
        np.array_equal(a, b) for a, b in zip(first.registers, second.registers, strict=True)
    )
