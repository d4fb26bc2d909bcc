"""Every exception class of Braket and its AWS client, and every error code of the service, has an entry."""

from __future__ import annotations

import importlib
import pkgutil

import botocore.exceptions
import botocore.session
import braket
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from provider_cases import subclasses
from qadapt.errors import AccessError, JobFailedError, ProviderError, UnavailableError
from qadapt_braket.errors import CODES, TABLE, translate


def test_every_exception_of_braket_is_mapped():
    for module in pkgutil.walk_packages(braket.__path__, "braket."):
        importlib.import_module(module.name)
    found = {f"{kind.__module__}.{kind.__qualname__}" for kind in subclasses(Exception)}
    own = {name for name in found if name.startswith("braket.")}
    assert "braket.default_simulator.openqasm.parser.openqasm_parser.QASM3ParsingError" in own
    assert own - set(TABLE) == set()


def test_every_exception_of_the_client_is_mapped():
    defined = [kind for kind in vars(botocore.exceptions).values() if isinstance(kind, type)]
    own = [kind for kind in defined if kind.__module__ == "botocore.exceptions" and not issubclass(kind, Warning)]
    assert len(own) > 50
    for kind in own:
        names = {f"{parent.__module__}.{parent.__qualname__}" for parent in kind.__mro__}
        assert {name for name in names & set(TABLE) if name.startswith("botocore.")}, kind


def test_every_error_code_of_the_service_is_mapped():
    codes = {shape.name for shape in botocore.session.get_session().get_service_model("braket").error_shapes}
    assert "DeviceOfflineException" in codes
    assert codes - set(CODES) == set()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("a"), JobFailedError),
        (OSError("b"), JobFailedError),
        (NoCredentialsError(), AccessError),
        (EndpointConnectionError(endpoint_url="http://localhost"), UnavailableError),
        (ReadTimeoutError(endpoint_url="http://localhost"), UnavailableError),
    ],
)
def test_translation_names_the_vendor_and_its_exception(error, kind):
    ours = translate(error, provider="braket:local")
    assert type(ours) is kind
    assert ours.provider == "braket:local"
    assert type(error).__name__ in str(ours)
    assert str(error) in str(ours)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDeniedException", 403, AccessError),
        ("ServiceQuotaExceededException", 402, AccessError),
        ("DeviceOfflineException", 424, UnavailableError),
        ("DeviceRetiredException", 410, JobFailedError),
        ("ThrottlingException", 429, UnavailableError),
        ("ValidationException", 400, JobFailedError),
        ("NoSuchKey", 404, UnavailableError),
        ("NewCode", 400, JobFailedError),
        ("NewCode", 403, AccessError),
        ("NewCode", 429, UnavailableError),
        ("NewCode", 503, UnavailableError),
        ("NewCode", None, JobFailedError),
    ],
)
def test_client_errors_are_told_by_code_then_by_status(code, status, kind):
    answer = {"Error": {"Code": code, "Message": "said"}, "ResponseMetadata": {"HTTPStatusCode": status or 0}}
    ours = translate(ClientError(answer, "CreateQuantumTask"), provider="braket:aws")
    assert type(ours) is kind
    assert code in str(ours)


def test_our_own_errors_pass():
    ours = AccessError("no", provider="p")
    assert translate(ours, provider="q") is ours


def test_entries_are_errors_of_ours():
    assert all(issubclass(kind, ProviderError) for table in (TABLE, CODES) for kind, _ in table.values())
