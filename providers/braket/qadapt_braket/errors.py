"""Amazon Braket's exceptions in qadapt's tree: those of the SDK, of its AWS client, and the service's error codes.

The local simulators either compute or do not, so theirs are failed jobs and none is worth a retry. Error codes are
those of the service model of Braket, of S3, where it keeps results, and those common to all AWS services.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeAlias

from qadapt.errors import AccessError, JobFailedError, ProviderError, QadaptError, UnavailableError
from qadapt.redact import scrub

Meaning: TypeAlias = tuple[type[ProviderError], str]

_BUG = "qadapt should have refused this before; please report it with the circuit"
_CREDENTIALS = "check the AWS credentials and region of this environment"
_FAILED: Meaning = (JobFailedError, "")
_DENIED: Meaning = (AccessError, _CREDENTIALS)
_LATER: Meaning = (UnavailableError, "")
_FOREIGN: Meaning = (UnavailableError, "the answer is not that of the service")
_NO_SUCH_JOB = ("ResourceNotFoundException", "ValidationException")

_CREDENTIAL_ERRORS = (
    "CredentialRetrievalError",
    "LoginError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "NoRegionError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "RefreshWithMFAUnsupportedError",
    "SSOError",
    "TokenRetrievalError",
    "UnknownCredentialError",
)
_CONNECTION_ERRORS = (
    "CapacityNotAvailableError",
    "ConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
    "ResponseStreamingError",
)

TABLE: Mapping[str, Meaning] = MappingProxyType(
    {
        "braket.ahs.discretization_types.DiscretizationError": _FAILED,
        "braket.default_simulator.openqasm.parser.openqasm_parser.QASM3ParsingError": (JobFailedError, _BUG),
        "braket.default_simulator.openqasm.program_context._BreakSignal": (JobFailedError, _BUG),
        "braket.default_simulator.openqasm.program_context._ContinueSignal": (JobFailedError, _BUG),
        "braket.emulation.pass_manager.EmulatorValidationError": _FAILED,
        "braket.experimental_capabilities.experimental_capability_context.ExperimentalCapabilityContextError": _FAILED,
        "braket.jobs.metrics_data.exceptions.MetricsRetrievalError": _FAILED,
        **{f"botocore.exceptions.{name}": _DENIED for name in _CREDENTIAL_ERRORS},
        **{f"botocore.exceptions.{name}": _LATER for name in _CONNECTION_ERRORS},
        "botocore.exceptions.BotoCoreError": _FAILED,
        "botocore.exceptions.ClientError": _FAILED,
        "botocore.exceptions.UndefinedModelAttributeError": _FAILED,
        "botocore.parsers.ResponseParserError": _FOREIGN,
        "builtins.MemoryError": (JobFailedError, "entangle fewer qubits"),
        "builtins.NameError": (JobFailedError, _BUG),
        "builtins.TypeError": (JobFailedError, _BUG),
        "builtins.ValueError": (JobFailedError, _BUG),
        "builtins.Exception": _FAILED,
    }
)
"""Our error and what to do, by the full name of the vendor's exception class."""

CODES: Mapping[str, Meaning] = MappingProxyType(
    {
        "AccessDeniedException": _DENIED,
        "ConflictException": _FAILED,
        "DeviceOfflineException": (UnavailableError, "the device is offline now"),
        "DeviceRetiredException": (JobFailedError, "the device is retired; choose another"),
        "InternalServiceException": _LATER,
        "ResourceNotFoundException": _FAILED,
        "ServiceQuotaExceededException": (AccessError, "the account's quota is used up"),
        "ThrottlingException": _LATER,
        "ValidationException": (JobFailedError, _BUG),
        # S3 answers so for some moments after a task has completed.
        "NoSuchKey": (UnavailableError, "the result is not there yet"),
        "NoSuchBucket": (AccessError, "create the bucket for results, or name another"),
        "AccessDenied": _DENIED,
        "ExpiredToken": _DENIED,
        "ExpiredTokenException": _DENIED,
        "InvalidAccessKeyId": _DENIED,
        "InvalidClientTokenId": _DENIED,
        "InvalidSignatureException": _DENIED,
        "InvalidToken": _DENIED,
        "SignatureDoesNotMatch": _DENIED,
        "UnrecognizedClientException": _DENIED,
        "RequestTimeout": _LATER,
        "SlowDown": _LATER,
    }
)
"""Our error and what to do, by the code of a ClientError."""


@contextmanager
def vendor(provider: str, job_id: str | None = None) -> Iterator[None]:
    """Let only errors of our tree out of a call of the service, the vendor's exception as their cause."""
    try:
        yield
    except QadaptError as error:
        if isinstance(error, ProviderError):
            error.job_id = error.job_id or job_id
        raise
    except KeyError as error:
        # Of an answer that is not JSON, as a proxy's page, botocore reads nothing, and the SDK misses a key.
        message = f"braket: an answer without {error}"
        raise UnavailableError(message, provider=provider, job_id=job_id) from error
    except Exception as error:
        scrub(error)
        raise translate(error, provider=provider, job_id=job_id) from error


@contextmanager
def looking(provider: str, job_id: str | None = None) -> Iterator[None]:
    """As ``vendor``, for calls that change nothing: what the service does not say now, it may say later.

    Raises:
        JobFailedError: The service does not know the job.
    """
    try:
        with vendor(provider, job_id):
            yield
    except JobFailedError as error:
        if code_of(error.__cause__) in _NO_SUCH_JOB:
            raise
        said = UnavailableError(str(error.args[0]), provider=provider, job_id=job_id)
        raise said from error.__cause__


def code_of(error: BaseException | None) -> str:
    """Code of a ClientError; empty for every other exception."""
    response = getattr(error, "response", None)
    found = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return str(found)


def translate(error: Exception, *, provider: str, job_id: str | None = None) -> ProviderError:
    """Put a vendor's exception into our tree: the entry nearest in its order of inheritance counts.

    A ClientError is told by its code, one with an unknown code by its HTTP status. An error that is already ours stays
    as it is.
    """
    if isinstance(error, ProviderError):
        return error
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    kind, hint = next(TABLE[name] for name in names if name in TABLE)
    if "botocore.exceptions.ClientError" in names:
        kind, hint = _client_meaning(getattr(error, "response", {}))
    message = f"braket: {type(error).__name__}: {str(error) or 'no message'}"
    return kind(message, provider=provider, job_id=job_id, hint=hint)


def _client_meaning(response: Mapping[str, Any]) -> Meaning:
    code = response.get("Error", {}).get("Code", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in CODES:
        return CODES[code]
    if status == 429 or status >= 500:
        return _LATER
    if status in (401, 403):
        return _DENIED
    # botocore takes the status for the code of an answer that has none: a proxy's page.
    return _FOREIGN if str(code) == str(status) else _FAILED
