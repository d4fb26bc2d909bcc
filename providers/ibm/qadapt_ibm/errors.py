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

NO_STATUS = -1
"""What the client reports where there was no answer, or an answer of 503."""

_TOKEN = "set QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE, or save an account with QiskitRuntimeService.save_account"


@cache
def table() -> Mapping[type[Exception], type[ProviderError]]:
    """Our class for each vendor exception; the entry nearest in the order of inheritance counts."""
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


def kind_of(error: BaseException) -> type[ProviderError]:
    """Our class for an exception: by the HTTP status or the lost connection in its chain, else by its type."""
    from requests import ConnectionError as RequestsConnectionError
    from requests import Timeout

    status = next((code for code in map(_status, _chain(error)) if code is not None), None)
    if status is not None:
        return _by_status(status)
    if any(isinstance(cause, ConnectionError | RequestsConnectionError | Timeout) for cause in _chain(error)):
        return UnavailableError
    return next((table()[kind] for kind in type(error).__mro__ if kind in table()), JobFailedError)


def translate(error: Exception, *, provider: str, job_id: str | None = None) -> ProviderError:
    """Put a vendor's exception into our tree; an error that is already ours stays as it is."""
    if isinstance(error, ProviderError):
        return error
    kind = kind_of(error)
    said = f"{type(error).__name__}: {getattr(error, 'message', None) or str(error) or 'no message'}"
    return kind(said, provider=provider, job_id=job_id, hint=_TOKEN if kind is AccessError else "")


@contextmanager
def vendor(provider: str, job_id: str | None = None) -> Iterator[None]:
    """Raise what goes wrong inside as an error of our tree, the vendor's exception as its cause."""
    try:
        yield
    except QadaptError:
        raise
    except Exception as error:
        raise translate(error, provider=provider, job_id=job_id) from error


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
