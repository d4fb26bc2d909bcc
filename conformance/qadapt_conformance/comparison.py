"""Comparison: one circuit, what it should give, what its mutants give, and the shots that tell them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from qadapt import Bindings, Circuit, Target, Work
from qadapt_conformance import oracle, oracle_noise
from qadapt_conformance.mutants.mutant import Mutant
from qadapt_conformance.statistics import ALPHA, distance_shots, evidence_shots, exact_shots, total_variation

LEVEL = ALPHA / 1000
"""Level that shots are planned for: Holm's procedure shares ``ALPHA`` among the looks of a run."""

SLACK, FLOOR = 2.0, 0.02
"""The distance from its circuit that a machine is granted: so many times what its calibration explains as random noise,
what the same errors explain where they are coherent, and a little."""

FARTHEST = 0.5
"""A margin beyond this says nothing, so none is used."""

OFF = 2 * 0.04**2
"""Evidence per shot against a backend that is not counted, in nats: machines are off their calibration, towards some
mutant. An allowance, not a bound: even odds that shift by 0.04 give about that much, and rare outcomes give more."""

DROWNED = 0.3
"""Where noise alone moves more than this share of the shots, a circuit is not judged."""

WIDE = 64
"""Outcomes of a register from which on no distance is bounded: counting noise alone would fill it."""

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """One circuit, what it should give, and what the mutants give.

    Attributes:
        circuit: What is run.
        bindings: Its parameter values.
        target: The machine, if its noise is to be allowed for; None for exact probabilities.
        mutants: Whom to tell a right backend from.
    """

    circuit: Circuit
    bindings: Bindings
    target: Target | None
    mutants: Sequence[Mutant]

    @cached_property
    def expected(self) -> list[Table]:
        """Exact probabilities ``[rows, 2**bits]`` of every register."""
        return oracle.tables(self.circuit, self.bindings)

    @cached_property
    def family(self) -> list[Table]:
        """What a right machine may give, ``[components, rows, 2**bits]`` per register; without noise one component."""
        return _family(self.circuit, self.bindings, self.target)

    @cached_property
    def others(self) -> Mapping[str, list[Table]]:
        """The same of every mutant that gives anything else."""
        found = {}
        for mutant in self.mutants:
            tables = answers(mutant, self.circuit, self.bindings, self.target)
            if tables is not None and any(differ(a, b) for a, b in zip(tables, self.family, strict=True)):
                found[mutant.name] = tables
        return found

    @property
    def acting(self) -> frozenset[str]:
        """Mutants that would give something else without noise, too."""
        ideal = [table[:1] for table in self.family]
        others = {name: [table[:1] for table in tables] for name, tables in self.others.items()}
        return frozenset(name for name, tables in others.items() if any(map(differ, ideal, tables)))

    def margin(self, register: int) -> float | None:
        """Distance from the circuit that noise explains; None without noise, and where none can be bounded."""
        if self.target is None or self.expected[register].shape[1] > WIDE:
            return None
        return granted(self.noise(register), self.coherent)

    def noisy(self, register: int) -> Table:
        """Probabilities ``[rows, 2**bits]`` by the calibration; the exact ones without noise."""
        return self.expected[register] if self.target is None else oracle_noise.expected(self.family[register])

    @cached_property
    def coherent(self) -> float:
        """How far coherent errors of the calibrated size may move the outcome.

        A gate of average infidelity r may turn amplitudes by about sqrt(r) where its error is coherent (Y. R. Sanders,
        J. J. Wallman, B. C. Sanders, New J. Phys. 18 (2016) 012002); we let those of a circuit add in quadrature.
        """
        if self.target is None:
            return 0.0
        places = [(operation.gate, operation.qubits) for operation in self.circuit.gates()]
        sites = [
            self.target.site.get((gate, qubits)) or self.target.site.get((gate, qubits[::-1]))
            for gate, qubits in places
        ]
        return sqrt(sum(site.error or 0.0 for site in sites if site is not None))

    def noise(self, register: int) -> float:
        """Mean distance between the circuit and what the calibration makes of it."""
        return float(total_variation(self.noisy(register), self.expected[register]).mean())

    @property
    def unknown(self) -> bool:
        """Whether the target has noise and gives no figures for it."""
        target = self.target
        if target is None or target.ideal:
            return False
        figures = [site.error for sites in target.sites.values() for site in sites]
        figures += [error for qubit in target.qubits for error in (qubit.prob_meas1_prep0, qubit.prob_meas0_prep1)]
        return not any(figures)

    @cached_property
    def drowned(self) -> float:
        """The distance by which noise alone moves the outcome of some register, if it is too much; else 0."""
        if self.target is None:
            return 0.0
        narrow = [register for register, exact in enumerate(self.expected) if exact.shape[1] <= WIDE]
        worst = max(map(self.noise, narrow), default=0.0)
        return worst if worst > DROWNED else 0.0

    @cached_property
    def plan(self) -> Mapping[str, int]:
        """Shots per row that tell a right backend from each mutant in this look, and the mutant from it."""
        plans = {name: max(self.clearing[name], self._blaming(tables)) for name, tables in self.others.items()}
        return {name: int(shots) for name, shots in plans.items() if isfinite(shots)}

    @cached_property
    def clearing(self) -> Mapping[str, float]:
        """Shots per row that show that a right backend is not the mutant; infinite where no number does."""
        return {name: min(self._clearing(tables)) for name, tables in self.others.items()}

    def telling(self, name: str, register: int) -> bool:
        """Whether counts of a register can be evidence for a mutant, however many."""
        return isfinite(self._blame(self.family[register], self.others[name][register]))

    def _clearing(self, tables: Sequence[Table]) -> Iterator[float]:
        for right, wrong in zip(self.family, tables, strict=True):
            if not differ(right, wrong):
                yield inf
            elif self.target is None:
                yield exact_shots(right[0], wrong[0], LEVEL)
            else:
                yield evidence_shots(oracle_noise.expected(right), right, wrong, LEVEL)

    def _blaming(self, tables: Sequence[Table]) -> float:
        return min(self._blame(right, wrong) for right, wrong in zip(self.family, tables, strict=True))

    def _blame(self, right: Table, wrong: Table) -> float:
        if not differ(right, wrong):
            return inf
        if self.target is None:
            return 0.0  # what clears the right one refutes the wrong one
        return evidence_shots(oracle_noise.expected(wrong), wrong, right, LEVEL, allowance=OFF)

    @cached_property
    def bounding(self) -> int:
        """Shots per row that bound the distance of every register; 0 where there is none to bound."""
        wanted = 0.0
        for register, exact in enumerate(self.expected):
            if (margin := self.margin(register)) is not None:
                shots = distance_shots(self.noise(register), margin, len(exact), exact.shape[1], LEVEL)
                wanted = max(wanted, shots if isfinite(shots) else 0.0)
        return int(wanted)


