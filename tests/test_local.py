"""Provider local: what it offers, what it refuses before a job is made, and what its counts and provenance are."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given

import provider_cases as cases
from oracles import circuits, random_bindings, register_probabilities
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.counts import sample
from qadapt.errors import BindingsError, CircuitError, NotSupportedError, TargetError
from qadapt.gates import GATES
from qadapt.jobs import wait
from qadapt.local import STATEVECTOR, LocalProvider
from qadapt.provider import Backend, Provider, Work
from qadapt.registry import backend
from qadapt.simulate import density
from qadapt.target import bundled_targets

NAMES = ("statevector", "emulator/heron-r2")
HERON = bundled_targets()["heron-r2"]
DEAD_QUBIT = next(q for q in range(HERON.num_qubits) if q not in HERON.live_qubits)
DEAD_PAIR = next(
    pair
    for site in HERON.sites["cz"]
    if (pair := site.qubits) not in HERON.couplings and set(pair) <= set(HERON.live_qubits)
)


def results(opened, *works):
    return wait(opened, opened.submit(works, tag="one"))


def native(*operations, measured=(0, 1), num_qubits=156):
    """A circuit that runs on both backends."""
    inside = operations or (op("sx", 0), op("rz", 0, angles=["a"]), op("sx", 0), op("cz", 0, 1), op("x", 1))
    return Circuit(num_qubits=num_qubits, operations=inside, measured=[measured] if measured else [])


def work(circuit=None, values=None, shots=100, seed=1):
    return Work(circuit or native(), Bindings.of({"a": [0.1, 0.2]} if values is None else values), shots, seed)


@pytest.fixture(params=NAMES)
def opened(request):
    return LocalProvider().open(request.param)


def test_what_is_offered():
    provider = LocalProvider()
    assert isinstance(provider, Provider)
    assert set(provider.targets()) == {"statevector", *(f"emulator/{name}" for name in bundled_targets())}
    for name, target in provider.targets().items():
        made = provider.open(name)
        assert isinstance(made, Backend)
        assert target.name == made.target.name == name
        assert target == made.target
        assert made.name == f"local:{name}"
        assert (made.capabilities.seed, made.capabilities.exact_sampling, made.capabilities.simulated) == (True,) * 3
    assert set(STATEVECTOR.native) == set(GATES)
    assert STATEVECTOR.couplings is None
    assert STATEVECTOR.ideal
    assert backend("local:emulator/wukong-72").target.sample


@pytest.mark.parametrize("name", ["", "heron-r2", "emulator/", "emulator/x", "emulator", "wukong-72", "Statevector"])
def test_unknown_targets_are_refused(name):
    with pytest.raises(TargetError, match="local has no target"):
        LocalProvider().open(name)


REFUSED = {
    "missing parameter": (BindingsError, lambda: work(values={})),
    "extra parameter": (BindingsError, lambda: work(values={"a": 0.1, "b": 0.2})),
    "no shots": (BindingsError, lambda: work(shots=0)),
    "fractional shots": (BindingsError, lambda: work(shots=1.5)),
    "boolean shots": (BindingsError, lambda: work(shots=True)),
    "negative seed": (BindingsError, lambda: work(seed=-1)),
    "too many shots": (NotSupportedError, lambda: work(shots=1_000_001)),
    "too many rows": (NotSupportedError, lambda: work(values={"a": np.zeros(65_537)})),
    "nothing measured": (TargetError, lambda: work(native(measured=()))),
    "qubit out of range": (TargetError, lambda: work(native(op("sx", 1024), measured=[0], num_qubits=1025), {})),
    "measured qubit out of range": (
        TargetError,
        lambda: work(native(op("sx", 0), measured=[1024], num_qubits=1025), {}),
    ),
}
REFUSED_BY_EMULATOR = {
    "gate that is not native": work(native(op("ry", 0, angles=["a"]))),
    "uncoupled pair": work(native(op("cz", 0, 2)), {}),
    "dead coupler": work(native(op("cz", *DEAD_PAIR)), {}),
    "gate on a dead qubit": work(native(op("sx", DEAD_QUBIT)), {}),
    "dead measured qubit": work(native(op("sx", 0), measured=[DEAD_QUBIT]), {}),
    "qubit out of range": work(native(op("sx", 156), measured=[0], num_qubits=157), {}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_works_are_refused_by_both(opened, case, monkeypatch):
    error, make = REFUSED[case]
    monkeypatch.setattr(type(opened), "execute", lambda self, item: pytest.fail("the work was executed"))
    for works in ((make(),), (work(), make())):
        with pytest.raises(error):
            opened.submit(works, tag="t")


@pytest.mark.parametrize("case", REFUSED_BY_EMULATOR)
def test_what_does_not_fit_the_machine_is_refused_by_the_emulator(case):
    with pytest.raises(TargetError) as caught:
        LocalProvider().open("emulator/heron-r2").submit((REFUSED_BY_EMULATOR[case],), tag="t")
    assert caught.value.violations


def test_unknown_gates_do_not_even_make_a_circuit():
    with pytest.raises(CircuitError, match="unknown gate"):
        native(op("warp", 0))


@pytest.mark.parametrize(("name", "most"), [("statevector", 24), ("emulator/heron-r2", 12)])
def test_too_many_connected_qubits_are_refused_at_submit(name, most):
    made = LocalProvider().open(name)
    if name == "statevector":
        chain = list(zip(range(most), range(1, most + 1), strict=True))
    else:
        chain = [pair for pair in HERON.couplings if max(pair) < 16]
    circuit = Circuit(num_qubits=156, operations=[op("cz", *pair) for pair in chain], measured=[0])
    with pytest.raises(NotSupportedError, match="connected by gates") as caught:
        made.submit((work(circuit, {}),), tag="t")
    assert caught.value.capability == "connected_qubits"


def test_results_that_would_not_fit_into_memory_are_refused(opened):
    circuit = Circuit(num_qubits=156, operations=[op("rz", 0, angles=["a"])], measured=list(range(20)))
    with pytest.raises(NotSupportedError, match="probabilities") as caught:
        opened.submit((work(circuit, {"a": np.zeros(65)}),), tag="t")
    assert caught.value.capability == "max_rows"


def test_counts_are_decided_by_the_seed(opened):
    first = results(opened, work(seed=5), work(seed=5), work(seed=6))
    assert (first[0].counts.table == first[1].counts.table).all()
    assert (first[0].counts.table != first[2].counts.table).any()
    again = results(LocalProvider().open(opened.target.name), work(seed=5))
    assert (first[0].counts.table == again[0].counts.table).all()
    assert first[0].counts.table.shape == (2, 4)
    assert (first[0].counts.table.sum(axis=1) == 100).all()


@given(circuit=circuits(measured=True, max_qubits=3))
def test_statevector_draws_from_the_exact_distribution(circuit):
    bindings = random_bindings(circuit, 2)
    (result,) = results(LocalProvider().open("statevector"), Work(circuit, bindings, 10**6, 3))
    for row in range(2):
        (exact,) = register_probabilities(circuit, bindings, row)
        # Hoeffding over 8 outcomes, 2 rows, 40 circuits: 1e-6 false alarms in all at sqrt(ln(2 * 640 / 1e-6) / 2e6).
        assert np.abs(result.counts.frequencies[row] - exact).max() < 3.3e-3


def test_the_emulator_draws_from_the_noisy_distribution():
    made = work(shots=1000)
    (result,) = results(LocalProvider().open("emulator/heron-r2"), made)
    expected = sample(density.probabilities(made.circuit, made.bindings, HERON), 1000, 1)
    assert (result.counts.table == expected.table).all()


def test_provenance_says_what_was_done():
    made = work()
    (ideal,) = results(LocalProvider().open("statevector"), made)
    (noisy,) = results(LocalProvider().open("emulator/heron-r2"), made)
    (sampled,) = results(LocalProvider().open("emulator/wukong-72"), work(native(op("cz", 0, 1), num_qubits=72), {}))
    assert ideal.provenance.noise is None
    assert ideal.provenance.calibrated is None
    assert noisy.provenance.noise == "calibration of heron-r2, 2026-04-15"
    assert noisy.provenance.calibrated == HERON.calibrated
    assert sampled.provenance.noise == "sample calibration of wukong-72"
    for name, result in (("statevector", ideal), ("emulator/heron-r2", noisy)):
        assert result.provenance.backend == f"local:{name}"
        assert result.provenance.simulated
        assert result.provenance.qubits == ((0, 1),)
        assert (result.provenance.shots, result.provenance.seed) == (100, 1)
        assert result.provenance.circuit_hash == made.circuit.content_hash
        assert set(result.provenance.versions) == {"qadapt", "numpy"}


def test_importing_and_opening_does_not_load_torch_or_scipy():
    code = (
        "import sys; from qadapt.local import LocalProvider as P; P().targets(); P().open('statevector')"
        "; print(sorted(m for m in sys.modules if m in ('torch', 'scipy', 'qiskit')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(cases.works(STATEVECTOR.native))
def test_works_are_lowered_as_they_are(made):
    circuit, bindings = made
    opened = LocalProvider().open("statevector")
    for row in range(bindings.rows):
        assert opened.lowered(Work(circuit, bindings, 10), row) == bindings.bound(circuit, row)


def test_what_does_not_fit_is_not_lowered():
    cases.check_no_such_row(LocalProvider().open("statevector"))
    made = native(op("ry", 0, angles=[0.1]))
    with pytest.raises(TargetError, match="not native"):
        LocalProvider().open("emulator/heron-r2").lowered(work(made, {}), 0)
