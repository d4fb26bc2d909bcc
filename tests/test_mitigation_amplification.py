"""Amplification: the same outcome, more entangling gates, and nothing that takes them away again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mitigation_cases import HERON, cayley
from oracles import adapter_circuit, circuits, random_bindings
from qadapt.circuit import Circuit, op
from qadapt.compile import compile_circuit, pack
from qadapt.errors import TargetError
from qadapt.mitigation.amplification import amplified
from qadapt.simulate import density, statevector
from qadapt.target import Site, Target, bundled_targets

FRACTIONAL = bundled_targets()["heron-r2-fractional"]


@given(circuit=circuits(measured=True), scale=st.floats(1, 6), fractional=st.booleans())
def test_outcomes_stay_as_they_are(circuit, scale, fractional):
    target = FRACTIONAL if fractional else HERON
    if not circuit.count():
        with pytest.raises(TargetError, match="no entangling gate"):
            amplified(circuit, target, scale + 1)
        return
    made, reached = amplified(circuit, target, scale)
    total = made.count() / reached
    assert abs(reached - scale) <= 1 / total + 1e-9 or scale == 1
    bindings = random_bindings(circuit, 3)
    (before,), (after,) = (statevector.probabilities(each, bindings) for each in (circuit, made))
    assert np.abs(before - after).max() < 1e-9


@pytest.mark.parametrize("effort", ["fast", "best"])
@pytest.mark.parametrize(("scale", "count"), [(1, 6), (2, 12), (3, 18), (4.34, 26), (7, 42)])
def test_compiling_leaves_every_gate(scale, count, effort):
    circuit = adapter_circuit(2, ((0, 1),) * 6)
    made, reached = amplified(circuit, HERON, scale)
    assert reached == count / 6
    compiled = compile_circuit(made, HERON, effort=effort)
    assert compiled.circuit.count("cz") == count
    plain = compile_circuit(circuit, HERON, effort=effort)
    assert compiled.circuit.count("sx") == plain.circuit.count("sx")
    bindings = random_bindings(circuit, 4)
    expected = statevector.probabilities(plain.circuit, plain.bind(bindings))[0]
    assert np.abs(statevector.probabilities(compiled.circuit, compiled.bind(bindings))[0] - expected).max() < 1e-9


def test_fences_stand_between_repeated_gates():
    made, _ = amplified(adapter_circuit(2, ((0, 1),)), HERON, 5)
    names = [operation.gate for operation in made.operations if operation.gate in ("cz", "fence")]
    assert names == ["cz", *["fence", "cz"] * 4]
    assert {operation.qubits for operation in made.operations if operation.is_fence} == {(0, 1)}


def test_pairs_are_spread_evenly():
    made, reached = amplified(adapter_circuit(2, ((0, 1),) * 9), HERON, 1 + 2 / 3)
    assert reached == pytest.approx(5 / 3)
    repeated, count = [], 0
    for operation in made.operations:
        if operation.gate == "cz":
            count += 1
        elif not operation.is_fence and count:
            repeated.append(count)
            count = 0
    assert repeated == [1, 3, 1, 1, 3, 1, 1, 3, 1]


def test_an_rzz_is_turned_back_and_again():
    circuit = Circuit(num_qubits=2, operations=[op("rzz", 0, 1, angles=["t"]), op("rzz", 0, 1, angles=[0.3])])
    made, _ = amplified(circuit, FRACTIONAL, 3)
    angles = [operation.angles[0] for operation in made.gates()]
    assert [getattr(angle, "scale", angle) for angle in angles] == [1, -1, 1, 0.3, -0.3, 0.3]
    both = [op("h", 0), op("h", 1)]
    measured = Circuit(num_qubits=2, operations=[*both, *made.operations, *both], measured=[0, 1])
    compiled = compile_circuit(measured, FRACTIONAL)
    assert compiled.circuit.count("rzz") == 6
    bindings = random_bindings(circuit, 5)
    native = statevector.probabilities(compiled.circuit, compiled.bind(bindings))[0]
    assert np.abs(native - statevector.probabilities(measured, bindings)[0]).max() < 1e-9


def test_errors_grow_by_the_factor():
    """On a machine that only its cz depolarise, signals fall as powers of the factor, exactly."""
    sites = {"cz": (Site(qubits=(0, 1), error=0.01),)}
    target = Target(name="pair", num_qubits=2, native=("cz", "sx", "x", "rz"), sites=sites)
    circuit, bindings, exact = cayley(20, 4)
    fallen = []
    for scale in (1.0, 3.0, 5.0):
        made, _ = amplified(circuit, target, scale)
        packed = pack(made, target, tiles=[(0, 1)])
        (noisy,) = density.probabilities(packed.circuit, packed.bind(bindings), target)
        fallen.append(np.linalg.norm(noisy - 0.25) / np.linalg.norm(exact - 0.25))
    assert np.allclose(np.log(fallen), np.log(fallen[0]) * np.array([1, 3, 5]), rtol=1e-9)


def test_nothing_to_repeat_is_said():
    with pytest.raises(TargetError, match="no entangling gate"):
        amplified(adapter_circuit(1, ()), HERON, 3)
