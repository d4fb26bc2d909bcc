"""Cases that every exact provider must pass: circuits with known counts, bad input and jobs, and their checks."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from oracles import NAMES, phase_distance, register_probabilities, unitary
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.counts import sample
from qadapt.errors import BindingsError, JobFailedError, NotSupportedError, QadaptError, TargetError
from qadapt.exact import ExactBackend
from qadapt.gates import GATES
from qadapt.provider import Done, Failed, Lowering, Pending, Provider, Result, Work
from qadapt.simulate.components import merge, split
from qadapt.target import Target

NONE = Bindings.of({})
ONE = Bindings.of({"w": 0.5})
RY = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["w"]), op("cz", 0, 1)], measured=[0, 1])


def unitaries(circuit: Circuit, bindings: Bindings) -> NDArray[np.complex128]:
    """Matrices ``[rows, d, d]`` of a circuit; index bit k is qubit k."""
    return np.stack([unitary(circuit, bindings, row) for row in range(bindings.rows)])


def probabilities(circuit: Circuit, bindings: Bindings) -> list[NDArray[np.float64]]:
    """Exact distribution ``[rows, 2**bits]`` of each register."""
    rows = [register_probabilities(circuit, bindings, row) for row in range(bindings.rows)]
    return [np.stack(tables) for tables in zip(*rows, strict=True)]


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    """All subclasses, at any depth."""
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def uniform(circuit: Circuit, rows: int, span: float = 4.0, seed: int = 1) -> Bindings:
    """Uniformly distributed values for every parameter of a circuit."""
    values = np.random.default_rng(seed).uniform(-span, span, (rows, len(circuit.parameters)))
    return Bindings.rows_of(circuit.parameters, values)


def layered(qubits: int, layers: int, measured: Sequence[Any]) -> Circuit:
    """Rotations with a parameter each, and a chain of entangling gates."""
    operations = []
    for layer in range(layers):
        operations += [op("ry", q, angles=[f"b{layer * qubits + q}"]) for q in range(qubits)]
        operations += [op("cz", q, (q + 1) % qubits) for q in range(qubits - 1)]
        operations += [op("rx", q, angles=[0.3 + q]) for q in range(qubits)]
    return Circuit(num_qubits=qubits, operations=operations, measured=measured)


def chain(qubits: int) -> Circuit:
    """Connected qubits."""
    return Circuit(num_qubits=qubits, operations=[op("cz", q, q + 1) for q in range(qubits - 1)], measured=[0])


@st.composite
def works(draw: st.DrawFn, native: Sequence[str]) -> tuple[Circuit, Bindings]:
    """Circuits of any native gates on up to four qubits, with registers in any order, and their bindings."""
    count = draw(st.integers(1, 4))
    number = st.floats(-8, 8)
    angle = st.one_of(number, st.builds(Parameter, name=st.sampled_from(NAMES), scale=number, offset=number))
    operations = []
    for name in draw(st.lists(st.sampled_from([n for n in native if GATES[n].qubits <= count]), max_size=10)):
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


MEASURED: tuple[list[Any], ...] = ([0, 1, 2], [2, 0, 1], [2, 1, 0], [1], [2, 0], [[1], [2, 0]], [[2], [0], [1]])
"""Registers on three qubits, in any order and part."""


def idle() -> tuple[Circuit, Bindings]:
    """Qubits without gates among others."""
    operations = [op("x", 4), op("ry", 1, angles=[1.0])]
    return Circuit(num_qubits=6, operations=operations, measured=[[5, 4], [0, 1, 3]]), NONE


def scattered() -> tuple[Circuit, Bindings]:
    """One register across independent parts."""
    operations = [op("ry", q, angles=[f"a{q}"]) for q in range(5)] + [op("cx", 4, 0), op("cx", 1, 3)]
    circuit = Circuit(num_qubits=5, operations=operations, measured=[3, 0, 2, 1, 4])
    return circuit, uniform(circuit, 5)


def half_free() -> tuple[Circuit, Bindings]:
    """A part without parameters beside a part with one."""
    operations = [op("h", 0), op("cx", 0, 1), op("ry", 2, angles=["w"]), op("fence", 0, 1, 2)]
    circuit = Circuit(num_qubits=3, operations=operations, measured=[2, 1, 0])
    return circuit, Bindings.of({"w": [0.1, 0.2, 2.0]})


def many_names() -> tuple[Circuit, Bindings]:
    """Many parameters, bound in another order than that of the circuit."""
    names = ["b10", "b2", "B", "a[10]", "a[2]", "a", "_", "pi", "t", "b1", "U", "x"]
    operations = [op(("rx", "ry", "rz")[i % 3], i % 2, angles=[name]) for i, name in enumerate(names)]
    circuit = Circuit(num_qubits=2, operations=[*operations[:6], op("cz", 0, 1), *operations[6:]], measured=[0, 1])
    bindings = uniform(circuit, 6)
    return circuit, Bindings.of({name: bindings.column(name) for name in sorted(names)})


def shared_columns() -> tuple[Circuit, Bindings]:
    """Rows that are a product of two columns, six in all."""
    return layered(2, 1, [0, 1]), Bindings.of({"b0": [[0.1], [0.9], [2.0]], "b1": [[0.4, 1.5]]})


def extreme_angles(controlled: str) -> tuple[Circuit, Bindings]:
    """Angles from the smallest number to 1e300, in two rotations and in a two-qubit gate of the vendor."""
    operations = [op("ry", 0, angles=["w"]), op("rx", 1, angles=["w"]), op(controlled, 0, 1, angles=["w"]), op("h", 1)]
    values = [0.0, 1e-3, -1e-3, 1e-9, 5e-324, 6.5, -13.0, 1e3, -1e6, 1e12, 1e300]
    return Circuit(num_qubits=2, operations=operations, measured=[0, 1]), Bindings.of({"w": values})


def gate_angles(name: str, *, free: bool) -> Iterator[tuple[list[Any], Bindings]]:
    """Angles of a gate that cover its range, as names bound in many rows or as numbers, and their bindings."""
    gate, generator = GATES[name], np.random.default_rng(3)
    names = [f"angle.{index}" for index in range(len(gate.parameters))]
    angles: tuple[float, ...] = (
        0.0,
        0.3,
        -1.1,
        np.pi,
        -np.pi,
        np.pi / 2,
        2 * np.pi,
        3.5 * np.pi,
        -7.0,
        40.25,
        1e-9,
        -1e-9,
    )
    # The matrix of u3 has a phase of the sum of two angles, which rounding takes away from huge ones.
    angles += () if name == "u3" else (1e9, -1e300)
    values = np.array([generator.permutation(angles) for _ in names]).reshape(len(names), len(angles)).T
    if free or not names:
        yield list(names), Bindings.rows_of(names, values) if names else NONE
    else:
        yield from ((row, NONE) for row in values.tolist())


def named_rotations() -> tuple[Circuit, Bindings, Bindings]:
    """Twelve rotations by name around a cx, and the same three rows with columns in two orders."""
    names = ["b10", "b2", "B", "a[10]", "a[2]", "a", "_", "pi", "t", "b1", "Z.q[0]", "b"]
    operations = [op(("rx", "ry", "rz")[i % 3], i % 2, angles=[name]) for i, name in enumerate(names)]
    operations.insert(5, op("cx", 1, 0))
    values = np.random.default_rng(5).uniform(-4, 4, (3, len(names)))
    shuffled = Bindings.rows_of(sorted(names), values[:, np.argsort(names)])
    return Circuit(num_qubits=2, operations=operations), Bindings.rows_of(names, values), shuffled


ONCE, TWICE, SHIFTED = Parameter(name="w"), Parameter(name="w", scale=2.0), Parameter(name="w", offset=0.1)
REPEATED: tuple[Operation, ...] = tuple(op("rx", 0, angles=[angle]) for angle in (ONCE, TWICE, SHIFTED, ONCE, TWICE))
"""Three distinct angles of one name, two of them twice."""


def _far(qubit: int) -> Circuit:
    return Circuit(num_qubits=qubit + 1, operations=[op("x", qubit)], measured=[qubit])


_OVERFLOW = Circuit(num_qubits=1, operations=[op("ry", 0, angles=[Parameter(name="w", scale=1e10)])], measured=[0])
REFUSED: dict[str, tuple[Work, type[QadaptError]]] = {
    "missing": (Work(RY, NONE, 10), BindingsError),
    "extra": (Work(RY, Bindings.of({"w": 0.5, "v": 1.0}), 10), BindingsError),
    "overflow": (Work(_OVERFLOW, Bindings.of({"w": 1e300}), 10), BindingsError),
    "no shots": (Work(RY, ONE, 0), BindingsError),
    "half a shot": (Work(RY, ONE, 1.5), BindingsError),  # type: ignore[arg-type]
    "true shots": (Work(RY, ONE, True), BindingsError),
    "negative seed": (Work(RY, ONE, 10, -1), BindingsError),
    "too many shots": (Work(RY, ONE, 10**9), NotSupportedError),
    "too many rows": (Work(RY, Bindings.of({"w": np.zeros(70_000)}), 10), NotSupportedError),
    "too wide": (Work(chain(27), NONE, 10), NotSupportedError),
    "not measured": (Work(Circuit(num_qubits=1, operations=[op("x", 0)]), NONE, 10), TargetError),
    "out of range": (Work(_far(1024), NONE, 10), TargetError),
}
"""Work that no vendor may see, and the error it must raise."""
BAD_VALUES: tuple[Any, ...] = (np.nan, np.inf, -np.inf, 1j, "0.5", None, [], [[0.1], [0.2, 0.3]])
"""Values that no angle takes."""


def foreign(gate: str) -> Work:
    """Work with a two-qubit gate that the vendor does not have."""
    return Work(Circuit(num_qubits=2, operations=[op(gate, 0, 1)], measured=[0]), NONE, 10)


def reached(*_args: object, **_options: object) -> NoReturn:
    """Stand in for vendor code that must not run."""
    raise AssertionError("vendor code was reached")


def finish(backend: ExactBackend, job_id: str) -> Done | Failed:
    """Look until the job has ended."""
    while isinstance(state := backend.fetch(job_id), Pending):
        pass
    return state


def check_exact(
    backend: ExactBackend, circuit: Circuit, bindings: Bindings, *, shots: int = 10_000, seed: int = 11
) -> Result:
    """Assert that probabilities and counts are those of the dense oracle."""
    work, exact = Work(circuit, bindings, shots, seed), probabilities(circuit, bindings)
    for got, expected in zip(backend.probabilities(work), exact, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    result, wanted = backend.execute(work), sample(exact, shots, seed)
    for counts, drawn in zip(result.counts.registers, wanted.registers, strict=True):
        np.testing.assert_array_equal(counts, drawn)
    return result


def lowered_gap(backend: Any, circuit: Circuit, bindings: Bindings) -> float:
    """How far any row of a work is, as a unitary, from what is read back of it; infinite if other bits are measured.

    Gates that nothing measured depends on may be left out.
    """
    assert isinstance(backend, Lowering)
    read = [part for part in split(circuit, circuit.measured) if part.reads]
    seen, worst = merge(read, circuit.num_qubits), 0.0
    for row in range(bindings.rows):
        sent = backend.lowered(Work(circuit, bindings, 10), row)
        if sent.measured != circuit.measured:
            return np.inf
        found = Circuit(num_qubits=circuit.num_qubits, operations=sent.operations)
        worst = max(worst, phase_distance(unitary(seen, bindings, row), unitary(found, NONE, 0)))
    return worst


def check_no_such_row(backend: Any) -> None:
    """Assert that rows that are not there, and works that do not fit, are refused before they are lowered."""
    for row in (-1, 1):
        with pytest.raises(BindingsError, match=f"row {row} of"):
            backend.lowered(Work(RY, ONE, 10), row)
    with pytest.raises(BindingsError, match="missing"):
        backend.lowered(Work(RY, NONE, 10), 0)


def check_packed(backend: ExactBackend) -> None:
    """Assert the counts of forty pairs in one circuit of eighty qubits."""
    pair = layered(2, 2, [1, 0])
    moved = [
        operation.model_copy(update={"qubits": tuple(2 * tile + q for q in operation.qubits)})
        for tile in range(40)
        for operation in pair.operations
    ]
    circuit = Circuit(num_qubits=80, operations=moved, measured=[[2 * tile + 1, 2 * tile] for tile in range(40)])
    bindings = uniform(circuit, 2)
    result = backend.execute(Work(circuit, bindings, 1000, 3))
    (tile,) = probabilities(pair, bindings)
    wanted = sample([tile] * 40, 1000, 3)
    for got, expected in zip(result.counts.registers, wanted.registers, strict=True):
        np.testing.assert_array_equal(got, expected)


def check_job(backend: ExactBackend, name: str, package: str, version: str) -> None:
    """Assert results and provenance of a job of two works, submitted twice under one tag."""
    circuit = layered(2, 2, [1, 0])
    first, second = Work(circuit, uniform(circuit, 3), 500, 1), Work(circuit, uniform(circuit, 2, seed=9), 70, 2)
    job_id = backend.submit([first, second], tag="one")
    assert backend.submit([first, second], tag="one") == job_id
    done = finish(backend, job_id)
    assert isinstance(done, Done)
    for work, result in zip((first, second), done.results, strict=True):
        wanted = sample(probabilities(work.circuit, work.bindings), work.shots, work.seed)
        np.testing.assert_array_equal(result.counts.table, wanted.table)
        assert result.provenance.backend == name
        assert result.provenance.qubits == ((1, 0),)
        assert result.provenance.seed == work.seed
        assert result.provenance.simulated
        assert result.provenance.versions[package] == version


def check_unseeded(backend: ExactBackend) -> None:
    """Assert that counts without a seed differ from run to run."""
    circuit = Circuit(num_qubits=8, operations=[op("h", q) for q in range(8)], measured=list(range(8)))
    work = Work(circuit, NONE, 100_000, None)
    assert (backend.execute(work).counts.table != backend.execute(work).counts.table).any()


def check_reached(backend: ExactBackend) -> None:
    """Assert that good work does reach vendor code, which is ``reached`` here."""
    failed = finish(backend, backend.submit([Work(RY, ONE, 10)], tag="good"))
    assert isinstance(failed, Failed)
    assert "vendor code was reached" in str(failed.error)


def check_failure(backend: ExactBackend, monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> None:
    """Assert that a vendor method without memory makes a failed job with a hint."""

    def exhausted(*_args: object, **_options: object) -> NoReturn:
        raise MemoryError("8 PiB")

    monkeypatch.setattr(owner, method, exhausted)
    job_id = backend.submit([Work(RY, ONE, 10)], tag="memory")
    failed = finish(backend, job_id)
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, JobFailedError)
    assert isinstance(failed.error.__cause__, MemoryError)
    assert failed.error.job_id == job_id
    assert "fewer qubits" in failed.error.hint


def check_cancel(backend: ExactBackend, monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> None:
    """Assert that a queued job can be cancelled and that a running one, in a vendor method, ends."""
    started, go, real = threading.Event(), threading.Event(), getattr(owner, method)

    def slow(*args: Any, **options: Any) -> Any:
        started.set()
        assert go.wait(30)
        return real(*args, **options)

    monkeypatch.setattr(owner, method, slow)
    assert backend.capabilities.cancel
    running, queued = (backend.submit([Work(RY, ONE, 10)], tag=tag) for tag in ("running", "queued"))
    assert started.wait(30)
    assert isinstance(backend.fetch(running), Pending)
    for job_id in (queued, running):
        backend.cancel(job_id)
    go.set()
    assert isinstance(finish(backend, queued), Failed)
    assert isinstance(finish(backend, running), Done)


def check_targets(provider: Provider) -> None:
    """Assert that targets are ideal, all-to-all, named by their keys, and survive JSON."""
    for name, target in provider.targets().items():
        assert target.name == name
        assert Target.from_json(target.to_json()) == target
        assert target.ideal
        assert target.couplings is None
