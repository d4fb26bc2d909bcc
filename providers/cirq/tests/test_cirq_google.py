"""The virtual engine: targets against the vendor's data, probabilities against its own noise model and its sampling."""

from __future__ import annotations

from collections import Counter

import cirq
import cirq_google
import numpy as np
import pytest
from cirq_google.engine import engine_validator

import provider_cases as cases
from qadapt.circuit import Circuit, op
from qadapt.compile import compile_circuit
from qadapt.errors import TargetError
from qadapt.provider import Done, Work
from qadapt_cirq import google
from qadapt_cirq.lower import lower_circuit, resolvers
from qadapt_cirq.provider import CirqProvider
from qadapt_cirq.sampler import wrap
from qadapt_conformance.suite import Verdict, run_suite

PROCESSORS = google.PROCESSORS
SIZES = {"rainbow": (23, 32), "weber": (53, 86), "willow_pink": (105, 182)}


@pytest.fixture(params=PROCESSORS)
def name(request):
    """Each processor in turn."""
    return request.param


def engine_sampler(name, seed):
    """The sampler of a processor as a user of the virtual engine gets it, with the engine's own validation."""
    simulator = cirq.DensityMatrixSimulator(noise=google.noise_model(name), seed=seed)
    processor = cirq_google.engine.SimulatedLocalProcessor(
        processor_id=name,
        sampler=simulator,
        device=google.device(name),
        validator=engine_validator.create_engine_validator(),
        program_validator=engine_validator.create_program_validator(),
        calibrations={1: cirq_google.engine.load_median_device_calibration(name)},
    )
    return cirq_google.engine.SimulatedLocalEngine([processor]).get_processor(name).get_sampler()


def compiled(name, rows=3, shots=4000):
    """Two parts of unequal length and a qubit without gates, compiled for a processor."""
    operations = [op("ry", 0, angles=["a"]), op("cx", 0, 1), op("u3", 1, angles=["b", 0.3, "a"]), op("cx", 1, 0)]
    operations += [op("h", 0), op("ry", 2, angles=["b"])]
    circuit = Circuit(num_qubits=4, operations=operations, measured=[[1, 3, 0], [2]])
    made = compile_circuit(circuit, google.target(name))
    return Work(made.circuit, made.bind(cases.uniform(circuit, rows)), shots, 3)


def test_target_is_the_device(name):
    target, device, grid = google.target(name), google.device(name), google.grid(google.device(name))
    assert (target.num_qubits, len(target.sites["cz"])) == SIZES[name]
    assert list(grid) == sorted(device.metadata.qubit_set, key=lambda qubit: (qubit.row, qubit.col))
    assert {frozenset(grid[q] for q in site.qubits) for site in target.sites["cz"]} == set(device.metadata.qubit_pairs)
    assert len({site.qubits for site in target.sites["cz"]}) == len(target.sites["cz"])
    assert target.sample
    assert "Median calibration" in target.source
    assert target.calibrated.year == {"rainbow": 2021, "weber": 2021, "willow_pink": 2024}[name]


def test_target_has_the_numbers_of_the_calibration(name):
    target, grid = google.target(name), google.grid(google.device(name))
    metrics = cirq_google.engine.load_median_device_calibration(name)
    for number, qubit in enumerate(grid):
        ours = target.qubits[number]
        assert ours.t1 == pytest.approx(metrics["single_qubit_idle_t1_micros"][(qubit,)][0] * 1e-6)
        assert ours.prob_meas1_prep0 == metrics["single_qubit_p00_error"][(qubit,)][0]
        assert ours.prob_meas0_prep1 == metrics["single_qubit_p11_error"][(qubit,)][0]
        assert 0 < ours.t2 <= 2 * ours.t1
        pauli = metrics["single_qubit_rb_pauli_error_per_gate"][(qubit,)][0]
        assert target.gate_error("rphi", (number,)) == pytest.approx(pauli * 2 / 3)
        assert target.site["rphi", (number,)].duration == pytest.approx(25e-9)


def test_average_errors_follow_from_pauli_errors():
    """A Pauli channel of error e has entanglement fidelity 1 - e and average fidelity (d (1 - e) + 1) / (d + 1)."""
    target, grid = google.target("willow_pink"), google.grid(google.device("willow_pink"))
    pairs = cirq_google.engine.load_median_device_calibration("willow_pink")
    found = pairs["two_qubit_parallel_cz_gate_xeb_pauli_error_per_cycle"]
    assert len(found) == 182
    for places, (error,) in found.items():
        fidelity = (4 * (1 - error) + 1) / 5
        pair = tuple(grid.index(qubit) for qubit in places)
        assert target.gate_error("cz", pair) == pytest.approx(1 - fidelity, abs=1e-15)
    assert target.sites["cz"][0].duration == pytest.approx(42e-9)


