"""The right backend that mutants are made of."""

from __future__ import annotations

import pytest

from qadapt import Backend, backend


@pytest.fixture(scope="session")
def right() -> Backend:
    return backend("local:statevector")
