"""Settings: what the environment says, and what becomes of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from qadapt.errors import ProviderError
from qadapt.isolate.settings import DEFAULTS, SHARE, Settings, variable, wanted


@pytest.mark.parametrize(
    ("provider", "name"), [("ibm", "QADAPT_IBM_PYTHON"), ("my-lab", "QADAPT_MY_LAB_PYTHON"), ("a1", "QADAPT_A1_PYTHON")]
)
def test_variables_are_named_after_the_provider(provider: str, name: str) -> None:
    assert variable(provider, "PYTHON") == name


def test_nothing_said_means_this_interpreter_and_most_of_the_memory() -> None:
    settings = Settings.of("acme")
    assert settings.python is None
    assert settings.command[0] == sys.executable
    if hasattr(os, "sysconf"):
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        assert settings.memory == pytest.approx(SHARE * physical, abs=2)


@pytest.mark.parametrize(("text", "size"), [("100", 100 << 20), ("0.5", 1 << 19), ("0", 0)])
def test_memory_is_in_mebibytes(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    monkeypatch.setenv("QADAPT_ACME_MEMORY_MB", text)
    assert Settings.of("acme").memory == size
    assert Settings.of("acme").command[-2:] == ["acme", str(size)]


@pytest.mark.parametrize("text", ["lots", "-1", "nan", "inf", "1e400"])
def test_memory_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("QADAPT_ACME_MEMORY_MB", text)
    with pytest.raises(ProviderError, match=f"QADAPT_ACME_MEMORY_MB is '{text}', expected a number of MiB"):
        Settings.of("acme")


def test_another_interpreter_gets_no_paths_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/here")
    monkeypatch.setenv("PYTHONHOME", "/there")
    assert Settings.of("acme").environment["PYTHONPATH"] == "/here"
    monkeypatch.setenv("QADAPT_ACME_PYTHON", "~/env/bin/python")
    other = Settings.of("acme")
    assert other.command[0] == str(Path.home() / "env/bin/python")
    assert {"PYTHONPATH", "PYTHONHOME"}.isdisjoint(other.environment)
    assert os.environ["PYTHONPATH"] == "/here"


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("said", [None, "", "of the user"])
def test_defaults_hold_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str | None
) -> None:
    if said is None:
        monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv(name, said)
    assert Settings.of("acme").environment[name] == (said or DEFAULTS[name])


def test_a_worker_has_one_openmp_thread_and_a_larger_store_of_small_pieces() -> None:
    assert DEFAULTS == {"OMP_NUM_THREADS": "1", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=1024"}


@pytest.mark.parametrize(("said", "want"), [("1", True), ("0", False), ("", None)])
def test_isolation_is_asked_for_by_a_digit(monkeypatch: pytest.MonkeyPatch, said: str, want: bool | None) -> None:
    assert wanted("acme") is None
    monkeypatch.setenv("QADAPT_ACME_ISOLATE", said)
    assert wanted("acme") is want
    monkeypatch.setenv("QADAPT_ACME_PYTHON", "/env/bin/python")
    assert wanted("acme") is True


def test_anything_but_a_digit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QADAPT_ACME_ISOLATE", "yes")
    with pytest.raises(ProviderError, match="QADAPT_ACME_ISOLATE is 'yes', expected 0 or 1"):
        wanted("acme")
