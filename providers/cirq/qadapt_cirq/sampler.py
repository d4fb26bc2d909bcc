"""SamplerBackend: any ``cirq.Sampler``, a simulator or a service, behind the seam."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from qadapt.circuit import Circuit
from qadapt.counts import Counts
from qadapt.errors import BadResultError, JobFailedError, ProviderError, TargetError, UnavailableError
from qadapt.inline import InlineBackend
from qadapt.provider import Provenance, Result, Work, check_row
from qadapt.target import Capabilities, Target
from qadapt_cirq import readback
from qadapt_cirq.errors import translate
from qadapt_cirq.lower import Lowered, half_turns, lower_circuit
from qadapt_cirq.noisy import check_native
from qadapt_cirq.read import histograms

if TYPE_CHECKING:
    import cirq

TOLERANCE = 1e-5
"""By how much an angle in half-turns may differ from the one that was asked for: Google's service keeps single
precision."""


def wrap(
    sampler: cirq.Sampler,
    target: Target,
    *,
    name: str | None = None,
    qubits: Sequence[cirq.Qid] | None = None,
    simulated: bool = False,
    noise: str | None = None,
    max_shots: int = 1_000_000,
    max_rows: int = 65_536,
    packages: Sequence[str] = (),
) -> SamplerBackend:
    """Make a backend of a sampler.

    A work is one call of ``run_sweep``: one circuit with bare symbols, and one array of values per symbol.

    Args:
        sampler: Any ``cirq.Sampler``. It is called from one thread, one work after the other.
        target: Native gates, couplings and errors to compile for.
        name: Full name of the backend, in its results and errors; ``cirq:`` and the name of the target when omitted.
        qubits: Cirq's qubit for each of the target's; ``LineQubit(i)`` when omitted. ``qadapt_cirq.google.grid`` has
            those of a Google device.
        simulated: Whether the sampler is a simulator. If it is not, a run whose answer was lost is not repeated.
        noise: What a simulator's noise stands for; None without noise or on a machine.
        max_shots: Most repetitions of one call.
        max_rows: Most rows of one call.
        packages: Distributions, beside Cirq's, whose versions belong into the results.

    Raises:
        TargetError: The target has native gates that Cirq does not have, or another number of qubits than given.
    """
    import cirq

    check_native(target)
    chosen = tuple(cirq.LineQubit.range(target.num_qubits) if qubits is None else qubits)
    if len(chosen) != target.num_qubits or len(set(chosen)) != len(chosen):
        raise TargetError(
            f"{len(set(chosen))} different qubits were given for the {target.num_qubits} qubits of {target.name}"
        )
    capabilities = Capabilities(
        max_shots=max_shots, max_rows=max_rows, native_parameters=True, cancel=True, simulated=simulated
    )
    backend = SamplerBackend(name or f"cirq:{target.name}", target, capabilities, sampler, chosen)
    backend.noise = noise
    backend.packages = (*SamplerBackend.packages, *packages)
    return backend


class SamplerBackend(InlineBackend):
    """A sampler; what it returns is checked before it is counted."""

    packages: tuple[str, ...] = ("qadapt", "qadapt-cirq", "cirq-core")

    def __init__(
        self, name: str, target: Target, capabilities: Capabilities, sampler: cirq.Sampler, qubits: tuple[cirq.Qid, ...]
    ) -> None:
        super().__init__(name, target, capabilities)
        self._sampler = sampler
        self._qubits = qubits

    def provenance(self, work: Work) -> Provenance:
        """What was done to a work; no seed, since none of ours decides a sampler's counts."""
        return Provenance(
            backend=self.name,
            circuit_hash=work.circuit.content_hash,
            qubits=work.circuit.measured,
            shots=work.shots,
            seed=None,
            simulated=self.capabilities.simulated,
            noise=self.noise,
            calibrated=self.target.calibrated,
            versions={package: _version(package) for package in self.packages},
        )

    def translate(self, error: Exception) -> ProviderError:
        """Put a vendor's exception into our tree.

        A sampler says nothing about jobs, so after a lost answer nobody can tell whether the service ran the work. A
        machine may charge for it: the runner must not repeat it by itself, and is told that the job has failed.
        """
        ours = translate(error, provider=self.name)
        if isinstance(ours, UnavailableError) and ours.doubtful and not self.capabilities.simulated:
            hint = "the service may have run this, and may charge for it; look there before you run it again"
            return JobFailedError(ours.args[0], provider=self.name, hint=hint)
        return ours

    def execute(self, work: Work) -> Result:
        """Run one checked work by one call of the sampler.

        Raises:
            BadResultError: Results of another number, order or shape than what was asked for.
        """
        rows = work.bindings.rows
        lowered, angles = self._lowered(work)
        results = list(self._sampler.run_sweep(lowered.circuit, _sweep(lowered, angles), work.shots))
        if len(results) != rows:
            raise BadResultError(f"{len(results)} results for {rows} rows", provider=self.name)
        self._check_order(results, angles)
        return Result(
            Counts(histograms(results, work.widths, work.shots, provider=self.name), work.shots), self.provenance(work)
        )

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from the circuit and the sweep that the sampler is handed."""
        import cirq

        check_row(work, row, self.target, self.capabilities)
        lowered, angles = self._lowered(work)
        values = next(islice(cirq.to_resolvers(_sweep(lowered, angles)), row, None))
        return readback.whole(lowered.circuit, values, self._qubits)

    def _lowered(self, work: Work) -> tuple[Lowered, np.ndarray[Any, np.dtype[np.float64]]]:
        """Circuit of a work, and its angles ``[rows, symbols]`` in half-turns."""
        lowered = lower_circuit(work.circuit, self._qubits)
        return lowered, half_turns(work.bindings.angles(lowered.angles))

    def _check_order(self, results: Sequence[Any], angles: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        """Refuse results that name other parameter values than those of their row; some samplers name none."""
        for row, (result, wanted) in enumerate(zip(results, angles, strict=True)):
            given = getattr(getattr(result, "params", None), "param_dict", None) or {}
            for key, value in given.items():
                symbol = str(key)
                known = symbol[:1] == "a" and symbol[1:].isdecimal() and int(symbol[1:]) < len(wanted)
                if not known or not abs(complex(value) - wanted[int(symbol[1:])]) <= TOLERANCE:
                    raise BadResultError(
                        f"row {row} came back for {symbol} = {value}, which is not what it asked for",
                        provider=self.name,
                    )


def _sweep(lowered: Lowered, angles: np.ndarray[Any, np.dtype[np.float64]]) -> cirq.Sweepable:
    """Values of all symbols, one array each; for a circuit without symbols one empty sweep per row."""
    import cirq

    if not lowered.angles:
        return [cirq.UnitSweep] * len(angles)
    return cirq.Zip(*(cirq.Points(f"a{number}", column) for number, column in enumerate(angles.T.tolist())))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
