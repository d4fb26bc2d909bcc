"""Refusals: bad input is answered by the right error, before a job exists; never by counts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from qadapt import (
    GATES,
    Bindings,
    BindingsError,
    Circuit,
    CircuitError,
    NotSupportedError,
    Parameter,
    ProviderError,
    QadaptError,
    TargetError,
    Work,
    op,
)
from qadapt.jobs import wait
from qadapt_conformance.finding import Finding, fact
from qadapt_conformance.probe import Probe
from qadapt_conformance.rule import EVERYWHERE, SUBMITTING, rule

Attempt = Callable[[], object]


def answer(attempt: Attempt) -> BaseException | None:
    """Return what an attempt raised, or None where it was answered."""
    try:
        attempt()
    except Exception as error:
        return error
    return None


def refused(what: str, attempt: Attempt, expected: type[QadaptError]) -> Finding:
    """Say whether an attempt was refused with the right error."""
    error = answer(attempt)
    got = "was accepted" if error is None else f"raised {type(error).__name__}: {error}"
    return fact(isinstance(error, expected), f"{what} {got}, expected {expected.__name__}")


class Door:
    """The backend's submit, always with one tag, to see that refused works leave no job behind."""

    def __init__(self, probe: Probe) -> None:
        self.probe, self.tag = probe, probe.tag()

    def submit(self, *works: Work) -> Attempt:
        """Return the attempt to submit works."""
        return lambda: self.probe.backend.submit(works, tag=self.tag)

    def still_free(self) -> Iterator[Finding]:
        """Submit good work under the tag: a job that a refused submit had made would answer instead."""
        shots = self.probe.shots(17)
        work = good(self.probe, shots=shots)
        results = wait(self.probe.backend, self.probe.backend.submit([work], tag=self.tag))
        got = [result.counts.shots for result in results]
        yield fact(got == [shots], f"after the refusals the tag's job has works of {got} shots, expected {[shots]}")


def good(probe: Probe, **changes: Any) -> Work:
    """A work that every backend runs, with some fields changed."""
    circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["t"])], measured=[0])
    return replace(probe.work(circuit, {"t": 0.7}), **changes)


def _renamed(work: Work, names: Sequence[str]) -> Work:
    return replace(work, bindings=Bindings.of(dict.fromkeys(names, 0.1)))


@rule("REFUSE-1", tiers=SUBMITTING)
def parameters_match(probe: Probe) -> Iterator[Finding]:
    """Missing and extra parameters are refused with BindingsError."""
    door, work = Door(probe), good(probe)
    names = work.circuit.parameters
    yield refused("a missing parameter", door.submit(_renamed(work, names[1:])), BindingsError)
    yield refused("an extra parameter", door.submit(_renamed(work, [*names, "more"])), BindingsError)
    yield refused("a misspelt parameter", door.submit(_renamed(work, [*names[1:], "other"])), BindingsError)
    yield from door.still_free()


@rule("REFUSE-2", tiers=SUBMITTING)
def shots_and_seeds(probe: Probe) -> Iterator[Finding]:
    """Shots and seeds that are no whole numbers in range are refused with BindingsError."""
    door = Door(probe)
    for shots in (0, -1, 1.5, True, "100", None):
        yield refused(f"shots={shots!r}", door.submit(good(probe, shots=shots)), BindingsError)
    for seed in (-1, 1.5, True, "1"):
        yield refused(f"seed={seed!r}", door.submit(good(probe, seed=seed)), BindingsError)
    yield from door.still_free()


@rule("REFUSE-3", covers=("max_shots", "max_rows", "max_works"), tiers=SUBMITTING)
def declared_limits(probe: Probe) -> Iterator[Finding]:
    """More shots, rows or works than declared are refused with NotSupportedError, which names the limit."""
    door, work, most = Door(probe), good(probe), probe.capabilities
    rows = Bindings.of(dict.fromkeys(work.circuit.parameters, 0.1), shape=(most.max_rows + 1,))
    attempts = {
        "max_shots": door.submit(replace(work, shots=most.max_shots + 1)),
        "max_rows": door.submit(replace(work, bindings=rows)),
        "max_works": door.submit(*[work] * (most.max_works + 1)),
    }
    for capability, attempt in attempts.items():
        yield refused(f"one more than {capability}", attempt, NotSupportedError)
        named = getattr(answer(attempt), "capability", None)
        yield fact(named == capability, f"the refusal names capability {named!r}, expected {capability!r}")
    yield refused("a submit without works", door.submit(), NotSupportedError)
    yield from door.still_free()


