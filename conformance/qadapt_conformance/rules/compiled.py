"""Compiled: what the compiler makes of a circuit for this target; nothing is submitted.

The target's sites and the oracle's matrices are all that is read here: neither the compiler's own checks nor the
target's derived properties take part, so a mistake in them is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt import GATES, Bindings, Circuit, Compiled, Operation, Parameter, Target, compile_circuit, op
from qadapt.synthesis import Effort
from qadapt_conformance import oracle
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import CLOSE, Probe
from qadapt_conformance.rule import EVERYWHERE, rule
from qadapt_conformance.rules.gates import scrambled
from qadapt_conformance.rules.parameters import ladder

Floats: TypeAlias = NDArray[np.float64]

DEAD = 0.5
"""Error rate from which on a place cannot be used."""

SYMMETRIC = frozenset({"cz", "cp", "swap", "iswap", "rxx", "ryy", "rzz"})
"""Gates on two qubits that do the same in either order."""

EFFORTS: tuple[Effort, ...] = ("fast", "best")

Case: TypeAlias = tuple[Circuit, Mapping[str, Floats]]


def _turns(qubits: int, seed: int) -> list[Operation]:
    """A generic rotation of every qubit."""
    angles = np.random.default_rng(seed).uniform(0.4, 2.7, (qubits, 2))
    return [
        op(name, qubit, angles=[float(angle)])
        for qubit, pair in enumerate(angles)
        for name, angle in zip(("ry", "rz"), pair, strict=True)
    ]


def _gate(name: str) -> Case:
    """One gate with bound angles between generic rotations."""
    gate = GATES[name]
    names = [f"angle{number}" for number in range(len(gate.parameters))]
    last = [op("ry", qubit, angles=[0.8 + 0.3 * qubit]) for qubit in range(gate.qubits)]
    operations = [*_turns(gate.qubits, 7), op(name, *range(gate.qubits), angles=names), *_turns(gate.qubits, 8), *last]
    rows = np.array([[0.7, -2.1, 5.1], [2.9, 0.4, -1.3], [-0.35, 1.6, 3.3]])
    return Circuit(num_qubits=gate.qubits, operations=operations, measured=range(gate.qubits)), dict(
        zip(names, rows, strict=False)
    )


def _random(seed: int) -> Case:
    """A random circuit of constant gates on three qubits, measured in two registers."""
    registers = ([1], [2, 0]) if seed % 2 else ([2, 0, 1],)
    return Circuit(num_qubits=3, operations=scrambled(seed, length=20), measured=registers), {}


def _affine() -> Case:
    """Parameters that are scaled, shifted and shared, among constants."""
    a, b = Parameter(name="a"), Parameter(name="b")
    angles: list[str | Parameter | float] = [a, b.shifted(-0.5, 0.3), a.shifted(2.0, -1.1), 0.7, b, a.shifted(0.25)]
    angles += [b.shifted(0.0, 1.3), a, -0.4]
    mixed = [op("crz", 0, 1, angles=[b.shifted(3.0)]), op("rzz", 1, 2, angles=[a.shifted(-1.0, 4.0)]), op("h", 2)]
    values = np.random.default_rng(14).uniform(-7, 7, (2, 4))
    return Circuit(num_qubits=3, operations=[*ladder(angles), *mixed], measured=[0, 1, 2]), {
        "a": values[0],
        "b": values[1],
    }


def far(measured: bool = True) -> Circuit:
    """A circuit in which every pair of four qubits interacts, so that most chips must route it."""
    pairs = [(0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2)]
    operations = _turns(4, 21)
    for number, pair in enumerate(pairs):
        operations += [op("cz", *pair), op("ry", pair[0], angles=[0.3 + 0.2 * number]), op("sx", pair[1])]
    return Circuit(num_qubits=4, operations=operations, measured=[3, 0, 2, 1] if measured else [])


def cases(target: Target) -> Iterator[Case]:
    """Circuits that a compiler must get right, as far as the target has the qubits for them."""
    every = [*map(_gate, GATES), *map(_random, range(4)), _affine(), (far(), {})]
    room = len(target.live_qubits)
    yield from (case for case in every if case[0].num_qubits <= room)


def misfits(circuit: Circuit, bindings: Bindings, target: Target) -> list[str]:
    """Everything about a native circuit that the target's own data do not allow."""
    dead = {site.qubits[0] for sites in target.sites.values() for site in sites if _alone(site.qubits, site.error)}
    dead |= {
        number
        for number, qubit in enumerate(target.qubits)
        if max(qubit.prob_meas0_prep1, qubit.prob_meas1_prep0) >= DEAD
    }
    wrong = [f"qubit {qubit} is not live" for qubit in oracle.touched(circuit) if qubit in dead]
    wrong += [f"no qubit {qubit}" for qubit in oracle.touched(circuit) if qubit >= target.num_qubits]
    for operation in circuit.gates():
        said = f"{operation.gate}{operation.qubits}"
        if operation.gate not in target.native:
            wrong.append(f"{said} is not native")
        elif not _placed(operation, target):
            wrong.append(f"{said} has no live place there")
        if bounds := target.ranges.get(operation.gate):
            values = _values(operation.angles[0], bindings)
            if values.min() < bounds[0] - CLOSE or values.max() > bounds[1] + CLOSE:
                wrong.append(f"{said} by {values.min():.6g} to {values.max():.6g}, its range is {bounds}")
    return list(dict.fromkeys(wrong))


