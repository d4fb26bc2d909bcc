"""Counts of Braket's local simulators against the dense oracle, and everything that must never reach Braket."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from braket._sdk import __version__ as braket_sdk_version
from braket.devices import LocalSimulator
from hypothesis import given, settings
from hypothesis import strategies as st

import qadapt_braket.provider
from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.counts import sample
from qadapt.errors import BindingsError, JobFailedError, NotSupportedError, TargetError
from qadapt.gates import GATES
from qadapt.provider import Done, Failed, Pending, Work
from qadapt.target import Target
from qadapt_braket.lower import NATIVE
from qadapt_braket.provider import SIMULATORS, BraketProvider

TARGETS = tuple(BraketProvider().targets())


def finish(backend, job_id):
    """Look until the job has ended."""
    while isinstance(state := backend.fetch(job_id), Pending):
        pass
    return state


def check(circuit, bindings, oracle, *, target="local", shots=10_000, seed=11):
    """Assert that probabilities and counts are those of the oracle."""
    backend, work = BraketProvider().open(target), Work(circuit, bindings, shots, seed)
    exact = oracle.probabilities(circuit, bindings)
    for got, expected in zip(backend.probabilities(work), exact, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    result, wanted = backend.execute(work), sample(exact, shots, seed)
    for got, expected in zip(result.counts.registers, wanted.registers, strict=True):
        np.testing.assert_array_equal(got, expected)
    return result


def layered(qubits, layers, measured):
    """Rotations with a parameter each, and a ring of entangling gates."""
    operations = []
    for layer in range(layers):
        operations += [op("ry", q, angles=[f"b{layer * qubits + q}"]) for q in range(qubits)]
        operations += [op("cz", q, (q + 1) % qubits) for q in range(qubits - 1)]
        operations += [op("rx", q, angles=[0.3 + q]) for q in range(qubits)]
    return Circuit(num_qubits=qubits, operations=operations, measured=measured)


def uniform(circuit, rows, span=4.0, seed=1):
    values = np.random.default_rng(seed).uniform(-span, span, (rows, len(circuit.parameters)))
    return Bindings.rows_of(circuit.parameters, values)


@st.composite
def works(draw):
    """Circuits of any native gates on up to four qubits, with registers in any order, and their bindings."""
    count = draw(st.integers(1, 4))
    names = st.sampled_from(["t", "b10", "b2", "B", "a[10]", "a[2]"])
    number = st.floats(-8, 8)
    angle = st.one_of(number, st.builds(Parameter, name=names, scale=number, offset=number))
    operations = []
    for name in draw(st.lists(st.sampled_from([n for n in NATIVE if GATES[n].qubits <= count]), max_size=10)):
        qubits = draw(st.permutations(range(count)))[: GATES[name].qubits]
        angles = [draw(angle) for _ in GATES[name].parameters]
        operations.append(op(name, *qubits, angles=angles))
    bits = draw(st.permutations(range(count)))[: draw(st.integers(1, count))]
    cut = draw(st.integers(0, len(bits)))
    circuit = Circuit(
        num_qubits=count, operations=operations, measured=[part for part in (bits[:cut], bits[cut:]) if part]
    )
    rows = draw(st.integers(1, 3))
    values = {name: draw(st.lists(number, min_size=rows, max_size=rows)) for name in circuit.parameters}
    return circuit, Bindings.of(values, shape=(rows,))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(work=works())
def test_any_circuit(work, oracle):
    check(*work, oracle)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(work=works())
def test_any_circuit_as_density_matrix(work, oracle):
    check(*work, oracle, target="local-dm")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("measured", [[0, 1, 2], [2, 0, 1], [2, 1, 0], [1], [2, 0], [[1], [2, 0]], [[2], [0], [1]]])
def test_measured_in_any_order_and_part(target, measured, oracle):
    circuit = layered(3, 2, measured)
    check(circuit, uniform(circuit, 4), oracle, target=target)


@pytest.mark.parametrize("target", TARGETS)
def test_idle_qubits_read_zero(target, oracle):
    circuit = Circuit(num_qubits=6, operations=[op("x", 4), op("ry", 1, angles=[1.0])], measured=[[5, 4], [0, 1, 3]])
    check(circuit, Bindings.of({}), oracle, target=target)
    result = BraketProvider().open(target).execute(Work(Circuit(num_qubits=3, measured=[2, 0]), Bindings.of({}), 5, 0))
    assert result.counts.table.tolist() == [[5, 0, 0, 0]]


def test_one_register_across_independent_parts(oracle):
    operations = [op("ry", q, angles=[f"a{q}"]) for q in range(5)] + [op("cx", 4, 0), op("cx", 1, 3)]
    circuit = Circuit(num_qubits=5, operations=operations, measured=[3, 0, 2, 1, 4])
    check(circuit, uniform(circuit, 5), oracle)


def test_fixed_and_free_parts_share_rows(oracle):
    operations = [op("h", 0), op("cx", 0, 1), op("ry", 2, angles=["w"]), op("fence", 0, 1, 2)]
    circuit = Circuit(num_qubits=3, operations=operations, measured=[2, 1, 0])
    check(circuit, Bindings.of({"w": [0.1, 0.2, 2.0]}), oracle)


def test_many_parameters_by_name(oracle):
    names = ["b10", "b2", "B", "a[10]", "a[2]", "a", "_", "pi", "t", "b1", "U", "x"]
    operations = [op(("rx", "ry", "rz")[i % 3], i % 2, angles=[name]) for i, name in enumerate(names)]
    circuit = Circuit(num_qubits=2, operations=[*operations[:6], op("cz", 0, 1), *operations[6:]], measured=[0, 1])
    bindings = uniform(circuit, 6)
    check(circuit, Bindings.of({name: bindings.column(name) for name in sorted(names)}), oracle)


@pytest.mark.parametrize("target", TARGETS)
def test_large_and_tiny_angles(target, oracle):
    circuit = Circuit(
        num_qubits=2,
        operations=[op("ry", 0, angles=["w"]), op("rx", 1, angles=["w"]), op("rzz", 0, 1, angles=["w"]), op("h", 1)],
        measured=[0, 1],
    )
    values = [0.0, 1e-3, -1e-3, 1e-9, 5e-324, 6.5, -13.0, 1e3, -1e6, 1e12, 1e300]
    check(circuit, Bindings.of({"w": values}), oracle, target=target, shots=1_000_000)


def test_row_shapes_and_shared_columns(oracle):
    circuit = layered(2, 1, [0, 1])
    bindings = Bindings.of({"b0": [[0.1], [0.9], [2.0]], "b1": [[0.4, 1.5]]})
    assert len(check(circuit, bindings, oracle).counts.table) == 6


def test_forty_packed_pairs(oracle):
    pair = layered(2, 2, [0, 1])
    moved = [
        operation.model_copy(update={"qubits": tuple(2 * tile + q for q in operation.qubits)})
        for tile in range(40)
        for operation in pair.operations
    ]
    circuit = Circuit(num_qubits=80, operations=moved, measured=[[2 * tile + 1, 2 * tile] for tile in range(40)])
    bindings = uniform(circuit, 2)
    result = BraketProvider().open("local").execute(Work(circuit, bindings, 1000, 3))
    flipped = Circuit(num_qubits=2, operations=pair.operations, measured=[1, 0])
    (tile,) = oracle.probabilities(flipped, bindings)
    wanted = sample([tile] * 40, 1000, 3)
    for got, expected in zip(result.counts.registers, wanted.registers, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("target", TARGETS)
def test_job_through_the_seam(target, oracle):
    backend = registry.backend(f"braket:{target}")
    circuit = layered(2, 2, [1, 0])
    first, second = Work(circuit, uniform(circuit, 3), 500, 1), Work(circuit, uniform(circuit, 2, seed=9), 70, 2)
    job_id = backend.submit([first, second], tag="one")
    assert backend.submit([first, second], tag="one") == job_id
    done = finish(backend, job_id)
    assert isinstance(done, Done)
    for work, result in zip((first, second), done.results, strict=True):
        wanted = sample(oracle.probabilities(work.circuit, work.bindings), work.shots, work.seed)
        np.testing.assert_array_equal(result.counts.table, wanted.table)
        assert result.provenance.backend == f"braket:{target}"
        assert result.provenance.qubits == ((1, 0),)
        assert result.provenance.seed == work.seed
        assert result.provenance.simulated
        assert result.provenance.versions["amazon-braket-sdk"] == braket_sdk_version


def test_without_a_seed_counts_differ():
    circuit = Circuit(num_qubits=8, operations=[op("h", q) for q in range(8)], measured=list(range(8)))
    work = Work(circuit, Bindings.of({}), 100_000, None)
    backend = BraketProvider().open("local")
    assert (backend.execute(work).counts.table != backend.execute(work).counts.table).any()


RY = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["w"]), op("cz", 0, 1)], measured=[0, 1])
ONE = Bindings.of({"w": 0.5})


def chain(qubits):
    return Circuit(num_qubits=qubits, operations=[op("cz", q, q + 1) for q in range(qubits - 1)], measured=[0])


def far(qubit):
    return Circuit(num_qubits=qubit + 1, operations=[op("x", qubit)], measured=[qubit])


NONE = Bindings.of({})
HUGE = Circuit(num_qubits=1, operations=[op("ry", 0, angles=[Parameter(name="w", scale=1e10)])], measured=[0])
REFUSED = {
    "missing": (Work(RY, NONE, 10), BindingsError),
    "extra": (Work(RY, Bindings.of({"w": 0.5, "v": 1.0}), 10), BindingsError),
    "overflow": (Work(HUGE, Bindings.of({"w": 1e300}), 10), BindingsError),
    "no shots": (Work(RY, ONE, 0), BindingsError),
    "half a shot": (Work(RY, ONE, 1.5), BindingsError),
    "true shots": (Work(RY, ONE, True), BindingsError),
    "negative seed": (Work(RY, ONE, 10, -1), BindingsError),
    "too many shots": (Work(RY, ONE, 10**9), NotSupportedError),
    "too many rows": (Work(RY, Bindings.of({"w": np.zeros(70_000)}), 10), NotSupportedError),
    "too wide": (Work(chain(27), NONE, 10), NotSupportedError),
    "not native": (Work(Circuit(num_qubits=2, operations=[op("ch", 0, 1)], measured=[0]), NONE, 10), TargetError),
    "not measured": (Work(Circuit(num_qubits=1, operations=[op("x", 0)]), NONE, 10), TargetError),
    "out of range": (Work(far(1024), NONE, 10), TargetError),
}


@pytest.fixture
def no_vendor(monkeypatch):
    """Make every way into Braket fail."""

    def reached(*_args, **_options):
        raise AssertionError("vendor code was reached")

    monkeypatch.setattr(LocalSimulator, "run", reached)
    monkeypatch.setattr(qadapt_braket.provider, "lower", reached)


@pytest.mark.parametrize("case", REFUSED)
def test_bad_work_is_refused_before_vendor_code(case, no_vendor):
    work, error = REFUSED[case]
    backend = BraketProvider().open("local")
    with pytest.raises(error):
        backend.submit([work], tag=case)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1j, "0.5", None, [], [[0.1], [0.2, 0.3]]])
def test_bad_values_are_refused_before_vendor_code(value, no_vendor):
    backend = BraketProvider().open("local")
    with pytest.raises(BindingsError):
        backend.submit([Work(RY, Bindings.of({"w": value}), 10)], tag="value")


def test_other_refusals(no_vendor):
    provider = BraketProvider()
    with pytest.raises(NotSupportedError):
        provider.open("local").submit([], tag="none")
    with pytest.raises(NotSupportedError, match="13 connected"):
        provider.open("local-dm").submit([Work(chain(14), NONE, 10)], tag="wide")
    with pytest.raises(TargetError, match="local, local-dm"):
        provider.open("willow")


def test_a_good_work_does_reach_the_vendor(no_vendor):
    backend = BraketProvider().open("local")
    failed = finish(backend, backend.submit([Work(RY, ONE, 10)], tag="good"))
    assert isinstance(failed, Failed)
    assert "vendor code was reached" in str(failed.error)


def test_vendor_failure_is_a_failed_job(monkeypatch):
    def exhausted(*_args, **_options):
        raise MemoryError("8 PiB")

    monkeypatch.setattr(LocalSimulator, "run", exhausted)
    backend = BraketProvider().open("local")
    job_id = backend.submit([Work(RY, ONE, 10)], tag="memory")
    failed = finish(backend, job_id)
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, JobFailedError)
    assert isinstance(failed.error.__cause__, MemoryError)
    assert failed.error.job_id == job_id
    assert "fewer qubits" in failed.error.hint


def test_a_queued_job_can_be_cancelled_and_a_running_one_ends(monkeypatch):
    started, go, real = threading.Event(), threading.Event(), LocalSimulator.run

    def slow(*args, **options):
        started.set()
        assert go.wait(30)
        return real(*args, **options)

    monkeypatch.setattr(LocalSimulator, "run", slow)
    backend = BraketProvider().open("local")
    assert backend.capabilities.cancel
    running, queued = (backend.submit([Work(RY, ONE, 10)], tag=tag) for tag in ("running", "queued"))
    assert started.wait(30)
    assert isinstance(backend.fetch(running), Pending)
    for job_id in (queued, running):
        backend.cancel(job_id)
    go.set()
    assert isinstance(finish(backend, queued), Failed)
    assert isinstance(finish(backend, running), Done)


def test_connected_qubits_are_those_that_braket_declares():
    for engine, connected in SIMULATORS.values():
        assert LocalSimulator(engine).properties.paradigm.qubitCount == connected


def test_targets_survive_json():
    for name, target in BraketProvider().targets().items():
        assert target.name == name
        assert Target.from_json(target.to_json()) == target
        assert target.ideal
        assert target.couplings is None
