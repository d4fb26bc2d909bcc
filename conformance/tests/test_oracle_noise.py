"""The noise oracle against closed forms, and against the emulators, which it does not use."""

from __future__ import annotations

from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qadapt import Bindings, Circuit, NotSupportedError, Parameter, Target, backend, op
from qadapt.compile import compile_circuit
from qadapt.local import EmulatorBackend
from qadapt.provider import Work
from qadapt.target import Qubit, Site, bundled_targets
from qadapt_conformance import oracle, oracle_noise
from qadapt_conformance.oracle_noise import MAX_QUBITS, SCALES, TURNS, confused, expected, family, tables

NONE = Bindings.of({})


def _target(qubits: int = 1, calibration: dict[str, Any] | None = None, **sites: tuple[Site, ...]) -> Target:
    native = ("x", "sx", "id", "rz", "ry", "cz", "cx")
    each = tuple(Qubit(**(calibration or {})) for _ in range(qubits))
    return Target(name="toy", num_qubits=qubits, native=native, sites=sites, qubits=each)


def _circuit(*operations: tuple[str, int], qubits: int = 1) -> Circuit:
    return Circuit(num_qubits=qubits, operations=[op(*each) for each in operations], measured=[0])


def test_shares_no_code_with_what_it_judges() -> None:
    source = Path(oracle_noise.__file__).read_text(encoding="utf-8")
    imports = [line for line in source.splitlines() if line.startswith(("from qadapt", "import qadapt"))]
    assert imports == [
        "from qadapt import Bindings, Circuit, NotSupportedError, Operation, Parameter, Site, Target",
        "from qadapt_conformance import oracle",
    ]


def _layers(qubits: int, seed: int) -> tuple[Circuit, Bindings]:
    """Layers of ry and cx on a chain of which every qubit but one is measured, permuted, in two registers."""
    generator, operations, names = np.random.default_rng(seed), [], []
    for layer in range(2):
        for qubit in range(qubits):
            names.append(f"a{layer}_{qubit}")
            operations += [op("ry", qubit, angles=[names[-1]])]
            operations += [op("rz", qubit, angles=[Parameter(name=names[-1], scale=0.5, offset=0.2)])]
        operations += [op("cx", qubit, qubit + 1) for qubit in range(qubits - 1)]
    order = [int(qubit) for qubit in generator.permutation(qubits)]
    measured = [order[1:-1], order[-1:]] if qubits > 2 else [order]
    values = generator.uniform(-7, 7, (5, len(names)))
    return Circuit(num_qubits=qubits, operations=operations, measured=measured), Bindings.rows_of(names, values)


@pytest.mark.parametrize("machine", sorted(bundled_targets()))
@pytest.mark.parametrize("qubits", [1, 2, 4, 6])
def test_agrees_with_the_emulators(qubits: int, machine: str) -> None:
    emulator = backend(f"local:emulator/{machine}")
    assert isinstance(emulator, EmulatorBackend)
    circuit, bindings = _layers(qubits, qubits)
    compiled = compile_circuit(circuit, emulator.target)
    bound = compiled.bind(bindings)
    theirs = emulator.probabilities(Work(compiled.circuit, bound, 1, None))
    ours = tables(compiled.circuit, bound, emulator.target)
    components = family(compiled.circuit, bound, emulator.target)
    for one, other, each in zip(ours, theirs, components, strict=True):
        assert one == pytest.approx(other, abs=1e-9)
        assert np.array_equal(expected(each), one)
        assert np.abs(each[0] - one).max() > 1e-3


def test_without_noise_it_is_the_oracle() -> None:
    circuit, bindings = _layers(4, 3)
    target = _target(4, {"prob_meas1_prep0": 0.1}, cx=(Site(qubits=(0, 1), error=0.1),))
    for one, other in zip(
        tables(circuit, bindings, target, gates=0, readout=0), oracle.tables(circuit, bindings), strict=True
    ):
        assert one == pytest.approx(other, abs=1e-12)


def test_depolarising_in_closed_form() -> None:
    """Without relaxation the average gate error e is a depolarising strength of 2 e, so x leaves e in 0."""
    target = _target(x=(Site(qubits=(0,), error=0.03),))
    assert tables(_circuit(("x", 0)), NONE, target)[0] == pytest.approx(np.array([[0.03, 0.97]]))
    assert tables(_circuit(("x", 0)), NONE, target, gates=2)[0] == pytest.approx(np.array([[0.06, 0.94]]))
    hopeless = _target(x=(Site(qubits=(0,), error=0.9),))
    assert tables(_circuit(("x", 0)), NONE, hopeless)[0] == pytest.approx(np.array([[2 / 3, 1 / 3]]))


