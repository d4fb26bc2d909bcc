"""Origin's chips through the real client over loopback: what is asked, what comes of it, and the life of a job."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from math import pi
from typing import Any

import numpy as np
import pytest

import qadapt
from clouds import origin
from clouds.origin import DETAIL, Served
from origin_cases import WIRE, chip, done, finish, tag, work
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import (
    BindingsError,
    JobFailedError,
    NotSupportedError,
    QadaptError,
    TargetError,
)
from qadapt.provider import Backend, Costing, Done, Failed, Identified, Pending, Work
from qadapt.simulate import statevector
from qadapt.target import Site, Target
from qadapt_conformance.suite import Verdict, run_suite
from qadapt_origin.cloud import CloudBackend
from qadapt_origin.credentials import Credentials
from qadapt_origin.lower import lower
from qadapt_origin.provider import OriginProvider

pytestmark = pytest.mark.usefixtures("account")


def test_chips_that_are_online_are_listed_with_what_runs_here(cloud: Served) -> None:
    listed = OriginProvider().targets()
    assert list(listed) == ["cpu", "wukong72-emulator", "WK_C180", "WK_SMALL"]
    found = listed["WK_C180"]
    like = origin.CHIPS["WK_C180"]
    assert (found.num_qubits, len(found.live_qubits)) == (72, 69)
    assert found.couplings is not None
    assert sorted(found.couplings) == [
        edge for edge in like.edges() if edge not in like.dead and not {*edge} & {*like.missing}
    ]
    for edge in like.dead:
        assert edge not in found.couplings
    assert found.qubits[3].t1 == pytest.approx(12e-6)
    assert found.qubits[3].t2 == pytest.approx(1.4e-6)
    assert found.site["rphi", (3,)].duration == pytest.approx(30e-9)
    assert found.site["rphi", (3,)].error == pytest.approx(1 - like.qubit(3)["SingleGateFidelity"])
    assert found.qubits[3].readout_error == pytest.approx(1 - like.qubit(3)["ReadoutFidelity"])
    assert found.site["cz", (0, 6)].error == pytest.approx(1 - like.fidelity((0, 6)))
    assert found.site["cz", (0, 6)].duration == pytest.approx(40e-9)


def test_a_task_that_a_person_names_becomes_a_job_of_ours() -> None:
    backend, one = chip(), work()
    job = backend.submit([one], tag=tag())
    assert backend.adopt(job.partition("/")[0], [one]) == job == backend.adopt(job, [one])
    with pytest.raises(JobFailedError, match="no task id"):
        backend.adopt("what? no id", [one])


def test_an_opened_chip_says_what_it_is() -> None:
    backend = chip()
    assert isinstance(backend, Backend)
    assert isinstance(backend, Costing)
    assert (backend.name, backend.target.name) == ("origin:WK_C180", "WK_C180")
    assert backend.target == OriginProvider().targets()["WK_C180"]
    can = backend.capabilities
    assert (can.max_rows, can.max_works, can.cancel, can.retrieval) == (200, 1, True, True)
    assert not any((can.find, can.simulated, can.seed, can.exact_sampling))
    cost = backend.cost([work(rows=7, shots=30)])
    assert (cost.shots, cost.dollars, cost.seconds) == (210, None, None)
    assert cost.rules
    assert cost.rules == backend.cost([]).rules


def test_nothing_is_done_to_a_circuit_unless_it_is_asked_for(cloud: Served) -> None:
    result = done(chip(), work())
    assert cloud.jobs[-1]["configuration"] == {
        "shot": 200,
        "isProbcount": True,
        "amendFlag": 0,
        "mappingFlag": False,
        "circuitOptimization": False,
        "use_cz_pattern": False,
        "PointLabel": 1,
        "specified_block": [],
    }
    assert cloud.jobs[-1]["batch"] == ""
    said = result.provenance
    assert (said.backend, said.shots, said.seed, said.simulated) == ("origin:WK_C180", 200, None, False)
    assert (said.circuit_hash, said.qubits) == (work().circuit.content_hash, ((2, 8), (14,)))
    assert not any((said.readout_correction, said.vendor_mapping, said.vendor_optimisation, said.mitigation))
    assert set(said.versions) == {"qadapt", "qadapt-origin", "pyqpanda3"}
    asked = [json.loads(item["body"]).get("keys") for item in cloud.requests(DETAIL)]
    assert asked
    assert all(keys == ["probCount"] for keys in asked)


@pytest.mark.parametrize(
    ("option", "setting", "provenance"),
    [
        ("mapping", ("mappingFlag", True), "vendor_mapping"),
        ("optimisation", ("circuitOptimization", True), "vendor_optimisation"),
        ("correction", ("amendFlag", 1), "readout_correction"),
        ("crosstalk", ("use_cz_pattern", True), "mitigation"),
    ],
)
def test_each_option_is_sent_and_recorded(
    option: str, setting: tuple[str, Any], provenance: str, cloud: Served
) -> None:
    plain, backend = done(chip(), work()), chip(f"WK_C180+{option}")
    configuration = cloud.jobs[-1]["configuration"]
    result = done(backend, work())
    name, value = setting
    assert cloud.jobs[-1]["configuration"] == {**configuration, name: value}
    assert backend.name == f"origin:WK_C180+{option}" == result.provenance.backend
    changed = {
        field
        for field, said in result.provenance.model_dump(exclude={"backend"}).items()
        if said != getattr(plain.provenance, field)
    }
    assert changed == {provenance}


def test_corrected_counts_are_those_of_the_cloud_s_corrected_distribution() -> None:
    plain, corrected = done(chip(), work(shots=1000)), done(chip("WK_C180+correction"), work(shots=1000))
    for raw, found in zip(plain.counts.registers, corrected.counts.registers, strict=True):
        assert (found.sum(axis=1) == 1000).all()
        assert (found != raw).any()


def test_a_submit_can_carry_its_tag_as_batch_number(cloud: Served) -> None:
    backend = chip("WK_C180+tagged")
    backend.submit([work()], tag="qadapt-1234")
    assert cloud.jobs[-1]["batch"] == "qadapt-1234"


def test_circuits_are_sent_gate_by_gate_on_their_physical_qubits(cloud: Served, opened: CloudBackend) -> None:
    circuit = Circuit(
        num_qubits=72,
        operations=(op("rphi", 8, angles=[0.5, -1.25]), op("fence", 8, 2), op("cz", 8, 2)),
        measured=((8,), (14, 2)),
    )
    opened.submit([Work(circuit, Bindings.of({}), 10)], tag=tag())
    assert cloud.jobs[-1]["circuits"] == [
        "QINIT 15\nCREG 3\nRPhi q[8],(0.50000000,-1.25000000)\nBARRIER q[8],q[2]\nCZ q[8],q[2]\n"
        "MEASURE q[8],c[0]\nMEASURE q[14],c[1]\nMEASURE q[2],c[2]\n"
    ]


def test_counts_follow_the_distribution_of_every_row_and_register(opened: CloudBackend) -> None:
    asked = work(rows=40, shots=20_000)
    counts = done(opened, asked).counts
    wanted = statevector.probabilities(asked.circuit, asked.bindings)
    # 240 bins, each binomial: by Hoeffding's bound all lie within 0.0235 but for one case in 10^7.
    for found, exact in zip(counts.registers, wanted, strict=True):
        assert np.abs(found / 20_000 - exact).max() < 0.0235


def test_equal_works_get_equal_counts(opened: CloudBackend) -> None:
    first, second = done(opened, work()).counts, done(opened, work()).counts
    for one, other in zip(first.registers, second.registers, strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_qubit_of_the_chip_can_be_read_in_one_job(opened: CloudBackend) -> None:
    live = opened.target.live_qubits
    # Every third qubit is turned, so that no register looks like another in reverse.
    operations = tuple(op("rphi", qubit, angles=[pi, 0.0]) for qubit in live[::3])
    order = [*live[40:], *live[:40]]
    registers = tuple(tuple(order[start : start + 5]) for start in range(0, len(order), 5))
    circuit = Circuit(num_qubits=72, operations=operations, measured=registers)
    counts = done(opened, Work(circuit, Bindings.of({}), 50)).counts
    for register, table in zip(registers, counts.registers, strict=True):
        outcome = sum((qubit in live[::3]) << bit for bit, qubit in enumerate(register))
        assert table[0, outcome] == 50


def test_a_whole_batch_comes_back_in_order(opened: CloudBackend, cloud: Served) -> None:
    circuit = Circuit(num_qubits=72, operations=(op("rphi", 2, angles=["a", 0.0]),), measured=((2,),))
    flips = np.random.default_rng(3).integers(2, size=200)
    counts = done(opened, Work(circuit, Bindings.of({"a": pi * flips}), 10)).counts
    assert counts.table.argmax(axis=1).tolist() == flips.tolist()
    assert len(cloud.jobs[-1]["circuits"]) == 200


def test_the_runner_packs_a_chip_and_cuts_a_run_into_tasks(opened: CloudBackend, cloud: Served) -> None:
    circuit = Circuit(num_qubits=2, operations=(op("ry", 0, angles=["a"]), op("cx", 0, 1)), measured=((0, 1),))
    flips, before = np.random.default_rng(1).integers(2, size=1000), cloud.made
    found = qadapt.run(circuit, {"a": pi * flips}, opened, shots=10, packed=False)
    assert found.counts.table[:, 0].tolist() == (10 * (1 - flips)).tolist()
    assert found.counts.table[:, 3].tolist() == (10 * flips).tolist()
    assert [len(job["circuits"]) for job in cloud.jobs[before:]] == [200] * 5
    packed = qadapt.run(circuit, {"a": pi * flips}, opened, shots=10)
    assert packed.tiles > 20
    np.testing.assert_array_equal(packed.counts.table, found.counts.table)


def test_every_rule_of_the_specification_holds_over_the_wire(opened: CloudBackend, cloud: Served) -> None:
    """Told that the chip is an ideal simulator, as the loopback cloud is, the suite compares distributions too."""
    sites = {
        name: tuple(Site(qubits=site.qubits, error=0.0) for site in own) for name, own in opened.target.sites.items()
    }
    ideal = Target(name=WIRE, num_qubits=72, native=opened.target.native, sites=sites)
    cloud.refresh(True)
    backend = CloudBackend(opened._session, WIRE, opened._options, ideal)
    backend.capabilities = backend.capabilities.model_copy(update={"simulated": True})
    report = run_suite(backend)
    # PROV-3: provenance says that the counts are no simulator's, whatever the suite was told.
    assert [entry.rule for entry in report.verdicts if entry.verdict is Verdict.VIOLATES] == ["PROV-3"]
    assert report.count(Verdict.CONFORMS) > 40


def test_the_client_s_eight_decimals_cost_nothing_that_counts() -> None:
    """The client writes angles with 8 decimals: at most 5e-9 off, and probabilities as far per rotation at most."""
    rng = np.random.default_rng(5)
    operations = [
        operation
        for layer in range(20)
        for operation in (
            *(op("rphi", q, angles=[f"t{layer}{q}", f"p{layer}{q}"]) for q in range(4)),
            op("cz", 0, 1),
            op("cz", 2, 3),
            op("cz", 1, 2),
        )
    ]
    circuit = Circuit(num_qubits=4, operations=tuple(operations), measured=((0, 1, 2, 3),))
    bindings = Bindings.of({name: rng.uniform(-7, 7, 5) for name in circuit.parameters})
    (exact,) = statevector.probabilities(circuit, bindings)
    for row, program in enumerate(lower(circuit, bindings)):
        sent, angles, _ = origin.read(program.originir())
        sent = Circuit(num_qubits=4, operations=sent.operations, measured=circuit.measured)
        (rounded,) = statevector.probabilities(sent, Bindings.of_matrix(sent.parameters, np.array([angles])))
        distance = np.abs(rounded - exact[row]).sum() / 2
        assert 0 < distance < 160 * 5e-9


def test_the_raw_answer_is_the_cloud_s_own(opened: CloudBackend, cloud: Served) -> None:
    job = opened.submit([work()], tag=tag())
    state = finish(opened, job)
    assert isinstance(state, Done)
    assert state.raw is not None
    answer = json.loads(state.raw)["obj"]
    assert answer["taskId"] == job.split("/")[0] == cloud.jobs[-1]["task"]
    assert answer["measureQubitSize"] == [3, 3]
    assert answer["totalTime"] == 3407


def test_works_that_do_not_fit_are_refused_before_the_client_is_reached(opened: CloudBackend, cloud: Served) -> None:
    before = len(cloud.requests())

    def one(*operations: Any, measured: Any = ((2,),), shots: Any = 10, **values: Any) -> list[Work]:
        circuit = Circuit(num_qubits=72, operations=operations, measured=measured)
        return [Work(circuit, Bindings.of(values), shots)]

    bad: list[tuple[list[Work], type[QadaptError]]] = [
        ([work(rows=201)], NotSupportedError),
        ([work(shots=20_001)], NotSupportedError),
        ([work(), work()], NotSupportedError),
        ([], NotSupportedError),
        (one(op("h", 2)), TargetError),
        (one(op("cz", 0, 1)), TargetError),
        (one(op("cz", 2, 14)), TargetError),
        (one(op("rphi", 13, angles=[1.0, 0.0])), TargetError),
        (one(measured=((71,),)), TargetError),
        (one(op("rphi", 2, angles=[Parameter(name="a", scale=1e300), 0.0]), a=1e300), BindingsError),
        (one(op("rphi", 2, angles=["a", 0.0])), BindingsError),
        (one(shots=0), BindingsError),
    ]
    for works, kind in bad:
        with pytest.raises(kind):
            opened.submit(works, tag=tag())
    assert len(cloud.requests()) == before


def test_a_job_is_pending_until_it_is_done(opened: CloudBackend, cloud: Served) -> None:
    cloud.poll(4)
    job = opened.submit([work()], tag=tag())
    assert [type(opened.fetch(job)) for _ in range(6)] == [Pending] * 4 + [Done] * 2


def test_a_tag_that_was_used_before_gives_back_its_job(opened: CloudBackend, cloud: Served) -> None:
    name, before = tag(), cloud.made
    job = opened.submit([work()], tag=name)
    assert opened.submit([work()], tag=name) == job
    assert cloud.made == before + 1


def test_a_cancelled_job_has_failed_and_a_finished_one_stays(opened: CloudBackend, cloud: Served) -> None:
    cloud.poll(50)
    job = opened.submit([work()], tag=tag())
    assert isinstance(opened.fetch(job), Pending)
    opened.cancel(job)
    state = opened.fetch(job)
    assert isinstance(state, Failed)
    assert isinstance(state.error, JobFailedError)
    assert "cancelled" in str(state.error)
    cloud.poll(0)
    other = opened.submit([work()], tag=tag())
    assert isinstance(finish(opened, other), Done)
    opened.cancel(other)
    assert isinstance(opened.fetch(other), Done)
    opened.cancel("0123/1x1/ab/0")
    opened.cancel("no task id at all")


def test_origin_s_own_task_ids_can_be_cancelled_but_not_read(opened: CloudBackend, cloud: Served) -> None:
    cloud.poll(50)
    job = opened.submit([work()], tag=tag())
    opened.cancel(job.split("/")[0])
    assert cloud.jobs[-1]["cancelled"]
    state = opened.fetch(job.split("/")[0])
    assert isinstance(state, Failed)
    assert "which bits belong to which register" in str(state.error)


def test_unknown_jobs_have_failed(opened: CloudBackend) -> None:
    for job in ("nobody", "0123456789ABCDEF/1x10/ab/0"):
        state = opened.fetch(job)
        assert isinstance(state, Failed)
        assert isinstance(state.error, JobFailedError)
        assert state.error.job_id == job


_RETRIEVE = """
import sys, json
from qadapt.provider import Pending
from qadapt_origin.provider import OriginProvider
backend = OriginProvider().open("WK_C180")
while isinstance(state := backend.fetch(sys.argv[1]), Pending):
    pass
