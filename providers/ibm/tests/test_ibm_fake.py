"""Fake machines against the vendor's own noise model evolved by linear algebra, and against bad input."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import pytest
import qiskit_aer
import qiskit_ibm_runtime
from numpy.typing import NDArray
from qiskit.quantum_info import DensityMatrix, Operator, SuperOp
from qiskit_aer.noise import NoiseModel
from scipy.stats import chi2

import qadapt
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.counts import Counts
from qadapt.errors import (
    BindingsError,
    CircuitError,
    JobFailedError,
    NotSupportedError,
    QadaptError,
    TargetError,
)
from qadapt.gates import gate
from qadapt.provider import Backend, Failed, Pending, Result, Work
from qadapt.simulate import density
from qadapt_ibm import fake
from qadapt_ibm.fake import FakeBackend
from qadapt_ibm.noise import Noise

NAME = "fake_kingston"
FALSE_ALARM = 1e-6


@pytest.fixture(scope="module")
def backend() -> FakeBackend:
    return FakeBackend(NAME)


@pytest.fixture(scope="module")
def vendor_noise() -> NoiseModel:
    """All errors of the machine, as Aer makes them from the backend."""
    model: NoiseModel = NoiseModel.from_backend(fake.machine(NAME))
    return model


def finish(backend: Backend, *works: Work, tag: str) -> tuple[Result, ...]:
    job = backend.submit(works, tag=tag)
    end = time.monotonic() + 120
    while isinstance(state := backend.fetch(job), Pending):
        assert time.monotonic() < end
    if isinstance(state, Failed):
        raise state.error
    return state.results


def exact(circuit: Circuit, values: Mapping[str, float], noise: NoiseModel) -> list[NDArray[np.float64]]:
    """Noisy probabilities of every register of one row, from the vendor's channels, without its simulator."""
    used = sorted({q for operation in circuit.operations for q in operation.qubits} | set(circuit.bits))
    local = {qubit: k for k, qubit in enumerate(used)}
    state = DensityMatrix.from_int(0, 2 ** len(used))
    for operation in circuit.gates():
        angles = [a if isinstance(a, float) else a.scale * values[a.name] + a.offset for a in operation.angles]
        places = [local[qubit] for qubit in operation.qubits]
        state = state.evolve(Operator(gate(operation.gate).matrix(*angles)), places)
        error = noise._local_quantum_errors.get(operation.gate, {}).get(operation.qubits)
        if error is not None:
            state = state.evolve(SuperOp(error), places)
    found = []
    for register in circuit.measured:
        table = state.probabilities([local[qubit] for qubit in register]).reshape((2,) * len(register))
        for k, qubit in enumerate(register):
            error = noise._local_readout_errors.get((qubit,))
            flips = np.eye(2) if error is None else error.probabilities  # row: prepared, column: read
            axis = len(register) - 1 - k
            table = np.moveaxis(np.tensordot(flips.T, table, axes=(1, axis)), 0, axis)
        found.append(table.reshape(-1))
    return found


def assert_drawn_from(counts: NDArray[np.int64], probabilities: NDArray[np.float64]) -> None:
    """G-test of one row at a false-alarm rate of 1e-6; outcomes expected fewer than 5 times are put together."""
    expected = probabilities * counts.sum()
    rare = expected < 5
    seen = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], expected[rare].sum())
    seen, wanted = seen[wanted > 0], wanted[wanted > 0]
    terms = np.where(seen > 0, seen * np.log(np.maximum(seen, 1) / wanted), 0.0)
    assert 2 * terms.sum() < chi2.isf(FALSE_ALARM, len(seen) - 1)


def ansatz(qubits: tuple[int, ...], edges: tuple[tuple[int, int], ...], prefix: str) -> list[Operation]:
    """Two layers of native rotations with cz between."""
    steps: list[Operation] = []
    for layer in range(2):
        for qubit in qubits:
            steps += [op("sx", qubit), op("rz", qubit, angles=[f"{prefix}{layer}_{qubit}"]), op("sx", qubit)]
        steps += [op("cz", *edge) for edge in edges]
    steps += [op("sx", qubits[0]), op("x", qubits[-1])]
    return steps


def path(backend: Backend, length: int, *, away: set[int] | None = None) -> tuple[int, ...]:
    """A path of live couplers that avoids some qubits."""
    couplings = backend.target.couplings
    assert couplings is not None
    near: dict[int, list[int]] = {}
    for a, b in couplings:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    found = [(qubit,) for qubit in near if qubit not in (away or set())]
    for _ in range(length - 1):
        found = [(*p, q) for p in found for q in near[p[-1]] if q not in p and q not in (away or set())]
    return found[0]


