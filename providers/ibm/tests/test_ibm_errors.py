"""Every exception of the client and of Aer has its place in our tree."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterator

import pytest
import qiskit_aer
import qiskit_ibm_runtime
from ibm_cloud_sdk_core import ApiException
from qiskit.exceptions import QiskitError
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime import exceptions as runtime
from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError
from qiskit_ibm_runtime.api.exceptions import RequestsApiError

from qadapt.errors import (
    AccessError,
    BadResultError,
    BindingsError,
    JobFailedError,
    ProviderError,
    UnavailableError,
)
from qadapt.redact import conceal
from qadapt_ibm.errors import table, translate, vendor


def below(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


def test_every_exception_of_the_vendors_is_mapped() -> None:
    for module in ("executor_sampler", "fake_provider", "transpiler", "accounts", "models"):
        importlib.import_module(f"{qiskit_ibm_runtime.__name__}.{module}")
    vendors = {"qiskit_ibm_runtime", "qiskit_aer"}
    found = {kind for kind in below(Exception) if kind.__module__.split(".")[0] in vendors}
    named = {kind for kind in vars(runtime).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert {qiskit_aer.AerError, AccountNotFoundError, RequestsApiError} <= found
    missing = sorted(kind.__name__ for kind in (found | named | {QiskitError}) - set(table()))
    assert not missing, f"say in qadapt_ibm.errors.table what these mean: {missing}"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (runtime.IBMNotAuthorizedError("x"), AccessError),
        (AccountNotFoundError("x"), AccessError),
        (runtime.IBMApiError("x"), UnavailableError),
        (QiskitBackendNotFoundError("x"), UnavailableError),
        (runtime.RuntimeJobFailureError("x"), JobFailedError),
        (runtime.RuntimeJobMaxTimeoutError("x"), JobFailedError),
        (runtime.RuntimeJobNotFound("x"), JobFailedError),
        (runtime.IBMBackendApiProtocolError("x"), BadResultError),
        (runtime.IBMRuntimeError("x"), ProviderError),
        (qiskit_aer.AerError("x"), JobFailedError),
        (RequestsApiError("x"), UnavailableError),
        (RequestsApiError("x", 401), AccessError),
        (RequestsApiError("x", 403), AccessError),
        (RequestsApiError("x", 404), JobFailedError),
        (RequestsApiError("x", 400), JobFailedError),
        (RequestsApiError("x", 429), UnavailableError),
        (RequestsApiError("x", 503), UnavailableError),
        (ZeroDivisionError("x"), JobFailedError),
        (ApiException(400, message="no such key"), AccessError),
        (ApiException(403, message="x"), AccessError),
        (ApiException(500, message="x"), UnavailableError),
        (ApiException(429, message="x"), UnavailableError),
    ],
)
def test_the_most_specific_entry_wins(error: Exception, kind: type[ProviderError]) -> None:
    ours = translate(error, provider="ibm:x", job_id="j")
    assert type(ours) is kind
    assert (ours.provider, ours.job_id) == ("ibm:x", "j")
    assert type(error).__name__ in str(ours)
    assert bool(ours.hint) == (kind is AccessError or isinstance(error, runtime.RuntimeJobMaxTimeoutError))


@pytest.mark.parametrize(("status", "kind"), [(403, AccessError), (503, UnavailableError), (400, JobFailedError)])
def test_the_status_counts_through_wrappers_that_hide_their_cause(status: int, kind: type[ProviderError]) -> None:
    """The client raises IBMRuntimeError ``from None`` where a request failed."""

    def client() -> None:
        try:
            raise RequestsApiError("refused", status)
        except RequestsApiError as error:
            raise runtime.IBMRuntimeError(f"Failed to run program: {error}") from None

    with pytest.raises(ProviderError) as caught, vendor("ibm:x"):
        client()
    assert type(caught.value) is kind
    assert isinstance(caught.value.__cause__, runtime.IBMRuntimeError)


def test_our_own_errors_pass_as_they_are() -> None:
    ours = BindingsError("x")
    with pytest.raises(BindingsError) as caught, vendor("ibm:x"):
        raise ours
    assert caught.value is ours
    failed = JobFailedError("x", provider="p")
    assert translate(failed, provider="ibm:x") is failed


def test_what_is_no_vendors_exception_is_what_the_verb_says() -> None:
    for kind in (JobFailedError, UnavailableError):
        with pytest.raises(kind) as caught, vendor("ibm:x", "j", kind):
            raise KeyError("state")
        assert type(caught.value) is kind
        assert isinstance(caught.value.__cause__, KeyError)


def test_our_error_counts_through_the_clients_wrapper() -> None:
    wrapper = runtime.IBMRuntimeError("Failed to run program")
    wrapper.__cause__ = AccessError("IAM refuses the key", provider="ibm")
    assert type(translate(wrapper, provider="ibm:x")) is AccessError


def test_secrets_are_taken_out_of_the_whole_chain() -> None:
    secret = "-".join(("secret", "of", "this", "test"))  # not in a line of source that a traceback shows
    conceal(secret)
    error = RequestsApiError(f"got {secret}", 500)
    error.__cause__ = ValueError(f"sent {secret}")
    with pytest.raises(UnavailableError) as caught, vendor("ibm:x"):
        raise error
    assert secret not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is error
    assert secret not in error.message