def _alone(qubits: Sequence[int], error: float | None) -> bool:
    return len(qubits) == 1 and error is not None and error >= DEAD


def _placed(operation: Operation, target: Target) -> bool:
    """Whether a gate stands on a site that works; a pair of unknown error does not."""
    if operation.gate not in target.sites:
        return True
    orders = {operation.qubits, operation.qubits[::-1]} if operation.gate in SYMMETRIC else {operation.qubits}
    found = [site for site in target.sites[operation.gate] if site.qubits in orders]
    if len(operation.qubits) == 1:
        return any(site.error is None or site.error < DEAD for site in found)
    return any(site.error is not None and site.error < DEAD for site in found)


def _values(angle: float | Parameter, bindings: Bindings) -> Floats:
    if isinstance(angle, Parameter):
        return np.asarray(angle.scale * bindings.column(angle.name) + angle.offset)
    return np.array([angle])


@rule("COMPILE-1", tiers=EVERYWHERE)
def fits_the_target(probe: Probe) -> Iterator[Finding]:
    """A compiled circuit has native gates only, within their ranges, on live qubits and couplings."""
    for circuit, values in cases(probe.target):
        # One gate between rotations fits with one effort if it fits with the other.
        for effort in EFFORTS if circuit.num_qubits > 2 else EFFORTS[:1]:
            compiled = compile_circuit(circuit, probe.target, effort=effort)
            wrong = misfits(compiled.circuit, compiled.bind(Bindings.of(values)), probe.target)
            yield fact(not wrong, f"compiled with effort {effort}: {'; '.join(wrong[:3]) or 'fits'}", circuit)


@rule("COMPILE-2", tiers=EVERYWHERE)
def equals_its_source(probe: Probe) -> Iterator[Finding]:
    """A compiled circuit gives the outcomes of its source, and without measurements it is the same unitary."""
    for circuit, values in cases(probe.target):
        bindings = Bindings.of(values)
        for effort in EFFORTS:
            compiled = compile_circuit(circuit, probe.target, effort=effort)
            right = oracle.tables(circuit, bindings)
            got = oracle.tables(compiled.circuit, compiled.bind(bindings))
            shapes = [table.shape for table in got] == [table.shape for table in right]
            gap = max(float(np.abs(a - b).max()) for a, b in zip(got, right, strict=True)) if shapes else 1.0
            said = f"compiled with effort {effort}: a probability is off by {gap:.2g}"
            yield fact(gap <= CLOSE, said, circuit)
    for name, gate in GATES.items():
        if gate.qubits <= len(probe.target.live_qubits):
            constant = op(name, *range(gate.qubits), angles=[0.9, -1.7, 2.3][: len(gate.parameters)])
            yield _same_unitary(Circuit(num_qubits=gate.qubits, operations=[constant]), probe.target)


def _same_unitary(circuit: Circuit, target: Target) -> Finding:
    compiled = compile_circuit(circuit, target)
    overlap = _overlap(compiled)
    return fact(abs(overlap - 1) <= CLOSE, f"the overlap of compiled and source unitary is {overlap:.12g}", circuit)


def _overlap(compiled: Compiled) -> float:
    """Overlap ``|tr(U+ V)| / 2**n`` of source and compiled circuit, in by the layout and out by the final layout."""
    size = compiled.source.num_qubits
    rest = sorted({*oracle.touched(compiled.circuit), *compiled.final} - set(compiled.layout))
    qubits = [*compiled.layout, *rest]
    leave = [qubits.index(qubit) for qubit in compiled.final]
    outcomes = [sum((index >> bit & 1) << place for bit, place in enumerate(leave)) for index in range(2**size)]
    values = {name: angle[0] for name, angle in _bound(compiled).items()}
    columns = [
        oracle.amplitudes(compiled.circuit, values, qubits=qubits, start=start)[0][outcomes] for start in range(2**size)
    ]
    return float(abs(np.vdot(oracle.unitary(compiled.source), np.array(columns).T)) / 2**size)


def _bound(compiled: Compiled) -> dict[str, Floats]:
    native = compiled.bind(Bindings.of({}))
    return {name: native.column(name) for name in compiled.circuit.parameters}


