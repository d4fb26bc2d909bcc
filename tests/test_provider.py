"""The seam: works that do not fit are refused before a vendor sees them, with every misfit listed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import BindingsError, NotSupportedError, QadaptError, TargetError
from qadapt.provider import Provenance, Requirements, Requiring, Work, check_angles, check_row, check_works, violations
from qadapt.target import Capabilities, Qubit, Site, Target

CHAIN = Target(
    name="chain",
    num_qubits=4,
    native=("rx", "cz", "rzz"),
    sites={
        "cz": [Site(qubits=(0, 1), error=0.1), Site(qubits=(2, 1), error=0.1), Site(qubits=(2, 3), error=1)],
        "rzz": [Site(qubits=(0, 1), error=0.1)],
    },
    qubits=[Qubit(), Qubit(), Qubit(), Qubit(prob_meas1_prep0=1)],
)
SMALL = Capabilities(max_shots=100, max_rows=3, max_works=2)


def work(shots: Any = 10, seed: Any = None, *, rows: int = 1, measured: Any = (0,), **changes: Any) -> Work:
    operations = changes.get("operations", [op("rx", 0, angles=["a"])])
    circuit = Circuit(num_qubits=changes.get("num_qubits", 4), operations=operations, measured=measured)
    return Work(circuit, changes.get("bindings", Bindings.of({"a": np.zeros(rows)})), shots, seed)


@given(st.integers(1, 100), st.none() | st.integers(0, 2**64), st.integers(1, 3), st.integers(1, 2))
def test_works_within_the_limits_pass(shots: int, seed: int | None, rows: int, works: int) -> None:
    check_works([work(shots, seed, rows=rows)] * works, CHAIN, SMALL)


@pytest.mark.parametrize(
    ("works", "kind", "words"),
    [
        ([], NotSupportedError, "0 works in one submit, chain takes 1 to 2"),
        ([work()] * 3, NotSupportedError, "3 works"),
        ([work(101)], NotSupportedError, "101 exceeds max_shots=100"),
        ([work(rows=4)], NotSupportedError, "4 exceeds max_rows=3"),
        ([work(0)], BindingsError, "shots is 0"),
        ([work(-1)], BindingsError, "shots is -1"),
        ([work(1.0)], BindingsError, "shots is 1.0"),
        ([work(True)], BindingsError, "shots is True"),
        ([work(np.int64(5))], BindingsError, "shots is np.int64"),
        ([work(None)], BindingsError, "shots is None"),
        ([work(seed=-1)], BindingsError, "seed is -1"),
        ([work(seed=0.5)], BindingsError, "seed is 0.5"),
        ([work(seed=False)], BindingsError, "seed is False"),
        ([work(bindings=Bindings.of({}))], BindingsError, r"missing \['a'\]"),
        ([work(bindings=Bindings.of({"a": 0, "b": 1}))], BindingsError, r"extra \['b'\]"),
        ([work(measured=())], TargetError, "nothing is measured"),
        ([work(), work(measured=())], TargetError, "nothing is measured"),
    ],
)
def test_works_that_do_not_fit_are_refused(works: list[Work], kind: type[QadaptError], words: str) -> None:
    with pytest.raises(kind, match=words):
        check_works(works, CHAIN, SMALL)


def test_the_capability_is_named() -> None:
    for works, capability in (([], "max_works"), ([work(101)], "max_shots"), ([work(rows=4)], "max_rows")):
        with pytest.raises(NotSupportedError) as caught:
            check_works(works, CHAIN, SMALL)
        assert caught.value.capability == capability


@pytest.mark.parametrize(
    ("operations", "measured", "expected"),
    [
        ([op("rx", 1, angles=[1]), op("cz", 1, 2), op("rzz", 1, 0, angles=[1]), op("fence", 0, 2)], [2, 0], []),
        ([op("h", 0), op("h", 1)], [0], ["h is not native, native are rx, cz, rzz"]),
        ([op("cz", 0, 2)], [0], ["cz on (0, 2): no live coupler"]),
        ([op("cz", 2, 3)], [0], ["qubit 3 is dead", "cz on (2, 3): no live coupler"]),
        ([op("rzz", 1, 2, angles=[1])], [0], ["rzz does not act on (1, 2)"]),
        ([], [3], ["qubit 3 is dead"]),
        ([], [4], ["qubit 4 of 4"]),
        ([op("rx", 5, angles=[0])], [], ["nothing is measured", "qubit 5 of 4"]),
        ([op("fence", 0, 4)], [0], ["qubit 4 of 4"]),
    ],
)
def test_every_violation_is_listed_once(operations: Any, measured: Any, expected: list[str]) -> None:
    circuit = Circuit(num_qubits=6, operations=[*operations, *operations], measured=measured)
    assert violations(circuit, CHAIN) == expected
    if expected:
        with pytest.raises(TargetError) as caught:
            check_works(
                [work(num_qubits=6, operations=operations, measured=measured, bindings=Bindings.of({}))], CHAIN, SMALL
            )
        assert caught.value.violations == tuple(expected)


def ranged(**ranges: tuple[float, float]) -> Target:
    return Target(**{**CHAIN.model_dump(), "ranges": ranges})


FRACTIONAL = ranged(rzz=(0.0, np.pi / 2), rx=(-1.0, 2.0))
ROUNDED = np.nextafter(np.pi / 2, 2)


@pytest.mark.parametrize("angle", [0.0, -0.0, 0.3, np.pi / 2, ROUNDED])
def test_angles_in_the_range_pass_as_constants_and_as_values(angle: float) -> None:
    steps = [op("rzz", 0, 1, angles=[angle]), op("rzz", 0, 1, angles=["a"]), op("rx", 0, angles=[-1.0])]
    check_works([work(operations=steps, bindings=Bindings.of({"a": angle}))], FRACTIONAL, SMALL)


@pytest.mark.parametrize("angle", [-1e-17, -0.3, np.pi / 2 + 1e-9, np.pi, -np.pi])
def test_angles_outside_the_range_are_refused(angle: float) -> None:
    assert np.abs(angle - np.pi / 2) > 1e-10
    constant = op("rzz", 1, 0, angles=[angle])
    assert violations(Circuit(num_qubits=2, operations=[constant] * 2, measured=[0]), CHAIN) == []
    (wrong,) = violations(Circuit(num_qubits=2, operations=[constant] * 2, measured=[0]), FRACTIONAL)
    assert wrong == f"rzz by {angle:.12g} on (1, 0), allowed are [0, 1.57079632679]"
    rows = Bindings.of({"a": [0.5, angle, 1.0]})
    bound = work(operations=[op("rx", 0, angles=["a"]), op("rzz", 0, 1, angles=["a"])], bindings=rows)
    if abs(angle) <= 1:
        check_works([bound], ranged(rx=(-1.0, 2.0)), SMALL)
    with pytest.raises(BindingsError, match=r"'a' turns (rx|rzz) by .*, allowed are"):
        check_works([bound], FRACTIONAL, SMALL)


def test_the_angle_and_not_the_value_is_in_the_range() -> None:
    turn = Parameter(name="a", scale=-0.5, offset=0.25)
    for value, fits in ((0.5, True), (-2.0, True), (0.6, False), (-3.0, False)):
        bound = work(operations=[op("rzz", 0, 1, angles=[turn])], bindings=Bindings.of({"a": value}))
        if fits:
            check_works([bound], FRACTIONAL, SMALL)
        else:
            with pytest.raises(BindingsError, match="turns rzz by"):
                check_works([bound], FRACTIONAL, SMALL)


def test_a_machine_without_couplings_takes_any_pair() -> None:
    everywhere = Target(name="all", num_qubits=9, native=("cz",))
    assert violations(Circuit(num_qubits=9, operations=[op("cz", 8, 0)], measured=[8]), everywhere) == []


def test_widths_are_bits_per_register() -> None:
    assert work(measured=[[2, 0], [1]]).widths == (2, 1)


def test_provenance_round_trips_and_takes_nothing_unknown() -> None:
    said = Provenance(
        backend="acme:chip",
        circuit_hash="00",
        qubits=((3, 1), (2,)),
        shots=5,
        seed=None,
        simulated=True,
        versions={"a": "1"},
    )
    assert Provenance.model_validate_json(said.model_dump_json()) == said
    with pytest.raises(ValidationError, match="frozen"):
        said.shots = 6
    with pytest.raises(ValidationError, match="weather"):
        Provenance(**said.model_dump(), weather="fine")


def test_requirements_are_optional() -> None:
    class Telling:
        def requirements(self) -> Requirements:
            return Requirements(credentials=("ACME_TOKEN",))

    assert isinstance(Telling(), Requiring)
    assert not isinstance(object(), Requiring)
    assert Requirements() == Requirements(modules=(), credentials=(), files=(), libraries={})


SCALES = st.sampled_from([0.0, 1.0, -2.0, 1e308])
NUMBERS = st.sampled_from([0.0, 1.0, -3.0, 1e308, -1e308, float("inf"), float("nan")])


@given(st.lists(st.tuples(SCALES, SCALES), min_size=1, max_size=3), st.lists(NUMBERS, min_size=2, max_size=4))
def test_angles_are_finite_one_by_one(affine: list[tuple[float, float]], values: list[float]) -> None:
    parameters = [Parameter(name=f"p{i % 2}", scale=scale, offset=offset) for i, (scale, offset) in enumerate(affine)]
    circuit = Circuit(num_qubits=1, operations=[op("rx", 0, angles=[each]) for each in parameters], measured=[0])
    rows = len(values) // 2
    table = np.array(values[: 2 * rows]).reshape(rows, 2)
    with np.errstate(all="ignore"):
        angles = [each.scale * table[:, int(each.name[1])] + each.offset for each in parameters]
    wrong = [each.name for each, column in zip(parameters, angles, strict=True) if not np.isfinite(column).all()]
    names = ("p0", "p1")
    for bindings in (
        Bindings.of_matrix(names, table.copy()),
        Bindings({name: table[:, index] for index, name in enumerate(names)}, (rows,)),
    ):
        if wrong:
            with pytest.raises(BindingsError, match=f"'{wrong[0]}' gives an angle that is not finite"):
                check_angles(circuit, bindings)
        else:
            check_angles(circuit, bindings)


@pytest.mark.parametrize("row", [-1, 2])
def test_rows_that_a_work_does_not_have_are_refused(row: int) -> None:
    for there in (0, 1):
        check_row(work(rows=2), there, CHAIN, SMALL)
    with pytest.raises(BindingsError, match=f"row {row} of a work with 2 rows"):
        check_row(work(rows=2), row, CHAIN, SMALL)
    with pytest.raises(TargetError, match="does not fit"):
        check_row(work(rows=2, measured=()), row, CHAIN, SMALL)
