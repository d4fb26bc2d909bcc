"""The lowering rules hold where what would be sent does the same as the work, and see each way in which it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import pi

import numpy as np
import pytest

from qadapt import GATES, Backend, Bindings, Circuit, NotSupportedError, Operation, Site, Target, Work, backend, op
from qadapt_conformance import Tier, Verdict, oracle, run_suite
from qadapt_conformance.finding import Finding
from qadapt_conformance.mutants import MUTANTS
from qadapt_conformance.mutants.mutant import Mutant
from qadapt_conformance.mutants.right import QUBITS, Chip
from qadapt_conformance.mutants.wrapped import Wrapped
from qadapt_conformance.report import Report
from qadapt_conformance.rules import lowered as rules
from qadapt_conformance.rules.lowered import CLOSE, gap, gate_works, qubit_works, row_works

RULES = [f"LOWER-{number}" for number in range(1, 4)]
NATIVES = [("cz", "sx", "x", "rz"), ("cz", "u3"), ("cz", "rphi")]


class Sending(Wrapped):
    """Changes what is read back."""

    def __init__(self, inner: Backend, change: Callable[[Circuit], Circuit]) -> None:
        super().__init__(inner)
        self.change = change
        self.asked: list[tuple[Work, int]] = []

    def lowered(self, work: Work, row: int) -> Circuit:
        self.asked.append((work, row))
        circuit: Circuit = self._inner.lowered(work, row)  # type: ignore[attr-defined]
        return self.change(circuit)


def offline(sending: Backend) -> Report:
    return run_suite(sending, tier=Tier.OFFLINE, rules=RULES)


def verdicts(sending: Backend) -> list[Verdict]:
    report = offline(sending)
    assert report.jobs == 0
    return [report.of(name).verdict for name in RULES]


def steps(circuit: Circuit, operations: list[Operation]) -> Circuit:
    return Circuit(num_qubits=circuit.num_qubits, operations=operations, measured=circuit.measured)


def rounded(digits: int) -> Callable[[Circuit], Circuit]:
    def change(circuit: Circuit) -> Circuit:
        return steps(
            circuit,
            [
                o.moved(o.qubits, tuple(round(a, digits) for a in o.angles if isinstance(a, float)))
                for o in circuit.operations
            ],
        )

    return change


@pytest.mark.parametrize("native", NATIVES, ids="-".join)
def test_right_chips_conform(right: Backend, native: tuple[str, ...]) -> None:
    assert verdicts(Chip(right, native)) == [Verdict.CONFORMS] * 3


@pytest.mark.parametrize("name", ["local:statevector", "local:emulator/heron-r2-fractional"])
def test_right_backends_conform(name: str) -> None:
    assert verdicts(backend(name)) == [Verdict.CONFORMS] * 3


@pytest.mark.parametrize(
    "mutant",
    [mutant for mutant in MUTANTS if mutant.rule in RULES and not mutant.lacks(Chip(backend("local:statevector")))],
    ids=lambda mutant: mutant.name,
)
def test_mutants_are_caught_on_a_chip_of_few_gates_too(mutant: Mutant, right: Backend) -> None:
    with mutant.make(Chip(right)) as wrong:
        assert run_suite(wrong, rules=[mutant.rule], tier=Tier.OFFLINE).of(mutant.rule).verdict is Verdict.VIOLATES


def test_a_backend_that_says_nothing_declares_nothing(right: Backend) -> None:
    class Silent(Wrapped):
        lowered = None

    report = offline(Silent(right))
    assert [report.of(name).verdict for name in RULES] == [Verdict.NOT_DECLARED] * 3
    assert "optional verb lowered" in report.of("LOWER-1").message


def test_what_cannot_be_read_back_is_not_judged(right: Backend) -> None:
    def twirled(_: Circuit) -> Circuit:
        raise NotSupportedError("twirled", capability="lowered")

    report = offline(Sending(right, twirled))
    assert [report.of(name).verdict for name in RULES] == [Verdict.NOT_RUN] * 3
    assert "twirled" in report.of("LOWER-2").message


def test_a_lowering_that_breaks_down_is_wrong(right: Backend) -> None:
    def broken(_: Circuit) -> Circuit:
        raise KeyError("q7")

    assert verdicts(Sending(right, broken)) == [Verdict.VIOLATES] * 3


def test_other_gates_that_do_the_same_conform(right: Backend) -> None:
    """Another global phase, fences, and gates that together do nothing."""

    def other(circuit: Circuit) -> Circuit:
        out = [op("fence", 0, 1)]
        for o in circuit.operations:
            out += [op("rz", *o.qubits, angles=o.angles)] if o.gate == "p" else [o]
        return steps(circuit, [*out, *[op("h", circuit.num_qubits - 1)] * 2])

    assert verdicts(Sending(right, other)) == [Verdict.CONFORMS] * 3


def test_eight_decimals_are_enough_and_six_are_not(right: Backend) -> None:
    assert verdicts(Sending(right, rounded(8))) == [Verdict.CONFORMS] * 3
    assert verdicts(Sending(Chip(right), rounded(8))) == [Verdict.CONFORMS] * 3
    assert verdicts(Sending(right, rounded(6)))[:2] == [Verdict.VIOLATES] * 2


@pytest.mark.parametrize("gate", [name for name in GATES if name != "id"])
def test_no_gate_may_be_left_out(gate: str, right: Backend) -> None:
    def without(circuit: Circuit) -> Circuit:
        last = max((n for n, o in enumerate(circuit.operations) if o.gate == gate), default=None)
        return steps(circuit, [o for n, o in enumerate(circuit.operations) if n != last])

    assert verdicts(Sending(right, without))[0] is Verdict.VIOLATES


@pytest.mark.parametrize("gate", [name for name, known in GATES.items() if known.qubits > 1])
def test_qubits_keep_their_order(gate: str, right: Backend) -> None:
    def turned(circuit: Circuit) -> Circuit:
        return steps(circuit, [o.moved(o.qubits[::-1], o.angles) if o.gate == gate else o for o in circuit.operations])

    same = gate in ("cz", "cp", "swap", "iswap", "rxx", "ryy", "rzz")
    assert verdicts(Sending(right, turned))[0] is (Verdict.CONFORMS if same else Verdict.VIOLATES)


@pytest.mark.parametrize("native", [NATIVES[0], ("u3", "cz"), ("prx", "cz")], ids="-".join)
def test_a_gate_too_many_is_seen_wherever_it_is(right: Backend, native: tuple[str, ...]) -> None:
    chip = Chip(right, native)
    more = Sending(chip, lambda circuit: steps(circuit, [*circuit.operations, op("rz", QUBITS - 1, angles=[1e-3])]))
    assert verdicts(more) == [Verdict.VIOLATES] * 3


def test_first_middle_and_last_row_are_read(right: Backend) -> None:
    sending = Sending(right, lambda circuit: circuit)
    offline(sending)
    rows = {(work.bindings.rows, row) for work, row in sending.asked}
    assert {(12, 0), (12, 6), (12, 11), (5, 0), (5, 2), (5, 4), (1, 0)} <= rows


def test_no_more_rows_than_the_backend_takes(right: Backend) -> None:
    class Narrow(Sending):
        @property
        def capabilities(self):  # type: ignore[no-untyped-def]
            return right.capabilities.model_copy(update={"max_rows": 2, "max_shots": 7})

    sending = Narrow(right, lambda circuit: circuit)
    assert verdicts(sending) == [Verdict.CONFORMS] * 3
    assert {work.bindings.rows for work, _ in sending.asked} == {1, 2}
    assert {work.shots for work, _ in sending.asked} == {7}


@pytest.mark.parametrize("name", ["local:statevector", "local:emulator/heron-r2-fractional"])
def test_every_native_gate_is_there_with_constants_and_parameters(name: str) -> None:
    target = backend(name).target
    operations = [o for work in gate_works(target) for o in work.circuit.operations]
    assert {o.gate for o in operations} == set(target.native)
    for gate in target.native:
        bound = {bool(o.parameters) for o in operations if o.gate == gate}
        assert bound == {True, False} or not GATES[gate].parameters or gate in target.ranges or GATES[gate].qubits > 1


def test_asymmetric_gates_stand_as_they_are_listed_and_ranges_hold() -> None:
    sites = {"ecr": (Site(qubits=(2, 1), error=0.0),), "rzz": (Site(qubits=(1, 2), error=0.0),)}
    target = Target(name="t", num_qubits=3, native=("ecr", "rzz", "u3"), sites=sites, ranges={"rzz": (0.0, pi / 2)})
    (work,) = gate_works(target)
    placed = {(o.gate, o.qubits) for o in work.circuit.operations if len(o.qubits) == 2}
    assert placed == {("ecr", (2, 1)), ("rzz", (1, 2)), ("rzz", (2, 1))}
    for o in work.circuit.operations:
        if o.gate == "rzz":
            (angle,) = o.angles
            values = angle if isinstance(angle, float) else work.bindings.column(angle.name)
            assert np.all((np.asarray(values) >= 0) & (np.asarray(values) <= pi / 2))


def test_small_targets_get_the_works_that_they_have_room_for() -> None:
    one = Target(name="one", num_qubits=1, native=("rx", "rz", "cz"))
    assert {o.gate for work in gate_works(one) for o in work.circuit.operations} == {"rx", "rz"}
    assert [work.circuit.measured for work in qubit_works(one)] == [((0,),)]
    assert len(list(row_works(one))) == 1


def test_a_target_without_rotations_is_not_judged_on_rows(right: Backend) -> None:
    class Fixed(Wrapped):
        target = Target(name="statevector", num_qubits=2, native=("h", "cx"))

    assert verdicts(Fixed(right)) == [Verdict.CONFORMS, Verdict.NOT_RUN, Verdict.NOT_RUN]


def test_wide_works_have_what_hides_mistakes(right: Backend) -> None:
    for target in (right.target, backend("local:emulator/heron-r2").target):
        work = next(iter(qubit_works(target)))
        registers = work.circuit.measured
        assert max(map(len, registers)) > 10
        assert len({len(register) for register in registers}) > 1
        assert all(list(register) != sorted(register) for register in registers if len(register) > 1)
        used = {qubit for o in work.circuit.operations for qubit in o.qubits}
        assert len(set(work.circuit.bits) - used) == 1
        assert {target.live_qubits[0], target.live_qubits[-1]} <= set(work.circuit.bits)
    shared = next(iter(row_works(right.target)))
    assert len(shared.circuit.parameters) == 12
    assert list(shared.circuit.parameters) != sorted(shared.circuit.parameters)
    assert {column.shape for column in shared.bindings.columns.values()} == {(3, 4), (3, 1), (1, 4), (1, 1)}


def test_the_gap_is_that_of_the_unitaries() -> None:
    draw = np.random.default_rng(3)
    for _ in range(20):
        a, b = draw.uniform(-3, 3, 2)
        right = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["a"]), op("cx", 0, 1), op("rz", 1, angles=[0.3])])
        work = Work(right, Bindings.of({"a": [0.0, a]}), 1)
        sent = Circuit(num_qubits=2, operations=[op("ry", 0, angles=[b]), op("cx", 0, 1), op("p", 1, angles=[0.3])])
        first, second = oracle.unitary(right, {"a": a}), oracle.unitary(sent)
        overlap = np.vdot(second, first)
        wanted = np.abs(first - overlap / abs(overlap) * second).max()
        assert gap(work, 1, sent)[0] == pytest.approx(wanted, abs=1e-12)


def test_gaps_that_are_none_of_a_unitary() -> None:
    work = Work(Circuit(num_qubits=9, operations=[op("h", 0)]), Bindings.of({}), 1)
    free = Circuit(num_qubits=9, operations=[op("rx", 0, angles=["a"])])
    assert gap(work, 0, free) == (2.0, "angles a are not bound")
    wide = Circuit(num_qubits=9, operations=[op("cz", q, q + 1) for q in range(8)])
    assert gap(work, 0, wide)[0] == 2.0
    orthogonal = Circuit(num_qubits=12, operations=[op("h", 0), op("x", 11)])
    assert gap(work, 0, orthogonal)[0] == pytest.approx(1.0)
    assert gap(work, 0, replace(work).circuit) == (0.0, "")


def test_a_finding_says_what_is_wrong(right: Backend) -> None:
    report = offline(Sending(Chip(right), lambda circuit: steps(circuit, list(circuit.operations[:-1]))))
    message = report.of("LOWER-1").message
    assert "a unitary is off by" in message
    assert "sent is" in message
    assert all(isinstance(finding, Finding) and not finding.statistical for finding in report.of("LOWER-1").findings)


def test_what_is_close_is_what_the_text_says() -> None:
    """Eight decimals of an angle: an entry of a rotation is off by half of 5e-9 at most."""
    angle = 1.234567885
    work = Work(Circuit(num_qubits=1, operations=[op("rx", 0, angles=[angle])]), Bindings.of({}), 1)
    off, _ = gap(work, 0, Circuit(num_qubits=1, operations=[op("rx", 0, angles=[round(angle, 8)])]))
    assert 0 < off <= 2.6e-9 < CLOSE / 30
    assert rules.FAR * 2**-24 > 1000 * CLOSE