def test_t2_is_the_decay_of_coherence_in_the_noise_model():
    name = "willow_pink"
    target, grid = google.target(name), google.grid(google.device(name))
    for number in (0, 17, 104):
        idle, busy = grid[number], grid[number - 1]
        gate = cirq.PhasedXZGate(x_exponent=1, z_exponent=0, axis_phase_exponent=0)(busy)
        noisy = cirq.Circuit(gate, cirq.I(idle)).with_noise(google.noise_model(name))
        channel = next(o for o in noisy.all_operations() if o.qubits == (idle,) and not cirq.has_unitary(o))
        plus = np.full((2, 2), 0.5, dtype=complex)
        after = sum(k @ plus @ k.conj().T for k in cirq.kraus(channel))
        assert 2 * abs(after[0, 1]) == pytest.approx(np.exp(-25e-9 / target.qubits[number].t2), abs=1e-9)


def test_cz_of_square_roots_of_iswap_is_a_cz():
    a, b = cirq.LineQubit.range(2)
    circuit = cirq.Circuit(google.cz_operations(a, b))
    assert cirq.allclose_up_to_global_phase(circuit.unitary(), cirq.unitary(cirq.CZ), atol=1e-12)
    pulses = Counter(o.qubits for o in circuit.all_operations() if len(o.qubits) == 1)
    assert (pulses[(a,)], pulses[(b,)]) == google.PULSES
    assert bool(google.expansions("weber"))
    assert not google.expansions("willow_pink")


@pytest.mark.parametrize("name", ["rainbow", "weber"])
def test_error_of_a_written_cz_is_that_of_its_gates(name):
    """Errors of independent channels: fidelities multiply to first order."""
    target, grid, errors = google.target(name), google.grid(google.device(name)), google.properties(name)
    pauli = {(key.gate_type, key.qubits): value for key, value in errors.gate_pauli_errors.items()}
    for site in target.sites["cz"]:
        places = tuple(grid[q] for q in site.qubits)
        total = sum(
            pauli[cirq.ISwapPowGate, o.qubits] if len(o.qubits) == 2 else pauli[cirq.PhasedXZGate, o.qubits]
            for o in google.cz_operations(*places)
        )
        assert total * 0.8 > site.error > total * 0.8 * (1 - total)
        assert site.duration == pytest.approx((3 * 25 + 2 * 32) * 1e-9)


def test_every_native_gate_has_its_noise(name):
    """Google's noise model leaves out gates that it does not know by type; ours must all be known to it."""
    backend, target = google.virtual(name), google.target(name)
    pair = max(target.couplings, key=target.couplings.get)
    known = google.properties(name)
    for gate, angles in (("rphi", [0.4, 0.2]), ("cz", [])):
        qubits = pair[: 1 if gate == "rphi" else 2]
        circuit = Circuit(
            num_qubits=target.num_qubits, operations=[op(gate, *qubits, angles=angles)], measured=[qubits]
        )
        lowered = lower_circuit(circuit, google.grid(google.device(name)), google.expansions(name))
        for operation in lowered.circuit.all_operations():
            if not cirq.is_measurement(operation):
                place = (type(operation.gate), operation.qubits)
                assert place in {(key.gate_type, key.qubits) for key in known.gate_pauli_errors}
                alone = cirq.Circuit(operation).with_noise(google.noise_model(name))
                assert len(list(alone.all_operations())) > 1
        assert backend.probabilities(Work(circuit, cases.NONE, 1))


def test_probabilities_are_those_of_the_whole_noisy_circuit(name, looks):
    work, backend, grid = compiled(name), google.virtual(name), google.grid(google.device(name))
    lowered = lower_circuit(work.circuit, grid, google.expansions(name))
    google.device(name).validate_circuit(lowered.circuit)
    rows = [
        looks.whole(
            cirq.resolve_parameters(lowered.circuit, row).unfreeze(),
            work.circuit.measured,
            grid,
            google.noise_model(name),
        )
        for row in resolvers(lowered, work.bindings)
    ]
    for got, wanted in zip(backend.probabilities(work), zip(*rows, strict=True), strict=True):
        np.testing.assert_allclose(got, np.stack(wanted), rtol=0, atol=1e-9)