def test_relaxation_in_closed_form() -> None:
    times = {"t1": 50e-6, "t2": 30e-6}
    waits = (Site(qubits=(0,), duration=10e-6),)
    target = _target(1, times, id=waits)
    left = exp(-10 / 50)
    assert tables(_circuit(("x", 0), ("id", 0)), NONE, target)[0] == pytest.approx(np.array([[1 - left, left]]))
    ramsey = _circuit(("sx", 0), ("id", 0), ("sx", 0))
    left = exp(-10 / 30)
    assert tables(ramsey, NONE, target)[0] == pytest.approx(np.array([[(1 - left) / 2, (1 + left) / 2]]))
    left = exp(-20 / 30)
    assert tables(ramsey, NONE, target, gates=2)[0] == pytest.approx(np.array([[(1 - left) / 2, (1 + left) / 2]]))
    longer = _target(1, times | {"t2": 1.0}, id=waits)
    left = exp(-10 / 100)
    assert tables(ramsey, NONE, longer)[0] == pytest.approx(np.array([[(1 - left) / 2, (1 + left) / 2]]))


@pytest.mark.parametrize(("t1", "t2"), [(0.0, None), (0.0, 0.0), (None, 0.0), (None, None)])
def test_times_at_their_limits(t1: float | None, t2: float | None) -> None:
    target = _target(1, {"t1": t1, "t2": t2}, id=(Site(qubits=(0,), duration=1e-6, error=0.9),))
    (table,) = tables(_circuit(("x", 0), ("id", 0)), NONE, target)
    assert table.sum() == pytest.approx(1)
    assert table[0, 0] == pytest.approx(1.0 if t1 == 0 else 2 / 3)


def test_no_time_no_decay() -> None:
    target = _target(1, {"t1": 0.0, "t2": 0.0}, x=(Site(qubits=(0,), error=0.1),))
    assert tables(_circuit(("x", 0)), NONE, target)[0] == pytest.approx(np.array([[0.1, 0.9]]))


@pytest.mark.parametrize("machine", ["heron-r2", "wukong-72"])
def test_channels_have_the_calibrated_error(machine: str) -> None:
    """Average fidelity from the trace of what follows a gate; where relaxation alone is worse, that is what it is."""
    target, met = bundled_targets()[machine], 0
    for name, sites in target.sites.items():
        for site in sites[:40]:
            noise = oracle_noise._noise(op(name, *site.qubits), target, 1.0)
            d = round(len(noise) ** 0.5)
            fidelity = (np.trace(noise).real / d**2 * d + 1) / (d + 1)
            error = site.error or 0.0
            assert 1 - fidelity >= min(error, 1 - 1 / (d + 1)) - 1e-12
            met += abs(1 - fidelity - error) < 1e-12
    assert met > 20


def test_channels_are_physical() -> None:
    """Their Choi matrices are positive, and traces are kept."""
    target = bundled_targets()["heron-r2"]
    for site in target.sites["cz"][:20]:
        whole = oracle_noise._noise(op("cz", *site.qubits), target, 1.0).reshape(4, 4, 4, 4)
        choi = whole.transpose(0, 2, 1, 3).reshape(16, 16)
        assert np.linalg.eigvalsh(choi).min() > -1e-12
        assert np.einsum("iikl->kl", whole) == pytest.approx(np.eye(4))


def test_a_site_counts_in_either_direction() -> None:
    target = _target(2, cz=(Site(qubits=(1, 0), error=0.2),))
    one, other = (
        Circuit(num_qubits=2, operations=[op("x", 0), op("cz", *q)], measured=[0, 1]) for q in ((0, 1), (1, 0))
    )
    assert tables(one, NONE, target)[0][0, 1] < 0.9
    assert np.array_equal(tables(one, NONE, target)[0], tables(other, NONE, target)[0])


def test_noise_goes_to_the_right_qubit() -> None:
    """The first qubit of a gate decays by its own time."""
    qubits = (Qubit(t1=1e-6), Qubit(), Qubit())
    sites = {"cz": (Site(qubits=(0, 2), duration=1e-6),)}
    target = Target(name="toy", num_qubits=3, native=("x", "cz"), sites=sites, qubits=qubits)
    operations = [op("x", 0), op("x", 2), op("cz", 0, 2)]
    (table,) = tables(Circuit(num_qubits=3, operations=operations, measured=[2, 1, 0]), NONE, target)
    assert table[0] == pytest.approx([0, 1 - exp(-1), 0, 0, 0, exp(-1), 0, 0])


def test_readout_errors() -> None:
    qubits = (Qubit(prob_meas1_prep0=0.1, prob_meas0_prep1=0.2), Qubit(prob_meas1_prep0=0.05), Qubit())
    target = Target(name="toy", num_qubits=3, native=("x",), qubits=qubits)
    circuit = Circuit(num_qubits=3, operations=[op("x", 0)], measured=[2, 0, 1])
    found = tables(circuit, NONE, target)[0][0]
    assert found == pytest.approx([0.2 * 0.95, 0, 0.8 * 0.95, 0, 0.2 * 0.05, 0, 0.8 * 0.05, 0])
    twice = tables(circuit, NONE, target, readout=2)[0][0]
    assert twice == pytest.approx([0.4 * 0.9, 0, 0.6 * 0.9, 0, 0.4 * 0.1, 0, 0.6 * 0.1, 0])
    assert tables(circuit, NONE, target, readout=10)[0][0][0] == pytest.approx(0.25)
    one = np.array([[0.3, 0.7]])
    broken = Target(name="toy", num_qubits=1, native=("x",), qubits=(Qubit(prob_meas1_prep0=0.9),))
    for scale in (1.0, 2.0):
        assert confused(one, (0,), broken, scale) == pytest.approx(np.array([[0.03, 0.97]]))
    assert confused(one, (0,), Target(name="ideal", num_qubits=1, native=("x",))) is one


