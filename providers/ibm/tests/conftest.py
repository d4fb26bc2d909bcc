"""The loopback cloud, and accounts that lead to it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from clouds.ibm import CRN, KEY, MACHINE, IBMCloud
from ibm_cases import QUBITS, Open
from qadapt_ibm.account import Account
from qadapt_ibm.options import Options
from qadapt_ibm.provider import IBMProvider
from qadapt_ibm.service import ServiceBackend


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The client says at length what it does."""
    logger = logging.getLogger("qiskit_ibm_runtime")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMCloud]:
    """A fresh cloud; the client repeats requests without pauses."""
    from urllib3.util.retry import Retry

    monkeypatch.setattr(Retry, "sleep", lambda *_, **__: None)
    with IBMCloud(qubits=QUBITS) as server:
        for name in ("IAM_URL", "QISKIT_FUNCTIONS_EXPERIMENTAL", "USAGE_DATA_OPT_OUT"):
            monkeypatch.setenv(name, server.environment[name])
        yield server


@pytest.fixture
def account(cloud: IBMCloud) -> Account:
    return Account(token=KEY, instance=CRN, channel="ibm_quantum_platform", url=cloud.url)


@pytest.fixture
def connect(account: Account) -> Open:
    """Opens the cloud's machine as a new process would."""

    def opened(name: str = MACHINE, **options: object) -> ServiceBackend:
        backend = IBMProvider(account, Options(**options)).open(name)  # type: ignore[arg-type]
        assert isinstance(backend, ServiceBackend)
        return backend

    return opened
