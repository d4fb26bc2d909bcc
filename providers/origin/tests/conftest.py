"""An account at a loopback cloud of Origin's, for the tests that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clouds.origin import Served
from origin_cases import chip
from qadapt_origin.cloud import CloudBackend


@pytest.fixture(scope="session")
def cloud() -> Iterator[Served]:
    with Served() as served:
        yield served


@pytest.fixture
def account(cloud: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of an account, and a cloud in which nothing goes wrong."""
    monkeypatch.setenv("QADAPT_HOME", str(tmp_path))
    monkeypatch.setenv("QADAPT_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("ORIGIN_API_KEY", cloud.key)
    monkeypatch.setenv("ORIGIN_URL", cloud.url)
    cloud.clear()
    cloud.poll(1)
    cloud.refresh(False)


@pytest.fixture(scope="session")
def opened(cloud: Served) -> CloudBackend:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORIGIN_API_KEY", cloud.key)
        patch.setenv("ORIGIN_URL", cloud.url)
        return chip()
