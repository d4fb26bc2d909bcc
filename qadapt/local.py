"""Provider ``local``: qadapt's own simulators, ideal (``local:statevector``) and noisy (``local:emulator/<target>``).

Counts are drawn by ``qadapt.counts.sample`` from exact probabilities; the seed of a work decides them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.counts import sample
from qadapt.errors import NotSupportedError, TargetError
from qadapt.gates import GATES
from qadapt.inline import InlineBackend
from qadapt.provider import Provenance, Result, Work
from qadapt.target import Capabilities, Target, bundled_targets

Tables: TypeAlias = tuple[NDArray[np.float64], ...]

EMULATOR = "emulator/"
"""Prefix of the noisy targets."""
STATEVECTOR = Target(
    name="statevector",
    num_qubits=1024,
    native=tuple(GATES),
    source="ideal simulator; memory limits the qubits that gates connect (24), not their number, so packs fit",
)
MAX_OUTCOMES = 2**26
"""Most probabilities of one work: rows times the outcomes of all registers, 512 MiB."""

_CAPABILITIES = Capabilities(seed=True, exact_sampling=True, cancel=True, simulated=True)


class LocalBackend(InlineBackend):
    """A simulator of qadapt behind the seam."""

    noise: str | None = None
    """What the noise stands for; None without noise."""

    @abstractmethod
    def probabilities(self, work: Work) -> Tables:
        """Exact probabilities ``[rows, 2**bits]`` of every register of a checked work."""

    @abstractmethod
    def check_size(self, work: Work) -> None:
        """Refuse a work that is too large to simulate.

        Raises:
            NotSupportedError: Too many qubits are connected by gates.
        """

    def check(self, work: Work) -> None:
        """Refuse works with more outcomes than are kept, or too large to simulate."""
        outcomes = work.bindings.rows * sum(2**width for width in work.widths)
        if outcomes > MAX_OUTCOMES:
            raise NotSupportedError(
                f"{work.bindings.rows} rows of registers with {list(work.widths)} bits are {outcomes} "
                f"probabilities, {self.name} keeps at most {MAX_OUTCOMES} per work",
                capability="max_rows",
                hint="submit fewer rows at a time, or measure fewer bits together",
            )
        self.check_size(work)

    def execute(self, work: Work) -> Result:
        """Simulate one checked work."""
        return Result(
            sample(self.probabilities(work), work.shots, work.seed, provider=self.name),
            Provenance(
                backend=self.name,
                circuit_hash=work.circuit.content_hash,
                qubits=work.circuit.measured,
                shots=work.shots,
                seed=work.seed,
                simulated=True,
                noise=self.noise,
                calibrated=self.target.calibrated,
                versions={name: version(name) for name in ("qadapt", "numpy")},
            ),
        )


class StatevectorBackend(LocalBackend):
    """The ideal simulator; every gate of the gate table is native."""

    def __init__(self) -> None:
        super().__init__("local:statevector", STATEVECTOR, _CAPABILITIES)

    def check_size(self, work: Work) -> None:
        """Refuse more than 24 connected qubits."""
        from qadapt.simulate import statevector

        statevector.check(work.circuit)

    def probabilities(self, work: Work) -> Tables:
        """Exact probabilities of every register."""
        from qadapt.simulate import statevector

        return statevector.probabilities(work.circuit, work.bindings)


class EmulatorBackend(LocalBackend):
    """A machine's native gates and couplings with the noise that its calibration stands for.

    Idle decoherence and crosstalk are not in a calibration and are not simulated.
    """

    def __init__(self, target: Target) -> None:
        name = EMULATOR + target.name
        super().__init__(f"local:{name}", target.renamed(name), _CAPABILITIES)
        date = f", {target.calibrated.date().isoformat()}" if target.calibrated else ""
        self.noise = f"{'sample calibration' if target.sample else 'calibration'} of {target.name}{date}"

    def check_size(self, work: Work) -> None:
        """Refuse more than 12 connected qubits."""
        from qadapt.simulate import density

        density.check(work.circuit)

    def probabilities(self, work: Work) -> Tables:
        """Exact probabilities of every register, with gate noise and readout errors."""
        from qadapt.simulate import density

        return density.probabilities(work.circuit, work.bindings, self.target)


class LocalProvider:
    """qadapt's own simulators."""

    name = "local"

    def targets(self) -> Mapping[str, Target]:
        """The ideal simulator, and an emulator of every bundled target."""
        emulated = {EMULATOR + name: target for name, target in bundled_targets().items()}
        renamed = {name: target.renamed(name) for name, target in emulated.items()}
        return MappingProxyType({STATEVECTOR.name: STATEVECTOR, **renamed})

    def open(self, target: str) -> LocalBackend:
        """Open a simulator by name.

        Raises:
            TargetError: There is no such target.
        """
        if target == STATEVECTOR.name:
            return StatevectorBackend()
        bundled = bundled_targets().get(target.removeprefix(EMULATOR))
        if bundled is None or not target.startswith(EMULATOR):
            raise TargetError(f"local has no target {target!r}", hint=f"targets are {', '.join(self.targets())}")
        return EmulatorBackend(bundled)
