"""Noisy circuits cut into independent parts, and noise models that cannot be taken."""

from __future__ import annotations

import cirq
import numpy as np
import pytest

from qadapt.circuit import Circuit, op
from qadapt_cirq.lower import lower_circuit
from qadapt_cirq.noise import noisy_parts

LINE = cirq.LineQubit.range(6)


class Model(cirq.NoiseModel):
    """A noise model made of a function from a moment to what stands for it."""

    def __init__(self, change):
        self._change = change

    def noisy_moment(self, moment, system_qubits):
        """Change one moment."""
        return self._change(moment)


def measures(moment):
    """Whether a moment is the one of the measurements."""
    return cirq.is_measurement(moment)


def parts(circuit, model):
    """Parts of a circuit under a model."""
    return noisy_parts(lower_circuit(circuit, LINE), circuit.measured, model)


def test_parts_are_those_of_gates_and_noise_together():
    operations = [op("cx", 0, 3), op("ry", 1, angles=["w"]), op("x", 4), op("cx", 2, 5)]
    circuit = Circuit(num_qubits=6, operations=operations, measured=[[3, 1], [0]])
    alone = parts(circuit, cirq.NO_NOISE)
    assert [part.qubits for part in alone] == [(LINE[0], LINE[3]), (LINE[1],)]
    assert [[(read.register, read.bits, read.qubits) for read in part.reads] for part in alone] == [
        [(0, (0,), (1,)), (1, (0,), (0,))],
        [(0, (1,), (0,))],
    ]
    assert [part.symbols for part in alone] == [(), (0,)]
    crosstalk = Model(lambda m: m if measures(m) else [m, cirq.ZZ(LINE[3], LINE[1]) ** 0.1])
    (together,) = parts(circuit, crosstalk)
    assert together.qubits == (LINE[0], LINE[1], LINE[3])
    assert together.symbols == (0,)


def test_noise_after_the_measurements_is_seen_by_nobody():
    circuit = Circuit(num_qubits=1, operations=[op("x", 0)], measured=[0])
    flips = cirq.bit_flip(0.25)

    def one(model):
        """Probability of one."""
        (part,) = parts(circuit, model)
        rho = cirq.final_density_matrix(part.circuit, dtype=np.complex128)
        return rho[1, 1].real

    assert one(cirq.ConstantQubitNoiseModel(flips)) == pytest.approx(0.75, abs=1e-12)
    assert one(cirq.ConstantQubitNoiseModel(flips, prepend=True)) == pytest.approx(0.75**2 + 0.25**2, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: [] if measures(m) else m, "takes measurements away"),
        (lambda m: [cirq.measure(LINE[0], key="m0"), cirq.measure(LINE[1], key="m1")] if measures(m) else m, "changes"),
        (lambda m: [m, cirq.measure(LINE[2], key="extra")], "changes"),
        (lambda m: [m, m] if measures(m) else m, "changes"),
        (
            lambda m: (
                [cirq.measure(*o.qubits, key="m0", invert_mask=(True,)) for o in m.operations] if measures(m) else m
            ),
            "changes",
        ),
        (
            lambda m: (
                [
                    cirq.measure(LINE[0], LINE[1], key="m0", confusion_map={(0,): np.array([[0.9, 0.1], [0.2, 0.8]])}),
                    cirq.measure(LINE[2], key="m1"),
                ]
                if measures(m)
                else m
            ),
            "changes",
        ),
        (
            lambda m: (
                [
                    cirq.Moment(cirq.measure(LINE[0], LINE[1], key="m0")),
                    cirq.Moment(cirq.CZ(LINE[1], LINE[2])),
                    cirq.Moment(cirq.measure(LINE[2], key="m1")),
                ]
                if measures(m)
                else m
            ),
            "between their measurements",
        ),
    ],
)
def test_models_that_change_what_is_measured_are_refused(change, said):
    circuit = Circuit(num_qubits=3, operations=[op("x", 0)], measured=[[0, 1], [2]])
    with pytest.raises(ValueError, match=said):
        parts(circuit, Model(change))
