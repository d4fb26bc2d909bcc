"""Aer's exceptions in qadapt's tree.

A simulator in this process either computes or does not, so each of them is a failed job and none is worth a retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from qadapt.errors import JobFailedError, ProviderError

_MEMORY = "measure or entangle fewer qubits, or give fewer rows"


@cache
def table() -> Mapping[type[Exception], str]:
    """What to do about each vendor exception; the entry nearest in the order of inheritance counts."""
    from qiskit.exceptions import QiskitError
    from qiskit_aer import AerError
    from qiskit_aer.noise.noiseerror import NoiseError

    return MappingProxyType({MemoryError: _MEMORY, AerError: "", NoiseError: "", QiskitError: ""})


def translate(error: Exception, *, provider: str) -> ProviderError:
    """Put a vendor's exception into our tree; an error that is already ours stays as it is."""
    if isinstance(error, ProviderError):
        return error
    hint = next((table()[kind] for kind in type(error).__mro__ if kind in table()), "")
    said = str(error) or "no message"
    return JobFailedError(f"aer: {type(error).__name__}: {said}", provider=provider, hint=hint)