@rule("REFUSE-4", tiers=SUBMITTING)
def misfits(probe: Probe) -> Iterator[Finding]:
    """A circuit that does not fit the target is refused with TargetError, which lists every misfit."""
    door, size = Door(probe), probe.target.num_qubits
    (gate, *_) = (name for name in probe.target.native if GATES[name].qubits == 1)
    angles = [0.1] * len(GATES[gate].parameters)
    outside = Circuit(num_qubits=size + 2, operations=[op(gate, size, angles=angles)], measured=[0, size + 1])
    works = {
        "a qubit outside": Work(outside, Bindings.of({}), probe.shots(10)),
        "a circuit that measures nothing": Work(
            Circuit(num_qubits=1, operations=[op(gate, 0, angles=angles)]), Bindings.of({}), probe.shots(10)
        ),
    }
    couplings = probe.target.couplings
    if couplings is not None:
        live = probe.target.live_qubits
        apart = next(((a, b) for a in live for b in live if a < b and (a, b) not in couplings), None)
        entangler = next((name for name in probe.target.native if GATES[name].qubits == 2), None)
        if apart and entangler:
            turn = [0.1] * len(GATES[entangler].parameters)
            far = Circuit(num_qubits=size, operations=[op(entangler, *apart, angles=turn)], measured=list(apart))
            works["a gate on qubits that are not coupled"] = Work(far, Bindings.of({}), probe.shots(10))
    for what, work in works.items():
        yield refused(what, door.submit(work), TargetError)
    listed = getattr(answer(door.submit(works["a qubit outside"])), "violations", ())
    yield fact(len(listed) >= 2, f"two qubits outside the target, listed were {list(listed)}")
    yield from door.still_free()


def _circuit(name: str, qubits: Sequence[int], angles: Sequence[float]) -> Circuit:
    return Circuit(num_qubits=2, operations=[op(name, *qubits, angles=angles)])


@rule("REFUSE-5", tiers=EVERYWHERE)
def meaningless_data(probe: Probe) -> Iterator[Finding]:
    """Circuits and values that mean nothing cannot be made: CircuitError and BindingsError."""
    operations = {
        "an unknown gate": ("warp", (0,), ()),
        "a gate on too few qubits": ("cx", (0,), ()),
        "a gate with an angle too many": ("h", (0,), (0.1,)),
        "a repeated qubit": ("cx", (0, 0), ()),
        "a qubit out of range": ("x", (2,), ()),
        "a negative qubit": ("x", (-1,), ()),
        "an angle that is not a number": ("rx", (0,), (float("nan"),)),
        "an infinite angle": ("rx", (0,), (float("inf"),)),
    }
    for what, (name, qubits, angles) in operations.items():
        yield refused(what, partial(_circuit, name, qubits, angles), CircuitError)
    yield refused("a repeated measurement", lambda: Circuit(num_qubits=2, measured=[0, 0]), CircuitError)
    values: dict[str, Any] = {
        "a complex value": {"t": 1j},
        "a text value": {"t": "0.1"},
        "a truth value": {"t": True},
        "no rows": {"t": []},
        "rows of different lengths": {"t": [0.1, 0.2], "s": [0.1, 0.2, 0.3]},
        "a ragged array": {"t": [[0.1], [0.2, 0.3]]},
    }
    for what, columns in values.items():
        yield refused(what, partial(Bindings.of, columns), BindingsError)


@rule("FINITE-1", tiers=EVERYWHERE)
def not_finite_values(probe: Probe) -> Iterator[Finding]:
    """Values that are not finite are refused with BindingsError."""
    for value in (float("nan"), float("inf"), -float("inf")):
        yield refused(f"the value {value}", partial(Bindings.of, {"t": [0.1, value]}), BindingsError)
        yield refused(f"the row {value}", partial(Bindings.rows_of, ["t"], [[0.1], [value]]), BindingsError)


@rule("FINITE-2", tiers=SUBMITTING)
def not_finite_angles(probe: Probe) -> Iterator[Finding]:
    """An angle that is not finite when it reaches the backend is never answered by counts."""
    work = good(probe)
    for value in (float("nan"), float("inf")):
        columns = dict.fromkeys(work.circuit.parameters, np.array([0.1, value]))
        yield _never_counts(probe, f"an angle of {value}", replace(work, bindings=Bindings(columns, (2,))))
    operations = [
        o.model_copy(update={"angles": tuple(a.shifted(1e300) if isinstance(a, Parameter) else a for a in o.angles)})
        for o in work.circuit.operations
    ]
    huge = work.circuit.model_copy(update={"operations": tuple(operations)})
    bindings = Bindings.of(dict.fromkeys(huge.parameters, 1e300))
    yield _never_counts(probe, "an angle of 1e300 * 1e300", replace(work, circuit=huge, bindings=bindings))


def _never_counts(probe: Probe, what: str, work: Work) -> Finding:
    """Refused at the door or failed as a job, and in no case done."""
    try:
        job = probe.backend.submit([work], tag=probe.tag())
    except BindingsError as error:
        return fact(True, f"{what} raised {error}")
    except Exception as error:
        return fact(False, f"{what} raised {type(error).__name__}: {error}, expected BindingsError")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of arithmetic with such an angle, in the backend's own threads
            wait(probe.backend, job)
    except ProviderError as error:
        return fact(True, f"{what} failed: {error}")
    return fact(False, f"{what} was answered by counts, expected BindingsError")
