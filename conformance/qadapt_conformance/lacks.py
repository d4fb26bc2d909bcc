"""Lacks: what a backend does not have that a rule or a mutant is about, in words; empty text if it has it."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import TypeAlias

from qadapt import Backend

Lacks: TypeAlias = Callable[[Backend], str]

MOST_ERROR = 0.006
"""Average infidelity of an entangling gate. Where errors are coherent, 14 of them, a block of 8 dimensions and its
state, may then move half of the shots, and beyond that no margin says anything."""


def nothing(backend: Backend) -> str:
    """Say that the backend lacks nothing."""
    return ""


def couplings(backend: Backend) -> str:
    """Say so if all qubits couple to all, so that there are no places to choose."""
    return "couplings, all qubits of the target couple to all" if backend.target.couplings is None else ""


def noiseless(backend: Backend) -> str:
    """Say so if the target has noise, of which there is no exact definition that all simulators share."""
    return "" if backend.target.ideal else "a target without noise"


def quiet(backend: Backend) -> str:
    """Say so if the noise of a usual entangling gate leaves nothing of a circuit of a dozen."""
    sites = (site for listed in backend.target.sites.values() for site in listed if len(site.qubits) == 2)
    errors = [site.error for site in sites if site.error is not None and site.error < 1]
    usual = median(errors) if errors else 0.0
    return "" if usual <= MOST_ERROR else f"entangling gates with errors of at most {MOST_ERROR}, half have {usual:.3g}"


def dead_qubits(backend: Backend) -> str:
    """Say so if all qubits are live."""
    target = backend.target
    return "dead qubits" if len(target.live_qubits) == target.num_qubits else ""


def seeds(backend: Backend) -> str:
    """Say so if no seed is taken."""
    return "" if backend.capabilities.seed else "seeds"


def forgetful(backend: Backend) -> str:
    """Say so if another process gets the counts of a job."""
    return "jobs that end with the process" if backend.capabilities.retrieval else ""


def works(backend: Backend) -> str:
    """Say so if a job is of one work."""
    return "jobs of several works" if backend.capabilities.max_works == 1 else ""


def lowering(backend: Backend) -> str:
    """Say so if it does not say what it would send."""
    # Protocols do not see verbs that a wrapper passes on.
    return "" if callable(getattr(backend, "lowered", None)) else "the optional verb lowered"


def rz(backend: Backend) -> str:
    """Say so if rz is not native."""
    return "" if "rz" in backend.target.native else "native rz"
