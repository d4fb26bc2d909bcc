"""Twirls: outcomes stay for every draw, one circuit serves all, and coherent errors become stochastic."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mitigation_cases import HERON, Coherent, cayley, overrotated
from oracles import circuits, phase_distance, random_bindings, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.compile import compile_circuit, pack
from qadapt.compile.prediction import predict
from qadapt.mitigation.twirl import twirled
from qadapt.provider import Work
from qadapt.simulate import statevector
from qadapt.target import bundled_targets

FRACTIONAL = bundled_targets()["heron-r2-fractional"]
WUKONG = bundled_targets()["wukong-72"]


def drawn(circuit: Circuit, bindings: Bindings, target, seed: int) -> tuple[Circuit, Bindings]:
    """A twirled circuit with one draw per row."""
    twirl = twirled(circuit, target)
    paulis = twirl.draw(bindings.rows, np.random.default_rng(seed))
    values = np.concatenate([bindings.array(circuit.parameters), paulis], axis=1)
    names = (*circuit.parameters, *twirl.names)
    return twirl.circuit, Bindings.rows_of(names, values) if names else bindings


@given(circuit=circuits(measured=True), fractional=st.booleans(), seed=st.integers(0, 999))
def test_outcomes_stay_for_every_draw(circuit, fractional, seed):
    bindings = random_bindings(circuit, 5, seed)
    (before,) = statevector.probabilities(circuit, bindings)
    (after,) = statevector.probabilities(*drawn(circuit, bindings, FRACTIONAL if fractional else HERON, seed))
    assert np.abs(before - after).max() < 1e-9


@pytest.mark.parametrize("target", [HERON, FRACTIONAL, WUKONG], ids=lambda target: target.name)
@pytest.mark.parametrize("dim", [4, 8])
def test_one_native_circuit_serves_all_draws(target, dim):
    circuit, bindings, exact = cayley(20, dim)
    made = compile_circuit(twirled(circuit, target).circuit, target)
    for seed in range(3):
        _, bound = drawn(circuit, bindings, target, seed)
        (found,) = statevector.probabilities(made.circuit, made.bind(bound))
        assert np.abs(found - exact).max() < 1e-9
    plain = compile_circuit(circuit, target)
    assert made.circuit.count() == plain.circuit.count()


def test_what_a_twirl_costs_on_a_heron():
    """Slots that were one pulse or a known rotation become two pulses; those of RY by an angle were two before."""
    circuit, _, _ = cayley(20, 4)
    plain, twirl = (
        predict(pack(each, HERON, copies=1).circuit, HERON) for each in (circuit, twirled(circuit, HERON).circuit)
    )
    assert (plain.entangling, plain.pulses) == (3, 12)
    assert (twirl.entangling, twirl.pulses) == (3, 16)


@pytest.mark.parametrize(("gate", "angles", "paulis"), [("cz", (), 16), ("rzz", (0.7,), 8)])
def test_draws_are_even(gate, angles, paulis):
    circuit = Circuit(num_qubits=2, operations=[op(gate, 0, 1, angles=angles)])
    twirl = twirled(circuit, FRACTIONAL)
    assert 2 ** len(twirl.names) == paulis
    found, counts = np.unique(twirl.draw(16_000, np.random.default_rng(0)), axis=0, return_counts=True)
    assert len(found) == paulis
    assert set(found.reshape(-1)) == {0.0, np.pi}
    assert np.abs(counts / 16_000 * paulis - 1).max() < 6 * (paulis / 16_000) ** 0.5


def test_names_do_not_meet_those_of_the_circuit():
    circuit = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["twirl0.x0"]), op("cz", 0, 1)], measured=[0, 1])
    twirl = twirled(circuit, HERON)
    assert "twirl0.x0" not in twirl.names
    assert len(twirl.names) == 4


_PAULIS = [np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
_PAIRS = [np.kron(b, a) for b, a in product(_PAULIS, repeat=2)]


def transfer(matrices: list[np.ndarray]) -> np.ndarray:
    """Mean Pauli transfer matrix of unitaries."""
    images = [[[np.trace(p @ u @ q @ u.conj().T).real / 4 for q in _PAIRS] for p in _PAIRS] for u in matrices]
    return np.mean(images, axis=0)


@pytest.mark.parametrize(("gate", "angles"), [("cz", ()), ("rzz", (0.7,))])
def test_the_mean_over_all_draws_is_stochastic(gate, angles):
    """A coherent error of the gate becomes a Pauli channel; of rzz, up to what commutes with ZZ."""
    circuit = Circuit(num_qubits=2, operations=[op(gate, 0, 1, angles=angles)])
    twirl = twirled(circuit, FRACTIONAL)
    operations = []
    for operation in twirl.circuit.operations:
        operations.append(operation)
        if operation.gate == gate:
            operations += [op("rx", 0, angles=[0.2]), op("rzz", 0, 1, angles=[0.1]), op("ry", 1, angles=[0.3])]
    wrong = Circuit(num_qubits=2, operations=operations)
    ideal = unitary(circuit, Bindings.of({}), 0)
    draws = Bindings.rows_of(twirl.names, np.pi * np.array(list(product((0, 1), repeat=len(twirl.names)))))
    for row in range(draws.rows):
        assert phase_distance(unitary(twirl.circuit, draws, row), ideal) < 1e-12
    errors = [unitary(wrong, draws, row) @ ideal.conj().T for row in range(draws.rows)]
    mean, one = transfer(errors), transfer(errors[:1])
    rest = mean - np.diag(np.diag(mean))
    if gate == "rzz":  # a Pauli and the same times ZZ are told apart by none of the eight
        partner = [int(np.argmax([abs(np.trace(p @ q @ np.diag([1, -1, -1, 1]))) for q in _PAIRS])) for p in _PAIRS]
        rest[np.arange(16), partner] = 0
    assert np.abs(rest).max() < 1e-12
    assert np.abs(one - np.diag(np.diag(one))).max() > 0.1


def test_a_coherent_error_counts_squared():
    """Turns of every cz by e shift probabilities by about e; means over draws by about e squared."""
    circuit, bindings, exact = cayley(8, 4)
    draws = 400
    many = Bindings.rows_of(circuit.parameters, np.repeat(bindings.array(circuit.parameters), draws, axis=0))
    shifted = {}
    for turn in (0.05, 0.1):
        backend = Coherent(turn)
        (plain,) = statevector.probabilities(overrotated(circuit, turn), bindings)
        made, bound = drawn(circuit, many, HERON, 1)
        packed = pack(made, HERON, copies=1)
        work = Work(packed.circuit, packed.bind(bound), 1)
        twirl = backend.probabilities(work)[0].reshape(8, draws, 4).mean(axis=1)
        shifted[turn] = [np.sqrt(np.mean((each - exact) ** 2)) for each in (plain, twirl)]
    assert shifted[0.05][1] < 0.2 * shifted[0.05][0]
    assert shifted[0.1][0] / shifted[0.05][0] == pytest.approx(2, rel=0.1)
