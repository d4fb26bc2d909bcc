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

    def run(
        self, circuit: Circuit, values: Values | None = None, *, shots: int = SHOTS, backend: Backend | None = None
    ) -> Counts:
        """Run a circuit the way a user does: compile, chunk, submit, wait, collect.

        On a target with noise it does not run side by side with copies of itself: which noise to expect depends on the
        qubits.

        Args:
            circuit: The circuit.
            values: Values of its parameters.
            shots: Shots per row.
            backend: Something in front of the backend.
        """
        packed = None if self._judge.exact else False
        counted = run(
            circuit,
            bind(values),
            backend or self.backend,
            shots=self.shots(shots),
            seed=self.seed(),
            packed=packed,
            ledger="none",  # what a rule submits is not worth a record of the user's
        )
        return counted.counts

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
            values: Values of its parameters.
            shots: Shots per row.
            seed: Seed of the work.

        Raises:
            NotRun: The backend does not take so many rows at once.
        """
        compiled = compile_circuit(circuit, self.target)
        bindings = compiled.bind(bind(values))
        if bindings.rows > self.capabilities.max_rows:
            raise NotRun(f"needs {bindings.rows} rows in one work, the backend declares {self.capabilities.max_rows}")
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
            replace(work, shots=self.shots(self._judge.shots(comparison, work.shots)))
            for work, comparison in zip(pieces, comparisons, strict=True)
        ]
        results = self.execute(planned)
        yield fact(len(results) == len(pieces), f"{len(results)} results for {len(pieces)} works")
        for comparison, result in zip(comparisons, results, strict=False):
            yield from self._looks(comparison, result.counts)

    def _looks(self, comparison: Comparison, counts: Counts) -> Iterator[Finding]:
        if self.rehearsal:
            yield fact(True, "gone through only")
        else:
            yield from self._judge.looks(comparison, counts)


def bind(values: Values | None) -> Bindings:
    """Take values in any form; none at all are one row of nothing."""
    return values if isinstance(values, Bindings) else Bindings.of(values or {})


def same(first: Counts, second: Counts) -> bool:
    """Whether two counts are equal number by number."""
    return len(first.registers) == len(second.registers) and all(
        np.array_equal(a, b) for a, b in zip(first.registers, second.registers, strict=True)
    )
