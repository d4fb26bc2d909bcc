"""Provider ``local``: qadapt's own simulators, ideal (``local:statevector``) and noisy (``local:emulator/<target>``).

Counts are drawn by ``qadapt.counts.sample`` from exact probabilities; the seed of a work decides them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Circuit
from qadapt.errors import TargetError
from qadapt.exact import EXACT, ExactBackend
from qadapt.gates import GATES
from qadapt.provider import Work, check_row
from qadapt.simulate import density, statevector
from qadapt.target import Target, bundled_targets

Tables: TypeAlias = tuple[NDArray[np.float64], ...]

EMULATOR = "emulator/"
"""Prefix of the noisy targets."""
STATEVECTOR = Target(
    name="statevector",
    num_qubits=1024,
    native=tuple(GATES),
    source="ideal simulator; memory limits the qubits that gates connect (24), not their number, so packs fit",
)


class _Simulator(ExactBackend):
    packages = ("qadapt", "numpy")

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work as it is: nothing is lowered here."""
        check_row(work, row, self.target, self.capabilities)
        return work.bindings.bound(work.circuit, row)


class StatevectorBackend(_Simulator):
    """The ideal simulator; every gate of the gate table is native."""

    connected = statevector.MAX_QUBITS

    def __init__(self) -> None:
        super().__init__("local:statevector", STATEVECTOR, EXACT)

    def probabilities(self, work: Work) -> Tables:
        """Exact probabilities of every register."""
        return statevector.probabilities(work.circuit, work.bindings)


class EmulatorBackend(_Simulator):
    """A machine's native gates and couplings with the noise that its calibration stands for.

    Idle decoherence and crosstalk are not in a calibration and are not simulated.
    """

    connected = density.MAX_QUBITS

    def __init__(self, target: Target) -> None:
        name = EMULATOR + target.name
        super().__init__(f"local:{name}", target.renamed(name), EXACT)
        date = f", {target.calibrated.date().isoformat()}" if target.calibrated else ""
        self.noise = f"{'sample calibration' if target.sample else 'calibration'} of {target.name}{date}"

    def probabilities(self, work: Work) -> Tables:
        """Exact probabilities of every register, with gate noise and readout errors."""
        return density.probabilities(work.circuit, work.bindings, self.target)


class LocalProvider:
    """qadapt's own simulators."""

    name = "local"

    def targets(self) -> Mapping[str, Target]:
        """The ideal simulator, and an emulator of every bundled target."""
        emulated = {EMULATOR + name: target for name, target in bundled_targets().items()}
        renamed = {name: target.renamed(name) for name, target in emulated.items()}
        return MappingProxyType({STATEVECTOR.name: STATEVECTOR, **renamed})

    def open(self, target: str) -> StatevectorBackend | EmulatorBackend:
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
