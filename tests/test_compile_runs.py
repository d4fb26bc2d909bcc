"""Runs on one pair of qubits: the same unitary, never more entangling gates, and the known minima."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import operations, phase_distance, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.compile import runs
from qadapt.compile.expand import expand
from qadapt.compile.runs import shorten, two_qubit
from qadapt.gates import GATES

ONE_QUBIT = frozenset(gate.name for gate in GATES.values() if gate.qubits == 1)
CZ, BOTH, RZZ = ONE_QUBIT | {"cz"}, ONE_QUBIT | {"cz", "rzz"}, ONE_QUBIT | {"rzz"}
PAULIS = (np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0]))
EIGHTH = np.pi / 4


def dense(gates, num_qubits):
    return unitary(Circuit(num_qubits=num_qubits, operations=gates), Bindings.of({}), 0)


def entanglers(gates):
    return [o.gate for o in gates if len(o.qubits) > 1 and not o.is_fence]


def shortened(gates, kept=CZ):
    expanded = tuple(expand(gates, kept))
    return expanded, shorten(expanded, lambda _: kept)


def haar(rng, size):
    q, r = np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))
    return q * (np.diag(r) / abs(np.diag(r)))


def canonical(a, b, c):
    """exp(i (a XX + b YY + c ZZ)) by the eigenvectors of its generator."""
    generator = sum(x * np.kron(p, p) for x, p in zip((a, b, c), PAULIS, strict=True))
    values, vectors = np.linalg.eigh(generator)
    return vectors * np.exp(1j * values) @ vectors.conj().T


def word(rng, count):
    """Generic one-qubit gates between so many cx of either direction."""

    def turns():
        return [op("u3", q, angles=rng.uniform(-np.pi, np.pi, 3).tolist()) for q in (0, 1)]

    return turns() + [o for _ in range(count) for o in (op("cx", *rng.permutation(2).tolist()), *turns())]


@pytest.mark.parametrize("kept", [CZ, BOTH], ids=["cz", "cz and rzz"])
@given(data=st.data(), num_qubits=st.integers(1, 3))
def test_the_unitary_is_kept_and_no_circuit_grows(kept, data, num_qubits):
    drawn = data.draw(st.lists(operations(num_qubits), max_size=16))
    bound = [o.moved(o.qubits, tuple(a.offset if isinstance(a, Parameter) else a for a in o.angles)) for o in drawn]
    before, after = shortened(bound, kept)
    assert phase_distance(dense(after, num_qubits), dense(before, num_qubits)) < 1e-9
    assert len(entanglers(after)) <= len(entanglers(before))
    assert {o.gate for o in after if not o.is_fence} <= kept
    assert shorten(after, lambda _: kept) == after, "nothing is left to save"


@given(data=st.data())
def test_parameters_stay_and_mean_the_same(data):
    drawn = data.draw(st.lists(operations(3), max_size=16))
    before, after = shortened(drawn)
    source, found = (Circuit(num_qubits=3, operations=each) for each in (before, after))
    assert found.parameters == source.parameters
    rng = np.random.default_rng(len(drawn))
    values = {name: rng.normal(size=1) for name in source.parameters}
    bound = Bindings.of(values, shape=(1,))
    assert phase_distance(unitary(found, bound, 0), unitary(source, bound, 0)) < 1e-9


RNG = np.random.default_rng(3)
SOME = [op("u3", q, angles=RNG.uniform(-3, 3, 3).tolist()) for q in (0, 1)]
MINIMA = [
    ("cx twice", [op("cx", 0, 1)] * 2, 0, 0),
    ("cx there and back", [op("cx", 0, 1), op("cx", 1, 0)], 2, 2),
    ("swap and cx", [op("swap", 0, 1), op("cx", 0, 1)], 2, 2),
    ("swap twice", [op("swap", 0, 1)] * 2, 0, 0),
    ("swap", [op("swap", 1, 0)], 3, 3),
    ("cx, generic, cx", [op("cx", 0, 1), *SOME, op("cx", 0, 1)], 2, 2),
    ("word of ten", word(RNG, 10), 3, 3),
    ("rzz twice", [op("rzz", 0, 1, angles=[0.3]), op("rzz", 1, 0, angles=[0.4])], 2, 1),
    ("rzz back", [op("rzz", 0, 1, angles=[0.3]), op("cx", 0, 1), op("cx", 0, 1), op("rzz", 0, 1, angles=[-0.3])], 0, 0),
    ("three rzz make a cz", [op("rzz", 0, 1, angles=[np.pi / 6])] * 3, 1, 1),
    ("cry and crx", [op("cry", 0, 1, angles=[0.3]), op("crx", 0, 1, angles=[0.4])], 2, 1),
]


@pytest.mark.parametrize(("gates", "cz", "rzz"), [case[1:] for case in MINIMA], ids=[case[0] for case in MINIMA])
def test_known_minima(gates, cz, rzz):
    for kept, least in ((CZ, cz), (BOTH, rzz)):
        before, after = shortened(gates, kept)
        assert len(entanglers(after)) == least
        assert phase_distance(dense(after, 2), dense(before, 2)) < 1e-9


CORNERS = [
    ((0, 0, 0), 0, 0),
    ((EIGHTH, 0, 0), 1, 1),
    ((0.3, 0, 0), 2, 1),
    ((1e-7, 0, 0), 2, 1),
    ((0.4, 0.2, 0), 2, 2),
    ((0.3, 0.3, 0), 2, 2),
    ((EIGHTH, EIGHTH, 0), 2, 2),
    ((EIGHTH, EIGHTH, EIGHTH), 3, 3),
    ((EIGHTH, 0.2, 0.2), 3, 3),
    ((0.5, 0.3, -0.1), 3, 3),
    ((1e-6, 5e-7, 1e-7), 3, 3),
    ((EIGHTH - 1e-7, 1e-8, 0), 2, 2),
]


@pytest.mark.parametrize(("coordinates", "cz", "rzz"), CORNERS)
def test_every_corner_of_the_chamber_is_met_exactly(coordinates, cz, rzz):
    rng = np.random.default_rng(7)
    for _ in range(5):
        outer = [np.kron(haar(rng, 2), haar(rng, 2)) for _ in range(2)]
        matrix = np.exp(1j * rng.uniform(0, 6)) * outer[0] @ canonical(*coordinates) @ outer[1]
        for kept, least in ((CZ, cz), (BOTH, rzz), (RZZ, rzz)):
            gates = two_qubit(matrix, kept)
            assert len(entanglers(gates)) == least
            assert set(entanglers(gates)) <= kept
            assert phase_distance(dense(gates, 2), matrix) < 1e-9


def test_generic_unitaries_are_met_to_rounding():
    rng = np.random.default_rng(8)
    for _ in range(50):
        matrix = haar(rng, 4)
        for kept in (CZ, BOTH):
            assert phase_distance(dense(two_qubit(matrix, kept), 2), matrix) < 1e-13


@pytest.mark.parametrize(
    "between",
    [
        op("fence", 0),
        op("fence", 0, 1, 2),
        op("rx", 1, angles=["t"]),
        op("rzz", 0, 1, angles=["t"]),
        op("cz", 1, 2),
    ],
    ids=["fence", "fence on all", "parameter", "entangler with a parameter", "another pair"],
)
def test_a_run_ends_at(between: Operation):
    kept = ONE_QUBIT | {"cz", "rzz"}
    gates = (op("cz", 0, 1), between, op("cz", 0, 1))
    assert shorten(gates, lambda _: kept) == gates


def test_what_is_before_and_after_a_cut_is_still_shortened():
    gates = (*[op("cz", 0, 1)] * 3, op("fence", 1), *[op("cz", 1, 0)] * 2, op("ry", 0, angles=["t"]))
    after = shorten(gates, lambda _: CZ)
    fence = [o.is_fence for o in after].index(True)
    assert entanglers(after[:fence]) == ["cz"]
    assert entanglers(after[fence:]) == []
    assert after[-1] == gates[-1]


def test_gates_on_other_qubits_do_not_end_a_run():
    gates = (op("cz", 0, 1), op("cz", 2, 3), op("fence", 2, 3), op("h", 2), op("cz", 1, 0), op("cz", 2, 3))
    after = shorten(gates, lambda _: CZ)
    assert [o for o in after if 0 not in o.qubits and 1 not in o.qubits] == [gates[1], gates[2], gates[3], gates[5]]
    assert len(entanglers(after)) == 2


def test_runs_are_written_in_what_their_own_pair_has():
    turn = op("rzz", 0, 1, angles=[0.2])
    gates = [*[turn] * 3, *[turn.moved((2, 3), turn.angles)] * 3]
    after = shorten(gates, lambda pair: BOTH if pair == (0, 1) else CZ)
    assert entanglers(after) == ["rzz", "cz", "cz"]


def test_runs_that_are_short_already_are_left():
    short, long = word(np.random.default_rng(5), 2), [op("cz", 2, 3)] * 2
    before, after = shortened([*short, *long])
    assert [o for o in after if 0 in o.qubits or 1 in o.qubits] == [o for o in before if 0 in o.qubits or 1 in o.qubits]
    assert len(entanglers(after)) == 2


def test_what_would_not_be_the_same_is_left(monkeypatch):
    gates = tuple(word(np.random.default_rng(1), 5))
    wrong = (op("cz", 0, 1), op("rx", 0, angles=[1e-8]))
    monkeypatch.setattr(runs, "two_qubit", lambda *_: wrong)
    assert shorten(expand(gates, CZ), lambda _: CZ) == tuple(expand(gates, CZ))


def test_what_a_vanished_run_had_parted_is_joined():
    parted = [op("cx", 0, 2), op("cx", 0, 1), op("cx", 0, 1), op("cx", 0, 2)]
    assert entanglers(shortened(parted)[1]) == []


def test_equal_circuits_become_equal_circuits():
    first, second = (shortened(word(np.random.default_rng(2), 6))[1] for _ in range(2))
    assert first == second


def test_all_gates_of_the_table_can_stand_in_a_run():
    rng = np.random.default_rng(4)
    gates = [
        op(gate.name, *(rng.permutation(2)[: gate.qubits].tolist()), angles=rng.normal(size=len(gate.parameters)))
        for gate in GATES.values()
        if gate.qubits <= 2
    ]
    after = shorten([op("cz", 0, 1), *gates], lambda _: CZ)
    assert len(entanglers(after)) == 3
    matrices = [dense([each], 2) for each in gates]
    product = reduce(lambda done, each: each @ done, matrices, dense([op("cz", 0, 1)], 2))
    assert phase_distance(dense(after, 2), product) < 1e-9
