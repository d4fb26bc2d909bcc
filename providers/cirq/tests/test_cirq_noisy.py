"""Any noise model: exact probabilities against whole density matrices by Cirq, and counts against its own sampling."""

from __future__ import annotations

from itertools import pairwise

import cirq
import numpy as np
import pytest
from hypothesis import given, settings

import provider_cases as cases
import qadapt_cirq
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.errors import JobFailedError, NotSupportedError, TargetError
from qadapt.provider import Done, Failed, Work
from qadapt.target import Qubit, Target, bundled_targets
from qadapt_cirq.lower import NATIVE, lower_circuit, resolvers
from qadapt_conformance.suite import Verdict, run_suite

DEPOLARIZING = cirq.ConstantQubitNoiseModel(cirq.depolarize(0.02))
DAMPING = cirq.ConstantQubitNoiseModel(cirq.amplitude_damp(0.1), prepend=True)


def exact(looks, work, model):
    """Noisy distributions ``[rows, 2**bits]`` of each register, without parts and without fusing."""
    line = cirq.LineQubit.range(work.circuit.num_qubits)
    lowered = lower_circuit(work.circuit, line)
    rows = list(resolvers(lowered, work.bindings))
    rows *= work.bindings.rows // len(rows)
    tables = [
        looks.whole(cirq.resolve_parameters(lowered.circuit, row).unfreeze(), work.circuit.measured, line, model)
        for row in rows
    ]
    return [np.stack(register) for register in zip(*tables, strict=True)]


@settings(derandomize=True, deadline=None, max_examples=25)
@given(work=cases.works(tuple(NATIVE)))
def test_any_circuit(looks, work):
    for model in (DEPOLARIZING, DAMPING, cirq.NO_NOISE):
        item = Work(*work, 10, 0)
        for got, wanted in zip(qadapt_cirq.noisy(model).probabilities(item), exact(looks, item, model), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)


def test_parts_of_unequal_length_wait_for_each_other(looks):
    operations = [op("x", 0), op("ry", 1, angles=["w"]), *[op("sx", 1)] * 6, op("cz", 1, 2), op("h", 2)]
    circuit = Circuit(num_qubits=4, operations=operations, measured=[[2, 0], [3, 1]])
    work = Work(circuit, Bindings.of({"w": [0.3, 2.0]}), 10, 0)
    got = qadapt_cirq.noisy(DAMPING).probabilities(work)
    for table, wanted in zip(got, exact(looks, work, DAMPING), strict=True):
        np.testing.assert_allclose(table, wanted, rtol=0, atol=1e-12)
    # x in the first of nine moments of gates, damped before the other eight and the measurement
    assert got[0][0, 2:].sum() == pytest.approx(0.9**9, abs=1e-12)


def test_counts_are_those_of_cirqs_own_sampling(looks):
    circuit = cases.layered(3, 2, [[2, 0], [1]])
    work = Work(circuit, cases.uniform(circuit, 4), 5000, 3)
    lowered = lower_circuit(circuit, cirq.LineQubit.range(3))
    simulator = cirq.DensityMatrixSimulator(noise=DAMPING, seed=5)
    found = simulator.run_sweep(lowered.circuit, list(resolvers(lowered, work.bindings)), work.shots)
    tables = qadapt_cirq.noisy(DAMPING).probabilities(work)
    for number, (table, width) in enumerate(zip(tables, work.widths, strict=True)):
        bits = [result.measurements[f"m{number}"] @ (1 << np.arange(width)) for result in found]
        counts = np.stack([np.bincount(row, minlength=2**width) for row in bits])
        assert looks.surprise(counts, table) > looks.FALSE_ALARM
        ideal = cases.probabilities(circuit, work.bindings)[number]
        assert looks.surprise(counts, np.clip(ideal, 1e-12, None)) < looks.FALSE_ALARM


def test_equal_seeds_give_equal_counts_and_the_provenance_names_the_noise():
    circuit = cases.layered(2, 2, [1, 0])
    backend = qadapt_cirq.noisy(DEPOLARIZING, name="lab:depolarizing", noise="2 % per moment")
    work = Work(circuit, cases.uniform(circuit, 3), 100, 7)
    done = cases.finish(backend, backend.submit([work, work], tag="twice"))
    assert isinstance(done, Done)
    first, second = done.results
    np.testing.assert_array_equal(first.counts.table, second.counts.table)
    assert first.provenance.backend == "lab:depolarizing"
    assert first.provenance.noise == "2 % per moment"
    assert (
        "Depolarizing" in qadapt_cirq.noisy(DEPOLARIZING).noise or "depolarize" in qadapt_cirq.noisy(DEPOLARIZING).noise
    )


def test_targets_never_claim_to_be_ideal():
    made = qadapt_cirq.noisy(DEPOLARIZING, name="lab:x").target
    assert (made.name, made.native, made.couplings) == ("x", NATIVE, None)
    assert not made.ideal
    chip = bundled_targets()["heron-r2"]
    assert qadapt_cirq.noisy(DEPOLARIZING, chip).target == chip
    plain = Target(name="mine", num_qubits=2, native=("cz", "u3"), source="a")
    told = qadapt_cirq.noisy(DEPOLARIZING, plain).target
    assert told.qubits == (Qubit(), Qubit())
    assert told.source == "a; errors of the noise model are not stated here"
    with pytest.raises(TargetError, match="ecr is no gate"):
        qadapt_cirq.noisy(DEPOLARIZING, Target(name="mine", num_qubits=2, native=("ecr", "cz")))


class Crosstalk(cirq.NoiseModel):
    """Connects neighbours in every moment."""

    def noisy_moment(self, moment, system_qubits):
        """Add a gate between all neighbours."""
        if cirq.is_measurement(moment):
            return moment
        return [moment, *(cirq.CZ(a, b) ** 0.01 for a, b in pairwise(system_qubits))]


class Broken(cirq.NoiseModel):
    """Raises."""

    def noisy_moment(self, moment, system_qubits):
        """Raise."""
        raise KeyError("no calibration")


@pytest.mark.parametrize(("model", "said"), [(Crosstalk(), "connect 11 qubits"), (Broken(), "no calibration")])
def test_models_that_cannot_be_run_are_failed_jobs(model, said):
    circuit = Circuit(num_qubits=11, operations=[op("h", q) for q in range(11)], measured=[0])
    backend = qadapt_cirq.noisy(model)
    failed = cases.finish(backend, backend.submit([Work(circuit, cases.NONE, 10)], tag="t"))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, JobFailedError)
    assert said in str(failed.error)
    with pytest.raises(NotSupportedError, match="at most 10 connected"):
        backend.submit([Work(cases.chain(11), cases.NONE, 10)], tag="wide")


def test_it_conforms():
    report = run_suite(qadapt_cirq.noisy(DEPOLARIZING))
    assert [entry.message for entry in report.verdicts if entry.verdict is Verdict.VIOLATES] == []
    assert report.count(Verdict.CONFORMS) >= 20
