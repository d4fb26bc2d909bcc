"""Options: what several commands take, and places for reports, which are tried before anything is spent."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, TypeAlias

import typer

Hardware: TypeAlias = Annotated[bool, typer.Option("--hardware", help="Submit jobs to a backend that is a machine.")]

BudgetText: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="20usd,300s,1e6shots",
        help="Most US dollars, seconds of the machine, and shots of a backend; a plan of more is refused.",
    ),
]


def make_folder(folder: Path, option: str) -> None:
    """Make a folder that a report can be written to.

    Args:
        folder: Where.
        option: What named it.

    Raises:
        BadParameter: It cannot be made, or takes no files.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def try_file(file: Path, option: str) -> None:
    """Try whether a file can be written, which leaves what is in it, or makes it.

    Args:
        file: Which one.
        option: What named it.

    Raises:
        BadParameter: It cannot.
    """
    try:
        file.open("ab").close()
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
