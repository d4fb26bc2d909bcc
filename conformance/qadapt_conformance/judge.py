"""Judge: compares counts with what a circuit says, and with what the mutants would have answered instead."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from qadapt import Bindings, Circuit, Counts, Target
from qadapt_conformance.comparison import OFF, Comparison, answers, differ
from qadapt_conformance.finding import Finding, Picture, describe, describe_row, fact
from qadapt_conformance.mutants.mutant import Mutant
from qadapt_conformance.statistics import (
    ALPHA,
    IMPOSSIBLE,
    divergences,
    log_likelihood,
    p_values,
    surprise,
    total_variation,
    weigh,
)

MOST, MOST_PAID = 2**20, 2**13
"""Most shots per row that are planned on simulators and on machines; what takes more is left undecided."""

LIKELY, TRIED = 1e-3, 5
"""Least p-value of a mutant that is said to look like a backend, and how many are tried on all looks."""

CERTAIN = 1e9
"""Evidence in nats that stands for certainty."""

KEPT = 2048
"""Comparisons that are kept for later runs in the same process."""


@dataclass(frozen=True)
class _Asked:
    """A comparison and what it is told from others by."""

    key: Hashable
    comparison: Comparison = field(compare=False)


@lru_cache(maxsize=KEPT)
def _first(asked: _Asked) -> Comparison:
    """The comparison that was first made of its kind: it computes once what runs with other seeds ask for again."""
    return asked.comparison


class Judge:
    """Compares counts for one rule.

    Before the rule runs it may be gone through on a stage: then the judge knows every look, and which of them tells a
    right backend from which mutant with the fewest shots. Only these looks get the shots.

    Args:
        target: The machine.
        exact: Whether counts are compared with exact probabilities; else the target's noise is allowed for.
        mutants: The mutants that the rule is to catch.
        seed: Decides how shots are dealt into halves.
        most: Most shots per row that are planned.

    Attributes:
        exact: See above.
    """

    def __init__(
        self, target: Target, exact: bool, mutants: tuple[Mutant, ...] = (), *, seed: int = 0, most: int = MOST
    ) -> None:
        self.exact = exact
        self._target = None if exact else target
        self._mutants = mutants
        self._seed, self._most = seed, most
        self._compared: dict[tuple[str, bytes, int], Comparison] = {}
        self._fewest: dict[str, int] = {}
        self._seen: list[tuple[Finding, Comparison, int, NDArray[np.int64]]] = []

    def compare(self, circuit: Circuit, bindings: Bindings) -> Comparison:
        """Make ready to compare counts of a circuit; on a target with noise, of one in native gates on its qubits."""
        key = circuit.content_hash, bindings.array(circuit.parameters).tobytes(), bindings.rows
        if key not in self._compared:
            machine = self._target and self._target.content_hash
            made = Comparison(circuit, bindings, self._target, self._mutants)
            self._compared[key] = _first(_Asked((*key, machine, self._mutants), made))
        return self._compared[key]

    def settle(self) -> None:
        """Plan the shots for the looks that were made ready until now."""
        looks = [each for each in self._compared.values() if not each.drowned]
        for look in looks:
            for name, shots in look.plan.items():
                self._fewest[name] = min(shots, self._fewest.get(name, shots))
        # Who cannot be found out, as too many machines are off as much, is still told from a right backend.
        clearing = [item for look in looks for item in look.clearing.items() if item[0] not in self._fewest]
        for name, needed in sorted(clearing, key=lambda item: -item[1]):
            if isfinite(needed):
                self._fewest[name] = int(needed)

    def shots(self, comparison: Comparison, wanted: int) -> int:
        """Shots per row of a look: at least ``wanted``, and what is planned for it."""
        plans = [n for name, n in _plans(comparison).items() if n == self._fewest.get(name)]
        return max(wanted, *(shots for shots in [0, comparison.bounding, *plans] if shots <= self._most))

    @property
    def hidden(self) -> tuple[str, ...]:
        """Mutants that do something else in some look, and that the noise of the target hides in all of them."""
        shown = {name for each in self._compared.values() if not each.drowned for name in each.plan}
        acting = {name for each in self._compared.values() for name in each.acting} if self._target else shown
        return tuple(sorted(acting - shown))

    def looks(self, comparison: Comparison, counts: Counts) -> Iterator[Finding]:
        """Compare counts with what a circuit says, one finding per register."""
        if said := hidden(comparison):
            yield said
            return
        shapes = [table.shape for table in counts.registers]
        wanted = [table.shape for table in comparison.expected]
        if shapes != wanted:
            yield fact(False, f"count tables of shapes {shapes}, expected {wanted}", comparison.circuit)
            return
        for register, table in enumerate(counts.registers):
            look = self._exact if self.exact else self._noisy
            finding = look(comparison, register, table)
            self._seen.append((finding, comparison, register, table))
            yield finding

    def like(self, finding: Finding, mutants: Sequence[Mutant]) -> str:
        """Name of the mutant that explains the counts of a look best, and those of all others; empty if none does."""
        seen = next((look for look in self._seen if look[0] is finding), None)
        if seen is None:
            return ""
        odds = {mutant.name: _odds(mutant, *seen[1:]) for mutant in mutants if mutant.physical}
        likely = sorted(
            (mutant for mutant in mutants if odds.get(mutant.name, 0) > LIKELY), key=lambda m: -odds[m.name]
        )
        for mutant in likely[:TRIED]:
            if all(_odds(mutant, *look[1:], otherwise=True) > ALPHA for look in self._seen):
                return mutant.name
        return ""

    def _exact(self, comparison: Comparison, register: int, table: NDArray[np.int64]) -> Finding:
        right = comparison.expected[register]
        p_value = surprise(table, right)
        base = log_likelihood(table, right)
        nats = {name: log_likelihood(table, tables[register][0]) for name, tables in comparison.others.items()}
        total, freedom = divergences(table, right)
        return _finding(
            comparison,
            register,
            table,
            row=int(np.argmax(total - freedom)),
            p_value=p_value,
            against={name: _nats(base - other if base != other else 0.0) for name, other in nats.items()},
        )

    def _noisy(self, comparison: Comparison, register: int, table: NDArray[np.int64]) -> Finding:
        right, exact = comparison.family[register], comparison.expected[register]
        seed = (self._seed, len(self._seen))
        weighed = {
            name: weigh(table, right, tables[register], seed=seed)
            for name, tables in comparison.others.items()
            if differ(right, tables[register])
        }
        margin = comparison.margin(register)
        near, far = (0.0, 1.0) if margin is None else p_values(table, exact, margin)
        if margin is None and not any(0 < shots <= self._most for shots in _plans(comparison).values()):
            said = "noise may move the outcome anywhere, and no mutant is told from the circuit here"
            return _unjudged(comparison.circuit, said)
        return _finding(
            comparison,
            register,
            table,
            row=int(np.argmax(total_variation(table / np.maximum(table.sum(axis=1, keepdims=True), 1), exact))),
            p_value=far,
            margin=margin,
            within=near <= ALPHA,
            against={name: _nats(each.against_wrong) for name, each in weighed.items()},
            toward={
                name: _nats(each.against_right - OFF * int(table.sum()))
                for name, each in weighed.items()
                if comparison.telling(name, register)
            },
        )


def hidden(comparison: Comparison) -> Finding | None:
    """Say that the noise of the target is too much for a circuit, or not known."""
    if comparison.unknown:
        said = "the target has noise and gives no figures for it, so nothing can be expected of it"
    elif comparison.drowned:
        said = f"by its calibration the target moves {comparison.drowned:.2f} of the outcome, too much to judge"
    else:
        return None
    return _unjudged(comparison.circuit, said)


def _unjudged(circuit: Circuit, said: str) -> Finding:
    return Finding(said=said, p_value=1.0, judged=False, circuit=describe(circuit), circuit_hash=circuit.content_hash)


def _plans(comparison: Comparison) -> dict[str, int]:
    """Shots per row that tell a right backend from each mutant, 0 where no number does."""
    return {
        name: comparison.plan.get(name, int(clear) if isfinite(clear) else 0)
        for name, clear in comparison.clearing.items()
    }


def _nats(evidence: float) -> float:
    """Evidence as a number that reports can hold, whatever is impossible."""
    return max(-CERTAIN, min(CERTAIN, evidence))


def _odds(
    mutant: Mutant, comparison: Comparison, register: int, table: NDArray[np.int64], *, otherwise: bool = False
) -> float:
    """p-value of counts if a mutant gave them; where it does as the circuit says, 0 or that of the circuit."""
    tables = answers(mutant, comparison.circuit, comparison.bindings)
    if tables is None:
        return surprise(table, comparison.expected[register]) if otherwise else 0.0
    return surprise(table, tables[register][0]) if tables[register].shape[1:] == table.shape else 0.0


def _finding(
    comparison: Comparison,
    register: int,
    table: NDArray[np.int64],
    *,
    row: int,
    p_value: float,
    against: dict[str, float],
    toward: dict[str, float] | None = None,
    margin: float | None = None,
    within: bool = True,
) -> Finding:
    exact, shots = comparison.expected[register], int(table[row].sum())
    gap = table[row] - shots * exact[row]
    impossible = (
        (exact[row] <= IMPOSSIBLE) & (table[row] > 0) if comparison.target is None else np.zeros(len(gap), bool)
    )
    outcome = int(np.argmax(np.where(impossible, np.inf, np.abs(gap))))
    odds = "p < 1e-300" if p_value < 1e-300 else f"p <= {p_value:.1e}"
    distance = float(total_variation(table / np.maximum(table.sum(axis=1, keepdims=True), 1), exact).mean())
    name = f" of register {register}" if len(comparison.expected) > 1 else ""
    noise = f"; distance {distance:.3f}, noise explains {margin:.3f}" if margin is not None else ""
    return Finding(
        said=f"outcome {outcome}{name} seen {table[row, outcome] / max(shots, 1):.3f}, "
        f"expected {exact[row, outcome]:.3f}{noise} ({shots} shots, {odds})",
        p_value=p_value,
        statistical=True,
        circuit=describe(comparison.circuit),
        circuit_hash=comparison.circuit.content_hash,
        row=describe_row(comparison.bindings, row),
        shots=shots,
        distance=distance,
        margin=margin,
        within=within,
        against=against,
        toward=toward or {},
        plan=_plans(comparison),
        picture=Picture(seen=tuple(map(int, table[row])), expected=tuple(map(float, exact[row]))),
    )