def test_counts_of_the_virtual_engines_sampler_agree(name, looks):
    """Seeds are fixed; a right backend fails with a probability of at most 2 * 3 * ``FALSE_ALARM``."""
    work, backend = compiled(name), google.virtual(name)
    lowered = lower_circuit(work.circuit, google.grid(google.device(name)), google.expansions(name))
    found = engine_sampler(name, 11).run_sweep(lowered.circuit, list(resolvers(lowered, work.bindings)), work.shots)
    for number, (table, width) in enumerate(zip(backend.probabilities(work), work.widths, strict=True)):
        bits = [result.measurements[f"m{number}"] @ (1 << np.arange(width)) for result in found]
        counts = np.stack([np.bincount(row, minlength=2**width) for row in bits])
        assert looks.surprise(counts, table) > looks.FALSE_ALARM


def test_a_wrapped_engine_sampler_agrees(looks):
    name = "willow_pink"
    work = compiled(name)
    wrapped = wrap(
        engine_sampler(name, 12),
        google.target(name),
        name="lab:willow",
        qubits=google.grid(google.device(name)),
        simulated=True,
        noise="median calibration",
        packages=["cirq-google"],
    )
    done = cases.finish(wrapped, wrapped.submit([work], tag="one"))
    assert isinstance(done, Done)
    (result,) = done.results
    for counts, table in zip(result.counts.registers, google.virtual(name).probabilities(work), strict=True):
        assert looks.surprise(counts, table) > looks.FALSE_ALARM
    assert result.provenance.versions["cirq-google"] == cirq_google.__version__
    assert result.provenance.calibrated == google.target(name).calibrated


def test_equal_seeds_give_equal_counts(name):
    work, backend = compiled(name, shots=200), CirqProvider().open(name)
    first, second = (backend.execute(work) for _ in range(2))
    for one, other in zip(first.counts.registers, second.counts.registers, strict=True):
        np.testing.assert_array_equal(one, other)
    assert "median calibration 20" in first.provenance.noise
    assert first.provenance.versions["cirq-google"] == cirq_google.__version__


def test_what_the_device_refuses_is_a_failed_job(monkeypatch):
    def no(circuit):
        raise ValueError("not today")

    monkeypatch.setattr(google.device("willow_pink"), "validate_circuit", no, raising=False)
    backend = google.virtual("willow_pink")
    failed = cases.finish(backend, backend.submit([compiled("willow_pink")], tag="one"))
    assert "not today" in str(failed.error)


def test_a_machine_with_sycamore_gates_alone_is_refused():
    properties = google.properties("weber")
    keys = {key: value for key, value in properties.gate_pauli_errors.items() if key.gate_type is not cirq.ISwapPowGate}
    only = cirq_google.GoogleNoiseProperties(
        **{
            "gate_pauli_errors": keys,
            **{f: getattr(properties, f) for f in ("gate_times_ns", "t1_ns", "tphi_ns", "readout_errors")},
        }
    )
    with pytest.raises(TargetError, match="no calibrated cz"):
        google.read_target("sycamore", google.device("weber"), only)


def test_couplers_without_calibration_are_dead():
    properties, device = google.properties("willow_pink"), google.device("willow_pink")
    pair = tuple(google.grid(device)[q] for q in google.target("willow_pink").sites["cz"][5].qubits)
    keys = {k: v for k, v in properties.gate_pauli_errors.items() if set(k.qubits) != set(pair)}
    less = cirq_google.GoogleNoiseProperties(
        **{
            "gate_pauli_errors": keys,
            **{f: getattr(properties, f) for f in ("gate_times_ns", "t1_ns", "tphi_ns", "readout_errors")},
        }
    )
    target = google.read_target("less", device, less, source="x")
    assert target.sites["cz"][5].error is None
    assert len(target.couplings) == len(google.target("willow_pink").couplings) - 1


def test_it_conforms(name):
    rules = ("NAMES-5", "BITS-4", "ROWS-1", "PARAMS-2", "GATES-1", "SHOTS-1", "JOBS-2", "PROV-3")
    report = run_suite(CirqProvider().open(name), rules=rules)
    assert {rule: report.of(rule).message for rule in rules if report.of(rule).verdict is not Verdict.CONFORMS} == {}