(result,) = state.results
print(json.dumps([result.provenance.model_dump(mode="json"), [table.tolist() for table in result.counts.registers]]))
"""


def test_a_job_is_read_by_its_id_in_a_new_process(opened: CloudBackend) -> None:
    job = opened.submit([work()], tag=tag())
    run = subprocess.run([sys.executable, "-c", _RETRIEVE, job], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    state = finish(opened, job)
    assert isinstance(state, Done)
    (result,) = state.results
    provenance, tables = json.loads(run.stdout)
    assert provenance == result.provenance.model_dump(mode="json")
    assert tables == [table.tolist() for table in result.counts.registers]


def test_the_identity_tells_accounts_apart_and_holds_no_key(
    opened: CloudBackend, cloud: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(opened, Identified)
    said = opened.identity()
    assert said == {"account": hashlib.sha256(cloud.key.encode()).hexdigest()[:12], "url": cloud.url}
    assert chip().identity() == said
    assert Credentials("another").identity() == {"account": "ae448ac86c4e", "url": "default"}


def test_two_accounts_in_one_process_do_not_mix(opened: CloudBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    with Served(key="another-key-0987654321") as other:
        monkeypatch.setenv("ORIGIN_API_KEY", other.key)
        monkeypatch.setenv("ORIGIN_URL", other.url)
        second = chip()
        jobs = [backend.submit([work()], tag=tag()) for backend in (opened, second, opened, second)]
        assert [job["task"] for job in other.jobs] == [jobs[1].split("/")[0], jobs[3].split("/")[0]]
        for backend, job in zip((opened, second, opened, second), jobs, strict=True):
            assert isinstance(finish(backend, job), Done)
        assert isinstance(second.fetch(jobs[2]), Failed)
