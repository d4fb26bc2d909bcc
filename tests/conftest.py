"""For every test: one hypothesis profile, with no deadlines and fixed examples, and a cache and a ledger of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from cli_bench import Bench

settings.register_profile("qadapt", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("qadapt")


def _cache_in(folder: Path) -> Iterator[None]:
    # Not the fixture "monkeypatch", which tests may undo.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QADAPT_CACHE", str(folder))
        patch.setenv("QADAPT_HOME", str(folder / "home"))
        patch.delenv("QADAPT_LEDGER", raising=False)
        patch.delenv("QADAPT_CACHE_MB", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep fixtures of modules away from the user's cache."""
    yield from _cache_in(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _empty_cache(_no_cache_of_the_user: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start every test with an empty cache, so that none finds what another has solved."""
    yield from _cache_in(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """A vendor, a circuit, and a command line."""
    from cli_bench import made

    return made(tmp_path, monkeypatch, capsys)


@pytest.fixture
def undisturbed(bench: Bench) -> list[Any]:
    """Counts of the bench's run, from no ledger; the vendor has forgotten it."""
    found = [row["counts"] for row in bench.json(*bench.words("--ledger", "none"))["rows"]]
    for file in bench.folder.iterdir():
        file.unlink()
    return found