def granted(distance: float, coherent: float) -> float | None:
    """Margin where random noise explains a distance and coherent errors another one; None if it would say nothing."""
    margin = SLACK * distance + coherent + FLOOR
    return margin if margin <= FARTHEST else None


def answers(mutant: Mutant, circuit: Circuit, bindings: Bindings, target: Target | None = None) -> list[Table] | None:
    """What a mutant answers instead, ``[components, rows, 2**bits]`` per register.

    None if it answers the same, or if only a run would show what it answers.

    Args:
        mutant: Who answers.
        circuit: What is asked.
        bindings: Its parameter values.
        target: The machine, if its noise is to be allowed for.
    """
    if not mutant.physical:
        return None
    work = Work(circuit, bindings, 1)
    changed = mutant.before(work) if mutant.before else work
    if changed is work and mutant.after is None:
        return None
    tables = _family(changed.circuit, changed.bindings, target)
    return [np.stack([mutant.after(part) for part in table]) for table in tables] if mutant.after else tables


def _family(circuit: Circuit, bindings: Bindings, target: Target | None) -> list[Table]:
    if target is None:
        return [table[None] for table in oracle.tables(circuit, bindings)]
    return oracle_noise.family(circuit, bindings, target)


def differ(first: Table, second: Table) -> bool:
    """Whether two families give different counts; rounding errors are no difference."""
    return first.shape != second.shape or bool(np.abs(first - second).max() > 1e-9)
