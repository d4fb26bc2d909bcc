"""Device properties to target, limits and price; what is refused."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime

import pytest
from braket.device_schema.iqm import IqmDeviceCapabilities
from braket.emulation.local_emulator import LocalEmulator

from clouds.braket import line, machine
from qadapt.compile.native import native_set
from qadapt.errors import TargetError
from qadapt.target import Target
from qadapt_braket import sample
from qadapt_braket.limits import Limits, ProgramSetLimits
from qadapt_braket.properties import PROGRAM, PROGRAM_SET, read


def device(document, name="garnet"):
    return read(document, name=name, source="test", text=json.dumps(document))


def test_a_machine_that_counts_from_one():
    made = device(machine())
    target = made.target
    assert made.labels == tuple(range(1, 21))
    assert target.native == ("prx", "cz")
    assert (target.num_qubits, len(target.sites["cz"]), target.sample) == (20, 31, False)
    assert set(target.couplings) == {(q, q + 1) for q in range(20) if (q + 1) % 5} | {(q, q + 5) for q in range(15)}
    found = machine()["standardized"]
    one = {
        item["fidelityType"]["name"]: item["fidelity"] for item in found["oneQubitProperties"]["7"]["oneQubitFidelity"]
    }
    assert target.gate_error("prx", (6,)) == pytest.approx(1 - one["SIMULTANEOUS_RANDOMIZED_BENCHMARKING"], abs=1e-12)
    assert target.readout_error(6) == pytest.approx(1 - one["READOUT"], abs=1e-12)
    two = found["twoQubitProperties"]["7-12"]["twoQubitGateFidelity"][0]["fidelity"]
    assert target.gate_error("cz", (6, 11)) == pytest.approx(1 - two, abs=1e-12)
    assert target.qubits[6].t1 == found["oneQubitProperties"]["7"]["T1"]["value"]
    assert target.qubits[6].t2 == found["oneQubitProperties"]["7"]["T2"]["value"]
    assert target.calibrated == datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert made.windows == ("Everyday 00:00:00 to 23:59:59 UTC",)
    assert made.price.shot == 0.00145
    assert "2026-11-01" in made.price.source
    assert Target.from_json(target.to_json()) == target
    assert native_set(target).name == "cz, prx"


def test_labels_with_holes_and_rx_at_quarter_turns():
    made = device(line())
    assert made.labels == (3, 4, 6)
    assert made.as_rx
    assert made.target.native == ("sx", "x", "rz", "cz")
    assert made.target.couplings == {(1, 2): 0.03}  # 3-4 has no cz
    assert native_set(made.target).name == "cz, sx, x, rz"
    assert made.target.gate_error("rz", (0,)) == 0
    assert made.target.gate_error("sx", (0,)) == made.target.gate_error("x", (0,)) > 0


def test_what_is_not_calibrated_is_dead():
    document = machine()
    del document["standardized"]["oneQubitProperties"]["7"]
    del document["standardized"]["twoQubitProperties"]["1-2"]
    document["standardized"]["oneQubitProperties"]["20"]["oneQubitFidelity"][0]["fidelity"] = 0.0
    target = device(document).target
    assert target.num_qubits == 20
    assert set(range(20)) - set(target.live_qubits) == {6, 19}
    assert (0, 1) not in target.couplings
    assert (1, 6) not in target.couplings


def test_units_of_time():
    document = machine()
    one = document["standardized"]["oneQubitProperties"]
    one["1"]["T1"] = {"value": 28.9, "unit": "us"}
    one["2"]["T1"] = {"value": 5.0, "unit": "fortnights"}
    one["3"]["T1"] = None
    qubits = device(document).target.qubits
    assert qubits[0].t1 == pytest.approx(28.9e-6)
    assert qubits[1].t1 is None
    assert qubits[2].t1 is None


def test_the_fidelity_of_simultaneous_benchmarking_counts_before_the_other():
    document = machine()
    listed = document["standardized"]["oneQubitProperties"]["1"]["oneQubitFidelity"]
    alone = {"fidelityType": {"name": "RANDOMIZED_BENCHMARKING"}, "fidelity": 0.9999}
    listed.insert(0, alone)
    both = device(document).target.gate_error("prx", (0,))
    listed.pop(1)
    assert both > device(document).target.gate_error("prx", (0,)) == pytest.approx(1e-4)


def test_limits():
    assert device(machine()).limits == Limits(1, 20_000, ProgramSetLimits(100, 1, 200_000))
    single = device(machine(program_set=False)).limits
    assert single == Limits(1, 20_000, None)
    document = machine()
    document["action"][PROGRAM_SET]["minimumTotalShots"] = 500
    document["service"]["shotsRange"] = [0, 10]
    assert device(document).limits == Limits(1, 10, ProgramSetLimits(100, 500, 200_000))


def test_prices():
    document = machine()
    del document["service"]["deviceCost"]
    assert device(document).price.shot is None
    document["service"]["deviceCost"] = {"price": 7.0, "unit": "hour"}
    assert device(document).price.shot is None
    assert "hour" in device(document).price.source


@pytest.mark.parametrize(
    "gates", [["GPi", "GPi2", "ZZ"], ["prx", "xx", "rz"], ["rx", "rz", "iswap"], ["cz"], ["prx"], ["cz", "rx"]]
)
def test_gates_that_cannot_be_compiled_to_are_named(gates):
    document = machine()
    document["paradigm"]["nativeGateSet"] = gates
    with pytest.raises(TargetError, match=", ".join(gates)):
        device(document)


def test_machines_of_other_kinds_are_refused():
    document = machine()
    document["action"][PROGRAM]["supportedPragmas"] = []
    with pytest.raises(TargetError, match="verbatim"):
        device(document)
    document = machine()
    del document["paradigm"]["nativeGateSet"]
    with pytest.raises(TargetError, match="not a gate-model machine"):
        device(document)


@pytest.mark.parametrize("key", ["action", "service", "paradigm", "standardized"])
@pytest.mark.parametrize("value", [None, [], "x", 3, {"a": 1}])
def test_nonsense_is_a_target_error_or_left_out(key, value):
    document = copy.deepcopy(machine())
    document[key] = value
    if key == "standardized" and value in (None, [], {"a": 1}):
        # Nothing is known about errors then: every coupler is dead.
        assert device(document).target.couplings == {}
        return
    with pytest.raises(TargetError, match="garnet"):
        device(document)


def test_the_sample_is_of_awss_schema_and_says_what_it_is():
    text = sample.device().document
    assert IqmDeviceCapabilities.parse_raw(text).paradigm.qubitCount == 20
    assert LocalEmulator.from_json(text).noise_model.instructions
    assert sample.device().target.sample
    assert "Made up" in sample.device().target.source
    assert len({site.error for site in sample.device().target.sites["cz"]}) > 3