@rule("COMPILE-3", qubits=4, tiers=EVERYWHERE)
def reports_its_qubits(probe: Probe) -> Iterator[Finding]:
    """The layout says where each qubit begins and ends, and the measured bits are read where it ends."""
    target = probe.target
    for circuit in (far(), Circuit(num_qubits=3, operations=scrambled(5), measured=[[2], [0, 1]])):
        compiled = compile_circuit(circuit, target)
        for what, layout in (("layout", compiled.layout), ("final", compiled.final)):
            distinct = len(layout) == len(set(layout)) == circuit.num_qubits
            live = set(layout) <= set(target.live_qubits)
            yield fact(distinct and live, f"{what} is {layout} for {circuit.num_qubits} qubits", circuit)
        ends = tuple(tuple(compiled.final[qubit] for qubit in register) for register in circuit.measured)
        said = f"measured are {compiled.circuit.measured}, the qubits end at {ends}"
        yield fact(compiled.circuit.measured == ends, said, circuit)
    for circuit in (far(measured=False), Circuit(num_qubits=3, operations=scrambled(6))):
        yield _same_unitary(circuit, target)
    wanted = _neighbours(target)[::-1]
    chosen = Circuit(num_qubits=2, operations=[*_turns(2, 5), op("cx", 0, 1)], measured=[1, 0])
    compiled = compile_circuit(chosen, target, layout=wanted)
    yield fact(compiled.layout == wanted, f"layout {wanted} was asked for, {compiled.layout} is reported", chosen)
    used = set(oracle.touched(compiled.circuit))
    yield fact(used == set(wanted), f"layout {wanted} was asked for, qubits {sorted(used)} are used", chosen)


def _neighbours(target: Target) -> tuple[int, ...]:
    """Two live qubits, coupled where there are couplings."""
    return next(iter(sorted(target.couplings)), ()) if target.couplings else target.live_qubits[-2:]


@rule("COMPILE-4", qubits=3, tiers=EVERYWHERE)
def keeps_fences(probe: Probe) -> Iterator[Finding]:
    """Fences stay where they are, and no entangling gate moves or merges across one."""
    fence, turns = op("fence", 0, 1, 2), _turns(3, 31)
    parts: list[list[Operation]] = [
        [*turns, op("cz", 0, 1)],
        [op("cz", 0, 1)],
        [op("ry", 1, angles=[0.9]), op("cx", 1, 2)],
        [op("cx", 1, 2)],
        [op("crx", 0, 1, angles=["t"])],
        [op("crx", 0, 1, angles=["t"]), op("rz", 2, angles=[0.4]), op("cz", 1, 2)],
    ]
    operations = [operation for part in parts for operation in (*part, fence)]
    circuit = Circuit(num_qubits=3, operations=operations, measured=[0, 1, 2])
    bindings = Bindings.of({"t": [0.8, -1.9]})
    for effort in EFFORTS:
        compiled = compile_circuit(circuit, probe.target, effort=effort)
        fences = [operation.qubits for operation in compiled.circuit.operations if operation.is_fence]
        want = [len(operation.qubits) for operation in operations if operation.is_fence]
        got = [len(qubits) for qubits in fences]
        yield fact(got == want, f"fences of {got} qubits with effort {effort}, expected {want}", circuit)
        native, names = compiled.bind(bindings), compiled.circuit.parameters
        before = _purities(circuit, {"t": bindings.column("t")}, range(3))
        if len(fences) == len(want):
            after = _purities(compiled.circuit, {name: native.column(name) for name in names}, None)
            for number, (a, b) in enumerate(zip(before, after, strict=True)):
                gap = float(np.abs(a - b).max())
                said = f"at fence {number} qubits are entangled differently with effort {effort}: purities off by"
                yield fact(gap <= CLOSE, f"{said} {gap:.2g}", circuit)


def _purities(circuit: Circuit, values: Mapping[str, Floats], order: Sequence[int] | None) -> Iterator[Floats]:
    """Purity ``tr(rho**2)`` of each qubit at each fence ``[rows, qubits]``: one-qubit gates do not change it.

    Args:
        circuit: Any circuit.
        values: Of its parameters.
        order: Qubits in the order of the answer; those of each fence when omitted.
    """
    qubits = oracle.touched(circuit)
    for number, operation in enumerate(circuit.operations):
        if operation.is_fence:
            prefix = circuit.model_copy(update={"operations": circuit.operations[:number]})
            state = oracle.amplitudes(prefix, values, qubits=qubits)
            state = np.broadcast_to(state, (max(map(np.size, values.values()), default=1), state.shape[1]))
            chosen = operation.qubits if order is None else order
            yield np.stack([_purity(state, qubits.index(qubit)) for qubit in chosen], axis=1)


def _purity(state: NDArray[np.complex128], place: int) -> Floats:
    """Purity of the qubit at one bit of the index, for states ``[rows, amplitudes]``."""
    split = np.moveaxis(state.reshape(len(state), -1, 2, 2**place), 2, 1).reshape(len(state), 2, -1)
    rho = np.einsum("rai,rbi->rab", split, split.conj())
    return np.asarray(np.einsum("rab,rba->r", rho, rho).real)
