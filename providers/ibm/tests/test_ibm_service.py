"""The service backend through the real client, over loopback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Operation, Parameter, op
from qadapt.errors import (
    AccessError,
    BadResultError,
    BindingsError,
    JobFailedError,
    NotSupportedError,
    QadaptError,
    TargetError,
    UnavailableError,
)
from qadapt.provider import Backend, Done, Failed, Pending, Work
from qadapt_ibm import service as service_module
from qadapt_ibm.provider import IBMProvider

MACHINE = "ibm_loopback"
PAIR = (0, 1)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="qiskit_ibm_runtime")


@pytest.fixture
def backend(connect: Callable[[], Any]) -> Backend:
    return IBMProvider(connect).open(MACHINE)


def turn(qubit: int, angle: str | Parameter) -> list[Operation]:
    """A rotation about x by the angle: rz(-pi/2) sx rz(pi - angle) sx rz(-pi/2), the last rz left out."""
    given = Parameter(name=angle) if isinstance(angle, str) else angle
    return [
        op("rz", qubit, angles=[-np.pi / 2]),
        op("sx", qubit),
        op("rz", qubit, angles=[given.shifted(-1.0, np.pi)]),
        op("sx", qubit),
    ]


# Names whose sorted order is another one, a register in descending order, one of a qubit alone.
CIRCUIT = Circuit(
    num_qubits=156,
    operations=(*turn(0, "t10"), *turn(1, "t2"), op("fence", 0, 1), op("x", 3)),
    measured=[(1, 0), (3,)],
)
BINDINGS = Bindings.of({"t10": [0.0, np.pi, 0.0, np.pi / 2], "t2": [0.0, 0.0, np.pi, 0.0]})


def finish(loopback: Any, job: str) -> None:
    loopback.jobs[job].state = "Completed"


def test_from_submit_to_counts(loopback: Any, backend: Backend) -> None:
    job = backend.submit([Work(CIRCUIT, BINDINGS, 400)], tag="my-tag")
    assert loopback.jobs[job].request["tags"] == ["my-tag"]
    assert isinstance(backend.fetch(job), Pending)
    loopback.jobs[job].state = "Running"
    assert isinstance(backend.fetch(job), Pending)
    finish(loopback, job)
    state = backend.fetch(job)
    assert isinstance(state, Done)
    (result,) = state.results
    pair, single = result.counts.registers
    assert single.tolist() == [[0, 400]] * 4
    # Bit 0 is qubit 1, bit 1 is qubit 0.
    assert pair[:3].tolist() == [[400, 0, 0, 0], [0, 0, 400, 0], [0, 400, 0, 0]]
    assert pair[3, [1, 3]].tolist() == [0, 0]
    assert abs(pair[3, 0] - 200) < 60  # 6 sigma
    said = result.provenance
    assert (said.backend, said.shots, said.seed) == ("ibm:ibm_loopback", 400, None)
    assert said.circuit_hash == CIRCUIT.content_hash
    assert said.qubits == ((1, 0), (3,))
    assert not said.simulated
    assert said.calibrated is not None


def test_another_process_can_fetch(loopback: Any, backend: Backend, connect: Callable[[], Any]) -> None:
    """Several works, one of them without parameters and with several rows, fetched by a fresh client."""
    fixed = Circuit(num_qubits=156, operations=(op("x", 5),), measured=[(5, 6)])
    works = [Work(fixed, Bindings.of({}, shape=(3,)), 50), Work(CIRCUIT, BINDINGS.slice(0, 2), 50)]
    job = backend.submit(works, tag="t")
    finish(loopback, job)
    assert backend.capabilities.retrieval
    state = IBMProvider(connect).open(MACHINE).fetch(job)
    assert isinstance(state, Done)
    first, second = state.results
    assert first.counts.table.tolist() == [[0, 50, 0, 0]] * 3
    assert second.counts.registers[0].tolist() == [[50, 0, 0, 0], [0, 0, 50, 0]]
    assert (first.provenance.circuit_hash, second.provenance.circuit_hash) == (
        fixed.content_hash,
        CIRCUIT.content_hash,
    )


def test_a_tag_is_submitted_once(loopback: Any, backend: Backend, connect: Callable[[], Any]) -> None:
    """Also by another client: the answer of the first submit may have been lost with its process."""
    work = [Work(CIRCUIT, BINDINGS, 10)]
    first = backend.submit(work, tag="once")
    assert backend.submit(work, tag="once") == first
    assert IBMProvider(connect).open(MACHINE).submit(work, tag="once") == first
    assert backend.submit(work, tag="twice") != first
    assert len(loopback.jobs) == 2


def test_a_failed_job(loopback: Any, backend: Backend) -> None:
    job = backend.submit([Work(CIRCUIT, BINDINGS, 10)], tag="t")
    loopback.jobs[job].state, loopback.jobs[job].reason = "Failed", "the fridge is warm"
    state = backend.fetch(job)
    assert isinstance(state, Failed)
    assert type(state.error) is JobFailedError
    assert "the fridge is warm" in str(state.error)
    assert state.error.job_id == job


def test_cancel(loopback: Any, backend: Backend) -> None:
    job = backend.submit([Work(CIRCUIT, BINDINGS, 10)], tag="t")
    backend.cancel(job)
    state = backend.fetch(job)
    assert isinstance(state, Failed)
    assert "cancelled" in str(state.error)
    backend.cancel(job)  # what has finished stays as it is
    with pytest.raises(JobFailedError):
        backend.cancel("nope")


def test_an_unknown_job(backend: Backend) -> None:
    state = backend.fetch("nope")
    assert isinstance(state, Failed)
    assert isinstance(state.error, JobFailedError)


@pytest.mark.parametrize(("status", "kind"), [(401, AccessError), (403, AccessError), (503, UnavailableError)])
def test_refused_requests(loopback: Any, backend: Backend, status: int, kind: type[QadaptError]) -> None:
    job = backend.submit([Work(CIRCUIT, BINDINGS, 10)], tag="good")
    loopback.faults[("POST", "/jobs")] = status
    with pytest.raises(kind) as caught:
        backend.submit([Work(CIRCUIT, BINDINGS, 10)], tag="refused")
    assert caught.value.__cause__ is not None
    assert len(loopback.jobs) == 1
    loopback.faults[("GET", f"/jobs/{job}")] = status
    with pytest.raises(kind) as caught:  # nothing is known about the job: that is no state of it
        backend.fetch(job)
    assert getattr(caught.value, "job_id", None) == job


def test_broken_results(loopback: Any, backend: Backend) -> None:
    job = backend.submit([Work(CIRCUIT, BINDINGS, 10)], tag="t")
    finish(loopback, job)
    for broken in ("<html>busy</html>", '{"data": []}', "[]"):
        loopback.jobs[job].result = broken
        state = backend.fetch(job)
        assert isinstance(state, Failed), broken
        assert isinstance(state.error, BadResultError)
        assert state.error.job_id == job


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: [Work(CIRCUIT, BINDINGS, 10), Work(CIRCUIT, BINDINGS, 20)], NotSupportedError),
        (lambda: [Work(CIRCUIT, BINDINGS, 900_000)] * 3, NotSupportedError),
        (lambda: [Work(CIRCUIT, Bindings.of({"t2": 0.1}), 10)], BindingsError),
        (lambda: [Work(CIRCUIT, BINDINGS, 0)], BindingsError),
        (lambda: [Work(CIRCUIT, BINDINGS, 1.5)], BindingsError),
        (lambda: [Work(CIRCUIT, Bindings.of({"t2": 1.0, "t10": float("nan")}), 10)], BindingsError),
        (lambda: [Work(Circuit(num_qubits=156, operations=(op("h", 0),), measured=[(0,)]), BINDINGS, 1)], QadaptError),
        (lambda: [Work(Circuit(num_qubits=157, measured=[(156,)]), Bindings.of({}), 1)], TargetError),
        (lambda: [Work(Circuit(num_qubits=2, operations=(op("cz", 0, 1),)), Bindings.of({}), 1)], TargetError),
        (list, NotSupportedError),
    ],
)
def test_bad_input_is_never_posted(
    loopback: Any, backend: Backend, make: Callable[[], list[Work]], kind: type[QadaptError]
) -> None:
    before = len(loopback.log)
    with pytest.raises(kind):
        backend.submit(make(), tag="bad")
    assert len(loopback.log) == before


def test_the_limit_of_executions_is_the_services() -> None:
    """10 million executions per job: https://quantum.cloud.ibm.com/docs/guides/job-limits."""
    assert service_module.MAX_EXECUTIONS == 10_000_000
