"""Bundled targets: their figures, and that they are what the export tool makes of their sources."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from qadapt.target import DEAD, Target, bundled_targets

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("export_targets", ROOT / "tools" / "export_targets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_named_after_their_targets():
    assert set(bundled_targets()) == {"heron-r2", "heron-r3", "wukong-72"}
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
