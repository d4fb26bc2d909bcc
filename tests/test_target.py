"""Targets: JSON round trips, dead qubits and couplers, contradictions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qadapt.errors import TargetError
from qadapt.gates import GATES
from qadapt.target import DEAD, Capabilities, Qubit, Site, Target, bundled_targets

ERRORS = st.none() | st.floats(0, 1)
BOUNDS = st.floats(-7, 7)
SECONDS = st.none() | st.floats(0, 1e-3)
QUBITS = st.builds(Qubit, t1=SECONDS, t2=SECONDS, prob_meas1_prep0=st.floats(0, 1), prob_meas0_prep1=st.floats(0, 1))


@st.composite
def targets(draw: st.DrawFn) -> Target:
    size = draw(st.integers(1, 5))
    native = draw(st.lists(st.sampled_from(sorted(GATES)), unique=True, min_size=1, max_size=5))
    sites: dict[str, list[Site]] = {}
    for name in native:
        if GATES[name].qubits <= size and draw(st.booleans()):
            places = draw(st.lists(st.permutations(range(size)), max_size=4))
            chosen = {tuple(place[: GATES[name].qubits]) for place in places}
            sites[name] = [Site(qubits=place, error=draw(ERRORS), duration=draw(SECONDS)) for place in sorted(chosen)]
    return Target(
        name=draw(st.sampled_from(["chip", "fake_x", "a/b"])),
        num_qubits=size,
        native=native,
        sites=sites,
        ranges={name: sorted(draw(st.tuples(BOUNDS, BOUNDS))) for name in native if len(GATES[name].parameters) == 1},
        qubits=draw(st.just(()) | st.lists(QUBITS, min_size=size, max_size=size)),
        calibrated=draw(st.none() | st.datetimes(datetime(2020, 1, 1), timezones=st.just(UTC))),
        sample=draw(st.booleans()),
        source=draw(st.sampled_from(["", "a paper"])),
    )


@given(targets())
def test_json_round_trip(target: Target) -> None:
    again = Target.from_json(target.to_json())
    assert again == target
    assert again.to_json() == target.to_json()
    assert Target.from_json(json.dumps(json.loads(target.to_json()), indent=2).encode()) == target


@given(targets())
def test_live_couplers_join_live_qubits(target: Target) -> None:
    live = set(target.live_qubits)
    for (low, high), error in (target.couplings or {}).items():
        assert low < high
        assert {low, high} <= live
        assert 0 <= error < DEAD


def chain(**changes: Any) -> Target:
    """Three qubits in a row, all of it alive."""
    data: dict[str, Any] = {
        "name": "chain",
        "num_qubits": 3,
        "native": ("sx", "rz", "cz", "rzz"),
        "sites": {
            "sx": [Site(qubits=(q,), error=0.001) for q in range(3)],
            "cz": [Site(qubits=(0, 1), error=0.02), Site(qubits=(2, 1), error=0.03)],
            "rzz": [Site(qubits=(1, 0), error=0.01), Site(qubits=(1, 2), error=0.04)],
        },
        "qubits": [Qubit(prob_meas1_prep0=0.01, prob_meas0_prep1=0.03)] * 3,
    }
    return Target(**data | changes)


def with_sites(name: str, *sites: Site) -> Target:
    return chain(sites={**chain().sites, name: sites})


def test_the_best_native_gate_of_a_coupler_counts() -> None:
    assert chain().couplings == {(0, 1): 0.01, (1, 2): 0.03}
    assert chain().live_qubits == (0, 1, 2)


def test_unlisted_two_qubit_gates_couple_all_to_all() -> None:
    assert chain(sites={}).couplings is None
    assert chain(sites={"cz": chain().sites["cz"]}).couplings is None
    assert Target(name="one", num_qubits=1, native=("rx",)).couplings == {}


@pytest.mark.parametrize("error", [DEAD, 1.0])
def test_a_dead_gate_or_readout_kills_its_qubit_and_couplers(error: float) -> None:
    gate = with_sites("sx", Site(qubits=(0,)), Site(qubits=(1,), error=0.1), Site(qubits=(2,), error=error))
    assert gate.live_qubits == (0, 1)
    assert gate.couplings == {(0, 1): 0.01}
    for change in ({"prob_meas1_prep0": error}, {"prob_meas0_prep1": error}):
        readout = chain(qubits=[Qubit(**change), Qubit(), Qubit()])
        assert readout.live_qubits == (1, 2)
        assert readout.couplings == {(1, 2): 0.03}


def test_a_qubit_on_which_a_listed_gate_does_not_act_is_dead() -> None:
    assert with_sites("sx", Site(qubits=(0,)), Site(qubits=(1,))).live_qubits == (0, 1)


@pytest.mark.parametrize("error", [None, DEAD, 1.0])
def test_a_coupler_of_unknown_or_large_error_is_dead(error: float | None) -> None:
    target = chain(native=("cz",), sites={"cz": [Site(qubits=(0, 1), error=error), Site(qubits=(1, 2), error=0.49)]})
    assert target.couplings == {(1, 2): 0.49}


def test_errors_are_looked_up_in_either_order_and_are_zero_where_unknown() -> None:
    target = chain()
    assert target.gate_error("cz", (1, 2)) == target.gate_error("cz", (2, 1)) == 0.03
    assert target.gate_error("cz", (0, 2)) == target.gate_error("rz", (0,)) == 0
    assert target.readout_error(1) == pytest.approx(0.02)
    assert chain(qubits=()).readout_error(1) == 0


def test_ideal_means_without_any_error() -> None:
    assert Target(name="exact", num_qubits=2, native=("cz",)).ideal
    assert not chain().ideal
    assert not chain(sites={}).ideal
    assert chain(qubits=(), sites={"sx": [Site(qubits=(q,), error=0.0) for q in range(3)]}).ideal


@pytest.mark.parametrize(
    ("name", "qubits", "works"),
    [
        ("cz", (1, 0), True),
        ("rzz", (0, 1), False),
        ("cz", (1, 2), False),
        ("rzz", (1, 2), True),
        ("cz", (0, 2), False),
        ("swap", (2, 0), True),
        ("swap", (2, 3), False),
        ("cx", (0, 1), False),
    ],
)
def test_a_coupling_may_be_live_through_one_gate_alone(name: str, qubits: tuple[int, int], works: bool) -> None:
    """On (0, 1) rzz is dead and cz listed both ways; on (1, 2) cz is of unknown error; qubit 3 is dead."""
    sites = {
        "cz": [Site(qubits=(0, 1), error=1.0), Site(qubits=(1, 0), error=0.1), Site(qubits=(1, 2))],
        "rzz": [Site(qubits=(0, 1), error=DEAD), Site(qubits=(2, 1), error=0.0)],
    }
    dead = [Qubit()] * 3 + [Qubit(prob_meas1_prep0=1.0)]
    target = Target(name="t", num_qubits=4, native=("cz", "rzz", "swap"), sites=sites, qubits=dead)
    assert target.couples(name, qubits) is works


def test_targets_without_ranges_keep_their_hash() -> None:
    assert "ranges" not in chain().to_json()
    assert chain(ranges={}).content_hash == chain().content_hash
    assert chain(ranges={"rzz": (0, 1)}).content_hash != chain().content_hash


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"native": ("cnot",), "sites": {}}, "unknown native gate 'cnot'"),
        ({"sites": {"cx": ()}}, "sites of 'cx', which is not native"),
        ({"ranges": {"rx": (0, 1)}}, "range of 'rx', which is not native"),
        ({"ranges": {"cz": (0, 1)}}, "range of 'cz', which has 0 angles"),
        ({"ranges": {"rzz": (1, 0.5)}}, "range of 'rzz' from 1.0 to 0.5"),
        ({"ranges": {"rzz": (0, float("inf"))}}, r"ranges\.rzz\.1"),
        ({"ranges": {"rzz": (0,)}}, r"ranges\.rzz"),
        ({"qubits": [Qubit()]}, "calibration of 1 qubits for 3"),
        ({"sites": {"cz": [Site(qubits=(0, 3))]}}, r"cz on \(0, 3\)"),
        ({"sites": {"cz": [Site(qubits=(0, -1))]}}, r"cz on \(0, -1\)"),
        ({"sites": {"cz": [Site(qubits=(0, 0))]}}, r"cz on \(0, 0\)"),
        ({"sites": {"cz": [Site(qubits=(0,))]}}, r"cz on \(0,\)"),
        ({"num_qubits": 0}, "num_qubits"),
        ({"sites": {"cz": [{"qubits": (0, 1), "error": 1.5}]}}, r"sites\.cz\.0\.error"),
        ({"qubits": [{"t1": -1.0}] * 3}, r"qubits\.0\.t1"),
        ({"qubits": [{"t1": float("nan")}] * 3}, r"qubits\.0\.t1"),
        ({"colour": "red"}, "colour"),
        ({"self": 1}, "self"),
        ({"schema_version": 2}, "schema_version"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], violation: str) -> None:
    with pytest.raises(TargetError, match=violation) as caught:
        chain(**changes)
    assert caught.value.violations


def test_every_contradiction_is_listed() -> None:
    with pytest.raises(TargetError) as caught:
        chain(native=("cnot", "cz"), sites={"cx": (), "cz": [Site(qubits=(0, 7))]})
    assert len(caught.value.violations) == 3


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"name": "x"}', '{"name":"x","num_qubits":1,"native":["nope"]}', b"\xff"]
)
def test_bad_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(TargetError):
        Target.from_json(text)


def test_capabilities_are_closed_by_default() -> None:
    flags = {name: value for name, value in Capabilities().model_dump().items() if not name.startswith("max_")}
    assert set(flags.values()) == {False}
    with pytest.raises(ValidationError):
        Capabilities(max_shots=0)
    with pytest.raises(ValidationError, match="teleport"):
        Capabilities(teleport=True)  # type: ignore[call-arg]


def test_bundled_targets_are_whole_chips_with_a_source() -> None:
    for name, target in bundled_targets().items():
        assert target.name == name
        assert target.source
        assert target.couplings
        assert len(target.live_qubits) > target.num_qubits / 2
