"""Every backend of the README that works offline: one adapter gives one answer, bad input gives one error.

The statistical tests stand on ``surprise``, a bound that holds at any number of shots. A right backend falls below
``ALPHA`` with a probability of at most 1e-8 per look, and all looks of this file together with at most 1e-6. Seeds are
fixed, so what passes once passes always.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, distribution
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qadapt import entries, registry
from qadapt.adapters.adapter import Adapter
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.cayley.layer import CayleyLinear
from qadapt.adapters.execution import Record
from qadapt.adapters.inject import inject
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, Parameter, op
from qadapt.errors import (
    BindingsError,
    CircuitError,
    MissingExtraError,
    NotSupportedError,
    QadaptError,
    TargetError,
)
from qadapt.gates import GATES
from qadapt.inline import InlineBackend
from qadapt.jobs import run, wait
from qadapt.provider import Backend, Provider, Result, Work
from qadapt.replicate.prediction import ideal, predicted
from qadapt.target import Target

Floats = NDArray[np.float64]

IDEAL = ("local:statevector", "aer:statevector", "braket:local", "cirq:simulator", "origin:cpu")
CHIPS = (
    "local:emulator/heron-r2",
    "local:emulator/heron-r3",
    "local:emulator/heron-r2-fractional",
    "local:emulator/heron-r3-fractional",
    "local:emulator/wukong-72",
    "ibm:fake_kingston",
    "origin:wukong72-emulator",
    "cirq:willow_pink",
    "cirq:weber",
    "cirq:rainbow",
    "braket:emulator/iqm-garnet-sample",
)
SERVICES = (
    "ibm:<machine>",
    "ibm:<machine>-fractional",
    "origin:<chip>",
    "braket:<machine>",
    "braket:emulator/<machine>",
)
WHOLE_TABLE = ("local:statevector", "aer:statevector")
"""Backends that have every gate of the gate table."""
BACKENDS = (*IDEAL, *CHIPS, "braket:local-dm", "cirq:density-matrix")
VENDORS = ("aer", "braket", "cirq", "ibm", "origin")
README = Path(__file__).parents[1] / "README.md"

DIMS = (2, 4, 8)
SHOTS, NOISY_SHOTS, SEED = 1_000_000, 40_000, 5
ALPHA = 1e-8
"""False-alarm rate of one look; the file has fewer than a hundred."""
POSSIBLE = 1e-10
"""Amplitudes above it belong to outcomes that can occur; exact zeros come out near 1e-17."""


def fresh(name: str) -> Backend:
    """Open a backend, or skip the test where its provider is not installed and say how to install it."""
    try:
        return registry.backend(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


opened = cache(fresh)


# The statistics


def tail(distance: float, freedom: int) -> float:
    """Bound the probability of a distance (see ``surprise``) at least this large; certain outcomes have none."""
    if freedom == 0:
        return 1.0 if distance < 1e-6 else 0.0
    return 1.0 if distance <= freedom else exp(freedom - distance + freedom * log(distance / freedom))


def surprise(seen: Floats, exact: Floats, shots: int) -> float:
    """Bound the probability that shot noise alone moves vectors at least this far from where they should be.

    Let f be the frequencies of N shots drawn from p, and take square roots with the signs of the exact vector. Then
    ``|sqrt(f) - sqrt(p)|^2 = 2 - 2 sum sqrt(f p) <= -2 log(sum f sqrt(p / f)) <= sum f log(f / p) = KL(f | p)``, the
    last by Jensen's inequality, and the moment generating function of ``N KL`` is at most that of a gamma distribution
    of shape k - 1 and rate 1, for k possible outcomes and any N (R. Agrawal, IEEE Trans. Inf. Theory 66 (2020),
    arXiv:1904.02291). Rows are drawn one after the other, so their generating functions multiply and shapes add, and
    Chernoff's bound is ``P(N distance^2 >= g) <= exp(D - g) (g / D)^D`` for g > D, with D the sum of the shapes.

    Two looks at once, Bonferroni-corrected: all rows together, and the worst row by itself.

    Args:
        seen: Unit vectors from counts, ``[rows, d]``.
        exact: What they tend to, ``[rows, d]``.
        shots: Shots per row.
    """
    distances = shots * np.square(seen - exact).sum(axis=1)
    freedom = np.maximum((np.abs(exact) > POSSIBLE).sum(axis=1) - 1, 0)
    together = tail(float(distances.sum()), int(freedom.sum()))
    worst = min(tail(float(g), int(d)) for g, d in zip(distances, freedom, strict=True))
    return min(1.0, 2 * min(together, len(distances) * worst))


def of_counts(counts: NDArray[np.int64], probabilities: Floats) -> float:
    """Surprise of counts ``[rows, outcomes]`` that should have been drawn from probabilities of this shape."""
    shots = int(counts[0].sum())
    return surprise(np.sqrt(counts / shots), np.sqrt(np.clip(probabilities, 0, None)), shots)


@pytest.mark.parametrize("shots", [1, 7, 1000])
def test_the_bound_holds_at_any_number_of_shots(shots: int) -> None:
    """Among 400 right samples, 10 % may be below 0.1; 82 of them have a chance below 1e-8 (Chernoff)."""
    generator = np.random.default_rng(shots)
    table = generator.dirichlet([0.3] * 8, size=5)
    low = sum(of_counts(generator.multinomial(shots, table), table) < 0.1 for _ in range(400))
    assert low < 82


# The adapter on a backend


@dataclass(frozen=True, eq=False)
class Pass:
    """One forward pass on a backend.

    Attributes:
        output: What the model returned.
        records: One per adapted layer.
        inputs: What came into each adapted layer, ``[tokens, width]``.
        rotated: What its circuits made of it, ``[tokens, width]``.
    """

    output: Tensor
    records: tuple[Record, ...]
    inputs: tuple[Tensor, ...]
    rotated: tuple[Tensor, ...]


def model(dim: int, factor: float = 1.0) -> tuple[nn.Sequential, Adapter]:
    """Two adapted layers with random skews, times a factor; the first block of each is the identity.

    An identity block gives exact zeros and ties, where simulators differ by rounding alone.
    """
    torch.manual_seed(dim)
    width = max(16, 2 * dim)
    net = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width)).double()
    adapter = inject(net, CayleyConfig.model_validate({"targets": ("0", "2"), "dim": dim}))
    with torch.no_grad():
        for value in adapter.parameters.values():
            value.copy_(0.4 * factor * torch.randn(value.shape, dtype=torch.float64))
            value[0] = 0
    return net, adapter


def activations(dim: int) -> Tensor:
    """Random tokens, after one of zeros, one that is a basis vector in every slice, and one of equal components."""
    values = torch.randn(10, max(16, 2 * dim), dtype=torch.float64, generator=torch.Generator().manual_seed(dim))
    values[0] = values[1] = 0
    values[1, dim - 1 :: dim] = 1
    values[2] = -1
    return values


@cache
def forward(name: str, dim: int) -> Pass:
    """Run the model on a backend, once per backend and dim."""
    net, adapter = model(dim)
    inputs: list[Tensor] = []
    rotated: list[Tensor] = []
    for layer in adapter.layers.values():
        layer.register_forward_pre_hook(lambda _, taken: inputs.append(taken[0]))
        layer.base.register_forward_pre_hook(lambda _, taken: rotated.append(taken[0]))
    shots = NOISY_SHOTS if name in CHIPS else SHOTS
    with adapter.on(opened(name), shots=shots, seed=SEED) as execution:
        output = net(activations(dim))
    return Pass(output, tuple(execution.records), tuple(inputs), tuple(rotated))


def exact_vectors(passed: Pass, dim: int, factor: float = 1.0) -> list[Floats]:
    """What the circuits of each layer should tend to, by the exact map in torch, see ``unit_slices``."""
    _, adapter = model(dim, factor)
    with adapter.exact(), torch.no_grad():
        layers = [layer for layer in adapter.layers.values() if isinstance(layer, CayleyLinear)]
        limits = [layer.rotated(values) for layer, values in zip(layers, passed.inputs, strict=True)]
    return unit_slices(limits, passed.inputs, dim)


def unit_slices(vectors: Sequence[Tensor], inputs: Sequence[Tensor], dim: int) -> list[Floats]:
    """Slices of each layer's vectors over the norms of the inputs, ``[slices, d]``; zero ones are checked and left out.

    Slices of one token follow each other.
    """
    units = []
    for values, given in zip(vectors, inputs, strict=True):
        norms, parts = given.reshape(-1, dim).norm(dim=1), values.reshape(-1, dim)
        assert (parts[norms == 0] == 0).all()
        units.append((parts[norms > 0] / norms[norms > 0, None]).numpy())
    return units


def assert_identical(passed: Pass, reference: Pass, backend: str) -> None:
    """The same seeds, counts and outputs, number by number, from another backend."""
    assert len(passed.records) == len(reference.records) == 2
    for mine, theirs in zip(passed.records, reference.records, strict=True):
        assert mine.run.provenance.backend == backend != theirs.run.provenance.backend
        assert mine.run.provenance.seed == theirs.run.provenance.seed
        assert mine.circuit == theirs.circuit
        np.testing.assert_array_equal(mine.run.counts.table, theirs.run.counts.table)
        np.testing.assert_array_equal(mine.decoded.values, theirs.decoded.values)
    assert torch.equal(passed.output, reference.output)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", IDEAL[1:])
def test_ideal_backends_give_identical_counts_and_outputs(name: str, dim: int) -> None:
    capabilities = opened(name).capabilities
    assert capabilities.exact_sampling
    assert capabilities.seed
    assert_identical(forward(name, dim), forward(IDEAL[0], dim), name)


@pytest.mark.parametrize("name", ["aer:statevector", "cirq:simulator"])
def test_blocks_of_sixteen_are_identical_as_well(name: str) -> None:
    assert_identical(forward(name, 16), forward(IDEAL[0], 16), name)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", IDEAL)
def test_decoded_vectors_differ_from_the_exact_map_by_shot_noise(name: str, dim: int) -> None:
    passed = forward(name, dim)
    seen = unit_slices(passed.rotated, passed.inputs, dim)
    assert [len(vectors) for vectors in seen] == [9 * 16 // dim, 10 * 16 // dim]  # the token of zeros runs no circuit
    for vectors, exact in zip(seen, exact_vectors(passed, dim), strict=True):
        assert surprise(vectors, exact, SHOTS) > ALPHA


@pytest.mark.parametrize("dim", DIMS)
def test_vectors_of_a_wrong_map_differ_by_more(dim: int) -> None:
    """The same look at the same vectors, against maps that are wrong in the ways in which maps go wrong."""
    passed = forward(IDEAL[0], dim)
    seen, right = unit_slices(passed.rotated, passed.inputs, dim), exact_vectors(passed, dim)
    order = [int(f"{index:0{dim.bit_length() - 1}b}"[::-1], 2) for index in range(dim)]
    wrong = {
        "blocks transposed": exact_vectors(passed, dim, -1.0),
        "angles 2 % too large": exact_vectors(passed, dim, 1.02),
        "tokens rolled": [np.roll(exact, 16 // dim, axis=0) for exact in right],
        "blocks rolled": [np.roll(exact, 1, axis=0) for exact in right],
        "two rows swapped": [exact[[1, 0, *range(2, len(exact))]] for exact in right],
        "signs lost": [np.abs(exact) for exact in right],
    }
    if dim > 2:
        wrong["bits reversed"] = [exact[:, order] for exact in right]
    for what, maps in wrong.items():
        for vectors, exact in zip(seen, maps, strict=True):
            assert surprise(vectors, exact, SHOTS) < ALPHA, what


# Chips


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", ["local:emulator/heron-r2", "ibm:fake_kingston", "origin:wukong72-emulator"])
def test_counts_of_a_chip_are_those_of_its_calibration(name: str, dim: int) -> None:
    """Each row on its own tile, against exact density matrices with the noise of the backend's target.

    The ideal distribution, half of the noise, and rows in another order are told apart by the same look.
    """
    target = opened(name).target
    for record in forward(name, dim).records:
        done, counts = record.run, record.run.counts.table
        assert done.tiles > 1
        assert done.provenance.noise
        wanted = predicted(record.circuit, record.bindings, target, tiles=done.tiles)
        without = ideal(record.circuit, record.bindings)
        assert of_counts(counts, wanted) > ALPHA
        for wrong in (without, (wanted + without) / 2, np.roll(wanted, 1, axis=0)):
            assert of_counts(counts, wrong) < ALPHA


@pytest.mark.parametrize("dim", DIMS)
def test_two_emulators_of_one_chip_give_identical_counts_and_outputs(dim: int) -> None:
    ours, theirs = "local:emulator/wukong-72", "origin:wukong72-emulator"
    assert opened(theirs).capabilities.exact_sampling
    assert_identical(forward(theirs, dim), forward(ours, dim), theirs)
    for mine, other in zip(forward(theirs, dim).records, forward(ours, dim).records, strict=True):
        assert mine.run.circuit == other.run.circuit
        assert mine.run.tiles == other.run.tiles > 1


# What every backend refuses


def single(backend: Backend, **fields: Any) -> Circuit:
    """A native rotation that counts tell, of the first live qubit by the parameter ``t``, measured."""
    native, qubit = backend.target.native, backend.target.live_qubits[0]
    turn = [
        op(name, qubit, angles=["t"] * len(GATES[name].parameters)) for name in ("rx", "rphi", "prx") if name in native
    ]
    operations = turn[:1] or [op("sx", qubit), op("rz", qubit, angles=["t"]), op("sx", qubit)]
    return Circuit(**{"num_qubits": qubit + 1, "operations": operations, "measured": [qubit]} | fields)


def good(backend: Backend, **changes: Any) -> Work:
    """A work that the backend runs, with some fields changed."""
    return replace(Work(single(backend), Bindings.of({"t": [0.1, 0.2]}), 16, 1), **changes)


Make = Callable[[Backend], Work]


def bound(values: Any, **options: Any) -> Make:
    """Bindings by ``Bindings.of``."""
    return lambda backend: good(backend, bindings=Bindings.of(values, **options))


def rows_of(names: Sequence[str], values: Any) -> Make:
    """Bindings by ``Bindings.rows_of``."""
    return lambda backend: good(backend, bindings=Bindings.rows_of(names, values))


def by_hand(values: Any, rows: int) -> Make:
    """Bindings that nobody has looked at."""
    return lambda backend: good(backend, bindings=Bindings({"t": np.array(values)}, (rows,)))


def no_rows(backend: Backend) -> Work:
    """What is left of good bindings without their rows."""
    return good(backend, bindings=good(backend).bindings.slice(1, 1))


def added(name: str, *qubits: int, angles: Sequence[Any] = ()) -> Make:
    """One more gate, on a circuit of at least two qubits."""

    def make(backend: Backend) -> Work:
        first = single(backend)
        more = (*first.operations, op(name, *qubits, angles=angles))
        return good(backend, circuit=single(backend, num_qubits=first.num_qubits + 1, operations=more))

    return make


def overflowing(backend: Backend) -> Work:
    """Finite values and a finite scale whose product is not."""
    operations = [
        op(operation.gate, *operation.qubits, angles=[Parameter(name="t", scale=1e300)] * len(operation.angles))
        for operation in single(backend).operations
    ]
    return good(backend, circuit=single(backend, operations=operations), bindings=Bindings.of({"t": [0.1, 1e300]}))


def measuring(*registers: Sequence[int]) -> Make:
    """Other registers; qubits count from the first live one."""

    def make(backend: Backend) -> Work:
        first = backend.target.live_qubits[0]
        measured = [[first + qubit for qubit in register] for register in registers]
        return good(backend, circuit=single(backend, num_qubits=first + 2, measured=measured))

    return make


def outside(backend: Backend) -> Work:
    """A gate on a qubit that the circuit has and the target has not."""
    first, size = single(backend), backend.target.num_qubits
    beyond = op(first.operations[0].gate, size, angles=first.operations[0].angles)
    return good(backend, circuit=single(backend, num_qubits=size + 1, operations=[*first.operations, beyond]))


def changed(**changes: Any) -> Make:
    """Another field of the work."""
    return partial(good, **changes)


NAN, INF = float("nan"), float("inf")

REFUSED: Mapping[str, tuple[type[QadaptError], Make]] = {
    # values
    "NaN": (BindingsError, bound({"t": [0.1, NAN]})),
    "infinity": (BindingsError, bound({"t": INF})),
    "minus infinity in rows": (BindingsError, rows_of(["t"], [[0.1], [-INF]])),
    "NaN in bindings made by hand": (BindingsError, by_hand([0.1, NAN], 2)),
    "infinity in bindings made by hand": (BindingsError, by_hand([INF], 1)),
    "complex in bindings made by hand": (BindingsError, by_hand([0.1 + 1j], 1)),
    "text in bindings made by hand": (BindingsError, by_hand(["0.1"], 1)),
    "bindings made by hand of another shape": (BindingsError, by_hand([0.1, 0.2, 0.3], 2)),
    "bindings made by hand with too many dimensions": (BindingsError, by_hand([[0.1], [0.2]], 2)),
    "sliced to no rows": (BindingsError, no_rows),
    "overflowing angle": (BindingsError, overflowing),
    "complex": (BindingsError, bound({"t": [0.1, 0.2 + 0j]})),
    "text": (BindingsError, bound({"t": "0.1"})),
    "truth value": (BindingsError, bound({"t": True})),
    "nothing": (BindingsError, bound({"t": None})),
    "rows of different lengths": (BindingsError, bound({"t": [0.1, 0.2], "s": [0.1, 0.2, 0.3]})),
    "ragged array": (BindingsError, bound({"t": [[0.1], [0.2, 0.3]]})),
    "another row shape": (BindingsError, bound({"t": [0.1, 0.2]}, shape=(3,))),
    "array of wrong width": (BindingsError, rows_of(["t"], [[0.1, 0.2]])),
    "array of one dimension": (BindingsError, rows_of(["t"], [0.1, 0.2])),
    "no rows": (BindingsError, bound({"t": []})),
    # parameters
    "missing parameter": (BindingsError, bound({})),
    "extra parameter": (BindingsError, bound({"t": 0.1, "s": 0.2})),
    "misspelt parameter": (BindingsError, bound({"T": 0.1})),
    "repeated parameter": (BindingsError, rows_of(["t", "t"], [[0.1, 0.2]])),
    # gates
    "unknown gate": (CircuitError, added("warp", 0)),
    "repeated qubit": (CircuitError, added("cz", 0, 0)),
    "qubit out of range": (CircuitError, added("x", 10_000)),
    "negative qubit": (CircuitError, added("x", -1)),
    "too few qubits": (CircuitError, added("cz", 0)),
    "too many angles": (CircuitError, added("x", 0, angles=[0.1])),
    "NaN in an angle": (CircuitError, added("rx", 0, angles=[NAN])),
    "complex angle": (CircuitError, added("rx", 0, angles=[1j])),
    "qubit that the target does not have": (TargetError, outside),
    # measurements
    "repeated measurement": (CircuitError, measuring([0, 0])),
    "repeated measurement in two registers": (CircuitError, measuring([0, 1], [0])),
    "measured qubit out of range": (CircuitError, measuring([2])),
    "nothing measured": (TargetError, measuring()),
    # shots and seeds
    **{f"shots={shots!r}": (BindingsError, changed(shots=shots)) for shots in (0, -1, 1.5, True, NAN, "16", None)},
    **{f"seed={seed!r}": (BindingsError, changed(seed=seed)) for seed in (-1, 1.5, True, "1")},
    "too many shots": (NotSupportedError, changed(shots=10**9)),
}


class Watched:
    """A backend whose executed works are listed, to see that what it refused did not run."""

    def __init__(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        fresh(name)  # says what is not installed
        vendor, _, target = name.partition(":")
        # In this process, whatever is isolated, and new: tags outlive a test.
        backend = entries.load(entries.find(vendor, entries.installed())).open(target)
        assert isinstance(backend, InlineBackend)
        self.backend: InlineBackend = backend
        self.executed: list[Work] = []
        self._execute = backend.execute
        monkeypatch.setattr(backend, "execute", self.execute)

    def execute(self, work: Work) -> Result:
        self.executed.append(work)
        return self._execute(work)

    def refusals(self, cases: Mapping[str, tuple[type[QadaptError], Make]], door: Callable[[Work], object]) -> None:
        """Bring bad works to a door; fails with all answers that are not the right error."""
        answers = {what: self.answer(make, door) for what, (_, make) in cases.items()}
        expected = {what: error.__name__ for what, (error, _) in cases.items()}
        assert {what: said for what, said in answers.items() if said.split(":")[0] != expected[what]} == {}

    def answer(self, make: Make, door: Callable[[Work], object]) -> str:
        try:
            return f"accepted: {door(make(self.backend))}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def submit(self, *works: Work) -> object:
        """Submit works, all under one tag."""
        return self.backend.submit(works, tag="refused")

    def submit_second(self, work: Work) -> object:
        """Submit a good work and this one."""
        return self.submit(good(self.backend), work)

    def run(self, work: Work) -> object:
        """Bring a work through compilation and packing."""
        return run(work.circuit, work.bindings, self.backend, shots=work.shots, seed=work.seed)

    def assert_no_job(self) -> None:
        """Only a good work runs, and gets the tag: works run in order, so a job left behind would have run before."""
        work = good(self.backend, shots=17)
        (result,) = wait(self.backend, self.backend.submit([work], tag="refused"))
        assert result.counts.shots == 17
        assert self.executed == [work]


@pytest.fixture
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(request.param, monkeypatch)


@pytest.mark.parametrize("watched", BACKENDS, indirect=True)
def test_bad_input_is_refused_by_every_backend(watched: Watched) -> None:
    for door in (watched.submit, watched.submit_second, watched.run):
        watched.refusals(REFUSED, door)
    with pytest.raises(NotSupportedError, match="0 works"):
        watched.submit()
    watched.assert_no_job()


def foreign(backend: Backend, gate: str) -> Work:
    """A gate of the table that the target does not have."""
    qubits = backend.target.live_qubits[: GATES[gate].qubits]
    operation = op(gate, *qubits, angles=[0.1] * len(GATES[gate].parameters))
    circuit = Circuit(num_qubits=backend.target.num_qubits, operations=[operation], measured=[qubits[0]])
    return good(backend, circuit=circuit, bindings=Bindings.of({}))


@pytest.mark.parametrize("watched", BACKENDS, indirect=True)
def test_gates_that_are_not_native_are_refused_by_every_backend(watched: Watched) -> None:
    missing = set(GATES) - set(watched.backend.target.native)
    assert bool(missing) == (watched.backend.name not in WHOLE_TABLE)
    cases = {gate: (TargetError, partial(foreign, gate=gate)) for gate in sorted(missing)}
    watched.refusals(cases, watched.submit)
    watched.assert_no_job()


@pytest.mark.parametrize("watched", BACKENDS, indirect=True)
def test_uncoupled_pairs_are_refused_by_every_chip(watched: Watched) -> None:
    target = watched.backend.target
    couplings = target.couplings
    assert (couplings is not None) == (watched.backend.name in CHIPS)
    if couplings is None:
        return  # a simulator couples all to all
    live = target.live_qubits
    apart = [(a, b) for a in live[:10] for b in live[:10] if a != b and (min(a, b), max(a, b)) not in couplings]
    assert apart
    broken = [site.qubits for site in target.sites["cz"] if (min(site.qubits), max(site.qubits)) not in couplings]

    def coupling(backend: Backend, pair: tuple[int, ...]) -> Work:
        circuit = Circuit(num_qubits=backend.target.num_qubits, operations=[op("cz", *pair)], measured=[pair])
        return good(backend, circuit=circuit, bindings=Bindings.of({}))

    pairs = dict.fromkeys([*apart, *broken])
    watched.refusals({str(pair): (TargetError, partial(coupling, pair=pair)) for pair in pairs}, watched.submit)
    watched.assert_no_job()


# The registry


def names_in_readme() -> set[str]:
    """Backend names in the README's table; a name without a colon differs from the one before in its last part."""
    names, stem = set(), ""
    rows = re.findall(r"^\| (`.*?) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    for name in re.findall(r"`([^`]+)`", "\n".join(rows)):
        stem = re.split(r"[^/:]+$", name)[0] or stem
        names.add(name if ":" in name else stem + name)
    return names


def test_this_file_names_the_backends_of_the_readme() -> None:
    assert names_in_readme() == {*BACKENDS, *SERVICES}


def assert_opens(provider: Provider, target: str) -> None:
    """A target opens under its name and is what the provider lists, also after a trip through JSON."""
    backend = provider.open(target)
    assert isinstance(backend, Backend)
    assert backend.name == f"{provider.name}:{target}"
    assert backend.target.name == target
    assert backend.target == provider.targets()[target]
    assert backend.capabilities.simulated
    again = Target.from_json(backend.target.to_json())
    assert again == backend.target
    assert again.content_hash == backend.target.content_hash
    assert again.couplings == backend.target.couplings


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials of anybody, so that no provider looks at the network."""
    for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE", "ORIGIN_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", BACKENDS)
def test_every_name_opens(name: str) -> None:
    assert opened(name).name == name
    vendor, _, target = name.partition(":")
    provider = registry.provider(vendor)
    assert isinstance(provider, Provider)
    assert_opens(provider, target)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("vendor", ["local", *VENDORS])
def test_every_provider_lists_its_backends_and_refuses_other_names(vendor: str) -> None:
    assert_installed(vendor)
    provider = registry.provider(vendor)
    named = {name.partition(":")[2] for name in BACKENDS if name.startswith(f"{vendor}:")}
    assert named <= set(provider.targets())
    if vendor != "ibm":  # whose other fake machines take a second each
        assert named == set(provider.targets())
    for target in ("nonsense", "Statevector", "", " "):
        with pytest.raises(TargetError):
            provider.open(target)


def assert_installed(vendor: str) -> None:
    """The provider is registered under its name by its own distribution; skips where that is not installed."""
    package = "qadapt" if vendor == "local" else f"qadapt-{vendor}"
    try:
        distribution(package)
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed (pip install {package})")
    entry = registry.installed()[vendor]
    assert entry.dist is not None
    assert entry.dist.name == package


# Processes


ONE_AFTER_THE_OTHER = """
import gc, sys, time
import numpy as np
from qadapt import Bindings, Circuit, backend, op, run

circuit = Circuit(num_qubits=1, operations=[op("ry", 0, angles=["t"])], measured=[0])
for name in sys.argv[1:]:
    for _ in range(2):
        opened = backend(name)
        run(circuit, Bindings.of({"t": np.linspace(0, 1, 3)}), opened, shots=10)
        del opened
        gc.collect()
        time.sleep(0.01)
print("answered")
"""
"""A process that opens each backend twice and lets go of the first, in whose thread the vendor may have been loaded."""


@pytest.mark.parametrize("vendor", ["local", *VENDORS])
def test_backends_can_be_opened_one_after_the_other(vendor: str) -> None:
    names = [name for name in BACKENDS if name.startswith(f"{vendor}:")]
    opened(names[0])
    done = subprocess.run([sys.executable, "-c", ONE_AFTER_THE_OTHER, *names], capture_output=True, text=True)
    assert done.stdout.strip() == "answered", f"exit status {done.returncode}: {done.stderr[-2000:]}"
