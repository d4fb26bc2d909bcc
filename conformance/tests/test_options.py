"""Options: places for reports are made or refused, and nothing is lost by trying them."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from qadapt_conformance.options import make_folder, try_file


def test_a_folder_is_made(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "a" / "b", "--report")
        assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_is_tried(tmp_path: Path) -> None:
    (old := tmp_path / "old").write_text("kept")
    try_file(old, "--json")
    assert old.read_text() == "kept"
    try_file(tmp_path / "new", "--json")
    assert (tmp_path / "new").exists()


@pytest.mark.parametrize("place", ["/proc", "/proc/x", "/dev/null", "/dev/null/x"])
def test_a_place_that_takes_no_folder(place: str) -> None:
    """``/proc`` is a folder, and takes no files."""
    with pytest.raises(typer.BadParameter) as refused:
        make_folder(Path(place), "--report")
    assert refused.value.param_hint == "--report"


@pytest.mark.parametrize("place", ["/proc", "/proc/x", "/dev/null/x"])
def test_a_place_that_takes_no_file(place: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        try_file(Path(place), "--json")
    assert refused.value.param_hint == "--json"
