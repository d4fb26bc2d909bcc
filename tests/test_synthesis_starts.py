"""The shipped identity starts: what they are, and that damage is noticed."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qadapt.errors import QadaptError
from qadapt.synthesis import Ansatz, starts
from qadapt.synthesis.lm import conditioning, rank
from qadapt.synthesis.skeletons import line, wall
from synthesis_cases import dense, in_phase

SHIPPED = tuple(starts.identity_starts())
REGULAR = 1e-2
"""Smallest singular value of the Jacobian of a start; a critical one has 0."""


@pytest.fixture
def _uncached() -> Iterator[None]:
    starts.identity_starts.cache_clear()
    yield
    starts.identity_starts.cache_clear()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _uncached: None) -> Path:
    """Where the starts are read from."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(starts, "files", lambda _: tmp_path)
    return tmp_path / "data" / "identity_starts.json"


def entry_of(ansatz: Ansatz, angles: list[float]) -> dict[str, object]:
    return {**json.loads(ansatz.text), "angles": angles}


@pytest.mark.parametrize("ansatz", SHIPPED, ids=lambda ansatz: f"{ansatz.num_qubits} qubits, {ansatz.family}")
def test_regular_identity(ansatz: Ansatz) -> None:
    angles, dim = starts.identity_starts()[ansatz], 1 << ansatz.num_qubits
    assert angles.shape == (ansatz.size,)
    np.testing.assert_allclose(in_phase(dense(ansatz, angles[None]), np.eye(dim)[None])[0], np.eye(dim), atol=1e-12)
    assert conditioning(ansatz, angles[None])[0] >= REGULAR
    assert rank(ansatz) == dim * (dim - 1) // 2
    assert not angles.flags.writeable


def test_every_small_block_has_one() -> None:
    """Lines of three qubits in both families, and four qubits."""
    kinds = {(ansatz.num_qubits, ansatz.free) for ansatz in SHIPPED}
    assert {(3, False), (3, True), (4, False)} <= kinds
    lines = {ansatz.free: len(ansatz.edges) for ansatz in SHIPPED if {*ansatz.edges} == {*line(3)}}
    assert lines == {False: 14, True: 12}


def test_starts_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        starts.identity_starts()[SHIPPED[0]] = np.zeros(3)  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        starts.identity_starts()[SHIPPED[0]][0] = 0.0


@pytest.mark.parametrize("angle", [0, 7, -1])
@pytest.mark.parametrize("number", range(len(SHIPPED)))
def test_damage_is_noticed(data: Path, number: int, angle: int) -> None:
    shipped = Path(starts.__file__).parents[1] / "data" / "identity_starts.json"
    content = json.loads(shipped.read_text(encoding="utf-8"))
    content["starts"][number]["angles"][angle] += 1e-6
    data.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(QadaptError, match="damaged") as caught:
        starts.identity_starts()
    assert "identity_starts.py" in str(caught.value.hint)


def test_angles_of_nothing_are_noticed(data: Path) -> None:
    ansatz = wall(line(3), 14)
    data.write_text(json.dumps({"starts": [entry_of(ansatz, [float("nan")] * ansatz.size)]}), encoding="utf-8")
    with pytest.raises(QadaptError):
        starts.identity_starts()


def test_only_what_is_in_the_file_is_there(data: Path) -> None:
    data.write_text(json.dumps({"starts": []}), encoding="utf-8")
    assert not starts.identity_starts()
