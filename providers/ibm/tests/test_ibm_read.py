"""Targets, and counts out of hexadecimal names and bytes."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.primitives.containers import BitArray, DataBin
from qiskit.transpiler import InstructionProperties
from qiskit.transpiler import Target as QiskitTarget
from qiskit_ibm_runtime.models import BackendProperties, QasmBackendConfiguration
from qiskit_ibm_runtime.utils.backend_converter import convert_to_target

from qadapt.circuit import Circuit, op
from qadapt.errors import BadResultError, JobFailedError, TargetError
from qadapt.simulate.components import split
from qadapt.target import DEAD, Target
from qadapt_ibm import fake, read


@pytest.mark.parametrize("name", sorted(fake.FAKES))
def test_target_says_what_ibm_says(name: str) -> None:
    ours, theirs = fake.target(name), fake.machine(name).target
    assert ours.num_qubits == theirs.num_qubits
    assert ours.native == ("cz", "sx", "x", "rz")
    for gate in ours.native:
        assert {site.qubits for site in ours.sites[gate]} == set(theirs[gate])
        for site in ours.sites[gate]:
            assert (site.error, site.duration) == (theirs[gate][site.qubits].error, theirs[gate][site.qubits].duration)
    for index, qubit in enumerate(ours.qubits):
        assert (qubit.t1, qubit.t2) == (theirs.qubit_properties[index].t1, theirs.qubit_properties[index].t2)
        assert qubit.prob_meas0_prep1 == qubit.prob_meas1_prep0 == theirs["measure"][index,].error
    assert ours.calibrated == fake.machine(name).properties().last_update_date
    assert Target.from_json(ours.to_json()) == ours
    assert ours.sample == (name == "fake_nighthawk")


def test_broken_places_are_kept_and_not_used() -> None:
    """IBM marks what is broken by an error of 1, nowhere else: seven couplers and five qubits of Kingston."""
    target = fake.target("fake_kingston")
    broken = {site.qubits[0] for site in target.sites["sx"] if site.error == 1}
    assert broken == {96, 112, 113, 131, 146}
    assert not broken & set(target.live_qubits)
    couplers = {tuple(sorted(site.qubits)) for site in target.sites["cz"]}
    dead = {tuple(sorted(site.qubits)) for site in target.sites["cz"] if site.error == 1}
    assert (len(couplers), len(dead)) == (176, 7)
    assert target.couplings is not None
    assert not dead & set(target.couplings)
    assert all(error < DEAD for error in target.couplings.values())
    assert target.qubits[146].t1 is None


def test_a_machine_without_the_native_gates_is_refused() -> None:
    machine = QiskitTarget(num_qubits=1)
    with pytest.raises(TargetError, match="cz, sx, x, rz"):
        read.target("toy", machine, calibrated=None, source="")


def test_missing_numbers_and_asymmetric_readout() -> None:
    from qiskit.circuit import Measure, Parameter
    from qiskit.circuit.library import CZGate, RZGate, SXGate, XGate

    machine = QiskitTarget(num_qubits=3)
    machine.add_instruction(CZGate(), {(1, 0): InstructionProperties(error=1.5), (1, 2): None})
    machine.add_instruction(SXGate(), {(0,): InstructionProperties(error=0.25, duration=1e-8)})
    machine.add_instruction(XGate(), {(0,): InstructionProperties()})
    machine.add_instruction(RZGate(Parameter("t")), {(0,): None})
    flips = InstructionProperties(error=0.2)
    flips.prob_meas1_prep0, flips.prob_meas0_prep1 = 0.125, 0.375
    machine.add_instruction(Measure(), {(0,): flips, (1,): InstructionProperties(error=0.0625)})
    found = read.target("toy", machine, calibrated=None, source="test")
    assert [(site.qubits, site.error) for site in found.sites["cz"]] == [((1, 0), 1.0), ((1, 2), None)]
    assert found.site["sx", (0,)].duration == 1e-8
    assert [(q.prob_meas1_prep0, q.prob_meas0_prep1) for q in found.qubits] == [
        (0.125, 0.375),
        (0.0625, 0.0625),
        (1, 1),
    ]
    assert found.live_qubits == (0,)


def test_fractional_gates_are_taken_over_where_the_machine_lists_them() -> None:
    """The client's own conversion of a configuration and properties that have both gates."""
    snapshot = fake.machine("fake_fez")
    configuration = copy.deepcopy(snapshot._load_json(snapshot.conf_filename))
    properties = copy.deepcopy(snapshot._load_json(snapshot.props_filename))
    twins = {"rx": "sx", "rzz": "cz"}
    for name, twin in twins.items():
        for key in ("basis_gates", "supported_instructions"):
            configuration[key] = [*configuration[key], name]
        (gate,) = (item for item in configuration["gates"] if item["name"] == twin)
        configuration["gates"].append({**gate, "name": name, "parameters": ["theta"]})
        for item in [item for item in properties["gates"] if item["gate"] == twin]:
            numbers = [{**p, "value": p["value"] / 2} for p in item["parameters"]]
            properties["gates"].append({**item, "gate": name, "parameters": numbers})
    theirs = convert_to_target(
        QasmBackendConfiguration.from_dict(configuration), BackendProperties.from_dict(properties)
    )
    ours = read.target("ibm_fez", theirs, calibrated=None, source="test")
    assert ours.native == ("cz", "sx", "x", "rz", "rx", "rzz")
    assert ours.ranges == {"rzz": (0.0, np.pi / 2)}
    assert theirs["rzz"].keys() == {site.qubits for site in ours.sites["rzz"]}
    for name in twins:
        for site in ours.sites[name]:
            assert (site.error, site.duration) == (theirs[name][site.qubits].error, theirs[name][site.qubits].duration)


