"""Console: how commands print tables for people and JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

import typer

from qadapt.errors import QadaptError, TargetError

LONG = 1000
"""Rows from which a table is printed as plain text on a terminal too: laying it out would take minutes."""


def show_json(value: Any) -> None:
    """Print a value as JSON with sorted keys."""
    typer.echo(json.dumps(value, sort_keys=True, indent=1, allow_nan=False))


def show_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows under a header; where stdout is no terminal, or for very many rows, nothing is cut or wrapped."""
    table = [[str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty() or len(table) > LONG:
        if title:
            typer.echo(title)
        for line in aligned([list(header), *table] if any(header) else table):
            typer.echo(line)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    shown.show_header = any(header)
    for name in header:
        shown.add_column(escape(name), overflow="fold")
    for row in table:
        shown.add_row(*map(escape, row))
    Console().print(shown)


def aligned(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows as lines whose columns stand under each other, two blanks apart; a cell may have several lines."""
    if not table:
        return
    cells = [[cell.split("\n") for cell in row] for row in table]
    widths = [max(len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
    for row in cells:
        for lines in zip_longest(*row, fillvalue=""):
            yield "  ".join(line.ljust(width) for line, width in zip(lines, widths, strict=True)).rstrip()


def show_note(text: str) -> None:
    """Print a line beside the result, on stderr."""
    typer.echo(text, err=True)


def show_error(error: QadaptError) -> None:
    """Print an error of our tree, what violates a target, and the hint, on stderr."""
    lines = [f"error[{error.code}]: {error.args[0]}"]
    if isinstance(error, TargetError):
        lines += [f"  - {violation}" for violation in error.violations]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    typer.echo("\n".join(lines), err=True)


def amount(count: int) -> str:
    """A number of bytes in the largest binary unit that it fills."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 1 << power:
            return f"{count / (1 << power):.1f} {unit}"
    return f"{count} B"


def several(count: int, word: str) -> str:
    """A number and its noun, as in "1 run" and "1,200 runs"."""
    return f"{count:,} {word}{'s' * (count != 1)}"


def moment(seconds: float, *, exact: bool = False) -> str:
    """A time in seconds since 1970 as date and time in UTC, to the minute or to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S" if exact else "%Y-%m-%d %H:%M")
