"""The exceptions of Cirq, cirq-google and the Google clients below it, in qadapt's tree.

Cirq has hardly any exceptions of its own and raises built-in ones. A simulator in this process either computes or does
not, so each of them is a failed job and none is worth a retry. What comes through a sampler of Google's service is a
``google.api_core`` or ``google.auth`` exception, or an ``EngineException`` made from one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qadapt import redact
from qadapt.errors import AccessError, JobFailedError, ProviderError, UnavailableError

_BUG = "qadapt should have refused this before; please report it with the circuit"
_INSTALL = "pip install --upgrade qadapt-cirq"
_ACCESS = "access to Google's engine is by invitation; check the project, its permissions and your credentials"
_QUOTA = "the project's quota is used up for now"

TABLE: Mapping[str, tuple[type[ProviderError], str]] = MappingProxyType(
    {
        "cirq._compat.DeprecatedModuleImportError": (JobFailedError, _INSTALL),
        "cirq.contrib.qasm_import.exception.QasmException": (JobFailedError, _BUG),
        "cirq.linalg.transformations.EntangledStateError": (JobFailedError, _BUG),
        "cirq_google.engine.engine_client.EngineException": (JobFailedError, ""),
        "cirq_google.engine.stream_manager.StreamError": (JobFailedError, ""),
        "cirq_google.line.placement.sequence.NotFoundError": (JobFailedError, _BUG),
        "cirq_google.workflow.qubit_placement.CouldNotPlaceError": (JobFailedError, _BUG),
        "google.api_core.exceptions.Forbidden": (AccessError, _ACCESS),
        "google.api_core.exceptions.Unauthorized": (AccessError, _ACCESS),
        "google.api_core.exceptions.ClientError": (JobFailedError, ""),
        "google.api_core.exceptions.TooManyRequests": (UnavailableError, _QUOTA),
        "google.api_core.exceptions.DeadlineExceeded": (UnavailableError, ""),
        "google.api_core.exceptions.RetryError": (UnavailableError, ""),
        "google.api_core.exceptions.ServerError": (UnavailableError, ""),
        "google.api_core.exceptions.GoogleAPIError": (JobFailedError, ""),
        "google.auth.exceptions.TransportError": (UnavailableError, ""),
        "google.auth.exceptions.TimeoutError": (UnavailableError, ""),
        "google.auth.exceptions.GoogleAuthError": (AccessError, _ACCESS),
        "grpc.RpcError": (UnavailableError, ""),
        "builtins.ConnectionError": (UnavailableError, ""),
        "builtins.TimeoutError": (UnavailableError, ""),
        "builtins.ImportError": (JobFailedError, _INSTALL),
        "builtins.MemoryError": (JobFailedError, "entangle fewer qubits"),
        "builtins.TypeError": (JobFailedError, _BUG),
        "builtins.ValueError": (JobFailedError, _BUG),
        "builtins.ZeroDivisionError": (JobFailedError, _BUG),
        "builtins.Exception": (JobFailedError, ""),
    }
)
"""Our error and what to do, by the full name of the vendor's exception class."""

NOT_TAKEN = frozenset(
    {
        "google.api_core.exceptions.TooManyRequests",
        "google.auth.exceptions.TransportError",
        "google.auth.exceptions.TimeoutError",
        "builtins.ConnectionRefusedError",
    }
)
"""Exceptions after which the service has surely not taken what was asked: refused for its rate, or before it was sent,
because credentials are fetched first."""

_WRAPPERS = frozenset({"cirq_google.engine.engine_client.EngineException", "builtins.TimeoutError"})
"""What cirq-google's client raises from the exception that says what happened."""


def translate(error: Exception, *, provider: str) -> ProviderError:
    """Put a vendor's exception into our tree: the entry nearest in its order of inheritance counts.

    An error that is already ours stays as it is. Of an exception that the engine's client made from another one, that
    other one decides.
    """
    if isinstance(error, ProviderError):
        return error
    redact.scrub(error)
    deciding: BaseException = error
    if _names(error)[0] in _WRAPPERS and error.__cause__ is not None:
        deciding = error.__cause__
    names = _names(deciding)
    kind, hint = next((TABLE[name] for name in names if name in TABLE), TABLE["builtins.Exception"])
    message = f"cirq: {type(error).__name__}: {str(error) or 'no message'}"
    if kind is UnavailableError:
        return UnavailableError(message, provider=provider, hint=hint, doubtful=NOT_TAKEN.isdisjoint(names))
    return kind(message, provider=provider, hint=hint)


def _names(error: BaseException) -> list[str]:
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
