"""Every exception class that Cirq defines has an entry of its own."""

from __future__ import annotations

import importlib
import pkgutil

import cirq
import pytest
from cirq.linalg.transformations import EntangledStateError

from provider_cases import subclasses
from qadapt.errors import AccessError, JobFailedError, ProviderError
from qadapt_cirq.errors import TABLE, translate


def own_exceptions():
    """Exception classes defined anywhere in Cirq, its tests and optional parts left out."""
    for module in pkgutil.walk_packages(cirq.__path__, "cirq.", onerror=lambda name: None):
        if not module.name.endswith(("_test", "conftest")) and ".contrib" not in module.name:
            importlib.import_module(module.name)
    return {kind for kind in subclasses(Exception) if kind.__module__.split(".")[0] == "cirq"}


def test_every_exception_of_cirq_is_mapped():
    found = {f"{kind.__module__}.{kind.__qualname__}" for kind in own_exceptions()}
    assert "cirq.linalg.transformations.EntangledStateError" in found
    assert found - set(TABLE) == set()


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
