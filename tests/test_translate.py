"""Translate: the kind of every error, its cause, and no secrets."""

from __future__ import annotations

import pytest

from qadapt import AccessError, JobFailedError, MissingExtraError, ProviderError, TargetError, UnavailableError
from qadapt.redact import conceal
from qadapt.translate import translated

KINDS = {"OSError": UnavailableError, "PermissionError": AccessError, "_NoSuchJobError": JobFailedError}


class _NoSuchJobError(LookupError):
    """One of a vendor's."""


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (_NoSuchJobError("7"), JobFailedError),
        (PermissionError("no"), AccessError),  # nearer than OSError, which it is as well
        (ConnectionResetError("gone"), UnavailableError),
        (ValueError("bad"), ProviderError),
    ],
)
def test_the_nearest_class_decides(raised: Exception, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught, translated("acme", KINDS, job_id="j1"):
        raise raised
    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised
    assert (caught.value.provider, caught.value.job_id) == ("acme", "j1")
    assert str(caught.value).startswith(f"acme: {type(raised).__name__}: ")


def test_errors_of_our_own_pass_as_they_are() -> None:
    ours = TargetError("no such target")
    with pytest.raises(TargetError) as caught, translated("acme", KINDS):
        raise ours
    assert caught.value is ours


def test_what_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(MissingExtraError, match="acme: no module") as caught, translated("acme", {}, install="pip x"):
        raise ModuleNotFoundError("no module named acme_sdk")
    assert caught.value.hint == "pip x"


def test_a_secret_does_not_leave() -> None:
    conceal("key-of-translate-0123")
    with pytest.raises(ProviderError) as caught, translated("acme", KINDS):
        raise RuntimeError("denied for key-of-translate-0123")
    assert "key-of-translate" not in str(caught.value)
    assert "key-of-translate" not in str(caught.value.__cause__)


def test_what_ends_the_process_is_no_error() -> None:
    with pytest.raises(KeyboardInterrupt), translated("acme", KINDS):
        raise KeyboardInterrupt
