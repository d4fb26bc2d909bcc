"""The ideal simulator against dense linear algebra that shares nothing with it but the gate table, and bad input."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.counts import sample
from qadapt.errors import BindingsError, CircuitError, JobFailedError, NotSupportedError, QadaptError, TargetError
from qadapt.gates import GATES, gate
from qadapt.provider import Backend, Done, Failed, Pending, Provider, Result, Work
from qadapt.target import bundled_targets
from qadapt_origin import lower as lower_module
from qadapt_origin import noise as noise_module
from qadapt_origin import provider as provider_module
from qadapt_origin.lower import NATIVE
from qadapt_origin.provider import OriginBackend, OriginProvider

ONE_ROW = Bindings.of({})


@pytest.fixture(scope="module")
def cpu() -> OriginBackend:
    return OriginProvider().open("cpu")


def finish(backend: Backend, *works: Work, tag: str) -> tuple[Result, ...]:
    job, end = backend.submit(works, tag=tag), time.monotonic() + 60
    while isinstance(state := backend.fetch(job), Pending):
        assert time.monotonic() < end
    if isinstance(state, Failed):
        raise state.error
    return state.results


def dense(circuit: Circuit, values: Mapping[str, float]) -> tuple[NDArray[np.float64], ...]:
    """Probabilities of every register of one row: one axis per qubit, axis k is qubit k."""
    n = circuit.num_qubits
    state = np.zeros((2,) * n, dtype=complex)
    state[(0,) * n] = 1
    for operation in circuit.gates():
        angles = [a if isinstance(a, float) else a.scale * values[a.name] + a.offset for a in operation.angles]
        k = len(operation.qubits)
        matrix = gate(operation.gate).matrix(*angles).reshape((2,) * 2 * k)
        # Matrix axes come most significant first, which is the gate's last qubit.
        axes = operation.qubits[::-1]
        state = np.moveaxis(np.tensordot(matrix, state, axes=(range(k, 2 * k), axes)), range(k), axes)
    found = []
    for register in circuit.measured:
        table = np.zeros(2 ** len(register))
        for index in itertools.product((0, 1), repeat=n):
            table[sum(index[qubit] << bit for bit, qubit in enumerate(register))] += abs(state[index]) ** 2
        found.append(table)
    return tuple(found)


def exact(circuit: Circuit, bindings: Bindings) -> list[NDArray[np.float64]]:
    rows = [
        dense(circuit, {name: float(bindings.column(name)[row]) for name in bindings.names})
        for row in range(bindings.rows)
    ]
    return [np.stack(parts) for parts in zip(*rows, strict=True)]


@st.composite
def works(draw: Any) -> Work:
    """Circuits with idle qubits, several registers in any order, unmeasured qubits and shared columns."""
    qubits = draw(st.integers(3, 6))
    names = [f"a{i}" for i in range(12)]
    operations = list[Operation]()
    for _ in range(draw(st.integers(0, 14))):
        name = draw(st.one_of(st.sampled_from(sorted(NATIVE)), st.just("fence")))
        size = 2 if name == "fence" else GATES[name].qubits
        wires = draw(st.permutations(range(qubits)))[:size]
        count = 0 if name == "fence" else len(GATES[name].parameters)
        angle = st.one_of(
            st.floats(-9, 9),
            st.builds(Parameter, name=st.sampled_from(names), scale=st.floats(-2, 2), offset=st.floats(-7, 7)),
        )
        operations.append(op(name, *wires, angles=[draw(angle) for _ in range(count)]))
    order = draw(st.permutations(range(qubits)))[: draw(st.integers(1, qubits))]
    cut = draw(st.integers(0, len(order) - 1))
    registers = [part for part in (order[:cut], order[cut:]) if part]
    circuit = Circuit(num_qubits=qubits, operations=tuple(operations), measured=registers)
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    values = {
        name: generator.uniform(-9, 9, size=(3,) if index % 2 else (1,))
        for index, name in enumerate(draw(st.permutations(circuit.parameters)))
    }
    return Work(circuit, Bindings.of(values, shape=(3,)), shots=50, seed=draw(st.integers(0, 9)))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(work=works())
def test_probabilities_are_those_of_dense_linear_algebra(work: Work, cpu: OriginBackend) -> None:
    for got, wanted in zip(cpu.probabilities(work), exact(work.circuit, work.bindings), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_counts_are_those_of_the_common_sampler_for_equal_seeds(seed: int, cpu: OriginBackend) -> None:
    rng, operations = np.random.default_rng(seed), list[Operation]()
    for index in range(10):
        operations.append(op("u3", int(rng.integers(4)), angles=[f"a{index}", *rng.uniform(-3, 3, 2).tolist()]))
        operations.append(op("iswap", *(int(qubit) for qubit in rng.permutation(4)[:2])))
    circuit = Circuit(num_qubits=5, operations=tuple(operations), measured=[[3, 4, 0], [1]])
    bindings = Bindings.of({f"a{index}": rng.uniform(-3, 3, 20) for index in range(10)})
    (result,) = finish(cpu, Work(circuit, bindings, 1000, seed), tag=f"seed {seed}")
    wanted = sample(exact(circuit, bindings), 1000, seed)
    for mine, theirs in zip(result.counts.registers, wanted.registers, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("measured", [[2, 0], [0, 2], [4, 3, 0], [[3], [0, 4]]])
def test_each_measured_bit_is_where_the_register_says(measured: Any, cpu: OriginBackend) -> None:
    circuit = Circuit(num_qubits=6, operations=(op("x", 0), op("cx", 0, 4), op("x", 5)), measured=measured)
    (result,) = finish(cpu, Work(circuit, ONE_ROW, 10), tag=str(measured))
    for register, table in zip(circuit.measured, result.counts.registers, strict=True):
        outcome = sum((qubit in (0, 4)) << bit for bit, qubit in enumerate(register))
        assert table[0, outcome] == 10


def test_more_than_ten_parameters_are_bound_by_name_and_rows_stay_in_order(cpu: OriginBackend) -> None:
    names = [f"a{i}" for i in range(14)]
    circuit = Circuit(
        num_qubits=14, operations=tuple(op("rx", i, angles=[n]) for i, n in enumerate(names)), measured=range(14)
    )
    # Row r turns on the bits of r * 2749, whatever the order of the names.
    outcomes = [row * 2749 % 2**14 for row in range(6)]
    shuffled = [names[i] for i in np.random.default_rng(3).permutation(14)]
    values = {name: [np.pi * (outcome >> names.index(name) & 1) for outcome in outcomes] for name in shuffled}
    (result,) = finish(cpu, Work(circuit, Bindings.of(values), 5), tag="names")
    assert result.counts.table.argmax(axis=1).tolist() == outcomes
    assert (result.counts.table.max(axis=1) == 5).all()


def test_wide_registers_of_separate_pairs_do_not_crash(cpu: OriginBackend) -> None:
    pairs = [(2 * i, 2 * i + 1) for i in range(100)]
    operations = [operation for a, b in pairs for operation in (op("ry", a, angles=["t"]), op("cx", a, b))]
    circuit = Circuit(num_qubits=200, operations=tuple(operations), measured=[(b, a) for a, b in pairs])
    angles = np.array([0.0, 0.8, np.pi])
    (result,) = finish(cpu, Work(circuit, Bindings.of({"t": angles}), 100, seed=1), tag="wide")
    wanted = np.zeros((3, 4))
    wanted[:, 0], wanted[:, 3] = np.cos(angles / 2) ** 2, np.sin(angles / 2) ** 2
    expected = sample([wanted] * 100, 100, 1)
    for got, theirs in zip(result.counts.registers, expected.registers, strict=True):
        np.testing.assert_array_equal(got, theirs)


def test_a_register_of_twenty_idle_qubits(cpu: OriginBackend) -> None:
    circuit = Circuit(num_qubits=30, operations=(op("x", 7),), measured=range(20))
    (result,) = finish(cpu, Work(circuit, ONE_ROW, 3), tag="idle")
    assert result.counts.table.shape == (1, 2**20)
    assert result.counts.table[0, 1 << 7] == 3


BELL = Circuit(num_qubits=2, operations=(op("h", 0), op("cx", 0, 1)), measured=[0, 1])
TURN = Circuit(num_qubits=1, operations=(op("rx", 0, angles=["a"]),), measured=[0])
CHAIN = Circuit(num_qubits=25, operations=tuple(op("cx", i, i + 1) for i in range(24)), measured=[24])
HUGE = Circuit(num_qubits=1, operations=(op("rx", 0, angles=[Parameter(name="a", scale=1e300)]),), measured=[0])
BAD: Mapping[str, tuple[Any, type[QadaptError]]] = {
    "nan": (lambda: Work(TURN, Bindings.of({"a": np.nan}), 10), BindingsError),
    "infinite": (lambda: Work(TURN, Bindings.of({"a": np.inf}), 10), BindingsError),
    "complex": (lambda: Work(TURN, Bindings.of({"a": 1j}), 10), BindingsError),
    "nan in circuit": (
        lambda: Work(Circuit(num_qubits=1, operations=(op("rx", 0, angles=[np.nan]),)), ONE_ROW, 1),
        CircuitError,
    ),
    "overflow": (lambda: Work(HUGE, Bindings.of({"a": 1e300}), 10), BindingsError),
    "missing": (lambda: Work(TURN, ONE_ROW, 10), BindingsError),
    "extra": (lambda: Work(TURN, Bindings.of({"a": 1, "b": 1}), 10), BindingsError),
    "no shots": (lambda: Work(BELL, ONE_ROW, 0), BindingsError),
    "half a shot": (lambda: Work(BELL, ONE_ROW, 0.5), BindingsError),  # type: ignore[arg-type]
    "too many shots": (lambda: Work(BELL, ONE_ROW, 10**9), NotSupportedError),
    "negative seed": (lambda: Work(BELL, ONE_ROW, 10, -1), BindingsError),
    "nothing measured": (lambda: Work(Circuit(num_qubits=1, operations=(op("x", 0),)), ONE_ROW, 1), TargetError),
    "repeated qubit": (lambda: Work(Circuit(num_qubits=2, operations=(op("cx", 0, 0),)), ONE_ROW, 1), CircuitError),
    "not native": (
        lambda: Work(Circuit(num_qubits=2, operations=(op("ecr", 0, 1),), measured=[0]), ONE_ROW, 1),
        TargetError,
    ),
    "out of range": (
        lambda: Work(Circuit(num_qubits=300, operations=(op("x", 299),), measured=[0]), ONE_ROW, 1),
        TargetError,
    ),
    "too entangled": (lambda: Work(CHAIN, ONE_ROW, 10), NotSupportedError),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_the_vendor_is_reached(
    name: str, cpu: OriginBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached() -> None:
        raise AssertionError("pyqpanda3 was reached")

    for module in (provider_module, lower_module, noise_module):
        monkeypatch.setattr(module, "sdk", reached)
    make, kind = BAD[name]
    with pytest.raises(kind):
        cpu.submit([Work(BELL, ONE_ROW, 10), make()], tag=name)
    assert name not in cpu._tags


def test_a_vendor_failure_is_a_failed_job_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = OriginProvider().open("cpu")

    def broken(*_: object) -> None:
        raise RuntimeError("std::exception")

    monkeypatch.setattr(lower_module, "sdk", broken)
    with pytest.raises(JobFailedError, match="std::exception") as caught:
        finish(backend, Work(BELL, ONE_ROW, 10), tag="broken")
    assert caught.value.provider == "origin:cpu"
    assert caught.value.job_id
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_jobs_are_found_by_tag_and_unknown_ones_fail(cpu: OriginBackend) -> None:
    job = cpu.submit([Work(BELL, ONE_ROW, 10), Work(TURN, Bindings.of({"a": [0.0, np.pi]}), 20)], tag="twice")
    assert cpu.submit([Work(BELL, ONE_ROW, 10)], tag="twice") == job
    while isinstance(state := cpu.fetch(job), Pending):
        pass
    assert isinstance(state, Done)
    assert [result.counts.rows for result in state.results] == [1, 2]
    assert state.results[1].counts.table.tolist() == [[20, 0], [0, 20]]
    assert isinstance(cpu.fetch("nobody"), Failed)
    cpu.cancel(job)
    assert isinstance(cpu.fetch(job), Done)


def test_provenance_says_what_was_run(cpu: OriginBackend) -> None:
    (result,) = finish(cpu, Work(BELL, ONE_ROW, 10, 4), tag="provenance")
    said = result.provenance
    assert (said.backend, said.circuit_hash, said.qubits) == ("origin:cpu", BELL.content_hash, ((0, 1),))
    assert (said.shots, said.seed, said.simulated, said.noise) == (10, 4, True, None)
    assert set(said.versions) == {"qadapt", "qadapt-origin", "pyqpanda3"}


def test_the_registry_opens_what_the_provider_lists() -> None:
    provider = registry.provider("origin")
    assert isinstance(provider, Provider)
    assert list(provider.targets()) == ["cpu", "wukong72-emulator"]
    for name, target in provider.targets().items():
        backend = registry.backend(f"origin:{name}")
        assert isinstance(backend, Backend)
        assert backend.name == f"origin:{name}"
        assert backend.target.name == target.name == name
        assert backend.target.content_hash == target.content_hash
        assert backend.target.ideal == (name == "cpu")
        assert set(target.native) <= set(NATIVE)
        assert backend.capabilities.seed
        assert backend.capabilities.exact_sampling
        assert backend.capabilities.simulated
    with pytest.raises(TargetError, match="wukong72-emulator"):
        provider.open("WK_C180")


def test_the_emulator_has_the_bundled_calibration_under_its_own_name() -> None:
    bundled, target = bundled_targets()["wukong-72"], OriginProvider().targets()["wukong72-emulator"]
    assert target.model_dump(exclude={"name"}) == bundled.model_dump(exclude={"name"})
    assert target.content_hash != bundled.content_hash


_THREADS = """
import json, os, threading
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.jobs import wait
from qadapt.provider import Work
from qadapt_origin.provider import OriginProvider

backend = OriginProvider().open("wukong72-emulator")
circuit = Circuit(num_qubits=72, operations=(op("rphi", 0, angles=[1.0, 0.0]), op("cz", 0, 1)), measured=[0, 1])
job = backend.submit([Work(circuit, Bindings.of({}), 10)], tag="t")
wait(backend, job)
print(json.dumps([len(os.listdir("/proc/self/task")), threading.active_count(), "torch" in __import__("sys").modules]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and libgomp")
def test_no_openmp_team_is_started_whatever_the_environment_asks_for() -> None:
    environment = {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", _THREADS], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    tasks, threads, torch = json.loads(done.stdout)
    assert tasks == threads
    assert not torch
