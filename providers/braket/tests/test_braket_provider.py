"""Counts of Braket's local simulators against the dense oracle, and everything that must never reach Braket."""

from __future__ import annotations

import pytest
from braket._sdk import __version__ as braket_sdk_version
from braket.devices import LocalSimulator
from hypothesis import given, settings

import provider_cases as cases
import qadapt_braket.local
from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import BindingsError, NotSupportedError, TargetError
from qadapt.provider import Work
from qadapt.target import Target
from qadapt_braket.local import SIMULATORS
from qadapt_braket.lower import NATIVE
from qadapt_braket.provider import BraketProvider

TARGETS = tuple(SIMULATORS)
REFUSED = {**cases.REFUSED, "not native": (cases.foreign("ch"), TargetError)}


@pytest.fixture
def backend():
    """The state-vector simulator."""
    return BraketProvider().open("local")


@settings(derandomize=True, deadline=None, max_examples=40)
@given(work=cases.works(tuple(NATIVE)))
def test_any_circuit(work):
    cases.check_exact(BraketProvider().open("local"), *work)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(work=cases.works(tuple(NATIVE)))
def test_any_circuit_as_density_matrix(work):
    cases.check_exact(BraketProvider().open("local-dm"), *work)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("measured", cases.MEASURED)
def test_measured_in_any_order_and_part(target, measured):
    circuit = cases.layered(3, 2, measured)
    cases.check_exact(BraketProvider().open(target), circuit, cases.uniform(circuit, 4))


@pytest.mark.parametrize("target", TARGETS)
def test_idle_qubits_read_zero(target):
    backend = BraketProvider().open(target)
    cases.check_exact(backend, *cases.idle())
    result = backend.execute(Work(Circuit(num_qubits=3, measured=[2, 0]), cases.NONE, 5, 0))
    assert result.counts.table.tolist() == [[5, 0, 0, 0]]


@pytest.mark.parametrize("case", [cases.scattered, cases.half_free, cases.many_names])
def test_parts_and_names(case, backend):
    cases.check_exact(backend, *case())


@pytest.mark.parametrize("target", TARGETS)
def test_large_and_tiny_angles(target):
    cases.check_exact(BraketProvider().open(target), *cases.extreme_angles("rzz"), shots=1_000_000)


def test_row_shapes_and_shared_columns(backend):
    assert len(cases.check_exact(backend, *cases.shared_columns()).counts.table) == 6


def test_forty_packed_pairs(backend):
    cases.check_packed(backend)


@pytest.mark.parametrize("target", TARGETS)
def test_job_through_the_seam(target):
    cases.check_job(registry.backend(f"braket:{target}"), f"braket:{target}", "amazon-braket-sdk", braket_sdk_version)


def test_without_a_seed_counts_differ(backend):
    cases.check_unseeded(backend)


@pytest.fixture
def no_vendor(monkeypatch):
    """Make every way into Braket fail."""
    monkeypatch.setattr(LocalSimulator, "run", cases.reached)
    monkeypatch.setattr(qadapt_braket.local, "lower", cases.reached)


@pytest.mark.parametrize("case", REFUSED)
def test_bad_work_is_refused_before_vendor_code(case, backend, no_vendor):
    work, error = REFUSED[case]
    with pytest.raises(error):
        backend.submit([work], tag=case)


@pytest.mark.parametrize("value", cases.BAD_VALUES)
def test_bad_values_are_refused_before_vendor_code(value, backend, no_vendor):
    with pytest.raises(BindingsError):
        backend.submit([Work(cases.RY, Bindings.of({"w": value}), 10)], tag="value")


def test_other_refusals(no_vendor):
    provider = BraketProvider()
    with pytest.raises(NotSupportedError):
        provider.open("local").submit([], tag="none")
    with pytest.raises(NotSupportedError, match="13 connected"):
        provider.open("local-dm").submit([Work(cases.chain(14), cases.NONE, 10)], tag="wide")
    with pytest.raises(TargetError, match="local, local-dm"):
        provider.open("willow")


def test_a_good_work_does_reach_the_vendor(backend, no_vendor):
    cases.check_reached(backend)


def test_vendor_failure_is_a_failed_job(backend, monkeypatch):
    cases.check_failure(backend, monkeypatch, LocalSimulator, "run")


def test_a_queued_job_can_be_cancelled_and_a_running_one_ends(backend, monkeypatch):
    cases.check_cancel(backend, monkeypatch, LocalSimulator, "run")


def test_connected_qubits_are_those_that_braket_declares():
    for engine, connected in SIMULATORS.values():
        assert LocalSimulator(engine).properties.paradigm.qubitCount == connected


def test_targets_survive_json():
    found = BraketProvider().targets()
    assert set(found) == {*TARGETS, "emulator/iqm-garnet-sample"}
    for name, target in found.items():
        assert target.name == name
        assert Target.from_json(target.to_json()) == target
    for name in TARGETS:
        assert found[name].ideal
        assert found[name].couplings is None
