"""Chip information as a target, through the client's own ``ChipInfo`` and with numbers that no chip should have."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clouds.origin import CHIPS, Chip
from qadapt.compile.native import native_set
from qadapt.errors import TargetError
from qadapt.target import Qubit
from qadapt_origin.chip import target


def answers(**values: Any) -> SimpleNamespace:
    """An object whose methods answer these values."""
    return SimpleNamespace(**{name: lambda value=value: value for name, value in values.items()})


def pair(qubits: Sequence[int], fidelity: float) -> SimpleNamespace:
    return answers(get_qubits=list(qubits), get_fidelity=fidelity)


def qubit(number: str, *, t1: float = 10, t2: float = 2, gate: float = 0.997, readout: float = 0.93) -> SimpleNamespace:
    return answers(
        get_qubit_id=number,
        get_t1=t1,
        get_t2=t2,
        get_single_gate_fidelity=gate,
        get_readout_fidelity=readout,
    )


def info(**changes: Any) -> SimpleNamespace:
    fields = {
        "chip_id": "WK",
        "qubits_num": 4,
        "available_qubits": [0, 1, 2, 3],
        "get_basic_gates": ["RPhi", "CZ"],
        "single_qubit_info": [qubit(str(number)) for number in range(4)],
        "double_qubits_info": [pair((0, 1), 0.98), pair((1, 2), 0.97), pair((2, 3), 0.96)],
        "get_single_gate_timing": 30,
        "get_double_gate_timing": 40,
    }
    return answers(**{**fields, **changes})


def reported(chip: Chip) -> SimpleNamespace:
    """What the client says of a chip of the loopback cloud: every coupler from both ends, each twice."""
    items = [chip.qubit(number) for number in range(chip.size)]
    return info(
        qubits_num=chip.size,
        available_qubits=[number for number in range(chip.size) if number not in chip.missing],
        single_qubit_info=[
            qubit(
                item["qubitId"],
                t1=item["T1"],
                t2=item["T2"],
                gate=item["SingleGateFidelity"],
                readout=item["ReadoutFidelity"],
            )
            for item in items
        ],
        double_qubits_info=[pair(edge, chip.fidelity(edge)) for edge in chip.edges() for _ in range(2)],
    )


def test_a_grid_like_wukong_loses_dead_couplers_and_those_of_missing_qubits() -> None:
    chip = CHIPS["WK_C180"]
    found = target(reported(chip), "WK_C180")
    alive = [edge for edge in chip.edges() if edge not in chip.dead and not {*edge} & {*chip.missing}]
    assert len(chip.edges()) == 126
    assert found.couplings is not None
    assert sorted(found.couplings) == alive
    assert len(alive) == 126 - 3 - 10
    assert [site.qubits for site in found.sites["cz"]] == alive
    assert [found.qubits[number] for number in chip.missing] == [Qubit()] * 3
    assert found.live_qubits == tuple(number for number in range(72) if number not in (13, 40, 71))
    assert found.native == ("cz", "rphi")
    assert native_set(found).name == "cz, rphi"
    for edge, error in found.couplings.items():
        assert error == pytest.approx(1 - chip.fidelity(edge), abs=1e-12)


def test_units_and_errors() -> None:
    found = target(info(), "WK")
    assert found.site["rphi", (2,)].duration == pytest.approx(30e-9)
    assert found.site["rphi", (2,)].error == pytest.approx(0.003)
    assert found.site["cz", (1, 2)].duration == pytest.approx(40e-9)
    assert found.site["cz", (1, 2)].error == pytest.approx(0.03)
    assert found.qubits[3].t1 == pytest.approx(10e-6)
    assert found.qubits[3].t2 == pytest.approx(2e-6)
    assert found.qubits[3].prob_meas0_prep1 == found.qubits[3].prob_meas1_prep0 == pytest.approx(0.07)
    assert (found.name, found.num_qubits, found.sample, found.calibrated) == ("WK", 4, False, None)


def test_of_two_entries_the_worse_counts_whatever_their_order() -> None:
    for first, second in ((0.9, 0.95), (0.95, 0.9)):
        found = target(info(double_qubits_info=[pair((0, 1), first), pair((1, 0), second)]), "WK")
        assert found.couplings == {(0, 1): pytest.approx(0.1)}
    assert target(info(double_qubits_info=[pair((0, 1), 0.9), pair((1, 0), 0.0)]), "WK").couplings == {}


@pytest.mark.parametrize("fidelity", [0.0, -0.1, 1.01, float("nan"), float("inf")])
def test_numbers_that_are_no_fidelities_mark_what_is_broken(fidelity: float) -> None:
    qubits = [qubit("0", gate=fidelity), qubit("1", readout=fidelity), qubit("2"), qubit("3")]
    found = target(info(single_qubit_info=qubits, double_qubits_info=[pair((2, 3), fidelity)]), "WK")
    assert found.live_qubits == (2, 3)
    assert found.couplings == {}


def test_times_that_are_none_are_left_out() -> None:
    qubits = [qubit("0", t1=0, t2=float("nan")), *(qubit(str(number)) for number in range(1, 4))]
    found = target(info(single_qubit_info=qubits, get_single_gate_timing=0, get_double_gate_timing=-1), "WK")
    assert (found.qubits[0].t1, found.qubits[0].t2) == (None, None)
    assert found.site["rphi", (0,)].duration is None
    assert found.site["cz", (0, 1)].duration is None


def test_qubits_without_calibration_or_number_are_missing() -> None:
    qubits = [qubit("0"), qubit("1"), qubit("Q2"), qubit("3")]
    found = target(info(single_qubit_info=qubits, available_qubits=[0, 1, 2, 3, 9, -1]), "WK")
    assert found.live_qubits == (0, 1, 3)


@pytest.mark.parametrize("gates", [[], ["CZ"], ["RPhi", "iSWAP"], ["U3", "CNOT"]])
def test_chips_with_other_gates_are_refused(gates: list[str]) -> None:
    with pytest.raises(TargetError, match="needs RPhi and CZ"):
        target(info(get_basic_gates=gates), "PQPUMESH8")


numbers = st.floats(width=64) | st.integers(-5, 200)


@given(
    fidelities=st.lists(numbers, min_size=6, max_size=6),
    pairs=st.lists(st.tuples(st.integers(-2, 6), st.integers(-2, 6), numbers), max_size=8),
    available=st.lists(st.integers(-2, 6)),
)
def test_no_numbers_whatever_break_a_target(fidelities: list[Any], pairs: list[Any], available: list[int]) -> None:
    a, b, c, d, e, f = map(float, fidelities)
    qubits = [qubit("0", t1=a, t2=b, gate=c, readout=d), qubit("1", gate=e, readout=f), qubit("2"), qubit("3")]
    couplers = [pair((one, other), fidelity) for one, other, fidelity in pairs]
    found = target(info(single_qubit_info=qubits, double_qubits_info=couplers, available_qubits=available), "WK")
    assert set(found.live_qubits) <= set(available)
