"""The backend against dense linear algebra that shares nothing with it but the gate table, and against bad input."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import pytest
import qiskit_aer
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit.exceptions import QiskitError

import qadapt
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.counts import Counts, sample
from qadapt.errors import (
    BindingsError,
    CircuitError,
    JobFailedError,
    NotSupportedError,
    ProviderError,
    QadaptError,
    TargetError,
)
from qadapt.gates import GATES, gate
from qadapt.provider import Backend, Done, Failed, Pending, Provider, Result, Work
from qadapt_aer import provider as provider_module
from qadapt_aer.errors import table, translate
from qadapt_aer.provider import AerBackend, AerProvider


def finish(backend: Backend, *works: Work, tag: str = "tag") -> tuple[Result, ...]:
    job = backend.submit(works, tag=tag)
    end = time.monotonic() + 60
    while isinstance(state := backend.fetch(job), Pending):
        assert time.monotonic() < end
    if isinstance(state, Failed):
        raise state.error
    return state.results


def counts(circuit: Circuit, bindings: Bindings, shots: int = 1000, seed: int | None = 7) -> Counts:
    (result,) = finish(AerBackend(), Work(circuit, bindings, shots, seed))
    return result.counts


def dense(circuit: Circuit, values: Mapping[str, float]) -> tuple[NDArray[np.float64], ...]:
    """Probabilities of every register of one row: one axis per qubit, axis k is qubit k."""
    n = circuit.num_qubits
    state = np.zeros((2,) * n, dtype=complex)
    state[(0,) * n] = 1
    for operation in circuit.gates():
        angles = [a if isinstance(a, float) else a.scale * values[a.name] + a.offset for a in operation.angles]
        k = len(operation.qubits)
        matrix = gate(operation.gate).matrix(*angles).reshape((2,) * 2 * k)
        # Row axes come most significant first, which is the gate's last qubit.
        axes = operation.qubits[::-1]
        state = np.moveaxis(np.tensordot(matrix, state, axes=(range(k, 2 * k), axes)), range(k), axes)
    whole = np.abs(state) ** 2
    found = []
    for register in circuit.measured:
        lost = tuple(qubit for qubit in range(n) if qubit not in register)
        kept = sorted(register)
        part = whole.sum(axis=lost)
        found.append(part.transpose([kept.index(qubit) for qubit in register[::-1]]).reshape(-1))
    return tuple(found)


def exact(circuit: Circuit, bindings: Bindings) -> list[NDArray[np.float64]]:
    """Probabilities of every register and row."""
    rows = [
        dense(circuit, {name: float(bindings.column(name)[row]) for name in bindings.names})
        for row in range(bindings.rows)
    ]
    return [np.stack(parts) for parts in zip(*rows, strict=True)]


@st.composite
def circuits(draw: st.DrawFn) -> Circuit:
    """Circuits of any gates on up to five qubits, with idle qubits, several registers and permuted bits."""
    n = draw(st.integers(3, 5))
    operations: list[Operation] = []
    for number in range(draw(st.integers(0, 8))):
        entry = GATES[draw(st.sampled_from(sorted(GATES)))]
        qubits = draw(st.permutations(range(n)))[: entry.qubits]
        names = [f"t{number}{name}" for name in entry.parameters]
        operations.append(op(entry.name, *qubits, angles=names))
    order = draw(st.permutations(range(n)))
    cut = sorted({0, draw(st.integers(1, n)), draw(st.integers(1, n))})
    measured = [order[start:stop] for start, stop in pairwise(cut)]
    return Circuit(num_qubits=n, operations=tuple(operations), measured=measured)


@settings(max_examples=60, deadline=None)
@given(circuit=circuits(), seed=st.integers(0, 2**63), rows=st.integers(1, 3))
def test_probabilities_equal_those_of_dense_linear_algebra(circuit: Circuit, seed: int, rows: int) -> None:
    generator = np.random.default_rng(seed)
    bindings = Bindings.of({name: generator.uniform(-4, 4, rows) for name in circuit.parameters}, shape=(rows,))
    found = AerBackend().probabilities(Work(circuit, bindings, 1))
    for ours, theirs in zip(found, exact(circuit, bindings), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(circuit=circuits(), seed=st.integers(0, 2**63), rows=st.integers(1, 3))
def test_counts_equal_those_of_dense_probabilities(circuit: Circuit, seed: int, rows: int) -> None:
    generator = np.random.default_rng(seed)
    bindings = Bindings.of({name: generator.uniform(-4, 4, rows) for name in circuit.parameters}, shape=(rows,))
    wanted = sample(exact(circuit, bindings), 500, seed)
    for ours, theirs in zip(counts(circuit, bindings, 500, seed).registers, wanted.registers, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_packed_circuit_of_many_qubits_is_simulated_by_parts() -> None:
    """100 Bell-like pairs: 200 qubits that only factors can hold; tile k has its own angle and register."""
    tiles = 100
    operations, measured = [], []
    for k in range(tiles):
        low, high = 2 * k, 2 * k + 1
        operations += [op("ry", high, angles=[f"t{k}"]), op("cx", high, low)]
        measured.append((low, high) if k % 2 else (high, low))
    circuit = Circuit(num_qubits=2 * tiles, operations=tuple(operations), measured=measured)
    generator = np.random.default_rng(3)
    bindings = Bindings.of({f"t{k}": generator.uniform(0, np.pi, 4) for k in range(tiles)})
    found = counts(circuit, bindings, 2000, 11)
    ones = np.stack([np.sin(bindings.column(f"t{k}") / 2) ** 2 for k in range(tiles)])
    zeros = np.zeros(4)
    wanted = sample([np.stack([1 - p, zeros, zeros, p], axis=1) for p in ones], 2000, 11)
    for ours, theirs in zip(found.registers, wanted.registers, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_rows_that_do_not_fit_into_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = Circuit(num_qubits=2, operations=(op("ry", 0, angles=["t"]), op("x", 1)), measured=[(0, 1)])
    bindings = Bindings.of({"t": np.linspace(0, 3, 23)})
    whole = counts(circuit, bindings)
    monkeypatch.setattr(provider_module, "_MAX_EXPERIMENTS", 10)
    np.testing.assert_array_equal(counts(circuit, bindings).table, whole.table)


def test_impossible_outcomes_never_occur_and_tiny_ones_are_kept() -> None:
    circuit = Circuit(num_qubits=1, operations=(op("rx", 0, angles=["t"]),), measured=[(0,)])
    bindings = Bindings.of({"t": [0.0, 2 * np.pi, np.pi, 1e-3]})
    table = counts(circuit, bindings, 1_000_000).table
    assert table[:3].tolist() == [[1_000_000, 0], [1_000_000, 0], [0, 1_000_000]]
    np.testing.assert_array_equal(table, sample(exact(circuit, bindings), 1_000_000, 7).table)


def test_seeds() -> None:
    circuit = Circuit(num_qubits=1, operations=(op("h", 0),), measured=[(0,)])
    one = Bindings.of({}, shape=(50,))
    first, again, other = counts(circuit, one, 10**5, 1), counts(circuit, one, 10**5, 1), counts(circuit, one, 10**5, 2)
    assert (first.table == again.table).all()
    assert (first.table != other.table).any()
    assert len(set(first.table[:, 0])) > 1  # rows are drawn one by one, constant circuit or not


def test_provenance_and_capabilities() -> None:
    circuit = Circuit(num_qubits=3, operations=(op("h", 2),), measured=[(2, 0)])
    backend = qadapt.backend("aer:statevector")
    assert isinstance(backend, Backend)
    (result,) = finish(backend, Work(circuit, Bindings.of({}), 10, 3))
    said = result.provenance
    assert (said.backend, said.qubits, said.shots, said.seed) == ("aer:statevector", ((2, 0),), 10, 3)
    assert said.circuit_hash == circuit.content_hash
    assert said.simulated
    assert said.noise is None
    assert not said.vendor_mapping
    assert not said.vendor_optimisation
    assert said.mitigation == ()
    assert said.versions["qiskit-aer"] == qiskit_aer.__version__
    assert backend.capabilities.exact_sampling
    assert backend.capabilities.simulated
    assert set(backend.target.native) == set(GATES)
    assert isinstance(AerProvider(), Provider)


def test_several_works_and_a_repeated_tag() -> None:
    one = Circuit(num_qubits=1, operations=(op("x", 0),), measured=[(0,)])
    two = Circuit(num_qubits=2, operations=(op("x", 1),), measured=[(0, 1)])
    backend = AerBackend()
    works = (Work(one, Bindings.of({}), 10), Work(two, Bindings.of({}, shape=(2,)), 20))
    first, second = finish(backend, *works, tag="a")
    assert first.counts.table.tolist() == [[0, 10]]
    assert second.counts.table.tolist() == [[0, 0, 20, 0]] * 2
    assert backend.submit(works, tag="a") == backend.submit(works, tag="a")
    assert backend.submit(works, tag="a") != backend.submit(works, tag="b")


ONE = Circuit(num_qubits=1, operations=(op("rx", 0, angles=["t"]),), measured=[(0,)])
HUGE = Circuit(
    num_qubits=1, operations=(op("rx", 0, angles=[Parameter(name="t", scale=1e308, offset=1.7e308)]),), measured=[(0,)]
)
T = Bindings.of({"t": 0.5})


def chain(n: int) -> Circuit:
    operations = tuple(op("cx", k, k + 1) for k in range(n - 1))
    return Circuit(num_qubits=n, operations=operations, measured=[(n - 1,)])


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: Work(ONE, Bindings.of({"t": float("nan")}), 1), BindingsError),
        (lambda: Work(ONE, Bindings.of({"t": float("inf")}), 1), BindingsError),
        (lambda: Work(ONE, Bindings.of({"t": 1j}), 1), BindingsError),
        (lambda: Work(HUGE, T, 1), BindingsError),
        (lambda: Work(ONE, Bindings.of({}), 1), BindingsError),
        (lambda: Work(ONE, Bindings.of({"t": 0.5, "u": 1.0}), 1), BindingsError),
        (lambda: Work(ONE, T, 0), BindingsError),
        (lambda: Work(ONE, T, 1.5), BindingsError),
        (lambda: Work(ONE, T, True), BindingsError),
        (lambda: Work(ONE, T, 1, -1), BindingsError),
        (lambda: Work(ONE, T, 10**9), NotSupportedError),
        (lambda: Work(Circuit(num_qubits=1, operations=(op("xyz", 0),)), T, 1), CircuitError),
        (lambda: Work(Circuit(num_qubits=2, operations=(op("cx", 0, 2),)), T, 1), CircuitError),
        (lambda: Work(Circuit(num_qubits=2, operations=(op("cx", 0, 0),)), T, 1), CircuitError),
        (lambda: Work(Circuit(num_qubits=1, operations=(op("x", 0),)), Bindings.of({}), 1), TargetError),
        (lambda: Work(Circuit(num_qubits=4096, measured=[(4000,)]), Bindings.of({}), 1), TargetError),
        (lambda: Work(chain(25), Bindings.of({}), 1), NotSupportedError),
    ],
)
def test_bad_input_never_reaches_aer(
    make: Callable[[], Work], kind: type[QadaptError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(*_: object, **__: object) -> None:
        pytest.fail("Aer was reached")

    monkeypatch.setattr(qiskit_aer.AerSimulator, "run", reached)
    backend = AerBackend()
    monkeypatch.setattr(backend, "execute", reached)
    with pytest.raises(kind):
        backend.submit([make()], tag="bad")


def test_a_failure_that_aer_reports_in_its_result_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """24 connected qubits with a memory of 1 MB: Aer answers success False and raises nothing."""
    real = qiskit_aer.AerSimulator
    monkeypatch.setattr(qiskit_aer, "AerSimulator", lambda **options: real(**options, max_memory_mb=1))
    with pytest.raises(JobFailedError, match=r"aer: .*memory") as caught:
        finish(AerBackend(), Work(chain(24), Bindings.of({}), 1))
    assert caught.value.provider == "aer:statevector"
    assert caught.value.job_id


def test_every_exception_of_the_vendor_is_mapped() -> None:
    """All classes below QiskitError that Aer defines, after its modules are loaded."""
    found, todo = set[type](), [QiskitError]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind.__module__.split(".")[0] == "qiskit_aer":
            found.add(kind)
    assert {kind.__name__ for kind in found} >= {"AerError", "NoiseError"}
    assert found <= set(table())


def test_translation() -> None:
    ours = translate(qiskit_aer.AerError("boom"), provider="aer:x")
    assert type(ours) is JobFailedError
    assert "AerError" in str(ours)
    assert "boom" in str(ours)
    assert ours.provider == "aer:x"
    assert "fewer qubits" in translate(MemoryError(), provider="aer:x").hint
    assert isinstance(translate(KeyError("k"), provider="aer:x"), ProviderError)
    assert translate(ours, provider="other") is ours


def test_open_and_fetch_unknown_names() -> None:
    with pytest.raises(TargetError, match="statevector"):
        AerProvider().open("nope")
    assert list(AerProvider().targets()) == ["statevector"]
    state = AerBackend().fetch("nope")
    assert isinstance(state, Failed)
    assert isinstance(state.error, JobFailedError)


def test_done_can_be_fetched_again() -> None:
    backend = AerBackend()
    job = backend.submit([Work(ONE, T, 10, 1)], tag="t")
    end = time.monotonic() + 60
    while isinstance(backend.fetch(job), Pending):
        assert time.monotonic() < end
    backend.cancel(job)
    assert isinstance(backend.fetch(job), Done)
