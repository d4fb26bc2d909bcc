"""The registry: lazy, and an answer that helps for everything that can be wrong."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from qadapt import entries as entries_
from qadapt import redact, registry
from qadapt.deadline import at_most, remaining
from qadapt.errors import AccessError, MissingExtraError, ProviderError, TargetError, UnavailableError
from qadapt.isolate import IsolatedProvider
from qadapt.provider import Requirements, Requiring

SOURCE = """
from qadapt.errors import AccessError, TargetError

made = 0

class Acme:
    name = "acme"
    def __init__(self):
        global made
        made += 1
    def targets(self):
        return {}
    def open(self, target):
        if target != "chip":
            raise TargetError(f"acme has no target {target!r}")
        return f"opened {target}"

class Locked:
    def __init__(self):
        raise AccessError("no token", provider="locked")

class Broken:
    def __init__(self):
        raise RuntimeError("segment of doom")

class Apart(Acme):
    isolated = True
    def requirements(self):
        from qadapt.provider import Requirements
        return Requirements(modules=("acme_sdk",), secrets=("ACME_TOKEN",))

class Truthy(Acme):
    isolated = "by no means"

class Needy:
    def __init__(self):
        import acme_sdk_that_is_not_there
"""


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Install entry points that lead into a module of their own."""
    (tmp_path / "qadapt_acme_for_tests.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)

    def entries(**names: str) -> None:
        found = [EntryPoint(name, value, registry.GROUP) for name, value in names.items()]
        monkeypatch.setattr(entries_, "entry_points", lambda group: [entry for entry in found if entry.group == group])

    registry.provider.cache_clear()
    yield entries
    registry.provider.cache_clear()
    sys.modules.pop("qadapt_acme_for_tests", None)


def test_providers_are_listed_by_name_without_being_imported(install: Callable[..., None]) -> None:
    install(zeta="qadapt_acme_for_tests:Acme", acme="qadapt_acme_for_tests:Acme")
    assert list(registry.installed()) == ["acme", "zeta"]
    assert "qadapt_acme_for_tests" not in sys.modules


def test_a_backend_is_opened_by_its_full_name_and_its_provider_made_once(install: Callable[..., None]) -> None:
    install(acme="qadapt_acme_for_tests:Acme")
    assert registry.backend("acme:chip") == registry.backend("acme:chip") == "opened chip"  # type: ignore[comparison-overlap]
    assert registry.provider("acme") is registry.provider("acme")
    assert sys.modules["qadapt_acme_for_tests"].made == 1
    with pytest.raises(TargetError, match="no target 'a/b:c'"):
        registry.backend("acme:a/b:c")


class Hung:
    """A provider that hangs while it is made or while it opens a target, until it is let go."""

    def __init__(self, *, made: bool) -> None:
        self.go, self.made, self.left = threading.Event(), made, 0.0

    def __call__(self) -> Hung:
        self.left = remaining(1e9)
        if not self.made:
            self.go.wait(30)
        return self

    def open(self, target: str) -> str:
        if target == "busy":
            raise UnavailableError("busy", provider="acme")
        self.go.wait(30)
        return target


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], Hung]]:
    made: list[Hung] = []

    def make(ready: bool) -> Hung:
        made.append(Hung(made=ready))
        monkeypatch.setattr(registry, "provider", lambda _: made[-1]())
        return made[-1]

    yield make
    for each in made:
        each.go.set()


