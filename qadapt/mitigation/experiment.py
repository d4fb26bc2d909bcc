"""Experiment: what is run on a backend to mitigate errors, and how it is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qadapt import registry
from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.compile import compile_circuit, pack
from qadapt.counts import Counts
from qadapt.errors import BindingsError, CircuitError, NotSupportedError, TargetError
from qadapt.jobs.budget import Budget
from qadapt.jobs.place import Place, recording
from qadapt.jobs.plan import derived_seed
from qadapt.jobs.policy import PATIENT, Policy
from qadapt.jobs.runner import Run, run
from qadapt.mitigation import confusion as confusions
from qadapt.mitigation import depolarising
from qadapt.mitigation.amplification import amplified
from qadapt.mitigation.average import averaged
from qadapt.mitigation.confusion import Confusion, smoothed
from qadapt.mitigation.depolarising import Strength
from qadapt.mitigation.extrapolation import extrapolated
from qadapt.mitigation.grid import Grid, offsets
from qadapt.mitigation.mitigated import Mitigated, Tiles
from qadapt.mitigation.mitigation import Mitigation
from qadapt.mitigation.references import References, references
from qadapt.mitigation.simplex import nearest
from qadapt.mitigation.twirl import twirled
from qadapt.provider import Backend, Suppressing, Suppression, check_angles, check_shots

Floats: TypeAlias = NDArray[np.float64]

NOTHING = Mitigation()
"""Nothing is done against errors."""


def mitigate(
    circuit: Circuit,
    bindings: Bindings | Mapping[str, ArrayLike],
    backend: Backend | str,
    *,
    shots: int,
    seed: int | None = None,
    mitigation: Mitigation = NOTHING,
    packed: bool | None = None,
    spacing: int = 0,
    confusion: Confusion | None = None,
    policy: Policy = PATIENT,
    budget: Budget | str | None = None,
    ledger: Place = "auto",
    label: str = "",
) -> Mitigated:
    """Run every row of a circuit with error mitigation.

    There is one run per scale, and one that measures the readout. What is random in them besides the counts, Paulis and
    references, is drawn from the seed (0 for None), and with a ledger none is delivered before all are there: an
    interrupted call that is made again goes on where it stopped, while the calibration by which tiles are chosen lasts.

    Args:
        circuit: Circuit with one measured register.
        bindings: Values of its parameters, one row per execution.
        backend: Where to run, or its name.
        shots: Shots per row over all scales and repetitions, of which it is a multiple. Reference rows have as many
            and come in addition, as does each circuit that measures the readout.
        seed: Decides counts on backends that honour seeds.
        mitigation: What is done against errors.
        packed: Whether to run copies side by side; as of ``run``.
        spacing: Least number of idle qubits between two copies.
        confusion: How the tiles are misread, from an earlier call with the same tiles; used in place of a measurement.
        policy: How patient the runs are, and what they do in doubt.
        budget: Most that each of the runs may cost.
        ledger: Where the runs are recorded; as of ``run``.
        label: Name of the runs in the ledger.

    Raises:
        BindingsError: The shots are no multiple of the parts, or the bindings or the given confusion do not fit.
        CircuitError: The circuit does not have exactly one measured register.
        NotSupportedError: The vendor does not offer what it is asked for.
        TargetError: The circuit fits only with routing, there is nothing to amplify, two scales amount to the same, or
            no reference is found.
        QadaptError: The circuit does not fit, or the backend failed.
    """
    check_shots(shots, seed)
    if shots % mitigation.parts:
        raise BindingsError(
            f"{shots} shots are no multiple of {mitigation.parts}: {len(mitigation.scales)} scales of "
            f"{mitigation.repetitions} repetitions"
        )
    if len(circuit.measured) != 1:
        raise CircuitError(f"mitigated circuits have one measured register, got {len(circuit.measured)}")
    bound = bindings if isinstance(bindings, Bindings) else Bindings.of(bindings)
    with registry.using(backend) as held:
        opened = _suppressed(held, mitigation.vendor)
        check_angles(circuit, bound.check(circuit.parameters))
        tiles = tiles_of(circuit, bound.rows, opened, packed=packed, spacing=spacing)
        if tiles is None and opened.target.couplings is not None and mitigation.names():
            raise TargetError(f"circuits that fit {opened.target.name} only with routing are not mitigated")
        with recording(ledger, opened) as book:
            send = partial(run, policy=policy, budget=budget, ledger=book or "none", label=label, deliver=False)
            done = _Experiment(circuit, bound, opened, shots, seed, mitigation, packed, tiles, send).run(confusion)
            for each in done.runs:
                if book is not None and each.id is not None:
                    book.deliver(each.id)
        return done


def tiles_of(circuit: Circuit, rows: int, backend: Backend, *, packed: bool | None, spacing: int) -> Tiles | None:
    """Tiles on which so many rows run: those that ``run`` would choose.

    Returns:
        None where the runner chooses: where all qubits are coupled, or the circuit fits only with routing.
    """
    target = backend.target
    if target.couplings is None:
        return None
    if packed is not False and (packed or rows > 1):
        try:
            return pack(circuit, target, copies=rows, spacing=spacing).tiles
        except TargetError:
            if packed:
                raise
    placed = compile_circuit(circuit, target)
    return (placed.layout,) if placed.layout == placed.final else None


def _suppressed(backend: Backend, asked: Suppression) -> Backend:
    if asked == Suppression():
        return backend
    if not isinstance(backend, Suppressing):
        raise NotSupportedError(
            f"{backend.name} cannot be asked to do anything against errors while jobs run",
            capability=next(name for name, value in asked.model_dump().items() if value),
        )
    return backend.suppressing(asked)


def _corrected(asked: Mitigation, done: Run) -> bool:
    """Whether the vendor has undone the very misreadings that its calibration tells of."""
    return asked.readout == "calibration" and done.provenance.readout_correction


@dataclass(frozen=True, eq=False)
class _Estimate:
    """What one scale says: values, their variances by shots, and by what is not known for sure about the tiles."""

    scale: float
    values: Floats
    variances: Floats
    strength: Strength | None
    repetitions: tuple[Counts, ...]
    run: Run


@dataclass(frozen=True, eq=False)
class _Experiment:
    """One call of ``mitigate``; the fields are its arguments."""

    circuit: Circuit
    bindings: Bindings
    backend: Backend
    shots: int
    seed: int | None
    mitigation: Mitigation
    packed: bool | None
    tiles: Tiles | None
    send: Callable[..., Run]

    def run(self, confusion: Confusion | None) -> Mitigated:
        """Run all that is needed and put it together."""
        asked = self.mitigation
        circuits = [amplified(self.circuit, self.backend.target, scale) for scale in asked.scales]
        reached = tuple(scale for _, scale in circuits)
        if len(set(reached)) < len(reached):
            raise TargetError(f"scales {asked.scales} amount to {reached}", hint="the circuit has too few gates")
        known = references(self.circuit, asked.references, self._random) if asked.depolarising == "references" else None
        runs: list[Run] = []
        if confusion is not None:
            confusion.check(self._width, len(self.circuit.measured[0]))
        if asked.readout is not None and confusion is None:
            confusion, more = self._readout()
            runs += more
        parts = [
            self._scale(number, each, scale, known, confusion if asked.readout else None)
            for number, (each, scale) in enumerate(circuits)
        ]
        values, variances = parts[0].values, parts[0].variances
        if len(parts) > 1:
            values, variances = extrapolated(
                reached,
                np.stack([part.values for part in parts]),
                np.stack([part.variances for part in parts]),
                asked.extrapolation,
                centre=1 / values.shape[1],
                groups=np.arange(self.bindings.rows) % self._width,
            )
        if asked.corrects and asked.constrain:
            values = nearest(values)
        provenance = parts[0].run.provenance
        told = asked.model_copy(update={"readout": None}) if _corrected(asked, parts[0].run) else asked
        names = (*provenance.mitigation, *told.names())
        return Mitigated(
            values=values,
            errors=np.sqrt(variances),
            repetitions=parts[0].repetitions,
            visits=self._grid(known).visits,
            tiles=self.tiles,
            confusion=confusion,
            strength=parts[0].strength,
            scales=reached,
            runs=(*runs, *(part.run for part in parts)),
            provenance=provenance.model_copy(update={"shots": self.shots, "seed": self.seed, "mitigation": names}),
        )

    @property
    def _random(self) -> int:
        return 0 if self.seed is None else self.seed

    @property
    def _width(self) -> int:
        return 1 if self.tiles is None else len(self.tiles)

    @property
    def _registers(self) -> Tiles:
        """Measured physical qubits of each tile."""
        if self.tiles is None:
            return compile_circuit(self.circuit, self.backend.target).circuit.measured
        return tuple(tuple(tile[qubit] for qubit in self.circuit.measured[0]) for tile in self.tiles)

    def _grid(self, known: References | None) -> Grid:
        turned = offsets(self.mitigation.repetitions, self._width, rotate=self.mitigation.rotate)
        return Grid(self.bindings.rows, self._width, turned, 0 if known is None else len(known.angles))

    def _sent(self, number: int, circuit: Circuit, bindings: Bindings, shots: int, tiles: Tiles | None) -> Run:
        seed, packed = derived_seed(self.seed, number), self.packed
        return self.send(circuit, bindings, self.backend, shots=shots, seed=seed, packed=packed, tiles=tiles)

    def _readout(self) -> tuple[Confusion, list[Run]]:
        """How the tiles are misread: by the calibration, or measured on all of them at once."""
        kind = self.mitigation.readout
        registers = self._registers
        if kind is None or kind == "calibration":
            return confusions.calibrated(self.backend.target, registers), []
        circuit, prepared = confusions.preparation(len(registers[0]), kind)
        rows = np.repeat(np.arange(prepared.rows), len(registers))
        table = prepared.array(circuit.parameters)[rows]
        done = self._sent(
            len(self.mitigation.scales), circuit, Bindings.rows_of(circuit.parameters, table), self.shots, registers
        )
        frequencies = done.counts.frequencies.reshape(prepared.rows, len(registers), -1)
        return confusions.measured(frequencies, self.shots, kind), [done]

    def _scale(
        self, number: int, circuit: Circuit, scale: float, known: References | None, confusion: Confusion | None
    ) -> _Estimate:
        """Run all repetitions at one scale, and estimate what they say."""
        asked, grid = self.mitigation, self._grid(known)
        shots = self.shots // asked.parts
        angles = self.bindings.array(self.circuit.parameters)
        rows = np.concatenate([angles, known.angles])[grid.sources] if known else angles[grid.sources]
        names = self.circuit.parameters
        if asked.twirl:
            twirl = twirled(circuit, self.backend.target)
            generator = np.random.default_rng([self._random, number])
            circuit, names = twirl.circuit, (*names, *twirl.names)
            rows = np.concatenate([rows, twirl.draw(len(rows), generator)], axis=1)
        bound = Bindings.rows_of(names, rows) if names else Bindings.of({}, shape=(len(rows),))
        done = self._sent(number, circuit, bound, shots, self.tiles)
        data, seen = grid.split(done.counts.frequencies)
        if _corrected(asked, done):
            confusion = None
        strength = self._strength(done, seen, shots, known, confusion)
        if confusion is None:
            smooth = smoothed(data, shots)
            values, variances, common = data, smooth * (1 - smooth) / shots, np.zeros_like(data)
        else:
            values, variances, common = confusion.undone(data, shots)
        if asked.depolarising is not None and strength is not None:
            values, variances, common = strength.undone(values, variances, common)
        plain = confusion is None and strength is None
        mean, spread = averaged(
            grid, values, variances, common, told=not plain, rotated=asked.rotate, drawn=asked.twirl
        )
        counts = grid.ordered(grid.split(done.counts.table.astype(np.float64))[0]).astype(np.int64)
        return _Estimate(
            scale=scale,
            values=mean,
            variances=spread,
            strength=strength,
            repetitions=tuple(Counts((table,), shots) for table in counts),
            run=done,
        )

    def _strength(
        self, done: Run, seen: Floats, shots: int, known: References | None, confusion: Confusion | None
    ) -> Strength | None:
        """Depolarising strength of the tiles: by the calibration, or by what became of the references."""
        if self.mitigation.depolarising is None:
            return None
        if known is None:
            return depolarising.predicted(done.circuit, done.circuit.measured, self.backend.target)
        return depolarising.estimated(seen, shots, known, confusion)
