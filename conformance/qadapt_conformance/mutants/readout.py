"""Readout: backends that run the right circuit and read the wrong bits, or count the wrong shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from qadapt import Counts, Operation, Result, Work
from qadapt_conformance import oracle
from qadapt_conformance.lacks import seeds, works
from qadapt_conformance.mutants.change import (
    measured,
    operations,
    physical,
    rewritten,
    seam,
    tables,
    wrapped,
)
from qadapt_conformance.mutants.mutant import Table
from qadapt_conformance.mutants.wrapped import Wrapped


def _bits(table: Table) -> int:
    return int(table.shape[1]).bit_length() - 1


def reversed_bits(table: Table) -> Table:
    """Count every outcome as the one with its bits in the opposite order."""
    rows, bits = len(table), _bits(table)
    return table.reshape(rows, *(2,) * bits).transpose(0, *range(bits, 0, -1)).reshape(rows, -1)


def _moved(table: Table, to: Sequence[int]) -> Table:
    """Count outcome *i* as outcome ``to[i]``."""
    out = np.zeros_like(table)
    for outcome, place in enumerate(to):
        out[:, place] += table[:, outcome]
    return out


def _left_aligned(table: Table) -> Table:
    bits = _bits(table)
    return _moved(table, [outcome << (bits - max(outcome.bit_length(), 1)) for outcome in range(2**bits)])


def _inverse(register: tuple[int, ...]) -> list[int]:
    ordered = sorted(register)
    place = {qubit: bit for bit, qubit in enumerate(register)}
    return [ordered[place[qubit]] for qubit in ordered]


def _as_text(register: tuple[int, ...]) -> list[int]:
    return [register[bit] for bit in sorted(range(len(register)), key=str)]


def _qubits_as_text(work: Work) -> Work:
    """Qubit *k* of the circuit is the *k*-th name of a list sorted as text."""
    order = sorted(range(work.circuit.num_qubits), key=str)
    if order == list(range(len(order))):
        return work
    return operations(lambda o: [o.moved(tuple(order[q] for q in o.qubits), o.angles)])(work)


def _idle_lost(work: Work) -> Work:
    """Qubits without a gate are not counted; those behind them move down."""
    used = sorted({qubit for operation in work.circuit.operations for qubit in operation.qubits})
    place = {qubit: index for index, qubit in enumerate(used)}
    return operations(lambda o: [o.moved(tuple(place[q] for q in o.qubits), o.angles)])(work)


def _first_qubits(work: Work) -> Work:
    """As many qubits are measured as should be, and they are the first ones."""
    bits = iter(range(work.circuit.num_qubits))
    new = tuple(tuple(islice(bits, width)) for width in work.widths)
    return work if new == work.circuit.measured else rewritten(work, measured=new)


def _entanglers_reversed(o: Operation) -> Sequence[Operation]:
    return [o if o.is_fence or len(o.qubits) < 2 else o.moved(o.qubits[::-1], o.angles)]


def _registers_sorted(work: Work) -> Work:
    """Registers of equal width come in the order of their first qubits."""
    registers = work.circuit.measured
    waiting = {width: sorted(r for r in registers if len(r) == width) for width in work.widths}
    new = tuple(waiting[len(register)].pop(0) for register in registers)
    return work if new == registers else rewritten(work, measured=new)


def _register_lost(work: Work, result: Result) -> Result:
    counts = result.counts
    return replace(result, counts=Counts(counts.registers[: max(1, len(counts.registers) - 1)], counts.shots))


def _lost_shot(table: Table) -> Table:
    out = table.copy()
    out[np.arange(len(out)), out.argmax(axis=1)] -= 1
    return out


def _as_floats(table: Table) -> Table:
    return table.astype(np.float64)


def _half_doubled(work: Work, result: Result) -> Result:
    """Half the shots are drawn and counted twice; an odd one is drawn by itself."""
    generator = np.random.default_rng([work.seed or 0, work.shots])

    def doubled(table: Table) -> Table:
        half = np.stack(
            [generator.multivariate_hypergeometric(row, int(row.sum()) // 2, method="marginals") for row in table]
        )
        out = 2 * half
        for row, rest in zip(out, table - half, strict=True):
            row[int(rest.argmax())] += int(table[0].sum()) % 2
        return out

    return tables(doubled)(work, result)


def _rounded(work: Work, result: Result) -> Result:
    """Counts are probabilities times shots, rounded so that they add up."""
    registers = []
    for table in oracle.tables(work.circuit, work.bindings):
        edges = np.rint(np.cumsum(table, axis=1) * work.shots).astype(np.int64)
        registers.append(np.diff(edges, axis=1, prepend=0))
    return replace(result, counts=Counts(tuple(registers), work.shots))


def _one_draw(work: Work, result: Result) -> Result:
    """Rows of equal values share one draw."""
    values = work.bindings.array(work.circuit.parameters)
    _, first, same = np.unique(values, axis=0, return_index=True, return_inverse=True)
    return tables(lambda table: table[first[same.reshape(-1)]])(work, result)


def _other_sampler(work: Work, result: Result) -> Result:
    """Counts are drawn with the seed, and not by ``qadapt.sample``."""
    generator = np.random.default_rng(work.seed)
    exact = [table / table.sum(axis=1, keepdims=True) for table in oracle.tables(work.circuit, work.bindings)]
    registers = tuple(generator.multinomial(work.shots, table) for table in exact)
    return replace(result, counts=Counts(registers, work.shots))


class _FirstSeeded(Wrapped):
    """Seeds the first work of a job and leaves the others to chance."""

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        seeded = [replace(item, seed=None) if number else item for number, item in enumerate(work)]
        job = super().submit(seeded, tag=tag)
        self._works[job] = tuple(work)
        return job


class _Padded(Wrapped):
    """Pads the tables of a job to its widest register."""

    def _results(self, works: Sequence[Work], results: Sequence[Result]) -> Sequence[Result]:
        most = max(table.shape[1] for result in results for table in result.counts.registers)
        widen = tables(lambda table: np.pad(table, ((0, 0), (0, most - table.shape[1]))))
        return [widen(*each) for each in zip(works, results, strict=True)]


BITS = (
    physical(
        "reversed-bits", "BITS-1", "Outcomes are read from the other end (qBraid/qBraid#1304).", after=reversed_bits
    ),
    physical(
        "entanglers-reversed",
        "BITS-2",
        "Entangling gates see the qubits in the opposite order of tensor factors.",
        before=operations(_entanglers_reversed),
    ),
    physical(
        "idle-qubits-lost",
        "BITS-3",
        "Qubits without a gate are not counted, and those behind them move down (unitaryfoundation/mitiq#1085).",
        before=_idle_lost,
    ),
    physical(
        "leading-zeros-lost",
        "BITS-3",
        "Outcomes are written without leading zeros and read from the left (qBraid/qBraid#1321).",
        after=_left_aligned,
    ),
    physical(
        "measured-in-qubit-order",
        "BITS-4",
        "Measured qubits are sorted by their place on the chip (NVIDIA/cuda-quantum#4621).",
        before=measured(sorted),
    ),
    physical(
        "measurement-inverted",
        "BITS-4",
        "The permutation of the measured qubits is inverted.",
        before=measured(_inverse),
    ),
    physical(
        "first-qubits-for-a-subset",
        "BITS-5",
        "A subset of the qubits is answered by the first ones.",
        before=_first_qubits,
    ),
    physical(
        "bits-sorted-as-text", "BITS-6", "Bit 10 is read before bit 2 (qBraid/qBraid#1308).", before=measured(_as_text)
    ),
    physical("qubits-sorted-as-text", "BITS-6", "Qubit 10 is taken for qubit 2.", before=_qubits_as_text),
    physical(
        "registers-sorted",
        "BITS-7",
        "Registers come back in the order of their qubits (qBraid/qBraid#1308).",
        before=_registers_sorted,
    ),
    seam("register-dropped", "BITS-7", "The last register is lost.", wrapped(after=_register_lost)),
    seam(
        "padded-width",
        "ROWS-5",
        "Tables are padded to the widest of the job (qBraid/qBraid#1323).",
        _Padded,
        lacks=works,
    ),
)

SHOTS = (
    seam("lost-shot", "SHOTS-1", "One shot is missing.", wrapped(after=tables(_lost_shot))),
    seam(
        "shots-capped",
        "SHOTS-1",
        "No more than 512 shots are run (Qiskit/qiskit#3606).",
        wrapped(before=lambda work: replace(work, shots=min(work.shots, 512))),
    ),
    seam("counts-as-floats", "SHOTS-1", "Counts are floating-point numbers.", wrapped(after=tables(_as_floats))),
    seam(
        "seed-ignored",
        "SHOTS-2",
        "Seeds are declared, and decide nothing.",
        wrapped(before=lambda work: replace(work, seed=None), seed=True),
    ),
    seam(
        "one-seed-for-all",
        "SHOTS-2",
        "Whatever the seed, the same one is used.",
        wrapped(before=lambda work: replace(work, seed=7)),
    ),
    seam(
        "first-work-seeded", "SHOTS-2", "Only the first work of a job is seeded (Qiskit/qiskit-aer#585).", _FirstSeeded
    ),
    seam(
        "stale-seed",
        "SHOTS-3",
        "Without a seed every submit draws with the same one (quantumlib/qsim#172).",
        wrapped(before=lambda work: replace(work, seed=7) if work.seed is None else work),
        lacks=seeds,
    ),
    seam(
        "rounded-probabilities",
        "SHOTS-4",
        "Counts are rounded probabilities (Quantinuum/pytket-extensions#91).",
        wrapped(after=_rounded),
    ),
    seam("rows-drawn-alike", "SHOTS-4", "Equal rows share one draw.", wrapped(after=_one_draw)),
    seam(
        "other-sampler",
        "SHOTS-5",
        "Exact sampling is declared, and counts are drawn in another way.",
        wrapped(after=_other_sampler, exact_sampling=True),
    ),
    seam("shots-duplicated", "SHOTS-6", "Half the shots are drawn and counted twice.", wrapped(after=_half_doubled)),
)

READOUT = (*BITS, *SHOTS)
