"""Sampling: counts of some rows of a layer, with what was done against errors, and what a read-out makes of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit, op
from qadapt.counts import Counts
from qadapt.errors import NotSupportedError
from qadapt.jobs.runner import Run, run
from qadapt.mitigation import Confusion, Mitigated, Mitigation, mitigate
from qadapt.mitigation.experiment import tiles_of
from qadapt.provider import Backend
from qadapt.readout import Decoded, Noise, Readout, Signed
from qadapt.readout.noise import calibrated, joined, measured
from qadapt.readout.settings import shots_each

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]
Tiles: TypeAlias = tuple[tuple[int, ...], ...]

TURN = "m"
"""Prefix of the parameters that turn a qubit before it is measured."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Counts of some rows of a layer, from one run or one mitigated experiment.

    Attributes:
        rows: Numbers of the rows, ascending, ``[numbers]``.
        counts: Of every repetition of every setting, settings inside; each ``[numbers, d]``.
        noise: What is known of the noise in them.
        run: The run of the rows.
        mitigated: What came out of mitigation; None where none was asked for.
        corrected: Mitigated probabilities and their errors, ``[settings, numbers, d]`` each; None where nothing was
            computed out of the counts.
    """

    rows: Indices
    counts: tuple[Counts, ...]
    noise: Noise
    run: Run
    mitigated: Mitigated | None = None
    corrected: tuple[Floats, Floats] | None = None

    @property
    def shots(self) -> int:
        """Shots of each of the rows, over all settings and repetitions."""
        return sum(each.shots for each in self.counts)

    def of(self, rows: Indices) -> Sample:
        """The same for some of its rows, by the numbers that they have in the layer."""
        if np.array_equal(rows, self.rows):
            return self
        place = np.searchsorted(self.rows, rows)
        counts = tuple(Counts((each.table[place],), each.shots) for each in self.counts)
        values = self.corrected
        some = None if values is None else (values[0][:, place], values[1][:, place])
        return replace(self, rows=rows, counts=counts, noise=self.noise.rows(place), corrected=some)


@dataclass(frozen=True)
class Sampler:
    """How rows are run, the same for all of them.

    Attributes:
        backend: Where.
        readout: Says the settings.
        mitigation: What is done against errors; None to run rows plainly.
        packed: Whether copies run side by side; None leaves it to the runner.
        spacing: Least number of idle qubits between two copies.
        noise: What the read-out is told of the noise, for all rows of a layer; None for what was measured or is
            calibrated.
        known: How tiles are misread, as measured before: the readout of the same tiles is measured once.

    Raises:
        NotSupportedError: The errors of a circuit are to be amplified for a read-out that takes counts as they are.
    """

    backend: Backend
    readout: Readout
    mitigation: Mitigation | None = None
    packed: bool | None = None
    spacing: int = 0
    noise: Noise | None = None
    known: dict[Tiles | None, Confusion] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Refuse amplified runs where nothing can be made of them."""
        if self.mitigation is not None and len(self.mitigation.scales) > 1 and not plain(self.readout):
            raise NotSupportedError(
                f"read-out {self.readout.name!r} takes counts as they are; amplified ones have no place in it",
                capability="scales",
            )

    @cached_property
    def parts(self) -> int:
        """In how many parts the shots of a setting are run."""
        return 1 if self.mitigation is None else self.mitigation.parts

    def sample(self, circuit: Circuit, bindings: Bindings, rows: Indices, shots: int, seed: int | None) -> Sample:
        """Run some rows of a layer in all settings.

        Args:
            circuit: Circuit with one register and the settings' turns, see ``turned``.
            bindings: Values of its parameters for all rows of the layer, settings outside.
            rows: Which rows are run, ascending.
            shots: Shots of a row, over all settings and repetitions; what does not divide is left out.
            seed: Decides the counts on backends that honour seeds.
        """
        settings = len(self.readout.settings(circuit.num_qubits))
        each = shots_each(shots, settings * self.parts) * self.parts
        if len(rows) < bindings.rows // settings:
            table = bindings.array(circuit.parameters).reshape(settings, -1, len(circuit.parameters))
            bindings = Bindings.rows_of(circuit.parameters, table[:, rows].reshape(settings * len(rows), -1))
        if self.mitigation is None:
            return self._plainly(circuit, bindings, rows, settings, each, seed)
        return self._mitigated(self.mitigation, circuit, bindings, rows, settings, each, seed)

    def _plainly(
        self, circuit: Circuit, bindings: Bindings, rows: Indices, settings: int, shots: int, seed: int | None
    ) -> Sample:
        backend, number = self.backend, len(rows)
        done = run(circuit, bindings, backend, shots=shots, seed=seed, packed=self.packed, spacing=self.spacing)
        tables = done.counts.table.reshape(settings, number, -1)
        noise = self._told(settings, rows) or predicted(backend, done, settings, number)
        return Sample(rows, tuple(Counts((table,), shots) for table in tables), noise, done)

    def _mitigated(
        self,
        asked: Mitigation,
        circuit: Circuit,
        bindings: Bindings,
        rows: Indices,
        settings: int,
        shots: int,
        seed: int | None,
    ) -> Sample:
        number = len(rows)
        if not plain(self.readout) and asked.depolarising == "references" and asked.readout is None:
            # References see gates alone only where misreading is taken out; a likelihood has it beside the strength.
            asked = asked.model_copy(update={"readout": "calibration"})
        tiles = tiles_of(circuit, bindings.rows, self.backend, packed=self.packed, spacing=self.spacing)
        found = mitigate(
            *(circuit, bindings, self.backend),
            shots=shots,
            seed=seed,
            mitigation=asked,
            packed=self.packed,
            spacing=self.spacing,
            confusion=self.known.get(tiles),
        )
        if asked.readout in ("tensored", "full") and found.confusion is not None:
            self.known[tiles] = found.confusion
        tables = [each.table.reshape(settings, number, -1) for each in found.repetitions]
        noise = self._told(settings * len(tables), rows) or measured(found, asked, self.backend.target, number)
        each = found.repetitions[0].shots
        counts = [Counts((table,), each) for repetition in tables for table in repetition]
        if not asked.rotate:  # all repetitions of a row are on the same tile: their counts are those of one
            counts = [_added(counts[setting::settings]) for setting in range(settings)]
            noise = noise if noise.tiles is None else replace(noise, tiles=noise.tiles[:settings])
        shape = (settings, number, -1)
        corrected = (found.values.reshape(shape), found.errors.reshape(shape)) if asked.corrects else None
        return Sample(rows, tuple(counts), noise, found.runs[-1], found, corrected)

    def _told(self, settings: int, rows: Indices) -> Noise | None:
        """Noise as it was given, repeated for repetitions; None where none was."""
        if self.noise is None or self.noise.tiles is None:
            return self.noise
        times = max(1, settings // len(self.noise.tiles))
        return replace(self.noise.rows(rows), tiles=np.tile(self.noise.tiles[:, rows], (times, 1)))


def plain(readout: Readout) -> bool:
    """Whether a read-out looks at the computational basis only, so that probabilities tell it all."""
    settings = readout.settings(1)
    return len(settings) == 1 and not settings.any()


def predicted(backend: Backend, done: Run, settings: int, rows: int) -> Noise:
    """What the calibration predicts; a readout that the vendor has corrected already is taken for perfect."""
    noise = calibrated(backend.target, done.circuit, done.tiles, settings, rows)
    return replace(noise, confusion=None) if done.provenance.readout_correction else noise


def turned(circuit: Circuit, bindings: Bindings, settings: NDArray[np.float64]) -> tuple[Circuit, Bindings]:
    """Add measurement settings to a circuit: a turn of each qubit, and rows with the settings outside.

    A read-out of the computational basis alone leaves both as they are.
    """
    if len(settings) == 1 and not settings.any():
        return circuit, bindings
    turns = [op("ry", qubit, angles=[f"{TURN}{qubit}"]) for qubit in range(circuit.num_qubits)]
    operations = (*circuit.operations, *turns)
    shape = (len(settings), *bindings.shape)
    angles = {f"{TURN}{q}": settings[:, q].reshape(-1, *[1] * len(bindings.shape)) for q in range(len(turns))}
    made = Circuit(num_qubits=circuit.num_qubits, operations=operations, measured=circuit.measured)
    return made, Bindings.of({**bindings.columns, **angles}, shape=shape)


def decoded(readout: Readout, samples: Sequence[Sample], inputs: Floats) -> Decoded:
    """Decode all rows from the samples that each is in.

    ``signed`` takes the counts of all repetitions and samples of a row together, with the noise of each in its
    likelihood. A read-out of the computational basis takes mitigated probabilities where there are any; any other takes
    counts, added up. What was taken is ``done["from"]``.

    Args:
        readout: How rows are decoded.
        samples: Samples that hold every row at least once.
        inputs: The vectors that were prepared, ``[rows, d]``.
    """
    number = np.arange(len(inputs))
    member = np.stack([np.isin(number, each.rows) for each in samples], axis=1)
    patterns, place = np.unique(member, axis=0, return_inverse=True)
    groups = [np.flatnonzero(place.reshape(-1) == group) for group in range(len(patterns))]
    found = [
        _decoded(readout, [each.of(rows) for each, held in zip(samples, pattern, strict=True) if held], inputs[rows])
        for pattern, rows in zip(patterns, groups, strict=True)
    ]
    if len(found) == 1:
        return found[0]
    order = np.argsort(np.concatenate(groups))
    judged = [each.doubtful for each in found if each.doubtful is not None]
    done = [{"rows": len(rows), **each.done} for rows, each in zip(groups, found, strict=True)]
    return Decoded(
        np.concatenate([each.values for each in found])[order],
        np.concatenate([each.errors for each in found])[order],
        {"readout": readout.name, "groups": done},
        np.concatenate(judged)[order] if len(judged) == len(found) else None,
    )


def _decoded(readout: Readout, samples: Sequence[Sample], inputs: Floats) -> Decoded:
    """Decode rows that are all in the same samples."""
    settings = len(readout.settings(inputs.shape[1].bit_length() - 1))
    counts = [each for sample in samples for each in sample.counts]
    noise = joined([s.noise for s in samples], [len(s.counts) for s in samples], *inputs.shape)
    asked = [sample.mitigated for sample in samples if sample.mitigated is not None]
    said: dict[str, Any] = {"from": "counts"}
    if isinstance(readout, Signed):
        found = readout.decode(counts, inputs, noise)
        said = {"from": "counts, noise as measured in the likelihood"}
    elif plain(readout) and readout.quantity == "amplitudes" and any(s.corrected is not None for s in samples):
        found = _magnitudes(readout, samples, inputs)
        said = {"from": "mitigated probabilities"}
    else:
        added = [_added(counts[setting::settings]) for setting in range(settings)]
        found = readout.decode(added, inputs, noise if len(counts) == settings else None)
    if not asked:
        return found
    return replace(found, done={**found.done, **said, "mitigation": list(asked[0].provenance.mitigation)})


def _magnitudes(readout: Readout, samples: Sequence[Sample], inputs: Floats) -> Decoded:
    """Roots of mitigated probabilities, with the signs that the read-out would give; errors by the delta method.

    At a probability of zero the error is half the root of its own error, as ``input-sign`` has it.
    """
    held = [(s.corrected, s.shots) for s in samples]
    parts = [(values[0], values[1], shots) for values, shots in held if values is not None]
    whole = sum(shots for _, _, shots in parts)
    values = sum((shots * value[0] for value, _, shots in parts), np.zeros(inputs.shape)) / whole
    errors = np.sqrt(sum((np.square(shots * error[0]) for _, error, shots in parts), np.zeros(inputs.shape))) / whole
    values = np.clip(values, 0, None)
    values /= values.sum(axis=1, keepdims=True)
    amplitudes = np.sqrt(values)
    spread = errors / (2 * np.sqrt(np.maximum(values, errors)))
    return Decoded(np.asarray(readout.limit(amplitudes, inputs)), spread, {"readout": readout.name})


def _added(counts: Sequence[Counts]) -> Counts:
    """Counts of several takes of one setting, added up."""
    if len(counts) == 1:
        return counts[0]
    return Counts((np.sum([each.table for each in counts], axis=0),), sum(each.shots for each in counts))
