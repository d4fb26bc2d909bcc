"""A cloud on loopback for AWS's own clients, which do not wait before they try again."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from clouds.braket import REGION, BraketCloud, environment
from qadapt_braket import session
from qadapt_braket.provider import BraketProvider


@pytest.fixture(autouse=True)
def _nothing_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Keep the user's credentials, settings and ledger out of the tests."""
    for name in (
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"),
        *("AWS_DEFAULT_REGION", "QADAPT_BRAKET_REGION", "QADAPT_BRAKET_BUCKET", "AMZN_BRAKET_OUT_S3_BUCKET"),
        *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("QADAPT_LEDGER", f"{tmp_path}/ledger.db")


@pytest.fixture(scope="session")
def _server() -> Iterator[BraketCloud]:
    with BraketCloud() as made:
        yield made


@pytest.fixture
def cloud(_server: BraketCloud, monkeypatch: pytest.MonkeyPatch) -> BraketCloud:
    """An empty cloud to which the environment leads."""
    for module in ("botocore.endpoint", "backoff._sync"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(sleep=lambda _: None))
    for name, value in environment(_server.url).items():
        monkeypatch.setenv(name, value)
    _server.reset()
    return _server


HANG = 0.3
"""Seconds that a client of ``impatient`` waits for an answer."""


RENEWED = 5
"""Tests that share a client: it takes long to make, and has a budget of retries that failures use up."""


@pytest.fixture(scope="session")
def _clients() -> list[Any]:
    return []


@pytest.fixture
def impatient(cloud: BraketCloud, _clients: list[Any], monkeypatch: pytest.MonkeyPatch) -> BraketProvider:
    """A provider whose client waits for a third of a second at most."""
    monkeypatch.setattr(session, "READ_TIMEOUT", HANG)
    monkeypatch.setenv("QADAPT_BRAKET_BUCKET", "amazon-braket-mine")
    _clients.append(_clients[-1] if len(_clients) % RENEWED else session.connect(REGION))
    return BraketProvider(connect=lambda _: _clients[-1])
