"""State: a folder with one file per finished cell, so that no cell is computed twice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from qadapt.errors import QadaptError
from qadapt.study.grid import Cell, key

Found = TypeVar("Found", bound=BaseModel)


@dataclass(frozen=True)
class State:
    """Results of cells by the cells' keys; another study that shares cells may share the folder."""

    folder: Path

    def read(self, cell: Cell, kind: type[Found]) -> Found | None:
        """The result of a cell, or None if it is not there.

        Raises:
            QadaptError: The file cannot be read, or it belongs to another cell.
        """
        path = self._path(cell)
        try:
            found = kind.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise QadaptError(f"cannot read the result {path}: {error}", hint="remove the file") from error
        if getattr(found, "cell") != cell:  # noqa: B009
            raise QadaptError(f"{path} is the result of another cell", hint="remove the file")
        return found

    def write(self, cell: Cell, result: BaseModel) -> None:
        """Keep the result of a cell; an interrupt leaves the whole file or none."""
        path = self._path(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(result.model_dump_json() + "\n", encoding="utf-8")
        partial.replace(path)

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.kind}-{key(cell)}.json"
