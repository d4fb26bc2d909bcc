"""Right: the right backends that mutants are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qadapt import Backend, Site, Target, Work, backend
from qadapt.provider import check_works
from qadapt_conformance.mutants.mutant import CHIP, STATEVECTOR
from qadapt_conformance.mutants.wrapped import Wrapped

QUBITS = 14
DEAD_QUBIT, DEAD_COUPLER = 6, (9, 10)
"""Where the chip does not work; 13 qubits are left, in chains of 6, 3 and 4."""


class Chip(Wrapped):
    """An ideal machine with few gates, couplings and dead places; refuses what does not fit it.

    Args:
        inner: A right simulator of all gates.
        native: Gates; cz acts between neighbours on a line.
    """

    def __init__(self, inner: Backend, native: tuple[str, ...] = ("cz", "sx", "x", "rz")) -> None:
        super().__init__(inner)
        live = [qubit for qubit in range(QUBITS) if qubit != DEAD_QUBIT]
        pairs = [(q, q + 1) for q in range(QUBITS - 1)]
        # A coupler whose error is not known is dead, and one that is known to be dead would be noise.
        sites = {"cz": tuple(Site(qubits=pair, error=None if pair == DEAD_COUPLER else 0.0) for pair in pairs)}
        sites |= {gate: tuple(Site(qubits=(q,), error=0.0) for q in live) for gate in native if gate != "cz"}
        self._target = Target(name="chip", num_qubits=QUBITS, native=native, sites=sites)

    @property
    def name(self) -> str:
        """Its own name."""
        return CHIP

    @property
    def target(self) -> Target:
        """The line."""
        return self._target

    def submit(self, work: Sequence[Work], *, tag: str) -> str:
        """Submit works that fit."""
        check_works(work, self.target, self.capabilities)
        return super().submit(work, tag=tag)


HOMES: Mapping[str, Callable[[], Backend]] = {
    STATEVECTOR: lambda: backend(STATEVECTOR),
    CHIP: lambda: Chip(backend(STATEVECTOR)),
}
"""Right backends by name, see ``Mutant.home``."""


def right_backend(name: str) -> Backend:
    """Open a right backend: one of ``HOMES`` or any of an installed provider.

    Raises:
        QadaptError: There is none, or it cannot be opened.
    """
    return HOMES[name]() if name in HOMES else backend(name)
