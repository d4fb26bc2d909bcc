"""Sampling: rows of a layer with mitigation, in repetitions, classes and rounds, and what read-outs make of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from adapters_cases import Drifted, adapted, text
from qadapt.adapters.execution import Record
from qadapt.adapters.precision import Precision
from qadapt.adapters.sampling import Sample, Sampler, decoded
from qadapt.counts import Counts
from qadapt.errors import BindingsError, NotSupportedError
from qadapt.mitigation import Mitigation
from qadapt.readout import IDEAL, Noise, readout
from qadapt.registry import using
from test_adapters_execution import executed, model, ratios, values

REFERRED = Mitigation(readout="tensored", depolarising="references")
ROTATED = REFERRED.model_copy(update={"rotate": True, "repetitions": 8})


def rms(record: Record) -> float:
    """Root mean square of the vectors' errors."""
    return float(np.sqrt(np.square(record.decoded.values - record.exact).sum(axis=1).mean()))


@pytest.mark.parametrize(("dim", "scale", "gain"), [(4, 0.3, 0.8), (8, 0.2, 0.85)])
def test_what_was_measured_goes_into_the_likelihood(dim: int, scale: float, gain: float) -> None:
    """On a machine whose errors are twice those of its calibration."""
    net, adapter = model(dim, scale)
    told, _ = executed(net, adapter, Drifted(2.0))
    record, execution = executed(net, adapter, Drifted(2.0), mitigation=ROTATED)
    assert rms(record) < gain * rms(told)
    # Within shot noise of what the errors say: some 600 components, of which 1.3 is beyond five standard deviations.
    assert np.mean(ratios(record) ** 2) < 1.35 < np.mean(ratios(told) ** 2)
    (sample,) = record.samples
    rows, settings = len(record.exact), len(record.settings)
    assert len(sample.counts) == 8 * settings
    assert sample.mitigated is not None
    assert sample.mitigated.confusion is not None
    assert sample.mitigated.strength is not None
    assert sample.noise.tiles is not None
    # Setting s of repetition k of row i ran where the experiment says that its row s * rows + i did.
    visits = sample.mitigated.visits
    for k, s, i in ((0, 0, 0), (3, 1, 5), (7, settings - 1, rows - 1)):
        assert sample.noise.tiles[k * settings + s, i] == visits[k, s * rows + i]
        row = sample.mitigated.repetitions[k].table[s * rows + i]
        np.testing.assert_array_equal(sample.counts[k * settings + s].table[i], row)
    np.testing.assert_array_equal(sample.noise.confusion, sample.mitigated.confusion.matrices)
    np.testing.assert_array_equal(sample.noise.strengths, sample.mitigated.strength.values.clip(0, 0.95))
    assert not sample.noise.fitted
    assert record.decoded.done["repetitions"] == 8
    assert record.decoded.done["from"] == "counts, noise as measured in the likelihood"
    assert "tile rotation, 8 repetitions" in record.decoded.done["mitigation"]
    np.testing.assert_array_equal(record.shots, np.full(rows, 8192 // (8 * settings) * 8 * settings))
    assert record.executed > told.executed
    assert execution.mitigation is ROTATED


def test_repetitions_on_the_same_tiles_are_one_setting() -> None:
    net, adapter = model(4, 0.3)
    asked = REFERRED.model_copy(update={"repetitions": 4})
    record, _ = executed(net, adapter, "local:emulator/heron-r2", mitigation=asked)
    (sample,) = record.samples
    assert len(sample.counts) == len(record.settings)
    assert sample.noise.tiles is not None
    assert sample.noise.tiles.shape == (4, len(record.exact))
    assert sample.shots == 8192
    assert np.mean(ratios(record) ** 2) < 1.35


def test_readout_is_measured_once_for_the_same_tiles() -> None:
    net, adapter = model(4, 0.3)
    with adapter.on("local:emulator/heron-r2", shots=800, seed=1, mitigation=REFERRED) as execution:
        net(values(10))
        net(values(10))
        net(values(1))
    runs = [len(sample.mitigated.runs) for r in execution.records for sample in r.samples if sample.mitigated]
    assert runs == [2, 1, 2]
    first, second, _ = (record.samples[0].mitigated for record in execution.records)
    assert first is not None
    assert second is not None
    assert second.confusion is first.confusion


@pytest.mark.parametrize(
    ("asked", "fitted", "confused"),
    [
        (Mitigation(rotate=True, repetitions=2), True, True),
        (Mitigation(readout="tensored"), True, True),
        (Mitigation(readout="calibration", depolarising="calibration"), True, True),
        (Mitigation(depolarising="references"), False, True),
    ],
)
def test_what_was_not_measured_is_that_of_the_calibration(asked: Mitigation, fitted: bool, confused: bool) -> None:
    record, _ = executed(*model(4, 0.3), "local:emulator/heron-r2", mitigation=asked)
    (sample,) = record.samples
    assert sample.noise.fitted == fitted
    assert (sample.noise.confusion is not None) == confused
    assert np.mean(ratios(record) ** 2) < 1.4


def test_a_machine_without_calibration_has_no_noise() -> None:
    record, _ = executed(*model(4, 0.3), mitigation=Mitigation(repetitions=2))
    (sample,) = record.samples
    assert sample.noise.confusion is None
    assert not sample.noise.strengths.any()
    assert np.mean(ratios(record) ** 2) < 1.4


def test_the_input_sign_takes_mitigated_probabilities() -> None:
    net, adapter = model(8, 0.2, readout="input-sign")
    magnitudes = {}
    for name, asked in (("plain", None), ("rotated", Mitigation(rotate=True, repetitions=2)), ("measured", REFERRED)):
        record, _ = executed(net, adapter, "local:emulator/heron-r2", mitigation=asked)
        magnitudes[name] = rms_of_magnitudes(record)
        if asked is not None:
            corrected = "mitigated probabilities" if name == "measured" else "counts"
            assert record.decoded.done["from"] == corrected
            assert record.decoded.done["mitigation"]
    assert magnitudes["measured"] < 0.4 * magnitudes["plain"]
    assert magnitudes["rotated"] > 0.5 * magnitudes["plain"]
    loose, _ = executed(
        net, adapter, "local:emulator/heron-r2", mitigation=REFERRED.model_copy(update={"constrain": False})
    )
    for each in (record, loose):
        np.testing.assert_allclose(np.linalg.norm(each.decoded.values, axis=1), 1, atol=1e-12)
    away = np.abs(record.exact) > 0.15
    errors = (np.abs(record.decoded.values) - np.abs(record.exact))[away] / record.decoded.errors[away]
    assert 0.5 < np.mean(errors**2) < 2
    assert (record.decoded.errors > 0).all()


def rms_of_magnitudes(record: Record) -> float:
    return float(np.sqrt(np.square(np.abs(record.decoded.values) - np.abs(record.exact)).sum(axis=1).mean()))


def test_extrapolation_serves_probabilities_and_no_likelihood() -> None:
    asked = Mitigation(readout="tensored", scales=(1, 3), extrapolation="exponential")
    net, adapter = model(4, 0.2, readout="input-sign")
    record, _ = executed(net, adapter, "local:emulator/heron-r2", mitigation=asked)
    plain, _ = executed(net, adapter, "local:emulator/heron-r2")
    assert rms_of_magnitudes(record) < rms_of_magnitudes(plain)
    with pytest.raises(NotSupportedError) as caught:
        executed(net, adapter, "local:emulator/heron-r2", mitigation=asked, readout="signed")
    assert caught.value.capability == "scales"


def test_noise_that_is_given_is_taken_for_every_repetition() -> None:
    net, adapter = model(4, 0.3)
    plain, _ = executed(net, adapter, "local:emulator/heron-r2")
    given = plain.samples[0].noise
    assert given.tiles is not None
    rotated = Mitigation(rotate=True, repetitions=2)
    record, _ = executed(net, adapter, "local:emulator/heron-r2", mitigation=rotated, noise=given)
    np.testing.assert_array_equal(record.samples[0].noise.tiles, np.tile(given.tiles, (2, 1)))
    record, _ = executed(net, adapter, "local:emulator/heron-r2", mitigation=rotated, noise=IDEAL)
    assert record.samples[0].noise is IDEAL


def made(rows: Any, tables: NDArray[np.int64], noise: Noise = IDEAL) -> Sample:
    """A sample of tables ``[settings, rows, d]``."""
    record, _ = _RECORD
    shots = int(tables[0, 0].sum())
    return Sample(np.asarray(rows), tuple(Counts((each,), shots) for each in tables), noise, record.run)


_RECORD = executed(*model(4, 0.2), shots=400)


def test_rows_are_decoded_from_all_the_samples_that_they_are_in() -> None:
    """Rows 0 to 2 in the first, 1 to 3 in the second: three groups, in the order of the rows."""
    signed = readout("signed")
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(4, 4))
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    first = generator.multinomial(100, [0.1, 0.2, 0.3, 0.4], size=(4, 3))
    second = generator.multinomial(300, [0.4, 0.2, 0.3, 0.1], size=(4, 3))
    tiles = np.array([[0, 1, 0]] * 4)
    noisy = Noise(np.array([0.1, 0.3]), None, tiles)
    samples = [made([0, 1, 2], first), made([1, 2, 3], second, noisy)]
    found = decoded(signed, samples, inputs)
    counts = lambda tables, shots: [Counts((each,), shots) for each in tables]  # noqa: E731
    alone = signed.decode(counts(first[:, :1], 100), inputs[:1], IDEAL)
    last = signed.decode(counts(second[:, 2:], 300), inputs[3:], noisy.rows(np.array([2])))
    both = [*counts(first[:, 1:], 100), *counts(second[:, :2], 300)]
    joint = Noise(np.array([0.0, 0.1, 0.3]), None, np.concatenate([np.zeros((4, 2), int), 1 + tiles[:, :2]]))
    middle = signed.decode(both, inputs[1:3], joint)
    for row, one, place in ((0, alone, 0), (1, middle, 0), (2, middle, 1), (3, last, 0)):
        np.testing.assert_allclose(found.values[row], one.values[place], atol=1e-12)
        np.testing.assert_allclose(found.errors[row], one.errors[place], atol=1e-12)
    assert [group["rows"] for group in found.done["groups"]] == [1, 1, 2]
    assert found.doubtful is not None
    added = decoded(readout("input-sign"), [made([0, 1, 2], first[:1]), made([1, 2, 3], second[:1])], inputs)
    np.testing.assert_allclose(np.square(added.values[1]), (first[0, 1] + second[0, 0]) / 400, atol=1e-12)
    np.testing.assert_allclose(np.square(added.values[3]), second[0, 2] / 300, atol=1e-12)


def test_some_rows_of_a_layer_are_run_as_they_stand_in_it() -> None:
    record, _ = _RECORD
    rows = np.array([3, 50, 159])
    with using("local:statevector") as backend:
        sampler = Sampler(backend, readout("signed"))
        some = sampler.sample(record.circuit, record.bindings, rows, 4_000_000, 1)
    whole = np.stack([each.frequencies for each in some.counts])
    tables = record.run.counts.table.reshape(4, 160, 4)[:, rows] / 100
    assert np.abs(whole - tables).max() < 6 * 0.05
    values = readout("signed").decode(some.counts, record.exact[rows]).values
    np.testing.assert_allclose(values, record.exact[rows], atol=5e-3)
    np.testing.assert_array_equal(some.rows, rows)
    one = some.of(np.array([50]))
    np.testing.assert_array_equal(one.counts[2].table[0], some.counts[2].table[1])
    assert one.shots == some.shots == 4_000_000


def test_too_few_shots_for_all_repetitions_are_refused() -> None:
    net, adapter = model(4, 0.2)
    with pytest.raises(BindingsError, match="at least 32"):
        executed(net, adapter, "local:emulator/heron-r2", shots=31, mitigation=ROTATED)


def test_mitigation_goes_together_with_rounds_and_classes() -> None:
    net, adapter = adapted(4)
    inputs, wanted = text(16)
    backend = Drifted(2.0)
    asked = ROTATED.model_copy(update={"repetitions": 4})
    found = adapter.sensitivity(lambda: cross_entropy(net(inputs), wanted))
    options: dict[str, Any] = {"seed": 1, "mitigation": asked}
    with adapter.on(backend, shots=2000, allocation=found.allocation(2000, classes=3), **options) as execution:
        net(inputs)
    first, second = execution.records
    assert 1 <= len(first.samples) <= 3
    assert first.shots.mean() + second.shots.mean() <= 4000
    with adapter.on(backend, shots=20_000, precision=Precision(0.03), **options) as execution:
        net(inputs)
    for record in (first, second, *execution.records):
        # 256 components at least.
        assert np.mean(ratios(record) ** 2) < 1.6
        assert (record.shots % 16 == 0).all()
    for record in execution.records:
        assert record.error is not None
        assert record.error <= 0.03
