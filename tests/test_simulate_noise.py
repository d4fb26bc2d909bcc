"""Noise: channels of single gates against Kraus operators and against Qiskit Aer's own device model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.errors import TargetError
from qadapt.simulate import noise
from qadapt.target import Qubit, Site, Target
from simulate_oracles import PAULIS, basis, transfer


@given(t1=st.floats(1, 300), ratio=st.floats(0.05, 2), duration=st.floats(0.01, 5))
def test_relaxation_is_amplitude_damping_and_dephasing(t1, ratio, duration):
    t2 = ratio * t1
    decay, coherence = 1 - np.exp(-duration / t1), np.exp(-duration / t2)
    flip = (1 - coherence / np.sqrt(1 - decay)) / 2
    damping = [np.diag([1, np.sqrt(1 - decay)]), np.array([[0, np.sqrt(decay)], [0, 0]])]
    dephasing = [np.sqrt(1 - flip) * np.eye(2), np.sqrt(max(flip, 0)) * PAULIS[3]]
    expected = transfer([a @ b for a in dephasing for b in damping])
    np.testing.assert_allclose(noise.relaxation((t1, t2), duration), expected, atol=1e-12)


@pytest.mark.parametrize("qubits", [1, 2])
def test_depolarising_mixes_in_the_even_mixture(qubits):
    strength = 0.3
    paulis = basis(qubits)
    weights = np.full(4**qubits, strength / 4**qubits)
    weights[0] += 1 - strength
    expected = transfer([np.sqrt(w) * p for w, p in zip(weights, paulis, strict=True)])
    np.testing.assert_allclose(noise.depolarising(strength, qubits), expected, atol=1e-12)


def test_average_fidelity_is_the_mean_over_states():
    channel = noise.channel(0.04, 1.0, ((60.0, 50.0),))
    rng = np.random.default_rng(4)
    bloch = rng.normal(size=(400_000, 3))
    vectors = np.concatenate([np.ones((len(bloch), 1)), bloch / np.linalg.norm(bloch, axis=1)[:, None]], axis=1)
    overlaps = np.einsum("ri,ij,rj->r", vectors, channel, vectors) / 2
    # Hoeffding: overlaps lie within 0.1 of each other, so 1e-6 false alarms need 0.1 sqrt(ln(2e6) / 8e5) = 4.3e-4.
    assert np.ptp(overlaps) < 0.1
    assert abs(overlaps.mean() - noise.average_fidelity(channel)) < 4.3e-4


@given(
    error=st.floats(0.02, 0.6),
    times=st.lists(st.tuples(st.floats(20, 300), st.floats(20, 300)), min_size=1, max_size=2),
)
def test_the_average_error_is_the_calibrated_one(error, times):
    channel = noise.channel(error, 0.05, tuple(times))
    bound = 2 ** len(times) / (2 ** len(times) + 1)
    assert noise.average_fidelity(channel) == pytest.approx(1 - min(error, bound), abs=1e-12)


def test_what_has_neither_error_nor_duration_has_no_channel():
    times = ((1e-4, 1e-4),)
    assert noise.channel(0.0, 0.0, times) is None
    assert noise.channel(None, None, times) is None
    assert noise.channel(None, 1e-8, times) is not None
    assert noise.channel(1e-3, None, times) is not None


def test_relaxation_beyond_the_error_is_left_alone():
    times = ((10.0, 5.0),)
    np.testing.assert_array_equal(noise.channel(1e-6, 1.0, times), noise.relaxation(times[0], 1.0))


def test_infinitely_fast_relaxation_resets():
    expected = np.zeros((4, 4))
    expected[0, 0] = expected[3, 0] = 1
    np.testing.assert_array_equal(noise.relaxation((0.0, 0.0), 1e-9), expected)
    np.testing.assert_array_equal(noise.relaxation((0.0, 0.0), 0.0), np.eye(4))


def test_readout_assigns_per_true_value():
    target = Target(
        name="toy", num_qubits=1, native=("x",), qubits=(Qubit(prob_meas1_prep0=0.1, prob_meas0_prep1=0.3),)
    )
    np.testing.assert_allclose(noise.assignment(target, 0), [[0.9, 0.3], [0.1, 0.7]])
    zero, one = np.array([1.0, 0, 0, 1]), np.array([1.0, 0, 0, -1])
    np.testing.assert_allclose(noise.readout(target, 0) @ zero, [0.9, 0.1])
    np.testing.assert_allclose(noise.readout(target, 0) @ one, [0.3, 0.7])
    ideal = Target(name="toy", num_qubits=1, native=("x",))
    np.testing.assert_array_equal(noise.assignment(ideal, 0), np.eye(2))


def test_one_direction_stands_for_both_with_each_qubits_own_times():
    target = Target(
        name="toy",
        num_qubits=3,
        native=("cz",),
        sites={"cz": (Site(qubits=(0, 1), error=0.02, duration=1e-7),)},
        qubits=(Qubit(t1=1e-5, t2=1e-5), Qubit(t1=1e-6, t2=1e-6), Qubit()),
    )
    forward = noise.gate_channel(target, "cz", (0, 1)).reshape(4, 4, 4, 4)
    backward = noise.gate_channel(target, "cz", (1, 0)).reshape(4, 4, 4, 4)
    np.testing.assert_allclose(backward, forward.transpose(1, 0, 3, 2), atol=1e-15)
    assert np.abs(backward - forward).max() > 1e-3
    assert noise.gate_channel(target, "cz", (1, 2)) is None
    both = Target(
        name="toy",
        num_qubits=2,
        native=("cz",),
        sites={"cz": (Site(qubits=(0, 1), error=0.02), Site(qubits=(1, 0), error=0.04))},
    )
    assert noise.average_fidelity(noise.gate_channel(both, "cz", (0, 1))) == pytest.approx(0.98)
    assert noise.average_fidelity(noise.gate_channel(both, "cz", (1, 0))) == pytest.approx(0.96)


def test_qubits_that_the_target_lacks_are_refused():
    target = Target(name="toy", num_qubits=2, native=("x",))
    noise.check_qubits(target, (0, 1))
    with pytest.raises(TargetError) as caught:
        noise.check_qubits(target, (1, 2, 5))
    assert caught.value.violations == ("qubit 2 of 2", "qubit 5 of 2")


TIMES = (
    (150e-6, 80e-6),
    (150e-6, 200e-6),
    (150e-6, 400e-6),
    (0.4e-6, 0.3e-6),
    (None, 90e-6),
    (120e-6, None),
    (None, None),
)
ERRORS = (0.0, 1e-9, 3e-4, 5e-3, 0.3, 0.55, 0.76, 0.99, None)
DURATIONS = (0.0, 36e-9, 200e-9, None)


def test_every_channel_is_that_of_aer():
    """All orders of relaxation times, errors below and beyond the physical bounds, and absent values."""
    device = pytest.importorskip("qiskit_aer.noise.device")
    from qiskit.circuit.library import CZGate, SXGate
    from qiskit.quantum_info import PTM
    from qiskit.transpiler import InstructionProperties
    from qiskit.transpiler import QubitProperties as TheirQubit
    from qiskit.transpiler import Target as TheirTarget

    for duration in DURATIONS:
        for number, error in enumerate(ERRORS):
            theirs = TheirTarget(num_qubits=len(TIMES), qubit_properties=[TheirQubit(t1=a, t2=b) for a, b in TIMES])
            made = InstructionProperties(error=error, duration=duration)
            pairs = [(q, (q + 1 + number) % len(TIMES)) for q in range(len(TIMES)) if (1 + number) % len(TIMES)]
            theirs.add_instruction(SXGate(), {(q,): made for q in range(len(TIMES))})
            theirs.add_instruction(CZGate(), dict.fromkeys(pairs, made))
            known = {(name, tuple(q)): e for name, q, e in device.basic_device_gate_errors(target=theirs)}
            for name, qubits in [*(("sx", (q,)) for q in range(len(TIMES))), *(("cz", pair) for pair in pairs)]:
                ours = noise.channel(error, duration, tuple(TIMES[q] for q in qubits))
                aer = known.get((name, qubits))
                expected = np.eye(4 ** len(qubits)) if aer is None else PTM(aer).data.real
                found = np.eye(4 ** len(qubits)) if ours is None else ours
                np.testing.assert_allclose(found, expected, atol=2e-8)
