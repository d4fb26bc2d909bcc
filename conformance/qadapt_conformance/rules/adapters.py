"""Adapters: what becomes of the circuits that qadapt is made for, and of their counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import binom

from qadapt import Bindings, Circuit, Counts
from qadapt.readout import readout
from qadapt_conformance import oracle
from qadapt_conformance.adapters import Block, Floats, cayley_block, qtha, ring_layers
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.lacks import quiet
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import SUBMITTING, rule
from qadapt_conformance.statistics import tail

SYNTHESISED = 1e-6
"""Largest deviation of a probability from the closed form: angles are found to a residual of that order."""


def _closed_form(block: Block) -> Finding:
    """Whether the circuit, by the oracle, has the probabilities of the closed form."""
    (exact,) = oracle.tables(block.circuit, block.bindings)
    gap = float(np.abs(exact - block.outputs**2).max())
    said = f"a circuit of a block of {len(exact[0])} is off by {gap:.2g} from (Q x)**2"
    return fact(gap <= SYNTHESISED, said, block.circuit)


@rule("ADAPT-1", qubits=2, tiers=SUBMITTING)
def small_cayley_blocks(probe: Probe) -> Iterator[Finding]:
    """Cayley blocks of 2 and 4 dimensions give the outcomes of the closed form, (Q x)**2."""
    for dim in (2, 4):
        block = cayley_block(probe.target, dim)
        yield _closed_form(block)
        yield from probe.agrees(block.circuit, block.bindings)


@rule("ADAPT-2", qubits=4, lacks=quiet)
def large_cayley_blocks(probe: Probe) -> Iterator[Finding]:
    """Cayley blocks of 8 and 16 dimensions give the outcomes of the closed form, (Q x)**2."""
    for dim in (8, 16):
        block = cayley_block(probe.target, dim)
        yield _closed_form(block)
        yield from probe.agrees(block.circuit, block.bindings)


@rule("ADAPT-3", qubits=3)
def decoded_vectors(probe: Probe) -> Iterator[Finding]:
    """The decoded vector is the exact one, as far as shots can tell, with the signs of the input."""
    for dim in (2, 4, 8):
        block = cayley_block(probe.target, dim, strength=0.15)
        same = bool((np.sign(block.outputs) == np.sign(block.inputs)).all())
        yield fact(same, "the block is weak enough to leave all signs", block.circuit)
        counts = probe.run(block.circuit, block.bindings)
        (table,) = counts.registers
        decoded = readout("input-sign").decode([counts], block.inputs)
        shares = np.sign(block.inputs) * np.sqrt(table / table.sum(axis=1, keepdims=True))
        gap = float(np.abs(decoded.values - shares).max())
        yield fact(gap <= 1e-12, f"decoded values are off by {gap:.2g} from sign(x) sqrt(n / N)", block.circuit)
        if _exact(probe):
            yield _near(block, counts, decoded.values)


def _near(block: Block, counts: Counts, values: Floats) -> Finding:
    """Bound the distance of decoded vectors from exact ones.

    ``N |v - y|**2`` with ``v = sqrt(n / N)`` and ``y = sqrt(p)`` is at most ``N KL(n / N | p)``, because ``-log u`` is
    at least ``1 - u`` for ``u = y / v``. Sums of those over rows have the tail bound of ``statistics.exact``, at any
    number of shots. Signs that are wrong make the distance larger.
    """
    shots = counts.shots
    distance = float(shots * np.square(values - block.outputs).sum())
    freedom = values.size - len(values)
    worst = float(np.linalg.norm(values - block.outputs, axis=1).max())
    said = f"decoded vectors of {values.shape[1]} are off by up to {worst:.3f}, |v - Q x|, with {shots} shots"
    return Finding(said=said, p_value=tail(distance, freedom), statistical=True, shots=shots)


@rule("ADAPT-4", qubits=4, lacks=quiet)
def expectation_values(probe: Probe) -> Iterator[Finding]:
    """QTHA circuits give the exact expectations of Z, as far as shots can tell."""
    for number, circuit in enumerate((qtha(4), ring_layers(4))):
        draw = np.random.default_rng(90 + number).uniform(-3, 3, (len(circuit.parameters), 4))
        bindings = Bindings.of(dict(zip(circuit.parameters, draw, strict=True)))
        yield from probe.agrees(circuit, bindings)
        if _exact(probe):
            yield _expectations(circuit, bindings, probe.run(circuit, bindings))


def _expectations(circuit: Circuit, bindings: Bindings, counts: Counts) -> Finding:
    """Compare each qubit's ``<Z>`` with the oracle's: the ones of a qubit are binomial; Bonferroni over all of them."""
    (table,), (exact,) = counts.registers, oracle.tables(circuit, bindings)
    bits = np.arange(table.shape[1])[:, None] >> np.arange(circuit.num_qubits) & 1
    ones, chance = table @ bits, np.clip(exact @ bits, 0.0, 1.0)
    each = 2 * np.minimum(binom.cdf(ones, counts.shots, chance), binom.sf(ones - 1, counts.shots, chance))
    row, qubit = np.unravel_index(int(np.argmin(each)), each.shape)
    got, want = 1 - 2 * ones[row, qubit] / counts.shots, 1 - 2 * chance[row, qubit]
    said = f"<Z> of qubit {qubit} is {got:.3f} in row {row}, expected {want:.3f} ({counts.shots} shots)"
    return Finding(said=said, p_value=min(1.0, float(each.min()) * each.size), statistical=True, shots=counts.shots)


def _exact(probe: Probe) -> bool:
    return probe.capabilities.simulated and probe.target.ideal
