"""Shots: how many, how random, and how repeatable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from qadapt import Bindings, Circuit, Counts, Work, op, sample
from qadapt_conformance import oracle
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.lacks import noiseless
from qadapt_conformance.probe import NotRun, Probe, same
from qadapt_conformance.rule import SUBMITTING, rule
from qadapt_conformance.statistics.dispersion import dispersion

COIN = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["t"])], measured=[0])
"""One qubit; at t = pi/2 a fair coin, also on a noisy machine."""


EQUAL = 64
"""Rows that differ by chance alone."""


def _coins(probe: Probe, rows: int, seed: int | None, shots: int = 4096) -> Work:
    return probe.work(COIN, {"t": np.full(rows, np.pi / 2)}, shots=shots, seed=seed)


def _count(probe: Probe, rows: int, seed: int | None) -> Counts:
    """Toss coins in as many works as so many rows take; the seeds of further works follow the first."""
    works: list[Work] = []
    while left := rows - sum(work.bindings.rows for work in works):
        works.append(_coins(probe, left, seed if seed is None else seed + len(works)))
    tables = [result.counts.registers[0] for result in probe.execute(works)]
    return Counts((np.concatenate(tables),), works[0].shots)


@rule("SHOTS-1", tiers=SUBMITTING)
def totals(probe: Probe) -> Iterator[Finding]:
    """Every row of every register counts exactly the shots that were asked for."""
    for shots in sorted({probe.shots(wanted) for wanted in (1, 7, 1000)}):
        work = _coins(probe, 3, probe.seed(), shots=shots)
        rows = work.bindings.rows
        (result,) = probe.execute([work])
        (table,) = result.counts.registers
        place = f"{shots} shots"
        yield fact(table.dtype == np.int64, f"{place}: counts are {table.dtype}, expected int64", work.circuit)
        yield fact(
            table.shape == (rows, 2), f"{place}: counts of shape {table.shape}, expected {(rows, 2)}", work.circuit
        )
        yield fact(bool((table >= 0).all()), f"{place}: least count {table.min()}, expected none below 0", work.circuit)
        sums = table.sum(axis=1).tolist()
        yield fact(sums == [shots] * rows, f"{place}: rows add up to {sums}, expected {[shots] * rows}", work.circuit)
        yield fact(result.counts.shots == shots, f"{place}: the result says {result.counts.shots}", work.circuit)


@rule("SHOTS-2", needs=("seed",))
def seeds_decide(probe: Probe) -> Iterator[Finding]:
    """Equal seeds give equal counts, different seeds different ones."""
    first, second = 12345, 54321
    a, b, c = (_count(probe, EQUAL, seed) for seed in (first, first, second))
    yield fact(same(a, b), f"two submits with seed {first} gave {'equal' if same(a, b) else 'different'} counts")
    yield fact(not same(a, c), f"seeds {first} and {second} gave {'equal' if same(a, c) else 'different'} counts")
    works = [_coins(probe, 4, first), _coins(probe, 4, first)]
    if len(works) <= probe.capabilities.max_works:
        d, e = (result.counts for result in probe.execute(works))
        yield fact(same(d, e), "two equal works of one job with equal seeds should give equal counts")


@rule("SHOTS-3")
def fresh_without_seed(probe: Probe) -> Iterator[Finding]:
    """Without a seed every call draws anew."""
    # Even single shots of so many fair coins repeat with a probability of 2**-64.
    a, b = _count(probe, EQUAL, None), _count(probe, EQUAL, None)
    yield fact(not same(a, b), "two submits without a seed gave equal counts, expected fresh ones")


@rule("SHOTS-4")
def independent_rows(probe: Probe) -> Iterator[Finding]:
    """Every row is drawn by itself, with the spread that shots have."""
    shots = probe.shots()
    least = _least_different(shots)
    if not least:
        raise NotRun(f"needs more shots than max_shots={shots} for rows that differ by chance")
    (table,) = _count(probe, EQUAL, probe.seed()).registers
    different = len(np.unique(table, axis=0))
    yield fact(different >= least, f"{EQUAL} equal rows gave {different} different counts, expected at least {least}")


def _least_different(shots: int) -> int:
    """As many different counts as equal rows surely have, up to 9; 0 where they may all agree.

    For a one between 5 % and 95 %, and q the probability of the most likely count of so many shots, at most k different
    rows of R have a probability of at most ``C(R, k) (k q)**(R - k)``, here 1e-20 at most.
    """
    most = max(binom.pmf(int((shots + 1) * one), shots, one) for one in (0.05, 0.5))
    return next((k + 1 for k in range(8, 0, -1) if comb(EQUAL, k) * (k * most) ** (EQUAL - k) < 1e-20), 0)


@rule("SHOTS-5", needs=("exact_sampling", "seed"), qubits=3, lacks=noiseless)
def exact_sampling(probe: Probe) -> Iterator[Finding]:
    """Exact sampling draws by ``qadapt.sample`` from exact probabilities, number by number."""
    operations = [op("ry", 0, angles=["a"]), op("cx", 0, 1), op("rx", 2, angles=["b"]), op("cz", 1, 2), op("h", 0)]
    circuit = Circuit(num_qubits=3, operations=operations, measured=[[1, 0], [2]])
    rows = {"a": [0.3, 1.4, 2.2, 0.0], "b": [2.0, 0.8, 1.7, 0.5]}
    for seed in (1, 2):
        work = probe.work(circuit, rows, shots=4096, seed=seed)
        (result,) = probe.execute([work])
        expected = sample(oracle.tables(work.circuit, work.bindings), 4096, seed)
        for number, (got, want) in enumerate(zip(result.counts.registers, expected.registers, strict=True)):
            row = int(np.argmax((got != want).any(axis=1)))
            said = (
                f"register {number}, seed {seed}: row {row} counts {got[row].tolist()}, expected {want[row].tolist()}"
            )
            yield fact(np.array_equal(got, want), said, work.circuit)


COINS = 1024
"""Coins of one submit, whose spread is looked at."""

TOSSES = 64
"""Shots of each."""


@rule("SHOTS-6")
def independent_shots(probe: Probe) -> Iterator[Finding]:
    """Shots are drawn one by one and anew: counts of equal rows and submits spread as much as shots do, and no more."""
    wide = min(12, len(probe.target.live_qubits))
    operations = [op("ry", qubit, angles=["t"]) for qubit in range(wide)]
    circuit = Circuit(num_qubits=wide, operations=operations, measured=[[qubit] for qubit in range(wide)])
    rows = 2 * (COINS // (2 * wide))
    # Seeds that follow one another are those that a generator takes for related.
    seed = probe.seed()
    submits = [_ones(probe, circuit, rows, None if seed is None else seed + number) for number in range(2)]
    both = np.concatenate(submits)
    pairs = {"rows of a submit": (both[0::2], both[1::2]), "submits": tuple(submits)}
    for what, (first, second) in pairs.items():
        shots = probe.shots(TOSSES)
        p_value = dispersion(first.ravel(), second.ravel(), shots)
        spread = float(np.mean((first - second) ** 2)) / (shots / 2)
        said = f"{first.size} pairs of coins of {shots} shots, from two {what}, differ {spread:.3f} times as much"
        yield Finding(
            said=f"{said} as fair ones do (p <= {p_value:.1e})", p_value=p_value, statistical=True, shots=shots
        )


def _ones(probe: Probe, circuit: Circuit, rows: int, seed: int | None) -> NDArray[np.int64]:
    """Ones of each qubit in many equal rows, ``[rows, qubits]``; each qubit is measured into a register of its own."""
    one = probe.work(circuit, {"t": np.pi / 2}, shots=TOSSES, seed=seed)
    every = Bindings.of({name: np.repeat(one.bindings.column(name), rows) for name in one.bindings.names})
    works = [replace(one, bindings=block) for block in every.blocks(probe.capabilities.max_rows)]
    if seed is not None:
        works = [replace(work, seed=seed + 1000 * number) for number, work in enumerate(works)]
    results = probe.execute(works)
    return np.concatenate([np.stack([t[:, 1] for t in result.counts.registers], axis=1) for result in results])