def test_counts_of_a_component_with_two_registers() -> None:
    """Qubits 0, 1, 2 connected; register 0 reads (2, 0), register 1 reads (1): Aer's bits 0, 1 and 2 in that order."""
    circuit = Circuit(num_qubits=3, operations=(op("cz", 0, 1), op("cz", 1, 2)), measured=[(2, 0), (1,)])
    (component,) = split(circuit, circuit.measured)
    part = read.Sampled(component, [{"0x5": 3, "0x1": 1}, {"0x6": 4}])
    assert part.table(0, 2)[1].tolist() == [[0, 4, 0, 0], [0, 0, 4, 0]]
    assert part.table(1, 2)[1].tolist() == [[1, 3], [0, 4]]
    found = read.tables((2, 1), [part], 2, np.random.default_rng(0))
    assert [table.tolist() for table in found] == [[[0, 4, 0, 0], [0, 0, 4, 0]], [[1, 3], [0, 4]]]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), width=st.integers(2, 5), rows=st.integers(1, 4), shots=st.integers(1, 50))
def test_a_register_that_spans_components_keeps_the_counts_of_each(
    data: st.DataObject, width: int, rows: int, shots: int
) -> None:
    order = data.draw(st.permutations(range(width)))
    cut = data.draw(st.integers(1, width - 1))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    pieces = [
        (bits, generator.multinomial(shots, np.full(2 ** len(bits), 0.5 ** len(bits)), rows))
        for bits in (tuple(sorted(order[:cut])), tuple(sorted(order[cut:])))
    ]
    found = read.together(width, pieces, generator)
    outcomes = np.arange(2**width)
    for bits, counts in pieces:
        local = sum(((outcomes >> bit) & 1) << k for k, bit in enumerate(bits))
        for value in range(2 ** len(bits)):
            np.testing.assert_array_equal(found[:, local == value].sum(axis=1), counts[:, value])


def test_shots_of_independent_components_are_paired_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two fair bits are uncorrelated: 2000 rows of 400 shots, z-test of the mean of the product, alpha 1e-6."""
    monkeypatch.setattr(read, "_SHOTS_AT_ONCE", 100_000)  # several blocks
    generator = np.random.default_rng(4)
    pieces = [((bit,), generator.multinomial(400, [0.5, 0.5], 2000)) for bit in (0, 1)]
    table = read.together(2, pieces, generator)
    assert (table.sum(axis=1) == 400).all()
    z = (table @ [1, -1, -1, 1]).sum() / np.sqrt(2000 * 400)
    assert abs(z) < 4.9


@settings(max_examples=30, deadline=None)
@given(width=st.integers(1, 20), rows=st.integers(1, 3), shots=st.integers(1, 20), seed=st.integers(0, 2**32))
def test_bytes_of_the_client(width: int, rows: int, shots: int, seed: int) -> None:
    """Against the client's own way from bits to bytes: index k of the bits is classical bit k."""
    outcomes = np.random.default_rng(seed).integers(0, 2**width, (rows, shots))
    bits = (outcomes[..., None] >> np.arange(width)) & 1
    data = DataBin(r=BitArray.from_bool_array(bits.astype(bool), order="little"), shape=(rows,))
    (table,) = read.registers(data, ["r"], [width], (rows, shots), provider="p")
    assert table.dtype == np.int64
    for row in range(rows):
        np.testing.assert_array_equal(table[row], np.bincount(outcomes[row], minlength=2**width))


def test_wrong_answers_are_bad_results() -> None:
    data = DataBin(r=BitArray.from_bool_array(np.zeros((2, 5, 3), bool)), shape=(2,))
    for names, width, shape in ((["x"], 3, (2, 5)), (["r"], 3, (3, 5)), (["r"], 3, (2, 4)), (["r"], 2, (2, 5))):
        with pytest.raises(BadResultError, match="register"):
            read.registers(data, names, [width], shape, provider="p")
    circuit = Circuit(num_qubits=1, measured=[(0,)])
    parts = split(circuit, circuit.measured)
    good = SimpleNamespace(success=True, status="DONE", data=SimpleNamespace(counts={"0x0": 5}))
    with pytest.raises(BadResultError, match="1 experiments for 2 rows of 1 components"):
        read.sampled(SimpleNamespace(success=True, results=[good]), parts, 2, provider="p")
    bad = SimpleNamespace(success=False, status="ERROR: too much memory")
    with pytest.raises(JobFailedError, match="too much memory"):
        read.sampled(SimpleNamespace(success=False, status="PARTIAL", results=[good, bad]), parts, 2, provider="p")
