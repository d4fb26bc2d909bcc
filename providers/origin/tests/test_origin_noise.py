"""The emulator against a dense density-matrix oracle, the vendor's own channels and qadapt's density simulator."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import brentq

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.counts import sample
from qadapt.errors import NotSupportedError, TargetError
from qadapt.gates import gate
from qadapt.provider import Work
from qadapt.simulate import density
from qadapt.simulate.noise import channel
from qadapt.target import Qubit, Site, Target, bundled_targets
from qadapt_origin.errors import sdk
from qadapt_origin.lower import NATIVE
from qadapt_origin.noise import kraus, noise_model
from qadapt_origin.provider import EmulatorBackend, OriginProvider
from qadapt_origin.read import misread

ONE_ROW = Bindings.of({})
N = 4
TARGET = Target(
    name="small",
    num_qubits=N,
    native=("rphi", "cz"),
    qubits=(
        Qubit(t1=12e-6, t2=1.4e-6, prob_meas1_prep0=0.02, prob_meas0_prep1=0.07),
        Qubit(t1=2e-6, t2=3.9e-6, prob_meas1_prep0=0.05, prob_meas0_prep1=0.03),
        Qubit(t1=1e-6, t2=5e-6, prob_meas0_prep1=0.1),
        Qubit(t1=15e-6),
    ),
    sites={
        "rphi": (
            Site(qubits=(0,), error=0.02, duration=30e-9),
            Site(qubits=(1,), error=0.001, duration=30e-9),
            Site(qubits=(2,), error=0.1),
            Site(qubits=(3,), duration=60e-9),
        ),
        "cz": (
            Site(qubits=(0, 1), error=0.05, duration=40e-9),
            Site(qubits=(2, 1), error=0.09, duration=80e-9),
            Site(qubits=(2, 3), error=0.05, duration=40e-9),
        ),
    },
)
"""Relaxation alone exceeds the error of rphi on qubit 1; some errors, durations and T2 are unknown; T2 of qubit 2 is
unphysical."""

Matrix = NDArray[np.complex128]


def spread(matrix: Any, qubits: Sequence[int], total: int) -> Matrix:
    """Matrix on some qubits as one on all, entry by entry."""
    out = np.zeros((2**total, 2**total), dtype=complex)
    for column, local in itertools.product(range(2**total), range(2 ** len(qubits))):
        before = sum((column >> qubit & 1) << k for k, qubit in enumerate(qubits))
        row = column - sum(column & 1 << qubit for qubit in qubits)
        row += sum((local >> k & 1) << qubit for k, qubit in enumerate(qubits))
        out[row, column] = matrix[local][before]
    return out


def mixture(rho: Matrix, operators: Sequence[Any], qubits: Sequence[int]) -> Matrix:
    """Kraus operators on some qubits of a density matrix."""
    wide = [spread(operator, qubits, len(rho).bit_length() - 1) for operator in operators]
    out: Matrix = np.sum([one @ rho @ one.conj().T for one in wide], axis=0)
    return out


def follow(
    rho: Matrix, qubits: Sequence[int], calibrations: Sequence[Qubit], duration: float, strength: float
) -> Matrix:
    """Noise after a gate: all Pauli products, then amplitude damping and the dephasing that is left of T2."""
    paulis = [gate(name).matrix() for name in ("id", "x", "y", "z")]
    mixed = rho
    for qubit in qubits:
        mixed = mixture(mixed, [pauli / 2 for pauli in paulis], [qubit])
    rho = (1 - strength) * rho + strength * mixed
    for qubit, known in zip(qubits, calibrations, strict=True):
        t1 = known.t1 or np.inf
        damped = 1 - np.exp(-duration / t1)
        dephasing = 0.0 if known.t2 is None else max(1 / known.t2 - 0.5 / t1, 0.0)
        flipped = (1 - np.exp(-duration * dephasing)) / 2
        rho = mixture(rho, [[[1, 0], [0, np.sqrt(1 - damped)]], [[0, np.sqrt(damped)], [0, 0]]], [qubit])
        rho = mixture(rho, [np.sqrt(1 - flipped) * np.eye(2), np.sqrt(flipped) * np.diag([1, -1])], [qubit])
    return rho


def design(qubits: int) -> list[NDArray[np.complex128]]:
    """Mutually unbiased bases, which are a 2-design; of two qubits three are products, two a cz away from products."""
    z, x = [np.array([1, 0j]), np.array([0j, 1])], [np.array([1, s]) / np.sqrt(2) + 0j for s in (1, -1)]
    y = [np.array([1, s]) / np.sqrt(2) for s in (1j, -1j)]
    if qubits == 1:
        return [*z, *x, *y]
    cz = np.diag([1, 1, 1, -1])
    products = [np.kron(a, b) for basis in (z, x, y) for a in basis for b in basis]
    return products + [cz @ np.kron(a, b) for one, two in ((x, y), (y, x)) for a in one for b in two]


@cache
def strength(error: float | None, duration: float, calibrations: tuple[Qubit, ...]) -> float:
    """Depolarising strength with which the mean fidelity over a 2-design is the calibrated one."""
    states, local = design(len(calibrations)), range(len(calibrations))

    def excess(p: float) -> float:
        after = [follow(np.outer(s, s.conj()), local, calibrations, duration, p) for s in states]
        fidelity = np.mean([np.vdot(s, rho @ s).real for s, rho in zip(states, after, strict=True)])
        return float(1 - fidelity - (error or 0.0))

    return 0.0 if excess(0.0) >= 0 else float(brentq(excess, 0.0, 1.0, xtol=1e-14))


def oracle(circuit: Circuit, values: dict[str, float]) -> tuple[NDArray[np.float64], ...]:
    """Distribution of every register of one row, readout errors included."""
    rho = np.zeros((2**N, 2**N), dtype=complex)
    rho[0, 0] = 1
    for operation in circuit.gates():
        angles = [a.scale * values[a.name] + a.offset if isinstance(a, Parameter) else a for a in operation.angles]
        rho = mixture(rho, [gate(operation.gate).matrix(*angles)], operation.qubits)
        (site,) = (s for s in TARGET.sites[operation.gate] if set(s.qubits) == set(operation.qubits))
        calibrations = tuple(TARGET.qubits[qubit] for qubit in operation.qubits)
        duration = site.duration or 0.0
        p = strength(site.error, duration, calibrations)
        rho = follow(rho, operation.qubits, calibrations, duration, p)
    tables = []
    for register in circuit.measured:
        table = np.zeros(2 ** len(register))
        for state, seen in itertools.product(range(2**N), range(2 ** len(register))):
            weight = rho[state, state].real
            for bit, qubit in enumerate(register):
                known, true = TARGET.qubits[qubit], state >> qubit & 1
                flip = known.prob_meas0_prep1 if true else known.prob_meas1_prep0
                weight *= flip if true != seen >> bit & 1 else 1 - flip
            table[seen] += weight
        tables.append(table)
    return tuple(tables)


@st.composite
def noisy(draw: Any) -> Work:
    operations = list[Operation]()
    for _ in range(draw(st.integers(0, 9))):
        if draw(st.booleans()):
            pair = draw(st.sampled_from([(0, 1), (1, 2), (2, 3)]))
            operations.append(op("cz", *draw(st.permutations(pair))))
        else:
            theta = draw(st.one_of(st.floats(-7, 7), st.sampled_from(["a10", "a9"])))
            operations.append(op("rphi", draw(st.integers(0, N - 1)), angles=[theta, draw(st.floats(-7, 7))]))
    order = draw(st.permutations(range(N)))[: draw(st.integers(1, N))]
    cut = draw(st.integers(0, len(order) - 1))
    circuit = Circuit(
        num_qubits=N, operations=tuple(operations), measured=[part for part in (order[:cut], order[cut:]) if part]
    )
    values = {name: [draw(st.floats(-7, 7)), 0.4] for name in circuit.parameters}
    return Work(circuit, Bindings.of(values, shape=(2,)), 100, 3)


@pytest.fixture(scope="module")
def small() -> EmulatorBackend:
    return EmulatorBackend(TARGET)


@pytest.fixture(scope="module")
def wukong() -> EmulatorBackend:
    backend = OriginProvider().open("wukong72-emulator")
    assert isinstance(backend, EmulatorBackend)
    return backend


def test_the_oracle_averages_over_a_2_design() -> None:
    for qubits in (1, 2):
        states, d = design(qubits), 2**qubits
        frame = np.mean([abs(np.vdot(a, b)) ** 4 for a in states for b in states])
        assert frame == pytest.approx(2 / (d * (d + 1)))  # the Welch bound, which only 2-designs reach


@settings(max_examples=50, deadline=None, derandomize=True)
@given(work=noisy())
def test_probabilities_are_those_of_a_dense_density_matrix(work: Work, small: EmulatorBackend) -> None:
    for row in range(2):
        values = {name: float(work.bindings.column(name)[row]) for name in work.bindings.names}
        for got, wanted in zip(small.probabilities(work), oracle(work.circuit, values), strict=True):
            np.testing.assert_allclose(got[row], wanted, atol=1e-10)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(work=noisy())
def test_probabilities_and_counts_are_those_of_the_density_simulator(work: Work, small: EmulatorBackend) -> None:
    expected = density.probabilities(work.circuit, work.bindings, TARGET)
    for got, wanted in zip(small.probabilities(work), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-12)
    counts = sample(expected, work.shots, work.seed)
    for mine, theirs in zip(small.execute(work).counts.registers, counts.registers, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_two_cz_in_opposite_orders_have_the_noise_of_one_pair(small: EmulatorBackend) -> None:
    flip = [op("rphi", qubit, angles=[np.pi, 0.0]) for qubit in (0, 1)]
    works = [
        Work(Circuit(num_qubits=N, operations=(*flip, *pair), measured=[0, 1]), ONE_ROW, 1)
        for pair in (
            (op("cz", 0, 1), op("cz", 0, 1)),
            (op("cz", 1, 0), op("cz", 0, 1)),
            (op("cz", 1, 0), op("cz", 1, 0)),
        )
    ]
    first, second, third = (small.probabilities(work)[0] for work in works)
    np.testing.assert_allclose(first, second, atol=1e-14)
    np.testing.assert_allclose(first, third, atol=1e-14)
    assert abs(first[0, 1] - first[0, 2]) > 0.01


def test_our_channels_are_the_vendors_depolarisation_and_decoherence() -> None:
    core = sdk()
    t1, t2, duration, p = 9.25e-6, 1.13e-6, 400e-9, 0.1
    relaxation = core.decoherence_error(t1, t2, duration)
    vendor_one = core.depolarizing_error(p).compose(relaxation)
    paulis = {"".join(label): p / 16 for label in itertools.product("IXYZ", repeat=2)}
    vendor_two = core.QuantumError({**paulis, "II": 1 - p * 15 / 16}).compose(
        relaxation.expand(core.decoherence_error(2 * t1, t2, duration))
    )
    for vendor, times, name in ((vendor_one, ((t1, t2),), "RPHI"), (vendor_two, ((t1, t2), (2 * t1, t2)), "CZ")):
        calibrations = tuple(Qubit(t1=one, t2=two) for one, two in times)
        states, local = design(len(times)), range(len(times))
        after = [follow(np.outer(s, s.conj()), local, calibrations, duration, p) for s in states]
        error = 1 - np.mean([np.vdot(s, rho @ s).real for s, rho in zip(states, after, strict=True)])
        ours = channel(float(error), duration, times)
        assert ours is not None
        operators = kraus(ours.tobytes(), len(times)).reshape(-1, 4 ** len(times))
        results = []
        for noise in (vendor, core.QuantumError(operators.tolist())):
            model, program, simulator = core.NoiseModel(), core.QProg(len(times)), core.DensityMatrixSimulator()
            model.add_quantum_error(noise, getattr(core.GateType, name), list(local))
            for qubit in local:
                program.append(core.U3(qubit, 0.7 + qubit, 1.9, -0.4))
            program.append(core.RPHI(0, 0.0, 0.0) if name == "RPHI" else core.CZ(0, 1))
            simulator.run(program, model)
            results.append(simulator.density_matrix())
        np.testing.assert_allclose(results[0], results[1], atol=1e-12)


@pytest.mark.parametrize("times", [((12e-6, 1.4e-6),), ((12e-6, 1.4e-6), (2e-6, 3.9e-6)), ((None, None), (1e-6, None))])
def test_kraus_operators_are_complete_and_give_the_channel_back(times: Any) -> None:
    matrix = channel(0.08, 50e-9, times)
    assert matrix is not None
    k = len(times)
    operators = kraus(matrix.tobytes(), k)
    assert len(operators) <= 4**k
    np.testing.assert_allclose(sum(one.conj().T @ one for one in operators), np.eye(2**k), atol=1e-12)
    single = [gate(name).matrix() for name in ("id", "x", "y", "z")]
    paulis = [
        single[a] if k == 1 else np.kron(single[b], single[a]) for b in range(4 if k > 1 else 1) for a in range(4)
    ]
    for row, column in itertools.product(range(4**k), repeat=2):
        acted = sum(one @ paulis[column] @ one.conj().T for one in operators)
        assert np.trace(paulis[row] @ acted).real / 2**k == pytest.approx(matrix[row, column], abs=1e-12)


def test_gates_without_calibration_make_no_noise() -> None:
    ideal = Target(name="ideal", num_qubits=2, native=("rphi", "cz"))
    circuit = Circuit(num_qubits=2, operations=(op("rphi", 0, angles=[1.0, 0.0]), op("cz", 0, 1)), measured=[0, 1])
    assert not noise_model(circuit, (0, 1), ideal).is_enabled()
    (table,) = EmulatorBackend(ideal).probabilities(Work(circuit, ONE_ROW, 1))
    np.testing.assert_allclose(table, [[np.cos(0.5) ** 2, np.sin(0.5) ** 2, 0, 0]], atol=1e-15)


def test_misreading_keeps_totals_and_flips_the_bit_it_should() -> None:
    table = np.random.default_rng(2).dirichlet(np.ones(8), size=5)
    perfect, wrong = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
    skewed = np.array([[0.9, 0.3], [0.1, 0.7]])
    np.testing.assert_array_equal(misread(table, [perfect] * 3), table)
    np.testing.assert_array_equal(misread(table, [perfect, wrong, perfect]), table[:, np.arange(8) ^ 2])
    seen = misread(table, [skewed, wrong, skewed])
    np.testing.assert_allclose(seen.sum(axis=1), 1, atol=1e-15)
    np.testing.assert_allclose(seen, table @ np.kron(np.kron(skewed, wrong), skewed).T, atol=1e-15)


def grid_tiles() -> list[tuple[int, int]]:
    return [(6 * row + column, 6 * row + column + 1) for row in range(12) for column in (0, 2, 4)]


def test_all_72_qubits_packed_with_pairs(wukong: EmulatorBackend) -> None:
    tiles = grid_tiles()
    operations = [
        operation
        for number, (a, b) in enumerate(tiles)
        for operation in (
            op("rphi", a, angles=[f"t{number}", 0.3]),
            op("cz", b, a),
            op("fence", a, b),
            op("rphi", b, angles=[0.8, f"t{number}"]),
        )
    ]
    circuit = Circuit(num_qubits=72, operations=tuple(operations), measured=[(b, a) for a, b in tiles])
    values = np.random.default_rng(4).uniform(-3, 3, size=(3, len(tiles)))
    bindings = Bindings.rows_of([f"t{number}" for number in range(len(tiles))], values)
    expected = density.probabilities(circuit, bindings, bundled_targets()["wukong-72"])
    got = wukong.probabilities(Work(circuit, bindings, 1))
    assert len(got) == 36
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    # Neighbouring tiles are calibrated differently, and equal rows would hide a mix-up.
    assert np.ptp([table[:, 0] for table in got], axis=0).min() > 0.05


def test_wukong_refuses_what_it_has_not(wukong: EmulatorBackend) -> None:
    path = [0, 1, 2, 3, 4, 5, 11, 10, 9, 8, 7]
    chain = Circuit(num_qubits=72, operations=tuple(op("cz", a, b) for a, b in itertools.pairwise(path)), measured=[0])
    with pytest.raises(NotSupportedError, match="11 qubits"):
        wukong.submit([Work(chain, ONE_ROW, 1)], tag="wide")
    for operation in (op("cz", 5, 6), op("h", 0), op("cz", 0, 7)):
        circuit = Circuit(num_qubits=72, operations=(operation,), measured=[0])
        with pytest.raises(TargetError):
            wukong.submit([Work(circuit, ONE_ROW, 1)], tag="misfit")


def test_provenance_tells_whose_noise_it_is_and_who_read_out(wukong: EmulatorBackend) -> None:
    circuit = Circuit(num_qubits=72, operations=(op("rphi", 40, angles=[np.pi, 0.0]),), measured=[40])
    said = wukong.execute(Work(circuit, ONE_ROW, 10, 1)).provenance
    assert said.noise
    for words in ("published sample values of wukong-72", "DensityMatrixSimulator", "qadapt-origin"):
        assert words in said.noise
    assert said.backend == "origin:wukong72-emulator"
    assert said.qubits == ((40,),)
    assert not said.readout_correction


def test_every_native_gate_of_wukong_can_carry_noise(wukong: EmulatorBackend) -> None:
    for name in wukong.target.native:
        qubits = wukong.target.sites[name][0].qubits
        operation = op(name, *range(len(qubits)), angles=[0.1] * len(gate(name).parameters))
        assert name in NATIVE
        model = noise_model(Circuit(num_qubits=2, operations=(operation,)), qubits, wukong.target)
        assert model.is_enabled()
