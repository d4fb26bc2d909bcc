"""Bundled targets: their figures, and that they are what the export tool makes of their sources."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.provider import Work, check_works
from qadapt.simulate import density, statevector
from qadapt.target import DEAD, Capabilities, Qubit, Target, bundled_targets

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("export_targets", ROOT / "tools" / "export_targets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_named_after_their_targets():
    herons = {"heron-r2", "heron-r3", "heron-r2-fractional", "heron-r3-fractional"}
    assert set(bundled_targets()) == herons | {"wukong-72"}
    for name, target in bundled_targets().items():
        assert target.name == name
        assert target.source
        assert Target.from_json(target.to_json()) == target


@pytest.mark.parametrize(("name", "couplers", "qubits"), [("heron-r2", 164, 151), ("heron-r3", 173, 155)])
def test_heron(name, couplers, qubits):
    target = bundled_targets()[name]
    assert target.native == ("cz", "sx", "x", "rz")
    assert len(target.sites["cz"]) == 176
    assert "rz" not in target.sites
    assert len(target.couplings) == couplers
    assert len(target.live_qubits) == qubits
    assert target.calibrated.year == 2026
    assert not target.sample


@pytest.mark.parametrize("name", ["heron-r2", "heron-r3"])
def test_fractional_herons_are_herons_with_two_more_gates(name):
    plain, target = bundled_targets()[name], bundled_targets()[f"{name}-fractional"]
    assert target.native == (*plain.native, "rx", "rzz")
    assert target.ranges == {"rzz": (0.0, np.pi / 2)}
    assert target.sites == {**plain.sites, "rx": plain.sites["sx"], "rzz": plain.sites["cz"]}
    assert (target.qubits, target.couplings, target.live_qubits) == (plain.qubits, plain.couplings, plain.live_qubits)
    assert target.sample
    assert target.source.startswith(plain.source)
    assert "Assumption: rx has the errors" in target.source


def test_a_fractional_heron_agrees_with_aer():
    """Exact distributions of rx and rzz on three qubits in a line, against Aer's own errors of the same calibration."""
    device = pytest.importorskip("qiskit_aer.noise.device")
    from qiskit import QuantumCircuit
    from qiskit.circuit.library import RXGate, RZZGate
    from qiskit.transpiler import InstructionProperties, QubitProperties
    from qiskit.transpiler import Target as TheirTarget
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel

    target, path = bundled_targets()["heron-r2-fractional"], (3, 4, 5)
    times = [QubitProperties(t1=qubit.t1, t2=qubit.t2) for qubit in target.qubits]
    theirs = TheirTarget(num_qubits=target.num_qubits, qubit_properties=times)
    for name, made in (("rx", RXGate(0.0)), ("rzz", RZZGate(0.0))):
        on_path = [site for site in target.sites[name] if set(site.qubits) <= set(path)]
        properties = {s.qubits: InstructionProperties(error=s.error, duration=s.duration) for s in on_path}
        theirs.add_instruction(made, properties, name=name)
    model = NoiseModel(basis_gates=["rx", "rzz"])
    for name, qubits, error in device.basic_device_gate_errors(target=theirs):
        model.add_quantum_error(error, name, qubits)
    pairs = [site.qubits for site in target.sites["rzz"] if set(site.qubits) <= set(path)]
    assert len(pairs) == 2
    steps = []
    for layer in range(3):
        steps += [op("rx", q, angles=[Parameter(name="a", scale=layer + 1.0, offset=float(q))]) for q in path]
        steps += [op("rzz", *pair, angles=[Parameter(name="b", offset=0.1 * layer)]) for pair in pairs]
    steps += [op("rx", q, angles=["a"]) for q in path]
    circuit = Circuit(num_qubits=target.num_qubits, operations=steps, measured=[path])
    bindings = Bindings.of({"a": [0.4, -2.0, 3.0], "b": [0.0, 0.7, 1.3]})
    check_works([Work(circuit, bindings, 1)], target, Capabilities())
    bare = Target(**target.model_dump() | {"qubits": [Qubit(t1=q.t1, t2=q.t2) for q in target.qubits]})
    (table,) = density.probabilities(circuit, bindings, bare)
    runs = []
    for row in range(bindings.rows):
        made = QuantumCircuit(target.num_qubits)
        for step in steps:
            angles = [p.scale * bindings.column(p.name)[row] + p.offset for p in step.parameters]
            getattr(made, step.gate)(*angles, *step.qubits)
        made.save_probabilities(list(path))
        runs.append(made)
    result = AerSimulator(method="density_matrix", noise_model=model).run(runs, shots=1).result()
    aer = [np.asarray(result.data(row)["probabilities"]) for row in range(bindings.rows)]
    np.testing.assert_allclose(table, aer, atol=1e-7)
    assert np.abs(table - statevector.probabilities(circuit, bindings)[0]).max() > 1e-3