@pytest.mark.parametrize("made", [True, False])
def test_a_vendor_that_hangs_while_it_is_opened_is_left_behind(
    hung: Callable[[bool], Hung], monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    hung(made)
    monkeypatch.setattr(registry, "OPENING", 0.05)
    start = time.monotonic()
    with pytest.raises(UnavailableError, match=r"^opening acme:chip did not end within 0\.05 s$") as caught:
        registry.backend("acme:chip")
    assert time.monotonic() - start < 10
    assert caught.value.provider == "acme"
    assert not caught.value.doubtful


def test_opening_has_its_time_or_what_an_earlier_deadline_leaves(hung: Callable[[bool], Hung]) -> None:
    provider = hung(True)
    provider.go.set()
    assert registry.backend("acme:chip") == "chip"  # type: ignore[comparison-overlap]
    assert 170 < provider.left <= registry.OPENING == 180
    provider.go.clear()
    start = time.monotonic()
    with at_most(0.05), pytest.raises(UnavailableError, match=r"opening acme:chip did not end within 0\.0"):
        registry.backend("acme:chip")
    assert time.monotonic() - start < 10
    assert provider.left <= 0.05


def test_a_vendor_that_cannot_be_reached_has_taken_nothing(hung: Callable[[bool], Hung]) -> None:
    hung(True)
    with pytest.raises(UnavailableError, match=r"^busy$") as caught:
        registry.backend("acme:busy")
    assert not caught.value.doubtful


@pytest.mark.parametrize("name", ["acme", "acme:", ":chip", "", ":"])
def test_a_name_without_its_parts_is_refused_with_the_form(name: str) -> None:
    with pytest.raises(TargetError, match="provider:target"):
        registry.backend(name)


def test_a_provider_that_is_not_installed(install: Callable[..., None]) -> None:
    install(acme="qadapt_acme_for_tests:Acme", zeta="qadapt_acme_for_tests:Acme")
    with pytest.raises(
        MissingExtraError, match=r"'ibn' .* installed are acme, zeta \(install the package of that provider\)"
    ):
        registry.backend("ibn:chip")


@pytest.mark.parametrize("value", ["qadapt_acme_for_tests:Needy", "qadapt_module_that_is_not_there:Acme"])
def test_a_provider_that_cannot_be_imported(install: Callable[..., None], value: str) -> None:
    install(acme=value)
    with pytest.raises(MissingExtraError, match=r"_not_there.*pip install qadapt-acme") as caught:
        registry.provider("acme")
    assert isinstance(caught.value.__cause__, ImportError)


@pytest.mark.parametrize(("attribute", "words"), [("Nobody", "AttributeError"), ("Broken", "segment of doom")])
def test_a_provider_that_cannot_be_made(install: Callable[..., None], attribute: str, words: str) -> None:
    install(acme=f"qadapt_acme_for_tests:{attribute}")
    with pytest.raises(ProviderError, match=words) as caught:
        registry.provider("acme")
    assert caught.value.provider == "acme"
    assert caught.value.__cause__ is not None


def test_our_own_errors_come_through_as_they_are(install: Callable[..., None]) -> None:
    install(locked="qadapt_acme_for_tests:Locked")
    with pytest.raises(AccessError, match="no token"):
        registry.provider("locked")


def test_a_provider_that_asks_for_it_is_isolated_unless_the_user_refuses(
    install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        acme="qadapt_acme_for_tests:Acme", apart="qadapt_acme_for_tests:Apart", truthy="qadapt_acme_for_tests:Truthy"
    )
    apart = registry.provider("apart")
    assert isinstance(apart, IsolatedProvider)
    assert apart.requirements().modules == ("acme_sdk",), "what it needs is known without a worker"
    assert not isinstance(registry.provider("acme"), IsolatedProvider)
    assert not isinstance(registry.provider("truthy"), IsolatedProvider)
    monkeypatch.setenv("QADAPT_APART_ISOLATE", "0")
    monkeypatch.setenv("QADAPT_ACME_ISOLATE", "1")
    registry.provider.cache_clear()
    assert not isinstance(registry.provider("apart"), IsolatedProvider)
    acme = registry.provider("acme")
    assert isinstance(acme, IsolatedProvider)
    assert isinstance(acme, Requiring)
    assert acme.requirements() == Requirements()


def test_a_setting_that_means_nothing_is_refused(install: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    install(acme="qadapt_acme_for_tests:Acme")
    monkeypatch.setenv("QADAPT_ACME_ISOLATE", "maybe")
    with pytest.raises(ProviderError, match="expected 0 or 1"):
        registry.provider("acme")


def test_with_an_interpreter_of_its_own_nothing_is_looked_for_here(
    install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(acme="qadapt_acme_for_tests:Broken")
    monkeypatch.setenv("QADAPT_ACME_PYTHON", "/env/bin/python")
    monkeypatch.setenv("QADAPT_ELSE_WHERE_PYTHON", "/env/bin/python")
    assert isinstance(registry.provider("acme"), IsolatedProvider)
    assert isinstance(registry.provider("else-where"), IsolatedProvider)


def test_providers_with_an_interpreter_of_their_own_are_known_by_name(
    install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(acme="qadapt_acme_for_tests:Acme", odd_one="qadapt_acme_for_tests:Acme", zeta="nobody:Zeta")
    for name in ("ODD_ONE", "ELSE_WHERE"):
        monkeypatch.setenv(f"QADAPT_{name}_PYTHON", "/env/bin/python")
    for name, value in (
        ("QADAPT_ZETA_PYTHON", ""),
        ("QADAPT_PYTHON", "x"),
        ("QADAPT_ACME_PYTHONS", "x"),
        ("PYTHON", "x"),
    ):
        monkeypatch.setenv(name, value)
    assert {name: entry and entry.name for name, entry in registry.known().items()} == {
        "acme": "acme",
        "else-where": None,
        "odd_one": None,
        "zeta": "zeta",
    }
    assert list(registry.known()) == sorted(registry.known())
    assert "qadapt_acme_for_tests" not in sys.modules
    assert registry.place("acme") == "this process"
    assert registry.place("else-where") == registry.place("odd_one") == "/env/bin/python"
    monkeypatch.setenv("QADAPT_ACME_ISOLATE", "1")
    registry.provider.cache_clear()
    assert registry.place("acme") == "worker process"
    with pytest.raises(MissingExtraError):
        registry.place("zeta")


def test_secrets_are_concealed_as_soon_as_a_provider_is_loaded(
    install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(apart="qadapt_acme_for_tests:Apart")
    monkeypatch.setenv("ACME_TOKEN", "token-of-acme-0123")
    assert redact.redacted("token-of-acme-0123") == "token-of-acme-0123"
    registry.provider("apart")
    assert redact.redacted("token-of-acme-0123") == redact.MASK
