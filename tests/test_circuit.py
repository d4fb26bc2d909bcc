"""Circuits: what is refused, and that the canonical JSON is one text per circuit."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oracles import circuits
from qadapt.circuit import MAX_REGISTER_BITS, Circuit, Operation, Parameter, op
from qadapt.errors import CircuitError

BELL = Circuit(
    num_qubits=2,
    operations=[op("ry", 0, angles=["theta"]), op("fence", 0, 1), op("rzz", 1, 0, angles=[0.1])],
    measured=[1, 0],
)
BELL_JSON = (
    '{"measured":[[1,0]],"num_qubits":2,"operations":[{"angles":[{"name":"theta"}],"gate":"ry","qubits":[0]},'
    '{"gate":"fence","qubits":[0,1]},{"angles":[0.1],"gate":"rzz","qubits":[1,0]}],"schema_version":1}'
)
BELL_HASH = "ac0083e03d9441a8863001bb5a530c2b6cf78250f9db671aa87a460a70e225ab"


def shuffled(value: Any, generator: np.random.Generator) -> Any:
    """The same JSON value with the keys of its objects in another order."""
    if isinstance(value, dict):
        keys = list(value)
        generator.shuffle(keys)
        return {key: shuffled(value[key], generator) for key in keys}
    return [shuffled(item, generator) for item in value] if isinstance(value, list) else value


def test_the_canonical_json_and_its_hash_stay_what_they_are() -> None:
    assert BELL.to_json() == BELL_JSON
    assert BELL.content_hash == BELL_HASH


@given(circuits(measured=True))
def test_json_round_trip(circuit: Circuit) -> None:
    again = Circuit.from_json(circuit.to_json())
    assert again == circuit
    assert again.to_json() == circuit.to_json()
    assert again.content_hash == circuit.content_hash


@given(circuits(measured=True), st.integers(0, 2**32 - 1))
def test_the_hash_is_of_the_meaning_and_not_of_the_layout(circuit: Circuit, seed: int) -> None:
    loose = shuffled(json.loads(circuit.to_json()), np.random.default_rng(seed))
    assert Circuit.from_json(json.dumps(loose, indent=3).encode()).content_hash == circuit.content_hash


def test_equal_circuits_have_equal_hashes() -> None:
    first = Circuit(num_qubits=1, operations=[op("rx", 0, angles=[0.0])], measured=[[0]])
    second = Circuit(num_qubits=1, operations=[{"gate": "rx", "qubits": [0], "angles": [-0.0]}], measured=[0])
    third = Circuit(num_qubits=1, operations=[op("rx", 0, angles=[0])], measured=(0,))
    assert first == second == third
    assert first.content_hash == second.content_hash == third.content_hash
    negative = Parameter(name="a", scale=-0.0, offset=-0.0)
    assert "-" not in Circuit(num_qubits=1, operations=[op("rx", 0, angles=[negative])]).to_json()


@pytest.mark.parametrize(
    "other",
    [
        BELL.model_copy(update={"num_qubits": 3}),
        BELL.model_copy(update={"measured": ((0, 1),)}),
        BELL.model_copy(update={"measured": ((1,), (0,))}),
        BELL.model_copy(update={"operations": BELL.operations[::-1]}),
        BELL.model_copy(update={"operations": BELL.operations[:2]}),
    ],
)
def test_different_circuits_have_different_hashes(other: Circuit) -> None:
    assert Circuit.from_json(other.to_json()).content_hash != BELL.content_hash


def test_circuits_are_frozen_and_cross_processes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        BELL.num_qubits = 3
    assert pickle.loads(pickle.dumps(BELL)) == BELL
    assert hash(pickle.loads(pickle.dumps(BELL))) == hash(BELL)


def test_parameters_come_in_order_of_first_appearance() -> None:
    angles = [["z"], ["a", "z", 1.0], [Parameter(name="b", scale=2)], ["a"]]
    names = ["rx", "u3", "rx", "ry"]
    circuit = Circuit(num_qubits=1, operations=[op(g, 0, angles=a) for g, a in zip(names, angles, strict=True)])
    assert circuit.parameters == ("z", "a", "b")


def test_counting() -> None:
    assert BELL.count() == 1
    assert BELL.count("ry", "fence") == 2
    assert [operation.gate for operation in BELL.gates()] == ["ry", "rzz"]
    assert BELL.bits == (1, 0)
    assert Circuit(num_qubits=3, measured=[[2], [0, 1]]).bits == (2, 0, 1)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5))
def test_a_shifted_parameter_composes(a: float, b: float, c: float, d: float, value: float) -> None:
    shifted = Parameter(name="p", scale=a, offset=b).shifted(c, d)
    assert shifted.scale * value + shifted.offset == pytest.approx(c * (a * value + b) + d, abs=1e-9)


@pytest.mark.parametrize("angle", [1, np.float64(0.5), np.float32(0.5), np.int64(2)])
def test_numbers_of_numpy_are_angles(angle: Any) -> None:
    (kept,) = op("rx", 0, angles=[angle]).angles
    assert type(kept) is float
    assert kept == angle


@pytest.mark.parametrize(
    "angle",
    [
        *(float("nan"), float("inf"), -np.inf, np.float32("nan"), 1j, np.complex128(1), np.complex64(1)),
        *(True, np.True_, b"1.5", None, [1.0], np.array([1.0]), {"name": "a", "extra": 1}, 10**400),
    ],
)
def test_bad_angles_are_refused(angle: Any) -> None:
    with pytest.raises(CircuitError, match=r"bad (operation 'rx' on \(0,\)|parameter)"):
        op("rx", 0, angles=[angle])


@pytest.mark.parametrize("name", ["", "1a", "a b", "a-b", "θ", "a\n", " a"])
def test_bad_parameter_names_are_refused(name: str) -> None:
    with pytest.raises(CircuitError, match="bad parameter"):
        op("rx", 0, angles=[name])


@pytest.mark.parametrize(
    "bad", [{"scale": float("nan")}, {"offset": float("inf")}, {"scale": "2"}, {"scale": True}, {"x": 1}]
)
def test_bad_parameters_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(CircuitError, match="bad parameter 'a'"):
        Parameter(name="a", **bad)


@pytest.mark.parametrize("qubits", [(True,), (-1,), (0.0,), ("0",), (None,), (np.int64(0),), ([0],), {0, 1}, {0: 1}, 0])
def test_bad_qubits_are_refused(qubits: Any) -> None:
    with pytest.raises(CircuitError, match="bad operation 'cx'"):
        Operation(gate="cx", qubits=qubits)


REFUSED: list[tuple[Callable[[], Circuit], str]] = [
    (lambda: Circuit(num_qubits=1, operations=[op("cnot", 0)]), "unknown gate 'cnot'"),
    (
        lambda: Circuit(num_qubits=2, operations=[op("x", 0), op("cx", 1, 1)]),
        r"operation 1, cx on \(1, 1\): repeated qubit",
    ),
    (lambda: Circuit(num_qubits=2, operations=[op("fence", 0, 0)]), "repeated qubit"),
    (
        lambda: Circuit(num_qubits=2, operations=[op("x", 2)]),
        "operation 0, x .* out of range, the circuit has 2 qubits",
    ),
    (lambda: Circuit(num_qubits=2, operations=[op("fence", 0, 2)]), "out of range"),
    (lambda: Circuit(num_qubits=2, operations=[op("fence", 0, angles=[1])]), "a fence takes no angles"),
    (lambda: Circuit(num_qubits=2, operations=[op("cx", 0)]), "the gate acts on 2 qubits"),
    (lambda: Circuit(num_qubits=2, operations=[op("x", 0, 1)]), "the gate acts on 1 qubits"),
    (lambda: Circuit(num_qubits=2, operations=[op("rx", 0)]), r"got 0 angles, expected \['theta'\]"),
    (lambda: Circuit(num_qubits=2, operations=[op("x", 0, angles=[1])]), r"got 1 angles, expected \[\]"),
    (lambda: Circuit(num_qubits=2, operations=["x"]), "operations.0"),
    (lambda: Circuit(num_qubits=2, measured=[0, 0]), "repeated measurement"),
    (lambda: Circuit(num_qubits=2, measured=[[0], [0, 1]]), "repeated measurement"),
    (lambda: Circuit(num_qubits=2, measured=[0, 2]), "measured qubit out of range"),
    (lambda: Circuit(num_qubits=2, measured=[-1]), "greater than or equal to 0"),
    (lambda: Circuit(num_qubits=2, measured=[[]]), "register 0 has 0 bits"),
    (lambda: Circuit(num_qubits=40, measured=range(MAX_REGISTER_BITS + 1)), "allowed are 1 to 20.*several registers"),
    (lambda: Circuit(num_qubits=2, measured="01"), "measured"),
    (lambda: Circuit(num_qubits=2, measured={0, 1}), "the order of qubits matters"),
    (lambda: Circuit(num_qubits=2, measured=[[0], 1]), "measured.1"),
    (lambda: Circuit(num_qubits=2, measured=3), "measured"),
    (lambda: Circuit(num_qubits=0), "num_qubits"),
    (lambda: Circuit(num_qubits=4097), "num_qubits"),
    (lambda: Circuit(num_qubits=2.0), "num_qubits"),
    (lambda: Circuit(num_qubits=True), "num_qubits"),
    (lambda: Circuit(), "num_qubits: Field required"),
    (lambda: Circuit(num_qubits=1, shots=5), "shots: Extra inputs"),
    (lambda: Circuit(num_qubits=1, self=5), "self: Extra inputs"),
    (lambda: Circuit(num_qubits=1, schema_version=2), "schema_version"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_circuits_that_mean_nothing_are_refused(make: Callable[[], Circuit], words: str) -> None:
    with pytest.raises(CircuitError, match=words):
        make()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (b"\xff", "not JSON"),
        ("[1]", "a JSON object, not list"),
        ("null", "a JSON object, not NoneType"),
        ('{"num_qubits":1}', "schema_version is None"),
        ('{"num_qubits":1,"schema_version":2}', "schema_version is 2, this qadapt reads 1"),
        ('{"num_qubits":1,"schema_version":true}', "schema_version is True"),
        ('{"num_qubits":1,"num_qubits":2,"schema_version":1}', "repeated key"),
        ('{"num_qubits":1,"schema_version":1,"self":1}', "self"),
        ('{"num_qubits":"1","schema_version":1}', "num_qubits"),
        ('{"num_qubits":1,"schema_version":1,"operations":[{"gate":"rx","qubits":[0],"angles":[NaN]}]}', "finite"),
        ('{"num_qubits":1,"schema_version":1,"operations":[{"gate":"rx","qubits":[0],"angles":[1e999]}]}', "finite"),
        ('{"num_qubits":1,"schema_version":1,"operations":[{"gate":"rx","qubits":[0],"angles":["a"]}]}', "real number"),
    ],
)
def test_bad_json_is_refused(text: str | bytes, words: str) -> None:
    with pytest.raises(CircuitError, match=words):
        Circuit.from_json(text)
