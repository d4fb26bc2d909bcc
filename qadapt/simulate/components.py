"""Components: a circuit split into parts that share no gate, and results put together again.

Qubits that no gate connects stay in a product state, so each connected component is simulated by itself. Components of
equal structure (the tiles of a packed circuit) form one group and are simulated in one batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qadapt.circuit import Angle, Circuit, Operation, op
from qadapt.errors import NotSupportedError


@dataclass(frozen=True)
class Read:
    """The part of one register that lies in one component.

    Attributes:
        register: Number of the register.
        bits: Bits of the register that are read here, ascending.
        qubits: The component's local qubit of each bit.
    """

    register: int
    bits: tuple[int, ...]
    qubits: tuple[int, ...]


@dataclass(frozen=True)
class Component:
    """A connected part of a circuit; its qubits are numbered from 0 in the order in which gates first act on them.

    Attributes:
        qubits: The circuit's qubit of each local qubit.
        gates: Gate names and local qubits in the order they act.
        angles: Angles of each gate.
        reads: Parts of registers that lie here, by register.
    """

    qubits: tuple[int, ...]
    gates: tuple[tuple[str, tuple[int, ...]], ...]
    angles: tuple[tuple[Angle, ...], ...]
    reads: tuple[Read, ...]

    @property
    def structure(self) -> tuple[object, ...]:
        """Equal for components that differ only in angles, place and register."""
        return len(self.qubits), self.gates, tuple(read.qubits for read in self.reads)


def split(circuit: Circuit, registers: Sequence[Sequence[int]]) -> tuple[Component, ...]:
    """Split a circuit into its connected components.

    Args:
        circuit: The circuit; its own registers are not looked at.
        registers: Qubits to read. A qubit that is read and has no gate is a component; one that has neither is none.
    """
    root = list(range(circuit.num_qubits))

    def find(qubit: int) -> int:
        while root[qubit] != qubit:
            root[qubit] = qubit = root[root[qubit]]
        return qubit

    for operation in circuit.gates():
        for qubit in operation.qubits[1:]:
            root[find(qubit)] = find(operation.qubits[0])
    members: dict[int, dict[int, int]] = {}
    operations: dict[int, list[Operation]] = {}
    for operation in circuit.gates():
        home = find(operation.qubits[0])
        local = members.setdefault(home, {})
        for qubit in operation.qubits:
            local.setdefault(qubit, len(local))
        operations.setdefault(home, []).append(operation)
    reads: dict[int, list[Read]] = {}
    for number, register in enumerate(registers):
        bits: dict[int, list[int]] = {}
        for bit, qubit in enumerate(register):
            bits.setdefault(find(qubit), []).append(bit)
        for home, own in bits.items():
            local = members.setdefault(home, {register[own[0]]: 0})
            reads.setdefault(home, []).append(Read(number, tuple(own), tuple(local[register[bit]] for bit in own)))
    return tuple(
        Component(
            qubits=tuple(local),
            gates=tuple((o.gate, tuple(local[qubit] for qubit in o.qubits)) for o in operations.get(home, ())),
            angles=tuple(o.angles for o in operations.get(home, ())),
            reads=tuple(reads.get(home, ())),
        )
        for home, local in members.items()
    )


def merge(components: Iterable[Component], num_qubits: int) -> Circuit:
    """Put components together to a circuit: what ``split`` takes apart, but for fences and components left out.

    Args:
        components: Gates that share a qubit keep their order, those of different components come one after the other.
        num_qubits: Qubits of the circuit.

    Raises:
        CircuitError: They measure a qubit twice, or name one that there is not.
    """
    operations: list[Operation] = []
    registers: dict[int, dict[int, int]] = {}
    for component in components:
        own = component.qubits
        pairs = zip(component.gates, component.angles, strict=True)
        operations += [op(name, *(own[q] for q in qubits), angles=angles) for (name, qubits), angles in pairs]
        for read in component.reads:
            registers.setdefault(read.register, {}).update(
                zip(read.bits, (own[qubit] for qubit in read.qubits), strict=True)
            )
    measured = [[qubit for _, qubit in sorted(bits.items())] for _, bits in sorted(registers.items())]
    return Circuit(num_qubits=num_qubits, operations=tuple(operations), measured=measured)


def group(components: Sequence[Component]) -> tuple[tuple[Component, ...], ...]:
    """Collect components of equal structure."""
    alike: dict[tuple[object, ...], list[Component]] = {}
    for component in components:
        alike.setdefault(component.structure, []).append(component)
    return tuple(tuple(tiles) for tiles in alike.values())


def check_sizes(components: Sequence[Component], most: int, simulator: str) -> None:
    """Refuse components that are too large to simulate.

    Raises:
        NotSupportedError: A component has more than ``most`` qubits.
    """
    largest = max(components, key=lambda component: len(component.qubits), default=None)
    if largest is not None and len(largest.qubits) > most:
        raise NotSupportedError(
            f"{len(largest.qubits)} qubits are connected by gates (among them {list(largest.qubits[:4])}), "
            f"the {simulator} simulator takes at most {most} connected qubits",
            capability="connected_qubits",
            hint="qubits that no gate connects are simulated separately and count separately",
        )


def join(width: int, parts: Sequence[tuple[tuple[int, ...], NDArray[Any]]]) -> NDArray[Any]:
    """Distribution (or state) of a register from those of its parts, which are independent.

    Args:
        width: Bits of the register.
        parts: For each part its bits, ascending, and its table ``[rows, 2**bits]``.

    Returns:
        The product ``[rows, 2**width]``.
    """
    if len(parts) == 1 and parts[0][0] == tuple(range(width)):
        return parts[0][1]
    rows = len(parts[0][1])
    product: NDArray[Any] = np.ones((rows, *(1,) * width))
    for bits, table in sorted(parts, key=lambda part: len(part[0])):
        # Bit k is axis width - k, so that C order puts bit 0 last.
        shape = [rows, *(1,) * width]
        for bit in bits:
            shape[width - bit] = 2
        product = product * table.reshape(shape)
    return product.reshape(rows, 2**width)
