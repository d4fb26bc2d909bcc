"""Fake machines: IBM's published snapshots of Heron and Nighthawk machines, run on Aer with Aer's noise model of them.

Aer does not factorise a circuit whose qubits no gate connects, and its noise model of a machine is local, so each
connected component is simulated by itself as a density matrix: all components and rows of a work in one call of Aer.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from qadapt.bindings import Bindings
from qadapt.circuit import Circuit
from qadapt.counts import Counts, concatenate
from qadapt.errors import ProviderError
from qadapt.inline import InlineBackend
from qadapt.provider import Result, Work, check_row
from qadapt.simulate.components import Component, check_sizes, merge, split
from qadapt.target import Capabilities, Target
from qadapt_ibm import read
from qadapt_ibm.errors import translate
from qadapt_ibm.lower import Lowered, component_gates, directions, lower
from qadapt_ibm.noise import Noise
from qadapt_ibm.readback import bound, read_back

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

FAKES: Mapping[str, str] = MappingProxyType(
    {
        "fake_aachen": "FakeAachen",
        "fake_boston": "FakeBoston",
        "fake_fez": "FakeFez",
        "fake_kingston": "FakeKingston",
        "fake_marrakesh": "FakeMarrakesh",
        "fake_miami": "FakeMiami",
        "fake_nighthawk": "FakeNighthawk",
        "fake_pittsburgh": "FakePittsburgh",
        "fake_torino": "FakeTorino",
    }
)
"""Class in ``qiskit_ibm_runtime.fake_provider`` by name of the target."""

MAX_CONNECTED = 10
"""Connected qubits of a density matrix: 16 MiB for each row that is simulated at the same time."""

_MAX_EXPERIMENTS = 2**14
"""Rows times components of one call; Aer keeps a record of each until the call ends."""

_UNTYPICAL = "Properties of fake_nighthawk"


@cache
def machine(name: str) -> Any:
    """Load IBM's snapshot of a machine, once per process."""
    from qiskit_ibm_runtime import fake_provider

    with warnings.catch_warnings():
        # That its errors are not typical of a Nighthawk is said in the target: it is marked as a sample.
        warnings.filterwarnings("ignore", message=_UNTYPICAL)
        return getattr(fake_provider, FAKES[name])()


@cache
def target(name: str) -> Target:
    """Target of a fake machine, once per process."""
    fake = machine(name)
    return read.target(
        name,
        fake.target,
        calibrated=fake.properties().last_update_date,
        source=f"{FAKES[name]} of qiskit-ibm-runtime {version('qiskit-ibm-runtime')}",
        sample=name == "fake_nighthawk",
    )


@lru_cache(maxsize=4)
def noise(name: str) -> Noise:
    """Noise of a fake machine; what was made of it is kept for the process."""
    return Noise(machine(name).target)


class FakeBackend(InlineBackend):
    """A fake machine."""

    packages = ("qadapt", "qadapt-ibm", "qiskit", "qiskit-aer", "qiskit-ibm-runtime")

    def __init__(self, name: str) -> None:
        super().__init__(
            f"ibm:{name}", target(name), Capabilities(seed=True, native_parameters=True, cancel=True, simulated=True)
        )
        date = "unknown" if self.target.calibrated is None else self.target.calibrated.date().isoformat()
        self.noise = f"Aer noise model of {self.target.name}, calibration {date}"

    def check(self, work: Work) -> None:
        """Refuse circuits that Aer cannot simulate."""
        check_sizes(split(work.circuit, work.circuit.measured), MAX_CONNECTED, "density-matrix")

    def execute(self, work: Work) -> Result:
        """Simulate one checked work."""
        components, lowered = self._components(work)
        blocks = list(work.bindings.blocks(_rows_per_call(components)))
        seeds = np.random.SeedSequence(work.seed).spawn(len(blocks))
        counts = [
            self._block(work, components, lowered, block, seed) for block, seed in zip(blocks, seeds, strict=True)
        ]
        return Result(concatenate(counts), self.provenance(work))

    def lowered(self, work: Work, row: int) -> Circuit:
        """One row of a work, read back from the circuits and values that Aer is handed."""
        check_row(work, row, self.target, self.capabilities)
        components, lowered = self._components(work)
        most = _rows_per_call(components)
        block = next(islice(work.bindings.blocks(most), row // most, None))
        sent = iter(_experiments(lowered, block))
        parts = []
        for item, component in zip(lowered, components, strict=True):
            own = list(islice(sent, 1 if item.symbols else block.rows))
            circuit, values = own[0 if item.symbols else row % most]
            parts.append(read_back(bound(circuit, values, row % most), component))
        return merge(parts, work.circuit.num_qubits)

    def _components(self, work: Work) -> tuple[list[Component], list[Lowered]]:
        """Components of a work that are read, and the circuit of each."""
        components = [component for component in split(work.circuit, work.circuit.measured) if component.reads]
        return components, [self._lower(component) for component in components]

    def _lower(self, component: Component) -> Lowered:
        bits = [component.qubits[qubit] for part in component.reads for qubit in part.qubits]
        gates, directed = component_gates(component), directions(self.target)
        return lower(gates, [("c", bits)], self.target.num_qubits, directed)

    def _block(
        self,
        work: Work,
        components: Sequence[Component],
        lowered: Sequence[Lowered],
        bindings: Bindings,
        seed: np.random.SeedSequence,
    ) -> Counts:
        """Counts of a block of rows, by one call of Aer."""
        from qiskit_aer import AerSimulator

        ours, aers = seed.spawn(2)
        sent = _experiments(lowered, bindings)
        circuits, values = [circuit for circuit, _ in sent], [columns for _, columns in sent]
        simulator = AerSimulator(
            method="density_matrix",
            noise_model=self._noise([item.circuit for item in lowered]),
            # Experiments side by side; Aer's other choice, threads within one, costs more than it gains here.
            max_parallel_experiments=0,
        )
        job = simulator.run(
            circuits, parameter_binds=values, shots=work.shots, seed_simulator=int(aers.generate_state(1)[0])
        )
        parts = read.sampled(job.result(), components, bindings.rows, provider=self.name)
        return Counts(read.tables(work.widths, parts, bindings.rows, np.random.default_rng(ours)), work.shots)

    def _noise(self, circuits: Sequence[QuantumCircuit]) -> Any:
        """Noise model of the gates and measurements in some circuits."""
        used = {
            (item.operation.name, tuple(circuit.find_bit(qubit).index for qubit in item.qubits))
            for circuit in circuits
            for item in circuit.data
        }
        places = {(name, qubits) for name, qubits in used if name != "measure"}
        return noise(self.target.name).model(places, {qubits[0] for name, qubits in used if name == "measure"})

    def translate(self, error: Exception) -> ProviderError:
        """Put Aer's exception into our tree."""
        return translate(error, provider=self.name)


def _rows_per_call(components: Sequence[Component]) -> int:
    return max(1, _MAX_EXPERIMENTS // len(components))


def _experiments(lowered: Sequence[Lowered], bindings: Bindings) -> list[tuple[QuantumCircuit, dict[Any, list[float]]]]:
    """Circuits of one call of Aer and the values of the parameters of each, component by component."""
    found: list[tuple[QuantumCircuit, dict[Any, list[float]]]] = []
    for item in lowered:
        # Without parameters Aer knows no rows: the circuit is listed once for each.
        found += [(item.circuit, item.values(bindings))] * (1 if item.symbols else bindings.rows)
    return found
