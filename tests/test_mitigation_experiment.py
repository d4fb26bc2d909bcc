"""Mitigated runs: nothing asked is a plain run; without noise nothing is biased; with noise less is wrong.

Statistical bounds have false-alarm rates below 1e-6: sums of independent standard scores are held to 5.5 standard
deviations (4e-8), and ratios of errors are held to bounds that they keep by tens of standard deviations.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mitigation_cases import HERON, Coherent, cayley
from oracles import adapter_circuit, random_bindings
from qadapt import Bindings, Circuit, op, run
from qadapt.errors import BindingsError, CircuitError, JobFailedError, NotSupportedError, TargetError
from qadapt.jobs import Ledger
from qadapt.local import EmulatorBackend, LocalProvider
from qadapt.mitigation import Mitigated, Mitigation, confusion, mitigate
from qadapt.provider import Suppression
from qadapt.readout.noise import Noise
from qadapt.target import Qubit, Site, Target

EMULATOR = "local:emulator/heron-r2"
SHOTS = 8192

FULL = Mitigation(readout="tensored", depolarising="references", rotate=True, repetitions=8)
ALL = Mitigation(
    readout="full",
    depolarising="references",
    scales=(1, 3),
    twirl=True,
    rotate=True,
    repetitions=4,
    constrain=False,
)
EACH = [
    Mitigation(),
    Mitigation(readout="tensored", constrain=False),
    Mitigation(readout="full", constrain=False),
    Mitigation(depolarising="references", constrain=False),
    Mitigation(scales=(1, 3), constrain=False),
    Mitigation(scales=(1, 2, 3), extrapolation="richardson", constrain=False),
    Mitigation(scales=(1, 3), extrapolation="exponential", constrain=False),
    Mitigation(twirl=True, repetitions=8),
    Mitigation(rotate=True, repetitions=8),
    ALL,
]


def sampled() -> EmulatorBackend:
    """Six pairs that have just the errors of the models, each of another size."""
    sites = {"cz": tuple(Site(qubits=(2 * n, 2 * n + 1), error=0.002 * (n + 1)) for n in range(6))}
    qubits = tuple(Qubit(prob_meas1_prep0=0.003 * n, prob_meas0_prep1=0.006 * n) for n in range(1, 13))
    return EmulatorBackend(
        Target(name="pairs", num_qubits=12, native=("cz", "sx", "x", "rz"), sites=sites, qubits=qubits)
    )


def scores(found: Mitigated, exact: np.ndarray) -> np.ndarray:
    """Standard scores of one outcome per row: independent of each other."""
    chosen = np.argsort(np.abs(exact - 0.5), axis=1)[:, :1]
    error = np.take_along_axis(found.values - exact, chosen, axis=1)
    return (error / np.take_along_axis(found.errors, chosen, axis=1))[:, 0]


def rms(found: Mitigated, exact: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found.values - exact) ** 2)))


@pytest.mark.parametrize("backend", ["local:statevector", EMULATOR])
@pytest.mark.parametrize("rows", [1, 70])
def test_nothing_asked_is_a_plain_run(backend, rows):
    circuit, bindings, _ = cayley(70, 4)
    some = bindings.slice(0, rows)
    plain = run(circuit, some, backend, shots=500, seed=3)
    found = mitigate(circuit, some, backend, shots=500, seed=3)
    assert np.array_equal(found.counts.table, plain.counts.table)
    assert np.array_equal(found.values, plain.counts.frequencies)
    assert found.provenance.mitigation == ()
    assert found.provenance.qubits == plain.provenance.qubits
    assert (found.executed, found.confusion, found.strength) == (plain.executions * 500, None, None)


@pytest.mark.parametrize("asked", EACH, ids=lambda asked: ", ".join(asked.names()) or "nothing")
@pytest.mark.parametrize("backend", ["statevector", "noiseless"])
def test_nothing_is_biased_without_noise(backend, asked):
    circuit, bindings, exact = cayley(300, 4)
    opened = LocalProvider().open("statevector") if backend == "statevector" else Coherent(0.0)
    found = mitigate(circuit, bindings, opened, shots=2400, seed=11, mitigation=asked)
    z = scores(found, exact)
    assert abs(z.sum()) < 5.5 * len(z) ** 0.5
    # Scores of what is estimated per tile are the same for its rows; the sum of squares has twice the variance then.
    assert 0.5 < (z**2).mean() < 1 + 5.5 * (2 * 2 / len(z)) ** 0.5


@pytest.mark.parametrize("asked", [EACH[1], FULL, ALL], ids=lambda asked: ", ".join(asked.names()))
def test_what_the_models_hold_is_taken_out_whole(asked):
    circuit, bindings, exact = cayley(300, 4)
    backend = sampled()
    part = asked.model_copy(update={"depolarising": "references", "constrain": False})
    found = mitigate(circuit, bindings, backend, shots=4800, seed=5, mitigation=part)
    z = scores(found, exact)
    assert (z**2).mean() < 1.5
    plain = mitigate(circuit, bindings, backend, shots=4800, seed=5)
    assert (scores(plain, exact) ** 2).mean() > 5
    assert rms(found, exact) < 0.9 * rms(plain, exact)
    assert found.strength is not None
    assert found.confusion is not None
    true = confusion.calibrated(backend.target, found.tiles or ())
    assert np.abs(found.confusion.matrices - true.matrices).max() < 6 * 0.5 / 4800**0.5
    assert (
        np.abs(found.strength.values - 1 + (1 - 4 / 3 * 0.002 * np.arange(1, 7)) ** 3) < 6 * found.strength.errors
    ).all()


def test_an_exponential_decays_to_uniform_outcomes():
    circuit, bindings, exact = cayley(300, 4)
    asked = Mitigation(readout="tensored", scales=(1, 3), extrapolation="exponential", constrain=False)
    found = mitigate(circuit, bindings, sampled(), shots=9600, seed=5, mitigation=asked)
    assert np.allclose(found.values.sum(axis=1), 1, atol=1e-12)
    assert (scores(found, exact) ** 2).mean() < 1.5


@pytest.mark.parametrize(
    ("dim", "asked", "ratio"),
    [
        (4, Mitigation(readout="calibration"), 0.4),
        (4, Mitigation(readout="tensored"), 0.4),
        (4, Mitigation(readout="full"), 0.4),
        (4, Mitigation(readout="tensored", depolarising="calibration"), 0.3),
        (4, FULL, 0.25),
        (8, Mitigation(readout="tensored"), 0.7),
        (8, Mitigation(readout="tensored", depolarising="references"), 0.4),
        (8, FULL, 0.2),
        (8, Mitigation(readout="tensored", scales=(1, 3), extrapolation="exponential"), 0.6),
    ],
    ids=lambda value: ", ".join(value.names()) if isinstance(value, Mitigation) else str(value),
)
def test_with_noise_less_is_wrong(dim, asked, ratio):
    circuit, bindings, exact = cayley(124, dim)
    plain = mitigate(circuit, bindings, EMULATOR, shots=SHOTS, seed=2)
    found = mitigate(circuit, bindings, EMULATOR, shots=SHOTS, seed=2, mitigation=asked)
    assert rms(found, exact) < ratio * rms(plain, exact)
    assert (found.values >= 0).all()
    assert np.allclose(found.values.sum(axis=1), 1)
    assert found.provenance.mitigation == asked.names()
    assert found.provenance.shots == SHOTS


def test_rotation_shares_bad_tiles():
    circuit, bindings, exact = cayley(62, 4)
    plain = mitigate(circuit, bindings, EMULATOR, shots=SHOTS, seed=2)
    turned = mitigate(
        circuit, bindings, EMULATOR, shots=SHOTS, seed=2, mitigation=Mitigation(rotate=True, repetitions=8)
    )
    worst = [np.linalg.norm(found.values - exact, axis=1).max() for found in (plain, turned)]
    assert worst[1] < 0.5 * worst[0]
    assert turned.visits.shape == (8, 62)
    assert all(len(set(column)) == 8 for column in turned.visits.T)
    assert turned.runs[0].circuit == plain.runs[0].circuit
    assert np.array_equal(turned.counts.table, sum(each.table for each in turned.repetitions))
    assert turned.executed == plain.executed
    assert np.allclose(turned.values, turned.counts.frequencies, atol=1e-15)
    # Rows ran where it is said: in the mean over visits, the worst tiles are those of the worst rows without rotation.
    sizes = np.array([np.linalg.norm(each.frequencies - exact, axis=1) for each in turned.repetitions])
    tiles = np.array([sizes[turned.visits == tile].mean() for tile in range(62)])
    assert set(np.argsort(tiles)[-2:]) == set(np.argsort(np.linalg.norm(plain.values - exact, axis=1))[-2:])


def test_twirling_makes_a_coherent_error_small():
    circuit, bindings, exact = cayley(20, 4)
    plain = mitigate(circuit, bindings, Coherent(0.1), shots=64_000, seed=2)
    asked = Mitigation(twirl=True, repetitions=64)
    found = mitigate(circuit, bindings, Coherent(0.1), shots=64_000, seed=2, mitigation=asked)
    assert rms(found, exact) < 0.5 * rms(plain, exact)
    assert len(found.runs) == 1


@pytest.mark.parametrize("repetitions", [4, 16])
def test_the_spread_of_random_paulis_is_in_the_errors(repetitions):
    """Against the mean over many draws; 40 rows and their 160 values leave the ratio uncertain by less than 0.1."""
    circuit, bindings, _ = cayley(40, 8)
    many, few = (
        mitigate(
            circuit, bindings, Coherent(0.1), shots=512 * n, seed=n, mitigation=Mitigation(twirl=True, repetitions=n)
        )
        for n in (192, repetitions)
    )
    ratio = np.sqrt((((few.values - many.values) / few.errors) ** 2).mean())
    assert 0.7 < ratio < 1.3
    shots = np.sqrt(few.counts.frequencies * (1 - few.counts.frequencies) / few.counts.shots)
    assert np.sqrt((few.errors**2).mean()) > 1.5 * np.sqrt((shots**2).mean())


def test_the_page_runs():
    page = (Path(__file__).parents[1] / "docs" / "mitigation.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(programs) == 2
    exec(compile("\n".join(programs), "mitigation.md", "exec"), {})


def test_a_readout_takes_up_what_was_learnt():
    """What a likelihood needs: counts of each repetition, and noise of the tiles that rows visited."""
    circuit, bindings, exact = cayley(30, 4)
    found = mitigate(circuit, bindings, sampled(), shots=SHOTS, seed=2, mitigation=FULL)
    assert found.confusion is not None
    assert found.strength is not None
    noise = Noise(found.strength.values.clip(0, 0.95), found.confusion.matrices, found.visits)
    assert noise.fits(8, 30, 4) is noise
    kept = 1 - noise.strengths[found.visits][..., None]
    expected = np.einsum("krij,krj->kri", noise.confusion[found.visits], kept * exact + (1 - kept) / 4)
    seen = np.stack([each.frequencies for each in found.repetitions])
    chi = ((seen - expected) ** 2 / expected).sum() * SHOTS / 8
    degrees = 8 * 30 * 3
    assert chi < degrees + 8 * (2 * degrees) ** 0.5


def test_a_known_confusion_is_not_measured_again():
    circuit, bindings, _ = cayley(20, 4)
    asked = Mitigation(readout="tensored")
    first = mitigate(circuit, bindings, EMULATOR, shots=400, seed=2, mitigation=asked)
    again = mitigate(circuit, bindings, EMULATOR, shots=400, seed=2, mitigation=asked, confusion=first.confusion)
    assert (len(first.runs), len(again.runs)) == (2, 1)
    assert np.array_equal(first.values, again.values)
    assert first.executed == again.executed + 2 * 400
    with pytest.raises(BindingsError, match="20 tiles of 2 bits"):
        mitigate(
            circuit, bindings, EMULATOR, shots=400, mitigation=asked, confusion=confusion.Confusion((np.eye(2)[None],))
        )


def test_what_is_uncertain_about_a_tile_is_shared_by_rotation():
    """Confusion from few shots is most of the errors: the same in all repetitions on one tile, another on others."""
    circuit, bindings, _ = cayley(6, 4)
    backend = sampled()
    known = confusion.calibrated(backend.target, tuple((2 * n, 2 * n + 1) for n in range(6)))
    rough = confusion.Confusion(known.factors, shots=100)
    errors = [
        mitigate(
            *(circuit, bindings, backend),
            shots=60_000,
            seed=1,
            mitigation=Mitigation(readout="tensored", rotate=rotate, repetitions=6),
            confusion=rough,
        ).errors
        for rotate in (False, True)
    ]
    ratio = np.sqrt((errors[0] ** 2).mean() / (errors[1] ** 2).mean())
    assert 1.7 < ratio < 3


def test_seeds_decide_everything():
    circuit, bindings, _ = cayley(20, 4)
    same = [mitigate(circuit, bindings, EMULATOR, shots=800, seed=seed, mitigation=ALL).values for seed in (4, 4, 5)]
    assert np.array_equal(same[0], same[1])
    assert not np.array_equal(same[0], same[2])


class Spying(Coherent):
    """Keeps the angles of what it runs."""

    def probabilities(self, work):
        self.angles = work.bindings.array(work.circuit.parameters)
        return super().probabilities(work)


def test_paulis_follow_from_the_seed():
    circuit, bindings, _ = cayley(20, 4)
    drawn = []
    for seed in (4, 4, 5, None, None):
        backend = Spying(0.0)
        mitigate(circuit, bindings, backend, shots=8, seed=seed, mitigation=Mitigation(twirl=True, repetitions=2))
        drawn.append(backend.angles)
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert np.array_equal(drawn[3], drawn[4])
    assert not np.array_equal(drawn[0][:1], drawn[0][1:2])


class Corrected(Coherent):
    """A vendor that undoes misreadings."""

    def provenance(self, work):
        return super().provenance(work).model_copy(update={"readout_correction": True})


def test_what_a_vendor_has_corrected_is_not_corrected_again():
    circuit, bindings, _ = cayley(20, 4)
    asked = Mitigation(readout="calibration", constrain=False)
    found = mitigate(circuit, bindings, Corrected(0.0), shots=800, seed=1, mitigation=asked)
    assert np.array_equal(found.values, found.counts.frequencies)
    assert found.provenance.mitigation == ()
    measured = Mitigation(readout="tensored")
    assert mitigate(circuit, bindings, Corrected(0.0), shots=80, seed=1, mitigation=measured).provenance.mitigation


def test_wide_registers_and_single_rows():
    wide = adapter_circuit(12, tuple((q, q + 1) for q in range(11)))
    line = [Site(qubits=(q, q + 1), error=0.0) for q in range(11)]
    qubits = (Qubit(prob_meas1_prep0=0.02, prob_meas0_prep1=0.05),) * 12
    backend = EmulatorBackend(
        Target(name="line", num_qubits=12, native=("cz", "sx", "x", "rz"), sites={"cz": line}, qubits=qubits)
    )
    bindings = Bindings.of(dict.fromkeys(wide.parameters, 0.1))
    found = mitigate(
        wide, bindings, backend, shots=20_000, seed=1, mitigation=Mitigation(readout="calibration", constrain=False)
    )
    plain = run(wide, bindings, "local:statevector", shots=20_000, seed=1)
    assert found.tiles is not None
    assert found.values.shape == (1, 4096)
    likely = plain.counts.frequencies > 0.01
    assert (np.abs(found.values - plain.counts.frequencies)[likely] < 6 * 1.5 * found.errors[likely]).all()
    assert abs(found.counts.frequencies[0, 0] - found.values[0, 0]) > 0.1


class Failing(EmulatorBackend):
    """Counts its works, and fails after some."""

    def __init__(self, works: int) -> None:
        super().__init__(HERON)
        self.left = works
        self.done = 0

    def execute(self, work):
        self.left -= 1
        if self.left < 0:
            raise JobFailedError("no more", provider=self.name)
        self.done += 1
        return super().execute(work)


def test_an_interrupted_call_goes_on_where_it_stopped(tmp_path):
    circuit, bindings, _ = cayley(20, 4)
    with Ledger(tmp_path / "ledger.db") as book:
        first, second = Failing(2), Failing(2)
        with pytest.raises(JobFailedError):
            mitigate(circuit, bindings, first, shots=800, seed=1, mitigation=ALL, ledger=book)
        found = mitigate(circuit, bindings, second, shots=800, seed=1, mitigation=ALL, ledger=book)
        assert (first.done, second.done) == (2, 1)
        assert all(each.delivered for each in book.runs())
        whole = mitigate(circuit, bindings, EMULATOR, shots=800, seed=1, mitigation=ALL)
        assert np.array_equal(found.values, whole.values)
        third = Failing(3)
        mitigate(circuit, bindings, third, shots=800, seed=1, mitigation=ALL, ledger=book)
        assert third.done == 3


@pytest.mark.parametrize(
    ("circuit", "shots", "asked", "error"),
    [
        (adapter_circuit(2, ((0, 1),)), 100, Mitigation(scales=(1, 3), repetitions=3), BindingsError),
        (adapter_circuit(2, ((0, 1),)), 0, Mitigation(), BindingsError),
        (adapter_circuit(1, ()), 100, Mitigation(scales=(1, 3)), TargetError),
        (adapter_circuit(2, ((0, 1),)), 102, Mitigation(scales=(1, 2, 3)), TargetError),
        (Circuit(num_qubits=2, operations=[op("cz", 0, 1)], measured=[[0], [1]]), 9, Mitigation(), CircuitError),
        (adapter_circuit(3, ((0, 1), (1, 2), (2, 0))), 100, Mitigation(twirl=True), TargetError),
    ],
)
def test_what_makes_no_sense_is_refused(circuit, shots, asked, error):
    with pytest.raises(error):
        mitigate(circuit, random_bindings(circuit, 4), EMULATOR, shots=shots, mitigation=asked)


def test_routed_circuits_run_without_mitigation():
    circuit = adapter_circuit(3, ((0, 1), (1, 2), (2, 0)))
    found = mitigate(circuit, random_bindings(circuit, 2), EMULATOR, shots=100, seed=1)
    assert found.tiles is None


@pytest.mark.parametrize("asked", [{"dynamical_decoupling": "XY4"}, {"twirl_gates": True}, {"twirl_measure": True}])
def test_what_a_vendor_does_not_offer_is_not_supported(asked):
    circuit, bindings, _ = cayley(5, 4)
    with pytest.raises(NotSupportedError) as caught:
        mitigate(circuit, bindings, EMULATOR, shots=10, mitigation=Mitigation(vendor=Suppression(**asked)))
    assert caught.value.capability in asked
