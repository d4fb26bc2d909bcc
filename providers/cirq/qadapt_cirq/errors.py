"""Cirq's exceptions in qadapt's tree.

Cirq has hardly any exceptions of its own and raises built-in ones. A simulator in this process either computes or does
not, so each of them is a failed job and none is worth a retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qadapt.errors import JobFailedError, ProviderError

_BUG = "qadapt should have refused this before; please report it with the circuit"
_INSTALL = "pip install --upgrade qadapt-cirq"

TABLE: Mapping[str, tuple[type[ProviderError], str]] = MappingProxyType(
    {
        "cirq._compat.DeprecatedModuleImportError": (JobFailedError, _INSTALL),
        "cirq.contrib.qasm_import.exception.QasmException": (JobFailedError, _BUG),
        "cirq.linalg.transformations.EntangledStateError": (JobFailedError, _BUG),
        "builtins.ImportError": (JobFailedError, _INSTALL),
        "builtins.MemoryError": (JobFailedError, "entangle fewer qubits"),
        "builtins.TypeError": (JobFailedError, _BUG),
        "builtins.ValueError": (JobFailedError, _BUG),
        "builtins.ZeroDivisionError": (JobFailedError, _BUG),
        "builtins.Exception": (JobFailedError, ""),
    }
)
"""Our error and what to do, by the full name of the vendor's exception class."""


def translate(error: Exception, *, provider: str) -> ProviderError:
    """Put a vendor's exception into our tree: the entry nearest in its order of inheritance counts.

    An error that is already ours stays as it is.
    """
    if isinstance(error, ProviderError):
        return error
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    kind, hint = next(TABLE[name] for name in names if name in TABLE)
    return kind(f"cirq: {type(error).__name__}: {str(error) or 'no message'}", provider=provider, hint=hint)
