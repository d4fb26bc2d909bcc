"""Provider ``aer``: exact probabilities by Qiskit Aer's state-vector simulator, counts by qadapt's sampler.

Aer does not factorise a circuit whose qubits no gate connects, so each connected component is simulated by itself, all
of them and all rows in one call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.errors import ProviderError, TargetError
from qadapt.exact import EXACT, ExactBackend
from qadapt.provider import Requirements, Work, check_row
from qadapt.simulate.components import Component, merge, split
from qadapt.target import Target
from qadapt_aer.errors import translate
from qadapt_aer.lower import NATIVE, Lowered, lower, save
from qadapt_aer.read import experiments, registers, tables
from qadapt_aer.readback import read_back

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter as Symbol

NUM_QUBITS = 1024
"""Qubits of the target; memory limits connected qubits, not qubits."""
MAX_CONNECTED = 24
"""Connected qubits: 256 MiB of amplitudes."""

_MAX_EXPERIMENTS = 2**14
"""Rows times components of one call; Aer keeps a record of each until the call ends."""
_MAX_PROBABILITIES = 2**25
"""Saved probabilities of one call: 256 MiB."""

STATEVECTOR = Target(
    name="statevector", num_qubits=NUM_QUBITS, native=tuple(NATIVE), source="Qiskit Aer, method statevector"
)


CAPABILITIES = EXACT.model_copy(update={"native_parameters": True})


class AerBackend(ExactBackend):
    """The state-vector simulator."""

    connected = MAX_CONNECTED
    packages = ("qadapt", "qadapt-aer", "qiskit", "qiskit-aer")

    def __init__(self) -> None:
        # Here and not on the thread of the backend, which ends with it: Qiskit crashes the interpreter where it is used
        # after the thread that imported it first has ended.
        import qiskit_aer  # noqa: F401

        super().__init__("aer:statevector", STATEVECTOR, CAPABILITIES)

    def probabilities(self, work: Work) -> tuple[NDArray[np.float64], ...]:
        """Exact probabilities ``[rows, 2**bits]`` of every register, column *i* for outcome *i*.

        Raises:
            ProviderError: Aer failed.
        """
        components, lowered = _lowered(work)
        blocks = work.bindings.blocks(_rows_per_call(components))
        tables = [self._block(work.widths, components, lowered, block) for block in blocks]
        return tuple(np.concatenate(parts) for parts in zip(*tables, strict=True))

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from the circuits and values that Aer is handed."""
        check_row(work, row, self.target, self.capabilities)
        components, lowered = _lowered(work)
        most = _rows_per_call(components)
        block = next(islice(work.bindings.blocks(most), row // most, None))
        sent = zip(*_sent(components, lowered, block), components, strict=True)
        parts = [read_back(circuit, values, row % most, component) for circuit, values, component in sent]
        return merge(parts, work.circuit.num_qubits)

    def _block(
        self, widths: Sequence[int], components: Sequence[Component], lowered: Sequence[Lowered], bindings: Bindings
    ) -> tuple[NDArray[np.float64], ...]:
        """Probabilities of a block of rows, by one call of Aer."""
        from qiskit_aer import AerSimulator

        rows = bindings.rows
        circuits, values = _sent(components, lowered, bindings)
        sizes = [rows if item.symbols else 1 for item in lowered]
        simulator = AerSimulator(method="statevector", precision="double")
        job = simulator.run(circuits, parameter_binds=values, shots=1)
        data = experiments(job.result(), sum(sizes), provider=self.name)
        edges = np.cumsum([0, *sizes]).tolist()
        parts = [
            tables(component, data[start:stop], rows)
            for component, start, stop in zip(components, edges[:-1], edges[1:], strict=True)
        ]
        return registers(widths, components, parts)

    def translate(self, error: Exception) -> ProviderError:
        """Put Aer's exception into our tree."""
        return translate(error, provider=self.name)


class AerProvider:
    """Qiskit Aer."""

    name = "aer"

    def requirements(self) -> Requirements:
        """What this provider needs from the machine it runs on."""
        return Requirements(modules=("qiskit_aer",))

    def targets(self) -> Mapping[str, Target]:
        """The one target."""
        return MappingProxyType({STATEVECTOR.name: STATEVECTOR})

    def open(self, target: str) -> AerBackend:
        """Open ``statevector``.

        Raises:
            TargetError: There is no such target.
        """
        if target != STATEVECTOR.name:
            raise TargetError(f"aer has no target {target!r}", hint=f"its target is {STATEVECTOR.name!r}")
        return AerBackend()


def _lowered(work: Work) -> tuple[list[Component], list[Lowered]]:
    """Components of a work that are read, and the circuit of each."""
    components = [component for component in split(work.circuit, work.circuit.measured) if component.reads]
    return components, [lower(component) for component in components]


def _sent(
    components: Sequence[Component], lowered: Sequence[Lowered], bindings: Bindings
) -> tuple[list[QuantumCircuit], list[dict[Symbol, list[float]]]]:
    """Circuits of one call of Aer, and the values of the parameters of each."""
    circuits = [save(item, component) for item, component in zip(lowered, components, strict=True)]
    return circuits, [item.values(bindings) for item in lowered]


def _rows_per_call(components: Sequence[Component]) -> int:
    saved: int = sum(1 << len(read.qubits) for component in components for read in component.reads)
    return max(1, min(_MAX_EXPERIMENTS // len(components), _MAX_PROBABILITIES // saved))
