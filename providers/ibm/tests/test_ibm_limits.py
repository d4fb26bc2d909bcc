"""Limits of a job by IBM's published rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, op
from qadapt.errors import NotSupportedError
from qadapt.provider import Work
from qadapt_ibm import limits
from qadapt_ibm.options import Options


def circuit(*operations: Operation, measured: tuple[int, ...] = (0,)) -> Circuit:
    return Circuit(num_qubits=4, operations=operations, measured=[measured])


# Published: rz 1, sx and x 2, cz 5, measure 10, init 50; fractional gates as the gates that they stand for.
@pytest.mark.parametrize(
    ("operations", "measured", "number"),
    [
        ((), (0,), 60),
        ((op("rz", 0, angles=["a"]),), (0,), 61),
        ((op("sx", 0), op("x", 0)), (0,), 64),
        ((op("cz", 0, 1),), (0,), 65),
        ((op("cz", 0, 1), op("cz", 1, 2)), (0,), 65),
        ((op("cz", 0, 1), op("cz", 1, 2)), (1,), 70),
        ((op("cz", 0, 1),) * 3, (2,), 65),
        ((op("rx", 0, angles=["a"]), op("rzz", 0, 1, angles=["a"]), op("fence", 0, 1)), (0,), 67),
    ],
)
def test_instructions_of_the_busiest_qubit(operations: tuple[Operation, ...], measured: Any, number: int) -> None:
    one = circuit(*operations, measured=measured)
    assert limits.instructions(one, Options()) == number
    assert limits.instructions(one, Options(init_qubits=False)) == number - 50


@given(st.sampled_from(["XX", "XpXm", "XY4"]), st.integers(0, 30))
def test_decoupling_counts_for_more(sequence: Any, gates: int) -> None:
    one = circuit(*[op("sx", 0)] * gates)
    plain = limits.instructions(one, Options())
    pulses = {"XX": 2, "XpXm": 2, "XY4": 4}[sequence]
    more = limits.instructions(one, Options(dynamical_decoupling=sequence)) - plain
    assert more == (gates + 1) * (3 * pulses + 1)


@given(st.integers(1, 200), st.integers(1, 200_000), st.integers(1, 65_536))
def test_most_rows_is_the_most_that_fits(gates: int, shots: int, max_rows: int) -> None:
    one = circuit(*[op("cz", 0, 1)] * gates)
    rows = limits.most_rows(one, shots, Options(), max_rows)

    def fits(number: int) -> bool:
        return (
            number <= max_rows
            and number * shots <= 10_000_000
            and number * limits.instructions(one, Options()) <= 26_800_000
        )

    assert rows >= 1
    assert fits(rows)
    assert not fits(rows + 1)


def test_a_submit_of_most_rows_passes_and_one_more_does_not() -> None:
    one = circuit(*[op("cz", 0, 1)] * 200)
    rows = limits.most_rows(one, 1, Options(), 10**9)
    assert rows == 26_800_000 // (1000 + 60)
    limits.check_job([Work(one, Bindings.of({}, shape=(rows,)), 1)], Options())
    with pytest.raises(NotSupportedError) as caught:
        limits.check_job([Work(one, Bindings.of({}, shape=(rows + 1,)), 1)], Options())
    assert caught.value.capability == "max_instructions"
    with pytest.raises(NotSupportedError):  # works count together
        limits.check_job([Work(one, Bindings.of({}, shape=(rows // 2 + 1,)), 1)] * 2, Options())


def test_randomizations_are_circuits() -> None:
    one, options = circuit(*[op("cz", 0, 1)] * 200), Options(twirl_gates=True, randomizations=10)
    rows = limits.most_rows(one, 10, options, 10**9)
    assert rows == 26_800_000 // 10_600
    limits.check_job([Work(one, Bindings.of({}, shape=(rows,)), 10)], options)
    with pytest.raises(NotSupportedError):
        limits.check_job([Work(one, Bindings.of({}, shape=(rows + 1,)), 10)], options)
    with pytest.raises(NotSupportedError) as caught:
        limits.check_job([Work(one, Bindings.of({}), 15)], options)
    assert caught.value.capability == "randomizations"
    limits.check_job([Work(one, Bindings.of({}), 20)], options)


def test_two_qubit_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ENTANGLING", 3)
    limits.check_job([Work(circuit(*[op("cz", 0, 1)] * 3), Bindings.of({}), 15)], Options())
    with pytest.raises(NotSupportedError) as caught:
        limits.check_job([Work(circuit(*[op("cz", 0, 1)] * 4), Bindings.of({}), 15)], Options())
    assert caught.value.capability == "max_entangling"


def test_mixed_shots() -> None:
    with pytest.raises(NotSupportedError) as caught:
        limits.check_job([Work(circuit(), Bindings.of({}), shots) for shots in (1, 2)], Options())
    assert caught.value.capability == "mixed_shots"


def test_the_numbers_are_the_published_ones() -> None:
    """https://quantum.cloud.ibm.com/docs/guides/job-limits, undated copy, read in November 2026."""
    assert (limits.MAX_EXECUTIONS, limits.MAX_INSTRUCTIONS, limits.MAX_ENTANGLING) == (
        10_000_000,
        26_800_000,
        5_000_000,
    )
