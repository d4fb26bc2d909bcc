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
from qadapt_conformance.finding import Finding, agreement, fact

SHOTS = 4096
"""Shots per row where a rule needs no other number."""

Values = Mapping[str, ArrayLike] | Bindings


class NotRun(Exception):  # noqa: N818 - a verdict, not an error
    """The rule cannot be judged on this backend; the message says why."""


class Probe:
    """A backend in the hands of one rule; seeds and tags are fresh for every use and follow from the run's seed."""

    def __init__(self, backend: Backend, rule: str, seed: int) -> None:
        self.backend = backend
        self._generator = np.random.default_rng([seed, crc32(rule.encode())])

    @property
    def target(self) -> Target:
        """The machine."""
        return self.backend.target

    @property
    def capabilities(self) -> Capabilities:
        """What it declares."""
        return self.backend.capabilities

    def seed(self) -> int | None:
        """Return a new seed, or None for a backend that does not declare seeds."""
        seed = int(self._generator.integers(2**31))
        return seed if self.capabilities.seed else None

    def tag(self) -> str:
        """Return a new tag."""
        return f"conformance-{uuid.uuid4().hex}"

    def shots(self, wanted: int = SHOTS) -> int:
        """Return the shots that a rule needs.

        Raises:
            NotRun: The backend does not give so many.
        """
        if wanted > self.capabilities.max_shots:
            raise NotRun(f"needs {wanted} shots per row, the backend declares at most {self.capabilities.max_shots}")
        return wanted

    def run(self, circuit: Circuit, values: Values | None = None, *, shots: int = SHOTS) -> Counts:
        """Run a circuit the way a user does: compile, chunk, submit, wait, collect."""
        shots, seed = self.shots(shots), self.seed()
        # What a rule submits is not worth a record of the user's.
        return run(circuit, bind(values), self.backend, shots=shots, seed=seed, ledger="none").counts

    def agrees(self, circuit: Circuit, values: Values | None = None, *, shots: int = SHOTS) -> Iterator[Finding]:
        """Run a circuit the way a user does and compare every row with the oracle."""
        bindings = bind(values)
        counts = self.run(circuit, bindings, shots=shots)
        yield from agreement(circuit, bindings, counts, oracle.tables(circuit, bindings))

    def work(
        self, circuit: Circuit, values: Values | None = None, *, shots: int = 100, seed: int | None = None
    ) -> Work:
        """Compile a circuit into the work that crosses the seam.

        Raises:
            NotRun: The backend does not take so many rows or shots at once.
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
        pieces = [
            replace(work, bindings=work.bindings.slice(start, min(start + most, work.bindings.rows)))
            if work.bindings.rows > most
            else work
            for work in works
            for start in range(0, work.bindings.rows, most)
        ]
        results = self.execute(pieces)
        yield fact(len(results) == len(pieces), f"{len(results)} results for {len(pieces)} works")
        for work, result in zip(pieces, results, strict=False):
            expected = oracle.tables(work.circuit, work.bindings)
            yield from agreement(work.circuit, work.bindings, result.counts, expected)


def bind(values: Values | None) -> Bindings:
    """Take values in any form; none at all are one row of nothing."""
    return values if isinstance(values, Bindings) else Bindings.of(values or {})


def same(first: Counts, second: Counts) -> bool:
    """Whether two counts are equal number by number."""
    return len(first.registers) == len(second.registers) and all(
        np.array_equal(a, b) for a, b in zip(first.registers, second.registers, strict=True)
    )
