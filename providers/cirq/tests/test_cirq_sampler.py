"""Wrapped samplers: right ones, and ones that lie, fail or say too little."""

from __future__ import annotations

import cirq
import duet
import numpy as np
import pytest
from google.api_core import exceptions as api

import provider_cases as cases
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import (
    AccessError,
    BadResultError,
    BindingsError,
    JobFailedError,
    NotSupportedError,
    TargetError,
    UnavailableError,
)
from qadapt.provider import Done, Failed, Work
from qadapt.target import Target
from qadapt_cirq import wrap
from qadapt_cirq.exact import target as ideal_target
from qadapt_cirq.lower import NATIVE
from qadapt_cirq.noisy import noisy
from qadapt_conformance.suite import Verdict, run_suite

IDEAL = ideal_target("simulator")
MODEL = cirq.ConstantQubitNoiseModel(cirq.depolarize(0.02), prepend=True)


def outcome(backend, *works):
    """What a submit ends in."""
    return cases.finish(backend, backend.submit(works, tag="one"))


class Recorder(cirq.Sampler):
    """Passes calls on to a simulator and keeps them; may change what comes back."""

    def __init__(self, change=lambda results: results, error=None):
        self.calls = []
        self._change, self._error = change, error

    def run_sweep(self, program, params, repetitions=1):
        """Run a sweep."""
        self.calls.append((program, params, repetitions))
        if self._error is not None:
            raise self._error
        return self._change(cirq.Simulator(seed=1).run_sweep(program, params, repetitions))


def test_one_work_is_one_call_with_one_array_per_symbol():
    circuit = cases.layered(2, 2, [[1], [0]])
    sampler = Recorder()
    backend = wrap(sampler, IDEAL, simulated=True)
    done = outcome(backend, Work(circuit, cases.uniform(circuit, 5), 20), Work(circuit, cases.uniform(circuit, 2), 30))
    assert isinstance(done, Done)
    assert [result.counts.registers[0].shape for result in done.results] == [(5, 2), (2, 2)]
    assert [repetitions for _, _, repetitions in sampler.calls] == [20, 30]
    program, params, _ = sampler.calls[0]
    assert isinstance(params, cirq.Zip)
    assert len(params) == 5
    assert sorted(params.keys) == sorted(cirq.parameter_names(program))


@pytest.mark.parametrize("measured", [[0, 1, 2], [2, 0, 1], [[1], [2, 0]]])
def test_counts_of_a_simulator_are_drawn_from_the_right_distribution(looks, measured):
    circuit = cases.layered(3, 2, measured)
    work = Work(circuit, cases.uniform(circuit, 4), 5000, 9)
    done = outcome(wrap(cirq.Simulator(seed=2), IDEAL, simulated=True), work)
    exact = cases.probabilities(circuit, work.bindings)
    for counts, table in zip(done.results[0].counts.registers, exact, strict=True):
        assert looks.surprise(counts, np.clip(table, 1e-15, None)) > looks.FALSE_ALARM


def test_counts_under_noise_are_those_of_the_noisy_backend(looks):
    circuit = cases.layered(2, 2, [1, 0])
    work = Work(circuit, cases.uniform(circuit, 4), 5000, 9)
    sampler = cirq.DensityMatrixSimulator(noise=MODEL, seed=3)
    done = outcome(wrap(sampler, IDEAL, simulated=True, noise="2 %"), work)
    (table,) = noisy(MODEL).probabilities(work)
    assert looks.surprise(done.results[0].counts.table, table) > looks.FALSE_ALARM
    assert done.results[0].provenance.noise == "2 %"
    assert done.results[0].provenance.seed is None


def test_rows_of_a_circuit_without_angles():
    circuit = Circuit(num_qubits=2, operations=[op("x", 1)], measured=[0, 1])
    work = Work(circuit, Bindings.of({}, shape=(3,)), 7)
    assert outcome(wrap(cirq.Simulator(), IDEAL), work).results[0].counts.table.tolist() == [[0, 0, 7, 0]] * 3
    assert outcome(wrap(cirq.ZerosSampler(), IDEAL), work).results[0].counts.table.tolist() == [[7, 0, 0, 0]] * 3


class Slow(cirq.Sampler):
    """A sampler that has the asynchronous call alone, as a service has."""

    async def run_sweep_async(self, program, params, repetitions=1):
        """Run a sweep."""
        await duet.sleep(0)
        return cirq.Simulator(seed=1).run_sweep(program, params, repetitions)


def test_a_sampler_with_the_asynchronous_call_alone():
    done = outcome(wrap(Slow(), IDEAL, simulated=True), Work(cases.RY, Bindings.of({"w": [0.0, np.pi]}), 9))
    assert done.results[0].counts.table.tolist() == [[9, 0, 0, 0], [0, 9, 0, 0]]


def test_the_users_qubits_are_used():
    sampler = Recorder()
    qubits = cirq.GridQubit.rect(1, 2)
    backend = wrap(sampler, Target(name="two", num_qubits=2, native=("cz", "ry")), qubits=qubits)
    done = outcome(backend, Work(cases.RY, cases.ONE, 10))
    assert isinstance(done, Done)
    assert not done.results[0].provenance.simulated
    assert sampler.calls[0][0].all_qubits() == set(qubits)
    assert not backend.capabilities.simulated
    for wrong in (cirq.GridQubit.rect(1, 3), [qubits[0]] * 2, []):
        with pytest.raises(TargetError, match="qubits"):
            wrap(sampler, backend.target, qubits=wrong)
    with pytest.raises(TargetError, match="ecr is no gate"):
        wrap(sampler, Target(name="two", num_qubits=2, native=("ecr",)))


