"""ExactBackend: simulators that compute exact probabilities and leave the drawing of counts to qadapt.

All of them draw from the same sampler, so equal seeds give equal counts whoever computed the probabilities.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qadapt.counts import sample
from qadapt.errors import NotSupportedError
from qadapt.inline import InlineBackend
from qadapt.provider import Result, Work
from qadapt.simulate.components import Component, check_sizes, join, split
from qadapt.target import Capabilities

Floats: TypeAlias = NDArray[np.float64]

MAX_OUTCOMES = 2**26
"""Most probabilities of one work: rows times the outcomes of all registers, 512 MiB."""

EXACT = Capabilities(seed=True, exact_sampling=True, cancel=True, simulated=True)
"""Capabilities of every exact simulator."""


class ExactBackend(InlineBackend):
    """An in-process simulator with exact probabilities.

    Attributes:
        connected: Most qubits that gates may connect; qubits that no gate connects are simulated apart.
    """

    connected: int

    @abstractmethod
    def probabilities(self, work: Work) -> Sequence[Floats]:
        """Exact probabilities ``[rows, 2**bits]`` of every register of a checked work, outcomes as in ``Counts``."""

    def check(self, work: Work) -> None:
        """Refuse works with too many outcomes, and circuits of which gates connect too many qubits."""
        outcomes = work.bindings.rows * sum(2**width for width in work.widths)
        if outcomes > MAX_OUTCOMES:
            raise NotSupportedError(
                f"{work.bindings.rows} rows of registers with {list(work.widths)} bits are {outcomes} "
                f"probabilities, {self.name} keeps at most {MAX_OUTCOMES} per work",
                capability="max_rows",
                hint="submit fewer rows at a time, or measure fewer bits together",
            )
        check_sizes(split(work.circuit, work.circuit.measured), self.connected, self.name)

    def execute(self, work: Work) -> Result:
        """Simulate one checked work and draw its counts."""
        counts = sample(self.probabilities(work), work.shots, work.seed, provider=self.name)
        return Result(counts, self.provenance(work))


def by_component(work: Work, tables: Callable[[Component], Iterable[Floats]]) -> list[Floats]:
    """Put a work's registers together from its components.

    Args:
        work: A checked work.
        tables: Probabilities ``[rows, 2**bits]`` of each read of a component, in the order of its reads; asked only of
            components that are read.
    """
    parts: list[list[tuple[tuple[int, ...], Floats]]] = [[] for _ in work.circuit.measured]
    for component in split(work.circuit, work.circuit.measured):
        if component.reads:
            for read, table in zip(component.reads, tables(component), strict=True):
                parts[read.register].append((read.bits, table))
    return [join(width, own) for width, own in zip(work.widths, parts, strict=True)]
