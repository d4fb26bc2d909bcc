"""Mutants: backends that are wrong on purpose, each with the rule that must catch it.

Each wraps a right backend, changes the works on their way in or the counts on their way out, and keeps the provenance
of a backend that believes itself right; or qadapt's own compiler and packing are wrong for a time. A rule that lets its
mutant live tests nothing.
"""

from qadapt_conformance.mutants.adapter import ADAPTER
from qadapt_conformance.mutants.compiler import COMPILER
from qadapt_conformance.mutants.declared import DECLARED
from qadapt_conformance.mutants.jobs import JOBS
from qadapt_conformance.mutants.lowered import LOWERED
from qadapt_conformance.mutants.mutant import Mutant
from qadapt_conformance.mutants.packing import PACKING
from qadapt_conformance.mutants.physics import PHYSICS
from qadapt_conformance.mutants.readout import READOUT
from qadapt_conformance.mutants.rows import ROWS
from qadapt_conformance.mutants.seam import SEAM

MUTANTS: tuple[Mutant, ...] = (
    *READOUT,
    *ROWS,
    *PHYSICS,
    *SEAM,
    *JOBS,
    *DECLARED,
    *COMPILER,
    *LOWERED,
    *PACKING,
    *ADAPTER,
)
"""Every mutant; ``qadapt conformance mutants`` proves that each is caught by its rule."""
