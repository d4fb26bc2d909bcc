"""BraketProvider: the local simulators of Amazon Braket's SDK behind the seam."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from braket.devices import LocalSimulator
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.errors import ProviderError, TargetError
from qadapt.exact import EXACT, ExactBackend, by_component
from qadapt.provider import Requirements, Work
from qadapt.simulate.components import Component
from qadapt.target import Target
from qadapt_braket.errors import translate
from qadapt_braket.lower import NATIVE, lower, rows_of_inputs
from qadapt_braket.read import outcomes, values

Floats: TypeAlias = NDArray[np.float64]

NUM_QUBITS = 1024
"""Qubits of every target. Components are simulated one by one, so only connected qubits cost memory."""

SIMULATORS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"local": ("braket_sv", 26), "local-dm": ("braket_dm", 13)}
)
"""By target: Braket's name of the simulator, and the most connected qubits, which is the size that Braket declares."""


class BraketProvider:
    """Braket's local state-vector and density-matrix simulators, both ideal; nothing is sent to AWS."""

    name = "braket"

    def requirements(self) -> Requirements:
        """What this provider needs from the machine it runs on."""
        return Requirements(
            modules=("braket.devices",),
            credentials=("AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
            files=("~/.aws/credentials",),
        )

    def targets(self) -> Mapping[str, Target]:
        """Both simulators, by name."""
        return {
            name: Target(name=name, num_qubits=NUM_QUBITS, native=tuple(NATIVE), source=f"LocalSimulator({engine!r})")
            for name, (engine, _) in SIMULATORS.items()
        }

    def open(self, target: str) -> BraketBackend:
        """Open a simulator by name.

        Raises:
            TargetError: There is no such simulator.
        """
        targets = self.targets()
        if target not in targets:
            raise TargetError(f"braket has no target {target!r}", hint=f"targets are {', '.join(targets)}")
        return BraketBackend(f"{self.name}:{target}", targets[target], *SIMULATORS[target])


class BraketBackend(ExactBackend):
    """A local simulator; exact probabilities for every row, then counts by the common sampler.

    Braket's own sampling cannot be seeded, so tasks ask for zero shots and for probabilities.
    """

    packages = ("qadapt", "qadapt-braket", "amazon-braket-sdk", "amazon-braket-default-simulator")

    def __init__(self, name: str, target: Target, engine: str, connected: int) -> None:
        super().__init__(name, target, EXACT)
        self.connected = connected
        self._device = LocalSimulator(engine)

    def translate(self, error: Exception) -> ProviderError:
        """Put a vendor's exception into our tree."""
        return translate(error, provider=self.name)

    def probabilities(self, work: Work) -> list[Floats]:
        """Exact distribution ``[rows, 2**bits]`` of each register of a checked work, outcomes as in ``Counts``."""
        # The density-matrix simulator advises against itself in every run without noise. The filter is set, not scoped:
        # this runs on a thread, and leaving a scope would put back the filters of the whole process.
        warnings.filterwarnings("ignore", message="You are running a noise-free circuit", category=UserWarning)
        return by_component(work, lambda component: self._tables(component, work.bindings))

    def _tables(self, component: Component, bindings: Bindings) -> list[Floats]:
        """Distribution of each read of one component, ``[rows, 2**bits]``."""
        lowered = lower(component)
        widths = [len(read.bits) for read in component.reads]
        answers = [
            values(self._device.run(lowered.program, shots=0, inputs=row).result(), widths, provider=self.name)
            for row in rows_of_inputs(lowered, bindings)
        ]
        orders = [[component.qubits[qubit] for qubit in read.qubits] for read in component.reads]
        tables = [outcomes(table, order) for table, order in zip(zip(*answers, strict=True), orders, strict=True)]
        return [np.broadcast_to(table, (bindings.rows, table.shape[1])) for table in tables]
