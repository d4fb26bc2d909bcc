"""Counts of Cirq's simulators against the dense oracle, and everything that must never reach Cirq."""

from __future__ import annotations

import subprocess
import sys

import cirq
import pytest
from hypothesis import given, settings

import provider_cases as cases
import qadapt_cirq.exact
from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import BindingsError, MissingExtraError, NotSupportedError, TargetError
from qadapt.provider import Work
from qadapt.target import Target
from qadapt_cirq import google
from qadapt_cirq.exact import ENGINES
from qadapt_cirq.lower import NATIVE
from qadapt_cirq.provider import CirqProvider

TARGETS = tuple(ENGINES)
REFUSED = {**cases.REFUSED, "not native": (cases.foreign("ecr"), TargetError)}


@pytest.fixture
def backend():
    """The state-vector simulator."""
    return CirqProvider().open("simulator")


@settings(derandomize=True, deadline=None, max_examples=60)
@given(work=cases.works(tuple(NATIVE)))
def test_any_circuit(work):
    cases.check_exact(CirqProvider().open("simulator"), *work)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(work=cases.works(tuple(NATIVE)))
def test_any_circuit_as_density_matrix(work):
    cases.check_exact(CirqProvider().open("density-matrix"), *work)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("measured", cases.MEASURED)
def test_measured_in_any_order_and_part(target, measured):
    circuit = cases.layered(3, 2, measured)
    cases.check_exact(CirqProvider().open(target), circuit, cases.uniform(circuit, 4))


@pytest.mark.parametrize("target", TARGETS)
def test_idle_qubits_read_zero(target):
    backend = CirqProvider().open(target)
    cases.check_exact(backend, *cases.idle())
    result = backend.execute(Work(Circuit(num_qubits=3, measured=[2, 0]), cases.NONE, 5, 0))
    assert result.counts.table.tolist() == [[5, 0, 0, 0]]


@pytest.mark.parametrize("case", [cases.scattered, cases.half_free, cases.many_names])
def test_parts_and_names(case, backend):
    cases.check_exact(backend, *case())


@pytest.mark.parametrize("target", TARGETS)
def test_large_and_tiny_angles(target):
    cases.check_exact(CirqProvider().open(target), *cases.extreme_angles("crz"), shots=1_000_000)


def test_row_shapes_and_shared_columns(backend):
    assert len(cases.check_exact(backend, *cases.shared_columns()).counts.table) == 6


def test_forty_packed_pairs(backend):
    cases.check_packed(backend)


@pytest.mark.parametrize("target", TARGETS)
def test_job_through_the_seam(target):
    cases.check_job(registry.backend(f"cirq:{target}"), f"cirq:{target}", "cirq-core", cirq.__version__)


def test_without_a_seed_counts_differ(backend):
    cases.check_unseeded(backend)


@pytest.fixture
def no_vendor(monkeypatch):
    """Make every way into Cirq fail."""
    for name in ("Simulator", "DensityMatrixSimulator", "Circuit", "FrozenCircuit", "ParamResolver"):
        monkeypatch.setattr(cirq, name, cases.reached)
    monkeypatch.setattr(qadapt_cirq.exact, "lower", cases.reached)


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
    provider = CirqProvider()
    with pytest.raises(NotSupportedError):
        provider.open("simulator").submit([], tag="none")
    with pytest.raises(NotSupportedError, match="13 connected"):
        provider.open("density-matrix").submit([Work(cases.chain(14), cases.NONE, 10)], tag="wide")
    with pytest.raises(TargetError, match="simulator, density-matrix"):
        provider.open("willow")


def test_a_good_work_does_reach_the_vendor(backend, no_vendor):
    cases.check_reached(backend)


def test_vendor_failure_is_a_failed_job(backend, monkeypatch):
    cases.check_failure(backend, monkeypatch, cirq.Simulator, "simulate_sweep_iter")


def test_a_queued_job_can_be_cancelled_and_a_running_one_ends(backend, monkeypatch):
    cases.check_cancel(backend, monkeypatch, cirq.Simulator, "simulate_sweep_iter")


def test_targets_survive_json(monkeypatch):
    provider = CirqProvider()
    assert tuple(provider.targets()) == (*ENGINES, *google.PROCESSORS)
    for name, target in provider.targets().items():
        assert target.name == name
        assert Target.from_json(target.to_json()) == target
    monkeypatch.setattr(google, "find_spec", lambda name: None)
    assert tuple(provider.targets()) == TARGETS
    cases.check_targets(provider)


def test_without_cirq_google_its_targets_say_what_to_install(monkeypatch):
    assert CirqProvider().requirements().modules == ("cirq", "cirq_google")
    monkeypatch.setattr(google, "find_spec", lambda name: None)
    google.target.cache_clear()
    google.device.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'qadapt-cirq\[google\]'"):
        CirqProvider().open("willow_pink")
    assert CirqProvider().requirements().modules == ("cirq",)
    with pytest.raises(TargetError, match="no target 'willow'"):
        CirqProvider().open("willow")


def test_naming_the_provider_imports_no_vendor():
    code = """
import sys, qadapt, qadapt_cirq
provider = qadapt.registry.provider("cirq")
provider.requirements()
provider.open("simulator")
print([name for name in ("cirq", "cirq_google", "sympy", "google.auth", "grpc") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