def changed(change):
    """A change of the measurements of every result."""

    def apply(results):
        return [
            cirq.ResultDict(params=result.params, measurements=change(dict(result.measurements))) for result in results
        ]

    return apply


def narrowed(measurements):
    """One qubit less."""
    return {key: bits[:, :-1] for key, bits in measurements.items()}


def shortened(measurements):
    """One shot less."""
    return {key: bits[:-1] for key, bits in measurements.items()}


def renamed(measurements):
    """Other keys."""
    return {f"x{key}": bits for key, bits in measurements.items()}


def raised(measurements):
    """Outcomes beside 0 and 1."""
    return {key: bits + 2 for key, bits in measurements.items()}


LIES = {
    "one result less": lambda results: results[:-1],
    "one result more": lambda results: [*results, results[0]],
    "none": lambda results: [],
    "another order": lambda results: results[::-1],
    "unknown symbols": lambda results: [
        cirq.ResultDict(params=cirq.ParamResolver({"theta": 1.0}), measurements=result.measurements)
        for result in results
    ],
    "narrow": changed(narrowed),
    "short": changed(shortened),
    "renamed": changed(renamed),
    "not bits": changed(raised),
    "nothing": lambda results: [None] * len(results),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_bad_results(lie):
    backend = wrap(Recorder(LIES[lie]), IDEAL, simulated=True)
    failed = outcome(backend, Work(cases.RY, Bindings.of({"w": [0.1, 0.2, 0.3]}), 10))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, BadResultError)
    assert failed.error.provider == f"cirq:{IDEAL.name}"
    assert failed.error.job_id


def test_single_precision_and_silence_about_parameters_are_no_lies():
    def rounded(results):
        values = [{key: float(np.float32(value)) for key, value in r.params.param_dict.items()} for r in results]
        values[0] = {}
        return [
            cirq.ResultDict(params=cirq.ParamResolver(value), measurements=r.measurements)
            for value, r in zip(values, results, strict=True)
        ]

    work = Work(cases.RY, Bindings.of({"w": [0.1, 0.2, 0.3]}), 10)
    assert isinstance(outcome(wrap(Recorder(rounded), IDEAL), work), Done)


@pytest.mark.parametrize(
    ("error", "simulated", "kind"),
    [
        (ValueError("bad"), True, JobFailedError),
        (KeyError("bad"), True, JobFailedError),
        (api.PermissionDenied("bad"), False, AccessError),
        (api.TooManyRequests("bad"), False, UnavailableError),
        (ConnectionRefusedError("bad"), False, UnavailableError),
        (api.ServiceUnavailable("bad"), True, UnavailableError),
        # A machine may have run it: never again without the user's word.
        (api.ServiceUnavailable("bad"), False, JobFailedError),
        (TimeoutError("bad"), False, JobFailedError),
    ],
)
def test_exceptions_of_samplers(error, simulated, kind):
    failed = outcome(wrap(Recorder(error=error), IDEAL, simulated=simulated), Work(cases.RY, cases.ONE, 10))
    assert isinstance(failed, Failed)
    assert type(failed.error) is kind
    assert failed.error.__cause__ is error
    assert "bad" in str(failed.error)
    if kind is JobFailedError and not simulated:
        assert "may charge" in failed.error.hint


@pytest.mark.parametrize("case", cases.REFUSED)
def test_bad_work_is_refused_before_the_sampler_is_called(case):
    work, error = cases.REFUSED[case]
    if case == "too wide":
        return  # how much a sampler can connect is its own business
    sampler = Recorder()
    with pytest.raises(error):
        wrap(sampler, IDEAL).submit([work], tag=case)
    with pytest.raises(BindingsError):
        wrap(sampler, IDEAL).submit([Work(cases.RY, Bindings.of({"w": np.nan}), 10)], tag=case)
    assert sampler.calls == []


def test_stated_limits_are_checked():
    backend = wrap(Recorder(), IDEAL, max_shots=10, max_rows=2, packages=["qadapt", "no-such-package"])
    many = Work(cases.RY, Bindings.of({"w": [0.1, 0.2, 0.3]}), 1)
    for work, capability in ((Work(cases.RY, cases.ONE, 11), "max_shots"), (many, "max_rows")):
        with pytest.raises(NotSupportedError) as refused:
            backend.submit([work], tag="t")
        assert refused.value.capability == capability
    done = outcome(backend, Work(cases.RY, cases.ONE, 10))
    assert done.results[0].provenance.versions["no-such-package"] == "unknown"


def test_a_wrapped_simulator_conforms():
    target = Target(name="ideal", num_qubits=24, native=NATIVE)
    report = run_suite(wrap(cirq.Simulator(seed=4, dtype=np.complex128), target, simulated=True))
    assert [entry.message for entry in report.verdicts if entry.verdict is Verdict.VIOLATES] == []
    assert report.count(Verdict.NOT_RUN) == 0
