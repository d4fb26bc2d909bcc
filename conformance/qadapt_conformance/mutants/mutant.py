"""Mutant: a backend that is wrong on purpose, with the rule that must catch it.

A mutant of the physics or of the read-out is a change of the works on their way in or of the count tables on their way
out, so that the oracle can say which distribution it answers instead of the right one. The others are whatever makes a
wrong backend out of a right one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from qadapt import Backend, Work
from qadapt_conformance.lacks import Lacks, nothing

WorkChange: TypeAlias = Callable[[Work], Work]
"""Gives the very work back where it changes nothing."""
Table: TypeAlias = NDArray[Any]
"""Counts, or probabilities, ``[rows, outcomes]`` of one register."""
TableChange: TypeAlias = Callable[[Table], Table]
"""To a table of the same shape."""

STATEVECTOR, CHIP = "local:statevector", "local:chip"
"""Right backends that mutants are at home on, see ``right``: every gate native, or few gates and couplings."""


@dataclass(frozen=True)
class Mutant:
    """A wrong backend.

    Attributes:
        name: What is wrong with it.
        rule: Id of the rule that must say so.
        about: The mistake in one sentence, with the real one that it is modelled on where there is one.
        make: A context in which the backend that it gives is the wrong one; made from a right one.
        before: How it changes works, if that is all that is wrong with it.
        after: How it changes count tables, if that is all.
        home: Name of the right backend on which its rule must catch it; on others it may have nothing to be wrong with.
        lacks: Says what a backend does not have without which it is not wrong, or nothing that counts can show.
    """

    name: str
    rule: str
    about: str
    make: Callable[[Backend], AbstractContextManager[Backend]]
    before: WorkChange | None = None
    after: TableChange | None = None
    home: str = STATEVECTOR
    lacks: Lacks = nothing

    @property
    def physical(self) -> bool:
        """Whether the oracle can say what it answers."""
        return self.before is not None or self.after is not None
