"""Reading: Qiskit targets as targets, and IBM's and Aer's results as counts; the one place where bit order is turned.

Aer names an outcome by a hexadecimal number with classical bit *k* in bit *k*. The client gives a register as bytes,
most significant first, of a number with classical bit *k* in bit *k*. Our outcome has measured bit *k* in bit *k*;
lowering measures it into classical bit *k*, so numbers carry over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qadapt.errors import BadResultError, JobFailedError, TargetError
from qadapt.simulate.components import Component
from qadapt.target import RZZ_RANGE, Qubit, Site, Target

if TYPE_CHECKING:
    from qiskit.primitives.containers import DataBin
    from qiskit.result import Result
    from qiskit.transpiler import Target as QiskitTarget

Integers = NDArray[np.int64]

NATIVE = ("cz", "sx", "x", "rz")
"""Native gates of every Heron and Nighthawk; id is left out, since it is a delay."""

FRACTIONAL = ("rx", "rzz")
"""Native gates of a Heron that was opened with its fractional gates; rzz takes the angles of ``RZZ_RANGE``."""

_SHOTS_AT_ONCE = 2**22
"""Shots that are put together at once where a register spans components: 32 MiB of outcomes."""


def target(
    name: str,
    machine: QiskitTarget,
    *,
    calibrated: datetime | None,
    source: str,
    sample: bool = False,
    fractional: bool = True,
) -> Target:
    """Convert a Qiskit target; broken qubits and couplers keep their error of 1 and are left in.

    Fractional gates are taken over where the machine lists them, unless they are not wanted.

    Readout errors are taken as ``NoiseModel.from_backend`` takes them: asymmetric where the target says so, else the
    error of the measurement for both outcomes.

    Raises:
        TargetError: One of the native gates is missing.
    """
    if missing := [gate for gate in NATIVE if gate not in machine.operation_names]:
        has = ", ".join(sorted(machine.operation_names))
        raise TargetError(f"{name} has no {', '.join(missing)}; it has {has}")
    native = (*NATIVE, *(gate for gate in FRACTIONAL if fractional and gate in machine.operation_names))
    return Target(
        name=name,
        num_qubits=machine.num_qubits,
        native=native,
        sites={gate: _sites(machine, gate) for gate in native},
        ranges={"rzz": RZZ_RANGE} if "rzz" in native else {},
        qubits=tuple(_qubit(machine, index) for index in range(machine.num_qubits)),
        calibrated=calibrated,
        source=source,
        sample=sample,
    )


def _sites(machine: QiskitTarget, gate: str) -> tuple[Site, ...]:
    found = [
        Site(
            qubits=tuple(qubits),
            error=None if properties is None or properties.error is None else min(properties.error, 1.0),
            duration=None if properties is None else properties.duration,
        )
        for qubits, properties in machine[gate].items()
    ]
    return tuple(sorted(found, key=lambda site: site.qubits))


def _qubit(machine: QiskitTarget, index: int) -> Qubit:
    """Calibration of a qubit; one that cannot be measured reads out at random, which counts as dead."""
    properties = machine.qubit_properties[index] if machine.qubit_properties else None
    readout = machine["measure"].get((index,))
    error = 1.0 if readout is None or readout.error is None else readout.error
    return Qubit(
        t1=getattr(properties, "t1", None),
        t2=getattr(properties, "t2", None),
        prob_meas1_prep0=min(getattr(readout, "prob_meas1_prep0", error), 1.0),
        prob_meas0_prep1=min(getattr(readout, "prob_meas0_prep1", error), 1.0),
    )


class Sampled:
    """Outcomes that Aer sampled from one component: how often each was seen in each row.

    Attributes:
        component: The component; its outcome has the bits of its reads, one read after the other, from bit 0 on.
        rows: Row of each entry.
        outcomes: Outcome of each entry; no outcome twice in a row.
        numbers: How often it was seen.
    """

    def __init__(self, component: Component, counts: Sequence[Mapping[str, int]]) -> None:
        self.component = component
        self.rows = np.repeat(np.arange(len(counts)), np.fromiter(map(len, counts), np.int64, len(counts)))
        size = len(self.rows)
        keys = chain.from_iterable(counts)
        self.outcomes: Integers = np.fromiter((int(key, 16) for key in keys), np.int64, size)
        self.numbers: Integers = np.fromiter(chain.from_iterable(item.values() for item in counts), np.int64, size)

    def table(self, register: int, rows: int) -> tuple[tuple[int, ...], Integers]:
        """Bits of a register that lie here, and their counts ``[rows, 2**bits]``."""
        start = 0
        for read in self.component.reads:
            width = len(read.bits)
            if read.register == register:
                local = (self.outcomes >> start) & ((1 << width) - 1)
                flat = np.bincount((self.rows << width) | local, weights=self.numbers, minlength=rows << width)
                return read.bits, flat.astype(np.int64).reshape(rows, 1 << width)
            start += width
        raise KeyError(register)


def sampled(result: Result, components: Sequence[Component], rows: int, *, provider: str) -> tuple[Sampled, ...]:
    """Sort the experiments of a run, component by component and row by row within.

    Raises:
        JobFailedError: The run or one of its experiments failed; Aer raises nothing then.
        BadResultError: Another number of experiments than rows and components make.
    """
    if not result.success:
        said = {str(item.status) for item in result.results if not item.success} or {str(result.status)}
        raise JobFailedError(f"aer: {'; '.join(sorted(said))}", provider=provider)
    if len(result.results) != rows * len(components):
        raise BadResultError(
            f"aer: {len(result.results)} experiments for {rows} rows of {len(components)} components", provider=provider
        )
    counts = [item.data.counts for item in result.results]
    return tuple(
        Sampled(component, counts[number * rows : (number + 1) * rows]) for number, component in enumerate(components)
    )


def tables(
    widths: Sequence[int], parts: Sequence[Sampled], rows: int, generator: np.random.Generator
) -> tuple[Integers, ...]:
    """Counts ``[rows, 2**width]`` of every register from those of the components.

    Args:
        widths: Bits of each register.
        parts: Samples of the components.
        rows: Number of rows.
        generator: Decides which shots of independent components go together in a register that spans them.
    """
    found: list[list[tuple[tuple[int, ...], Integers]]] = [[] for _ in widths]
    for part in parts:
        for read in part.component.reads:
            found[read.register].append(part.table(read.register, rows))
    return tuple(together(width, pieces, generator) for width, pieces in zip(widths, found, strict=True))


def together(
    width: int, pieces: Sequence[tuple[tuple[int, ...], Integers]], generator: np.random.Generator
) -> Integers:
    """Counts of a register from counts of its independent parts.

    Given how often each outcome of a part was seen, every order of its shots is equally likely; so the shots of each
    part are listed, shuffled, and put side by side.
    """
    if len(pieces) == 1:
        return pieces[0][1]
    rows, shots = len(pieces[0][1]), int(pieces[0][1][0].sum())
    step = max(1, _SHOTS_AT_ONCE // shots)
    blocks = []
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        whole = np.zeros((stop - start, shots), dtype=np.int64)
        for bits, counts in pieces:
            places = np.tile(_spread(bits), stop - start)
            listed = np.repeat(places, counts[start:stop].reshape(-1)).reshape(stop - start, shots)
            whole |= generator.permuted(listed, axis=1)
        blocks.append(_histogram(whole, width))
    return np.concatenate(blocks)


def _spread(bits: Sequence[int]) -> Integers:
    """The register outcome of each outcome of a part: bit *k* of the part is bit ``bits[k]`` of the register."""
    outcomes = np.arange(1 << len(bits))
    out: Integers = sum(((outcomes >> k) & 1) << bit for k, bit in enumerate(bits)) + np.zeros_like(outcomes)
    return out


def _histogram(outcomes: Integers, width: int) -> Integers:
    """Counts ``[rows, 2**width]`` of outcomes ``[rows, shots]``."""
    rows = len(outcomes)
    flat = (np.arange(rows)[:, None] << width) | outcomes
    return np.bincount(flat.reshape(-1), minlength=rows << width).reshape(rows, 1 << width)


def registers(
    data: DataBin, names: Sequence[str], widths: Sequence[int], shape: tuple[int, int], *, provider: str
) -> tuple[Integers, ...]:
    """Counts of every register of a sampler result.

    Args:
        data: The registers by name, as ``BitArray``.
        names: Names in the order of the registers.
        widths: Bits of each register.
        shape: Rows and shots.
        provider: Name of the backend, for the error.

    Raises:
        BadResultError: A register is missing, or has another width, or other rows or shots.
    """
    found = []
    for name, width in zip(names, widths, strict=True):
        bits: Any = getattr(data, name, None)
        array: Any = getattr(bits, "array", None)
        came = None if array is None else (*array.reshape(-1, *array.shape[-2:]).shape[:2], bits.num_bits)
        if came != (*shape, width):
            raise BadResultError(
                f"register {name}: got {came} rows, shots and bits, expected {(*shape, width)}", provider=provider
            )
        count = array.shape[-1]
        weights = 1 << (8 * np.arange(count)[::-1])
        found.append(_histogram(array.reshape(*shape, count) @ weights, width))
    return tuple(found)
