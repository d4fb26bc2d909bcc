"""QPU time by IBM's formula, against Qiskit's own scheduler."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.transpiler import generate_preset_pass_manager

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.provider import Work
from qadapt_ibm import cost, fake
from qadapt_ibm.cost import Timing
from qadapt_ibm.lower import circuit_gates, directions, lower
from qadapt_ibm.options import Options

NAME = "fake_fez"


@pytest.fixture(scope="module")
def timing() -> Timing:
    return cost.timing(fake.machine(NAME))


def ladder(qubits: tuple[int, ...], depth: int) -> Circuit:
    """Gates of all kinds along a line."""
    operations = []
    for layer in range(depth):
        operations += [op("sx", q) for q in qubits]
        operations += [op("rz", q, angles=[0.1]) for q in qubits]
        start = layer % 2
        operations += [op("cz", *pair) for pair in zip(qubits[start::2], qubits[start + 1 :: 2], strict=False)]
        if layer % 3 == 2:
            operations.append(op("fence", *qubits))
    return Circuit(num_qubits=156, operations=operations, measured=[qubits])


@pytest.mark.parametrize("depth", [0, 1, 4, 9])
def test_the_length_is_that_of_qiskits_schedule(timing: Timing, depth: int) -> None:
    circuit, target = ladder((3, 4, 5, 6, 7), depth), fake.target(NAME)
    lowered = lower(circuit_gates(circuit), [("c", circuit.measured[0])], 156, directions(target))
    machine = fake.machine(NAME).target
    passes = generate_preset_pass_manager(target=machine, optimization_level=0, scheduling_method="alap")
    expected = passes.run(lowered.circuit).estimate_duration(machine)
    # Qiskit counts in steps of dt, 4 ns.
    assert cost.length(circuit, target, timing) == pytest.approx(expected, abs=4e-9 * (3 * depth + 1))


def test_the_published_quick_formula(timing: Timing) -> None:
    """2 + 0.00035 per execution, for circuits of 50 to 100 microseconds."""
    circuit = ladder((3, 4, 5, 6, 7), 700)
    assert 50e-6 < cost.length(circuit, fake.target(NAME), timing) < 100e-6
    works = [Work(circuit, Bindings.of({}, shape=(250,)), 4096)]
    found = cost.cost(works, fake.target(NAME), timing, Options())
    assert found.shots == 250 * 4096
    assert found.seconds == pytest.approx(2 + 0.00035 * found.shots, rel=0.15)


def test_every_term(timing: Timing) -> None:
    timing = Timing({0: 1e-6, 1: 2e-6}, reset=3e-6, rep_delay=100e-6)
    circuit = Circuit(num_qubits=156, measured=[(0, 1)])
    works = [Work(circuit, Bindings.of({}, shape=(10,)), 100)] * 2
    target = fake.target(NAME)

    def seconds(**options: object) -> float:
        found = cost.cost(works, target, timing, Options(**options)).seconds  # type: ignore[arg-type]
        assert found is not None
        return found

    assert seconds() == pytest.approx(2 + 2000 * 105e-6)
    assert seconds(init_qubits=False) == pytest.approx(2 + 2000 * 102e-6)
    assert seconds(rep_delay=0.0) == pytest.approx(2 + 2000 * 5e-6)
    assert seconds(rep_delay=1e-3) == pytest.approx(2 + 2000 * 1005e-6)


def test_prices_are_the_users() -> None:
    works = [Work(Circuit(num_qubits=156, measured=[(0,)]), Bindings.of({}), 100)]
    timing = Timing({}, rep_delay=0.28)  # 2 + 28 seconds
    free = cost.cost(works, fake.target(NAME), timing, Options())
    assert free.dollars is None
    paid = cost.cost(works, fake.target(NAME), timing, Options(dollars_per_minute=96, mode="batch"))
    assert paid.dollars == pytest.approx(48)
    assert paid.rules == (cost.RULE, cost.PRICE)
    assert free.rules == (cost.RULE,)
    assert "2026" in cost.RULE
    assert np.isclose((free + paid).seconds or 0, 60)


def test_a_session_has_no_estimate_that_a_budget_could_hold() -> None:
    works = [Work(Circuit(num_qubits=156, measured=[(0,)]), Bindings.of({}, shape=(3,)), 100)]
    found = cost.cost(works, fake.target(NAME), Timing({}), Options(dollars_per_minute=96, mode="session"))
    assert (found.shots, found.seconds, found.dollars) == (300, None, None)
    assert found.rules == (cost.SESSION,)


def test_a_machine_that_says_little() -> None:
    class Machine:
        class target:  # noqa: N801
            operation_names = ()

    assert cost.timing(Machine()) == Timing({}, 0.0, 250e-6)  # type: ignore[arg-type]
