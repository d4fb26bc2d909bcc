"""Every exception of Cirq and cirq-google has an entry of its own, and every one of the Google clients some entry."""

from __future__ import annotations

import importlib
import pkgutil

import cirq
import cirq_google
import grpc
import pytest
from cirq.linalg.transformations import EntangledStateError
from cirq_google.engine.engine_client import EngineException
from cirq_google.engine.stream_manager import StreamError
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from provider_cases import subclasses
from qadapt import redact
from qadapt.errors import AccessError, JobFailedError, ProviderError, UnavailableError
from qadapt_cirq.errors import NOT_TAKEN, TABLE, translate

BASES = ("google.api_core.exceptions.GoogleAPIError", "google.auth.exceptions.GoogleAuthError", "grpc.RpcError")


def own_exceptions():
    """Exception classes defined anywhere in Cirq and cirq-google, their tests and optional parts left out."""
    for package in (cirq, cirq_google):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda name: None):
            parts = module.name.split(".")
            if not module.name.endswith(("_test", "conftest")) and not {"contrib", "cloud"} & set(parts):
                importlib.import_module(module.name)
    return {kind for kind in subclasses(Exception) if kind.__module__.split(".")[0] in ("cirq", "cirq_google")}


def full(kind):
    """Name of a class with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def test_every_exception_of_cirq_is_mapped():
    found = {full(kind) for kind in own_exceptions()}
    assert "cirq.linalg.transformations.EntangledStateError" in found
    assert "cirq_google.engine.engine_client.EngineException" in found
    assert found - set(TABLE) == set()


def test_every_exception_of_the_google_clients_has_a_mapped_base():
    for base in (api.GoogleAPIError, auth.GoogleAuthError, grpc.RpcError):
        assert full(base) in BASES
        for kind in (base, *subclasses(base)):
            names = [full(each) for each in kind.__mro__]
            assert next(name for name in names if name in TABLE) != "builtins.Exception"


def test_names_are_those_of_classes():
    for name in {*TABLE, *NOT_TAKEN}:
        module, _, attribute = name.rpartition(".")
        if not module.startswith("cirq.contrib"):
            assert issubclass(getattr(importlib.import_module(module), attribute), Exception)


@pytest.mark.parametrize("error", [EntangledStateError("x"), ValueError("y"), ZeroDivisionError(), OSError("z")])
def test_translation_names_the_vendor_and_its_exception(error):
    ours = translate(error, provider="cirq:simulator")
    assert type(ours) is JobFailedError
    assert ours.provider == "cirq:simulator"
    assert type(error).__name__ in str(ours)
    assert (str(error) or "no message") in str(ours)


def test_our_own_errors_pass():
    ours = AccessError("no", provider="p")
    assert translate(ours, provider="q") is ours


def test_entries_are_errors_of_ours():
    assert all(issubclass(kind, ProviderError) for kind, _ in TABLE.values())


def caused(outer, inner):
    """An exception that was raised from another one, as the engine's client does."""
    try:
        raise outer from inner
    except Exception as error:
        return error


@pytest.mark.parametrize(
    ("error", "kind", "doubtful"),
    [
        (api.PermissionDenied("no"), AccessError, None),
        (api.Unauthenticated("no"), AccessError, None),
        (auth.DefaultCredentialsError("no"), AccessError, None),
        (auth.RefreshError("no"), AccessError, None),
        (auth.TransportError("no way"), UnavailableError, False),
        (api.ResourceExhausted("slow down"), UnavailableError, False),
        (api.ServiceUnavailable("down"), UnavailableError, True),
        (api.InternalServerError("oops"), UnavailableError, True),
        (api.DeadlineExceeded("late"), UnavailableError, True),
        (api.RetryError("late", None), UnavailableError, True),
        (api.InvalidArgument("what"), JobFailedError, None),
        (api.NotFound("where"), JobFailedError, None),
        (StreamError("broken"), JobFailedError, None),
        (EngineException("alone"), JobFailedError, None),
        (caused(EngineException("wrapped"), api.PermissionDenied("no")), AccessError, None),
        (caused(EngineException("wrapped"), api.InvalidArgument("what")), JobFailedError, None),
        (caused(TimeoutError("Reached max retry attempts"), api.ServiceUnavailable("x")), UnavailableError, True),
        (caused(ValueError("other"), api.ServiceUnavailable("x")), JobFailedError, None),
        (grpc.RpcError("stream"), UnavailableError, True),
        (ConnectionResetError("gone"), UnavailableError, True),
        (ConnectionRefusedError("shut"), UnavailableError, False),
        (TimeoutError("late"), UnavailableError, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_exceptions_of_a_service(error, kind, doubtful):
    ours = translate(error, provider="cirq:sampler")
    assert type(ours) is kind
    assert getattr(ours, "doubtful", None) == doubtful
    assert str(error) in str(ours)


def test_secrets_are_masked():
    redact.conceal("ya29.very-secret-token")
    error = api.PermissionDenied("bad token ya29.very-secret-token")
    ours = translate(error, provider="p")
    assert "very-secret" not in f"{ours} {ours!r} {error} {error!r} {error.message}"
