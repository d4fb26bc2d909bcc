"""Scaled machines: errors grow as they are told to, everything else stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="studies need the extra qadapt[replicate]")

from qadapt import Bindings, Circuit, NotSupportedError, bundled_targets, op
from qadapt.compile import compile_circuit
from qadapt.gates import FENCE
from qadapt.simulate import density, statevector
from qadapt.simulate.noise import average_fidelity, gate_channel
from qadapt.study.noise import LARGEST, quiet_preparation, scaled
from qadapt.target import DEAD

HERON = bundled_targets()["heron-r2"]
NAMES = sorted(bundled_targets())


def bound(qubits: int, *, fence: bool = True) -> Circuit:
    """Preparation, fence, block and another fence, all angles fixed."""
    angles = iter(np.random.default_rng(3).uniform(0.3, 2.8, size=20).tolist())
    layer = [op("ry", q, angles=[next(angles)]) for q in range(qubits)]
    pairs = [op("cz", q, q + 1) for q in range(qubits - 1)]
    after = [op("rx", q, angles=[next(angles)]) for q in range(qubits)]
    end = [op(FENCE, *range(qubits)), *pairs, *after, op(FENCE, *range(qubits)), *pairs]
    return Circuit(
        num_qubits=qubits, operations=[*layer, *pairs, *layer, *(end if fence else [])], measured=range(qubits)
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_factor_of_one_is_the_machine(name):
    assert scaled(bundled_targets()[name], 1.0) == bundled_targets()[name]


@given(st.sampled_from(NAMES), st.floats(0, 100))
def test_what_works_and_what_is_dead_stays_so(name, scale):
    target = bundled_targets()[name]
    made = scaled(target, scale)
    assert made.live_qubits == target.live_qubits
    assert (made.couplings or {}).keys() == (target.couplings or {}).keys()
    assert made.native == target.native


@given(st.floats(0, 5), st.sampled_from([(), ("entangling",), ("single",), ("readout",), ("single", "readout")]))
def test_errors_are_multiplied_source_by_source(scale, off):
    made = scaled(HERON, scale, off)
    for name, source in (("cz", "entangling"), ("sx", "single"), ("x", "single")):
        factor = 0.0 if source in off else scale
        for site in HERON.sites[name]:
            if site.error is not None and site.error < DEAD:
                after = made.site[name, site.qubits]
                assert after.error == pytest.approx(min(site.error * factor, LARGEST))
                assert (after.duration or 0.0) == pytest.approx(site.duration * factor)  # for which qubits relax
    for qubit, scaled_qubit in zip(HERON.qubits, made.qubits, strict=True):
        if qubit.prob_meas1_prep0 < DEAD:
            factor = 0.0 if "readout" in off else scale
            assert scaled_qubit.prob_meas1_prep0 == pytest.approx(min(qubit.prob_meas1_prep0 * factor, LARGEST))


def test_the_channel_has_the_scaled_error_where_relaxation_leaves_room():
    made = scaled(HERON, 3.0)
    (low, high), error = min(HERON.couplings.items(), key=lambda item: abs(item[1] - 0.003))
    channel = gate_channel(made, "cz", (low, high))
    assert channel is not None
    assert 1 - average_fidelity(channel) == pytest.approx(3 * error, rel=1e-9)


def test_without_errors_the_machine_is_ideal():
    circuit = compile_circuit(bound(3), HERON).circuit
    (noisy,) = density.probabilities(circuit, Bindings.of({}), scaled(HERON, 0.0))
    (ideal,) = statevector.probabilities(circuit, Bindings.of({}))
    np.testing.assert_allclose(noisy, ideal, atol=1e-12)


@pytest.mark.parametrize("name", ["heron-r2", "wukong-72", "heron-r2-fractional"])
def test_a_quiet_preparation_is_the_same_circuit_without_errors_before_the_fence(name):
    target = scaled(bundled_targets()[name], 4.0, ("readout",))
    native = compile_circuit(bound(3), target).circuit
    quiet = quiet_preparation(native, target)
    ideal, same = (statevector.probabilities(each, Bindings.of({}))[0] for each in (native, quiet))
    np.testing.assert_allclose(ideal, same, atol=1e-12)
    # Behind the fence every gate is what it was; before it none has a calibration.
    seen: set[int] = set()
    for before, after in zip(native.operations, quiet.operations, strict=True):
        if before.is_fence:
            seen.update(before.qubits)
        elif seen.isdisjoint(before.qubits):
            assert after.gate not in target.sites
        else:
            assert after == before
    assert 0 < sum(a != b for a, b in zip(native.operations, quiet.operations, strict=True)) < len(native.operations)
    lost = [
        float(np.abs(density.probabilities(each, Bindings.of({}), target)[0] - ideal).sum()) for each in (native, quiet)
    ]
    assert 0 < lost[1] < lost[0]


def test_a_circuit_without_fence_is_all_preparation():
    target = scaled(HERON, 4.0, ("readout",))
    native = compile_circuit(bound(2, fence=False), target).circuit
    (ideal,) = statevector.probabilities(native, Bindings.of({}))
    (found,) = density.probabilities(quiet_preparation(native, target), Bindings.of({}), target)
    np.testing.assert_allclose(found, ideal, atol=1e-12)


def test_a_gate_without_an_equal_is_refused():
    fractional = bundled_targets()["heron-r2-fractional"]
    circuit = Circuit(num_qubits=156, operations=[op("rzz", 0, 1, angles=[0.3])], measured=[0])
    with pytest.raises(NotSupportedError, match="rzz"):
        quiet_preparation(circuit, fractional)
