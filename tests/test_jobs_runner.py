"""The runner: rows in order through chunks, packing and jobs, and every failure as an error of our tree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oracles import adapter_circuit, line, random_bindings, register_probabilities
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.counts import Counts
from qadapt.errors import BadResultError, BindingsError, JobFailedError, NotSupportedError, TargetError
from qadapt.inline import InlineBackend
from qadapt.jobs import derived_seed, run
from qadapt.provider import Provenance, Result, Work
from qadapt.target import Capabilities, Target

SIMULATOR = Target(name="any", num_qubits=8, native=("rx", "ry", "rz", "cz"))
PAIR = adapter_circuit(2, ((0, 1),))


class Scripted(InlineBackend):
    """A backend that answers with the rounded exact distribution, so that rows can be told apart without sampling."""

    def __init__(self, target: Target = SIMULATOR, spoil: Callable[[Counts], Counts] = lambda counts: counts, **can):
        super().__init__("scripted:any", target, Capabilities(seed=True, simulated=True, **can))
        self.works: list[Work] = []
        self.spoil = spoil

    def execute(self, work: Work) -> Result:
        self.works.append(work)
        rows = [register_probabilities(work.circuit, work.bindings, row) for row in range(work.bindings.rows)]
        tables = []
        for tables_of_register in zip(*rows, strict=True):
            table = np.floor(np.array(tables_of_register) * work.shots).astype(np.int64)
            table[:, 0] += work.shots - table.sum(axis=1)
            tables.append(table)
        provenance = Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=work.seed,
            simulated=True,
        )
        return Result(self.spoil(Counts(tuple(tables), work.shots)), provenance)


def expected(circuit: Circuit, bindings: Bindings) -> np.ndarray:
    return np.array([register_probabilities(circuit, bindings, row)[0] for row in range(bindings.rows)])


@pytest.mark.parametrize(("rows", "max_rows", "max_works"), [(1, 10, 1), (7, 3, 2), (9, 3, 1), (10, 4, 64)])
def test_rows_keep_their_order_through_chunks(rows, max_rows, max_works):
    bindings = random_bindings(PAIR, rows)
    backend = Scripted(max_rows=max_rows, max_works=max_works)
    done: list[tuple[int, int]] = []
    result = run(PAIR, bindings, backend, shots=10**6, seed=3, progress=lambda at: done.append((at.done, at.total)))
    assert np.abs(result.counts.frequencies - expected(PAIR, bindings)).max() < 1e-5
    assert done[-1] == (rows, rows)
    assert result.executions == rows
    seeds = [work.seed for work in backend.works]
    assert seeds[0] == 3
    assert len(set(seeds)) == len(seeds)
    assert result.provenance.seed == 3


def test_no_submit_has_more_executions_than_the_backend_takes():
    bindings = random_bindings(PAIR, 25)
    backend = Scripted(max_executions=10_000)
    result = run(PAIR, bindings, backend, shots=1000)
    assert [work.bindings.rows for work in backend.works] == [10, 10, 5]
    assert np.abs(result.counts.frequencies - expected(PAIR, bindings)).max() < 1e-2
    with pytest.raises(NotSupportedError, match="max_executions"):
        run(PAIR, bindings, backend, shots=10_001)


@pytest.mark.parametrize("native", [("cz", "sx", "x", "rz"), ("cz", "u3"), ("cz", "rphi")])
def test_a_chip_is_packed_and_rows_come_back(native):
    bindings = random_bindings(PAIR, 7)
    result = run(PAIR, bindings, Scripted(line(native, 6)), shots=10**6)
    assert (result.tiles, result.executions) == (3, 3)
    assert np.abs(result.counts.frequencies - expected(PAIR, bindings)).max() < 1e-5
    single = run(PAIR, bindings, Scripted(line(native, 6)), shots=10**6, packed=False)
    assert (single.tiles, single.executions) == (1, 7)
    assert np.abs(single.counts.frequencies - expected(PAIR, bindings)).max() < 1e-5


def test_what_needs_routing_runs_one_copy_at_a_time_unless_packing_is_asked_for():
    triangle = adapter_circuit(3, ((0, 1), (1, 2), (0, 2)))
    bindings = random_bindings(triangle, 2)
    result = run(triangle, bindings, Scripted(line(("cz", "u3"), 4)), shots=10**6)
    assert result.tiles == 1
    assert np.abs(result.counts.frequencies - expected(triangle, bindings)).max() < 1e-5
    with pytest.raises(TargetError, match="no tile"):
        run(triangle, bindings, Scripted(line(("cz", "u3"), 4)), shots=10, packed=True)


def lost_shot(counts: Counts) -> Counts:
    table = counts.registers[0].copy()
    table[0, table[0].argmax()] -= 1
    return Counts((table,), counts.shots)


@pytest.mark.parametrize(
    "spoil",
    [
        lost_shot,
        lambda counts: Counts((counts.registers[0][:-1],), counts.shots),
        lambda counts: Counts((counts.registers[0][:, :2],), counts.shots),
        lambda counts: Counts((counts.registers[0].astype(float),), counts.shots),
        lambda counts: Counts(counts.registers * 2, counts.shots),
    ],
    ids=["shot", "row", "width", "float", "register"],
)
def test_wrong_counts_are_a_bad_result(spoil):
    with pytest.raises(BadResultError):
        run(PAIR, random_bindings(PAIR, 3), Scripted(spoil=spoil), shots=100)


def test_an_exception_in_a_vendor_fails_the_job():
    def boom(counts: Counts) -> Counts:
        raise RuntimeError("vendor said no")

    with pytest.raises(JobFailedError, match="vendor said no") as caught:
        run(PAIR, random_bindings(PAIR, 1), Scripted(spoil=boom), shots=10)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert caught.value.job_id


@pytest.mark.parametrize("shots", [0, -1, 1.5, True, None])
def test_bad_shots_are_refused_before_the_backend_sees_them(shots):
    backend = Scripted()
    with pytest.raises(BindingsError, match="shots"):
        run(PAIR, random_bindings(PAIR, 1), backend, shots=shots)
    assert not backend.works


def test_bad_bindings_circuits_and_limits_are_refused_before_the_backend_sees_them():
    backend = Scripted(max_shots=100)
    with pytest.raises(BindingsError, match="missing"):
        run(PAIR, Bindings.of({"a0": 1.0}), backend, shots=10)
    with pytest.raises(BindingsError, match="extra"):
        run(Circuit(num_qubits=1, measured=[0]), Bindings.of({"a0": 1.0}), backend, shots=10)
    with pytest.raises(TargetError, match="nothing is measured"):
        run(Circuit(num_qubits=1, operations=[op("rx", 0, angles=[1])]), Bindings.of({}), backend, shots=10)
    with pytest.raises(NotSupportedError, match="max_shots"):
        run(PAIR, random_bindings(PAIR, 1), backend, shots=101)
    with pytest.raises(BindingsError, match="seed"):
        run(PAIR, random_bindings(PAIR, 1), backend, shots=10, seed=-1)
    assert not backend.works


@pytest.mark.parametrize("packed", [None, False])
def test_an_angle_that_the_compiler_would_drop_is_refused(packed):
    backend = Scripted(line(("cz", "u3"), 4))
    circuit = Circuit(num_qubits=1, operations=[op("rz", 0, angles=["t"])], measured=[0])
    with pytest.raises(BindingsError, match="not finite"):
        run(circuit, Bindings({"t": np.array([0.1, np.nan])}, (2,)), backend, shots=10, packed=packed)
    assert not backend.works


def test_values_by_name_and_backends_by_name_are_taken():
    circuit = Circuit(num_qubits=1, operations=[op("rx", 0, angles=["t"])], measured=[0])
    by_name = run(circuit, {"t": [0.0, np.pi]}, "local:statevector", shots=10, seed=1)
    assert by_name.counts.table.tolist() == [[10, 0], [0, 10]]
    assert run(Circuit(num_qubits=1, measured=[0]), {}, Scripted(), shots=10).counts.table.tolist() == [[10, 0]]
    for wrong in (None, [1.0], 3):
        with pytest.raises(BindingsError, match="expected Bindings or values by name"):
            run(circuit, wrong, Scripted(), shots=10)


def test_derived_seeds_differ_and_repeat():
    seeds = [derived_seed(5, number) for number in range(100)]
    assert seeds[0] == 5
    assert len(set(seeds)) == 100
    assert seeds == [derived_seed(5, number) for number in range(100)]
    assert derived_seed(None, 3) is None