def test_noise_of_a_place_is_the_vendors(vendor_noise: NoiseModel) -> None:
    """All places of some qubits, broken ones among them: equal channels, equal readout errors, nothing more or less."""
    target = fake.target(NAME)
    qubits = {*range(6), *range(110, 114), *range(144, 149)}
    places = {
        (name, site.qubits) for name in target.native for site in target.sites[name] if qubits.issuperset(site.qubits)
    }
    ours = Noise(fake.machine(NAME).target).model(places, qubits)
    for name in target.native:
        theirs = {
            place: error
            for place, error in vendor_noise._local_quantum_errors.get(name, {}).items()
            if qubits.issuperset(place)
        }
        assert ours._local_quantum_errors.get(name, {}) == theirs
    assert set(ours._local_readout_errors) == {(qubit,) for qubit in qubits}
    for place, error in ours._local_readout_errors.items():
        assert error == vendor_noise._local_readout_errors[place]
    assert not ours._default_quantum_errors


def test_counts_follow_the_vendors_noise(backend: FakeBackend, vendor_noise: NoiseModel) -> None:
    """A path of three qubits with a permuted register, against the exact noisy distribution, row by row."""
    a, b, c = path(backend, 3)
    circuit = Circuit(num_qubits=156, operations=tuple(ansatz((a, b, c), ((a, b), (c, b)), "t")), measured=[(c, a, b)])
    generator = np.random.default_rng(12)
    bindings = Bindings.of({name: generator.uniform(-3, 3, 6) for name in circuit.parameters})
    (result,) = finish(backend, Work(circuit, bindings, 100_000, 5), tag="vendor")
    for row in range(6):
        values = {name: float(bindings.column(name)[row]) for name in circuit.parameters}
        (wanted,) = exact(circuit, values, vendor_noise)
        assert_drawn_from(result.counts.table[row], wanted)
        ideal = exact(circuit, values, NoiseModel())[0]
        assert np.abs(ideal - wanted).sum() > 0.02  # the noise is there to be seen


def test_the_emulator_computes_what_the_vendors_noise_gives(backend: FakeBackend, vendor_noise: NoiseModel) -> None:
    """The target alone, through qadapt's density simulator, says the same as IBM's channels and Aer's counts."""
    tiles = [path(backend, 2), path(backend, 3, away=set(range(40)))]
    steps, measured = [], []
    for number, tile in enumerate(tiles):
        steps += ansatz(tile, tuple(pairwise(tile)), f"t{number}_")
        measured.append(tile[::-1])
    circuit = Circuit(num_qubits=156, operations=tuple(steps), measured=measured)
    generator = np.random.default_rng(8)
    bindings = Bindings.of({name: generator.uniform(-3, 3, 4) for name in circuit.parameters})
    ours = density.probabilities(circuit, bindings, backend.target)
    (result,) = finish(backend, Work(circuit, bindings, 50_000, 2), tag="emulator")
    for row in range(4):
        values = {name: float(bindings.column(name)[row]) for name in circuit.parameters}
        for number, register in enumerate(measured):
            alone = circuit.model_copy(update={"measured": (register,), "operations": of_tile(circuit, register)})
            np.testing.assert_allclose(ours[number][row], exact(alone, values, vendor_noise)[0], atol=1e-9)
            assert_drawn_from(result.counts.registers[number][row], ours[number][row])


def of_tile(circuit: Circuit, qubits: tuple[int, ...]) -> tuple[Operation, ...]:
    return tuple(operation for operation in circuit.operations if set(operation.qubits) <= set(qubits))


def test_packed_registers_and_spanning_registers(backend: FakeBackend, vendor_noise: NoiseModel) -> None:
    """Two tiles and an idle qubit: one register across both tiles, one of a single bit, one of the idle qubit."""
    a, b = path(backend, 2)
    c, d = path(backend, 2, away={a, b})
    idle = next(q for q in backend.target.live_qubits if q not in (a, b, c, d))
    steps = (*ansatz((a, b), ((a, b),), "p"), op("fence", a, b, c, d), *ansatz((c, d), ((d, c),), "q"))
    circuit = Circuit(num_qubits=156, operations=steps, measured=[(d, a, c), (idle,), (b,)])
    generator = np.random.default_rng(3)
    bindings = Bindings.of({name: generator.uniform(-3, 3, 3) for name in circuit.parameters})
    (result,) = finish(backend, Work(circuit, bindings, 50_000, 9), tag="packed")
    assert [table.shape for table in result.counts.registers] == [(3, 8), (3, 2), (3, 2)]
    for row in range(3):
        values = {name: float(bindings.column(name)[row]) for name in circuit.parameters}
        for table, wanted in zip(result.counts.registers, exact(circuit, values, vendor_noise), strict=True):
            assert_drawn_from(table[row], wanted)


