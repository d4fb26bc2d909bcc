"""NoisyBackend: any noise model of Cirq on its density-matrix simulator, exact probabilities for every row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Circuit
from qadapt.errors import JobFailedError, ProviderError, TargetError
from qadapt.exact import ExactBackend
from qadapt.provider import Work, check_row
from qadapt.simulate.components import join
from qadapt.target import Qubit, Target
from qadapt_cirq import readback
from qadapt_cirq.errors import translate
from qadapt_cirq.exact import CAPABILITIES
from qadapt_cirq.exact import target as ideal_target
from qadapt_cirq.lower import NATIVE, Lowered, half_turns, lower_circuit
from qadapt_cirq.noise import Part, noisy_parts
from qadapt_cirq.read import density_weights, outcomes

if TYPE_CHECKING:
    import cirq

Floats: TypeAlias = NDArray[np.float64]
Expand: TypeAlias = Mapping[str, Callable[..., Iterable["cirq.Operation"]]]

MAX_CONNECTED = 10
"""Most connected qubits: 16 MiB for a density matrix, and every channel of the noise goes over all of it."""


def noisy(
    model: cirq.NoiseModel, target: Target | None = None, *, name: str = "cirq:noisy", noise: str = ""
) -> NoisyBackend:
    """Open a backend that runs circuits under a noise model of Cirq.

    Args:
        model: Any noise model. What it adds before the measurements counts; it must leave the measurements themselves
            alone, so readout errors are channels before them.
        target: Native gates, couplings and errors to compile for. Our qubit *i* is ``cirq.LineQubit(i)``. When omitted,
            all gates that Cirq has, on any qubits, and no statement about errors.
        name: Full name of the backend, in its results and errors.
        noise: What the noise stands for; the model as Cirq prints it when omitted.

    Raises:
        TargetError: The target has native gates that Cirq does not have.
    """
    import cirq

    target = _not_ideal(target or ideal_target("density-matrix").renamed(name.partition(":")[2] or name))
    check_native(target)
    qubits = cirq.LineQubit.range(target.num_qubits)
    return NoisyBackend(name, target, lambda: model, qubits, noise or f"noise model {model!r}")


def check_native(target: Target) -> None:
    """Refuse a target with native gates that Cirq does not have.

    Raises:
        TargetError: It has such gates.
    """
    foreign = sorted(set(target.native) - set(NATIVE))
    if foreign:
        raise TargetError(f"target {target.name!r} does not fit Cirq", violations=[f"{g} is no gate" for g in foreign])


def _not_ideal(target: Target) -> Target:
    """The target itself, or one that no longer claims to be without errors."""
    if not target.ideal:
        return target
    fields = {field: getattr(target, field) for field in Target.model_fields}
    source = f"{target.source}; errors of the noise model are not stated here".removeprefix("; ")
    return Target(**fields | {"qubits": (Qubit(),) * target.num_qubits, "source": source})


class NoisyBackend(ExactBackend):
    """A noise model on the density-matrix simulator; exact probabilities, then counts by the common sampler."""

    packages: tuple[str, ...] = ("qadapt", "qadapt-cirq", "cirq-core")
    connected = MAX_CONNECTED

    def __init__(
        self,
        name: str,
        target: Target,
        model: Callable[[], cirq.NoiseModel],
        qubits: Sequence[cirq.Qid],
        noise: str,
        *,
        device: Callable[[], cirq.Device] | None = None,
        expand: Expand = MappingProxyType({}),
    ) -> None:
        super().__init__(name, target, CAPABILITIES)
        self.noise = noise
        self._model = model
        self._qubits = tuple(qubits)
        self._device = device
        self._expand = expand
        self._last: tuple[str, Lowered, tuple[Part, ...]] | None = None

    def translate(self, error: Exception) -> ProviderError:
        """Put a vendor's exception into our tree."""
        return translate(error, provider=self.name)

    def probabilities(self, work: Work) -> list[Floats]:
        """Exact distribution ``[rows, 2**bits]`` of each register of a checked work, outcomes as in ``Counts``."""
        lowered, parts = self._lowered(work.circuit)
        angles = half_turns(work.bindings.angles(lowered.angles))
        found: list[list[tuple[tuple[int, ...], Floats]]] = [[] for _ in work.circuit.measured]
        for part in parts:
            for read, table in zip(part.reads, _tables(part, angles), strict=True):
                found[read.register].append((read.bits, np.broadcast_to(table, (work.bindings.rows, table.shape[1]))))
        return [join(width, own) for width, own in zip(work.widths, found, strict=True)]

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from the circuit and angles that noise is put on."""
        check_row(work, row, self.target, self.capabilities)
        lowered, _ = self._lowered(work.circuit)
        angles = half_turns(work.bindings.angles(lowered.angles))
        return readback.whole(lowered.circuit, _resolver(range(angles.shape[1]), angles[row].tolist()), self._qubits)

    def _lowered(self, circuit: Circuit) -> tuple[Lowered, tuple[Part, ...]]:
        """Circuit and noise, kept for the next chunk of the same run.

        Raises:
            JobFailedError: Noise connects too many qubits.
        """
        if self._last is None or self._last[0] != circuit.content_hash:
            lowered = lower_circuit(circuit, self._qubits, self._expand)
            if self._device is not None:
                self._device().validate_circuit(lowered.circuit)
            parts = noisy_parts(lowered, circuit.measured, self._model())
            largest = max(len(part.qubits) for part in parts)
            if largest > self.connected:
                raise JobFailedError(
                    f"gates and noise connect {largest} qubits, a density matrix takes at most {self.connected}",
                    provider=self.name,
                )
            self._last = circuit.content_hash, lowered, parts
        return self._last[1:]


def _tables(part: Part, angles: Floats) -> list[Floats]:
    """Distribution of each read of a part, ``[rows, 2**bits]``, or of one row where no angle is free."""
    import cirq

    own = angles[:, part.symbols]
    rows = len(own) if part.symbols else 1
    values = (_resolver(part.symbols, row) for row in own[:rows].tolist())
    simulator = cirq.DensityMatrixSimulator(dtype=np.complex128, split_untangled_states=False)
    sweep = simulator.simulate_sweep_iter(part.circuit, values, qubit_order=part.qubits)
    tables = [np.empty((rows, 2 ** len(read.bits))) for read in part.reads]
    for row, result in enumerate(sweep):
        weights = density_weights(result.final_density_matrix)
        for table, read in zip(tables, part.reads, strict=True):
            table[row] = outcomes(weights, read.qubits)
    return tables


def _resolver(symbols: Iterable[int], values: Iterable[float]) -> cirq.ParamResolver:
    """Values of the angles of these numbers, in half-turns."""
    import cirq

    return cirq.ParamResolver({f"a{number}": value for number, value in zip(symbols, values, strict=True)})