def test_components_of_a_family() -> None:
    circuit, bindings = _layers(3, 1)
    target = bundled_targets()["heron-r2"]
    compiled = compile_circuit(circuit, target)
    bound = compiled.bind(bindings)
    for number, components in enumerate(family(compiled.circuit, bound, target)):
        assert components.shape == (len(SCALES) + len(TURNS) + 1, 5, 2 ** len(circuit.measured[number]))
        assert components.sum(axis=2) == pytest.approx(np.ones(components.shape[:2]))
        assert np.all(components[-1] == 1 / components.shape[2])
        for component, (gates, readout) in zip(components, SCALES, strict=False):
            assert np.array_equal(
                component, tables(compiled.circuit, bound, target, gates=gates, readout=readout)[number]
            )


def test_qubits_that_no_gate_connects_are_no_limit() -> None:
    """Twelve qubits in groups of two, registers across groups: products of the groups' tables."""
    target = _target(
        12, {"prob_meas0_prep1": 0.1, "t1": 1e-6}, ry=tuple(Site(qubits=(q,), duration=1e-7) for q in range(12))
    )
    operations = [op("ry", q, angles=[0.1 + 0.2 * q]) for q in range(12)] + [op("cx", q, q + 6) for q in range(5)]
    measured = [[7, 0, 3], [11], [6, 9, 1, 5]]
    found = tables(Circuit(num_qubits=12, operations=operations, measured=measured), NONE, target)
    for register, table in zip(measured, found, strict=True):
        for outcome in range(2 ** len(register)):
            values = {qubit: outcome >> bit & 1 for bit, qubit in enumerate(register)}
            product = 1.0
            for q in range(6):
                pair = [p for p in (q, q + 6) if p in values]
                if pair:
                    alone = Circuit(
                        num_qubits=12, operations=[o for o in operations if o.qubits[0] % 6 == q], measured=pair
                    )
                    index = sum(values[p] << bit for bit, p in enumerate(pair))
                    product *= tables(alone, NONE, target)[0][0, index]
            assert table[0, outcome] == pytest.approx(product)


def test_too_many_connected_qubits() -> None:
    target = _target(MAX_QUBITS + 1, {"prob_meas0_prep1": 0.1}, x=(Site(qubits=(0,), error=0.1),))
    operations = [op("x", 0), *(op("cx", qubit, qubit + 1) for qubit in range(MAX_QUBITS))]
    circuit = Circuit(num_qubits=MAX_QUBITS + 1, operations=operations, measured=[0])
    with pytest.raises(NotSupportedError, match="gates connect 7 qubits"):
        tables(circuit, NONE, target)
    (components,) = family(circuit, NONE, target)
    assert components == pytest.approx(np.array([[[0, 1]], [[0.1, 0.9]], [[0.5, 0.5]]]))
    assert np.array_equal(expected(components), components[1])


def test_qubits_that_are_not_read_are_no_limit() -> None:
    operations = [op("x", 9), *(op("cx", qubit, qubit + 1) for qubit in range(MAX_QUBITS))]
    circuit = Circuit(num_qubits=10, operations=operations, measured=[9])
    assert tables(circuit, NONE, _target(10))[0] == pytest.approx(np.array([[0, 1]]))


def test_rows_are_taken_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit, bindings = _layers(3, 2)
    target = _target(3, {"t1": 1e-6, "t2": 1e-6}, cx=(Site(qubits=(0, 1), duration=1e-7, error=0.1),))
    whole = tables(circuit, bindings, target)
    monkeypatch.setattr(oracle_noise, "_ENTRIES", 2 * 4**3)
    for one, other in zip(tables(circuit, bindings, target), whole, strict=True):
        assert one == pytest.approx(other, abs=1e-15)


@given(st.integers(0, 2**32 - 1), st.floats(0, 3), st.floats(0, 3))
@settings(max_examples=20, deadline=None)
def test_probabilities(seed: int, gates: float, readout: float) -> None:
    circuit, bindings = _layers(1 + seed % 4, seed)
    calibration = {"t1": 1e-6, "t2": 1.5e-6, "prob_meas1_prep0": 0.2, "prob_meas0_prep1": 0.4}
    sites = tuple(Site(qubits=(q,), error=0.05, duration=1e-7) for q in range(4))
    target = _target(4, calibration, ry=sites)
    for table in tables(circuit, bindings, target, gates=gates, readout=readout):
        assert table.min() >= 0
        assert table.sum(axis=1) == pytest.approx(np.ones(bindings.rows))
