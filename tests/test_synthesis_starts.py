"""The shipped identity starts: what they are, and that damage is noticed."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qadapt.errors import QadaptError
from qadapt.synthesis import BLOCKS, starts
from qadapt.synthesis.lm import conditioning


@pytest.fixture
def shipped() -> Path:
    return Path(starts.__file__).parents[1] / "data" / "identity_starts.json"


@pytest.fixture
def _uncached() -> Iterator[None]:
    starts.identity_starts.cache_clear()
    yield
    starts.identity_starts.cache_clear()


@pytest.mark.parametrize(("num_qubits", "least"), [(3, 0.4), (4, 0.1)])
def test_regular_identity(num_qubits: int, least: float) -> None:
    ansatz = BLOCKS[num_qubits]
    angles = starts.identity_starts()[ansatz]
    np.testing.assert_allclose(ansatz.matrix(angles), np.eye(2**num_qubits), atol=1e-13)
    assert conditioning(ansatz, angles[None])[0] > least
    assert not angles.flags.writeable


@pytest.mark.usefixtures("_uncached")
@pytest.mark.parametrize("entry", [0, 1])
def test_damage_is_noticed(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: int) -> None:
    data = json.loads(shipped.read_text(encoding="utf-8"))
    data["starts"][entry]["angles"][7] += 1e-6
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "identity_starts.json").write_text(json.dumps(data), encoding="utf-8")
    monkeypatch.setattr(starts, "files", lambda _: tmp_path)
    with pytest.raises(QadaptError, match="damaged"):
        starts.identity_starts()


@pytest.mark.usefixtures("_uncached")
def test_a_critical_start_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All angles zero and every CZ twice is the identity too, but not one to start from."""
    entry = {"num_qubits": 3, "edges": [[0, 1], [0, 1]] * 10, "angles": [0.0] * 43}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "identity_starts.json").write_text(json.dumps({"starts": [entry]}), encoding="utf-8")
    monkeypatch.setattr(starts, "files", lambda _: tmp_path)
    with pytest.raises(QadaptError, match="damaged"):
        starts.identity_starts()