def test_a_circuit_without_gates_reads_its_readout_errors_and_logs_nothing(
    backend: FakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    qubit, shots = 5, 100_000
    circuit = Circuit(num_qubits=backend.target.num_qubits, operations=(), measured=((qubit,),))
    (result,) = finish(backend, Work(circuit, Bindings.of({}), shots, seed=1), tag="no gates")
    misread = backend.target.qubits[qubit].prob_meas1_prep0
    # Five standard deviations and a half: false alarms below 1e-7.
    assert abs(result.counts.table[0, 1] / shots - misread) < 5.5 * np.sqrt(misread * (1 - misread) / shots)
    assert misread > 0
    assert not caplog.records


def test_all_rows_and_tiles_of_a_work_are_one_call(backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = qiskit_aer.AerSimulator.run

    def spy(self: object, circuits: list[object], **options: object) -> object:
        calls.append(len(circuits))
        return real(self, circuits, **options)

    monkeypatch.setattr(qiskit_aer.AerSimulator, "run", spy)
    a, b = path(backend, 2)
    c, d = path(backend, 2, away={a, b})
    steps = (*ansatz((a, b), ((a, b),), "p"), *ansatz((c, d), ((d, c),), "q"))
    circuit = Circuit(num_qubits=156, operations=steps, measured=[(a, b), (c, d)])
    bindings = Bindings.of(dict.fromkeys(circuit.parameters, np.linspace(0, 1, 20)))
    finish(backend, Work(circuit, bindings, 10, 1), tag="one call")
    assert calls == [2]
    monkeypatch.setattr(fake, "_MAX_EXPERIMENTS", 16)
    finish(backend, Work(circuit, bindings, 10, 1), tag="three calls")
    assert calls == [2, 2, 2, 2]


def flat(backend: FakeBackend, seed: int | None, tag: str, rows: int = 30) -> Counts:
    (qubit,) = path(backend, 1)
    circuit = Circuit(num_qubits=156, operations=(op("sx", qubit),), measured=[(qubit,)])
    (result,) = finish(backend, Work(circuit, Bindings.of({}, shape=(rows,)), 1000, seed), tag=tag)
    assert result.provenance.seed == seed
    return result.counts


def test_seeds(backend: FakeBackend) -> None:
    """A seed decides the counts; rows of a circuit without parameters are drawn one by one; no seed is fresh."""
    first, again, other = (flat(backend, seed, tag) for seed, tag in ((1, "s1"), (1, "s2"), (2, "s3")))
    np.testing.assert_array_equal(first.table, again.table)
    assert (first.table != other.table).any()
    assert len(set(first.table[:, 0].tolist())) > 10
    assert (flat(backend, None, "s4").table != flat(backend, None, "s5").table).any()


def test_provenance_and_capabilities(backend: FakeBackend) -> None:
    (qubit,) = path(backend, 1)
    circuit = Circuit(num_qubits=156, operations=(op("x", qubit),), measured=[(qubit,)])
    (result,) = finish(backend, Work(circuit, Bindings.of({}), 7, 3), tag="provenance")
    said = result.provenance
    assert (said.backend, said.qubits, said.shots, said.seed) == ("ibm:fake_kingston", ((qubit,),), 7, 3)
    assert said.circuit_hash == circuit.content_hash
    assert said.simulated
    assert said.noise == "Aer noise model of fake_kingston, calibration 2026-04-15"
    assert said.calibrated == backend.target.calibrated
    assert said.mitigation == ()
    assert said.versions["qiskit-ibm-runtime"] == qiskit_ibm_runtime.__version__
    assert said.versions["qiskit-aer"] == qiskit_aer.__version__
    assert backend.capabilities.seed
    assert backend.capabilities.simulated
    assert not backend.capabilities.exact_sampling
    assert not backend.capabilities.retrieval
    assert isinstance(backend, Backend)


def test_end_to_end_through_the_runner(vendor_noise: NoiseModel) -> None:
    """A Bell-like circuit of any gates is compiled, packed and run: correlated in every row."""
    circuit = Circuit(num_qubits=2, operations=(op("ry", 0, angles=["t"]), op("cx", 0, 1)), measured=[(0, 1)])
    angles = np.linspace(0.3, 2.8, 8)
    found = qadapt.run(circuit, Bindings.of({"t": angles}), qadapt.backend("ibm:fake_kingston"), shots=4000, seed=1)
    assert found.tiles == 8
    frequencies = found.counts.frequencies
    # Readout and gate errors are a few percent; shot noise is below 0.05 at 6 sigma.
    np.testing.assert_allclose(frequencies[:, 3], np.sin(angles / 2) ** 2, atol=0.15)
    assert (frequencies[:, [1, 2]].sum(axis=1) < 0.2).all()


def works(backend: FakeBackend) -> Mapping[str, Callable[[], Work]]:
    """Works that have to be refused."""
    (a,) = path(backend, 1)
    far = next(q for q in backend.target.live_qubits if q not in path(backend, 3))
    measured = [(a,)]
    turn = Circuit(num_qubits=156, operations=(op("rz", a, angles=["t"]),), measured=measured)
    beyond = Parameter(name="t", scale=1e308, offset=1.7e308)
    huge = Circuit(num_qubits=156, operations=(op("rz", a, angles=[beyond]),), measured=measured)
    none = Bindings.of({})
    one = Bindings.of({"t": 0.5})

    def fixed(*steps: Operation, num_qubits: int = 156) -> Work:
        return Work(Circuit(num_qubits=num_qubits, operations=steps, measured=measured), none, 1)

    long = path(backend, 11)
    return {
        "nan": lambda: Work(turn, Bindings.of({"t": float("nan")}), 1),
        "overflow": lambda: Work(huge, one, 1),
        "missing": lambda: Work(turn, none, 1),
        "extra": lambda: Work(turn, Bindings.of({"t": 0.5, "u": 0.5}), 1),
        "no shots": lambda: Work(turn, one, 0),
        "half a shot": lambda: Work(turn, one, 1.5),  # type: ignore[arg-type]
        "bad seed": lambda: Work(turn, one, 1, -5),
        "too many shots": lambda: Work(turn, one, 10**8),
        "unknown gate": lambda: fixed(op("nope", a)),
        "not native": lambda: fixed(op("h", a)),
        "uncoupled": lambda: fixed(op("cz", a, far)),
        "dead coupler": lambda: fixed(op("cz", *dead_coupler(backend))),
        "dead qubit": lambda: fixed(op("x", 146)),
        "out of range": lambda: fixed(op("x", 156), num_qubits=200),
        "nothing measured": lambda: Work(Circuit(num_qubits=156, operations=(op("x", a),)), none, 1),
        "too many connected": lambda: fixed(*(op("cz", p, q) for p, q in pairwise(long))),
    }


def dead_coupler(backend: FakeBackend) -> tuple[int, int]:
    live = set(backend.target.live_qubits)
    found = [s.qubits for s in backend.target.sites["cz"] if s.error == 1 and live.issuperset(s.qubits)]
    return found[0][0], found[0][1]


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("nan", BindingsError),
        ("overflow", BindingsError),
        ("missing", BindingsError),
        ("extra", BindingsError),
        ("no shots", BindingsError),
        ("half a shot", BindingsError),
        ("bad seed", BindingsError),
        ("too many shots", NotSupportedError),
        ("unknown gate", CircuitError),
        ("not native", TargetError),
        ("uncoupled", TargetError),
        ("dead coupler", TargetError),
        ("dead qubit", TargetError),
        ("out of range", TargetError),
        ("nothing measured", TargetError),
        ("too many connected", NotSupportedError),
    ],
)
def test_bad_input_never_reaches_the_vendor(
    backend: FakeBackend, case: str, kind: type[QadaptError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(*_: object, **__: object) -> None:
        pytest.fail("the vendor was reached")

    monkeypatch.setattr(qiskit_aer.AerSimulator, "run", reached)
    monkeypatch.setattr(backend, "execute", reached)
    with pytest.raises(kind):
        backend.submit([works(backend)[case]()], tag=case)


def test_a_failure_that_aer_reports_in_its_result_is_an_error(
    backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = qiskit_aer.AerSimulator
    monkeypatch.setattr(qiskit_aer, "AerSimulator", lambda **options: real(**options, max_memory_mb=1))
    long = path(backend, 9)
    steps = [op("sx", q) for q in long] + [op("cz", p, q) for p, q in pairwise(long)]
    steps += [op("sx", q) for q in long]
    circuit = Circuit(num_qubits=156, operations=tuple(steps), measured=[long])
    with pytest.raises(JobFailedError, match=r"aer: .*memory") as caught:
        finish(backend, Work(circuit, Bindings.of({}), 10), tag="memory")
    assert caught.value.provider == "ibm:fake_kingston"
    assert caught.value.job_id
