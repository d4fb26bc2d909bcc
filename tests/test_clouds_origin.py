"""The loopback cloud's own circuits: read as pyQPanda3 reads them, drawn fairly, the same every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clouds import origin
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import CircuitError
from qadapt.simulate import statevector

core = pytest.importorskip("pyqpanda3.core", reason="pyqpanda3 has no wheel here")


@st.composite
def programs(draw: Any) -> Any:
    """Programs of pyQPanda3 with some of four qubits measured, and those qubits."""
    program = core.QProg(4)
    angle = st.floats(-7, 7)
    for _ in range(draw(st.integers(1, 10))):
        one, other = draw(st.permutations(range(4)))[:2]
        kind = draw(st.sampled_from(["RPHI", "CZ", "U3", "RX", "RY", "RZ", "H", "CNOT", "BARRIER"]))
        if kind in ("CZ", "CNOT"):
            program << getattr(core, kind)(one, other)
        elif kind == "BARRIER":
            program << core.BARRIER([one, other])
        else:
            count = {"RPHI": 2, "U3": 3, "H": 0}.get(kind, 1)
            program << getattr(core, kind)(one, *[draw(angle) for _ in range(count)])
    return program, draw(st.permutations(range(4)))[: draw(st.integers(1, 4))]


@settings(max_examples=60, deadline=None)
@given(case=programs())
def test_programs_mean_what_pyqpanda3_means_by_them(case: Any) -> None:
    program, measured = case
    machine = core.CPUQVM()
    machine.run(program, 1)
    program << core.RX(3, 0.0)  # its text has qubits up to the highest that is used
    wanted = machine.result().get_prob_list(measured)
    for bit, qubit in enumerate(measured):
        program << core.measure(qubit, 2 * bit + 1)
    circuit, angles, register = origin.read(program.originir())
    assert register == tuple(measured)
    read = Circuit(num_qubits=4, operations=circuit.operations, measured=(register,))
    (found,) = statevector.probabilities(read, Bindings.of_matrix(read.parameters, np.array([angles])))
    np.testing.assert_allclose(found[0], wanted, rtol=0, atol=1e-6)


TURNED = "QINIT 72\nCREG 72\nRPhi q[{0}],({1},0.00000000)\nCZ q[{0}],q[71]\n" + "".join(
    f"MEASURE q[{qubit}],c[{qubit}]\n" for qubit in range(72)
)


def test_wide_outcomes_are_exact_integers() -> None:
    ((counts, width),) = origin.run([TURNED.format(66, np.pi)], 100)
    assert (counts, width) == ({1 << 66: 100}, 72)


def test_counts_are_fair_and_follow_from_the_program_alone() -> None:
    one, other = TURNED.format(3, 1.0), TURNED.format(5, 2.0)
    first, second = origin.run([one, other], 10_000), origin.run([other, one, other], 10_000)
    assert second == [first[1], first[0], first[1]]
    # Binomial: beyond 5.3 standard deviations once in 10^7.
    for (counts, _), (qubit, angle) in zip(first, ((3, 1.0), (5, 2.0)), strict=True):
        share = np.sin(angle / 2) ** 2
        assert abs(counts[1 << qubit] - 10_000 * share) < 5.3 * np.sqrt(10_000 * share * (1 - share))


@pytest.mark.parametrize("line", ["TOFFOLI q[0],q[1],q[2]", "CONTROL q[0]", "QIF c[0]", "RPhi q[0]", "", "MEASURE"])
def test_what_the_client_does_not_send_for_native_circuits_is_refused(line: str) -> None:
    with pytest.raises((ValueError, KeyError, CircuitError)):
        origin.read(f"QINIT 3\nCREG 1\n{line}\nMEASURE q[0],c[0]\n")
