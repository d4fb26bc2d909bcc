"""The emulator: its noise against an independent density-matrix oracle, seeds, packs, and the machine behind it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from braket.circuits import Circuit as BraketCircuit
from braket.emulation.local_emulator import LocalEmulator
from hypothesis import given, settings
from hypothesis import strategies as st

import provider_cases as cases
from clouds.braket import GARNET, line
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.compile import compile_circuit, pack
from qadapt.counts import sample
from qadapt.errors import NotSupportedError, TargetError
from qadapt.provider import Work
from qadapt.simulate import density
from qadapt_braket import sample as sample_module
from qadapt_braket.emulator import EmulatorBackend
from qadapt_braket.properties import read
from qadapt_braket.provider import BraketProvider


@pytest.fixture(scope="module")
def backend():
    return BraketProvider().open("emulator/iqm-garnet-sample")


@st.composite
def works(draw, labels=(0, 1, 6, 5)):
    """Circuits on a square of couplers, some of their qubits idle, measured in any order and part."""
    edges = [(0, 1), (1, 6), (5, 6), (0, 5)]
    operations = []
    for name in draw(st.lists(st.sampled_from(["prx", "cz"]), max_size=7)):
        if name == "cz":
            operations.append(op("cz", *draw(st.sampled_from(edges))))
        else:
            angle = st.one_of(st.floats(-4, 4), st.sampled_from(["a", "b"]))
            operations.append(op("prx", draw(st.sampled_from(labels)), angles=[draw(angle), draw(angle)]))
    qubits = draw(st.permutations(labels))[: draw(st.integers(1, 4))]
    cut = draw(st.integers(0, len(qubits)))
    circuit = Circuit(
        num_qubits=20, operations=operations, measured=[part for part in (qubits[:cut], qubits[cut:]) if part]
    )
    rows = draw(st.integers(1, 2))
    values = {name: draw(st.lists(st.floats(-4, 4), min_size=rows, max_size=rows)) for name in circuit.parameters}
    return circuit, Bindings.of(values, shape=(rows,))


@settings(derandomize=True, deadline=None, max_examples=25)
@given(works())
def test_noise_is_that_of_the_calibration(work):
    """Braket's noise model and qadapt's read the same fidelities: without gate times they are the same channels."""
    backend = BraketProvider().open("emulator/iqm-garnet-sample")
    circuit, bindings = work
    exact = density.probabilities(circuit, bindings, backend.target)
    got = backend.probabilities(Work(circuit, bindings, 1))
    for found, wanted in zip(got, exact, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)


def test_counts_are_those_of_the_common_sampler_and_provenance_says_whose_noise_it_is(backend):
    circuit = Circuit(num_qubits=20, operations=[op("prx", 2, angles=["t", 0.0])], measured=[2])
    work = Work(circuit, Bindings.of({"t": [0.1, 2.0]}), 1000, 7)
    result = backend.execute(work)
    assert result.counts.table.tolist() == sample(backend.probabilities(work), 1000, 7).table.tolist()
    assert result.provenance.noise == "Braket LocalEmulator, sample calibration of iqm-garnet-sample"
    assert result.provenance.simulated
    assert result.provenance.backend == backend.name == "braket:emulator/iqm-garnet-sample"
    assert backend.target.name == "emulator/iqm-garnet-sample"
    assert backend.target.sample


def test_counts_of_the_sdks_own_sampling_agree(backend):
    """Four outcomes of 4,000 shots that the SDK draws without a seed, within 7 deviations: false alarms below 1e-11."""
    emulator = LocalEmulator.from_json(sample_module.device().document)
    inside = BraketCircuit().prx(1, 1.1, 0.2).cz(1, 2).prx(2, 2.0, 0.4)
    shots = 4000
    seen = emulator.run(BraketCircuit().add_verbatim_box(inside).measure([1, 2]), shots=shots).result()
    circuit = Circuit(
        num_qubits=20,
        operations=[op("prx", 0, angles=[1.1, 0.2]), op("cz", 0, 1), op("prx", 1, angles=[2.0, 0.4])],
        measured=[0, 1],
    )
    (exact,) = backend.probabilities(Work(circuit, cases.NONE, shots))
    for outcome, share in enumerate(exact[0]):
        count = seen.measurement_counts[f"{outcome & 1}{outcome >> 1}"]
        assert abs(count - shots * share) < 7 * np.sqrt(shots * share * (1 - share)) + 1


def test_ten_pairs_fill_the_chip(backend):
    """Twenty qubits as one density matrix would be 16 TiB; pairs are simulated pair by pair."""
    pair = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["w"]), op("cx", 0, 1)], measured=[0, 1])
    packed = pack(pair, backend.target, copies=30)
    assert len(packed.tiles) >= 8
    bound = packed.bind(Bindings.of({"w": np.linspace(0, 3, 30)}))
    result = backend.execute(Work(packed.circuit, bound, 200, 1))
    assert len(result.counts.registers) == len(packed.tiles)


def test_more_connected_qubits_than_a_density_matrix_holds(backend):
    operations = [op("cz", q, q + 1) for q in range(4)] + [op("cz", 4, 9)]
    operations += [op("cz", q, q - 1) for q in range(9, 5, -1)] + [op("cz", 6, 11)]
    circuit = Circuit(num_qubits=20, operations=operations, measured=[0])
    with pytest.raises(NotSupportedError, match="at most 10"):
        backend.submit([Work(circuit, cases.NONE, 10)], tag="t")


def test_gates_and_couplers_that_the_machine_does_not_have(backend):
    for operation in (op("h", 0), op("cz", 0, 2)):
        circuit = Circuit(num_qubits=20, operations=[operation], measured=[0])
        with pytest.raises(TargetError):
            backend.submit([Work(circuit, cases.NONE, 10)], tag=operation.gate)


def test_a_machine_of_the_service_is_emulated(cloud):
    emulated = BraketProvider().open("emulator/garnet")
    assert emulated.noise == "Braket LocalEmulator, calibration of garnet, 2026-11-01"
    assert BraketProvider().open(f"emulator/{GARNET}").name == "braket:emulator/garnet"
    circuit = Circuit(num_qubits=20, operations=[op("prx", 2, angles=[np.pi, 0.0])], measured=[2])
    (table,) = emulated.probabilities(Work(circuit, cases.NONE, 1))
    assert 0.9 < table[0, 1] < 1
    assert cloud.tasks == {}


def test_a_machine_with_rx_at_quarter_turns():
    document = line()
    document["paradigm"]["nativeGateSet"] = ["rx", "rz", "cz"]
    for item in document["standardized"]["twoQubitProperties"].values():
        item["twoQubitGateFidelity"] = [{**item["twoQubitGateFidelity"][-1], "gateName": "CZ"}]
    device = read(document, name="line", source="test", text=json.dumps(document))
    backend = EmulatorBackend("braket", device)
    source = Circuit(num_qubits=2, operations=[op("ry", 0, angles=["w"]), op("cx", 0, 1)], measured=[0, 1])
    native = compile_circuit(source, backend.target)
    (table,) = backend.probabilities(Work(native.circuit, native.bind(Bindings.of({"w": [0.0, np.pi]})), 1))
    assert table[0, 0] > 0.85
    assert table[1, 3] > 0.85