def test_wukong():
    target = bundled_targets()["wukong-72"]
    grid = {(6 * r + c, 6 * r + c + 1) for r in range(12) for c in range(5)}
    grid |= {(6 * r + c, 6 * r + c + 6) for r in range(11) for c in range(6)}
    assert set(target.couplings) == grid
    assert target.sample
    assert target.calibrated is None
    assert "Assumption: CZ takes 40 ns" in target.source
    fidelities = {round(1 - site.error, 4) for site in target.sites["cz"]}
    assert fidelities == {0.9831, 0.9519, 0.9589, 0.964}
    assert {site.duration for site in target.sites["rphi"]} == {30e-9}


def test_wukong_is_what_the_tool_makes(tool):
    assert tool.wukong() == bundled_targets()["wukong-72"]


@pytest.mark.parametrize(("snapshot", "name"), [("FakeKingston", "heron-r2"), ("FakeBoston", "heron-r3")])
def test_heron_is_what_the_tool_makes(tool, snapshot, name):
    machines = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    bundled = bundled_targets()[name]
    made = tool.heron(snapshot, name, "")
    assert made.model_copy(update={"source": ""}) == bundled.model_copy(update={"source": ""})
    theirs = getattr(machines, snapshot)().target
    for pair, properties in theirs["cz"].items():
        assert bundled.gate_error("cz", pair) == properties.error
        assert (tuple(sorted(pair)) in bundled.couplings) <= (properties.error < DEAD)
    readout = [theirs["measure"][q,].error for q in range(156)]
    np.testing.assert_allclose([bundled.readout_error(q) for q in range(156)], readout)
    assert [q.t1 for q in bundled.qubits] == [q.t1 for q in theirs.qubit_properties]


def test_readout_errors_per_value_are_preferred(tool):
    qiskit = pytest.importorskip("qiskit")
    from qiskit.circuit.library import CZGate, SXGate
    from qiskit.transpiler import InstructionProperties

    class Measured(InstructionProperties):
        prob_meas1_prep0 = 0.01
        prob_meas0_prep1 = 0.05

    theirs = qiskit.transpiler.Target(num_qubits=2)
    theirs.add_instruction(SXGate(), {(q,): InstructionProperties(error=1e-3, duration=3e-8) for q in range(2)})
    one, other = InstructionProperties(error=0.01), InstructionProperties(error=0.02)
    theirs.add_instruction(CZGate(), {(0, 1): one, (1, 0): other})
    theirs.add_instruction(
        qiskit.circuit.Measure(), {(0,): Measured(error=0.03), (1,): InstructionProperties(error=0.03)}
    )
    made = tool.from_qiskit(theirs, "toy", native=("cz", "sx"))
    assert [(q.prob_meas1_prep0, q.prob_meas0_prep1) for q in made.qubits] == [(0.01, 0.05), (0.03, 0.03)]
    assert [(s.qubits, s.error) for s in made.sites["cz"]] == [((0, 1), 0.01), ((1, 0), 0.02)]
