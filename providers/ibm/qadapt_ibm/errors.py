"""IBM's and Aer's exceptions in qadapt's tree.

The client wraps what the network said, often more than once and with the cause hidden, so the HTTP status is looked for
along the whole chain of an exception before its type counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType

from qadapt.errors import (
    AccessError,
    BadResultError,
    JobFailedError,
    ProviderError,
    QadaptError,
    UnavailableError,
)
from qadapt.redact import scrub

NO_STATUS = -1
"""What the client reports where there was no answer, or an answer of 503."""

_SLOWER = "the job took longer than max_execution_time or the service allow; submit fewer rows or raise the limit"
_TOKEN = "set QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE, or save an account with QiskitRuntimeService.save_account"


@cache
def table() -> Mapping[type[Exception], type[ProviderError]]:
    """Our class for each vendor exception; the entry nearest in the order of inheritance counts."""
    from ibm_cloud_sdk_core import ApiException
    from qiskit.exceptions import QiskitError
    from qiskit.providers.exceptions import (
        JobError,
        JobTimeoutError,
        QiskitBackendNotFoundError,
    )
    from qiskit_aer import AerError
    from qiskit_aer.noise.noiseerror import NoiseError
    from qiskit_ibm_runtime import exceptions as runtime
    from qiskit_ibm_runtime.accounts import exceptions as accounts
    from qiskit_ibm_runtime.api import exceptions as api
    from qiskit_ibm_runtime.models.exceptions import (
        BackendConfigurationError,
        BackendPropertyError,
    )
    from requests import RequestException

    return MappingProxyType(
        {
            QiskitError: JobFailedError,
            AerError: JobFailedError,
            NoiseError: JobFailedError,
            JobError: JobFailedError,
            JobTimeoutError: UnavailableError,
            QiskitBackendNotFoundError: UnavailableError,
            RequestException: UnavailableError,
            ApiException: AccessError,
            BackendConfigurationError: BadResultError,
            BackendPropertyError: BadResultError,
            runtime.IBMError: ProviderError,
            runtime.IBMAccountError: AccessError,
            runtime.IBMBackendError: UnavailableError,
            runtime.IBMBackendApiProtocolError: BadResultError,
            runtime.IBMBackendValueError: ProviderError,
            runtime.IBMBackendApiError: UnavailableError,
            # Works are checked before the client sees them, so what it refuses is the account or the instance.
            runtime.IBMInputValueError: AccessError,
            runtime.IBMNotAuthorizedError: AccessError,
            runtime.IBMApiError: UnavailableError,
            runtime.IBMRuntimeError: ProviderError,
            runtime.RuntimeProgramNotFound: AccessError,
            runtime.RuntimeJobFailureError: JobFailedError,
            runtime.RuntimeJobNotFound: JobFailedError,
            runtime.RuntimeInvalidStateError: JobFailedError,
            runtime.RuntimeJobTimeoutError: UnavailableError,
            runtime.RuntimeJobMaxTimeoutError: JobFailedError,
            accounts.AccountsError: AccessError,
            accounts.InvalidAccountError: AccessError,
            accounts.AccountNotFoundError: AccessError,
            accounts.AccountAlreadyExistsError: AccessError,
            accounts.CloudResourceNameResolutionError: AccessError,
            api.ApiError: UnavailableError,
            api.RequestsApiError: UnavailableError,
            api.AuthenticationLicenseError: AccessError,
            api.ApiIBMProtocolError: BadResultError,
            api.UserTimeoutExceededError: UnavailableError,
        }
    )


def kind_of(error: BaseException, otherwise: type[ProviderError] = JobFailedError) -> type[ProviderError]:
    """Our class for an exception: by the HTTP status or the lost connection in its chain, else by its type.

    Args:
        error: The exception.
        otherwise: Our class for an exception that is none of the vendors'.
    """
    from ibm_cloud_sdk_core import ApiException
    from requests import ConnectionError as RequestsConnectionError
    from requests import Timeout

    chain = list(_chain(error))
    ours = next((cause for cause in chain if isinstance(cause, ProviderError)), None)
    if ours is not None:
        return type(ours)
    for cause in chain:
        status = _status(cause)
        if status is not None:
            # IAM answers 400 to a key that it does not know.
            return AccessError if isinstance(cause, ApiException) and status in (400, 404) else _by_status(status)
    if any(isinstance(cause, ConnectionError | RequestsConnectionError | Timeout) for cause in chain):
        return UnavailableError
    return next((table()[kind] for kind in type(error).__mro__ if kind in table()), otherwise)


def translate(
    error: Exception, *, provider: str, job_id: str | None = None, otherwise: type[ProviderError] = JobFailedError
) -> ProviderError:
    """Put a vendor's exception into our tree, without secrets in it; an error that is already ours stays as it is."""
    from qiskit_ibm_runtime.exceptions import RuntimeJobMaxTimeoutError

    if isinstance(error, ProviderError):
        return error
    for cause in _chain(error):
        scrub(cause)
    kind = kind_of(error, otherwise)
    said = f"{type(error).__name__}: {getattr(error, 'message', None) or str(error) or 'no message'}"
    hint = _TOKEN if kind is AccessError else _SLOWER if isinstance(error, RuntimeJobMaxTimeoutError) else ""
    return kind(said, provider=provider, job_id=job_id, hint=hint)


@contextmanager
def vendor(provider: str, job_id: str | None = None, otherwise: type[ProviderError] = JobFailedError) -> Iterator[None]:
    """Raise what goes wrong inside as an error of our tree, the vendor's exception as its cause."""
    try:
        yield
    except QadaptError:
        raise
    except Exception as error:
        raise translate(error, provider=provider, job_id=job_id, otherwise=otherwise) from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and everything it came from, also what ``from None`` hides."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    """HTTP status that an exception of the client, or of IBM's SDK below it, carries."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _by_status(status: int) -> type[ProviderError]:
    if status in (401, 402, 403):
        return AccessError
    if status == NO_STATUS or status in (408, 425, 429) or status >= 500:
        return UnavailableError
    return JobFailedError
